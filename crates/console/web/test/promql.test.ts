import assert from 'node:assert/strict'
import { test } from 'node:test'
import { comparedIn } from '../src/lib/promql.ts'

test('a comparison with a number at the end is the threshold', () => {
  assert.deepEqual(comparedIn('up == 0'), { base: 'up', sign: '==', value: 0 })
  assert.deepEqual(comparedIn('sum by (job) (rate(e[5m])) / 2 >= -1.5e3 '), { base: 'sum by (job) (rate(e[5m])) / 2', sign: '>=', value: -1500 })
  assert.deepEqual(comparedIn('cpu{host="a > 1\\"", mode=~"x"} > .5'), { base: 'cpu{host="a > 1\\"", mode=~"x"}', sign: '>', value: 0.5 })
  assert.deepEqual(comparedIn('count(up == 0) > 2')?.base, 'count(up == 0)')
})

test('what is compared otherwise has no threshold', () => {
  for (const query of ['up', 'a > b', 'a and b > 5', 'a or b > 5', 'a > 1 < 5', 'a > bool 5', '(a > 5)', 'a{b="c} > 5', '> 5', 'a > 5 # 6', 'a > 5 or b', ') > 5']) assert.equal(comparedIn(query), undefined, query)
})
