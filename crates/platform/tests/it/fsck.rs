//! What a check says of each kind of damage, what it mends, and that nothing sound is lost by it.

use crate::golden::{content, open, open_store, try_open};
use crate::golden_write::{END_MS, deltas, exemplars, floats, histograms, put, scope};
use model::Scope;
use platform::{FsckOptions, FsckReport, Outcome, Platform, fsck};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use stdx::{CrashPlan, Disk, Rng, SimDisk};

const DATA: &str = "/data";
const DAY_MS: i64 = 86_400_000;

fn shared(disk: &SimDisk) -> Arc<dyn Disk> {
    Arc::new(disk.clone())
}

fn path(name: &str) -> PathBuf {
    Path::new(DATA).join(name)
}

fn scopes() -> Vec<Scope> {
    vec![scope("000000000000", "us-east-1"), scope("111122223333", "eu-west-1")]
}

fn load(platform: &Platform, rng: &mut Rng, day: i64, with_deltas: bool) {
    let from = END_MS - END_MS.rem_euclid(DAY_MS) - day * DAY_MS;
    put(platform, &scopes()[0], |ingest| floats(ingest, rng, from, 12));
    put(platform, &scopes()[0], |ingest| histograms(ingest, rng, from, 8));
    if with_deltas {
        put(platform, &scopes()[1], |ingest| deltas(ingest, rng, from, 6));
    }
}

/// Two days in parts, and a third in the journal; killed.
fn written(with_deltas: bool) -> SimDisk {
    let disk = SimDisk::new(1, CrashPlan::default());
    let mut rng = Rng::from_seed(1);
    let platform = open(shared(&disk), Path::new(DATA), END_MS);
    load(&platform, &mut rng, 2, with_deltas);
    load(&platform, &mut rng, 1, with_deltas);
    platform.flush().unwrap();
    load(&platform, &mut rng, 0, with_deltas);
    drop(platform);
    disk.after_kill()
}

fn check_with(disk: &SimDisk, options: FsckOptions) -> FsckReport {
    let mut last = (0, 0);
    let report = fsck(shared(disk), Path::new(DATA), options, &mut |done, total| {
        assert!(done >= last.0 && done <= total);
        last = (done, total);
    });
    assert_eq!(last.0, last.1, "all of it is done at the end");
    report.unwrap()
}

fn check(disk: &SimDisk) -> FsckReport {
    check_with(disk, FsckOptions::default())
}

fn dry(disk: &SimDisk) -> FsckReport {
    let operations = disk.operations();
    let report = check_with(disk, FsckOptions { dry_run: true, ..FsckOptions::default() });
    assert_eq!(disk.operations(), operations, "a dry run changes nothing");
    report
}

/// All points, as text.
fn told(disk: &SimDisk) -> String {
    let disk = disk.after_kill();
    let scopes = {
        let platform = open(shared(&disk), Path::new(DATA), END_MS);
        platform.scopes()
    };
    content(&open_store(shared(&disk), Path::new(DATA)), &scopes)
}

fn opens(disk: &SimDisk) -> bool {
    try_open(shared(&disk.after_kill()), Path::new(DATA), END_MS).is_ok()
}

fn one(report: &FsckReport) -> &platform::Finding {
    assert_eq!(report.findings.len(), 1, "{report:#?}");
    &report.findings[0]
}

#[test]
fn a_sound_directory_is_sound_after_any_end() {
    let killed = written(true);
    let before = told(&killed);
    for disk in [&killed.after_kill(), &killed.after_power_loss()] {
        let report = dry(disk);
        assert_eq!((report.code(), report.parts), (0, 2), "{report:#?}");
        assert!(report.points > 0 && report.journal_points > 0 && report.catalog_entries > 2);
        assert_eq!(check(disk).code(), 0);
        assert_eq!(told(disk), before);
    }
}

#[test]
fn a_damaged_part_is_set_aside_and_the_rest_stays() {
    let disk = written(true);
    let damaged = disk.first_name("/data/metrics", ".part");
    disk.damage(&damaged, 60);
    let report = dry(&disk);
    assert!(matches!(one(&report).outcome, Outcome::WouldMend(_)));
    let report = check(&disk);
    let found = one(&report);
    assert_eq!(report.code(), 1);
    assert!(matches!(&found.outcome, Outcome::Mended(action) if action.contains("metrics/aside")));
    assert!(found.means.contains("series with"), "it says how much: {found:?}");
    assert_eq!(disk.list_names("/data/metrics", ".part"), 1);
    assert_eq!(disk.list_names("/data/metrics/aside", ".part"), 1);
    assert_eq!(check(&disk).code(), 0, "mended once");
    let platform = open(shared(&disk), Path::new(DATA), END_MS);
    assert_eq!((platform.store_status().parts, platform.store_status().parts_damaged), (1, 0));
}

