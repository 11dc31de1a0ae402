/** A state: a mark, a colour and a word, so that none of them is needed alone. */
import { STATE_WORDS, type State } from '../../lib/alarms.ts'

const MARKS: Record<State, string> = { ALARM: '▲', INSUFFICIENT_DATA: '?', OK: '✓' }

export const stateClass = (state: string | null | undefined): string => `alarm-${(state ?? 'none').toLowerCase().replaceAll('_', '-')}`

interface Props {
  state: State | null | undefined
  /** No series matches it: whatever its state, it watches nothing. */
  isUnmatched?: boolean
}

export function StateMark({ state, isUnmatched = false }: Props) {
  if (!state) return <span class="dim">not there yet</span>
  if (isUnmatched) {
    return (
      <span class="alarm-state alarm-nothing" title={`No series matches it. Its state is ${STATE_WORDS[state] ?? state}.`}>
        <i aria-hidden="true">∅</i>
        Matches nothing
        <span class="dim">({state === 'INSUFFICIENT_DATA' ? 'no data' : (STATE_WORDS[state] ?? state)})</span>
      </span>
    )
  }
  return (
    <span class={`alarm-state ${stateClass(state)}`}>
      <i aria-hidden="true">{MARKS[state] ?? '·'}</i>
      {STATE_WORDS[state] ?? state}
    </span>
  )
}
