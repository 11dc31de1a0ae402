//! Each thing that can go wrong with a disk or a clock: what the store says of it, what it goes on
//! doing, and that the content afterwards is what was acknowledged.

use metric_store::{
    FaultKind, FileStore, MetricStore, Points, ReadBudget, Step, StoreOptions, WriteError,
};
use model::{Kind, SeriesKey, TenantId, TimeRange, Unit};
use parking_lot::Mutex;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use stdx::{CrashPlan, SimDisk};
use storage::{FileJournalOptions, SyncMode};

const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;

fn open_with(disk: &SimDisk, options: StoreOptions, sync: SyncMode) -> MetricStore {
    let journal = FileJournalOptions { sync, ..FileJournalOptions::default() };
    FileStore::open(Arc::new(disk.clone()), Path::new("/data"), journal, options).unwrap()
}

fn open(disk: &SimDisk) -> MetricStore {
    open_with(disk, StoreOptions::default(), SyncMode::Always)
}

fn disk() -> SimDisk {
    SimDisk::new(1, CrashPlan::default())
}

fn batch(store: &MetricStore, at_ms: i64, count: i64) -> metric_store::Batch {
    let key = SeriesKey {
        tenant: TenantId(1),
        namespace: "ns".into(),
        name: "m".into(),
        unit: Unit::None,
        labels: Vec::new(),
    };
    let mut batch = store.batch();
    let number = batch.register(None, &key, Kind::Float).unwrap();
    (0..count).for_each(|n| batch.float(number, at_ms + n * 1000, (n as f64).sqrt()));
    batch
}

fn write(store: &MetricStore, at_ms: i64, count: i64) -> Result<(), WriteError> {
    store.write(batch(store, at_ms, count))
}

fn times(store: &MetricStore) -> Vec<i64> {
    let found = store.select(TenantId(1), &[], TimeRange::ALL, &ReadBudget::default()).unwrap();
    let points = found.first().map(|series| series.points().unwrap());
    match points {
        Some(Points::Floats(points)) => points.iter().map(|p| p.0).collect(),
        Some(_) => panic!("floats were written"),
        None => Vec::new(),
    }
}

#[test]
fn a_full_disk_is_told_and_over_when_there_is_room() {
    let disk = disk();
    let store = open(&disk);
    write(&store, DAY, 3).unwrap();
    let capacity_bytes = Some(disk.used_bytes() + 100);
    disk.set_plan(CrashPlan { capacity_bytes, ..CrashPlan::default() });
    for _ in 0..3 {
        assert!(matches!(write(&store, 2 * DAY, 500), Err(WriteError::NotKept(_))));
    }
    let fault = store.status().journal_fault.expect("it is told");
    assert_eq!((fault.kind, fault.times), (FaultKind::Full, 3));
    assert_eq!(times(&store).len(), 3, "reads go on");
    disk.set_plan(CrashPlan::default());
    write(&store, 3 * DAY, 2).unwrap();
    assert!(store.status().journal_fault.is_none());
    drop(store);
    assert_eq!(times(&open(&disk.after_power_loss())).len(), 5);
}

#[test]
fn a_read_only_disk_refuses_writes_serves_reads_and_loses_nothing() {
    let disk = disk();
    let store = open(&disk);
    write(&store, DAY, 3).unwrap();
    store.flush().unwrap();
    write(&store, DAY + HOUR, 4).unwrap();
    disk.set_plan(CrashPlan { read_only: true, ..CrashPlan::default() });
    assert!(write(&store, 2 * DAY, 5).is_err());
    assert!(store.flush().is_err());
    assert_eq!(times(&store).len(), 7, "reads go on");
    let kinds = [store.status().journal_fault].map(|fault| fault.expect("it is told").kind);
    // What was written cannot be cut off again, so what the disk holds is not known.
    assert!(matches!(kinds, [FaultKind::ReadOnly | FaultKind::SyncFailed]), "{kinds:?}");
    disk.set_plan(CrashPlan::default());
    drop(store);
    let store = open(&disk.after_power_loss());
    assert_eq!(times(&store).len(), 7);
    write(&store, 2 * DAY, 5).unwrap();
}

#[test]
fn a_slow_disk_holds_writers_up_and_nobody_else() {
    let disk = disk();
    let options = StoreOptions { waiting_points_max: 100, ..StoreOptions::default() };
    let store = Arc::new(open_with(&disk, options, SyncMode::Always));
    write(&store, DAY, 3).unwrap();
    disk.hold_syncs(true);
    let kept = Arc::new(Mutex::new(0));
    let submit = |at_ms: i64, count: i64| {
        let kept = kept.clone();
        let done = move |result: Result<(), WriteError>| {
            result.unwrap();
            *kept.lock() += count;
        };
        store.submit(batch(&store, at_ms, count), Box::new(done))
    };
    submit(2 * DAY, 80).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let committer = {
        let (store, stop) = (store.clone(), stop.clone());
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                store.commit(Duration::from_millis(1));
            }
        })
    };
    while store.status().syncs.under_way.is_none() {
        std::thread::yield_now();
    }
    let refused = submit(3 * DAY, 80).unwrap_err();
    assert!(matches!(refused, WriteError::Busy { .. }), "writers are told to slow down: {refused}");
    assert_eq!((times(&store).len(), *kept.lock()), (3, 0), "reads go on, nothing is acknowledged");
    disk.hold_syncs(false);
    while *kept.lock() == 0 {
        std::thread::yield_now();
    }
    submit(3 * DAY, 80).unwrap();
    while *kept.lock() < 160 {
        std::thread::yield_now();
    }
    stop.store(true, Ordering::Relaxed);
    committer.join().unwrap();
    let syncs = store.status().syncs;
    assert!(syncs.count >= 3 && syncs.longest > Duration::ZERO && syncs.under_way.is_none());
    drop(store);
    assert_eq!(times(&open(&disk.after_power_loss())).len(), 163);
}

