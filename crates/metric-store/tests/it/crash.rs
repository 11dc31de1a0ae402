//! Whatever happens to the disk, the content equals what was acknowledged: neither less nor twice.
//!
//! A run writes batches, flushes, merges, rolls up, deletes and cleans until its disk loses power, fails a sync
//! or fills up; then the store is opened on what survived and compared with a slow and obvious model.
//! Only the batch or deletion that was under way may be in or out, and then as a whole. Each seed
//! survives several misfortunes in a row.
//!
//! `SIGHTLINE_CRASH_SEEDS=100000` runs more of them; a failure prints its seed.

use metric_store::{
    Deletion, Detail, Exemplar, FileStore, Grid, Matcher, MetricStore, Points, ReadBudget,
    StoreOptions, Test,
};
use model::{Bucket, Delta, Histogram, Kind, ResetHint, SeriesKey, TenantId, TimeRange, Unit};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use stdx::{CrashPlan, Rng, SimDisk};
use storage::{FileJournalOptions, SyncMode};

const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;
const NOW: i64 = 100 * DAY;
/// When all days that are written to are over.
const LATER: i64 = NOW + 2 * DAY;

#[derive(Debug, Clone)]
enum Point {
    Float(u8, i64, f64),
    Delta(u8, i64, Delta),
    Histogram(u8, i64, Histogram),
    Exemplar(u8, Exemplar),
}

/// Series by number: floats below this, deltas below the next, then histograms.
const FLOATS: u8 = 6;
const DELTAS: u8 = 12;
const SERIES: u64 = 16;

/// Exemplars that a tenant may have.
const EXEMPLARS_MAX: usize = 5;

/// What orders exemplars of a tenant: time, key, value, label.
type Event = (i64, Vec<u8>, u64, String);

/// Series name and time to value: what the store must hold.
#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    floats: BTreeMap<(u8, i64), u64>,
    deltas: BTreeMap<(u8, i64), Delta>,
    histograms: BTreeMap<(u8, i64), Vec<u8>>,
    /// The newest, by tenant.
    exemplars: [BTreeSet<Event>; 2],
}

fn bytes_of(histogram: &Histogram) -> Vec<u8> {
    let mut bytes = Vec::new();
    histogram.encode(&mut bytes);
    bytes
}

impl Model {
    fn add(&mut self, batch: &[Point]) {
        // A batch keeps its floats in order, then its single deltas, then the others; sums of
        // small integers do not depend on the order.
        for point in batch {
            match point {
                Point::Float(s, t, v) => {
                    self.floats.insert((*s, *t), v.to_bits());
                }
                Point::Delta(s, t, d) => self.deltas.entry((*s, *t)).or_default().add(d),
                Point::Histogram(s, t, h) => {
                    self.histograms.insert((*s, *t), bytes_of(h));
                }
                Point::Exemplar(series, exemplar) => {
                    let of_tenant = &mut self.exemplars[usize::from(series % 2)];
                    of_tenant.insert(event(&key(*series), exemplar));
                    while of_tenant.len() > EXEMPLARS_MAX {
                        of_tenant.pop_first();
                    }
                }
            }
        }
    }

    fn delete(&mut self, what: &Deletion) {
        let meant = |series: u8, at: i64| {
            let key = key(series);
            key.tenant == what.tenant
                && what.range.contains(at)
                && what.matchers.iter().all(|m| {
                    m.matches(match m.label.as_str() {
                        "__name__" => &key.name,
                        "__namespace__" => &key.namespace,
                        label => key.label(label),
                    })
                })
        };
        self.floats.retain(|(series, at), _| !meant(*series, *at));
        self.deltas.retain(|(series, at), _| !meant(*series, *at));
        self.histograms.retain(|(series, at), _| !meant(*series, *at));
        for of_tenant in &mut self.exemplars {
            of_tenant.retain(|(at, bytes, ..)| !meant(series_of(bytes), *at));
        }
    }

    /// Says which points differ: all of them would fill pages.
    fn difference(&self, found: &Self) -> String {
        let points = |model: &Self| -> BTreeSet<String> {
            let floats = model.floats.iter().map(|p| format!("{p:?}"));
            let all = floats.chain(model.deltas.iter().map(|p| format!("{p:?}")));
            let all = all.chain(model.histograms.iter().map(|p| format!("{p:?}")));
            all.chain(model.exemplars.iter().flatten().map(|p| format!("{p:?}"))).collect()
        };
        let (kept, found) = (points(self), points(found));
        let lost: Vec<_> = kept.difference(&found).collect();
        let more: Vec<_> = found.difference(&kept).collect();
        format!("lost {lost:?}, and found {more:?}")
    }

