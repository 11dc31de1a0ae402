use super::*;
use crate::manifest::Manifest;
use stdx::{CrashPlan, SimDisk};

const DIR: &str = "/backups";

#[derive(Debug)]
struct Bytes(Vec<u8>);

impl PartFile for Bytes {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let start = offset as usize;
        buf.copy_from_slice(&self.0[start..start + buf.len()]);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }
}

fn content(n: u64) -> Vec<u8> {
    (0..n * 1000 + 7).map(|i| (i * n % 251) as u8).collect()
}

fn sources(numbers: std::ops::Range<u64>) -> Vec<Source> {
    let source = |n| Source {
        kind: "part".into(),
        name: format!("{n}.part"),
        stored: format!("parts/x-{n}.part"),
        file: Box::new(Bytes(content(n))),
        private: n == 4,
    };
    numbers.map(source).collect()
}

fn snapshot(name: &str, numbers: std::ops::Range<u64>) -> Snapshot {
    let parts = numbers.map(|n| format!("{n}.part")).collect();
    Snapshot {
        name: name.into(),
        notes: vec![("made".into(), "some day".into())],
        manifest: Manifest { flushed: 9, next_part: 99, parts, ..Manifest::default() },
        files: Vec::new(),
    }
}

fn save(
    disk: &SimDisk,
    name: &str,
    numbers: std::ops::Range<u64>,
) -> Result<Snapshot, BackupError> {
    let dir = BackupDir::open_to_write(Arc::new(disk.clone()), Path::new(DIR))?;
    dir.save(snapshot(name, numbers.clone()), &sources(numbers), &Progress::default())
}

fn open(disk: &SimDisk) -> BackupDir {
    BackupDir::open(Arc::new(disk.clone()), Path::new(DIR)).unwrap()
}

/// Brings a snapshot back and compares every file.
fn check(disk: &SimDisk, name: &str, numbers: std::ops::Range<u64>) {
    let dir = open(disk);
    let found = dir.snapshot(Some(name)).unwrap();
    assert_eq!(found.manifest.parts.len() as u64, numbers.end - numbers.start);
    let place = |file: &SavedFile| Some(Path::new("/back").join(&file.name));
    dir.bring_back(&found, place, &Progress::default()).unwrap();
    for n in numbers {
        let path = format!("/back/{n}.part");
        let bytes = disk.open(Path::new(&path)).unwrap().read_all().unwrap();
        assert_eq!(bytes, content(n), "{path}");
    }
}

#[test]
fn the_second_backup_copies_only_what_is_new() {
    let disk = SimDisk::new(1, CrashPlan::default());
    save(&disk, "a", 0..5).unwrap();
    let dir = BackupDir::open_to_write(Arc::new(disk.clone()), Path::new(DIR)).unwrap();
    let progress = Progress::default();
    let saved = dir.save(snapshot("a", 2..7), &sources(2..7), &progress).unwrap();
    assert_eq!(saved.name, "a-2", "names are not used twice");
    let now = progress.now();
    assert_eq!(now.bytes_copied, (5..7).map(|n| content(n).len() as u64).sum());
    assert_eq!((now.bytes_done, now.files_done), (now.bytes, 5));
    check(&disk, "a", 0..5);
    check(&disk, "a-2", 2..7);
    for n in 0..7 {
        let path = format!("/backups/parts/x-{n}.part");
        assert_eq!(disk.is_open_to_others(Path::new(&path)).unwrap(), n != 4, "{path}");
    }
    let gone = dir.prune(1, &["parts"]).unwrap();
    assert_eq!(gone, ["a"]);
    check(&disk, "a-2", 2..7);
    assert_eq!(disk.list_names("/backups/parts", ".part"), 5);
    assert!(matches!(dir.snapshot(Some("a")), Err(BackupError::NoSnapshot { .. })));
}

