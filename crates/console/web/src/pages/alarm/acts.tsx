/** What can be done with an alarm: each act in a box of its own, where its failure is told. */
import { type Signal, useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { deleteAlarm, enableActions, putMute, setState } from '../../api/alarms.ts'
import { serverNow } from '../../api/http.ts'
import { rangeParam } from '../../frame/clock.ts'
import { Dialog } from '../../frame/dialog.tsx'
import { address, go } from '../../frame/router.ts'
import { note } from '../../frame/toasts.tsx'
import { type Alarm, STATES, STATE_WORDS, type State } from '../../lib/alarms.ts'
import { MUTE_LENGTHS, atExpression } from '../../lib/mutes.ts'
import { forgetAlarms } from '../alarms/read.ts'
import { Trouble } from '../alarms/trouble.tsx'

type Act = 'state' | 'mute' | 'delete' | 'actions'

export function Acts({ alarm, onDone }: { alarm: Alarm; onDone: () => void }) {
  const act = useSignal<Act | undefined>(undefined)
  const name = alarm.AlarmName
  const isOn = alarm.ActionsEnabled ?? true
  const done = (said: string): void => {
    act.value = undefined
    forgetAlarms()
    note(said)
    onDone()
  }
  const close = (): void => {
    act.value = undefined
  }
  return (
    <div class="right">
      <a class="button" href={address('new-alarm', { range: rangeParam(), edit: name })}>
        Edit
      </a>
      <button onClick={() => (act.value = 'mute')}>Mute…</button>
      <button onClick={() => (act.value = 'actions')}>{isOn ? 'Disable actions…' : 'Enable actions…'}</button>
      <button onClick={() => (act.value = 'state')}>Set state…</button>
      <button class="danger" onClick={() => (act.value = 'delete')}>
        Delete…
      </button>
      {act.value === 'state' && <SetState alarm={alarm} onClose={close} onDone={done} />}
      {act.value === 'mute' && <Mute name={name} onClose={close} onDone={done} />}
      {act.value === 'actions' && (
        <Confirm title={isOn ? 'Disable actions' : 'Enable actions'} verb={isOn ? 'Disable' : 'Enable'} failure="They could not be changed" onClose={close} act={() => enableActions(name, !isOn).then(() => done(isOn ? 'Actions are off' : 'Actions are on'))}>
          <p>
            {isOn ? 'It goes on changing its state, and nobody is told.' : 'At its next change of state its actions are carried out again.'} <strong>{name}</strong>
          </p>
        </Confirm>
      )}
      {act.value === 'delete' && (
        <Confirm
          title="Delete the alarm"
          verb="Delete"
          failure="It could not be deleted"
          isDanger
          onClose={close}
          act={() =>
            deleteAlarm(name).then(() => {
              forgetAlarms()
              note('Alarm deleted')
              go(address('alarms', { range: rangeParam() }))
            })
          }
        >
          <p>
            <strong>{name}</strong> is gone for good. Its metrics stay.
          </p>
        </Confirm>
      )}
    </div>
  )
}

interface ConfirmProps {
  title: string
  verb: string
  failure: string
  isDanger?: boolean
  onClose: () => void
  act: () => Promise<void>
  children: ComponentChildren
}

/** Asks before an act, keeps the box while it fails, and says why. */
export function Confirm({ title, verb, failure, isDanger = false, onClose, act, children }: ConfirmProps) {
  const error = useSignal<unknown>(undefined)
  const isBusy = useSignal(false)
  const run = (): void => {
    isBusy.value = true
    error.value = undefined
    act().catch((told: unknown) => {
      error.value = told
      isBusy.value = false
    })
  }
  return (
    <Dialog label={title} onClose={onClose}>
      <form
        class="dialog-form"
        onSubmit={(event) => {
          event.preventDefault()
          run()
        }}
      >
        <h2>{title}</h2>
        {children}
        <Trouble error={error.value} where={failure} />
        <footer>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class={isDanger ? 'danger' : 'primary'} disabled={isBusy.value}>
            {verb}
          </button>
        </footer>
      </form>
    </Dialog>
  )
}

interface ActProps {
  onClose: () => void
  onDone: (said: string) => void
}

function SetState({ alarm, onClose, onDone }: ActProps & { alarm: Alarm }) {
  const state = useSignal<State>(alarm.StateValue === 'ALARM' ? 'OK' : 'ALARM')
  const reason = useSignal('Drill from the console')
  return (
    <Confirm title="Set the state" verb="Set state" failure="It could not be set" onClose={onClose} act={() => setState(alarm.AlarmName, state.value, reason.value).then(() => onDone(`Set to ${STATE_WORDS[state.peek()]}`))}>
      <p>A drill: its actions are carried out as in earnest, and the next evaluation sets it back.</p>
      <label>
        State
        <select value={state.value} onChange={(event) => (state.value = event.currentTarget.value as State)}>
          {STATES.map((one) => (
            <option key={one} value={one}>
              {STATE_WORDS[one]}
            </option>
          ))}
        </select>
      </label>
      <Field label="Reason" value={reason} />
    </Confirm>
  )
}

function Field({ label, value }: { label: string; value: Signal<string> }) {
  return (
    <label>
      {label}
      <input value={value.value} onInput={(event) => (value.value = event.currentTarget.value)} />
    </label>
  )
}

function Mute({ name, onClose, onDone }: ActProps & { name: string }) {
  const length = useSignal('PT1H')
  const now = serverNow()
  const rule = useSignal(`mute-${name.replace(/[^A-Za-z0-9_-]/g, '-').slice(0, 100)}-${new Date(now).toISOString().slice(0, 16).replaceAll(/[-:]/g, '')}`)
  const act = async (): Promise<void> => {
    const Schedule = { Expression: atExpression(serverNow()), Duration: length.value, Timezone: 'UTC' }
    await putMute({ Name: rule.value.trim(), Rule: { Schedule }, MuteTargets: { AlarmNames: [name] } })
    onDone('Muted')
  }
  return (
    <Confirm title="Mute the alarm" verb="Mute" failure="It could not be muted" onClose={onClose} act={act}>
      <p>
        It goes on changing its state, and its actions are held back. <a href={address('mutes', { range: rangeParam(), alarm: name })}>With a schedule…</a>
      </p>
      <label>
        From now for
        <select value={length.value} onChange={(event) => (length.value = event.currentTarget.value)}>
          {MUTE_LENGTHS.map(([text, words]) => (
            <option key={text} value={text}>
              {words}
            </option>
          ))}
        </select>
      </label>
      <Field label="Name of the rule" value={rule} />
    </Confirm>
  )
}
