// Home at a first start without any configuration: the host moves within seconds.
import { browse, cells, eventually, holds, main, open, same } from './browser.mjs'
import { datum, put } from './data.mjs'

const PANELS = ['CPU', 'Memory', 'Disk space', 'Network', 'CPU by core', 'Processes', 'Disk traffic', 'Connections']

main((server) =>
  browse(server, async ({ page, context }) => {
    await page.goto(server)
    holds(page.url().endsWith('/console/'), `a browser is led to the console, not to ${page.url()}`)
    await page.getByRole('heading', { level: 1 }).waitFor()
    for (const name of PANELS) await page.getByRole('article', { name, exact: true }).waitFor()

    // The twin of a graph holds numbers, and gets more of them without anybody's doing.
    await page.getByRole('combobox', { name: 'Refresh interval' }).selectOption('5')
    const memory = page.getByRole('article', { name: 'Memory', exact: true })
    await memory.getByRole('button', { name: 'Memory as table' }).click()
    const rows = async () => (await cells(memory.getByRole('table'))).slice(1)
    const first = await eventually('points of memory', async () => {
      const seen = await rows()
      return seen.length > 0 && /^\d.* %$/.test(seen[0][1]) && seen
    })
    const newest = await eventually('a newer point', async () => {
      const seen = await rows()
      return seen[0][0] > first[0][0] && seen
    })
    holds(newest.some(([at]) => at === first[0][0]), 'older points stay')

    // Rates take a second round of the collector; the page finds them by itself.
    const cpu = page.getByRole('article', { name: 'CPU', exact: true })
    await eventually('the lines of cpu', async () => /user [\d.]+ %/.test(await cpu.ariaSnapshot()))
    const tiles = await page.locator('dl[aria-label="Now"]').innerText()
    holds(/CPU\s+[\d.]+ %/.test(tiles) && /Memory\s+[\d.]+ %/.test(tiles), `what it does now: ${tiles}`)

    // Nobody sends but the server itself, and then somebody does.
    const arriving = page.getByRole('region', { name: 'Arriving' })
    holds((await arriving.innerText()).includes('Nobody sends yet'), 'it says that nobody sends')
    await put(server, 'Shop', [datum('Orders', 3, Date.now())])
    await page.getByRole('button', { name: 'Refresh now' }).click()
    await eventually('the sender', async () => {
      const [, namespaces] = await arriving.getByRole('table').all()
      return namespaces && (await cells(namespaces)).some((row) => row[0] === 'Shop' && row[3] === '1')
    })

    // A panel leads to the page that can change it.
    await memory.getByRole('link', { name: 'Open Memory in Metrics' }).click()
    await page.getByRole('table', { name: 'Metrics and math on the graph' }).waitFor()
    same(await page.getByRole('textbox', { name: 'Title of the graph' }).inputValue(), 'Memory', 'title')

    // What was there stays while the server does not answer, under a banner.
    await open(page, `${server}/console/`)
    await page.getByRole('article', { name: 'Memory', exact: true }).waitFor()
    await context.setOffline(true)
    const alert = page.getByRole('alert').filter({ hasText: 'The server does not answer' })
    await page.getByRole('button', { name: 'Refresh now' }).click()
    await alert.waitFor()
    await context.setOffline(false)
    await alert.getByRole('button', { name: 'Ask now' }).click()
    await alert.waitFor({ state: 'detached' })
  }),
)
