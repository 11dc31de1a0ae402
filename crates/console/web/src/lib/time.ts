/** Ranges, periods and how times are written. Times are milliseconds since 1970. */

export type Range =
  | { kind: 'relative'; ms: number }
  | { kind: 'absolute'; from: number; to: number }

export interface Window {
  from: number
  to: number
}

export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR
export const WEEK = 7 * DAY

const UNITS: [string, number][] = [
  ['w', WEEK],
  ['d', DAY],
  ['h', HOUR],
  ['m', MINUTE],
  ['s', SECOND],
]

/** What the picker offers. */
export const OFFERED = [15 * MINUTE, HOUR, 3 * HOUR, 12 * HOUR, DAY, 3 * DAY, WEEK, 30 * DAY]

/** Longest relative range: data is kept for fifteen months. */
const RELATIVE_MAX = 5 * 366 * DAY

/** Writes a length as its largest whole unit: `90m`, `3h`, `1w`. */
export function lengthText(ms: number): string {
  if (ms === 30 * DAY) return '30d'
  const [name, size] = UNITS.find(([, size]) => ms % size === 0) ?? ['s', SECOND]
  return `${Math.round(ms / size)}${name}`
}

export function parseLength(text: string): number | undefined {
  const match = /^(\d{1,6})([wdhms])$/.exec(text.trim())
  if (!match) return undefined
  const ms = Number(match[1]) * (UNITS.find(([name]) => name === match[2])?.[1] ?? 0)
  return ms > 0 && ms <= RELATIVE_MAX ? ms : undefined
}

/** The form in addresses: `3h`, or two moments with `~` between them. */
export function rangeText(range: Range): string {
  if (range.kind === 'relative') return lengthText(range.ms)
  return `${isoText(range.from)}~${isoText(range.to)}`
}

export function parseRange(text: string | null): Range | undefined {
  if (!text) return undefined
  const ms = parseLength(text)
  if (ms !== undefined) return { kind: 'relative', ms }
  const [from, to] = text.split('~').map((one) => Date.parse(one))
  if (from === undefined || to === undefined || !(from < to)) return undefined
  return { kind: 'absolute', from, to }
}

export function windowOf(range: Range, now: number): Window {
  if (range.kind === 'absolute') return { from: range.from, to: range.to }
  return { from: now - range.ms, to: now }
}

/** Without the milliseconds, when there are none. */
export function isoText(at: number): string {
  return new Date(at).toISOString().replace('.000Z', 'Z')
}

/** Periods that are chosen from, in seconds. */
export const PERIODS = [1, 5, 10, 30, 60, 300, 900, 3600, 6 * 3600, 86400]

/**
 * The finest period that a question may have: fine ones only for what is recent.
 *
 * Source: CloudWatch API reference, `GetMetricData`, field `Period`; a minute of margin, as the server
 * looks at its own clock.
 */
export function finestPeriod(from: number, now: number): number {
  const age = now - from
  if (age > 63 * DAY - MINUTE) return 3600
  if (age > 15 * DAY - MINUTE) return 300
  if (age > 3 * HOUR - MINUTE) return 60
  return 1
}

/** The finest period that leaves a line readable; `finest` is what the data has. */
export function autoPeriod(window: Window, now: number, finest = 10): number {
  const POINTS_MAX = 480
  const seconds = (window.to - window.from) / SECOND
  const least = Math.max(finest, finestPeriod(window.from, now))
  return PERIODS.find((p) => p >= least && seconds / p <= POINTS_MAX) ?? 86400
}

const two = (n: number): string => String(n).padStart(2, '0')
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

interface Fields {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
}

function fields(at: number, utc: boolean): Fields {
  const d = new Date(at)
  return utc
    ? { year: d.getUTCFullYear(), month: d.getUTCMonth(), day: d.getUTCDate(), hour: d.getUTCHours(), minute: d.getUTCMinutes(), second: d.getUTCSeconds() }
    : { year: d.getFullYear(), month: d.getMonth(), day: d.getDate(), hour: d.getHours(), minute: d.getMinutes(), second: d.getSeconds() }
}

/** `14:05:10`, or `14:05` without seconds. */
export function clockText(at: number, utc: boolean, seconds = true): string {
  const f = fields(at, utc)
  return `${two(f.hour)}:${two(f.minute)}${seconds ? `:${two(f.second)}` : ''}`
}

/** `2026-11-21 14:05:10`. */
export function timeText(at: number, utc: boolean, seconds = true): string {
  const f = fields(at, utc)
  return `${f.year}-${two(f.month + 1)}-${two(f.day)} ${clockText(at, utc, seconds)}`
}

/** The mark of an axis whose marks are `step` seconds apart. */
export function tickText(at: number, step: number, utc: boolean): string {
  const f = fields(at, utc)
  if (step >= 28 * 86400) return `${MONTHS[f.month]} ${f.year}`
  const midnight = f.hour === 0 && f.minute === 0 && f.second === 0
  if (step >= 86400 || midnight) return `${MONTHS[f.month]} ${f.day}`
  return clockText(at, utc, step < 60)
}

/** How long ago, in one unit: `3 s`, `12 min`, `2 h`, `5 d`. */
export function agoText(ms: number): string {
  if (ms < 90 * SECOND) return `${Math.max(0, Math.round(ms / SECOND))} s`
  if (ms < 90 * MINUTE) return `${Math.round(ms / MINUTE)} min`
  if (ms < 36 * HOUR) return `${Math.round(ms / HOUR)} h`
  return `${Math.round(ms / DAY)} d`
}

/** What an input of type `datetime-local` holds. */
export function inputText(at: number, utc: boolean): string {
  return timeText(at, utc).replace(' ', 'T')
}

export function parseInput(text: string, utc: boolean): number | undefined {
  const at = Date.parse(utc ? `${text}Z` : text)
  return Number.isNaN(at) ? undefined : at
}
