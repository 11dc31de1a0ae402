//! The manifest and the parts.

use super::{Check, Outcome, text, with_cause};
use metric_store::{PartError, Tier, summarize_part, tenants_of_part, verify_part};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use storage::{FileParts, Manifest, ManifestError, ManifestFile, Parts};

/// Names a day and what a part holds of it.
fn day(partition: i64) -> String {
    let at = jiff::Timestamp::from_second(partition.saturating_mul(86_400));
    match at {
        Ok(at) => at.strftime("%Y-%m-%d").to_string(),
        Err(_) => format!("day {partition}"),
    }
}

/// Returns number, partition and tier of a part's name: `<number>.<partition>.part` for raw points,
/// `<number>.<first partition>.<tier>.part` for roll-ups.
fn parse_name(name: &str) -> Option<(u64, i64, Option<Tier>)> {
    let (number, rest) = name.strip_suffix(".part")?.split_once('.')?;
    let (partition, tier) = match rest.split_once('.') {
        Some((partition, tier)) => (partition, Some(tier.parse().ok()?)),
        None => (rest, None),
    };
    Some((number.parse().ok()?, partition.parse().ok()?, tier))
}

fn of_day(name: &str) -> String {
    match parse_name(name) {
        Some((_, partition, None)) => format!("points of {} (UTC)", day(partition)),
        Some((_, partition, Some(tier))) => {
            format!("roll-ups ({tier}) of {} (UTC) and days behind it", day(partition))
        }
        None => "points".into(),
    }
}

