//! Finds the journal's end without changing anything: what an open goes by, and what `fsck` shows.

use crate::file_journal::{
    FRAME_HEADER_BYTES, SEGMENT_HEADER_BYTES, SPARE_ENDING, Segment, io_error, parse_frame,
    parse_segment_header, segment_name, segment_number, u64_at,
};
use crate::journal::JournalError;
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use stdx::Disk;

/// A tail that is not whole: written, and not synced when the power went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadTail {
    /// File name of the segment.
    pub segment: String,
    /// Where the unreadable frame starts.
    pub offset: u64,
    /// Bytes from there to the end of what was written.
    pub bytes: u64,
    /// Whole frames behind the unreadable one. Nothing says that they were acknowledged: with
    /// `--sync always` they were not, without syncs they may have been.
    pub frames_behind: u64,
}

/// What an open finds.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) live: VecDeque<Segment>,
    /// Files that hold nothing that is needed; an open removes them.
    pub(crate) behind_end: Vec<String>,
    pub(crate) spares: Vec<String>,
    /// Sequence of the next frame.
    pub(crate) next: u64,
    pub(crate) next_number: u64,
    pub(crate) unread: Option<UnreadTail>,
}

/// Reads all segments; sequences go on behind `floor` even when no frame tells so.
///
/// # Errors
/// [`JournalError::Damaged`] when acknowledged frames cannot be read; [`JournalError::Io`].
pub(crate) fn scan(disk: &dyn Disk, dir: &Path, floor: u64) -> Result<Scan, JournalError> {
    let names = disk.list(dir).map_err(io_error("directory cannot be listed"))?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|n| segment_number(n)).collect();
    numbers.sort_unstable();
    let next_number = numbers.last().map_or(1, |n| n + 1);
    let spares = names.into_iter().filter(|n| n.ends_with(SPARE_ENDING)).collect();

    let mut live: VecDeque<Segment> = VecDeque::new();
    let mut behind_end = Vec::new();
    let mut expected: Option<u64> = None;
    // Where reading stopped; a later proof that more was acknowledged turns it into damage.
    let mut stopped: Option<(String, u64, u64)> = None;
    let mut unread = None;
    let firsts = numbers
        .iter()
        .map(|&number| first_of(disk, dir, number))
        .collect::<Result<Vec<Option<u64>>, JournalError>>()?;
    for (at_number, number) in numbers.into_iter().enumerate() {
        let name = segment_name(number);
        let bytes = read_segment(disk, dir, &name)?;
        let Some(first) = firsts[at_number] else {
            // Made but never synced, so no frame in it was acknowledged; unless its frames say
            // otherwise, then its header was damaged later.
            let sequence = expected.unwrap_or(1).max(floor + 1);
            if frames_behind(&bytes, SEGMENT_HEADER_BYTES - 1, sequence).acknowledged {
                return Err(JournalError::Damaged { segment: name, offset: 0, sequence });
            }
            behind_end.push(name);
            continue;
        };
        // What a later segment begins with cannot stand in this one.
        let limit = firsts[at_number + 1..].iter().flatten().copied().find(|&f| f >= first);
        if let Some(expected) = expected
            && first != expected
        {
            if first > expected && first <= floor + 1 {
                // What is missing was flushed: released segments that were about to be used
                // again lie before this one. None of them is needed.
                behind_end.extend(live.drain(..).map(|segment: Segment| segment.name));
            } else if first > expected {
                let (segment, offset, sequence) =
                    stopped.unwrap_or_else(|| (name.clone(), 0, expected));
                return Err(JournalError::Damaged { segment, offset, sequence });
            } else {
                behind_end.push(name);
                continue;
            }
        }
        let mut next = first;
        let mut at = SEGMENT_HEADER_BYTES;
        while limit != Some(next)
            && let Some(parsed) = parse_frame(&bytes, at)
            && parsed.frame.sequence == next
        {
            next += 1;
            at = parsed.end;
        }
        if limit != Some(next) {
            let behind = frames_behind(&bytes, at, next);
            // A flushed frame may be unreadable: its segment was being used again, and the crash
            // kept the old header and half of a new frame.
            if next > floor && behind.acknowledged {
                let (segment, offset) = (name, at as u64);
                return Err(JournalError::Damaged { segment, offset, sequence: next });
            }
            // What stands there is a frame that was begun, not what an earlier use left.
            let begun = bytes.len() >= at + FRAME_HEADER_BYTES && u64_at(&bytes, at + 8) == next;
            if next > floor && (begun || behind.frames > 0) {
                unread = Some(UnreadTail {
                    segment: name.clone(),
                    offset: at as u64,
                    bytes: behind.bytes,
                    frames_behind: behind.frames,
                });
            }
        }
        stopped = Some((name.clone(), at as u64, next));
        expected = Some(next);
        live.push_back(Segment { name, first, last: next - 1, bytes: bytes.len() as u64 });
    }
    let next = expected.unwrap_or(1).max(floor + 1);
    if expected.is_some_and(|e| e < next) {
        // Everything was flushed past the journal's end: what is here is of no use, and would
        // leave a gap before the next frame.
        behind_end.extend(live.drain(..).map(|segment| segment.name));
    }
    Ok(Scan { live, behind_end, spares, next, next_number, unread })
}

