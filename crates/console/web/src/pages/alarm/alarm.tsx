/** One alarm: its graph, its states over time, why, and what can be done with it. */
import { useComputed, useSignal, useSignalEffect } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { type Contributor, type HistoryItem, HISTORY_MAX, type MuteSummary, type Unmatched, alarmsNamed, contributors, history, kin, muteName, muteRules, unmatched } from '../../api/alarms.ts'
import { serverNow } from '../../api/http.ts'
import { rangeParam, refresh, tick, utc, windowNow } from '../../frame/clock.ts'
import { address, place, setParams } from '../../frame/router.ts'
import { type Alarm, EVALUATION_WORDS, changeOf, createdIn, definitionWords, spansOf } from '../../lib/alarms.ts'
import { agoText, isoText, timeText } from '../../lib/time.ts'
import { alarmAddress } from '../alarms/alarms.tsx'
import { StateMark } from '../alarms/state-mark.tsx'
import { Trouble } from '../alarms/trouble.tsx'
import { Acts } from './acts.tsx'
import { Explanation } from './explanation.tsx'
import { AlarmGraph } from './graph.tsx'
import { ChildStates } from './children.tsx'
import { Timeline } from './timeline.tsx'

interface Known {
  name: string
  alarm: Alarm | undefined
  items: HistoryItem[]
  isWhole: boolean
  children: Alarm[]
  parents: Alarm[]
  contributors: Contributor[]
  mutes: MuteSummary[]
  /** That no series matches it. */
  nothing: Unmatched | undefined
  /** What could not be read, beside the alarm itself. */
  troubles: [where: string, error: unknown][]
}

/** Only of such alarms several series can be in ALARM. */
const hasContributors = (alarm: Alarm): boolean => alarm.EvaluationCriteria !== undefined || (alarm.Metrics ?? []).some(({ Expression }) => /^\s*SELECT\s/i.test(Expression ?? ''))

async function know(name: string, signal: AbortSignal): Promise<Known> {
  const known: Known = { name, alarm: undefined, items: [], isWhole: true, children: [], parents: [], contributors: [], mutes: [], nothing: undefined, troubles: [] }
  const [alarm] = await alarmsNamed([name], signal)
  known.alarm = alarm
  if (!alarm) return known
  const part = async (where: string, read: () => Promise<void>): Promise<void> => {
    try {
      await read()
    } catch (error) {
      if (signal.aborted) throw error
      known.troubles.push([where, error])
    }
  }
  await Promise.all([
    part('Its history could not be read', async () => void Object.assign(known, await history(name, signal))),
    part('Its mute rules could not be read', async () => void (known.mutes = await muteRules(name, signal))),
    part('The composites above it could not be read', async () => void (known.parents = await kin('ParentsOfAlarmName', name, signal))),
    part('Whether a series matches it could not be read', async () => void (known.nothing = (await unmatched(signal)).byName.get(name))),
    ...(alarm.AlarmRule === undefined ? [] : [part('Its children could not be read', async () => void (known.children = await kin('ChildrenOfAlarmName', name, signal)))]),
    ...(hasContributors(alarm) ? [part('Its contributors could not be read', async () => void (known.contributors = await contributors(name, signal)))] : []),
  ])
  return known
}

