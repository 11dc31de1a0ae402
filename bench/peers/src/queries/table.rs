//! The queries: what is asked, in which words, what must be reached, and where servers may differ.
//!
//! They are the queries of the Time Series Benchmark Suite's `devops` set with its names (the first
//! number says how many metrics, the second how many hosts, the third how many hours), as far as
//! PromQL can say them, and what a Grafana dashboard and its drop-down lists ask besides.
//!
//! In a text stand for others in each run: `$host` a host and `$hosts` eight hosts as a regular
//! expression, `$service` a service, `$pod` a pod. `$metric` stands for a gauge of the hosts; where
//! `metrics` says several, as many requests are sent at once, as a dashboard does: PromQL drops
//! names in functions over ranges, so one expression cannot ask for several.
//! `$window` is an hour, `$all` longer than the data. Short loads have shorter hours (see `plan`).

use super::plan::Over;

/// One query.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) name: &'static str,
    /// The question in words.
    pub(crate) asks: &'static str,
    pub(crate) load: Load,
    pub(crate) call: Call,
    /// PromQL, or a selector for the look-ups.
    pub(crate) text: &'static str,
    /// So many requests at once, each for another metric.
    pub(crate) metrics: usize,
    /// Time when cold, as multiples of the best peer's: what ours must reach, what we would like.
    pub(crate) cold: (f64, f64),
    /// Where a server's right answer is not Prometheus' one.
    pub(crate) known: Option<Known>,
    /// The server is started anew before it, and its memory is told afterwards.
    pub(crate) alone: bool,
}

/// What the servers hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// 44,000 series, six hours (`samples`).
    Hosts,
    /// A million series and 300,000 that were replaced, 75 seconds (`pods`).
    Pods,
}

/// How it is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Call {
    /// `/api/v1/query`
    Instant,
    /// `/api/v1/query_range` over so much time at so many seconds; 0 is the window's length.
    Range(Over, i64),
    /// `/api/v1/label/<name>/values`, of all series or of those that a selector finds.
    Values(&'static str),
    /// `/api/v1/series`
    Series,
}

/// A difference that is no mistake.
#[derive(Debug)]
pub(crate) struct Known {
    /// Servers whose names begin so; nothing is all of them.
    pub(crate) servers: &'static str,
    pub(crate) how: How,
    pub(crate) why: &'static str,
}

/// What is still compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum How {
    /// Values may differ by this share.
    Within(f64),
    /// The values at each time, whichever series has them.
    Values,
}

/// What each query must reach when nothing else is said.
const USUAL: (f64, f64) = (1.0, 0.3);
/// What wide windows must reach.
const WIDE: (f64, f64) = (0.5, 0.25);
/// What a look at very many series must reach.
const MANY: (f64, f64) = (0.2, 0.05);

const TIES: Known = Known {
    servers: "",
    how: How::Values,
    why: "several series have the value that is the last to be shown; each server shows another of them",
};

const RATES: Known = Known {
    servers: "vm",
    how: How::Within(1e-3),
    why: "VictoriaMetrics divides the increase since the last sample before the window by the time \
          since then; Prometheus extrapolates the increase inside the window to its ends",
};