fn first_of(disk: &dyn Disk, dir: &Path, number: u64) -> Result<Option<u64>, JournalError> {
    let name = segment_name(number);
    let file = disk.open(&dir.join(&name)).map_err(io_error(format!("open {name}")))?;
    let mut header = [0; SEGMENT_HEADER_BYTES];
    match file.read_exact_at(&mut header, 0) {
        Ok(()) => parse_segment_header(&header, number, &name),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(e) => Err(io_error(format!("read {name}"))(e)),
    }
}

pub(crate) fn read_segment(
    disk: &dyn Disk,
    dir: &Path,
    name: &str,
) -> Result<Vec<u8>, JournalError> {
    let file = disk.open(&dir.join(name)).map_err(io_error(format!("open {name}")))?;
    file.read_all().map_err(io_error(format!("read {name}")))
}

/// What stands behind an unreadable frame.
#[derive(Debug, Default)]
struct Behind {
    /// Whole frames with higher sequences.
    frames: u64,
    /// One of them was written after the unreadable one was durable.
    acknowledged: bool,
    /// Bytes up to the last that is not zero.
    bytes: u64,
}

/// Looks behind an unreadable frame `sequence` at `from` for whole frames that came later.
fn frames_behind(bytes: &[u8], from: usize, sequence: u64) -> Behind {
    let mut behind = Behind::default();
    // Zeros are what a new segment ends with; there is no need to try every byte of them.
    let rest = bytes.get(from..).unwrap_or_default();
    let Some(last) = rest.iter().rposition(|&b| b != 0) else { return behind };
    behind.bytes = last as u64 + 1;
    visit_behind(bytes, from, sequence, |parsed| {
        behind.frames += 1;
        behind.acknowledged |= parsed.durable >= sequence;
    });
    behind
}

/// Shows every whole frame behind `from` whose sequence is higher than `sequence`.
pub(crate) fn visit_behind<'a>(
    bytes: &'a [u8],
    from: usize,
    sequence: u64,
    mut show: impl FnMut(&crate::file_journal::Parsed<'a>),
) {
    let used = bytes.iter().rposition(|&b| b != 0).map_or(0, |at| at + 1);
    let mut at = from + 1;
    while at + FRAME_HEADER_BYTES <= bytes.len() && at < used {
        // Cheap tests first: most offsets are no frame at all.
        let told = u64_at(bytes, at + 8);
        if told > sequence
            && bytes[at + 5..at + 8] == [0; 3]
            && let Some(parsed) = parse_frame(bytes, at)
        {
            show(&parsed);
            at = parsed.end;
        } else {
            at += 1;
        }
    }
}
