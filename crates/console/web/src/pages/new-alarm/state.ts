/** The proposal: it stands in the address beside the graph that it is made of. */
import { computed } from '@preact/signals'
import { place, setParams } from '../../frame/router.ts'
import { type Graph, parseGraph } from '../../lib/graph.ts'
import { ALARM_PERIODS, type Proposal } from '../../lib/proposal.ts'

export const graph = computed<Graph>(() => parseGraph(place.value.params))

/** What the address says of the graph; the other fields have parameters of their own names. */
const PARAM: Record<keyof Proposal, string> = {
  name: 'name',
  description: 'about',
  row: 'row',
  stat: 'of',
  period: 'every',
  comparison: 'is',
  threshold: 'than',
  needed: 'm',
  periods: 'n',
  missing: 'missing',
  actions: 'tell',
}

function firstRow({ rows }: Graph): string {
  return (rows.find((row) => row.visible && row.kind === 'math') ?? rows.find((row) => row.visible) ?? rows[0])?.id ?? ''
}

export const proposal = computed<Proposal>(() => {
  const { params } = place.value
  const said = (field: keyof Proposal): string | null => params.get(PARAM[field])
  const shown = graph.value
  const row = said('row') ?? firstRow(shown)
  const watched = shown.rows.find(({ id }) => id === row)
  const graphed = watched?.kind === 'metric' ? watched : undefined
  const period = Number(said('period')) || (graphed?.period ?? (shown.period === 'auto' ? 60 : shown.period))
  return {
    name: said('name') ?? '',
    description: said('description') ?? '',
    row,
    stat: said('stat') ?? graphed?.stat ?? shown.stat,
    period: ALARM_PERIODS.includes(period) ? period : Math.max(60, Math.ceil(period / 60) * 60),
    comparison: said('comparison') ?? 'GreaterThanThreshold',
    threshold: said('threshold') ?? '',
    needed: said('needed') ?? '2',
    periods: said('periods') ?? '3',
    missing: said('missing') ?? 'missing',
    actions: said('actions') ?? '',
  }
})

/** Typing makes no new places to go back to. */
export function setField(field: keyof Proposal, value: string): void {
  setParams({ [PARAM[field]]: value }, true)
}
