// Names that a stranger chose are text, wherever they show.
import { browse, eventually, holds, main, open } from './browser.mjs'
import { datum, put, remoteWrite } from './data.mjs'

const IMAGE = '<img src=x onerror=alert(1)>'
const SCRIPT = '"><script>alert(2)</script>'
const LINK = 'javascript:alert(3)//</option></table>'

main((server) =>
  browse(server, async ({ page }) => {
    const now = Date.now() - 5_000
    await put(server, 'Evil', [datum(IMAGE, 1, now, { [IMAGE]: SCRIPT }), datum(SCRIPT, 2, now, { d: LINK }), datum(LINK, 3, now)])
    await put(server, 'CWAgent', [
      datum('mem_used_percent', 40, now, { host: IMAGE }),
      datum('disk_used_percent', 40, now, { host: IMAGE, path: SCRIPT }),
      datum('mem_used_percent', 50, now, { host: SCRIPT }),
    ])
    await remoteWrite(server, [{ labels: { __name__: 'evil', a: IMAGE, b: SCRIPT }, samples: [[4, now]] }])

    const clean = async (where) => {
      const strange = await page.evaluate(() => [...document.querySelectorAll('img, iframe, object, embed, script:not([src]), [onerror], a[href^="javascript"]')].map((one) => one.outerHTML))
      holds(strange.length === 0, `${where}: ${strange}`)
    }
    const shows = (text, where) => eventually(`${text} in ${where}`, async () => (await page.locator('body').innerText()).includes(text))

    await open(page, `${server}/console/`)
    await shows(IMAGE, 'the table of hosts')
    await shows(SCRIPT, 'the table of hosts')
    await clean('hosts')
    await page.getByRole('link', { name: IMAGE }).click()
    await page.getByRole('heading', { level: 1, name: IMAGE }).waitFor()
    await eventually('a line by that name', async () => (await page.getByRole('article', { name: 'Disk space' }).innerText()).includes(SCRIPT))
    await clean('a host')

    await open(page, `${server}/console/metrics`)
    const list = page.getByRole('listbox', { name: 'Metrics' })
    const search = page.getByRole('searchbox', { name: 'Search metrics' })
    for (const [words, name] of [['onerror', IMAGE], ['<script>', SCRIPT], ['javascript:', LINK], ['evil alert', 'evil']]) {
      await search.fill(words)
      await list.getByRole('option').filter({ has: page.locator('.title').getByText(name, { exact: true }) }).click()
      await clean(`found ${name}`)
    }
    await eventually('four on the graph', async () => (await page.getByRole('tab', { name: 'Graphed (4)' }).count()) === 1)
    await shows(IMAGE, 'the list')
    const chart = page.getByRole('group', { name: /newest values/ })
    await eventually('the chart in words', async () => (await chart.getAttribute('aria-label')).includes(IMAGE))
    await chart.focus()
    await page.keyboard.press('ArrowLeft')
    await eventually('the readout', async () => (await chart.innerText()).includes('<'))
    await clean('the readout')
    await page.getByRole('textbox', { name: 'Label of m1' }).fill(SCRIPT)
    await page.keyboard.press('Enter')
    await page.getByRole('tab', { name: 'Table' }).click()
    await shows(SCRIPT, 'the table')
    await page.getByRole('tab', { name: 'Source' }).click()
    await shows('onerror=alert(1)', 'the source')
    await page.getByRole('textbox', { name: 'Title of the graph' }).fill(IMAGE)
    await page.keyboard.press('Enter')
    await eventually('the title', async () => (await page.title()).includes(IMAGE))
    await clean('the graph')

    await page.keyboard.press('Control+k')
    await page.getByRole('combobox', { name: /Search pages/ }).fill('onerror')
    await eventually('the palette', async () => (await page.getByRole('listbox', { name: 'Found' }).innerText()).includes(IMAGE))
    await clean('the palette')

    // An address is a stranger's text too.
    const rows = JSON.stringify([['m1', [IMAGE, SCRIPT]], ['e1', LINK, { l: IMAGE }], 'x', [SCRIPT, 'm1']])
    await open(page, `${server}/console/metrics?title=${encodeURIComponent(SCRIPT)}&stat=${encodeURIComponent(IMAGE)}&range=${encodeURIComponent(IMAGE)}&rows=${encodeURIComponent(rows)}`)
    await shows('Graphed (2)', 'the graph of an address')
    await eventually('the failure is told', async () => (await page.getByRole('alert').count()) > 0)
    await clean('an address')
    await open(page, `${server}/console/?host=${encodeURIComponent(SCRIPT)}`)
    await page.getByRole('heading', { level: 1, name: SCRIPT }).waitFor()
    await clean('a host of an address')
  }),
)
