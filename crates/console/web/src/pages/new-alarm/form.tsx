/** The definition as fields: what is watched, when it alarms, and who hears of it. */
import { useComputed, useSignal, useSignalEffect } from '@preact/signals'
import { alarmsNamed } from '../../api/alarms.ts'
import { COMPARISONS, MISSING_WORDS, definitionWords } from '../../lib/alarms.ts'
import { ALARM_PERIODS, ALARM_STATISTICS, wrongWith } from '../../lib/proposal.ts'
import { lengthText } from '../../lib/time.ts'
import { rowLabel } from '../metrics/state.ts'
import { Choice, Field, Input, Labelled, Mistake, type Shown, Text, Tick } from './fields.tsx'
import { original } from './original.ts'
import { proposed } from './preview.tsx'
import { graph, proposal } from './state.ts'
import { Save } from './save.tsx'

const UNITS = ['', 'Seconds', 'Microseconds', 'Milliseconds', 'Bytes', 'Kilobytes', 'Megabytes', 'Gigabytes', 'Terabytes', 'Bits', 'Percent', 'Count', 'Bytes/Second', 'Kilobytes/Second', 'Megabytes/Second', 'Bits/Second', 'Megabits/Second', 'Count/Second', 'None']

export function Form() {
  const wasSent = useSignal(false)
  const { kind } = proposal.value
  const wrong = wrongWith(proposal.value, graph.value)
  const shown: Shown = { wrong, wasSent: wasSent.value }
  const isFine = Object.keys(wrong).every((field) => field === 'name')
  return (
    <section class="box" aria-label="Definition">
      <form class="fields" onSubmit={(event) => event.preventDefault()}>
        {kind === 'graph' && <Watched {...shown} />}
        {kind === 'insights' && <Insights {...shown} />}
        {kind === 'promql' && <Promql {...shown} />}
        {kind === 'composite' && <Composite {...shown} />}
        {(kind === 'graph' || kind === 'insights') && <Condition {...shown} />}
        <Named {...shown} />
        <div class="wide">
          {isFine && <p class="dim">{definitionWords(proposed()).join(' ')}</p>}
          <Save
            isReady={() => {
              wasSent.value = true
              return Object.keys(wrongWith(proposal.peek(), graph.peek())).length === 0
            }}
          />
        </div>
      </form>
    </section>
  )
}

function Period() {
  const { period } = proposal.value
  const all = [...new Set([...ALARM_PERIODS, period])].sort((a, b) => a - b)
  return <Choice title="Period" label="Period" field="period" options={all.map((one) => [String(one), lengthText(one * 1000)])} />
}

function Watched(shown: Shown) {
  const { rows } = graph.value
  const row = rows.find(({ id }) => id === proposal.value.row)
  return (
    <>
      <div class="wide">
        <Choice title="Watches" label="Watches" field="row" options={rows.map((one) => [one.id, `${one.id}: ${rowLabel(one, rows)}`])} />
        <Mistake field="row" {...shown} />
      </div>
      {row?.kind === 'metric' && (
        <>
          <Field title="Statistic" label="Statistic" field="stat" list="statistics" {...shown} />
          <datalist id="statistics">
            {ALARM_STATISTICS.map((one) => (
              <option key={one} value={one} />
            ))}
          </datalist>
        </>
      )}
      <Period />
    </>
  )
}

function Insights(shown: Shown) {
  return (
    <>
      <Text title="Metrics Insights query: each of its groups is a contributor" label="Query" field="query" rows={3} placeholder={'SELECT AVG(cpu_usage_active) FROM "CWAgent" GROUP BY host'} {...shown} />
      <Period />
    </>
  )
}

function Promql(shown: Shown) {
  return (
    <>
      <Text title="PromQL query: every series that it returns is in alarm" label="Query" field="query" rows={3} placeholder='sum by (job) (rate(errors_total[5m])) > 10' {...shown} />
      <Field title="Asked every, in seconds" label="Evaluation interval" field="interval" mode="numeric" {...shown} />
      <Field title="In alarm after, in seconds" label="Pending period" field="pending" mode="numeric" placeholder="0" {...shown} />
      <Field title="Recovered after, in seconds" label="Recovery period" field="recovery" mode="numeric" placeholder="0" {...shown} />
    </>
  )
}

