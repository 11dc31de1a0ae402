//! What roll-ups answer is what raw points answer, whatever came late, twice or was deleted since.

use metric_store::{
    Columns, Deletion, Detail, FileStore, Grid, HeldForms, Keep, Matcher, MetricStore, Points,
    ReadBudget, ReadError, ReadLimits, Retention, RetentionRule, RollUpTimes, Step, StoreOptions,
    Wanted,
};
use model::{Bucket, Delta, Histogram, Kind, SeriesKey, TenantId, TimeRange, Unit};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use stdx::{CrashPlan, Disk, Rng, SimDisk};
use storage::FileJournalOptions;

const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;
const MINUTE: i64 = 60_000;
/// Days of raw points.
const RAW: i64 = 10;

fn options() -> StoreOptions {
    StoreOptions {
        retention_ms: RAW * DAY,
        rollups: RollUpTimes { five_minutes_ms: 30 * DAY, hour_ms: 60 * DAY },
        trust_clock: true,
        ..StoreOptions::default()
    }
}

fn open(disk: &SimDisk) -> MetricStore {
    let journal = FileJournalOptions { segment_bytes: 100_000, ..FileJournalOptions::default() };
    FileStore::open(Arc::new(disk.clone()), Path::new("/data"), journal, options()).unwrap()
}

/// Even ones are deltas, odd ones floats.
fn key(series: u8) -> SeriesKey {
    SeriesKey {
        tenant: TenantId(1),
        namespace: if series.is_multiple_of(2) { "Shop".into() } else { String::new() },
        name: format!("m{series}"),
        unit: Unit::None,
        labels: vec![("host".into(), format!("h{}", series / 2))],
    }
}

fn kind(series: u8) -> Kind {
    if series.is_multiple_of(2) { Kind::Delta } else { Kind::Float }
}

fn put(store: &MetricStore, points: &[(u8, i64, Delta)]) {
    let mut batch = store.batch();
    for (series, at, delta) in points {
        let number = batch.register(None, &key(*series), kind(*series)).unwrap();
        match kind(*series) {
            Kind::Delta => batch.delta(number, *at, delta.clone()),
            _ => batch.float(number, *at, delta.sum),
        }
    }
    store.write(batch).unwrap();
}

fn one(value: f64) -> Delta {
    Delta::of_value(value)
}

/// Does all background work that is due.
fn settle(store: &MetricStore, now: i64) -> Vec<Step> {
    let mut steps = Vec::new();
    loop {
        match store.maintain(now).unwrap() {
            Step::Nothing => return steps,
            step => steps.push(step),
        }
        assert!(steps.len() < 1000, "background work comes to an end");
    }
}

fn periods(
    store: &MetricStore,
    series: u8,
    period_ms: i64,
    range: TimeRange,
    detail: Detail,
) -> Vec<(i64, Delta)> {
    let budget = ReadBudget::default();
    let grid = Grid { period_ms, range, detail };
    let found = store.find_on((&key(series)).into(), &grid, &budget).unwrap();
    assert!(found.len() <= 1);
    let of_one = found.first().map(|s| s.periods(&budget).unwrap()).unwrap_or_default();
    let host = key(series).label("host").to_owned();
    let name = Matcher::equal("__name__", key(series).name);
    let matchers = [Matcher::equal("host", host), name];
    let selected = store.select_on(TenantId(1), &matchers, &grid, &budget).unwrap();
    let of_many = selected.first().map(|s| s.periods(&budget).unwrap()).unwrap_or_default();
    assert_eq!(of_one, of_many, "one by key, or one of many");
    of_one
}

/// Every point that counts, the slow and obvious way.
#[derive(Debug, Default, Clone)]
struct Model(BTreeMap<(u8, i64), Delta>);

impl Model {
    fn put(&mut self, points: &[(u8, i64, Delta)]) {
        for (series, at, delta) in points {
            match kind(*series) {
                Kind::Delta => self.0.entry((*series, *at)).or_default().add(delta),
                _ => drop(self.0.insert((*series, *at), delta.clone())),
            }
        }
    }

