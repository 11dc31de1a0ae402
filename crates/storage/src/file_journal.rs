//! The embedded journal: segments of frames in files.
//!
//! The bytes are drawn in `FORMAT.md`. What makes replay exact:
//!
//! - A frame counts when its checksum holds and its sequence is the next one. The first that does
//!   not is the end, unless a later frame proves that the unreadable one was acknowledged: then the
//!   journal is damaged and opening it says so.
//! - Every open starts a new segment, so what a crash left behind the end is never written over
//!   and can never be taken for a continuation. Segments behind the end are removed.
//! - Released segments are used again: their old frames have lower sequences than any new one.

use crate::journal::{CommitError, Frame, Journal, JournalError, SyncMode, SyncTimes};
use crate::journal_follow::{Marks, Window};
use crate::journal_scan::{Scan, UnreadTail, scan};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use stdx::checksum::{checksum, checksum_seeded};
use stdx::{Disk, DiskFile, Stopwatch};

const MAGIC: [u8; 4] = *b"SLJ1";
const VERSION: u16 = 1;
pub(crate) const SEGMENT_HEADER_BYTES: usize = 32;
pub(crate) const FRAME_HEADER_BYTES: usize = 40;
/// A frame longer than this is taken for damage, so that a flipped bit cannot ask for all memory.
const PAYLOAD_BYTES_MAX: usize = 256 << 20;
/// Released segments that are kept for use again: one being written, one ahead.
const SPARES_MAX: usize = 2;
pub(crate) const SPARE_ENDING: &str = ".spare";

/// How the embedded journal writes.
#[derive(Debug, Clone, Copy)]
pub struct FileJournalOptions {
    /// When a commit counts as kept.
    pub sync: SyncMode,
    /// A segment that has grown to this many bytes is followed by a new one.
    pub segment_bytes: u64,
}

impl Default for FileJournalOptions {
    fn default() -> Self {
        Self { sync: SyncMode::Always, segment_bytes: 32 << 20 }
    }
}

/// The embedded form of [`Journal`].
#[derive(Debug)]
pub struct FileJournal {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    options: FileJournalOptions,
    pending: Mutex<Pending>,
    wake: Condvar,
    writer: Mutex<Writer>,
    committed: AtomicU64,
    unread: Option<UnreadTail>,
    marks: Marks,
    times: Mutex<Times>,
    /// Bytes of the segments when they could be counted last.
    size_seen: AtomicU64,
}

/// A commit that took longest is remembered for this long.
const LONGEST_FOR: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
struct Times {
    count: u64,
    total: Duration,
    longest: Option<(Duration, Stopwatch)>,
    under_way: Option<Stopwatch>,
}

impl Times {
    fn end(&mut self) {
        let Some(begun) = self.under_way.take() else { return };
        let took = begun.elapsed();
        self.count += 1;
        self.total += took;
        let kept =
            self.longest.filter(|(longest, at)| *longest > took && at.elapsed() < LONGEST_FOR);
        self.longest = Some(kept.unwrap_or_else(|| (took, Stopwatch::start())));
    }
}

#[derive(Debug)]
struct Pending {
    frames: Vec<u8>,
    first: u64,
    next: u64,
    broken: bool,
    refusing: bool,
}

#[derive(Debug)]
struct Writer {
    /// Segments that hold frames somebody may need, oldest first; the last is being written.
    live: VecDeque<Segment>,
    spares: Vec<String>,
    file: Option<Box<dyn DiskFile>>,
    /// Where the next frame goes in the last segment.
    offset: u64,
    next_number: u64,
    unsynced_since: Option<Stopwatch>,
    buffer: Vec<u8>,
}

#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub(crate) name: String,
    pub(crate) first: u64,
    /// Last sequence in it, or `first - 1` while it is empty.
    pub(crate) last: u64,
    pub(crate) bytes: u64,
}

pub(crate) fn segment_name(number: u64) -> String {
    format!("{number:012}.journal")
}

pub(crate) fn segment_number(name: &str) -> Option<u64> {
    name.strip_suffix(".journal")?.parse().ok()
}

pub(crate) fn io_error(what: impl Into<String>) -> impl FnOnce(io::Error) -> JournalError {
    let what = what.into();
    move |source| JournalError::Io { what, source }
}

