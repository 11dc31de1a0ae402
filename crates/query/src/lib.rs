//! Plans questions, fetches what they need and computes answers, within limits.
//!
//! [`Runner`] is the seam: the embedded form, [`LocalRunner`], reads the stores of this process.

pub mod metric_data;
mod parallel;
mod prom;
mod statistics;
pub mod suite;

pub use prom::{PromSeries, STAT, Selection, instant_of, labels_of, store_matchers};
pub use statistics::{MetricId, PeriodsOfUnit, StatisticsQuestion};

use metric_data::{DataAnswer, DataQuestion};
use metric_store::{MetricStore, ReadBudget, ReadError};
use model::TenantId;
use std::fmt;
use std::sync::Arc;

/// Why a question got no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The store could not be read, or a limit was hit.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// An expression has no value with these data, or passes a limit.
    #[error("{what}")]
    Expression {
        /// The expression's id.
        id: String,
        /// The part of its text that is to blame.
        span: lang::Span,
        /// What is wrong.
        what: String,
    },
    /// The question makes no sense; the text says why.
    #[error("{0}")]
    Bad(String),
}

/// Answers questions about metrics.
pub trait Runner: Send + Sync + fmt::Debug {
    /// Returns the periods of one CloudWatch metric, for each unit it was reported in.
    ///
    /// # Errors
    /// [`QueryError`].
    fn statistics(
        &self,
        tenant: TenantId,
        question: &StatisticsQuestion<'_>,
        budget: &ReadBudget,
    ) -> Result<Vec<PeriodsOfUnit>, QueryError>;

    /// Returns the results of metrics and expressions over them.
    ///
    /// # Errors
    /// [`QueryError`].
    fn data(
        &self,
        tenant: TenantId,
        question: &DataQuestion<'_>,
        budget: &ReadBudget,
    ) -> Result<DataAnswer, QueryError>;

    /// Returns the series that a PromQL selector takes, as PromQL sees them.
    ///
    /// # Errors
    /// [`QueryError`].
    fn select(
        &self,
        tenant: TenantId,
        selection: &Selection<'_>,
        budget: &ReadBudget,
    ) -> Result<Vec<PromSeries>, QueryError>;
}

/// Reads the stores of this process.
#[derive(Debug, Clone)]
pub struct LocalRunner {
    store: Arc<MetricStore>,
}

impl LocalRunner {
    /// Reads `store`.
    pub fn new(store: Arc<MetricStore>) -> Self {
        Self { store }
    }
}
