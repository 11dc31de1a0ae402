//! Reading frames where the last reading ended: whoever follows the journal asks many times a second
//! for what is new, behind megabytes that it has seen.

use crate::file_journal::{Parsed, Segment, parse_frame};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::io;
use stdx::DiskFile;

/// Readers whose place is remembered.
const MARKS_MAX: usize = 8;
/// Bytes that are read ahead.
const WINDOW_BYTES: u64 = 1 << 20;

/// A place where a frame begins, or will.
#[derive(Debug, Clone)]
struct Mark {
    segment: String,
    sequence: u64,
    offset: u64,
}

/// Where readings ended.
#[derive(Debug, Default)]
pub(crate) struct Marks(Mutex<VecDeque<Mark>>);

impl Marks {
    /// Returns sequence and offset of the nearest known frame of a segment that is not behind `from`.
    pub(crate) fn before(&self, segment: &Segment, from: u64) -> Option<(u64, u64)> {
        let marks = self.0.lock();
        let known = marks.iter().filter(|m| m.segment == segment.name && m.sequence <= from);
        known.max_by_key(|mark| mark.sequence).map(|mark| (mark.sequence, mark.offset))
    }

    /// Remembers where a reading that began at `from` ended.
    pub(crate) fn note(&self, from: u64, segment: &Segment, sequence: u64, offset: u64) {
        let mut marks = self.0.lock();
        // A reader goes on from its own mark, which it does not need any more.
        if let Some(own) = marks.iter().position(|mark| mark.sequence == from) {
            marks.remove(own);
        }
        marks.push_back(Mark { segment: segment.name.clone(), sequence, offset });
        if marks.len() > MARKS_MAX {
            marks.pop_front();
        }
    }
}

/// A part of a segment's file that slides along it.
pub(crate) struct Window<'a> {
    file: &'a dyn DiskFile,
    /// Bytes of the file that may be read.
    len: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> Window<'a> {
    /// `len` is how much of the file was written when its frames were known.
    pub(crate) fn new(file: &'a dyn DiskFile, len: u64) -> io::Result<Self> {
        Ok(Self { file, len: len.min(file.len()?), start: 0, bytes: Vec::new() })
    }

    /// Reads the frame at `at`; `None` when none is whole there. The end of what is returned counts
    /// from `at`.
    pub(crate) fn frame(&mut self, at: u64) -> io::Result<Option<Parsed<'_>>> {
        if !self.holds_frame(at) {
            let mut wanted = WINDOW_BYTES;
            loop {
                self.load(at, wanted)?;
                let has_more = at + (self.bytes.len() as u64) < self.len;
                if !has_more || parse_frame(&self.bytes, 0).is_some() {
                    break;
                }
                // A frame that is larger than what was read, or damage: then up to the end.
                wanted = wanted.saturating_mul(8);
            }
        }
        let offset = usize::try_from(at - self.start).map_err(io::Error::other)?;
        let base = self.bytes.get(offset..).unwrap_or_default();
        Ok(parse_frame(base, 0))
    }

    /// Says whether a whole frame at `at` is in memory, by its length alone.
    fn holds_frame(&self, at: u64) -> bool {
        let Some(offset) = at.checked_sub(self.start).and_then(|o| usize::try_from(o).ok()) else {
            return false;
        };
        crate::file_journal::frame_len(self.bytes.get(offset..).unwrap_or_default())
            .is_some_and(|len| offset + len <= self.bytes.len())
    }

    fn load(&mut self, at: u64, wanted: u64) -> io::Result<()> {
        let len = wanted.min(self.len.saturating_sub(at));
        self.bytes.clear();
        self.bytes.resize(usize::try_from(len).map_err(io::Error::other)?, 0);
        self.start = at;
        self.file.read_exact_at(&mut self.bytes, at)
    }
}

#[cfg(test)]
mod tests {
    use crate::{FileJournal, FileJournalOptions, Journal, SyncMode};
    use std::ops::ControlFlow;
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;
    use stdx::{CrashPlan, Rng, SimDisk};

    fn open(disk: &SimDisk, segment_bytes: u64) -> FileJournal {
        let options = FileJournalOptions { sync: SyncMode::Always, segment_bytes };
        FileJournal::open(Arc::new(disk.clone()), Path::new("/journal"), options).unwrap()
    }

    fn append(journal: &FileJournal, payload: &[u8]) -> u64 {
        let sequence = journal.enqueue(1, payload).unwrap();
        journal.commit(Duration::ZERO).unwrap();
        sequence
    }

    /// Reads at most so many frames, as a follower does.
    fn read(journal: &FileJournal, from: u64, max: usize) -> Vec<(u64, Vec<u8>)> {
        let mut all = Vec::new();
        let mut visit = |frame: crate::Frame<'_>| {
            if all.len() == max {
                return ControlFlow::Break(());
            }
            all.push((frame.sequence, frame.payload.to_vec()));
            ControlFlow::Continue(())
        };
        journal.read_from(from, &mut visit).unwrap();
        all
    }

    #[test]
    fn followers_see_each_frame_once_across_segments() {
        let mut rng = Rng::from_seed(7);
        for segment_bytes in [600, 4_096, 3 << 20] {
            let journal = open(&SimDisk::new(1, CrashPlan::default()), segment_bytes);
            let mut followers = [1u64; 3];
            let mut kept = Vec::new();
            for step in 0..300 {
                // Now and then a frame that is larger than what is read ahead.
                let len = if step % 100 == 99 { 1_500_000 } else { rng.below(90) };
                let payload = vec![rng.below(256) as u8; len as usize];
                kept.push((append(&journal, &payload), payload));
                let next = &mut followers[rng.below(3) as usize];
                let max = 1 + rng.below(40) as usize;
                let got = read(&journal, *next, max);
                let begin = (*next - 1) as usize;
                assert_eq!(got, kept[begin..kept.len().min(begin + max)]);
                *next += got.len() as u64;
            }
            assert_eq!(read(&journal, 1, usize::MAX), kept, "somebody new reads everything");
        }
    }

    #[test]
    fn a_follower_does_not_read_again_what_it_has_seen() {
        let disk = SimDisk::new(1, CrashPlan::default());
        let journal = open(&disk, 1 << 20);
        for n in 0..3u8 {
            append(&journal, &[n; 100]);
        }
        assert_eq!(read(&journal, 1, usize::MAX).len(), 3);
        append(&journal, b"new");
        // Nobody who only wants what is new notices.
        disk.damage(&disk.first_name("/journal", ".journal"), 100);
        assert_eq!(read(&journal, 4, usize::MAX), [(4, b"new".to_vec())]);
        assert!(journal.read_from(1, &mut |_| ControlFlow::Continue(())).is_err());
    }
}
