//! Checks a stopped server's directory, and mends what can be mended without guessing.
//!
//! Everything is looked at as it stands; a mend is made where it was found unless the run is dry.
//! What would need a guess is told and left. `docs/damage.md` says what each finding means.

mod catalog;
mod exemplars;
mod journal;
mod metrics;
mod report;

pub use report::{Finding, FsckReport, Outcome};

use crate::directory::DIRECTORY_VERSION;
use model::TenantId;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use stdx::Disk;
use storage::Manifest;

/// What a check may do.
#[derive(Debug, Clone, Copy, Default)]
pub struct FsckOptions {
    /// Tell what would be mended, and change nothing.
    pub dry_run: bool,
    /// Write a MANIFEST that is missing or damaged anew, if the order of arrival can be known.
    pub rebuild_manifest: bool,
    /// Take parts that are missing off the manifest.
    pub forget_missing: bool,
    /// Give up what stands behind damage in the middle of the journal; it is set aside.
    pub cut_journal: bool,
}

/// Why a directory could not be checked at all.
#[derive(Debug, thiserror::Error)]
pub enum FsckError {
    /// The directory cannot be used.
    #[error("data directory {dir}: {what}")]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// What is wrong, and what to do about it.
        what: String,
    },
}

/// Less free space than this is told.
const FREE_BYTES_MIN: u64 = 100 << 20;

/// A check under way.
struct Check<'a> {
    disk: Arc<dyn Disk>,
    dir: &'a Path,
    options: FsckOptions,
    report: FsckReport,
    progress: &'a mut dyn FnMut(u64, u64),
    bytes_done: u64,
    bytes_total: u64,
    /// Tenants that parts hold series of.
    tenants: BTreeSet<TenantId>,
}

impl Check<'_> {
    fn found(&mut self, place: &str, what: String, means: &str, outcome: Outcome) {
        let (place, means) = (place.to_owned(), means.to_owned());
        self.report.findings.push(Finding { place, what, means, outcome });
    }

    /// Reports something that can be mended, and mends it unless the run is dry.
    fn mend(
        &mut self,
        place: &str,
        what: String,
        means: &str,
        action: &str,
        act: impl FnOnce(&dyn Disk) -> Result<(), String>,
    ) {
        let outcome = if self.options.dry_run {
            Outcome::WouldMend(action.to_owned())
        } else {
            match act(&*self.disk) {
                Ok(()) => Outcome::Mended(action.to_owned()),
                Err(why) => Outcome::Left(format!("this was tried and failed: {action}: {why}")),
            }
        };
        self.found(place, what, means, outcome);
    }

    fn done(&mut self, bytes: u64) {
        self.bytes_done += bytes;
        (self.progress)(self.bytes_done.min(self.bytes_total), self.bytes_total);
    }

    fn file_len(&self, path: &Path) -> u64 {
        self.disk.open(path).and_then(|file| file.len()).unwrap_or(0)
    }
}

fn text(error: &io::Error) -> String {
    error.to_string()
}

