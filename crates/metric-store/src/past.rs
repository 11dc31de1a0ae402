//! A metric as it stood at one place of the journal: what followers of the stream begin with.

use crate::find::MetricKey;
use crate::read_budget::ReadBudget;
use crate::rollup::read::{Grid, GridSeries};
use crate::snapshot::ReadError;
use crate::store::MetricStore;

/// A metric at one place of the journal.
#[derive(Debug)]
pub struct Past {
    /// The last frame that is in it; nothing behind it is.
    pub position: u64,
    /// The numbers that its series have there. Series without points in memory may have none.
    pub numbers: Vec<u32>,
    /// Its series, points still encoded.
    pub series: Vec<GridSeries>,
}

impl MetricStore {
    /// Finds a metric together with the place of the journal up to which its points are there, so that a
    /// reader of the tap counts each point once.
    ///
    /// # Errors
    /// As [`MetricStore::select`].
    pub fn past_of(
        &self,
        metric: MetricKey<'_>,
        grid: &Grid,
        budget: &ReadBudget,
    ) -> Result<Past, ReadError> {
        loop {
            budget.check_time()?;
            let position = self.applied();
            let registry = self.head.read().registry.clone();
            let numbers = metric.numbers_in(&registry);
            let series = self.find_on(metric, grid, budget)?;
            // Batches reach the head under its lock, and say so before they let go of it: nothing came
            // in between if nobody said so.
            let same = std::sync::Arc::ptr_eq(&registry, &self.head.read().registry);
            if same && self.applied() == position {
                return Ok(Past { position, numbers, series });
            }
        }
    }
}
