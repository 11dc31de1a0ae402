/** What is arriving, and from whom: totals since the start, and what they became since the last look. */
import { useSignal, useSignalEffect } from '@preact/signals'
import { type Sent, type Top, top } from '../../api/server.ts'
import { tick } from '../../frame/clock.ts'
import { Failure } from '../../api/http.ts'
import { countText, valueText } from '../../lib/numbers.ts'

interface Look {
  now: Top
  /** The look before, and how many seconds ago. */
  before: Top | undefined
  seconds: number
}

const keyOf = (one: Sent & { door?: string; sender?: string; namespace?: string }): string =>
  JSON.stringify([one.account, one.region, one.door, one.sender, one.namespace])

export function Arriving() {
  const look = useSignal<Look | undefined>(undefined)
  const refused = useSignal('')
  useSignalEffect(() => {
    void tick.value
    const stop = new AbortController()
    top(stop.signal).then(
      (now) => {
        const last = look.peek()?.now
        // A server that was started anew counts from nothing.
        const before = last && last.uptime_seconds < now.uptime_seconds ? last : undefined
        look.value = { now, before, seconds: before ? now.uptime_seconds - before.uptime_seconds : 0 }
        refused.value = ''
      },
      (error) => {
        if (error instanceof Failure && error.status > 0) refused.value = error.what
      },
    )
    return undefined
  })
  if (refused.value) {
    return (
      <section class="arriving">
        <h2>Arriving</h2>
        <p class="dim">Not shown: {refused.value}</p>
      </section>
    )
  }
  const shown = look.value
  if (!shown) return null
  return (
    <section class="arriving" aria-label="Arriving">
      <Senders look={shown} />
      <Namespaces look={shown} />
      <ServerFacts top={shown.now} />
    </section>
  )
}

function rates(look: Look, list: (top: Top) => Sent[]): (one: Sent) => number | undefined {
  if (!look.before || look.seconds <= 0) return () => undefined
  const old = new Map(list(look.before).map((one) => [keyOf(one), one.points]))
  return (one) => Math.max(0, one.points - (old.get(keyOf(one)) ?? 0)) / look.seconds
}

function Senders({ look }: { look: Look }) {
  const rate = rates(look, (top) => top.senders)
  const { senders } = look.now
  const several = new Set(senders.map((one) => one.account)).size > 1
  return (
    <div class="box">
      <h2>Arriving, by sender</h2>
      {senders.length === 0 ? (
        <p class="dim">
          Nobody sends yet. This host is collected by the server itself; point an AWS SDK, the CloudWatch agent or Prometheus at this address and they are listed here.
        </p>
      ) : (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">Sender</th>
                <th scope="col">Door</th>
                {several && <th scope="col">Account</th>}
                <th scope="col" class="number">
                  Points/s
                </th>
                <th scope="col" class="number">
                  Points
                </th>
                <th scope="col" class="number">
                  Requests
                </th>
                <th scope="col" class="number">
                  Refused
                </th>
              </tr>
            </thead>
            <tbody>
              {senders.map((one) => (
                <tr key={keyOf(one)}>
                  <th scope="row">{one.sender || 'anybody'}</th>
                  <td>{one.door}</td>
                  {several && <td title={one.region}>{one.account}</td>}
                  <Counts one={one} rate={rate(one)} />
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  )
}

function Counts({ one, rate }: { one: Sent; rate: number | undefined }) {
  return (
    <>
      <td class="number">{rate === undefined ? '–' : valueText(rate)}</td>
      <td class="number">{countText(one.points)}</td>
      <td class="number">{countText(one.requests)}</td>
      <td class={`number ${one.refused > 0 ? 'bad' : ''}`}>{countText(one.refused)}</td>
    </>
  )
}

/** Namespaces that the server fills itself: nobody sends them. */
const OWN = ['Sightline', 'CWAgent']

function Namespaces({ look }: { look: Look }) {
  const rate = rates(look, (top) => top.namespaces)
  const { namespaces, namespaces_in_all: inAll } = look.now
  return (
    <div class="box">
      <h2>Arriving, by namespace</h2>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Namespace</th>
              <th scope="col" class="number">
                Series
              </th>
              <th scope="col" class="number">
                Points/s
              </th>
              <th scope="col" class="number">
                Points
              </th>
              <th scope="col" class="number">
                Requests
              </th>
              <th scope="col" class="number">
                Refused
              </th>
            </tr>
          </thead>
          <tbody>
            {namespaces.map((one) => {
              const isOwn = one.requests === 0 && OWN.includes(one.namespace)
              const refused = one.refused + (one.series_refused ?? 0)
              return (
                <tr key={keyOf(one)}>
                  <th scope="row">
                    {one.namespace || 'none (Prometheus)'}
                    {one.label && <span class="bad"> too many values of {one.label}</span>}
                  </th>
                  <td class="number">{countText(one.series ?? 0)}</td>
                  {isOwn ? (
                    <td colSpan={4} class="dim">
                      {one.namespace === 'Sightline' ? 'of the server itself' : 'collected by the server itself'}
                    </td>
                  ) : (
                    <Counts one={{ ...one, refused }} rate={rate(one)} />
                  )}
                </tr>
              )
            })}
          </tbody>
        </table>
        {inAll > namespaces.length && <p class="dim">and {inAll - namespaces.length} namespaces more</p>}
      </div>
    </div>
  )
}

function ServerFacts({ top }: { top: Top }) {
  const facts: [string, string][] = [
    ['Running for', valueText(top.uptime_seconds, 'Seconds')],
    ['Memory', `${valueText(top.memory.resident_bytes, 'Bytes')} of ${valueText(top.memory.limit_bytes, 'Bytes')}`],
    ['Series in memory', `${countText(top.series.in_memory)} of ${valueText(top.series.limit)}`],
    ['On disk', `${valueText(top.disk.parts_bytes + top.disk.journal_bytes, 'Bytes')}, ${valueText(top.disk.free_bytes, 'Bytes')} free`],
  ]
  return (
    <div class="box narrow">
      <h2>Server</h2>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}