#[test]
fn exemplars_are_checked_and_set_aside() {
    let written = || {
        let disk = SimDisk::new(1, CrashPlan::default());
        let platform = open(shared(&disk), Path::new(DATA), END_MS);
        load(&platform, &mut Rng::from_seed(1), 1, false);
        put(&platform, &scopes()[0], |ingest| exemplars(ingest, END_MS - DAY_MS, 5));
        platform.flush().unwrap();
        drop(platform);
        disk.after_kill()
    };
    let disk = written();
    let sound = told(&disk);
    assert_eq!(sound.matches("trace_id").count(), 5);
    assert_eq!(dry(&disk).code(), 0);
    let file = disk.first_name("/data/metrics", ".exemplars.part");
    let len = disk.open(&file).unwrap().len().unwrap() as usize;
    for at in (0..len).filter(|at| !(6..16).contains(at)) {
        disk.damage(&file, at);
        let report = dry(&disk);
        assert!(one(&report).means.contains("no points are"), "byte {at}: {report:?}");
        disk.damage(&file, at);
    }
    // The server starts all the same, and says so.
    disk.damage(&file, 40);
    let platform = open(shared(&disk.after_kill()), Path::new(DATA), END_MS);
    assert_eq!(platform.store_status().parts_damaged, 1);
    drop(platform);
    assert!(matches!(one(&check(&disk)).outcome, Outcome::Mended(_)));
    assert_eq!(disk.list_names("/data/metrics/aside", ".exemplars.part"), 1);
    assert_eq!(check(&disk).code(), 0, "mended once");
    let points = sound.split("\nexemplars of").next().unwrap();
    assert_eq!(told(&disk), points, "no points are lost");
    // Gone, as after a version that knew nothing of exemplars; and without a manifest.
    let disk = written();
    disk.remove(&file).unwrap();
    assert!(matches!(one(&check(&disk)).outcome, Outcome::Mended(_)));
    assert_eq!(told(&disk), points);
    let disk = written();
    disk.remove(Path::new("/data/metrics/MANIFEST")).unwrap();
    check_with(&disk, FsckOptions { rebuild_manifest: true, ..FsckOptions::default() });
    assert_eq!(told(&disk), sound);
}

#[test]
fn any_byte_of_a_part_is_checked() {
    let disk = written(true);
    let name = disk.first_name("/data/metrics", ".part");
    let len = disk.open(&name).unwrap().len().unwrap() as usize;
    let mut silent = Vec::new();
    for at in (0..len).step_by(len / 150 + 1).chain(len - 16..len) {
        disk.damage(&name, at);
        if dry(&disk).code() == 0 {
            silent.push(at);
        }
        disk.damage(&name, at);
    }
    // The header has ten bytes that say nothing.
    assert!(silent.iter().all(|&at| (6..16).contains(&at)), "not noticed at {silent:?}");
}

#[test]
fn a_set_aside_that_was_interrupted_is_finished() {
    let reference = written(true);
    let damaged = reference.first_name("/data/metrics", ".part");
    reference.damage(&damaged, 60);
    let mut interrupted = 0;
    for power_off in 1..12 {
        let disk = reference.after_kill();
        let at = disk.operations() + power_off;
        disk.set_plan(CrashPlan { power_off_at: Some(at), ..CrashPlan::default() });
        let options = FsckOptions::default();
        let _ = fsck(shared(&disk), Path::new(DATA), options, &mut |_, _| {});
        let disk = disk.after_power_loss();
        interrupted += usize::from(check(&disk).code() == 1);
        assert_eq!(check(&disk).code(), 0, "power off after {power_off} operations");
        assert!(opens(&disk));
        assert_eq!(disk.list_names("/data/metrics/aside", ".part"), 1, "nothing is thrown away");
    }
    assert!(interrupted > 3);
}

#[test]
fn leftovers_go_and_missing_parts_are_told() {
    let disk = written(true);
    let before = told(&disk);
    disk.open_or_create(&path("metrics/000000000099.5.part")).unwrap();
    let report = check(&disk);
    assert!(one(&report).place.ends_with("99.5.part") && report.code() == 1);
    assert_eq!(told(&disk), before);

    let missing = disk.first_name("/data/metrics", ".part");
    disk.remove(&missing).unwrap();
    let report = check(&disk);
    assert_eq!(report.code(), 2, "{report:#?}");
    assert!(one(&report).means.contains("(UTC)") && !opens(&disk));
    let options = FsckOptions { forget_missing: true, ..FsckOptions::default() };
    assert_eq!(check_with(&disk, options).code(), 1);
    assert_eq!(check(&disk).code(), 0);
    assert!(opens(&disk));
}

