/** What the proposal would have done over the range that is shown. */
import { type ReadonlySignal, useComputed, useSignal, useSignalEffect } from '@preact/signals'
import { backtest } from '../../api/alarms.ts'
import { serverNow } from '../../api/http.ts'
import { range } from '../../frame/clock.ts'
import { type Change, type Span, spansOf } from '../../lib/alarms.ts'
import { putInput, wrongWith } from '../../lib/proposal.ts'
import { windowOf } from '../../lib/time.ts'
import { graph, proposal } from './state.ts'

/** Typing is over. */
const SETTLE_MS = 350

export interface Tested {
  /** Nothing while it is asked or cannot be. */
  spans: Span[] | undefined
  alarms: number
  reasons: { at: number; to: string; reason: string }[]
  error: unknown
  isAsking: boolean
}

const NOTHING: Tested = { spans: undefined, alarms: 0, reasons: [], error: undefined, isAsking: false }

export function useBacktest(): ReadonlySignal<Tested> {
  const tested = useSignal<Tested>(NOTHING)
  // Names, texts and actions decide nothing: another one asks nothing anew.
  const asked = useComputed(() => {
    const wrong = wrongWith({ ...proposal.value, name: 'proposed', tags: '' }, graph.value)
    if (Object.keys(wrong).length > 0) return ''
    return JSON.stringify(putInput({ ...proposal.value, name: '', description: '', actions: '', okActions: '', noDataActions: '', tags: '', silent: '' }, graph.value))
  })
  useSignalEffect(() => {
    const input = asked.value
    const window = windowOf(range.value, serverNow())
    if (!input) {
      tested.value = NOTHING
      return undefined
    }
    const stop = new AbortController()
    tested.value = { ...tested.peek(), isAsking: true }
    const ask = async (): Promise<void> => {
      const to = Math.min(window.to, serverNow())
      try {
        const told = await backtest(JSON.parse(input) as Record<string, unknown>, window.from, to, stop.signal)
        const changes = told.map((one): Change => ({ at: Date.parse(one.at), from: one.from, to: one.to }))
        const first = 'EvaluationCriteria' in (JSON.parse(input) as object) ? 'OK' : 'INSUFFICIENT_DATA'
        const spans = spansOf(changes, { from: window.from, to }, first)
        const reasons = told.map((one) => ({ at: Date.parse(one.at), to: one.to, reason: one.reason }))
        tested.value = { spans, alarms: changes.filter((one) => one.to === 'ALARM').length, reasons, error: undefined, isAsking: false }
      } catch (error) {
        if (!stop.signal.aborted) tested.value = { ...NOTHING, error }
      }
    }
    const timer = setTimeout(() => void ask(), SETTLE_MS)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  })
  return tested
}
