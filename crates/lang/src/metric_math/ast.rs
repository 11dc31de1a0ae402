//! The tree of an expression.

use super::{Aggregate, BinaryOp, Function};
use crate::Span;

/// An expression and where it stands. Parentheses around it leave no trace, not even in its span.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of expressions. The arguments that are words or texts are read by the parser, so that a
/// tree holds no call that has no meaning but by the types of its parts.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// A number.
    Number(f64),
    /// The result of another query of the request.
    Id(String),
    /// `-x`.
    Negate(Box<Expr>),
    /// Operators of one rank, from left to right: `a + b - c`. Flat, so that a long sum nests no
    /// deeper than a short one.
    Chain {
        /// What stands first.
        first: Box<Expr>,
        /// The operators and what is right of them, at least one. `^` has exactly one.
        rest: Vec<Link>,
    },
    /// `[a, b]`: one array of all series of its elements; arrays in it are laid out flat.
    List(Vec<Expr>),
    /// A function of one argument.
    Call(Function, Box<Expr>),
    /// `IF(condition, then)` and `IF(condition, then, otherwise)`.
    If {
        /// False where it is 0.
        condition: Box<Expr>,
        /// What holds where it is true.
        then: Box<Expr>,
        /// What holds where it is false.
        otherwise: Option<Box<Expr>>,
    },
    /// `FILL(series, with)`.
    Fill {
        /// What has gaps.
        series: Box<Expr>,
        /// What goes into them.
        with: Fill,
    },
    /// `SLICE(array, start)` and `SLICE(array, start, end)`, counted from 0, without the end.
    Slice {
        /// The array.
        array: Box<Expr>,
        /// The first one taken.
        start: Box<Expr>,
        /// The first one not taken.
        end: Option<Box<Expr>>,
    },
    /// `SORT(array, by, order)` and `SORT(array, by, order, limit)`.
    Sort {
        /// The array.
        array: Box<Expr>,
        /// By what.
        by: SortBy,
        /// In which direction.
        order: SortOrder,
        /// How many are taken, from the start.
        limit: Option<Box<Expr>>,
    },
    /// `PERIOD(id)`, seconds.
    Period {
        /// The id of a metric of the request.
        id: String,
        /// Where the id stands.
        id_span: Span,
    },
    /// `METRICS()`, or `METRICS("text")`: the metrics of the request whose id contains the text.
    Metrics(Option<String>),
    /// `SEARCH('expression', 'Statistic'[, period])`.
    Search(Search),
}

/// An operator of a chain and what is right of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// The operator.
    pub op: BinaryOp,
    /// Where the operator stands.
    pub op_span: Span,
    /// What is right of it.
    pub right: Expr,
}

/// What `FILL` puts into gaps.
#[derive(Debug, Clone, PartialEq)]
pub enum Fill {
    /// The value before the gap.
    Repeat,
    /// A straight line from the value before the gap to the one behind it.
    Linear,
    /// A scalar, or the values of another series at the same times.
    With(Box<Expr>),
}

/// What `SORT` compares: an aggregate of all points of each series.
pub type SortBy = Aggregate;

/// The direction of `SORT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortOrder {
    /// `ASC`: the lowest first.
    Ascending,
    /// `DESC`: the highest first.
    Descending,
}

/// A call of `SEARCH`. Its text is a language of its own, which is read elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// Which call of `SEARCH` of the expression it is, counted from 0 in the order of the text.
    pub index: usize,
    /// The search expression, without its quotes.
    pub text: String,
    /// Where it stands, without its quotes. Offsets in `text` are offsets in here as long as no quote
    /// in it is escaped.
    pub text_span: Span,
    /// The statistic.
    pub stat: String,
    /// Where it stands, without its quotes.
    pub stat_span: Span,
    /// The period in seconds, at least 1; none leaves it to the request.
    pub period_s: Option<u32>,
}
