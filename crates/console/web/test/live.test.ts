// What a refresh asks for: the tail, and the whole where the tail would not do.
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { metricQuery } from '../src/lib/graph.ts'
import { type Ask, Live } from '../src/lib/live.ts'

interface Asked {
  StartTime: number
  EndTime: number
  MetricDataQueries: { Id: string }[]
}

const HOUR = 3_600_000
const NOW = Date.UTC(2026, 0, 1, 12)
let asked: Asked[] = []
let refuse = ''

/** Answers with the time itself as value, a point each ten seconds. */
globalThis.fetch = async (_url, init) => {
  const body = JSON.parse(String(init?.body)) as Asked
  asked.push(body)
  if (refuse) return new Response(JSON.stringify({ __type: 'x#ValidationError', message: refuse }), { status: 400 })
  const times: number[] = []
  for (let at = body.StartTime; at < body.EndTime; at += 10) times.push(at)
  const results = body.MetricDataQueries.map(({ Id }) => ({ Id, Label: Id, Timestamps: times, Values: times, StatusCode: 'Complete' }))
  return new Response(JSON.stringify({ MetricDataResults: results, Messages: [] }), { status: 200 })
}

beforeEach(() => {
  asked = []
  refuse = ''
})

function ask(at: number, more: Partial<Ask> = {}): Ask {
  const metric = { namespace: 'Shop', name: 'Orders', dimensions: [] }
  return { queries: [metricQuery('m1', metric, 'Sum', 10)], window: { from: at - HOUR, to: at }, period: 10, isTailable: true, ...more }
}

const times = (live: Live): number[] => live.state.value.lines[0]?.points.times ?? []

test('a refresh asks for the tail and keeps an unbroken hour', async () => {
  const live = new Live()
  await live.ask(ask(NOW))
  assert.equal(asked[0]?.StartTime, (NOW - HOUR) / 1000)
  await live.ask(ask(NOW + 10_000))
  const tail = asked[1]
  assert.ok(tail && tail.EndTime - tail.StartTime <= 160, JSON.stringify(tail))
  const seen = times(live)
  assert.deepEqual([seen[0], seen.at(-1), seen.length], [(NOW - HOUR) / 1000 + 10, NOW / 1000, 360])
  assert.ok(seen.every((at, n) => n === 0 || at - (seen[n - 1] ?? 0) === 10))
})

test('another question, or one that looks at the whole, is asked whole', async () => {
  const live = new Live()
  await live.ask(ask(NOW))
  await live.ask(ask(NOW + 10_000, { isTailable: false }))
  await live.ask(ask(NOW + 20_000, { window: { from: NOW - 2 * HOUR, to: NOW + 20_000 } }))
  const lengths = asked.map((one) => one.EndTime - one.StartTime)
  assert.deepEqual(lengths, [3600, 3600, 7220])
})

test('what came late is seen in the end', async () => {
  const live = new Live()
  for (let n = 0; n <= 31; n++) await live.ask(ask(NOW + n * 10_000))
  const whole = asked.filter((one) => one.EndTime - one.StartTime === 3600)
  assert.equal(whole.length, 2)
})

test('a failure leaves the lines of the same question, and none of another', async () => {
  const live = new Live()
  await live.ask(ask(NOW))
  refuse = 'no'
  await live.ask(ask(NOW + 10_000))
  assert.equal(times(live).length, 360)
  assert.equal((live.state.value.error as Error).message, 'no')
  await live.ask(ask(NOW + 10_000, { period: 60 }))
  assert.equal(times(live).length, 0)
  refuse = ''
  await live.ask(ask(NOW + 20_000))
  assert.equal(live.state.value.error, undefined)
})

test('nothing is asked for nothing, and many queries go in parts', async () => {
  const live = new Live()
  await live.ask(ask(NOW, { queries: [] }))
  assert.equal(asked.length, 0)
  assert.equal(live.state.value.loading, false)
  const query = ask(NOW).queries[0]
  assert.ok(query)
  await live.ask(ask(NOW, { queries: Array.from({ length: 1200 }, (_, n) => ({ ...query, Id: `m${n}` })) }))
  assert.deepEqual(asked.map((one) => one.MetricDataQueries.length), [500, 500, 200])
})