    /// Names of the series that have points.
    fn series(&self) -> BTreeSet<u8> {
        let all = self.floats.keys().chain(self.deltas.keys()).chain(self.histograms.keys());
        all.map(|(series, _)| *series).collect()
    }

    fn of_store(store: &MetricStore) -> Self {
        let mut model = Self::default();
        let limits = &ReadBudget::default();
        let mut listed = BTreeSet::new();
        for tenant in 0..2 {
            let keys = store.keys(TenantId(tenant), &[], TimeRange::ALL, limits).unwrap();
            listed.extend(keys.iter().map(|k| k.name.parse::<u8>().unwrap()));
            for series in store.select(TenantId(tenant), &[], TimeRange::ALL, limits).unwrap() {
                let name: u8 = series.key.name.parse().unwrap();
                match series.points().unwrap() {
                    Points::Floats(points) => {
                        for (t, v) in points {
                            model.floats.insert((name, t), v.to_bits());
                        }
                    }
                    Points::Histograms(points) => {
                        for (t, h) in points {
                            model.histograms.insert((name, t), bytes_of(&h));
                        }
                    }
                    points => {
                        for (t, d) in points.into_deltas() {
                            model.deltas.insert((name, t), d);
                        }
                    }
                }
            }
        }
        for (tenant, events) in (0..).zip(&mut model.exemplars) {
            let all = [Vec::new()];
            for found in store.exemplars(TenantId(tenant), &all, TimeRange::ALL, limits).unwrap() {
                assert!(found.exemplars.is_sorted_by_key(|e| e.at_ms));
                events.extend(found.exemplars.iter().map(|e| event(&found.key, e)));
            }
        }
        assert_eq!(listed, model.series(), "a list shows the series that have points");
        model.compare_on_grids(store);
        model
    }

    /// Periods that roll-ups may answer are what the points come to.
    fn compare_on_grids(&self, store: &MetricStore) {
        let budget = &ReadBudget::default();
        for (period_ms, detail) in [(300_000, Detail::Statistics), (HOUR, Detail::Distribution)] {
            let mut wanted: BTreeMap<(u8, i64), Delta> = BTreeMap::new();
            let floats = self.floats.iter().map(|(p, bits)| (*p, f64::from_bits(*bits)));
            let floats = floats.filter(|(_, value)| value.is_finite());
            let floats = floats.map(|(point, value)| (point, Delta::of_value(value)));
            for ((series, at), delta) in floats.chain(self.deltas.clone()) {
                let start = at.div_euclid(period_ms) * period_ms;
                wanted.entry((series, start)).or_default().add(&delta);
            }
            let grid = Grid { period_ms, range: TimeRange::ALL, detail };
            let mut found = BTreeMap::new();
            for tenant in 0..2 {
                for series in store.select_on(TenantId(tenant), &[], &grid, budget).unwrap() {
                    let name: u8 = series.key().name.parse().unwrap();
                    for (start, delta) in series.periods(budget).unwrap() {
                        found.insert((name, start), delta);
                    }
                }
            }
            let told = |periods: BTreeMap<(u8, i64), Delta>| -> Vec<_> {
                let of = |(at, d): ((u8, i64), Delta)| {
                    let values = if detail == Detail::Statistics { Vec::new() } else { d.values };
                    (at, d.count, d.min, d.max, values)
                };
                periods.into_iter().map(of).collect()
            };
            assert_eq!(told(found), told(wanted), "periods of {period_ms} ms");
        }
    }
}

fn key(series: u8) -> SeriesKey {
    SeriesKey {
        tenant: TenantId(u32::from(series % 2)),
        namespace: if series.is_multiple_of(3) { String::new() } else { "ns".into() },
        name: series.to_string(),
        unit: Unit::None,
        labels: vec![("label".into(), format!("value {}", series % 4))],
    }
}

fn event(key: &SeriesKey, exemplar: &Exemplar) -> Event {
    let mut bytes = Vec::new();
    key.encode(&mut bytes);
    let label = exemplar.labels.iter().map(|(_, value)| value.as_str()).collect();
    (exemplar.at_ms, bytes, exemplar.value.to_bits(), label)
}

fn series_of(key: &[u8]) -> u8 {
    SeriesKey::decode(key).unwrap().name.parse().unwrap()
}

