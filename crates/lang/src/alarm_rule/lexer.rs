//! Rules as tokens.

use crate::{Diagnostic, Span};

/// A token and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TokenKind {
    Open,
    Close,
    Comma,
    /// What stands without quotes: a keyword, a number or a name.
    Bare(String),
    /// What stands in quotes, without its escapes.
    Quoted(String),
    /// Behind the last one.
    End,
}

/// Returns the tokens, the last of which is [`TokenKind::End`], and the mistakes on the way.
pub(super) fn tokens(source: &str) -> (Vec<Token>, Vec<Diagnostic>) {
    let (mut tokens, mut mistakes) = (Vec::new(), Vec::new());
    let mut at = 0;
    while let Some(first) = source[at..].chars().next() {
        let start = at;
        at += first.len_utf8();
        let kind = match first {
            c if c.is_whitespace() => continue,
            '(' => TokenKind::Open,
            ')' => TokenKind::Close,
            ',' => TokenKind::Comma,
            '"' => {
                let (text, len, closed) = quoted(&source[at..]);
                at += len;
                if !closed {
                    let mistake = Diagnostic::new(Span { start, end: at }, "no quote ends this");
                    mistakes.push(mistake);
                }
                TokenKind::Quoted(text)
            }
            _ => {
                let ends = |c: char| c.is_whitespace() || "(),\"".contains(c);
                at = source[at..].find(ends).map_or(source.len(), |len| at + len);
                TokenKind::Bare(source[start..at].to_owned())
            }
        };
        tokens.push(Token { kind, span: Span { start, end: at } });
    }
    let end = Span { start: source.len(), end: source.len() };
    tokens.push(Token { kind: TokenKind::End, span: end });
    (tokens, mistakes)
}

/// Returns what stands before the next quote, how long it is with the quote, and whether there is one.
fn quoted(rest: &str) -> (String, usize, bool) {
    let mut text = String::new();
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match (c, chars.peek()) {
            ('"', _) => return (text, at + 1, true),
            ('\\', Some((_, escaped @ ('"' | '\\')))) => {
                text.push(*escaped);
                chars.next();
            }
            _ => text.push(c),
        }
    }
    (text, rest.len(), false)
}
