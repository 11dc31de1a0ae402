//! What `GetMetricData` asks: metrics and expressions over them, planned, fetched and computed.
//!
//! A [`Plan`] is made of the texts alone: expressions are read, put in an order in which each finds
//! the results that it uses, and their types are checked. A [`DataQuestion`] asks for a plan's
//! results over a range. All series of one expression lie on one grid, so a metric may be fetched
//! twice: at its own period for itself, and at the expression's.

mod answer;
mod column;
mod fetch;
mod plan;
mod search;
mod window;

pub(crate) use answer::answer;
pub use answer::{DataAnswer, Line, LineGroup, LineMetric, LineSource};
pub use plan::{DataQuery, DataSource, MetricData, Plan, PlanError};
pub use window::rounded_start;

use model::TimeRange;

/// What the service caps for cost; nothing of it is capped here unless that is asked for.
///
/// Source: CloudWatch user guide, "Search expression limits", "Metrics Insights limits"; API reference,
/// `GetMetricData`.
pub mod caps {
    /// Metrics of one search.
    pub const SEARCHED_MAX: usize = 500;
    /// Metrics that a statement looks at.
    pub const STATEMENT_METRICS_MAX: usize = 10_000;
    /// Results of a statement.
    pub const STATEMENT_SERIES_MAX: usize = 500;
    /// Statements of one request.
    pub const STATEMENTS_MAX: usize = 1;
}

/// Asks for the results of a plan.
#[derive(Debug, Clone, Copy)]
pub struct DataQuestion<'p> {
    /// The queries.
    pub plan: &'p Plan,
    /// The number of the account that asks.
    pub account: &'p str,
    /// First moment inside and first outside, as the asker gave them. A period counts when it begins
    /// inside; the start is rounded as [`rounded_start`] says.
    pub range: TimeRange,
    /// Exactly these periods instead of those of the range, whatever the queries' own are: each begins at
    /// one of these moments and ends at the next.
    pub bounds: Option<&'p [i64]>,
    /// The present moment: ages decide how a start is rounded.
    pub now_ms: i64,
    /// The first query that is answered.
    pub first: usize,
    /// Points of the first query were shown before: they do not count.
    pub is_resumed: bool,
    /// Once so many points are there, further queries are not answered.
    pub points_max: usize,
    /// What the service caps for cost is capped here too.
    pub is_capped: bool,
}
