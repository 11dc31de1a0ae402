// Contrast of the themes, by the rules of WCAG 2.2 (1.4.3 and 1.4.11).
import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { test } from 'node:test'

const css = readFileSync('../src/styles/tokens.css', 'utf8')

function tokens(selector: string): Map<string, string> {
  const start = css.indexOf(selector)
  assert.ok(start >= 0, selector)
  const body = css.slice(css.indexOf('{', start) + 1, css.indexOf('}', start))
  return new Map([...body.matchAll(/(--[a-z0-9-]+):\s*(#[0-9a-f]{6})/g)].map((match) => [match[1] ?? '', match[2] ?? '']))
}

function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((n) => {
    const c = Number.parseInt(colour.slice(n, n + 2), 16) / 255
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * (r ?? 0) + 0.7152 * (g ?? 0) + 0.0722 * (b ?? 0)
}

function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y)
  return ((high ?? 0) + 0.05) / ((low ?? 0) + 0.05)
}

const TEXT: [string, string][] = [
  ['--text', '--panel'],
  ['--text', '--ground'],
  ['--text', '--raised'],
  ['--dim', '--panel'],
  ['--dim', '--ground'],
  ['--dim', '--raised'],
  ['--dim', '--hover'],
  ['--accent', '--panel'],
  ['--accent', '--accent-ground'],
  ['--accent-text', '--accent'],
  ['--good', '--panel'],
  ['--bad', '--panel'],
  ['--bad', '--bad-ground'],
  ['--warn', '--warn-ground'],
]

for (const selector of [':root {', ":root:not([data-theme='light'])", ":root[data-theme='dark']"]) {
  test(`text and lines stand out: ${selector}`, () => {
    const known = tokens(selector)
    const colour = (name: string): string => known.get(name) ?? assert.fail(name)
    for (const [text, ground] of TEXT) {
      const seen = contrast(colour(text), colour(ground))
      assert.ok(seen >= 4.5, `${text} on ${ground}: ${seen.toFixed(2)}`)
    }
    for (let n = 0; n < 10; n++) {
      const seen = contrast(colour(`--line-${n}`), colour('--panel'))
      assert.ok(seen >= 3, `--line-${n}: ${seen.toFixed(2)}`)
    }
  })
}

test('dark is the same whether chosen or of the system', () => {
  assert.deepEqual([...tokens(":root:not([data-theme='light'])")], [...tokens(":root[data-theme='dark']")])
})

test('no markup is made of text', () => {
  for (const name of readdirSync('../src', { recursive: true }).map(String)) {
    if (!/\.tsx?$/.test(name)) continue
    assert.ok(!/innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc/i.test(readFileSync(`../src/${name}`, 'utf8')), name)
  }
})
