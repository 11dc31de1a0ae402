import assert from 'node:assert/strict'
import { test } from 'node:test'
import { containing, metricOf } from '../src/api/prometheus.ts'
import { selectorsOf } from '../src/lib/catalogue.ts'
import { type Metric, matcher, metricLabel } from '../src/lib/metric.ts'
import { hostOf } from '../src/pages/home/hosts.ts'
import { panelsOf } from '../src/pages/home/panels.ts'

const metric = (name: string, ...dimensions: [string, string][]): Metric => ({ namespace: 'CWAgent', name, dimensions })

test('every word has to be somewhere', () => {
  const one = metric('mem_used_percent', ['host', 'Web-1'])
  for (const text of ['', 'mem', 'USED web', 'cwagent host=web', 'percent  mem']) assert.ok(matcher(text)(one), text)
  for (const text of ['disk', 'mem web-2', 'host=db']) assert.ok(!matcher(text)(one), text)
  assert.equal(metricLabel(one), 'mem_used_percent Web-1')
})

test('a search is taken by its letters', () => {
  assert.equal(containing('a.b(c'), '(?i).*a\\.b\\(c.*')
  assert.deepEqual(metricOf({ __name__: 'up', __unit__: 'None', job: 'x', a: 'y' }), { namespace: ':prometheus', name: 'up', dimensions: [['a', 'y'], ['job', 'x']] })
})

test('a server is asked for the longest word in any label, and for pairs in theirs', () => {
  const labels = ['__name__', '__unit__', 'host', 'not-a-label']
  assert.deepEqual(selectorsOf('cpu usage', labels), ['{__name__=~"(?i).*usage.*"}', '{host=~"(?i).*usage.*"}'])
  assert.deepEqual(selectorsOf('host=web-1 cpu', labels), [
    '{__name__=~"(?i).*cpu.*",host=~"(?i).*web-1.*"}',
    '{host=~"(?i).*cpu.*",host=~"(?i).*web-1.*"}',
  ])
  assert.deepEqual(selectorsOf('host=web.1', labels), ['{__name__=~".+",host=~"(?i).*web\\\\.1.*"}'])
  assert.deepEqual(selectorsOf('  ', labels), [])
  assert.deepEqual(selectorsOf('a"}b', ['__name__']), ['{__name__=~"(?i).*a\\"\\\\}b.*"}'])
})

test('a host has eight panels, of what it reports', () => {
  const empty = panelsOf([])
  assert.equal(empty.length, 8)
  assert.ok(empty.every((panel) => panel.lines.length === 0))
  const panels = panelsOf([
    metric('cpu_usage_user', ['cpu', 'cpu0'], ['host', 'a']),
    metric('cpu_usage_user', ['cpu', 'cpu-total'], ['host', 'a']),
    metric('cpu_usage_active', ['cpu', 'cpu10'], ['host', 'a']),
    metric('cpu_usage_active', ['cpu', 'cpu2'], ['host', 'a']),
    metric('net_bytes_recv', ['host', 'a'], ['interface', 'lo']),
    metric('net_bytes_recv', ['host', 'a'], ['interface', 'eth0']),
    metric('net_bytes_sent', ['host', 'a'], ['interface', 'eth0']),
    metric('disk_used_percent', ['host', 'a'], ['path', '/']),
  ])
  const labels = (id: string): string[] => panels.find((panel) => panel.id === id)?.lines.map((line) => line.label) ?? []
  assert.deepEqual(labels('cpu'), ['user'])
  assert.deepEqual(panels[0]?.lines[0]?.metric.dimensions[0], ['cpu', 'cpu-total'])
  assert.deepEqual(labels('cores'), ['cpu2', 'cpu10'])
  assert.deepEqual(labels('net'), ['received', 'sent'])
  assert.deepEqual(labels('disk'), ['/'])
})

test('a host that tells what is idle is known by that', () => {
  const host = hostOf('a', [metric('cpu_usage_idle', ['cpu', 'cpu-total'], ['host', 'a'])])
  assert.ok(host.cpuIsIdle)
  assert.equal(host.cpu?.name, 'cpu_usage_idle')
})
