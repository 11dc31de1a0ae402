//! A disk that is full for a while: what was refused stays refused, whoever comes in between.

use metric_store::{MetricStore, Points, ReadBudget, StoreFiles, StoreOptions, WriteError};
use model::{Kind, SeriesKey, TenantId, TimeRange, Unit};
use parking_lot::Mutex;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use stdx::{CrashPlan, Disk, SimDisk};
use storage::{CommitError, FileJournal, FileJournalOptions, Frame, Journal, JournalError};

/// Something that happens once.
type Once = Mutex<Option<Box<dyn FnOnce() + Send>>>;

/// A journal that lets somebody in between a failed commit and its being noticed.
struct Interrupted {
    inner: FileJournal,
    between: Once,
}

impl std::fmt::Debug for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

impl Journal for Interrupted {
    fn enqueue(&self, kind: u8, payload: &[u8]) -> Result<u64, JournalError> {
        self.inner.enqueue(kind, payload)
    }

    fn commit(&self, wait: Duration) -> Result<Option<u64>, CommitError> {
        let result = self.inner.commit(wait);
        if result.is_err()
            && let Some(between) = self.between.lock().take()
        {
            between();
        }
        result
    }

    fn resume(&self) {
        self.inner.resume();
    }

    fn committed(&self) -> u64 {
        self.inner.committed()
    }

    fn read_from(
        &self,
        from: u64,
        visit: &mut dyn FnMut(Frame<'_>) -> ControlFlow<()>,
    ) -> Result<(), JournalError> {
        self.inner.read_from(from, visit)
    }

    fn release(&self, upto: u64) {
        self.inner.release(upto);
    }

    fn size_bytes(&self) -> u64 {
        self.inner.size_bytes()
    }
}

fn open(disk: &SimDisk) -> (Arc<MetricStore>, Arc<Interrupted>) {
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let files = StoreFiles::open(&shared, Path::new("/metrics")).unwrap();
    let options = FileJournalOptions::default();
    let inner =
        FileJournal::open_after(shared, Path::new("/journal"), options, files.flushed()).unwrap();
    let journal = Arc::new(Interrupted { inner, between: Mutex::new(None) });
    let store = MetricStore::open(files, journal.clone(), StoreOptions::default()).unwrap();
    (Arc::new(store), journal)
}

fn batch(store: &MetricStore, name: &str, count: i64) -> metric_store::Batch {
    let key = SeriesKey {
        tenant: TenantId(1),
        namespace: String::new(),
        name: name.into(),
        unit: Unit::None,
        labels: Vec::new(),
    };
    let mut batch = store.batch();
    let series = batch.register(None, &key, Kind::Float).unwrap();
    (0..count).for_each(|t| batch.float(series, t * 1000, (t as f64).sqrt()));
    batch
}

fn names(store: &MetricStore) -> Vec<(String, usize)> {
    let found = store.select(TenantId(1), &[], TimeRange::ALL, &ReadBudget::default()).unwrap();
    let len = |points: Points| points.len();
    found.iter().map(|s| (s.key.name.clone(), len(s.points().unwrap()))).collect()
}

#[test]
fn a_batch_between_a_failed_commit_and_its_notice_is_no_ghost() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let (store, journal) = open(&disk);
    store.write(batch(&store, "kept", 3)).unwrap();
    // Room for a small frame, not for a large one, as on a disk that is nearly full.
    disk.set_plan(CrashPlan {
        capacity_bytes: Some(disk.used_bytes() + 600),
        ..CrashPlan::default()
    });
    let outcome = Arc::new(Mutex::new(None));
    {
        let (store, outcome) = (Arc::downgrade(&store), outcome.clone());
        *journal.between.lock() = Some(Box::new(move || {
            let store = store.upgrade().unwrap();
            // It rests on the declaration in the frame that was just lost.
            let slot = outcome.clone();
            let small = batch(&store, "large", 1);
            let result = store.submit(small, Box::new(move |r| *slot.lock() = Some(r)));
            if let Err(error) = result {
                *outcome.lock() = Some(Err(error));
            }
        }));
    }
    assert!(matches!(store.write(batch(&store, "large", 500)), Err(WriteError::NotKept(_))));
    store.commit(Duration::ZERO);
    let told = outcome.lock().take().expect("whoever came in between is told");
    assert!(matches!(told, Err(WriteError::NotKept(_))), "{told:?}");
    store.write(batch(&store, "small", 1)).unwrap();
    disk.set_plan(CrashPlan::default());
    let expected = [("kept".to_owned(), 3), ("small".to_owned(), 1)];
    assert_eq!(names(&store), expected);
    drop((store, journal));
    for disk in [disk.after_kill(), disk.after_power_loss()] {
        assert_eq!(names(&open(&disk).0), expected);
    }
}

