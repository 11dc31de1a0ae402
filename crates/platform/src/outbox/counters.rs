//! What was delivered, for the server's own metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters since the start, and gauges.
#[derive(Debug, Default)]
pub struct DeliveryCounters {
    /// Notices that left the outbox.
    pub notices: AtomicU64,
    /// Notices left out since one of the same key was there before.
    pub repeated: AtomicU64,
    /// Notices to targets that nothing is mapped to.
    pub no_handler: AtomicU64,
    /// Attempts that were made.
    pub attempts: AtomicU64,
    /// Deliveries that arrived.
    pub delivered: AtomicU64,
    /// Attempts that failed and are made again.
    pub failed: AtomicU64,
    /// Deliveries that were given up.
    pub dead: AtomicU64,
    /// Dead letters that there are (a gauge).
    pub dead_letters: AtomicU64,
    /// Dead letters that were thrown away, as they were too old.
    pub letters_too_old: AtomicU64,
    /// Dead letters that were thrown away, as their tenant had too many.
    pub letters_too_many: AtomicU64,
    /// Deliveries that filters held back.
    pub filtered: AtomicU64,
    /// Deliveries that are not over (a gauge).
    pub waiting: AtomicU64,
    /// Calls that are under way (a gauge).
    pub in_flight: AtomicU64,
    /// Since when the oldest delivery whose lane is due waits, milliseconds since 1970; 0 is none.
    pub oldest_due_ms: AtomicU64,
}

pub(super) fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
