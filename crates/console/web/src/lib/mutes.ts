/** Mute rules: how their schedules are written. */

/** ISO 8601 durations that are offered, in words. */
export const MUTE_LENGTHS: [string, string][] = [
  ['PT15M', '15 minutes'],
  ['PT1H', 'an hour'],
  ['PT4H', '4 hours'],
  ['PT12H', '12 hours'],
  ['P1D', 'a day'],
  ['P3D', '3 days'],
  ['P7D', 'a week'],
  ['P15D', '15 days'],
]

/** The schedule that begins once, at the minute of a moment, in UTC. */
export function atExpression(at: number): string {
  return `at(${new Date(at).toISOString().slice(0, 16)})`
}

/** When and for how long, in words. */
export function scheduleWords({ Expression, Duration, Timezone }: { Expression: string; Duration: string; Timezone?: string }): string {
  const length = MUTE_LENGTHS.find(([text]) => text === Duration)?.[1] ?? Duration
  const at = /^at\((.*)\)$/.exec(Expression)?.[1]
  const when = at ? `once at ${at.replace('T', ' ')}` : `at each ${Expression}`
  return `${when} ${Timezone ?? 'UTC'}, for ${length}`
}

const NAME = /^\S(.*\S)?$/

/** What is wrong with a rule's fields. */
export function muteTrouble(name: string, alarms: string[], isSchedule: boolean, expression: string): string {
  if (!NAME.test(name)) return 'A rule needs a name, without spaces at its ends'
  if (alarms.length === 0) return 'A rule needs an alarm: write a name on each line'
  if (alarms.length > 100) return `A rule has 100 alarms at most, these are ${alarms.length}`
  if (isSchedule && !/^(cron|at)\(.+\)$/.test(expression.trim())) return 'A schedule is cron(minutes hours day-of-month month day-of-week) or at(yyyy-mm-ddThh:mm)'
  return ''
}
