//! Plans questions, fetches what they need and computes answers, within limits.
//!
//! [`Runner`] is the seam: the embedded form, [`LocalRunner`], reads the stores of this process.

pub mod find;
mod insights;
mod label_lists;
pub mod metric_data;
mod parallel;
mod periods;
mod prom;
mod results;
mod rolled;
mod statistics;
pub mod suite;
mod view;

pub use eval::promql::{Annotations, Labels, Options, Range, Series, Value};
pub use insights::InsightsQuestion;
pub use label_lists::labels_of_series;
pub use metric_store::Detail;
pub use periods::Periods;
pub use prom::{PromAnswer, PromQuestion};
pub use statistics::{MetricId, PeriodsOfUnit, StatisticsQuestion};
pub use view::{STAT, labels_of, store_matchers};

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
    /// The question makes sense and has no answer over these data; the text says why.
    #[error("{0}")]
    Execution(String),
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

    /// Evaluates an expression over the series of a tenant; `None` is one without any.
    ///
    /// # Errors
    /// [`QueryError`].
    fn promql(
        &self,
        tenant: Option<TenantId>,
        question: &PromQuestion<'_>,
        budget: &ReadBudget,
    ) -> Result<PromAnswer, QueryError>;
}

/// Answers that are kept take so many bytes when nobody says.
const KEPT_BYTES: u64 = 32 << 20;

/// Reads the stores of this process.
#[derive(Debug, Clone)]
pub struct LocalRunner {
    store: Arc<MetricStore>,
    results: results::Results,
}

impl LocalRunner {
    /// Reads `store`, and keeps some answers.
    pub fn new(store: Arc<MetricStore>) -> Self {
        Self::keeping(store, KEPT_BYTES)
    }

    /// Reads `store`, and keeps answers of so many bytes.
    pub fn keeping(store: Arc<MetricStore>, kept_bytes_max: u64) -> Self {
        Self { store, results: results::Results::new(kept_bytes_max) }
    }
}

impl Runner for LocalRunner {
    fn statistics(
        &self,
        tenant: TenantId,
        question: &StatisticsQuestion<'_>,
        budget: &ReadBudget,
    ) -> Result<Vec<PeriodsOfUnit>, QueryError> {
        self.periods(tenant, question, budget)
    }

    fn data(
        &self,
        tenant: TenantId,
        question: &DataQuestion<'_>,
        budget: &ReadBudget,
    ) -> Result<DataAnswer, QueryError> {
        metric_data::answer(self, tenant, question, budget)
    }

    fn promql(
        &self,
        tenant: Option<TenantId>,
        question: &PromQuestion<'_>,
        budget: &ReadBudget,
    ) -> Result<PromAnswer, QueryError> {
        self.evaluate(tenant, question, budget)
    }
}
