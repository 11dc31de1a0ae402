/** Alarms as the API tells them, and what a person reads of them. */
import type { Metric } from './metric.ts'
import { countText, exactText } from './numbers.ts'
import { SECOND, lengthText } from './time.ts'
import { type DataQuery, metricQuery } from './graph.ts'

export type State = 'ALARM' | 'INSUFFICIENT_DATA' | 'OK'

/** What needs somebody comes first. */
export const STATES: State[] = ['ALARM', 'INSUFFICIENT_DATA', 'OK']

export const STATE_WORDS: Record<State, string> = { ALARM: 'In alarm', INSUFFICIENT_DATA: 'Insufficient data', OK: 'OK' }

/** An alarm of any kind, with the API's own names. Times are seconds since 1970. */
export interface Alarm {
  AlarmName: string
  AlarmArn?: string
  AlarmDescription?: string
  StateValue: State
  StateReason?: string
  StateUpdatedTimestamp?: number
  StateTransitionedTimestamp?: number
  AlarmConfigurationUpdatedTimestamp?: number
  ActionsEnabled?: boolean
  AlarmActions?: string[]
  OKActions?: string[]
  InsufficientDataActions?: string[]
  EvaluationState?: string
  /** One metric. */
  Namespace?: string
  MetricName?: string
  Dimensions?: { Name: string; Value: string }[]
  Statistic?: string
  ExtendedStatistic?: string
  Period?: number
  Unit?: string
  /** Math or Metrics Insights. */
  Metrics?: DataQuery[]
  ComparisonOperator?: string
  Threshold?: number
  EvaluationPeriods?: number
  DatapointsToAlarm?: number
  TreatMissingData?: string
  EvaluateLowSampleCountPercentile?: string
  ThresholdMetricId?: string
  EvaluationWindow?: { SlidingWindow?: object; WallClockWindow?: { Timezone?: string } }
  WarmUpConfiguration?: { WarmUpPeriodDurationInMinutes?: number; OnlyStartEvaluatingAfterWarmUpPeriodEnds?: boolean }
  /** PromQL. */
  EvaluationCriteria?: { PromQLCriteria?: { Query: string; PendingPeriod?: number; RecoveryPeriod?: number } }
  EvaluationInterval?: number
  /** A composite. */
  AlarmRule?: string
  ActionsSuppressor?: string
  ActionsSuppressorWaitPeriod?: number
  ActionsSuppressorExtensionPeriod?: number
  ActionsSuppressedBy?: string
  ActionsSuppressedReason?: string
}

/** Comparisons with their signs and words. */
export const COMPARISONS: Record<string, { sign: string; words: string }> = {
  GreaterThanThreshold: { sign: '>', words: 'is above' },
  GreaterThanOrEqualToThreshold: { sign: '≥', words: 'is at or above' },
  LessThanThreshold: { sign: '<', words: 'is below' },
  LessThanOrEqualToThreshold: { sign: '≤', words: 'is at or below' },
}

export const MISSING_WORDS: Record<string, string> = {
  missing: 'missing data are missing',
  notBreaching: 'missing data count as good',
  breaching: 'missing data count as breaching',
  ignore: 'missing data leave the state as it is',
}

export function metricOfAlarm(alarm: Alarm): Metric | undefined {
  if (!alarm.MetricName) return undefined
  const dimensions = (alarm.Dimensions ?? []).map(({ Name, Value }): [string, string] => [Name, Value])
  dimensions.sort(([a], [b]) => (a < b ? -1 : 1))
  return { namespace: alarm.Namespace ?? '', name: alarm.MetricName, dimensions }
}

export function statisticOf(alarm: Alarm): string {
  return alarm.ExtendedStatistic ?? alarm.Statistic ?? ''
}

/** Seconds of a period; of several metrics the longest. */
export function periodOfAlarm(alarm: Alarm): number {
  const all = (alarm.Metrics ?? []).map((query) => query.MetricStat?.Period ?? query.Period ?? 0)
  return alarm.Period ?? (Math.max(alarm.EvaluationInterval ?? 0, ...all) || 60)
}

/** The query whose value is compared. */
function decisive(alarm: Alarm): DataQuery | undefined {
  const all = alarm.Metrics ?? []
  return all.find(({ ReturnData }) => ReturnData === true) ?? (all.length === 1 ? all[0] : all.find(({ ReturnData }) => ReturnData === undefined))
}