#[test]
fn a_torn_tail_is_cut_as_an_open_would() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let mut rng = Rng::from_seed(2);
    let platform = open(shared(&disk), Path::new(DATA), END_MS);
    load(&platform, &mut rng, 1, true);
    load(&platform, &mut rng, 0, true);
    drop(platform);
    // The last frame loses its last byte, as when the power goes while it is written.
    let journal = disk.first_name("/data/journal", ".journal");
    let file = disk.open(&journal).unwrap();
    let len = file.len().unwrap();
    file.set_len(len - 1).unwrap();
    let before = told(&disk);
    let report = dry(&disk);
    assert!(one(&report).what.contains("tail") && report.code() == 1, "{report:#?}");
    assert_eq!(check(&disk).code(), 1);
    assert_eq!((check(&disk).code(), told(&disk)), (0, before));
}

#[test]
fn damage_in_the_middle_of_the_journal_is_left_unless_told_otherwise() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let mut rng = Rng::from_seed(2);
    let platform = open(shared(&disk), Path::new(DATA), END_MS);
    load(&platform, &mut rng, 2, true);
    drop(platform);
    let kept = told(&disk);
    let platform = open(shared(&disk), Path::new(DATA), END_MS);
    (0..4).for_each(|_| load(&platform, &mut rng, 1, true));
    drop(platform);
    let journal = path("journal/000000000002.journal");
    disk.damage(&journal, 32 + 40 + 10);
    assert!(!opens(&disk));
    let report = check(&disk);
    assert_eq!(report.code(), 2);
    let found = one(&report);
    assert!(found.means.contains("11 frames with") && found.means.contains("points"), "{found:?}");
    assert!(!opens(&disk), "nothing was given up");
    let options = FsckOptions { cut_journal: true, ..FsckOptions::default() };
    assert_eq!(check_with(&disk, options).code(), 1);
    assert_eq!(disk.list_names("/data/journal/aside", ".journal"), 1);
    assert_eq!((check(&disk).code(), told(&disk)), (0, kept));
}

#[test]
fn a_missing_manifest_is_rebuilt_only_where_nothing_is_guessed() {
    let rebuild = FsckOptions { rebuild_manifest: true, ..FsckOptions::default() };
    // Floats only: frames that the parts hold may be applied again.
    let disk = written(false);
    let before = told(&disk);
    disk.remove(&path("metrics/MANIFEST")).unwrap();
    assert!(!opens(&disk));
    let report = check(&disk);
    let explained = |report: &FsckReport| match &one(report).outcome {
        Outcome::Left(todo) => todo.clone(),
        other => panic!("{other:?}"),
    };
    assert!(explained(&report).contains("--rebuild-manifest"), "{report:#?}");
    assert_eq!(check_with(&disk, rebuild).code(), 1);
    assert_eq!((check(&disk).code(), told(&disk)), (0, before));

    // Deltas in the journal: they would count twice.
    let disk = written(true);
    disk.remove(&path("metrics/MANIFEST")).unwrap();
    let report = check_with(&disk, rebuild);
    assert!(explained(&report).contains("deltas") && report.code() == 2, "{report:#?}");
    assert!(!opens(&disk));
}

#[test]
fn a_damaged_manifest_or_catalog_or_version_is_explained_and_left() {
    for (name, written_there, word) in [
        ("metrics/MANIFEST", "flushed", "backup"),
        ("catalog.redb", "page-tokens", "restore"),
        ("VERSION", "data", "VERSION"),
    ] {
        let disk = written(true);
        let bytes = disk.open(&path(name)).unwrap().read_all().unwrap();
        let places = bytes.windows(written_there.len()).enumerate();
        let places = places.filter(|(_, bytes)| *bytes == written_there.as_bytes());
        // Of the catalog's pages some are old and of no use.
        places.for_each(|(at, _)| disk.damage(&path(name), at));
        let report = check(&disk);
        assert_eq!(report.code(), 2, "{name}: {report:#?}");
        let left = report.findings.iter().find(|f| f.place == name).expect("it is named");
        assert!(matches!(&left.outcome, Outcome::Left(todo) if todo.contains(word)), "{left:?}");
    }
    let disk = written(true);
    disk.remove(&path("catalog.redb")).unwrap();
    assert!(one(&check(&disk)).means.contains("accounts"));
}

#[test]
fn what_is_no_directory_of_ours_is_not_touched() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let run = |disk: &SimDisk| {
        fsck(shared(disk), Path::new(DATA), FsckOptions::default(), &mut |_, _| {})
    };
    assert!(run(&disk).is_err(), "nothing there");
    disk.open_or_create(&path("letters.txt")).unwrap();
    assert!(run(&disk).unwrap_err().to_string().contains("no data directory"));
    let version = disk.open_or_create(&path("VERSION")).unwrap();
    version.write_all_at(b"sightline-data 9\nclock real\n", 0).unwrap();
    assert!(run(&disk).unwrap_err().to_string().contains("another version"));
}
