/** An alarm that is only proposed: made of a form, and of a graph if it watches metrics; put or backtested. */
import { type Alarm, COMPARISONS, metricOfAlarm, statisticOf } from './alarms.ts'
import { type DataQuery, EMPTY, type Graph, type MathRow, type MetricRow, type Row, STATISTICS, metricQuery } from './graph.ts'

/** What an alarm watches: a row of a graph, a Metrics Insights or PromQL query, or other alarms. */
export type Kind = 'graph' | 'insights' | 'promql' | 'composite'

export const KINDS: Record<Kind, string> = { graph: 'A metric or math', insights: 'Metrics Insights', promql: 'PromQL', composite: 'Other alarms' }

/** All fields are as typed. */
export interface Proposal {
  kind: Kind
  name: string
  description: string
  /** Id of the row that is watched. */
  row: string
  stat: string
  unit: string
  /** Seconds. */
  period: number
  comparison: string
  threshold: string
  needed: string
  periods: string
  missing: string
  low: string
  /** Zone of a window by the clock on the wall; nothing while windows slide. */
  zone: string
  /** Minutes. */
  warmUp: string
  /** `1` if a warm-up lasts even if all data are there. */
  warmWhole: string
  /** Metrics Insights or PromQL. */
  query: string
  interval: string
  pending: string
  recovery: string
  rule: string
  suppressor: string
  wait: string
  extension: string
  /** `1` while actions are off. */
  silent: string
  /** ARNs, one a line. */
  actions: string
  okActions: string
  noDataActions: string
  /** `name=value`, one a line. */
  tags: string
}

export type Fields = Partial<Record<keyof Proposal, string>>

const BASIC = ['Average', 'Sum', 'Minimum', 'Maximum', 'SampleCount']

/** Periods that an alarm may have below a minute; above, whole minutes. */
export const ALARM_PERIODS = [10, 20, 30, 60, 300, 900, 3600, 21600, 86400]

/** Any statistic can be written; these show the forms. */
export const ALARM_STATISTICS = [...STATISTICS, 'tm99', 'wm99', 'tc90', 'ts90', 'WM(10%:90%)', 'TC(0.005:0.030)', 'TS(80%:)', 'PR(100:2000)']

const WORD = /[A-Za-z_][A-Za-z0-9_]*/g

/** The rows that an expression needs, itself among them. */
export function neededBy(row: Row, rows: Row[]): Row[] {
  const needed = new Set<string>([row.id])
  const open: Row[] = [row]
  for (let one = open.pop(); one; one = open.pop()) {
    if (one.kind !== 'math') continue
    const words = new Set(one.expression.match(WORD) ?? [])
    for (const other of rows) {
      const named = words.has(other.id) || (words.has('METRICS') && other.kind === 'metric')
      if (!named || needed.has(other.id)) continue
      needed.add(other.id)
      open.push(other)
    }
  }
  return rows.filter(({ id }) => needed.has(id))
}

const lines = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)

/** Tags of lines `name=value`; nothing when a line is none. */
export function tagsOf(text: string): Record<string, string> | undefined {
  const pairs = lines(text).map((line) => /^([^=]+)=(.*)$/.exec(line))
  if (pairs.some((pair) => !pair)) return undefined
  return Object.fromEntries(pairs.map((pair) => [pair?.[1]?.trim() ?? '', pair?.[2]?.trim() ?? '']))
}

export function tagLines(tags: Record<string, string>): string {
  return Object.entries(tags)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')
}

const whole = (text: string, least = 1): number | undefined => (/^\d{1,7}$/.test(text.trim()) && Number(text) >= least ? Number(text) : undefined)

// --- what is wrong -------------------------------------------------------------------------------

type Wrong = Partial<Record<keyof Proposal, string>>