/// The table.
pub(crate) static QUERIES: &[Query] = &[
    // Dashboards of a few hosts.
    hosts(
        "single-groupby-1-1-1",
        "largest value of a metric of one host, each minute of an hour",
        Call::Range(Over::Hour, 60),
        r#"max(max_over_time($metric{hostname="$host"}[1m]))"#,
    ),
    hosts(
        "single-groupby-1-8-1",
        "the same of eight hosts",
        Call::Range(Over::Hour, 60),
        r#"max by (hostname) (max_over_time($metric{hostname=~"$hosts"}[1m]))"#,
    ),
    hosts(
        "single-groupby-5-8-12",
        "five metrics of eight hosts, each minute of all the time",
        Call::Range(Over::Long, 60),
        r#"max by (hostname) (max_over_time($metric{hostname=~"$hosts"}[1m]))"#,
    )
    .of_metrics(5),
    hosts(
        "cpu-max-all-8",
        "largest value of ten metrics of eight hosts, each hour",
        Call::Range(Over::Windows, 0),
        r#"max(max_over_time($metric{hostname=~"$hosts"}[$window]))"#,
    )
    .of_metrics(10),
    hosts(
        "high-cpu-1",
        "every sample of one host above a threshold",
        Call::Range(Over::Long, 10),
        r#"$metric{hostname="$host"} > 90"#,
    ),
    // Dashboards of all hosts.
    hosts(
        "double-groupby-1",
        "mean of a metric by host, each hour",
        Call::Range(Over::Windows, 0),
        "avg by (hostname) (avg_over_time($metric[$window]))",
    )
    .cold(WIDE),
    hosts(
        "double-groupby-5",
        "means of five metrics by host, each hour",
        Call::Range(Over::Windows, 0),
        "avg by (hostname) (avg_over_time($metric[$window]))",
    )
    .of_metrics(5)
    .cold(WIDE),
    hosts(
        "high-cpu-all-count",
        "how many hosts are above a threshold, each minute of all the time",
        Call::Range(Over::Long, 60),
        "count($metric > 90)",
    ),
    hosts(
        "topk-10-avg-by-host-1h",
        "the ten hosts with the largest mean over five minutes, each minute of an hour",
        Call::Range(Over::Hour, 60),
        "topk(10, avg by (hostname) (avg_over_time($metric[5m])))",
    )
    .known(TIES),
    hosts(
        "sum-rate-all-by-region-1h",
        "bytes a second by region, each minute of an hour",
        Call::Range(Over::Hour, 60),
        "sum by (region) (rate(net_bytes_recv[5m]))",
    )
    .known(RATES),
    hosts(
        "sum-rate-all-by-region-6h",
        "the same, each five minutes of all the time",
        Call::Range(Over::Long, 300),
        "sum by (region) (rate(net_bytes_recv[5m]))",
    )
    .known(RATES)
    .cold(WIDE),
    hosts(
        "quantile-by-service-1h",
        "95th percentile of a metric over the hosts of each service, each minute of an hour",
        Call::Range(Over::Hour, 60),
        "quantile by (service) (0.95, $metric)",
    ),
    hosts(
        "count-samples-1-metric",
        "how many samples a metric has",
        Call::Instant,
        "sum(count_over_time($metric[$all]))",
    ),
    // The newest values.
    hosts("lastpoint-1", "last value of a metric of all hosts", Call::Instant, "$metric"),
    hosts(
        "lastpoint-all",
        "last values of ten metrics of all hosts",
        Call::Instant,
        r#"{__name__=~"cpu_usage_.+"}"#,
    )
    .cold(MANY),
    hosts(
        "topk-10-all-fields-instant",
        "the ten largest last values of any metric of any host",
        Call::Instant,
        r#"topk(10, {__name__=~"cpu_usage_.+"})"#,
    )
    .known(TIES),
    // Drop-down lists.
    hosts("label-values-hostname", "names of all hosts", Call::Values("hostname"), ""),
    hosts(
        "label-values-matched",
        "names of the hosts of a service that have a metric",
        Call::Values("hostname"),
        r#"$metric{service="$service"}"#,
    ),
    hosts("series-of-a-host", "all series of a host", Call::Series, r#"{hostname="$host"}"#),
    // Very many series.
    pods(
        "hc-count-one-name",
        "how many series a metric has",
        Call::Instant,
        "count(container_threads)",
    ),
    pods(
        "hc-sum-by-namespace-one-name",
        "sum of a metric by namespace",
        Call::Instant,
        "sum by (namespace) (container_memory_working_set_bytes)",
    ),
    pods("hc-one-pod-all-names", "all metrics of a pod", Call::Instant, r#"{pod="$pod"}"#),
    pods("hc-label-values-pod", "names of all pods", Call::Values("pod"), ""),
    pods(
        "hc-count-everything",
        "how many series there are",
        Call::Instant,
        r#"count({__name__=~"container_.+"})"#,
    )
    .cold(MANY)
    .alone(),
];

const fn hosts(name: &'static str, asks: &'static str, call: Call, text: &'static str) -> Query {
    let load = Load::Hosts;
    Query { name, asks, load, call, text, metrics: 1, cold: USUAL, known: None, alone: false }
}

const fn pods(name: &'static str, asks: &'static str, call: Call, text: &'static str) -> Query {
    let load = Load::Pods;
    Query { name, asks, load, call, text, metrics: 1, cold: USUAL, known: None, alone: false }
}

impl Query {
    const fn of_metrics(mut self, metrics: usize) -> Self {
        self.metrics = metrics;
        self
    }

    const fn cold(mut self, cold: (f64, f64)) -> Self {
        self.cold = cold;
        self
    }

    const fn known(mut self, known: Known) -> Self {
        self.known = Some(known);
        self
    }

    const fn alone(mut self) -> Self {
        self.alone = true;
        self
    }
}
