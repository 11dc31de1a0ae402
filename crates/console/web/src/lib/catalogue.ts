/** Which metrics there are: all of them where they fit, else what the server finds. */
import { type MetricFilter, metricPage } from '../api/cloudwatch.ts'
import { containing, labelNames, metricOf, quoted, series } from '../api/prometheus.ts'
import { type Metric, matcher, metricKey } from './metric.ts'

/** As many are listed of one namespace. */
const LISTED_MAX = 20_000
/** As many are held for searches; where there are more, the server searches. */
const HELD_MAX = 2_500
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
  max = LISTED_MAX,
): Promise<Held> {
  const metrics: Metric[] = []
  let token: string | undefined
  do {
    const page = await metricPage(filter, token, signal)
    metrics.push(...page.metrics)
    token = page.next
    onPage(metrics)
  } while (token && metrics.length < max)
  return { metrics, isWhole: !token, at: performance.now() }
}

async function all(): Promise<Held> {
  if (held && performance.now() - held.at < FRESH_MS) return held
  loading ??= readMetrics({}, () => undefined, undefined, HELD_MAX).finally(() => (loading = undefined))
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

/** Series of one answer: what the other words leave out of them is not seen. */
const SERIES_MAX = 5_000

const isLabel = (name: string): boolean => /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)

/**
 * Selectors of series that may have all words: those like `name=value` in every one of them, and of the
 * others the longest in any label. What is left is looked for here.
 */
export function selectorsOf(text: string, labels: string[]): string[] {
  const words = text.trim().split(/\s+/).filter(Boolean)
  const matchers: string[] = []
  const rest: string[] = []
  for (const word of words) {
    const at = word.indexOf('=')
    if (at > 0 && isLabel(word.slice(0, at))) matchers.push(`${word.slice(0, at)}=~${quoted(containing(word.slice(at + 1)))}`)
    else rest.push(word)
  }
  const longest = rest.sort((a, b) => b.length - a.length)[0]
  if (longest === undefined) return matchers.length > 0 ? [`{__name__=~".+",${matchers.join(',')}}`] : []
  const usable = labels.filter((name) => isLabel(name) && name !== '__unit__').slice(0, LABELS_MAX)
  return usable.map((name) => `{${[`${name}=~${quoted(containing(longest))}`, ...matchers].join(',')}}`)
}

async function search(text: string, max: number, signal?: AbortSignal): Promise<Metric[]> {
  const selectors = selectorsOf(text, await labelNames(signal))
  const found = selectors.length > 0 ? await series(selectors, Math.max(SERIES_MAX, max), signal) : []
  const metrics = new Map(found.map(metricOf).map((metric) => [metricKey(metric), metric]))
  return [...metrics.values()]
}
