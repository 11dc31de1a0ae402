//! The drill: what a backup holds equals what was acknowledged at its moment, whatever happens
//! meanwhile and to whichever machine it is brought back.

use crate::golden::{content, definitions, open, open_store};
use crate::golden_write::{
    END_MS, deltas, describe, exemplars, floats, histograms, key, put, scope,
};
use lang::promql::{MatchOp, Matcher};
use metric_store::{Points, ReadBudget};
use model::{Kind, Principal, TimeRange, Unit};
use platform::Platform;
use platform::saving::{
    BackupDone, BackupRequest, Progress, SaveError, backup_stopped, restore, verify,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use stdx::{CrashPlan, Disk, Rng, SimDisk};

const DATA: &str = "/data";
const BACKUPS: &str = "/backups";
const DAY_MS: i64 = 86_400_000;

fn shared(disk: &SimDisk) -> Arc<dyn Disk> {
    Arc::new(disk.clone())
}

fn start(disk: &SimDisk) -> Platform {
    open(shared(disk), Path::new(DATA), END_MS)
}

fn request(keep: Option<usize>) -> BackupRequest {
    BackupRequest { to: BACKUPS.into(), keep }
}

fn backup(platform: &Platform) -> Result<BackupDone, SaveError> {
    let who = Principal::internal(platform.default_scope().account);
    platform.backup(&who, &request(None), &Progress::default())
}

/// Everything in a directory, points and definitions, as text. Opens a copy of the disk, so that
/// looking changes nothing.
fn told(disk: &SimDisk, dir: &str) -> String {
    let disk = disk.after_kill();
    let platform = open(shared(&disk), Path::new(dir), END_MS);
    let (scopes, told) = (platform.scopes(), definitions(&platform));
    drop(platform);
    told + &content(&open_store(shared(&disk), Path::new(dir)), &scopes)
}

fn bring_back(disk: &SimDisk, snapshot: Option<&str>, to: &str) -> Result<String, SaveError> {
    let (from, progress) = (Path::new(BACKUPS), Progress::default());
    restore(&shared(disk), from, snapshot, Path::new(to), &progress)?;
    Ok(told(disk, to))
}

fn load(platform: &Platform, rng: &mut Rng, day: i64) {
    let main = scope("000000000000", "us-east-1");
    let other = scope("111122223333", "eu-west-1");
    let from = END_MS - END_MS.rem_euclid(DAY_MS) - day * DAY_MS;
    put(platform, &main, |ingest| floats(ingest, rng, from, 12));
    put(platform, &main, |ingest| histograms(ingest, rng, from, 8));
    put(platform, &other, |ingest| deltas(ingest, rng, from, 6));
    put(platform, &main, |ingest| exemplars(ingest, from, 6));
}

#[test]
fn two_backups_are_brought_back_each_as_it_was() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let mut rng = Rng::from_seed(1);
    let platform = start(&disk);
    load(&platform, &mut rng, 1);
    describe(&platform, platform.scopes()[0].1);
    let first = backup(&platform).unwrap();
    let told_first = told(&disk, DATA);
    assert_eq!(first.bytes_copied, first.bytes);

    // The same times again, another day, a flush, and a tail in the journal.
    load(&platform, &mut rng, 1);
    platform.flush().unwrap();
    load(&platform, &mut rng, 0);
    let second = backup(&platform).unwrap();
    let told_second = told(&disk, DATA);
    assert_ne!(told_first, told_second);
    assert!(second.bytes_copied < second.bytes, "what was there is not copied again: {second:?}");
    load(&platform, &mut rng, 2);

    assert_eq!(bring_back(&disk, Some(&first.snapshot), "/first").unwrap(), told_first);
    assert_eq!(bring_back(&disk, None, "/second").unwrap(), told_second);
    let error = bring_back(&disk, None, "/second").unwrap_err().to_string();
    assert!(error.contains("/second: is not empty"), "{error}");
    let error = bring_back(&disk, Some("1999"), "/third").unwrap_err().to_string();
    assert!(error.contains(&first.snapshot) && error.contains("1999"), "{error}");

    let found = verify(&shared(&disk), Path::new(BACKUPS), &Progress::default()).unwrap();
    assert!(found.findings.damaged.is_empty() && found.damaged_before.is_empty());
    // What was saved while running and what is saved when stopped are the same.
    drop(platform);
    let told_last = told(&disk, DATA);
    let data = Path::new(DATA);
    let keep = request(Some(1));
    let last = backup_stopped(&shared(&disk), data, &keep, END_MS, &Progress::default()).unwrap();
    assert_eq!(last.removed, [first.snapshot, second.snapshot]);
    assert_eq!(bring_back(&disk, None, "/last").unwrap(), told_last);
}

