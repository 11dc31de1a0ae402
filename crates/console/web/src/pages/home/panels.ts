/** What is shown of a host: eight graphs, of what its agent reports. */
import type { View } from '../../lib/graph.ts'
import { type Metric, dimension } from '../../lib/metric.ts'

/** The namespace of hosts, also of other agents than our own. */
export const NAMESPACE = 'CWAgent'

export interface PanelLine {
  label: string
  metric: Metric
  stat: string
  /** What is counted is shown per second. */
  isRate?: boolean
}

export interface Panel {
  id: string
  title: string
  unit: string
  view: View
  /** The axis goes up to here at least. */
  reach?: number
  lines: PanelLine[]
}

/** More lines than this are no picture any more. */
const LINES_MAX = 6

const byText = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true })

/** Metrics of one host, by name. */
export class HostMetrics {
  private readonly byName = new Map<string, Metric[]>()

  constructor(metrics: Metric[]) {
    for (const metric of metrics) {
      const known = this.byName.get(metric.name)
      if (known) known.push(metric)
      else this.byName.set(metric.name, [metric])
    }
  }

  /** Those of a name, in the order of a dimension's values; of several with one value the first. */
  each(name: string, by: string, leaveOut: RegExp = /^$/): [value: string, metric: Metric][] {
    const found = new Map<string, Metric>()
    for (const metric of this.byName.get(name) ?? []) {
      const value = dimension(metric, by)
      if (value !== undefined && !leaveOut.test(value) && !found.has(value)) found.set(value, metric)
    }
    return [...found].sort(([a], [b]) => byText(a, b))
  }

  /** The one of a name that has a dimension of that value, or the only one. */
  one(name: string, by?: string, value?: string): Metric | undefined {
    const all = this.byName.get(name) ?? []
    if (by === undefined) return all[0]
    return all.find((metric) => dimension(metric, by) === value) ?? (all.length === 1 ? all[0] : undefined)
  }
}

/** Loops, and file systems that are views of others. */
const NO_DISK = /^(loop|ram|sr)\d/
const NO_INTERFACE = /^(lo|veth|cali|docker\d|br-)/

function named(host: HostMetrics, names: [name: string, label: string][], more: Partial<PanelLine> = {}): PanelLine[] {
  const lines: PanelLine[] = []
  for (const [name, label] of names) {
    const metric = host.one(name)
    if (metric) lines.push({ label, metric, stat: 'Average', ...more })
  }
  return lines
}

function cpu(host: HostMetrics): PanelLine[] {
  const parts: [string, string][] = [
    ['cpu_usage_user', 'user'],
    ['cpu_usage_system', 'system'],
    ['cpu_usage_iowait', 'iowait'],
    ['cpu_usage_steal', 'steal'],
  ]
  const lines: PanelLine[] = []
  for (const [name, label] of parts) {
    const metric = host.one(name, 'cpu', 'cpu-total')
    if (metric) lines.push({ label, metric, stat: 'Average' })
  }
  const active = host.one('cpu_usage_active', 'cpu', 'cpu-total')
  if (lines.length === 0 && active) lines.push({ label: 'active', metric: active, stat: 'Average' })
  return lines
}

/** Two directions of each device. */
function traffic(host: HostMetrics, by: string, leaveOut: RegExp, names: [name: string, label: string][]): PanelLine[] {
  const lines: PanelLine[] = []
  const devices = host.each(names[0]?.[0] ?? '', by, leaveOut).slice(0, LINES_MAX / names.length)
  for (const [device] of devices) {
    for (const [name, label] of names) {
      const metric = host.one(name, by, device)
      if (metric) lines.push({ label: devices.length > 1 ? `${device} ${label}` : label, metric, stat: 'Sum', isRate: true })
    }
  }
  return lines
}

/** The panels of a host, also those of which nothing is known yet. */
export function panelsOf(metrics: Metric[]): Panel[] {
  const host = new HostMetrics(metrics)
  const disks = host.each('disk_used_percent', 'path').slice(0, LINES_MAX)
  return [
    { id: 'cpu', title: 'CPU', unit: 'Percent', view: 'stacked', reach: 100, lines: cpu(host) },
    {
      id: 'memory',
      title: 'Memory',
      unit: 'Percent',
      view: 'line',
      reach: 100,
      lines: named(host, [
        ['mem_used_percent', 'used'],
        ['swap_used_percent', 'swap'],
      ]),
    },
    {
      id: 'disk',
      title: 'Disk space',
      unit: 'Percent',
      view: 'line',
      reach: 100,
      lines: disks.map(([path, metric]) => ({ label: path, metric, stat: 'Average' })),
    },
    {
      id: 'net',
      title: 'Network',
      unit: 'Bytes/Second',
      view: 'line',
      lines: traffic(host, 'interface', NO_INTERFACE, [
        ['net_bytes_recv', 'received'],
        ['net_bytes_sent', 'sent'],
      ]),
    },
    {
      id: 'cores',
      title: 'CPU by core',
      unit: 'Percent',
      view: 'line',
      reach: 100,
      lines: host
        .each('cpu_usage_active', 'cpu', /^cpu-total$/)
        .slice(0, 16)
        .map(([core, metric]) => ({ label: core, metric, stat: 'Average' })),
    },
    {
      id: 'processes',
      title: 'Processes',
      unit: '',
      view: 'line',
      lines: named(host, [
        ['processes_running', 'running'],
        ['processes_blocked', 'blocked'],
        ['processes_zombies', 'zombies'],
      ]),
    },
    {
      id: 'diskio',
      title: 'Disk traffic',
      unit: 'Bytes/Second',
      view: 'line',
      lines: traffic(host, 'name', NO_DISK, [
        ['diskio_read_bytes', 'read'],
        ['diskio_write_bytes', 'written'],
      ]),
    },
    {
      id: 'connections',
      title: 'Connections',
      unit: '',
      view: 'line',
      lines: named(host, [
        ['netstat_tcp_established', 'established'],
        ['netstat_tcp_time_wait', 'time wait'],
        ['netstat_tcp_listen', 'listening'],
      ]),
    },
  ]
}
