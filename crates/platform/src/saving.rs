//! Save and bring back: backups of a running or a stopped server, and data directories made of them.
//!
//! A backup holds one moment: every point that was acknowledged up to one frame of the journal, and
//! none behind it. Definitions are copied right after that moment, in one read of the catalog, so
//! whatever the points need is there.

mod catalog_copy;
mod restore;

pub use restore::{Restored, restore};

use crate::Platform;
use crate::access::{AccessError, Verb};
use crate::directory::DIRECTORY_VERSION;
use catalog::{Catalog, CatalogError, RedbCatalog};
use jiff::Timestamp;
use metric_store::{MetricStore, PartError, StoreError, StoreFiles, StoreOptions, check_part};
use model::Principal;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use stdx::checksum::checksum;
use stdx::{Disk, DiskFile, DiskLock};
pub use storage::{BackupDir, BackupError, Findings, Progress, ProgressNow, Snapshot};
use storage::{FileJournal, FileJournalOptions, JournalError, PartFile, Source};

const PART: &str = "part";
const CATALOG: &str = "catalog";
/// Where parts and copies of the catalog lie in a directory of backups.
const FOLDERS: [&str; 2] = ["parts", "catalogs"];

/// Why nothing was saved or brought back.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The asker may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The directory of backups.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The metric store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal of a stopped server.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The catalog.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A directory that cannot be used.
    #[error("{dir}: {what}")]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// What is wrong, and what to do about it.
        what: String,
    },
}

fn directory(dir: &Path, what: impl Into<String>) -> SaveError {
    SaveError::Directory { dir: dir.to_path_buf(), what: what.into() }
}

/// A backup that somebody wants.
#[derive(Debug, Clone)]
pub struct BackupRequest {
    /// The directory of backups, on the machine that keeps the data; made when it is absent.
    pub to: PathBuf,
    /// How many snapshots stay, this one included; all without it.
    pub keep: Option<usize>,
}

/// A backup that was made.
#[derive(Debug, Clone)]
pub struct BackupDone {
    /// Name of the snapshot.
    pub snapshot: String,
    /// The last frame of the journal that it holds.
    pub position: u64,
    /// Parts that it lists.
    pub parts: usize,
    /// Points in them.
    pub points: u64,
    /// Bytes of all its files.
    pub bytes: u64,
    /// Bytes that had to be copied; the rest was there.
    pub bytes_copied: u64,
    /// Parts that were damaged before they were saved; they were saved as they are.
    pub damaged: Vec<String>,
    /// Snapshots that were removed, as more than wanted were there.
    pub removed: Vec<String>,
}

/// Bytes in memory that are saved as a file.
#[derive(Debug)]
struct Bytes(Vec<u8>);

impl PartFile for Bytes {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let piece = self.0.get(start..).and_then(|rest| rest.get(..buf.len()));
        buf.copy_from_slice(piece.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }
}

/// What there is to save.
struct Everything<'a> {
    data_dir: &'a Path,
    metrics: &'a MetricStore,
    catalog: &'a dyn Catalog,
    is_virtual: bool,
    /// Writes go on meanwhile.
    running: bool,
}

impl Everything<'_> {
    fn save(
        &self,
        disk: Arc<dyn Disk>,
        request: &BackupRequest,
        now_ms: i64,
        progress: &Progress,
    ) -> Result<BackupDone, SaveError> {
        let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        if whole(&request.to).starts_with(whole(self.data_dir)) {
            let what = "lies in the data directory that it would save; choose another place";
            return Err(directory(&request.to, what));
        }
        let mut backups = BackupDir::open_to_write(disk, &request.to)?;
        if self.running {
            backups = backups.gently();
        }
        let saved = self.metrics.save()?;
        // After the points, so that every tenant they name is there.
        let copy = catalog_copy::encode(&self.catalog.entries()?);
        let damaged = saved.parts.iter().filter(|p| p.is_aside()).map(|p| p.name.clone());
        let damaged: Vec<String> = damaged.collect();
        let (manifest, points, parts) = (saved.manifest, saved.points, saved.parts.len());
        let made = Timestamp::from_millisecond(now_ms).unwrap_or_default();
        let mut notes = vec![
            ("made".to_owned(), made.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
            ("by".to_owned(), format!("sightline {}", env!("CARGO_PKG_VERSION"))),
            ("format".to_owned(), DIRECTORY_VERSION.to_owned()),
            ("clock".to_owned(), if self.is_virtual { "virtual" } else { "real" }.to_owned()),
            ("parts".to_owned(), parts.to_string()),
            ("points".to_owned(), points.to_string()),
        ];
        notes.extend(damaged.iter().map(|name| ("damaged".to_owned(), name.clone())));
        let mut sources: Vec<Source> = vec![Source {
            kind: CATALOG.into(),
            name: "catalog".into(),
            stored: format!("catalogs/{:016x}.catalog", checksum(&copy)),
            file: Box::new(Bytes(copy)),
            // What passwords and tokens are compared with.
            private: true,
        }];
        sources.extend(saved.parts.into_iter().map(|part| Source {
            kind: PART.into(),
            name: part.name.clone(),
            stored: format!("parts/{}-{}", saved.line, part.name),
            file: Box::new(part),
            private: false,
        }));
        let snapshot = Snapshot {
            name: made.strftime("%Y-%m-%dT%H-%M-%SZ").to_string(),
            notes,
            manifest,
            files: Vec::new(),
        };
        let snapshot = backups.save(snapshot, &sources, progress)?;
        // Older ones may have whole what this one has damaged.
        let removed = match request.keep {
            Some(keep) if damaged.is_empty() => backups.prune(keep, &FOLDERS)?,
            _ => Vec::new(),
        };
        Ok(BackupDone {
            position: snapshot.manifest.flushed,
            parts,
            points,
            bytes: snapshot.bytes(),
            bytes_copied: progress.now().bytes_copied,
            snapshot: snapshot.name,
            damaged,
            removed,
        })
    }
}

