//! The test bench: a clock that moves when told, and an empty server on request.

use crate::{Platform, alarms};
use catalog::{CatalogError, Change};
use metric_store::StoreError;
use std::time::Duration;
use stdx::VirtualClock;

/// How far the virtual clock moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeStep {
    /// By so many milliseconds.
    Advance(i64),
    /// To this moment, milliseconds since 1970.
    To(i64),
}

/// Why time did not move, or nothing was emptied.
#[derive(Debug, thiserror::Error)]
pub enum TimeError {
    /// A clock goes forward only.
    #[error("the clock stands at {now_ms} ms and does not go back to {to_ms} ms")]
    Back {
        /// Where it stands.
        now_ms: i64,
        /// Where it was told to go.
        to_ms: i64,
    },
    /// Background work on the way failed; the clock stands where it failed.
    #[error("background work failed on the way")]
    Upkeep(#[from] StoreError),
    /// The catalog could not be emptied.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

/// Work that falls due in between is done at steps of this size; nothing here is finer.
const STEP_MS: i64 = 60_000;
/// A jump longer than this is done in so many steps: what falls due does not depend on the size.
const STEPS_MAX: i64 = 1_000;

/// Deliveries due are waited for so long (of real time) at most, together.
const DELIVERIES_WAIT: Duration = Duration::from_secs(10);

impl Platform {
    /// Moves the virtual clock and returns when everything due in between has happened, in order.
    ///
    /// # Errors
    /// [`TimeError`].
    pub fn move_clock(&self, clock: &VirtualClock, step: TimeStep) -> Result<i64, TimeError> {
        let now_ms = self.clock.now_ms();
        let to_ms = match step {
            TimeStep::Advance(by_ms) => now_ms.saturating_add(by_ms),
            TimeStep::To(to_ms) => to_ms,
        };
        if to_ms < now_ms {
            return Err(TimeError::Back { now_ms, to_ms });
        }
        let watch = stdx::Stopwatch::start();
        let pause = STEP_MS.max((to_ms - now_ms) / STEPS_MAX);
        let (mut at, mut upkeep_ms) = (now_ms, now_ms.saturating_add(pause));
        // What arrived before the clock moves, arrived then.
        let mut alarms_ms = self.alarms_at_this_moment();
        while at < to_ms {
            at = upkeep_ms.min(alarms_ms.max(at + 1)).min(to_ms);
            clock.advance_to(at);
            if at >= upkeep_ms || at == to_ms {
                upkeep_ms = at.saturating_add(pause);
                while self.upkeep_step()? {}
            }
            alarms_ms = self.alarms_at_this_moment();
            self.settle_deliveries(DELIVERIES_WAIT.saturating_sub(watch.elapsed()));
        }
        Ok(to_ms)
    }

    /// Does what alarms have to do now, also what has to be asked for; returns when the next is due.
    fn alarms_at_this_moment(&self) -> i64 {
        loop {
            let due_ms = self.alarm_step();
            if !self.alarm_query_step() {
                return due_ms;
            }
            while self.alarm_query_step() {}
        }
    }

    /// Empties all data and definitions; the clock stays.
    ///
    /// # Errors
    /// [`TimeError`].
    pub fn reset(&self) -> Result<(), TimeError> {
        self.alarms.clear();
        for table in alarms::TABLES {
            let entries = self.catalog.scan(table, "")?;
            let removals = entries.into_iter().map(|(key, _)| Change::remove(table, key));
            self.catalog.write(removals.collect())?;
        }
        self.outbox.clear()?;
        self.topics.clear(&*self.catalog)?;
        self.metrics.clear()?;
        self.described.clear(&*self.catalog)?;
        self.tenants.clear()?;
        Ok(())
    }
}
