// Metrics: find, graph, compute, read, share.
import { browse, cells, eventually, holds, main, open, same } from './browser.mjs'
import { datum, put, remoteWrite } from './data.mjs'

const MINUTE = 60_000

main((server) =>
  browse(
    server,
    async ({ page, context, origin }) => {
      await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin })
      const last = Math.floor(Date.now() / MINUTE) * MINUTE - MINUTE
      const data = []
      for (let n = 0; n < 5; n++) {
        const at = last - n * MINUTE
        // Two data a minute: average 10 + n, sum twice that.
        data.push(datum('Orders', 9 + n, at, { region: 'eu' }, { Unit: 'Count' }), datum('Orders', 11 + n, at, { region: 'eu' }, { Unit: 'Count' }))
        data.push(datum('Orders', 100, at, { region: 'us' }, { Unit: 'Count' }))
        data.push(datum('Latency', 0.25, at, {}, { Unit: 'Seconds' }))
      }
      for (let n = 0; n < 1200; n++) data.push(datum('Many', n, last, { shard: `s${n}` }))
      await put(server, 'Shop', data)
      await remoteWrite(server, [{ labels: { __name__: 'queue_depth', job: 'mail' }, samples: [[7, last]] }])
      await open(page, `${server}/console/metrics`)

      // Down the catalogue by keys alone.
      await page.keyboard.press('s')
      const search = page.getByRole('searchbox', { name: 'Search metrics' })
      await eventually('focus in the search box', () => search.evaluate((box) => box === document.activeElement))
      const list = page.getByRole('listbox', { name: 'Metrics' })
      const options = () => list.getByRole('option').allInnerTexts()
      await eventually('namespaces', async () => (await options()).some((text) => text.includes(':prometheus')) && (await options()).some((text) => text.includes('Shop')))
      await page.keyboard.press('ArrowDown')
      const place = (await options()).findIndex((text) => text.includes('Shop'))
      for (let n = 0; n < place; n++) await page.keyboard.press('ArrowDown')
      await page.keyboard.press('Enter')
      await eventually('sets of dimensions', async () => (await options()).some((text) => text.includes('region')))
      await list.getByRole('option', { name: 'region' }).click()
      await eventually('metrics', async () => (await options()).filter((text) => text.includes('Orders')).length === 2)
      await list.getByRole('option', { name: /region=eu/ }).click()
      const graphed = page.getByRole('table', { name: 'Metrics and math on the graph' })
      const rowOf = async (id) => {
        const rows = graphed.getByRole('row')
        for (const row of await rows.all()) if ((await row.getByRole('textbox', { name: `Id of ${id}` }).count()) > 0) return row
        return undefined
      }
      const numbers = async (id) => (await (await rowOf(id))?.locator('td.number').allInnerTexts()) ?? []
      await eventually('the legend', async () => JSON.stringify(await numbers('m1')) === JSON.stringify(['10', '10', '14', '12']))

      // The twin: newest first, the same numbers.
      await page.getByRole('tab', { name: 'Table' }).click()
      const twin = page.getByRole('tabpanel').getByRole('table')
      const column = async (n) => (await cells(twin)).slice(1).map((row) => row[n])
      await eventually('the twin', async () => JSON.stringify(await column(1)) === JSON.stringify(['10', '11', '12', '13', '14']))
      const berlin = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Berlin', hour: '2-digit', minute: '2-digit' }).format(last)
      holds((await column(0))[0].endsWith(`${berlin}:00`), `local time: ${(await column(0))[0]}, not ${berlin}`)
      await page.keyboard.press('u')
      const utc = new Date(last).toISOString().slice(11, 19)
      await eventually('UTC', async () => (await column(0))[0].endsWith(utc))

      // Another statistic, another period; all of it in the address.
      await page.getByRole('combobox', { name: 'Statistic', exact: true }).selectOption('Sum')
      await eventually('sums', async () => JSON.stringify(await column(1)) === JSON.stringify(['20', '22', '24', '26', '28']))
      await page.getByRole('combobox', { name: 'Period', exact: true }).selectOption('3600')
      await eventually('hours', async () => (await column(1)).map(Number).reduce((a, b) => a + b, 0) === 120)
      await page.getByRole('combobox', { name: 'Period', exact: true }).selectOption('60')
      await eventually('minutes', async () => (await column(1)).length === 5)

      // Search over names and dimensions, two words; the right axis.
      await page.getByRole('button', { name: 'All', exact: true }).click()
      await search.fill('region=us orders')
      await eventually('one found', async () => (await options()).length === 1)
      await list.getByRole('option', { name: /Orders/ }).click()
      await page.getByRole('tab', { name: /Graphed/ }).click()
      await eventually('the second', async () => (await numbers('m2'))[0] === '100')
      await (await rowOf('m2')).getByRole('button', { name: /move it/ }).click()
      await eventually('on the right', async () => (await (await rowOf('m2')).innerText()).includes('right'))
      await search.fill('queue_depth')
      await eventually('of Prometheus', async () => (await options()).some((text) => text.includes(':prometheus')))
      await search.fill('Many s11')
      await eventually('beyond a page of the list', async () => (await options()).some((text) => text.includes('shard=s1199')) || (await options()).length > 20)

      // Math: a mistake is told at its row, and the metrics stay.
      await page.getByRole('button', { name: 'Add math' }).click()
      const expression = page.getByRole('textbox', { name: 'Expression e1' })
      await eventually('focus in the expression', () => expression.evaluate((box) => box === document.activeElement))
      await expression.fill('m1 +')
      await page.keyboard.press('Enter')
      await eventually('the mistake', async () => (await page.getByRole('alert').allInnerTexts()).some((text) => text.length > 10))
      await eventually('the metrics still', async () => (await numbers('m1'))[0] === '20' && (await numbers('m2'))[0] === '100')
      await expression.fill('m1 * 2 + m2')
      await page.keyboard.press('Enter')
      await eventually('its values', async () => JSON.stringify(await numbers('e1')) === JSON.stringify(['140', '140', '156', '148']))
      await page.getByRole('textbox', { name: 'Label of e1' }).fill('both')
      await page.keyboard.press('Enter')
      await eventually('its label', async () => /both 140/.test(await page.getByRole('group', { name: /newest values/ }).getAttribute('aria-label')))
      await expression.fill(`SEARCH('{Shop,region} MetricName="Orders"', 'Sum')`)
      await page.keyboard.press('Enter')
      await eventually('a line for each that was found', async () => {
        const lines = await graphed.locator('tr.sub').allInnerTexts()
        return lines.length === 2 && lines.some((text) => /\b20\b/.test(text)) && lines.some((text) => /\b100\b/.test(text))
      })
      await (await rowOf('e1')).getByRole('button', { name: /Remove/ }).click()

      // The same graph from its address alone.
      const address = page.url()
      await page.goto('about:blank')
      await open(page, address)
      await eventually('as shared', async () => (await numbers('m1'))[0] === '20' && (await numbers('m2'))[0] === '100')
      holds((await (await rowOf('m2')).innerText()).includes('right'), 'the axis is in the address')

      // As text: the question can be sent as it stands.
      await page.getByRole('tab', { name: 'Source' }).click()
      const source = await page.getByRole('region', { name: 'GetMetricData request' }).locator('pre').innerText()
      const told = JSON.parse(source)
      same(told.MetricDataQueries.map((one) => [one.Id, one.MetricStat.Stat, one.MetricStat.Period]), [['m1', 'Sum', 60], ['m2', 'Sum', 60]], 'queries')
      const widget = page.getByRole('region', { name: 'CloudWatch dashboard widget' })
      await widget.getByRole('button', { name: 'Copy' }).click()
      const copied = JSON.parse(await eventually('the clipboard', () => page.evaluate(() => navigator.clipboard.readText())))
      same(copied.properties.metrics[1], ['Shop', 'Orders', 'region', 'us', { id: 'm2', yAxis: 'right' }], 'widget')

      // Read by mouse and by keys, zoom by dragging, back by the browser.
      const chart = page.getByRole('group', { name: /^Graph, newest values/ })
      holds(/region|eu 20|Orders eu 20/.test(await chart.getAttribute('aria-label')), `the chart in words: ${await chart.getAttribute('aria-label')}`)
      await chart.focus()
      await page.keyboard.press('ArrowLeft')
      const readout = chart.locator('.readout')
      await eventually('the newest values', async () => /Orders eu\s*20/.test((await readout.innerText()).replace(/\n/g, ' ')))
      await page.keyboard.press('ArrowLeft')
      await eventually('those before', async () => /Orders eu\s*22/.test((await readout.innerText()).replace(/\n/g, ' ')))
      const box = await chart.boundingBox()
      const drag = async (from, to) => {
        await page.mouse.move(box.x + box.width * from, box.y + 100)
        await page.mouse.down()
        await page.mouse.move(box.x + box.width * to, box.y + 100, { steps: 4 })
        await page.mouse.up()
      }
      await drag(0.5, 0.95)
      await eventually('a range in the address', async () => /range=.*Z(~|%7E)/.test(page.url()))
      await page.goBack()
      await eventually('the range before', async () => !page.url().includes('range='))
    },
    { permissions: [] },
  ),
)