#[test]
fn damage_is_found_and_named() {
    let disk = SimDisk::new(1, CrashPlan::default());
    save(&disk, "a", 0..3).unwrap();
    save(&disk, "b", 2..4).unwrap();
    assert_eq!(open(&disk).verify(&Progress::default()).unwrap().whole, ["a", "b"]);
    disk.damage(Path::new("/backups/parts/x-1.part"), 500);
    let found = open(&disk).verify(&Progress::default()).unwrap();
    assert_eq!(found.whole, ["b"], "only those that list the file are damaged");
    assert!(found.damaged[0].1[0].to_string().contains("parts/x-1.part is damaged"));
    let dir = open(&disk);
    let place = |file: &SavedFile| Some(Path::new("/back").join(&file.name));
    let error = dir.bring_back(&dir.snapshot(Some("a")).unwrap(), place, &Progress::default());
    assert!(error.unwrap_err().to_string().contains("parts/x-1.part is damaged"));
    check(&disk, "b", 2..4);
    disk.damage(Path::new("/backups/snapshots/b.snapshot"), 40);
    assert!(matches!(open(&disk).snapshot(None), Err(BackupError::Damaged { .. })));
    let dir = BackupDir::open_to_write(Arc::new(disk.clone()), Path::new(DIR)).unwrap();
    assert!(dir.prune(1, &["parts"]).is_err(), "what b lists is not known");
    assert_eq!(disk.list_names("/backups/parts", ".part"), 4);
}

#[test]
fn what_is_no_directory_of_backups_is_left_alone() {
    let disk = SimDisk::new(1, CrashPlan::default());
    disk.open_or_create(Path::new("/backups/letter.txt")).unwrap();
    assert!(matches!(save(&disk, "a", 0..1), Err(BackupError::NoBackups { .. })));
    let disk: Arc<dyn Disk> = Arc::new(disk);
    assert!(matches!(BackupDir::open(disk, Path::new(DIR)), Err(BackupError::NoBackups { .. })));
}

#[test]
fn a_full_disk_is_told_before_anything_is_written() {
    let disk = SimDisk::new(1, CrashPlan::default());
    save(&disk, "a", 0..2).unwrap();
    let capacity = disk.used_bytes() + 3000;
    disk.set_plan(CrashPlan { capacity_bytes: Some(capacity), ..CrashPlan::default() });
    assert!(matches!(save(&disk, "b", 0..6), Err(BackupError::Space { .. })));
    save(&disk, "c", 0..3).unwrap();
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for bad in ["../x", "/etc/x", "a/b/c", "parts/../x", "parts/.x", "parts"] {
        let mut snapshot = snapshot("a", 0..0);
        let file = SavedFile {
            kind: "part".into(),
            name: "1.part".into(),
            stored: bad.into(),
            bytes: 1,
            sum: 1,
        };
        snapshot.files.push(file);
        assert!(Snapshot::from_text("a", &snapshot.to_text()).is_err(), "{bad}");
    }
}

#[test]
fn power_may_go_at_any_operation_of_a_backup() {
    let count = {
        let disk = SimDisk::new(0, CrashPlan::default());
        save(&disk, "a", 0..2).unwrap();
        let before = disk.operations();
        save(&disk, "b", 1..4).unwrap();
        disk.operations() - before
    };
    for seed in 0..4 {
        for crash in 1..=count {
            let disk = SimDisk::new(seed, CrashPlan::default());
            save(&disk, "a", 0..2).unwrap();
            let at = disk.operations() + crash;
            disk.set_plan(CrashPlan { power_off_at: Some(at), ..CrashPlan::default() });
            let done = save(&disk, "b", 1..4).is_ok();
            let disk = disk.after_power_loss();
            check(&disk, "a", 0..2);
            if done {
                check(&disk, "b", 1..4);
            }
            // Whatever was left lying around, the next one is whole.
            let again = save(&disk, "c", 1..5).unwrap();
            check(&disk, &again.name, 1..5);
            let found = open(&disk).verify(&Progress::default()).unwrap();
            assert!(found.damaged.is_empty(), "seed {seed}, crash {crash}: {:?}", found.damaged);
        }
    }
}

