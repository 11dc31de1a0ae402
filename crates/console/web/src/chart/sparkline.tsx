/** A line as large as a word. */
import type { Points } from '../lib/points.ts'
import type { Window } from '../lib/time.ts'

interface Props {
  points: Points
  window: Window
  /** The value at the top, where it is not the largest of the line. */
  top?: number
  colour: string
}

const WIDTH = 96
const HEIGHT = 22

export function Sparkline({ points, window, top, colour }: Props) {
  const { times, values } = points
  let max = top ?? 0
  if (top === undefined) for (const value of values) if (value > max) max = value
  const from = window.from / 1000
  const span = (window.to - window.from) / 1000 || 1
  const scale = max > 0 ? (HEIGHT - 3) / max : 0
  const path = times.map((at, n) => {
    const x = ((at - from) / span) * WIDTH
    const y = HEIGHT - 1.5 - Math.max(0, values[n] ?? 0) * scale
    return `${n === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`
  })
  return (
    <svg class="spark" width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
      <path d={path.join('')} style={{ stroke: colour }} />
    </svg>
  )
}
