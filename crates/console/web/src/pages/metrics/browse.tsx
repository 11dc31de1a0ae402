/** Finding metrics: one search box over everything, or by namespace and dimensions. */
import { type ReadonlySignal, useComputed, useSignal, useSignalEffect } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { namespaces as askNamespaces, NO_NAMESPACE, series } from '../../api/prometheus.ts'
import { report } from '../../frame/toasts.tsx'
import { findMetrics, readMetrics } from '../../lib/catalogue.ts'
import { rowOf } from '../../lib/graph.ts'
import { type Metric, dimensionNames, matcher, metricKey } from '../../lib/metric.ts'
import { countText } from '../../lib/numbers.ts'
import { useVisible } from '../../lib/virtual.ts'
import { graph, toggleMetric } from './state.ts'

const ROW = 38
const FOUND_MAX = 2_000
const SETTLE_MS = 150

/** How deep one has gone: nowhere, into a namespace, into one set of dimensions of it. */
interface Depth {
  namespace?: string
  dimensions?: string
}

interface Item {
  key: string
  title: string
  detail: string
  count?: number
  metric?: Metric
  open?: () => void
}

const byText = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true })

async function allNamespaces(signal: AbortSignal): Promise<string[]> {
  const [named, bare] = await Promise.all([askNamespaces(signal), series(['{__namespace__="",__name__=~".+"}'], 1, signal)])
  const all = named.filter(Boolean)
  if (bare.length > 0) all.push(NO_NAMESPACE)
  return all.sort(byText)
}

export const searchBox: { current: HTMLInputElement | null } = { current: null }

export function Browse() {
  const text = useSignal('')
  const depth = useSignal<Depth>({})
  const namespaces = useSignal<string[] | undefined>(undefined)
  const metrics = useSignal<Metric[] | undefined>(undefined)
  const found = useSignal<Metric[] | undefined>(undefined)
  const partial = useSignal('')
  useEffect(() => {
    const stop = new AbortController()
    allNamespaces(stop.signal).then((all) => (namespaces.value = all), report)
    return () => stop.abort()
  }, [])
  useSignalEffect(() => {
    const { namespace } = depth.value
    metrics.value = undefined
    partial.value = ''
    if (!namespace) return undefined
    const stop = new AbortController()
    const read = readMetrics({ Namespace: namespace }, (page) => (metrics.value = [...page]), stop.signal)
    read.then(({ isWhole }) => (partial.value = isWhole ? '' : 'There are more than are listed here: search to find others.'), report)
    return () => stop.abort()
  })
  useSignalEffect(() => {
    const wanted = text.value.trim()
    found.value = undefined
    // Within a namespace what is there already is looked through.
    if (!wanted || depth.value.namespace) return undefined
    const stop = new AbortController()
    const timer = setTimeout(() => findMetrics(wanted, FOUND_MAX, stop.signal).then((all) => (found.value = all), report), SETTLE_MS)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  })
  const items = useComputed<Item[] | undefined>(() => {
    const wanted = text.value.trim()
    const { namespace, dimensions } = depth.value
    if (!namespace) {
      if (wanted) return found.value?.map((metric) => itemOf(metric, true))
      return namespaces.value?.map((name) => ({ key: name, title: name, detail: name === NO_NAMESPACE ? 'Prometheus series, without a namespace' : '', open: () => (depth.value = { namespace: name }) }))
    }
    const fits = matcher(wanted)
    const all = metrics.value?.filter(fits)
    if (wanted) return all?.map((metric) => itemOf(metric, false))
    if (dimensions === undefined) return all && setsOf(all, (set) => (depth.value = { namespace, dimensions: set }))
    return all?.filter((metric) => dimensionNames(metric) === dimensions).map((metric) => itemOf(metric, false))
  })
  const { namespace, dimensions } = depth.value
  const go = (to: Depth): void => {
    text.value = ''
    depth.value = to
  }
  return (
    <section class="browse" aria-label="Find metrics">
      <input
        ref={(input) => {
          searchBox.current = input
        }}
        type="search"
        aria-label="Search metrics"
        aria-controls="found"
        placeholder={namespace ? `Search in ${namespace}` : 'Search names, namespaces, dimensions'}
        value={text.value}
        onInput={(event) => (text.value = event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'ArrowDown') return
          event.preventDefault()
          document.getElementById('found')?.focus()
        }}
      />
      <nav class="crumbs" aria-label="Place in the catalogue">
        <button class="quiet" onClick={() => go({})} aria-current={namespace ? undefined : 'true'}>
          All
        </button>
        {namespace && (
          <button class="quiet" onClick={() => go({ namespace })} aria-current={dimensions === undefined ? 'true' : undefined}>
            {namespace}
          </button>
        )}
        {dimensions !== undefined && (
          <button class="quiet" aria-current="true">
            {dimensions || 'no dimensions'}
          </button>
        )}
      </nav>
      <List items={items} isSearch={text.value.trim() !== ''} />
      {partial.value && <p class="dim pad">{partial.value}</p>}
    </section>
  )
}

