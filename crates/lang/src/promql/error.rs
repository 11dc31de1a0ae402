//! Why a text is not taken.

use crate::Diagnostic;
use std::fmt;

/// Everything that was found wrong with a text, in the order of its places; never empty.
///
/// Shows itself as Prometheus shows the first mistake: `1:5: parse error: ...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseErrors {
    source: String,
    errors: Vec<Diagnostic>,
}

impl ParseErrors {
    pub(super) fn new(source: &str, mut errors: Vec<Diagnostic>) -> Self {
        assert!(!errors.is_empty(), "a text is refused for a reason");
        errors.sort_by_key(|e| e.span);
        Self { source: source.to_owned(), errors }
    }

    /// Returns the reasons, first place first.
    pub fn errors(&self) -> &[Diagnostic] {
        &self.errors
    }

    /// Shows every reason with the line of the source that it is about.
    pub fn render(&self) -> String {
        let show = |error: &Diagnostic| {
            let message = format!("parse error: {}", error.message);
            Diagnostic { message, ..error.clone() }.render(&self.source)
        };
        self.errors.iter().map(show).collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Display for ParseErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = &self.errors[0];
        // There is no place where something is missing altogether.
        if first.message == super::parser::NOTHING {
            return write!(f, "unknown position: parse error: {}", first.message);
        }
        write!(f, "{}: parse error: {}", first.span.place(&self.source), first.message)
    }
}

impl std::error::Error for ParseErrors {}