/// Says what an error was caused by, too.
fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Checks the directory `dir`, which no server may be using. `progress` is told bytes that were
/// read, and how many there are.
///
/// # Errors
/// [`FsckError`] when there is nothing that could be checked.
pub fn fsck(
    disk: Arc<dyn Disk>,
    dir: &Path,
    options: FsckOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<FsckReport, FsckError> {
    let directory = |what: String| FsckError::Directory { dir: dir.to_path_buf(), what };
    let names = disk.list(dir).map_err(|e| directory(format!("cannot be listed: {e}")))?;
    if names.is_empty() {
        return Err(directory("is empty or not there: nothing to check".into()));
    }
    let known = ["VERSION", "LOCK", "catalog.redb"].iter().any(|n| names.iter().any(|f| f == n));
    if !known {
        return Err(directory("is no data directory of a server".into()));
    }
    let _lock = disk.lock(&dir.join("LOCK")).map_err(|e| match e.kind() {
        io::ErrorKind::WouldBlock => {
            directory("is in use by a running server: stop it first".into())
        }
        _ => directory(format!("cannot be locked: {e}")),
    })?;
    let mut check = Check {
        disk,
        dir,
        options,
        report: FsckReport { dry_run: options.dry_run, ..FsckReport::default() },
        progress,
        bytes_done: 0,
        bytes_total: 0,
        tenants: BTreeSet::new(),
    };
    check.version().map_err(directory)?;
    check.surroundings();
    check.count_bytes();
    let manifest = check.manifest();
    check.parts(manifest.as_ref());
    check.exemplars(manifest.as_ref());
    check.journal(manifest.as_ref());
    check.catalog();
    (check.progress)(check.bytes_total, check.bytes_total);
    check.report.bytes = check.bytes_total;
    Ok(check.report)
}

impl Check<'_> {
    /// A directory of another version is not touched.
    fn version(&mut self) -> Result<(), String> {
        let path = self.dir.join("VERSION");
        let read = self.disk.open(&path).and_then(|file| file.read_all());
        let what = match read {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let first = text.lines().next().unwrap_or_default();
                if first == DIRECTORY_VERSION {
                    let clock = text.lines().nth(1).unwrap_or_default();
                    if ["clock real", "clock virtual"].contains(&clock) {
                        return Ok(());
                    }
                    "VERSION does not say which clock the directory was written on".to_owned()
                } else if first.starts_with("sightline-data ") {
                    return Err(format!(
                        "was written by another version ({first:?}; this one reads {:?})",
                        DIRECTORY_VERSION
                    ));
                } else {
                    "VERSION is empty or not what was written".to_owned()
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                "VERSION is missing".to_owned()
            }
            Err(error) => format!("VERSION cannot be read: {error}"),
        };
        let todo = format!(
            "if no test bench (--clock virtual) wrote this directory, write two lines into VERSION: \
             `{}` and `clock real`",
            DIRECTORY_VERSION
        );
        let means =
            "no data is lost; the server does not start, or takes the directory for a new one";
        self.found("VERSION", what, means, Outcome::Left(todo));
        Ok(())
    }

    fn surroundings(&mut self) {
        if let Ok(free) = self.disk.free_bytes(self.dir)
            && free < FREE_BYTES_MIN
        {
            let what = format!("{free} bytes are free on the disk");
            let means = "the server refuses writes when there is none, and mending may need some";
            self.found("disk", what, means, Outcome::Left("make room".into()));
        }
        for sub in ["", "metrics", "journal"] {
            let dir = if sub.is_empty() { self.dir.to_path_buf() } else { self.dir.join(sub) };
            for name in self.disk.list(&dir).unwrap_or_default() {
                if let Err(error) = self.disk.open(&dir.join(&name)) {
                    let place = if sub.is_empty() { name } else { format!("{sub}/{name}") };
                    let what = format!("cannot be opened for reading and writing: {error}");
                    let means = "the server cannot use it either";
                    let todo =
                        "run as the user whom the files belong to, or give them to that user";
                    self.found(&place, what, means, Outcome::Left(todo.into()));
                }
            }
        }
    }

    fn count_bytes(&mut self) {
        let mut total = self.file_len(&self.dir.join("catalog.redb"));
        for (sub, ending) in [("metrics", ".part"), ("journal", "")] {
            let dir = self.dir.join(sub);
            for name in self.disk.list(&dir).unwrap_or_default() {
                if name.ends_with(ending) {
                    total += self.file_len(&dir.join(name));
                }
            }
        }
        self.bytes_total = total;
    }

    fn replace_manifest(disk: &Arc<dyn Disk>, dir: &Path, next: &Manifest) -> Result<(), String> {
        storage::ManifestFile::new(disk.clone(), &dir.join("metrics"))
            .replace(next)
            .map_err(|e| with_cause(&e))
    }
}