fn frame_checksum(header: &[u8], payload: &[u8]) -> u64 {
    checksum_seeded(header, checksum(payload))
}

/// Appends a frame; `durable` is the last sequence known to be kept at this moment.
fn put_frame(out: &mut Vec<u8>, kind: u8, sequence: u64, durable: u64, payload: &[u8]) {
    let start = out.len();
    let len = u32::try_from(payload.len()).expect("callers keep frames below the maximum");
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&[kind, 0, 0, 0]);
    out.extend_from_slice(&sequence.to_le_bytes());
    out.extend_from_slice(&durable.to_le_bytes());
    out.extend_from_slice(&[0; 8]);
    let sum = frame_checksum(&out[start..start + 32], payload);
    out.extend_from_slice(&sum.to_le_bytes());
    out.extend_from_slice(payload);
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

pub(crate) struct Parsed<'a> {
    pub(crate) frame: Frame<'a>,
    pub(crate) durable: u64,
    pub(crate) end: usize,
}

/// Returns the length that a frame's header tells, with the header; `None` when it is not whole.
pub(crate) fn frame_len(bytes: &[u8]) -> Option<usize> {
    let len = u32::from_le_bytes(bytes.get(..FRAME_HEADER_BYTES)?[..4].try_into().ok()?) as usize;
    Some(FRAME_HEADER_BYTES + len)
}

/// Reads the frame at `at`, whatever its sequence; `None` when none is whole there.
pub(crate) fn parse_frame(bytes: &[u8], at: usize) -> Option<Parsed<'_>> {
    let header = bytes.get(at..at + FRAME_HEADER_BYTES)?;
    let len = u32::from_le_bytes(header[0..4].try_into().expect("four bytes")) as usize;
    if len > PAYLOAD_BYTES_MAX || header[5..8] != [0; 3] {
        return None;
    }
    let payload_at = at + FRAME_HEADER_BYTES;
    let payload = bytes.get(payload_at..payload_at + len)?;
    let sequence = u64_at(header, 8);
    if sequence == 0 || frame_checksum(&header[..32], payload) != u64_at(header, 32) {
        return None;
    }
    let frame = Frame { sequence, kind: header[4], payload };
    Some(Parsed { frame, durable: u64_at(header, 16), end: payload_at + len })
}

fn put_segment_header(out: &mut Vec<u8>, number: u64, first: u64) {
    let start = out.len();
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    out.extend_from_slice(&first.to_le_bytes());
    out.extend_from_slice(&number.to_le_bytes());
    let sum = checksum(&out[start..start + 24]);
    out.extend_from_slice(&sum.to_le_bytes());
}

/// Returns the first sequence that a segment promises; `None` when its header is not whole, or not
/// that of a segment with this number: a crash while a released segment was being used again can
/// leave the new name on the old content or the old name on the new.
pub(crate) fn parse_segment_header(
    bytes: &[u8],
    number: u64,
    name: &str,
) -> Result<Option<u64>, JournalError> {
    let Some(header) = bytes.get(..SEGMENT_HEADER_BYTES) else { return Ok(None) };
    if header[..4] != MAGIC || checksum(&header[..24]) != u64_at(header, 24) {
        return Ok(None);
    }
    let version = u16::from_le_bytes([header[4], header[5]]);
    if version != VERSION {
        return Err(JournalError::Version { segment: name.into(), version });
    }
    // Sequences count from one.
    let first = u64_at(header, 8);
    Ok((u64_at(header, 16) == number && first > 0).then_some(first))
}

