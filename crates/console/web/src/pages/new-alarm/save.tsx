/** Saving: a put of the whole definition, which leaves the state as it is. */
import { useSignal } from '@preact/signals'
import { go } from '../../frame/router.ts'
import { note } from '../../frame/toasts.tsx'
import { STATE_WORDS } from '../../lib/alarms.ts'
import { alarmAddress } from '../alarms/alarms.tsx'
import { forgetAlarms } from '../alarms/read.ts'
import { StateMark } from '../alarms/state-mark.tsx'
import { Trouble } from '../alarms/trouble.tsx'
import { inputOfFields, original, save } from './original.ts'

interface Props {
  /** Says whether what is there can be put, and shows what cannot. */
  isReady: () => boolean
  /** What is put, where it is not what the fields say. */
  input?: () => Record<string, unknown>
}

export function Save({ isReady, input }: Props) {
  const error = useSignal<unknown>(undefined)
  const isBusy = useSignal(false)
  const alarm = original.value?.alarm
  const put = async (): Promise<void> => {
    error.value = undefined
    if (!isReady()) return
    isBusy.value = true
    try {
      const name = await save(input ? input() : inputOfFields(), input === undefined)
      forgetAlarms()
      note(alarm ? `Saved; its state stays: ${STATE_WORDS[alarm.StateValue]}` : 'Alarm made')
      go(alarmAddress(name))
    } catch (failure) {
      error.value = failure
    } finally {
      isBusy.value = false
    }
  }
  return (
    <>
      <Trouble error={error.value} where={alarm ? 'The alarm could not be saved' : 'The alarm could not be made'} />
      <p class="saving">
        <button type="submit" class="primary" disabled={isBusy.value} onClick={() => void put()}>
          {alarm ? 'Save alarm' : 'Create alarm'}
        </button>
        {alarm && (
          <span class="dim">
            The whole definition is replaced; the state stays as it is: <StateMark state={alarm.StateValue} />
          </span>
        )}
      </p>
    </>
  )
}
