//! The tree of an expression.

use super::Matcher;
use crate::Span;

/// An expression and where it stands. Parentheses leave no trace but in the span.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of expressions.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// A number; a duration is its seconds.
    Number(f64),
    /// A text.
    String(String),
    /// The latest sample of each series that matches.
    Vector(VectorSelector),
    /// The samples of a range of each series that matches.
    Matrix(MatrixSelector),
}

/// Which series, and how their time is moved.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorSelector {
    /// All of them must match. The name of the metric is a matcher of `__name__`, the first one.
    pub matchers: Vec<Matcher>,
    /// How far back to look, milliseconds; negative is ahead.
    pub offset_ms: i64,
    /// The time to look from, instead of the time of the evaluation.
    pub at: Option<At>,
}

/// A vector selector over a range.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixSelector {
    /// Which series.
    pub vector: VectorSelector,
    /// Length of the range, milliseconds, above 0. The range is open at its start.
    pub range_ms: i64,
}

/// What `@` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Milliseconds since 1970.
    Time(i64),
    /// The start of the query's range; of an instant query, its time.
    Start,
    /// The end of the query's range; of an instant query, its time.
    End,
}
