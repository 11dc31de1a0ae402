/** An alarm from a graph: its form, and what it would have done drawn on the graph. */
import { useComputed, useSignal, useSignalEffect } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect, useMemo } from 'preact/hooks'
import { alarmsNamed, putAlarm } from '../../api/alarms.ts'
import { Chart } from '../../chart/chart.tsx'
import type { Drawing, Line } from '../../chart/lines.ts'
import { range, rangeParam, utc, windowNow } from '../../frame/clock.ts'
import { rangeLabel } from '../../frame/range-picker.tsx'
import { address, go } from '../../frame/router.ts'
import { note } from '../../frame/toasts.tsx'
import { type Alarm, COMPARISONS, MISSING_WORDS, definitionWords, queriesOfAlarm, thresholdText } from '../../lib/alarms.ts'
import { graphParams } from '../../lib/graph.ts'
import { Live } from '../../lib/live.ts'
import { ALARM_PERIODS, ALARM_STATISTICS, type Proposal, putInput, wrongWith } from '../../lib/proposal.ts'
import { agoText, autoPeriod, lengthText, timeText } from '../../lib/time.ts'
import { alarmAddress } from '../alarms/alarms.tsx'
import { forgetAlarms } from '../alarms/read.ts'
import { stateClass } from '../alarms/state-mark.tsx'
import { Trouble } from '../alarms/trouble.tsx'
import { rowLabel } from '../metrics/state.ts'
import { useBacktest } from './backtest.ts'
import { graph, proposal, setField } from './state.ts'

const HEIGHT = 260

export function NewAlarm() {
  useEffect(() => {
    document.title = 'New alarm · Sightline'
  }, [])
  const { rows } = graph.value
  return (
    <section class="new-alarm" aria-labelledby="new-title">
      <header class="alarm-head">
        <a href={address('metrics', { range: rangeParam(), ...graphParams(graph.value) })}>Back to the graph</a>
        <h1 id="new-title">New alarm</h1>
      </header>
      {rows.length === 0 ? (
        <p class="empty">
          An alarm watches a metric or math of a graph. <a href={address('metrics', { range: rangeParam() })}>Put one on a graph first</a>, then choose Create alarm.
        </p>
      ) : (
        <>
          <Preview />
          <Form />
        </>
      )}
    </section>
  )
}

/** The proposal as the API would tell it. */
const proposed = (): Alarm => putInput(proposal.value, graph.value) as unknown as Alarm

