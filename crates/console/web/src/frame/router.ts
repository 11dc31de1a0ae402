/** Addresses: each view of the console has one, which is all that is needed to show it again. */
import { computed, signal } from '@preact/signals'
import routes from '../routes.json'

const HOME = '/console/'

export interface Place {
  /** A path of `routes.json`; other paths are none of ours. */
  path: string
  params: URLSearchParams
}

function read(): Place {
  const { pathname, search } = window.location
  const path = pathname.startsWith(HOME) ? pathname.slice(HOME.length).replace(/\/$/, '') : ''
  return { path, params: new URLSearchParams(search) }
}

export const place = signal<Place>(read())
export const path = computed(() => place.value.path)
export const pages = routes
/** Pages that the top bar leads to; others are found by search, or by links alone. */
export const barPages = routes.filter(({ found }) => found === 'bar')

/** The address of a page with parameters; what is empty is left out. */
export function address(path: string, params: Record<string, string | undefined> = {}): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) if (value) query.set(name, value)
  const text = query.toString()
  return `${HOME}${path}${text ? `?${text}` : ''}`
}

/** Goes to an address; `replace` where going back should not lead to what was before. */
export function go(to: string, replace = false): void {
  if (to === window.location.pathname + window.location.search) return
  if (replace) history.replaceState(null, '', to)
  else history.pushState(null, '', to)
  place.value = read()
}

/** Changes parameters of this address and leaves the others. */
export function setParams(changes: Record<string, string | undefined>, replace = false): void {
  const params = new URLSearchParams(place.peek().params)
  for (const [name, value] of Object.entries(changes)) {
    if (value) params.set(name, value)
    else params.delete(name)
  }
  go(address(place.peek().path, Object.fromEntries(params)), replace)
}

/** Follows links within the console without loading the document again. */
export function startRouter(): void {
  window.addEventListener('popstate', () => {
    place.value = read()
  })
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const link = event.target instanceof Element ? event.target.closest('a[href]') : null
    const href = link?.getAttribute('href')
    if (!href?.startsWith(HOME) || link?.hasAttribute('target')) return
    event.preventDefault()
    go(href)
  })
}
