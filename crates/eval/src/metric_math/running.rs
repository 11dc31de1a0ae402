//! Functions of a point and those before it, as states that are fed one point after the other.

use super::point::finite;
use lang::metric_math::Running;

/// `DIFF`, `DIFF_TIME`, `RATE` and `RUNNING_SUM`.
///
/// The point before is the last one that there is: gaps are skipped, and the first point has none
/// before it and gives none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RunningState {
    function: Running,
    /// Time and value of the last point; for the sum, the sum so far.
    last: Option<(i64, f64)>,
}

impl RunningState {
    pub(super) fn new(function: Running) -> Self {
        Self { function, last: None }
    }

    /// Takes the value at a time, NaN for none; returns the function's value there.
    pub(super) fn step(&mut self, at_ms: i64, value: f64) -> f64 {
        if value.is_nan() {
            return f64::NAN;
        }
        let before = self.last;
        if self.function == Running::RunningSum {
            // A sum that is past all numbers stays there, and is no point from then on.
            let sum = before.map_or(0.0, |(_, sum)| sum) + value;
            self.last = Some((at_ms, sum));
            return finite(sum);
        }
        self.last = Some((at_ms, value));
        let Some((before_ms, before)) = before else { return f64::NAN };
        let seconds = at_ms.saturating_sub(before_ms) as f64 / 1_000.0;
        finite(match self.function {
            Running::Diff => value - before,
            Running::DiffTime => seconds,
            Running::Rate => (value - before) / seconds,
            Running::RunningSum => unreachable!("answered above"),
        })
    }
}

/// `FILL(..., REPEAT)`: the last value stands until the next one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RepeatState {
    last: f64,
}

impl RepeatState {
    pub(super) fn new() -> Self {
        Self { last: f64::NAN }
    }

    pub(super) fn step(&mut self, value: f64) -> f64 {
        if !value.is_nan() {
            self.last = value;
        }
        self.last
    }
}

/// `FILL(..., LINEAR)` for a whole column: a straight line between the points at both ends of each
/// gap. Before the first point and behind the last one there is no line, and nothing is filled.
pub(super) fn fill_linear(values: &mut [f64]) {
    let mut last: Option<usize> = None;
    for at in 0..values.len() {
        if values[at].is_nan() {
            continue;
        }
        if let Some(from) = last {
            let (start, end) = (values[from], values[at]);
            let steps = (at - from) as f64;
            for (n, gap) in values[from + 1..at].iter_mut().enumerate() {
                let share = (n + 1) as f64 / steps;
                // Written so that the difference of two very large numbers cannot overflow.
                *gap = finite(start * (1.0 - share) + end * share);
            }
        }
        last = Some(at);
    }
}
