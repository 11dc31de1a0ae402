//! Why an expression has no value.

use std::fmt;

/// Why an evaluation ended without a value.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// The question itself cannot be answered, whatever the data are.
    #[error("{0}")]
    Refused(String),
    /// These data under this expression: matches that are not unique, a parameter out of range.
    #[error("{0}")]
    Execution(String),
    /// More memory or samples than allowed.
    #[error("{0}")]
    TooMuch(String),
    /// More time than allowed.
    #[error("query timed out in expression evaluation")]
    Timeout,
    /// Whoever asked is gone.
    #[error("query was canceled in expression evaluation")]
    Cancelled,
    /// The data could not be read.
    #[error("{0}")]
    Source(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl EvalError {
    pub(super) fn execution(what: impl fmt::Display) -> Self {
        Self::Execution(what.to_string())
    }

    pub(super) fn same_labels() -> Self {
        Self::execution("vector cannot contain metrics with the same labelset")
    }
}
