import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Alarm, type AlarmLine, changeOf, countWords, createdIn, definitionWords, filtered, inParts, lineOf, noParts, queriesOfAlarm, spansOf, watchedText } from '../src/lib/alarms.ts'
import { EMPTY, type Graph, withMath, withMetric } from '../src/lib/graph.ts'
import { atExpression, muteTrouble, scheduleWords } from '../src/lib/mutes.ts'
import { type Proposal, asBefore, formOf, inputOf, isSame, neededBy, proposalOf, putInput, tagLines, tagsOf, wrongWith } from '../src/lib/proposal.ts'

const CPU: Alarm = {
  AlarmName: 'cpu-high',
  StateValue: 'ALARM',
  StateTransitionedTimestamp: 100,
  Namespace: 'CWAgent',
  MetricName: 'cpu',
  Dimensions: [{ Name: 'host', Value: 'a' }],
  Statistic: 'Average',
  Period: 60,
  ComparisonOperator: 'GreaterThanThreshold',
  Threshold: 80,
  EvaluationPeriods: 3,
  DatapointsToAlarm: 2,
}

test('a definition is told in words', () => {
  assert.equal(watchedText(CPU), 'Average of cpu {host=a} > 80')
  assert.deepEqual(definitionWords(CPU), ['In ALARM when Average of cpu {host=a} in CWAgent is above 80 in 2 of 3 periods of 1m; missing data are missing.'])
  const promql: Alarm = { AlarmName: 'p', StateValue: 'OK', EvaluationInterval: 30, EvaluationCriteria: { PromQLCriteria: { Query: 'up == 0', PendingPeriod: 300 } } }
  assert.deepEqual(definitionWords(promql), ['In ALARM while a series of up == 0 is returned.', 'A series must be returned for 5m first.', 'Asked every 30s.'])
  assert.equal(watchedText({ AlarmName: 'c', StateValue: 'OK', AlarmRule: 'ALARM(a)' }), 'ALARM(a)')
})

test('the graph of an alarm has its statistic, and periods that can be read', () => {
  const stat = (alarm: Alarm, least: number) => queriesOfAlarm(alarm, least)[0]?.MetricStat
  assert.equal(stat(CPU, 10)?.Period, 60)
  assert.equal(stat(CPU, 300)?.Period, 300)
  assert.equal(stat(CPU, 10)?.Stat, 'Average')
})

test('ALARM is first, then what changed last; of a state that is not read to its end by name', () => {
  const line = (AlarmName: string, StateValue: Alarm['StateValue'], at: number): AlarmLine => lineOf({ AlarmName, StateValue, StateTransitionedTimestamp: at })
  const lines = [line('a', 'OK', 9), line('b', 'ALARM', 1), line('c', 'INSUFFICIENT_DATA', 5), line('d', 'ALARM', 3), line('e', 'ALARM', 3)]
  const whole = { isBegun: true, isWhole: true, token: undefined }
  const sorted = (parts: ReturnType<typeof noParts>): string[] => inParts([...lines], parts).map(({ name }) => name)
  assert.deepEqual(sorted({ ALARM: whole, INSUFFICIENT_DATA: whole, OK: whole }), ['d', 'e', 'b', 'c', 'a'])
  assert.deepEqual(sorted({ ...noParts(), OK: whole }), ['b', 'd', 'e', 'c', 'a'])
  assert.match(countWords(2000, false), /^2\D000\+$/)
  assert.equal(countWords(3, true), '3')
  assert.deepEqual(filtered(lines, 'D', 'ALARM').map(({ name }) => name), ['d'])
  assert.deepEqual(filtered(lines, '', 'OK').map(({ name }) => name), ['a'])
  assert.equal(filtered([lineOf(CPU)], 'host=a cwagent', '').length, 1)
})

test('states over a window come of the changes in and around it', () => {
  const window = { from: 100, to: 200 }
  assert.deepEqual(spansOf([], window, 'OK'), [{ from: 100, to: 200, state: 'OK' }])
  assert.deepEqual(spansOf([], window, undefined), [])
  const changes = [
    { at: 150, from: 'ALARM', to: 'OK' },
    { at: 120, from: 'OK', to: 'ALARM' },
    { at: 50, from: 'INSUFFICIENT_DATA', to: 'OK' },
  ] as const
  assert.deepEqual(spansOf([...changes], window, 'OK'), [
    { from: 100, to: 120, state: 'OK' },
    { from: 120, to: 150, state: 'ALARM' },
    { from: 150, to: 200, state: 'OK' },
  ])
  // What is before the window decides how it begins; what is behind it, how it ended.
  assert.deepEqual(spansOf([{ at: 250, from: 'ALARM', to: 'OK' }], window, 'OK'), [{ from: 100, to: 200, state: 'ALARM' }])
  // Before an alarm was made it had no state.
  assert.deepEqual(spansOf([], window, 'OK', 130), [{ from: 130, to: 200, state: 'OK' }])
})

