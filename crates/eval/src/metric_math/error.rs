//! Why an expression has no value, and the limits of its size.

use lang::Span;

/// How much one evaluation may make. What the caller's inputs hold is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvalLimits {
    /// Series in one array.
    pub series_max: usize,
    /// Points of all columns that are made, in total; each costs eight bytes.
    pub points_max: usize,
    /// Points that are computed, in total: one for each time and each thing that is done to it. A
    /// thousand million take some seconds.
    pub work_max: u64,
}

impl Default for EvalLimits {
    fn default() -> Self {
        Self { series_max: 1_000_000, points_max: 100_000_000, work_max: 2_000_000_000 }
    }
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// An array has more series than the limit allows.
    #[error("array of {series} series, the limit is {series_max}")]
    Series {
        /// Which part of the text makes it.
        span: Span,
        /// Its series.
        series: usize,
        /// The limit.
        series_max: usize,
    },
    /// More points are made than the limit allows.
    #[error("expression makes more than {points_max} points, the limit")]
    Points {
        /// Which part of the text passed the limit.
        span: Span,
        /// The limit.
        points_max: usize,
    },
    /// More is computed than the limit allows.
    #[error("expression computes more than {work_max} points, the limit")]
    Work {
        /// Which part of the text passed the limit.
        span: Span,
        /// The limit.
        work_max: u64,
    },
    /// Two arrays that stand on both sides of an operator have different lengths.
    #[error("operator {op} between arrays of {left} and {right} series, expected the same number")]
    Lengths {
        /// The operator.
        span: Span,
        /// How it is written.
        op: &'static str,
        /// Series on its left.
        left: usize,
        /// Series on its right.
        right: usize,
    },
    /// The inputs do not know an id.
    #[error("no data for the id {id}")]
    UnknownId {
        /// Where it stands.
        span: Span,
        /// The id.
        id: String,
    },
    /// A part is not of the type that its place needs: the expression was not checked, or not
    /// with these inputs.
    #[error("a part of the expression has a type that was not expected here")]
    Unchecked {
        /// The part.
        span: Span,
    },
}

impl EvalError {
    /// Returns the place in the text.
    pub fn span(&self) -> Span {
        match self {
            Self::Series { span, .. }
            | Self::Points { span, .. }
            | Self::Work { span, .. }
            | Self::Lengths { span, .. }
            | Self::UnknownId { span, .. }
            | Self::Unchecked { span } => *span,
        }
    }
}
