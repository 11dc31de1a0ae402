/** What a chart draws. */
import { type Points, summary } from '../lib/points.ts'
import { valueText } from '../lib/numbers.ts'
import type { Axis, View } from '../lib/graph.ts'

export interface Line {
  key: string
  label: string
  unit: string
  axis: Axis
  /** Which of the palette's colours. */
  colour: number
  points: Points
  /** Seconds. */
  period: number
}

export interface Drawing {
  label: string
  lines: Line[]
  view: View
  /** The axis begins at zero, whatever the values. */
  fromZero?: boolean
  /** The axis reaches this value at least. */
  reach?: number
  /** Values that lines are compared with, drawn across. */
  marks?: Mark[]
  /** Times that stand out, drawn behind the lines. */
  bands?: Band[]
}

export interface Mark {
  value: number
  label: string
  axis: Axis
}

/** From one moment to another, in milliseconds. */
export interface Band {
  from: number
  to: number
}

export const COLOURS = 10

export function colourVar(colour: number): string {
  return `var(--line-${colour % COLOURS})`
}

/** The drawing in a sentence, for those who do not see it. */
export function told(drawing: Drawing): string {
  if (drawing.lines.length === 0) return `${drawing.label}: no lines`
  const lines = drawing.lines.slice(0, 6).map((line) => `${line.label} ${valueText(summary(line.points).last, line.unit)}`)
  const more = drawing.lines.length > lines.length ? `, and ${drawing.lines.length - lines.length} more` : ''
  const marks = (drawing.marks ?? []).map(({ label }) => `, ${label}`).join('')
  return `${drawing.label}, newest values: ${lines.join(', ')}${more}${marks}`
}