function Preview() {
  const live = useMemo(() => new Live(), [])
  const tested = useBacktest().value
  useEffect(() => () => live.stop(), [])
  const watchedQueries = useComputed(() => {
    const period = Math.max(proposal.value.period, autoPeriod(windowNow(), windowNow().to, proposal.value.period))
    return JSON.stringify([period, queriesOfAlarm(proposed(), period)])
  })
  useSignalEffect(() => {
    const [period, queries] = JSON.parse(watchedQueries.value) as [number, ReturnType<typeof queriesOfAlarm>]
    void live.ask({ queries, window: windowNow(), period, isTailable: !queries.some(({ Expression }) => Expression) })
  })
  const { lines, error, period, window } = live.state.value
  const row = graph.value.rows.find(({ id }) => id === proposal.value.row)
  const drawn = lines.map((line, n): Line => ({ key: `${line.id} ${n}`, label: row && n === 0 ? rowLabel(row, graph.value.rows) : line.label, unit: '', axis: 'left', colour: n, points: line.points, period }))
  const alarm = proposed()
  const hasThreshold = wrongWith(proposal.value, graph.value).threshold === undefined
  const bands = (tested.spans ?? []).filter(({ state }) => state === 'ALARM')
  const drawing: Drawing = { label: 'Backtest', lines: drawn, view: 'line', marks: hasThreshold ? [{ value: Number(proposal.value.threshold), label: `threshold ${thresholdText(alarm)}`, axis: 'left' }] : [], bands }
  return (
    <section class="box" aria-label="Backtest">
      <Trouble error={error} where="The graph could not be read" />
      <Chart drawing={drawing} window={window.to > 0 ? window : windowNow()} height={HEIGHT} />
      <Trouble error={tested.error} where="What it would have done could not be found out" />
      <p class="verdict" role="status" aria-label="Result of the backtest">
        {tested.spans === undefined ? (tested.isAsking ? 'Testing…' : 'Give a threshold: what the alarm would have done shows here.') : verdict(tested.alarms, bands, tested.isAsking)}
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

function Form() {
  const error = useSignal<unknown>(undefined)
  const isBusy = useSignal(false)
  const wasSent = useSignal(false)
  const exists = useSignal(false)
  const name = useComputed(() => proposal.value.name.trim())
  useSignalEffect(() => {
    const wanted = name.value
    exists.value = false
    if (!wanted) return undefined
    const stop = new AbortController()
    const timer = setTimeout(() => alarmsNamed([wanted], stop.signal).then((found) => (exists.value = found.length > 0), () => undefined), 300)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  })
  const told = proposal.value
  const wrong = wrongWith(told, graph.value)
  const row = graph.value.rows.find(({ id }) => id === told.row)
  const create = async (): Promise<void> => {
    wasSent.value = true
    if (Object.keys(wrong).length > 0) return
    isBusy.value = true
    error.value = undefined
    try {
      await putAlarm(putInput(told, graph.value))
      forgetAlarms()
      note('Alarm made')
      go(alarmAddress(told.name.trim()))
    } catch (failure) {
      error.value = failure
    } finally {
      isBusy.value = false
    }
  }
  const mistake = (field: keyof Proposal) => (wasSent.value || (field !== 'name' && field !== 'threshold')) && wrong[field] && <span class="wrong" id={`wrong-${field}`}>{wrong[field]}</span>
  const input = (field: keyof Proposal, label: string, more: { placeholder?: string; mode?: 'decimal' | 'numeric' } = {}) => (
    <input aria-label={label} inputMode={more.mode ?? 'text'} placeholder={more.placeholder ?? ''} aria-invalid={wrong[field] !== undefined && wasSent.value} value={String(told[field])} onInput={(event) => setField(field, event.currentTarget.value)} />
  )
  return (
    <section class="box" aria-label="Definition">
      <form
        class="fields"
        onSubmit={(event) => {
          event.preventDefault()
          void create()
        }}
      >
        <Labelled title="Watches">
          <select aria-label="Watches" value={told.row} onChange={(event) => setField('row', event.currentTarget.value)}>
            {graph.value.rows.map((one) => (
              <option key={one.id} value={one.id}>
                {one.id}: {rowLabel(one, graph.value.rows)}
              </option>
            ))}
          </select>
          {mistake('row')}
        </Labelled>
        {row?.kind === 'metric' && (
          <Labelled title="Statistic">
            <select aria-label="Statistic" value={told.stat} onChange={(event) => setField('stat', event.currentTarget.value)}>
              {[...new Set([...ALARM_STATISTICS, told.stat])].map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          </Labelled>
        )}
        <Labelled title="Period">
          <select aria-label="Period" value={String(told.period)} onChange={(event) => setField('period', event.currentTarget.value)}>
            {[...new Set([...ALARM_PERIODS, told.period])].map((one) => (
              <option key={one} value={String(one)}>
                {lengthText(one * 1000)}
              </option>
            ))}
          </select>
        </Labelled>
        <Labelled title="Alarms when the value">
          <select aria-label="Comparison" value={told.comparison} onChange={(event) => setField('comparison', event.currentTarget.value)}>
            {Object.entries(COMPARISONS).map(([operator, { sign, words }]) => (
              <option key={operator} value={operator}>
                {words} ({sign})
              </option>
            ))}
          </select>
        </Labelled>
        <Labelled title="Threshold">
          {input('threshold', 'Threshold', { mode: 'decimal', placeholder: '80' })}
          {mistake('threshold')}
        </Labelled>
        <div>
          <Labelled title="In so many periods">
            <span class="pair">
              {input('needed', 'Periods that breach', { mode: 'numeric' })} of {input('periods', 'Periods looked at', { mode: 'numeric' })}
            </span>
          </Labelled>
          {mistake('needed')}
          {mistake('periods')}
        </div>
        <Labelled title="Missing data">
          <select aria-label="Missing data" value={told.missing} onChange={(event) => setField('missing', event.currentTarget.value)}>
            {Object.entries(MISSING_WORDS).map(([treatment, words]) => (
              <option key={treatment} value={treatment}>
                {words}
              </option>
            ))}
          </select>
        </Labelled>
        <Labelled title="Name">
          {input('name', 'Name of the alarm', { placeholder: 'cpu-high' })}
          {mistake('name')}
          {exists.value && <span class="warn-text">There is an alarm of this name: it will be replaced.</span>}
        </Labelled>
        <Labelled title="Description">{input('description', 'Description')}</Labelled>
        <div class="wide">
          <Labelled title="Actions when in ALARM: an ARN on each line">
            <textarea aria-label="Actions" rows={2} placeholder="arn:aws:sns:us-east-1:000000000000:on-call" value={told.actions} onInput={(event) => setField('actions', event.currentTarget.value)} />
          </Labelled>
        </div>
        <div class="wide">
          {Object.keys(wrong).every((field) => field === 'name') && <p class="dim">{definitionWords(proposed())[0]}</p>}
          <Trouble error={error.value} where="The alarm could not be made" />
          <button type="submit" class="primary" disabled={isBusy.value}>
            {exists.value ? 'Replace alarm' : 'Create alarm'}
          </button>
        </div>
      </form>
    </section>
  )
}

function Labelled({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <label>
      {title}
      {children}
    </label>
  )
}
