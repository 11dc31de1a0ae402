// Runs the tests of the pure parts: bundled by esbuild, run by node's own runner.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))
const out = mkdtempSync(join(tmpdir(), 'console-unit-'))
const tests = readdirSync(here).filter((name) => name.endsWith('.test.ts'))
await build({
  entryPoints: tests.map((name) => join(here, name)),
  outdir: out,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node18',
  jsx: 'automatic',
  jsxImportSource: 'preact',
})
const files = tests.map((name) => join(out, name.replace(/\.ts$/, '.mjs')))
const { status } = spawnSync(process.execPath, ['--test', ...files], { stdio: 'inherit', cwd: here, env: { ...process.env, TZ: 'Europe/Berlin' } })
rmSync(out, { recursive: true })
process.exit(status ?? 1)
