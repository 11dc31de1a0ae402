/** What the proposal watches, and what it would have done, over the range that is shown. */
import { useComputed } from '@preact/signals'
import { Chart } from '../../chart/chart.tsx'
import type { Drawing } from '../../chart/lines.ts'
import { range, utc, windowNow } from '../../frame/clock.ts'
import { rangeLabel } from '../../frame/range-picker.tsx'
import type { Alarm } from '../../lib/alarms.ts'
import { putInput, wrongWith } from '../../lib/proposal.ts'
import { agoText, timeText } from '../../lib/time.ts'
import { marksOf, useLines } from '../alarm/graph.tsx'
import { StateBar } from '../alarm/timeline.tsx'
import { stateClass } from '../alarms/state-mark.tsx'
import { Trouble } from '../alarms/trouble.tsx'
import { rowLabel } from '../metrics/state.ts'
import { useBacktest } from './backtest.ts'
import { graph, proposal } from './state.ts'

const HEIGHT = 260

/** The proposal as the API would tell it. */
export const proposed = (): Alarm => putInput(proposal.value, graph.value) as unknown as Alarm

/** Changes of it that nobody sees in the graph draw nothing anew. */
const drawnText = (): string => JSON.stringify(putInput({ ...proposal.value, name: '', description: '', actions: '', okActions: '', noDataActions: '', tags: '', silent: '' }, graph.value))

export function Preview() {
  const text = useComputed(drawnText)
  const alarm = useComputed(() => {
    const told = JSON.parse(text.value) as Alarm
    const wrong = wrongWith(proposal.value, graph.value)
    // What cannot be asked is not.
    return wrong.query || wrong.row || wrong.stat ? { ...told, Metrics: [], MetricName: '', EvaluationCriteria: undefined } as unknown as Alarm : told
  })
  const tested = useBacktest().value
  const { lines, error } = useLines(alarm).value
  const { kind, threshold } = proposal.value
  const row = graph.value.rows.find(({ id }) => id === proposal.value.row)
  const named = lines.map((line, n) => (kind === 'graph' && row && n === 0 ? { ...line, label: rowLabel(row, graph.value.rows) } : line))
  const hasThreshold = kind === 'promql' || (threshold.trim() !== '' && Number.isFinite(Number(threshold)))
  const bands = (tested.spans ?? []).filter(({ state }) => state === 'ALARM')
  const drawing: Drawing = { label: 'Backtest', lines: named, view: 'line', marks: hasThreshold ? marksOf(alarm.value, '') : [], bands }
  const missing = kind === 'promql' || kind === 'insights' ? 'Write a query' : kind === 'composite' ? 'Write a rule' : 'Give a threshold'
  return (
    <section class="box" aria-label="Backtest">
      <Trouble error={error} where="The graph could not be read" />
      {kind === 'composite' ? <StateBar label="Backtest" spans={tested.spans ?? []} window={windowNow()} /> : <Chart drawing={drawing} window={windowNow()} height={HEIGHT} />}
      <Trouble error={tested.error} where="What it would have done could not be found out" />
      <p class="verdict" role="status" aria-label="Result of the backtest">
        {tested.spans === undefined ? (tested.isAsking ? 'Testing…' : `${missing}: what the alarm would have done shows here.`) : verdict(tested.alarms, bands, tested.isAsking)}
      </p>
      {tested.reasons.length > 0 && (
        <details>
          <summary>Every change of its state</summary>
          <ol aria-label="Changes of the backtest">
            {tested.reasons.slice(-200).map((one) => (
              <li key={one.at}>
                <span class={stateClass(one.to)}>
                  {timeText(one.at, utc.value)} {one.to}
                </span>{' '}
                <span class="dim">{one.reason}</span>
              </li>
            ))}
          </ol>
        </details>
      )}
    </section>
  )
}

function verdict(count: number, bands: { from: number; to: number }[], isAsking: boolean): string {
  const ms = bands.reduce((sum, { from, to }) => sum + to - from, 0)
  const shown = rangeLabel(range.value, utc.value).toLowerCase()
  const times = count === 1 ? 'once' : `${count} times`
  const said = count === 0 ? `It would not have alarmed (${shown}).` : `It would have alarmed ${times} (${shown}), for ${agoText(ms)} in all.`
  return isAsking ? `${said} Testing again…` : said
}
