//! Numbers about the store: what it did, and how it stands.

use crate::faults::Fault;
use crate::store::MetricStore;
use std::sync::atomic::{AtomicU64, Ordering};
use storage::SyncTimes;

/// Numbers about the store, for its own metrics.
#[derive(Debug, Default)]
pub struct StoreCounters {
    /// Points that were kept.
    pub points: AtomicU64,
    /// Batches that were kept.
    pub batches: AtomicU64,
    /// Batches that were not.
    pub batches_failed: AtomicU64,
    /// Heads written into parts.
    pub flushes: AtomicU64,
    /// Merges of parts.
    pub merges: AtomicU64,
    /// Points that merges wrote.
    pub merged_points: AtomicU64,
    /// Parts removed for their age.
    pub parts_expired: AtomicU64,
    /// Flushes and merges that failed and will be tried again.
    pub maintenance_failures: AtomicU64,
}

/// The state of the store at one moment.
#[derive(Debug, Clone, Default)]
pub struct StoreStatus {
    /// Series in the registry.
    pub series: usize,
    /// Series with points since the last flush.
    pub active_series: usize,
    /// Points that are in no part yet.
    pub head_points: u64,
    /// Bytes that those points take.
    pub head_bytes: usize,
    /// Bytes of the registry and its index, roughly.
    pub registry_bytes: usize,
    /// Parts in service.
    pub parts: usize,
    /// Parts that were set aside as damaged.
    pub parts_damaged: usize,
    /// Bytes of the parts, index included.
    pub parts_bytes: u64,
    /// Points in the parts.
    pub parts_points: u64,
    /// Bytes of the journal.
    pub journal_bytes: u64,
    /// Points that wait for the journal.
    pub waiting_points: usize,
    /// Bytes of points in memory and of the index of their series, as the limit counts them.
    pub memory_bytes: usize,
    /// Deletions that still have parts to be rewritten.
    pub tombstones: usize,
    /// Why writes are not kept just now, if they are not.
    pub journal_fault: Option<Fault>,
    /// Why flushes, merges or expiry fail just now, if they do.
    pub maintenance_fault: Option<Fault>,
    /// How long syncs of the journal take.
    pub syncs: SyncTimes,
    /// How far the clock is off the time that is believed; `None` when it is believed.
    pub clock_off_ms: Option<i64>,
}

impl MetricStore {
    /// Returns how the store stands.
    pub fn status(&self) -> StoreStatus {
        let waiting_points = self.waiting_points();
        let (head_points, head_bytes, active_series, registry) = {
            let state = self.head.read();
            let head = &state.head;
            (head.points, head.heap_bytes, head.active, state.registry.clone())
        };
        let view = self.view.load();
        let frozen = view.frozen.as_ref().map(|f| &f.head);
        let aside = view.parts.iter().filter(|p| p.is_aside()).count();
        StoreStatus {
            series: registry.len(),
            active_series,
            head_points: head_points + frozen.map_or(0, |h| h.points),
            head_bytes: head_bytes + frozen.map_or(0, |h| h.heap_bytes),
            registry_bytes: registry.bytes(),
            parts: view.parts.len() - aside,
            parts_damaged: aside + self.damaged.load(Ordering::Relaxed) as usize,
            parts_bytes: view.parts.iter().map(|p| p.size_bytes()).sum(),
            parts_points: view.parts.iter().map(|p| p.meta().points).sum(),
            journal_bytes: self.journal().size_bytes(),
            waiting_points,
            tombstones: view.tombstones.len(),
            journal_fault: self.journal_watch.told(),
            maintenance_fault: self.maintenance_watch.told(),
            syncs: self.journal().sync_times(),
            clock_off_ms: self.clock.lock().off_ms(),
            memory_bytes: self.memory_bytes(&registry),
        }
    }
}
