//! What statistics and expressions mean, by their fixtures and by properties against slow models.

mod metric_math;
mod statistic;
