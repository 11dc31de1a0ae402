//! Text to tokens.

use super::text::unescape;
use crate::{Diagnostic, Span};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    /// A word: a name, a function, a keyword. Which of them, its place decides.
    Word,
    Number(f64),
    /// Milliseconds.
    Duration(i64),
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
    "=~", "!~", "==", "!=", ">=", "<=", "</", ">/", "=", ">", "<", "(", ")", "{", "}", "[", "]",
    ",", "+", "-", "*", "/", "%", "^", "@", ":",
];

/// Splits a source into tokens, the last one [`TokenKind::End`]. Stops at the first mistake: what
/// follows it is not known to be tokens.
pub(super) fn lex(source: &str) -> Result<Vec<Token>, Diagnostic> {
    let mut lexer = Lexer { source, at: 0, braces: 0, brackets: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blank();
        let start = lexer.at;
        let kind = lexer.token()?;
        let done = kind == TokenKind::End;
        tokens.push(Token { kind, span: Span { start, end: lexer.at } });
        if done {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
    /// Inside braces and brackets a colon is no part of a word.
    braces: usize,
    brackets: usize,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.source[self.at..]
    }

    fn skip_blank(&mut self) {
        loop {
            self.at +=
                self.rest().len() - self.rest().trim_start_matches([' ', '\t', '\n', '\r']).len();
            if !self.rest().starts_with('#') {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    fn token(&mut self) -> Result<TokenKind, Diagnostic> {
        let Some(first) = self.rest().chars().next() else { return Ok(TokenKind::End) };
        let second_is_digit = self.rest().as_bytes().get(1).is_some_and(u8::is_ascii_digit);
        match first {
            '"' | '\'' | '`' => self.text(first),
            '0'..='9' => self.number(),
            '.' if second_is_digit => self.number(),
            c if c.is_ascii_alphabetic() || c == '_' => Ok(self.word()),
            ':' if self.braces == 0 && self.brackets == 0 => Ok(self.word()),
            _ => self.sign(first),
        }
    }

    fn word(&mut self) -> TokenKind {
        let colon = self.braces == 0 && self.brackets == 0;
        let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || colon && b == b':';
        self.at += self.rest().bytes().take_while(|&b| inner(b)).count();
        TokenKind::Word
    }

    fn sign(&mut self, first: char) -> Result<TokenKind, Diagnostic> {
        let Some(&sign) = SIGNS.iter().find(|sign| self.rest().starts_with(**sign)) else {
            let span = Span { start: self.at, end: self.at + first.len_utf8() };
            return Err(Diagnostic::new(span, format!("unexpected character: {first:?}")));
        };
        match sign {
            "{" => self.braces += 1,
            "}" => self.braces = self.braces.saturating_sub(1),
            "[" => self.brackets += 1,
            "]" => self.brackets = self.brackets.saturating_sub(1),
            _ => {}
        }
        self.at += sign.len();
        Ok(TokenKind::Sign(sign))
    }

    fn text(&mut self, quote: char) -> Result<TokenKind, Diagnostic> {
        let start = self.at;
        let raw = quote == '`';
        let mut escaped = false;
        let end = self.rest()[1..].char_indices().find_map(|(at, c)| match c {
            _ if escaped => {
                escaped = false;
                None
            }
            '\\' if !raw => {
                escaped = true;
                None
            }
            '\n' if !raw => Some(Err(at)),
            c if c == quote => Some(Ok(at)),
            _ => None,
        });
        let Some(Ok(end)) = end else {
            let what = if raw { "unterminated raw string" } else { "unterminated quoted string" };
            let end = self.source[start..].find('\n').map_or(self.source.len(), |at| start + at);
            return Err(Diagnostic::new(Span { start, end }, what));
        };
        let inside = Span { start: start + 1, end: start + 1 + end };
        self.at = inside.end + 1;
        let text = if raw {
            inside.of(self.source).to_owned()
        } else {
            unescape(self.source, inside, quote)?
        };
        Ok(TokenKind::Text(text))
    }

    /// Reads a number or a duration: all that hangs together, and then sees which it is.
    fn number(&mut self) -> Result<TokenKind, Diagnostic> {
        let bytes = self.rest().as_bytes();
        let hex = bytes.len() > 1 && bytes[0] == b'0' && bytes[1] | 0x20 == b'x';
        let mut len = 0;
        while let Some(&byte) = bytes.get(len) {
            let after_exponent = len > 0 && !hex && bytes[len - 1] | 0x20 == b'e';
            let sign = matches!(byte, b'+' | b'-')
                && after_exponent
                && bytes.get(len + 1).is_some_and(u8::is_ascii_digit);
            if !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.') || sign) {
                break;
            }
            len += 1;
        }
        let span = Span { start: self.at, end: self.at + len };
        let text = span.of(self.source);
        self.at += len;
        match read_number(text).map(TokenKind::Number).or_else(|| read_duration(text)) {
            Some(kind) => Ok(kind),
            None => Err(Diagnostic::new(span, format!("bad number or duration syntax: {text:?}"))),
        }
    }
}

fn read_number(text: &str) -> Option<f64> {
    let between_digits = |at: usize| {
        let digit = |at: Option<usize>| {
            at.and_then(|at| text.as_bytes().get(at))
                .is_some_and(|b| b.is_ascii_hexdigit() || b | 0x20 == b'x')
        };
        digit(at.checked_sub(1)) && digit(Some(at + 1))
    };
    if !text.match_indices('_').all(|(at, _)| between_digits(at)) {
        return None;
    }
    let digits = text.replace('_', "");
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        return i64::from_str_radix(hex, 16).ok().map(|n| n as f64);
    }
    // A leading zero means octal, as in Go, where all digits allow it.
    let octal = digits.len() > 1 && digits.starts_with('0');
    if octal && let Ok(octal) = i64::from_str_radix(&digits, 8) {
        return Some(octal as f64);
    }
    digits.parse().ok().filter(|number: &f64| number.is_finite())
}

fn read_duration(text: &str) -> Option<TokenKind> {
    model::duration_of_units(text).map(TokenKind::Duration)
}

/// Writes milliseconds as units, largest first, years and weeks only where nothing is left behind
/// them; nothing is `0s`.
pub(super) fn duration_text(ms: i64) -> String {
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut text = String::from(if ms < 0 { "-" } else { "" });
    let mut left = ms.unsigned_abs();
    for (name, unit_ms) in model::DURATION_UNITS {
        let unit_ms = unit_ms.unsigned_abs();
        let rest_allowed = !matches!(name, "y" | "w");
        if left >= unit_ms && (rest_allowed || left.is_multiple_of(unit_ms)) {
            text.push_str(&format!("{}{name}", left / unit_ms));
            left %= unit_ms;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(source: &str) -> TokenKind {
        let tokens = lex(source).unwrap_or_else(|e| panic!("{source}: {}", e.message));
        assert_eq!(tokens.len(), 2, "{source}");
        tokens[0].kind.clone()
    }

    #[test]
    fn numbers_have_many_forms() {
        let cases = [
            ("1", 1.0),
            ("1.5e3", 1_500.0),
            ("1e-3", 0.001),
            (".5", 0.5),
            ("5.", 5.0),
            ("0x1F", 31.0),
            ("0x1e", 30.0),
            ("1_000", 1_000.0),
            ("010", 8.0),
            ("09", 9.0),
            ("007.5", 7.5),
        ];
        for (text, number) in cases {
            assert_eq!(only(text), TokenKind::Number(number), "{text}");
        }
        for bad in ["5foo", "1__0", "1_", "0x", "1e", "1e999", "5m5", "1m1h", "1.5m", "1.2.3"] {
            assert!(lex(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_have_units_from_large_to_small() {
        for (text, ms) in [("5m", 300_000), ("1h30m", 5_400_000), ("365d1ms", 31_536_000_001)] {
            assert_eq!(only(text), TokenKind::Duration(ms), "{text}");
            assert_eq!(duration_text(ms), text);
        }
        assert_eq!(only("1y1ms"), TokenKind::Duration(31_536_000_001));
        assert_eq!(duration_text(14 * 86_400_000), "2w");
        assert_eq!(duration_text(-90_000), "-1m30s");
        assert_eq!(only(&duration_text(0)), TokenKind::Duration(0));
    }

    #[test]
    fn texts_have_three_quotes() {
        let cases = [
            (r#""a\"\n\x41\u00e9\101\U0001F600""#, "a\"\nAéA😀"),
            (r"'a\'b'", "a'b"),
            (r"`a\n`", r"a\n"),
            ("`a\nb`", "a\nb"),
            (r#""\xc3\xa9""#, "é"),
        ];
        for (source, text) in cases {
            assert_eq!(only(source), TokenKind::Text(text.into()), "{source}");
        }
        for bad in [
            "\"a",
            "'a\"",
            "`a",
            "\"a\nb\"",
            r#""\""#,
            r#""\q""#,
            r#""\'""#,
            r#""\x4""#,
            r#""\xff""#,
            r#""\ud800""#,
            r#""\400""#,
            r#""\uéé""#,
        ] {
            assert!(lex(bad).is_err(), "{bad}");
        }
    }
}
