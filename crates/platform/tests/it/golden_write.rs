//! Writes a small data directory with points of every kind, in every place where points can be.

use crate::golden::open;
use model::{
    Bucket, CUSTOM_SCHEMA, Delta, Histogram, Kind, Principal, STALE_NAN_BITS, Scope, SeriesKey,
    TenantId, Unit,
};
use platform::{Entity, EntityOfSeries, Exemplar, Ingest, MetricMetadata, Platform, TimeLimits};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use stdx::{Disk, Rng};

/// When the directory was written, as far as it knows: 2026-11-20T10:00:00Z.
pub(crate) const END_MS: i64 = 1_795_168_800_000;
const DAY_MS: i64 = 86_400_000;
const MINUTE_MS: i64 = 60_000;

/// Organisations by name, in the order of their first appearance.
pub(crate) const ORG_NAMES: [&str; 2] = ["team-a", "team-b"];

pub(crate) fn scope(account: &str, region: &str) -> Scope {
    Scope { account: account.parse().expect("an account"), region: region.into() }
}

pub(crate) fn key(
    tenant: TenantId,
    namespace: &str,
    name: &str,
    unit: Unit,
    labels: &[(&str, &str)],
) -> SeriesKey {
    let labels = labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let (namespace, name) = (namespace.into(), name.into());
    let mut key = SeriesKey { tenant, namespace, name, unit, labels };
    key.canonicalise().expect("labels that differ");
    key
}

/// Adds exemplars of one series, a minute apart.
pub(crate) fn exemplars(ingest: &mut Ingest, day_ms: i64, count: i64) {
    let key = key(ingest.tenant, "", "requests_total", Unit::None, &[("host", "web-1")]);
    let exemplar = |n: i64| Exemplar {
        at_ms: day_ms + n * MINUTE_MS,
        value: n as f64 / 2.0,
        labels: vec![("trace_id".into(), format!("{n:032x}"))],
    };
    ingest.batch.exemplars(&key, &(0..count).map(exemplar).collect::<Vec<_>>());
}

/// Puts points into a scope and waits until they are kept.
pub(crate) fn put(platform: &Platform, scope: &Scope, fill: impl FnOnce(&mut Ingest)) {
    let who = Principal::internal(scope.account);
    let ingest = platform.begin_ingest(&who, scope, TimeLimits::Retention);
    let mut ingest = ingest.expect("a scope that may be written");
    fill(&mut ingest);
    let kept = Arc::new(AtomicBool::new(false));
    let told = kept.clone();
    let done = move |result: Result<(), _>| {
        result.expect("kept");
        told.store(true, Ordering::Relaxed);
    };
    platform.submit(ingest.batch, done).expect("taken");
    while !kept.load(Ordering::Relaxed) {
        platform.commit_step(Duration::ZERO);
    }
}

/// The value at a place.
type Shape<'a> = &'a dyn Fn(i64, &mut Rng) -> f64;

/// Native histograms that grow: exponential ones and such with bounds of their own.
pub(crate) fn histograms(ingest: &mut Ingest, rng: &mut Rng, day_ms: i64, count: i64) {
    for (name, bounds) in [("latency_seconds", &[][..]), ("size_bytes", &[1e3, 1e6])] {
        let key = key(ingest.tenant, "", name, Unit::None, &[("job", "golden")]);
        let series = ingest.batch.register(None, &key, Kind::Histogram).expect("there is room");
        let schema = if bounds.is_empty() { 3 } else { CUSTOM_SCHEMA };
        let mut counts = [0.0; 3];
        for n in 0..count {
            counts.iter_mut().for_each(|count| *count += rng.below(9) as f64);
            let positive = (0..).zip(counts).map(|(index, count)| Bucket { index, count });
            let histogram = Histogram {
                schema,
                count: counts.iter().sum(),
                sum: rng.below(1000) as f64,
                positive: positive.collect(),
                bounds: bounds.into(),
                ..Histogram::default()
            };
            ingest.batch.histogram(series, day_ms + n * 15_000, histogram);
        }
    }
}

