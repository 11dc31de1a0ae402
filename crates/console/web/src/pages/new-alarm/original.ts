/** The alarm that is edited, as it is on the server. */
import { signal } from '@preact/signals'
import { type Tags, alarmsNamed, changeTags, putAlarm, readTags } from '../../api/alarms.ts'
import { Failure } from '../../api/http.ts'
import { place, setParams } from '../../frame/router.ts'
import type { Alarm } from '../../lib/alarms.ts'
import { asBefore, formOf, inputOf, putInput, tagLines, tagsOf } from '../../lib/proposal.ts'
import { forgetLong, graph, proposal, setForm } from './state.ts'

export interface Original {
  name: string
  alarm: Alarm | undefined
  tags: Tags
  /** The form has a place for all of it. */
  fits: boolean
}

export const original = signal<Original | undefined>(undefined)
/** The definition as JSON, where it is edited so; nothing before it is shown. */
export const source = signal<string | undefined>(undefined)

export const pretty = (value: unknown): string => JSON.stringify(value, null, 2)

export async function loadOriginal(name: string, signal: AbortSignal): Promise<void> {
  const [alarm] = await alarmsNamed([name], signal)
  const tags = alarm?.AlarmArn ? await readTags(alarm.AlarmArn, signal) : {}
  const form = alarm && formOf(alarm)
  original.value = { name, alarm, tags, fits: form !== undefined }
  if (!alarm) return
  // What was typed before a reload stands in the address, and stays.
  if (form && !place.peek().params.has('name')) setForm({ ...form, fields: { ...form.fields, tags: tagLines(tags) } })
  if (!form) {
    source.value ??= pretty(inputOf(alarm))
    setParams({ as: 'json' }, true)
  }
}

export function forgetOriginal(): void {
  original.value = undefined
  source.value = undefined
  forgetLong()
}

/** The input of the fields; of an alarm that there is what it left unsaid stays unsaid. */
export function inputOfFields(): Record<string, unknown> {
  const input = putInput(proposal.peek(), graph.peek())
  const alarm = original.peek()?.alarm
  if (!alarm) return input
  const { Tags: _, ...rest } = input
  return asBefore(rest, inputOf(alarm))
}

const hintOf = 'Load it anew, and change it again.'

/** Puts what is in the form, and returns the name. */
export async function save(input: Record<string, unknown>, hasFields: boolean): Promise<string> {
  const was = original.peek()
  if (was?.alarm) {
    const [now] = await alarmsNamed([was.name])
    if (now && now.AlarmConfigurationUpdatedTimestamp !== was.alarm.AlarmConfigurationUpdatedTimestamp) throw new Failure('Somebody changed it since it was loaded here.', was.name, hintOf, 409, 'Changed')
  }
  await putAlarm(input)
  const arn = was?.alarm?.AlarmArn
  if (arn && hasFields) await changeTags(arn, was.tags, tagsOf(proposal.peek().tags) ?? was.tags)
  return String(input['AlarmName'])
}