    fn periods(&self, series: u8, period: i64, range: TimeRange) -> Vec<(i64, Delta)> {
        let mut periods: BTreeMap<i64, Delta> = BTreeMap::new();
        for ((_, at), delta) in self.0.range((series, i64::MIN)..=(series, i64::MAX)) {
            let start = at.div_euclid(period) * period;
            if range.contains(start) && delta.sum.is_finite() {
                periods.entry(start).or_default().add(delta);
            }
        }
        periods.into_iter().collect()
    }
}

fn assert_same(found: &[(i64, Delta)], wanted: &[(i64, Delta)], detail: Detail, context: &str) {
    let starts = |list: &[(i64, Delta)]| list.iter().map(|p| p.0).collect::<Vec<_>>();
    assert_eq!(starts(found), starts(wanted), "{context}: other periods");
    for ((at, found), (_, wanted)) in found.iter().zip(wanted) {
        let statistics = |d: &Delta| (d.count, d.min, d.max);
        assert_eq!(statistics(found), statistics(wanted), "{context} at {at}");
        let close = (found.sum - wanted.sum).abs() <= 1e-9 * wanted.sum.abs().max(1.0);
        assert!(close, "{context} at {at}: {} and not {}", found.sum, wanted.sum);
        if detail == Detail::Distribution {
            let distribution = |d: &Delta| (d.values.clone(), d.buckets.clone(), d.opaque);
            assert_eq!(distribution(found), distribution(wanted), "{context} at {at}");
        }
    }
}

fn random_points(rng: &mut Rng, today: i64) -> Vec<(u8, i64, Delta)> {
    // Mostly one day, many points, so that hours get more different values than are kept.
    let (days, points) = (if rng.one_in(3) { 6 } else { 2 }, if rng.one_in(3) { 600 } else { 20 });
    let day = today - rng.below(days) as i64;
    let count = 1 + rng.below(points);
    let hour = rng.below(24) as i64;
    (0..count)
        .map(|_| {
            let series = rng.below(6) as u8;
            let hour = if rng.one_in(5) { rng.below(24) as i64 } else { hour };
            let at = day * DAY + hour * HOUR + rng.below(3600) as i64 * 1000;
            let value = rng.below(400) as f64 / 8.0;
            let delta = match (kind(series), rng.below(12)) {
                (Kind::Delta, 0) => {
                    Delta::of_statistics(3.0, value * 3.0, value - 1.0, value + 1.0)
                }
                (Kind::Delta, 1) => Delta::of_values(value, 2.0),
                (Kind::Float, 0) => one(f64::NAN),
                _ => one(value),
            };
            (series, at, delta)
        })
        .collect()
}

fn random_deletion(rng: &mut Rng, today: i64) -> (Vec<u8>, Deletion) {
    let series = rng.below(6) as u8;
    let (meant, matchers) = match rng.below(3) {
        0 => (vec![0, 2, 4], vec![Matcher::equal("__namespace__", "Shop")]),
        _ => (vec![series], vec![Matcher::equal("__name__", key(series).name)]),
    };
    let start = (today - rng.below(6) as i64) * DAY + rng.below(24) as i64 * HOUR;
    let range = match rng.below(5) {
        0 => TimeRange::ALL,
        // Edges on five minutes, most of them within an hour.
        2 => {
            let start_ms = start + rng.below(12) as i64 * 5 * MINUTE;
            TimeRange { start_ms, end_ms: start_ms + (1 + rng.below(100)) as i64 * 5 * MINUTE }
        }
        1 => TimeRange { start_ms: start, end_ms: start + 5 * HOUR },
        _ => {
            let start_ms = start + rng.below(3600) as i64 * 1000;
            TimeRange { start_ms, end_ms: start_ms + rng.below(100_000) as i64 * 1000 }
        }
    };
    (meant, Deletion { tenant: TenantId(1), matchers, range })
}

