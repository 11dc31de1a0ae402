//! From the backup to where it is needed.

use super::copy::{Turns, write_from};
use super::{BackupDir, BackupError, Progress, SavedFile, Snapshot, io_at};
use std::path::{Path, PathBuf};

impl BackupDir {
    /// Copies the files of a snapshot that `place` gives a path, each checked against its checksum
    /// and synced. The names are durable when the caller has synced the directories.
    ///
    /// # Errors
    /// [`BackupError::Damaged`] names the file of the backup that is not what was saved.
    pub fn bring_back(
        &self,
        snapshot: &Snapshot,
        place: impl Fn(&SavedFile) -> Option<PathBuf>,
        progress: &Progress,
    ) -> Result<(), BackupError> {
        let wanted: Vec<(&SavedFile, PathBuf)> =
            snapshot.files.iter().filter_map(|f| Some((f, place(f)?))).collect();
        progress.expect(wanted.len() as u64, wanted.iter().map(|(f, _)| f.bytes).sum());
        for (file, to) in wanted {
            self.bring_one(file, &to, progress)?;
            progress.file_done();
        }
        Ok(())
    }

    fn bring_one(
        &self,
        file: &SavedFile,
        to: &Path,
        progress: &Progress,
    ) -> Result<(), BackupError> {
        let path = self.dir.join(&file.stored);
        let source = self.open_saved(file)?;
        let target = self.disk.open_or_create(to).map_err(io_at("cannot make", to))?;
        target.set_len(0).map_err(io_at("cannot cut", to))?;
        let read =
            |buf: &mut [u8], at| source.read_exact_at(buf, at).map_err(io_at("cannot read", &path));
        let mut turns = Turns::new(false);
        if write_from(&*target, to, file.bytes, read, progress, &mut turns)? != file.sum {
            return Err(BackupError::Damaged { path, what: "its checksum does not hold".into() });
        }
        Ok(())
    }

    /// Reads a whole file of a snapshot, checked against its checksum.
    ///
    /// # Errors
    /// [`BackupError::Damaged`].
    pub fn read(&self, file: &SavedFile) -> Result<Vec<u8>, BackupError> {
        let path = self.dir.join(&file.stored);
        let bytes = self.open_saved(file)?.read_all().map_err(io_at("cannot read", &path))?;
        if stdx::checksum::checksum(&bytes) != file.sum {
            return Err(BackupError::Damaged { path, what: "its checksum does not hold".into() });
        }
        Ok(bytes)
    }

    fn open_saved(&self, file: &SavedFile) -> Result<Box<dyn stdx::DiskFile>, BackupError> {
        let path = self.dir.join(&file.stored);
        let damaged = |what: String| BackupError::Damaged { path: path.clone(), what };
        let source = match self.disk.open(&path) {
            Ok(source) => source,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err(damaged("it is missing".into()));
            }
            Err(e) => return Err(io_at("cannot open", &path)(e)),
        };
        let len = source.len().map_err(io_at("cannot read", &path))?;
        if len == file.bytes {
            Ok(source)
        } else {
            Err(damaged(format!("it has {len} bytes instead of {}", file.bytes)))
        }
    }
}
