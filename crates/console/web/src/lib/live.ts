/** Lines that are kept up to date: at a refresh only what is new is asked for. */
import { signal } from '@preact/signals'
import { type DataLine, QUERIES_MAX, metricData } from '../api/cloudwatch.ts'
import type { DataQuery } from './graph.ts'
import { merged } from './points.ts'
import { SECOND, type Window } from './time.ts'

export interface LiveState {
  lines: DataLine[]
  messages: string[]
  error: unknown
  /** Nothing was answered yet for what is asked now. */
  loading: boolean
  /** What the lines are of, in milliseconds and seconds. */
  window: Window
  period: number
}

export interface Ask {
  queries: DataQuery[]
  window: Window
  period: number
  /** Whether an answer for a part of the window is a part of the answer. Math looks at the whole. */
  isTailable: boolean
}

/** Points may come late, and those of the newest period change. */
const LATE_MS = 120 * SECOND
/** What came later still is seen at every so many refreshes. */
const WHOLE_EVERY = 30

export class Live {
  readonly state = signal<LiveState>({ lines: [], messages: [], error: undefined, loading: true, window: { from: 0, to: 0 }, period: 60 })
  private asked = ''
  private asking: { key: string; stop: AbortController } | undefined
  private until = 0
  private since = 0
  private tails = 0

  /** Asks for what is missing; a question that is still open is waited for when it is the same one. */
  async ask({ queries, window, period, isTailable }: Ask): Promise<void> {
    const step = period * SECOND
    const from = Math.floor(window.from / step) * step
    const to = Math.ceil(window.to / step) * step
    const length = Math.round((window.to - window.from) / step)
    const key = JSON.stringify([queries, period, length])
    if (this.asking?.key === key) return
    this.asking?.stop.abort()
    if (queries.length === 0) {
      this.asking = undefined
      this.asked = key
      this.state.value = { lines: [], messages: [], error: undefined, loading: false, window, period }
      return
    }
    const isTail = isTailable && key === this.asked && from >= this.since && from < this.until && this.tails < WHOLE_EVERY
    const start = isTail ? Math.max(from, Math.floor((this.until - LATE_MS - 2 * step) / step) * step) : from
    if (key !== this.asked) this.state.value = { ...this.state.peek(), loading: true }
    const asking = { key, stop: new AbortController() }
    this.asking = asking
    try {
      const { lines, messages } = await inParts(queries, start, to, asking.stop.signal)
      if (this.asking !== asking) return
      const joined = isTail ? this.joined(lines, start / SECOND, from / SECOND) : lines
      this.tails = isTail ? this.tails + 1 : 0
      this.asked = key
      this.since = from
      this.until = Math.min(to, window.to)
      this.state.value = { lines: joined, messages, error: undefined, loading: false, window, period }
    } catch (error) {
      if (this.asking !== asking) return
      // Lines of another question would be taken for the answer to this one.
      const { lines } = this.state.peek()
      this.state.value = { lines: key === this.asked ? lines : [], messages: [], error, loading: false, window, period }
    } finally {
      if (this.asking === asking) this.asking = undefined
    }
  }

  stop(): void {
    this.asking?.stop.abort()
    this.asking = undefined
  }

  private joined(fresh: DataLine[], start: number, from: number): DataLine[] {
    const byId = new Map(fresh.map((line) => [line.id, line]))
    const old = this.state.peek().lines
    const known = new Set(old.map((line) => line.id))
    const kept = old.map((line) => {
      const more = byId.get(line.id)
      const points = merged(line.points, more?.points ?? { times: [], values: [] }, start, from)
      return more ? { ...more, points } : { ...line, points }
    })
    return [...kept, ...fresh.filter((line) => !known.has(line.id))]
  }
}

async function inParts(queries: DataQuery[], from: number, to: number, signal: AbortSignal): Promise<{ lines: DataLine[]; messages: string[] }> {
  const parts: DataQuery[][] = []
  for (let n = 0; n < queries.length; n += QUERIES_MAX) parts.push(queries.slice(n, n + QUERIES_MAX))
  const answers = []
  // One after the other: a console is one of many who ask.
  for (const part of parts) answers.push(await metricData(part, from, to, signal))
  return { lines: answers.flatMap((one) => one.lines), messages: answers.flatMap((one) => one.messages) }
}
