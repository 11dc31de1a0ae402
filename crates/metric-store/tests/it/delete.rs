//! Deleted series are gone from every read at once and for good; what comes later stays.

use metric_store::{
    Deleted, Deletion, FileStore, Matcher, MetricStore, Points, ReadBudget, Step, StoreOptions,
    Test,
};
use model::{Kind, SeriesKey, TenantId, TimeRange, Unit};
use std::path::Path;
use std::slice::from_ref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use stdx::{CrashPlan, Disk, SimDisk};
use storage::FileJournalOptions;

const DAY: i64 = 86_400_000;
const TENANT: TenantId = TenantId(1);

fn open(disk: &SimDisk) -> MetricStore {
    let options = StoreOptions { retention_ms: 90 * DAY, ..StoreOptions::default() };
    let journal = FileJournalOptions::default();
    FileStore::open(Arc::new(disk.clone()), Path::new("/data"), journal, options).unwrap()
}

fn key(namespace: &str, n: u32) -> SeriesKey {
    SeriesKey {
        tenant: TENANT,
        namespace: namespace.into(),
        name: "m".into(),
        unit: Unit::None,
        labels: vec![("host".into(), format!("{namespace}-h{n}")), (namespace.into(), "x".into())],
    }
}

fn write(store: &MetricStore, namespace: &str, series: u32, times: &[i64]) {
    let mut batch = store.batch();
    for n in 0..series {
        let number = batch.register(None, &key(namespace, n), Kind::Float).unwrap();
        times.iter().for_each(|&at| batch.float(number, at, f64::from(n)));
    }
    store.write(batch).unwrap();
}

/// Number of points of each series of a namespace, by all of them.
fn counts(store: &MetricStore, namespace: &str) -> Vec<usize> {
    let matchers = [Matcher::equal("__namespace__", namespace)];
    let found = store.select(TENANT, &matchers, TimeRange::ALL, &ReadBudget::default()).unwrap();
    found.iter().map(|s| s.points().unwrap().len()).collect()
}

fn of_namespace(namespace: &str) -> Deletion {
    Deletion {
        tenant: TENANT,
        matchers: vec![Matcher::equal("__namespace__", namespace)],
        range: TimeRange::ALL,
    }
}

fn labels(store: &MetricStore) -> Vec<String> {
    store
        .labels(TENANT, TimeRange::ALL, |_| true, &ReadBudget::default())
        .unwrap()
        .into_keys()
        .collect()
}

/// Nothing of the namespace `gone` is shown by anything, and all of `kept` is.
fn assert_gone(store: &MetricStore, when: &str) {
    assert!(counts(store, "gone").is_empty(), "{when}: points");
    assert_eq!(counts(store, "kept"), [3; 50], "{when}: points of others");
    let keys = store.keys(TENANT, &[], TimeRange::ALL, &ReadBudget::default()).unwrap();
    assert!(keys.iter().all(|k| k.namespace == "kept") && keys.len() == 50, "{when}: keys");
    let half = TimeRange { start_ms: 0, end_ms: 5 * DAY + 1 };
    let keys = store.keys(TENANT, &[], half, &ReadBudget::default()).unwrap();
    assert!(keys.iter().all(|k| k.namespace == "kept"), "{when}: keys of some days");
    let found =
        store.find((&key("gone", 3)).into(), TimeRange::ALL, &ReadBudget::default()).unwrap();
    assert!(found.is_empty(), "{when}: one series by its key");
    assert_eq!(labels(store), ["__name__", "__namespace__", "host", "kept"], "{when}: labels");
    let values =
        store.labels(TENANT, TimeRange::ALL, |l| l == "host", &ReadBudget::default()).unwrap();
    assert_eq!(values["host"].len(), 50, "{when}: values of a label");
}

