//! Trees as a text of several lines, where one would be too long.
//!
//! The layout is that of Prometheus' `format_query`: operators stand on lines of their own between
//! their sides, arguments each on theirs, two blanks deeper.

use super::{Expr, ExprKind};
use std::fmt::Write as _;

impl Expr {
    /// Shows the expression; what would be longer than `width` bytes is split over lines. The text
    /// reads back to the same tree.
    pub fn pretty(&self, width: usize) -> String {
        let mut out = String::new();
        write(self, width, 0, &mut out);
        out
    }
}

fn write(expr: &Expr, width: usize, level: usize, out: &mut String) {
    let line = expr.to_string();
    let indent = "  ".repeat(level);
    if line.len() <= width {
        let _ = write!(out, "{indent}{line}");
        return;
    }
    match &expr.kind {
        ExprKind::Paren(inner) => inside(&format!("{indent}("), [&**inner], width, level, out),
        // Its second argument is not shown as the expression that it looks like.
        ExprKind::Call(call) if call.labels_to_add(1).is_some() => {
            let _ = write!(out, "{indent}{line}");
        }
        ExprKind::Call(call) => {
            let head = format!("{indent}{}(", call.function.name());
            inside(&head, &call.args, width, level, out);
        }
        ExprKind::Aggregate(aggregate) => {
            let head = format!("{indent}{}(", aggregate.head());
            let args = aggregate.param.iter().chain([&aggregate.expr]).map(|arg| &**arg);
            inside(&head, args, width, level, out);
        }
        ExprKind::Binary(binary) => {
            write(&binary.left, width, level + 1, out);
            let _ = writeln!(out, "\n{indent}{}", binary.operator());
            write(&binary.right, width, level + 1, out);
        }
        ExprKind::Subquery(subquery) => {
            write(&subquery.expr, width, level, out);
            out.push_str(&subquery.suffix());
        }
        ExprKind::Unary(unary) => {
            let mut inner = String::new();
            write(&unary.expr, width, level, &mut inner);
            let sign = if unary.negative { '-' } else { '+' };
            let _ = write!(out, "{indent}{sign}{}", inner.trim_start());
        }
        ExprKind::Number(_) | ExprKind::String(_) | ExprKind::Vector(_) | ExprKind::Matrix(_) => {
            let _ = write!(out, "{indent}{line}");
        }
    }
}

/// Writes arguments between a head with its opening parenthesis and the closing one.
fn inside<'e>(
    head: &str,
    args: impl IntoIterator<Item = &'e Expr>,
    width: usize,
    level: usize,
    out: &mut String,
) {
    out.push_str(head);
    for (n, arg) in args.into_iter().enumerate() {
        out.push_str(if n == 0 { "\n" } else { ",\n" });
        write(arg, width, level + 1, out);
    }
    let _ = write!(out, "\n{})", "  ".repeat(level));
}
