/** How values are written, by unit. */

const THOUSANDS = ['', 'k', 'M', 'G', 'T', 'P', 'E']
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']

/** As many digits as count, never an exponent where a person would not write one. */
function digits(value: number, count: number): string {
  const size = Math.abs(value)
  if (size === 0) return '0'
  if (size < 0.001) return String(Number(value.toPrecision(Math.max(2, count - 1))))
  const whole = Math.floor(Math.log10(size)) + 1
  return String(whole >= count ? Math.round(value) : Number(value.toPrecision(count)))
}

function scaled(value: number, base: number, marks: string[], count: number): string {
  let n = 0
  let size = Math.abs(value)
  // What would be rounded up to the next mark is written with it.
  while (size >= base - 0.5 && n < marks.length - 1) {
    size /= base
    n += 1
  }
  const text = digits(value / base ** n, count)
  return marks[n] ? `${text} ${marks[n]}` : text
}

/** Seconds as people say them. */
function duration(seconds: number, count: number): string {
  const size = Math.abs(seconds)
  if (size === 0) return '0 s'
  if (size < 1e-3) return `${digits(seconds * 1e6, count)} µs`
  if (size < 1) return `${digits(seconds * 1e3, count)} ms`
  if (size < 120) return `${digits(seconds, count)} s`
  if (size < 7200) return `${digits(seconds / 60, count)} min`
  if (size < 172800) return `${digits(seconds / 3600, count)} h`
  return `${digits(seconds / 86400, count)} d`
}

const joined = (text: string, unit: string): string =>
  text.includes(' ') ? `${text}${unit}` : `${text} ${unit}`

/** A part of a hundred has no more than two digits behind the point that anybody reads. */
function percent(value: number, count: number): string {
  return count > GLANCE ? digits(value, count) : String(Number(value.toFixed(Math.abs(value) < 10 ? 2 : 1)))
}

const GLANCE = 3
const EXACT = 7

/** The same with more digits, for tables. */
export function exactText(value: number | null | undefined, unit = ''): string {
  return valueText(value, unit, EXACT)
}

/** Writes a value with its unit, which is CloudWatch's name of it. */
export function valueText(value: number | null | undefined, unit = '', count = GLANCE): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '–'
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞'
  const per = unit.endsWith('/Second') ? '/s' : ''
  switch (per ? unit.slice(0, -'/Second'.length) : unit) {
    case 'Percent':
      return `${percent(value, count)} %${per}`
    case 'Bytes':
      return joined(scaled(value, 1024, BINARY, count), `B${per}`)
    case 'Bits':
      return joined(scaled(value, 1000, THOUSANDS, count), `bit${per}`)
    case 'Kilobytes':
      return joined(scaled(value * 1024, 1024, BINARY, count), `B${per}`)
    case 'Megabytes':
      return joined(scaled(value * 1024 ** 2, 1024, BINARY, count), `B${per}`)
    case 'Gigabytes':
      return joined(scaled(value * 1024 ** 3, 1024, BINARY, count), `B${per}`)
    case 'Seconds':
      return duration(value, count)
    case 'Milliseconds':
      return duration(value / 1e3, count)
    case 'Microseconds':
      return duration(value / 1e6, count)
    default: {
      const text = scaled(value, 1000, THOUSANDS, count)
      return per ? `${text}${per}` : text
    }
  }
}

/** A whole number with its thousands apart. */
export function countText(value: number): string {
  return Math.round(value).toLocaleString('en-US').replaceAll(',', ' ')
}