function Composite(shown: Shown) {
  const hasSuppressor = proposal.value.suppressor.trim() !== ''
  return (
    <>
      <Text title="Rule: AND, OR, NOT, parentheses, AT_LEAST" label="Rule" field="rule" rows={3} placeholder='ALARM("cpu-high") AND NOT ALARM("deploying")' {...shown} />
      <Field title="Actions are held back while this alarms" label="Suppressor" field="suppressor" placeholder="a name or ARN" {...shown} />
      {hasSuppressor && (
        <>
          <Field title="Wait for it, in seconds" label="Wait period" field="wait" mode="numeric" placeholder="60" {...shown} />
          <Field title="Hold on after it, in seconds" label="Extension period" field="extension" mode="numeric" placeholder="60" {...shown} />
        </>
      )}
    </>
  )
}

function Condition(shown: Shown) {
  const row = graph.value.rows.find(({ id }) => id === proposal.value.row)
  const isMetric = proposal.value.kind === 'graph' && row?.kind === 'metric'
  return (
    <>
      <Choice title="Alarms when the value" label="Comparison" field="comparison" options={Object.entries(COMPARISONS).map(([operator, { sign, words }]) => [operator, `${words} (${sign})`])} />
      <Field title="Threshold" label="Threshold" field="threshold" mode="decimal" placeholder="80" {...shown} />
      <div>
        <Labelled title="In so many periods">
          <span class="pair">
            <Input field="needed" label="Periods that breach" mode="numeric" {...shown} /> of <Input field="periods" label="Periods looked at" mode="numeric" {...shown} />
          </span>
        </Labelled>
        <Mistake field="needed" {...shown} />
        <Mistake field="periods" {...shown} />
      </div>
      <Choice title="Missing data" label="Missing data" field="missing" options={Object.entries(MISSING_WORDS)} />
      <details class="wide" open={['low', 'zone', 'warmUp', 'unit'].some((field) => proposal.value[field as 'low'] !== '')}>
        <summary>Windows, warm-up{isMetric ? ', unit, few samples' : ''}</summary>
        <div class="fields inner">
          <Field title="Windows by the clock of this zone" label="Time zone of windows" field="zone" placeholder="they slide; or Europe/Berlin" {...shown} />
          <Field title="Warm-up, in minutes" label="Warm-up" field="warmUp" mode="numeric" placeholder="none" {...shown} />
          {proposal.value.warmUp.trim() !== '' && <Tick label="even if all data are there" field="warmWhole" />}
          {isMetric && <Choice title="Only data of the unit" label="Unit" field="unit" options={UNITS.map((one) => [one, one || 'any unit'])} />}
          {isMetric && /^p\d/.test(proposal.value.stat) && (
            <Choice
              title="Percentiles over few samples"
              label="Few samples"
              field="low"
              options={[
                ['', 'count as any (not said)'],
                ['evaluate', 'count as any'],
                ['ignore', 'leave the state as it is'],
              ]}
            />
          )}
        </div>
      </details>
    </>
  )
}

function Named(shown: Shown) {
  const exists = useSignal(false)
  const name = useComputed(() => proposal.value.name.trim())
  const isEdit = original.value !== undefined
  useSignalEffect(() => {
    const wanted = name.value
    exists.value = false
    if (!wanted || original.value) return undefined
    const stop = new AbortController()
    const timer = setTimeout(() => alarmsNamed([wanted], stop.signal).then((found) => (exists.value = found.length > 0), () => undefined), 300)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  })
  const arns = 'arn:aws:sns:us-east-1:000000000000:on-call'
  return (
    <>
      <Labelled title="Name">
        <Input field="name" label="Name of the alarm" placeholder="cpu-high" isFixed={isEdit} {...shown} />
        <Mistake field="name" {...shown} />
        {exists.value && <span class="warn-text">There is an alarm of this name: it will be replaced.</span>}
      </Labelled>
      <Field title="Description" label="Description" field="description" {...shown} />
      <Text title="Actions when in ALARM: an ARN on each line" label="Actions" field="actions" rows={2} placeholder={arns} {...shown} />
      <div class="wide halves">
        <Text title="Actions when OK" label="Actions when OK" field="okActions" rows={2} placeholder={arns} {...shown} />
        <Text title="Actions when data are insufficient" label="Actions when data are insufficient" field="noDataActions" rows={2} placeholder={arns} {...shown} />
        <Text title="Tags: name=value on each line" label="Tags" field="tags" rows={2} placeholder="team=web" {...shown} />
      </div>
      <div class="wide">
        <Tick label="Actions are off" field="silent" />
      </div>
    </>
  )
}
