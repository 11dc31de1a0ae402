// Data that looks like a day at work: for pictures and measurements, always the same but for the time.
import { datum, put } from './data.mjs'

/** Numbers that look random and are not: mulberry32. */
export function random(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value))

/** A value that wanders around a centre. */
function wandering(next, centre, spread, pull = 0.06) {
  let value = centre
  return (around = centre) => {
    value += (around - value) * pull + (next() - 0.5) * spread
    return value
  }
}

/** One host's reports, each `stepMs`: an agent's metrics, with a deployment and a nightly job in them. */
export function hostData(host, from, to, stepMs, seed) {
  const next = random(seed)
  const data = []
  const cores = [0, 1, 2, 3]
  const user = wandering(next, 24, 7)
  const system = wandering(next, 6, 2)
  const memory = wandering(next, 58, 0.5, 0.01)
  const received = wandering(next, 2.4e6, 5e5)
  const reads = wandering(next, 4e5, 3e5)
  const writes = wandering(next, 1.6e6, 6e5)
  const connections = wandering(next, 180, 14)
  let disk = 61.2
  for (let at = from; at <= to; at += stepMs) {
    const minute = (to - at) / 60_000
    const busy = minute > 16 && minute < 24 ? 1 : 0
    const job = minute > 38 && minute < 43 ? 1 : 0
    const u = clamp(user(24 + busy * 42), 1, 92)
    const s = clamp(system(6 + busy * 6), 0.5, 20)
    const w = clamp(job * 14 * next() + next(), 0, 30)
    const percent = (name, value, dimensions) => data.push(datum(name, value, at, { host, ...dimensions }, { Unit: 'Percent', StorageResolution: stepMs < 60_000 ? 1 : 60 }))
    const other = (name, value, unit, dimensions = {}) => data.push(datum(name, value, at, { host, ...dimensions }, { Unit: unit, StorageResolution: stepMs < 60_000 ? 1 : 60 }))
    percent('cpu_usage_user', u, { cpu: 'cpu-total' })
    percent('cpu_usage_system', s, { cpu: 'cpu-total' })
    percent('cpu_usage_iowait', w, { cpu: 'cpu-total' })
    percent('cpu_usage_steal', 0.2 * next(), { cpu: 'cpu-total' })
    percent('cpu_usage_active', u + s + w, { cpu: 'cpu-total' })
    for (const core of cores) percent('cpu_usage_active', clamp((u + s) * (0.7 + 0.2 * core) + 8 * (next() - 0.5), 0.5, 100), { cpu: `cpu${core}` })
    percent('mem_used_percent', clamp(memory(58 + busy * 9), 5, 96), {})
    percent('swap_used_percent', 3.1, {})
    disk = minute < 38 && minute > 37.5 ? 57.4 : disk + 0.006
    percent('disk_used_percent', disk, { path: '/', device: 'nvme0n1p2', fstype: 'ext4' })
    percent('disk_used_percent', 83.6 + 0.002 * (60 - minute), { path: '/var/lib/postgres', device: 'nvme1n1', fstype: 'xfs' })
    percent('disk_used_percent', 34, { path: '/boot', device: 'nvme0n1p1', fstype: 'vfat' })
    const seconds = stepMs / 1000
    const traffic = clamp(received(2.4e6 + busy * 3.5e6), 1e5, 2e7)
    other('net_bytes_recv', traffic * seconds, 'Bytes', { interface: 'eth0' })
    other('net_bytes_sent', (traffic * 0.62 + 2e5 * next()) * seconds, 'Bytes', { interface: 'eth0' })
    other('diskio_read_bytes', clamp(reads(4e5 + job * 2.2e7), 0, 6e7) * seconds, 'Bytes', { name: 'nvme0n1' })
    other('diskio_write_bytes', clamp(writes(1.6e6 + busy * 2e6), 0, 4e7) * seconds, 'Bytes', { name: 'nvme0n1' })
    other('processes_running', Math.round(clamp(2 + busy * 5 + 2 * next(), 0, 20)), 'Count')
    other('processes_blocked', Math.round(job * 3 * next()), 'Count')
    other('processes_zombies', 0, 'Count')
    other('netstat_tcp_established', Math.round(clamp(connections(180 + busy * 160), 5, 900)), 'Count')
    other('netstat_tcp_time_wait', Math.round(clamp(60 + busy * 80 + 20 * next(), 0, 400)), 'Count')
    other('netstat_tcp_listen', 11, 'Count')
  }
  return data
}

/** A shop: orders, errors and latencies of three regions, each minute. */
export function shopData(from, to, seed) {
  const next = random(seed)
  const data = []
  const regions = [['eu', 120], ['us', 86], ['ap', 47]].map(([region, level]) => ({ region, level, orders: wandering(next, level, level * 0.16), latency: wandering(next, 0.21, 0.03) }))
  for (let at = from; at <= to; at += 60_000) {
    const minute = (to - at) / 60_000
    for (const { region, level, orders, latency } of regions) {
      const trouble = region === 'us' && minute > 34 && minute < 52 ? 1 : 0
      const count = Math.round(clamp(orders(level * (1 - 0.45 * trouble)), 0, 500))
      const dimensions = { region, service: 'checkout' }
      data.push(datum('Orders', count, at, dimensions, { Unit: 'Count' }))
      data.push(datum('Errors', Math.round(count * (0.02 + 0.12 * trouble + 0.016 * next())), at, dimensions, { Unit: 'Count' }))
      const middle = clamp(latency(0.21 + 0.9 * trouble), 0.05, 3)
      const values = [0.4, 0.7, 1, 1.3, 2.6].map((part) => Number((middle * part).toFixed(3)))
      data.push({ MetricName: 'Latency', Timestamp: at / 1000, Unit: 'Seconds', Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })), Values: values, Counts: [12, 30, 40, 14, 4] })
    }
  }
  return data
}

/** As an SDK sends it: with a signature, which nobody checks while everybody may come in. */
const SIGNED = {
  authorization: 'AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/monitoring/aws4_request, SignedHeaders=host;x-amz-date, Signature=0',
  'x-amz-date': '20260101T000000Z',
}

export async function putSample(server, namespace, data) {
  await put(server, namespace, data, SIGNED)
}
