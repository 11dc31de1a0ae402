/** CloudWatch's API, as AWS JSON. */
import type { DataQuery, DataRequest } from '../lib/graph.ts'
import type { Metric } from '../lib/metric.ts'
import type { Points } from '../lib/points.ts'
import { send } from './http.ts'

/** Calls an operation; what answers nothing gives an empty object. */
export async function call<T>(operation: string, input: unknown, signal?: AbortSignal): Promise<T> {
  const answer = await send('/', operation, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `GraniteServiceVersion20100801.${operation}`,
    },
    body: JSON.stringify(input),
    signal,
  })
  const text = await answer.text()
  return (text ? JSON.parse(text) : {}) as T
}

interface ListedMetric {
  Namespace: string
  MetricName: string
  Dimensions?: { Name: string; Value: string }[]
}

export interface MetricFilter {
  Namespace?: string
  MetricName?: string
  Dimensions?: { Name: string; Value?: string }[]
  RecentlyActive?: 'PT3H'
}

export interface MetricPage {
  metrics: Metric[]
  next: string | undefined
}

export async function metricPage(filter: MetricFilter, token?: string, signal?: AbortSignal): Promise<MetricPage> {
  const input = token ? { ...filter, NextToken: token } : filter
  const told = await call<{ Metrics?: ListedMetric[]; NextToken?: string }>('ListMetrics', input, signal)
  const metrics = (told.Metrics ?? []).map((one): Metric => {
    const dimensions = (one.Dimensions ?? []).map(({ Name, Value }): [string, string] => [Name, Value])
    dimensions.sort(([a], [b]) => (a < b ? -1 : 1))
    return { namespace: one.Namespace, name: one.MetricName, dimensions }
  })
  return { metrics, next: told.NextToken }
}

/** Reads all pages, up to `max` metrics. */
export async function listMetrics(filter: MetricFilter, max = 10_000, signal?: AbortSignal): Promise<Metric[]> {
  const found: Metric[] = []
  let token: string | undefined
  do {
    const page = await metricPage(filter, token, signal)
    found.push(...page.metrics)
    token = page.next
  } while (token && found.length < max)
  return found
}

/** One line of an answer. A search or an array of series gives several with one id. */
export interface DataLine {
  id: string
  label: string
  points: Points
  /** `Complete`, `PartialData`, `InternalError` or `Forbidden`. */
  status: string
  messages: string[]
}

export interface DataAnswer {
  lines: DataLine[]
  messages: string[]
}

interface Told {
  Code?: string
  Value?: string
}

interface DataOutput {
  MetricDataResults?: {
    Id: string
    Label?: string
    Timestamps?: number[]
    Values?: number[]
    StatusCode?: string
    Messages?: Told[]
  }[]
  Messages?: Told[]
  NextToken?: string
}

const toldText = (told: Told): string => [told.Code, told.Value].filter(Boolean).join(': ')

/** Queries of one question at most. */
export const QUERIES_MAX = 500

/** Asks for data of a window in milliseconds, all pages of it. */
export async function metricData(queries: DataQuery[], from: number, to: number, signal?: AbortSignal): Promise<DataAnswer> {
  const input: DataRequest = { MetricDataQueries: queries, StartTime: from / 1000, EndTime: to / 1000, ScanBy: 'TimestampAscending' }
  const lines = new Map<string, DataLine>()
  const messages: string[] = []
  let token: string | undefined
  do {
    const told = await call<DataOutput>('GetMetricData', token ? { ...input, NextToken: token } : input, signal)
    for (const one of told.MetricDataResults ?? []) {
      const key = `${one.Id}\n${one.Label ?? ''}`
      const line = lines.get(key) ?? { id: one.Id, label: one.Label ?? one.Id, points: { times: [], values: [] }, status: 'Complete', messages: [] }
      line.points.times.push(...(one.Timestamps ?? []))
      line.points.values.push(...(one.Values ?? []))
      line.status = one.StatusCode ?? line.status
      line.messages.push(...(one.Messages ?? []).map(toldText))
      lines.set(key, line)
    }
    messages.push(...(told.Messages ?? []).map(toldText))
    token = told.NextToken
  } while (token)
  return { lines: [...lines.values()], messages }
}