/** What is missing or wrong, field by field. What only the server knows it says itself. */
export function wrongWith(proposal: Proposal, graph: Graph): Wrong {
  const wrong: Wrong = {}
  if (!proposal.name.trim()) wrong.name = 'An alarm needs a name'
  if (!tagsOf(proposal.tags)) wrong.tags = 'A tag is name=value, one a line'
  if (proposal.kind === 'composite') return { ...wrong, ...wrongRule(proposal) }
  if (proposal.kind !== 'graph' && !proposal.query.trim()) wrong.query = 'Write a query'
  if (proposal.kind === 'promql') return { ...wrong, ...wrongTimes(proposal) }
  const row = graph.rows.find(({ id }) => id === proposal.row)
  if (proposal.kind === 'graph' && !row) wrong.row = 'Choose what to watch'
  if (row?.kind === 'metric' && !proposal.stat.trim()) wrong.stat = 'Choose a statistic'
  return { ...wrong, ...wrongCondition(proposal) }
}

function wrongCondition(proposal: Proposal): Wrong {
  const wrong: Wrong = {}
  if (proposal.threshold.trim() === '' || !Number.isFinite(Number(proposal.threshold))) wrong.threshold = 'A threshold is a number'
  if (!(proposal.comparison in COMPARISONS)) wrong.comparison = 'Choose a comparison'
  const [needed, periods] = [whole(proposal.needed), whole(proposal.periods)]
  if (periods === undefined) wrong.periods = 'A whole number from 1'
  if (needed === undefined) wrong.needed = 'A whole number from 1'
  else if (periods !== undefined && needed > periods) wrong.needed = `At most ${periods}: so many periods are looked at`
  if (proposal.warmUp.trim() && (whole(proposal.warmUp) ?? 9999) > 2880) wrong.warmUp = 'Minutes, 1 to 2880'
  return wrong
}

function wrongTimes({ interval, pending, recovery }: Proposal): Wrong {
  const wrong: Wrong = {}
  const every = whole(interval) ?? 0
  if (![10, 20, 30].includes(every) && (every === 0 || every % 60 !== 0 || every > 3600)) wrong.interval = '10, 20, 30, or a multiple of 60 up to 3600'
  if ((whole(pending || '0', 0) ?? 99_999) > 86_400) wrong.pending = 'Seconds, 0 to 86400'
  if ((whole(recovery || '0', 0) ?? 99_999) > 86_400) wrong.recovery = 'Seconds, 0 to 86400'
  return wrong
}

function wrongRule({ rule, suppressor, wait, extension }: Proposal): Wrong {
  const wrong: Wrong = {}
  if (!rule.trim()) wrong.rule = 'Write a rule, such as ALARM("a") AND NOT ALARM("b")'
  if (!suppressor.trim()) return wrong
  if (whole(wait, 0) === undefined) wrong.wait = 'A suppressor needs seconds to wait'
  if (whole(extension, 0) === undefined) wrong.extension = 'A suppressor needs seconds of extension'
  return wrong
}

// --- as an input of the API ----------------------------------------------------------------------

type Input = Record<string, unknown>

/** The input of `PutMetricAlarm`, or of `PutCompositeAlarm`. */
export function putInput(proposal: Proposal, graph: Graph): Input {
  const tags = Object.entries(tagsOf(proposal.tags) ?? {})
  const list = (name: string, text: string): Input => (lines(text).length > 0 ? { [name]: lines(text) } : {})
  return {
    AlarmName: proposal.name.trim() || 'proposed',
    ...(proposal.description.trim() ? { AlarmDescription: proposal.description.trim() } : {}),
    ...(proposal.silent ? { ActionsEnabled: false } : {}),
    ...watchInput(proposal, graph),
    ...list('OKActions', proposal.okActions),
    ...list('AlarmActions', proposal.actions),
    ...list('InsufficientDataActions', proposal.noDataActions),
    ...(tags.length > 0 ? { Tags: tags.map(([Key, Value]) => ({ Key, Value })) } : {}),
  }
}

