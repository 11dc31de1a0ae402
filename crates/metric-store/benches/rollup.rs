//! What does a year of one-minute data of one metric cost to read at a period of one hour, raw and from
//! roll-ups; what do roll-ups cost to write, and how many bytes do they take?
//!
//! CloudWatch data, one sample a minute: a third of the metrics are percents with two decimals, a third
//! counts, a third wander as memory does. The store is on the real disk without syncs; pages are warm.
//! Days are written and rolled up one by one, as they come. Estimate it was designed by: 16 parts of
//! 100 us for a look-up, 8,760 hours of 20 ns for five columns: 2 ms; with distributions 525,600 values
//! of 10 ns more.
//!
//! `cargo bench -p metric-store --bench rollup -- [days [metrics]]`

use metric_store::{
    Detail, FileStore, Grid, MetricKey, MetricStore, ReadBudget, StoreOptions, Tier,
};
use model::{Kind, SeriesKey, TenantId, TimeRange, Unit};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use stdx::{RealDisk, Rng, Stopwatch};
use storage::{FileJournalOptions, SyncMode};

const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;
const FIRST_DAY: i64 = 20_000;
const RUNS: usize = 15;

fn key(metric: usize) -> SeriesKey {
    SeriesKey {
        tenant: TenantId(1),
        namespace: "Shop".into(),
        name: format!("metric_{}", metric % 20),
        unit: Unit::None,
        labels: vec![("InstanceId".into(), format!("i-{:017x}", metric / 20))],
    }
}

fn write_day(store: &MetricStore, day: i64, metrics: usize, rng: &mut Rng, wander: &mut [f64]) {
    for hour in 0..24 {
        let mut batch = store.batch();
        for (metric, at_rest) in wander.iter_mut().enumerate() {
            let series = batch.register(None, &key(metric), Kind::Delta).expect("room");
            for minute in 0..60 {
                let value = match metric % 3 {
                    0 => rng.below(10_000) as f64 / 100.0,
                    1 => rng.below(200) as f64,
                    _ => {
                        *at_rest += rng.below(2_049) as f64 - 1_024.0;
                        *at_rest * 4_096.0
                    }
                };
                batch.single(series, day * DAY_MS + hour * HOUR_MS + minute * 60_000, value);
            }
        }
        assert_eq!(batch.len(), metrics * 60);
        store.write(batch).expect("kept");
    }
    store.flush().expect("flushed");
    store.settle((day + 1) * DAY_MS + 2 * HOUR_MS).expect("settled");
}

/// Returns the median time of a read in milliseconds, and how many periods it gave.
fn read(store: &MetricStore, metrics: usize, days: i64, detail: Detail) -> (f64, usize) {
    let range = TimeRange { start_ms: FIRST_DAY * DAY_MS, end_ms: (FIRST_DAY + days) * DAY_MS };
    let grid = Grid { period_ms: HOUR_MS, range, detail };
    let mut periods = 0;
    let mut times: Vec<f64> = (0..RUNS)
        .map(|run| {
            let key = key(run * 7 % metrics);
            let budget = ReadBudget::default();
            let watch = Stopwatch::start();
            let found = store.find_on(MetricKey::from(&key), &grid, &budget).expect("found");
            periods = found[0].periods(&budget).expect("periods").len();
            watch.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    (times[RUNS / 2], periods)
}

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|a| a.parse::<usize>().ok());
    let days = numbers.next().unwrap_or(365) as i64;
    let metrics = numbers.next().unwrap_or(60);
    let dir = std::env::temp_dir().join(format!("sightline-rollup-{}", std::process::id()));
    let journal = FileJournalOptions { sync: SyncMode::Os, ..FileJournalOptions::default() };
    let options = StoreOptions { retention_ms: i64::MAX, ..StoreOptions::default() };
    let store = FileStore::open(Arc::new(RealDisk), &dir, journal, options).expect("opens");
    let mut rng = Rng::from_seed(1);
    let mut wander = vec![1e6; metrics];
    for day in FIRST_DAY..FIRST_DAY + days {
        write_day(&store, day, metrics, &mut rng, &mut wander);
    }
    let points = days as u64 * 1_440 * metrics as u64;
    println!("{days} days, {metrics} metrics, {:.1} M points", points as f64 / 1e6);
    let raw = [Detail::Statistics, Detail::Distribution].map(|d| read(&store, metrics, days, d));

    let mut spent = 0.0;
    for day in FIRST_DAY..FIRST_DAY + days {
        let watch = Stopwatch::start();
        store.roll_up((day + 1) * DAY_MS + 2 * HOUR_MS).expect("rolled up");
        spent += watch.elapsed().as_secs_f64();
    }
    let written = store.counters().rolled_points.load(Ordering::Relaxed);
    println!(
        "rolling up {:.2} s per million points, {written} roll-ups written",
        spent / points as f64 * 1e6
    );
    let status = store.status();
    let of_raw = status.parts_bytes as f64 / points as f64;
    println!("raw {of_raw:.2} B a point, {} parts", status.parts);
    for (tier, status) in Tier::ALL.into_iter().zip(status.tiers) {
        println!(
            "{tier} {:.1} B a roll-up, {:.2} B a raw point, {} parts",
            status.bytes as f64 / status.points as f64,
            status.bytes as f64 / points as f64,
            status.parts
        );
    }
    for (n, detail) in [Detail::Statistics, Detail::Distribution].into_iter().enumerate() {
        let (rolled, periods) = read(&store, metrics, days, detail);
        assert_eq!(periods, raw[n].1);
        println!("{periods} hours, {detail:?}: raw {:.1} ms, roll-ups {rolled:.2} ms", raw[n].0);
    }
    drop(store);
    std::fs::remove_dir_all(&dir).expect("removed");
}
