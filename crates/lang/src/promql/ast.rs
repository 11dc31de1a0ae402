//! The tree of an expression.
//!
//! What whoever walks a tree from [`parse`](super::parse) may rely on:
//!
//! - Precedence and associativity are resolved: a tree means what its shape says. Parentheses stay
//!   as nodes ([`ExprKind::Paren`]) for printing and places; [`Expr::inner`] looks through them.
//! - Types are checked ([`Expr::value_type`]): calls have the number and types of arguments of
//!   their function's [signature](super::Signature), aggregations their parameter, operators sides
//!   that they are defined for. What depends on data (label names given as strings, many-to-many
//!   matches) is not.
//! - Signs in front of a number are part of the number; every other sign is a [`Unary`].
//! - Durations are resolved to milliseconds, but for those that were written as expressions: see
//!   [`Expr::resolve_durations`].
//! - What does not depend on the step (`@`, numbers) is *not* marked; that is the evaluator's.
//! - The depth is at most [`DEPTH_MAX`](super::DEPTH_MAX), so recursion is safe.

use super::duration::DurationExpr;
use super::{Function, Matcher};
use crate::Span;

/// An expression and where it stands.
///
/// The span begins where Prometheus says that the expression begins, which is the place that its
/// annotations name: at the left side of an operator, at the opening parenthesis, at the name of
/// a function.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// The type of an expression's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// One number at each step.
    Scalar,
    /// One sample of each of many series at each step.
    Vector,
    /// Samples over a range of each of many series.
    Matrix,
    /// A text.
    String,
}

impl ValueType {
    /// Returns the type as Prometheus' documentation and messages say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
            Self::String => "string",
        }
    }
}

/// The kinds of expressions.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// A number, its signs included.
    Number(Number),
    /// A text.
    String(String),
    /// The latest sample of each series that matches.
    Vector(VectorSelector),
    /// The samples of a range of each series that matches.
    Matrix(MatrixSelector),
    /// The values of an expression at many times of a range.
    Subquery(Subquery),
    /// An expression in parentheses.
    Paren(Box<Expr>),
    /// An expression with a sign.
    Unary(Unary),
    /// Two expressions and an operator.
    Binary(Box<Binary>),
    /// Samples of many series put together.
    Aggregate(Aggregate),
    /// A function and its arguments.
    Call(Call),
}

/// A number as a literal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number {
    /// The value; of a duration, its seconds.
    pub value: f64,
    /// Written as a duration, such as `5m`; matters for printing only.
    pub duration: bool,
}

/// Which series, and how their time is moved.
///
/// Seen at an evaluation time `t`, it looks at `(at or else t) - offset_ms`, back as far as the
/// lookback delta, open at the start.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorSelector {
    /// All of them must match. The name of the metric, if it was written apart or in quotes, is a
    /// matcher of `__name__` with [`MatchOp::Eq`](super::MatchOp::Eq), the first one. At least one
    /// does not match the empty value, except in the second argument of `info()`.
    pub matchers: Vec<Matcher>,
    /// How far back to look, milliseconds; negative is ahead.
    pub offset_ms: i64,
    /// Where `offset_ms` comes from, if it was written as an expression.
    pub offset_expr: Option<Box<DurationExpr>>,
    /// The time to look from, instead of the time of the evaluation.
    pub at: Option<At>,
    /// How the ends of a range (or the instant) are made up from samples around them.
    pub ends: Ends,
}

/// How samples around the ends of a range are used.
///
/// Source: Prometheus documentation, "Feature flags", extended range selectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Ends {
    /// Samples inside, nothing else.
    #[default]
    Plain,
    /// `anchored`: the range begins with the last sample at or before its start (within the
    /// lookback delta) and no value is extrapolated. Only on ranges of plain selectors, and only
    /// as the argument of `changes`, `delta`, `increase`, `rate`, `resets`.
    Anchored,
    /// `smoothed`: values at both ends (or at the instant) are interpolated between the samples
    /// around them, within the lookback delta on either side. On an instant selector, or on a
    /// range as the argument of `delta`, `increase`, `rate`.
    Smoothed,
}

/// A vector selector over a range.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixSelector {
    /// Which series.
    pub vector: VectorSelector,
    /// Length of the range, milliseconds, above 0. The range is open at its start.
    pub range_ms: i64,
    /// Where `range_ms` comes from, if it was written as an expression.
    pub range_expr: Option<Box<DurationExpr>>,
}

/// `expr[range:step]`: an expression at the multiples of a step (since 1970) inside a range.
#[derive(Debug, Clone, PartialEq)]
pub struct Subquery {
    /// What is evaluated: a vector (Prometheus refuses scalars).
    pub expr: Box<Expr>,
    /// Length of the range, milliseconds, above 0. The range is open at its start.
    pub range_ms: i64,
    /// Where `range_ms` comes from, if it was written as an expression.
    pub range_expr: Option<Box<DurationExpr>>,
    /// Milliseconds between evaluations, above 0; `None` for the default, which the evaluator's
    /// options name.
    pub step_ms: Option<i64>,
    /// Where `step_ms` comes from, if it was written as an expression.
    pub step_expr: Option<Box<DurationExpr>>,
    /// How far back the range ends, milliseconds; negative is ahead.
    pub offset_ms: i64,
    /// Where `offset_ms` comes from, if it was written as an expression.
    pub offset_expr: Option<Box<DurationExpr>>,
    /// The time at which the range ends (before the offset), instead of the time of the
    /// evaluation.
    pub at: Option<At>,
}

