/** From lines to a canvas, by uPlot. */
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { valueText } from '../lib/numbers.ts'
import { type Column, aligned, stacked } from '../lib/points.ts'
import { type Window, tickText } from '../lib/time.ts'
import { COLOURS, type Drawing, type Line } from './lines.ts'

export interface PlotOptions {
  width: number
  height: number
  utc: boolean
  isSmall: boolean
  onCursor: (index: number | undefined, left: number) => void
  onSelect: (from: number, to: number) => void
}

export interface Plotted {
  axis: number[]
  /** Values as they are, not stacked. */
  columns: Column[]
}

/** What must be the same for a plot to be given other values only. */
export function shapeOf({ lines, view, fromZero, reach, marks }: Drawing): string {
  return JSON.stringify([view, fromZero, reach, marks, lines.map((line) => [line.key, line.colour, line.axis, line.unit])])
}

export function plotted({ lines }: Drawing): Plotted {
  const period = Math.min(...lines.map((line) => line.period), 3600)
  const [axis, ...columns] = aligned(lines.map((line) => line.points), period)
  return { axis, columns }
}

function dataOf(drawing: Drawing, { axis, columns }: Plotted): uPlot.AlignedData {
  return [axis, ...(drawing.view === 'stacked' ? stacked(columns) : columns)] as uPlot.AlignedData
}

function styleOf(element: Element): (name: string) => string {
  const style = getComputedStyle(element)
  return (name) => style.getPropertyValue(name).trim()
}

function yRange({ fromZero, reach, marks }: Drawing, axis: 'left' | 'right'): uPlot.Scale.Range {
  const across = (marks ?? []).filter((mark) => mark.axis === axis).map(({ value }) => value)
  return (_plot, dataMin, dataMax) => {
    // A mark is seen whole, also where the lines are far from it or there are none.
    const all = [dataMin, dataMax, ...across].filter((value): value is number => value !== null && Number.isFinite(value))
    if (all.length === 0) return [0, reach ?? 1]
    const min = Math.min(...all)
    const max = Math.max(...all)
    let low = min
    let high = Math.max(max, reach ?? max)
    if (fromZero || (low >= 0 && low < high * 0.6)) low = Math.min(0, low)
    if (low === high) {
      const room = Math.abs(high) * 0.1 || 1
      low = low === 0 ? 0 : low - room
      high += room
    }
    const room = (high - low) * 0.06
    return [low === 0 ? 0 : low - room, high === reach ? high : high + room]
  }
}

function yAxis(scale: 'left' | 'right', lines: Line[], css: (name: string) => string, isSmall: boolean): uPlot.Axis {
  const unit = lines.find((line) => line.axis === scale)?.unit ?? ''
  return {
    scale,
    side: scale === 'left' ? 3 : 1,
    stroke: css('--dim'),
    font: css('--chart-font'),
    grid: { show: scale === 'left', stroke: css('--grid'), width: 1 },
    ticks: { show: false },
    gap: 6,
    space: isSmall ? 24 : 36,
    size: (_plot, values) => Math.max(...(values ?? ['']).map((text) => text.length), 3) * 6.3 + 10,
    values: (_plot, splits) => splits.map((value) => valueText(value, unit)),
    // Marks of bytes at powers of two, as they are written.
    ...(unit.startsWith('Bytes') ? { incrs: BINARY_STEPS } : {}),
  }
}

const BINARY_STEPS = Array.from({ length: 6 }, (_, n) => [1, 2, 4, 8, 16, 32, 64, 128, 256, 512].map((step) => step * 1024 ** n)).flat()

/** A colour of `#rrggbb` that lets through what lies behind it. */
const thin = (colour: string): string => `${colour}66`

/** So few points are shown one by one. */
const POINTS_FEW = 40

function lineSeries(line: Line, n: number, css: (name: string) => string, drawn: () => Drawing): uPlot.Series {
  const colour = css(`--line-${line.colour % COLOURS}`)
  return {
    label: line.label,
    scale: line.axis,
    stroke: colour,
    width: drawn().view === 'stacked' ? 1 : 1.5,
    points: { show: () => (drawn().lines[n]?.points.times.length ?? 0) <= POINTS_FEW, size: 4, fill: colour, width: 0 },
    ...(line.colour >= COLOURS ? { dash: [5, 3] } : {}),
    ...(drawn().view === 'stacked' && n === 0 ? { fill: thin(colour) } : {}),
  }
}

/** Between each line of a stack and the one below it. */
function bandsOf({ lines, view }: Drawing, css: (name: string) => string): uPlot.Band[] {
  if (view !== 'stacked') return []
  return lines.slice(1).map((line, n) => ({ series: [n + 2, n + 1], fill: thin(css(`--line-${line.colour % COLOURS}`)) }))
}

function drawBands(plot: uPlot, { bands }: Drawing, css: (name: string) => string): void {
  if (!bands?.length) return
  const { ctx } = plot
  const { left, top, width, height } = plot.bbox
  ctx.save()
  ctx.fillStyle = `${css('--bad')}33`
  for (const { from, to } of bands) {
    const start = Math.max(left, plot.valToPos(from / 1000, 'x', true))
    const end = Math.min(left + width, plot.valToPos(to / 1000, 'x', true))
    if (end > start) ctx.fillRect(start, top, Math.max(1, end - start), height)
  }
  ctx.restore()
}

