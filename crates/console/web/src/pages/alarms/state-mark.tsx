/** A state: a mark, a colour and a word, so that none of them is needed alone. */
import { STATE_WORDS, type State } from '../../lib/alarms.ts'

const MARKS: Record<State, string> = { ALARM: '▲', INSUFFICIENT_DATA: '?', OK: '✓' }

export const stateClass = (state: string | null | undefined): string => `alarm-${(state ?? 'none').toLowerCase().replaceAll('_', '-')}`

export function StateMark({ state }: { state: State | null | undefined }) {
  if (!state) return <span class="dim">not there yet</span>
  return (
    <span class={`alarm-state ${stateClass(state)}`}>
      <i aria-hidden="true">{MARKS[state] ?? '·'}</i>
      {STATE_WORDS[state] ?? state}
    </span>
  )
}
