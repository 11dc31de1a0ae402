import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aligned, cadence, merged, perSecond, stacked, summary, valueAt } from '../src/lib/points.ts'

test('a tail replaces what it overlaps and the oldest leave', () => {
  const old = { times: [10, 20, 30, 40], values: [1, 2, 3, 4] }
  const fresh = { times: [30, 40, 50], values: [3, 9, 5] }
  assert.deepEqual(merged(old, fresh, 30, 20), { times: [20, 30, 40, 50], values: [2, 3, 9, 5] })
  assert.deepEqual(merged(old, { times: [], values: [] }, 30, 0), { times: [10, 20], values: [1, 2] })
  assert.deepEqual(merged({ times: [], values: [] }, fresh, 30, 40), { times: [40, 50], values: [9, 5] })
})

test('the cadence is the usual step', () => {
  assert.equal(cadence({ times: [0, 60, 120, 300, 360], values: [1, 1, 1, 1, 1] }, 10), 60)
  assert.equal(cadence({ times: [0, 60], values: [1, 1] }, 10), 10)
})

test('rates divide by the step of the data, and leave out a period that is not over', () => {
  const eachTen = { times: [0, 10, 20, 30], values: [100, 200, 300, 5] }
  assert.deepEqual(perSecond(eachTen, 10, 35), { times: [0, 10, 20], values: [10, 20, 30] })
  const eachMinute = { times: [0, 60, 120, 180], values: [600, 1200, 600, 600] }
  assert.deepEqual(perSecond(eachMinute, 10, 181).values, [10, 20, 10, 10])
})

test('a line breaks where its own points are missing', () => {
  const often = { times: [0, 10, 20, 30, 40, 50, 60, 70, 80], values: [1, 1, 1, 1, 1, 1, 1, 1, 1] }
  const rare = { times: [0, 20, 40, 80], values: [1, 2, 3, 4] }
  const [axis, , column] = aligned([often, rare], 10)
  assert.deepEqual(axis, often.times)
  assert.deepEqual(column, [1, undefined, 2, undefined, 3, undefined, undefined, undefined, 4])
  const broken = { times: [0, 10, 20, 60, 70], values: [1, 1, 1, 2, 2] }
  const [, , gap] = aligned([often, broken], 10)
  assert.deepEqual(gap, [1, 1, 1, null, undefined, undefined, 2, 2, undefined])
})

test('a stack adds up from the first line', () => {
  assert.deepEqual(stacked([[1, 2, null], [10, undefined, 30], [100, 200, 300]]), [
    [1, 2, null],
    [11, undefined, 30],
    [111, 202, 330],
  ])
})

test('a summary has what a legend shows', () => {
  assert.deepEqual(summary({ times: [1, 2, 3], values: [4, -2, 1] }), { last: 1, lastAt: 3, min: -2, max: 4, average: 1, sum: 3 })
  assert.equal(summary({ times: [], values: [] }).last, undefined)
})

test('the readout takes the value that still holds', () => {
  const axis = [0, 10, 20, 30, 40]
  const column = [1, undefined, undefined, null, 5]
  assert.equal(valueAt(column, axis, 2, 25), 1)
  assert.equal(valueAt(column, axis, 2, 15), undefined)
  assert.equal(valueAt(column, axis, 3, 100), undefined)
  assert.equal(valueAt(column, axis, 4, 0), 5)
})
