/** Why an alarm is, or was, in its state. */
import { useSignal, useSignalEffect } from '@preact/signals'
import { type Explained, explain } from '../../api/alarms.ts'
import { tick, utc } from '../../frame/clock.ts'
import { exactText } from '../../lib/numbers.ts'
import { timeText } from '../../lib/time.ts'
import { StateMark } from '../alarms/state-mark.tsx'
import { Trouble } from '../alarms/trouble.tsx'
import { alarmAddress } from '../alarms/alarms.tsx'

interface Props {
  name: string
  /** Nothing for now. */
  at: number | undefined
  onNow: () => void
}

const COUNTS: Record<string, string> = { breaching: '▲ breaching', ok: '✓ good', missing: '? missing' }
const COLOURS: Record<string, string> = { breaching: 'alarm-alarm', ok: 'alarm-ok', missing: 'alarm-insufficient-data' }

/** The periods of an evaluation stand in the table: as sentences they are left out. */
const isPeriod = (words: string): boolean => /^\d{4}-\d\d-\d\dT\S+Z {2}/.test(words)

export function Explanation({ name, at, onNow }: Props) {
  const asked = useSignal({ name, at })
  if (asked.value.name !== name || asked.value.at !== at) asked.value = { name, at }
  const told = useSignal<Explained | undefined>(undefined)
  const error = useSignal<unknown>(undefined)
  useSignalEffect(() => {
    const { name, at } = asked.value
    // What was does not change, but for late points: now is asked for anew.
    if (at === undefined) void tick.value
    const stop = new AbortController()
    explain(name, at, stop.signal).then(
      (found) => {
        told.value = found
        error.value = undefined
      },
      (failure: unknown) => {
        if (stop.signal.aborted) return
        told.value = undefined
        error.value = failure
      },
    )
    return () => stop.abort()
  })
  const found = told.value
  return (
    <section class="box" aria-labelledby="why">
      <div class="box-head">
        <h2 id="why">Why {at === undefined ? 'now' : `at ${timeText(at, utc.value)}`}</h2>
        {at !== undefined && (
          <button class="quiet" onClick={onNow}>
            Explain now
          </button>
        )}
      </div>
      <Trouble error={error.value} where="It could not be explained" />
      {!found && error.value === undefined && <p class="dim">Asking…</p>}
      {found && <Words found={found} />}
    </section>
  )
}

function Words({ found }: { found: Explained }) {
  const { evaluation, children } = found
  return (
    <>
      <ul aria-label="Explanation">
        {found.words.filter((words) => !evaluation?.periods.length || !isPeriod(words)).map((words) => (
          <li key={words}>{words}</li>
        ))}
      </ul>
      {evaluation && evaluation.periods.length > 0 && (
        <div class="scroll">
          <table aria-label="Periods of the evaluation">
            <thead>
              <tr>
                <th scope="col">Period from {utc.value ? '(UTC)' : ''}</th>
                <th scope="col" class="number">
                  Value
                </th>
                <th scope="col" class="number">
                  Samples
                </th>
                <th scope="col">Counts as</th>
              </tr>
            </thead>
            <tbody>
              {evaluation.periods.map((period) => (
                <tr key={period.start_ms}>
                  <td class="time">{timeText(period.start_ms, utc.value)}</td>
                  <td class="number">{exactText(period.value)}</td>
                  <td class="number">{exactText(period.samples)}</td>
                  <td class={COLOURS[period.counts_as]}>{COUNTS[period.counts_as] ?? period.counts_as}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {evaluation && evaluation.series.length > 0 && (
        <ul aria-label="Series that were returned">
          {evaluation.series.slice(0, 100).map((labels, n) => (
            <li key={n}>
              <code>{labels.map(([name, value]) => `${name}=${value}`).join(', ')}</code>
            </li>
          ))}
        </ul>
      )}
      {children.length > 0 && (
        <ul aria-label="Alarms of the rule, then">
          {children.map((child) => (
            <li key={child.alarm}>
              <StateMark state={child.state} /> <a href={alarmAddress(child.alarm)}>{child.alarm}</a>
            </li>
          ))}
        </ul>
      )}
    </>
  )
}