impl Check<'_> {
    pub(super) fn metrics_dir(&self) -> PathBuf {
        self.dir.join("metrics")
    }

    fn part_names(&self) -> Vec<String> {
        let mut names = self.disk.list(&self.metrics_dir()).unwrap_or_default();
        names.retain(|name| name.ends_with(".part") && !metric_store::is_exemplars_file(name));
        names
    }

    /// Reads the manifest; `None` when there is none that could be used.
    pub(super) fn manifest(&mut self) -> Option<Manifest> {
        let file = ManifestFile::new(self.disk.clone(), &self.metrics_dir());
        let what = match file.read() {
            Ok(Some(manifest)) => {
                for tombstone in &manifest.tombstones {
                    if !metric_store::tombstone_is_sound(tombstone) {
                        let what = format!("tombstone {:?} cannot be read", tombstone.what);
                        let means = "the server does not start: deleted series would come back";
                        let todo = "start the version that wrote it";
                        self.found("metrics/MANIFEST", what, means, Outcome::Left(todo.into()));
                    }
                }
                if let Some(words) = metric_store::odd_about(&manifest.about) {
                    let what = format!("what it says of a part cannot be read: {words:?}");
                    let means = "the server does not start: points would count twice";
                    let todo = "start the version that wrote it";
                    self.found("metrics/MANIFEST", what, means, Outcome::Left(todo.into()));
                }
                return Some(manifest);
            }
            Ok(None) if self.part_names().is_empty() && self.exemplar_names().is_empty() => {
                return Some(Manifest::default());
            }
            Ok(None) => "MANIFEST is missing, and there are parts".to_owned(),
            Err(error @ ManifestError::Damaged { .. }) => error.to_string(),
            Err(error) => {
                let means = "nothing is known of the parts";
                let todo = "find out why the disk does not give it";
                self.found(
                    "metrics/MANIFEST",
                    with_cause(&error),
                    means,
                    Outcome::Left(todo.into()),
                );
                return None;
            }
        };
        let means = "which parts count, in which order they arrived and which of the journal's \
                     frames they hold is not known; the server does not start";
        match self.rebuilt_manifest() {
            Err(why) => {
                let todo =
                    format!("bring MANIFEST back from a backup; it cannot be rebuilt: {why}");
                self.found("metrics/MANIFEST", what, means, Outcome::Left(todo));
                None
            }
            Ok(manifest) if self.options.rebuild_manifest => {
                let (disk, dir) = (self.disk.clone(), self.dir.to_path_buf());
                let next = manifest.clone();
                let action = format!(
                    "a MANIFEST of {} parts is written; deletions that still stood in parts are \
                     not known any more",
                    manifest.parts.len()
                );
                self.mend("metrics/MANIFEST", what, means, &action, move |_| {
                    Self::replace_manifest(&disk, &dir, &next)
                });
                Some(manifest)
            }
            Ok(_) => {
                let todo = "bring MANIFEST back from a backup, or run with --rebuild-manifest: the \
                            order of arrival can be known here";
                self.found("metrics/MANIFEST", what, means, Outcome::Left(todo.into()));
                None
            }
        }
    }

    /// Makes a manifest of what is there, when nothing has to be guessed.
    fn rebuilt_manifest(&self) -> Result<Manifest, String> {
        let parts =
            FileParts::open_dir(self.disk.clone(), &self.metrics_dir()).map_err(|e| text(&e))?;
        let (mut numbered, mut summaries) = (Vec::new(), Vec::new());
        let mut by_partition: BTreeMap<i64, Vec<(u64, bool)>> = BTreeMap::new();
        for name in self.part_names() {
            let (number, partition, _) =
                parse_name(&name).ok_or_else(|| format!("part {name} has no number"))?;
            let summary = parts
                .open(&name)
                .map_err(|e| text(&e))
                .and_then(|file| summarize_part(&name, file).map_err(|e| with_cause(&e)))?;
            if summary.tier.is_none() {
                by_partition.entry(partition).or_default().push((number, summary.rewritten));
            }
            summaries.push((name.clone(), summary));
            numbered.push((number, name));
        }
        for (partition, mut found) in by_partition {
            found.sort_unstable();
            // A merged part may hold what an older file beside it holds too, or have taken the place
            // of neighbours that lie before or behind that file.
            if found.iter().skip(1).any(|(_, rewritten)| *rewritten) {
                return Err(format!(
                    "of {} there is a merged part and an older one: whether they hold the same \
                     points, and in which order they arrived, cannot be known",
                    day(partition)
                ));
            }
        }
        numbered.sort_unstable();
        let mut deltas = 0;
        let mut first = None;
        let report =
            storage::inspect_journal(&*self.disk, &self.dir.join("journal"), 0, &mut |frame, _| {
                first.get_or_insert(frame.sequence);
                let mut count = metric_store::FrameCount::default();
                count.add(frame.sequence, frame.payload, false);
                deltas += count.deltas;
            })
            .map_err(|e| with_cause(&e))?;
        if deltas > 0 {
            return Err(format!(
                "the journal holds {deltas} deltas, and whether the parts hold them too cannot be \
                 known: they would count twice, or be lost"
            ));
        }
        // Samples of floats may be applied again: the later arrival of one time wins, as before.
        let flushed = first.unwrap_or(report.next).saturating_sub(1);
        let exemplars = self.exemplar_names().pop();
        let number = |name: &String| name.split_once('.').and_then(|(n, _)| n.parse().ok());
        let of_exemplars = exemplars.as_ref().and_then(number).unwrap_or(0);
        let next_part = numbered.last().map_or(0, |(number, _)| *number).max(of_exemplars);
        let about = metric_store::about_rebuilt(&summaries)?;
        let parts = numbered.into_iter().map(|(_, name)| name).collect();
        let mut manifest = Manifest { flushed, next_part, parts, about, ..Manifest::default() };
        metric_store::set_exemplars_file(&mut manifest, exemplars);
        Ok(manifest)
    }

    /// Checks every part that counts, and files that do not.
    pub(super) fn parts(&mut self, manifest: Option<&Manifest>) {
        let present = self.part_names();
        let mut listed = manifest.map(|m| m.parts.clone()).unwrap_or_else(|| present.clone());
        let mut off: Vec<String> = Vec::new();
        for name in listed.clone() {
            let place = format!("metrics/{name}");
            if !present.contains(&name) {
                self.missing_part(&name, &place, &mut off);
                continue;
            }
            let path = self.metrics_dir().join(&name);
            let bytes = self.file_len(&path);
            match self.verify(&name) {
                Ok(()) => {}
                Err(error @ PartError::Io { .. }) => {
                    let todo = "the disk does not give the bytes: copy what it still gives to \
                                another one and check that, or bring the part back from a backup";
                    let means = format!("{} may be missing", of_day(&name));
                    self.found(&place, with_cause(&error), &means, Outcome::Left(todo.into()));
                }
                Err(error) => {
                    self.damaged_part(&name, &place, &error, manifest.is_some(), &mut off);
                }
            }
            self.done(bytes);
        }
        listed.retain(|name| !off.contains(name));
        let Some(manifest) = manifest else { return };
        if !off.is_empty() && !self.options.dry_run {
            let mut next = manifest.clone();
            next.parts = listed;
            // Words that make no sense are told elsewhere.
            if let Ok(about) = metric_store::about_without(&manifest.about, &off) {
                next.about = about;
            }
            next.tidy();
            if let Err(why) = Self::replace_manifest(&self.disk, self.dir, &next) {
                let means = "parts that were set aside are still listed; the server does not start";
                let todo = "run the check again";
                self.found("metrics/MANIFEST", why, means, Outcome::Left(todo.into()));
            }
        }
        for name in present.iter().filter(|name| !manifest.parts.contains(name)) {
            let path = self.metrics_dir().join(name);
            let means = "none: its content is in other parts or in the journal; a start removes it";
            let what = "a part that the manifest does not list".to_owned();
            let bytes = self.file_len(&path);
            self.mend(&format!("metrics/{name}"), what, means, "the file is removed", |disk| {
                disk.remove(&path).map_err(|e| text(&e))
            });
            self.done(bytes);
        }
    }

    fn verify(&mut self, name: &str) -> Result<(), PartError> {
        let open = || {
            FileParts::open_dir(self.disk.clone(), &self.metrics_dir())
                .and_then(|parts| parts.open(name))
                .map_err(|source| PartError::Io { part: name.into(), offset: 0, len: 0, source })
        };
        let summary = verify_part(name, open()?)?;
        let tenants = tenants_of_part(name, open()?)?;
        self.tenants.extend(tenants);
        self.report.parts += 1;
        if summary.tier.is_none() {
            self.report.series += u64::from(summary.series);
            self.report.points += summary.points;
        }
        Ok(())
    }

    fn missing_part(&mut self, name: &str, place: &str, off: &mut Vec<String>) {
        let means = format!("{} are missing", of_day(name));
        let aside = self.disk.list(&self.metrics_dir().join("aside")).unwrap_or_default();
        let what = "the manifest lists it, and there is no such file".to_owned();
        if aside.iter().any(|n| n == name) {
            // A check that was interrupted.
            let action = "it is in metrics/aside already and is taken off the manifest";
            off.push(name.to_owned());
            self.mend(place, what, &means, action, |_| Ok(()));
        } else if self.options.forget_missing {
            off.push(name.to_owned());
            self.mend(place, what, &means, "it is taken off the manifest", |_| Ok(()));
        } else {
            let todo = "bring the file back from a backup, or give its points up with \
                        --forget-missing; the server does not start without it";
            self.found(place, what, &means, Outcome::Left(todo.into()));
        }
    }

    fn damaged_part(
        &mut self,
        name: &str,
        place: &str,
        error: &PartError,
        listed: bool,
        off: &mut Vec<String>,
    ) {
        let dir = self.metrics_dir();
        let parts = FileParts::open_dir(self.disk.clone(), &dir).map_err(|e| text(&e));
        let held = parts
            .and_then(|parts| parts.open(name).map_err(|e| text(&e)))
            .and_then(|file| summarize_part(name, file).map_err(|e| e.to_string()));
        let means = match held {
            Ok(held) => {
                // The server makes them again where raw points are still there.
                let again = if held.tier.is_some() { ", where raw points are gone" } else { "" };
                format!(
                    "{} of {} series with {} points are missing, at most{again}",
                    of_day(name),
                    held.series,
                    held.points
                )
            }
            Err(_) => format!("{} are missing; how many cannot be told", of_day(name)),
        };
        if !listed {
            let todo = "without a MANIFEST it stays where it is";
            self.found(place, error.to_string(), &means, Outcome::Left(todo.into()));
            return;
        }
        off.push(name.to_owned());
        let action = "it is moved to metrics/aside and taken off the manifest; a backup may have it \
                      whole";
        let name = name.to_owned();
        self.mend(place, error.to_string(), &means, action, move |disk| {
            let aside = dir.join("aside");
            // Moved before it is taken off the manifest: the other order would leave a file that
            // nobody lists, which a start removes.
            let moved = || -> io::Result<()> {
                disk.create_dir_all(&aside)?;
                disk.rename(&dir.join(&name), &aside.join(&name))?;
                disk.sync_dir(&aside)?;
                disk.sync_dir(&dir)
            };
            moved().map_err(|e| text(&e))
        });
        if !self.options.dry_run
            && let Some(super::Finding { outcome: Outcome::Left(_), .. }) =
                self.report.findings.last()
        {
            off.pop();
        }
    }
}