fn history(seed: u64) {
    let mut rng = Rng::from_seed(seed);
    let disk = SimDisk::new(seed, CrashPlan::default());
    let (mut store, mut model, mut today) = (open(&disk), Model::default(), 1000);
    for step in 0..60 {
        match rng.below(14) {
            0..=4 => {
                let points = random_points(&mut rng, today);
                put(&store, &points);
                model.put(&points);
            }
            5 => store.flush().unwrap(),
            6 => store.settle(today * DAY).unwrap(),
            7 | 8 => store.roll_up(today * DAY + 2 * HOUR).unwrap(),
            // Some pieces only.
            9 => (0..rng.below(3)).for_each(|_| {
                store.maintain(today * DAY + 2 * HOUR).unwrap();
            }),
            10 => {
                let (meant, what) = random_deletion(&mut rng, today);
                store.delete(std::slice::from_ref(&what)).unwrap();
                model.0.retain(|(series, at), _| {
                    !(meant.contains(series) && what.range.contains(*at))
                });
            }
            11 => {
                today += 1;
                settle(&store, today * DAY + 2 * HOUR);
            }
            12 => drop(store.clean_tombstones().unwrap()),
            _ => {
                drop(store);
                store = open(&disk);
            }
        }
        // Within the time of raw points; what comes behind it has tests of its own.
        model.0.retain(|(_, at), _| *at >= (today - RAW) * DAY);
        let context = format!("seed {seed}, step {step}");
        let (first, last) = (today - RAW, today + 1);
        let whole = TimeRange { start_ms: first * DAY, end_ms: last * DAY };
        for (series, period) in [(0, HOUR), (0, 5 * MINUTE), (1, 5 * MINUTE)] {
            let found = periods(&store, series, period, whole, Detail::Distribution);
            let wanted = model.periods(series, period, whole);
            assert_same(&found, &wanted, Detail::Distribution, &context);
        }
        compare(&store, &model, &mut rng, today, &context);
    }
}

/// Compares where neither side has lost anything to retention.
fn compare(store: &MetricStore, model: &Model, rng: &mut Rng, today: i64, context: &str) {
    let oldest = (today - RAW) * DAY;
    for series in 0..6 {
        let minutes = [1, 5, 10, 15, 60, 120, 1440][rng.below(7) as usize];
        let start_ms = oldest + rng.below(RAW as u64 * 86_400) as i64 * 1000;
        let range = TimeRange { start_ms, end_ms: start_ms + rng.below(3 * 86_400) as i64 * 1000 };
        let detail = if rng.one_in(2) { Detail::Distribution } else { Detail::Statistics };
        let found = periods(store, series, minutes * MINUTE, range, detail);
        let wanted = model.periods(series, minutes * MINUTE, range);
        let context = format!("{context}, series {series}, {minutes} minutes");
        assert_same(&found, &wanted, detail, &context);
    }
}

/// One sample a minute for some days, flushed and rolled up day by day.
fn with_days(store: &MetricStore, days: std::ops::Range<i64>) -> Model {
    let mut model = Model::default();
    for day in days {
        let minutes = (0..24 * 60).map(|m| day * DAY + m * MINUTE);
        let points: Vec<_> = minutes
            .flat_map(|at| [(0, at, one((at / MINUTE % 97) as f64)), (1, at, one(2.5))])
            .collect();
        put(store, &points);
        model.put(&points);
        store.flush().unwrap();
        settle(store, (day + 1) * DAY + 2 * HOUR);
    }
    model
}

const ALL: TimeRange = TimeRange { start_ms: 0, end_ms: 2000 * DAY };

fn days_of(periods: &[(i64, Delta)]) -> (i64, i64) {
    let day = |at: Option<&(i64, Delta)>| at.map_or(0, |p| p.0 / DAY);
    (day(periods.first()), day(periods.last()))
}

