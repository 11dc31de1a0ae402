//! A directory of backups: every immutable file once, and for each backup a snapshot that lists its
//! files with their lengths and checksums.
//!
//! ```text
//! BACKUP                          what the directory is
//! LOCK                            one writer at a time
//! snapshots/<name>.snapshot       text: what was saved and when, and its files
//! <folder>/<file>                 the files, whole; one that is listed is never replaced by another
//! ```
//!
//! Order makes it safe: a file is written under a temporary name, synced, read back and compared,
//! renamed, its directory synced; only when all files of a snapshot are there is the snapshot
//! written, in the same way. Whatever is interrupted leaves earlier snapshots as they were, and files
//! that no snapshot lists, which the next backup uses if their content is right.

mod copy;
mod progress;
mod prune;
mod restore;
mod snapshot;
#[cfg(test)]
mod tests;

pub use progress::{Progress, ProgressNow};
pub use prune::Findings;
pub use snapshot::{SavedFile, Snapshot};

use crate::parts::PartFile;
use copy::Listed;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use stdx::{Disk, DiskLock};

const MARK_FILE: &str = "BACKUP";
const MARK: &str = "sightline-backup 1\n";
const SNAPSHOTS: &str = "snapshots";
const SNAPSHOT_ENDING: &str = ".snapshot";
/// What is being written has this behind its name.
const NEW_ENDING: &str = ".new";

/// Why a backup could not be made, checked or brought back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The disk said no.
    #[error("{what} {path}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// The directory holds something else.
    #[error("{dir} holds no backups: {why}")]
    NoBackups {
        /// The directory.
        dir: PathBuf,
        /// What was found.
        why: String,
    },
    /// Somebody else is writing there.
    #[error("{dir} is in use by another backup; wait for it, or choose another directory")]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// A file of the backup is not what was written.
    #[error("{path} is damaged: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// It would not fit.
    #[error("{dir} has {free_bytes} bytes free, {needed_bytes} are needed")]
    Space {
        /// The directory.
        dir: PathBuf,
        /// Bytes that are free.
        free_bytes: u64,
        /// Bytes that would be written.
        needed_bytes: u64,
    },
    /// There is no such snapshot.
    #[error("{dir} has no snapshot {name:?}; it has: {known}")]
    NoSnapshot {
        /// The directory.
        dir: PathBuf,
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Somebody asked for the end.
    #[error("stopped on request; what was copied is used by the next backup")]
    Stopped,
}

pub(crate) fn io_at(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_path_buf();
    move |source| BackupError::Io { what, path, source }
}

/// A file to be saved.
#[derive(Debug)]
pub struct Source {
    /// What the file is to whoever restores it.
    pub kind: String,
    /// Its name there.
    pub name: String,
    /// Where it is kept in the directory of backups, as `folder/file`. When other content is listed
    /// there it gets its checksum behind the name: a directory that was cloned or set back gives
    /// names a second time.
    pub stored: String,
    /// Its bytes.
    pub file: Box<dyn PartFile>,
    /// Only its owner may read the copy; one that is there stays as it is.
    pub private: bool,
}

/// A directory of backups.
#[derive(Debug)]
pub struct BackupDir {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    gentle: bool,
    _lock: Option<DiskLock>,
}

