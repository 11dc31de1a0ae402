//! Where something stands in a source text.

use std::fmt;

/// A stretch of a source text: byte offsets, half open, on the borders of characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte; equal to `start` for a place between two characters.
    pub end: usize,
}

impl Span {
    /// Returns the span from the start of `self` to the end of `last`.
    pub fn to(self, last: Span) -> Span {
        Span { start: self.start, end: last.end }
    }

    /// Returns the span with its ends moved back onto borders of characters of `source`.
    #[must_use]
    pub fn floor(self, source: &str) -> Span {
        let floor = |at: usize| source.floor_char_boundary(at.min(source.len()));
        Span { start: floor(self.start), end: floor(self.end) }
    }

    /// Returns the span in a text that this span's text is a part of, from `start` on.
    #[must_use]
    pub fn behind(self, start: usize) -> Span {
        Span { start: self.start + start, end: self.end + start }
    }

    /// Returns the text of the span.
    ///
    /// # Panics
    /// When the span is not one of `source`.
    pub fn of(self, source: &str) -> &str {
        &source[self.start..self.end]
    }

    /// Returns line and column of the span's start.
    pub fn place(self, source: &str) -> Place {
        let before = &source.as_bytes()[..self.start.min(source.len())];
        let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        Place {
            line: before.iter().filter(|&&b| b == b'\n').count() + 1,
            column: before.len() - line_start + 1,
        }
    }
}

/// A line and a column, both counted from 1; columns count bytes, as Prometheus' do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column: bytes from the start of the line.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}
