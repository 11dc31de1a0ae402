/** The states of a composite's children over time, in the scale of its own. */
import { useSignal, useSignalEffect } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { changesSince } from '../../api/alarms.ts'
import { serverNow } from '../../api/http.ts'
import { tick, windowNow } from '../../frame/clock.ts'
import { type Alarm, type Span, changeOf, createdIn, spansOf } from '../../lib/alarms.ts'
import type { Window } from '../../lib/time.ts'
import { alarmAddress } from '../alarms/alarms.tsx'
import { Trouble } from '../alarms/trouble.tsx'
import { StateBar } from './timeline.tsx'

/** Children that are drawn: each is a question of its own. */
const SHOWN_MAX = 20

async function spansOfChild(child: Alarm, window: Window, signal: AbortSignal): Promise<Span[]> {
  const { items, isWhole } = await changesSince(child.AlarmName, window.from, signal)
  const changes = items.flatMap((item) => changeOf(item) ?? [])
  // Of what is before the oldest item that was told nothing is known.
  const oldest = items.at(-1)?.Timestamp
  const since = isWhole || oldest === undefined ? createdIn(items) : oldest * 1000
  return spansOf(changes, { from: window.from, to: Math.min(window.to, serverNow()) }, child.StateValue, since)
}

interface Props {
  /** The states of the composite itself. */
  own: ComponentChildren
  alarms: Alarm[]
  window: Window
}

export function ChildStates({ own, alarms, window }: Props) {
  const children = useSignal(alarms)
  children.value = alarms
  const spans = useSignal<ReadonlyMap<string, Span[]>>(new Map())
  const error = useSignal<unknown>(undefined)
  useSignalEffect(() => {
    void tick.value
    const window = windowNow()
    const shown = children.value.slice(0, SHOWN_MAX)
    const stop = new AbortController()
    Promise.all(shown.map(async (child): Promise<[string, Span[]]> => [child.AlarmName, await spansOfChild(child, window, stop.signal)])).then(
      (all) => {
        spans.value = new Map(all)
        error.value = undefined
      },
      (failure: unknown) => {
        if (!stop.signal.aborted) error.value = failure
      },
    )
    return () => stop.abort()
  })
  return (
    <>
      <Trouble error={error.value} where="The states of its children could not be read" />
      <div class="child-states" role="group" aria-label="States of its children">
        <strong>itself</strong>
        <div>{own}</div>
        {alarms.slice(0, SHOWN_MAX).map(({ AlarmName }) => [
          <a key={AlarmName} href={alarmAddress(AlarmName)} title={AlarmName}>
            {AlarmName}
          </a>,
          <StateBar key={`${AlarmName} states`} label={AlarmName} spans={spans.value.get(AlarmName) ?? []} window={window} />,
        ])}
      </div>
      {alarms.length > SHOWN_MAX && <p class="dim">The first {SHOWN_MAX} of its {alarms.length} children are drawn.</p>}
    </>
  )
}
