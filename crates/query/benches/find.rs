//! How long does it take to the first result of a search or a Metrics Insights statement, over a
//! million series?
//!
//! Fifty thousand hosts with twenty metrics each: dimensions `host` (one of its own), `zone` (6),
//! `type` (20) and `app` (500). Then a million hosts with one metric. One point a series, on the real
//! disk without syncs, once in the head and once in a part. Beside each median of seven rounds, with
//! the quickest and the slowest, stands the estimate: walking a value of a label takes 60 ns,
//! showing the labels of a series 100 ns and unpacking a block of 128 keys 10 us, grouping a series
//! 20 ns, finding and copying a chunk 1.5 us.
//!
//! `cargo bench -p query --bench find -- [hosts]`

use metric_store::{Detail, FileStore, Grid, MetricStore, ReadBudget, StoreOptions};
use model::{Kind, SeriesKey, TenantId, TimeRange, Unit};
use query::find::{find_insights, find_search};
use std::sync::Arc;
use stdx::{RealDisk, Stopwatch};
use storage::{FileJournalOptions, SyncMode};

const TENANT: TenantId = TenantId(1);
const ROUNDS: usize = 7;
const BATCH: usize = 1_000;
const AT_MS: i64 = 1_760_054_400_000;

fn key(host: usize, metric: usize) -> SeriesKey {
    let labels = [
        ("app", format!("app-{}", host % 500)),
        ("host", format!("i-{:08x}", host * 2_654_435_761 % (1 << 32))),
        ("type", format!("m{}.large", host % 20)),
        ("zone", format!("eu-west-{}", host % 6)),
    ];
    SeriesKey {
        tenant: TENANT,
        namespace: "Bench/Hosts".into(),
        name: format!("HostMetric{metric}"),
        unit: Unit::Percent,
        labels: labels.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    }
}

fn fill(store: &MetricStore, hosts: usize, metrics: usize) {
    let all: Vec<(usize, usize)> =
        (0..hosts).flat_map(|host| (0..metrics).map(move |metric| (host, metric))).collect();
    for some in all.chunks(BATCH) {
        let mut batch = store.batch();
        for &(host, metric) in some {
            let series = batch.register(None, &key(host, metric), Kind::Delta).expect("room");
            batch.single(series, AT_MS, host as f64);
        }
        store.write(batch).expect("kept");
    }
}

/// Prints the median of some rounds, in milliseconds.
fn report(what: &str, estimate_ms: f64, mut round: impl FnMut() -> (f64, f64, usize)) {
    let mut rounds: Vec<(f64, f64, usize)> = (0..ROUNDS).map(|_| round()).collect();
    rounds.sort_by(|a, b| a.1.total_cmp(&b.1));
    let (found, first, count) = rounds[ROUNDS / 2];
    let (least, most) = (rounds[0].1, rounds[ROUNDS - 1].1);
    println!(
        "  {what}: {count} found after {found:.1} ms, first result after {first:.1} ms \
         ({least:.1} to {most:.1}), estimate {estimate_ms:.1} ms"
    );
}

fn ms(watch: Stopwatch) -> f64 {
    watch.elapsed().as_secs_f64() * 1e3
}

fn search(store: &MetricStore, text: &str, estimate_ms: f64) {
    let search = lang::search::parse(text).expect("a search");
    report(&format!("SEARCH {text}"), estimate_ms, || {
        let watch = Stopwatch::start();
        let budget = ReadBudget::default();
        let range = TimeRange { start_ms: AT_MS, end_ms: AT_MS + 60_000 };
        let grid = Grid { period_ms: 60_000, range, detail: Detail::Statistics };
        let found = find_search(store, TENANT, &search, "000000000000", &grid, &budget);
        let found = found.expect("an answer");
        let after = ms(watch);
        let periods = found.first().map(|series| series.periods(&budget).expect("periods").len());
        assert_eq!(periods, Some(1));
        (after, ms(watch), found.len())
    });
}

fn insights(store: &MetricStore, text: &str, estimate_ms: f64) {
    let query = lang::insights::parse(text).expect("a statement");
    report(text, estimate_ms, || {
        let watch = Stopwatch::start();
        let budget = ReadBudget::default();
        let found = find_insights(store, TENANT, &query, TimeRange::ALL, &budget);
        let found = found.expect("an answer");
        let after = ms(watch);
        let read = found.read(&[0], &budget).expect("an answer");
        let points: usize = read.series.iter().map(|s| s.points().expect("points").len()).sum();
        assert_eq!(points, read.series.len());
        (after, ms(watch), found.groups().len())
    });
}

fn ask(store: &MetricStore, hosts: usize, metrics: usize) {
    // Values of the one label that has many, and series of one metric.
    let values = hosts as f64 * 60e-6;
    let shown = hosts as f64 * 100e-6;
    let grouped = hosts as f64 * 20e-6;
    let chunk = 1.5e-3;
    let host = key(hosts / 3, 0).labels[1].1.clone();
    search(store, &format!("\"{host}\""), 1.0 + metrics as f64 * chunk);
    search(store, &format!("MetricName=\"HostMetric0\" host={host}"), values + chunk);
    search(store, &format!("{host} NOT app-1"), values + metrics as f64 * chunk);
    let of_app = hosts as f64 / 500.0 * chunk;
    let narrow = "{Bench/Hosts,app,host,type,zone} MetricName=\"HostMetric0\" app=\"app-7\"";
    search(store, narrow, 1.0 + of_app);
    let from = "SELECT AVG(HostMetric0) FROM \"Bench/Hosts\"";
    insights(store, &format!("{from} WHERE app = 'app-7' GROUP BY host"), 1.0 + chunk);
    insights(
        store,
        &format!("{from} WHERE type != 'm3.large' GROUP BY app"),
        grouped + hosts as f64 / 500.0 * chunk,
    );
    insights(store, &format!("{from} GROUP BY host"), values.max(shown) + grouped + chunk);
    let schema = "SELECT AVG(HostMetric0) FROM SCHEMA(\"Bench/Hosts\", host, app, type, zone)";
    insights(store, &format!("{schema} GROUP BY app, zone"), shown + grouped * 2.0 + 1.0);
}

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|arg| arg.parse::<usize>().ok());
    let hosts = numbers.next().unwrap_or(50_000);
    for (hosts, metrics) in [(hosts, 20), (hosts * 20, 1)] {
        let dir = std::env::temp_dir().join(format!("sightline-find-{}", std::process::id()));
        let journal = FileJournalOptions { sync: SyncMode::Os, ..FileJournalOptions::default() };
        let store = FileStore::open(Arc::new(RealDisk), &dir, journal, StoreOptions::default());
        let store = store.expect("opens");
        fill(&store, hosts, metrics);
        println!("{hosts} hosts with {metrics} metrics, in the head:");
        ask(&store, hosts, metrics);
        store.flush().expect("flushed");
        println!("{hosts} hosts with {metrics} metrics, in a part:");
        ask(&store, hosts, metrics);
        drop(store);
        std::fs::remove_dir_all(&dir).expect("the directory is ours");
    }
}
