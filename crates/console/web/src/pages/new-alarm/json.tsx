/** The definition as the API has it: the input of PutMetricAlarm, or of PutCompositeAlarm. */
import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { setParams } from '../../frame/router.ts'
import type { Alarm } from '../../lib/alarms.ts'
import { formOf } from '../../lib/proposal.ts'
import { inputOfFields, original, pretty, source } from './original.ts'
import { Save } from './save.tsx'
import { proposal, setForm } from './state.ts'

function parsed(text: string): { input: Record<string, unknown> } | { wrong: string } {
  try {
    const input: unknown = JSON.parse(text)
    if (!input || typeof input !== 'object' || Array.isArray(input)) return { wrong: 'It must be an object: { "AlarmName": … }' }
    return typeof (input as Alarm).AlarmName === 'string' ? { input: input as Record<string, unknown> } : { wrong: 'AlarmName is missing' }
  } catch (error) {
    return { wrong: error instanceof Error ? error.message : String(error) }
  }
}

export function Json() {
  const wrong = useSignal('')
  useEffect(() => {
    source.value ??= pretty(inputOfFields())
  }, [])
  const text = source.value ?? ''
  const told = parsed(text)
  const name = 'input' in told ? String(told.input['AlarmName']) : ''
  const edited = original.value?.name
  const toFields = (): void => {
    const form = 'input' in told ? formOf(told.input as unknown as Alarm) : undefined
    wrong.value = form ? '' : 'wrong' in told ? told.wrong : 'The form has no place for some of it: it can be changed here only.'
    if (!form) return
    // Tags are no part of what an alarm is told to be.
    setForm({ ...form, fields: { ...form.fields, tags: proposal.peek().tags } })
    source.value = undefined
    setParams({ as: undefined }, true)
  }
  return (
    <section class="box" aria-label="Definition as JSON">
      <div class="fields">
        <label class="wide">
          Input of PutMetricAlarm, or of PutCompositeAlarm where there is an AlarmRule
          <textarea class="source" aria-label="Definition as JSON" rows={24} spellcheck={false} value={text} onInput={(event) => (source.value = event.currentTarget.value)} />
        </label>
        <div class="wide">
          {'wrong' in told && <p class="wrong">{told.wrong}</p>}
          {wrong.value && (
            <p class="wrong" role="alert">
              {wrong.value}
            </p>
          )}
          {edited !== undefined && name !== '' && name !== edited && <p class="warn-text">This is another name: {edited} stays as it is, and {name} is made or replaced.</p>}
          <Save isReady={() => 'input' in parsed(source.peek() ?? '')} input={() => (parsed(source.peek() ?? '') as { input: Record<string, unknown> }).input} />
          <button class="quiet" onClick={toFields}>
            As fields
          </button>
        </div>
      </div>
    </section>
  )
}
