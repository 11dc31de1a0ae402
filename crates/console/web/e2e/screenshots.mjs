// Pictures of the pages, dark and light: `node e2e/screenshots.mjs BINARY DIRECTORY`.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { browse, eventually } from './browser.mjs'
import { remoteWrite } from './data.mjs'
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

mkdirSync(directory, { recursive: true })
const server = await start(binary, ['--collect-host=false'])
try {
  await data(server.url)
  for (const [name, show] of Object.entries(PAGES)) {
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