function itemOf(metric: Metric, withNamespace: boolean): Item {
  const dimensions = metric.dimensions.map(([name, value]) => `${name}=${value}`).join(', ')
  const detail = withNamespace ? [metric.namespace, dimensions].filter(Boolean).join(': ') : dimensions
  return { key: metricKey(metric), title: metric.name, detail, metric }
}

function setsOf(metrics: Metric[], open: (set: string) => void): Item[] {
  const counts = new Map<string, number>()
  for (const metric of metrics) {
    const set = dimensionNames(metric)
    counts.set(set, (counts.get(set) ?? 0) + 1)
  }
  return [...counts].sort(([a], [b]) => byText(a, b)).map(([set, count]) => ({ key: set, title: set || 'no dimensions', detail: '', count, open: () => open(set) }))
}

function List({ items, isSearch }: { items: ReadonlySignal<Item[] | undefined>; isSearch: boolean }) {
  const all = items.value ?? []
  const active = useSignal(0)
  const list = useVisible<HTMLUListElement>(all.length, ROW)
  const before = useRef('')
  const mark = `${all.length} ${all[0]?.key ?? ''}`
  if (before.current !== mark) {
    before.current = mark
    active.value = Math.min(active.peek(), Math.max(0, all.length - 1))
  }
  const take = (item: Item | undefined): void => {
    if (item?.metric) toggleMetric(item.metric)
    else item?.open?.()
  }
  const move = (to: number): void => {
    active.value = Math.max(0, Math.min(all.length - 1, to))
    list.show(active.value)
  }
  const keys: Record<string, () => void> = {
    ArrowDown: () => move(active.value + 1),
    ArrowUp: () => (active.value === 0 ? searchBox.current?.focus() : move(active.value - 1)),
    PageDown: () => move(active.value + 12),
    PageUp: () => move(active.value - 12),
    Home: () => move(0),
    End: () => move(all.length - 1),
    Enter: () => take(all[active.value]),
    ' ': () => take(all[active.value]),
  }
  return (
    <>
      <p class="count dim" role="status">
        {items.value === undefined ? 'Reading…' : all.length === 0 ? (isSearch ? 'Nothing has all of these words.' : 'Nothing yet: what is put here shows within seconds.') : `${countText(all.length)} ${all[0]?.metric ? 'metrics' : 'groups'}${all.length >= FOUND_MAX && isSearch ? ' and more' : ''}`}
      </p>
      <ul
        id="found"
        class="found"
        ref={list.ref}
        tabIndex={0}
        role="listbox"
        aria-multiselectable="true"
        aria-label="Metrics"
        aria-activedescendant={all.length > 0 ? `found-${active.value}` : undefined}
        onKeyDown={(event) => {
          const run = event.ctrlKey || event.metaKey ? undefined : keys[event.key]
          if (!run) return
          event.preventDefault()
          run()
        }}
      >
        <li class="space" aria-hidden="true" style={{ height: `${list.above}px` }} />
        {all.slice(list.first, list.end).map((item, n) => {
          const index = list.first + n
          const chosen = item.metric !== undefined && rowOf(graph.value, item.metric) !== undefined
          return (
            <li
              key={item.key}
              id={`found-${index}`}
              role="option"
              aria-selected={chosen}
              aria-setsize={all.length}
              aria-posinset={index + 1}
              class={index === active.value ? 'active' : ''}
              title={[item.title, item.detail].filter(Boolean).join('\n')}
              onClick={() => {
                active.value = index
                take(item)
              }}
            >
              <span class={item.metric ? 'box-mark' : 'folder-mark'} aria-hidden="true">
                {item.metric ? (chosen ? '✓' : '') : '›'}
              </span>
              <span class="title">{item.title}</span>
              {item.count !== undefined && <span class="dim">{countText(item.count)}</span>}
              {item.detail && <span class="detail dim">{item.detail}</span>}
            </li>
          )
        })}
        <li class="space" aria-hidden="true" style={{ height: `${list.below}px` }} />
      </ul>
    </>
  )
}