function watchInput(proposal: Proposal, graph: Graph): Input {
  if (proposal.kind === 'composite') {
    const of = proposal.suppressor.trim()
    const suppressed = of ? { ActionsSuppressor: of, ActionsSuppressorWaitPeriod: Number(proposal.wait), ActionsSuppressorExtensionPeriod: Number(proposal.extension) } : {}
    return { AlarmRule: proposal.rule.trim(), ...suppressed }
  }
  if (proposal.kind === 'promql') {
    const waits = { ...(proposal.pending ? { PendingPeriod: Number(proposal.pending) } : {}), ...(proposal.recovery ? { RecoveryPeriod: Number(proposal.recovery) } : {}) }
    return { EvaluationCriteria: { PromQLCriteria: { Query: proposal.query.trim(), ...waits } }, EvaluationInterval: Number(proposal.interval) }
  }
  return { ...conditionInput(proposal), ...metricsInput(proposal, graph) }
}

function conditionInput(proposal: Proposal): Input {
  const { zone, warmUp } = proposal
  return {
    ComparisonOperator: proposal.comparison,
    Threshold: Number(proposal.threshold),
    EvaluationPeriods: Number(proposal.periods),
    DatapointsToAlarm: Number(proposal.needed),
    TreatMissingData: proposal.missing,
    ...(zone.trim() ? { EvaluationWindow: { WallClockWindow: { Timezone: zone.trim() } } } : {}),
    ...(warmUp.trim() ? { WarmUpConfiguration: { WarmUpPeriodDurationInMinutes: Number(warmUp), ...(proposal.warmWhole ? { OnlyStartEvaluatingAfterWarmUpPeriodEnds: true } : {}) } } : {}),
  }
}

function metricsInput(proposal: Proposal, graph: Graph): Input {
  if (proposal.kind === 'insights') return { Metrics: [{ Id: 'q1', Expression: proposal.query.trim(), Period: proposal.period, ReturnData: true }] }
  const row = graph.rows.find(({ id }) => id === proposal.row)
  if (row?.kind === 'math') return { Metrics: mathQueries(row, proposal, graph) }
  const metric = (row as MetricRow | undefined)?.metric
  const stat = proposal.stat.trim()
  return {
    Namespace: metric?.namespace,
    MetricName: metric?.name,
    Dimensions: metric?.dimensions.map(([Name, Value]) => ({ Name, Value })) ?? [],
    Period: proposal.period,
    ...(BASIC.includes(stat) ? { Statistic: stat } : { ExtendedStatistic: stat }),
    ...(proposal.unit ? { Unit: proposal.unit } : {}),
    ...(proposal.low && !BASIC.includes(stat) ? { EvaluateLowSampleCountPercentile: proposal.low } : {}),
  }
}

/** Each metric keeps the statistic that it has on the graph: that is what the expression was written for. */
function mathQueries(row: MathRow, proposal: Proposal, graph: Graph): DataQuery[] {
  return neededBy(row, graph.rows).map((one) => {
    const more = { ReturnData: one.id === row.id, ...(one.label ? { Label: one.label } : {}) }
    if (one.kind === 'math') return { Id: one.id, Expression: one.expression, Period: proposal.period, ...more }
    return { ...metricQuery(one.id, one.metric, one.stat ?? graph.stat, proposal.period), ...more }
  })
}

// --- of an alarm that there is -------------------------------------------------------------------

const COMMON = ['AlarmName', 'AlarmDescription', 'ActionsEnabled', 'OKActions', 'AlarmActions', 'InsufficientDataActions']
const OF_COMPOSITE = ['AlarmRule', 'ActionsSuppressor', 'ActionsSuppressorWaitPeriod', 'ActionsSuppressorExtensionPeriod']
const OF_METRIC = [
  ...['MetricName', 'Namespace', 'Statistic', 'ExtendedStatistic', 'Dimensions', 'Period', 'Unit', 'Metrics'],
  ...['ComparisonOperator', 'Threshold', 'ThresholdMetricId', 'EvaluationPeriods', 'DatapointsToAlarm', 'TreatMissingData'],
  ...['EvaluateLowSampleCountPercentile', 'EvaluationWindow', 'WarmUpConfiguration', 'EvaluationCriteria', 'EvaluationInterval'],
]

const isNothing = (value: unknown): boolean => value === undefined || value === null || (Array.isArray(value) && value.length === 0)

