/** Keys, each said once: what they do, and how the help shows them. */
import { signal } from '@preact/signals'

export interface Key {
  /** As `KeyboardEvent.key` has it; two after each other with a space between. */
  keys: string
  shown: string
  does: string
  run: () => void
}

/** Keys of the frame and those of the page that is shown. */
export const frameKeys = signal<Key[]>([])
export const pageKeys = signal<Key[]>([])

const SEQUENCE_MS = 900

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}

export function startKeys(): void {
  let before = { key: '', at: 0 }
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented) return
    const key = event.ctrlKey || event.metaKey ? `Ctrl+${event.key.toLowerCase()}` : event.key
    const always = key.startsWith('Ctrl+')
    if (event.altKey || (!always && (isTyping(event.target) || document.querySelector('dialog[open]')))) return
    const pair = event.timeStamp - before.at < SEQUENCE_MS ? `${before.key} ${key}` : ''
    const all = [...pageKeys.value, ...frameKeys.value]
    const found = all.find((one) => one.keys === pair) ?? all.find((one) => one.keys === key)
    before = { key, at: event.timeStamp }
    if (!found) return
    event.preventDefault()
    found.run()
  })
}
