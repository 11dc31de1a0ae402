// Pictures of the pages, dark and light: `node e2e/screenshots.mjs BINARY DIRECTORY`.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { browse, eventually } from './browser.mjs'
import { cloudwatch, remoteWrite } from './data.mjs'
import { hostData, putSample, shopData } from './sample.mjs'
import { start } from './server.mjs'

const [, , binary, directory] = process.argv
const HOUR = 3_600_000
const GRAPH = [
  ['m1', ['Shop', 'Latency', 'region', 'eu', 'service', 'checkout'], { s: 'p90', l: 'p90 eu' }],
  ['m2', ['Shop', 'Latency', 'region', 'us', 'service', 'checkout'], { s: 'p90', l: 'p90 us' }],
  ['m3', ['Shop', 'Latency', 'region', 'ap', 'service', 'checkout'], { s: 'p90', l: 'p90 ap' }],
  ['m4', ['Shop', 'Orders', 'region', 'us', 'service', 'checkout'], { s: 'Sum', h: 1 }],
  ['m5', ['Shop', 'Errors', 'region', 'us', 'service', 'checkout'], { s: 'Sum', h: 1 }],
  ['e1', '100 * m5 / m4', { r: 1, l: 'Errors us, % of orders' }],
]

async function data(url) {
  const now = Math.floor(Date.now() / 10_000) * 10_000
  await putSample(url, 'CWAgent', hostData('shop-db-1', now - HOUR, now, 10_000, 7))
  await putSample(url, 'Shop', shopData(now - 3 * HOUR, now, 11))
  await remoteWrite(url, nodes(now, 60))
}

const LATENCY = { Namespace: 'Shop', MetricName: 'Latency', Dimensions: [{ Name: 'region', Value: 'eu' }, { Name: 'service', Value: 'checkout' }] }

/** Alarms of each kind: some alarm, one matches nothing, one composite looks at two of them. */
async function alarms(url) {
  const put = (AlarmName, more) => cloudwatch(url, 'PutMetricAlarm', { AlarmName, Period: 60, EvaluationPeriods: 3, DatapointsToAlarm: 2, ComparisonOperator: 'GreaterThanThreshold', TreatMissingData: 'notBreaching', AlarmActions: ['arn:aws:sns:us-east-1:000000000000:on-call'], ...more })
  await put('checkout-latency-eu', { ...LATENCY, ExtendedStatistic: 'p90', Threshold: 0.29, AlarmDescription: 'Customers wait. Runbook: look at the database first.' })
  await put('checkout-latency-us', { ...LATENCY, Dimensions: [{ Name: 'region', Value: 'us' }, LATENCY.Dimensions[1]], ExtendedStatistic: 'p90', Threshold: 900 })
  await put('db-cpu', { Namespace: 'CWAgent', MetricName: 'cpu_usage_active', Dimensions: [{ Name: 'host', Value: 'shop-db-1' }, { Name: 'cpu', Value: 'cpu-total' }], Statistic: 'Average', Threshold: 99 })
  await put('orders-of-nobody', { Namespace: 'Shop', MetricName: 'Order', Statistic: 'Sum', Threshold: 1, TreatMissingData: 'missing' })
  for (let n = 0; n < 24; n++) await put(`node-${String(n).padStart(2, '0')}-memory`, { Namespace: ':prometheus', MetricName: 'node_memory_MemFree_bytes', Dimensions: [{ Name: 'instance', Value: n < 3 ? `${'abc'[n]}:9100` : `n${n}:9100` }, { Name: 'job', Value: 'node' }], Statistic: 'Minimum', Threshold: 5e9 })
  await cloudwatch(url, 'PutMetricAlarm', { AlarmName: 'nodes-loaded', EvaluationCriteria: { PromQLCriteria: { Query: 'node_load1 > 5' } }, EvaluationInterval: 60 })
  await cloudwatch(url, 'PutCompositeAlarm', { AlarmName: 'checkout-down', AlarmRule: 'ALARM("checkout-latency-eu") AND NOT ALARM("db-cpu")' })
  for (const [AlarmName, states] of [['checkout-latency-eu', ['OK', 'ALARM']], ['db-cpu', ['ALARM', 'OK']]]) {
    for (const StateValue of states) await cloudwatch(url, 'SetAlarmState', { AlarmName, StateValue, StateReason: 'a drill' })
  }
  const Rule = (Expression, Duration, Timezone = 'Europe/Berlin') => ({ Schedule: { Expression, Duration, Timezone } })
  await cloudwatch(url, 'PutAlarmMuteRule', { Name: 'nightly-backup', Rule: Rule('cron(0 2 * * *)', 'PT1H'), MuteTargets: { AlarmNames: ['db-cpu', 'checkout-latency-eu'] } })
  await cloudwatch(url, 'PutAlarmMuteRule', { Name: 'release', Rule: Rule(`at(${new Date(Date.now() - HOUR / 2).toISOString().slice(0, 16)})`, 'PT4H', 'UTC'), MuteTargets: { AlarmNames: ['checkout-latency-us'] } })
}

