//! PromQL: the part of it that is served now.
//!
//! Served: vector and matrix selectors with all matchers, quoted names, `offset` and `@`; numbers,
//! durations as numbers, and texts. Everything else that is PromQL (functions, operators,
//! aggregations, subqueries) is refused by name ([`ErrorKind::NotServed`]), apart from what is no
//! PromQL at all ([`ErrorKind::Syntax`]).
//!
//! Source: Prometheus documentation, "Querying basics".

mod ast;
mod duration;
mod error;
mod function;
mod lexer;
mod matcher;
mod parser;
mod print;
mod re2;
mod text;
mod words;

pub use ast::{
    Aggregate, AggregateOp, At, Binary, BinaryOp, Call, Cardinality, Ends, Expr, ExprKind,
    Matching, MatrixSelector, Number, Subquery, Unary, ValueType, VectorSelector,
};
pub use duration::{DurationExpr, DurationKind, DurationOp, QueryTimes};
pub use error::{ErrorKind, ParseError, ParseErrors};
pub use function::{Function, Signature};
pub use matcher::{MatchOp, Matcher, RegexError};
pub use parser::{parse, parse_series_selector, parse_series_selectors};

/// Expressions that are nested deeper are refused: whoever walks a tree may recurse.
pub const DEPTH_MAX: usize = 256;
