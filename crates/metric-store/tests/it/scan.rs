//! What a scan reads is what a selection gives, wherever points are and however they came.

use metric_store::{
    Columns, Deletion, FileStore, Matcher, MetricStore, Points, ReadBudget, StoreOptions, Wanted,
};
use model::{Bucket, Delta, Histogram, Kind, SeriesKey, TenantId, TimeRange, Unit};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use stdx::{CrashPlan, Rng, SimDisk};
use storage::FileJournalOptions;

const TENANT: TenantId = TenantId(1);
const DAY: i64 = 86_400_000;
const SERIES: u64 = 24;

fn key(n: u64) -> SeriesKey {
    SeriesKey {
        tenant: TENANT,
        namespace: if n.is_multiple_of(7) { "ns".into() } else { String::new() },
        name: format!("m{}", n % 3),
        unit: Unit::None,
        labels: vec![("host".into(), format!("h{n}"))],
    }
}

fn store() -> MetricStore {
    let disk = Arc::new(SimDisk::new(1, CrashPlan::default()));
    let options =
        StoreOptions { retention_ms: 30 * DAY, trust_clock: true, ..StoreOptions::default() };
    FileStore::open(disk, Path::new("/data"), FileJournalOptions::default(), options).unwrap()
}

/// What is asked for, by key: points of each kind, in the order of kinds.
type Answer = BTreeMap<Vec<u8>, Vec<String>>;

fn shown(points: &Points) -> String {
    match points {
        Points::Floats(points) => format!("float {points:?}"),
        // One sample is one, packed or not.
        Points::Singles(_) | Points::Deltas(_) => {
            format!("delta {:?}", points.clone().into_deltas())
        }
        Points::Histograms(points) => format!("histogram {points:?}"),
    }
}

fn selected(store: &MetricStore, matchers: &[Matcher], range: TimeRange) -> Answer {
    let mut all = Answer::new();
    for series in store.select(TENANT, matchers, range, &ReadBudget::default()).unwrap() {
        let mut bytes = Vec::new();
        series.key.encode(&mut bytes);
        let points = series.points().unwrap();
        if !points.is_empty() {
            all.entry(bytes).or_default().push(shown(&points));
        }
    }
    all.values_mut().for_each(|of_kinds| of_kinds.sort());
    all
}

fn points_of(columns: &Columns) -> Vec<Points> {
    if !columns.others.is_empty() {
        assert!(columns.times.is_empty() && columns.values.is_empty());
        return columns.others.iter().filter(|points| !points.is_empty()).cloned().collect();
    }
    if columns.times.is_empty() {
        return Vec::new();
    }
    assert!(columns.times.is_sorted_by(|a, b| a < b));
    let points = columns.times.iter().copied().zip(columns.values.iter().copied()).collect();
    vec![if columns.are_deltas { Points::Singles(points) } else { Points::Floats(points) }]
}

fn scanned(store: &MetricStore, matchers: &[Matcher], range: TimeRange) -> Answer {
    let budget = ReadBudget::default();
    let mut all = Answer::new();
    {
        let scan = store.scan(TENANT, matchers, range, Wanted::All, &budget).unwrap();
        let mut reader = scan.reader();
        let mut columns = Columns::default();
        for at in 0..scan.len() {
            let key = reader.key(at).unwrap().to_vec();
            reader.read(at, &mut columns).unwrap();
            let mut points: Vec<String> = points_of(&columns).iter().map(shown).collect();
            points.sort();
            if !points.is_empty() {
                assert!(all.insert(key, points).is_none(), "each series once");
            }
        }
    }
    assert_eq!(budget.taken(), 0, "all is given back");
    all
}

/// The newest time of each series, and the newest value where it is the only kind.
fn newest(answer: &Answer, store: &MetricStore, matchers: &[Matcher], range: TimeRange) {
    let budget = ReadBudget::default();
    let scan = store.scan(TENANT, matchers, range, Wanted::Newest, &budget).unwrap();
    let mut reader = scan.reader();
    let mut columns = Columns::default();
    let mut seen = 0;
    for at in 0..scan.len() {
        let key = reader.key(at).unwrap().to_vec();
        reader.read(at, &mut columns).unwrap();
        let points = points_of(&columns);
        let Some(all) = answer.get(&key) else {
            assert!(points.is_empty());
            continue;
        };
        seen += 1;
        // Whatever else it may bring, the last of each kind is the last of all.
        for points in points {
            let last = shown(&points);
            let last = last.rsplit_once(" (").map_or(last.as_str(), |(_, last)| last);
            let last = last.trim_start_matches(|c: char| !c.is_ascii_digit());
            assert!(all.iter().any(|of_kind| of_kind.ends_with(last)), "{last} of {all:?}");
        }
    }
    assert_eq!(seen, answer.len());
}

fn check(store: &MetricStore, rng: &mut Rng) {
    let name = Matcher::equal("__name__", "m1");
    let host = Matcher::equal("host", "h3");
    let not = Matcher { negated: true, ..name.clone() };
    let start = 5 * DAY + rng.below(2 * DAY as u64) as i64;
    for matchers in [&[][..], &[name][..], &[host][..], &[not][..]] {
        for range in [
            TimeRange::ALL,
            TimeRange { start_ms: start, end_ms: start + 3_600_000 },
            TimeRange { start_ms: start, end_ms: start + 300_000 },
            TimeRange { start_ms: start, end_ms: start },
        ] {
            let expected = selected(store, matchers, range);
            assert_eq!(scanned(store, matchers, range), expected, "{matchers:?} {range:?}");
            newest(&expected, store, matchers, range);
        }
    }
}

