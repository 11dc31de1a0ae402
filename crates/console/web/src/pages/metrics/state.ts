/** The graph of this page: it stands in the address, and nowhere else. */
import { computed } from '@preact/signals'
import { place, setParams } from '../../frame/router.ts'
import { type Graph, type Row, graphParams, parseGraph, rowOf, withMetric } from '../../lib/graph.ts'
import type { Metric } from '../../lib/metric.ts'

export const graph = computed<Graph>(() => parseGraph(place.value.params))

const PARAMS = ['rows', 'stat', 'period', 'view', 'title']

/** Shows another graph; `replace` for what is a part of one act, such as typing. */
export function setGraph(to: Graph, replace = false): void {
  const params = graphParams(to)
  setParams(Object.fromEntries(PARAMS.map((name) => [name, params[name]])), replace)
}

export function setRow(id: string, changes: Partial<Row>): void {
  const { rows } = graph.peek()
  const changed = rows.map((row) => (row.id === id ? ({ ...row, ...changes } as Row) : row))
  // A field that was emptied is as in the graph.
  for (const row of changed) {
    for (const [name, value] of Object.entries(row)) if (value === undefined || value === '') if (name !== 'expression') delete (row as unknown as Record<string, unknown>)[name]
  }
  setGraph({ ...graph.peek(), rows: changed })
}

export function removeRow(id: string): void {
  setGraph({ ...graph.peek(), rows: graph.peek().rows.filter((row) => row.id !== id) })
}

/** Puts a metric on the graph, or takes it off. */
export function toggleMetric(metric: Metric): void {
  const row = rowOf(graph.peek(), metric)
  if (row) removeRow(row.id)
  else setGraph(withMetric(graph.peek(), metric))
}

/** What a row is called: by what tells it from the others. */
export function rowLabel(row: Row, rows: Row[]): string {
  if (row.label) return row.label
  if (row.kind === 'math') return row.expression || row.id
  const { metric } = row
  const others = rows.filter((one) => one.kind === 'metric' && one.id !== row.id)
  const parts = metric.dimensions.filter(([name, value]) => others.some((one) => one.kind === 'metric' && one.metric.dimensions.find(([n]) => n === name)?.[1] !== value))
  const differing = parts.length > 0 ? parts : others.length === 0 ? metric.dimensions : []
  const values = differing.map(([, value]) => value).join(' · ')
  const stats = new Set(rows.map((one) => (one.kind === 'metric' ? (one.stat ?? '') : '')))
  const stat = stats.size > 1 && row.stat ? ` ${row.stat}` : ''
  return `${metric.name}${stat}${values ? ` ${values}` : ''}`
}

export function rowDetail(row: Row): string {
  if (row.kind === 'math') return row.expression
  const names = row.metric.dimensions.map(([name, value]) => `${name}=${value}`)
  return [row.metric.namespace, row.metric.name, ...names].join('  ')
}

