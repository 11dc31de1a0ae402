//! Durations: literals, and expressions of them.

use super::modifiers::Duration;
use super::{Parsed, Parser, mistake, too_deep};
use crate::promql::duration::{DurationExpr, DurationKind, DurationOp, QueryTimes};
use crate::promql::lexer::TokenKind;
use crate::promql::{DEPTH_MAX, words};

/// A duration expression, and how many levels it has.
type Level = (DurationExpr, usize);

fn precedence(op: DurationOp) -> u8 {
    match op {
        DurationOp::Add | DurationOp::Sub => 1,
        DurationOp::Mul | DurationOp::Div | DurationOp::Mod => 2,
        DurationOp::Pow => 3,
        DurationOp::Min | DurationOp::Max => unreachable!("functions have no precedence"),
    }
}

impl Parser<'_> {
    /// Reads a duration in brackets; it must be above 0 as far as that is known yet.
    pub(super) fn positive_duration(&mut self, context: &str) -> Parsed<Duration> {
        let (expr, _) = self.duration(0, context)?;
        let span = expr.span;
        let duration = fixed(expr)?;
        let known = duration.1.as_ref().is_none_or(|expr| !expr.depends_on_query());
        if known && duration.0 <= 0 {
            return Err(mistake(span, "duration must be greater than 0"));
        }
        Ok(duration)
    }

    /// Reads the duration of an offset: a literal, `step()`, `range()`, or an expression in
    /// parentheses, each with or without a sign. Operators behind it are the query's.
    pub(super) fn offset(&mut self) -> Parsed<Duration> {
        let (expr, _) = self.duration_operand(" in offset")?;
        fixed(expr)
    }

    fn duration(&mut self, above: u8, context: &str) -> Parsed<Level> {
        let (mut left, mut height) = self.duration_operand(context)?;
        loop {
            let op = match self.peek() {
                TokenKind::Sign("+") => DurationOp::Add,
                TokenKind::Sign("-") => DurationOp::Sub,
                TokenKind::Sign("*") => DurationOp::Mul,
                TokenKind::Sign("/") => DurationOp::Div,
                TokenKind::Sign("%") => DurationOp::Mod,
                TokenKind::Sign("^") => DurationOp::Pow,
                _ => return Ok((left, height)),
            };
            if precedence(op) <= above {
                return Ok((left, height));
            }
            self.advance();
            let closer = precedence(op) - u8::from(op == DurationOp::Pow);
            let (right, right_height) = self.deeper(|p| p.duration(closer, context))?;
            (left, height) = binary(op, (left, height), (right, right_height))?;
        }
    }

    fn duration_operand(&mut self, context: &str) -> Parsed<Level> {
        let start = self.span();
        let negative = self.next_is("-");
        if negative || self.next_is("+") {
            self.advance();
            // As in expressions, a sign binds less close than `^`.
            let (inner, height) = match context {
                " in offset" => self.deeper(|p| p.duration_operand(context))?,
                _ => self.deeper(|p| p.duration(2, context))?,
            };
            let span = start.to(inner.span);
            let kind = match inner.kind {
                DurationKind::Number(value, duration) => {
                    DurationKind::Number(if negative { -value } else { value }, duration)
                }
                _ if negative => DurationKind::Negated(Box::new(inner)),
                kind => return Ok((DurationExpr { kind, span }, height)),
            };
            return Ok((DurationExpr { kind, span }, height + 1));
        }
        let kind = match self.peek() {
            TokenKind::Duration(ms) => DurationKind::Number(*ms as f64 / 1_000.0, true),
            TokenKind::Number(value) => DurationKind::Number(*value, false),
            TokenKind::Sign("(") => {
                self.advance();
                let (inner, height) = self.deeper(|p| p.duration(0, " in duration expression"))?;
                let span = start.to(self.expect(")", " in duration expression")?);
                let kind = DurationKind::Paren(Box::new(inner));
                return Ok((DurationExpr { kind, span }, height + 1));
            }
            TokenKind::Word if words::number(self.word()).is_some() => {
                DurationKind::Number(words::number(self.word()).unwrap_or_default(), false)
            }
            TokenKind::Word => return self.duration_call(context),
            _ => return Err(self.unexpected(context, Some("number or duration"))),
        };
        self.advance();
        Ok((DurationExpr { kind, span: start }, 1))
    }

    /// Reads `step()`, `range()`, `min(..)` or `max(..)`.
    fn duration_call(&mut self, context: &str) -> Parsed<Level> {
        let word = self.word().to_ascii_lowercase();
        let op = match word.as_str() {
            "step" | "range" => None,
            "min" | "min_of" => Some(DurationOp::Min),
            "max" | "max_of" => Some(DurationOp::Max),
            _ => return Err(self.unexpected(context, Some("number or duration"))),
        };
        let start = self.advance();
        self.expect("(", " in duration expression")?;
        let Some(op) = op else {
            let span = start.to(self.expect(")", " in duration expression")?);
            let kind = if word == "step" { DurationKind::Step } else { DurationKind::Range };
            return Ok((DurationExpr { kind, span }, 1));
        };
        let left = self.deeper(|p| p.duration(0, " in duration expression"))?;
        self.expect(",", " in duration expression")?;
        let right = self.deeper(|p| p.duration(0, " in duration expression"))?;
        let span = start.to(self.expect(")", " in duration expression")?);
        let (mut expr, height) = binary(op, left, right)?;
        expr.span = span;
        Ok((expr, height))
    }
}

fn binary(op: DurationOp, left: Level, right: Level) -> Parsed<Level> {
    let span = left.0.span.to(right.0.span);
    let height = left.1.max(right.1) + 1;
    if height > DEPTH_MAX {
        return Err(too_deep(span));
    }
    let kind = DurationKind::Binary(op, Box::new(left.0), Box::new(right.0));
    Ok((DurationExpr { kind, span }, height))
}

/// Takes a literal as its milliseconds, and everything else as an expression, evaluated for an
/// instant query, so that mistakes that no query's times mend are found here.
fn fixed(expr: DurationExpr) -> Parsed<Duration> {
    let ms = match expr.ms(QueryTimes::default()) {
        Ok(ms) => ms,
        // `1h / step()` is sound in a range query.
        Err(_) if expr.depends_on_query() => 0,
        Err(mistake) => return Err(Box::new(mistake)),
    };
    match expr.kind {
        DurationKind::Number(..) => Ok((ms, None)),
        _ => Ok((ms, Some(Box::new(expr)))),
    }
}
