//! Puts changes of parts in force: first the manifest, then what readers see.

use crate::exemplars::{FileInForce, exemplars_file};
use crate::head::Frozen;
use crate::part::{Part, PartError};
use crate::rollup::days::Days;
use crate::rollup::tiers::{Tiers, day_of_name};
use crate::store::{CLOCK_SEEN, MetricStore, StoreError};
use crate::tombstone::Tombstone;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use storage::Manifest;

/// What readers see besides the head; replaced as a whole.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// Grows with each freeze: a reader whose head is of another generation starts again.
    pub(crate) generation: u64,
    pub(crate) frozen: Option<Arc<Frozen>>,
    /// Raw points, in the order of arrival.
    pub(crate) parts: Vec<Arc<Part>>,
    /// Roll-ups.
    pub(crate) tiers: Arc<Tiers>,
    /// What was deleted and still stands in some of them.
    pub(crate) tombstones: Vec<Arc<Tombstone>>,
}

impl View {
    /// Returns all parts that could be opened, raw ones first.
    pub(crate) fn all_parts(&self) -> impl Iterator<Item = &Arc<Part>> {
        self.parts.iter().chain(self.tiers.parts.iter().filter_map(|p| p.part.as_ref()))
    }
}

impl View {
    /// Says whether the roll-ups of a raw part's day hold what it holds.
    pub(crate) fn is_rolled(&self, part: &Part) -> bool {
        self.tiers.rolled.contains(part.name())
    }

    /// Takes a part out of service that was found damaged.
    pub(crate) fn note(&self, error: &PartError) {
        if let PartError::Damaged { part, .. } = error {
            self.all_parts().filter(|p| p.name() == part).for_each(|p| p.set_aside(error));
        }
    }

    /// Says whether a part out of service answers for a day that cannot be built anew: it may be
    /// brought back, and nothing that is made meanwhile may take its place.
    pub(crate) fn is_lost_for_now(&self, day: i64) -> bool {
        self.tiers.is_aside(day) && self.not_whole().contains(day)
    }

    /// Returns the days of which roll-ups may hold what raw parts in service do not.
    pub(crate) fn not_whole(&self) -> Days {
        let mut days = self.tiers.kept();
        let serves = |name: &str| self.parts.iter().any(|p| p.name() == name && !p.is_aside());
        let lost = self.tiers.rolled.iter().filter(|name| !serves(name));
        lost.filter_map(|name| day_of_name(name)).for_each(|day| days.insert(day));
        days
    }
}

/// Changes what is known of roll-ups.
pub(crate) type ChangeOfTiers<'a> = Box<dyn FnOnce(&mut Tiers) + 'a>;

/// What a flush, merge, expiry or deletion changes.
#[derive(Default)]
pub(crate) struct Change<'a> {
    /// Everything up to this frame is in parts now.
    pub(crate) flushed: Option<u64>,
    /// Names of raw parts that go.
    pub(crate) gone: Vec<String>,
    /// Raw parts that come: in the place of the first that goes, or behind all.
    pub(crate) came: Vec<Arc<Part>>,
    /// What was deleted.
    pub(crate) tombstones: Vec<Arc<Tombstone>>,
    /// What changes of the roll-ups; called once.
    pub(crate) tiers: Option<ChangeOfTiers<'a>>,
    /// Which file holds the exemplars.
    pub(crate) exemplars: FileInForce,
}

impl Change<'_> {
    /// Changes a list of raw parts, or that of the manifest.
    fn apply<T: Clone>(&self, list: &mut Vec<T>, name: fn(&T) -> &str, came: &[T]) {
        let gone = |item: &T| self.gone.iter().any(|n| n == name(item));
        let at = list.iter().position(gone).unwrap_or(list.len());
        list.splice(at..at, came.iter().cloned());
        list.retain(|item| !gone(item));
    }
}

