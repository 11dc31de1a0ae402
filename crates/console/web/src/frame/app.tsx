/** What stands around every page: navigation, search, time, who is signed in, and what went wrong. */
import { signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { mustSignIn, readClock, silentSince } from '../api/http.ts'
import { type Session, session as askSession, signOut } from '../api/server.ts'
import type { Theme } from '../lib/theme.ts'
import { clockText } from '../lib/time.ts'
import { AlarmPage } from '../pages/alarm/alarm.tsx'
import { Alarms } from '../pages/alarms/alarms.tsx'
import { Home } from '../pages/home/home.tsx'
import { Metrics } from '../pages/metrics/metrics.tsx'
import { Mutes } from '../pages/mutes/mutes.tsx'
import { NewAlarm } from '../pages/new-alarm/new-alarm.tsx'
import { session, theme } from './app-state.ts'
import { rangeParam, refresh, setRange, startClock, utc } from './clock.ts'
import { Help } from './help.tsx'
import { frameKeys } from './keys.ts'
import { Logo } from './logo.tsx'
import { Palette } from './palette.tsx'
import { RangePicker } from './range-picker.tsx'
import { address, barPages, go, path } from './router.ts'
import { SignIn } from './sign-in.tsx'
import { Toasts, report } from './toasts.tsx'

/** Which component shows a path of `routes.json`. */
const PAGES: Record<string, () => preact.JSX.Element> = {
  '': Home,
  metrics: Metrics,
  alarms: Alarms,
  alarm: AlarmPage,
  'new-alarm': NewAlarm,
  mutes: Mutes,
}

const over = signal<'palette' | 'help' | undefined>(undefined)

const NEXT_THEME: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' }

/** Asks who we are, until there is an answer. */
export async function begin(): Promise<void> {
  try {
    const told = await askSession()
    if (told.clock === 'virtual') await readClock()
    session.value = told
    refresh()
    startClock()
  } catch (error) {
    report(error)
    setTimeout(() => void begin(), 2000)
  }
}

const HOUR = 3_600_000
frameKeys.value = [
  { keys: '/', shown: '/', does: 'Search', run: () => (over.value = 'palette') },
  { keys: 'Ctrl+k', shown: 'Ctrl K', does: 'Search, also while typing', run: () => (over.value = 'palette') },
  ...barPages.map(({ path, title }) => ({
    keys: `g ${title[0]?.toLowerCase() ?? ''}`,
    shown: `g ${title[0]?.toLowerCase() ?? ''}`,
    does: `Go to ${title}`,
    run: () => go(address(path, { range: rangeParam() })),
  })),
  { keys: '1', shown: '1', does: 'Last hour', run: () => setRange({ kind: 'relative', ms: HOUR }) },
  { keys: '2', shown: '2', does: 'Last 3 hours', run: () => setRange({ kind: 'relative', ms: 3 * HOUR }) },
  { keys: '3', shown: '3', does: 'Last day', run: () => setRange({ kind: 'relative', ms: 24 * HOUR }) },
  { keys: '4', shown: '4', does: 'Last week', run: () => setRange({ kind: 'relative', ms: 168 * HOUR }) },
  { keys: 'r', shown: 'r', does: 'Refresh now', run: refresh },
  { keys: 'u', shown: 'u', does: 'Switch between local time and UTC', run: () => (utc.value = !utc.value) },
  { keys: 't', shown: 't', does: 'Next theme: system, light, dark', run: () => (theme.value = NEXT_THEME[theme.value]) },
  { keys: '?', shown: '?', does: 'Show the keyboard help', run: () => (over.value = 'help') },
]

export function App() {
  const known = session.value
  if (!known) return <Toasts />
  if (mustSignIn.value) return <SignInPage known={known} />
  const Page = PAGES[path.value] ?? Home
  return (
    <>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <TopBar known={known} />
      <Silence />
      <main id="main" tabIndex={-1}>
        <Page />
      </main>
      <Toasts />
      {over.value === 'palette' && <Palette onClose={() => (over.value = undefined)} />}
      {over.value === 'help' && <Help onClose={() => (over.value = undefined)} />}
    </>
  )
}

function SignInPage({ known }: { known: Session }) {
  useEffect(() => {
    // A session that ended says nothing of users; the page is opened once for that.
    askSession().then((told) => (session.value = told), report)
  }, [])
  const done = (told: Session): void => {
    session.value = told
    refresh()
  }
  return (
    <>
      <SignIn session={known} onDone={done} />
      <Toasts />
    </>
  )
}

function TopBar({ known }: { known: Session }) {
  return (
    <header class="top">
      <a class="brand" href={address('', { range: rangeParam() })} aria-label="Sightline, home">
        <Logo />
        <span>Sightline</span>
      </a>
      <nav aria-label="Pages">
        {barPages.map((page) => (
          <a key={page.path} href={address(page.path, { range: rangeParam() })} aria-current={path.value === page.path ? 'page' : undefined}>
            {page.title}
          </a>
        ))}
      </nav>
      <button class="search" aria-keyshortcuts="/ Control+K" onClick={() => (over.value = 'palette')}>
        <span>Search</span>
        <kbd>/</kbd>
      </button>
      <RangePicker />
      <select class="theme" aria-label="Theme" title="Theme (t)" value={theme.value} onChange={(event) => (theme.value = event.currentTarget.value as Theme)}>
        <option value="system">System</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
      <button class="icon" aria-label="Keyboard help" title="Keyboard help (?)" onClick={() => (over.value = 'help')}>
        ?
      </button>
      {known.name && (
        <div class="who">
          <span title={`${known.role ?? ''} of ${known.account ?? ''}`}>
            {known.name} <span class="dim">{known.role}</span>
          </span>
          <button class="quiet" onClick={() => signOut().then((told) => (session.value = told), report)}>
            Sign out
          </button>
        </div>
      )}
    </header>
  )
}

function Silence() {
  const since = silentSince.value
  if (since === undefined) return null
  return (
    <div class="silence" role="alert">
      <strong>The server does not answer</strong> since {clockText(since, utc.value)}. What is shown is what was known then; it is asked again by itself.
      <button onClick={refresh}>Ask now</button>
    </div>
  )
}
