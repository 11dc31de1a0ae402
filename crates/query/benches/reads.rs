//! What does `GetMetricData` cost behind its door: one metric, one host, many series, searches and
//! statements?
//!
//! Data of CloudWatch, a sample each minute, on the real disk without syncs, settled into parts and
//! rolled up:
//! one host with 25 metrics for 456 days; 4,000 hosts with ten metrics for 12 h; with `million`
//! among the arguments 1,000,000 series (50,000 pods with 20 metrics) with five samples each in the
//! head. Each question is asked with other parameters each time, files' pages warm; the figure is
//! the median of the runs, and the cost of a point read.
//!
//! Estimate it was designed by: 4 ns a point decoded and folded, 1 us a series looked up in the
//! index and its key made; so 12 h of 40,000 series (29 M points) take 150 ms on one core.
//!
//! `cargo bench -p query --bench reads -- [days] [million]`

use eval::Statistic;
use metric_store::{FileStore, MetricStore, ReadBudget, StoreOptions};
use model::{Kind, SeriesKey, TenantId, TimeRange, Unit};
use query::metric_data::{DataAnswer, DataQuery, DataQuestion, DataSource, MetricData, Plan};
use query::{LocalRunner, MetricId, Runner};
use std::sync::Arc;
use stdx::{RealDisk, Rng, Stopwatch};
use storage::{FileJournalOptions, SyncMode};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// The present moment: the end of all data.
const NOW_MS: i64 = 1_760_054_400_000;
const TENANT: TenantId = TenantId(1);
const RUNS: usize = 9;

const HOST_METRICS: usize = 25;
const FLEET_HOSTS: usize = 4_000;
const FLEET_METRICS: usize = 10;
const PODS: usize = 50_000;
const POD_METRICS: usize = 20;

fn key(namespace: &str, name: String, labels: &[(&str, String)]) -> SeriesKey {
    SeriesKey {
        tenant: TENANT,
        namespace: namespace.to_owned(),
        name,
        unit: Unit::Percent,
        labels: labels.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect(),
    }
}

fn host_key(metric: usize) -> SeriesKey {
    key("Bench/Host", format!("metric_{metric}"), &[("host", "one".to_owned())])
}

fn fleet_key(host: usize, metric: usize) -> SeriesKey {
    let labels = [("az", format!("az-{}", host % 3)), ("host", format!("host-{host}"))];
    key("Bench/Fleet", format!("usage_{metric}"), &labels)
}

fn pod_key(pod: usize, metric: usize) -> SeriesKey {
    let labels = [
        ("Namespace", format!("team-{}", pod % 100)),
        ("Node", format!("node-{}", pod % 500)),
        ("Pod", format!("pod-{pod:05}")),
    ];
    key("Bench/Pods", format!("pod_metric_{metric}"), &labels)
}

/// Writes a sample of each series at each minute from `start_ms` on; whole numbers that wander.
fn write(store: &MetricStore, keys: &[SeriesKey], start_ms: i64, minutes: i64, rng: &mut Rng) {
    for keys in keys.chunks(100_000 / minutes.clamp(1, 100_000) as usize + 1) {
        let mut batch = store.batch();
        for key in keys {
            let number = batch.register(None, key, Kind::Delta).expect("there is room");
            let mut value = rng.below(100) as i64;
            for minute in 0..minutes {
                value = (value + rng.below(3) as i64 - 1).clamp(0, 100);
                batch.single(number, start_ms + minute * MINUTE_MS, value as f64);
            }
        }
        store.write(batch).expect("is kept");
    }
}

fn fill(store: &MetricStore, days: i64, million: bool) {
    let rng = &mut Rng::from_seed(11);
    let host: Vec<SeriesKey> = (0..HOST_METRICS).map(host_key).collect();
    for day in (0..days).rev() {
        write(store, &host, NOW_MS - (day + 1) * DAY_MS, 1_440, rng);
        if day % 30 == 0 {
            store.flush().expect("is written");
        }
    }
    let fleet: Vec<SeriesKey> = (0..FLEET_HOSTS * FLEET_METRICS)
        .map(|n| fleet_key(n / FLEET_METRICS, n % FLEET_METRICS))
        .collect();
    for hours in (0..6).rev() {
        write(store, &fleet, NOW_MS - (hours + 1) * 2 * HOUR_MS, 120, rng);
        store.flush().expect("is written");
    }
    store.settle(NOW_MS).expect("is merged");
    store.roll_up(NOW_MS + 2 * HOUR_MS).expect("is rolled up");
    if million {
        let pods: Vec<SeriesKey> =
            (0..PODS * POD_METRICS).map(|n| pod_key(n / POD_METRICS, n % POD_METRICS)).collect();
        write(store, &pods, NOW_MS - 5 * MINUTE_MS, 5, rng);
    }
}

fn metric(id: usize, of: SeriesKey, stat: &str, period_s: u32) -> DataQuery {
    let statistic: Statistic = stat.parse().expect("a statistic");
    let metric = MetricId { namespace: of.namespace, name: of.name, dimensions: of.labels };
    let stat = stat.to_owned();
    let data = MetricData { metric, unit: None, statistic, stat, period_s };
    DataQuery { id: format!("m{id}"), source: DataSource::Metric(data), is_returned: true }
}

fn math(text: String) -> Vec<DataQuery> {
    let source = DataSource::Math { text, period_s: None };
    vec![DataQuery { id: "e".to_owned(), source, is_returned: true }]
}

fn sql(text: String, period_s: u32) -> Vec<DataQuery> {
    let source = DataSource::Insights { text, period_s: Some(period_s) };
    vec![DataQuery { id: "q".to_owned(), source, is_returned: true }]
}

struct Bench {
    runner: LocalRunner,
    stored_points: fn(i64) -> f64,
}