#[test]
fn past_the_retention_of_raw_points_roll_ups_answer_what_their_periods_make_up() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = open(&disk);
    let model = with_days(&store, 1000..1080);
    let now = 1080 * DAY + 2 * HOUR;
    for (minutes, oldest) in [(1, 1070), (2, 1070), (5, 1050), (30, 1050), (60, 1020), (1440, 1020)]
    {
        for detail in [Detail::Statistics, Detail::Distribution] {
            let found = periods(&store, 0, minutes * MINUTE, ALL, detail);
            let range = TimeRange { start_ms: oldest * DAY, ..ALL };
            let wanted = model.periods(0, minutes * MINUTE, range);
            assert_same(&found, &wanted, detail, &format!("{minutes} minutes"));
        }
        let found = periods(&store, 1, minutes * MINUTE, ALL, Detail::Statistics);
        assert_eq!(days_of(&found), (oldest, 1079), "{minutes} minutes of floats");
    }
    // Days are put together as they age: raw ones, 16 days at five minutes, 64 at an hour.
    let count = |end: &str| disk.list_names("/data/metrics", end);
    let (five_minutes, hours) = (count(".5m.part"), count(".1h.part"));
    assert!(five_minutes <= 6 && hours <= 6, "{five_minutes} and {hours} parts");
    assert_eq!(count(".part"), 10 + five_minutes + hours);
    assert_eq!(store.raw_gone_before(ALL), Some(1070 * DAY));
    let recent = TimeRange { start_ms: 1070 * DAY, ..ALL };
    assert_eq!(store.raw_gone_before(recent), None);
    // Nothing of it is done again.
    assert_eq!(settle(&store, now + DAY / 2), []);
    drop(store);
    // Nothing is left out before the clock was asked.
    let store = open(&disk);
    assert_eq!(settle(&store, now + DAY / 2), []);
    let found = periods(&store, 0, HOUR, ALL, Detail::Distribution);
    let range = TimeRange { start_ms: 1020 * DAY, ..ALL };
    assert_same(&found, &model.periods(0, HOUR, range), Detail::Distribution, "opened again");
}

#[test]
fn histograms_are_there_as_long_as_raw_points_are() {
    let store = open(&SimDisk::new(1, CrashPlan::default()));
    let matchers = [Matcher::equal("__name__", "m1")];
    for day in 1000..1013 {
        let mut batch = store.batch();
        let series = batch.register(None, &key(1), Kind::Histogram).unwrap();
        for hour in 0..24 {
            let count = (day * 24 + hour) as f64;
            let positive = vec![Bucket { index: 1, count }];
            let histogram = Histogram { count, positive, ..Histogram::default() };
            batch.histogram(series, day * DAY + hour * HOUR, histogram);
        }
        store.write(batch).unwrap();
        store.flush().unwrap();
        settle(&store, (day + 1) * DAY + 2 * HOUR);
    }
    let budget = ReadBudget::default();
    let scan = store.scan(TenantId(1), &matchers, ALL, Wanted::All, &budget).unwrap();
    let mut columns = Columns::default();
    scan.reader().read(0, &mut columns).unwrap();
    let [Points::Histograms(points)] = &columns.others[..] else { panic!("{columns:?}") };
    assert_eq!((points.len() as i64, points[0].0), (RAW * 24, 1003 * DAY));
    assert!(points.iter().all(|(at, h)| h.count == (at / HOUR) as f64));
    assert!(store.rolled(TenantId(1), &matchers, ALL, &budget).unwrap().is_empty());
}

fn rule(keep_days: [i64; 3]) -> RetentionRule {
    let [raw, five_minutes, hour] = keep_days.map(|days| days * DAY);
    RetentionRule {
        name: "shop".into(),
        tenant: TenantId(1),
        matchers: vec![Matcher::equal("__namespace__", "Shop")],
        keep: Keep { raw_ms: raw, five_minutes_ms: five_minutes, hour_ms: hour },
    }
}

