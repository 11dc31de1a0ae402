import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EMPTY, type Graph, freeId, graphParams, isId, parseGraph, parseRows, queriesOf, requestSource, widgetSource, withMath, withMetric } from '../src/lib/graph.ts'
import type { Metric } from '../src/lib/metric.ts'

const orders: Metric = { namespace: 'Shop', name: 'Orders', dimensions: [['region', 'eu']] }
const errors: Metric = { namespace: 'Shop', name: 'Errors', dimensions: [] }

function graph(): Graph {
  let made = withMetric({ ...EMPTY, stat: 'Sum', period: 60, view: 'stacked', title: 'A & B=?' }, orders)
  made = withMetric(made, errors, { stat: 'p99', period: 300, axis: 'right', visible: false, label: '<b>' })
  return withMath(made, 'm2 / m1 * 100')
}

test('an address holds the whole graph', () => {
  const params = new URLSearchParams(graphParams(graph()))
  assert.deepEqual(parseGraph(new URLSearchParams(params.toString())), graph())
  assert.deepEqual(graphParams(EMPTY), {})
  assert.deepEqual(parseGraph(new URLSearchParams()), EMPTY)
})

test('addresses that nobody made are read as far as they go', () => {
  const texts = ['', '{', '{}', '[1]', '[["M1",["a","b"]]]', '[["m1"]]', '[["m1",["a"]]]', '[["m1",["a","b","c"]]]', '[["m1",["a",1]]]', '[[1,"x"]]', 'null']
  for (const text of texts) assert.deepEqual(parseRows(text), [], text)
  assert.equal(parseRows('[["m1",["a","b"]],["m1","m1*2"]]').length, 1)
  assert.equal(parseGraph(new URLSearchParams('period=-5&view=pie')).period, 'auto')
})

test('ids are free and well formed', () => {
  assert.equal(freeId(graph().rows, 'm'), 'm3')
  assert.ok(isId('m1') && isId('errorRate_2'))
  assert.ok(!isId('1m') && !isId('M1') && !isId('a-b') && !isId(''))
})

test('what is hidden is asked for only where math may use it', () => {
  const all = queriesOf(graph(), 60)
  assert.deepEqual(all.map((one) => [one.Id, one.ReturnData]), [['m1', undefined], ['m2', false], ['e1', undefined]])
  assert.deepEqual(all[1]?.MetricStat?.Stat, 'p99')
  assert.equal(all[1]?.MetricStat?.Period, 300)
  const without = { ...graph(), rows: graph().rows.filter((row) => row.kind === 'metric') }
  assert.deepEqual(queriesOf(without, 60).map((one) => one.Id), ['m1'])
  assert.equal(queriesOf(withMath(EMPTY, '  '), 60).length, 0)
})

test('the source can be sent', () => {
  const told = JSON.parse(requestSource(graph(), 60, { from: 90_000, to: 200_000 })) as { StartTime: string; EndTime: string; MetricDataQueries: unknown[] }
  assert.equal(told.StartTime, '1970-01-01T00:01:00Z')
  assert.equal(told.EndTime, '1970-01-01T00:04:00Z')
  assert.equal(told.MetricDataQueries.length, 3)
})

test('the widget is as dashboards have it', () => {
  const widget = JSON.parse(widgetSource(graph(), 60, { kind: 'relative', ms: 3 * 3_600_000 }, 'eu-west-1')) as { type: string; properties: Record<string, unknown> }
  assert.equal(widget.type, 'metric')
  assert.deepEqual(widget.properties['metrics'], [
    ['Shop', 'Orders', 'region', 'eu', { id: 'm1' }],
    ['Shop', 'Errors', { id: 'm2', label: '<b>', yAxis: 'right', visible: false, stat: 'p99', period: 300 }],
    [{ expression: 'm2 / m1 * 100', id: 'e1' }],
  ])
  assert.equal(widget.properties['start'], '-PT3H')
  assert.equal(widget.properties['stacked'], true)
  assert.equal((JSON.parse(widgetSource(EMPTY, 60, { kind: 'relative', ms: 7 * 86_400_000 }, 'x')) as { properties: { start: string } }).properties.start, '-P1W')
})