#[test]
fn a_restored_directory_is_a_line_of_history_of_its_own() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let platform = start(&disk);
    load(&platform, &mut Rng::from_seed(1), 1);
    let first = backup(&platform).unwrap();
    // Both go on from the same parts, and give the same names to different content.
    bring_back(&disk, None, "/other").unwrap();
    load(&platform, &mut Rng::from_seed(2), 0);
    backup(&platform).unwrap();
    let told_here = told(&disk, DATA);
    drop(platform);
    let other = open(shared(&disk), Path::new("/other"), END_MS);
    load(&other, &mut Rng::from_seed(3), 0);
    let there = backup(&other).unwrap();
    let told_there = told(&disk, "/other");
    assert_ne!(told_here, told_there);
    assert_eq!(bring_back(&disk, Some(&there.snapshot), "/a").unwrap(), told_there);
    let here = format!("{}-2", first.snapshot);
    assert_eq!(bring_back(&disk, Some(&here), "/b").unwrap(), told_here);
}

#[test]
fn a_damaged_backup_is_named_by_its_file() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let platform = start(&disk);
    load(&platform, &mut Rng::from_seed(1), 1);
    backup(&platform).unwrap();
    for folder in ["parts", "catalogs"] {
        let file = disk.first_name(&format!("{BACKUPS}/{folder}"), "");
        disk.damage(&file, 30);
        let name = file.to_string_lossy().into_owned();
        let found = verify(&shared(&disk), Path::new(BACKUPS), &Progress::default()).unwrap();
        let said = found.findings.damaged[0].1[0].to_string();
        assert!(said.contains(&name), "{said}");
        let error = bring_back(&disk, None, &format!("/to-{folder}")).unwrap_err().to_string();
        assert!(error.contains(&name), "{error}");
        disk.damage(&file, 30);
    }
    bring_back(&disk, None, "/to-parts").expect("what was interrupted may be done again");
}

#[test]
fn a_part_that_was_damaged_before_is_saved_and_told() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let platform = start(&disk);
    load(&platform, &mut Rng::from_seed(1), 1);
    platform.flush().unwrap();
    drop(platform);
    let part = disk.first_name("/data/metrics", ".part");
    let footer = disk.open(&part).unwrap().len().unwrap() - 30;
    disk.damage(&part, footer as usize);
    let platform = start(&disk);
    load(&platform, &mut Rng::from_seed(2), 2);
    let done = backup(&platform).unwrap();
    let name = part.file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(done.damaged, [name]);
    let found = verify(&shared(&disk), Path::new(BACKUPS), &Progress::default()).unwrap();
    assert!(found.findings.damaged.is_empty(), "the files are as they were saved");
    assert_eq!(found.damaged_before.len(), 1);
    assert_eq!(bring_back(&disk, None, "/back").unwrap(), told(&disk, DATA));
}

#[test]
fn a_backup_in_the_data_directory_is_refused() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let platform = start(&disk);
    let who = Principal::internal(platform.default_scope().account);
    let request = BackupRequest { to: PathBuf::from("/data/backups"), keep: None };
    let error = platform.backup(&who, &request, &Progress::default()).unwrap_err().to_string();
    assert!(error.contains("/data/backups: lies in the data directory"), "{error}");
}

/// What a counting writer was told is kept, at any time.
#[derive(Default)]
struct Count {
    submitted: AtomicU64,
    acknowledged: AtomicU64,
}