impl Platform {
    /// Checks that somebody may make backups and see how they stand.
    ///
    /// # Errors
    /// [`AccessError`].
    pub fn may_back_up(&self, who: &Principal) -> Result<(), AccessError> {
        self.check(who, &self.default_scope, Verb::Control)
    }

    /// Saves everything as it stands, while writes go on; returns when the snapshot is durable.
    ///
    /// # Errors
    /// [`SaveError`]: earlier snapshots are as they were.
    pub fn backup(
        &self,
        who: &Principal,
        request: &BackupRequest,
        progress: &Progress,
    ) -> Result<BackupDone, SaveError> {
        self.may_back_up(who)?;
        let everything = Everything {
            data_dir: &self.data_dir,
            metrics: &self.metrics,
            catalog: &*self.catalog,
            is_virtual: self.clock.is_virtual(),
            running: true,
        };
        everything.save(self.disk.clone(), request, self.clock.now_ms(), progress)
    }
}

/// Saves the data directory of a server that does not run.
///
/// # Errors
/// [`SaveError`], also when a server runs on the directory.
pub fn backup_stopped(
    disk: &Arc<dyn Disk>,
    data_dir: &Path,
    request: &BackupRequest,
    now_ms: i64,
    progress: &Progress,
) -> Result<BackupDone, SaveError> {
    let mark_path = data_dir.join("VERSION");
    let mark = disk.open(&mark_path).and_then(|file| file.read_all());
    let mark = mark.map_err(|e| directory(data_dir, format!("is no data directory: {e}")))?;
    let mark = String::from_utf8_lossy(&mark).into_owned();
    let mut lines = mark.lines();
    if lines.next() != Some(DIRECTORY_VERSION) {
        return Err(directory(data_dir, "was written by another version"));
    }
    let is_virtual = lines.next() == Some("clock virtual");
    let _lock = lock_directory(&**disk, data_dir)?;
    refuse_unfinished(&**disk, data_dir).map_err(|what| directory(data_dir, what))?;
    let files = StoreFiles::open(disk, &data_dir.join("metrics"))?;
    let journal = FileJournal::open_after(
        disk.clone(),
        &data_dir.join("journal"),
        FileJournalOptions::default(),
        files.flushed(),
    )?;
    let metrics = MetricStore::open(files, Arc::new(journal), StoreOptions::default())?;
    let catalog = RedbCatalog::open(disk, &data_dir.join("catalog.redb"))?;
    let everything =
        Everything { data_dir, metrics: &metrics, catalog: &catalog, is_virtual, running: false };
    everything.save(disk.clone(), request, now_ms, progress)
}

fn lock_directory(disk: &dyn Disk, dir: &Path) -> Result<DiskLock, SaveError> {
    disk.lock(&dir.join("LOCK")).map_err(|e| match e.kind() {
        io::ErrorKind::WouldBlock => directory(
            dir,
            "is in use by a running server; save through it with --url, or stop it first",
        ),
        _ => directory(dir, format!("cannot be locked: {e}")),
    })
}

/// Stands in a directory while it is being restored.
const RESTORING: &str = "RESTORING";

/// Refuses a directory whose restore did not end: it would look like one that lost data.
pub(crate) fn refuse_unfinished(disk: &dyn Disk, dir: &Path) -> Result<(), String> {
    match disk.open(&dir.join(RESTORING)) {
        Ok(_) => Err("a restore into it was not finished; run `sightline restore` again".into()),
        Err(_) => Ok(()),
    }
}

/// What looking through a directory of backups found.
#[derive(Debug, Default)]
pub struct Verified {
    /// Snapshots and their files.
    pub findings: Findings,
    /// Parts whose files are as they were saved, but that were damaged before; by part.
    pub damaged_before: BTreeMap<String, PartError>,
}

#[derive(Debug)]
struct Saved(Box<dyn DiskFile>);

impl PartFile for Saved {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buf, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
}

/// Reads every file of every snapshot, and every block of every part.
///
/// # Errors
/// [`SaveError`] when the directory is none of backups or cannot be read.
pub fn verify(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    progress: &Progress,
) -> Result<Verified, SaveError> {
    let backups = BackupDir::open(disk.clone(), dir)?;
    let mut verified = Verified { findings: backups.verify(progress)?, ..Verified::default() };
    let mut parts: BTreeMap<String, String> = BTreeMap::new();
    for name in &verified.findings.whole {
        let files = backups.snapshot(Some(name))?.files;
        parts.extend(files.into_iter().filter(|f| f.kind == PART).map(|f| (f.stored, f.name)));
    }
    for (stored, name) in parts {
        let path = dir.join(&stored);
        let file = disk.open(&path).map_err(|source| BackupError::Io {
            what: "cannot open",
            path: path.clone(),
            source,
        })?;
        if let Err(error) = check_part(&name, Box::new(Saved(file))) {
            verified.damaged_before.insert(stored, error);
        }
    }
    Ok(verified)
}
