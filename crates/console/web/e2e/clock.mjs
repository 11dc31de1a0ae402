// On a clock that moves only when told, "now" is the server's.
import { browse, eventually, holds, main, open } from './browser.mjs'
import { datum, put } from './data.mjs'

const START = Date.parse('2026-01-01T00:00:00Z')

main((server) =>
  browse(server, async ({ page }) => {
    await put(server, 'Shop', [datum('Orders', 5, START + 60_000)])
    const rows = JSON.stringify([['m1', ['Shop', 'Orders']]])
    await open(page, `${server}/console/metrics?range=1h&stat=Sum&rows=${encodeURIComponent(rows)}`)
    const graphed = page.getByRole('table', { name: 'Metrics and math on the graph' })
    const advance = async (by) => {
      const answer = await fetch(`${server}/-/clock`, { method: 'POST', body: JSON.stringify({ advance: by }) })
      holds(answer.ok, `the clock moves: ${answer.status}`)
    }
    await advance('10m')
    await page.getByRole('combobox', { name: 'Refresh interval' }).selectOption('5')
    await eventually('the value', async () => (await graphed.locator('td.number').allInnerTexts())[0] === '5')
    await page.getByRole('tab', { name: 'Table' }).click()
    await eventually('the time', async () => (await page.getByRole('tabpanel').innerText()).includes('2026-01-01 01:01:00'))
    await advance('2h')
    await eventually('an empty range', async () => (await page.getByRole('tabpanel').innerText()).includes('No points in this range'))
  }),
)
