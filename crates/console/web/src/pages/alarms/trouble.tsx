/** A failure, told where it matters: what, where, and what to do. */
import { Failure } from '../../api/http.ts'

export function Trouble({ error, where }: { error: unknown; where: string }) {
  if (error === undefined || (error instanceof DOMException && error.name === 'AbortError')) return null
  const failure = error instanceof Failure ? error : undefined
  const isUnknown = failure?.status === 400 && /UnknownOperation|NotImplemented|Unsupported/.test(failure.code)
  return (
    <p class="alert" role="alert">
      {where}: <strong>{failure?.what ?? String(error)}</strong> {isUnknown ? 'This server does not serve it.' : failure?.hint}
    </p>
  )
}
