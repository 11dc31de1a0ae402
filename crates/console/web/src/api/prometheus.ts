/** Prometheus' API: lists that CloudWatch's has not. */
import type { Metric } from '../lib/metric.ts'
import { send } from './http.ts'

/** CloudWatch's name for series that have no namespace. */
export const NO_NAMESPACE = ':prometheus'

async function list<T>(path: string, params: [string, string][], signal?: AbortSignal): Promise<T> {
  const query = new URLSearchParams(params).toString()
  const answer = await send(`/api/v1/${path}${query ? `?${query}` : ''}`, `/api/v1/${path}`, { signal })
  const told = (await answer.json()) as { data: T }
  return told.data
}

export async function namespaces(signal?: AbortSignal): Promise<string[]> {
  return list<string[]>('label/__namespace__/values', [], signal)
}

export async function labelNames(signal?: AbortSignal): Promise<string[]> {
  return list<string[]>('labels', [], signal)
}

type Labels = Record<string, string>

/** A text within quotes, as PromQL has it. */
export function quoted(text: string): string {
  return JSON.stringify(text)
}

/** A regular expression that finds a text anywhere, whatever its case. */
export function containing(text: string): string {
  return `(?i).*${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}.*`
}

export async function series(matchers: string[], limit: number, signal?: AbortSignal): Promise<Labels[]> {
  const params = matchers.map((one): [string, string] => ['match[]', one])
  return list<Labels[]>('series', [...params, ['limit', String(limit)]], signal)
}

/** The metric that CloudWatch's door shows a series as. */
export function metricOf(labels: Labels): Metric {
  const dimensions = Object.entries(labels).filter(([name]) => !['__name__', '__namespace__', '__unit__'].includes(name))
  dimensions.sort(([a], [b]) => (a < b ? -1 : 1))
  return { namespace: labels['__namespace__'] || NO_NAMESPACE, name: labels['__name__'] ?? '', dimensions }
}

/** The unit that a metric was reported with; none when it has several. */
export async function unitOf(metric: Metric, signal?: AbortSignal): Promise<string> {
  const namespace = metric.namespace === NO_NAMESPACE ? '' : metric.namespace
  const wanted = [`__name__=${quoted(metric.name)}`, `__namespace__=${quoted(namespace)}`]
  const found = await series([`{${wanted.join(',')}}`], 20, signal)
  const units = new Set(found.map((labels) => labels['__unit__'] ?? ''))
  const [unit] = units
  return units.size === 1 && unit && unit !== 'None' ? unit : ''
}

/** A line for each series that a query returns over a window in milliseconds, `step` seconds apart. */
export async function queryRange(query: string, from: number, to: number, step: number, signal?: AbortSignal): Promise<{ labels: Record<string, string>; times: number[]; values: number[] }[]> {
  const params: [string, string][] = [['query', query], ['start', String(from / 1000)], ['end', String(to / 1000)], ['step', String(step)]]
  const told = await list<{ result: { metric: Labels; values: [number, string][] }[] }>('query_range', params, signal)
  return told.result.map(({ metric, values }) => ({ labels: metric, times: values.map(([at]) => at), values: values.map(([, value]) => Number(value)) }))
}