fn write(store: &MetricStore, rng: &mut Rng, histograms: bool) {
    let mut batch = store.batch();
    let start = 5 * DAY + rng.below(2 * DAY as u64) as i64;
    for _ in 0..40 {
        let n = rng.below(SERIES);
        let kinds = if histograms { 4 } else { 3 };
        // Most have one kind, some have more.
        let kind = if n < 4 { rng.below(kinds) } else { n % kinds };
        let long = rng.below(6) == 0;
        for t in 0..if long { 1_300 } else { 5 } {
            let at = start + t * 10_000 + if long { 0 } else { rng.below(40_000) as i64 };
            let value = rng.below(100) as f64;
            match kind {
                0 => {
                    let number = batch.register(None, &key(n), Kind::Float).unwrap();
                    batch.float(number, at, value);
                }
                1 => {
                    let number = batch.register(None, &key(n), Kind::Delta).unwrap();
                    batch.single(number, at, value);
                }
                2 => {
                    let number = batch.register(None, &key(n), Kind::Delta).unwrap();
                    batch.delta(number, at, Delta::of_statistics(2.0, value, 0.0, value));
                }
                _ => {
                    let number = batch.register(None, &key(n), Kind::Histogram).unwrap();
                    let positive = vec![Bucket { index: 1, count: value }];
                    let histogram =
                        Histogram { count: value, sum: value, positive, ..Histogram::default() };
                    batch.histogram(number, at, histogram);
                }
            }
        }
    }
    store.write(batch).unwrap();
}

#[test]
fn a_scan_reads_what_a_selection_gives() {
    for seed in 0..6 {
        let mut rng = Rng::from_seed(seed);
        let store = store();
        for round in 0..7 {
            write(&store, &mut rng, seed % 2 == 1);
            if rng.below(3) > 0 {
                check(&store, &mut rng);
                store.flush().unwrap();
            }
            if round == 3 {
                let start = 5 * DAY + rng.below(DAY as u64) as i64;
                let cut = Deletion {
                    tenant: TENANT,
                    matchers: vec![Matcher::equal("__name__", "m2")],
                    range: TimeRange { start_ms: start, end_ms: start + 7_200_000 },
                };
                store.delete(&[cut]).unwrap();
            }
            if round == 5 {
                store.flush().unwrap();
                (5..8).for_each(|day| store.settle(day * DAY).unwrap());
            }
            check(&store, &mut rng);
        }
    }
}

#[test]
fn limits_hold_for_a_scan() {
    use metric_store::{ReadError, ReadLimits};
    let store = store();
    let mut rng = Rng::from_seed(7);
    (0..5).for_each(|_| write(&store, &mut rng, false));
    let limited = |limits| ReadBudget::new(limits, None);
    let few = limited(ReadLimits { series_max: 3, ..ReadLimits::default() });
    let scan = store.scan(TENANT, &[], TimeRange::ALL, Wanted::All, &few);
    assert!(matches!(scan, Err(ReadError::TooManySeries { max: 3, .. })));
    let small = limited(ReadLimits { bytes_max: 2_000, ..ReadLimits::default() });
    let scan = store.scan(TENANT, &[], TimeRange::ALL, Wanted::All, &small);
    assert!(matches!(scan, Err(ReadError::TooMuchMemory { .. })));
    store.flush().unwrap();
    let small = limited(ReadLimits { bytes_max: 10_000, ..ReadLimits::default() });
    let scan = store.scan(TENANT, &[], TimeRange::ALL, Wanted::All, &small).unwrap();
    let (mut reader, mut columns) = (scan.reader(), Columns::default());
    let read = (0..scan.len()).try_for_each(|at| reader.read(at, &mut columns));
    assert!(matches!(read, Err(ReadError::TooMuchMemory { .. })), "{read:?}");
}

/// Histograms of many buckets that do not change take few bytes until they are decoded.
#[test]
fn histograms_are_paid_for_before_they_are_decoded() {
    use metric_store::{ReadError, ReadLimits};
    let store = store();
    let positive = (0..2_000).map(|index| Bucket { index, count: 1.0 }).collect();
    let histogram = Histogram { count: 2_000.0, positive, ..Histogram::default() };
    let mut batch = store.batch();
    let series = batch.register(None, &key(1), Kind::Histogram).unwrap();
    (0..500).for_each(|n| batch.histogram(series, n * 10_000, histogram.clone()));
    store.write(batch).unwrap();
    let decoded = 500 * histogram.bytes() as u64;
    for flushed in [false, true] {
        if flushed {
            store.flush().unwrap();
        }
        let budget =
            |bytes_max| ReadBudget::new(ReadLimits { bytes_max, ..ReadLimits::default() }, None);
        // Of the head a copy is taken, which is small.
        let (enough, less) = (budget(decoded * 9 / 8), budget(decoded * 7 / 8));
        for (budget, is_enough) in [(enough, true), (less, false)] {
            let scan = store.scan(TENANT, &[], TimeRange::ALL, Wanted::All, &budget).unwrap();
            let before = budget.taken();
            let mut columns = Columns::default();
            let read = scan.reader().read(0, &mut columns);
            if is_enough {
                read.unwrap();
                assert_eq!(columns.others[0].len(), 500, "flushed {flushed}");
                assert_eq!(budget.taken(), before, "flushed {flushed}: given back");
            } else {
                let refused = matches!(read, Err(ReadError::TooMuchMemory { .. }));
                assert!(refused, "flushed {flushed}: {read:?}");
                assert_eq!(columns.others.len(), 0, "flushed {flushed}");
            }
        }
    }
}