#[test]
fn a_failed_sync_stops_writes_until_the_next_start() {
    let disk = disk();
    let store = open(&disk);
    write(&store, DAY, 3).unwrap();
    let fail_sync_at = Some(disk.syncs() + 1);
    disk.set_plan(CrashPlan { fail_sync_at, ..CrashPlan::default() });
    assert!(matches!(write(&store, 2 * DAY, 1), Err(WriteError::Broken)));
    assert!(matches!(write(&store, 3 * DAY, 1), Err(WriteError::Broken)));
    assert_eq!(store.status().journal_fault.map(|f| f.kind), Some(FaultKind::SyncFailed));
    assert!(store.is_broken());
    assert_eq!(times(&store).len(), 3, "reads go on");
    drop(store);
    let store = open(&disk.after_power_loss());
    let found = times(&store);
    assert!(found.len() == 3 || found.len() == 4, "the one under way may be in: {found:?}");
    write(&store, 3 * DAY, 1).unwrap();
}

#[test]
fn flushes_that_fail_for_another_reason_are_told() {
    let disk = disk();
    let store = open(&disk);
    write(&store, DAY, 3).unwrap();
    // The part's own sync fails, the journal's do not.
    let fail_sync_at = Some(disk.syncs() + 1);
    disk.set_plan(CrashPlan { fail_sync_at, ..CrashPlan::default() });
    assert_eq!(store.maintain(DAY).unwrap(), Step::Nothing);
    assert!(store.maintain(DAY + 3 * HOUR).is_err());
    let fault = store.status().maintenance_fault.expect("it is told");
    assert_eq!((fault.kind, fault.times), (FaultKind::Other, 1));
    assert_eq!(store.maintain(DAY + 3 * HOUR).unwrap(), Step::Flushed);
    assert!(store.status().maintenance_fault.is_none());
    assert_eq!(times(&store).len(), 3);
}

#[test]
fn syncs_by_interval_fall_due_without_further_writes() {
    let disk = disk();
    let store =
        open_with(&disk, StoreOptions::default(), SyncMode::Interval(Duration::from_millis(1)));
    let before = disk.syncs();
    write(&store, DAY, 3).unwrap();
    // As the committing thread does it, over and over, with nothing to commit.
    while disk.syncs() == before {
        store.commit(Duration::from_millis(1));
    }
    assert_eq!(times(&open(&disk.after_power_loss())).len(), 3);
}

#[test]
fn a_merge_sets_the_damaged_part_aside_and_no_other() {
    let disk = disk();
    let store = open(&disk);
    let mut names = Vec::new();
    for n in 0..3 {
        write(&store, DAY + n * HOUR, 50).unwrap();
        store.flush().unwrap();
        names.push(n);
    }
    drop(store);
    let first = disk.first_name("/data/metrics", ".part");
    let second = first.to_string_lossy().replace("000000000001", "000000000002");
    disk.damage(Path::new(&second), 60);
    let store = open(&disk);
    assert!(store.settle(10 * DAY).is_err());
    assert_eq!(store.status().parts_damaged, 1);
    store.settle(10 * DAY).unwrap();
    let found = times(&store);
    assert_eq!(found.len(), 100, "the other two are merged");
    assert!(found.iter().all(|at| !(DAY + HOUR..DAY + 2 * HOUR).contains(at)));
}

#[test]
fn a_clock_that_jumps_ahead_expires_nothing() {
    let disk = disk();
    let store = open(&disk);
    let now = 1000 * DAY;
    write(&store, now, 3).unwrap();
    store.flush().unwrap();
    assert_eq!(store.maintain(now + HOUR).unwrap(), Step::Merged);
    // Ten years ahead, also over a restart, and merges and flushes go on.
    let far = now + 3650 * DAY;
    for hour in 0..20 {
        while store.maintain(far + hour * HOUR).unwrap() != Step::Nothing {}
    }
    assert!(store.status().clock_off_ms.is_some_and(|off| off > 3600 * DAY));
    write(&store, now + 1000 * HOUR, 1).unwrap();
    store.flush().unwrap();
    drop(store);
    let disk = disk.after_power_loss();
    let store = open(&disk);
    for hour in 10..30 {
        while store.maintain(far + hour * HOUR).unwrap() != Step::Nothing {}
    }
    assert_eq!(times(&store).len(), 4, "nothing expired");
    // The clock is set right.
    while store.maintain(now + 2 * HOUR).unwrap() != Step::Nothing {}
    assert_eq!((store.status().clock_off_ms, times(&store).len()), (None, 4));
    // It was right, and the server was off for ten years.
    for hour in 0..26 {
        while store.maintain(far + hour * HOUR).unwrap() != Step::Nothing {}
    }
    assert!(times(&store).is_empty());
}

#[test]
fn a_clock_that_jumps_back_does_not_hold_flushes_up() {
    let disk = disk();
    let store = open(&disk);
    let now = 1000 * DAY;
    assert_eq!(store.maintain(now).unwrap(), Step::Nothing);
    write(&store, now, 3).unwrap();
    let back = now - 500 * DAY;
    assert_eq!(store.maintain(back).unwrap(), Step::Nothing);
    assert_eq!(store.maintain(back + 2 * HOUR).unwrap(), Step::Flushed);
    assert_eq!(times(&store).len(), 3);
}
