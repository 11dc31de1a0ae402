/** What several parts of the frame know: the session, the theme. */
import { effect, signal } from '@preact/signals'
import type { Session } from '../api/server.ts'
import { type Theme, applyTheme, storeTheme, storedTheme } from '../lib/theme.ts'

export const session = signal<Session | undefined>(undefined)

export const theme = signal<Theme>(storedTheme())

const dark = window.matchMedia('(prefers-color-scheme: dark)')

/** What `system` comes to now. */
export const systemDark = signal(dark.matches)
dark.addEventListener('change', () => (systemDark.value = dark.matches))

effect(() => {
  applyTheme(theme.value)
  storeTheme(theme.value)
})