fn random_exemplar(rng: &mut Rng) -> Exemplar {
    let at_ms = NOW - rng.below(3) as i64 * DAY + rng.below(20) as i64 * 1000;
    let labels = vec![("trace_id".to_owned(), rng.below(3).to_string())];
    Exemplar { at_ms, value: rng.below(3) as f64 / 2.0, labels }
}

fn random_batch(rng: &mut Rng) -> Vec<Point> {
    (0..1 + rng.below(30))
        .map(|_| {
            let series = rng.below(SERIES) as u8;
            if rng.one_in(12) {
                return Point::Exemplar(series, random_exemplar(rng));
            }
            // Mostly in order and now, sometimes late, sometimes another day.
            let day = if rng.one_in(6) { rng.below(3) as i64 } else { 0 };
            let at = NOW - day * DAY + rng.below(40) as i64 * 1000;
            if series < FLOATS {
                let odd = f64::from_bits(model::STALE_NAN_BITS);
                let value = match rng.below(5) {
                    0 => odd,
                    1 => rng.below(1000) as f64 / 100.0,
                    2 => f64::from_bits(rng.next_u64() >> 2),
                    _ => rng.below(50) as f64,
                };
                Point::Float(series, at, value)
            } else if series >= DELTAS {
                Point::Histogram(series, at, random_histogram(rng))
            } else {
                let value = rng.below(100) as f64;
                let delta = match rng.below(4) {
                    0 => Delta::of_statistics(3.0, value * 3.0, value - 1.0, value + 1.0),
                    1 => Delta::of_values(value, 2.0),
                    _ => Delta::of_value(value),
                };
                Point::Delta(series, at, delta)
            }
        })
        .collect()
}

fn random_histogram(rng: &mut Rng) -> Histogram {
    let mut buckets = || -> Vec<Bucket> {
        let first = rng.below(3) as i32;
        let count = rng.below(9) as f64 + if rng.one_in(9) { 0.5 } else { 0.0 };
        (first..first + rng.below(4) as i32).map(|index| Bucket { index, count }).collect()
    };
    let (positive, negative) = (buckets(), buckets());
    let sum = match rng.below(9) {
        0 => f64::from_bits(model::STALE_NAN_BITS),
        _ => rng.below(1000) as f64 / 8.0,
    };
    let histogram = Histogram {
        schema: if rng.one_in(9) { -4 } else { 8 },
        hint: if rng.one_in(5) { ResetHint::Reset } else { ResetHint::Unknown },
        count: rng.below(100) as f64,
        sum,
        zero_count: rng.below(3) as f64,
        positive,
        negative,
        ..Histogram::default()
    };
    histogram.canonical()
}

fn random_deletion(rng: &mut Rng) -> Deletion {
    let value = |rng: &mut Rng| format!("value {}", rng.below(4));
    let matchers = match rng.below(5) {
        0 => vec![Matcher::equal("__namespace__", "ns")],
        1 => vec![Matcher::equal("__name__", rng.below(SERIES).to_string())],
        2 => vec![Matcher { negated: true, ..Matcher::equal("label", value(rng)) }],
        3 => {
            let wanted = value(rng);
            let test = Test::Passes(Arc::new(move |v: &str| v == wanted || v.is_empty()));
            vec![
                Matcher { label: "label".into(), test, negated: rng.one_in(3) },
                Matcher::equal("__namespace__", ""),
            ]
        }
        _ => Vec::new(),
    };
    let range = match rng.below(3) {
        0 => TimeRange::ALL,
        1 => TimeRange { start_ms: NOW - 2 * DAY, end_ms: NOW + rng.below(40) as i64 * 1000 },
        _ => {
            let start_ms = NOW - rng.below(3) as i64 * DAY + rng.below(40) as i64 * 1000;
            TimeRange { start_ms, end_ms: start_ms + rng.below(20_000) as i64 }
        }
    };
    Deletion { tenant: TenantId(rng.below(2) as u32), matchers, range }
}

/// What nobody knows the outcome of, after power went.
enum UnderWay {
    Batch(Vec<Point>),
    Deletion(Deletion),
}

fn write(store: &MetricStore, points: &[Point], raw: bool) -> Result<(), metric_store::WriteError> {
    let mut batch = store.batch();
    for point in points {
        let (series, kind) = match point {
            Point::Float(s, ..) => (*s, Kind::Float),
            Point::Delta(s, ..) => (*s, Kind::Delta),
            Point::Histogram(s, ..) => (*s, Kind::Histogram),
            Point::Exemplar(s, exemplar) => {
                batch.exemplars(&key(*s), std::slice::from_ref(exemplar));
                continue;
            }
        };
        let hash = batch.raw_hash(&[series]);
        let number = match batch.find(hash).filter(|_| raw) {
            Some(number) => number,
            None => batch.register(raw.then_some(hash), &key(series), kind).unwrap(),
        };
        match point {
            Point::Float(_, t, v) => batch.float(number, *t, *v),
            Point::Delta(_, t, d) => batch.delta(number, *t, d.clone()),
            Point::Histogram(_, t, h) => batch.histogram(number, *t, h.clone()),
            Point::Exemplar(..) => unreachable!("added above"),
        }
    }
    store.write(batch)
}

