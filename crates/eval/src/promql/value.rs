//! What an expression's value is.

use super::Labels;
use super::column::Native;

/// When an expression is evaluated: at each step from `start_ms` to `end_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first step, milliseconds since 1970.
    pub start_ms: i64,
    /// No step is later.
    pub end_ms: i64,
    /// From step to step, above 0; 0 says that this is one moment, asked as such.
    pub step_ms: i64,
}

impl Range {
    /// One moment: what an instant query asks for.
    pub fn instant(at_ms: i64) -> Self {
        Self { start_ms: at_ms, end_ms: at_ms, step_ms: 0 }
    }

    /// Says whether this is one moment, asked as such.
    pub fn is_instant(&self) -> bool {
        self.step_ms == 0
    }
}

/// The value of an expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number at a moment; of an instant only.
    Scalar(i64, f64),
    /// A text at a moment; of an instant only.
    String(i64, String),
    /// One sample of each series; of an instant only. In the order that the expression gives.
    Vector(Vec<Series>),
    /// Samples of each series, ordered by their labels.
    Matrix(Vec<Series>),
}

/// A series of a result.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What it is called.
    pub labels: Labels,
    /// Milliseconds since 1970 and values, oldest first.
    pub points: Vec<(i64, f64)>,
    /// Milliseconds since 1970 and native histograms, oldest first; at other times than values.
    pub histograms: Vec<(i64, Native)>,
}

/// What an evaluation takes for granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How far back an instant selector looks, milliseconds.
    pub lookback_ms: i64,
    /// The step of a subquery that names none, milliseconds.
    pub subquery_step_ms: i64,
    /// Threads that may work on the series of one selector.
    pub threads: usize,
}

impl Default for Options {
    /// Prometheus' defaults: five minutes and one minute; one thread.
    fn default() -> Self {
        Self { lookback_ms: 300_000, subquery_step_ms: 60_000, threads: 1 }
    }
}
