/** Which metrics there are: all of them where they fit, else what the server finds. */
import { type MetricFilter, metricPage } from '../api/cloudwatch.ts'
import { containing, labelNames, metricOf, quoted, series } from '../api/prometheus.ts'
import { type Metric, matcher, metricKey } from './metric.ts'

/** As many are held here; beyond that the server searches. */
export const HELD_MAX = 20_000
/** What is held is good for so long. */
const FRESH_MS = 30_000
/** Labels whose values a search of the server looks into. */
const LABELS_MAX = 60

interface Held {
  metrics: Metric[]
  isWhole: boolean
  at: number
}

let held: Held | undefined
let loading: Promise<Held> | undefined

/** Reads metrics page by page, telling of each; stops at what can be held. */
export async function readMetrics(
  filter: MetricFilter,
  onPage: (metrics: Metric[]) => void,
  signal?: AbortSignal,
): Promise<Held> {
  const metrics: Metric[] = []
  let token: string | undefined
  do {
    const page = await metricPage(filter, token, signal)
    metrics.push(...page.metrics)
    token = page.next
    onPage(metrics)
  } while (token && metrics.length < HELD_MAX)
  return { metrics, isWhole: !token, at: performance.now() }
}

async function all(): Promise<Held> {
  if (held && performance.now() - held.at < FRESH_MS) return held
  loading ??= readMetrics({}, () => undefined).finally(() => (loading = undefined))
  held = await loading
  return held
}

/** Finds metrics by words in their namespace, name or dimensions. */
export async function findMetrics(text: string, max: number, signal?: AbortSignal): Promise<Metric[]> {
  const known = await all()
  signal?.throwIfAborted()
  const fits = matcher(text)
  const found: Metric[] = []
  for (const metric of known.metrics) {
    if (found.length >= max) break
    if (fits(metric)) found.push(metric)
  }
  if (known.isWhole || found.length >= max) return found
  const beyond = await search(text, max, signal)
  const keys = new Set(found.map(metricKey))
  return [...found, ...beyond.filter((one) => !keys.has(metricKey(one)) && fits(one))].slice(0, max)
}

/** Asks the server for series that have the first word in any label; the other words are looked for here. */
async function search(text: string, max: number, signal?: AbortSignal): Promise<Metric[]> {
  const [word = ''] = text.trim().split(/\s+/).sort((a, b) => b.length - a.length)
  const value = word.includes('=') ? word.slice(word.indexOf('=') + 1) : word
  const names = (await labelNames(signal)).filter((name) => /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) && name !== '__unit__')
  const matchers = names.slice(0, LABELS_MAX).map((name) => `{${name}=~${quoted(containing(value))}}`)
  const found = await series(matchers, max * 20, signal)
  const metrics = new Map(found.map(metricOf).map((metric) => [metricKey(metric), metric]))
  return [...metrics.values()]
}