impl MetricStore {
    /// Puts a change in force and removes the files that nobody lists any more.
    pub(crate) fn install(&self, mut change: Change<'_>) -> Result<(), StoreError> {
        let mut manifest = self.manifest.lock();
        let mut next = manifest.clone();
        let came: Vec<String> = change.came.iter().map(|p| p.name().to_owned()).collect();
        change.apply(&mut next.parts, String::as_str, &came);
        let before = self.view.load().tiers.clone();
        let mut tiers = Tiers::clone(&before);
        if let Some(of_tiers) = change.tiers.take() {
            of_tiers(&mut tiers);
        }
        tiers.rolled.retain(|name| next.parts.contains(name));
        next.parts.retain(|name| !before.is_tier_part(name) || tiers.is_tier_part(name));
        for part in tiers.parts.iter().filter(|p| !before.is_tier_part(&p.name)) {
            next.parts.push(part.name.clone());
        }
        next.about = tiers.to_words();
        next.tombstones.extend(change.tombstones.iter().map(|t| t.to_stored(&next.parts)));
        next.tidy();
        let exemplars_gone = change.exemplars.apply(&mut next);
        if let Some(believed_ms) = self.clock.lock().believed_ms() {
            next.set(CLOCK_SEEN, believed_ms.to_string());
        }
        if let Some(flushed) = change.flushed {
            next.flushed = flushed;
        }
        self.manifest_file.replace(&next)?;
        let unlisted = manifest.parts.iter().filter(|name| !next.parts.contains(name));
        let mut unlisted: Vec<String> = unlisted.cloned().collect();
        unlisted.extend(exemplars_gone);
        *manifest = next;
        // Under the head's lock, so that no freeze comes between the two.
        let state = self.head.write();
        let view = self.view.load();
        let mut parts = view.parts.clone();
        change.apply(&mut parts, |part| part.name(), &change.came);
        let frozen = if change.flushed.is_some() { None } else { view.frozen.clone() };
        let mut tombstones = view.tombstones.clone();
        let deletes = !change.tombstones.is_empty();
        tombstones.extend(change.tombstones);
        tombstones.retain(|t| manifest.parts.iter().any(|name| t.covers(name)));
        let generation = view.generation;
        let tiers = Arc::new(tiers);
        self.view.store(Arc::new(View { generation, frozen, parts, tiers, tombstones }));
        drop(state);
        if deletes {
            self.changes.note(i64::MIN);
        }
        drop(manifest);
        if let Some(flushed) = change.flushed {
            self.frozen_bytes.store(0, Ordering::Relaxed);
            self.journal().release(self.needed_by_taps(flushed));
        }
        self.remove_files(&unlisted);
        Ok(())
    }

    /// Puts parts in force that were written for it.
    pub(crate) fn install_written(
        &self,
        written: &[String],
        change: Change<'_>,
    ) -> Result<(), StoreError> {
        let installed = self.install(change);
        if installed.is_err() {
            // The rename may have happened and only its sync failed: then the disk lists them, and
            // after loss of power it may or may not.
            let unlisted = match self.manifest_file.read() {
                Ok(Some(found)) => !written
                    .iter()
                    .any(|name| found.parts.contains(name) || exemplars_file(&found) == Some(name)),
                Ok(None) => true,
                Err(_) => false,
            };
            if unlisted {
                self.remove_files(written);
            }
            *self.in_doubt.lock() = Some(if unlisted { Vec::new() } else { written.to_vec() });
        }
        installed
    }

    /// After a manifest that could not be replaced: replaces it by what is in force, and removes the
    /// parts in doubt. Before anything is written: each attempt would leave a whole head behind, or
    /// write one in vain.
    pub(crate) fn resolve_doubt(&self) -> Result<(), StoreError> {
        let mut in_doubt = self.in_doubt.lock();
        if let Some(names) = &*in_doubt {
            self.install(Change::default())?;
            self.remove_files(names);
            *in_doubt = None;
        }
        Ok(())
    }

    /// Replaces the manifest on the disk; the caller holds the one in memory.
    pub(crate) fn replace_manifest(&self, next: &Manifest) -> Result<(), StoreError> {
        Ok(self.manifest_file.replace(next)?)
    }
}