#[test]
fn power_may_go_while_the_directory_is_made() {
    for crash in 1..12 {
        let plan = CrashPlan { power_off_at: Some(crash), ..CrashPlan::default() };
        let disk = SimDisk::new(crash, plan);
        let _ = save(&disk, "a", 0..1);
        let disk = disk.after_power_loss();
        save(&disk, "b", 0..2).unwrap();
        check(&disk, "b", 0..2);
    }
}

/// One file of a name that was used before.
fn save_other(disk: &SimDisk, name: &str, bytes: &[u8]) -> Result<Snapshot, BackupError> {
    let dir = BackupDir::open_to_write(Arc::new(disk.clone()), Path::new(DIR))?;
    let mut source = sources(1..2);
    source[0].file = Box::new(Bytes(bytes.to_vec()));
    dir.save(snapshot(name, 1..2), &source, &Progress::default())
}

fn brought_back(disk: &SimDisk, name: &str) -> Vec<u8> {
    let dir = open(disk);
    let place = |file: &SavedFile| Some(Path::new("/back").join(&file.name));
    dir.bring_back(&dir.snapshot(Some(name)).unwrap(), place, &Progress::default()).unwrap();
    disk.open(Path::new("/back/1.part")).unwrap().read_all().unwrap()
}

#[test]
fn a_name_that_is_used_again_for_other_content_replaces_nothing() {
    let first: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
    let (mut head, mut tail, mut longer) = (first.clone(), first.clone(), first.clone());
    head[0] ^= 1;
    tail[299_990] ^= 1;
    longer.push(0);
    for other in [head, tail, longer] {
        let disk = SimDisk::new(1, CrashPlan::default());
        save_other(&disk, "a", &first).unwrap();
        save_other(&disk, "b", &other).unwrap();
        assert_eq!(disk.list_names("/backups/parts", ""), 2);
        // Each goes on, as two clones that are saved in turns.
        save_other(&disk, "c", &first).unwrap();
        save_other(&disk, "d", &other).unwrap();
        assert_eq!(disk.list_names("/backups/parts", ""), 2, "neither is copied again");
        for (name, content) in [("a", &first), ("b", &other), ("c", &first), ("d", &other)] {
            assert!(brought_back(&disk, name) == *content, "{name}");
        }
        let found = open(&disk).verify(&Progress::default()).unwrap();
        assert_eq!(found.whole, ["a", "b", "c", "d"]);
        let dir = BackupDir::open_to_write(Arc::new(disk.clone()), Path::new(DIR)).unwrap();
        dir.prune(1, &["parts"]).unwrap();
        assert_eq!(disk.list_names("/backups/parts", ""), 1);
        assert!(brought_back(&disk, "d") == other);
    }
}

#[test]
fn what_a_snapshot_that_cannot_be_read_may_list_is_not_replaced() {
    let disk = SimDisk::new(1, CrashPlan::default());
    save_other(&disk, "a", b"first").unwrap();
    disk.damage(Path::new("/backups/snapshots/a.snapshot"), 40);
    save_other(&disk, "b", b"other").unwrap();
    assert_eq!(brought_back(&disk, "b"), b"other");
    disk.damage(Path::new("/backups/snapshots/a.snapshot"), 40);
    assert_eq!(brought_back(&disk, "a"), b"first");
}

#[test]
fn a_listed_file_that_was_lost_or_damaged_is_made_whole() {
    let disk = SimDisk::new(1, CrashPlan::default());
    save_other(&disk, "a", b"first").unwrap();
    let file = Path::new("/backups/parts/x-1.part");
    disk.damage(file, 2);
    save_other(&disk, "b", b"first").unwrap();
    assert_eq!(
        (brought_back(&disk, "a"), brought_back(&disk, "b")),
        (b"first".into(), b"first".into())
    );
    disk.remove(file).unwrap();
    save_other(&disk, "c", b"first").unwrap();
    assert_eq!(brought_back(&disk, "a"), b"first");
}
