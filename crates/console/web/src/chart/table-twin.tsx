/** A chart in words: the same values as a table, newest first. */
import { useSignal } from '@preact/signals'
import { utc } from '../frame/clock.ts'
import { note, report } from '../frame/toasts.tsx'
import { exactText } from '../lib/numbers.ts'
import { isoText, timeText } from '../lib/time.ts'
import type { Drawing } from './lines.ts'
import { plotted } from './plot.ts'

const ROWS_FIRST = 120

function csvCell(text: string): string {
  // A cell that begins like a formula is none in a spreadsheet either.
  const safe = /^[=+\-@\t\r]/.test(text) && !/^-?\d/.test(text) ? `'${text}` : text
  return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

function csvOf(drawing: Drawing): string {
  const { axis, columns } = plotted(drawing)
  const head = ['time', ...drawing.lines.map((line) => line.label)].map(csvCell).join(',')
  const rows = axis.map((at, n) => [isoText(at * 1000), ...columns.map((column) => column[n] ?? '')].join(','))
  return [head, ...rows, ''].join('\n')
}

export async function copy(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text)
    note(`${what} copied`)
  } catch {
    report(new Error(`${what} could not be copied: this browser does not let the page; select the text instead`))
  }
}

export function TableTwin({ drawing }: { drawing: Drawing }) {
  const all = useSignal(false)
  const { axis, columns } = plotted(drawing)
  const rows: number[] = []
  for (let n = axis.length - 1; n >= 0; n--) {
    if (columns.some((column) => typeof column[n] === 'number')) rows.push(n)
  }
  const shown = all.value ? rows : rows.slice(0, ROWS_FIRST)
  return (
    <div class="twin">
      <div class="twin-scroll" tabIndex={0} role="region" aria-label={`${drawing.label}, table`}>
        <table>
          <caption class="hidden">{drawing.label}</caption>
          <thead>
            <tr>
              <th scope="col">Time {utc.value ? '(UTC)' : ''}</th>
              {drawing.lines.map((line) => (
                <th scope="col" key={line.key} class="number">
                  {line.label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((n) => (
              <tr key={axis[n]}>
                <th scope="row">{timeText((axis[n] ?? 0) * 1000, utc.value)}</th>
                {drawing.lines.map((line, c) => (
                  <td key={line.key} class="number">
                    {exactText(columns[c]?.[n], line.unit)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
        {rows.length === 0 && <p class="dim pad">No points in this range.</p>}
      </div>
      <div class="twin-foot">
        {rows.length > shown.length && <button onClick={() => (all.value = true)}>Show all {rows.length} rows</button>}
        <button onClick={() => void copy(csvOf(drawing), 'CSV')}>Copy as CSV</button>
      </div>
    </div>
  )
}
