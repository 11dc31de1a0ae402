//! Why a text is not taken.

use crate::Diagnostic;
use std::fmt;

/// Whose mistake it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The text is no PromQL.
    Syntax,
    /// The text is PromQL, of a part that is not served yet. The text may become right later.
    NotServed,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// Whose mistake it is.
    pub kind: ErrorKind,
    /// What and where.
    pub diagnostic: Diagnostic,
}

impl ParseError {
    fn what(&self) -> &'static str {
        match self.kind {
            ErrorKind::Syntax => "parse error",
            ErrorKind::NotServed => "not served yet",
        }
    }
}

/// Everything that was found wrong with a text, in the order of its places; never empty.
///
/// Shows itself as Prometheus shows the first mistake: `1:5: parse error: ...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseErrors {
    source: String,
    errors: Vec<ParseError>,
}

impl ParseErrors {
    pub(super) fn new(source: &str, mut errors: Vec<ParseError>) -> Self {
        assert!(!errors.is_empty(), "a text is refused for a reason");
        errors.sort_by_key(|e| e.diagnostic.span);
        Self { source: source.to_owned(), errors }
    }

    /// Returns the reasons, first place first.
    pub fn errors(&self) -> &[ParseError] {
        &self.errors
    }

    /// Returns the kind of the first reason.
    pub fn kind(&self) -> ErrorKind {
        self.errors[0].kind
    }

    /// Shows every reason with the line of the source that it is about.
    pub fn render(&self) -> String {
        let texts: Vec<String> = self
            .errors
            .iter()
            .map(|error| {
                let mut diagnostic = error.diagnostic.clone();
                diagnostic.message = format!("{}: {}", error.what(), diagnostic.message);
                diagnostic.render(&self.source)
            })
            .collect();
        texts.join("\n")
    }
}

impl fmt::Display for ParseErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = &self.errors[0];
        let place = first.diagnostic.span.place(&self.source);
        write!(f, "{place}: {}: {}", first.what(), first.diagnostic.message)
    }
}

impl std::error::Error for ParseErrors {}