/// What `@` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Milliseconds since 1970.
    Time(i64),
    /// The start of the query's range; of an instant query, its time. Also inside subqueries: the
    /// start of the whole query.
    Start,
    /// The end of the query's range; of an instant query, its time.
    End,
}

/// An expression with a sign in front; a scalar or a vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Unary {
    /// `-`; a `+` changes nothing, not even the name of the metric.
    pub negative: bool,
    /// What it stands before.
    pub expr: Box<Expr>,
}

/// Two expressions and an operator: scalars or vectors on either side.
#[derive(Debug, Clone, PartialEq)]
pub struct Binary {
    /// The operator.
    pub op: BinaryOp,
    /// Where the operator stands.
    pub op_span: Span,
    /// The left side.
    pub left: Expr,
    /// The right side.
    pub right: Expr,
    /// `bool`: a comparison that says 0 or 1 instead of leaving out. Set on every comparison of
    /// two scalars, never on other operators.
    pub returns_bool: bool,
    /// How samples find each other; there exactly if both sides are vectors.
    pub matching: Option<Matching>,
}

/// Operators with two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`, with the sign of the left side.
    Mod,
    /// `^`
    Pow,
    /// `atan2`
    Atan2,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `>`
    Gt,
    /// `<`
    Lt,
    /// `>=`
    Ge,
    /// `<=`
    Le,
    /// `</`: a native histogram without what is above a value.
    TrimUpper,
    /// `>/`: a native histogram without what is below a value.
    TrimLower,
    /// `and`: vectors only.
    And,
    /// `or`: vectors only.
    Or,
    /// `unless`: vectors only.
    Unless,
}

/// How samples of two vectors find each other.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Matching {
    /// How many on either side.
    pub cardinality: Cardinality,
    /// `on`: by `labels` alone. Else by all but `labels` and the metric's name; with no labels that
    /// is `ignoring ()`, the default.
    pub on: bool,
    /// Labels of `on` or `ignoring`, as written.
    pub labels: Vec<String>,
    /// Labels in parentheses behind `group_left` or `group_right`: taken from the "one" side.
    pub include: Vec<String>,
    /// `fill_left` (or `fill`): the value of the left side where only the right side has a sample.
    /// Never on set operators.
    pub fill_left: Option<f64>,
    /// `fill_right` (or `fill`): the value of the right side where only the left side has one.
    pub fill_right: Option<f64>,
}

/// How many samples of a side may find one of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Cardinality {
    /// One and one.
    #[default]
    OneToOne,
    /// `group_left`: many of the left side, one of the right.
    ManyToOne,
    /// `group_right`: one of the left side, many of the right.
    OneToMany,
    /// Set operators.
    ManyToMany,
}

/// Samples of many series put together.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// How.
    pub op: AggregateOp,
    /// The parameter: a scalar for `topk`, `bottomk`, `limitk`, `limit_ratio` and `quantile`, a
    /// string for `count_values`, absent for the others.
    pub param: Option<Box<Expr>>,
    /// What is put together: a vector.
    pub expr: Box<Expr>,
    /// `without`: groups are made of all labels but these and the metric's name. Else (`by`, or
    /// nothing) of these alone.
    pub without: bool,
    /// Labels as written, possibly twice; empty without a `by` or `without`.
    pub labels: Vec<String>,
}

/// Aggregations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AggregateOp {
    /// `avg`
    Avg,
    /// `bottomk`
    Bottomk,
    /// `count`
    Count,
    /// `count_values`
    CountValues,
    /// `group`
    Group,
    /// `limit_ratio` (experimental)
    LimitRatio,
    /// `limitk` (experimental)
    Limitk,
    /// `max`
    Max,
    /// `min`
    Min,
    /// `quantile`
    Quantile,
    /// `stddev`
    Stddev,
    /// `stdvar`
    Stdvar,
    /// `sum`
    Sum,
    /// `topk`
    Topk,
}

/// A function and its arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Which.
    pub function: Function,
    /// Arguments as written: those that have defaults may be absent (see
    /// [`Signature`](super::Signature)).
    pub args: Vec<Expr>,
}

impl Expr {
    /// Returns the expression inside all parentheses around it.
    pub fn inner(&self) -> &Expr {
        let mut expr = self;
        while let ExprKind::Paren(inner) = &expr.kind {
            expr = inner;
        }
        expr
    }

