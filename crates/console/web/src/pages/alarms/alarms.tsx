/** All alarms: what is wrong first, found by words and by state. */
import { useComputed, useSignal, useSignalEffect } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { serverNow } from '../../api/http.ts'
import { rangeParam, tick, utc } from '../../frame/clock.ts'
import { pageKeys } from '../../frame/keys.ts'
import { address, go, place, setParams } from '../../frame/router.ts'
import { type AlarmLine, EVALUATION_WORDS, STATES, STATE_WORDS, filtered } from '../../lib/alarms.ts'
import { countText } from '../../lib/numbers.ts'
import { agoText, timeText } from '../../lib/time.ts'
import { useVisible } from '../../lib/virtual.ts'
import { held, refreshAlarms, stopReading } from './read.ts'
import { StateMark } from './state-mark.tsx'
import { Trouble } from './trouble.tsx'

const ROW = 40

export function alarmAddress(name: string): string {
  return address('alarm', { range: rangeParam(), name })
}

export function Alarms() {
  const search = useRef<HTMLInputElement>(null)
  useSignalEffect(() => {
    void tick.value
    void refreshAlarms()
  })
  useEffect(() => {
    document.title = 'Alarms · Sightline'
    const states = STATES.map((state, n) => ({ keys: `f ${n + 1}`, shown: `f ${n + 1}`, does: `Only ${STATE_WORDS[state]}`, run: () => choose(state) }))
    pageKeys.value = [
      { keys: 's', shown: 's', does: 'Search alarms', run: () => search.current?.focus() },
      { keys: 'f 0', shown: 'f 0', does: 'All states', run: () => choose('') },
      ...states,
    ]
    return () => {
      pageKeys.value = []
      stopReading()
    }
  }, [])
  const text = useComputed(() => place.value.params.get('q') ?? '')
  const state = useComputed(() => place.value.params.get('state') ?? '')
  const byText = useComputed(() => filtered(held.value.lines, text.value, ''))
  const shown = useComputed(() => filtered(byText.value, '', state.value))
  const counts = useComputed(() => {
    const all = new Map<string, number>([['', byText.value.length]])
    for (const line of byText.value) all.set(line.state, (all.get(line.state) ?? 0) + 1)
    return all
  })
  const { lines, isWhole, isReading, error } = held.value
  const isEmpty = isWhole && lines.length === 0
  return (
    <section class="alarms" aria-labelledby="alarms-title">
      <header class="host-head">
        <h1 id="alarms-title">Alarms</h1>
        <div class="segments" role="group" aria-label="State">
          {['', ...STATES].map((one) => (
            <button key={one} class={state.value === one ? 'on' : ''} aria-pressed={state.value === one} onClick={() => choose(one)}>
              {one ? STATE_WORDS[one as keyof typeof STATE_WORDS] : 'All'} {countText(counts.value.get(one) ?? 0)}
            </button>
          ))}
        </div>
        <input
          ref={search}
          type="search"
          aria-label="Filter alarms"
          aria-controls="alarms"
          placeholder="Name, metric, dimension"
          value={text.value}
          onInput={(event) => setParams({ q: event.currentTarget.value }, true)}
          onKeyDown={(event) => {
            if (event.key !== 'ArrowDown') return
            event.preventDefault()
            document.getElementById('alarms')?.focus()
          }}
        />
        <span class="dim" role="status">
          {isReading && !isWhole ? `${countText(lines.length)} read so far…` : `${countText(shown.value.length)} of ${countText(lines.length)}`}
        </span>
        <span class="right">
          <a class="button" href={address('mutes', { range: rangeParam() })}>
            Mute rules
          </a>
          <a class="button primary" href={address('metrics', { range: rangeParam() })}>
            Create from a graph
          </a>
        </span>
      </header>
      <Trouble error={error} where="Alarms could not be read" />
      {isEmpty ? <Start /> : <List lines={shown.value} isReading={isReading && !isWhole} />}
    </section>
  )
}

function choose(state: string): void {
  setParams({ state })
}

