//! Durations that are written as expressions: `[2 * step()]`, `offset (1h / 2)`.
//!
//! Source: Prometheus documentation, "Feature flags", arithmetic expressions in time durations.

use super::{Expr, ExprKind, VectorSelector};
use crate::{Diagnostic, Span};

/// A duration as an expression; its value is in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct DurationExpr {
    /// What it is.
    pub kind: DurationKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of duration expressions.
#[derive(Debug, Clone, PartialEq)]
pub enum DurationKind {
    /// Seconds; `true` if written as a duration, such as `5m`.
    Number(f64, bool),
    /// `step()`: the step of the query; 0 for an instant query.
    Step,
    /// `range()`: the end of the query less its start; 0 for an instant query.
    Range,
    /// `-` in front; a `+` leaves no trace.
    Negated(Box<DurationExpr>),
    /// In parentheses.
    Paren(Box<DurationExpr>),
    /// Two, and what is done with them.
    Binary(DurationOp, Box<DurationExpr>, Box<DurationExpr>),
}

/// What is done with two durations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DurationOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Mod,
    /// `^`
    Pow,
    /// `min(a, b)` or `min_of(a, b)`
    Min,
    /// `max(a, b)` or `max_of(a, b)`
    Max,
}

impl DurationOp {
    /// Returns the operator, or the function's name, as it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Pow => "^",
            Self::Min => "min",
            Self::Max => "max",
        }
    }
}

/// What durations are resolved with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueryTimes {
    /// Milliseconds between the steps of the query; 0 for an instant query.
    pub step_ms: i64,
    /// The end of the query less its start, milliseconds; 0 for an instant query.
    pub range_ms: i64,
}

impl DurationExpr {
    /// Returns the value in seconds.
    ///
    /// # Errors
    /// A division by zero.
    pub fn seconds(&self, times: QueryTimes) -> Result<f64, Diagnostic> {
        Ok(match &self.kind {
            DurationKind::Number(seconds, _) => *seconds,
            DurationKind::Step => times.step_ms as f64 / 1_000.0,
            DurationKind::Range => times.range_ms as f64 / 1_000.0,
            DurationKind::Negated(inner) => -inner.seconds(times)?,
            DurationKind::Paren(inner) => inner.seconds(times)?,
            DurationKind::Binary(op, left, right) => {
                let (a, b) = (left.seconds(times)?, right.seconds(times)?);
                match op {
                    DurationOp::Add => a + b,
                    DurationOp::Sub => a - b,
                    DurationOp::Mul => a * b,
                    DurationOp::Div if b == 0.0 => {
                        return Err(Diagnostic::new(self.span, "division by zero"));
                    }
                    DurationOp::Div => a / b,
                    DurationOp::Mod if b == 0.0 => {
                        return Err(Diagnostic::new(self.span, "modulo by zero"));
                    }
                    DurationOp::Mod => a % b,
                    DurationOp::Pow => a.powf(b),
                    DurationOp::Min => a.min(b),
                    DurationOp::Max => a.max(b),
                }
            }
        })
    }

    /// Returns the value in milliseconds.
    ///
    /// # Errors
    /// A division by zero; a value beyond what 64 bits of milliseconds hold.
    pub fn ms(&self, times: QueryTimes) -> Result<i64, Diagnostic> {
        seconds_to_ms(self.seconds(times)?)
            .ok_or_else(|| Diagnostic::new(self.span, "duration out of range"))
    }

    /// Says whether the value depends on the times of the query.
    pub fn depends_on_query(&self) -> bool {
        match &self.kind {
            DurationKind::Number(..) => false,
            DurationKind::Step | DurationKind::Range => true,
            DurationKind::Negated(inner) | DurationKind::Paren(inner) => inner.depends_on_query(),
            DurationKind::Binary(_, left, right) => {
                left.depends_on_query() || right.depends_on_query()
            }
        }
    }

    pub(super) fn clear_spans(&mut self) {
        self.span = Span { start: 0, end: 0 };
        match &mut self.kind {
            DurationKind::Negated(inner) | DurationKind::Paren(inner) => inner.clear_spans(),
            DurationKind::Binary(_, left, right) => {
                left.clear_spans();
                right.clear_spans();
            }
            DurationKind::Number(..) | DurationKind::Step | DurationKind::Range => {}
        }
    }

    fn positive_ms(&self, times: QueryTimes) -> Result<i64, Diagnostic> {
        match self.ms(times)? {
            ms if ms > 0 => Ok(ms),
            _ => Err(Diagnostic::new(self.span, "duration must be greater than 0")),
        }
    }
}

pub(super) fn seconds_to_ms(seconds: f64) -> Option<i64> {
    // The largest i64 is no double; 2^63 is the first one above it.
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    let ms = (seconds * 1_000.0).round();
    #[expect(clippy::cast_possible_truncation, reason = "checked to be within the bounds")]
    let within = (ms.abs() < BOUND).then_some(ms as i64);
    within
}

impl Expr {
    /// Gives the durations that were written as expressions (`offset_expr`, `range_expr`,
    /// `step_expr`) their milliseconds. To be called once before an evaluation; the fields in
    /// milliseconds mean nothing before it where there is an expression.
    ///
    /// # Errors
    /// A range or step that is not above 0, a division by zero, an overflow; with the place.
    pub fn resolve_durations(&mut self, times: QueryTimes) -> Result<(), Diagnostic> {
        match &mut self.kind {
            ExprKind::Vector(vector) => vector.resolve(times)?,
            ExprKind::Matrix(matrix) => {
                matrix.vector.resolve(times)?;
                if let Some(range) = &matrix.range_expr {
                    matrix.range_ms = range.positive_ms(times)?;
                }
            }
            ExprKind::Subquery(subquery) => {
                if let Some(range) = &subquery.range_expr {
                    subquery.range_ms = range.positive_ms(times)?;
                }
                if let Some(step) = &subquery.step_expr {
                    subquery.step_ms = Some(step.positive_ms(times)?);
                }
                if let Some(offset) = &subquery.offset_expr {
                    subquery.offset_ms = offset.ms(times)?;
                }
            }
            _ => {}
        }
        for child in self.children_mut() {
            child.resolve_durations(times)?;
        }
        Ok(())
    }
}

impl VectorSelector {
    fn resolve(&mut self, times: QueryTimes) -> Result<(), Diagnostic> {
        if let Some(offset) = &self.offset_expr {
            self.offset_ms = offset.ms(times)?;
        }
        Ok(())
    }
}
