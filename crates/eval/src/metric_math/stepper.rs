//! The driver of one step at a time.
//!
//! An expression becomes a list of instructions, each of which makes one point of what earlier ones
//! made. The state that has to be carried - the point before, the sum so far - is inside its
//! instruction. Arrays have a fixed number of series, known when the stepper is made, so they become
//! one instruction for each series. All computing is in the functions of points and states that the
//! driver over a grid uses too.

use super::choose::{Branch, choose};
use super::compile::compile;
use super::running::{RepeatState, RunningState};
use super::{calendar, fold, point};
use lang::Span;
use lang::metric_math::{Aggregate, BinaryOp, Calendar, Elementwise, Expr};

/// Where the points of an expression stand in what [`Stepper::step`] is given.
pub trait StepInputs {
    /// Says where the points of an id are; none when there is no such id.
    fn slots(&self, id: &str) -> Option<Slots>;

    /// Returns the slots of the metrics of the request, in its order; with a text, of those whose id
    /// contains it.
    fn metrics(&self, containing: Option<&str>) -> Vec<usize>;

    /// Returns the period of a metric of the request, in seconds.
    fn period_s(&self, id: &str) -> Option<u32>;
}

/// The points of an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slots {
    /// A series: one slot.
    Series(usize),
    /// An array of this many series: a slot for each.
    Array(Vec<usize>),
}

/// Why an expression cannot be stepped. The driver over a grid computes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct NotSteppable {
    /// The part that cannot.
    pub span: Span,
    /// Why.
    pub reason: String,
}

/// An expression that is computed point by point, with carried state.
///
/// What it gives at each time of a grid equals what [`evaluate`](super::evaluate) gives there over a
/// grid that begins where the stepping began. Functions with a memory ([`Stepper::has_memory`]) so see
/// further back than a window that is evaluated anew each time: a clone taken between two steps goes
/// on from there.
#[derive(Debug, Clone)]
pub struct Stepper {
    /// In an order in which each uses earlier ones only.
    instructions: Vec<Instruction>,
    /// What each instruction made last.
    points: Vec<f64>,
    /// The instructions that make the result, one for each series of it.
    outputs: Vec<usize>,
    results: Vec<f64>,
    last_ms: Option<i64>,
}

impl Stepper {
    /// Makes a stepper of an expression that [`lang::metric_math::check`] accepted.
    ///
    /// # Errors
    /// When a part of it needs points that are still to come (`LINEAR`), all points at once (an
    /// aggregate of a series, `SORT`, `REMOVE_EMPTY`), series that are not known beforehand
    /// (`SEARCH`), or more than `instructions_max` instructions.
    pub fn new(
        expr: &Expr,
        inputs: &dyn StepInputs,
        instructions_max: usize,
    ) -> Result<Self, NotSteppable> {
        let (instructions, outputs) = compile(expr, inputs, instructions_max)?;
        let points = vec![f64::NAN; instructions.len()];
        let results = vec![f64::NAN; outputs.len()];
        Ok(Self { instructions, points, outputs, results, last_ms: None })
    }

    /// Takes the points of one time, by slot, NaN for none; returns the result there: one point for
    /// each series of it, NaN for none.
    ///
    /// Steps go along the grid of the expression, one for each of its times, those without any point
    /// too.
    ///
    /// # Panics
    /// When the time is not after that of the step before, or a slot is not among the points.
    pub fn step(&mut self, at_ms: i64, points: &[f64]) -> &[f64] {
        assert!(self.last_ms.is_none_or(|last_ms| at_ms > last_ms), "steps go forward in time");
        self.last_ms = Some(at_ms);
        for (n, instruction) in self.instructions.iter_mut().enumerate() {
            let (before, now) = self.points.split_at_mut(n);
            now[0] = instruction.run(at_ms, points, before);
        }
        for (result, output) in self.results.iter_mut().zip(&self.outputs) {
            *result = self.points[*output];
        }
        &self.results
    }

    /// Says whether a result depends on earlier steps. Without, a late point is answered by stepping
    /// its time alone in a fresh clone.
    pub fn has_memory(&self) -> bool {
        let memory =
            |i: &Instruction| matches!(i, Instruction::Running(..) | Instruction::Repeat(..));
        self.instructions.iter().any(memory)
    }
}

/// A branch of `IF` as instructions have it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Source {
    Scalar(f64),
    Point(usize),
    Omitted,
}

/// Makes one point of the inputs and of the points that earlier instructions made, by their places.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Instruction {
    Input(usize),
    Constant(f64),
    Negate(usize),
    PointPoint(BinaryOp, usize, usize),
    PointScalar(BinaryOp, usize, f64),
    ScalarPoint(BinaryOp, f64, usize),
    Elementwise(Elementwise, usize),
    Running(RunningState, usize),
    Repeat(RepeatState, usize),
    FillScalar(usize, f64),
    FillPoint(usize, usize),
    Fold(Aggregate, Vec<usize>),
    Calendar(Calendar),
    Choose { condition: usize, then: Source, otherwise: Source },
}

impl Instruction {
    fn run(&mut self, at_ms: i64, inputs: &[f64], before: &[f64]) -> f64 {
        match self {
            Self::Input(slot) => inputs[*slot],
            Self::Constant(value) => *value,
            Self::Negate(a) => point::negate(before[*a]),
            Self::PointPoint(op, a, b) => point::points(*op, before[*a], before[*b]),
            Self::PointScalar(op, a, b) => point::scalar(*op, before[*a], *b),
            Self::ScalarPoint(op, a, b) => point::scalar(*op, *a, before[*b]),
            Self::Elementwise(function, a) => point::elementwise(*function, before[*a]),
            Self::Running(state, a) => state.step(at_ms, before[*a]),
            Self::Repeat(state, a) => state.step(before[*a]),
            Self::FillScalar(a, filler) => point::fill(before[*a], *filler),
            Self::FillPoint(a, filler) => point::fill(before[*a], before[*filler]),
            Self::Fold(aggregate, all) => {
                fold::over_series(*aggregate, all.iter().map(|n| before[*n]))
            }
            Self::Calendar(part) => calendar::part(*part, at_ms),
            Self::Choose { condition, then, otherwise } => {
                let branch = |source: &Source| match source {
                    Source::Scalar(value) => Branch::Scalar(*value),
                    Source::Point(n) => Branch::Point(before[*n]),
                    Source::Omitted => Branch::Omitted,
                };
                choose(before[*condition], branch(then), branch(otherwise))
            }
        }
    }
}
