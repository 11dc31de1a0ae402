/** Which hosts report, and what one of them does. */
import { signal } from '@preact/signals'
import { listMetrics } from '../../api/cloudwatch.ts'
import { type Metric, dimension } from '../../lib/metric.ts'
import { HostMetrics, NAMESPACE } from './panels.ts'

/** What the table shows of each host, and one metric by which hosts are known that report little. */
const NAMES = ['cpu_usage_active', 'cpu_usage_idle', 'mem_used_percent', 'disk_used_percent', 'net_bytes_recv', 'net_bytes_sent', 'disk_free', 'mem_used']

export interface Host {
  name: string
  cpu: Metric | undefined
  /** The metric tells what is left. */
  cpuIsIdle: boolean
  memory: Metric | undefined
  disks: Metric[]
  received: Metric[]
  sent: Metric[]
}

/** Nothing until the first answer. */
export const hosts = signal<Host[] | undefined>(undefined)

/** Lists are read again so often; more often while there is little. */
const LIST_EVERY_MS = 60_000
const SOON_MS = 5_000

let readAt = -Infinity
let found = 0

/** Reads the list of hosts when it is time to. */
export async function readHosts(signal: AbortSignal): Promise<void> {
  const now = performance.now()
  if (now - readAt < (found > 0 ? LIST_EVERY_MS : SOON_MS)) return
  readAt = now
  const lists = await Promise.all(NAMES.map((name) => listMetrics({ Namespace: NAMESPACE, MetricName: name, Dimensions: [{ Name: 'host' }] }, 20_000, signal)))
  const byHost = new Map<string, Metric[]>()
  for (const metric of lists.flat()) {
    const name = dimension(metric, 'host') ?? ''
    const known = byHost.get(name)
    if (known) known.push(metric)
    else byHost.set(name, [metric])
  }
  const all = [...byHost].map(([name, metrics]) => hostOf(name, metrics))
  // A host that begins has no rates yet: it is looked at again soon.
  found = all.filter((host) => host.cpu && host.received.length > 0).length === all.length ? all.length : 0
  all.sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
  hosts.value = all
}

export function hostOf(name: string, metrics: Metric[]): Host {
  const host = new HostMetrics(metrics)
  const active = host.one('cpu_usage_active', 'cpu', 'cpu-total')
  const each = (metric: string, by: string, leaveOut?: RegExp): Metric[] => host.each(metric, by, leaveOut).map(([, one]) => one)
  return {
    name,
    cpu: active ?? host.one('cpu_usage_idle', 'cpu', 'cpu-total'),
    cpuIsIdle: !active,
    memory: host.one('mem_used_percent'),
    disks: each('disk_used_percent', 'path').slice(0, 8),
    received: each('net_bytes_recv', 'interface', /^lo$/).slice(0, 4),
    sent: each('net_bytes_sent', 'interface', /^lo$/).slice(0, 4),
  }
}

/** All metrics of one host. */
export async function metricsOf(name: string, signal: AbortSignal): Promise<Metric[]> {
  return listMetrics({ Namespace: NAMESPACE, Dimensions: [{ Name: 'host', Value: name }] }, 5_000, signal)
}
