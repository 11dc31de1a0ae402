/** Requests to the server that these pages came from, and to no other. */
import { signal } from '@preact/signals'

/** Why something could not be had: what failed, where, and what to do. */
export class Failure extends Error {
  constructor(
    readonly what: string,
    readonly where: string,
    readonly hint: string,
    readonly status: number,
    readonly code: string,
  ) {
    super(what)
  }
}

/** Since when the server does not answer; nothing while it does. */
export const silentSince = signal<number | undefined>(undefined)

/** Whether the server asks who we are and does not know. */
export const mustSignIn = signal(false)

/** Server's clock less ours, in milliseconds. */
export const clockSkew = signal(0)

export function serverNow(): number {
  return Date.now() + clockSkew.value
}

const NOT_KNOWN = ['MissingAuthenticationToken', 'UnrecognizedClientException', 'InvalidClientTokenId']

interface Asked {
  method?: string
  headers?: Record<string, string>
  body?: string
  signal?: AbortSignal | undefined
}

/** Sends one request. `where` names it for whoever reads the failure. */
export async function send(path: string, where: string, asked: Asked = {}): Promise<Response> {
  let answer: Response
  const sent = Date.now()
  try {
    answer = await fetch(path, {
      method: asked.method ?? 'GET',
      headers: { 'x-sightline-console': '1', ...asked.headers },
      cache: 'no-store',
      credentials: 'same-origin',
      redirect: 'error',
      ...(asked.body === undefined ? {} : { body: asked.body }),
      ...(asked.signal ? { signal: asked.signal } : {}),
    })
  } catch (error) {
    if (asked.signal?.aborted) throw error
    silentSince.value ??= Date.now()
    throw new Failure('no answer', where, 'Is the server running, and can this browser reach it?', 0, 'NoAnswer')
  }
  silentSince.value = undefined
  noteClock(answer, sent)
  if (answer.ok) return answer
  throw await failureOf(answer, where)
}

/** The header has whole seconds, so that only what is far off is corrected. */
function noteClock(answer: Response, sent: number): void {
  const date = Date.parse(answer.headers.get('date') ?? '')
  if (Number.isNaN(date) || virtualClock) return
  const skew = date + 500 - (sent + Date.now()) / 2
  clockSkew.value = Math.abs(skew) > 2500 ? skew : 0
}

let virtualClock = false

/** Asks a server whose clock moves only when told what time it is. */
export async function readClock(): Promise<void> {
  virtualClock = true
  const answer = await send('/-/clock', 'clock')
  const told = (await answer.json()) as { now_ms: number }
  clockSkew.value = told.now_ms - Date.now()
}

export function hasVirtualClock(): boolean {
  return virtualClock
}

async function failureOf(answer: Response, where: string): Promise<Failure> {
  const { status } = answer
  const text = await answer.text().catch(() => '')
  let told: Record<string, unknown> = {}
  try {
    told = JSON.parse(text) as Record<string, unknown>
  } catch {
    // Plain text is a message too.
  }
  const field = (...names: string[]): string => {
    for (const name of names) if (typeof told[name] === 'string') return told[name]
    return ''
  }
  const code = field('__type').split('#').at(-1) || field('errorType') || String(status)
  const what = field('message', 'Message', 'error') || text.trim().slice(0, 500) || `HTTP ${status}`
  if (status === 401 || NOT_KNOWN.includes(code)) mustSignIn.value = true
  return new Failure(what, where, field('hint') || hintFor(status, code), status, code)
}

function hintFor(status: number, code: string): string {
  if (status === 401 || NOT_KNOWN.includes(code)) return 'Sign in again.'
  if (status === 403 || code === 'AccessDenied') return 'Your role does not allow this; an admin of the account can change that.'
  if (status === 429 || code.startsWith('Throttling')) return 'Wait a moment, then try again.'
  if (status === 503) return 'The server is busy or unwell: /-/health says why.'
  if (status >= 500) return 'The server\'s log says more.'
  return ''
}
