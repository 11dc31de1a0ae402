//! Looks at the journal of a stopped server, and mends what `fsck` is told to.

use crate::file_journal::{
    SEGMENT_HEADER_BYTES, io_error, parse_frame, segment_name, segment_number,
};
use crate::journal::{Frame, JournalError};
use crate::journal_scan::{Scan, UnreadTail, read_segment, scan, visit_behind};
use std::path::Path;
use stdx::Disk;

/// Acknowledged frames that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalDamage {
    /// File name of the segment.
    pub segment: String,
    /// Where the unreadable frame starts.
    pub offset: u64,
    /// The first sequence that cannot be read.
    pub sequence: u64,
    /// Frames behind the damage that can.
    pub frames_behind: u64,
}

/// What the journal holds.
#[derive(Debug, Default)]
pub struct JournalReport {
    /// Segments with frames that may be needed.
    pub segments: usize,
    /// Bytes of all its files.
    pub bytes: u64,
    /// First sequence; the next one to be given when there is no frame.
    pub first: u64,
    /// Sequence that the next frame gets.
    pub next: u64,
    /// Files that hold nothing that is needed: the next start removes them.
    pub leftovers: Vec<String>,
    /// A tail that was not whole when the power went; a start leaves it out.
    pub tail: Option<UnreadTail>,
    /// Acknowledged frames that cannot be read; a start refuses the journal.
    pub damage: Option<JournalDamage>,
}