#[test]
fn a_namespace_goes_at_once_and_for_good() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = open(&disk);
    // In an older part, in a younger one of another day, and in the head.
    for times in [&[5 * DAY][..], &[6 * DAY], &[6 * DAY + 1000]] {
        write(&store, "gone", 50, times);
        write(&store, "kept", 50, times);
        if times != [6 * DAY + 1000] {
            store.flush().unwrap();
        }
    }
    let would = store.would_delete(&[of_namespace("gone")]).unwrap();
    assert_eq!((would.series, would.parts, would.points), (50, 3, 150));
    assert!(would.bytes > 0);
    assert_eq!(counts(&store, "gone"), [3; 50], "looking changes nothing");

    let deleted = store.delete(&[of_namespace("gone")]).unwrap();
    assert_eq!((deleted.series, deleted.parts, deleted.parts_whole), (50, 3, 0));
    assert_gone(&store, "at once");
    let nothing = store.delete(&[of_namespace("gone"), of_namespace("nobody")]).unwrap();
    assert_eq!(nothing, Deleted::default(), "nothing is left to delete");
    assert_eq!(store.tombstones(), 1);
    drop(store);
    for disk in [disk.after_kill(), disk.after_power_loss()] {
        let store = open(&disk);
        assert_gone(&store, "after a restart");
        assert_eq!(store.tombstones(), 1);
        store.flush().unwrap();
        store.settle(6 * DAY).unwrap();
        assert_gone(&store, "after merging");
        assert_eq!(store.tombstones(), 0, "no part from before is left");
        drop(store);
        let manifest = disk.open(Path::new("/data/metrics/MANIFEST")).unwrap().read_all().unwrap();
        assert!(manifest.starts_with(b"sightline-manifest 1\n"), "older versions read it again");
    }
}

#[test]
fn what_comes_after_a_deletion_stays_whatever_its_time() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = open(&disk);
    write(&store, "gone", 5, &[DAY, DAY + 1000]);
    store.delete(&[of_namespace("gone")]).unwrap();
    write(&store, "gone", 5, &[DAY]);
    assert_eq!(counts(&store, "gone"), [1; 5]);
    store.flush().unwrap();
    assert_eq!(counts(&store, "gone"), [1; 5]);
    store.settle(DAY).unwrap();
    drop(store);
    assert_eq!(counts(&open(&disk.after_power_loss()), "gone"), [1; 5]);
}

#[test]
fn a_range_of_time_goes_out_of_the_middle() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = open(&disk);
    let times: Vec<i64> = (0..100).map(|n| 3 * DAY + n * 1000).collect();
    write(&store, "ns", 3, &times);
    store.flush().unwrap();
    let hosts = Test::Passes(Arc::new(|host: &str| host.ends_with('1') || host.ends_with('2')));
    let matchers = vec![Matcher { label: "host".into(), test: hosts, negated: false }];
    let cut = |from: i64, to: i64| Deletion {
        tenant: TENANT,
        matchers: matchers.clone(),
        range: TimeRange { start_ms: 3 * DAY + from, end_ms: 3 * DAY + to },
    };
    assert_eq!(store.would_delete(&[cut(10_000, 20_000)]).unwrap().points, 20);
    store.delete(&[cut(10_000, 20_000)]).unwrap();
    assert_eq!(counts(&store, "ns"), [100, 90, 90]);
    let nothing = store.delete(&[cut(10_500, 12_000), cut(200_000, 300_000)]).unwrap();
    assert_eq!(nothing.series, 0, "it is gone already, or never was");
    let within = TimeRange { start_ms: 3 * DAY + 10_000, end_ms: 3 * DAY + 20_000 };
    assert_eq!(store.keys(TENANT, &[], within, &ReadBudget::default()).unwrap(), [key("ns", 0)]);
    // What two deletions leave nothing of is gone as by one.
    store.delete(&[cut(0, 10_000), cut(20_000, 100_000)]).unwrap();
    assert_eq!(counts(&store, "ns"), [100]);
    let hosts =
        store.labels(TENANT, TimeRange::ALL, |l| l == "host", &ReadBudget::default()).unwrap();
    assert_eq!(hosts["host"].len(), 1);
    assert_eq!(store.clean_tombstones().unwrap(), 1);
    assert_eq!((store.tombstones(), counts(&store, "ns")), (0, vec![100]));
}

