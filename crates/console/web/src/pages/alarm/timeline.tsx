/** The states of an alarm under its graph, in the same scale of time. */
import { useLayoutEffect, useRef } from 'preact/hooks'
import { utc } from '../../frame/clock.ts'
import { STATE_WORDS, type Span } from '../../lib/alarms.ts'
import { type Window, timeText } from '../../lib/time.ts'
import { stateClass } from '../alarms/state-mark.tsx'

interface Props {
  spans: Span[]
  window: Window
  /** The moment that is explained, if not now. */
  at: number | undefined
  onPick: (at: number) => void
}

export function Timeline({ spans, window, at, onPick }: Props) {
  const box = useRef<HTMLDivElement>(null)
  // As wide as the chart's plot, which knows its own axes and may change them after it is drawn.
  useLayoutEffect(() => {
    const own = box.current
    const around = own?.parentElement
    if (!own || !around) return undefined
    const follow = (): void => {
      // The chart makes its plot anew now and then: one that is gone has no place.
      const rect = around.querySelector('.u-over')?.getBoundingClientRect()
      if (!rect || rect.width === 0) return
      own.style.marginLeft = `${Math.round(rect.left - around.getBoundingClientRect().left - around.clientLeft)}px`
      own.style.width = `${Math.round(rect.width)}px`
    }
    follow()
    const sizes = new ResizeObserver(follow)
    const plot = around.querySelector('.u-over')
    sizes.observe(plot ?? around)
    const changes = new MutationObserver(follow)
    changes.observe(around, { childList: true, subtree: true })
    return () => {
      sizes.disconnect()
      changes.disconnect()
    }
  })
  const length = window.to - window.from
  const place = (moment: number): string => `${(100 * (moment - window.from)) / length}%`
  return (
    <div class="timeline" ref={box} role="group" aria-label="States over time; each explains itself">
      {spans.map((span) => {
        const words = `${STATE_WORDS[span.state]} from ${timeText(span.from, utc.value)} to ${timeText(span.to, utc.value)}`
        return (
          <button
            key={`${span.from} ${span.state}`}
            class={stateClass(span.state)}
            style={{ left: place(span.from), width: `${(100 * (span.to - span.from)) / length}%` }}
            title={`${words}: explain`}
            aria-label={words}
            onClick={(event) => {
              const rect = box.current?.getBoundingClientRect()
              // By keys there is no place: the state as it ends says most.
              const isKey = event.detail === 0 || !rect
              const moment = isKey ? span.to - 1000 : window.from + (length * (event.clientX - rect.left)) / rect.width
              onPick(Math.round(Math.min(span.to - 1, Math.max(span.from, moment))))
            }}
          >
            <span>{STATE_WORDS[span.state]}</span>
          </button>
        )
      })}
      {at !== undefined && at >= window.from && at <= window.to && <i class="at" style={{ left: place(at) }} aria-hidden="true" />}
    </div>
  )
}

/** States over time that are only looked at: of a backtest, of children. */
export function StateBar({ label, spans, window }: { label: string; spans: Span[]; window: Window }) {
  const length = window.to - window.from
  const words = spans.map((span) => `${STATE_WORDS[span.state]} from ${timeText(span.from, utc.value)} to ${timeText(span.to, utc.value)}`)
  return (
    <div class="timeline bar" role="img" aria-label={`${label}: ${words.join('; ') || 'nothing known'}`}>
      {spans.map((span, n) => (
        <i key={`${span.from} ${span.state}`} class={stateClass(span.state)} title={words[n]} style={{ left: `${(100 * (span.from - window.from)) / length}%`, width: `${(100 * (span.to - span.from)) / length}%` }} />
      ))}
    </div>
  )
}
