/** An alarm that is only proposed: made of a graph and a form, and put or backtested. */
import { type Graph, type MathRow, type MetricRow, type Row, STATISTICS, metricQuery } from './graph.ts'
import { COMPARISONS } from './alarms.ts'

export interface Proposal {
  name: string
  description: string
  /** Id of the row that is watched. */
  row: string
  stat: string
  /** Seconds. */
  period: number
  comparison: string
  threshold: string
  needed: string
  periods: string
  missing: string
  /** ARNs, one a line. */
  actions: string
}

const BASIC = ['Average', 'Sum', 'Minimum', 'Maximum', 'SampleCount']

/** Periods that an alarm may have below a minute; above, whole minutes. */
export const ALARM_PERIODS = [10, 20, 30, 60, 300, 900, 3600, 21600, 86400]

export const ALARM_STATISTICS = STATISTICS

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

const whole = (text: string): number | undefined => (/^\d{1,4}$/.test(text.trim()) && Number(text) > 0 ? Number(text) : undefined)

/** What is missing or wrong, field by field. */
export function wrongWith(proposal: Proposal, graph: Graph): Partial<Record<keyof Proposal, string>> {
  const wrong: Partial<Record<keyof Proposal, string>> = {}
  if (!proposal.name.trim()) wrong.name = 'An alarm needs a name'
  if (!graph.rows.some(({ id }) => id === proposal.row)) wrong.row = 'Choose what to watch'
  if (proposal.threshold.trim() === '' || !Number.isFinite(Number(proposal.threshold))) wrong.threshold = 'A threshold is a number'
  if (!(proposal.comparison in COMPARISONS)) wrong.comparison = 'Choose a comparison'
  const [needed, periods] = [whole(proposal.needed), whole(proposal.periods)]
  if (periods === undefined) wrong.periods = 'A whole number from 1'
  if (needed === undefined) wrong.needed = 'A whole number from 1'
  else if (periods !== undefined && needed > periods) wrong.needed = `At most ${periods}: so many periods are looked at`
  return wrong
}

/** The input of `PutMetricAlarm`. */
export function putInput(proposal: Proposal, graph: Graph): Record<string, unknown> {
  const row = graph.rows.find(({ id }) => id === proposal.row)
  const actions = lines(proposal.actions)
  const common = {
    AlarmName: proposal.name.trim() || 'proposed',
    ...(proposal.description.trim() ? { AlarmDescription: proposal.description.trim() } : {}),
    ComparisonOperator: proposal.comparison,
    Threshold: Number(proposal.threshold),
    EvaluationPeriods: Number(proposal.periods),
    DatapointsToAlarm: Number(proposal.needed),
    TreatMissingData: proposal.missing,
    ...(actions.length > 0 ? { AlarmActions: actions } : {}),
  }
  if (row?.kind === 'math') return { ...common, Metrics: mathQueries(row, proposal, graph) }
  const metric = (row as MetricRow | undefined)?.metric
  return {
    ...common,
    Namespace: metric?.namespace,
    MetricName: metric?.name,
    Dimensions: metric?.dimensions.map(([Name, Value]) => ({ Name, Value })) ?? [],
    Period: proposal.period,
    ...(BASIC.includes(proposal.stat) ? { Statistic: proposal.stat } : { ExtendedStatistic: proposal.stat }),
  }
}

/** Each metric keeps the statistic that it has on the graph: that is what the expression was written for. */
function mathQueries(row: MathRow, proposal: Proposal, graph: Graph): unknown[] {
  return neededBy(row, graph.rows).map((one) => {
    const more = { ReturnData: one.id === row.id, ...(one.label ? { Label: one.label } : {}) }
    if (one.kind === 'math') return { Id: one.id, Expression: one.expression, Period: proposal.period, ...more }
    return { ...metricQuery(one.id, one.metric, one.stat ?? graph.stat, proposal.period), ...more }
  })
}
