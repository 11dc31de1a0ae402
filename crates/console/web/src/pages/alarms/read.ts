/**
 * Alarms, held in short, and read as far as somebody looks: there may be a hundred thousand.
 *
 * Each state is a part of its own that the server pages through by name. What needs somebody comes first.
 * At a refresh what is shown is asked for by name, and those in ALARM from their begin.
 */
import { signal } from '@preact/signals'
import { type UnmatchedList, alarmPage, alarmsNamed, unmatched } from '../../api/alarms.ts'
import { type Alarm, type AlarmLine, type Part, STATES, type State, inParts, lineOf, noParts } from '../../lib/alarms.ts'

export interface Held {
  lines: AlarmLine[]
  parts: Record<State, Part>
  isReading: boolean
  error: unknown
}

export const held = signal<Held>({ lines: [], parts: noParts(), isReading: false, error: undefined })

/** Alarms whose names begin with what is searched, of all that the server has; nothing while all are held. */
export const byName = signal<{ prefix: string; state: string; lines: AlarmLine[]; more: boolean; error: unknown } | undefined>(undefined)

/** Alarms that match no series, by name; of very many the first. */
export const nothing = signal<UnmatchedList>({ byName: new Map(), more: false })

/** So many are read before somebody asks for more. */
export const CHUNK = 2_000
/** Of those in ALARM so many are asked for anew at each refresh. */
const ALARMING_MAX = 1_000
/** If so few are held, all are. */
const WHOLE_MAX = 1_000
/** Of more, all that are held are read anew so often. */
const AGAIN_EVERY_MS = 300_000
/** The list is shown anew when it is so many times as long: sorting it for each page would take longer than reading. */
const SHOW_GROWTH = 1.5
const BY_NAME_MAX = 500

let lines = new Map<string, AlarmLine>()
let parts = noParts()
let reading: AbortController | undefined
let againAt = -Infinity
/** Names of the rows that can be seen. */
let seen: string[] = []

function show(more: Partial<Held> = {}): void {
  held.value = { ...held.peek(), parts: { ...parts }, lines: inParts([...lines.values()], parts), ...more }
}

/** One at a time: what is asked meanwhile is dropped, as the next refresh asks again. */
async function alone(act: (signal: AbortSignal) => Promise<void>): Promise<void> {
  if (reading) return
  const stop = new AbortController()
  reading = stop
  held.value = { ...held.peek(), isReading: true }
  try {
    await act(stop.signal)
    if (reading === stop) show({ error: undefined })
  } catch (error) {
    if (reading === stop) show({ error })
  } finally {
    if (reading === stop) {
      reading = undefined
      held.value = { ...held.peek(), isReading: false }
    }
  }
}

export function stopReading(): void {
  reading?.abort()
  reading = undefined
  held.value = { ...held.peek(), isReading: false }
}

/** What was changed here is seen at once. */
export function forgetAlarms(): void {
  againAt = -Infinity
}

export function noteSeen(names: string[]): void {
  seen = names
}

const some = (state: string): State[] => STATES.filter((one) => !state || one === state)

/** Reads what may have changed; a reading that goes on is left alone. */
export async function refreshAlarms(state: string, wantsNothing: boolean): Promise<void> {
  await alone(async (signal) => {
    const isFirst = !STATES.some((one) => parts[one].isBegun)
    const isSmall = STATES.every((one) => parts[one].isWhole) && lines.size <= WHOLE_MAX
    if (isFirst || isSmall || performance.now() - againAt > AGAIN_EVERY_MS) await readAgain(state, signal)
    else await readSeen(signal)
    nothing.value = await unmatched(signal)
    const names = wantsNothing ? [...nothing.peek().byName.keys()].filter((name) => !lines.has(name)) : []
    if (names.length > 0) take(lines, await alarmsNamed(names.slice(0, BY_NAME_MAX), signal))
  })
}

