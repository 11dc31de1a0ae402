/** The theme that is chosen, and what it comes to. */

export type Theme = 'system' | 'light' | 'dark'

const KEY = 'sightline.theme'

export function storedTheme(): Theme {
  const stored = read(KEY)
  return stored === 'light' || stored === 'dark' ? stored : 'system'
}

/** Tells the style sheet; `system` leaves it to the browser. */
export function applyTheme(theme: Theme): void {
  const root = document.documentElement
  if (theme === 'system') root.removeAttribute('data-theme')
  else root.setAttribute('data-theme', theme)
}

export function storeTheme(theme: Theme): void {
  write(KEY, theme)
}

/** Reads what this browser keeps; nothing where it keeps nothing. */
export function read(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}

export function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value)
  } catch {
    // A browser that keeps nothing has its default at the next visit.
  }
}
