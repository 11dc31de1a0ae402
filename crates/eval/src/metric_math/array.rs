//! Arrays whose work is put off, and the work.
//!
//! What happens to each series of an array by itself is not done at once but noted, and done when the
//! series are needed: for an aggregate in one column that all series share, one after the other, so that
//! `SUM(RATE(METRICS()))` over many thousands of series makes two columns and no more; and not at all
//! for series that `FIRST` or `SLICE` leave out.

use super::running::{RepeatState, RunningState, fill_linear};
use super::value::Times;
use super::{Series, point};
use lang::metric_math::{BinaryOp, Elementwise, Running};
use std::borrow::Cow;

/// Series, and what is still to be done to each.
#[derive(Debug, Clone)]
pub(super) struct Array<'a> {
    pub(super) series: Vec<Series<'a>>,
    pub(super) steps: Vec<Step<'a>>,
}

/// The other side of an operator, or what goes into gaps.
#[derive(Debug, Clone)]
pub(super) enum Operand<'a> {
    Scalar(f64),
    Column(Cow<'a, [f64]>),
}

/// What is done to a column, whatever other columns hold.
#[derive(Debug, Clone)]
pub(super) enum Step<'a> {
    Negate,
    Elementwise(Elementwise),
    Running(Running),
    Fill(Operand<'a>),
    FillRepeat,
    FillLinear,
    /// The column stands left of the operator.
    OnLeft(BinaryOp, Operand<'a>),
    /// The column stands right of the operator.
    OnRight(Operand<'a>, BinaryOp),
}

impl Step<'_> {
    /// Changes a column of the grid.
    pub(super) fn apply(&self, times: Times<'_>, column: &mut [f64]) {
        match self {
            Self::Negate => column.iter_mut().for_each(|value| *value = point::negate(*value)),
            Self::Elementwise(function) => {
                column.iter_mut().for_each(|value| *value = point::elementwise(*function, *value));
            }
            Self::Running(function) => {
                let mut state = RunningState::new(*function);
                for (at_ms, value) in times.all().zip(column) {
                    *value = state.step(at_ms, *value);
                }
            }
            Self::Fill(Operand::Scalar(filler)) => {
                column.iter_mut().for_each(|value| *value = point::fill(*value, *filler));
            }
            Self::Fill(Operand::Column(fillers)) => {
                for (value, filler) in column.iter_mut().zip(&**fillers) {
                    *value = point::fill(*value, *filler);
                }
            }
            Self::FillRepeat => {
                let mut state = RepeatState::new();
                column.iter_mut().for_each(|value| *value = state.step(*value));
            }
            Self::FillLinear => fill_linear(column),
            Self::OnLeft(op, Operand::Scalar(right)) => point::column_scalar(*op, column, *right),
            Self::OnLeft(op, Operand::Column(right)) => point::column_column(*op, column, right),
            Self::OnRight(Operand::Scalar(left), op) => point::scalar_column(*op, *left, column),
            Self::OnRight(Operand::Column(left), op) => point::column_into_right(*op, left, column),
        }
    }
}

impl<'a> Array<'a> {
    /// An array with nothing left to do.
    pub(super) fn of(series: Vec<Series<'a>>) -> Self {
        Self { series, steps: Vec::new() }
    }

    /// Shows each column with everything done to it, made in one column that they share.
    pub(super) fn visit(&self, times: Times<'_>, see: &mut dyn FnMut(&[f64])) {
        let len = if self.steps.is_empty() { 0 } else { times.grid.len };
        let mut shared = Vec::with_capacity(len);
        for series in &self.series {
            if self.steps.is_empty() {
                see(&series.values);
                continue;
            }
            shared.clear();
            shared.extend_from_slice(&series.values);
            self.steps.iter().for_each(|step| step.apply(times, &mut shared));
            see(&shared);
        }
    }
}
