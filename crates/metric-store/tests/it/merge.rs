//! Flushing, merging and expiring change no answer; readers see whole states while they happen.

use metric_store::{
    FileStore, Matcher, MetricKey, MetricStore, Points, ReadBudget, Step, StoreOptions, Tap,
    TapEvent, Test,
};
use model::{Kind, SeriesKey, TenantId, TimeRange, Unit};
use std::path::Path;
use std::slice::from_ref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use stdx::{CrashPlan, SimDisk};
use storage::FileJournalOptions;

const DAY: i64 = 86_400_000;

fn store_on(disk: &SimDisk) -> MetricStore {
    let options = StoreOptions {
        retention_ms: 30 * DAY,
        // Days pass in one step here.
        trust_clock: true,
        tap_bytes_max: 1_000_000,
        ..StoreOptions::default()
    };
    let journal = FileJournalOptions { segment_bytes: 100_000, ..FileJournalOptions::default() };
    FileStore::open(Arc::new(disk.clone()), Path::new("/data"), journal, options).unwrap()
}

fn key(n: u32) -> SeriesKey {
    SeriesKey {
        tenant: TenantId(1),
        namespace: String::new(),
        name: "up".into(),
        unit: Unit::None,
        labels: vec![("host".into(), format!("h{n}")), ("zone".into(), format!("z{}", n % 3))],
    }
}

fn write(store: &MetricStore, at_ms: i64, series: u32) {
    let mut batch = store.batch();
    for n in 0..series {
        let number = batch.register(None, &key(n), Kind::Float).unwrap();
        batch.float(number, at_ms, f64::from(n) + (at_ms / 10_000 % 7) as f64);
    }
    store.write(batch).unwrap();
}

fn answer(store: &MetricStore, matchers: &[Matcher]) -> Vec<(String, Points)> {
    store
        .select(TenantId(1), matchers, TimeRange::ALL, &ReadBudget::default())
        .unwrap()
        .into_iter()
        .map(|s| (s.key.label("host").to_owned(), s.points().unwrap()))
        .collect()
}

#[test]
fn merging_changes_no_answer() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = store_on(&disk);
    let not_zone = Matcher { negated: true, ..Matcher::equal("zone", "z1") };
    let any = Matcher {
        label: "host".into(),
        test: Test::AnyOf(vec!["h1".into(), "h7".into(), "nobody".into()]),
        negated: false,
    };
    for round in 0..6i64 {
        for t in 0..400 {
            // Every other round is late and overlaps the one before.
            write(&store, 5 * DAY + (round / 2 * 400 + t) * 10_000, 20);
        }
        let before = (answer(&store, &[]), answer(&store, from_ref(&not_zone)));
        store.flush().unwrap();
        assert_eq!(before, (answer(&store, &[]), answer(&store, from_ref(&not_zone))));
    }
    let before = (answer(&store, &[]), answer(&store, from_ref(&any)));
    assert_eq!(before.1.len(), 2);
    assert_eq!(store.status().parts, 6);
    store.settle(5 * DAY).unwrap();
    assert_eq!(store.status().parts, 1);
    assert_eq!(before, (answer(&store, &[]), answer(&store, from_ref(&any))));
    drop(store);
    let store = store_on(&disk.after_power_loss());
    assert_eq!(before, (answer(&store, &[]), answer(&store, &[any])));
    assert_eq!(
        store.find((&key(7)).into(), TimeRange::ALL, &ReadBudget::default()).unwrap().len(),
        1
    );
    let labels =
        store.labels(TenantId(1), TimeRange::ALL, |l| l == "zone", &ReadBudget::default()).unwrap();
    assert_eq!(labels.keys().collect::<Vec<_>>(), ["__name__", "host", "zone"]);
    assert_eq!(labels["zone"].len(), 3);
    let some = TimeRange { start_ms: 5 * DAY + 5_000, end_ms: 5 * DAY + 10_001 };
    assert_eq!(store.keys(TenantId(1), &[], some, &ReadBudget::default()).unwrap().len(), 20);
    let none = TimeRange { start_ms: 5 * DAY + 1, end_ms: 5 * DAY + 10_000 };
    assert!(
        store
            .select(TenantId(1), &[], none, &ReadBudget::default())
            .unwrap()
            .iter()
            .all(|s| s.points().unwrap().is_empty())
    );
}

