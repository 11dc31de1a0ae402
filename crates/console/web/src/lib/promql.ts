/** PromQL as an alarm has it: what is compared, and with what. */

export interface Compared {
  /** The query without its comparison. */
  base: string
  sign: string
  value: number
}

const COMPARISON = /(>=|<=|==|!=|>|<)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*$/
/** What binds more loosely than a comparison, or is one. */
const LOOSE = /(^|[^\w:])(and|or|unless|bool)([^\w:]|$)|[<>]|[=!]=/i

/** Replaces what stands in brackets, braces and quotes by spaces, so that only the outermost is left. */
function outermost(query: string): string | undefined {
  let depth = 0
  let quote = ''
  let text = ''
  for (let n = 0; n < query.length; n++) {
    const char = query[n] ?? ''
    if (quote) {
      if (char === '\\' && quote !== '`') {
        text += ' '
        n += 1
      } else if (char === quote) quote = ''
      text += ' '
    } else if (char === '#') return undefined
    else if ('"\'`'.includes(char)) {
      quote = char
      text += ' '
    } else {
      if ('([{'.includes(char)) depth += 1
      text += depth > 0 ? ' ' : char
      if (')]}'.includes(char)) depth -= 1
      if (depth < 0) return undefined
    }
  }
  return quote || depth > 0 ? undefined : text
}

/**
 * Splits `QUERY > 80` into what is compared and the threshold; nothing when the query is of another form.
 * A query with a comparison returns series only while it holds: its base shows them always.
 */
export function comparedIn(query: string): Compared | undefined {
  const text = outermost(query)
  const found = text === undefined ? null : COMPARISON.exec(text)
  if (!text || !found || LOOSE.test(text.slice(0, found.index))) return undefined
  const base = query.slice(0, found.index).trim()
  return base ? { base, sign: found[1] ?? '', value: Number(found[2]) } : undefined
}
