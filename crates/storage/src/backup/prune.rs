//! Looking after what is there: is it whole, and is it still wanted.

use super::copy::sum_of;
use super::{BackupDir, BackupError, MARK_FILE, NEW_ENDING, Progress, SNAPSHOTS, SavedFile, io_at};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;

/// What looking through a directory of backups found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Snapshots whose files are all as they were written.
    pub whole: Vec<String>,
    /// Others, each with the files that are not, and what is wrong with them.
    pub damaged: Vec<(String, Vec<BackupError>)>,
    /// Files that were read.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

impl BackupDir {
    /// Reads every file of every snapshot and compares length and checksum.
    ///
    /// # Errors
    /// [`BackupError::Io`] when the directory cannot be listed; what is wrong with files is among
    /// the findings.
    pub fn verify(&self, progress: &Progress) -> Result<Findings, BackupError> {
        let mut findings = Findings::default();
        let mut snapshots = Vec::new();
        for name in self.names()? {
            match self.snapshot(Some(&name)) {
                Ok(snapshot) => snapshots.push(snapshot),
                Err(error) => findings.damaged.push((name, vec![error])),
            }
        }
        let files: BTreeMap<&str, &SavedFile> =
            snapshots.iter().flat_map(|s| s.files.iter().map(|f| (f.stored.as_str(), f))).collect();
        progress.expect(files.len() as u64, files.values().map(|f| f.bytes).sum());
        let mut sums: BTreeMap<&str, Result<(u64, u64), BackupError>> = BTreeMap::new();
        for stored in files.keys() {
            let found = sum_of(&*self.disk, &self.dir.join(stored), progress, true);
            if matches!(found, Err(BackupError::Stopped)) {
                return Err(BackupError::Stopped);
            }
            findings.files += 1;
            findings.bytes += found.as_ref().map_or(0, |(len, _)| *len);
            sums.insert(stored, found);
            progress.file_done();
        }
        for snapshot in &snapshots {
            let wrong: Vec<BackupError> = snapshot
                .files
                .iter()
                .filter_map(|file| {
                    let what = match &sums[file.stored.as_str()] {
                        Ok(found) if *found == (file.bytes, file.sum) => return None,
                        Ok((len, _)) if *len != file.bytes => {
                            format!("it has {len} bytes instead of {}", file.bytes)
                        }
                        Ok(_) => "its checksum does not hold".to_owned(),
                        Err(error) => match std::error::Error::source(error) {
                            Some(cause) => format!("it cannot be read: {cause}"),
                            None => error.to_string(),
                        },
                    };
                    Some(BackupError::Damaged { path: self.dir.join(&file.stored), what })
                })
                .collect();
            if wrong.is_empty() {
                findings.whole.push(snapshot.name.clone());
            } else {
                findings.damaged.push((snapshot.name.clone(), wrong));
            }
        }
        Ok(findings)
    }

    /// Keeps the newest `keep` snapshots and removes the others, then the files in `folders` that
    /// no snapshot lists. Returns the names of the snapshots that went.
    ///
    /// # Errors
    /// [`BackupError::Damaged`] when a snapshot that stays cannot be read: what it lists is not
    /// known then, and nothing is removed.
    pub fn prune(&self, keep: usize, folders: &[&str]) -> Result<Vec<String>, BackupError> {
        let mut names = self.names()?;
        let staying = names.split_off(names.len().saturating_sub(keep.max(1)));
        let mut listed: BTreeSet<PathBuf> = BTreeSet::new();
        for name in &staying {
            let snapshot = self.snapshot(Some(name))?;
            listed.extend(snapshot.files.iter().map(|f| self.dir.join(&f.stored)));
        }
        let remove = |path: PathBuf| match self.disk.remove(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(io_at("cannot remove", &path)(e)),
            _ => Ok(()),
        };
        for name in &names {
            remove(self.snapshot_path(name))?;
        }
        // Before the files go: a snapshot that lists files which are gone would look damaged.
        let snapshots = self.dir.join(SNAPSHOTS);
        self.disk.sync_dir(&snapshots).map_err(io_at("cannot sync", &snapshots))?;
        for folder in folders.iter().filter(|f| **f != SNAPSHOTS && **f != MARK_FILE) {
            let folder = self.dir.join(folder);
            for file in self.disk.list(&folder).map_err(io_at("cannot list", &folder))? {
                let path = folder.join(&file);
                if file.ends_with(NEW_ENDING) || !listed.contains(&path) {
                    remove(path)?;
                }
            }
        }
        Ok(names)
    }
}
