//! Work that is nobody's request, as steps for threads that the server owns.

use crate::Platform;
use metric_store::{Step, StoreError};
use std::sync::atomic::Ordering;
use std::time::Duration;

impl Platform {
    /// Waits up to `wait` for batches and keeps them. One thread calls this over and over, until
    /// everyone who writes is gone.
    pub fn commit_step(&self, wait: Duration) {
        let before = self.metrics.applied();
        self.metrics.commit(wait);
        let alarms = self.alarms.counters.alarms.load(Ordering::Relaxed);
        if alarms > 0 && self.metrics.applied() != before {
            self.alarms.points_arrived();
        }
    }

    /// Does the most urgent background work that is due. Call again at once while it did something.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is lost; it will be tried again.
    pub fn upkeep_step(&self) -> Result<bool, StoreError> {
        Ok(self.metrics.maintain(self.clock.now_ms())? != Step::Nothing)
    }

    /// Writes what is in memory only into parts, so that the next start has nothing to replay. The
    /// journal holds it all the same, so a failure loses nothing. What came late for alarms is kept, too.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn flush(&self) -> Result<(), StoreError> {
        if let Err(error) = self.keep_late_arrivals() {
            tracing::error!(%error, "what came late for alarms was not kept");
        }
        self.metrics.flush()
    }
}
