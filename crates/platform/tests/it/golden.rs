//! Upgrade means replacing the binary: data directories that earlier versions wrote are opened by
//! this one, and hold exactly what was put into them.
//!
//! A golden directory is `fixtures/golden/<format>-<version>/`: the version of the data directory's
//! format (first line of its `VERSION`) and that of the product that wrote it. Its files stand in
//! `data/`, each packed with zstd; `expected.txt` is the content as text. `cargo run -p xtask --
//! golden` writes the one of the present version; it is committed with a release and never changed.

use crate::golden_write;
use metric_store::{FileStore, MetricStore, Points, ReadBudget, StoreOptions};
use model::{Delta, Principal, Scope, TimeRange};
use platform::{AuthMode, OpenError, Platform, PlatformOptions, SyncMode};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use stdx::checksum::checksum;
use stdx::{Clock, Disk, RealDisk};
use storage::FileJournalOptions;

/// Series longer than this show some of their points, and a checksum over all.
const SHOWN_POINTS_MAX: usize = 24;
const HUNDRED_YEARS_MS: i64 = 36_500 * 86_400_000;
/// The switch of `cargo run -p xtask -- golden`.
const WRITE: &str = "SIGHTLINE_GOLDEN_WRITE";

/// A machine's clock that stands still: a directory written on a virtual one is marked as such.
#[derive(Debug)]
pub(crate) struct StandingClock(pub(crate) i64);

impl Clock for StandingClock {
    fn now_ms(&self) -> i64 {
        self.0
    }
}

pub(crate) fn store_options() -> StoreOptions {
    // Golden points grow old, and must not expire.
    StoreOptions { retention_ms: HUNDRED_YEARS_MS, ..StoreOptions::default() }
}

fn options(dir: &Path) -> PlatformOptions {
    PlatformOptions {
        data_dir: dir.to_path_buf(),
        default_scope: Scope {
            account: "000000000000".parse().expect("an account"),
            region: "us-east-1".into(),
        },
        sync: SyncMode::Always,
        auth: AuthMode::Open,
        key_file: None,
        store: store_options(),
        questions: Default::default(),
    }
}

pub(crate) fn try_open(
    disk: Arc<dyn Disk>,
    dir: &Path,
    now_ms: i64,
) -> Result<Platform, OpenError> {
    Platform::open(&options(dir), Arc::new(StandingClock(now_ms)), disk)
}

pub(crate) fn open(disk: Arc<dyn Disk>, dir: &Path, now_ms: i64) -> Platform {
    try_open(disk, dir, now_ms).expect("the directory opens")
}

pub(crate) fn open_store(disk: Arc<dyn Disk>, dir: &Path) -> MetricStore {
    FileStore::open(disk, dir, FileJournalOptions::default(), store_options())
        .expect("the store opens")
}

fn number(value: f64) -> String {
    if value.is_nan() { format!("nan:{:016x}", value.to_bits()) } else { format!("{value:?}") }
}

fn delta(delta: &Delta) -> String {
    let mut text = format!(
        "count {} sum {} min {} max {} opaque {}",
        number(delta.count),
        number(delta.sum),
        number(delta.min),
        number(delta.max),
        number(delta.opaque)
    );
    for (value, count) in &delta.values {
        let _ = write!(text, " value {}*{}", number(*value), number(*count));
    }
    for (bucket, count) in &delta.buckets {
        let _ = write!(text, " bucket {bucket}*{}", number(*count));
    }
    text
}

/// All points of all tenants as text, one series a paragraph, bit for bit.
pub(crate) fn content(store: &MetricStore, platform_scopes: &[(Scope, model::TenantId)]) -> String {
    let mut text = String::new();
    for (scope, tenant) in platform_scopes {
        let found = store.select(*tenant, &[], TimeRange::ALL, &ReadBudget::default());
        for series in found.expect("all series are read") {
            let key = &series.key;
            let _ = writeln!(
                text,
                "\n{}/{} {:?} {:?} {} {:?} {:?}",
                scope.account,
                scope.region,
                key.namespace,
                key.name,
                key.unit.name(),
                key.labels,
                series.kind
            );
            let lines: Vec<String> = match series.points().expect("all points are read") {
                Points::Floats(points) => {
                    points.iter().map(|(at, value)| format!("{at} {}", number(*value))).collect()
                }
                Points::Histograms(points) => {
                    points.iter().map(|(at, histogram)| format!("{at} {histogram:?}")).collect()
                }
                points => {
                    let points = points.into_deltas();
                    points.iter().map(|(at, value)| format!("{at} {}", delta(value))).collect()
                }
            };
            let step = lines.len().div_ceil(SHOWN_POINTS_MAX);
            for line in lines.iter().step_by(step) {
                let _ = writeln!(text, "  {line}");
            }
            if step > 1 {
                let sum = checksum(lines.join("\n").as_bytes());
                let _ = writeln!(text, "  {} points, checksum {sum:016x}", lines.len());
            }
        }
        let all = [Vec::new()];
        let found = store.exemplars(*tenant, &all, TimeRange::ALL, &ReadBudget::default());
        for of in found.expect("all exemplars are read") {
            let (name, labels) = (&of.key.name, &of.key.labels);
            let _ = writeln!(text, "\nexemplars of {name:?} {labels:?}");
            for exemplar in of.exemplars {
                let (at, value) = (exemplar.at_ms, number(exemplar.value));
                let _ = writeln!(text, "  {at} {value} {:?}", exemplar.labels);
            }
        }
    }
    text
}

