//! Text to tokens.

use crate::{Diagnostic, Span};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    /// Starts with a small letter: an id.
    Id,
    /// Starts with a capital: a function or a keyword.
    Word,
    Number(f64),
    /// A text in quotes, without them.
    Text(String),
    Sign(&'static str),
    /// The end of the source, always the last token.
    End,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

/// Longer ones first.
const SIGNS: &[&str] = &[
    "==", "!=", ">=", "<=", "&&", "||", ">", "<", "(", ")", "[", "]", ",", "+", "-", "*", "/", "^",
];

/// How the mistake of a text without its closing quote begins.
pub(super) const UNCLOSED: &str = "text without a closing";

/// Splits a source into tokens, the last one [`TokenKind::End`]. What is no token is reported, once
/// for what hangs together, and left out.
pub(super) fn lex(source: &str) -> (Vec<Token>, Vec<Diagnostic>) {
    let mut lexer = Lexer { source, at: 0, mistakes: Vec::new() };
    let mut tokens = Vec::new();
    loop {
        lexer.at += lexer.rest().len() - lexer.rest().trim_start().len();
        let start = lexer.at;
        let Some(kind) = lexer.token() else { continue };
        let done = kind == TokenKind::End;
        tokens.push(Token { kind, span: Span { start, end: lexer.at } });
        if done {
            return (tokens, lexer.mistakes);
        }
    }
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
    mistakes: Vec<Diagnostic>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    fn token(&mut self) -> Option<TokenKind> {
        let Some(first) = self.rest().chars().next() else { return Some(TokenKind::End) };
        let second_is_digit = self.rest().as_bytes().get(1).is_some_and(u8::is_ascii_digit);
        match first {
            'a'..='z' => Some(self.word(TokenKind::Id)),
            'A'..='Z' => Some(self.word(TokenKind::Word)),
            '0'..='9' => self.number(),
            '.' if second_is_digit => self.number(),
            '"' | '\'' => self.text(first),
            _ => self.sign(first),
        }
    }

    fn word(&mut self, kind: TokenKind) -> TokenKind {
        let inner = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
        self.at += self.rest().bytes().take_while(inner).count();
        kind
    }

    /// Reads a number: all that hangs together must be one.
    fn number(&mut self) -> Option<TokenKind> {
        let bytes = self.rest().as_bytes();
        let mut len = 0;
        while let Some(&byte) = bytes.get(len) {
            let sign = matches!(byte, b'+' | b'-')
                && len > 0
                && bytes[len - 1] | 0x20 == b'e'
                && bytes.get(len + 1).is_some_and(u8::is_ascii_digit);
            if !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.') || sign) {
                break;
            }
            len += 1;
        }
        let span = Span { start: self.at, end: self.at + len };
        self.at += len;
        let text = span.of(self.source);
        let digits = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-');
        let number = Some(text)
            .filter(|text| text.bytes().all(digits))
            .and_then(|text| text.parse().ok())
            .filter(|number: &f64| number.is_finite());
        if number.is_none() {
            let mistake = Diagnostic::new(span, format!("{text:?} is no number"));
            let id = text.bytes().all(|b| b.is_ascii_alphanumeric()) && !text.contains(['e', 'E']);
            self.mistakes.push(match id {
                true => mistake.with_hint("ids start with a small letter"),
                false => mistake,
            });
        }
        // It stands for a number all the same, so that what is around it is read on.
        Some(TokenKind::Number(number.unwrap_or(0.0)))
    }

    /// Reads a text. A backslash before the text's own quote makes it a part of the text; every
    /// other backslash stands for itself.
    fn text(&mut self, quote: char) -> Option<TokenKind> {
        let start = self.at;
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1).peekable();
        while let Some((at, c)) = chars.next() {
            if c == quote {
                self.at = start + at + 1;
                return Some(TokenKind::Text(text));
            }
            match chars.peek() {
                Some((_, next)) if c == '\\' && *next == quote => {
                    text.push(quote);
                    chars.next();
                }
                _ => text.push(c),
            }
        }
        self.at = self.source.len();
        let span = Span { start, end: start + 1 };
        let mistake = Diagnostic::new(span, format!("{UNCLOSED} {quote}"));
        self.mistakes.push(mistake);
        Some(TokenKind::Text(text))
    }

    fn sign(&mut self, first: char) -> Option<TokenKind> {
        if let Some(&sign) = SIGNS.iter().find(|sign| self.rest().starts_with(**sign)) {
            self.at += sign.len();
            return Some(TokenKind::Sign(sign));
        }
        let start = self.at;
        self.at += first.len_utf8();
        let span = Span { start, end: self.at };
        let mistake = Diagnostic::new(span, format!("unexpected character {first:?}"));
        let (mistake, instead) = match first {
            '=' => (mistake.with_hint("equality is written =="), Some("==")),
            '&' => (mistake.with_hint("write AND or &&"), Some("&&")),
            '|' => (mistake.with_hint("write OR or ||"), Some("||")),
            '“' | '”' | '„' | '‘' | '’' => {
                (mistake.with_hint("texts stand in straight quotes: 'text' or \"text\""), None)
            }
            '%' => (mistake.with_hint("write percent as a number, such as * 100"), None),
            _ => (mistake, None),
        };
        // One line for all that stands together: a text in the wrong quotes is one mistake.
        let wrong_quote = |c: char| "“”„‘’".contains(c);
        if wrong_quote(first)
            && let Some(end) = self.rest().find(wrong_quote)
        {
            let text = self.rest()[..end].to_owned();
            self.at += end;
            self.at += self.rest().chars().next().map_or(0, char::len_utf8);
            self.mistakes.push(mistake);
            return Some(TokenKind::Text(text));
        }
        match self.mistakes.last_mut() {
            Some(last) if last.span.end == start && last.message.starts_with("unexpected ch") => {
                last.span.end = self.at;
            }
            _ => self.mistakes.push(mistake),
        }
        instead.map(TokenKind::Sign)
    }
}
