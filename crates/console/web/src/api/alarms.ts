/** Alarms: CloudWatch's operations, and the server's explanations and backtests. */
import type { Alarm, State } from '../lib/alarms.ts'
import { isoText } from '../lib/time.ts'
import { call } from './cloudwatch.ts'
import { Failure, send } from './http.ts'

const BOTH = ['MetricAlarm', 'CompositeAlarm']
/** The most that one page may have. */
const PAGE = 100

interface AlarmsOutput {
  MetricAlarms?: Alarm[]
  CompositeAlarms?: Alarm[]
  NextToken?: string
}

const alarmsOf = (told: AlarmsOutput): Alarm[] => [...(told.MetricAlarms ?? []), ...(told.CompositeAlarms ?? [])]

/** A page of alarms, by name: of a state or of all, and of names that begin with something. */
export async function alarmPage({ state, prefix, token }: { state?: State | '' | undefined; prefix?: string; token?: string | undefined }, signal?: AbortSignal): Promise<{ alarms: Alarm[]; next: string | undefined }> {
  const input = { AlarmTypes: BOTH, MaxRecords: PAGE, ...(state ? { StateValue: state } : {}), ...(prefix ? { AlarmNamePrefix: prefix } : {}), ...(token ? { NextToken: token } : {}) }
  const told = await call<AlarmsOutput>('DescribeAlarms', input, signal)
  return { alarms: alarmsOf(told), next: told.NextToken }
}

/** An alarm that matches no series: since when, and what is nearly called so. */
export interface Unmatched {
  name: string
  /** RFC 3339. */
  since?: string
  nearest?: string[]
}

export interface UnmatchedList {
  byName: ReadonlyMap<string, Unmatched>
  /** These are not all. */
  more: boolean
}

/** The alarms that match no series; of very many the first. */
export async function unmatched(signal?: AbortSignal): Promise<UnmatchedList> {
  let answer: Response
  try {
    answer = await send('/-/alarms/unmatched', 'alarms that match nothing', { signal })
  } catch (error) {
    // A server that does not tell them has told of none.
    if (error instanceof Failure && error.status === 404) return { byName: new Map(), more: false }
    throw error
  }
  interface Told {
    alarms?: Unmatched[]
    more?: boolean
  }
  const body = (await answer.json()) as Told & Partial<Answered<Told>>
  const told = body.data ?? body
  return { byName: new Map((told.alarms ?? []).map((one) => [one.name, one])), more: told.more ?? false }
}

/** Finds alarms by their names; those that are not there are not among them. */
export async function alarmsNamed(names: string[], signal?: AbortSignal): Promise<Alarm[]> {
  const found: Alarm[] = []
  for (let n = 0; n < names.length; n += PAGE) {
    const input = { AlarmTypes: BOTH, AlarmNames: names.slice(n, n + PAGE), MaxRecords: PAGE }
    found.push(...alarmsOf(await call<AlarmsOutput>('DescribeAlarms', input, signal)))
  }
  return found
}

/** As many kin are shown at most. */
export const KIN_MAX = 500

/** Children of a composite have name and state, parents a name alone. */
export async function kin(which: 'ChildrenOfAlarmName' | 'ParentsOfAlarmName', name: string, signal?: AbortSignal): Promise<Alarm[]> {
  const found: Alarm[] = []
  let token: string | undefined
  do {
    const told = await call<AlarmsOutput>('DescribeAlarms', { [which]: name, MaxRecords: PAGE, ...(token ? { NextToken: token } : {}) }, signal)
    found.push(...alarmsOf(told))
    token = told.NextToken
  } while (token && found.length < KIN_MAX)
  return found
}

export interface HistoryItem {
  AlarmName: string
  /** Seconds since 1970. */
  Timestamp: number
  HistoryItemType: string
  HistorySummary?: string
  HistoryData?: string
}

/** As many items are read at most. */
export const HISTORY_MAX = 500

/** The history of an alarm, newest first. */
export async function history(name: string, signal?: AbortSignal): Promise<{ items: HistoryItem[]; isWhole: boolean }> {
  const items: HistoryItem[] = []
  let token: string | undefined
  do {
    const input = { AlarmName: name, AlarmTypes: BOTH, ScanBy: 'TimestampDescending', MaxRecords: PAGE, ...(token ? { NextToken: token } : {}) }
    const told = await call<{ AlarmHistoryItems?: HistoryItem[]; NextToken?: string }>('DescribeAlarmHistory', input, signal)
    items.push(...(told.AlarmHistoryItems ?? []))
    token = told.NextToken
  } while (token && items.length < HISTORY_MAX)
  return { items, isWhole: !token }
}

/** The newest items of an alarm's history since a moment, at most a page; `isWhole` says whether these are all. */
export async function changesSince(name: string, since: number, signal?: AbortSignal): Promise<{ items: HistoryItem[]; isWhole: boolean }> {
  const input = { AlarmName: name, AlarmTypes: BOTH, StartDate: since / 1000, ScanBy: 'TimestampDescending', MaxRecords: PAGE }
  const told = await call<{ AlarmHistoryItems?: HistoryItem[]; NextToken?: string }>('DescribeAlarmHistory', input, signal)
  return { items: told.AlarmHistoryItems ?? [], isWhole: !told.NextToken }
}

export interface Contributor {
  ContributorId: string
  ContributorAttributes?: Record<string, string>
  StateReason?: string
  StateTransitionedTimestamp?: number
}

