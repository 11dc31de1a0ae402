//! How alarms fare, for the server's own metrics.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// What happened to alarms since the start.
#[derive(Debug, Default)]
pub struct AlarmCounters {
    /// Alarms that there are.
    pub alarms: AtomicU64,
    /// Changes of state.
    pub changes: AtomicU64,
    /// Windows that were read from the store.
    pub rebuilds: AtomicU64,
    /// Windows that are still to be read: their alarms decide when that is done.
    pub rebuilds_waiting: AtomicU64,
    /// Questions that alarms asked the query engine, and those of them that failed.
    pub queries: AtomicU64,
    /// Of these, those that failed.
    pub queries_failed: AtomicU64,
    /// Questions that wait for their turn.
    pub queries_waiting: AtomicU64,
    /// Questions that were not asked, as a newer one of the same alarm stands for them.
    pub queries_conflated: AtomicU64,
    /// From falling due to answered, in milliseconds, of the newest answer.
    pub query_lag_ms: AtomicI64,
    /// Writes of what was decided that failed, and are tried again.
    pub writes_failed: AtomicU64,
    /// From falling due to decided and kept, in milliseconds, of the newest round.
    pub lag_ms: AtomicI64,
}

impl AlarmCounters {
    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
