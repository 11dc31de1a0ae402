//! What expressions and statistics mean, apart from where data come from.
//!
//! Here now: CloudWatch's statistics over the deltas of a period ([`statistic`]), its dynamic labels
//! ([`labels`]) and PromQL ([`promql`]). Metric math and SQL come here with the two drivers, over a range and one step at a
//! time.
//!
//! ```
//! use eval::Statistic;
//! let mut period = model::Delta::of_value(1.0);
//! period.add(&model::Delta::of_value(3.0));
//! let average: Statistic = "Average".parse()?;
//! assert_eq!(average.of(&period), Some(2.0));
//! # Ok::<(), eval::StatisticError>(())
//! ```

pub mod labels;
pub mod promql;
pub mod statistic;

pub use statistic::{Bounds, Statistic, StatisticError, Within};