function Start() {
  return (
    <div class="empty">
      <h2>No alarms yet</h2>
      <p>
        Put a metric on a graph in <a href={address('metrics', { range: rangeParam() })}>Metrics</a> and choose <strong>Create alarm</strong>: what it would have done is drawn on the graph before it is made. Or with the AWS CLI:
      </p>
      <pre tabIndex={0}>{`aws --endpoint-url ${window.location.origin} cloudwatch put-metric-alarm --alarm-name cpu-high \\
  --namespace CWAgent --metric-name cpu_usage_active --dimensions Name=host,Value=NAME \\
  --statistic Average --period 60 --evaluation-periods 3 --datapoints-to-alarm 2 \\
  --threshold 80 --comparison-operator GreaterThanThreshold`}</pre>
    </div>
  )
}

const COLUMNS = ['State', 'Name', 'Since', 'What it watches', 'Reason', 'Actions']

function List({ lines, isReading }: { lines: AlarmLine[]; isReading: boolean }) {
  const active = useSignal(0)
  const visible = useVisible<HTMLDivElement>(lines.length, ROW)
  const index = Math.min(active.value, Math.max(0, lines.length - 1))
  const move = (to: number): void => {
    active.value = Math.max(0, Math.min(lines.length - 1, to))
    visible.show(active.value)
  }
  const keys: Record<string, () => void> = {
    ArrowDown: () => move(index + 1),
    ArrowUp: () => move(index - 1),
    PageDown: () => move(index + 12),
    PageUp: () => move(index - 12),
    Home: () => move(0),
    End: () => move(lines.length - 1),
    Enter: () => {
      const line = lines[index]
      if (line) go(alarmAddress(line.name))
    },
  }
  return (
    <div class="alarm-grid" role="grid" aria-label="Alarms" aria-rowcount={lines.length + 1}>
      <div class="alarm-row heads" role="row" aria-rowindex={1}>
        {COLUMNS.map((name) => (
          <span key={name} role="columnheader">
            {name}
          </span>
        ))}
      </div>
      <div
        id="alarms"
        class="alarm-rows"
        role="rowgroup"
        ref={visible.ref}
        tabIndex={0}
        aria-label="Alarms: arrows move, Enter opens"
        aria-activedescendant={lines.length > 0 ? `alarm-${index}` : undefined}
        onKeyDown={(event) => {
          const run = event.ctrlKey || event.metaKey || event.altKey ? undefined : keys[event.key]
          if (!run || event.target !== event.currentTarget) return
          event.preventDefault()
          run()
        }}
      >
        <div style={{ height: `${visible.above}px` }} aria-hidden="true" />
        {lines.slice(visible.first, visible.end).map((line, n) => (
          <Row key={line.name} line={line} index={visible.first + n} isActive={visible.first + n === index} />
        ))}
        <div style={{ height: `${visible.below}px` }} aria-hidden="true" />
        {lines.length === 0 && <p class="dim pad">{isReading ? 'Reading…' : 'No alarm has all of these words in this state.'}</p>}
      </div>
    </div>
  )
}

function Row({ line, index, isActive }: { line: AlarmLine; index: number; isActive: boolean }) {
  const { name, state, since, watches, reason, isOn, isComposite, evaluation } = line
  return (
    <div id={`alarm-${index}`} class={`alarm-row ${isActive ? 'active' : ''}`} role="row" aria-rowindex={index + 2} aria-selected={isActive} onClick={(event) => !(event.target as Element).closest('a') && go(alarmAddress(name))}>
      <span role="gridcell">
        <StateMark state={state} />
        {evaluation && (
          <span class="warn-text" title={evaluation}>
            {EVALUATION_WORDS[evaluation] ?? evaluation}
          </span>
        )}
      </span>
      <span role="gridcell" class="strong" title={name}>
        <a href={alarmAddress(name)} tabIndex={-1}>
          {name}
        </a>
      </span>
      <span role="gridcell" title={timeText(since, utc.value)}>
        {agoText(serverNow() - since)}
      </span>
      <span role="gridcell" title={watches}>
        {isComposite && <b class="kind">composite </b>}
        {watches}
      </span>
      <span role="gridcell" class="dim" title={reason}>
        {reason}
      </span>
      <span role="gridcell" class={isOn ? '' : 'warn-text'}>
        {isOn ? 'on' : 'off'}
      </span>
    </div>
  )
}
