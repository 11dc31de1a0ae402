/** Metrics: find them, put them on a graph, compute with them, take the graph elsewhere. */
import { type Signal, useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { Chart } from '../../chart/chart.tsx'
import type { Drawing } from '../../chart/lines.ts'
import { TableTwin, copy } from '../../chart/table-twin.tsx'
import { rangeLabel } from '../../frame/range-picker.tsx'
import { range, rangeParam, utc } from '../../frame/clock.ts'
import { pageKeys } from '../../frame/keys.ts'
import { address, go } from '../../frame/router.ts'
import { EMPTY, freeId, graphParams, withMath } from '../../lib/graph.ts'
import { lengthText } from '../../lib/time.ts'
import { Browse, searchBox } from './browse.tsx'
import { type Shown, periodOf, useGraphData } from './data.ts'
import { PeriodSelect, Rows, StatInput, newMath } from './rows.tsx'
import { Source } from './source.tsx'
import { graph, setGraph } from './state.ts'

type Tab = 'rows' | 'table' | 'source'

const TABS: [Tab, string][] = [
  ['rows', 'Graphed'],
  ['table', 'Table'],
  ['source', 'Source'],
]

const HEIGHT = 330

function addMath(): void {
  newMath.id = freeId(graph.peek().rows, 'e')
  setGraph(withMath(graph.peek(), ''))
}

/** The page that makes an alarm of this graph. */
function alarmFromGraph(): string {
  return address('new-alarm', { range: rangeParam(), ...graphParams(graph.value) })
}

export function Metrics() {
  const tab = useSignal<Tab>('rows')
  const focus = useSignal<string | undefined>(undefined)
  const data = useGraphData()
  useEffect(() => {
    pageKeys.value = [
      { keys: 's', shown: 's', does: 'Search metrics', run: () => searchBox.current?.focus() },
      { keys: 'm', shown: 'm', does: 'Add math', run: addMath },
      { keys: 'v', shown: 'v', does: 'Lines or stacked areas', run: () => setGraph({ ...graph.peek(), view: graph.peek().view === 'line' ? 'stacked' : 'line' }) },
      { keys: 'a', shown: 'a', does: 'Create an alarm from this graph', run: () => graph.peek().rows.length > 0 && go(alarmFromGraph()) },
      { keys: 'l', shown: 'l', does: 'Next tab: graphed, table, source', run: () => (tab.value = TABS[(TABS.findIndex(([name]) => name === tab.peek()) + 1) % TABS.length]?.[0] ?? 'rows') },
    ]
    return () => {
      pageKeys.value = []
    }
  }, [])
  const { rows, title } = graph.value
  const heading = title || (rows.length === 0 ? 'Metrics' : 'Untitled graph')
  useEffect(() => {
    document.title = `${heading} · Sightline`
  }, [heading])
  const { drawing, state, trouble, notes } = data.value
  return (
    <div class="metrics">
      <Browse />
      <section class="graph" aria-label="Graph">
        <Head />
        {trouble && (trouble.row === undefined || tab.value !== 'rows') && (
          <p class="alert" role="alert">
            <strong>{trouble.text}</strong> {trouble.hint}
          </p>
        )}
        {rows.length === 0 ? (
          <Start />
        ) : (
          <Chart drawing={drawing} window={state.window} height={HEIGHT} focus={focus.value} />
        )}
        {notes.length > 0 && (
          <ul class="notes" aria-label="Notes">
            {notes.map((text) => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        )}
        {rows.length > 0 && <Below tab={tab} drawing={drawing} trouble={trouble} isLoading={state.loading} onFocus={(key) => (focus.value = key)} />}
      </section>
    </div>
  )
}

interface BelowProps {
  tab: Signal<Tab>
  drawing: Drawing
  trouble: Shown['trouble']
  isLoading: boolean
  onFocus: (key: string | undefined) => void
}

function Below({ tab, drawing, trouble, isLoading, onFocus }: BelowProps) {
  const { rows } = graph.value
  return (
    <>
      <div class="tabs" role="tablist" aria-label="Below the graph">
        {TABS.map(([name, label]) => (
          <button key={name} id={`tab-${name}`} role="tab" aria-selected={tab.value === name} aria-controls="below" onClick={() => (tab.value = name)}>
            {label}
            {name === 'rows' ? ` (${rows.length})` : ''}
          </button>
        ))}
        <span class="dim">
          {rangeLabel(range.value, utc.value)}, a point each {lengthText(periodOf(graph.value) * 1000)}
          {isLoading ? ', reading…' : ''}
        </span>
      </div>
      <div id="below" class="below" role="tabpanel" aria-labelledby={`tab-${tab.value}`}>
        {tab.value === 'rows' && <Rows drawing={drawing} trouble={trouble} onFocus={onFocus} />}
        {tab.value === 'table' && <TableTwin drawing={drawing} />}
        {tab.value === 'source' && <Source />}
      </div>
    </>
  )
}

function Head() {
  const { title, stat, period, view, rows } = graph.value
  return (
    <header class="graph-head">
      <h1 class="hidden">Metrics</h1>
      <input class="title-input" aria-label="Title of the graph" placeholder="Untitled graph" value={title} onChange={(event) => setGraph({ ...graph.peek(), title: event.currentTarget.value })} />
      <label>
        Statistic
        <StatInput label="Statistic" value={stat} onChange={(to) => setGraph({ ...graph.peek(), stat: to ?? EMPTY.stat })} />
      </label>
      <label>
        Period
        <PeriodSelect label="Period" value={period === 'auto' ? undefined : period} onChange={(to) => setGraph({ ...graph.peek(), period: to ?? 'auto' })} />
      </label>
      <label>
        View
        <select aria-label="View" value={view} onChange={(event) => setGraph({ ...graph.peek(), view: event.currentTarget.value === 'stacked' ? 'stacked' : 'line' })}>
          <option value="line">Lines</option>
          <option value="stacked">Stacked</option>
        </select>
      </label>
      <button onClick={addMath}>Add math</button>
      <button onClick={() => void copy(window.location.href, 'Link')}>Copy link</button>
      {rows.length > 0 && (
        <a class="button primary" href={alarmFromGraph()}>
          Create alarm
        </a>
      )}
      <button disabled={rows.length === 0} onClick={() => setGraph(EMPTY)}>
        Clear
      </button>
    </header>
  )
}

function Start() {
  return (
    <div class="start">
      <p>
        <strong>Choose metrics on the left</strong>, or type a part of a name, namespace or dimension. The address of this page is the graph: copy it to share what you see.
      </p>
      <p class="dim">
        <kbd>s</kbd> searches, <kbd>↓</kbd> goes into the list, <kbd>Enter</kbd> puts a metric on the graph, <kbd>m</kbd> adds math, <kbd>?</kbd> shows all keys.
      </p>
    </div>
  )
}
