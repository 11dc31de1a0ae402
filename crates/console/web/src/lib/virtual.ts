/** Which rows of a long list can be seen: the others are not made. */
import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'

export interface Visible<E extends HTMLElement> {
  /** The element that scrolls. */
  ref: { current: E | null }
  first: number
  /** One behind the last. */
  end: number
  /** Pixels of the rows before and behind. */
  above: number
  below: number
  /** Brings a row into view. */
  show: (index: number) => void
}

const BEYOND = 8

export function useVisible<E extends HTMLElement>(count: number, rowHeight: number): Visible<E> {
  const ref = useRef<E>(null)
  const top = useSignal(0)
  const height = useSignal(600)
  useEffect(() => {
    const box = ref.current
    if (!box) return undefined
    const scrolled = (): void => {
      top.value = box.scrollTop
    }
    const watch = new ResizeObserver(() => (height.value = box.clientHeight))
    box.addEventListener('scroll', scrolled, { passive: true })
    watch.observe(box)
    return () => {
      box.removeEventListener('scroll', scrolled)
      watch.disconnect()
    }
  }, [])
  const first = Math.min(Math.max(0, Math.floor(top.value / rowHeight) - BEYOND), Math.max(0, count - 1))
  const end = Math.min(count, Math.ceil((top.value + height.value) / rowHeight) + BEYOND)
  const show = (index: number): void => {
    const box = ref.current
    if (!box) return
    const y = index * rowHeight
    if (y < box.scrollTop) box.scrollTop = y
    else if (y + rowHeight > box.scrollTop + box.clientHeight) box.scrollTop = y + rowHeight - box.clientHeight
  }
  return { ref, first, end, above: first * rowHeight, below: Math.max(0, count - end) * rowHeight, show }
}
