/** Mute rules: times in which the actions of some alarms are held back. */
import { useComputed, useSignal, useSignalEffect } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { type MuteRule, MUTES_MAX, deleteMute, muteName, muteRule, muteRules, putMute } from '../../api/alarms.ts'
import { Failure, serverNow } from '../../api/http.ts'
import { rangeParam, refresh, tick, utc } from '../../frame/clock.ts'
import { address, place, setParams } from '../../frame/router.ts'
import { note } from '../../frame/toasts.tsx'
import { MUTE_LENGTHS, atExpression, muteTrouble, scheduleWords } from '../../lib/mutes.ts'
import { timeText } from '../../lib/time.ts'
import { Confirm } from '../alarm/acts.tsx'
import { alarmAddress } from '../alarms/alarms.tsx'
import { Trouble } from '../alarms/trouble.tsx'

/** Reads the rules whole; one that was deleted meanwhile is none. */
async function readRules(alarm: string, signal: AbortSignal): Promise<MuteRule[]> {
  const rules: MuteRule[] = []
  for (const { AlarmMuteRuleArn } of await muteRules(alarm || undefined, signal)) {
    try {
      rules.push(await muteRule(muteName(AlarmMuteRuleArn), signal))
    } catch (error) {
      if (!(error instanceof Failure) || error.status !== 404) throw error
    }
  }
  return rules
}

const STATUS_WORDS: Record<string, string> = { ACTIVE: '● mutes now', SCHEDULED: '○ waits', EXPIRED: '– over' }