#[test]
fn space_returns_at_once_or_with_the_next_step() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = open(&disk);
    write(&store, "gone", 1000, &[DAY, DAY + 777]);
    store.flush().unwrap();
    write(&store, "gone", 1000, &[2 * DAY]);
    write(&store, "kept", 1000, &[2 * DAY]);
    store.flush().unwrap();
    let bytes = store.status().parts_bytes;
    let deleted = store.delete(&[of_namespace("gone")]).unwrap();
    assert_eq!(deleted.parts_whole, 1, "the first day held nothing else");
    assert_eq!(disk.list_names("/data/metrics", ".part"), 1);
    assert_eq!(store.maintain(2 * DAY).unwrap(), Step::Merged);
    assert_eq!(store.maintain(2 * DAY).unwrap(), Step::Nothing);
    assert_eq!((store.tombstones(), counts(&store, "kept").len()), (0, 1000));
    assert!(store.status().parts_bytes * 2 < bytes);
    // One series of a thousand is not worth a rewrite; it is when somebody asks.
    let one = Deletion { matchers: vec![Matcher::equal("host", "kept-h7")], ..of_namespace("") };
    store.delete(from_ref(&one)).unwrap();
    assert_eq!(store.maintain(2 * DAY).unwrap(), Step::Nothing);
    assert_eq!((store.tombstones(), counts(&store, "kept").len()), (1, 999));
    assert_eq!(store.clean_tombstones().unwrap(), 1);
    assert_eq!((store.tombstones(), counts(&store, "kept").len()), (0, 999));
}

#[test]
fn a_deletion_without_space_deletes_nothing() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = open(&disk);
    write(&store, "gone", 50, &[DAY]);
    let capacity_bytes = Some(disk.used_bytes() + 100);
    disk.set_plan(CrashPlan { capacity_bytes, ..CrashPlan::default() });
    assert!(store.delete(&[of_namespace("gone")]).is_err());
    assert_eq!(counts(&store, "gone"), [1; 50]);
    disk.set_plan(CrashPlan::default());
    assert_eq!(store.delete(&[of_namespace("gone")]).unwrap().series, 50);
    assert!(counts(&store, "gone").is_empty());
}

#[test]
fn tests_by_function_take_the_values_that_there_are() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = open(&disk);
    write(&store, "a", 4, &[DAY]);
    write(&store, "b", 4, &[DAY]);
    let passes = |label: &str, negated: bool, test: fn(&str) -> bool| Deletion {
        tenant: TENANT,
        matchers: vec![Matcher {
            label: label.into(),
            test: Test::Passes(Arc::new(test)),
            negated,
        }],
        range: TimeRange::ALL,
    };
    assert_eq!(store.delete(&[passes("host", false, |_| false)]).unwrap().series, 0);
    assert_eq!(store.delete(&[passes("nowhere", false, |v| v == "x")]).unwrap().series, 0);
    // Series without the label pass with the empty value.
    assert_eq!(store.would_delete(&[passes("nowhere", false, str::is_empty)]).unwrap().series, 8);
    assert_eq!(store.delete(&[passes("a", true, str::is_empty)]).unwrap().series, 4);
    assert_eq!((counts(&store, "a").len(), counts(&store, "b").len()), (0, 4));
    assert_eq!(store.delete(&[passes("host", true, |v| v == "b-h0")]).unwrap().series, 3);
    assert_eq!(counts(&store, "b"), [1]);
}

#[test]
fn too_many_values_to_write_down_are_refused() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = open(&disk);
    let mut batch = store.batch();
    for n in 0..3000 {
        let mut key = key("ns", n);
        key.labels[0].1 = format!("{n:0500}");
        let number = batch.register(None, &key, Kind::Float).unwrap();
        batch.float(number, DAY, 1.0);
    }
    store.write(batch).unwrap();
    let any: fn(&str) -> bool = |host| !host.is_empty();
    let all_hosts = Deletion {
        matchers: vec![Matcher {
            label: "host".into(),
            test: Test::Passes(Arc::new(any)),
            negated: false,
        }],
        ..of_namespace("")
    };
    let error = store.delete(&[all_hosts]).unwrap_err().to_string();
    assert!(error.contains("\"host\" has 3000 values"), "{error}");
    assert_eq!(counts(&store, "ns").len(), 3000);
}

