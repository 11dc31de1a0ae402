/** The graph as text: what to send, and what to put on a dashboard. */
import { copy } from '../../chart/table-twin.tsx'
import { session } from '../../frame/app-state.ts'
import { range, windowNow } from '../../frame/clock.ts'
import { requestSource, widgetSource } from '../../lib/graph.ts'
import { periodOf } from './data.ts'
import { graph } from './state.ts'

export function Source() {
  const period = periodOf(graph.value)
  const region = session.value?.region ?? 'us-east-1'
  return (
    <div class="sources">
      <Text title="GetMetricData request" text={requestSource(graph.value, period, windowNow())} />
      <Text title="CloudWatch dashboard widget" text={widgetSource(graph.value, period, range.value, region)} />
    </div>
  )
}

function Text({ title, text }: { title: string; text: string }) {
  return (
    <section aria-label={title}>
      <header>
        <h3>{title}</h3>
        <button onClick={() => void copy(text, title)}>Copy</button>
      </header>
      <pre tabIndex={0}>{text}</pre>
    </section>
  )
}
