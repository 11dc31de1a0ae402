// Many alarms: all can be reached, few are laid out.
import { browse, eventually, holds, main, open } from './browser.mjs'
import { cloudwatch, datum, put } from './data.mjs'

main((server, count = '1500', there = '') =>
  browse(server, async ({ page }) => {
    const all = Number(count)
    const now = Date.now()
    await put(server, 'Many', [datum('m', 9, now - 90_000, { n: '7' })])
    // With a third word the alarms are there already, for measuring.
    for (let n = 0; n < all && !there; n += 20) {
      const some = Array.from({ length: Math.min(20, all - n) }, (_, k) => n + k)
      await Promise.all(some.map((k) => cloudwatch(server, 'PutMetricAlarm', { AlarmName: `alarm-${String(k).padStart(6, '0')}`, Namespace: 'Many', MetricName: 'm', Dimensions: [{ Name: 'n', Value: String(k) }], Statistic: 'Sum', Period: 60, EvaluationPeriods: 1, Threshold: 5, ComparisonOperator: 'GreaterThanThreshold', TreatMissingData: 'ignore' })))
    }
    await cloudwatch(server, 'SetAlarmState', { AlarmName: `alarm-${String(all - 1).padStart(6, '0')}`, StateValue: 'OK', StateReason: 'by hand' })
    // The longest that the page did not answer.
    await page.addInitScript(() => {
      window.__longest = 0
      new PerformanceObserver((list) => list.getEntries().forEach((one) => (window.__longest = Math.max(window.__longest, one.duration)))).observe({ type: 'longtask', buffered: true })
    })
    const longest = () => page.evaluate(() => Math.round(window.__longest))
    const CHUNK = 2_000
    const began = performance.now()
    await open(page, `${server}/console/alarms`)
    const grid = page.getByRole('grid', { name: 'Alarms' })
    await eventually('the first', async () => (await grid.getByRole('row').count()) > 10)
    console.log(`first rows after ${Math.round(performance.now() - began)} ms`)
    const rows = page.locator('#alarms')
    const said = page.getByRole('status').first()
    const isMany = all > CHUNK
    if (isMany) {
      await eventually('a part, said to be one', async () => /^the first 2\D0\d\d of more$/.test(await said.innerText()), 60_000)
      console.log(`the first ${CHUNK} of ${all} after ${Math.round(performance.now() - began)} ms`)
      holds((await grid.getAttribute('aria-rowcount')) === '-1', 'how many there are is not known')
      holds(/\+$/.test(await page.getByRole('button', { name: /^All/ }).innerText()), 'at least so many')
      const more = performance.now()
      await rows.focus()
      await page.keyboard.press('End')
      await eventually('more of them', async () => /the first 4\D0\d\d of more/.test(await said.innerText()) || (await grid.getAttribute('aria-rowcount')) === String(all + 1), 60_000)
      console.log(`as many again after ${Math.round(performance.now() - more)} ms`)
    } else {
      await eventually('all of them', async () => (await grid.getAttribute('aria-rowcount')) === String(all + 1), 300_000)
      console.log(`${all} alarms after ${Math.round(performance.now() - began)} ms`)
      await rows.focus()
      await page.keyboard.press('End')
      // Who is well comes last.
      await eventually('the last', async () => /alarm-\d+[\s\S]*by hand/.test(await grid.getByRole('row').last().innerText()))
    }
    holds((await grid.getByRole('row').count()) < 80, 'few rows are laid out')
    // By the begin of a name the server finds it, wherever it stands.
    const wanted = `alarm-${String(all - 2).padStart(6, '0')}`
    const typed = performance.now()
    await page.getByRole('searchbox', { name: 'Filter alarms' }).fill(wanted)
    await eventually('one of them', async () => (await grid.getByRole('row').allInnerTexts()).filter((text) => text.includes(wanted)).length === 1)
    console.log(`found by name after ${Math.round(performance.now() - typed)} ms`)
    await page.getByRole('searchbox', { name: 'Filter alarms' }).fill('')
    // By a state that few have.
    const chosen = performance.now()
    await page.getByRole('button', { name: /^OK/ }).click()
    await eventually('the only one', async () => (await grid.getAttribute('aria-rowcount')) === '2')
    console.log(`of a state after ${Math.round(performance.now() - chosen)} ms`)
    console.log(`the page was never busy for longer than ${await longest()} ms`)
  }),
)
