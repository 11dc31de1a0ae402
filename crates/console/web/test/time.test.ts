import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DAY, HOUR, MINUTE, agoText, autoPeriod, finestPeriod, lengthText, parseInput, parseLength, parseRange, rangeText, tickText, timeText, windowOf } from '../src/lib/time.ts'

const AT = Date.UTC(2026, 10, 21, 13, 5, 9)

test('ranges are read back from what they are written as', () => {
  for (const text of ['15m', '1h', '3h', '1d', '1w', '30d', '90s', '2026-11-21T13:05:09Z~2026-11-22T00:00:00Z']) {
    const range = parseRange(text)
    assert.ok(range, text)
    assert.equal(rangeText(range), text)
  }
  assert.equal(rangeText({ kind: 'relative', ms: 90 * MINUTE }), '90m')
})

test('what is no range is none', () => {
  for (const text of [null, '', 'h', '0h', '-3h', '3y', '9999999h', '3h~', 'a~b', '2026-11-22T00:00:00Z~2026-11-21T00:00:00Z']) {
    assert.equal(parseRange(text), undefined, String(text))
  }
  assert.equal(parseLength('999999w'), undefined)
})

test('a relative range ends now', () => {
  assert.deepEqual(windowOf({ kind: 'relative', ms: HOUR }, AT), { from: AT - HOUR, to: AT })
})

test('periods are as fine as what is asked allows', () => {
  assert.equal(finestPeriod(AT - 2 * HOUR, AT), 1)
  assert.equal(finestPeriod(AT - 3 * HOUR, AT), 60)
  assert.equal(finestPeriod(AT - 16 * DAY, AT), 300)
  assert.equal(finestPeriod(AT - 64 * DAY, AT), 3600)
  const period = (ms: number): number => autoPeriod({ from: AT - ms, to: AT }, AT)
  assert.deepEqual([15 * MINUTE, HOUR, 3 * HOUR, 12 * HOUR, DAY, 7 * DAY, 30 * DAY, 400 * DAY].map(period), [10, 10, 60, 300, 300, 3600, 21600, 86400])
})

test('times are written in the zone that is chosen', () => {
  assert.equal(timeText(AT, true), '2026-11-21 13:05:09')
  assert.equal(timeText(AT, false), '2026-11-21 14:05:09')
  assert.equal(tickText(AT, 5, true), '13:05:09')
  assert.equal(tickText(AT, 300, false), '14:05')
  assert.equal(tickText(Date.UTC(2026, 10, 21), 3600, true), 'Nov 21')
  assert.equal(tickText(AT, 30 * 86400, true), 'Nov 2026')
  assert.equal(parseInput('2026-11-21T14:05:09', false), AT)
  assert.equal(parseInput('2026-11-21T13:05:09', true), AT)
  assert.equal(parseInput('', true), undefined)
})

test('lengths have one unit', () => {
  assert.deepEqual([1000, 90_000, HOUR, 36 * HOUR, 14 * DAY].map(lengthText), ['1s', '90s', '1h', '36h', '2w'])
  assert.deepEqual([0, 89_000, 5 * MINUTE, 3 * HOUR, 50 * HOUR].map(agoText), ['0 s', '89 s', '5 min', '3 h', '2 d'])
})
