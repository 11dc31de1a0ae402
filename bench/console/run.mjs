// What does the console cost a browser? First load in bytes, first paint, and the main thread's work for one
// refresh of eight live graphs.
//
//     node bench/console/run.mjs target/release/sightline [ROUNDS]
//
// Needs `make test-deps`. Times are of this machine, in a headless browser without a graphics card; the work
// of the main thread is its processor time, the other times are of the clock on the wall.
import { browse, eventually } from '../../crates/console/web/e2e/browser.mjs'
import { hostData, putSample } from '../../crates/console/web/e2e/sample.mjs'
import { start } from '../../crates/console/web/e2e/server.mjs'

const [, , binary = 'target/release/sightline', rounds = '20'] = process.argv
const ROUNDS = Number(rounds)
const HOUR = 3_600_000

const middle = (values) => [...values].sort((a, b) => a - b)[values.length >> 1]
const ms = (value) => `${value.toFixed(1)} ms`
const spread = (values) => `${ms(middle(values))} (${ms(Math.min(...values))} to ${ms(Math.max(...values))})`

/** Opens Home in a browser that has seen nothing, and says what came and when something was seen. */
async function firstVisit(url) {
  const seen = {}
  await browse(url, async ({ page, context }) => {
    const cdp = await context.newCDPSession(page)
    await cdp.send('Network.enable')
    const files = new Map()
    cdp.on('Network.responseReceived', ({ requestId, response }) => files.set(requestId, { path: new URL(response.url).pathname, bytes: 0 }))
    cdp.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
      const file = files.get(requestId)
      if (file) file.bytes = encodedDataLength
    })
    await page.goto(`${url}/console/`)
    await page.getByRole('article', { name: 'Memory', exact: true }).waitFor()
    await eventually('lines', async () => (await page.locator('.legend b').count()) > 12)
    const graphs = await page.evaluate(() => performance.now())
    const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN)
    const own = [...files.values()].filter(({ path }) => path.startsWith('/console/'))
    Object.assign(seen, { graphs, paint, bytes: own.reduce((sum, file) => sum + file.bytes, 0), files: own.length })
  })
  return seen
}

/** Work of the main thread for one refresh each, less what it does without one. */
async function refreshes(url) {
  const all = { task: [], script: [], waited: [] }
  await browse(url, async ({ page, context }) => {
    await page.goto(`${url}/console/`)
    await page.getByRole('combobox', { name: 'Refresh interval' }).selectOption('0')
    await eventually('lines', async () => (await page.locator('.legend b').count()) > 12)
    const cdp = await context.newCDPSession(page)
    // Time that the thread worked, also where others work on the machine.
    await cdp.send('Performance.enable', { timeDomain: 'threadTicks' })
    const work = async () => {
      const { metrics } = await cdp.send('Performance.getMetrics')
      const of = (name) => metrics.find((one) => one.name === name).value * 1000
      return { task: of('TaskDuration'), script: of('ScriptDuration') }
    }
    const rest = async () => page.waitForTimeout(700)
    await rest()
    for (let n = 0; n < ROUNDS + 3; n++) {
      const before = await work()
      await rest()
      const idle = await work()
      const answered = page.waitForResponse((answer) => answer.request().postData()?.includes('MetricDataQueries'))
      const began = performance.now()
      await page.evaluate(() => document.querySelector('button[aria-label="Refresh now"]').click())
      await answered
      all.waited.push(performance.now() - began)
      await rest()
      const after = await work()
      all.task.push(after.task - idle.task - (idle.task - before.task))
      all.script.push(after.script - idle.script)
    }
  })
  // The first ones compile.
  return { task: all.task.slice(3), script: all.script.slice(3), waited: all.waited.slice(3) }
}

const server = await start(binary, ['--collect-host=false'])
try {
  const now = Math.floor(Date.now() / 10_000) * 10_000
  await putSample(server.url, 'CWAgent', hostData('bench-1', now - HOUR, now, 10_000, 3))
  const visits = []
  for (let n = 0; n < 5; n++) visits.push(await firstVisit(server.url))
  const { task, script, waited } = await refreshes(server.url)
  console.log(`| what | budget | seen (middle of ${ROUNDS}, least to most) |`)
  console.log('| --- | --- | --- |')
  console.log(`| first load, ${visits[0].files} files with brotli | 120 kB | ${(visits[0].bytes / 1000).toFixed(1)} kB |`)
  console.log(`| first paint | 500 ms | ${spread(visits.map((one) => one.paint))} |`)
  console.log(`| eight graphs with an hour of data (7,900 points) | | ${spread(visits.map((one) => one.graphs))} |`)
  console.log(`| refresh of eight graphs, main thread | 50 ms | ${spread(task)} |`)
  console.log(`| of that, scripts | | ${spread(script)} |`)
  console.log(`| refresh, from the click to the server's answer | | ${spread(waited)} |`)
} finally {
  await server.stop()
}