    /// Returns the type of the value.
    pub fn value_type(&self) -> ValueType {
        match &self.inner().kind {
            ExprKind::Number(_) => ValueType::Scalar,
            ExprKind::String(_) => ValueType::String,
            ExprKind::Vector(_) | ExprKind::Aggregate(_) => ValueType::Vector,
            ExprKind::Matrix(_) | ExprKind::Subquery(_) => ValueType::Matrix,
            ExprKind::Unary(unary) => unary.expr.value_type(),
            ExprKind::Binary(binary) => binary.value_type(),
            ExprKind::Call(call) => call.function.signature().returns,
            ExprKind::Paren(_) => unreachable!("looked through"),
        }
    }

    /// Returns the expressions that this one is made of, in the order of the text.
    pub fn children(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Number(_)
            | ExprKind::String(_)
            | ExprKind::Vector(_)
            | ExprKind::Matrix(_) => Vec::new(),
            ExprKind::Subquery(subquery) => vec![&subquery.expr],
            ExprKind::Paren(inner) => vec![inner],
            ExprKind::Unary(unary) => vec![&unary.expr],
            ExprKind::Binary(binary) => vec![&binary.left, &binary.right],
            ExprKind::Aggregate(aggregate) => {
                aggregate.param.iter().chain([&aggregate.expr]).map(|e| &**e).collect()
            }
            ExprKind::Call(call) => call.args.iter().collect(),
        }
    }

    /// Forgets every place, so that trees of different texts can be compared.
    pub fn clear_spans(&mut self) {
        self.span = Span { start: 0, end: 0 };
        let durations = match &mut self.kind {
            ExprKind::Vector(vector) => [Some(&mut vector.offset_expr), None, None],
            ExprKind::Matrix(matrix) => {
                [Some(&mut matrix.vector.offset_expr), Some(&mut matrix.range_expr), None]
            }
            ExprKind::Subquery(subquery) => [
                Some(&mut subquery.offset_expr),
                Some(&mut subquery.range_expr),
                Some(&mut subquery.step_expr),
            ],
            _ => [None, None, None],
        };
        for duration in durations.into_iter().flatten().flatten() {
            duration.clear_spans();
        }
        if let ExprKind::Binary(binary) = &mut self.kind {
            binary.op_span = self.span;
        }
        self.children_mut().into_iter().for_each(Self::clear_spans);
    }

    /// As [`Expr::children`].
    pub fn children_mut(&mut self) -> Vec<&mut Expr> {
        match &mut self.kind {
            ExprKind::Number(_)
            | ExprKind::String(_)
            | ExprKind::Vector(_)
            | ExprKind::Matrix(_) => Vec::new(),
            ExprKind::Subquery(subquery) => vec![&mut subquery.expr],
            ExprKind::Paren(inner) => vec![inner],
            ExprKind::Unary(unary) => vec![&mut unary.expr],
            ExprKind::Binary(binary) => {
                let Binary { left, right, .. } = &mut **binary;
                vec![left, right]
            }
            ExprKind::Aggregate(Aggregate { param, expr, .. }) => {
                param.iter_mut().chain([expr]).map(|e| &mut **e).collect()
            }
            ExprKind::Call(call) => call.args.iter_mut().collect(),
        }
    }
}

impl Binary {
    fn value_type(&self) -> ValueType {
        let scalar = |side: &Expr| side.value_type() == ValueType::Scalar;
        if scalar(&self.left) && scalar(&self.right) {
            ValueType::Scalar
        } else {
            ValueType::Vector
        }
    }
}

impl BinaryOp {
    /// Returns the operator as it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Pow => "^",
            Self::Atan2 => "atan2",
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Gt => ">",
            Self::Lt => "<",
            Self::Ge => ">=",
            Self::Le => "<=",
            Self::TrimUpper => "</",
            Self::TrimLower => ">/",
            Self::And => "and",
            Self::Or => "or",
            Self::Unless => "unless",
        }
    }

    /// Says whether it compares.
    pub fn compares(self) -> bool {
        matches!(self, Self::Eq | Self::Ne | Self::Gt | Self::Lt | Self::Ge | Self::Le)
    }

    /// Says whether it works on sets of series and not on their values.
    pub fn is_set(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Unless)
    }
}

impl AggregateOp {
    /// Returns the aggregation as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Avg => "avg",
            Self::Bottomk => "bottomk",
            Self::Count => "count",
            Self::CountValues => "count_values",
            Self::Group => "group",
            Self::LimitRatio => "limit_ratio",
            Self::Limitk => "limitk",
            Self::Max => "max",
            Self::Min => "min",
            Self::Quantile => "quantile",
            Self::Stddev => "stddev",
            Self::Stdvar => "stdvar",
            Self::Sum => "sum",
            Self::Topk => "topk",
        }
    }

    /// Returns the type of the parameter, for those that have one.
    pub fn param(self) -> Option<ValueType> {
        match self {
            Self::CountValues => Some(ValueType::String),
            Self::Bottomk | Self::LimitRatio | Self::Limitk | Self::Quantile | Self::Topk => {
                Some(ValueType::Scalar)
            }
            _ => None,
        }
    }
}
