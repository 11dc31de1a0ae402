//! What does a sample cost on its way from a known key to a settled part, and how many bytes is it
//! then?
//!
//! 4,000 hosts with ten gauges (integers that wander by one) and a counter each, every 10 s, 2,000
//! samples a batch, on the real disk without syncs. Estimate it was designed by: look-up 50 ns,
//! frame 30 ns, head 80 ns, flush 30 ns, merge 60 ns; 0.45 B a sample.
//!
//! `cargo bench -p metric-store --bench ingest -- [hours [hosts]]`

use metric_store::{FileStore, StoreOptions};
use model::{Kind, SeriesKey, TenantId, Unit};
use std::sync::Arc;
use stdx::{RealDisk, Rng, Stopwatch};
use storage::{FileJournalOptions, SyncMode};

const METRICS: usize = 11;
const BATCH: usize = 2_000;
const START_MS: i64 = 1_760_054_400_000;

fn key(series: usize) -> SeriesKey {
    let (host, metric) = (series / METRICS, series % METRICS);
    let mut labels: Vec<(String, String)> = vec![
        ("hostname".into(), format!("host_{host}")),
        ("region".into(), format!("eu-west-{}", host % 3)),
        ("datacenter".into(), format!("eu-west-{}{}", host % 3, host % 2)),
        ("rack".into(), (host % 97).to_string()),
        ("os".into(), "Ubuntu16.10".into()),
        ("arch".into(), "x64".into()),
        ("team".into(), ["NYC", "SF", "LON", "CHI"][host % 4].into()),
        ("service".into(), (host % 20).to_string()),
        ("service_version".into(), (host % 2).to_string()),
        ("service_environment".into(), ["production", "staging", "test"][host % 3].into()),
    ];
    labels.sort();
    let name = format!("cpu_usage_{metric}");
    SeriesKey { tenant: TenantId(1), namespace: String::new(), name, unit: Unit::None, labels }
}

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|a| a.parse::<f64>().ok());
    let hours = numbers.next().unwrap_or(2.0);
    let hosts = numbers.next().unwrap_or(4_000.0) as usize;
    let dir = std::env::temp_dir().join(format!("sightline-bench-{}", std::process::id()));
    let journal = FileJournalOptions { sync: SyncMode::Os, ..FileJournalOptions::default() };
    let store =
        FileStore::open(Arc::new(RealDisk), &dir, journal, StoreOptions::default()).expect("opens");
    let series = hosts * METRICS;
    let raw: Vec<Vec<u8>> = (0..series)
        .map(|n| {
            let mut bytes = Vec::new();
            key(n).encode(&mut bytes);
            bytes
        })
        .collect();
    let mut rng = Rng::from_seed(1);
    let mut values = vec![50i64; series];
    let rounds = (hours * 360.0) as i64;
    let (mut build, mut submit, mut commit, mut flush) = (0.0, 0.0, 0.0, 0.0);
    let mut births = 0.0;
    let mut samples = 0u64;
    let seconds = |watch: Stopwatch| watch.elapsed().as_secs_f64();
    for round in 0..rounds {
        let at_ms = START_MS + round * 10_000;
        for (n, value) in values.iter_mut().enumerate() {
            *value = if n % METRICS == 10 {
                *value + rng.below(4096) as i64
            } else {
                let step = (0..4).map(|_| rng.below(2) as i64).sum::<i64>() - 2;
                (*value + step).clamp(0, 100)
            };
        }
        for first in (0..series).step_by(BATCH) {
            let watch = Stopwatch::start();
            let mut batch = store.batch();
            for n in first..(first + BATCH).min(series) {
                let hash = batch.raw_hash(&raw[n]);
                let known = batch.find(hash);
                let number = known
                    .unwrap_or_else(|| batch.register(Some(hash), &key(n), Kind::Float).unwrap());
                batch.float(number, at_ms, values[n] as f64);
            }
            samples += batch.len() as u64;
            let built = seconds(watch);
            if round == 0 {
                births += built;
            } else {
                build += built;
            }
            let watch = Stopwatch::start();
            store.submit(batch, Box::new(|result| result.expect("kept"))).expect("taken");
            submit += seconds(watch);
            let watch = Stopwatch::start();
            store.commit(std::time::Duration::ZERO);
            commit += seconds(watch);
        }
        let watch = Stopwatch::start();
        while store.maintain(at_ms).expect("maintains") != metric_store::Step::Nothing {}
        flush += seconds(watch);
    }
    let journal_bytes = store.status().journal_bytes;
    let watch = Stopwatch::start();
    store.flush().expect("flushes");
    flush += seconds(watch);
    let young = store.status();
    let watch = Stopwatch::start();
    store.settle(START_MS).expect("settles");
    let settle = seconds(watch);
    let settled = store.status();
    let ns = |seconds: f64| seconds * 1e9 / samples as f64;
    println!("samples            {samples} in {} parts before settling", young.parts);
    println!("birth of a series  {:.2} us", births * 1e6 / series as f64);
    println!("look up and batch  {:.0} ns", ns(build));
    println!("submit (frame)     {:.0} ns", ns(submit));
    println!("commit and head    {:.0} ns", ns(commit));
    println!("flush, tier merges {:.0} ns", ns(flush));
    println!("settle             {:.0} ns", ns(settle));
    println!(
        "journal            {:.2} B a sample since the last flush",
        journal_bytes as f64 / (young.head_points.max(1)) as f64
    );
    println!("young parts        {:.3} B", young.parts_bytes as f64 / samples as f64);
    println!(
        "settled parts      {:.3} B in {} parts",
        settled.parts_bytes as f64 / samples as f64,
        settled.parts
    );
    drop(store);
    std::fs::remove_dir_all(&dir).expect("the bench's own directory");
}