#[test]
fn writers_and_deletions_take_turns() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = Arc::new(open(&disk));
    let (acknowledged, stop) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicBool::new(false)));
    let writer = {
        let (store, acknowledged, stop) = (store.clone(), acknowledged.clone(), stop.clone());
        std::thread::spawn(move || {
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                n += 1;
                let mut batch = store.batch();
                let number = batch.register(None, &key("gone", 0), Kind::Float).unwrap();
                batch.float(number, n * 1000, 1.0);
                match store.write(batch) {
                    Ok(()) => acknowledged.store(n, Ordering::SeqCst),
                    // A deletion renewed the registry: the batch is begun again.
                    Err(metric_store::WriteError::Stale) => n -= 1,
                    Err(error) => panic!("{error}"),
                }
            }
        })
    };
    let mut deletions = 0;
    while deletions < 20 {
        let before = acknowledged.load(Ordering::SeqCst);
        store.delete(&[of_namespace("gone")]).unwrap();
        let after = acknowledged.load(Ordering::SeqCst);
        let found = store
            .find((&key("gone", 0)).into(), TimeRange::ALL, &ReadBudget::default())
            .unwrap()
            .first()
            .map(|series| match series.points().unwrap() {
                Points::Floats(points) => points.iter().map(|p| p.0 / 1000).collect::<Vec<_>>(),
                _ => panic!("floats were written"),
            })
            .unwrap_or_default();
        assert!(found.iter().all(|&n| n > before), "acknowledged before: {before} {found:?}");
        // Whatever was begun after the deletion had returned is there; one was under way.
        let late = acknowledged.load(Ordering::SeqCst);
        if late > after {
            let found = counts(&store, "gone");
            let count = found.first().copied().unwrap_or(0);
            assert!(count as i64 >= late - after - 1, "{found:?} of {after}..{late}");
        }
        if late > before {
            deletions += 1;
        }
        if deletions % 5 == 0 {
            store.settle(DAY).unwrap();
        }
    }
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
}

#[test]
fn a_dry_run_holds_up_no_flush() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = Arc::new(open(&disk));
    write(&store, "gone", 5, &[DAY]);
    store.flush().unwrap();
    // With this the registry is renewed, so that values are asked of the part only.
    write(&store, "other", 5, &[DAY]);
    store.delete(&[of_namespace("other")]).unwrap();
    let flushing = Arc::downgrade(&store);
    let flushes = Test::Passes(Arc::new(move |value: &str| {
        // Whether series without the label pass is asked beside the head, under the lock.
        if !value.is_empty() {
            flushing.upgrade().expect("held below").flush().unwrap();
        }
        !value.is_empty()
    }));
    let matchers = vec![Matcher { label: "host".into(), test: flushes, negated: false }];
    let would = store.would_delete(&[Deletion { matchers, ..of_namespace("") }]).unwrap();
    assert_eq!((would.series, would.points), (5, 5));
}

/// A store with one settled part of 1000 series, and cuts of a second of each of `cuts` of them.
fn with_cuts(disk: &SimDisk, cuts: i64) -> MetricStore {
    let store = open(disk);
    let times: Vec<i64> = (0..100).map(|n| DAY + n * 1000).collect();
    write(&store, "ns", 1000, &times);
    store.flush().unwrap();
    store.settle(2 * DAY).unwrap();
    (0..cuts).for_each(|n| cut_one(&store, n));
    store
}

fn cut_one(store: &MetricStore, n: i64) {
    let range = TimeRange { start_ms: DAY + n * 1000, end_ms: DAY + n * 1000 + 1 };
    let matchers = vec![Matcher::equal("host", "ns-h7")];
    let cut = Deletion { tenant: TENANT, matchers, range };
    assert_eq!(store.delete(from_ref(&cut)).unwrap().series, 1);
}

#[test]
fn a_tombstone_that_takes_little_goes_after_a_day() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = with_cuts(&disk, 1);
    store.maintain(2 * DAY).unwrap();
    for now_ms in [2 * DAY, 3 * DAY - 1] {
        store.roll_up(now_ms).unwrap();
        assert_eq!(store.maintain(now_ms).unwrap(), Step::Nothing);
        assert_eq!(store.tombstones(), 1);
    }
    assert_eq!(store.maintain(3 * DAY).unwrap(), Step::Merged);
    assert_eq!(store.maintain(3 * DAY).unwrap(), Step::Nothing);
    assert_eq!((store.tombstones(), counts(&store, "ns").iter().sum::<usize>()), (0, 99_999));
}

#[test]
fn there_are_not_more_tombstones_than_reads_can_bear() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = with_cuts(&disk, 64);
    store.roll_up(2 * DAY).unwrap();
    assert_eq!(store.maintain(2 * DAY).unwrap(), Step::Nothing);
    assert_eq!(store.tombstones(), 64);
    cut_one(&store, 64);
    assert_eq!(store.maintain(2 * DAY).unwrap(), Step::Merged);
    store.roll_up(2 * DAY).unwrap();
    assert_eq!(store.maintain(2 * DAY).unwrap(), Step::Nothing);
    assert_eq!((store.tombstones(), counts(&store, "ns").iter().sum::<usize>()), (0, 99_935));
}
