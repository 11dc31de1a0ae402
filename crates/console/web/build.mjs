// Builds the pages into a directory that the Rust build embeds: `node build.mjs DIRECTORY`.
//
// With `--check` nothing is written: what would be is compared with what is there, byte for byte. Packed
// files are compared by what they unpack to: how well a packer packs differs between its versions.

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as zlib from 'node:zlib'
import { build } from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))

const TYPES = {
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
}

const hashOf = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 16)

/** Returns the plain files by name. */
async function plainFiles() {
  const common = {
    absWorkingDir: here,
    entryNames: '[name]-[hash]',
    chunkNames: 'part-[hash]',
    outdir: 'out',
    bundle: true,
    target: 'es2022',
    minify: true,
    legalComments: 'none',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    write: false,
    logLevel: 'warning',
  }
  const pages = await build({ ...common, entryPoints: ['src/main.tsx'], format: 'esm', splitting: true })
  // Runs before the first picture, so that it is no module: those wait.
  const boot = await build({ ...common, entryPoints: ['src/boot.ts'], format: 'iife' })
  const files = new Map()
  for (const file of [...pages.outputFiles, ...boot.outputFiles]) {
    files.set(file.path.slice(file.path.lastIndexOf('/') + 1), Buffer.from(file.contents))
  }
  const icon = readFileSync(join(here, 'src/icon.svg'))
  files.set(`icon-${hashOf(icon).slice(0, 8).toUpperCase()}.svg`, icon)
  const named = (start, end) => {
    const name = [...files.keys()].find((name) => name.startsWith(start) && name.endsWith(end))
    return `/console/assets/${name}`
  }
  const page = readFileSync(join(here, 'src/index.html'), 'utf8')
    .replace('{{icon}}', named('icon-', '.svg'))
    .replace('{{style}}', named('main-', '.css'))
    .replace('{{boot}}', named('boot-', '.js'))
    .replace('{{main}}', named('main-', '.js'))
  files.set('index.html', Buffer.from(page))
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Returns the table that Rust includes. */
function table(files) {
  const routes = JSON.parse(readFileSync(join(here, 'src/routes.json'), 'utf8'))
  const lines = ['// Made by `make console`; do not edit.', '', 'pub(crate) const ROUTES: &[&str] = &[']
  for (const { path } of routes) lines.push(`    ${JSON.stringify(path)},`)
  lines.push('];', '', 'pub(crate) const ASSETS: &[Asset] = &[')
  for (const [name, bytes] of files) {
    lines.push(
      '    Asset {',
      `        name: ${JSON.stringify(name)},`,
      `        content_type: ${JSON.stringify(TYPES[name.slice(name.lastIndexOf('.') + 1)])},`,
      `        hash: "${hashOf(bytes)}",`,
      `        plain: include_bytes!(${JSON.stringify(name)}),`,
      `        gzip: include_bytes!(${JSON.stringify(`${name}.gz`)}),`,
      `        brotli: include_bytes!(${JSON.stringify(`${name}.br`)}),`,
      '    },',
    )
  }
  lines.push('];', '')
  return Buffer.from(lines.join('\n'))
}

const PACKERS = {
  gz: {
    pack: (bytes) => zlib.gzipSync(bytes, { level: 9 }),
    unpack: zlib.gunzipSync,
  },
  br: {
    pack: (bytes) =>
      zlib.brotliCompressSync(bytes, {
        params: {
          [zlib.constants.BROTLI_PARAM_QUALITY]: 11,
          [zlib.constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
        },
      }),
    unpack: zlib.brotliDecompressSync,
  },
}

function unpacksTo(path, unpack, bytes) {
  try {
    return unpack(readFileSync(path)).equals(bytes)
  } catch {
    return false
  }
}

/** Returns what differs between the files and a directory. */
function differences(files, directory) {
  const wrong = []
  const wanted = new Set(['table.rs'])
  const same = (path, bytes) => existsSync(path) && readFileSync(path).equals(bytes)
  for (const [name, bytes] of files) {
    wanted.add(name)
    if (!same(join(directory, name), bytes)) wrong.push(name)
    for (const [end, { unpack }] of Object.entries(PACKERS)) {
      wanted.add(`${name}.${end}`)
      if (!unpacksTo(join(directory, `${name}.${end}`), unpack, bytes)) wrong.push(`${name}.${end}`)
    }
  }
  if (!same(join(directory, 'table.rs'), table(files))) wrong.push('table.rs')
  for (const name of readdirSync(directory)) if (!wanted.has(name)) wrong.push(`${name} (too many)`)
  return wrong
}

function write(files, directory) {
  const stale = new Set(existsSync(directory) ? readdirSync(directory) : [])
  mkdirSync(directory, { recursive: true })
  const put = (name, bytes) => {
    writeFileSync(join(directory, name), bytes)
    stale.delete(name)
  }
  for (const [name, bytes] of files) {
    put(name, bytes)
    for (const [end, { pack, unpack }] of Object.entries(PACKERS)) {
      const packed = `${name}.${end}`
      // One that fits stays, so that another packer's version changes nothing.
      if (unpacksTo(join(directory, packed), unpack, bytes)) stale.delete(packed)
      else put(packed, pack(bytes))
    }
  }
  put('table.rs', table(files))
  for (const name of stale) rmSync(join(directory, name))
}

const check = process.argv.includes('--check')
const directory = resolve(process.argv.slice(2).find((a) => !a.startsWith('--')) ?? join(here, '../assets'))
const files = await plainFiles()
if (check) {
  const wrong = differences(files, directory)
  if (wrong.length > 0) {
    console.error(`assets are not as built from the source (run \`make console\`): ${wrong.join(', ')}`)
    process.exit(1)
  }
  console.log(`${files.size} files are as built`)
} else {
  write(files, directory)
  const size = (end) =>
    [...files.keys()].reduce((sum, name) => sum + readFileSync(join(directory, name + end)).length, 0)
  console.log(`${files.size} files: ${size('')} bytes, ${size('.gz')} gzip, ${size('.br')} brotli`)
}