/// Values 0, 1, 2 ... of one series, in order: what is kept is always a front of them.
fn write_counting(platform: &Platform, count: &Arc<Count>, at: u64) {
    let main = scope("000000000000", "us-east-1");
    let who = Principal::internal(main.account);
    let limits = platform::TimeLimits::Retention;
    let mut ingest = platform.begin_ingest(&who, &main, limits).expect("a scope");
    let key = key(ingest.tenant, "", "counting", Unit::None, &[]);
    let series = ingest.batch.register(None, &key, Kind::Float).expect("there is room");
    ingest.batch.float(series, END_MS - DAY_MS + at as i64 * 1000, at as f64);
    let kept = count.clone();
    count.submitted.store(at + 1, Ordering::SeqCst);
    let done = move |result: Result<(), _>| {
        if result.is_ok() {
            kept.acknowledged.fetch_max(at + 1, Ordering::SeqCst);
        }
    };
    // One that was begun before the registry was renewed counts as not sent.
    platform.submit(ingest.batch, done).expect("taken");
}

#[test]
fn a_backup_under_load_holds_a_front_of_what_was_written() {
    let disk = SimDisk::new(7, CrashPlan::default());
    let platform = Arc::new(start(&disk));
    let stop = Arc::new(AtomicBool::new(false));
    let count = Arc::new(Count::default());
    let mut bounds = BTreeMap::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                platform.commit_step(Duration::from_millis(1));
            }
        });
        scope.spawn(|| {
            let mut at = 0;
            while !stop.load(Ordering::Relaxed) {
                write_counting(&platform, &count, at);
                at += 1;
                // Merges come in between, so that parts go while they are being copied.
                if at % 50 == 0 {
                    platform.flush().expect("flushes");
                    while platform.upkeep_step().expect("upkeep") {}
                }
            }
        });
        for _ in 0..6 {
            let before = count.acknowledged.load(Ordering::SeqCst);
            let done = backup(&platform).expect("a backup");
            let after = count.submitted.load(Ordering::SeqCst);
            bounds.insert(done.snapshot, (before, after));
        }
        stop.store(true, Ordering::Relaxed);
    });
    for (n, (snapshot, (before, after))) in bounds.into_iter().enumerate() {
        let to = format!("/back-{n}");
        let (from, progress) = (Path::new(BACKUPS), Progress::default());
        restore(&shared(&disk), from, Some(&snapshot), Path::new(&to), &progress).unwrap();
        let store = open_store(shared(&disk), Path::new(&to));
        let found =
            store.select(model::TenantId(1), &[], TimeRange::ALL, &ReadBudget::default()).unwrap();
        let values: Vec<f64> = match found.first().map(|s| s.points().unwrap()) {
            Some(Points::Floats(points)) => points.into_iter().map(|p| p.1).collect(),
            _ => Vec::new(),
        };
        let front: Vec<f64> = (0..values.len()).map(|v| v as f64).collect();
        assert_eq!(values, front, "{snapshot} has a gap");
        let len = values.len() as u64;
        assert!(before <= len && len <= after, "{snapshot}: {before} <= {len} <= {after}");
    }
}

