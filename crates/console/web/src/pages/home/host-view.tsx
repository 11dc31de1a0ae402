/** One host: what it does now, and eight graphs that move. */
import { useSignal, useSignalEffect } from '@preact/signals'
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { serverNow } from '../../api/http.ts'
import { Chart } from '../../chart/chart.tsx'
import type { Drawing, Line } from '../../chart/lines.ts'
import { colourVar } from '../../chart/lines.ts'
import { TableTwin } from '../../chart/table-twin.tsx'
import { range, rangeParam, tick, windowNow } from '../../frame/clock.ts'
import { address } from '../../frame/router.ts'
import { report } from '../../frame/toasts.tsx'
import { EMPTY, type Graph, type MathRow, type MetricRow, graphParams, metricQuery } from '../../lib/graph.ts'
import { Live, type LiveState } from '../../lib/live.ts'
import type { Metric } from '../../lib/metric.ts'
import { valueText } from '../../lib/numbers.ts'
import { NONE, perSecond, summary } from '../../lib/points.ts'
import { MINUTE, agoText, autoPeriod } from '../../lib/time.ts'
import { metricsOf } from './hosts.ts'
import { type Panel, panelsOf } from './panels.ts'

/** Graphs are small here: more points than this are less than a pixel each. */
const FINEST = 10
const LIST_EVERY_MS = 60_000
/** Rates come with the second round of a collector that has just begun. */
const LIST_SOON_MS = 5_000
const SILENT_MS = 3 * MINUTE

const idOf = (panel: Panel, n: number): string => `${panel.id}_${n}`

export function HostView({ name, isOnly }: { name: string; isOnly: boolean }) {
  const metrics = useSignal<Metric[] | undefined>(undefined)
  const live = useMemo(() => new Live(), [name])
  const listed = useRef(-Infinity)
  useEffect(() => {
    listed.current = -Infinity
    metrics.value = undefined
    return () => live.stop()
  }, [name])
  useSignalEffect(() => {
    void tick.value
    const stop = new AbortController()
    const known = metrics.peek()
    const isYoung = !known?.some((metric) => metric.name === 'cpu_usage_active' || metric.name === 'cpu_usage_idle')
    if (performance.now() - listed.current < (isYoung ? LIST_SOON_MS : LIST_EVERY_MS)) return undefined
    listed.current = performance.now()
    metricsOf(name, stop.signal).then((found) => (metrics.value = found), report)
    return undefined
  })
  useSignalEffect(() => {
    if (!metrics.value) return
    const window = windowNow()
    const period = autoPeriod(window, tick.value.at, FINEST)
    const panels = panelsOf(metrics.value)
    const queries = panels.flatMap((panel) => panel.lines.map((line, n) => metricQuery(idOf(panel, n), line.metric, line.stat, period)))
    void live.ask({ queries, window, period, isTailable: true })
  })
  const state = live.state.value
  const panels = useMemo(() => panelsOf(metrics.value ?? []), [metrics.value])
  const drawings = useMemo(() => new Map(panels.map((panel) => [panel.id, drawingOf(panel, state)])), [panels, state])
  if (!metrics.value) return <p class="dim pad">Reading what {name} reports…</p>
  const newest = Math.max(...state.lines.map((line) => line.points.times.at(-1) ?? 0), 0) * 1000
  return (
    <section aria-labelledby="host-name" class="host">
      <header class="host-head">
        <h1 id="host-name">
          {!isOnly && (
            <a href={address('', { range: rangeParam() })} class="up">
              Hosts
            </a>
          )}
          {name}
        </h1>
        <Freshness newest={newest} period={state.period} isLoading={state.loading} />
        {state.error !== undefined && <Trouble error={state.error} />}
      </header>
      <Tiles drawings={drawings} />
      <div class="panels">
        {panels.map((panel) => (
          <PanelView key={panel.id} panel={panel} drawing={drawings.get(panel.id) ?? drawingOf(panel, state)} state={state} />
        ))}
      </div>
    </section>
  )
}

function Trouble({ error }: { error: unknown }) {
  return <span class="wrong">{error instanceof Error ? error.message : String(error)}</span>
}

function Freshness({ newest, period, isLoading }: { newest: number; period: number; isLoading: boolean }) {
  // Ages with every refresh.
  void tick.value
  if (newest === 0) return <span class="state dim">{isLoading ? 'reading…' : 'no points in this range'}</span>
  // A period's point is of its whole length.
  const age = serverNow() - newest - period * 1000
  if (range.value.kind === 'absolute') return null
  const isSilent = age > SILENT_MS
  return (
    <span class={`state ${isSilent ? 'bad' : 'good'}`}>
      <i class="dot" />
      {isSilent ? `silent for ${agoText(age)}` : 'reporting'}
    </span>
  )
}