#[test]
fn rules_hide_at_once_what_is_over_and_the_disk_follows() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = open(&disk);
    let model = with_days(&store, 1000..1012);
    let now = 1012 * DAY + 2 * HOUR;
    let default = store.retention().default;
    let with_rule = |days| Retention { rules: vec![rule(days)], default };
    let first = |store: &MetricStore, series, minutes| {
        days_of(&periods(store, series, minutes * MINUTE, ALL, Detail::Statistics)).0
    };
    assert_eq!([1, 5, 60].map(|m| first(&store, 0, m)), [1002, 1000, 1000]);

    // Of the raw points those of 1002 to 1009, of the five minutes those of 1000 to 1006.
    let gone = store.would_expire(&with_rule([2, 5, 20])).unwrap();
    assert_eq!(gone.map(|held| (held.series, held.points)), [(1, 8 * 1440), (1, 7 * 288), (0, 0)]);
    assert!(gone[0].bytes > 0 && gone[1].bytes > 0 && gone[2].bytes == 0);
    store.set_retention(with_rule([2, 5, 20])).unwrap();
    let check = |store: &MetricStore, context: &str| {
        assert_eq!([1, 5, 60].map(|m| first(store, 0, m)), [1010, 1007, 1000], "{context}");
        assert_eq!([1, 5, 60].map(|m| first(store, 1, m)), [1002, 1000, 1000], "{context}");
        let found = periods(store, 0, HOUR, ALL, Detail::Distribution);
        assert_same(&found, &model.periods(0, HOUR, ALL), Detail::Distribution, context);
    };
    check(&store, "at once");
    let old = TimeRange { start_ms: 1004 * DAY, end_ms: 1005 * DAY };
    let listed = |store: &MetricStore| {
        let keys = store.keys(TenantId(1), &[], old, &ReadBudget::default()).unwrap();
        keys.iter().map(|key| key.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(listed(&store), ["m1"]);

    let held = store.retention_costs().unwrap();
    let raw_points = |held: &[HeldForms]| held.iter().map(|h| h[0].points).collect::<Vec<_>>();
    assert_eq!(raw_points(&held), [10 * 1440, 10 * 1440], "all of it is still on the disk");
    settle(&store, now);
    check(&store, "on the disk");
    let held = store.retention_costs().unwrap();
    assert_eq!(raw_points(&held), [2 * 1440, 10 * 1440]);
    let bytes = |n: usize| held.iter().map(|h| h[n].bytes).sum::<u64>();
    let status = store.status();
    assert_eq!(bytes(0), status.parts_bytes);
    assert_eq!([bytes(1), bytes(2)], status.tiers.map(|tier| tier.bytes));

    // A day that lost its raw points keeps its roll-ups when late ones come.
    put(&store, &[(0, 1005 * DAY, one(1.0)), (1, 1005 * DAY + 30_000, one(7.0))]);
    store.flush().unwrap();
    settle(&store, now + DAY / 4);
    settle(&store, now + DAY + DAY / 2);
    let day = TimeRange { start_ms: 1005 * DAY, end_ms: 1006 * DAY };
    let counts = |series| {
        let found = periods(&store, series, DAY, day, Detail::Statistics);
        found.iter().map(|p| p.1.count).sum::<f64>()
    };
    assert_eq!([counts(0), counts(1)], [1441.0, 1441.0]);

    // A longer rule brings back what was not taken off the disk, and nothing else.
    store.set_retention(with_rule([10, 30, 60])).unwrap();
    assert_eq!(first(&store, 0, 60), 1000);
    assert_eq!(first(&store, 0, 1), 1011, "two days before the last look");
}

#[test]
fn what_comes_late_or_is_deleted_where_raw_points_are_gone_changes_roll_ups_for_ever() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let mut store = open(&disk);
    let mut model = with_days(&store, 1000..1020);
    let now = 1020 * DAY + 2 * HOUR;
    let at = 1005 * DAY + 7 * HOUR + MINUTE;
    let late = [(0, at, one(1000.0)), (1, at, one(9.0))];
    put(&store, &late);
    model.put(&late);
    let range = TimeRange { start_ms: 1003 * DAY, end_ms: 1009 * DAY };
    let hours = |store: &MetricStore, series| {
        let detail = if series == 0 { Detail::Distribution } else { Detail::Statistics };
        periods(store, series, HOUR, range, detail)
    };
    let check = |store: &MetricStore, model: &Model, context: &str| {
        assert_same(
            &hours(store, 0),
            &model.periods(0, HOUR, range),
            Detail::Distribution,
            context,
        );
    };
    check(&store, &model, "late and in memory");
    store.flush().unwrap();
    check(&store, &model, "late and in a part");
    // The second of the floats' hour replaced one that nobody knows any more: it counts.
    let of_hour = |found: Vec<(i64, Delta)>| {
        found.into_iter().find(|p| p.0 == 1005 * DAY + 7 * HOUR).map(|p| (p.1.count, p.1.max))
    };
    assert_eq!(of_hour(hours(&store, 1)), Some((61.0, 9.0)));
    settle(&store, now);
    settle(&store, now + DAY + HOUR);
    check(&store, &model, "late and rolled up");
    assert_eq!(of_hour(hours(&store, 1)), Some((61.0, 9.0)));
    assert_eq!(periods(&store, 0, MINUTE, range, Detail::Statistics), [], "no raw point is back");

    // Three minutes within an hour: the hour goes, as what is left of it is not known.
    let cut =
        TimeRange { start_ms: 1006 * DAY + HOUR + MINUTE, end_ms: 1006 * DAY + HOUR + 4 * MINUTE };
    let what = Deletion {
        tenant: TenantId(1),
        matchers: vec![Matcher::equal("__namespace__", "Shop")],
        range: cut,
    };
    store.delete(std::slice::from_ref(&what)).unwrap();
    let gone = 1006 * DAY + HOUR..1006 * DAY + 2 * HOUR;
    model.0.retain(|(series, at), _| !(*series == 0 && gone.contains(at)));
    check(&store, &model, "deleted");
    store.clean_tombstones().unwrap();
    assert_eq!(store.tombstones(), 0);
    check(&store, &model, "deleted and written anew");
    drop(store);
    store = open(&disk);
    settle(&store, now + 2 * DAY);
    check(&store, &model, "deleted and opened again");
}

