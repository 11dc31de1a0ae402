/** Who are you? Asked where the server asks, and nowhere else. */
import { useSignal } from '@preact/signals'
import { Failure } from '../api/http.ts'
import { type Session, signIn } from '../api/server.ts'
import { Logo } from './logo.tsx'

export function SignIn({ session, onDone }: { session: Session; onDone: (session: Session) => void }) {
  const user = useSignal('')
  const password = useSignal('')
  const wrong = useSignal<{ what: string; hint: string } | undefined>(undefined)
  const busy = useSignal(false)
  const submit = async (): Promise<void> => {
    busy.value = true
    wrong.value = undefined
    try {
      onDone(await signIn(user.value, password.value))
    } catch (error) {
      password.value = ''
      const told = error instanceof Failure ? error : undefined
      wrong.value = { what: told?.what ?? String(error), hint: told?.status === 401 ? '' : (told?.hint ?? '') }
    } finally {
      busy.value = false
    }
  }
  return (
    <main class="sign-in">
      <form
        aria-labelledby="sign-in-title"
        onSubmit={(event) => {
          event.preventDefault()
          if (!busy.value) void submit()
        }}
      >
        <Logo />
        <h1 id="sign-in-title">Sign in to Sightline</h1>
        {!session.users && (
          <div class="notice">
            <p>There is no user yet. An admin makes one, through the running server:</p>
            <pre>sightline users create NAME --role admin</pre>
            <p>The id of an access key and its secret serve as well.</p>
          </div>
        )}
        <label>
          User
          <input autofocus name="user" autocomplete="username" autocapitalize="none" spellcheck={false} required value={user.value} onInput={(event) => (user.value = event.currentTarget.value)} />
        </label>
        <label>
          Password
          <input type="password" name="password" autocomplete="current-password" required value={password.value} onInput={(event) => (password.value = event.currentTarget.value)} />
        </label>
        {wrong.value && (
          <p class="wrong" role="alert">
            {wrong.value.what}
            {wrong.value.hint && <span class="dim"> {wrong.value.hint}</span>}
          </p>
        )}
        <button class="primary" type="submit" disabled={busy.value}>
          {busy.value ? 'Signing in…' : 'Sign in'}
        </button>
      </form>
    </main>
  )
}
