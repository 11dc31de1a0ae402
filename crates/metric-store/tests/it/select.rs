//! Series found by conditions and by groups, wherever they stand.

use metric_store::{
    FileStore, Matcher, MetricStore, Points, ReadBudget, ReadError, ReadLimits, Selector,
    StoreOptions, Test,
};
use model::{Kind, SeriesKey, TenantId, TimeRange, Unit};
use std::path::Path;
use std::sync::Arc;
use stdx::{CrashPlan, SimDisk};

const TENANT: TenantId = TenantId(1);

fn store() -> MetricStore {
    let disk = Arc::new(SimDisk::new(1, CrashPlan::default()));
    let options = StoreOptions::default();
    FileStore::open(disk, Path::new("/d"), Default::default(), options).expect("opens")
}

fn put(store: &MetricStore, host: &str, zone: Option<&str>, at_ms: i64) {
    let mut labels = vec![("host".to_owned(), host.to_owned())];
    labels.extend(zone.map(|zone| ("zone".to_owned(), zone.to_owned())));
    let (namespace, name) = ("Shop".to_owned(), "Orders".to_owned());
    let key = SeriesKey { tenant: TENANT, namespace, name, unit: Unit::Count, labels };
    let mut batch = store.batch();
    let series = batch.register(None, &key, Kind::Delta).expect("room");
    batch.single(series, at_ms, 1.0);
    store.write(batch).expect("kept");
}

fn count(points: &Points) -> usize {
    points.len()
}

/// Two parts and a head: `a` stands in all of them, `c` in the head only.
fn filled() -> MetricStore {
    let store = store();
    put(&store, "a", Some("1"), 60_000);
    put(&store, "b", Some("2"), 60_000);
    store.flush().expect("flushed");
    put(&store, "a", Some("1"), 120_000);
    put(&store, "d", None, 120_000);
    store.flush().expect("flushed");
    put(&store, "a", Some("1"), 180_000);
    put(&store, "c", Some("1"), 180_000);
    store
}

#[test]
fn conditions_find_series_in_parts_and_head() {
    let store = filled();
    let hosts = |selector: Selector, range: TimeRange| -> Vec<String> {
        let found = store.select_where(TENANT, &selector, range, &ReadBudget::default());
        let found = found.expect("an answer");
        found.iter().map(|series| series.key.label("host").to_owned()).collect()
    };
    let is = |label: &str, value: &str| Selector::Is(Matcher::equal(label, value));
    let either = Selector::Any(vec![is("host", "b"), is("zone", "1")]);
    assert_eq!(hosts(either.clone(), TimeRange::ALL), ["a", "b", "c"]);
    let not = Selector::All(vec![either, Selector::Not(Box::new(is("host", "a")))]);
    assert_eq!(hosts(not, TimeRange::ALL), ["b", "c"]);
    assert_eq!(hosts(Selector::Labels(vec!["host".into()]), TimeRange::ALL), ["d"]);
    let anywhere = |text: &str| Selector::Anywhere(Test::Equal(text.into()));
    assert_eq!(hosts(anywhere("2"), TimeRange::ALL), ["b"]);
    assert_eq!(hosts(anywhere("Orders"), TimeRange::ALL), ["a", "b", "c", "d"]);
    assert_eq!(hosts(anywhere("Count"), TimeRange::ALL), [""; 0], "a unit is no text of a metric");
    let part = Selector::Anywhere(Test::Passes(Arc::new(|text| text.starts_with('z'))));
    assert_eq!(hosts(part, TimeRange::ALL), ["a", "b", "c"], "a label's name is one");
    let first = TimeRange { start_ms: 0, end_ms: 100_000 };
    assert_eq!(hosts(Selector::All(vec![]), first)[..2], ["a", "b"]);
}

#[test]
fn groups_are_read_a_few_at_a_time_and_hold_all_points_of_a_series() {
    let store = filled();
    let budget = ReadBudget::default();
    let labels = ["zone".to_owned()];
    let all = Selector::All(vec![]);
    let found = store.select_groups(TENANT, all, &labels, TimeRange::ALL, &budget).unwrap();
    let zones: Vec<_> = found.groups().iter().map(|values| values[0].as_deref()).collect();
    assert_eq!(zones, [None, Some("1"), Some("2")]);
    let read = |groups: &[usize]| -> Vec<(String, usize)> {
        let read = found.read(groups, &budget).expect("an answer");
        let mut series: Vec<_> = read
            .series
            .iter()
            .map(|s| (s.key.label("host").to_owned(), count(&s.points().expect("points"))))
            .collect();
        series.sort();
        series
    };
    let taken = budget.taken();
    assert_eq!(read(&[1]), [("a".to_owned(), 3), ("c".to_owned(), 1)]);
    assert_eq!(read(&[0, 2]), [("b".to_owned(), 1), ("d".to_owned(), 1)]);
    assert_eq!(budget.taken(), taken, "what is not held any more is not paid for");
}

#[test]
fn a_flush_between_groups_loses_nothing() {
    let store = filled();
    let budget = ReadBudget::default();
    let labels = ["host".to_owned()];
    let all = Selector::All(vec![]);
    let found = store.select_groups(TENANT, all, &labels, TimeRange::ALL, &budget).unwrap();
    let points = |group: usize| {
        let read = found.read(&[group], &budget).expect("an answer");
        read.series.iter().map(|s| count(&s.points().expect("points"))).collect::<Vec<_>>()
    };
    assert_eq!(points(0), [3]);
    put(&store, "a", Some("1"), 240_000);
    store.flush().expect("flushed");
    assert_eq!(points(2), [1], "c has moved from the head to a part");
    assert_eq!(points(0), [4], "and what came in between is there");
    put(&store, "e", None, 240_000);
    store.flush().expect("flushed");
    assert_eq!(points(1), [1]);
    assert_eq!(found.groups().len(), 4, "groups that came later are not among them");
}

#[test]
fn limits_hold_over_all_that_is_read() {
    let store = filled();
    let limited = |series_max, points_max| {
        let limits = ReadLimits { series_max, points_max, ..ReadLimits::default() };
        ReadBudget::new(limits, None)
    };
    let labels = ["host".to_owned()];
    let find = |budget: &ReadBudget| -> Result<(), ReadError> {
        let all = Selector::All(vec![]);
        let found = store.select_groups(TENANT, all, &labels, TimeRange::ALL, budget)?;
        (0..found.groups().len()).try_for_each(|group| found.read(&[group], budget).map(drop))
    };
    find(&limited(4, 6)).expect("as many as there are");
    assert!(matches!(find(&limited(1, 6)), Err(ReadError::TooManySeries { .. })));
    assert!(matches!(find(&limited(3, 6)), Err(ReadError::TooManySeries { .. })));
    assert!(matches!(find(&limited(4, 5)), Err(ReadError::TooManyPoints { .. })));
}