/// Reads the whole journal in `dir` and changes nothing; `floor` is the last frame that is in parts.
/// Each readable frame is shown; `true` beside it says that it stands behind damage.
///
/// # Errors
/// [`JournalError::Io`] and [`JournalError::Version`]; damage is no error but reported.
pub fn inspect_journal(
    disk: &dyn Disk,
    dir: &Path,
    floor: u64,
    visit: &mut dyn FnMut(Frame<'_>, bool),
) -> Result<JournalReport, JournalError> {
    let names = disk.list(dir).map_err(io_error("directory cannot be listed"))?;
    let mut report = JournalReport::default();
    for name in &names {
        let file = disk.open(&dir.join(name)).map_err(io_error(format!("open {name}")))?;
        report.bytes += file.len().map_err(io_error(format!("length of {name}")))?;
    }
    match scan(disk, dir, floor) {
        Ok(Scan { live, behind_end, spares: _, next, unread, .. }) => {
            report.segments = live.len();
            report.first = live.front().map_or(next, |segment| segment.first);
            report.next = next;
            report.leftovers = behind_end;
            report.tail = unread;
            for segment in live {
                let bytes = read_segment(disk, dir, &segment.name)?;
                visit_run(&bytes, segment.first..segment.last + 1, &mut |f| visit(f, false));
            }
        }
        Err(JournalError::Damaged { segment, offset, sequence }) => {
            let damage = JournalDamage { segment, offset, sequence, frames_behind: 0 };
            report.damage = Some(look_behind(disk, dir, floor, damage, &mut report, visit)?);
        }
        Err(error) => return Err(error),
    }
    Ok(report)
}

fn visit_run(bytes: &[u8], run: std::ops::Range<u64>, visit: &mut dyn FnMut(Frame<'_>)) -> usize {
    let (mut at, mut next) = (SEGMENT_HEADER_BYTES, run.start);
    while next < run.end
        && let Some(parsed) = parse_frame(bytes, at)
        && parsed.frame.sequence == next
    {
        visit(parsed.frame);
        next += 1;
        at = parsed.end;
    }
    at
}

/// Shows what can be read before and behind damage.
fn look_behind(
    disk: &dyn Disk,
    dir: &Path,
    floor: u64,
    mut damage: JournalDamage,
    report: &mut JournalReport,
    visit: &mut dyn FnMut(Frame<'_>, bool),
) -> Result<JournalDamage, JournalError> {
    let names = disk.list(dir).map_err(io_error("directory cannot be listed"))?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|n| segment_number(n)).collect();
    numbers.sort_unstable();
    report.segments = numbers.len();
    report.next = damage.sequence;
    report.first = damage.sequence;
    let mut seen = damage.sequence;
    for number in numbers {
        let name = segment_name(number);
        let bytes = read_segment(disk, dir, &name)?;
        // From the front, in every segment: the damaged one may begin behind its own header.
        // What is in parts may also be left of an earlier use of the file.
        visit_behind(&bytes, SEGMENT_HEADER_BYTES - 1, floor, |parsed| {
            let sequence = parsed.frame.sequence;
            if sequence < damage.sequence {
                report.first = report.first.min(sequence);
                visit(parsed.frame, false);
            } else if sequence > seen {
                seen = sequence;
                damage.frames_behind += 1;
                visit(parsed.frame, true);
            }
        });
    }
    Ok(damage)
}

/// Cuts a tail that is not whole, exactly where a start stops reading.
///
/// # Errors
/// [`JournalError::Io`].
pub fn cut_tail(disk: &dyn Disk, dir: &Path, tail: &UnreadTail) -> Result<(), JournalError> {
    cut_at(disk, dir, &tail.segment, tail.offset)
}

fn cut_at(disk: &dyn Disk, dir: &Path, name: &str, offset: u64) -> Result<(), JournalError> {
    let cut = || {
        let file = disk.open(&dir.join(name))?;
        file.set_len(offset)?;
        file.sync()
    };
    cut().map_err(io_error(format!("cut {name}")))
}

/// Gives up what stands behind damage, so that a start takes what stands before it. The damaged
/// segment is copied to `aside` and cut, later ones are moved there: nothing is thrown away.
///
/// # Errors
/// [`JournalError::Io`]; it can be tried again.
pub fn cut_journal(
    disk: &dyn Disk,
    dir: &Path,
    aside: &Path,
    damage: &JournalDamage,
) -> Result<(), JournalError> {
    let name = &damage.segment;
    let copy = || {
        disk.create_dir_all(aside)?;
        let bytes = disk.open(&dir.join(name))?.read_all()?;
        let file = disk.open_or_create(&aside.join(name))?;
        file.set_len(0)?;
        file.write_all_at(&bytes, 0)?;
        file.sync()?;
        disk.sync_dir(aside)
    };
    copy().map_err(io_error(format!("copy {name} aside")))?;
    let names = disk.list(dir).map_err(io_error("directory cannot be listed"))?;
    let later = |other: &&String| segment_number(other) > segment_number(name);
    // The last first: what is left after a crash in between is a journal with a shorter end.
    for other in names.iter().filter(|n| segment_number(n).is_some()).filter(later).rev() {
        disk.rename(&dir.join(other), &aside.join(other))
            .map_err(io_error(format!("move {other} aside")))?;
    }
    if damage.offset == 0 {
        // Its header is damaged, so no start would look at what is left of it.
        disk.remove(&dir.join(name)).map_err(io_error(format!("remove {name}")))?;
    } else {
        cut_at(disk, dir, name, damage.offset)?;
    }
    disk.sync_dir(aside).map_err(io_error("sync of the directory"))?;
    disk.sync_dir(dir).map_err(io_error("sync of the directory"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FileJournal, FileJournalOptions, Journal, SyncMode};
    use std::ops::ControlFlow;
    use std::sync::Arc;
    use std::time::Duration;
    use stdx::{CrashPlan, SimDisk};

    const DIR: &str = "/j";

    fn open(disk: &SimDisk, sync: SyncMode) -> Result<FileJournal, JournalError> {
        let options = FileJournalOptions { sync, segment_bytes: 2_000 };
        FileJournal::open(Arc::new(disk.clone()), Path::new(DIR), options)
    }

    fn write(journal: &FileJournal, frames: u64) {
        for n in 0..frames {
            journal.enqueue(1, &[n as u8; 300]).unwrap();
            journal.commit(Duration::ZERO).unwrap();
        }
    }

    fn inspect(disk: &SimDisk) -> (JournalReport, Vec<u64>, Vec<u64>) {
        let (mut before, mut behind) = (Vec::new(), Vec::new());
        let report = inspect_journal(disk, Path::new(DIR), 0, &mut |frame, is_behind| {
            if is_behind { &mut behind } else { &mut before }.push(frame.sequence);
        });
        (report.unwrap(), before, behind)
    }

    fn kept(disk: &SimDisk) -> Vec<u64> {
        let mut kept = Vec::new();
        open(disk, SyncMode::Always)
            .unwrap()
            .read_from(1, &mut |frame| {
                kept.push(frame.sequence);
                ControlFlow::Continue(())
            })
            .unwrap();
        kept
    }

    #[test]
    fn looking_shows_what_an_open_keeps_and_changes_nothing() {
        let disk = SimDisk::new(1, CrashPlan::default());
        write(&open(&disk, SyncMode::Always).unwrap(), 12);
        let operations = disk.operations();
        let (report, before, behind) = inspect(&disk);
        assert_eq!((report.first, report.next, report.segments), (1, 13, 3));
        assert_eq!(before, (1..13).collect::<Vec<u64>>());
        assert!(behind.is_empty() && report.damage.is_none() && report.tail.is_none());
        assert_eq!(disk.operations(), operations);
        assert_eq!(kept(&disk), before);
    }

    #[test]
    fn a_torn_tail_is_told_and_cut_where_an_open_stops() {
        let disk = SimDisk::new(1, CrashPlan::default());
        write(&open(&disk, SyncMode::Always).unwrap(), 3);
        // The fourth frame is torn: its last byte is not what was written.
        let segment = disk.first_name(DIR, ".journal");
        let journal = open(&disk, SyncMode::Always).unwrap();
        write(&journal, 1);
        drop(journal);
        let last = std::path::PathBuf::from("/j/000000000002.journal");
        disk.damage(&last, 32 + 40 + 299);
        let (report, before, _) = inspect(&disk);
        let tail = report.tail.unwrap();
        assert_eq!((tail.segment.as_str(), tail.offset), ("000000000002.journal", 32));
        assert_eq!((before, tail.frames_behind), (vec![1, 2, 3], 0));
        let copy = disk.after_kill();
        assert!(open(&copy, SyncMode::Always).unwrap().unread_tail().is_some());
        cut_tail(&disk, Path::new(DIR), &tail).unwrap();
        assert!(inspect(&disk).0.tail.is_none());
        assert_eq!(kept(&disk), kept(&copy));
        assert!(disk.open(&segment).is_ok());
    }

    #[test]
    fn acknowledged_frames_behind_damage_are_counted_and_set_aside_when_told() {
        let disk = SimDisk::new(1, CrashPlan::default());
        write(&open(&disk, SyncMode::Always).unwrap(), 12);
        // Within the second of three segments: frames 6 to 10.
        disk.damage(Path::new("/j/000000000002.journal"), 32 + 340 + 100);
        let error = open(&disk, SyncMode::Always).unwrap_err();
        assert!(matches!(error, JournalError::Damaged { sequence: 7, .. }), "{error}");
        assert!(error.to_string().contains("sightline fsck"), "{error}");
        let (report, before, behind) = inspect(&disk);
        let damage = report.damage.unwrap();
        assert_eq!((damage.sequence, damage.frames_behind), (7, 5));
        assert_eq!((before, behind), ((1..7).collect(), (8..13).collect()));
        let aside = Path::new("/j/aside");
        cut_journal(&disk, Path::new(DIR), aside, &damage).unwrap();
        assert_eq!(disk.list(aside).unwrap(), ["000000000002.journal", "000000000003.journal"]);
        assert!(inspect(&disk).0.damage.is_none());
        assert_eq!(kept(&disk), (1..7).collect::<Vec<u64>>());
    }

    #[test]
    fn frames_behind_a_hole_are_counted_where_nothing_was_synced() {
        let disk = SimDisk::new(1, CrashPlan::default());
        write(&open(&disk, SyncMode::Os).unwrap(), 4);
        disk.damage(Path::new("/j/000000000001.journal"), 32 + 340 + 100);
        let journal = open(&disk, SyncMode::Os).unwrap();
        assert_eq!(journal.committed(), 1);
        assert_eq!(journal.unread_tail().map(|tail| tail.frames_behind), Some(2));
    }
}
