//! Points on their way in.

use crate::access::{AccessError, Verb};
use crate::{Platform, ScopeError};
use metric_store::{Batch, WriteError};
use model::{Principal, Scope, TenantId, TimeRange};

/// Why points were not taken.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The sender may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The scope is no scope.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// The store did not keep them.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Which times a door takes.
#[derive(Debug, Clone, Copy)]
pub enum TimeLimits {
    /// Two weeks back and two hours ahead.
    ///
    /// Source: CloudWatch API reference, `MetricDatum`, field `Timestamp`.
    CloudWatch,
    /// As far back as raw points are kept, and two hours ahead.
    Retention,
}

/// Leave to add points to a scope: a batch, and the tenant that its keys must name.
#[derive(Debug)]
pub struct Ingest {
    /// Number for the keys.
    pub tenant: TenantId,
    /// Times that may be put, end excluded.
    pub times: TimeRange,
    /// Exemplars are kept at all.
    pub keeps_exemplars: bool,
    /// Where points go.
    pub batch: Batch,
}

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

impl Platform {
    /// Lets somebody add points to a scope.
    ///
    /// # Errors
    /// [`IngestError`] when they may not, or the scope is none.
    pub fn begin_ingest(
        &self,
        who: &Principal,
        scope: &Scope,
        limits: TimeLimits,
    ) -> Result<Ingest, IngestError> {
        self.check(who, scope, Verb::Write)?;
        let born = |tenant, first| self.metrics.share_budget(tenant, first);
        let tenant = self.tenants.find_or_create(scope, born)?;
        let now_ms = self.clock.now_ms();
        let back_ms = match limits {
            TimeLimits::CloudWatch => (14 * DAY_MS).min(self.metrics.retention_ms()),
            TimeLimits::Retention => self.metrics.retention_ms(),
        };
        let times = TimeRange {
            start_ms: now_ms.saturating_sub(back_ms),
            end_ms: now_ms.saturating_add(2 * HOUR_MS + 1),
        };
        let keeps_exemplars = self.metrics.options().exemplars_max > 0;
        Ok(Ingest { tenant, times, keeps_exemplars, batch: self.metrics.batch() })
    }

    /// Sends a batch on its way; `done` is called, on another thread, when its points survive a
    /// crash and can be read, or when they were not kept.
    ///
    /// # Errors
    /// [`WriteError::Stale`]: begin again and add the same points; it happens rarely. Others tell
    /// that nothing of the batch was taken.
    pub fn submit(
        &self,
        batch: Batch,
        done: impl FnOnce(Result<(), WriteError>) + Send + 'static,
    ) -> Result<(), WriteError> {
        self.metrics.submit(batch, Box::new(done))
    }
}