/** What an alarm looks at, in short. */
export function watched(alarm: Alarm): string {
  const promql = alarm.EvaluationCriteria?.PromQLCriteria
  if (alarm.AlarmRule !== undefined) return alarm.AlarmRule
  if (promql) return promql.Query
  const metric = metricOfAlarm(alarm)
  if (metric) {
    const of = metric.dimensions.map(([name, value]) => `${name}=${value}`).join(', ')
    return `${statisticOf(alarm)} of ${metric.name}${of ? ` {${of}}` : ''}`
  }
  const query = decisive(alarm)
  const stat = query?.MetricStat
  return query?.Label ?? query?.Expression ?? (stat ? `${stat.Stat} of ${stat.Metric.MetricName}` : '')
}

/** The threshold with its sign; nothing where there is none. */
export function thresholdText(alarm: Alarm, unit = ''): string {
  if (alarm.Threshold === undefined || !alarm.ComparisonOperator) return ''
  const sign = COMPARISONS[alarm.ComparisonOperator]?.sign ?? alarm.ComparisonOperator
  return `${sign} ${exactText(alarm.Threshold, unit)}`
}

/** What an alarm watches and when it alarms, as the list has it. */
export function watchedText(alarm: Alarm): string {
  return [watched(alarm), thresholdText(alarm)].filter(Boolean).join(' ')
}

/** The definition in sentences. */
export function definitionWords(alarm: Alarm): string[] {
  const promql = alarm.EvaluationCriteria?.PromQLCriteria
  if (alarm.AlarmRule !== undefined) {
    const words = [`In ALARM while its rule holds: ${alarm.AlarmRule}`]
    if (alarm.ActionsSuppressor) words.push(`Its actions are held back while ${alarm.ActionsSuppressor} is in ALARM.`)
    return words
  }
  if (promql) {
    const words = [`In ALARM while a series of ${promql.Query} is returned.`]
    if (promql.PendingPeriod) words.push(`A series must be returned for ${lengthText(promql.PendingPeriod * SECOND)} first.`)
    if (promql.RecoveryPeriod) words.push(`It recovers once it is gone for ${lengthText(promql.RecoveryPeriod * SECOND)}.`)
    if (alarm.EvaluationInterval) words.push(`Asked every ${lengthText(alarm.EvaluationInterval * SECOND)}.`)
    return words
  }
  const metric = metricOfAlarm(alarm)
  const comparison = COMPARISONS[alarm.ComparisonOperator ?? '']?.words ?? alarm.ComparisonOperator ?? ''
  const periods = alarm.EvaluationPeriods ?? 1
  const needed = alarm.DatapointsToAlarm ?? periods
  const length = lengthText(periodOfAlarm(alarm) * SECOND)
  const often = periods === 1 ? `in a period of ${length}` : needed === periods ? `in ${periods} periods of ${length} after each other` : `in ${needed} of ${periods} periods of ${length}`
  const where = metric ? ` in ${metric.namespace}` : ''
  return [
    `In ALARM when ${watched(alarm)}${where} ${comparison} ${exactText(alarm.Threshold)} ${often}; ${MISSING_WORDS[alarm.TreatMissingData ?? 'missing'] ?? ''}.`,
  ]
}

/** The alarm's metrics as questions, of periods that are no finer than `least` seconds. */
export function queriesOfAlarm(alarm: Alarm, least: number): DataQuery[] {
  const metric = metricOfAlarm(alarm)
  if (metric) return [metricQuery('m1', metric, statisticOf(alarm), Math.max(periodOfAlarm(alarm), least))]
  return (alarm.Metrics ?? []).map((query) => {
    const stat = query.MetricStat
    if (stat) return { ...query, MetricStat: { ...stat, Period: Math.max(stat.Period, least) } }
    return { ...query, Period: Math.max(query.Period ?? periodOfAlarm(alarm), least) }
  })
}

// --- lists ---------------------------------------------------------------------------------------

/** What the list keeps of an alarm: there may be a hundred thousand. */
export interface AlarmLine {
  name: string
  state: State
  /** Milliseconds since 1970. */
  since: number
  reason: string
  watches: string
  evaluation: string
  isOn: boolean
  isComposite: boolean
  /** In small letters, for searches. */
  text: string
}

export function lineOf(alarm: Alarm): AlarmLine {
  const watches = watchedText(alarm)
  const since = (alarm.StateTransitionedTimestamp ?? alarm.StateUpdatedTimestamp ?? 0) * 1000
  return {
    name: alarm.AlarmName,
    state: alarm.StateValue,
    since,
    reason: alarm.StateReason ?? '',
    watches,
    evaluation: alarm.EvaluationState ?? '',
    isOn: alarm.ActionsEnabled ?? true,
    isComposite: alarm.AlarmRule !== undefined,
    text: `${alarm.AlarmName}\n${watches}\n${alarm.Namespace ?? ''}`.toLowerCase(),
  }
}

