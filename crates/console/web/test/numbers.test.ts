import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countText, exactText, valueText } from '../src/lib/numbers.ts'

const cases: [number | null | undefined, string, string][] = [
  [12.345, 'Percent', '12.3 %'],
  [0.9481, 'Percent', '0.95 %'],
  [270.44, '', '270'],
  [711.1 * 1024 ** 2, 'Bytes', '711 MiB'],
  [0, 'Percent', '0 %'],
  [100, 'Percent', '100 %'],
  [1024, 'Bytes', '1 KiB'],
  [999, 'Bytes', '999 B'],
  [1023.9, 'Bytes', '1 KiB'],
  [1.5 * 1024 ** 3, 'Bytes', '1.5 GiB'],
  [2048, 'Bytes/Second', '2 KiB/s'],
  [512, 'Bytes/Second', '512 B/s'],
  [3, 'Count/Second', '3/s'],
  [1_500_000, 'Bits/Second', '1.5 Mbit/s'],
  [0.25, 'Seconds', '250 ms'],
  [90, 'Seconds', '90 s'],
  [7_200_000, 'Milliseconds', '2 h'],
  [1234567, '', '1.23 M'],
  [999.96, '', '1 k'],
  [-1500, 'Count', '-1.5 k'],
  [0.00012, '', '0.00012'],
  [null, 'Percent', '–'],
  [undefined, '', '–'],
  [NaN, '', '–'],
  [Infinity, '', '∞'],
]

test('values are written with three digits and their unit', () => {
  for (const [value, unit, text] of cases) assert.equal(valueText(value, unit), text, `${value} ${unit}`)
})

test('tables have more digits', () => {
  assert.equal(exactText(12.345678901, 'Percent'), '12.34568 %')
  assert.equal(exactText(1234567, ''), '1.234567 M')
  assert.equal(exactText(10, ''), '10')
})

test('counts are whole', () => {
  assert.equal(countText(1234567.4).replace(/\s/g, '_'), '1_234_567')
})
