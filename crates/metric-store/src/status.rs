//! Numbers about the store: what it did, and how it stands.

use crate::faults::Fault;
use crate::install::View;
use crate::part::{Part, partition_of};
use crate::rollup::tier::Tier;
use crate::rollup::tiers::{TierPart, Tiers};
use crate::store::MetricStore;
use std::collections::BTreeSet;
use std::sync::Arc;
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
    /// Parts of roll-ups that were written, those of both tiers of a day counted once.
    pub roll_ups: AtomicU64,
    /// Points in them.
    pub rolled_points: AtomicU64,
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
    /// Parts of raw points in service.
    pub parts: usize,
    /// Parts of any kind that were set aside as damaged.
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
    /// Bytes of unpacked blocks of parts that are kept for questions.
    pub block_cache_bytes: u64,
    /// Roll-ups, finest first.
    pub tiers: [TierStatus; 2],
    /// Days that are over and wait to be rolled up, in whole or for late points.
    pub days_to_roll_up: usize,
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

/// How roll-ups of one tier stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TierStatus {
    /// Parts in service.
    pub parts: usize,
    /// Their bytes, index included.
    pub bytes: u64,
    /// Roll-ups in them: one for each series and interval with data.
    pub points: u64,
    /// Days that they answer for.
    pub days: usize,
}

impl TierStatus {
    fn of(tiers: &Tiers, tier: Tier) -> Self {
        let serving = || tiers.of_tier(tier).filter_map(TierPart::serving);
        Self {
            parts: serving().count(),
            bytes: serving().map(|p| p.size_bytes()).sum(),
            points: serving().map(|p| p.meta().points).sum(),
            days: tiers.covered(tier).iter().count(),
        }
    }
}

impl View {
    /// Returns how many days before `now_ms` have raw parts that are in no roll-up.
    fn days_to_roll_up(&self, now_ms: i64) -> usize {
        let waits = |p: &&Arc<Part>| {
            !p.is_aside() && p.meta().partition < partition_of(now_ms) && !self.is_rolled(p)
        };
        let days = self.parts.iter().filter(waits).map(|p| p.meta().partition);
        days.collect::<BTreeSet<i64>>().len()
    }
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
        let tiers_aside = view.tiers.parts.iter().filter(|p| p.serving().is_none()).count();
        let (believed_ms, clock_off_ms) = {
            let clock = self.clock.lock();
            (clock.believed_ms().unwrap_or(i64::MIN), clock.off_ms())
        };
        StoreStatus {
            series: registry.len(),
            active_series,
            head_points: head_points + frozen.map_or(0, |h| h.points),
            head_bytes: head_bytes + frozen.map_or(0, |h| h.heap_bytes),
            registry_bytes: registry.bytes(),
            parts: view.parts.len() - aside,
            parts_damaged: aside + tiers_aside + self.damaged.load(Ordering::Relaxed) as usize,
            parts_bytes: view.parts.iter().map(|p| p.size_bytes()).sum(),
            parts_points: view.parts.iter().map(|p| p.meta().points).sum(),
            journal_bytes: self.journal().size_bytes(),
            waiting_points,
            tiers: Tier::ALL.map(|tier| TierStatus::of(&view.tiers, tier)),
            days_to_roll_up: view.days_to_roll_up(believed_ms),
            tombstones: view.tombstones.len(),
            journal_fault: self.journal_watch.told(),
            maintenance_fault: self.maintenance_watch.told(),
            syncs: self.journal().sync_times(),
            clock_off_ms,
            memory_bytes: self.memory_bytes(&registry),
            block_cache_bytes: self.cache.bytes(),
        }
    }
}