#[test]
fn old_partitions_expire_as_a_whole() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = store_on(&disk);
    for day in [1, 2, 3] {
        write(&store, day * DAY + 1, 2);
    }
    store.flush().unwrap();
    assert_eq!(store.status().parts, 3);
    let mut steps = Vec::new();
    loop {
        match store.maintain(33 * DAY).unwrap() {
            Step::Nothing => break,
            step => steps.push(step),
        }
    }
    assert!(steps.contains(&Step::Expired));
    let times: Vec<i64> = match &answer(&store, &[])[0].1 {
        Points::Floats(p) => p.iter().map(|p| p.0).collect(),
        _ => panic!("floats were written"),
    };
    assert_eq!(times, [3 * DAY + 1]);
    // Beside the raw points of the third day, one part of each tier holds all three.
    let names = ["3.part", "5m.part", "1h.part"].map(|end| disk.list_names("/data/metrics", end));
    assert_eq!((names, disk.list_names("/data/metrics", ".part")), ([1, 1, 1], 3));
}

#[test]
fn a_trickle_does_not_keep_a_full_head_from_being_tidied_up() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = store_on(&disk);
    for t in 0..101 {
        write(&store, 5 * DAY + t * 10_000, 10_000);
    }
    let mut now = 5 * DAY + 2_000_000;
    let mut steps = Vec::new();
    while steps.last() != Some(&Step::Merged) && now < 5 * DAY + 2_600_000 {
        write(&store, now, 3);
        steps.push(store.maintain(now).unwrap());
        now += 10_000;
    }
    assert!(steps.contains(&Step::Flushed) && steps.contains(&Step::Merged), "{steps:?}");
    assert!(store.status().head_points < 1000);
}

#[test]
fn a_damaged_part_is_set_aside_and_the_rest_serves() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = store_on(&disk);
    write(&store, DAY, 3);
    store.flush().unwrap();
    write(&store, 2 * DAY, 3);
    store.flush().unwrap();
    drop(store);
    let damaged = disk.first_name("/data/metrics", ".part");
    disk.damage(&damaged, 40);
    let store = store_on(&disk);
    let points = answer(&store, &[]);
    assert_eq!(points.len(), 3);
    assert!(points.iter().all(|(_, p)| p.len() == 1), "the points of the sound part");
    assert_eq!(store.status().parts_damaged, 1);
}

#[test]
fn a_frozen_head_and_a_renewed_registry_change_no_answer() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = store_on(&disk);
    let stale = store.batch();
    write(&store, DAY, 200_000);
    store.flush().unwrap();
    write(&store, DAY + 1000, 10);
    // Nearly all series are dead now: this flush renews the registry.
    store.flush().unwrap();
    assert!(store.status().series < 100);
    let mut stale = stale;
    let number = stale.register(None, &key(1), Kind::Float).unwrap();
    stale.float(number, DAY + 2000, 1.0);
    assert!(matches!(store.write(stale), Err(metric_store::WriteError::Stale)));
    write(&store, DAY + 3000, 10);
    let h1 = answer(&store, &[Matcher::equal("host", "h1")]);
    assert_eq!(h1[0].1.len(), 3);
    drop(store);
    let store = store_on(&disk.after_power_loss());
    assert_eq!(answer(&store, &[Matcher::equal("host", "h1")]), h1);
}

#[test]
fn readers_see_whole_states_while_writers_flush_and_merge() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = Arc::new(store_on(&disk));
    let stop = Arc::new(AtomicBool::new(false));
    let reader = {
        let (store, stop) = (store.clone(), stop.clone());
        std::thread::spawn(move || {
            let mut last = 0;
            while !stop.load(Ordering::Relaxed) {
                let all = answer(&store, &[]);
                // Each batch holds every series once, and is readable as a whole per series; what
                // was seen stays.
                let len = all.iter().map(|(_, p)| p.len()).min().unwrap_or(0);
                assert!(len + 1 >= last, "{len} points after {last}");
                last = len;
            }
        })
    };
    for t in 0..300 {
        write(&store, DAY + t * 1000, 30);
        if t % 20 == 19 {
            store.flush().unwrap();
        }
        if t % 70 == 69 {
            store.settle(DAY).unwrap();
        }
    }
    stop.store(true, Ordering::Relaxed);
    reader.join().unwrap();
    assert!(answer(&store, &[]).iter().all(|(_, p)| p.len() == 300));
}

