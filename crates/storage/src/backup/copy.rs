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
/// A file of a name that is listed is compared at its end, and at so many places before.
const TAIL_BYTES: u64 = 64 << 10;
const SAMPLES: u64 = 16;
const SAMPLE_BYTES: u64 = 4 << 10;

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    io_at("cannot read what is to be saved as", path)
}

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

/// What snapshots list: written, synced and compared.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// By name; files that wanted the name of another stand under that one.
    files: HashMap<String, Vec<SavedFile>>,
    /// A snapshot could not be read: what it lists is not known.
    pub(super) has_gaps: bool,
}

impl Listed {
    pub(super) fn add(&mut self, files: Vec<SavedFile>) {
        for file in files {
            let wanted = wanted_name(&file.stored).to_owned();
            let known = self.files.entry(wanted).or_default();
            if !known.contains(&file) {
                known.push(file);
            }
        }
    }

    /// Returns what is listed under a name, or wanted it.
    pub(super) fn of(&self, stored: &str) -> impl Iterator<Item = &SavedFile> {
        self.files.get(stored).into_iter().flatten()
    }
}

/// Between the name that a file wanted and the checksum by which it is told from others.
const BY_SUM: &str = ".sum-";

fn wanted_name(stored: &str) -> &str {
    stored.split_once(BY_SUM).map_or(stored, |(wanted, _)| wanted)
}

impl BackupDir {
    pub(super) fn save_file(
        &self,
        source: &Source,
        listed: &Listed,
        progress: &Progress,
    ) -> Result<SavedFile, BackupError> {
        let wanted = self.dir.join(&source.stored);
        let bytes = source.file.len().map_err(unreadable(&wanted))?;
        let saved = |stored: &str, sum| SavedFile {
            kind: source.kind.clone(),
            name: source.name.clone(),
            stored: stored.to_owned(),
            bytes,
            sum,
        };
        for earlier in listed.of(&source.stored).filter(|f| f.bytes == bytes) {
            if self.is_alike(&*source.file, earlier)? {
                progress.found(bytes);
                return Ok(saved(&earlier.stored, earlier.sum));
            }
        }
        let present = self.len_of(&wanted)?;
        let mut stored = source.stored.clone();
        let mut known_sum = None;
        let is_listed = listed.of(&stored).any(|f| f.stored == stored);
        if is_listed || present.is_some() && listed.has_gaps {
            // Never over what an earlier snapshot lists - unless it is that very content, and the
            // file was lost or damaged.
            let sum = self.sum_of_source(&*source.file, bytes, &wanted, progress)?;
            let same = |f: &SavedFile| f.stored == stored && (f.bytes, f.sum) == (bytes, sum);
            if !listed.of(&stored).any(same) {
                stored = format!("{stored}{BY_SUM}{sum:016x}");
            }
            known_sum = Some(sum);
        }
        let path = self.dir.join(&stored);
        let read_error = || unreadable(&path);
        if self.len_of(&path)? == Some(bytes) {
            // Left by a backup that was interrupted: as good as copied, if it is the same.
            let sum = match known_sum {
                Some(sum) => sum,
                None => self.sum_of_source(&*source.file, bytes, &path, progress)?,
            };
            if sum_of(&*self.disk, &path, progress, false)?.1 == sum {
                progress.found(bytes);
                return Ok(saved(&stored, sum));
            }
        }
        let new = self.dir.join(format!("{}{NEW_ENDING}", stored));
        let target = match source.private {
            // What an interrupted backup left of that name was removed before.
            true => self.disk.create_private(&new),
            false => self.disk.open_or_create(&new),
        };
        let target = target.map_err(io_at("cannot make", &new))?;
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
        Ok(saved(&stored, sum))
    }

    /// Returns the length of a file of the backup; `None` when there is none.
    fn len_of(&self, path: &Path) -> Result<Option<u64>, BackupError> {
        match self.disk.open(path) {
            Ok(file) => Ok(Some(file.len().map_err(io_at("cannot read", path))?)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(io_at("cannot open", path)(e)),
        }
    }

    /// Compares samples of what is to be saved and of a file of equal length that has its name: all
    /// of it would mean reading all data for each backup. The end of a part is its footer, with
    /// counts, bounds and the places and lengths of its blocks; the samples between meet their
    /// content.
    fn is_alike(&self, file: &dyn PartFile, earlier: &SavedFile) -> Result<bool, BackupError> {
        let path = self.dir.join(&earlier.stored);
        let there = match self.disk.open(&path) {
            Ok(there) => there,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(io_at("cannot open", &path)(e)),
        };
        if there.len().map_err(io_at("cannot read", &path))? != earlier.bytes {
            return Ok(false);
        }
        let tail = earlier.bytes.saturating_sub(TAIL_BYTES);
        let step = (tail / SAMPLES).max(SAMPLE_BYTES);
        let between = (0..tail).step_by(usize::try_from(step).unwrap_or(usize::MAX));
        let samples = between
            .map(|at| (at, SAMPLE_BYTES.min(tail - at)))
            .chain([(tail, earlier.bytes - tail)]);
        for (at, len) in samples {
            let mut pair = [vec![0; len as usize], vec![0; len as usize]];
            file.read_exact_at(&mut pair[0], at).map_err(unreadable(&path))?;
            there.read_exact_at(&mut pair[1], at).map_err(io_at("cannot read", &path))?;
            if pair[0] != pair[1] {
                return Ok(false);
            }
        }
        Ok(true)
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
            |buf, at| file.read_exact_at(buf, at).map_err(unreadable(path)),
            |_, _| if progress.is_stopped() { Err(BackupError::Stopped) } else { Ok(()) },
        )
    }
}