impl Bench {
    fn ask(&self, queries: Vec<DataQuery>, back_ms: i64) -> DataAnswer {
        let plan = Plan::new(queries).expect("is sound");
        let question = DataQuestion {
            plan: &plan,
            account: "000000000000",
            range: TimeRange { start_ms: NOW_MS - back_ms, end_ms: NOW_MS },
            bounds: None,
            now_ms: NOW_MS,
            first: 0,
            is_resumed: false,
            points_max: usize::MAX,
            is_capped: false,
        };
        self.runner.data(TENANT, &question, &ReadBudget::default()).expect("is answered")
    }

    /// Asks several times, of another metric each, and shows the median.
    fn time(
        &self,
        what: &str,
        series: usize,
        back_ms: i64,
        queries: impl Fn(usize) -> Vec<DataQuery>,
    ) {
        let mut times = Vec::with_capacity(RUNS);
        let mut shown = 0;
        for run in 0..RUNS {
            let queries = queries(run);
            let watch = Stopwatch::start();
            let answer = self.ask(queries, back_ms);
            times.push(watch.elapsed().as_secs_f64() * 1_000.0);
            let lines = answer.lines.iter().flatten().flatten();
            shown = lines.map(|line| line.points.len()).sum::<usize>();
        }
        times.sort_by(f64::total_cmp);
        let median = times[RUNS / 2];
        let read = series as f64 * (self.stored_points)(back_ms);
        println!(
            "| {what} | {median:.2} | {:.2} | {read:.0} | {shown} | {:.1} |",
            times[0],
            median * 1e6 / read.max(1.0)
        );
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let days = args.iter().find_map(|arg| arg.parse().ok()).unwrap_or(456);
    let million = args.iter().any(|arg| arg == "million");
    let dir = std::env::temp_dir().join(format!("sightline-reads-{}", std::process::id()));
    let journal = FileJournalOptions { sync: SyncMode::Os, ..FileJournalOptions::default() };
    let options = StoreOptions { retention_ms: 1_000 * DAY_MS, ..StoreOptions::default() };
    let store = FileStore::open(Arc::new(RealDisk), &dir, journal, options).expect("opens");
    let store = Arc::new(store);
    let watch = Stopwatch::start();
    fill(&store, days, million);
    println!("filled in {:.1} s\n", watch.elapsed().as_secs_f64());
    println!(
        "| question | median ms | least ms | points stored in its range | points shown | ns a stored point |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    let bench = Bench {
        runner: LocalRunner::new(store.clone()),
        stored_points: |back_ms| (back_ms / MINUTE_MS) as f64,
    };
    for (what, hours, period_s) in
        [("1 h", 1, 60), ("12 h", 12, 60), ("15 d", 15 * 24, 300), ("15 months", 455 * 24, 3_600)]
    {
        let hours = hours.min(days * 24);
        let back_ms = hours * HOUR_MS;
        bench.time(&format!("one metric, {what} at {period_s} s"), 1, back_ms, |run| {
            vec![metric(0, host_key(run), "Average", period_s)]
        });
        bench.time(&format!("one host, {what} at {period_s} s"), HOST_METRICS, back_ms, |run| {
            let stat = ["Average", "Maximum"][run % 2];
            (0..HOST_METRICS).map(|n| metric(n, host_key(n), stat, period_s)).collect()
        });
    }
    bench.time("one metric, a year at 3600 s", 1, 365.min(days) * DAY_MS, |run| {
        vec![metric(0, host_key(run), "Average", 3_600)]
    });
    for hours in [1, 12] {
        let back_ms = hours * HOUR_MS;
        let search = |text: &str, run: usize| {
            math(format!("SEARCH('{text} MetricName=\"usage_{}\"', 'Average', 60)", run % 10))
        };
        bench.time(&format!("1,333 series by SEARCH, {hours} h"), 1_333, back_ms, |run| {
            search("{Bench/Fleet,az,host} az=\"az-1\"", run)
        });
        bench.time(&format!("40,000 series by SEARCH, {hours} h"), 40_000, back_ms, |run| {
            let stat = ["Average", "Maximum", "Sum"][run % 3];
            math(format!("SUM(SEARCH('{{Bench/Fleet,az,host}}', '{stat}', 60))"))
        });
        bench.time(&format!("4,000 series by SQL, 3 groups, {hours} h"), 4_000, back_ms, |run| {
            let name = run % 10;
            sql(format!("SELECT AVG(usage_{name}) FROM \"Bench/Fleet\" GROUP BY az"), 60)
        });
    }
    if million {
        let back_ms = 5 * MINUTE_MS;
        bench.time("SEARCH, one pod's 20 of 1 M", 20, back_ms, |run| {
            math(format!(
                "SEARCH('{{Bench/Pods,Namespace,Node,Pod}} Pod=\"pod-{run:05}\"', 'Sum', 60)"
            ))
        });
        bench.time("SEARCH by a partial term, 20 of 1 M", 20, back_ms, |run| {
            math(format!("SEARCH('\"pod-{run:05}\"', 'Sum', 60)"))
        });
        bench.time("SQL, one namespace's 500 of 1 M", 500, back_ms, |run| {
            let text = format!(
                "SELECT SUM(pod_metric_{run}) FROM \"Bench/Pods\" WHERE Namespace = 'team-{run}'"
            );
            sql(text, 60)
        });
        bench.time("SQL, 50,000 of 1 M in 100 groups", 50_000, back_ms, |run| {
            sql(format!("SELECT AVG(pod_metric_{run}) FROM \"Bench/Pods\" GROUP BY Namespace"), 60)
        });
    }
    drop(bench);
    drop(store);
    std::fs::remove_dir_all(&dir).expect("the directory was made here");
}