impl FileJournal {
    /// Opens the journal in `dir`, finds its end and starts a new segment behind it.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when acknowledged frames cannot be read; [`JournalError::Io`].
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: FileJournalOptions,
    ) -> Result<Self, JournalError> {
        Self::open_after(disk, dir, options, 0)
    }

    /// As [`FileJournal::open`]; sequences go on behind `floor` even when no frame tells so (all
    /// were released, or the directory was emptied after a flush).
    pub fn open_after(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: FileJournalOptions,
        floor: u64,
    ) -> Result<Self, JournalError> {
        disk.create_dir_all(dir).map_err(io_error("directory cannot be made"))?;
        let Scan { live, behind_end, spares, next, next_number, unread } =
            scan(&*disk, dir, floor)?;
        for spare in &spares {
            disk.remove(&dir.join(spare)).map_err(io_error(format!("remove {spare}")))?;
        }
        for segment in &live {
            // After `kill -9` these frames may be in the page cache only. They are about to be
            // taken for kept, and frames behind them will be acknowledged: make it true first.
            let name = &segment.name;
            let file = disk.open(&dir.join(name)).map_err(io_error(format!("open {name}")))?;
            file.sync().map_err(io_error(format!("sync of {name}")))?;
        }
        for name in &behind_end {
            disk.remove(&dir.join(name)).map_err(io_error(format!("remove {name}")))?;
        }
        disk.sync_dir(dir).map_err(io_error("sync of the directory"))?;
        if let Some(unread) = &unread {
            // Nothing that was acknowledged with a sync; without syncs (`--sync os`) it may have
            // been, and the page that documents the mode says that power loss can take it.
            tracing::warn!(
                segment = unread.segment,
                offset = unread.offset,
                bytes = unread.bytes,
                frames_behind = unread.frames_behind,
                "the journal's tail is not whole and is left out: it was not synced when the power went"
            );
        }
        let journal = Self {
            disk,
            dir: dir.to_path_buf(),
            options,
            pending: Mutex::new(Pending {
                frames: Vec::new(),
                first: next,
                next,
                broken: false,
                refusing: false,
            }),
            wake: Condvar::new(),
            writer: Mutex::new(Writer {
                live,
                spares: Vec::new(),
                file: None,
                offset: 0,
                next_number,
                unsynced_since: None,
                buffer: Vec::new(),
            }),
            committed: AtomicU64::new(next - 1),
            unread,
            marks: Marks::default(),
            times: Mutex::default(),
            size_seen: AtomicU64::new(0),
        };
        Ok(journal)
    }

    /// Returns what of the journal's tail was not whole when it was opened and was left out.
    pub fn unread_tail(&self) -> Option<&UnreadTail> {
        self.unread.as_ref()
    }

    /// Starts the next segment; its first frame will be `first`.
    fn rotate(&self, writer: &mut Writer, first: u64) -> Result<(), (bool, JournalError)> {
        if let Some(file) = &writer.file
            && !matches!(self.options.sync, SyncMode::Always)
        {
            // Interval syncs look at the last segment only, so this one is made durable now.
            file.sync().map_err(|e| (true, io_error("sync of a full segment")(e)))?;
        }
        self.start_segment(writer, first).map_err(|error| (false, error))
    }

    fn start_segment(&self, writer: &mut Writer, first: u64) -> Result<(), JournalError> {
        let name = segment_name(writer.next_number);
        let path = self.dir.join(&name);
        if let Some(spare) = writer.spares.pop() {
            self.disk
                .rename(&self.dir.join(&spare), &path)
                .map_err(io_error(format!("rename {spare} to {name}")))?;
        }
        let file = self.disk.open_or_create(&path).map_err(io_error(format!("make {name}")))?;
        let mut header = Vec::with_capacity(SEGMENT_HEADER_BYTES);
        put_segment_header(&mut header, writer.next_number, first);
        file.write_all_at(&header, 0).map_err(io_error(format!("write {name}")))?;
        // The header and the name must be durable before a frame behind it is: else a crash leaves
        // acknowledged frames in a file that nobody finds. Frames' own sync covers the header.
        self.disk.sync_dir(&self.dir).map_err(io_error("sync of the directory"))?;
        writer.next_number += 1;
        writer.file = Some(file);
        writer.offset = SEGMENT_HEADER_BYTES as u64;
        writer.live.push_back(Segment {
            name,
            first,
            last: first - 1,
            bytes: SEGMENT_HEADER_BYTES as u64,
        });
        Ok(())
    }

    /// Writes what is in the buffer. The flag beside an error says that what the disk holds is
    /// unknown.
    fn write(
        &self,
        writer: &mut Writer,
        first: u64,
        last: u64,
    ) -> Result<(), (bool, JournalError)> {
        let full = writer.offset + writer.buffer.len() as u64 > self.options.segment_bytes
            && writer.offset > SEGMENT_HEADER_BYTES as u64;
        if writer.file.is_none() || full {
            self.rotate(writer, first)?;
        }
        let file = writer.file.as_ref().expect("a segment was opened above");
        if let Err(source) = file.write_all_at(&writer.buffer, writer.offset) {
            // Frames that fitted stand there whole, and a start would take them for kept although
            // their senders are told otherwise.
            let cut = file.set_len(writer.offset).and_then(|()| file.sync());
            return Err((cut.is_err(), io_error("write")(source)));
        }
        writer.offset += writer.buffer.len() as u64;
        let segment = writer.live.back_mut().expect("a segment was opened above");
        segment.last = last;
        segment.bytes = segment.bytes.max(writer.offset);
        Ok(())
    }

    /// Syncs when the mode asks for it now.
    fn sync_if_due(&self, writer: &mut Writer, wrote: bool) -> Result<(), JournalError> {
        let due = match self.options.sync {
            SyncMode::Always => wrote,
            SyncMode::Os => false,
            SyncMode::Interval(pause) => {
                if wrote && writer.unsynced_since.is_none() {
                    writer.unsynced_since = Some(Stopwatch::start());
                }
                writer.unsynced_since.is_some_and(|since| since.elapsed() >= pause)
            }
        };
        if due && let Some(file) = &writer.file {
            file.sync().map_err(io_error("sync"))?;
            writer.unsynced_since = None;
        }
        Ok(())
    }

    /// Takes back what was enqueued from `from` on, after a failure.
    fn take_back(&self, from: u64, broken: bool, source: JournalError) -> CommitError {
        let mut pending = self.pending.lock();
        pending.frames.clear();
        pending.first = from;
        pending.next = from;
        pending.broken |= broken;
        pending.refusing = true;
        CommitError { from, broken, source }
    }
}

