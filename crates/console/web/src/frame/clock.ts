/** The range of time that is shown, how often it is asked for anew, and in which zone it is written. */
import { computed, effect, signal } from '@preact/signals'
import { hasVirtualClock, readClock, serverNow } from '../api/http.ts'
import { read, write } from '../lib/theme.ts'
import { HOUR, type Range, type Window, parseRange, rangeText, windowOf } from '../lib/time.ts'
import { place, setParams } from './router.ts'

export const DEFAULT_RANGE: Range = { kind: 'relative', ms: HOUR }

export const range = computed<Range>(() => parseRange(place.value.params.get('range')) ?? DEFAULT_RANGE)

/** The parameter that carries the range to another page. */
export function rangeParam(): string | undefined {
  return place.value.params.get('range') ?? undefined
}

export function setRange(to: Range): void {
  const isDefault = rangeText(to) === rangeText(DEFAULT_RANGE)
  setParams({ range: isDefault ? undefined : rangeText(to) })
}

export const utc = signal(read('sightline.zone') === 'utc')
effect(() => write('sightline.zone', utc.value ? 'utc' : 'local'))

/** Seconds between two refreshes; 0 for none. */
export const REFRESHES = [0, 5, 10, 30, 60, 300]
const stored = Number(read('sightline.refresh') ?? '10')
export const refreshEvery = signal(REFRESHES.includes(stored) ? stored : 10)
effect(() => write('sightline.refresh', String(refreshEvery.value)))

/** Moves on at each refresh: what is live follows it. */
export const tick = signal({ at: serverNow(), count: 0 })

export function refresh(): void {
  tick.value = { at: serverNow(), count: tick.peek().count + 1 }
}

export function windowNow(): Window {
  return windowOf(range.value, tick.value.at)
}

/** Keeps the clock going. A page that nobody sees rests, and catches up when it is seen again. */
export function startClock(): void {
  let timer: ReturnType<typeof setTimeout> | undefined
  const next = async (): Promise<void> => {
    if (hasVirtualClock()) await readClock().catch(() => undefined)
    if (!document.hidden) refresh()
    plan()
  }
  const plan = (): void => {
    clearTimeout(timer)
    if (refreshEvery.value > 0) timer = setTimeout(() => void next(), refreshEvery.value * 1000)
  }
  effect(plan)
  document.addEventListener('visibilitychange', () => {
    if (document.hidden || refreshEvery.peek() === 0) return
    if (serverNow() - tick.peek().at > refreshEvery.peek() * 1000) void next()
  })
}