test('a change is read out of an item of the history, and nothing else is', () => {
  const HistoryData = JSON.stringify({ oldState: { stateValue: 'OK' }, newState: { stateValue: 'ALARM' } })
  assert.deepEqual(changeOf({ Timestamp: 1.5, HistoryItemType: 'StateUpdate', HistoryData }), { at: 1500, from: 'OK', to: 'ALARM' })
  assert.equal(changeOf({ Timestamp: 1, HistoryItemType: 'Action', HistoryData }), undefined)
  assert.equal(changeOf({ Timestamp: 1, HistoryItemType: 'StateUpdate', HistoryData: '{' }), undefined)
})

test('an alarm was made when its history says so', () => {
  const item = (Timestamp: number, type: string) => ({ Timestamp, HistoryItemType: 'ConfigurationUpdate', HistoryData: JSON.stringify({ version: '1.0', type }) })
  assert.equal(createdIn([item(9, 'Update'), item(5, 'Create'), item(4, 'Delete')]), 5000)
  assert.equal(createdIn([item(9, 'Update')]), -Infinity)
})

const PROPOSAL: Proposal = { ...proposalOf({}, EMPTY), name: ' slow ', row: 'm1', stat: 'p90', threshold: '0.5', needed: '2', periods: '3', missing: 'ignore', actions: 'arn:a\n\n arn:b ' }
const GRAPH: Graph = withMath(withMetric(withMetric(EMPTY, { namespace: 'Shop', name: 'Latency', dimensions: [['region', 'eu']] }), { namespace: 'Shop', name: 'Orders', dimensions: [] }), 'm1 / 2')

test('a proposal becomes the input of PutMetricAlarm', () => {
  assert.deepEqual(putInput(PROPOSAL, GRAPH), {
    AlarmName: 'slow',
    ComparisonOperator: 'GreaterThanThreshold',
    Threshold: 0.5,
    EvaluationPeriods: 3,
    DatapointsToAlarm: 2,
    TreatMissingData: 'ignore',
    AlarmActions: ['arn:a', 'arn:b'],
    Namespace: 'Shop',
    MetricName: 'Latency',
    Dimensions: [{ Name: 'region', Value: 'eu' }],
    Period: 60,
    ExtendedStatistic: 'p90',
  })
  const math = putInput({ ...PROPOSAL, row: 'e1' }, GRAPH) as { Metrics: { Id: string; ReturnData: boolean }[] }
  assert.deepEqual(math.Metrics.map(({ Id, ReturnData }) => [Id, ReturnData]), [['m1', false], ['e1', true]])
})

test('an expression takes along what it names, and METRICS() all metrics', () => {
  const all = withMath(GRAPH, 'SUM(METRICS()) + e1')
  const [last] = all.rows.slice(-1)
  assert.deepEqual(last && neededBy(last, all.rows).map(({ id }) => id), ['m1', 'm2', 'e1', 'e2'])
})

test('what is wrong with a proposal is told at its field', () => {
  assert.deepEqual(wrongWith(PROPOSAL, GRAPH), {})
  assert.deepEqual(Object.keys(wrongWith({ ...PROPOSAL, name: ' ', threshold: 'x', needed: '4', row: 'm9' }, GRAPH)).sort(), ['name', 'needed', 'row', 'threshold'])
  assert.ok(wrongWith({ ...PROPOSAL, periods: '0' }, GRAPH).periods)
})

const CONDITION = { ComparisonOperator: 'GreaterThanThreshold', Threshold: 1, EvaluationPeriods: 3 }
const stat = (Id: string, MetricName: string, more: object = {}) => ({ Id, MetricStat: { Metric: { Namespace: 'Shop', MetricName, Dimensions: [] }, Period: 60, Stat: 'Sum' }, ReturnData: false, ...more })

type Loose = { [Field in keyof Alarm]?: Alarm[Field] | undefined }