/** Reads on behind what is held. */
export async function readMore(state: string): Promise<void> {
  await alone((signal) => readOn(lines, parts, some(state), CHUNK, signal, true))
}

/** Reads pages of states, one state after the other, until there are so many more. */
async function readOn(into: Map<string, AlarmLine>, of: Record<State, Part>, states: State[], many: number, signal: AbortSignal, isShown: boolean): Promise<void> {
  const until = into.size + many
  let showAt = into.size * SHOW_GROWTH
  for (const state of states) {
    while (!of[state].isWhole && into.size < until) {
      await readPage(into, of, state, signal)
      if (!isShown || into.size < showAt) continue
      show()
      showAt = into.size * SHOW_GROWTH
    }
  }
}

async function readPage(into: Map<string, AlarmLine>, of: Record<State, Part>, state: State, signal: AbortSignal): Promise<void> {
  const { alarms, next } = await alarmPage({ state, token: of[state].token }, signal)
  take(into, alarms)
  of[state] = { isBegun: true, isWhole: next === undefined, token: next }
}

function take(into: Map<string, AlarmLine>, alarms: Alarm[]): void {
  for (const alarm of alarms) into.set(alarm.AlarmName, lineOf(alarm))
}

/** Reads anew as many as are held. Until they are read, those of before stand. */
async function readAgain(state: string, signal: AbortSignal): Promise<void> {
  const isFirst = lines.size === 0
  const fresh = isFirst ? lines : new Map<string, AlarmLine>()
  const begun = isFirst ? parts : noParts()
  // A page of each first: then each state can say how many there are at least.
  await Promise.all(STATES.map((one) => readPage(fresh, begun, one, signal)))
  if (isFirst) show()
  await readOn(fresh, begun, some(state), Math.max(CHUNK, lines.size) - fresh.size, signal, isFirst)
  // Between two states an alarm may have gone past the reader.
  const lost = [...lines.keys()].filter((name) => !fresh.has(name)).slice(0, WHOLE_MAX)
  if (!isFirst && lost.length > 0) take(fresh, await alarmsNamed(lost, signal))
  lines = fresh
  parts = begun
  againAt = performance.now()
}

/** Asks after those that are seen, and reads those in ALARM from their begin. */
async function readSeen(signal: AbortSignal): Promise<void> {
  const alarming = new Map<string, AlarmLine>()
  const begun = noParts()
  await readOn(alarming, begun, ['ALARM'], ALARMING_MAX, signal, false)
  // Those that were in ALARM and are none of them any more, unless they stand behind what was read.
  const left = begun.ALARM.isWhole ? [...lines.values()].filter(({ name, state }) => state === 'ALARM' && !alarming.has(name)).map(({ name }) => name) : []
  const asked = [...new Set([...left, ...seen.filter((name) => !alarming.has(name))])]
  const found = new Map<string, AlarmLine>()
  take(found, await alarmsNamed(asked, signal))
  for (const name of asked) if (!found.has(name)) lines.delete(name)
  for (const [name, line] of [...found, ...alarming]) lines.set(name, line)
  if (begun.ALARM.isWhole) parts.ALARM = begun.ALARM
}

let finding: AbortController | undefined

/** Finds alarms by the begin of their names, where not all are held. */
export async function findByName(prefix: string, state: string): Promise<void> {
  finding?.abort()
  finding = undefined
  if (!prefix || some(state).every((one) => parts[one].isWhole)) {
    byName.value = undefined
    return
  }
  const stop = new AbortController()
  finding = stop
  const found: AlarmLine[] = []
  let token: string | undefined
  try {
    do {
      const page = await alarmPage({ prefix, state: state as State | '', token }, stop.signal)
      found.push(...page.alarms.map(lineOf))
      token = page.next
    } while (token && found.length < BY_NAME_MAX)
    if (finding === stop) byName.value = { prefix, state, lines: found, more: token !== undefined, error: undefined }
  } catch (error) {
    if (finding === stop) byName.value = { prefix, state, lines: [], more: false, error }
  }
}
