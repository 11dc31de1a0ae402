//! What CloudWatch metric math means.
//!
//! [`evaluate`] computes a checked expression over a whole [`Grid`] of times. A series is a column of
//! doubles, one for each time of the grid; NaN marks a time without a point. So series line up by their
//! index, and every operator is a loop over columns. The caller brings the data as [`Inputs`]; nothing
//! here knows where they come from.
//!
//! A [`Stepper`] computes the same point by point, with carried state, for those who decide as points
//! arrive. Its results are those of the grid; what needs all points at once it refuses, by name.
//!
//! **Missing points.** Between two series a missing point counts as 0, and where both are missing there
//! is none. Beside a scalar a missing point stays missing. What has no finite result - a division by
//! zero, a logarithm of 0 - is no point.
//!
//! **Periods.** All series of one expression lie on one grid. Its period is the longest one of the
//! metrics that the expression uses ([`result_period_s`]), and the caller fetches every input at it.
//!
//! Source: Amazon CloudWatch User Guide, "Using metric math"; what it leaves open stands in
//! `docs/decisions/2026-11-21-metric-math-where-the-documentation-is-silent.md`. The fixtures beside
//! this crate show every function by examples.

mod array;
mod calendar;
mod choose;
mod combine;
mod compile;
mod error;
mod evaluate;
mod fold;
mod inputs;
mod period;
mod point;
mod running;
mod sorting;
mod stepper;
mod value;

pub use error::{EvalError, EvalLimits};
pub use evaluate::evaluate;
pub use inputs::Inputs;
pub use period::result_period_s;
pub use stepper::{NotSteppable, Slots, StepInputs, Stepper};
pub use value::{Grid, Series, Value};
