//! Trees back to text.

use super::operator::NEGATE_RANK;
use super::{BinaryOp, Expr, ExprKind, Fill, Link, SortOrder};
use std::fmt::{self, Display};

impl Display for Expr {
    /// Writes the expression so that it reads back to the same tree, with parentheses only where the
    /// tree needs them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Number(number) => Number(*number).fmt(f),
            ExprKind::Id(id) => f.write_str(id),
            ExprKind::Negate(inner) => write!(f, "-{}", Ranked(inner, NEGATE_RANK)),
            ExprKind::Chain { first, rest } => chain(f, first, rest),
            ExprKind::List(elements) => {
                f.write_str("[")?;
                separated(f, elements)?;
                f.write_str("]")
            }
            ExprKind::Call(function, argument) => write!(f, "{}({argument})", function.name()),
            ExprKind::If { condition, then, otherwise } => {
                write!(f, "IF({condition}, {then}")?;
                optional(f, otherwise.as_deref())
            }
            ExprKind::Fill { series, with } => match with {
                Fill::Repeat => write!(f, "FILL({series}, REPEAT)"),
                Fill::Linear => write!(f, "FILL({series}, LINEAR)"),
                Fill::With(with) => write!(f, "FILL({series}, {with})"),
            },
            ExprKind::Slice { array, start, end } => {
                write!(f, "SLICE({array}, {start}")?;
                optional(f, end.as_deref())
            }
            ExprKind::Sort { array, by, order, limit } => {
                let order = match order {
                    SortOrder::Ascending => "ASC",
                    SortOrder::Descending => "DESC",
                };
                write!(f, "SORT({array}, {}, {order}", by.name())?;
                optional(f, limit.as_deref())
            }
            ExprKind::Period { id, .. } => write!(f, "PERIOD({id})"),
            ExprKind::Metrics(None) => f.write_str("METRICS()"),
            ExprKind::Metrics(Some(containing)) => write!(f, "METRICS({})", Quoted(containing)),
            ExprKind::Search(search) => {
                write!(f, "SEARCH({}, {}", Quoted(&search.text), Quoted(&search.stat))?;
                match search.period_s {
                    Some(period_s) => write!(f, ", {period_s})"),
                    None => f.write_str(")"),
                }
            }
        }
    }
}

fn chain(f: &mut fmt::Formatter<'_>, first: &Expr, rest: &[Link]) -> fmt::Result {
    let rank = rest.first().map_or(0, |link| link.op.rank());
    // A chain of the same rank on the left was in parentheses, or it would be one chain.
    Ranked(first, rank + 1).fmt(f)?;
    for link in rest {
        let power = link.op == BinaryOp::Power;
        // Right of a power, a sign and another power need no parentheses.
        let right = Ranked(&link.right, if power { NEGATE_RANK } else { rank + 1 });
        write!(f, " {} {right}", link.op.symbol())?;
    }
    Ok(())
}

/// An expression where something of at least this rank may stand without parentheses.
struct Ranked<'e>(&'e Expr, u8);

impl Display for Ranked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rank = match &self.0.kind {
            ExprKind::Chain { rest, .. } => rest.first().map_or(0, |link| link.op.rank()),
            ExprKind::Negate(_) => NEGATE_RANK,
            _ => u8::MAX,
        };
        if rank < self.1 { write!(f, "({})", self.0) } else { self.0.fmt(f) }
    }
}

fn separated(f: &mut fmt::Formatter<'_>, elements: &[Expr]) -> fmt::Result {
    for (n, element) in elements.iter().enumerate() {
        f.write_str(if n == 0 { "" } else { ", " })?;
        element.fmt(f)?;
    }
    Ok(())
}

/// Writes the last argument, if there is one, and closes the call.
fn optional(f: &mut fmt::Formatter<'_>, argument: Option<&Expr>) -> fmt::Result {
    match argument {
        Some(argument) => write!(f, ", {argument})"),
        None => f.write_str(")"),
    }
}

struct Number(f64);

impl Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.abs();
        if size == 0.0 || (1e-6..1e15).contains(&size) {
            write!(f, "{}", self.0)
        } else {
            write!(f, "{:e}", self.0)
        }
    }
}

/// Shows a text in the quotes that it does not hold; if it holds both, with backslashes.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = if self.0.contains('\'') && !self.0.contains('"') { '"' } else { '\'' };
        write!(f, "{quote}")?;
        for c in self.0.chars() {
            if c == quote {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        write!(f, "{quote}")
    }
}