export async function contributors(name: string, signal?: AbortSignal): Promise<Contributor[]> {
  const told = await call<{ AlarmContributors?: Contributor[] }>('DescribeAlarmContributors', { AlarmName: name }, signal)
  return told.AlarmContributors ?? []
}

export async function setState(name: string, state: State, reason: string): Promise<void> {
  await call('SetAlarmState', { AlarmName: name, StateValue: state, StateReason: reason })
}

export async function enableActions(name: string, on: boolean): Promise<void> {
  await call(on ? 'EnableAlarmActions' : 'DisableAlarmActions', { AlarmNames: [name] })
}

export async function deleteAlarm(name: string): Promise<void> {
  await call('DeleteAlarms', { AlarmNames: [name] })
}

/** Makes an alarm, or replaces its whole definition; its state stays. */
export async function putAlarm(input: Record<string, unknown>): Promise<void> {
  await call('AlarmRule' in input ? 'PutCompositeAlarm' : 'PutMetricAlarm', input)
}

const tagsOf = (tags: Tags) => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }))

export type Tags = Record<string, string>

export async function readTags(arn: string, signal?: AbortSignal): Promise<Tags> {
  const told = await call<{ Tags?: { Key: string; Value: string }[] }>('ListTagsForResource', { ResourceARN: arn }, signal)
  return Object.fromEntries((told.Tags ?? []).map(({ Key, Value }) => [Key, Value]))
}

/** Makes the tags of an alarm these. A put sets tags of a new alarm only. */
export async function changeTags(arn: string, before: Tags, after: Tags): Promise<void> {
  const set = Object.fromEntries(Object.entries(after).filter(([key, value]) => before[key] !== value))
  const gone = Object.keys(before).filter((key) => !(key in after))
  if (gone.length > 0) await call('UntagResource', { ResourceARN: arn, TagKeys: gone })
  if (Object.keys(set).length > 0) await call('TagResource', { ResourceARN: arn, Tags: tagsOf(set) })
}

// --- mute rules ----------------------------------------------------------------------------------

export interface MuteSummary {
  AlarmMuteRuleArn: string
  Status?: string
  MuteType?: string
  ExpireDate?: number
}

export interface MuteRule {
  Name: string
  Description?: string
  Rule: { Schedule: { Expression: string; Duration: string; Timezone?: string } }
  MuteTargets?: { AlarmNames: string[] }
  StartDate?: number
  ExpireDate?: number
  Status?: string
}

/** As many rules are shown at most. */
export const MUTES_MAX = 500

export async function muteRules(alarm: string | undefined, signal?: AbortSignal): Promise<MuteSummary[]> {
  const found: MuteSummary[] = []
  let token: string | undefined
  do {
    const input = { ...(alarm ? { AlarmName: alarm } : {}), MaxRecords: PAGE, ...(token ? { NextToken: token } : {}) }
    const told = await call<{ AlarmMuteRuleSummaries?: MuteSummary[]; NextToken?: string }>('ListAlarmMuteRules', input, signal)
    found.push(...(told.AlarmMuteRuleSummaries ?? []))
    token = told.NextToken
  } while (token && found.length < MUTES_MAX)
  return found
}

/** A rule's name stands at the end of its ARN. */
export function muteName(arn: string): string {
  return arn.split(':').slice(6).join(':')
}

export async function muteRule(name: string, signal?: AbortSignal): Promise<MuteRule> {
  return call<MuteRule>('GetAlarmMuteRule', { AlarmMuteRuleName: name }, signal)
}

export async function putMute(rule: Omit<MuteRule, 'Status'>): Promise<void> {
  await call('PutAlarmMuteRule', rule)
}

export async function deleteMute(name: string): Promise<void> {
  await call('DeleteAlarmMuteRule', { AlarmMuteRuleName: name })
}

// --- why, and what if ----------------------------------------------------------------------------

export interface Explained {
  at_ms: number
  state: State | null
  since_ms: number | null
  reason: string | null
  evaluation: {
    end_ms: number
    periods: { start_ms: number; value: number | null; samples: number | null; counts_as: string }[]
    series: [string, string][][]
    rule: string | null
    decides: State | null
    is_kept_back: boolean
  } | null
  children: { alarm: string; state: State | null }[]
  words: string[]
}

interface Answered<T> {
  data: T
}

export async function explain(name: string, at: number | undefined, signal?: AbortSignal): Promise<Explained> {
  const query = new URLSearchParams({ alarm: name, ...(at === undefined ? {} : { at: isoText(at) }) }).toString()
  const answer = await send(`/-/alarms/explain?${query}`, 'the explanation', { signal })
  return ((await answer.json()) as Answered<Explained>).data
}

export interface Transition {
  alarm: string
  at: string
  from: State
  to: State
  reason: string
}

/** What a proposed alarm would have done over a window. */
export async function backtest(input: Record<string, unknown>, from: number, to: number, signal?: AbortSignal): Promise<Transition[]> {
  const body = JSON.stringify({ alarms: [input], from: isoText(from), to: isoText(to) })
  const answer = await send('/-/alarms/backtest', 'the backtest', { method: 'POST', headers: { 'content-type': 'application/json' }, body, signal })
  return ((await answer.json()) as Answered<{ transitions: Transition[] }>).data.transitions
}
