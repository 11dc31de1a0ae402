//! The journal.

use super::{Check, Outcome, with_cause};
use metric_store::{FRAME_KIND, FrameCount};
use storage::{JournalReport, Manifest, cut_journal, cut_tail, inspect_journal};

const PLACE: &str = "journal";

impl Check<'_> {
    /// Checks every frame, and that the journal goes on where the parts end.
    pub(super) fn journal(&mut self, manifest: Option<&Manifest>) {
        let dir = self.dir.join("journal");
        let floor = manifest.map_or(0, |m| m.flushed);
        // Of frames whose points are in parts already only the checksums matter.
        let (mut needed, mut behind, mut frames) =
            (FrameCount::default(), FrameCount::default(), 0);
        let inspected = inspect_journal(&*self.disk, &dir, floor, &mut |frame, is_behind| {
            frames += 1;
            if frame.kind != FRAME_KIND {
            } else if is_behind {
                behind.add(frame.sequence, frame.payload, false);
            } else if frame.sequence > floor {
                // Without a manifest nobody knows where the needed ones begin.
                needed.add(frame.sequence, frame.payload, manifest.is_some());
            }
        });
        let report = match inspected {
            Ok(report) => report,
            Err(error) => {
                let means = "what was written since the last flush cannot be checked";
                let todo = "a version that is not known needs the version that wrote it; bytes that \
                            the disk does not give, a copy of what it still gives";
                self.found(PLACE, with_cause(&error), means, Outcome::Left(todo.into()));
                return;
            }
        };
        self.done(report.bytes);
        self.report.journal_frames = frames;
        self.report.journal_points = needed.points();
        // Beside damage too: giving up what stands behind that does not bring back what is missing here.
        if let Some(manifest) = manifest
            && report.next > manifest.flushed + 1
            && report.first > manifest.flushed + 1
        {
            let what = format!(
                "it begins with frame {}, and the parts end with frame {}",
                report.first, manifest.flushed
            );
            let means = "acknowledged writes in between are missing; the server does not start";
            let todo = "bring back the missing segments, or restore a backup";
            self.found(PLACE, what, means, Outcome::Left(todo.into()));
        }
        if let Some(sequence) = needed.odd {
            let what =
                format!("frame {sequence} is no batch of metrics although its checksum holds");
            let means = "the server does not start";
            let todo = "start the version that wrote it";
            self.found(PLACE, what, means, Outcome::Left(todo.into()));
        }
        self.damage(&report, &behind);
        self.leftovers(&report);
    }

    fn damage(&mut self, report: &JournalReport, behind: &FrameCount) {
        let dir = self.dir.join("journal");
        if let Some(damage) = report.damage.clone() {
            let place = format!("journal/{}", damage.segment);
            let what = format!(
                "frame {} at byte {} cannot be read, and frames behind it were acknowledged",
                damage.sequence, damage.offset
            );
            let means = format!(
                "that frame is lost; {} frames with {} points behind it can be read; the server \
                 does not start",
                damage.frames_behind,
                behind.points()
            );
            if self.options.cut_journal {
                let action = "what stands behind the damage is moved to journal/aside, and the \
                              server goes on with what stands before it";
                let aside = dir.join("aside");
                self.mend(&place, what, &means, action, move |disk| {
                    cut_journal(disk, &dir, &aside, &damage).map_err(|e| with_cause(&e))
                });
            } else {
                let todo = "restore a backup, or give up all that stands behind the damage with \
                            --cut-journal (it is kept in journal/aside)";
                self.found(&place, what, &means, Outcome::Left(todo.into()));
            }
            return;
        }
        if let Some(tail) = report.tail.clone() {
            let place = format!("journal/{}", tail.segment);
            let what =
                format!("its tail is not whole: {} bytes from byte {} on", tail.bytes, tail.offset);
            let means = match tail.frames_behind {
                0 => {
                    "nothing that was acknowledged with --sync always: the power went while it was \
                      written"
                        .to_owned()
                }
                frames => format!(
                    "nothing that was acknowledged with --sync always; {frames} whole frames behind \
                     the hole may have been, with --sync interval or os"
                ),
            };
            let action = "it is cut there, where a start would stop reading";
            self.mend(&place, what, &means, action, move |disk| {
                cut_tail(disk, &dir, &tail).map_err(|e| with_cause(&e))
            });
        }
    }

    fn leftovers(&mut self, report: &JournalReport) {
        for name in &report.leftovers {
            let path = self.dir.join("journal").join(name);
            let what = "a segment that holds nothing that is needed".to_owned();
            let means = "none: its frames are in parts, or it has none; a start removes it";
            self.mend(&format!("journal/{name}"), what, means, "the file is removed", |disk| {
                disk.remove(&path).map_err(|e| e.to_string())
            });
        }
    }
}