/** Definitions that the form has a place for, as the API tells them. */
const FORMED: Loose[] = [
  CPU,
  { ...CPU, DatapointsToAlarm: undefined, TreatMissingData: 'breaching', AlarmActions: ['arn:a', 'arn:b'], OKActions: ['arn:c'], InsufficientDataActions: [], ActionsEnabled: false, AlarmDescription: 'why' },
  { ...CPU, Statistic: undefined, ExtendedStatistic: 'TM(10%:90%)', Unit: 'Seconds', Dimensions: [] },
  { ...CPU, Statistic: undefined, ExtendedStatistic: 'p99', EvaluateLowSampleCountPercentile: 'ignore', Period: 7200 },
  { ...CPU, EvaluationWindow: { WallClockWindow: { Timezone: 'Europe/Berlin' } }, WarmUpConfiguration: { WarmUpPeriodDurationInMinutes: 15, OnlyStartEvaluatingAfterWarmUpPeriodEnds: true } },
  { ...CPU, EvaluationWindow: { SlidingWindow: {} } },
  { ...CONDITION, Metrics: [stat('m1', 'errors'), stat('m2', 'orders'), { Id: 'e1', Expression: '100 * m1 / m2', Label: 'share' }] },
  { ...CONDITION, Metrics: [{ Id: 'q1', Expression: 'SELECT AVG(cpu) FROM "CWAgent" GROUP BY host', Period: 300, ReturnData: true }] },
  { EvaluationCriteria: { PromQLCriteria: { Query: 'up == 0', PendingPeriod: 300 } }, EvaluationInterval: 30 },
  { AlarmRule: 'ALARM("a") AND NOT OK("b")', ActionsSuppressor: 'c', ActionsSuppressorWaitPeriod: 60, ActionsSuppressorExtensionPeriod: 0 },
]

test('an edited alarm that nobody changed is put as it was', () => {
  for (const told of FORMED) {
    const alarm = { ...told, AlarmName: 'x', StateValue: 'OK' } as Alarm
    const form = formOf(alarm)
    assert.ok(form, JSON.stringify(told))
    const { EvaluationWindow, ...before } = inputOf(alarm)
    const window = alarm.EvaluationWindow?.SlidingWindow ? {} : { EvaluationWindow }
    const after = asBefore(putInput(proposalOf(form.fields, form.graph), form.graph), inputOf(alarm))
    assert.ok(isSame(after, { ...before, ...window }), `${JSON.stringify(after)} and ${JSON.stringify(before)}`)
    assert.deepEqual(wrongWith(proposalOf(form.fields, form.graph), form.graph), {})
  }
})

test('what the form has no place for is told', () => {
  const unlike: Loose[] = [
    { ...CONDITION, Metrics: [stat('m1', 'errors', { AccountId: '000000000001' }), { Id: 'e1', Expression: 'm1 * 2' }] },
    { ...CONDITION, Metrics: [stat('m1', 'errors', { ReturnData: true })] },
    { ...CPU, Period: 61 },
  ]
  for (const told of unlike) assert.equal(formOf({ ...told, AlarmName: 'x', StateValue: 'OK' } as Alarm), undefined, JSON.stringify(told))
})

test('a changed field is all that differs', () => {
  const alarm: Alarm = { ...CPU, DatapointsToAlarm: undefined } as unknown as Alarm
  const form = formOf(alarm)
  assert.ok(form)
  const input = asBefore(putInput({ ...proposalOf(form.fields, form.graph), threshold: '90' }, form.graph), inputOf(alarm))
  assert.ok(isSame(input, { ...inputOf(alarm), Threshold: 90 }), JSON.stringify(input))
})

test('queries, rules and tags are checked for what a form can know', () => {
  const wrong = (fields: Parameters<typeof proposalOf>[0]): string[] => Object.keys(wrongWith(proposalOf({ name: 'x', ...fields }, EMPTY), EMPTY)).sort()
  assert.deepEqual(wrong({ kind: 'promql', query: 'up', interval: '90', pending: '90000', recovery: '-1' }), ['interval', 'pending', 'recovery'])
  assert.deepEqual(wrong({ kind: 'promql', interval: '3600' }), ['query'])
  assert.deepEqual(wrong({ kind: 'composite', rule: 'ALARM(a)', suppressor: 's', wait: '0' }), ['extension'])
  assert.deepEqual(wrong({ kind: 'composite', tags: 'team' }), ['rule', 'tags'])
  assert.deepEqual(wrong({ kind: 'insights', query: 'SELECT', threshold: '1', warmUp: '2881' }), ['warmUp'])
  assert.deepEqual(tagsOf('a=b=c\n\n d = e '), { a: 'b=c', d: 'e' })
  assert.equal(tagLines({ a: 'b=c', d: 'e' }), 'a=b=c\nd=e')
})

test('mute rules are written and read', () => {
  assert.equal(atExpression(Date.UTC(2026, 0, 31, 22, 5, 59)), 'at(2026-01-31T22:05)')
  assert.equal(scheduleWords({ Expression: 'at(2026-01-31T22:05)', Duration: 'PT1H' }), 'once at 2026-01-31 22:05 UTC, for an hour')
  assert.equal(scheduleWords({ Expression: 'cron(0 2 * * ?)', Duration: 'PT90M', Timezone: 'Europe/Berlin' }), 'at each cron(0 2 * * ?) Europe/Berlin, for PT90M')
  assert.equal(muteTrouble('night', ['a'], true, 'cron(0 2 * * ?)'), '')
  assert.match(muteTrouble('', ['a'], false, ''), /name/)
  assert.match(muteTrouble('x', [], false, ''), /alarm/)
  assert.match(muteTrouble('x', ['a'], true, 'at night'), /cron\(/)
})
