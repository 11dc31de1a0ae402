/**
 * What a graph shows, and its forms: in an address, as a question (`GetMetricData`), and as a widget of a
 * CloudWatch dashboard.
 */
import { type Metric, metricKey } from './metric.ts'
import { type Window, isoText, lengthText, type Range } from './time.ts'

export type Axis = 'left' | 'right'
export type View = 'line' | 'stacked'

interface RowCommon {
  /** Name in expressions: a small letter, then letters, digits and underscores. */
  id: string
  label?: string
  axis: Axis
  visible: boolean
}

export interface MetricRow extends RowCommon {
  kind: 'metric'
  metric: Metric
  /** Its own statistic and period, where they are not the graph's. */
  stat?: string
  period?: number
}

export interface MathRow extends RowCommon {
  kind: 'math'
  expression: string
}

export type Row = MetricRow | MathRow

export interface Graph {
  title: string
  stat: string
  /** Seconds; `auto` follows the range. */
  period: number | 'auto'
  view: View
  rows: Row[]
}

export const STATISTICS = ['Average', 'Sum', 'Minimum', 'Maximum', 'SampleCount', 'p50', 'p90', 'p95', 'p99', 'p99.9', 'TM(10%:90%)', 'IQM']

export const EMPTY: Graph = { title: '', stat: 'Average', period: 'auto', view: 'line', rows: [] }

const ID = /^[a-z][A-Za-z0-9_]{0,254}$/

export function isId(text: string): boolean {
  return ID.test(text)
}

/** The first of `m1`, `m2`, ... (or `e1`, ...) that nobody has. */
export function freeId(rows: Row[], letter: 'm' | 'e'): string {
  const taken = new Set(rows.map((row) => row.id))
  let n = 1
  while (taken.has(`${letter}${n}`)) n += 1
  return `${letter}${n}`
}

export function withMetric(graph: Graph, metric: Metric, more: Partial<MetricRow> = {}): Graph {
  const row: MetricRow = { kind: 'metric', id: freeId(graph.rows, 'm'), metric, axis: 'left', visible: true, ...more }
  return { ...graph, rows: [...graph.rows, row] }
}

export function withMath(graph: Graph, expression: string): Graph {
  const row: MathRow = { kind: 'math', id: freeId(graph.rows, 'e'), expression, axis: 'left', visible: true }
  return { ...graph, rows: [...graph.rows, row] }
}

export function rowOf(graph: Graph, metric: Metric): MetricRow | undefined {
  const key = metricKey(metric)
  return graph.rows.find((row): row is MetricRow => row.kind === 'metric' && metricKey(row.metric) === key)
}

// --- in an address -------------------------------------------------------------------------------

/** Short, since it stands in addresses: what is as always is left out. */
type Packed = [id: string, what: string | [string, string, ...string[]], more?: Record<string, unknown>]

export function graphText(graph: Graph): string {
  const rows = graph.rows.map((row): Packed => {
    const more: Record<string, unknown> = {}
    if (row.label) more['l'] = row.label
    if (row.axis === 'right') more['r'] = 1
    if (!row.visible) more['h'] = 1
    if (row.kind === 'metric') {
      if (row.stat) more['s'] = row.stat
      if (row.period) more['p'] = row.period
    }
    const { metric } = row as MetricRow
    const what: Packed[1] = row.kind === 'math' ? row.expression : [metric.namespace, metric.name, ...metric.dimensions.flat()]
    return Object.keys(more).length > 0 ? [row.id, what, more] : [row.id, what]
  })
  return JSON.stringify(rows)
}

const isText = (value: unknown): value is string => typeof value === 'string'

function unpacked(packed: unknown): Row | undefined {
  if (!Array.isArray(packed)) return undefined
  const [id, what, more] = packed as unknown[]
  if (!isText(id) || !isId(id)) return undefined
  const told = (more && typeof more === 'object' ? more : {}) as Record<string, unknown>
  const common: RowCommon = { id, axis: told['r'] ? 'right' : 'left', visible: !told['h'] }
  if (isText(told['l'])) common.label = told['l']
  if (isText(what)) return { ...common, kind: 'math', expression: what }
  if (!Array.isArray(what) || !what.every(isText) || what.length < 2 || what.length % 2 !== 0) return undefined
  const [namespace, name, ...rest] = what as [string, string, ...string[]]
  const dimensions: [string, string][] = []
  for (let n = 0; n < rest.length; n += 2) dimensions.push([rest[n] ?? '', rest[n + 1] ?? ''])
  const row: MetricRow = { ...common, kind: 'metric', metric: { namespace, name, dimensions } }
  if (isText(told['s'])) row.stat = told['s']
  if (typeof told['p'] === 'number' && told['p'] > 0) row.period = told['p']
  return row
}

