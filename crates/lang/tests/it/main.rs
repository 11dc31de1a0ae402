//! The languages by their fixtures, and by what holds for any text.

mod alarm_rule;
mod insights;
mod labels;
mod metric_math;
mod promql;
mod search;