/** The input that would put an alarm as it is. */
export function inputOf(alarm: Alarm): Input {
  const names = [...COMMON, ...(alarm.AlarmRule === undefined ? OF_METRIC : OF_COMPOSITE)]
  const told = alarm as unknown as Input
  // Actions are on unless it is said.
  return Object.fromEntries(names.filter((name) => !isNothing(told[name]) && !(name === 'ActionsEnabled' && told[name] === true)).map((name) => [name, told[name]]))
}

/** What a form says where the API leaves the same thing unsaid stays unsaid, as it was. */
export function asBefore(input: Input, before: Input): Input {
  const same: [string, unknown][] = [['DatapointsToAlarm', input['EvaluationPeriods']], ['TreatMissingData', 'missing'], ['Dimensions', []]]
  const kept = { ...input }
  for (const [name, unsaid] of same) if (!(name in before) && isSame(kept[name], unsaid)) delete kept[name]
  const queries = new Map(((before['Metrics'] ?? []) as DataQuery[]).map((query) => [query.Id, query]))
  if (kept['Metrics'] && queries.size > 0) {
    kept['Metrics'] = (kept['Metrics'] as DataQuery[]).map((query) => {
      const was = queries.get(query.Id)
      const now = { ...query }
      if (was && now.ReturnData === true && was.ReturnData === undefined) delete now.ReturnData
      if (was?.Expression !== undefined && was.Period === undefined) delete now.Period
      return now
    })
  }
  return kept
}

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (!value || typeof value !== 'object') return value
  const entries = Object.entries(value).filter(([, one]) => !isNothing(one))
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, one]) => [name, sorted(one)]))
}

export const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))

/** An alarm's definition as fields of the form. */
export interface Form {
  fields: Fields
  graph: Graph
}

const numberText = (value: number | undefined): string => (value === undefined ? '' : String(value))

/** The fields of a definition; nothing when the form has no place for some of it. */
export function formOf(alarm: Alarm): Form | undefined {
  const form = { fields: { ...commonFields(alarm), ...conditionFields(alarm) }, graph: EMPTY }
  const filled = fill(alarm, form)
  if (!filled) return undefined
  const input = inputOf(alarm)
  // A window that slides is one that is not said.
  if (alarm.EvaluationWindow?.SlidingWindow) delete input['EvaluationWindow']
  return isSame(asBefore(putInput(proposalOf(filled.fields, filled.graph), filled.graph), input), input) ? filled : undefined
}

function commonFields(alarm: Alarm): Fields {
  return {
    name: alarm.AlarmName,
    description: alarm.AlarmDescription ?? '',
    silent: alarm.ActionsEnabled === false ? '1' : '',
    actions: (alarm.AlarmActions ?? []).join('\n'),
    okActions: (alarm.OKActions ?? []).join('\n'),
    noDataActions: (alarm.InsufficientDataActions ?? []).join('\n'),
  }
}

function conditionFields(alarm: Alarm): Fields {
  const warm = alarm.WarmUpConfiguration
  return {
    comparison: alarm.ComparisonOperator ?? '',
    threshold: numberText(alarm.Threshold),
    periods: numberText(alarm.EvaluationPeriods),
    needed: numberText(alarm.DatapointsToAlarm ?? alarm.EvaluationPeriods),
    missing: alarm.TreatMissingData ?? 'missing',
    low: alarm.EvaluateLowSampleCountPercentile ?? '',
    zone: alarm.EvaluationWindow?.WallClockWindow?.Timezone ?? '',
    warmUp: numberText(warm?.WarmUpPeriodDurationInMinutes),
    warmWhole: warm?.OnlyStartEvaluatingAfterWarmUpPeriodEnds ? '1' : '',
  }
}

