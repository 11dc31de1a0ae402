//! Texts in quotes, and back.

use crate::{Diagnostic, Span};
use std::fmt;

/// Reads the inside of a text in single or double quotes, where a backslash escapes as in Go.
///
/// `inside` is the span between the quotes.
pub(super) fn unescape(source: &str, inside: Span, quote: char) -> Result<String, Diagnostic> {
    let text = inside.of(source);
    // Escapes may name bytes, so a character may come in pieces.
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c != '\\' {
            let len = c.len_utf8();
            out.extend_from_slice(&text.as_bytes()[at..at + len]);
            at += len;
            continue;
        }
        let len = push_escape(&text[at..], quote, &mut out).map_err(|message| {
            let escape: usize = text[at..].chars().take(2).map(char::len_utf8).sum();
            let start = inside.start + at;
            Diagnostic::new(Span { start, end: start + escape }, message)
                .with_hint("write the backslash twice, or the text in backquotes")
        })?;
        at += len;
    }
    String::from_utf8(out).map_err(|_| Diagnostic::new(inside, "text is not UTF-8"))
}

/// Reads the escape at the start of `rest`; returns its length.
fn push_escape(rest: &str, quote: char, out: &mut Vec<u8>) -> Result<usize, String> {
    let Some(c) = rest[1..].chars().next() else {
        return Err("escape sequence not terminated".into());
    };
    let byte = match c {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        '\'' | '"' if c == quote => c as u8,
        'x' => return push_number(rest, 2, 2, 16, out),
        'u' => return push_number(rest, 2, 4, 16, out),
        'U' => return push_number(rest, 2, 8, 16, out),
        '0'..='7' => return push_number(rest, 1, 3, 8, out),
        _ => return Err(format!("unknown escape sequence {c:?}")),
    };
    out.push(byte);
    Ok(2)
}

/// Reads `digits` digits after `prefix` bytes: two or three of them name a byte, more a character.
fn push_number(
    rest: &str,
    prefix: usize,
    digits: usize,
    radix: u32,
    out: &mut Vec<u8>,
) -> Result<usize, String> {
    let text = rest.get(prefix..prefix + digits).unwrap_or_default();
    let number = if text.bytes().all(|b| char::from(b).is_digit(radix)) {
        u32::from_str_radix(text, radix).ok()
    } else {
        None
    };
    let number = number.ok_or("illegal character in escape sequence")?;
    if digits <= 3 {
        out.push(u8::try_from(number).map_err(|_| "escape sequence above 255")?);
    } else {
        let c = char::from_u32(number).ok_or("escape sequence is no Unicode character")?;
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Ok(prefix + digits)
}

/// Shows a text in double quotes, so that it reads back to the same.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c if c.is_control() => write!(f, "\\u{:04x}", c as u32)?,
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("\"")
    }
}