#[test]
fn power_may_go_at_any_operation_of_a_backup_or_restore() {
    let prepared = || {
        let disk = SimDisk::new(3, CrashPlan::default());
        let platform = start(&disk);
        load(&platform, &mut Rng::from_seed(1), 1);
        backup(&platform).unwrap();
        let first = told(&disk, DATA);
        load(&platform, &mut Rng::from_seed(2), 0);
        let second = told(&disk, DATA);
        (disk, platform, first, second)
    };
    let (disk, platform, ..) = prepared();
    let before = disk.operations();
    backup(&platform).unwrap();
    let between = disk.operations();
    restore(&shared(&disk), Path::new(BACKUPS), None, Path::new("/back"), &Progress::default())
        .unwrap();
    let (saving, restoring) = (between - before, disk.operations() - between);
    // Every other one: each run opens a platform several times.
    for crash in (1..=saving + restoring).step_by(2) {
        let (disk, platform, first, second) = prepared();
        let at = disk.operations() + crash;
        disk.set_plan(CrashPlan { power_off_at: Some(at), ..CrashPlan::default() });
        let saved = backup(&platform);
        let restored = bring_back_only(&disk, "/back");
        drop(platform);
        assert!(saved.is_err() || !restored || crash > saving);
        let disk = disk.after_power_loss();
        let platform = start(&disk);
        assert_eq!(told(&disk, DATA), second, "operation {crash}: nothing of the data is lost");
        let names = first_snapshot(&disk);
        assert_eq!(bring_back(&disk, Some(&names), "/first").unwrap(), first, "operation {crash}");
        if saved.is_ok() {
            assert_eq!(bring_back(&disk, None, "/again").unwrap(), second, "operation {crash}");
        }
        backup(&platform).unwrap();
        // An interrupted restore is not mistaken for a directory, and can be done again.
        let whole = disk.open(Path::new("/back/RESTORING")).is_err()
            && !disk.is_vacant(Path::new("/back")).unwrap();
        if whole {
            assert_eq!(told(&disk, "/back"), second, "operation {crash}");
        } else {
            assert_eq!(bring_back(&disk, None, "/back").unwrap(), second, "operation {crash}");
        }
    }
}

fn bring_back_only(disk: &SimDisk, to: &str) -> bool {
    let (from, progress) = (Path::new(BACKUPS), Progress::default());
    restore(&shared(disk), from, None, Path::new(to), &progress).is_ok()
}

fn first_snapshot(disk: &SimDisk) -> String {
    let backups = platform::saving::BackupDir::open(shared(disk), Path::new(BACKUPS)).unwrap();
    backups.names().unwrap()[0].clone()
}

#[test]
fn catalogs_and_a_directory_that_is_made_are_for_their_owner() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let platform = start(&disk);
    load(&platform, &mut Rng::from_seed(1), 1);
    backup(&platform).unwrap();
    bring_back(&disk, None, "/back").unwrap();
    let copy = disk.first_name(&format!("{BACKUPS}/catalogs"), "");
    for catalog in ["/data/catalog.redb".into(), "/back/catalog.redb".into(), copy] {
        assert!(!disk.is_open_to_others(&catalog).unwrap(), "{}", catalog.display());
    }
    let real = tempfile::tempdir().unwrap();
    let dir = real.path().join("data");
    drop(open(Arc::new(stdx::RealDisk), &dir, END_MS));
    assert!(!stdx::RealDisk.is_open_to_others(&dir).unwrap());
}

#[test]
fn a_deletion_is_in_the_backups_behind_it_and_not_in_those_before() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let platform = start(&disk);
    let mut rng = Rng::from_seed(1);
    load(&platform, &mut rng, 1);
    platform.flush().unwrap();
    load(&platform, &mut rng, 0);
    let before = backup(&platform).unwrap();
    let told_before = told(&disk, DATA);

    let main = scope("000000000000", "us-east-1");
    let who = Principal::internal(main.account);
    let named = Matcher::new("__name__", MatchOp::Ne, "").unwrap();
    let all = [vec![named]];
    let deleted = platform.delete_series(&who, &main, &all, TimeRange::ALL, false).unwrap();
    assert!(deleted.series > 0);
    let told_after = told(&disk, DATA);
    assert_ne!(told_before, told_after);
    let after = backup(&platform).unwrap();
    // Also when the parts are rewritten meanwhile.
    platform.clean_tombstones(&who, &main).unwrap();
    let cleaned = backup(&platform).unwrap();

    for (snapshot, expected) in
        [(&before, &told_before), (&after, &told_after), (&cleaned, &told_after)]
    {
        let to = format!("/back-{}", snapshot.snapshot);
        let found = bring_back(&disk, Some(&snapshot.snapshot), &to).unwrap();
        assert!(found == *expected, "{}", snapshot.snapshot);
        // Nothing returns when the restored directory goes on.
        let restored = open(shared(&disk), Path::new(&to), END_MS);
        while restored.upkeep_step().unwrap() {}
        restored.clean_tombstones(&who, &main).unwrap();
        drop(restored);
        assert!(told(&disk, &to) == *expected, "{} cleaned", snapshot.snapshot);
    }
}