#[test]
fn a_flush_without_space_leaves_no_files_and_is_made_up_for() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let (store, _) = open(&disk);
    store.write(batch(&store, "m", 2000)).unwrap();
    disk.set_plan(CrashPlan {
        capacity_bytes: Some(disk.used_bytes() + 700),
        ..CrashPlan::default()
    });
    for _ in 0..5 {
        assert!(store.flush().is_err());
        assert_eq!(disk.list_names("/metrics", ".part"), 0);
    }
    assert_eq!(names(&store), [("m".to_owned(), 2000)]);
    disk.set_plan(CrashPlan::default());
    store.flush().unwrap();
    assert_eq!((store.status().parts, store.status().head_points), (1, 0));
    assert_eq!(names(&store), [("m".to_owned(), 2000)]);
}

#[test]
fn parts_without_a_manifest_are_not_taken_for_leftovers() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let (store, journal) = open(&disk);
    store.write(batch(&store, "m", 20)).unwrap();
    store.flush().unwrap();
    drop((store, journal));
    disk.remove(Path::new("/metrics/MANIFEST")).unwrap();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let error = StoreFiles::open(&shared, Path::new("/metrics")).unwrap_err().to_string();
    assert!(error.contains("no MANIFEST"), "{error}");
    assert_eq!(disk.list_names("/metrics", ".part"), 1);
}

#[test]
fn deltas_with_wide_distributions_can_be_read_from_parts() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let (store, _) = open(&disk);
    let mut wide = model::Delta::default();
    (0..4000).for_each(|n| wide.add(&model::Delta::of_value(1.02f64.powi(n - 2000))));
    let mut all = store.batch();
    let key = SeriesKey {
        tenant: TenantId(1),
        namespace: "ns".into(),
        name: "wide".into(),
        unit: Unit::None,
        labels: Vec::new(),
    };
    let series = all.register(None, &key, Kind::Delta).unwrap();
    (0..3000).for_each(|t| all.delta(series, t * 1000, wide.clone()));
    store.write(all).unwrap();
    store.flush().unwrap();
    store.settle(0).unwrap();
    assert_eq!(names(&store), [("wide".to_owned(), 3000)]);
    assert_eq!(store.status().parts_damaged, 0);
}

#[test]
fn a_manifest_that_cannot_be_replaced_costs_one_head_and_no_more() {
    let plans = [
        CrashPlan { fail_renames: true, ..CrashPlan::default() },
        CrashPlan { fail_rename_syncs: true, ..CrashPlan::default() },
    ];
    for plan in plans {
        let disk = SimDisk::new(1, CrashPlan::default());
        let (store, _) = open(&disk);
        let parts = || disk.list_names("/metrics", ".part");
        for n in 0..2 {
            store.write(batch(&store, &format!("m{n}"), 2000)).unwrap();
            store.flush().unwrap();
        }
        // A merge, and then a flush.
        disk.set_plan(plan);
        for _ in 0..5 {
            assert!(store.settle(0).is_err());
            assert!(parts() <= 3, "{} files", parts());
        }
        disk.set_plan(CrashPlan::default());
        store.settle(0).unwrap();
        assert_eq!(parts(), 1);
        store.write(batch(&store, "m2", 2000)).unwrap();
        disk.set_plan(plan);
        assert!(store.flush().is_err());
        let used = disk.used_bytes();
        for _ in 0..5 {
            assert!(store.flush().is_err());
            assert!(disk.used_bytes() <= used, "nothing is written that cannot be listed");
        }
        assert!(parts() <= 2, "{} files", parts());
        let all: Vec<(String, usize)> = (0..3).map(|n| (format!("m{n}"), 2000)).collect();
        // Whichever manifest it is that a start finds, its parts are there.
        for disk in [disk.after_kill(), disk.after_kill().after_power_loss()] {
            assert_eq!(names(&open(&disk).0), all);
        }
        disk.set_plan(CrashPlan::default());
        store.flush().unwrap();
        assert_eq!((parts(), store.status().parts), (2, 2));
        assert_eq!(names(&store), all);
    }
}