/// Floats of every encoding: constants, steps, decimals, integers, anything, exceptions; on regular
/// times, on a grid with jitter, and at any time.
pub(crate) fn floats(ingest: &mut Ingest, rng: &mut Rng, day_ms: i64, count: i64) {
    let tenant = ingest.tenant;
    let mut walk = 1000.0;
    for (host, jitter) in [("web-1", 0), ("web-2", 7), ("db \"1\"\\ä", 400)] {
        let shapes: [(&str, Shape<'_>); 6] = [
            ("up", &|_, _| 1.0),
            ("requests_total", &|n, _| (n * 3) as f64),
            ("temperature_celsius", &|_, rng| (rng.below(4000) as f64 / 100.0).round() / 10.0),
            ("free_bytes", &|_, rng| rng.below(1 << 40) as f64),
            ("anything", &|_, rng| f64::from_bits(rng.next_u64() >> 2)),
            ("ends", &|n, rng| match n % 50 {
                47 => f64::INFINITY,
                48 => f64::from_bits(STALE_NAN_BITS),
                49 => f64::NEG_INFINITY,
                _ => rng.unit(),
            }),
        ];
        let times: Vec<i64> = (0..count)
            .map(|n| day_ms + n * 15_000 + if jitter > 0 { rng.below(jitter) as i64 } else { 0 })
            .collect();
        for (name, value) in shapes {
            let key = key(tenant, "", name, Unit::None, &[("host", host), ("job", "golden")]);
            let series = ingest.batch.register(None, &key, Kind::Float).expect("there is room");
            for (n, at_ms) in times.iter().enumerate() {
                ingest.batch.float(series, *at_ms, value(n as i64, rng));
            }
        }
        let key = key(tenant, "", "walk", Unit::None, &[("host", host)]);
        let series = ingest.batch.register(None, &key, Kind::Float).expect("there is room");
        let mut at_ms = day_ms;
        for _ in 0..count / 2 {
            at_ms += 1 + rng.below(90_000) as i64;
            walk += rng.unit() - 0.5;
            ingest.batch.float(series, at_ms, walk);
        }
    }
}

/// Deltas of every form: one sample, several values, statistic sets, and so many different values
/// that they became buckets.
pub(crate) fn deltas(ingest: &mut Ingest, rng: &mut Rng, day_ms: i64, count: i64) {
    let tenant = ingest.tenant;
    for (namespace, unit) in [("Shop", Unit::Count), ("AWS/EC2", Unit::Percent)] {
        for region in ["eu", "us"] {
            let of = |name: &str| key(tenant, namespace, name, unit, &[("region", region)]);
            let single =
                ingest.batch.register(None, &of("single"), Kind::Delta).expect("there is room");
            let values =
                ingest.batch.register(None, &of("values"), Kind::Delta).expect("there is room");
            let sets =
                ingest.batch.register(None, &of("sets"), Kind::Delta).expect("there is room");
            let buckets =
                ingest.batch.register(None, &of("buckets"), Kind::Delta).expect("there is room");
            for n in 0..count {
                let at_ms = day_ms + n * MINUTE_MS;
                ingest.batch.single(single, at_ms, rng.below(500) as f64 / 4.0);
                let mut some = Delta::default();
                for _ in 0..=rng.below(6) {
                    let weight = 0.5 + rng.below(9) as f64 / 2.0;
                    some.add(&Delta::of_values(rng.below(9) as f64 - 2.0, weight));
                }
                ingest.batch.delta(values, at_ms, some);
                let set = Delta::of_statistics(3.0 + rng.below(7) as f64, 20.25, -1.5, 9.75);
                ingest.batch.delta(sets, at_ms, set);
                if n % 20 == 0 {
                    let mut many = Delta::default();
                    for _ in 0..200 {
                        many.add(&Delta::of_value(rng.unit() * 1e6 - 1e5));
                    }
                    many.add(&Delta::of_statistics(2.0, 5.0, 1.0, 4.0));
                    ingest.batch.delta(buckets, at_ms, many);
                }
            }
        }
    }
}

pub(crate) fn describe(platform: &Platform, tenant: TenantId) {
    let metadata = MetricMetadata {
        metric_type: "counter".into(),
        help: "Requests \"so far\",\nall hosts".into(),
        unit: String::new(),
    };
    platform.put_metadata(tenant, vec![("requests_total".into(), metadata)]).expect("kept");
    let text = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    };
    let entity = Entity {
        key_attributes: text(&[("Type", "Service"), ("Name", "shop")]),
        attributes: text(&[("PlatformType", "AWS::EC2")]),
    };
    let entity = EntityOfSeries {
        namespace: "Shop".into(),
        name: "single".into(),
        dimensions: vec![("region".into(), "eu".into())],
        entity,
    };
    platform.put_entities(tenant, &[entity]).expect("kept");
}

