/** Points of lines: new ones join, old ones leave, and several lines share one axis of times. */

/** Seconds since 1970, rising, and a value for each. */
export interface Points {
  times: number[]
  values: number[]
}

export const NONE: Points = { times: [], values: [] }

function firstFrom(times: number[], at: number): number {
  let low = 0
  let high = times.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((times[middle] ?? 0) < at) low = middle + 1
    else high = middle
  }
  return low
}

/** Returns the old points up to `since`, then the new ones; nothing before `from`. */
export function merged(old: Points, fresh: Points, since: number, from: number): Points {
  const start = firstFrom(old.times, from)
  const end = firstFrom(old.times, since)
  const first = firstFrom(fresh.times, from)
  return {
    times: [...old.times.slice(start, Math.max(start, end)), ...fresh.times.slice(first)],
    values: [...old.values.slice(start, Math.max(start, end)), ...fresh.values.slice(first)],
  }
}

/** Seconds between two points, mostly; `least` when there are not enough to tell. */
export function cadence(points: Points, least: number): number {
  const { times } = points
  const steps: number[] = []
  for (let n = Math.max(1, times.length - 60); n < times.length; n++) {
    steps.push((times[n] ?? 0) - (times[n - 1] ?? 0))
  }
  if (steps.length < 2) return least
  steps.sort((a, b) => a - b)
  return Math.max(least, steps[steps.length >> 1] ?? least)
}

/** Values of counted things become values per second; a period that is not over tells too little. */
export function perSecond(points: Points, period: number, now: number): Points {
  const step = cadence(points, period)
  const isOver = (at: number): boolean => at + period <= now + 1
  const end = step > period ? points.times.length : points.times.findLastIndex(isOver) + 1
  return { times: points.times.slice(0, end), values: points.values.slice(0, end).map((v) => v / step) }
}

/** A column of a chart: `null` is a gap, `undefined` a time at which this line has no point. */
export type Column = (number | null | undefined)[]

/**
 * Puts lines on one axis of times. A line breaks where more than two of its points are missing, and not
 * merely where another line has points between its own.
 */
export function aligned(lines: Points[], period: number): [number[], ...Column[]] {
  const all = new Set<number>()
  for (const { times } of lines) for (const at of times) all.add(at)
  const axis = [...all].sort((a, b) => a - b)
  const place = new Map(axis.map((at, n) => [at, n]))
  const columns = lines.map((points) => {
    const column: Column = new Array<undefined>(axis.length).fill(undefined)
    const gap = 2.5 * cadence(points, period)
    let before: number | undefined
    let placed = 0
    for (let n = 0; n < points.times.length; n++) {
      const at = points.times[n] ?? 0
      const index = place.get(at) ?? 0
      column[index] = points.values[n]
      if (before !== undefined && at - before > gap) {
        // One break is enough; there may be no time between the two to put it at.
        if (index > placed + 1) column[placed + 1] = null
      }
      before = at
      placed = index
    }
    return column
  })
  return [axis, ...columns]
}

/** Adds up columns, each upon those before it. */
export function stacked(columns: Column[]): Column[] {
  const sums = new Array<number>(columns[0]?.length ?? 0).fill(0)
  return columns.map((column) =>
    column.map((value, n) => {
      if (typeof value !== 'number') return value
      sums[n] = (sums[n] ?? 0) + value
      return sums[n]
    }),
  )
}

export interface Summary {
  last: number | undefined
  lastAt: number | undefined
  min: number | undefined
  max: number | undefined
  average: number | undefined
  sum: number | undefined
}

export function summary(points: Points): Summary {
  const { times, values } = points
  if (values.length === 0) return { last: undefined, lastAt: undefined, min: undefined, max: undefined, average: undefined, sum: undefined }
  let min = Infinity
  let max = -Infinity
  let sum = 0
  for (const value of values) {
    if (value < min) min = value
    if (value > max) max = value
    sum += value
  }
  return { last: values.at(-1), lastAt: times.at(-1), min, max, average: sum / values.length, sum }
}

/** The value that a reader sees at a place of the axis: the nearest at or before it that still holds. */
export function valueAt(column: Column, axis: number[], index: number, reach: number): number | undefined {
  const at = axis[index] ?? 0
  for (let n = index; n >= 0 && at - (axis[n] ?? 0) <= reach; n--) {
    const value = column[n]
    if (typeof value === 'number') return value
    if (value === null) return undefined
  }
  return undefined
}