#[test]
fn a_deletion_that_cuts_some_intervals_of_a_day_counts_the_others_once() {
    // Cut are: hours only, intervals of both, and none.
    for start_ms in [5 * MINUTE, HOUR + MINUTE, 3 * HOUR].map(|at| 1001 * DAY + at) {
        let disk = SimDisk::new(1, CrashPlan::default());
        let mut store = open(&disk);
        let mut model = with_days(&store, 1000..1003);
        let cut = TimeRange { start_ms, end_ms: 1001 * DAY + 4 * HOUR };
        let matchers = vec![Matcher::equal("__namespace__", "Shop")];
        store.delete(&[Deletion { tenant: TenantId(1), matchers, range: cut }]).unwrap();
        model.0.retain(|(series, at), _| !(*series == 0 && cut.contains(*at)));
        for context in ["deleted", "opened again", "rolled up again"] {
            for minutes in [1, 5, 15, 60, 120] {
                let found = periods(&store, 0, minutes * MINUTE, ALL, Detail::Distribution);
                let wanted = model.periods(0, minutes * MINUTE, ALL);
                let context = format!("{context}, from {start_ms}, {minutes} minutes");
                assert_same(&found, &wanted, Detail::Distribution, &context);
            }
            if context == "deleted" {
                drop(store);
                store = open(&disk);
            } else {
                settle(&store, 1003 * DAY + 2 * HOUR);
            }
        }
    }
}

#[test]
fn a_damaged_roll_up_is_made_anew_of_raw_points() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = open(&disk);
    let model = with_days(&store, 1000..1003);
    let check = |store: &MetricStore, context: &str| {
        let found = periods(store, 0, HOUR, ALL, Detail::Distribution);
        assert_same(&found, &model.periods(0, HOUR, ALL), Detail::Distribution, context);
    };
    check(&store, "sound");
    drop(store);
    for at in [40, 3] {
        disk.damage(&disk.first_name("/data/metrics", ".1h.part"), at);
        let store = open(&disk);
        check(&store, "damaged");
        settle(&store, 1003 * DAY + 2 * HOUR);
        check(&store, "made anew");
        assert_eq!(store.status().parts_damaged, 0);
    }
}