function fill(alarm: Alarm, { fields }: Form): Form | undefined {
  const promql = alarm.EvaluationCriteria?.PromQLCriteria
  if (alarm.AlarmRule !== undefined) {
    const waits = { wait: numberText(alarm.ActionsSuppressorWaitPeriod), extension: numberText(alarm.ActionsSuppressorExtensionPeriod) }
    return { fields: { ...fields, kind: 'composite', rule: alarm.AlarmRule, suppressor: alarm.ActionsSuppressor ?? '', ...waits }, graph: EMPTY }
  }
  if (promql) {
    const waits = { pending: numberText(promql.PendingPeriod), recovery: numberText(promql.RecoveryPeriod), interval: numberText(alarm.EvaluationInterval) }
    return { fields: { ...fields, kind: 'promql', query: promql.Query, ...waits }, graph: EMPTY }
  }
  const metric = metricOfAlarm(alarm)
  if (metric) {
    const graph: Graph = { ...EMPTY, rows: [{ kind: 'metric', id: 'm1', metric, axis: 'left', visible: true }] }
    return { fields: { ...fields, kind: 'graph', row: 'm1', stat: statisticOf(alarm), unit: alarm.Unit ?? '', period: numberText(alarm.Period) }, graph }
  }
  const [first, ...others] = alarm.Metrics ?? []
  if (first && others.length === 0 && /^\s*SELECT\s/i.test(first.Expression ?? '')) {
    return { fields: { ...fields, kind: 'insights', query: first.Expression ?? '', period: numberText(first.Period) }, graph: EMPTY }
  }
  return fillMath(alarm.Metrics ?? [], fields)
}

function fillMath(queries: DataQuery[], fields: Fields): Form | undefined {
  const returned = queries.find(({ ReturnData }) => ReturnData !== false)
  if (!returned?.Expression) return undefined
  const rows = queries.map((query): Row => {
    const common = { id: query.Id, axis: 'left' as const, visible: query.ReturnData !== false, ...(query.Label ? { label: query.Label } : {}) }
    const stat = query.MetricStat
    if (!stat) return { ...common, kind: 'math', expression: query.Expression ?? '' }
    const dimensions = (stat.Metric.Dimensions ?? []).map(({ Name, Value }): [string, string] => [Name, Value])
    dimensions.sort(([a], [b]) => (a < b ? -1 : 1))
    return { ...common, kind: 'metric', metric: { namespace: stat.Metric.Namespace, name: stat.Metric.MetricName, dimensions }, stat: stat.Stat }
  })
  const period = queries.find(({ MetricStat }) => MetricStat)?.MetricStat?.Period
  return { fields: { ...fields, kind: 'graph', row: returned.Id, period: numberText(period) }, graph: { ...EMPTY, rows } }
}

// --- fields that are not said --------------------------------------------------------------------

function firstRow({ rows }: Graph): string {
  return (rows.find((row) => row.visible && row.kind === 'math') ?? rows.find((row) => row.visible) ?? rows[0])?.id ?? ''
}

const isKind = (text: string | undefined): text is Kind => text !== undefined && text in KINDS

/** A proposal of the fields that are said; `graph` says what is as on it. */
export function proposalOf(said: Fields, graph: Graph): Proposal {
  const row = said.row || firstRow(graph)
  const watched = graph.rows.find(({ id }) => id === row)
  const graphed = watched?.kind === 'metric' ? watched : undefined
  const period = Number(said.period) || (graphed?.period ?? (graph.period === 'auto' ? 60 : graph.period))
  const text = (field: keyof Proposal, unsaid = ''): string => said[field] ?? unsaid
  return {
    kind: isKind(said.kind) ? said.kind : 'graph',
    name: text('name'),
    description: text('description'),
    row,
    stat: said.stat ?? graphed?.stat ?? graph.stat,
    unit: text('unit'),
    period: ALARM_PERIODS.includes(period) ? period : Math.max(60, Math.ceil(period / 60) * 60),
    comparison: text('comparison', 'GreaterThanThreshold'),
    threshold: text('threshold'),
    needed: text('needed', '2'),
    periods: text('periods', '3'),
    missing: text('missing', 'missing'),
    low: text('low'),
    zone: text('zone'),
    warmUp: text('warmUp'),
    warmWhole: text('warmWhole'),
    query: text('query'),
    interval: text('interval', '60'),
    pending: text('pending'),
    recovery: text('recovery'),
    rule: text('rule'),
    suppressor: text('suppressor'),
    wait: text('wait'),
    extension: text('extension'),
    silent: text('silent'),
    actions: text('actions'),
    okActions: text('okActions'),
    noDataActions: text('noDataActions'),
    tags: text('tags'),
  }
}