impl Journal for FileJournal {
    fn enqueue(&self, kind: u8, payload: &[u8]) -> Result<u64, JournalError> {
        if payload.len() > PAYLOAD_BYTES_MAX {
            let source = io::Error::other(format!("frame of {} bytes", payload.len()));
            return Err(JournalError::Io { what: "takes no frame so large".into(), source });
        }
        let mut pending = self.pending.lock();
        if pending.broken {
            return Err(JournalError::Broken);
        }
        if pending.refusing {
            return Err(JournalError::Refusing);
        }
        let sequence = pending.next;
        pending.next += 1;
        let durable = match self.options.sync {
            SyncMode::Always => self.committed.load(Ordering::Acquire),
            // Without syncs nothing is known to be durable, so nothing is proved by a later frame.
            _ => 0,
        };
        put_frame(&mut pending.frames, kind, sequence, durable, payload);
        self.wake.notify_one();
        Ok(sequence)
    }

    fn commit(&self, wait: Duration) -> Result<Option<u64>, CommitError> {
        // A sync that falls due while nothing comes must not wait for the next frame.
        let wait = match (self.options.sync, self.writer.lock().unsynced_since) {
            (SyncMode::Interval(pause), Some(since)) => {
                wait.min(pause.saturating_sub(since.elapsed()))
            }
            _ => wait,
        };
        {
            // Waits without the writer's lock, so that readers are not held up meanwhile.
            let mut pending = self.pending.lock();
            if pending.frames.is_empty() && !wait.is_zero() {
                self.wake.wait_for(&mut pending, wait);
            }
        }
        let mut writer = self.writer.lock();
        let (first, next) = {
            let mut pending = self.pending.lock();
            writer.buffer.clear();
            std::mem::swap(&mut pending.frames, &mut writer.buffer);
            let (first, next) = (pending.first, pending.next);
            pending.first = next;
            (first, next)
        };
        let wrote = first != next;
        if wrote {
            self.times.lock().under_way = Some(Stopwatch::start());
        }
        let written = match wrote {
            true => self.write(&mut writer, first, next - 1),
            false => Ok(()),
        };
        let kept = written.and_then(|()| {
            self.sync_if_due(&mut writer, wrote).map_err(|source| {
                writer.unsynced_since = None;
                (true, source)
            })
        });
        self.times.lock().end();
        if let Err((broken, source)) = kept {
            return Err(self.take_back(first, broken, source));
        }
        if !wrote {
            return Ok(None);
        }
        if writer.buffer.capacity() > 8 << 20 {
            writer.buffer = Vec::new();
        }
        self.committed.store(next - 1, Ordering::Release);
        Ok(Some(next - 1))
    }

    fn resume(&self) {
        self.pending.lock().refusing = false;
    }

    fn committed(&self) -> u64 {
        self.committed.load(Ordering::Acquire)
    }

