//! What is said beside a result: warnings and hints, each with its place in the expression.
//!
//! Source: Prometheus documentation, "Query functions" and "Operators", where annotations are
//! named.

use lang::Span;
use std::collections::HashSet;

/// How much a note matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Level {
    Warning,
    Info,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Note {
    level: Level,
    text: String,
    span: Span,
}

/// Warnings and hints beside a result, each once.
#[derive(Debug, Clone, Default)]
pub struct Annotations {
    notes: Vec<Note>,
    known: HashSet<Note>,
    bytes: usize,
}

/// Notes beyond this many are counted only: data decide how many there are.
const NOTES_MAX: usize = 1000;

/// Notes that name long names are fewer.
const NOTE_BYTES_MAX: usize = 1 << 20;

impl Annotations {
    /// Something went wrong, and the result is a part of what was asked for.
    pub(super) fn warn(&mut self, span: Span, text: impl Into<String>) {
        self.add(Level::Warning, span, text.into());
    }

    /// Something may be other than meant.
    pub(super) fn inform(&mut self, span: Span, text: impl Into<String>) {
        self.add(Level::Info, span, text.into());
    }

    /// The data are other than meant, whatever the expression: what a source says of itself.
    pub fn inform_of_data(&mut self, span: Span, text: impl Into<String>) {
        self.inform(span, text);
    }

    fn add(&mut self, level: Level, span: Span, text: String) {
        let note = Note { level, text, span };
        if !self.is_full() && !self.known.contains(&note) {
            self.bytes += note.text.len();
            self.known.insert(note.clone());
            self.notes.push(note);
        }
    }

    /// Says whether no more are taken.
    pub(super) fn is_full(&self) -> bool {
        self.notes.len() >= NOTES_MAX || self.bytes >= NOTE_BYTES_MAX
    }

    /// Adds the notes of another evaluation.
    pub fn extend(&mut self, other: Self) {
        for note in other.notes {
            self.add(note.level, note.span, note.text);
        }
    }

    /// Says whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.notes.len()
    }

    /// Returns the warnings with their places in `source`, at most `max` and then how many more.
    pub fn warnings(&self, source: &str, max: usize) -> Vec<String> {
        self.texts(Level::Warning, "warning", source, max)
    }

    /// Returns the hints with their places in `source`, at most `max` and then how many more.
    pub fn infos(&self, source: &str, max: usize) -> Vec<String> {
        self.texts(Level::Info, "info", source, max)
    }

    fn texts(&self, level: Level, word: &str, source: &str, max: usize) -> Vec<String> {
        let notes: Vec<&Note> = self.notes.iter().filter(|n| n.level == level).collect();
        let mut texts: Vec<String> = notes
            .iter()
            .take(max)
            .map(|n| format!("PromQL {word}: {} ({})", n.text, n.span.place(source)))
            .collect();
        if notes.len() > max {
            texts.push(format!("{} more {word} annotations omitted", notes.len() - max));
        }
        texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_said_once_and_not_without_end() {
        let mut notes = Annotations::default();
        for at in [4, 9, 4] {
            notes.warn(Span { start: at, end: at + 1 }, "mind");
        }
        notes.inform(Span { start: 0, end: 1 }, "by the way");
        let source = "rate(\nfoo[5m])";
        assert_eq!(
            notes.warnings(source, 10),
            ["PromQL warning: mind (1:5)", "PromQL warning: mind (2:4)"]
        );
        assert_eq!(notes.warnings(source, 1)[1], "1 more warning annotations omitted");
        assert_eq!(notes.infos(source, 10), ["PromQL info: by the way (1:1)"]);
    }
}
