//! One file into the backup, and how we know that it arrived.

use super::{BackupDir, BackupError, NEW_ENDING, Progress, SavedFile, Source, io_at};
use crate::parts::PartFile;
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::time::Duration;
use stdx::checksum::Checksummer;
use stdx::{Disk, DiskFile, Stopwatch};

/// Files are read and written in pieces of this size.
const PIECE_BYTES: usize = 1 << 20;
/// So much is written between two syncs: one sync of a gigabyte at the end would hold up the syncs
/// of a journal on the same disk for seconds.
const SYNC_EVERY_BYTES: u64 = 4 << 20;
/// A shorter pause gives nobody a turn.
const PAUSE_MIN: Duration = Duration::from_millis(1);

/// Beside a server that takes writes, half of the time belongs to them: a pause follows each stretch
/// of work, as long as the stretch was.
#[derive(Debug)]
pub(super) struct Turns {
    gentle: bool,
    work: Stopwatch,
}

impl Turns {
    pub(super) fn new(gentle: bool) -> Self {
        Self { gentle, work: Stopwatch::start() }
    }

    fn give(&mut self) {
        let took = self.work.elapsed();
        if self.gentle && took >= PAUSE_MIN {
            std::thread::sleep(took);
        }
        self.work = Stopwatch::start();
    }
}

/// Shows a file piece by piece and returns its checksum.
pub(super) fn pieces<E>(
    len: u64,
    mut read: impl FnMut(&mut [u8], u64) -> Result<(), E>,
    mut show: impl FnMut(&[u8], u64) -> Result<(), E>,
) -> Result<u64, E> {
    let mut sum = Checksummer::default();
    let mut buffer = vec![0; usize::try_from(len).unwrap_or(PIECE_BYTES).min(PIECE_BYTES)];
    let mut at = 0;
    while at < len {
        let piece = usize::try_from(len - at).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        let piece = &mut buffer[..piece];
        read(piece, at)?;
        sum.update(piece);
        show(piece, at)?;
        at += piece.len() as u64;
    }
    Ok(sum.finish())
}

/// Returns length and checksum of a file on a disk.
pub(super) fn sum_of(
    disk: &dyn Disk,
    path: &Path,
    progress: &Progress,
    count: bool,
) -> Result<(u64, u64), BackupError> {
    let file = disk.open(path).map_err(io_at("cannot open", path))?;
    let len = file.len().map_err(io_at("cannot read", path))?;
    let sum = pieces(
        len,
        |buf, at| file.read_exact_at(buf, at).map_err(io_at("cannot read", path)),
        |piece, _| {
            if count {
                progress.found(piece.len() as u64);
            }
            if progress.is_stopped() { Err(BackupError::Stopped) } else { Ok(()) }
        },
    )?;
    Ok((len, sum))
}

/// Writes a file front to back, synced every so often, and returns the checksum of what it was
/// given.
pub(super) fn write_from(
    target: &dyn DiskFile,
    path: &Path,
    len: u64,
    mut read: impl FnMut(&mut [u8], u64) -> Result<(), BackupError>,
    progress: &Progress,
    turns: &mut Turns,
) -> Result<u64, BackupError> {
    let mut unsynced = 0;
    let sum = pieces(len, &mut read, |piece, at| {
        if progress.is_stopped() {
            return Err(BackupError::Stopped);
        }
        target.write_all_at(piece, at).map_err(io_at("cannot write", path))?;
        unsynced += piece.len() as u64;
        if unsynced >= SYNC_EVERY_BYTES {
            unsynced = 0;
            target.sync().map_err(io_at("cannot sync", path))?;
            turns.give();
        }
        progress.copied(piece.len() as u64);
        Ok(())
    })?;
    target.sync().map_err(io_at("cannot sync", path))?;
    Ok(sum)
}

impl BackupDir {
    pub(super) fn save_file(
        &self,
        source: &Source,
        listed: &HashMap<String, SavedFile>,
        progress: &Progress,
    ) -> Result<SavedFile, BackupError> {
        let path = self.dir.join(&source.stored);
        let read_error = || io_at("cannot read what is to be saved as", &path);
        let bytes = source.file.len().map_err(read_error())?;
        let saved = |sum| SavedFile {
            kind: source.kind.clone(),
            name: source.name.clone(),
            stored: source.stored.clone(),
            bytes,
            sum,
        };
        let present = match self.disk.open(&path) {
            Ok(file) => Some(file.len().map_err(io_at("cannot read", &path))?),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(io_at("cannot open", &path)(e)),
        };
        if present == Some(bytes) {
            if let Some(earlier) = listed.get(&source.stored)
                && earlier.bytes == bytes
            {
                progress.found(bytes);
                return Ok(saved(earlier.sum));
            }
            // Left by a backup that was interrupted: as good as copied, if it is the same.
            let sum = self.sum_of_source(&*source.file, bytes, &path, progress)?;
            if sum_of(&*self.disk, &path, progress, false)?.1 == sum {
                progress.found(bytes);
                return Ok(saved(sum));
            }
        }
        let new = self.dir.join(format!("{}{NEW_ENDING}", source.stored));
        let target = self.disk.open_or_create(&new).map_err(io_at("cannot make", &new))?;
        target.set_len(0).map_err(io_at("cannot cut", &new))?;
        let read = |buf: &mut [u8], at| source.file.read_exact_at(buf, at).map_err(read_error());
        let mut turns = Turns::new(self.gentle);
        let sum = write_from(&*target, &new, bytes, read, progress, &mut turns)?;
        drop(target);
        let found = sum_of(&*self.disk, &new, progress, false)?;
        turns.give();
        if found != (bytes, sum) {
            let what = "what was read back is not what was written".to_owned();
            return Err(BackupError::Damaged { path: new, what });
        }
        self.disk.rename(&new, &path).map_err(io_at("cannot rename to", &path))?;
        Ok(saved(sum))
    }

    fn sum_of_source(
        &self,
        file: &dyn PartFile,
        bytes: u64,
        path: &Path,
        progress: &Progress,
    ) -> Result<u64, BackupError> {
        pieces(
            bytes,
            |buf, at| {
                file.read_exact_at(buf, at)
                    .map_err(io_at("cannot read what is to be saved as", path))
            },
            |_, _| if progress.is_stopped() { Err(BackupError::Stopped) } else { Ok(()) },
        )
    }
}
