/** Home: the hosts that report, and what arrives from whom. */
import { useSignalEffect } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { session } from '../../frame/app-state.ts'
import { tick } from '../../frame/clock.ts'
import { pageKeys } from '../../frame/keys.ts'
import { place } from '../../frame/router.ts'
import { report } from '../../frame/toasts.tsx'
import { Arriving } from './arriving.tsx'
import { HostView } from './host-view.tsx'
import { HostsTable } from './hosts-table.tsx'
import { hosts, readHosts } from './hosts.ts'

export function Home() {
  useEffect(() => {
    document.title = 'Home · Sightline'
    pageKeys.value = []
  }, [])
  useSignalEffect(() => {
    void tick.value
    readHosts(new AbortController().signal).catch(report)
  })
  return (
    <div class="home">
      <Hosts />
      <Arriving />
    </div>
  )
}

function Hosts() {
  const all = hosts.value
  const chosen = place.value.params.get('host')
  if (chosen) return <HostView key={chosen} name={chosen} isOnly={false} />
  if (!all) return <p class="dim pad">Reading which hosts report…</p>
  const [first] = all
  if (!first) return <NobodyYet />
  if (all.length === 1) return <HostView key={first.name} name={first.name} isOnly />
  return <HostsTable hosts={all} />
}

/** What is awaited, and what to do when it does not come. */
function NobodyYet() {
  return (
    <section class="empty" aria-labelledby="nobody">
      <h1 id="nobody">Waiting for the first host</h1>
      <p>
        The server collects the host it runs on every ten seconds, so that something shows here within seconds of its first start, by itself. This page looks again every few seconds.
      </p>
      <p>
        Nothing comes? It was perhaps started with <code>--collect-host=false</code>, and its own host is of its own account{session.value?.account ? <>; you are of {session.value.account}</> : null}. Other hosts report through the CloudWatch agent, with this server as its endpoint: whatever it puts into the namespace <code>CWAgent</code> with a dimension <code>host</code> is a host here.
      </p>
    </section>
  )
}
