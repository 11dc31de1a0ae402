// Puts data where the console finds it: through the doors that everybody uses.

/** Calls CloudWatch, as an SDK would. */
export async function cloudwatch(server, operation, input, headers = {}) {
  const answer = await fetch(`${server}/`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `GraniteServiceVersion20100801.${operation}`, ...headers },
    body: JSON.stringify(input),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${operation}: ${answer.status} ${text}`)
  return text ? JSON.parse(text) : {}
}

/** One datum; `at` in milliseconds. */
export function datum(name, value, at, dimensions = {}, more = {}) {
  const list = Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }))
  return { MetricName: name, Value: value, Timestamp: at / 1000, Dimensions: list, ...more }
}

/** Puts any number of data, a thousand at a time. */
export async function put(server, namespace, data, headers = {}) {
  for (let n = 0; n < data.length; n += 1000) {
    await cloudwatch(server, 'PutMetricData', { Namespace: namespace, MetricData: data.slice(n, n + 1000) }, headers)
  }
}

// --- Prometheus remote write, as far as tests need it -----------------------------------------------
// Source: remote write 1.0 specification; Protocol Buffers encoding; snappy block format.

function varint(number) {
  const bytes = []
  let rest = BigInt(number)
  while (rest >= 128n) {
    bytes.push(Number(rest & 127n) | 128)
    rest >>= 7n
  }
  bytes.push(Number(rest))
  return Buffer.from(bytes)
}

const field = (number, bytes) => Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes])
const text = (number, value) => field(number, Buffer.from(value))

function sample(value, at) {
  const double = Buffer.alloc(8)
  double.writeDoubleLE(value)
  return Buffer.concat([varint((1 << 3) | 1), double, varint(2 << 3), varint(at)])
}

/** Snappy without compression: only literals. */
function snappy(bytes) {
  const parts = [varint(bytes.length)]
  for (let n = 0; n < bytes.length; n += 65536) {
    const piece = bytes.subarray(n, n + 65536)
    const length = piece.length - 1
    parts.push(Buffer.from([61 << 2, length & 255, length >> 8]), piece)
  }
  return Buffer.concat(parts)
}

/** Writes series, each with labels and samples `[value, at]`. */
export async function remoteWrite(server, series) {
  const all = series.map(({ labels, samples }) => {
    const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))
    const inner = [...pairs.map(([name, value]) => field(1, Buffer.concat([text(1, name), text(2, value)]))), ...samples.map(([value, at]) => field(2, sample(value, at)))]
    return field(1, Buffer.concat(inner))
  })
  const answer = await fetch(`${server}/api/v1/write`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy', 'x-prometheus-remote-write-version': '0.1.0' },
    body: snappy(Buffer.concat(all)),
  })
  if (!answer.ok) throw new Error(`remote write: ${answer.status} ${await answer.text()}`)
}
