// A browser that looks at the console, and fails when anything is asked of another server, when a script or
// style breaks the page's policy, or when a script fails.

import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'

const PATIENCE_MS = 45_000
const LOOK_EVERY_MS = 50

/** `CHROMIUM`, or Debian's. */
function executable() {
  const path = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((one) => one && existsSync(one))
  if (!path) throw new Error('chromium is missing: run `make test-deps`, or name it in CHROMIUM')
  return path
}

/** Looks until there is something to see; what was seen last is in the error. */
export async function eventually(what, look, patience = PATIENCE_MS) {
  const until = performance.now() + patience
  for (;;) {
    let seen
    try {
      seen = await look()
      if (seen) return seen
    } catch (error) {
      seen = error
    }
    if (performance.now() > until) throw new Error(`${what}: not within ${patience} ms; seen last: ${seen instanceof Error ? seen.message : JSON.stringify(seen)}`)
    await new Promise((done) => setTimeout(done, LOOK_EVERY_MS))
  }
}

export function same(seen, wanted, what) {
  const [a, b] = [JSON.stringify(seen), JSON.stringify(wanted)]
  if (a !== b) throw new Error(`${what}: ${a}, and should be ${b}`)
}

export function holds(condition, what) {
  if (!condition) throw new Error(what)
}

/** Opens a browser for `visit`, which gets a page and what goes with it. */
export async function browse(server, visit, options = {}) {
  const origin = new URL(server).origin
  const browser = await chromium.launch({ executablePath: executable(), args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] })
  const wrong = []
  try {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, timezoneId: 'Europe/Berlin', locale: 'en-GB', ...options })
    context.setDefaultTimeout(PATIENCE_MS)
    await context.route('**/*', (route) => {
      const url = new URL(route.request().url())
      if (url.origin === origin || url.protocol === 'data:') return route.continue()
      wrong.push(`asked another server: ${url}`)
      return route.abort()
    })
    const page = await context.newPage()
    await watch(page, wrong)
    await visit({ page, context, origin, wrong })
    const violations = await page.evaluate(() => window.__violations ?? [])
    wrong.push(...violations)
  } finally {
    await browser.close()
  }
  if (wrong.length > 0) throw new Error(`the page did what it must not:\n${wrong.join('\n')}`)
}

async function watch(page, wrong) {
  await page.addInitScript(() => {
    window.__violations = []
    document.addEventListener('securitypolicyviolation', (event) => {
      window.__violations.push(`against the policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`)
    })
  })
  page.on('pageerror', (error) => wrong.push(`a script failed: ${error.stack ?? error}`))
  page.on('dialog', (dialog) => {
    wrong.push(`a dialog came up: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('console', (message) => {
    const text = message.text()
    if (/Content Security Policy|TrustedHTML|TrustedScript/.test(text)) wrong.push(`the browser said: ${text}`)
  })
}

/** Runs one walk from the command line. */
export function main(walk) {
  const [, , server, ...more] = process.argv
  walk(server, ...more).then(
    () => console.log('walked'),
    (error) => {
      console.error(error)
      process.exitCode = 1
    },
  )
}

/** The cells of a table, as texts. */
export async function cells(table) {
  return table.evaluate((element) => [...element.querySelectorAll('tr')].map((row) => [...row.children].map((cell) => cell.textContent.trim())))
}

/** Waits for the frame to be there. */
export async function open(page, url) {
  await page.goto(url)
  await page.getByRole('banner').waitFor()
}
