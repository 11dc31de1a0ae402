/** All alarms, held in short: read state by state, so that what needs somebody is there first. */
import { signal } from '@preact/signals'
import { alarmsNamed, readAlarms } from '../../api/alarms.ts'
import { type Alarm, type AlarmLine, STATES, inOrder, lineOf } from '../../lib/alarms.ts'

export interface Held {
  lines: AlarmLine[]
  /** All of them were read once. */
  isWhole: boolean
  isReading: boolean
  error: unknown
}

export const held = signal<Held>({ lines: [], isWhole: false, isReading: false, error: undefined })

/** So many are read anew at each refresh; of more, those in ALARM. */
const WHOLE_MAX = 1_000
/** Of more, all are read anew so often. */
const WHOLE_EVERY_MS = 300_000
/** The list is shown anew when it is so many times as long: sorting it for each page would take longer than reading. */
const SHOW_GROWTH = 1.5

let reading: AbortController | undefined
let wholeAt = -Infinity

function show(byName: Map<string, AlarmLine>, more: Partial<Held>): void {
  held.value = { ...held.peek(), ...more, lines: [...byName.values()].sort(inOrder) }
}

/** Reads what may have changed; a reading that goes on is left alone. */
export async function refreshAlarms(): Promise<void> {
  if (reading) return
  const stop = new AbortController()
  reading = stop
  held.value = { ...held.peek(), isReading: true }
  try {
    const isDue = !held.peek().isWhole || held.peek().lines.length <= WHOLE_MAX || performance.now() - wholeAt > WHOLE_EVERY_MS
    if (isDue) await readAll(stop.signal)
    else await readAlarming(stop.signal)
    held.value = { ...held.peek(), error: undefined }
  } catch (error) {
    if (reading === stop) held.value = { ...held.peek(), error }
  } finally {
    if (reading === stop) reading = undefined
    held.value = { ...held.peek(), isReading: reading !== undefined }
  }
}

/** What was changed here is seen at once. */
export function forgetAlarms(): void {
  wholeAt = -Infinity
}

export function stopReading(): void {
  reading?.abort()
  reading = undefined
}

async function readAll(signal: AbortSignal): Promise<void> {
  const fresh = new Map<string, AlarmLine>()
  // Until all are read, those of before stand where no new one does.
  const before = new Map(held.peek().lines.map((line) => [line.name, line]))
  let showAt = 0
  const take = (alarms: Alarm[]): void => {
    for (const alarm of alarms) fresh.set(alarm.AlarmName, lineOf(alarm))
    if (fresh.size < showAt) return
    show(new Map([...before, ...fresh]), {})
    showAt = fresh.size * SHOW_GROWTH
  }
  for (const state of STATES) await readAlarms(state, take, signal)
  // Between two states an alarm may have gone past the reader.
  const lost = [...before.keys()].filter((name) => !fresh.has(name))
  if (lost.length > 0) take(await alarmsNamed(lost, signal))
  wholeAt = performance.now()
  show(fresh, { isWhole: true })
}

/** Reads those in ALARM, and asks after those that were and are not. */
async function readAlarming(signal: AbortSignal): Promise<void> {
  const alarming = new Map<string, AlarmLine>()
  await readAlarms('ALARM', (alarms) => alarms.forEach((one) => alarming.set(one.AlarmName, lineOf(one))), signal)
  const byName = new Map(held.peek().lines.map((line) => [line.name, line]))
  const left = [...byName.values()].filter(({ name, state }) => state === 'ALARM' && !alarming.has(name)).map(({ name }) => name)
  for (const name of left) byName.delete(name)
  for (const alarm of await alarmsNamed(left, signal)) byName.set(alarm.AlarmName, lineOf(alarm))
  for (const [name, line] of alarming) byName.set(name, line)
  show(byName, {})
}