impl BackupDir {
    /// Opens a directory of backups for reading.
    ///
    /// # Errors
    /// [`BackupError::NoBackups`] when it is none.
    pub fn open(disk: Arc<dyn Disk>, dir: &Path) -> Result<Self, BackupError> {
        let path = dir.join(MARK_FILE);
        let none = |why: String| BackupError::NoBackups { dir: dir.to_path_buf(), why };
        let mark = match disk.open(&path) {
            Ok(file) => file.read_all().map_err(io_at("cannot read", &path))?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(none(format!("it has no file {MARK_FILE}")));
            }
            Err(e) => return Err(io_at("cannot open", &path)(e)),
        };
        if mark != MARK.as_bytes() {
            return Err(none(format!(
                "its file {MARK_FILE} says {:?}, this version knows {MARK:?}",
                String::from_utf8_lossy(&mark).chars().take(60).collect::<String>()
            )));
        }
        Ok(Self { disk, dir: dir.to_path_buf(), gentle: false, _lock: None })
    }

    /// Opens a directory of backups for writing, and makes it in an empty or absent directory.
    ///
    /// # Errors
    /// [`BackupError::NoBackups`] when it holds something else, [`BackupError::InUse`] when somebody
    /// else writes there.
    pub fn open_to_write(disk: Arc<dyn Disk>, dir: &Path) -> Result<Self, BackupError> {
        let path = dir.join(MARK_FILE);
        let lock_path = dir.join("LOCK");
        let mark = match disk.open(&path) {
            Ok(file) => Some(file.read_all().map_err(io_at("cannot read", &path))?),
            Err(_) => None,
        };
        // A crash while the directory was made may leave the lock alone, or a piece of the mark.
        let started = match &mark {
            Some(mark) => MARK.as_bytes().starts_with(mark),
            None => disk.list(dir).is_ok_and(|names| names == ["LOCK"]),
        };
        let vacant = disk.is_vacant(dir).map_err(io_at("cannot list", dir))?;
        let marked = mark.is_some() && !started || mark.as_deref() == Some(MARK.as_bytes());
        if !marked && !vacant && !started {
            return Err(BackupError::NoBackups {
                dir: dir.to_path_buf(),
                why: format!("it is not empty and has no file {MARK_FILE}"),
            });
        }
        disk.create_dir_all(dir).map_err(io_at("cannot make", dir))?;
        let lock = disk.lock(&lock_path).map_err(|e| match e.kind() {
            io::ErrorKind::WouldBlock => BackupError::InUse { dir: dir.to_path_buf() },
            _ => io_at("cannot lock", &lock_path)(e),
        })?;
        let folder = dir.join(SNAPSHOTS);
        disk.create_dir_all(&folder).map_err(io_at("cannot make", &folder))?;
        if !marked {
            let file = disk.open_or_create(&path).map_err(io_at("cannot make", &path))?;
            let write = || {
                file.write_all_at(MARK.as_bytes(), 0)?;
                file.sync()?;
                disk.sync_dir(dir)
            };
            write().map_err(io_at("cannot write", &path))?;
        }
        Ok(Self { _lock: Some(lock), ..Self::open(disk, dir)? })
    }

    /// Has files copied with pauses, for whoever writes to the same disk meanwhile.
    #[must_use]
    pub fn gently(mut self) -> Self {
        self.gentle = true;
        self
    }

    /// Returns the names of all snapshots, oldest first.
    ///
    /// # Errors
    /// [`BackupError::Io`].
    pub fn names(&self) -> Result<Vec<String>, BackupError> {
        let folder = self.dir.join(SNAPSHOTS);
        let files = self.disk.list(&folder).map_err(io_at("cannot list", &folder))?;
        let names = files.iter().filter_map(|n| n.strip_suffix(SNAPSHOT_ENDING));
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        // Without the ending, which would sort a numbered name before the one it repeats.
        names.sort_unstable();
        Ok(names)
    }

    fn snapshot_path(&self, name: &str) -> PathBuf {
        self.dir.join(SNAPSHOTS).join(format!("{name}{SNAPSHOT_ENDING}"))
    }

    /// Reads a snapshot: the newest without a name.
    ///
    /// # Errors
    /// [`BackupError::NoSnapshot`] when there is none of this name, [`BackupError::Damaged`].
    pub fn snapshot(&self, name: Option<&str>) -> Result<Snapshot, BackupError> {
        let names = self.names()?;
        let found = match name {
            Some(name) => names.iter().find(|n| *n == name),
            None => names.last(),
        };
        let Some(found) = found else {
            let known = if names.is_empty() { "none".into() } else { names.join(", ") };
            let name = name.unwrap_or("of any name").to_owned();
            return Err(BackupError::NoSnapshot { dir: self.dir.clone(), name, known });
        };
        let path = self.snapshot_path(found);
        let file = self.disk.open(&path).map_err(io_at("cannot open", &path))?;
        let bytes = file.read_all().map_err(io_at("cannot read", &path))?;
        let damaged = |what: String| BackupError::Damaged { path: path.clone(), what };
        let text = String::from_utf8(bytes).map_err(|_| damaged("it is no UTF-8".into()))?;
        Snapshot::from_text(found, &text).map_err(damaged)
    }

    /// Saves files and writes the snapshot that lists them; `snapshot.files` is filled here. The name
    /// gets a number when there is one of that name. Returns the snapshot as it was written.
    ///
    /// # Errors
    /// [`BackupError`]: earlier snapshots are as they were, and no snapshot was added.
    pub fn save(
        &self,
        mut snapshot: Snapshot,
        sources: &[Source],
        progress: &Progress,
    ) -> Result<Snapshot, BackupError> {
        let names = self.names()?;
        let wanted = snapshot.name.clone();
        let mut number = 1;
        while names.contains(&snapshot.name) {
            number += 1;
            snapshot.name = format!("{wanted}-{number}");
        }
        let mut listed = Listed::default();
        for name in &names {
            match self.snapshot(Some(name)) {
                Ok(earlier) => listed.add(earlier.files),
                // `verify` tells of it.
                Err(_) => listed.has_gaps = true,
            }
        }
        self.check_space(sources, &listed, progress)?;
        let mut folders: Vec<PathBuf> = Vec::new();
        for source in sources {
            let folder = self.dir.join(&source.stored).parent().map(Path::to_path_buf);
            let folder = folder.expect("a file in a folder");
            if !folders.contains(&folder) {
                self.disk.create_dir_all(&folder).map_err(io_at("cannot make", &folder))?;
                self.remove_unfinished(&folder)?;
                folders.push(folder);
            }
            snapshot.files.push(self.save_file(source, &listed, progress)?);
            progress.file_done();
        }
        for folder in &folders {
            self.disk.sync_dir(folder).map_err(io_at("cannot sync", folder))?;
        }
        // The folders' own names.
        self.disk.sync_dir(&self.dir).map_err(io_at("cannot sync", &self.dir))?;
        self.write_snapshot(&snapshot)?;
        Ok(snapshot)
    }

    fn check_space(
        &self,
        sources: &[Source],
        listed: &Listed,
        progress: &Progress,
    ) -> Result<(), BackupError> {
        let (mut total, mut needed) = (0, 0);
        for source in sources {
            let path = self.dir.join(&source.stored);
            let len = source.file.len().map_err(io_at("cannot read the length of", &path))?;
            total += len;
            let there =
                || self.disk.open(&path).and_then(|file| file.len()).is_ok_and(|l| l == len);
            if !listed.of(&source.stored).any(|file| file.bytes == len) && !there() {
                needed += len;
            }
        }
        progress.expect(sources.len() as u64, total);
        let free = self.disk.free_bytes(&self.dir).map_err(io_at("cannot ask", &self.dir))?;
        if needed > free {
            let dir = self.dir.clone();
            return Err(BackupError::Space { dir, free_bytes: free, needed_bytes: needed });
        }
        Ok(())
    }

    fn write_snapshot(&self, snapshot: &Snapshot) -> Result<(), BackupError> {
        let path = self.snapshot_path(&snapshot.name);
        let new = self.dir.join(SNAPSHOTS).join(format!("{}{NEW_ENDING}", snapshot.name));
        let write = || -> io::Result<()> {
            let file = self.disk.open_or_create(&new)?;
            file.set_len(0)?;
            file.write_all_at(snapshot.to_text().as_bytes(), 0)?;
            file.sync()?;
            self.disk.rename(&new, &path)?;
            self.disk.sync_dir(&self.dir.join(SNAPSHOTS))
        };
        write().map_err(io_at("cannot write", &path))
    }

    /// Removes what an interrupted backup left under temporary names.
    fn remove_unfinished(&self, folder: &Path) -> Result<(), BackupError> {
        for name in self.disk.list(folder).map_err(io_at("cannot list", folder))? {
            if name.ends_with(NEW_ENDING) {
                let path = folder.join(name);
                self.disk.remove(&path).map_err(io_at("cannot remove", &path))?;
            }
        }
        Ok(())
    }
}
