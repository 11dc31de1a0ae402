/** Many hosts: a line each, with what they do now and did before. */
import { useComputed, useSignal, useSignalEffect } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import { serverNow } from '../../api/http.ts'
import { Sparkline } from '../../chart/sparkline.tsx'
import { rangeParam, tick, windowNow } from '../../frame/clock.ts'
import { address } from '../../frame/router.ts'
import { type DataQuery, metricQuery } from '../../lib/graph.ts'
import { Live, type LiveState } from '../../lib/live.ts'
import { countText, valueText } from '../../lib/numbers.ts'
import { NONE, type Points, cadence, summary } from '../../lib/points.ts'
import { MINUTE, agoText, autoPeriod } from '../../lib/time.ts'
import { useVisible } from '../../lib/virtual.ts'
import type { Host } from './hosts.ts'

const ROW = 34
/** Sparklines have a hundred pixels. */
const FINEST = 60
const SILENT_MS = 5 * MINUTE

interface Doing {
  host: Host
  cpu: Points
  memory: Points
  disk: Points
  received: Points
  sent: Points
  newest: number
}

const COLUMNS: { of: 'cpu' | 'memory' | 'disk' | 'received' | 'sent'; title: string; unit: string; top?: number; colour: number }[] = [
  { of: 'cpu', title: 'CPU', unit: 'Percent', top: 100, colour: 0 },
  { of: 'memory', title: 'Memory', unit: 'Percent', top: 100, colour: 1 },
  { of: 'disk', title: 'Fullest disk', unit: 'Percent', top: 100, colour: 2 },
  { of: 'received', title: 'Received', unit: 'Bytes/Second', colour: 3 },
  { of: 'sent', title: 'Sent', unit: 'Bytes/Second', colour: 4 },
]

function queriesOf(host: Host, n: number, period: number): DataQuery[] {
  const all: DataQuery[] = []
  const put = (kind: string, metric: Host['cpu'], stat: string): void => {
    if (metric) all.push(metricQuery(`h${n}_${kind}`, metric, stat, period))
  }
  put('cpu', host.cpu, 'Average')
  put('memory', host.memory, 'Average')
  host.disks.forEach((metric, d) => put(`disk${d}`, metric, 'Average'))
  host.received.forEach((metric, i) => put(`received${i}`, metric, 'Sum'))
  host.sent.forEach((metric, i) => put(`sent${i}`, metric, 'Sum'))
  return all
}

/** Adds up several lines of one host, per second. */
function rate(lines: Points[], period: number, now: number): Points {
  const sums = new Map<number, number>()
  for (const points of lines) {
    const step = cadence(points, period)
    points.times.forEach((at, n) => {
      if (at + period <= now) sums.set(at, (sums.get(at) ?? 0) + (points.values[n] ?? 0) / step)
    })
  }
  const times = [...sums.keys()].sort((a, b) => a - b)
  return { times, values: times.map((at) => sums.get(at) ?? 0) }
}

function doingOf(host: Host, n: number, byId: Map<string, Points>, period: number): Doing {
  const of = (kind: string): Points => byId.get(`h${n}_${kind}`) ?? NONE
  const now = serverNow() / 1000
  const cpu = of('cpu')
  const disks = host.disks.map((_, d) => of(`disk${d}`))
  const fullest = disks.reduce((a, b) => ((summary(b).last ?? -1) > (summary(a).last ?? -1) ? b : a), NONE)
  const all = [cpu, of('memory'), ...disks, of('received0')]
  return {
    host,
    cpu: host.cpuIsIdle ? { times: cpu.times, values: cpu.values.map((idle) => 100 - idle) } : cpu,
    memory: of('memory'),
    disk: fullest,
    received: rate(host.received.map((_, i) => of(`received${i}`)), period, now),
    sent: rate(host.sent.map((_, i) => of(`sent${i}`)), period, now),
    newest: Math.max(...all.map((points) => points.times.at(-1) ?? 0)) * 1000,
  }
}

export function HostsTable({ hosts }: { hosts: Host[] }) {
  const filter = useSignal('')
  const live = useMemo(() => new Live(), [])
  const list = useSignal(hosts)
  list.value = hosts
  const shown = useComputed(() => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean)
    return list.value.filter((host) => words.every((word) => host.name.toLowerCase().includes(word)))
  })
  const visible = useVisible<HTMLDivElement>(shown.value.length, ROW)
  const from = useSignal(0)
  const end = useSignal(0)
  from.value = visible.first
  end.value = visible.end
  useEffect(() => () => live.stop(), [])
  useSignalEffect(() => {
    const window = windowNow()
    const period = autoPeriod(window, tick.value.at, FINEST)
    const hosts = shown.value.slice(from.value, end.value)
    const queries = hosts.flatMap((host, n) => queriesOf(host, from.value + n, period))
    void live.ask({ queries, window, period, isTailable: true })
  })
  const state: LiveState = live.state.value
  const byId = new Map(state.lines.map((line) => [line.id, line.points]))
  const rows = shown.value.slice(visible.first, visible.end).map((host, n) => doingOf(host, visible.first + n, byId, state.period))
  return (
    <section class="hosts" aria-labelledby="hosts-title">
      <header class="host-head">
        <h1 id="hosts-title">Hosts</h1>
        <span class="dim">{countText(hosts.length)} hosts</span>
        <input type="search" aria-label="Filter hosts" placeholder="Filter" value={filter.value} onInput={(event) => (filter.value = event.currentTarget.value)} />
      </header>
      <div class="scroll rows" ref={visible.ref} tabIndex={0} role="region" aria-label="Hosts, table">
        <table aria-rowcount={shown.value.length}>
          <thead>
            <tr>
              <th scope="col">Host</th>
              {COLUMNS.map(({ title }) => (
                <th scope="col" key={title} colSpan={2}>
                  {title}
                </th>
              ))}
              <th scope="col">State</th>
            </tr>
          </thead>
          <tbody>
            {visible.above > 0 && <tr aria-hidden="true" style={{ height: `${visible.above}px` }} />}
            {rows.map((row, n) => (
              <tr key={row.host.name} aria-rowindex={visible.first + n + 1}>
                <th scope="row">
                  <a href={address('', { range: rangeParam(), host: row.host.name })}>{row.host.name}</a>
                </th>
                {COLUMNS.map(({ of, unit, top, colour }) => [
                  <td key={of} class="number">
                    {valueText(summary(row[of]).last, unit)}
                  </td>,
                  <td key={`${of} line`} class="spark-cell" aria-hidden="true">
                    <Sparkline points={row[of]} window={state.window} colour={`var(--line-${colour})`} {...(top === undefined ? {} : { top })} />
                  </td>,
                ])}
                <td>
                  <State newest={row.newest} period={state.period} isLoading={state.loading} />
                </td>
              </tr>
            ))}
            {visible.below > 0 && <tr aria-hidden="true" style={{ height: `${visible.below}px` }} />}
          </tbody>
        </table>
        {shown.value.length === 0 && <p class="dim pad">No host has this in its name.</p>}
      </div>
    </section>
  )
}

function State({ newest, period, isLoading }: { newest: number; period: number; isLoading: boolean }) {
  if (newest === 0) return <span class="dim">{isLoading ? '…' : 'no points'}</span>
  const age = serverNow() - newest - period * 1000
  const isSilent = age > SILENT_MS
  return (
    <span class={`state ${isSilent ? 'bad' : 'good'}`}>
      <i class="dot" />
      {isSilent ? `silent for ${agoText(age)}` : 'reporting'}
    </span>
  )
}