/** The lines of a panel, with what was answered so far. */
export function drawingOf(panel: Panel, state: LiveState): Drawing {
  const byId = new Map(state.lines.map((line) => [line.id, line.points]))
  const now = serverNow() / 1000
  const lines = panel.lines.map((line, n): Line => {
    const points = byId.get(idOf(panel, n)) ?? NONE
    return {
      key: idOf(panel, n),
      label: line.label,
      unit: panel.unit,
      axis: 'left',
      colour: n,
      points: line.isRate ? perSecond(points, state.period, now) : points,
      period: state.period,
    }
  })
  const drawing: Drawing = { label: panel.title, lines, view: panel.view, fromZero: true }
  return panel.reach === undefined ? drawing : { ...drawing, reach: panel.reach }
}

/** The panel as a graph of the page that can change it. */
function graphOf(panel: Panel): Graph {
  const rows = panel.lines.flatMap((line, n): (MetricRow | MathRow)[] => {
    const id = `m${n + 1}`
    const row: MetricRow = { kind: 'metric', id, metric: line.metric, label: line.label, axis: 'left', visible: !line.isRate }
    if (!line.isRate) return [row]
    const rate: MathRow = { kind: 'math', id: `e${n + 1}`, expression: `${id} / PERIOD(${id})`, label: `${line.label}, per second`, axis: 'left', visible: true }
    return [{ ...row, stat: line.stat }, rate]
  })
  return { ...EMPTY, title: panel.title, view: panel.view, rows }
}

function PanelView({ panel, drawing, state }: { panel: Panel; drawing: Drawing; state: LiveState }) {
  const asTable = useSignal(false)
  const title = `panel-${panel.id}`
  return (
    <article class="panel" aria-labelledby={title}>
      <header>
        <h2 id={title}>{panel.title}</h2>
        <button class="quiet" aria-pressed={asTable.value} aria-label={`${panel.title} as table`} onClick={() => (asTable.value = !asTable.value)}>
          {asTable.value ? 'Graph' : 'Table'}
        </button>
        {panel.lines.length > 0 && (
          <a class="quiet" href={address('metrics', { range: rangeParam(), ...graphParams(graphOf(panel)) })} aria-label={`Open ${panel.title} in Metrics`}>
            Open
          </a>
        )}
      </header>
      {panel.lines.length === 0 ? (
        <p class="dim nothing">Not reported{state.period <= FINEST ? ' yet: rates take a second round.' : '.'}</p>
      ) : asTable.value ? (
        <TableTwin drawing={drawing} />
      ) : (
        <>
          <Chart drawing={drawing} window={state.window} height={132} isSmall />
          <ul class="legend" aria-label={`${panel.title}, newest values`}>
            {drawing.lines.map((line) => (
              <li key={line.key}>
                <i class="swatch" style={{ background: colourVar(line.colour) }} />
                {line.label} <b>{valueText(summary(line.points).last, line.unit)}</b>
              </li>
            ))}
          </ul>
        </>
      )}
    </article>
  )
}

interface Tile {
  label: string
  value: string
  /** Of a whole, from 0 to 1. */
  part?: number
}

function Tiles({ drawings }: { drawings: Map<string, Drawing> }) {
  const last = (id: string): { label: string; value: number }[] => {
    return (drawings.get(id)?.lines ?? []).flatMap((line) => {
      const value = summary(line.points).last
      return value === undefined ? [] : [{ label: line.label, value }]
    })
  }
  const sum = (id: string, end: string): number => last(id).reduce((all, one) => (one.label.endsWith(end) ? all + one.value : all), 0)
  const percent = (label: string, value: number | undefined): Tile => ({ label, value: valueText(value, 'Percent'), ...(value === undefined ? {} : { part: value / 100 }) })
  const fullest = last('disk').sort((a, b) => b.value - a.value)[0]
  const cpu = last('cpu')
  const tiles: Tile[] = [
    percent('CPU', cpu.length > 0 ? sum('cpu', '') : undefined),
    percent('Memory', last('memory').find((one) => one.label === 'used')?.value),
    percent(fullest ? `Disk ${fullest.label}` : 'Disk', fullest?.value),
    { label: 'Received', value: last('net').length > 0 ? valueText(sum('net', 'received'), 'Bytes/Second') : '–' },
    { label: 'Sent', value: last('net').length > 0 ? valueText(sum('net', 'sent'), 'Bytes/Second') : '–' },
    { label: 'Connections', value: valueText(last('connections').find((one) => one.label === 'established')?.value) },
  ]
  return (
    <dl class="tiles" aria-label="Now">
      {tiles.map(({ label, value, part }) => (
        <div key={label.split(' ')[0]} class="tile">
          <dt>{label}</dt>
          <dd>{value}</dd>
          <i class="meter" aria-hidden="true">
            {part !== undefined && <i class={part > 0.9 ? 'full' : ''} style={{ width: `${Math.min(100, Math.max(0, part * 100))}%` }} />}
          </i>
        </div>
      ))}
    </dl>
  )
}
