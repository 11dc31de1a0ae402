/** Short messages, above all failures: what, where, and what to do. */
import { signal } from '@preact/signals'
import { Failure } from '../api/http.ts'

interface Toast {
  id: number
  kind: 'error' | 'note'
  what: string
  where: string
  hint: string
  times: number
}

const SHOWN_MAX = 4
const NOTE_MS = 3500

const toasts = signal<Toast[]>([])
let count = 0

function put(kind: Toast['kind'], what: string, where: string, hint: string): void {
  const same = toasts.peek().find((one) => one.what === what && one.where === where)
  if (same) {
    toasts.value = toasts.peek().map((one) => (one === same ? { ...one, times: one.times + 1 } : one))
    return
  }
  count += 1
  const id = count
  toasts.value = [...toasts.peek(), { id, kind, what, where, hint, times: 1 }].slice(-SHOWN_MAX)
  if (kind === 'note') setTimeout(() => drop(id), NOTE_MS)
}

const drop = (id: number): void => {
  toasts.value = toasts.peek().filter((one) => one.id !== id)
}

export function note(text: string): void {
  put('note', text, '', '')
}

/** Shows a failure; what was broken off and what the banner or the sign-in says already are none. */
export function report(error: unknown): void {
  if (error instanceof DOMException && error.name === 'AbortError') return
  if (error instanceof Failure) {
    const toldElsewhere = error.code === 'NoAnswer' || error.hint === 'Sign in again.'
    if (!toldElsewhere) put('error', error.what, error.where, error.hint)
    return
  }
  put('error', error instanceof Error ? error.message : String(error), 'the console', 'Please report this.')
}

export function Toasts() {
  return (
    <div class="toasts" role="region" aria-label="Messages" aria-live="polite">
      {toasts.value.map((one) => (
        <div key={one.id} class={`toast ${one.kind}`} role={one.kind === 'error' ? 'alert' : 'status'}>
          <div class="toast-text">
            <strong>{one.what}</strong>
            {one.where && <span class="dim"> in {one.where}{one.times > 1 ? `, ${one.times} times` : ''}</span>}
            {one.hint && <div>{one.hint}</div>}
          </div>
          <button class="quiet" aria-label="Dismiss message" onClick={() => drop(one.id)}>
            ✕
          </button>
        </div>
      ))}
    </div>
  )
}
