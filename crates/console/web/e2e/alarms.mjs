// Alarms: made from a graph with a backtest, listed, explained, drilled, muted, deleted. The server's clock
// moves only when told.
import { browse, cells, eventually, holds, main, open, same } from './browser.mjs'
import { cloudwatch, datum, put } from './data.mjs'

const START = Date.parse('2026-01-01T00:00:00Z')
const MINUTE = 60_000
/** A name that a stranger chose: markup, quotes, slashes, and what addresses are made of. */
const NAME = `<img src=x onerror=alert(1)> "slow" 'a'/../b?c=d&e#f%2F`

main((server) =>
  browse(server, async ({ page }) => {
    const advance = async (by) => {
      const answer = await fetch(`${server}/-/clock`, { method: 'POST', body: JSON.stringify({ advance: by }) })
      holds(answer.ok, `the clock moves: ${answer.status}`)
    }
    const clean = async (where) => {
      const strange = await page.evaluate(() => [...document.querySelectorAll('img, iframe, [onerror], a[href^="javascript"]')].map((one) => one.outerHTML))
      holds(strange.length === 0, `${where}: ${strange}`)
    }
    const shows = (text) => eventually(`${text} on the page`, async () => (await page.locator('body').innerText()).includes(text))
    const latency = (minute, value) => datum('Latency', value, START + minute * MINUTE, { region: 'eu' })

    // A server without alarms shows how to make one.
    await open(page, `${server}/console/alarms`)
    await page.getByRole('combobox', { name: 'Refresh interval' }).selectOption('5')
    await shows('No alarms yet')
    await shows('put-metric-alarm')

    // From a graph: five minutes of thirty were slow.
    await advance('30m')
    await put(server, 'Shop', Array.from({ length: 30 }, (_, n) => latency(n, n >= 10 && n < 15 ? 0.9 : 0.1)))
    const rows = JSON.stringify([['m1', ['Shop', 'Latency', 'region', 'eu']]])
    await open(page, `${server}/console/metrics?rows=${encodeURIComponent(rows)}`)
    await page.getByRole('link', { name: 'Create alarm' }).click()
    await page.getByRole('heading', { level: 1, name: 'New alarm' }).waitFor()
    const verdict = page.getByRole('status', { name: 'Result of the backtest' })
    holds((await verdict.innerText()).includes('Give a threshold'), 'what is missing is said')
    await page.getByRole('button', { name: 'Create alarm' }).click()
    await shows('An alarm needs a name')
    await shows('A threshold is a number')
    await page.getByRole('textbox', { name: 'Threshold' }).fill('0.5')
    await eventually('one alarm', async () => (await verdict.innerText()).includes('alarmed once'))
    await page.getByText('Every change of its state').click()
    const changes = page.getByRole('list', { name: 'Changes of the backtest' })
    holds(/ALARM[\s\S]*OK/.test(await changes.innerText()), `its changes: ${await changes.innerText()}`)
    await page.getByRole('textbox', { name: 'Threshold' }).fill('2')
    await eventually('none', async () => (await verdict.innerText()).includes('would not have alarmed'))
    holds(page.url().includes('than=2'), 'the proposal is in the address')
    await page.getByRole('textbox', { name: 'Periods that breach' }).fill('9')
    await shows('At most 3')
    await page.getByRole('textbox', { name: 'Periods that breach' }).fill('2')
    await page.getByRole('textbox', { name: 'Threshold' }).fill('0.5')
    await page.getByRole('textbox', { name: 'Name of the alarm' }).fill('n'.repeat(300))
    await page.getByRole('button', { name: 'Create alarm' }).click()
    await eventually('the refusal', async () => (await page.getByRole('alert').allInnerTexts()).some((text) => text.includes('could not be made')))
    await page.getByRole('textbox', { name: 'Name of the alarm' }).fill(NAME)
    await page.getByRole('button', { name: 'Create alarm' }).click()

    // Its page: definition, graph with the threshold, history.
    await page.getByRole('heading', { level: 1, name: NAME, exact: true }).waitFor()
    await shows('In ALARM when Average of Latency {region=eu} in Shop is above 0.5 in 2 of 3 periods of 1m')
    const chart = page.getByRole('group', { name: /newest values/ })
    await eventually('the threshold', async () => (await chart.getAttribute('aria-label')).includes('threshold > 0.5'))
    await clean('the page of an alarm')
    const told = await cloudwatch(server, 'DescribeAlarms', {})
    same(told.MetricAlarms.map((one) => [one.AlarmName, one.Threshold, one.DatapointsToAlarm, one.EvaluationPeriods, one.Period, one.Statistic]), [[NAME, 0.5, 2, 3, 60, 'Average']], 'what was put')

    // It alarms, and says why.
    await put(server, 'Shop', [30, 31, 32, 33].map((n) => latency(n, 0.9)))
    await advance('5m')
    const head = page.locator('.alarm-head')
    await eventually('ALARM', async () => (await head.innerText()).includes('In alarm'))
    const periods = page.getByRole('table', { name: 'Periods of the evaluation' })
    await eventually('what it looked at', async () => (await cells(periods)).some((row) => row[1] === '0.9' && row[3].includes('breaching')))
    holds((await page.getByRole('list', { name: 'Explanation' }).innerText()).includes('breach'), 'sentences')
    const history = page.getByRole('table', { name: 'History, newest first' })
    await eventually('the history', async () => {
      const types = (await cells(history)).slice(1).map((row) => row[1])
      return types.includes('State') && types.at(-1) === 'Definition'
    })
    const states = page.getByRole('group', { name: /States over time/ })
    await eventually('states', async () => (await states.getByRole('button', { name: /^In alarm from/ }).count()) === 1)

    const [plot, bar] = await Promise.all([page.locator('.u-over').boundingBox(), states.boundingBox()])
    holds(Math.abs(plot.x - bar.x) < 3 && Math.abs(plot.width - bar.width) < 3, `the states are as wide as the graph: ${JSON.stringify([plot, bar])}`)

    // A moment of the past: by the timeline, in the address, and back to now.
    await states.getByRole('button').first().focus()
    await page.keyboard.press('Enter')
    await eventually('the moment', async () => page.url().includes('at=2026-01-01T00') && (await page.getByRole('heading', { name: /^Why at/ }).count()) === 1)
    await eventually('as of then', async () => /At 2026-01-01T00:3\d/.test(await page.getByRole('list', { name: 'Explanation' }).innerText()))
    await page.reload()
    await page.getByRole('heading', { name: /^Why at/ }).waitFor()
    await page.getByRole('button', { name: 'Explain now' }).click()
    await page.getByRole('heading', { name: 'Why now' }).waitFor()

    // The list: words and states, in the address; keys alone.
    await cloudwatch(server, 'PutMetricAlarm', { AlarmName: 'quiet', Namespace: 'Shop', MetricName: 'Nothing', Statistic: 'Sum', Period: 60, EvaluationPeriods: 1, Threshold: 1, ComparisonOperator: 'GreaterThanThreshold' })
    await page.keyboard.press('g')
    await page.keyboard.press('a')
    const grid = page.getByRole('grid', { name: 'Alarms' })
    const lines = async () => (await grid.getByRole('row').allInnerTexts()).slice(1).map((text) => text.replace(/\s+/g, ' '))
    await eventually('ALARM first', async () => {
      const all = await lines()
      return all.length === 2 && all[0].includes('In alarm') && all[0].includes(NAME) && /Insufficient data|Matches nothing/.test(all[1])
    })
    await clean('the list')
    await page.getByRole('button', { name: /^Insufficient data 1/ }).click()
    await eventually('one state', async () => page.url().includes('state=INSUFFICIENT_DATA') && (await lines()).length === 1)
    await page.getByRole('button', { name: /^All 2/ }).click()
    await page.keyboard.press('s')
    await page.keyboard.type('onerror latency')
    await eventually('by words', async () => page.url().includes('q=onerror') && (await lines()).length === 1)
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: NAME, exact: true }).waitFor()

    // Edited: the form has what was put, the state stays, and nothing else is changed.
    const state = async () => (await cloudwatch(server, 'DescribeAlarms', { AlarmNames: [NAME] })).MetricAlarms[0]
    const before = await state()
    await page.getByRole('link', { name: 'Edit', exact: true }).click()
    await page.getByRole('heading', { level: 1, name: `Edit ${NAME}`, exact: true }).waitFor()
    const threshold = page.getByRole('textbox', { name: 'Threshold' })
    await eventually('its threshold', async () => (await threshold.inputValue()) === '0.5')
    same(await page.getByRole('textbox', { name: 'Name of the alarm' }).inputValue(), NAME, 'its name')
    await shows('the state stays as it is')
    await threshold.fill('0.8')
    await page.getByRole('textbox', { name: 'Actions when OK' }).fill('arn:aws:sns:us-east-1:000000000000:calm')
    await page.getByRole('textbox', { name: 'Tags' }).fill('team=web')
    await page.reload()
    await eventually('what was typed', async () => (await threshold.inputValue()) === '0.8')
    const saved = () => page.getByRole('heading', { level: 1, name: NAME, exact: true }).waitFor()
    await page.getByRole('button', { name: 'Save alarm' }).click()
    await saved()
    await shows('is above 0.8 in 2 of 3 periods of 1m')
    const after = await state()
    const { Threshold, OKActions, AlarmConfigurationUpdatedTimestamp, ...rest } = after
    same([Threshold, OKActions], [0.8, ['arn:aws:sns:us-east-1:000000000000:calm']], 'what was changed')
    const { Threshold: _, OKActions: __, AlarmConfigurationUpdatedTimestamp: ___, ...was } = before
    same(rest, was, 'all else')
    same((await cloudwatch(server, 'ListTagsForResource', { ResourceARN: after.AlarmArn })).Tags, [{ Key: 'team', Value: 'web' }], 'tags')
    await clean('the form')

    // Whoever saves over somebody's change is told.
    await page.getByRole('link', { name: 'Edit', exact: true }).click()
    await eventually('its threshold', async () => (await threshold.inputValue()) === '0.8')
    await advance('1s')
    const other = await state()
    await cloudwatch(server, 'PutMetricAlarm', { AlarmName: NAME, Namespace: 'Shop', MetricName: 'Latency', Dimensions: other.Dimensions, Statistic: 'Average', Period: 60, EvaluationPeriods: 3, DatapointsToAlarm: 2, Threshold: 0.6, ComparisonOperator: 'GreaterThanThreshold' })
    await page.getByRole('button', { name: 'Save alarm' }).click()
    await shows('Somebody changed it since it was loaded here')
    await open(page, `${server}/console/alarm?name=${encodeURIComponent(NAME)}`)
    await shows('is above 0.6')

    // As JSON, with the API's own names; and what is no JSON is told.
    await page.getByRole('link', { name: 'Edit', exact: true }).click()
    await eventually('its threshold', async () => (await threshold.inputValue()) === '0.6')
    await page.getByRole('button', { name: 'As JSON' }).click()
    const source = page.getByRole('textbox', { name: 'Definition as JSON' })
    await eventually('the definition', async () => (await source.inputValue()).includes('"Threshold": 0.6'))
    const definition = await source.inputValue()
    await source.fill(definition.slice(0, -1))
    await page.getByRole('button', { name: 'Save alarm' }).click()
    holds((await page.locator('.wrong').count()) > 0, 'half of it is none')
    await source.fill(definition.replace('"Threshold": 0.6', '"Threshold": 0.5, "EvaluationWindow": {"SlidingWindow": {}}'))
    await page.getByRole('button', { name: 'Save alarm' }).click()
    await saved()
    await shows('is above 0.5')
    same((await state()).EvaluationWindow, { SlidingWindow: {} }, 'what the form has no field for')

    // A drill, and its trace.
    await page.getByRole('button', { name: 'Set state…' }).click()
    await page.getByRole('dialog', { name: 'Set the state' }).getByRole('textbox', { name: 'Reason' }).fill('a drill of ours')
    await page.getByRole('dialog', { name: 'Set the state' }).getByRole('button', { name: 'Set state' }).click()
    await eventually('the reason', async () => (await page.getByRole('region', { name: 'Definition' }).innerText()).includes('a drill of ours'))
    await page.getByRole('button', { name: 'Disable actions…' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click()
    await eventually('off', async () => (await head.innerText()).includes('actions are off'))

    // Muted for an hour, and not any more.
    await page.getByRole('button', { name: 'Mute…' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Mute', exact: true }).click()
    await eventually('its rule', async () => (await page.getByRole('region', { name: 'Definition' }).innerText()).includes('Mute rules'))
    await page.getByRole('region', { name: 'Definition' }).getByRole('link', { name: /^mute-/ }).click()
    const mutes = page.getByRole('table', { name: 'Mute rules' })
    await eventually('it mutes', async () => (await cells(mutes)).some((row) => row[1]?.includes('mutes now') && row[4]?.includes(NAME)))
    await clean('mute rules')
    await page.getByRole('textbox', { name: 'Name of the rule' }).fill('nights')
    await page.getByRole('combobox', { name: 'When' }).selectOption('schedule')
    await page.getByRole('textbox', { name: 'Schedule' }).fill('at night')
    await page.getByRole('button', { name: 'Create rule' }).click()
    await shows('A schedule is cron(')
    await page.getByRole('textbox', { name: 'Schedule' }).fill('cron(99 2 * * *)')
    await page.getByRole('button', { name: 'Create rule' }).click()
    await eventually('the refusal', async () => (await page.getByRole('alert').allInnerTexts()).some((text) => text.includes('could not be made')))
    await page.getByRole('textbox', { name: 'Schedule' }).fill('cron(0 2 * * *)')
    await page.getByRole('button', { name: 'Create rule' }).click()
    await eventually('two rules', async () => (await cells(mutes)).length === 3 && (await cells(mutes)).some((row) => row[0] === 'nights' && row[1].includes('waits')))
    for (const rule of ['nights', 'mute-']) {
      await mutes.getByRole('button', { name: new RegExp(`^Delete ${rule}`) }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
      await page.getByRole('dialog').waitFor({ state: 'detached' })
    }
    await shows('No rules')

    // A composite shows its children.
    await cloudwatch(server, 'PutCompositeAlarm', { AlarmName: 'both', AlarmRule: 'ALARM("quiet") OR OK("quiet")' })
    await open(page, `${server}/console/alarm?name=both`)
    await eventually('its child', async () => (await page.getByRole('region', { name: 'Children' }).innerText()).includes('quiet'))
    await page.getByRole('region', { name: 'Children' }).getByRole('link', { name: 'quiet' }).click()
    await eventually('matches nothing', async () => (await page.locator('main').innerText()).includes('matches nothing'))
    // What matches nothing never looks like OK: here whatever the server says.
    await cloudwatch(server, 'SetAlarmState', { AlarmName: 'quiet', StateValue: 'OK', StateReason: 'by hand' })
    const answer = JSON.stringify({ alarms: [{ name: 'quiet', since: '2026-01-01T00:30:00Z', nearest: ['Shop Orders'] }], more: false })
    await page.route('**/-/alarms/unmatched', (route) => route.fulfill({ contentType: 'application/json', body: answer }))
    await open(page, `${server}/console/alarm?name=quiet`)
    await eventually('the mark', async () => (await head.innerText()).includes('Matches nothing'))
    await shows('Nearly called so: Shop Orders')
    await open(page, `${server}/console/alarms?state=NOTHING`)
    await eventually('its row', async () => (await lines()).length === 1 && (await lines())[0].includes('Matches nothing'))
    await page.unroute('**/-/alarms/unmatched')
    await open(page, `${server}/console/alarm?name=quiet`)
    await eventually('its parent', async () => (await page.getByRole('region', { name: 'Part of' }).innerText()).includes('both'))

    // The rule of a composite, edited as text; its children's states over time.
    await open(page, `${server}/console/alarm?name=both`)
    await eventually('bars', async () => (await page.getByRole('img', { name: /^quiet: / }).count()) === 1)
    await page.getByRole('link', { name: 'Edit', exact: true }).click()
    const rule = page.getByRole('textbox', { name: 'Rule' })
    await eventually('its rule', async () => (await rule.inputValue()) === 'ALARM("quiet") OR OK("quiet")')
    await rule.fill('ALARM("nobody")')
    await page.getByRole('button', { name: 'Save alarm' }).click()
    await eventually('the refusal', async () => (await page.getByRole('alert').allInnerTexts()).some((text) => text.includes('could not be saved') && text.includes('nobody')))
    await rule.fill('NOT ALARM("quiet")')
    await page.getByRole('button', { name: 'Save alarm' }).click()
    await page.getByRole('heading', { level: 1, name: 'both', exact: true }).waitFor()
    await shows('In ALARM while its rule holds: NOT ALARM("quiet")')

    // On a PromQL query: what it would have done, its lines with the threshold, and the form again.
    await open(page, `${server}/console/new-alarm?kind=promql`)
    await page.getByRole('textbox', { name: 'Query' }).fill('max(Latency{__namespace__="Shop"}) > 0.5')
    await eventually('its backtest', async () => /alarmed/.test(await verdict.innerText()))
    await page.getByRole('textbox', { name: 'Evaluation interval' }).fill('90')
    await shows('a multiple of 60')
    await page.getByRole('textbox', { name: 'Evaluation interval' }).fill('60')
    await page.getByRole('textbox', { name: 'Name of the alarm' }).fill('query')
    await page.getByRole('button', { name: 'Create alarm' }).click()
    await page.getByRole('heading', { level: 1, name: 'query', exact: true }).waitFor()
    await eventually('its threshold line', async () => (await chart.getAttribute('aria-label')).includes('threshold > 0.5'))
    await cloudwatch(server, 'DeleteAlarms', { AlarmNames: ['query'] })

    // Gone for good, after a question.
    await open(page, `${server}/console/alarm?name=${encodeURIComponent(NAME)}`)
    await page.getByRole('button', { name: 'Delete…' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await eventually('the list without it', async () => new URL(page.url()).pathname === '/console/alarms' && (await lines()).length === 2)
    await open(page, `${server}/console/alarm?name=${encodeURIComponent(NAME)}`)
    await shows('There is no alarm of this name')
    await clean('an alarm that is gone')
  }),
)
