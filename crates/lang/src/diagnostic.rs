//! What is wrong with a text, where, and what may help.

use crate::Span;
use std::fmt::Write as _;

/// One mistake in a source text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where it is.
    pub span: Span,
    /// What is wrong: a lowercase fragment that fits after a colon.
    pub message: String,
    /// What may help.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A mistake without a hint.
    pub fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), hint: None }
    }

    /// Adds a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Shows the place, the message, the line of the source with carets under the span, and the
    /// hint: several lines, the last one without its end.
    ///
    /// A span over several lines is underlined on its first one.
    pub fn render(&self, source: &str) -> String {
        let mut text = format!("{}: {}\n", self.span.place(source), self.message);
        let start = self.span.start.min(source.len());
        let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = source[start..].find('\n').map_or(source.len(), |at| start + at);
        // Tabs stay tabs, so that the caret stands under its character at any width of them.
        let before = source[line_start..start].chars();
        let indent: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let marked = source[start..self.span.end.clamp(start, line_end)].chars().count().max(1);
        let line = &source[line_start..line_end];
        let _ = write!(text, "  {line}\n  {indent}{}", "^".repeat(marked));
        if let Some(hint) = &self.hint {
            let _ = write!(text, "\nhint: {hint}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_the_mistake() {
        let source = "a +\n\té b\nc";
        let at = source.find('b').unwrap();
        let diagnostic =
            Diagnostic::new(Span { start: at, end: source.len() }, "bad").with_hint("try c");
        assert_eq!(diagnostic.render(source), "2:5: bad\n  \té b\n  \t  ^\nhint: try c");
        let end = Span { start: source.len(), end: source.len() };
        assert_eq!(Diagnostic::new(end, "cut off").render(source), "3:2: cut off\n  c\n   ^");
    }
}
