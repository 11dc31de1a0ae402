/** The proposal: it stands in the address beside the graph that it is made of. */
import { computed, signal } from '@preact/signals'
import { place, setParams } from '../../frame/router.ts'
import { type Graph, graphParams, parseGraph } from '../../lib/graph.ts'
import { type Fields, type Form, type Proposal, proposalOf } from '../../lib/proposal.ts'

export const graph = computed<Graph>(() => parseGraph(place.value.params))

/** What the address says of the graph; the other fields have parameters of their own names. */
const PARAM: Record<keyof Proposal, string> = {
  kind: 'kind',
  name: 'name',
  description: 'about',
  row: 'row',
  stat: 'of',
  unit: 'unit',
  period: 'every',
  comparison: 'is',
  threshold: 'than',
  needed: 'm',
  periods: 'n',
  missing: 'missing',
  low: 'low',
  zone: 'zone',
  warmUp: 'warm',
  warmWhole: 'warm-whole',
  query: 'query',
  interval: 'each',
  pending: 'for',
  recovery: 'keep',
  rule: 'rule',
  suppressor: 'unless',
  wait: 'wait',
  extension: 'extension',
  silent: 'silent',
  actions: 'tell',
  okActions: 'tell-ok',
  noDataActions: 'tell-none',
  tags: 'tags',
}

const FIELDS = Object.keys(PARAM) as (keyof Proposal)[]

/** Addresses have an end, and say nothing of what is empty: both are held here, and gone with a reload. */
const ADDRESS_MAX = 1_500
const long = signal<Fields>({})

export function forgetLong(): void {
  long.value = {}
}

export const proposal = computed<Proposal>(() => {
  const { params } = place.value
  const said: Fields = {}
  for (const field of FIELDS) {
    const text = long.value[field] ?? params.get(PARAM[field])
    if (text !== null) said[field] = text
  }
  return proposalOf(said, graph.value)
})

/** Typing makes no new places to go back to. */
export function setFields(fields: Fields, of?: Graph): void {
  const params: Record<string, string | undefined> = {}
  const held = { ...long.peek() }
  for (const [name, value] of Object.entries(fields) as [keyof Proposal, string][]) {
    const isHeld = value === '' || value.length > ADDRESS_MAX
    if (isHeld) held[name] = value
    else delete held[name]
    params[PARAM[name]] = isHeld ? undefined : value
  }
  long.value = held
  setParams({ ...params, ...(of ? { rows: undefined, ...graphParams(of) } : {}) }, true)
}

export function setField(field: keyof Proposal, value: string): void {
  setFields({ [field]: value })
}

/** Fills the form with what an alarm is. */
export function setForm({ fields, graph: of }: Form): void {
  setFields(fields, of)
}
