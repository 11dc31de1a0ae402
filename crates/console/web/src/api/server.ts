/** What the server tells of itself: who is signed in, and what arrives from whom. */
import { mustSignIn, send } from './http.ts'

export interface Session {
  auth: 'open' | 'required'
  /** Whether there is any user who could sign in. */
  users: boolean
  name?: string
  role?: string
  account?: string
  region?: string
  version?: string
  /** The clock moves only when told. */
  clock?: 'virtual'
}

export async function session(): Promise<Session> {
  const answer = await send('/-/session', 'session')
  const told = (await answer.json()) as Session
  mustSignIn.value = told.auth === 'required' && told.name === undefined
  return told
}

/** The password goes as UTF-8, whatever characters it has. */
function basic(user: string, password: string): string {
  const bytes = new TextEncoder().encode(`${user}:${password}`)
  return `Basic ${btoa(String.fromCharCode(...bytes))}`
}

export async function signIn(user: string, password: string): Promise<Session> {
  const answer = await send('/-/session', 'sign-in', { method: 'POST', headers: { authorization: basic(user, password) } })
  const told = (await answer.json()) as Session
  mustSignIn.value = false
  return told
}

export async function signOut(): Promise<Session> {
  const answer = await send('/-/session', 'sign-out', { method: 'DELETE' })
  const told = (await answer.json()) as Session
  mustSignIn.value = told.auth === 'required'
  return told
}

/** What was sent since the start. */
export interface Sent {
  account: string
  region: string
  requests: number
  points: number
  refused: number
  bytes: number
}

export interface Sender extends Sent {
  door: string
  sender: string
}

export interface NamespaceUse extends Sent {
  namespace: string
  series?: number
  series_refused?: number
  /** The label that makes most of the series that were refused. */
  label?: string
}

export interface Top {
  uptime_seconds: number
  memory: { resident_bytes: number | null; limit_bytes: number }
  series: { in_memory: number; limit: number }
  disk: { free_bytes: number; parts_bytes: number; journal_bytes: number }
  namespaces_in_all: number
  namespaces: NamespaceUse[]
  senders: Sender[]
}

export async function top(signal?: AbortSignal): Promise<Top> {
  const answer = await send('/-/top', 'what arrives', { signal })
  return (await answer.json()) as Top
}
