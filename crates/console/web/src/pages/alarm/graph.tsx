/** The graph of an alarm's metrics, with the threshold across and the times in ALARM behind. */
import { type ReadonlySignal, useComputed, useSignal, useSignalEffect } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import { queryRange, unitOf } from '../../api/prometheus.ts'
import { Chart } from '../../chart/chart.tsx'
import type { Drawing, Line, Mark } from '../../chart/lines.ts'
import { TableTwin } from '../../chart/table-twin.tsx'
import { tick, windowNow } from '../../frame/clock.ts'
import { type Alarm, type Span, metricOfAlarm, periodOfAlarm, queriesOfAlarm, thresholdText, watched } from '../../lib/alarms.ts'
import { Live } from '../../lib/live.ts'
import { comparedIn } from '../../lib/promql.ts'
import { autoPeriod } from '../../lib/time.ts'
import { Trouble } from '../alarms/trouble.tsx'

const HEIGHT = 230
/** Series of a query that are drawn. */
const SERIES_MAX = 50

export function marksOf(alarm: Alarm, unit: string): Mark[] {
  const promql = alarm.EvaluationCriteria?.PromQLCriteria
  const compared = promql && comparedIn(promql.Query)
  if (compared) return [{ value: compared.value, label: `threshold ${compared.sign} ${compared.value}`, axis: 'left' }]
  return alarm.Threshold === undefined ? [] : [{ value: alarm.Threshold, label: `threshold ${thresholdText(alarm, unit)}`, axis: 'left' }]
}

interface Asked {
  lines: Line[]
  /** Series that are not drawn. */
  left?: number
  error: unknown
  isLoading: boolean
}

/**
 * Lines of CloudWatch's kinds are kept up to date; those of PromQL are asked for whole, without the comparison
 * that leaves only what breaches.
 */
export function useLines(alarm: ReadonlySignal<Alarm>): ReadonlySignal<Asked> {
  const live = useMemo(() => new Live(), [])
  const unit = useSignal('')
  const ofQuery = useSignal<Asked>({ lines: [], error: undefined, isLoading: true })
  useEffect(() => () => live.stop(), [])
  const metric = useComputed(() => JSON.stringify(metricOfAlarm(alarm.value) ?? null))
  useSignalEffect(() => {
    const told = JSON.parse(metric.value) as ReturnType<typeof metricOfAlarm> | null
    const stop = new AbortController()
    // Without its unit a value is still a value.
    if (told) unitOf(told, stop.signal).then((found) => (unit.value = found), () => undefined)
    return () => stop.abort()
  })
  useSignalEffect(() => {
    const window = windowNow()
    const own = periodOfAlarm(alarm.value)
    const period = Math.max(own, autoPeriod(window, tick.value.at, own))
    const promql = alarm.value.EvaluationCriteria?.PromQLCriteria
    if (!promql) {
      const queries = queriesOfAlarm(alarm.value, period)
      void live.ask({ queries, window, period, isTailable: !queries.some(({ Expression }) => Expression) })
      return undefined
    }
    const stop = new AbortController()
    queryRange(comparedIn(promql.Query)?.base ?? promql.Query, window.from, window.to, period, stop.signal).then(
      (found) => {
        const lines = found.slice(0, SERIES_MAX).map((one, n): Line => {
          const labels = Object.entries(one.labels).map(([name, value]) => `${name}=${value}`)
          return { key: String(n), label: labels.join(', ') || promql.Query, unit: '', axis: 'left', colour: n, points: one, period }
        })
        ofQuery.value = { lines, left: found.length - lines.length, error: undefined, isLoading: false }
      },
      (error: unknown) => {
        if (!stop.signal.aborted) ofQuery.value = { lines: [], error, isLoading: false }
      },
    )
    return () => stop.abort()
  })
  return useComputed(() => {
    if (alarm.value.EvaluationCriteria) return ofQuery.value
    const { lines, error, loading, period } = live.state.value
    const told = lines.map((line, n): Line => ({ key: `${line.id} ${n}`, label: alarm.value.MetricName ? watched(alarm.value) : line.label, unit: unit.value, axis: 'left', colour: n, points: line.points, period }))
    return { lines: told, error, isLoading: loading }
  })
}

export function AlarmGraph({ alarm, spans }: { alarm: Alarm; spans: Span[] }) {
  const own = useSignal(alarm)
  own.value = alarm
  const asTable = useSignal(false)
  const asked = useLines(own).value
  const { lines, error, isLoading, left = 0 } = asked
  const bands = spans.filter(({ state }) => state === 'ALARM')
  const drawing: Drawing = { label: `Graph of ${alarm.AlarmName}`, lines, view: 'line', marks: marksOf(alarm, lines[0]?.unit ?? ''), bands }
  const isBare = !isLoading && error === undefined && lines.every(({ points }) => points.times.length === 0)
  return (
    <>
      <div class="box-head">
        <h2>Graph</h2>
        <button class="quiet" aria-pressed={asTable.value} onClick={() => (asTable.value = !asTable.value)}>
          Table
        </button>
      </div>
      <Trouble error={error} where="Its metrics could not be read" />
      {isBare && (
        <p class="notes" role="status">
          It matches nothing: there is no point of it in this range. Are the namespace, the name and every dimension as they are sent? A wider range shows older points.
        </p>
      )}
      <Chart drawing={drawing} window={windowNow()} height={HEIGHT} />
      {left > 0 && <p class="dim">The first {SERIES_MAX} series are drawn; there are {left} more.</p>}
      {asTable.value && <TableTwin drawing={drawing} />}
    </>
  )
}