    fn read_from(
        &self,
        from: u64,
        visit: &mut dyn FnMut(Frame<'_>) -> ControlFlow<()>,
    ) -> Result<(), JournalError> {
        let committed = self.committed();
        if from > committed {
            return Ok(());
        }
        let live: Vec<Segment> = self.writer.lock().live.iter().cloned().collect();
        let oldest = live.first().map_or(committed + 1, |s| s.first);
        if from < oldest {
            return Err(JournalError::Gone { needed: from, oldest });
        }
        for segment in live {
            if segment.last < from {
                continue;
            }
            let name = &segment.name;
            let path = self.dir.join(name);
            let file = self.disk.open(&path).map_err(io_error(format!("open {name}")))?;
            let read = || io_error(format!("read {name}"));
            let mut window = Window::new(&*file, segment.bytes).map_err(read())?;
            let begin = (segment.first, SEGMENT_HEADER_BYTES as u64);
            let (mut next, mut at) = self.marks.before(&segment, from).unwrap_or(begin);
            let mut is_enough = false;
            while next <= committed
                && let Some(parsed) = window.frame(at).map_err(read())?
                && parsed.frame.sequence == next
            {
                is_enough = next >= from && visit(parsed.frame).is_break();
                if is_enough {
                    break;
                }
                next += 1;
                at += parsed.end as u64;
            }
            if is_enough || next > committed {
                self.marks.note(from, &segment, next, at);
                return Ok(());
            }
            if next <= segment.last.min(committed) {
                // It was whole when it was written or opened.
                let (offset, sequence) = (at, next);
                return Err(JournalError::Damaged { segment: segment.name, offset, sequence });
            }
        }
        Ok(())
    }

    fn release(&self, upto: u64) {
        let mut writer = self.writer.lock();
        while let Some(oldest) = writer.live.front() {
            let is_written = writer.file.is_some() && writer.live.len() == 1;
            if oldest.last > upto || is_written {
                break;
            }
            let segment = writer.live.pop_front().expect("looked at above");
            let path = self.dir.join(&segment.name);
            // A spare keeps its size, so that writing it again changes no metadata. Its name tells
            // the next start that the frames in it are none.
            let keep =
                writer.spares.len() < SPARES_MAX && segment.bytes <= 2 * self.options.segment_bytes;
            let done = if keep {
                let spare = format!("{}{SPARE_ENDING}", segment.name);
                let done = self.disk.rename(&path, &self.dir.join(&spare));
                if done.is_ok() {
                    writer.spares.push(spare);
                }
                done
            } else {
                self.disk.remove(&path)
            };
            if let Err(error) = done {
                tracing::warn!(segment = segment.name, %error, "journal segment not released");
            }
        }
    }

    fn sync_times(&self) -> SyncTimes {
        let times = self.times.lock();
        let longest = times.longest.filter(|(_, at)| at.elapsed() < LONGEST_FOR);
        SyncTimes {
            count: times.count,
            total: times.total,
            longest: longest.map_or(Duration::ZERO, |(took, _)| took),
            under_way: times.under_way.map(|begun| begun.elapsed()),
        }
    }

    fn size_bytes(&self) -> u64 {
        // Whoever asks must not wait for a sync: on a slow disk that is when somebody looks.
        if let Some(writer) = self.writer.try_lock() {
            let bytes = writer.live.iter().map(|s| s.bytes).sum();
            self.size_seen.store(bytes, Ordering::Relaxed);
        }
        self.size_seen.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stdx::{CrashPlan, SimDisk};

    const DIR: &str = "/journal";

    fn open(disk: &SimDisk) -> Result<FileJournal, JournalError> {
        let options = FileJournalOptions { sync: SyncMode::Always, segment_bytes: 4096 };
        FileJournal::open(Arc::new(disk.clone()), Path::new(DIR), options)
    }

    fn frames(journal: &FileJournal, from: u64) -> Vec<(u64, Vec<u8>)> {
        let mut all = Vec::new();
        journal
            .read_from(from, &mut |f| {
                all.push((f.sequence, f.payload.to_vec()));
                ControlFlow::Continue(())
            })
            .unwrap();
        all
    }

    #[test]
    fn damage_before_acknowledged_frames_is_told() {
        let disk = SimDisk::new(1, CrashPlan::default());
        let journal = open(&disk).unwrap();
        for n in 0..3u8 {
            journal.enqueue(1, &[n; 100]).unwrap();
            journal.commit(Duration::ZERO).unwrap();
        }
        drop(journal);
        let segment = Path::new(DIR).join(segment_name(1));
        disk.damage(&segment, SEGMENT_HEADER_BYTES + FRAME_HEADER_BYTES + 7);
        assert!(matches!(open(&disk), Err(JournalError::Damaged { sequence: 1, .. })));
    }

    #[test]
    fn a_damaged_header_before_acknowledged_frames_is_told() {
        let disk = SimDisk::new(1, CrashPlan::default());
        let journal = open(&disk).unwrap();
        for n in 0..3u8 {
            journal.enqueue(1, &[n; 100]).unwrap();
            journal.commit(Duration::ZERO).unwrap();
        }
        drop(journal);
        let segment = Path::new(DIR).join(segment_name(1));
        disk.damage(&segment, 9);
        assert!(matches!(open(&disk), Err(JournalError::Damaged { sequence: 1, .. })));
        assert!(disk.open(&segment).is_ok(), "what cannot be read is not removed");
    }

    #[test]
    fn damage_of_the_last_frame_is_taken_for_a_torn_write() {
        let disk = SimDisk::new(1, CrashPlan::default());
        let journal = open(&disk).unwrap();
        for n in 0..2u8 {
            journal.enqueue(1, &[n; 100]).unwrap();
            journal.commit(Duration::ZERO).unwrap();
        }
        drop(journal);
        let second = SEGMENT_HEADER_BYTES + 2 * FRAME_HEADER_BYTES + 100;
        disk.damage(&Path::new(DIR).join(segment_name(1)), second + 7);
        assert_eq!(frames(&open(&disk).unwrap(), 1), [(1, vec![0; 100])]);
    }

    #[test]
    fn a_full_disk_takes_frames_back_and_recovers() {
        let disk = SimDisk::new(1, CrashPlan::default());
        let journal = open(&disk).unwrap();
        journal.enqueue(1, b"kept").unwrap();
        journal.commit(Duration::ZERO).unwrap();
        disk.set_plan(CrashPlan { capacity_bytes: Some(120), ..CrashPlan::default() });
        journal.enqueue(1, &[7; 500]).unwrap();
        let error = journal.commit(Duration::ZERO).unwrap_err();
        assert_eq!((error.from, error.broken), (2, false));
        assert!(matches!(journal.enqueue(1, b"between"), Err(JournalError::Refusing)));
        journal.resume();
        disk.set_plan(CrashPlan::default());
        assert_eq!(journal.enqueue(1, b"again").unwrap(), 2);
        journal.commit(Duration::ZERO).unwrap();
        assert_eq!(frames(&journal, 1), [(1, b"kept".to_vec()), (2, b"again".to_vec())]);
    }

    #[test]
    fn a_failed_sync_stops_writes_until_reopened() {
        let disk = SimDisk::new(3, CrashPlan { fail_sync_at: Some(2), ..CrashPlan::default() });
        let journal = open(&disk).unwrap();
        journal.enqueue(1, b"one").unwrap();
        journal.commit(Duration::ZERO).unwrap();
        journal.enqueue(1, b"two").unwrap();
        assert!(journal.commit(Duration::ZERO).unwrap_err().broken);
        assert!(matches!(journal.enqueue(1, b"three"), Err(JournalError::Broken)));
        drop(journal);
        let journal = open(&disk.after_power_loss()).unwrap();
        assert_eq!(frames(&journal, 1)[0], (1, b"one".to_vec()));
    }

    #[test]
    fn released_segments_are_used_again() {
        let disk = SimDisk::new(1, CrashPlan::default());
        let journal = open(&disk).unwrap();
        for n in 0..100u64 {
            let sequence = journal.enqueue(1, &[n as u8; 500]).unwrap();
            journal.commit(Duration::ZERO).unwrap();
            journal.release(sequence - 1);
        }
        assert!(disk.list(Path::new(DIR)).unwrap().len() <= SPARES_MAX + 2);
        assert_eq!(frames(&journal, 100), [(100, vec![99; 500])]);
        assert!(matches!(
            journal.read_from(1, &mut |_| ControlFlow::Continue(())),
            Err(JournalError::Gone { .. })
        ));
    }
}
