/** A metric as CloudWatch knows it: namespace, name and dimensions. */

export interface Metric {
  namespace: string
  name: string
  /** In the order of their names. */
  dimensions: [name: string, value: string][]
}

/** Tells metrics apart. */
export function metricKey(metric: Metric): string {
  return JSON.stringify([metric.namespace, metric.name, metric.dimensions])
}

export function dimension(metric: Metric, name: string): string | undefined {
  return metric.dimensions.find(([n]) => n === name)?.[1]
}

/** The names of a metric's dimensions, as a heading. */
export function dimensionNames(metric: Metric): string {
  return metric.dimensions.map(([name]) => name).join(', ')
}

/** What a metric is called beside others of its namespace. */
export function metricLabel(metric: Metric): string {
  const values = metric.dimensions.map(([, value]) => value)
  return values.length > 0 ? `${metric.name} ${values.join(' · ')}` : metric.name
}

/**
 * Finds metrics that have every word somewhere: in their namespace, name, or a dimension's name or value.
 * `name=value` wants that dimension.
 */
export function matcher(text: string): (metric: Metric) => boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return () => true
  return (metric) => {
    const { namespace, name, dimensions } = metric
    let all = `${namespace}\n${name}`
    for (const [n, v] of dimensions) all += `\n${n}=${v}`
    all = all.toLowerCase()
    return words.every((word) => all.includes(word))
  }
}