const RANK: Record<State, number> = { ALARM: 0, INSUFFICIENT_DATA: 1, OK: 2 }

/** How far the alarms of a state were read; the server tells them by name. */
export interface Part {
  isBegun: boolean
  isWhole: boolean
  token: string | undefined
}

export function noParts(): Record<State, Part> {
  const none: Part = { isBegun: false, isWhole: false, token: undefined }
  return { ALARM: none, INSUFFICIENT_DATA: none, OK: none }
}

const byName = (a: AlarmLine, b: AlarmLine): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)

/** Of a state with more alarms than this the order is that of their names: rows would jump as more are read. */
const NEWEST_FIRST_MAX = 1_000

/** ALARM first; of a state with few alarms the newest change first, of one with many by name. */
export function inParts(lines: AlarmLine[], parts: Record<State, Part>): AlarmLine[] {
  const counts = countOf(lines)
  const isTimed = (state: State): boolean => parts[state].isWhole && (counts.get(state) ?? 0) <= NEWEST_FIRST_MAX
  const timed = new Set(STATES.filter(isTimed))
  return lines.sort((a, b) => RANK[a.state] - RANK[b.state] || (timed.has(a.state) ? b.since - a.since : 0) || byName(a, b))
}

export function countOf(lines: AlarmLine[]): Map<string, number> {
  const counts = new Map<string, number>([['', lines.length]])
  for (const { state } of lines) counts.set(state, (counts.get(state) ?? 0) + 1)
  return counts
}

/** How many alarms there are, as far as is known. */
export function countWords(many: number, isWhole: boolean): string {
  return isWhole ? countText(many) : `${countText(many)}+`
}

/** Lines that have every word, of one state or of all. */
export function filtered(lines: AlarmLine[], text: string, state: string): AlarmLine[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0 && !state) return lines
  return lines.filter((line) => (!state || line.state === state) && words.every((word) => line.text.includes(word)))
}

export const EVALUATION_WORDS: Record<string, string> = {
  PARTIAL_DATA: 'not all series could be looked at',
  IN_WARM_UP: 'waits for its data',
  EVALUATION_ERROR: 'its definition cannot be evaluated',
  EVALUATION_FAILURE: 'the server could not evaluate it',
}

// --- over time -----------------------------------------------------------------------------------

export interface Change {
  /** Milliseconds since 1970. */
  at: number
  from: State
  to: State
}

export interface Span {
  from: number
  to: number
  state: State
}

/** The states of a window, from its changes in any order; `now` is the state after the last of them. */
export function spansOf(changes: Change[], window: { from: number; to: number }, now: State | undefined, since = -Infinity): Span[] {
  const rising = changes.toSorted((a, b) => a.at - b.at)
  const after = rising.find(({ at }) => at > window.from)
  const before = rising.findLast(({ at }) => at <= window.from)
  let state = before?.to ?? after?.from ?? now
  let from = Math.max(window.from, since)
  const spans: Span[] = []
  for (const change of rising) {
    if (change.at <= from || change.at > window.to) continue
    if (state) spans.push({ from, to: change.at, state })
    from = change.at
    state = change.to
  }
  if (state && from < window.to) spans.push({ from, to: window.to, state })
  return spans
}

const isState = (text: unknown): text is State => STATES.includes(text as State)

/** A change of state as the history has it; nothing of other items. */
export function changeOf(item: { Timestamp: number; HistoryItemType: string; HistoryData?: string }): Change | undefined {
  if (item.HistoryItemType !== 'StateUpdate') return undefined
  try {
    const data = JSON.parse(item.HistoryData ?? '') as { oldState?: { stateValue?: unknown }; newState?: { stateValue?: unknown } }
    const [from, to] = [data.oldState?.stateValue, data.newState?.stateValue]
    return isState(from) && isState(to) ? { at: item.Timestamp * 1000, from, to } : undefined
  } catch {
    return undefined
  }
}

/** When an alarm was made, in milliseconds, if its history tells; else it was always there. */
export function createdIn(items: { Timestamp: number; HistoryItemType: string; HistoryData?: string }[]): number {
  const isCreation = ({ HistoryItemType, HistoryData }: (typeof items)[number]): boolean => HistoryItemType === 'ConfigurationUpdate' && /"type":\s*"Create"/.test(HistoryData ?? '')
  const found = items.find(isCreation)
  return found ? found.Timestamp * 1000 : -Infinity
}