export function AlarmPage() {
  const name = useComputed(() => place.value.params.get('name') ?? '')
  const known = useSignal<Known | undefined>(undefined)
  const error = useSignal<unknown>(undefined)
  useEffect(() => {
    document.title = `${name.value || 'Alarm'} · Sightline`
  }, [name.value])
  useSignalEffect(() => {
    void tick.value
    const stop = new AbortController()
    know(name.value, stop.signal).then(
      (told) => {
        known.value = told
        error.value = undefined
      },
      (failure: unknown) => {
        if (!stop.signal.aborted) error.value = failure
      },
    )
    return () => stop.abort()
  })
  const told = known.value?.name === name.value ? known.value : undefined
  return (
    <section class="alarm-page" aria-labelledby="alarm-title">
      <header class="alarm-head">
        <a href={address('alarms', { range: rangeParam() })}>Alarms</a>
        <h1 id="alarm-title">{name.value || 'No alarm is named'}</h1>
        {told?.alarm && <Facts alarm={told.alarm} isUnmatched={told.nothing !== undefined} />}
        {told?.alarm && <Acts alarm={told.alarm} onDone={refresh} />}
      </header>
      <Trouble error={error.value} where="The alarm could not be read" />
      {told && !told.alarm && (
        <p class="empty" role="status">
          There is no alarm of this name: it was deleted, or never made.
        </p>
      )}
      {told?.nothing && <MatchesNothing told={told.nothing} />}
      {told?.alarm && <Body known={told} alarm={told.alarm} />}
    </section>
  )
}

function Facts({ alarm, isUnmatched }: { alarm: Alarm; isUnmatched: boolean }) {
  const since = (alarm.StateTransitionedTimestamp ?? alarm.StateUpdatedTimestamp ?? 0) * 1000
  return (
    <>
      <StateMark state={alarm.StateValue} isUnmatched={isUnmatched} />
      <span class="dim" title={timeText(since, utc.value)}>
        since {timeText(since, utc.value)}, for {agoText(serverNow() - since)}
      </span>
      {!(alarm.ActionsEnabled ?? true) && <span class="warn-text">actions are off</span>}
      {alarm.EvaluationState && <span class="warn-text">{EVALUATION_WORDS[alarm.EvaluationState] ?? alarm.EvaluationState}</span>}
      {alarm.ActionsSuppressedBy && <span class="warn-text">actions are held back: {alarm.ActionsSuppressedReason ?? alarm.ActionsSuppressedBy}</span>}
    </>
  )
}

function MatchesNothing({ told }: { told: Unmatched }) {
  const since = Date.parse(told.since ?? '')
  return (
    <p class="notes" role="status">
      <strong>It matches nothing{Number.isNaN(since) ? '' : ` since ${timeText(since, utc.value)}`}</strong>: no series is what it watches, so its state says nothing of the world. Are the namespace, the name and every dimension as they are sent?
      {(told.nearest ?? []).length > 0 && (
        <>
          {' '}
          Nearly called so:{' '}
          {told.nearest?.map((one, n) => (
            <span key={one}>
              {n > 0 && ', '}
              <code>{one}</code>
            </span>
          ))}
        </>
      )}
    </p>
  )
}

function Body({ known, alarm }: { known: Known; alarm: Alarm }) {
  const at = Date.parse(place.value.params.get('at') ?? '')
  const moment = Number.isNaN(at) ? undefined : at
  const changes = known.items.flatMap((item) => changeOf(item) ?? [])
  const window = windowNow()
  const shown = { from: window.from, to: Math.min(window.to, serverNow()) }
  const spans = spansOf(changes, shown, alarm.StateValue, createdIn(known.items))
  const timeline = <Timeline spans={spans} window={window} at={moment} onPick={(picked) => setParams({ at: isoText(picked) })} />
  return (
    <>
      {known.troubles.map(([where, error]) => (
        <Trouble key={where} where={where} error={error} />
      ))}
      <div class="alarm-cols">
        <div>
          <section class="box" aria-label="Graph and states">
            {alarm.AlarmRule === undefined ? <AlarmGraph alarm={alarm} spans={spans} /> : <h2>States</h2>}
            {alarm.AlarmRule === undefined ? timeline : <ChildStates own={timeline} alarms={known.children} window={window} />}
          </section>
          <Explanation name={alarm.AlarmName} at={moment} onNow={() => setParams({ at: undefined })} />
        </div>
        <div>
          <Definition alarm={alarm} known={known} />
          <Kin title="Children" alarms={known.children} />
          <Kin title="Part of" alarms={known.parents} />
          <Contributors all={known.contributors} isAsked={hasContributors(alarm)} />
        </div>
      </div>
      <History items={known.items} isWhole={known.isWhole} />
    </>
  )
}

