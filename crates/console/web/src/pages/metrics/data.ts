/** The graph's lines, kept up to date. What math breaks does not take the metrics away. */
import { type ReadonlySignal, signal, useComputed, useSignalEffect } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import type { Drawing, Line } from '../../chart/lines.ts'
import { tick, windowNow } from '../../frame/clock.ts'
import { Failure } from '../../api/http.ts'
import { unitOf } from '../../api/prometheus.ts'
import { type DataQuery, type Graph, type Row, queriesOf } from '../../lib/graph.ts'
import { Live, type LiveState } from '../../lib/live.ts'
import { metricKey } from '../../lib/metric.ts'
import { autoPeriod } from '../../lib/time.ts'
import { graph, rowLabel } from './state.ts'

/** Units by metric; asked for once. */
const units = signal<ReadonlyMap<string, string>>(new Map())
const askedUnits = new Set<string>()

function askUnits(rows: Row[]): void {
  for (const row of rows) {
    if (row.kind !== 'metric') continue
    const key = metricKey({ ...row.metric, dimensions: [] })
    if (askedUnits.has(key)) continue
    askedUnits.add(key)
    unitOf(row.metric).then(
      (unit) => (units.value = new Map(units.peek()).set(key, unit)),
      () => askedUnits.delete(key),
    )
  }
}

function unitOfRow(row: Row | undefined, graph: Graph): string {
  if (row?.kind !== 'metric') return ''
  const stat = row.stat ?? graph.stat
  if (stat === 'SampleCount' || /^(tc|TC|PR|o\d|u\d)/.test(stat)) return ''
  return units.value.get(metricKey({ ...row.metric, dimensions: [] })) ?? ''
}

/** Colours go by place in the graph; the lines of one row go on from its own. */
function linesOf(graph: Graph, state: LiveState): Line[] {
  const counts = new Map<string, number>()
  const perRow = new Map(graph.rows.map((row, n) => [row.id, n]))
  let beyond = graph.rows.length
  return state.lines.flatMap((line): Line[] => {
    const row = graph.rows.find((one) => one.id === line.id)
    if (!row?.visible) return []
    const n = counts.get(line.id) ?? 0
    counts.set(line.id, n + 1)
    const ownLabel = row.kind === 'metric' && !row.label
    return [
      {
        key: `${line.id} ${n}`,
        label: ownLabel ? rowLabel(row, graph.rows) : line.label,
        unit: unitOfRow(row, graph),
        axis: row.axis,
        colour: n === 0 ? (perRow.get(line.id) ?? 0) : beyond++,
        points: line.points,
        period: row.kind === 'metric' ? (row.period ?? state.period) : state.period,
      },
    ]
  })
}

export interface Shown {
  drawing: Drawing
  state: LiveState
  /** What is wrong, and with which row, where that is known. */
  trouble: { text: string; hint: string; row: string | undefined } | undefined
  notes: string[]
}

/** The row that an error names: by its place in the question, or by its id. */
export function rowOfError(text: string, queries: DataQuery[]): string | undefined {
  const place = /MetricDataQueries\.member\.(\d+)/.exec(text)?.[1]
  if (place) return queries[Number(place) - 1]?.Id
  return queries.find(({ Id, Expression }) => Expression !== undefined && new RegExp(`(expression|Expression|query|Id)\\W+${Id}\\b`).test(text))?.Id
}

export function periodOf(graph: Graph): number {
  return graph.period === 'auto' ? autoPeriod(windowNow(), tick.value.at) : graph.period
}

const hasMath = (queries: DataQuery[]): boolean => queries.some((query) => query.Expression !== undefined)

export function useGraphData(): ReadonlySignal<Shown> {
  const live = useMemo(() => new Live(), [])
  const plain = useMemo(() => new Live(), [])
  useEffect(
    () => () => {
      live.stop()
      plain.stop()
    },
    [],
  )
  useSignalEffect(() => {
    const period = periodOf(graph.value)
    const queries = queriesOf(graph.value, period)
    const isTailable = !hasMath(queries) && !queries.some(({ Label }) => Label?.includes('${'))
    askUnits(graph.value.rows)
    void live.ask({ queries, window: windowNow(), period, isTailable })
  })
  useSignalEffect(() => {
    if (live.state.value.error === undefined) return
    const period = periodOf(graph.value)
    const all = queriesOf(graph.value, period)
    if (!hasMath(all)) return
    const queries = all.filter(({ Expression }) => Expression === undefined)
    void plain.ask({ queries, window: windowNow(), period, isTailable: true })
  })
  return useComputed(() => {
    const { error } = live.state.value
    const queries = queriesOf(graph.value, periodOf(graph.value))
    const state = error !== undefined && hasMath(queries) ? plain.state.value : live.state.value
    const lines = linesOf(graph.value, state)
    const drawing: Drawing = { label: graph.value.title || 'Graph', lines, view: graph.value.view }
    const failure = error instanceof Failure ? error : undefined
    const text = failure?.what ?? (error === undefined ? '' : String(error))
    const trouble = text ? { text, hint: failure?.hint ?? '', row: rowOfError(text, queries) } : undefined
    const notes = [...state.messages, ...state.lines.flatMap((line) => [...line.messages, ...(line.status === 'Complete' ? [] : [`${line.label}: ${line.status}`])])]
    return { drawing, state, trouble, notes: [...new Set(notes)] }
  })
}
