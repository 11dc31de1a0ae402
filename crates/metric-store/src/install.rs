//! Puts changes of parts in force: first the manifest, then what readers see.

use crate::head::Frozen;
use crate::part::Part;
use crate::store::{CLOCK_SEEN, MetricStore, StoreError};
use crate::tombstone::Tombstone;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use storage::Manifest;

/// What readers see besides the head; replaced as a whole.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// Grows with each freeze: a reader whose head is of another generation starts again.
    pub(crate) generation: u64,
    pub(crate) frozen: Option<Arc<Frozen>>,
    /// In the order of arrival.
    pub(crate) parts: Vec<Arc<Part>>,
    /// What was deleted and still stands in some of them.
    pub(crate) tombstones: Vec<Arc<Tombstone>>,
}

impl MetricStore {
    /// Puts the changes of a flush, merge or expiry in force: first the manifest, then readers.
    pub(crate) fn install(
        &self,
        flushed: Option<u64>,
        change: impl Fn(&mut Vec<Arc<Part>>),
        names: impl Fn(&mut Vec<String>),
    ) -> Result<(), StoreError> {
        self.install_with(flushed, change, names, Vec::new())
    }

    /// Puts a deletion in force: parts of which nothing is left go, tombstones come.
    pub(crate) fn install_deletion(
        &self,
        whole: &BTreeSet<String>,
        tombstones: Vec<Arc<Tombstone>>,
    ) -> Result<(), StoreError> {
        self.install_with(
            None,
            |parts| parts.retain(|p| !whole.contains(p.name())),
            |names| names.retain(|n| !whole.contains(n)),
            tombstones,
        )
    }

    fn install_with(
        &self,
        flushed: Option<u64>,
        change: impl Fn(&mut Vec<Arc<Part>>),
        names: impl Fn(&mut Vec<String>),
        added: Vec<Arc<Tombstone>>,
    ) -> Result<(), StoreError> {
        let mut manifest = self.manifest.lock();
        let mut next = manifest.clone();
        names(&mut next.parts);
        next.tombstones.extend(added.iter().map(|t| t.to_stored(&next.parts)));
        next.tidy_tombstones();
        if let Some(believed_ms) = self.clock.lock().believed_ms() {
            next.set(CLOCK_SEEN, believed_ms.to_string());
        }
        if let Some(flushed) = flushed {
            next.flushed = flushed;
        }
        self.manifest_file.replace(&next)?;
        *manifest = next;
        // Under the head's lock, so that no freeze comes between the two.
        let state = self.head.write();
        let view = self.view.load();
        let mut parts = view.parts.clone();
        change(&mut parts);
        let frozen = if flushed.is_some() { None } else { view.frozen.clone() };
        let mut tombstones = view.tombstones.clone();
        tombstones.extend(added);
        tombstones.retain(|t| manifest.parts.iter().any(|name| t.covers(name)));
        let generation = view.generation;
        self.view.store(Arc::new(View { generation, frozen, parts, tombstones }));
        drop(state);
        if let Some(flushed) = flushed {
            self.frozen_bytes.store(0, Ordering::Relaxed);
            self.journal().release(self.needed_by_taps(flushed));
        }
        Ok(())
    }

    /// Puts parts in force that were written for it.
    pub(crate) fn install_written(
        &self,
        written: &[String],
        flushed: Option<u64>,
        change: impl Fn(&mut Vec<Arc<Part>>),
        names: impl Fn(&mut Vec<String>),
    ) -> Result<(), StoreError> {
        let installed = self.install(flushed, change, names);
        if installed.is_err() {
            // The rename may have happened and only its sync failed: then the disk lists them, and
            // after loss of power it may or may not.
            let unlisted = match self.manifest_file.read() {
                Ok(Some(found)) => !written.iter().any(|name| found.parts.contains(name)),
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
            self.install(None, |_| {}, |_| {})?;
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
