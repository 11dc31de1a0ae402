/** All alarms: what is wrong first, found by words, by name and by state, read as far as one scrolls. */
import { useComputed, useSignal, useSignalEffect } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { serverNow } from '../../api/http.ts'
import { rangeParam, tick, utc } from '../../frame/clock.ts'
import { pageKeys } from '../../frame/keys.ts'
import { address, go, place, setParams } from '../../frame/router.ts'
import { type AlarmLine, EVALUATION_WORDS, STATES, STATE_WORDS, type State, countOf, countWords, filtered, inParts } from '../../lib/alarms.ts'
import { countText } from '../../lib/numbers.ts'
import { agoText, timeText } from '../../lib/time.ts'
import { useVisible } from '../../lib/virtual.ts'
import { CHUNK, byName, findByName, held, noteSeen, nothing, readMore, refreshAlarms, stopReading } from './read.ts'
import { StateMark } from './state-mark.tsx'
import { Trouble } from './trouble.tsx'

const ROW = 40
/** Rows before the end at which more are read. */
const AHEAD = 60
/** Typing is over. */
const SETTLE_MS = 200
/** A filter of its own, beside the states: alarms that match no series. */
const NOTHING = 'NOTHING'

export function alarmAddress(name: string): string {
  return address('alarm', { range: rangeParam(), name })
}

const stateOf = (chosen: string): State | '' => (STATES.includes(chosen as State) ? (chosen as State) : '')

export function Alarms() {
  const search = useRef<HTMLInputElement>(null)
  const text = useComputed(() => place.value.params.get('q') ?? '')
  const chosen = useComputed(() => place.value.params.get('state') ?? '')
  const state = useComputed(() => stateOf(chosen.value))
  useSignalEffect(() => {
    void tick.value
    void refreshAlarms(state.peek(), chosen.value === NOTHING)
  })
  useSignalEffect(() => {
    const [prefix, of] = [text.value.trim(), state.value]
    // Whoever narrows wants more of what is left.
    if (of && (countOf(held.peek().lines).get(of) ?? 0) < CHUNK && !held.peek().parts[of].isWhole) void readMore(of)
    const timer = setTimeout(() => void findByName(prefix, of), SETTLE_MS)
    return () => clearTimeout(timer)
  })
  useEffect(() => {
    document.title = 'Alarms · Sightline'
    const states = STATES.map((state, n) => ({ keys: `f ${n + 1}`, shown: `f ${n + 1}`, does: `Only ${STATE_WORDS[state]}`, run: () => choose(state) }))
    pageKeys.value = [
      { keys: 's', shown: 's', does: 'Search alarms', run: () => search.current?.focus() },
      { keys: 'f 0', shown: 'f 0', does: 'All states', run: () => choose('') },
      ...states,
      { keys: 'f n', shown: 'f n', does: 'Only what matches nothing', run: () => choose(NOTHING) },
    ]
    return () => {
      pageKeys.value = []
      stopReading()
    }
  }, [])
  const isWhole = useComputed(() => (state.value ? [state.value] : STATES).every((one) => held.value.parts[one].isWhole))
  const byText = useComputed(() => {
    const found = filtered(held.value.lines, text.value, '')
    const named = byName.value
    if (!named || named.prefix !== text.value.trim() || named.lines.length === 0) return found
    const all = new Map([...named.lines, ...found].map((line) => [line.name, line]))
    return inParts([...all.values()], held.value.parts)
  })
  const shown = useComputed(() => {
    if (chosen.value === NOTHING) return byText.value.filter(({ name }) => nothing.value.byName.has(name))
    return filtered(byText.value, '', state.value)
  })
  const { lines, parts, isReading, error } = held.value
  const counts = countOf(byText.value)
  const count = (one: string): string => countWords(counts.get(one) ?? 0, (one ? [one as State] : STATES).every((of) => parts[of].isWhole))
  const isEmpty = STATES.every((one) => parts[one].isWhole) && lines.length === 0
  return (
    <section class="alarms" aria-labelledby="alarms-title">
      <header class="host-head">
        <h1 id="alarms-title">Alarms</h1>
        <div class="segments" role="group" aria-label="State">
          {['', ...STATES].map((one) => (
            <button key={one} class={chosen.value === one ? 'on' : ''} aria-pressed={chosen.value === one} onClick={() => choose(one)}>
              {one ? STATE_WORDS[one as State] : 'All'} {count(one)}
            </button>
          ))}
          {(nothing.value.byName.size > 0 || chosen.value === NOTHING) && (
            <button class={chosen.value === NOTHING ? 'on' : ''} aria-pressed={chosen.value === NOTHING} onClick={() => choose(NOTHING)}>
              Matches nothing {countWords(nothing.value.byName.size, !nothing.value.more)}
            </button>
          )}
        </div>
        <input
          ref={search}
          type="search"
          aria-label="Filter alarms"
          aria-controls="alarms"
          placeholder={isWhole.value ? 'Name, metric, dimension' : 'Begin of a name, or words'}
          value={text.value}
          onInput={(event) => setParams({ q: event.currentTarget.value }, true)}
          onKeyDown={(event) => {
            if (event.key !== 'ArrowDown') return
            event.preventDefault()
            document.getElementById('alarms')?.focus()
          }}
        />
        <span class="dim" role="status">
          <Told found={shown.value.length} isWhole={isWhole.value} isAll={chosen.value !== NOTHING} text={text.value} />
        </span>
        <span class="right">
          <a class="button" href={address('mutes', { range: rangeParam() })}>
            Mute rules
          </a>
          <a class="button" href={address('metrics', { range: rangeParam() })}>
            Create from a graph
          </a>
          <a class="button primary" href={address('new-alarm', { range: rangeParam(), kind: 'promql' })}>
            New alarm
          </a>
        </span>
      </header>
      <Trouble error={error} where="Alarms could not be read" />
      <Trouble error={byName.value?.error} where="Alarms could not be found by name" />
      {isEmpty ? <Start /> : <List lines={shown.value} isReading={isReading} isWhole={isWhole.value} onMore={() => void readMore(state.value)} />}
    </section>
  )
}