/// What the catalog tells, as text.
pub(crate) fn definitions(platform: &Platform) -> String {
    let mut text = String::new();
    for (scope, tenant) in platform.scopes() {
        let _ = writeln!(text, "tenant {} is {}/{}", tenant.0, scope.account, scope.region);
        let who = Principal::internal(scope.account);
        for (family, known) in platform.metadata(&who, &scope).expect("metadata is read") {
            let _ = writeln!(text, "  metadata {family} {known:?}");
        }
        for entity in platform.entities(&who, &scope, None).expect("entities are read") {
            let _ = writeln!(text, "  entity {entity:?}");
        }
    }
    for name in golden_write::ORG_NAMES {
        let account = platform.account_of_org(name).expect("a name that is known");
        let _ = writeln!(text, "organisation {name} is {account}");
    }
    text
}

/// Opens a directory, and says what it holds: now, after a flush, after merges, opened again.
fn contents(dir: &Path) -> Vec<(&'static str, String)> {
    let platform = open(disk(), dir, golden_write::END_MS);
    let (scopes, told) = (platform.scopes(), definitions(&platform));
    drop(platform);
    let store = open_store(disk(), dir);
    assert_eq!(store.status().parts_damaged, 0);
    let mut all = vec![("opened", told.clone() + &content(&store, &scopes))];
    store.flush().expect("flushes");
    all.push(("flushed", told.clone() + &content(&store, &scopes)));
    store.settle(golden_write::END_MS).expect("merges");
    all.push(("merged", told + &content(&store, &scopes)));
    drop(store);
    let platform = open(disk(), dir, golden_write::END_MS);
    let told = definitions(&platform);
    drop(platform);
    all.push(("opened again", told + &content(&open_store(disk(), dir), &scopes)));
    all
}

fn disk() -> Arc<dyn Disk> {
    Arc::new(RealDisk)
}

fn golden_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/golden")
}

fn files_below(dir: &Path, prefix: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("a directory") {
        let entry = entry.expect("an entry");
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().expect("a type").is_dir() {
            found.extend(files_below(&entry.path(), &format!("{name}/")));
        } else {
            found.push(name);
        }
    }
    found.sort_unstable();
    found
}

#[expect(clippy::disallowed_methods, reason = "fixtures, not a store")]
fn put(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().expect("in a directory")).expect("made");
    fs::write(path, bytes).expect("written");
}

fn unpack(golden: &Path, to: &Path) {
    let data = golden.join("data");
    for name in files_below(&data, "") {
        let packed = fs::read(data.join(&name)).expect("read");
        let plain = zstd::decode_all(&packed[..]).expect("zstd");
        put(&to.join(name.strip_suffix(".zst").expect("packed with zstd")), &plain);
    }
}

/// Replaces the golden directory of the present version.
fn write_present() {
    let dir = tempfile::tempdir().expect("a place");
    golden_write::write(disk(), dir.path());
    let version = fs::read_to_string(dir.path().join("VERSION")).expect("a mark");
    let format = version.lines().next().and_then(|l| l.strip_prefix("sightline-data "));
    let name = format!("{}-{}", format.expect("a format"), env!("CARGO_PKG_VERSION"));
    let golden = golden_root().join(name);
    let _ = fs::remove_dir_all(&golden);
    for file in files_below(dir.path(), "").iter().filter(|f| *f != "LOCK") {
        let plain = fs::read(dir.path().join(file)).expect("read");
        let packed = zstd::encode_all(&plain[..], 19).expect("zstd");
        put(&golden.join("data").join(format!("{file}.zst")), &packed);
    }
    // From a copy: reading must leave what is kept as it was written.
    let copy = tempfile::tempdir().expect("a place");
    unpack(&golden, copy.path());
    put(&golden.join("expected.txt"), contents(copy.path())[0].1.as_bytes());
}

#[test]
fn directories_of_earlier_versions_open_with_equal_content() {
    if std::env::var_os(WRITE).is_some() {
        write_present();
    }
    let mut checked = 0;
    for entry in fs::read_dir(golden_root()).expect("golden directories") {
        let golden = entry.expect("an entry").path();
        if !golden.is_dir() {
            continue;
        }
        let expected = fs::read_to_string(golden.join("expected.txt")).expect("the content");
        let copy = tempfile::tempdir().expect("a place");
        unpack(&golden, copy.path());
        for (when, found) in contents(copy.path()) {
            let differs = expected.lines().zip(found.lines()).find(|(a, b)| a != b);
            assert!(
                expected == found,
                "{} {when}: {} lines expected, {} found; the first difference is {differs:?}",
                golden.display(),
                expected.lines().count(),
                found.lines().count()
            );
        }
        checked += 1;
    }
    assert!(checked > 0, "no golden directory in {}", golden_root().display());
}