/// Breaks a file so that it does not open; again, and it is whole.
fn break_file(disk: &SimDisk, ending: &str) {
    let path = disk.first_name("/data/metrics", ending);
    let len = disk.open(&path).unwrap().len().unwrap();
    disk.damage(&path, len as usize - 1);
}

#[test]
fn raw_points_do_not_expire_before_their_roll_ups_can_be_read() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = open(&disk);
    let model = with_days(&store, 1000..1003);
    drop(store);
    break_file(&disk, ".1000.1h.part");
    let store = open(&disk);
    assert_eq!(store.status().parts_damaged, 1);
    // The server was off until raw points of all days were over.
    settle(&store, 1020 * DAY);
    assert_eq!(store.status().parts_points, 0, "all are gone now");
    let found = periods(&store, 0, HOUR, ALL, Detail::Distribution);
    assert_same(&found, &model.periods(0, HOUR, ALL), Detail::Distribution, "made anew first");
}

#[test]
fn other_retention_has_no_day_count_twice() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = open(&disk);
    let model = with_days(&store, 1000..1003);
    drop(store);
    break_file(&disk, ".1000.1h.part");
    let store = open(&disk);
    let default = store.retention().default;
    store.set_retention(Retention { rules: vec![rule([10, 30, 60])], default }).unwrap();
    for context in ["at once", "rolled up"] {
        for minutes in [5, 60] {
            let found = periods(&store, 0, minutes * MINUTE, ALL, Detail::Distribution);
            let wanted = model.periods(0, minutes * MINUTE, ALL);
            assert_same(&found, &wanted, Detail::Distribution, context);
        }
        settle(&store, 1003 * DAY + 2 * HOUR);
    }
}

#[test]
fn a_day_is_not_made_anew_of_what_came_late_while_the_rest_is_out_of_service() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = open(&disk);
    let (early, noon) = (1000 * DAY + HOUR, 1000 * DAY + 12 * HOUR);
    let hundred = |from: i64| (0..100).map(move |n| (0, from + n * MINUTE, one(n as f64)));
    let mut of_part = [Model::default(), Model::default()];
    for (model, from) in of_part.iter_mut().zip([early, noon]) {
        let points: Vec<_> = hundred(from).collect();
        put(&store, &points);
        model.put(&points);
        store.flush().unwrap();
    }
    let now = 1001 * DAY + 2 * HOUR;
    store.roll_up(now).unwrap();
    drop(store);
    // The first of two raw parts, and what is made of both.
    let broken = [".1000.part", ".1000.1h.part"];
    broken.iter().for_each(|ending| break_file(&disk, ending));
    let store = open(&disk);
    let late: Vec<_> = hundred(1000 * DAY + 20 * HOUR).collect();
    put(&store, &late);
    of_part.iter_mut().for_each(|model| model.put(&late));
    store.flush().unwrap();
    store.roll_up(now).unwrap();
    let found = periods(&store, 0, HOUR, ALL, Detail::Distribution);
    let wanted = of_part[1].periods(0, HOUR, ALL);
    assert_same(&found, &wanted, Detail::Distribution, "what can be read");
    drop(store);
    broken.iter().for_each(|ending| break_file(&disk, ending));
    let store = open(&disk);
    store.roll_up(now).unwrap();
    let [mut whole, rest] = of_part;
    whole.0.extend(rest.0);
    let found = periods(&store, 0, HOUR, ALL, Detail::Distribution);
    assert_same(&found, &whole.periods(0, HOUR, ALL), Detail::Distribution, "mended");
}

/// Does background work once a minute for an hour, and returns how often it failed.
fn failures_of_an_hour(store: &MetricStore, now: i64) -> usize {
    (0..60).filter(|minute| store.maintain(now + minute * 61_000).is_err()).count()
}

