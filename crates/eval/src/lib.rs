//! What expressions and statistics mean, apart from where data come from.
//!
//! Here now: CloudWatch's statistics over the deltas of a period ([`statistic`]), its dynamic labels
//! ([`labels`]), metric math ([`metric_math`]) and PromQL ([`promql`]). SQL comes here.
//!
//! ```
//! use eval::Statistic;
//! let mut period = model::Delta::of_value(1.0);
//! period.add(&model::Delta::of_value(3.0));
//! let average: Statistic = "Average".parse()?;
//! assert_eq!(average.of(&period), Some(2.0));
//! # Ok::<(), eval::StatisticError>(())
//! ```

pub mod insights;
pub mod labels;
pub mod metric_math;
pub mod promql;
pub mod search;
pub mod statistic;

pub use statistic::{Bounds, Statistic, StatisticError, Within};
