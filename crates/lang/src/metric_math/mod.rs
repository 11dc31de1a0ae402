//! CloudWatch metric math: text to a tree, types before anything runs, and mistakes with places.
//!
//! [`parse`] reads an expression and reports every mistake of its form: unknown functions, counts and
//! keywords of arguments, what is not served yet. [`check`] then says what the expression is - a time
//! series or an array of them - or where its types do not fit. [`Expr::needs`] names what it asks for:
//! ids, searches, `METRICS()` and `PERIOD()`, each with its place, so that the caller can order the
//! expressions of a request and fetch their data. What a tree means is said elsewhere.
//!
//! How tightly operators bind, loosest first: `OR`, `AND`, comparisons, `+ -`, `* /`, unary `-`, `^`.
//! All of them group from the left but `^`, which groups from the right.
//!
//! Source: Amazon CloudWatch User Guide, "Using metric math". It is silent on how tightly operators
//! bind; what was chosen there and elsewhere stands in
//! `docs/decisions/2026-11-21-metric-math-where-the-documentation-is-silent.md`.
//!
//! ```
//! use lang::metric_math::{self, IdKind, Type};
//!
//! let expr = metric_math::parse("100 * errors / SUM([errors, ok])").unwrap();
//! let ids: Vec<&str> = expr.needs().ids.iter().map(|id| id.name).collect();
//! assert_eq!(ids, ["errors", "errors", "ok"]);
//!
//! let ids = [("errors", IdKind::Metric), ("ok", IdKind::Metric)];
//! assert_eq!(metric_math::check(&expr, &ids[..]), Ok(Type::Series));
//! ```

mod arguments;
mod ast;
mod check;
mod function;
mod lexer;
mod nearest;
mod needs;
mod operator;
mod parser;
mod print;
mod types;

pub use ast::{Expr, ExprKind, Fill, Link, Search, SortBy, SortOrder};
pub use check::check;
pub use function::{Aggregate, Calendar, Elementwise, Function, Running};
pub use needs::{IdUse, MetricsUse, Needs};
pub use operator::BinaryOp;
pub use parser::{ParseLimits, parse, parse_within};
pub use types::{IdKind, Ids, Type};
