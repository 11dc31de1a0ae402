//! What statistics and expressions mean, by their fixtures and by properties against slow models.

mod insights;
mod labels;
mod metric_math;
mod promql;
mod search;
mod statistic;
