/** An alarm is made, or edited: its form, and what it would have done drawn on its graph. */
import { useComputed, useSignal, useSignalEffect } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { rangeParam } from '../../frame/clock.ts'
import { address, place, setParams } from '../../frame/router.ts'
import { graphParams } from '../../lib/graph.ts'
import { KINDS, type Kind } from '../../lib/proposal.ts'
import { alarmAddress } from '../alarms/alarms.tsx'
import { Trouble } from '../alarms/trouble.tsx'
import { Form } from './form.tsx'
import { Json } from './json.tsx'
import { forgetOriginal, loadOriginal, original, source } from './original.ts'
import { Preview } from './preview.tsx'
import { graph, proposal, setField } from './state.ts'

export function NewAlarm() {
  const edited = useComputed(() => place.value.params.get('edit') ?? '')
  const isJson = useComputed(() => place.value.params.get('as') === 'json')
  const error = useSignal<unknown>(undefined)
  useEffect(() => {
    document.title = `${edited.value ? `Edit ${edited.value}` : 'New alarm'} · Sightline`
  }, [edited.value])
  useSignalEffect(() => {
    const name = edited.value
    error.value = undefined
    if (!name) return undefined
    const stop = new AbortController()
    loadOriginal(name, stop.signal).catch((failure: unknown) => {
      if (!stop.signal.aborted) error.value = failure
    })
    return () => {
      stop.abort()
      forgetOriginal()
    }
  })
  useEffect(() => forgetOriginal, [])
  const told = original.value
  const isLost = told !== undefined && !told.alarm
  return (
    <section class="new-alarm" aria-labelledby="new-title">
      <header class="alarm-head">
        {edited.value ? <a href={alarmAddress(edited.value)}>Back to the alarm</a> : <a href={address('metrics', { range: rangeParam(), ...graphParams(graph.value) })}>Back to the graph</a>}
        <h1 id="new-title">{edited.value ? `Edit ${edited.value}` : 'New alarm'}</h1>
        {(!edited.value || told?.alarm) && <Kinds isEdit={edited.value !== ''} isJson={isJson.value} fits={told?.fits ?? true} />}
      </header>
      <Trouble error={error.value} where="The alarm could not be read" />
      {isLost && (
        <p class="empty" role="status">
          There is no alarm of this name: it was deleted, or never made.
        </p>
      )}
      {(!edited.value || told?.alarm) && <Body isJson={isJson.value} />}
    </section>
  )
}

function Kinds({ isEdit, isJson, fits }: { isEdit: boolean; isJson: boolean; fits: boolean }) {
  const { kind } = proposal.value
  const choose = (one: Kind | 'json'): void => {
    if (one === 'json') setParams({ as: 'json' }, true)
    else {
      source.value = undefined
      setField('kind', one)
      setParams({ as: undefined }, true)
    }
  }
  // What is edited stays of its kind.
  const kinds = (Object.keys(KINDS) as Kind[]).filter((one) => !isEdit || (fits && one === kind))
  return (
    <div class="segments" role="group" aria-label="What it watches">
      {kinds.map((one) => (
        <button key={one} class={!isJson && kind === one ? 'on' : ''} aria-pressed={!isJson && kind === one} onClick={() => choose(one)}>
          {isEdit ? 'Fields' : KINDS[one]}
        </button>
      ))}
      <button class={isJson ? 'on' : ''} aria-pressed={isJson} onClick={() => choose('json')}>
        As JSON
      </button>
    </div>
  )
}

function Body({ isJson }: { isJson: boolean }) {
  if (isJson) return <Json />
  if (proposal.value.kind === 'graph' && graph.value.rows.length === 0) {
    return (
      <p class="empty">
        An alarm watches a metric or math of a graph. <a href={address('metrics', { range: rangeParam() })}>Put one on a graph first</a>, then choose Create alarm; or choose above what else it watches.
      </p>
    )
  }
  return (
    <>
      <Preview />
      <Form />
    </>
  )
}