#[test]
fn a_raw_part_that_is_damaged_anywhere_keeps_no_other_day_back() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = open(&disk);
    let now = 1003 * DAY + 2 * HOUR;
    for day in 1000..1003 {
        let points = (0..50).map(|n| (n as u8 % 6, day * DAY + n * MINUTE, one(n as f64 / 7.0)));
        put(&store, &points.collect::<Vec<_>>());
        store.flush().unwrap();
    }
    store.settle(now).unwrap();
    drop(store);
    let path = disk.first_name("/data/metrics", ".1000.part");
    let len = disk.open(&path).unwrap().len().unwrap() as usize;
    for at in (0..len).step_by(11) {
        let disk = disk.after_kill();
        disk.damage(&path, at);
        let store = open(&disk);
        let failures = failures_of_an_hour(&store, now);
        let status = store.status();
        assert!(failures <= status.parts_damaged, "byte {at} of {len}: {failures} failures");
        assert_eq!(status.days_to_roll_up, 0, "byte {at} of {len}");
        assert_eq!(status.tiers[1].days, 3 - status.parts_damaged, "byte {at} of {len}");
    }
}

#[test]
fn a_damaged_roll_up_under_a_deletion_is_set_aside_once_and_made_anew() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = open(&disk);
    let model = with_days(&store, 1000..1003);
    let matchers = vec![Matcher::equal("__namespace__", "Shop")];
    let what = Deletion { tenant: TenantId(1), matchers, range: TimeRange::ALL };
    store.delete(&[what]).unwrap();
    drop(store);
    disk.damage(&disk.first_name("/data/metrics", ".1000.5m.part"), 40);
    let store = open(&disk);
    assert!(failures_of_an_hour(&store, 1003 * DAY + 2 * HOUR) <= 1);
    assert_eq!((store.status().parts_damaged, store.tombstones()), (0, 0));
    assert_eq!(periods(&store, 0, HOUR, ALL, Detail::Statistics), []);
    let found = periods(&store, 1, 5 * MINUTE, ALL, Detail::Distribution);
    assert_same(&found, &model.periods(1, 5 * MINUTE, ALL), Detail::Distribution, "made anew");
}

#[test]
fn floats_whose_distribution_is_wanted_come_as_raw_points_alone() {
    let store = open(&SimDisk::new(1, CrashPlan::default()));
    with_days(&store, 1000..1003);
    let is_raw = |series, detail| {
        let (grid, budget) = (Grid { period_ms: HOUR, range: ALL, detail }, ReadBudget::default());
        let found = store.find_on((&key(series)).into(), &grid, &budget).unwrap();
        found[0].as_raw().is_some()
    };
    assert!(is_raw(1, Detail::Distribution));
    assert!(!is_raw(1, Detail::Statistics) && !is_raw(0, Detail::Distribution));
}

#[test]
fn raw_floats_in_the_place_of_roll_ups_count_against_the_limit_of_points() {
    let store = open(&SimDisk::new(1, CrashPlan::default()));
    with_days(&store, 1000..1003);
    let limits = ReadLimits { points_max: 3 * 1440 - 1, ..ReadLimits::default() };
    let find = |series, detail| {
        let grid = Grid { period_ms: HOUR, range: ALL, detail };
        store.find_on((&key(series)).into(), &grid, &ReadBudget::new(limits, None)).map(drop)
    };
    let refused = find(1, Detail::Distribution);
    assert!(matches!(refused, Err(ReadError::TooManyPoints { found: 4320, .. })), "{refused:?}");
    find(1, Detail::Statistics).unwrap();
    find(0, Detail::Distribution).unwrap();
}

#[test]
fn roll_ups_answer_what_raw_points_answer() {
    let seeds = std::env::var("SIGHTLINE_ROLLUP_SEEDS").ok().and_then(|n| n.parse().ok());
    for seed in 0..seeds.unwrap_or(40) {
        history(seed);
    }
}
