//! What every form of the seams must do. The embedded forms run it in this crate's tests; another
//! form (a replicated log, object storage) runs it in its own.

use crate::{Journal, Parts};
use std::ops::ControlFlow;
use std::time::Duration;

fn frames(journal: &dyn Journal, from: u64) -> Vec<(u64, u8, Vec<u8>)> {
    let mut all = Vec::new();
    journal
        .read_from(from, &mut |f| {
            all.push((f.sequence, f.kind, f.payload.to_vec()));
            ControlFlow::Continue(())
        })
        .expect("kept frames can be read");
    all
}

/// Checks a journal; `reopen` closes what it returned before and opens the same journal again.
///
/// # Panics
/// When the journal breaks a promise of the trait.
pub fn check_journal(reopen: &mut dyn FnMut() -> Box<dyn Journal>) {
    let journal = reopen();
    assert_eq!(journal.committed(), 0, "a new journal is empty");
    assert_eq!(journal.commit(Duration::ZERO).expect("nothing to do is no error"), None);
    for n in 1..=20u8 {
        assert_eq!(
            journal.enqueue(n, &vec![n; usize::from(n) * 50]).expect("enqueue"),
            u64::from(n)
        );
        if n % 3 == 0 {
            assert_eq!(journal.commit(Duration::ZERO).expect("commit"), Some(u64::from(n)));
        }
    }
    assert_eq!(frames(&*journal, 1).len(), 18, "only committed frames are shown");
    assert_eq!(journal.commit(Duration::ZERO).expect("commit"), Some(20));
    drop(journal);

    let journal = reopen();
    assert_eq!(journal.committed(), 20, "committed frames outlive the process");
    let all = frames(&*journal, 1);
    let expected: Vec<_> =
        (1..=20u8).map(|n| (u64::from(n), n, vec![n; usize::from(n) * 50])).collect();
    assert_eq!(all, expected, "in order, bytes as they were");
    assert_eq!(frames(&*journal, 15)[0].0, 15, "reading starts where asked");
    assert_eq!(frames(&*journal, 21), [], "nothing behind the end");
    assert_eq!(journal.enqueue(0, b"").expect("an empty frame is a frame"), 21);
    journal.commit(Duration::ZERO).expect("commit");
    journal.release(20);
    assert_eq!(
        frames(&*journal, 21),
        [(21, 0, Vec::new())],
        "released frames take no others along"
    );
    drop(journal);
    assert_eq!(reopen().committed(), 21);
}

/// Checks a place for parts, which must be empty.
///
/// # Panics
/// When it breaks a promise of the trait.
pub fn check_parts(parts: &dyn Parts) {
    let mut writer = parts.create("a.part").expect("create");
    let content: Vec<u8> = (0..3_000_000u32).map(|n| n as u8).collect();
    for piece in content.chunks(700_001) {
        writer.append(piece).expect("append");
    }
    writer.finish().expect("finish");
    parts.create("leftover.part").expect("create").append(b"x").expect("append");
    let part = parts.open("a.part").expect("open");
    assert_eq!(part.len().expect("len"), content.len() as u64);
    let mut buf = vec![0; 1000];
    part.read_exact_at(&mut buf, 2_000_000).expect("read");
    assert_eq!(buf, content[2_000_000..2_001_000]);
    assert!(part.read_exact_at(&mut buf, 2_999_500).is_err(), "no bytes behind the end");
    assert_eq!(parts.names().expect("names"), ["a.part", "leftover.part"]);
    parts.retain(&|name| name == "a.part").expect("retain");
    assert!(parts.open("leftover.part").is_err(), "leftovers are gone");
    parts.remove("a.part").expect("remove");
    assert!(parts.open("a.part").is_err(), "removed parts are gone");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FileJournal, FileJournalOptions, FileParts, SyncMode};
    use std::path::Path;
    use std::sync::Arc;
    use stdx::{CrashPlan, SimDisk};

    #[test]
    fn the_embedded_journal_keeps_the_promises_in_every_sync_mode() {
        for sync in [SyncMode::Always, SyncMode::Interval(Duration::from_millis(1)), SyncMode::Os] {
            let disk = Arc::new(SimDisk::new(1, CrashPlan::default()));
            let options = FileJournalOptions { sync, segment_bytes: 1000 };
            check_journal(&mut || {
                Box::new(FileJournal::open(disk.clone(), Path::new("/j"), options).unwrap())
            });
        }
    }

    #[test]
    fn the_embedded_parts_keep_the_promises() {
        let disk = Arc::new(SimDisk::new(1, CrashPlan::default()));
        check_parts(&FileParts::open_dir(disk, Path::new("/p")).unwrap());
    }

    #[test]
    fn committed_frames_survive_loss_of_power_at_every_operation() {
        for power_off_at in 1..80 {
            for seed in 0..4 {
                let plan = CrashPlan { power_off_at: Some(power_off_at), ..CrashPlan::default() };
                let disk = SimDisk::new(seed, plan);
                let options = FileJournalOptions { sync: SyncMode::Always, segment_bytes: 300 };
                let open = |disk: &SimDisk| {
                    FileJournal::open(Arc::new(disk.clone()), Path::new("/j"), options)
                };
                let mut acknowledged = 0;
                if let Ok(journal) = open(&disk) {
                    for n in 1..=20u8 {
                        journal.enqueue(n, &[n; 40]).unwrap();
                        match journal.commit(Duration::ZERO) {
                            Ok(Some(last)) => acknowledged = last,
                            _ => break,
                        }
                        journal.release(acknowledged.saturating_sub(12));
                    }
                }
                // Twice: the second start must find what the first one made of it.
                let mut disk = disk.after_power_loss();
                for round in 0..2 {
                    let journal = open(&disk).unwrap();
                    let context = format!("power off at {power_off_at}, seed {seed}, {round}");
                    assert!(journal.committed() >= acknowledged, "{context}");
                    assert!(journal.committed() <= 21, "{context}");
                    let from = acknowledged.saturating_sub(5).max(1);
                    for (sequence, kind, payload) in frames(&journal, from) {
                        assert_eq!(u64::from(kind), sequence, "{context}");
                        assert_eq!(payload, [kind; 40], "{context}");
                    }
                    let next = journal.enqueue(
                        journal.committed() as u8 + 1,
                        &[journal.committed() as u8 + 1; 40],
                    );
                    acknowledged = next.unwrap();
                    journal.commit(Duration::ZERO).unwrap();
                    drop(journal);
                    disk = disk.after_power_loss();
                }
            }
        }
    }
}
