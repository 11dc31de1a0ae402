// Many alarms: all can be reached, few are laid out.
import { browse, eventually, holds, main, open } from './browser.mjs'
import { cloudwatch, datum, put } from './data.mjs'

main((server, count = '1500') =>
  browse(server, async ({ page }) => {
    const all = Number(count)
    const now = Date.now()
    await put(server, 'Many', [datum('m', 9, now - 90_000, { n: '7' })])
    for (let n = 0; n < all; n += 20) {
      const some = Array.from({ length: Math.min(20, all - n) }, (_, k) => n + k)
      await Promise.all(some.map((k) => cloudwatch(server, 'PutMetricAlarm', { AlarmName: `alarm-${String(k).padStart(6, '0')}`, Namespace: 'Many', MetricName: 'm', Dimensions: [{ Name: 'n', Value: String(k) }], Statistic: 'Sum', Period: 60, EvaluationPeriods: 1, Threshold: 5, ComparisonOperator: 'GreaterThanThreshold', TreatMissingData: 'ignore' })))
    }
    await cloudwatch(server, 'SetAlarmState', { AlarmName: `alarm-${String(all - 1).padStart(6, '0')}`, StateValue: 'OK', StateReason: 'by hand' })
    const began = performance.now()
    await open(page, `${server}/console/alarms`)
    const grid = page.getByRole('grid', { name: 'Alarms' })
    await eventually('the first', async () => (await grid.getByRole('row').count()) > 10)
    console.log(`first rows after ${Math.round(performance.now() - began)} ms`)
    await eventually('all of them', async () => (await grid.getAttribute('aria-rowcount')) === String(all + 1), 300_000)
    console.log(`${all} alarms after ${Math.round(performance.now() - began)} ms`)
    holds((await grid.getByRole('row').count()) < 80, 'few rows are laid out')
    const rows = page.locator('#alarms')
    await rows.focus()
    await page.keyboard.press('End')
    // Who is well comes last.
    await eventually('the last', async () => /alarm-\d+[\s\S]*by hand/.test(await grid.getByRole('row').last().innerText()))
    holds((await grid.getByRole('row').count()) < 80, 'few rows are laid out at the end')
    const typed = performance.now()
    await page.getByRole('searchbox', { name: 'Filter alarms' }).fill('alarm-000042')
    await eventually('one of them', async () => (await grid.getAttribute('aria-rowcount')) === '2')
    console.log(`found after ${Math.round(performance.now() - typed)} ms`)
  }),
)