/// Writes it: days that were closed and merged, parts of today that were not, and a tail of the
/// journal that the next start reads back.
pub(crate) fn write(disk: Arc<dyn Disk>, dir: &Path) {
    let mut rng = Rng::from_seed(20_261_120);
    let platform = open(disk, dir, END_MS);
    let main = scope("000000000000", "us-east-1");
    let other = scope("111122223333", "eu-west-1");
    let named: Vec<Scope> = ORG_NAMES
        .iter()
        .map(|name| Scope {
            account: platform.account_of_org(name).expect("a name"),
            region: "us-east-1".into(),
        })
        .collect();
    let today = END_MS - END_MS.rem_euclid(DAY_MS);
    for day in [today - 3 * DAY_MS, today - DAY_MS] {
        for half in 0..2 {
            let from = day + half * 6 * 3_600_000;
            put(&platform, &main, |ingest| floats(ingest, &mut rng, from, 60));
            put(&platform, &main, |ingest| deltas(ingest, &mut rng, from, 30));
            put(&platform, &other, |ingest| deltas(ingest, &mut rng, from, 20));
            platform.flush().expect("flushed");
        }
    }
    // One series that fills more than a chunk.
    put(&platform, &named[0], |ingest| {
        let key = key(ingest.tenant, "", "long", Unit::None, &[]);
        let series = ingest.batch.register(None, &key, Kind::Float).expect("there is room");
        for n in 0..9_000 {
            let value = (n % 600) as f64 + rng.below(10) as f64 / 10.0;
            ingest.batch.float(series, today - DAY_MS + n * 1000, value);
        }
    });
    platform.flush().expect("flushed");
    // Closed days are merged into one part each.
    while platform.upkeep_step().expect("upkeep") {}
    describe(&platform, platform.scopes()[0].1);

    // Late points of a merged day, and the same times again: the later floats win, deltas add up.
    put(&platform, &main, |ingest| floats(ingest, &mut rng, today - DAY_MS, 5));
    put(&platform, &main, |ingest| deltas(ingest, &mut rng, today - DAY_MS, 5));
    put(&platform, &main, |ingest| floats(ingest, &mut rng, today, 40));
    platform.flush().expect("flushed");
    put(&platform, &main, |ingest| deltas(ingest, &mut rng, today, 40));
    put(&platform, &named[1], |ingest| floats(ingest, &mut rng, today, 10));
    platform.flush().expect("flushed");

    // In the journal only: what the next start has to read back.
    put(&platform, &main, |ingest| floats(ingest, &mut rng, today + 600_000, 8));
    put(&platform, &other, |ingest| deltas(ingest, &mut rng, today, 8));
    put(&platform, &named[0], |ingest| floats(ingest, &mut rng, today - 3 * DAY_MS, 3));
}
