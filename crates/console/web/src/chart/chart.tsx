/** A chart: drawn, read with mouse or keys, zoomed by dragging. Its table twin says the same in words. */
import { useSignal } from '@preact/signals'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { systemDark, theme } from '../frame/app-state.ts'
import { setRange, utc } from '../frame/clock.ts'
import { valueText } from '../lib/numbers.ts'
import { cadence, valueAt } from '../lib/points.ts'
import { MINUTE, type Window, clockText, timeText } from '../lib/time.ts'
import { type Drawing, colourVar, told } from './lines.ts'
import { Plot, shapeOf } from './plot.ts'

interface Props {
  drawing: Drawing
  window: Window
  height: number
  isSmall?: boolean
  /** Key of the line that stands out. */
  focus?: string | undefined
}

interface Reading {
  index: number
  left: number
}

const READOUT_LINES = 14
/** Zooming in ends here. */
const WINDOW_MIN = MINUTE

function zoomTo(from: number, to: number): void {
  const middle = (from + to) / 2
  const half = Math.max(to - from, WINDOW_MIN) / 2
  const second = (at: number): number => Math.round(at / 1000) * 1000
  setRange({ kind: 'absolute', from: second(middle - half), to: second(middle + half) })
}

function zoomBy(window: Window, factor: number): void {
  const middle = (window.from + window.to) / 2
  const half = ((window.to - window.from) / 2) * factor
  zoomTo(middle - half, middle + half)
}

export function Chart({ drawing, window, height, isSmall = false, focus }: Props) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<Plot | undefined>(undefined)
  const isOver = useRef(false)
  const reading = useSignal<Reading | undefined>(undefined)
  const shape = `${shapeOf(drawing)} ${theme.value} ${utc.value} ${systemDark.value}`
  useLayoutEffect(() => {
    const box = place.current
    if (!box) return undefined
    const made = new Plot(box, drawing, window, {
      width: Math.max(box.clientWidth, 80),
      height,
      utc: utc.value,
      isSmall,
      onCursor: (index, left) => {
        reading.value = index === undefined || left < 0 || !isOver.current ? undefined : { index, left }
      },
      onSelect: zoomTo,
    })
    plot.current = made
    return () => {
      plot.current = undefined
      made.destroy()
    }
  }, [shape, height])
  useLayoutEffect(() => plot.current?.update(drawing, window), [drawing, window])
  useEffect(() => plot.current?.focus(focus), [focus, drawing])
  useEffect(() => {
    const box = place.current
    if (!box) return undefined
    const watch = new ResizeObserver(() => plot.current?.resize(Math.max(box.clientWidth, 80), height))
    watch.observe(box)
    return () => watch.disconnect()
  }, [height])

  const leave = (): void => {
    isOver.current = false
    reading.value = undefined
    plot.current?.leave()
  }
  const step = (by: number): void => {
    const axis = plot.current?.values.axis ?? []
    if (axis.length === 0) return
    const from = reading.value?.index ?? (by < 0 ? axis.length : -1)
    isOver.current = true
    plot.current?.pointAt(Math.max(0, Math.min(axis.length - 1, from + by)))
  }
  const keys: Record<string, () => void> = {
    ArrowLeft: () => step(-1),
    ArrowRight: () => step(1),
    '+': () => zoomBy(window, 0.5),
    '-': () => zoomBy(window, 2),
    Escape: leave,
  }
  return (
    <div
      class="chart"
      role="group"
      aria-roledescription="chart"
      aria-label={told(drawing)}
      tabIndex={0}
      onPointerEnter={() => (isOver.current = true)}
      onPointerLeave={leave}
      onBlur={leave}
      onDblClick={() => zoomBy(window, 2)}
      onKeyDown={(event) => {
        const run = event.ctrlKey || event.metaKey ? undefined : keys[event.key]
        if (!run) return
        event.preventDefault()
        run()
      }}
    >
      <div class="plot" ref={place} aria-hidden="true" />
      <Readout reading={reading.value} plot={plot.current} drawing={drawing} />
    </div>
  )
}

function Readout({ reading, plot, drawing }: { reading: Reading | undefined; plot: Plot | undefined; drawing: Drawing }) {
  const box = useRef<HTMLDivElement>(null)
  const axis = plot?.values.axis ?? []
  const at = reading ? axis[reading.index] : undefined
  useLayoutEffect(() => {
    const shown = box.current
    const chart = shown?.parentElement
    if (!shown || !chart || !reading) return
    const plotLeft = chart.querySelector<HTMLElement>('.u-over')?.offsetLeft ?? 0
    const x = plotLeft + reading.left
    const left = x + 14 + shown.offsetWidth > chart.clientWidth ? x - 14 - shown.offsetWidth : x + 14
    shown.style.transform = `translate(${Math.round(Math.max(0, left))}px, 4px)`
  })
  if (!reading || at === undefined) return <div class="readout" aria-live="polite" ref={box} hidden />
  const values = drawing.lines.map((line, n) => {
    const reach = 2.5 * cadence(line.points, line.period)
    return { line, value: valueAt(plot?.values.columns[n] ?? [], axis, reading.index, reach) }
  })
  const known = values.filter(({ value }) => value !== undefined)
  if (drawing.view !== 'stacked') known.sort((a, b) => (b.value ?? 0) - (a.value ?? 0))
  return (
    <div class="readout" aria-live="polite" ref={box}>
      <div class="readout-time" title={timeText(at * 1000, utc.value)}>
        {timeText(at * 1000, utc.value).slice(0, 10)} <b>{clockText(at * 1000, utc.value)}</b>
      </div>
      {known.slice(0, READOUT_LINES).map(({ line, value }) => (
        <div class="readout-line" key={line.key}>
          <i class="swatch" style={{ background: colourVar(line.colour) }} />
          <span class="name">{line.label}</span>
          <b>{valueText(value, line.unit)}</b>
        </div>
      ))}
      {known.length > READOUT_LINES && <div class="dim">and {known.length - READOUT_LINES} more</div>}
      {known.length === 0 && <div class="dim">no values</div>}
    </div>
  )
}