function drawMarks(plot: uPlot, { marks }: Drawing, css: (name: string) => string): void {
  if (!marks?.length) return
  const { ctx } = plot
  const { left, width } = plot.bbox
  ctx.save()
  ctx.strokeStyle = css('--bad')
  ctx.fillStyle = css('--bad')
  ctx.lineWidth = 1.5 * uPlot.pxRatio
  ctx.setLineDash([6 * uPlot.pxRatio, 4 * uPlot.pxRatio])
  ctx.textAlign = 'right'
  ctx.textBaseline = 'bottom'
  for (const { value, label, axis } of marks) {
    const y = Math.round(plot.valToPos(value, axis, true))
    ctx.beginPath()
    ctx.moveTo(left, y)
    ctx.lineTo(left + width, y)
    ctx.stroke()
    ctx.fillText(label, left + width - 4, y - 2)
  }
  ctx.restore()
}

export class Plot {
  private plot: uPlot
  private shown: Plotted

  constructor(
    private readonly place: HTMLElement,
    private drawing: Drawing,
    window: Window,
    private readonly options: PlotOptions,
  ) {
    this.shown = plotted(drawing)
    this.plot = new uPlot(this.optionsOf(window), dataOf(drawing, this.shown), place)
  }

  get values(): Plotted {
    return this.shown
  }

  private optionsOf(window: Window): uPlot.Options {
    const { drawing, options } = this
    const css = styleOf(this.place)
    const sides = new Set(drawing.lines.map((line) => line.axis))
    const axes: uPlot.Axis[] = [
      {
        stroke: css('--dim'),
        font: css('--chart-font'),
        grid: { show: false },
        ticks: { show: true, stroke: css('--grid'), size: 4 },
        size: 24,
        gap: 3,
        space: options.isSmall ? 56 : 72,
        values: (_plot, splits, _axis, _space, step) => splits.map((at) => tickText(at * 1000, step, options.utc)),
      },
    ]
    for (const side of ['left', 'right'] as const) {
      if (sides.has(side) || (side === 'left' && sides.size === 0)) axes.push(yAxis(side, drawing.lines, css, options.isSmall))
    }
    return {
      width: options.width,
      height: options.height,
      padding: [8, sides.has('right') ? 0 : 10, 0, sides.has('left') || sides.size === 0 ? 0 : 10],
      legend: { show: false },
      tzDate: (at) => (options.utc ? uPlot.tzDate(new Date(at * 1000), 'Etc/UTC') : new Date(at * 1000)),
      scales: {
        x: { time: true, auto: false, range: () => [window.from / 1000, window.to / 1000] },
        left: { range: yRange(drawing, 'left') },
        right: { range: yRange({ ...drawing, fromZero: false }, 'right') },
      },
      axes,
      series: [{}, ...drawing.lines.map((line, n) => lineSeries(line, n, css, () => this.drawing))],
      bands: bandsOf(drawing, css),
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: false },
        points: { size: 6 },
        bind: { dblclick: () => null },
        sync: { key: 'sightline', setSeries: false },
      },
      hooks: {
        drawAxes: [(plot) => drawBands(plot, this.drawing, css)],
        draw: [(plot) => drawMarks(plot, this.drawing, css)],
        setCursor: [(plot) => options.onCursor(plot.cursor.idx ?? undefined, plot.cursor.left ?? -1)],
        setSelect: [
          (plot) => {
            const { left, width } = plot.select
            if (width < 4) return
            options.onSelect(plot.posToVal(left, 'x') * 1000, plot.posToVal(left + width, 'x') * 1000)
            plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
          },
        ],
      },
    }
  }

  /** Gives it other values of the same shape. */
  update(drawing: Drawing, window: Window): void {
    this.drawing = drawing
    this.shown = plotted(drawing)
    const x = this.plot.scales['x']
    if (x) x.range = () => [window.from / 1000, window.to / 1000]
    this.plot.batch(() => {
      this.plot.setData(dataOf(drawing, this.shown), false)
      this.plot.setScale('x', { min: window.from / 1000, max: window.to / 1000 })
    })
  }

  resize(width: number, height: number): void {
    this.plot.setSize({ width, height })
  }

  /** Puts the cursor at a point, as the mouse would. */
  pointAt(index: number): void {
    const at = this.shown.axis[index]
    if (at !== undefined) this.plot.setCursor({ left: this.plot.valToPos(at, 'x'), top: 8 })
  }

  leave(): void {
    this.plot.setCursor({ left: -10, top: -10 })
  }

  /** Shows one line and lets the others step back; nothing shows all. */
  focus(key: string | undefined): void {
    const index = this.drawing.lines.findIndex((line) => line.key === key)
    this.plot.series.forEach((one, n) => {
      if (n > 0) one.alpha = index < 0 || n === index + 1 ? 1 : 0.18
    })
    this.plot.redraw(false)
  }

  destroy(): void {
    this.plot.destroy()
  }
}
