//! PromQL: the language of Prometheus, with its experimental parts.
//!
//! [`parse`] makes a tree of a text, with places and checked types, or says everything that is
//! wrong with it; [`Expr`] shows itself as a text that reads back to the same tree.
//!
//! Sources: Prometheus documentation, "Querying basics", "Operators", "Query functions" and
//! "Feature flags" (3.14).

mod anchored;
mod ast;
mod check;
mod duration;
mod error;
mod function;
mod lexer;
mod matcher;
mod parser;
mod pretty;
mod print;
mod re2;
mod text;
mod words;

pub use anchored::AnchoredRegex;
pub use ast::{
    Aggregate, AggregateOp, At, Binary, BinaryOp, Call, Cardinality, Ends, Expr, ExprKind,
    Matching, MatrixSelector, Number, Subquery, Unary, ValueType, VectorSelector,
};
pub use duration::{DurationExpr, DurationKind, DurationOp, QueryTimes};
pub use error::ParseErrors;
pub use function::{Function, Signature};
pub use matcher::{MatchOp, Matcher, RegexError};
pub use parser::{parse, parse_series_selector, parse_series_selectors};

/// Expressions that are nested deeper are refused: whoever walks a tree may recurse.
pub const DEPTH_MAX: usize = 256;

/// Longer texts are refused, in bytes.
pub const LENGTH_MAX: usize = 1 << 20;
