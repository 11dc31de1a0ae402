//! Statements as tokens.

use crate::{Diagnostic, Span};

/// Words that the grammar has: names that are one of them stand in double quotes.
pub(super) const KEYWORDS: [&str; 20] = [
    "SELECT", "FROM", "SCHEMA", "WHERE", "GROUP", "ORDER", "BY", "LIMIT", "AND", "OR", "NOT", "IN",
    "ASC", "DESC", "AVG", "COUNT", "MAX", "MIN", "SUM", "LIKE",
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword, in capitals.
    Keyword(&'static str),
    /// A name without quotes.
    Bare,
    /// In double quotes.
    Name(String),
    /// In single quotes.
    Value(String),
    /// A mark: one of `( ) , . = !=`.
    Mark(&'static str),
    End,
}

#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Span,
}

pub(super) fn tokens(source: &str) -> Result<Vec<Token>, Diagnostic> {
    let mut all = Vec::new();
    let mut at = 0;
    while let Some(c) = source[at..].chars().next() {
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let (kind, len) = token(source, at, c)?;
        all.push(Token { kind, span: Span { start: at, end: at + len } });
        at += len;
    }
    all.push(Token { kind: Kind::End, span: Span { start: at, end: at } });
    Ok(all)
}

fn token(source: &str, at: usize, first: char) -> Result<(Kind, usize), Diagnostic> {
    let rest = &source[at..];
    if first == '"' || first == '\'' {
        let (text, len) = quoted(source, at, first)?;
        return Ok((if first == '"' { Kind::Name(text) } else { Kind::Value(text) }, len));
    }
    for mark in ["(", ")", ",", ".", "=", "!="] {
        if rest.starts_with(mark) {
            return Ok((Kind::Mark(mark), mark.len()));
        }
    }
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let len = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
    if len == 0 {
        let span = Span { start: at, end: at + first.len_utf8() };
        let mistake = Diagnostic::new(span, format!("unexpected {:?}", span.of(source)));
        return Err(if rest.starts_with("<>") || rest.starts_with('<') || rest.starts_with('>') {
            mistake.with_hint("values are compared with =, !=, IN and NOT IN")
        } else {
            mistake.with_hint(
                "names with other characters than letters, digits and _ stand in double quotes",
            )
        });
    }
    let word = &rest[..len];
    let keyword = KEYWORDS.iter().find(|keyword| keyword.eq_ignore_ascii_case(word));
    Ok((keyword.map_or(Kind::Bare, |keyword| Kind::Keyword(keyword)), len))
}

/// Reads a quoted text; returns its length with the quotes.
fn quoted(source: &str, start: usize, quote: char) -> Result<(String, usize), Diagnostic> {
    let mut text = String::new();
    let mut chars = source[start..].char_indices().skip(1);
    while let Some((offset, c)) = chars.next() {
        if c == quote {
            return Ok((text, offset + 1));
        }
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some((_, escaped @ ('"' | '\'' | '\\'))) => text.push(escaped),
            _ => {
                let at = start + offset;
                let mistake = Diagnostic::new(Span { start: at, end: at + 1 }, "a lone backslash");
                return Err(mistake.with_hint("write it twice; it stands before quotes"));
            }
        }
    }
    let span = Span { start, end: source.len() };
    Err(Diagnostic::new(span, "a quoted text without its end"))
}