fn open(disk: &SimDisk) -> Result<MetricStore, metric_store::StoreError> {
    let journal = FileJournalOptions { sync: SyncMode::Always, segment_bytes: 2000 };
    let options = StoreOptions { exemplars_max: EXEMPLARS_MAX, ..StoreOptions::default() };
    FileStore::open(Arc::new(disk.clone()), Path::new("/data"), journal, options)
}

fn run(seed: u64) {
    let mut rng = Rng::from_seed(seed);
    let mut disk = SimDisk::new(rng.next_u64(), CrashPlan::default());
    let mut kept = Model::default();
    for round in 0..4 {
        let context = format!("seed {seed}, round {round}");
        let plan = match rng.below(5) {
            0 => CrashPlan { fail_sync_at: Some(1 + rng.below(40)), ..CrashPlan::default() },
            1 => {
                CrashPlan { capacity_bytes: Some(3000 + rng.below(30_000)), ..CrashPlan::default() }
            }
            _ => CrashPlan { power_off_at: Some(1 + rng.below(150)), ..CrashPlan::default() },
        };
        disk.set_plan(plan);
        let mut under_way = None;
        if let Ok(store) = open(&disk) {
            assert!(Model::of_store(&store) == kept, "{context}: content differs after opening");
            for _ in 0..rng.below(30) {
                match rng.below(15) {
                    // A failed flush or merge loses nothing and is tried again later.
                    0 => drop(store.flush()),
                    1 => drop(store.settle(NOW)),
                    2 => drop(store.clean_tombstones()),
                    12 => drop(store.roll_up(LATER)),
                    // One piece of whatever is due.
                    13 => drop(store.maintain(LATER)),
                    3 => {
                        let deletion = random_deletion(&mut rng);
                        match store.delete(std::slice::from_ref(&deletion)) {
                            Ok(_) => kept.delete(&deletion),
                            Err(_) if plan.power_off_at.is_some() => {
                                under_way = Some(UnderWay::Deletion(deletion));
                                break;
                            }
                            // The disk is full or a sync failed: nothing is deleted.
                            Err(_) => {}
                        }
                    }
                    _ => {
                        let points = random_batch(&mut rng);
                        match write(&store, &points, rng.below(2) == 0) {
                            Ok(()) => kept.add(&points),
                            Err(metric_store::WriteError::Broken) => {
                                under_way = Some(UnderWay::Batch(points));
                                break;
                            }
                            // Taken back for want of space: it must not show up later. Unless the
                            // power went, then nobody knows.
                            Err(_) if plan.power_off_at.is_some() => {
                                under_way = Some(UnderWay::Batch(points));
                                break;
                            }
                            Err(_) => {}
                        }
                    }
                }
            }
            // A running store shows the same, also after what failed.
            if under_way.is_none() && plan.power_off_at.is_none() {
                assert!(
                    Model::of_store(&store) == kept,
                    "{context}: content differs while running"
                );
            }
        }
        disk = if rng.below(4) == 0 { disk.after_kill() } else { disk.after_power_loss() };
        let store = open(&disk).unwrap_or_else(|e| panic!("{context}: does not open: {e}"));
        let found = Model::of_store(&store);
        if found != kept {
            let mut with = kept.clone();
            match under_way {
                Some(UnderWay::Batch(points)) => with.add(&points),
                Some(UnderWay::Deletion(deletion)) => with.delete(&deletion),
                None => panic!("{context}: {}", kept.difference(&found)),
            }
            assert!(found == with, "{context}: neither with nor without what was under way");
            kept = with;
        }
    }
}

#[test]
fn content_equals_what_was_acknowledged() {
    let seeds = std::env::var("SIGHTLINE_CRASH_SEEDS").ok().and_then(|n| n.parse().ok());
    let first =
        std::env::var("SIGHTLINE_CRASH_FIRST").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    let seeds: u64 = seeds.unwrap_or(400);
    // Four misfortunes a seed: at least a thousand crash points by default.
    for seed in first..first + seeds {
        run(seed);
    }
}
