/** The range of time: offered lengths, any length, two moments; the zone; how often to refresh. */
import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { serverNow } from '../api/http.ts'
import { OFFERED, type Range, inputText, lengthText, parseInput, parseLength, timeText, windowOf } from '../lib/time.ts'
import { REFRESHES, range, refresh, refreshEvery, setRange, utc } from './clock.ts'

export function rangeLabel(range: Range, utc: boolean): string {
  if (range.kind === 'relative') return `Last ${lengthText(range.ms)}`
  return `${timeText(range.from, utc, false)} – ${timeText(range.to, utc, false)}`
}

const SHORT = ['1h', '3h', '12h', '1d', '3d', '1w']

export function RangePicker() {
  const open = useSignal(false)
  const box = useRef<HTMLDivElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    const leave = (event: PointerEvent): void => {
      if (open.value && event.target instanceof Node && !box.current?.contains(event.target)) open.value = false
    }
    document.addEventListener('pointerdown', leave)
    return () => document.removeEventListener('pointerdown', leave)
  }, [])
  const close = (): void => {
    open.value = false
    button.current?.focus()
  }
  const shown = range.value
  return (
    <div
      class="picker"
      ref={box}
      role="group"
      aria-label="Time range"
      onKeyDown={(event) => {
        if (event.key === 'Escape' && open.value) {
          event.stopPropagation()
          close()
        }
      }}
    >
      <div class="segments">
        {SHORT.map((text) => {
          const ms = parseLength(text) ?? 0
          const chosen = shown.kind === 'relative' && shown.ms === ms
          return (
            <button key={text} class={chosen ? 'on' : ''} aria-pressed={chosen} onClick={() => setRange({ kind: 'relative', ms })}>
              {text}
            </button>
          )
        })}
        <button ref={button} class={!(shown.kind === 'relative' && SHORT.includes(lengthText(shown.ms))) ? 'on' : ''} aria-expanded={open.value} aria-haspopup="dialog" onClick={() => (open.value = !open.value)}>
          {shown.kind === 'relative' && SHORT.includes(lengthText(shown.ms)) ? 'Custom' : rangeLabel(shown, utc.value)} ▾
        </button>
      </div>
      <button class="icon" aria-label="Refresh now" title="Refresh now (r)" onClick={refresh}>
        ⟳
      </button>
      <select
        aria-label="Refresh interval"
        title="Refresh interval"
        value={String(refreshEvery.value)}
        onChange={(event) => (refreshEvery.value = Number(event.currentTarget.value))}
      >
        {REFRESHES.map((seconds) => (
          <option key={seconds} value={String(seconds)}>
            {seconds === 0 ? 'off' : lengthText(seconds * 1000)}
          </option>
        ))}
      </select>
      <button class="quiet zone" aria-label={`Times in ${utc.value ? 'UTC' : 'local time'}; switch`} title="Switch between local time and UTC (u)" onClick={() => (utc.value = !utc.value)}>
        {utc.value ? 'UTC' : 'Local'}
      </button>
      {open.value && <Custom onDone={close} />}
    </div>
  )
}

function Custom({ onDone }: { onDone: () => void }) {
  const now = windowOf(range.value, serverNow())
  const from = useSignal(inputText(now.from, utc.value))
  const to = useSignal(inputText(now.to, utc.value))
  const length = useSignal('')
  const wrong = useSignal('')
  const first = useRef<HTMLButtonElement>(null)
  useEffect(() => first.current?.focus(), [])
  const choose = (to: Range): void => {
    setRange(to)
    onDone()
  }
  const applyLength = (): void => {
    const ms = parseLength(length.value)
    if (ms === undefined) wrong.value = 'A length is a number and one of s, m, h, d, w: 45m, 6h, 90d'
    else choose({ kind: 'relative', ms })
  }
  const applyMoments = (): void => {
    const [a, b] = [parseInput(from.value, utc.value), parseInput(to.value, utc.value)]
    if (a === undefined || b === undefined) wrong.value = 'Both times are needed, with date'
    else if (a >= b) wrong.value = 'The first time must be before the second'
    else choose({ kind: 'absolute', from: a, to: b })
  }
  return (
    <div class="popover" role="dialog" aria-label="Custom time range">
      <div class="offers">
        {OFFERED.map((ms, n) => (
          <button key={ms} ref={n === 0 ? first : null} onClick={() => choose({ kind: 'relative', ms })}>
            Last {lengthText(ms)}
          </button>
        ))}
      </div>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          applyLength()
        }}
      >
        <label>
          Last
          <input value={length.value} placeholder="45m" size={6} onInput={(event) => (length.value = event.currentTarget.value)} />
        </label>
        <button type="submit">Apply</button>
      </form>
      <form
        class="moments"
        onSubmit={(event) => {
          event.preventDefault()
          applyMoments()
        }}
      >
        <label>
          From
          <input type="datetime-local" step="1" value={from.value} onInput={(event) => (from.value = event.currentTarget.value)} />
        </label>
        <label>
          To
          <input type="datetime-local" step="1" value={to.value} onInput={(event) => (to.value = event.currentTarget.value)} />
        </label>
        <button type="submit">Apply</button>
        <span class="dim">{utc.value ? 'in UTC' : 'in local time'}</span>
      </form>
      {wrong.value && (
        <p class="wrong" role="alert">
          {wrong.value}
        </p>
      )}
    </div>
  )
}
