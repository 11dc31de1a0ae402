/** What is on the graph, row by row: its settings, and its values as the legend. */
import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { type Drawing, type Line, colourVar } from '../../chart/lines.ts'
import { type MathRow, type Row, STATISTICS, isId } from '../../lib/graph.ts'
import { valueText } from '../../lib/numbers.ts'
import { summary } from '../../lib/points.ts'
import { PERIODS, lengthText } from '../../lib/time.ts'
import type { Shown } from './data.ts'
import { graph, removeRow, rowDetail, rowLabel, setRow } from './state.ts'

interface Props {
  drawing: Drawing
  trouble: Shown['trouble']
  onFocus: (key: string | undefined) => void
}

export function Rows({ drawing, trouble, onFocus }: Props) {
  const { rows } = graph.value
  return (
    <div class="scroll">
      <table class="graphed">
        <caption class="hidden">Metrics and math on the graph</caption>
        <thead>
          <tr>
            <th scope="col">Id</th>
            <th scope="col">What</th>
            <th scope="col">Statistic</th>
            <th scope="col">Period</th>
            <th scope="col">Axis</th>
            <ValueHeads />
            <th scope="col">
              <span class="hidden">Remove</span>
            </th>
          </tr>
        </thead>
        {rows.map((row, n) => (
          <RowLines key={row.id} row={row} colour={n} lines={drawing.lines.filter((line) => line.key.startsWith(`${row.id} `))} trouble={trouble?.row === row.id ? trouble.text : ''} onFocus={onFocus} />
        ))}
      </table>
    </div>
  )
}

function ValueHeads() {
  return (
    <>
      {['Last', 'Min', 'Max', 'Average'].map((name) => (
        <th key={name} scope="col" class="number">
          {name}
        </th>
      ))}
    </>
  )
}

function Values({ line }: { line: Line | undefined }) {
  const told = line && summary(line.points)
  return (
    <>
      {[told?.last, told?.min, told?.max, told?.average].map((value, n) => (
        <td key={n} class="number">
          {valueText(value, line?.unit)}
        </td>
      ))}
    </>
  )
}

interface RowProps {
  row: Row
  colour: number
  lines: Line[]
  trouble: string
  onFocus: Props['onFocus']
}

function RowLines({ row, colour, lines, trouble, onFocus }: RowProps) {
  const label = rowLabel(row, graph.value.rows)
  const [first] = lines
  return (
    <tbody onPointerLeave={() => onFocus(undefined)}>
      <tr class={row.visible ? '' : 'off'} onPointerEnter={() => onFocus(first?.key)}>
        <td>
          <label class="id">
            <input type="checkbox" checked={row.visible} aria-label={`Show ${label}`} onChange={(event) => setRow(row.id, { visible: event.currentTarget.checked })} />
            <i class="swatch" style={{ background: colourVar(colour) }} />
            <IdInput row={row} />
          </label>
        </td>
        <td class="what" title={rowDetail(row)}>
          {row.kind === 'math' ? <Expression row={row} trouble={trouble} /> : <Named row={row} label={label} />}
          {row.kind === 'metric' && trouble && <div class="wrong" role="alert">{trouble}</div>}
        </td>
        <td>{row.kind === 'metric' && <StatInput label={`Statistic of ${label}`} value={row.stat ?? ''} empty={graph.value.stat} onChange={(stat) => setRow(row.id, { stat } as Partial<Row>)} />}</td>
        <td>{row.kind === 'metric' && <PeriodSelect label={`Period of ${label}`} value={row.period} onChange={(period) => setRow(row.id, { period } as Partial<Row>)} />}</td>
        <td>
          <button class="quiet" aria-label={`${label} is on the ${row.axis} axis; move it`} title="Move to the other axis" onClick={() => setRow(row.id, { axis: row.axis === 'left' ? 'right' : 'left' })}>
            {row.axis === 'left' ? '⟵ left' : 'right ⟶'}
          </button>
        </td>
        <Values line={lines.length === 1 ? first : undefined} />
        <td>
          <button class="quiet" aria-label={`Remove ${label}`} title="Remove" onClick={() => removeRow(row.id)}>
            ✕
          </button>
        </td>
      </tr>
      {lines.length > 1 &&
        lines.map((line) => (
          <tr key={line.key} class="sub" onPointerEnter={() => onFocus(line.key)}>
            <td />
            <td colSpan={4} class="what">
              <i class="swatch" style={{ background: colourVar(line.colour) }} /> {line.label}
            </td>
            <Values line={line} />
            <td />
          </tr>
        ))}
    </tbody>
  )
}