function Definition({ alarm, known }: { alarm: Alarm; known: Known }) {
  const actions: [string, string[]][] = [
    ['In alarm', alarm.AlarmActions ?? []],
    ['OK', alarm.OKActions ?? []],
    ['Insufficient data', alarm.InsufficientDataActions ?? []],
  ]
  const some = actions.filter(([, all]) => all.length > 0)
  return (
    <section class="box" aria-labelledby="definition">
      <h2 id="definition">Definition</h2>
      {alarm.AlarmDescription && <p>{alarm.AlarmDescription}</p>}
      {definitionWords(alarm).map((words) => (
        <p key={words}>{words}</p>
      ))}
      <p>
        <span class="dim">Reason: </span>
        {alarm.StateReason}
      </p>
      {some.length === 0 && <p class="dim">It has no actions: nobody is told.</p>}
      {some.map(([title, all]) => (
        <p key={title}>
          <span class="dim">{title}: </span>
          {all.map((one) => (
            <code key={one}>{one}</code>
          ))}
        </p>
      ))}
      {known.mutes.length > 0 && (
        <p>
          <span class="dim">Mute rules: </span>
          {known.mutes.map(({ AlarmMuteRuleArn, Status }) => (
            <span key={AlarmMuteRuleArn}>
              <a href={address('mutes', { range: rangeParam(), alarm: alarm.AlarmName })}>{muteName(AlarmMuteRuleArn)}</a> <span class="dim">{Status?.toLowerCase()}</span>{' '}
            </span>
          ))}
        </p>
      )}
    </section>
  )
}

function Kin({ title, alarms }: { title: string; alarms: Alarm[] }) {
  if (alarms.length === 0) return null
  return (
    <section class="box" aria-label={title}>
      <h2>{title}</h2>
      <ul>
        {alarms.map((one) => (
          <li key={one.AlarmName}>
            {one.StateValue && <StateMark state={one.StateValue} />} <a href={alarmAddress(one.AlarmName)}>{one.AlarmName}</a>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Contributors({ all, isAsked }: { all: Contributor[]; isAsked: boolean }) {
  if (!isAsked) return null
  return (
    <section class="box" aria-labelledby="contributors">
      <h2 id="contributors">Contributors in alarm</h2>
      {all.length === 0 && <p class="dim">None.</p>}
      <ul>
        {all.map((one) => (
          <li key={one.ContributorId}>
            <code>
              {Object.entries(one.ContributorAttributes ?? {})
                .map(([name, value]) => `${name}=${value}`)
                .join(', ')}
            </code>{' '}
            <span class="dim">{one.StateReason}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}

const TYPES: Record<string, string> = {
  StateUpdate: 'State',
  ConfigurationUpdate: 'Definition',
  Action: 'Action',
  AlarmContributorStateUpdate: 'Contributor',
  AlarmContributorAction: 'Action of a contributor',
}

function History({ items, isWhole }: { items: HistoryItem[]; isWhole: boolean }) {
  return (
    <section class="box" aria-labelledby="history">
      <h2 id="history">History</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="History, table">
        <table aria-label="History, newest first">
          <thead>
            <tr>
              <th scope="col">Time {utc.value ? '(UTC)' : ''}</th>
              <th scope="col">Type</th>
              <th scope="col">What happened</th>
            </tr>
          </thead>
          <tbody>
            {items.map((item, n) => (
              <tr key={n}>
                <td class="time">
                  <a href={address('alarm', { range: rangeParam(), name: item.AlarmName, at: isoText(Math.round(item.Timestamp * 1000)) })} title="Explain this moment">
                    {timeText(item.Timestamp * 1000, utc.value)}
                  </a>
                </td>
                <td>{TYPES[item.HistoryItemType] ?? item.HistoryItemType}</td>
                <td>{item.HistorySummary}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {items.length === 0 && <p class="dim">Nothing happened yet.</p>}
      {!isWhole && <p class="dim">The newest {HISTORY_MAX} are shown.</p>}
    </section>
  )
}