/** What a Prometheus sends of three nodes. */
function nodes(now, count) {
  const times = Array.from({ length: count }, (_, n) => now - n * 30_000)
  const series = (name, instance) => ({ labels: { __name__: name, job: 'node', instance }, samples: times.map((at) => [1 + (at % 7), at]) })
  return ['a:9100', 'b:9100', 'c:9100'].flatMap((one) => ['up', 'node_load1', 'node_memory_MemFree_bytes'].map((name) => series(name, one)))
}

const PAGES = {
  home: async (page, url) => {
    await page.goto(`${url}/console/`)
    await eventually('the graphs', async () => (await page.locator('.legend b').allInnerTexts()).filter((text) => text !== '–').length > 12)
    // Somebody sends while one looks.
    await page.getByRole('combobox', { name: 'Refresh interval' }).selectOption('5')
    for (let n = 0; n < 8; n++) {
      const now = Math.floor(Date.now() / 10_000) * 10_000
      await putSample(url, 'Shop', shopData(now - 20 * 60_000, now, 11).slice(-40 * n))
      await remoteWrite(url, nodes(now, 4))
      await page.waitForTimeout(900)
    }
    const chart = page.locator('.chart').nth(3)
    const box = await chart.boundingBox()
    await page.mouse.move(box.x + box.width * 0.45, box.y + 60)
  },
  metrics: async (page, url) => {
    const params = new URLSearchParams({ range: '3h', title: 'Checkout: latency and errors', rows: JSON.stringify(GRAPH) })
    await page.goto(`${url}/console/metrics?${params}`)
    await page.getByRole('option', { name: 'Shop' }).click()
    await page.getByRole('option', { name: 'region, service' }).click()
    await eventually('the lines', async () => (await page.locator('.graphed td.number').allInnerTexts()).filter((text) => text !== '–').length >= 12)
    const box = await page.locator('.graph .chart').boundingBox()
    await page.mouse.move(box.x + box.width * 0.5, box.y + 120)
  },
}

const alarmPage = (name, seen) => async (page, url) => {
  await page.goto(`${url}/console/alarm?range=3h&name=${name}`)
  await eventually(`what is on the page of ${name}`, async () => (await page.locator('main').innerText()).includes(seen))
  await eventually('its explanation', async () => (await page.getByRole('list', { name: 'Explanation' }).count()) === 1)
}

Object.assign(PAGES, {
  alarm: alarmPage('checkout-latency-eu', 'Runbook'),
  'alarm-promql': alarmPage('nodes-loaded', 'node_load1'),
  'alarm-composite': alarmPage('checkout-down', 'Children'),
  'new-alarm': async (page, url) => {
    const params = new URLSearchParams({ range: '3h', rows: JSON.stringify(GRAPH.slice(0, 1)), than: '0.29', name: 'checkout-slow', about: 'Customers wait' })
    await page.goto(`${url}/console/new-alarm?${params}`)
    await eventually('the backtest', async () => /alarmed/.test(await page.getByRole('status', { name: 'Result of the backtest' }).innerText()))
  },
  'edit-alarm': async (page, url) => {
    await page.goto(`${url}/console/new-alarm?range=3h&edit=nodes-loaded`)
    await eventually('the backtest', async () => /alarmed/.test(await page.getByRole('status', { name: 'Result of the backtest' }).innerText()))
  },
  'alarm-json': async (page, url) => {
    await page.goto(`${url}/console/new-alarm?range=3h&edit=checkout-latency-eu&as=json`)
    await eventually('the source', async () => (await page.getByRole('textbox', { name: 'Definition as JSON' }).inputValue()).includes('AlarmName'))
  },
  mutes: async (page, url) => {
    await page.goto(`${url}/console/mutes`)
    await eventually('the rules', async () => (await page.getByRole('row').count()) > 2)
  },
  // Last: by then all of them were evaluated.
  alarms: async (page, url) => {
    await page.goto(`${url}/console/alarms?range=3h`)
    await eventually('the rows', async () => (await page.getByRole('row').count()) > 10)
  },
})

const [, , , , ...only] = process.argv
mkdirSync(directory, { recursive: true })
const server = await start(binary, ['--collect-host=false'])
try {
  await data(server.url)
  await alarms(server.url)
  for (const [name, show] of Object.entries(PAGES)) {
    if (only.length > 0 && !only.includes(name)) continue
    for (const colorScheme of ['light', 'dark']) {
      await browse(
        server.url,
        async ({ page }) => {
          await show(page, server.url)
          await page.waitForTimeout(400)
          await page.screenshot({ path: join(directory, `${name}-${colorScheme}.png`) })
        },
        { colorScheme, viewport: { width: 1440, height: 900 }, deviceScaleFactor: 1 },
      )
    }
  }
} finally {
  await server.stop()
}
