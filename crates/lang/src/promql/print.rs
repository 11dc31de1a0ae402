//! Trees back to text.

use super::lexer::duration_text;
use super::text::Quoted;
use super::words::{is_bare_label, is_bare_metric};
use super::{At, Expr, ExprKind, MatchOp, Matcher, MatrixSelector, VectorSelector};
use std::fmt::{self, Display};

impl Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Number(number) if number.is_nan() => f.write_str("NaN"),
            ExprKind::Number(number) if number.is_infinite() => {
                f.write_str(if *number > 0.0 { "+Inf" } else { "-Inf" })
            }
            ExprKind::Number(number) if number.abs() < 1e15 => write!(f, "{number}"),
            ExprKind::Number(number) => write!(f, "{number:e}"),
            ExprKind::String(text) => Quoted(text).fmt(f),
            ExprKind::Vector(vector) => vector.fmt(f),
            ExprKind::Matrix(matrix) => matrix.fmt(f),
        }
    }
}

impl Display for VectorSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_with_range(f, "")
    }
}

impl Display for MatrixSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.vector.fmt_with_range(f, &format!("[{}]", duration_text(self.range_ms)))
    }
}

impl VectorSelector {
    fn fmt_with_range(&self, f: &mut fmt::Formatter<'_>, range: &str) -> fmt::Result {
        let (name, matchers) = match self.matchers.split_first() {
            Some((first, rest)) if first.names_metric() => (Some(first.value.as_str()), rest),
            _ => (None, self.matchers.as_slice()),
        };
        let mut parts: Vec<String> = matchers.iter().map(Matcher::to_string).collect();
        match name {
            // A second matcher of the name could not be read back beside a bare or quoted one.
            Some(_) if matchers.iter().any(|m| m.name == "__name__") => {
                parts.insert(0, self.matchers[0].to_string());
            }
            Some(name) if is_bare_metric(name) => f.write_str(name)?,
            Some(name) => parts.insert(0, Quoted(name).to_string()),
            None => {}
        }
        if !parts.is_empty() {
            write!(f, "{{{}}}", parts.join(","))?;
        }
        f.write_str(range)?;
        match self.at {
            Some(At::Time(ms)) => {
                let sign = if ms < 0 { "-" } else { "" };
                let ms = ms.unsigned_abs();
                write!(f, " @ {sign}{}.{:03}", ms / 1_000, ms % 1_000)?;
            }
            Some(At::Start) => f.write_str(" @ start()")?,
            Some(At::End) => f.write_str(" @ end()")?,
            None => {}
        }
        if self.offset_ms != 0 {
            write!(f, " offset {}", duration_text(self.offset_ms))?;
        }
        Ok(())
    }
}

impl Matcher {
    fn names_metric(&self) -> bool {
        self.name == "__name__" && self.op == MatchOp::Eq && !self.value.is_empty()
    }
}

impl Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_bare_label(&self.name) {
            f.write_str(&self.name)?;
        } else {
            Quoted(&self.name).fmt(f)?;
        }
        write!(f, "{}{}", self.op.symbol(), Quoted(&self.value))
    }
}
