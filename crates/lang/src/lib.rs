//! The languages as text: text to trees, trees back to text, and mistakes with their places.
//!
//! All languages point at a mistake in one way: a [`Span`] of the source and a [`Diagnostic`].
//! Inside, languages are sibling modules that never use each other. Nothing here knows data or
//! stores: what a tree means is said elsewhere.
//!
//! ```
//! use lang::promql::{self, ExprKind};
//!
//! let expr = promql::parse(r#"up{job=~"node|db"} offset 5m"#).unwrap();
//! let ExprKind::Vector(selector) = &expr.kind else { panic!() };
//! assert!(selector.matchers[1].matches("db"));
//! assert_eq!(selector.offset_ms, 300_000);
//!
//! let errors = promql::parse("up{job=}").unwrap_err();
//! assert!(errors.to_string().starts_with("1:8: parse error: unexpected \"}\""));
//! ```

pub mod alarm_rule;
mod diagnostic;
pub mod filter_policy;
pub mod insights;
pub mod labels;
pub mod metric_math;
pub mod promql;
pub mod search;
mod span;

pub use diagnostic::Diagnostic;
pub use span::{Place, Span};