/** Reads rows back; what is none is left out, and of two with one name the first stays. */
export function parseRows(text: string | null): Row[] {
  let list: unknown
  try {
    list = JSON.parse(text ?? '[]')
  } catch {
    return []
  }
  const rows: Row[] = []
  for (const one of Array.isArray(list) ? list.slice(0, 500) : []) {
    const row = unpacked(one)
    if (row && !rows.some(({ id }) => id === row.id)) rows.push(row)
  }
  return rows
}

export function graphParams(graph: Graph): Record<string, string> {
  const params: Record<string, string> = {}
  if (graph.rows.length > 0) params['rows'] = graphText(graph)
  if (graph.stat !== EMPTY.stat) params['stat'] = graph.stat
  if (graph.period !== 'auto') params['period'] = String(graph.period)
  if (graph.view !== EMPTY.view) params['view'] = graph.view
  if (graph.title) params['title'] = graph.title
  return params
}

export function parseGraph(params: URLSearchParams): Graph {
  const period = Number(params.get('period'))
  return {
    title: params.get('title') ?? '',
    stat: params.get('stat') || EMPTY.stat,
    period: Number.isInteger(period) && period > 0 ? period : 'auto',
    view: params.get('view') === 'stacked' ? 'stacked' : 'line',
    rows: parseRows(params.get('rows')),
  }
}

// --- as a question -------------------------------------------------------------------------------

export interface DataQuery {
  Id: string
  Label?: string
  ReturnData?: boolean
  Expression?: string
  Period?: number
  MetricStat?: {
    Metric: { Namespace: string; MetricName: string; Dimensions: { Name: string; Value: string }[] }
    Period: number
    Stat: string
  }
}

export interface DataRequest {
  MetricDataQueries: DataQuery[]
  StartTime: number
  EndTime: number
  ScanBy: 'TimestampAscending'
}

export function metricQuery(id: string, metric: Metric, stat: string, period: number): DataQuery {
  const dimensions = metric.dimensions.map(([Name, Value]) => ({ Name, Value }))
  const { namespace: Namespace, name: MetricName } = metric
  return { Id: id, MetricStat: { Metric: { Namespace, MetricName, Dimensions: dimensions }, Period: period, Stat: stat } }
}

/** The graph's queries; `period` stands for `auto`. What is hidden is asked for where math may need it. */
export function queriesOf(graph: Graph, period: number): DataQuery[] {
  const hasMath = graph.rows.some((row) => row.kind === 'math' && row.expression.trim() !== '')
  const queries: DataQuery[] = []
  for (const row of graph.rows) {
    if (row.kind === 'math' && row.expression.trim() === '') continue
    if (!row.visible && !(hasMath && row.kind === 'metric')) continue
    const query: DataQuery =
      row.kind === 'metric'
        ? metricQuery(row.id, row.metric, row.stat ?? graph.stat, row.period ?? period)
        : { Id: row.id, Expression: row.expression, Period: period }
    if (row.label) query.Label = row.label
    if (!row.visible) query.ReturnData = false
    queries.push(query)
  }
  return queries
}

/** The question as a person would send it, with times written out. */
export function requestSource(graph: Graph, period: number, window: Window): string {
  const step = period * 1000
  const from = Math.floor(window.from / step) * step
  const to = Math.ceil(window.to / step) * step
  return JSON.stringify({ MetricDataQueries: queriesOf(graph, period), StartTime: isoText(from), EndTime: isoText(to), ScanBy: 'TimestampAscending' }, null, 2)
}

// --- as a widget ---------------------------------------------------------------------------------

/**
 * A widget of a CloudWatch dashboard.
 *
 * Source: CloudWatch user guide, "Dashboard body structure and syntax", metric widgets.
 */
export function widgetSource(graph: Graph, period: number, range: Range, region: string): string {
  const metrics = graph.rows.map((row) => {
    const more: Record<string, unknown> = { id: row.id }
    if (row.label) more['label'] = row.label
    if (row.axis === 'right') more['yAxis'] = 'right'
    if (!row.visible) more['visible'] = false
    if (row.kind === 'math') return [{ expression: row.expression, ...more }]
    if (row.stat) more['stat'] = row.stat
    if (row.period) more['period'] = row.period
    return [row.metric.namespace, row.metric.name, ...row.metric.dimensions.flat(), more]
  })
  const times =
    range.kind === 'absolute'
      ? { start: isoText(range.from), end: isoText(range.to) }
      : { start: `-P${relativeIso(range.ms)}` }
  const properties = { metrics, view: 'timeSeries', stacked: graph.view === 'stacked', region, stat: graph.stat, period, ...(graph.title ? { title: graph.title } : {}), ...times }
  return JSON.stringify({ type: 'metric', width: 12, height: 6, properties }, null, 2)
}

function relativeIso(ms: number): string {
  const text = lengthText(ms).toUpperCase()
  return /[WD]$/.test(text) ? text : `T${text}`
}