/** What is counted, said so that nobody takes a part for all. */
function Told({ found, isWhole, isAll, text }: { found: number; isWhole: boolean; isAll: boolean; text: string }) {
  const { lines, isReading } = held.value
  const first = countText(lines.length)
  if (isWhole) return <>{`${countText(found)} of ${first}`}</>
  if (!isAll) return <>{`${countText(found)} of ${countWords(nothing.value.byName.size, !nothing.value.more)}`}</>
  const named = byName.value
  if (text.trim() && named) {
    const more = named.more ? `the first ${countText(named.lines.length)}` : countText(named.lines.length)
    return <>{`${countText(found)} found: ${more} by name among all, others by words in the first ${first}`}</>
  }
  return <>{`the first ${first} of more${isReading ? ', reading…' : ''}`}</>
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

interface ListProps {
  lines: AlarmLine[]
  isReading: boolean
  isWhole: boolean
  onMore: () => void
}

function List({ lines, isReading, isWhole, onMore }: ListProps) {
  const active = useSignal(0)
  const visible = useVisible<HTMLDivElement>(lines.length, ROW)
  const index = Math.min(active.value, Math.max(0, lines.length - 1))
  const rows = lines.slice(visible.first, visible.end)
  const isNearEnd = !isWhole && !isReading && visible.end + AHEAD >= lines.length
  useEffect(() => noteSeen(rows.map(({ name }) => name)))
  useEffect(() => {
    // Only who has scrolled wants more; a short list says what it has.
    if (isNearEnd && visible.first > 0) onMore()
  }, [isNearEnd, lines.length, visible.first > 0])
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
    <div class="alarm-grid" role="grid" aria-label="Alarms" aria-rowcount={isWhole ? lines.length + 1 : -1}>
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
        {rows.map((line, n) => (
          <Row key={line.name} line={line} index={visible.first + n} isActive={visible.first + n === index} />
        ))}
        <div style={{ height: `${visible.below}px` }} aria-hidden="true" />
        {lines.length === 0 && <p class="dim pad">{isReading ? 'Reading…' : `No alarm${isWhole ? '' : ' of those read so far'} has all of these words in this state.`}</p>}
        {!isWhole && (
          <p class="dim pad">
            {countText(lines.length)} are shown; there are more.{' '}
            <button disabled={isReading} onClick={onMore}>
              {isReading ? 'Reading…' : `Read ${countText(CHUNK)} more`}
            </button>
          </p>
        )}
      </div>
    </div>
  )
}

function Row({ line, index, isActive }: { line: AlarmLine; index: number; isActive: boolean }) {
  const { name, state, since, watches, reason, isOn, isComposite, evaluation } = line
  return (
    <div id={`alarm-${index}`} class={`alarm-row ${isActive ? 'active' : ''}`} role="row" aria-rowindex={index + 2} aria-selected={isActive} onClick={(event) => !(event.target as Element).closest('a') && go(alarmAddress(name))}>
      <span role="gridcell">
        <StateMark state={state} isUnmatched={nothing.value.byName.has(name)} />
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
