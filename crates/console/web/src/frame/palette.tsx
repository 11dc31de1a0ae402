/** One box that leads everywhere: pages, settings, metrics. */
import { useComputed, useSignal, useSignalEffect } from '@preact/signals'
import { useRef } from 'preact/hooks'
import { findMetrics } from '../lib/catalogue.ts'
import { EMPTY, graphParams, withMetric } from '../lib/graph.ts'
import { type Metric, metricKey, metricLabel } from '../lib/metric.ts'
import { rangeParam } from './clock.ts'
import { Dialog } from './dialog.tsx'
import { frameKeys } from './keys.ts'
import { address, go, pages } from './router.ts'
import { report } from './toasts.tsx'

interface Choice {
  id: string
  kind: string
  title: string
  detail: string
  run: () => void
}

const METRICS_SHOWN = 12
const SETTLE_MS = 120

function ofMetric(metric: Metric): Choice {
  const graph = withMetric(EMPTY, metric)
  return {
    id: `metric ${metricKey(metric)}`,
    kind: 'Metric',
    title: metricLabel(metric),
    detail: metric.namespace,
    run: () => go(address('metrics', { range: rangeParam(), ...graphParams(graph) })),
  }
}

function fixed(): Choice[] {
  const ofPages = pages.filter(({ found }) => found !== 'link').map(({ path, title }): Choice => ({ id: `page ${path}`, kind: 'Page', title, detail: '', run: () => go(address(path, { range: rangeParam() })) }))
  const ofKeys = frameKeys.value
    .filter((key) => !key.keys.startsWith('g ') && key.keys !== '/' && key.keys !== 'Ctrl+k')
    .map((key): Choice => ({ id: `key ${key.keys}`, kind: 'Action', title: key.does, detail: key.shown, run: key.run }))
  return [...ofPages, ...ofKeys]
}

export function Palette({ onClose }: { onClose: () => void }) {
  const text = useSignal('')
  const metrics = useSignal<Metric[]>([])
  const chosen = useSignal(0)
  const list = useRef<HTMLUListElement>(null)
  useSignalEffect(() => {
    const wanted = text.value.trim()
    if (wanted.length < 2) {
      metrics.value = []
      return undefined
    }
    const stop = new AbortController()
    const timer = setTimeout(() => {
      findMetrics(wanted, METRICS_SHOWN, stop.signal).then((found) => (metrics.value = found), report)
    }, SETTLE_MS)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  })
  const choices = useComputed(() => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean)
    const fits = (one: Choice): boolean => words.every((word) => `${one.title} ${one.kind}`.toLowerCase().includes(word))
    return [...fixed().filter(fits), ...metrics.value.map(ofMetric)]
  })
  const index = Math.min(chosen.value, Math.max(0, choices.value.length - 1))
  const take = (choice: Choice | undefined): void => {
    if (!choice) return
    onClose()
    choice.run()
  }
  const move = (by: number): void => {
    const count = choices.value.length
    if (count === 0) return
    chosen.value = (index + by + count) % count
    list.current?.children[chosen.value]?.scrollIntoView({ block: 'nearest' })
  }
  return (
    <Dialog label="Search" class="palette" onClose={onClose}>
      <input
        autofocus
        role="combobox"
        aria-label="Search pages, actions and metrics"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={choices.value.length > 0 ? `palette-${index}` : undefined}
        placeholder="Pages, actions, metrics: name, namespace, dimension"
        value={text.value}
        onInput={(event) => {
          text.value = event.currentTarget.value
          chosen.value = 0
        }}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown') move(1)
          else if (event.key === 'ArrowUp') move(-1)
          else if (event.key === 'Enter') take(choices.value[index])
          else return
          event.preventDefault()
        }}
      />
      <ul id="palette-list" role="listbox" aria-label="Found" ref={list}>
        {choices.value.map((one, n) => (
          <li key={one.id} id={`palette-${n}`} role="option" aria-selected={n === index} onClick={() => take(one)} onPointerMove={() => (chosen.value = n)}>
            <span class="kind">{one.kind}</span>
            <span class="title">{one.title}</span>
            <span class="dim">{one.detail}</span>
          </li>
        ))}
      </ul>
      {choices.value.length === 0 && <p class="dim pad">Nothing has all of these words.</p>}
    </Dialog>
  )
}