/** Names in expressions can be changed; math that uses the old one says so then. */
function IdInput({ row }: { row: Row }) {
  const wrong = useSignal(false)
  const commit = (input: HTMLInputElement): void => {
    const id = input.value.trim()
    const taken = graph.peek().rows.some((one) => one.id === id && one !== row)
    wrong.value = id !== row.id && (!isId(id) || taken)
    if (!wrong.value && id !== row.id) setRow(row.id, { id })
  }
  return (
    <input
      class="id-input"
      aria-label={`Id of ${row.id}`}
      aria-invalid={wrong.value}
      title={wrong.value ? 'A small letter first, then letters, digits and _; each id once' : undefined}
      value={row.id}
      size={Math.max(2, row.id.length)}
      spellcheck={false}
      onBlur={(event) => commit(event.currentTarget)}
      onKeyDown={(event) => event.key === 'Enter' && commit(event.currentTarget)}
    />
  )
}

function Named({ row, label }: { row: Row; label: string }) {
  return (
    <input
      class="label-input"
      aria-label={`Label of ${row.id}`}
      placeholder={label}
      value={row.label ?? ''}
      onChange={(event) => setRow(row.id, { label: event.currentTarget.value })}
    />
  )
}

export const newMath: { id: string | undefined } = { id: undefined }

function Expression({ row, trouble }: { row: MathRow; trouble: string }) {
  const box = useRef<HTMLInputElement>(null)
  useEffect(() => {
    if (newMath.id === row.id) box.current?.focus()
    newMath.id = undefined
  }, [])
  const commit = (input: HTMLInputElement): void => {
    if (input.value !== row.expression) setRow(row.id, { expression: input.value } as Partial<Row>)
  }
  return (
    <>
      <div class="math">
        <input
          ref={box}
          class="expression"
          aria-label={`Expression ${row.id}`}
          aria-invalid={trouble !== ''}
          aria-describedby={trouble ? `wrong-${row.id}` : undefined}
          placeholder="m1 / m2 * 100, SUM(METRICS()), SEARCH('{CWAgent,host} mem', 'Average')"
          value={row.expression}
          spellcheck={false}
          onBlur={(event) => commit(event.currentTarget)}
          onKeyDown={(event) => event.key === 'Enter' && commit(event.currentTarget)}
        />
        <Named row={row} label="Label" />
      </div>
      {trouble && (
        <div class="wrong" id={`wrong-${row.id}`} role="alert">
          {trouble}
        </div>
      )}
    </>
  )
}

interface StatProps {
  label: string
  value: string
  /** What holds when nothing is chosen. */
  empty?: string
  onChange: (stat: string | undefined) => void
}

/** Offered statistics, and any other by its name. */
export function StatInput({ label, value, empty, onChange }: StatProps) {
  const own = useSignal(false)
  if (own.value) {
    return (
      <input
        autofocus
        class="stat-input"
        aria-label={label}
        placeholder="p99.9, TM(5%:95%), PR(:300)"
        value={value}
        onChange={(event) => {
          own.value = false
          onChange(event.currentTarget.value.trim() || undefined)
        }}
        onBlur={() => (own.value = false)}
      />
    )
  }
  const known = value === '' || STATISTICS.includes(value)
  return (
    <select
      aria-label={label}
      value={value}
      onChange={(event) => {
        const chosen = event.currentTarget.value
        if (chosen === 'other') own.value = true
        else onChange(chosen || undefined)
      }}
    >
      {empty !== undefined && <option value="">{empty}</option>}
      {!known && <option value={value}>{value}</option>}
      {STATISTICS.map((stat) => (
        <option key={stat} value={stat}>
          {stat}
        </option>
      ))}
      <option value="other">Other…</option>
    </select>
  )
}

interface PeriodProps {
  label: string
  value: number | undefined
  onChange: (period: number | undefined) => void
}

export function PeriodSelect({ label, value, onChange }: PeriodProps) {
  const known = value === undefined || PERIODS.includes(value)
  return (
    <select aria-label={label} value={value === undefined ? '' : String(value)} onChange={(event) => onChange(Number(event.currentTarget.value) || undefined)}>
      <option value="">auto</option>
      {!known && <option value={String(value)}>{lengthText((value ?? 0) * 1000)}</option>}
      {PERIODS.map((period) => (
        <option key={period} value={String(period)}>
          {lengthText(period * 1000)}
        </option>
      ))}
    </select>
  )
}
