//! The languages by their fixtures, and by what holds for any text.

mod insights;
mod labels;
mod metric_math;
mod promql;
mod search;