#[test]
fn the_tap_shows_what_was_kept_in_order_and_holds_the_journal() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = Arc::new(store_on(&disk));
    let mut tap = Tap::after(&store, store.flushed());
    write(&store, DAY, 2);
    write(&store, DAY + 1000, 2);
    let mut seen = Vec::new();
    assert_eq!(tap.read(10, |_, event| seen.push(event)).unwrap(), 2);
    let declared = |e: &&TapEvent| matches!(e, TapEvent::Declared { .. });
    assert_eq!(seen.iter().filter(declared).count(), 2, "each series once");
    assert_eq!(seen.len(), 6);
    assert_eq!(tap.read(10, |_, _| panic!("nothing new")).unwrap(), 0);
    // Far more than a segment, and flushed: the tap still gets all of it.
    for n in 0..500 {
        write(&store, DAY + 4000 + n, 200);
    }
    store.flush().unwrap();
    write(&store, DAY + 10_000, 2);
    store.flush().unwrap();
    assert_eq!(tap.read(10_000, |_, _| {}).unwrap(), 501);
    // Past the limit a reader that stands still is cut loose.
    for n in 0..3000 {
        write(&store, DAY + 20_000 + n, 200);
    }
    store.flush().unwrap();
    write(&store, DAY + 30_000, 2);
    store.flush().unwrap();
    let cut = tap.read(10, |_, _| {});
    assert!(matches!(cut, Err(metric_store::TapError::CutLoose { .. })), "{cut:?}");
}

/// Keys around the wanted one, in the order of files: other namespaces, names, units and labels.
#[test]
fn a_metric_is_found_in_every_unit_and_nothing_beside_it() {
    let disk = SimDisk::new(5, CrashPlan::default());
    let store = store_on(&disk);
    let of = |name: &str, unit, host: u32| SeriesKey { name: name.into(), unit, ..key(host) };
    let others = (0..300).map(|n| of("up", Unit::Seconds, n)).chain([
        of("uo", Unit::Bytes, 7),
        of("up", Unit::Bytes, 8),
        of("up!", Unit::Count, 7),
        SeriesKey { namespace: "ns".into(), ..of("up", Unit::Percent, 7) },
        SeriesKey { labels: Vec::new(), ..of("up", Unit::Bits, 7) },
    ]);
    let wanted = [Unit::None, Unit::Seconds, Unit::CountPerSecond].map(|unit| of("up", unit, 7));
    let mut batch = store.batch();
    for key in others.chain(wanted.clone()) {
        let number = batch.register(None, &key, Kind::Delta).unwrap();
        batch.single(number, 1_000, 1.0);
    }
    let float = batch.register(None, &wanted[0], Kind::Float).unwrap();
    batch.float(float, 1_000, 1.0);
    store.write(batch).unwrap();
    let labels = &wanted[0].labels;
    let ask = |unit| {
        let metric = MetricKey { tenant: TenantId(1), namespace: "", name: "up", labels, unit };
        let found = store.find(metric, TimeRange::ALL, &ReadBudget::default()).unwrap();
        let mut found: Vec<_> =
            found.into_iter().map(|s| (s.key.unit, s.kind, s.key.labels == *labels)).collect();
        found.sort_by_key(|(unit, kind, _)| (*unit, *kind));
        found
    };
    let all = [
        (Unit::None, Kind::Float, true),
        (Unit::None, Kind::Delta, true),
        (Unit::Seconds, Kind::Delta, true),
        (Unit::CountPerSecond, Kind::Delta, true),
    ];
    for _ in ["from the head", "from a part"] {
        let mut sorted = all;
        sorted.sort_by_key(|(unit, kind, _)| (*unit, *kind));
        assert_eq!(ask(None), sorted);
        assert_eq!(ask(Some(Unit::Seconds)), [(Unit::Seconds, Kind::Delta, true)]);
        assert_eq!(ask(Some(Unit::Bytes)), []);
        store.flush().unwrap();
    }
}
