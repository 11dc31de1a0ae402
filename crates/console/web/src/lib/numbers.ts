/** How values are written, by unit. */

const THOUSANDS = ['', 'k', 'M', 'G', 'T', 'P', 'E']
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']

/** Three digits that count, never an exponent where a person would not write one. */
function digits(value: number): string {
  const size = Math.abs(value)
  if (size === 0) return '0'
  if (size < 0.001) return value.toPrecision(2)
  if (size >= 100) return String(Math.round(value * 10) / 10).replace(/\.0$/, '')
  return String(Number(value.toPrecision(3)))
}

function scaled(value: number, base: number, marks: string[]): string {
  let n = 0
  let size = Math.abs(value)
  // What would be rounded up to the next mark is written with it.
  while (size >= base - 0.5 && n < marks.length - 1) {
    size /= base
    n += 1
  }
  const text = digits(value / base ** n)
  return marks[n] ? `${text} ${marks[n]}` : text
}

/** Seconds as people say them. */
function duration(seconds: number): string {
  const size = Math.abs(seconds)
  if (size === 0) return '0 s'
  if (size < 1e-3) return `${digits(seconds * 1e6)} µs`
  if (size < 1) return `${digits(seconds * 1e3)} ms`
  if (size < 120) return `${digits(seconds)} s`
  if (size < 7200) return `${digits(seconds / 60)} min`
  if (size < 172800) return `${digits(seconds / 3600)} h`
  return `${digits(seconds / 86400)} d`
}

const joined = (text: string, unit: string): string =>
  text.includes(' ') ? `${text}${unit}` : `${text} ${unit}`

/** Writes a value with its unit, which is CloudWatch's name of it. */
export function valueText(value: number | null | undefined, unit = ''): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '–'
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞'
  const per = unit.endsWith('/Second') ? '/s' : ''
  switch (per ? unit.slice(0, -'/Second'.length) : unit) {
    case 'Percent':
      return `${digits(value)} %${per}`
    case 'Bytes':
      return joined(scaled(value, 1024, BINARY), `B${per}`)
    case 'Bits':
      return joined(scaled(value, 1000, THOUSANDS), `bit${per}`)
    case 'Kilobytes':
      return joined(scaled(value * 1024, 1024, BINARY), `B${per}`)
    case 'Megabytes':
      return joined(scaled(value * 1024 ** 2, 1024, BINARY), `B${per}`)
    case 'Gigabytes':
      return joined(scaled(value * 1024 ** 3, 1024, BINARY), `B${per}`)
    case 'Seconds':
      return duration(value)
    case 'Milliseconds':
      return duration(value / 1e3)
    case 'Microseconds':
      return duration(value / 1e6)
    default: {
      const text = scaled(value, 1000, THOUSANDS)
      return per ? `${text}${per}` : text
    }
  }
}

/** A whole number with its thousands apart. */
export function countText(value: number): string {
  return Math.round(value).toLocaleString('en-US').replaceAll(',', ' ')
}