export function Mutes() {
  const alarm = useComputed(() => place.value.params.get('alarm') ?? '')
  const rules = useSignal<MuteRule[] | undefined>(undefined)
  const error = useSignal<unknown>(undefined)
  const deleting = useSignal<string | undefined>(undefined)
  useEffect(() => {
    document.title = 'Mute rules · Sightline'
  }, [])
  useSignalEffect(() => {
    void tick.value
    const stop = new AbortController()
    readRules(alarm.value, stop.signal).then(
      (found) => {
        rules.value = found
        error.value = undefined
      },
      (failure: unknown) => {
        if (!stop.signal.aborted) error.value = failure
      },
    )
    return () => stop.abort()
  })
  return (
    <section class="mutes" aria-labelledby="mutes-title">
      <header class="alarm-head">
        <a href={address('alarms', { range: rangeParam() })}>Alarms</a>
        <h1 id="mutes-title">Mute rules</h1>
        {alarm.value && (
          <span>
            of <a href={alarmAddress(alarm.value)}>{alarm.value}</a>{' '}
            <button class="quiet" onClick={() => setParams({ alarm: undefined })}>
              Show all
            </button>
          </span>
        )}
      </header>
      <Trouble error={error.value} where="Mute rules could not be read" />
      <section class="box" aria-label="Rules">
        <div class="scroll">
          <table aria-label="Mute rules">
            <thead>
              <tr>
                {['Rule', 'Now', 'When', 'Until', 'Alarms', ''].map((title) => (
                  <th scope="col" key={title}>
                    {title || <span class="hidden">Delete</span>}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rules.value?.map((rule) => (
                <Row key={rule.Name} rule={rule} onDelete={() => (deleting.value = rule.Name)} />
              ))}
            </tbody>
          </table>
        </div>
        {rules.value?.length === 0 && <p class="dim">No rules: every alarm acts whenever its state changes.</p>}
        {(rules.value?.length ?? 0) >= MUTES_MAX && <p class="dim">The first {MUTES_MAX} are shown.</p>}
      </section>
      <Create key={alarm.value} alarm={alarm.value} />
      {deleting.value !== undefined && (
        <Confirm
          title="Delete the mute rule"
          verb="Delete"
          failure="It could not be deleted"
          isDanger
          onClose={() => (deleting.value = undefined)}
          act={async () => {
            await deleteMute(deleting.value ?? '')
            deleting.value = undefined
            note('Mute rule deleted')
            refresh()
          }}
        >
          <p>
            <strong>{deleting.value}</strong>: its alarms act again at once.
          </p>
        </Confirm>
      )}
    </section>
  )
}

function Row({ rule, onDelete }: { rule: MuteRule; onDelete: () => void }) {
  const names = rule.MuteTargets?.AlarmNames ?? []
  return (
    <tr>
      <th scope="row">{rule.Name}</th>
      <td>{STATUS_WORDS[rule.Status ?? ''] ?? rule.Status}</td>
      <td>{scheduleWords(rule.Rule.Schedule)}</td>
      <td>{rule.ExpireDate ? timeText(rule.ExpireDate * 1000, utc.value) : '–'}</td>
      <td>
        {names.slice(0, 5).map((name, n) => (
          <span key={name}>
            {n > 0 && ', '}
            <a href={alarmAddress(name)}>{name}</a>
          </span>
        ))}
        {names.length > 5 && ` and ${names.length - 5} more`}
      </td>
      <td>
        <button class="quiet" aria-label={`Delete ${rule.Name}`} onClick={onDelete}>
          ✕
        </button>
      </td>
    </tr>
  )
}

function Create({ alarm }: { alarm: string }) {
  const name = useSignal('')
  const alarms = useSignal(alarm)
  const kind = useSignal<'now' | 'schedule'>('now')
  const expression = useSignal('')
  const zone = useSignal('UTC')
  const duration = useSignal('PT1H')
  const wrong = useSignal('')
  const error = useSignal<unknown>(undefined)
  const create = async (): Promise<void> => {
    const names = alarms.value.split('\n').map((line) => line.trim()).filter(Boolean)
    const isSchedule = kind.value === 'schedule'
    error.value = undefined
    wrong.value = muteTrouble(name.value, names, isSchedule, expression.value)
    if (wrong.value) return
    const Schedule = { Expression: isSchedule ? expression.value.trim() : atExpression(serverNow()), Duration: duration.value, Timezone: isSchedule ? zone.value.trim() || 'UTC' : 'UTC' }
    try {
      await putMute({ Name: name.value, Rule: { Schedule }, MuteTargets: { AlarmNames: names } })
      note('Mute rule made')
      name.value = ''
      refresh()
    } catch (failure) {
      error.value = failure
    }
  }
  return (
    <section class="box" aria-labelledby="mute-new">
      <h2 id="mute-new">New rule</h2>
      <form
        class="fields"
        onSubmit={(event) => {
          event.preventDefault()
          void create()
        }}
      >
        <label>
          Name of the rule
          <input value={name.value} onInput={(event) => (name.value = event.currentTarget.value)} />
        </label>
        <label>
          When
          <select value={kind.value} onChange={(event) => (kind.value = event.currentTarget.value as 'now' | 'schedule')}>
            <option value="now">From now</option>
            <option value="schedule">By a schedule</option>
          </select>
        </label>
        {kind.value === 'schedule' && (
          <>
            <label>
              Schedule
              <input placeholder="cron(0 2 * * ?), at(2026-01-31T22:00)" value={expression.value} onInput={(event) => (expression.value = event.currentTarget.value)} />
            </label>
            <label>
              Time zone
              <input placeholder="Europe/Berlin" value={zone.value} onInput={(event) => (zone.value = event.currentTarget.value)} />
            </label>
          </>
        )}
        <label>
          For
          <select value={duration.value} onChange={(event) => (duration.value = event.currentTarget.value)}>
            {MUTE_LENGTHS.map(([text, words]) => (
              <option key={text} value={text}>
                {words}
              </option>
            ))}
          </select>
        </label>
        <label class="wide">
          Alarms, a name on each line
          <textarea rows={3} value={alarms.value} onInput={(event) => (alarms.value = event.currentTarget.value)} />
        </label>
        <div class="wide">
          {wrong.value && (
            <p class="wrong" role="alert">
              {wrong.value}
            </p>
          )}
          <Trouble error={error.value} where="The rule could not be made" />
          <button type="submit" class="primary">
            Create rule
          </button>
        </div>
      </form>
    </section>
  )
}
