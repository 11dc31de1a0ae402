//! Regular expressions as RE2 reads them, compiled by a crate that reads a few of them otherwise.
//!
//! The differences that people meet are written over: `\Q...\E`, a `{` that opens no count, and
//! characters that mean something more in our crate's classes (`[[]`, `[a&&b]`, `[a~~b]`).
//! What RE2 has and we refuse: `\C` and octal escapes.
//!
//! Source: RE2 syntax page.

use super::matcher::RegexError;
use regex::{Regex, RegexBuilder};
use std::collections::HashMap;

/// What an expression may take when it is compiled, in bytes. Tried one after the other, since what
/// it takes is not told: the first that is enough is what it is taken for.
const COMPILED_BYTES: [usize; 4] = [64 << 10, 512 << 10, 4 << 20, 16 << 20];

/// What all expressions of a text may take, in bytes.
const TEXT_COMPILED_BYTES_MAX: usize = 32 << 20;

/// Different expressions of a text at most.
const EXPRESSIONS_MAX: usize = 200;

/// Bytes of an expression at most: reading it takes some hundred times as many for a moment.
const EXPRESSION_BYTES_MAX: usize = 256 << 10;

/// Classes such as `\w` in the expressions of a text at most: each is a list of 700 ranges before it
/// is compiled.
const CLASSES_MAX: usize = 500;

/// Upper bound of what an expression remembers while it searches.
const SEARCH_BYTES_MAX: usize = 512 << 10;

/// Compiles the expressions of one text, equal ones once; all together they are bounded, since
/// whoever asks may write as many as they like.
#[derive(Debug, Default)]
pub(super) struct Compiler {
    known: HashMap<String, Regex>,
    bytes: usize,
    classes: usize,
}

impl Compiler {
    /// Returns what all expressions take so far, in bytes, at most.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Compiles an expression that must match the whole of a value.
    pub(super) fn anchored(&mut self, value: &str) -> Result<Regex, RegexError> {
        if let Some(known) = self.known.get(value) {
            return Ok(known.clone());
        }
        if self.known.len() == EXPRESSIONS_MAX {
            let what = format!("more than {EXPRESSIONS_MAX} different expressions in one text");
            return Err(RegexError(what));
        }
        if value.len() > EXPRESSION_BYTES_MAX {
            let what = format!("expression is longer than {EXPRESSION_BYTES_MAX} bytes");
            return Err(RegexError(what));
        }
        self.classes += classes_in(value);
        if self.classes > CLASSES_MAX {
            let what = format!("more than {CLASSES_MAX} classes such as \\w in one text");
            return Err(RegexError(what));
        }
        let translated = translate(value);
        // Alone first: a value such as `a)|(b` must not escape from the group around it, and a
        // mistake is reported without that group. Nothing is compiled where nothing may be taken.
        match build(&translated, 0) {
            Ok(_) | Err(regex::Error::CompiledTooBig(_)) => {}
            Err(error) => return Err(told(&error)),
        }
        let regex = self.sized(&format!("^(?s:{translated})$"))?;
        self.known.insert(value.to_owned(), regex.clone());
        Ok(regex)
    }

    fn sized(&mut self, expression: &str) -> Result<Regex, RegexError> {
        for bytes in COMPILED_BYTES {
            if self.bytes + bytes > TEXT_COMPILED_BYTES_MAX {
                return Err(RegexError(format!(
                    "expressions of one text take more than {TEXT_COMPILED_BYTES_MAX} bytes when \
                     compiled"
                )));
            }
            match build(expression, bytes) {
                Err(regex::Error::CompiledTooBig(_)) => {}
                built => {
                    self.bytes += bytes;
                    return built.map_err(|error| told(&error));
                }
            }
        }
        // It took as long as one that is.
        let [.., most] = COMPILED_BYTES;
        self.bytes += most;
        Err(RegexError(format!("expression takes more than {most} bytes when compiled")))
    }
}

fn build(expression: &str, bytes_max: usize) -> Result<Regex, regex::Error> {
    let mut builder = RegexBuilder::new(expression);
    builder.size_limit(bytes_max).dfa_size_limit(SEARCH_BYTES_MAX).build()
}

/// The last line says what is wrong, those before it draw the expression.
fn told(error: &regex::Error) -> RegexError {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    RegexError(last.trim_start_matches("error: ").to_owned())
}

/// Counts the escapes that may stand for a class.
fn classes_in(value: &str) -> usize {
    let escapes = value.as_bytes().windows(2);
    escapes.filter(|pair| pair[0] == b'\\' && b"wWdDsSpP".contains(&pair[1])).count()
}

fn translate(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 8);
    let mut rest = value;
    while let Some(c) = rest.chars().next() {
        if let Some(quoted) = rest.strip_prefix(r"\Q") {
            let (literal, after) = quoted.split_once(r"\E").unwrap_or((quoted, ""));
            out.push_str(&regex::escape(literal));
            rest = after;
            continue;
        }
        let taken = match c {
            '\\' => escape_len(rest),
            '[' => {
                rest = translate_class(rest, &mut out);
                continue;
            }
            '{' => match count_len(rest) {
                0 => {
                    out.push('\\');
                    1
                }
                len => len,
            },
            _ => c.len_utf8(),
        };
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    out
}

/// Returns the length of an escape at the start of `rest`, with the braces of `\p{..}` and `\x{..}`.
fn escape_len(rest: &str) -> usize {
    let Some(second) = rest[1..].chars().next() else { return 1 };
    let len = 1 + second.len_utf8();
    if matches!(second, 'p' | 'P' | 'x') && rest[len..].starts_with('{') {
        return rest.find('}').map_or(rest.len(), |at| at + 1);
    }
    len
}

/// Returns the length of a count such as `{2}` or `{2,}` at the start of `rest`, or 0.
fn count_len(rest: &str) -> usize {
    let Some(end) = rest.find('}') else { return 0 };
    let inside = &rest[1..end];
    let (low, high) = inside.split_once(',').unwrap_or((inside, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !low.is_empty() && digits(low) && digits(high) { end + 1 } else { 0 }
}

/// Writes over a class and returns what comes after it.
fn translate_class<'a>(class: &'a str, out: &mut String) -> &'a str {
    let mut at = 1;
    // A caret negates, and a bracket in first place is itself.
    at += usize::from(class[at..].starts_with('^'));
    at += usize::from(class[at..].starts_with(']'));
    out.push_str(&class[..at]);
    while let Some(c) = class[at..].chars().next() {
        let rest = &class[at..];
        let taken = match c {
            ']' => {
                out.push(']');
                return &rest[1..];
            }
            '\\' => escape_len(rest),
            '[' if rest.starts_with("[:") => rest.find(":]").map_or(1, |end| end + 2),
            '[' | '&' | '~' => {
                out.push('\\');
                1
            }
            _ => c.len_utf8(),
        };
        out.push_str(&rest[..taken]);
        at += taken;
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiled(expression: &str) -> Result<Regex, RegexError> {
        Compiler::default().anchored(expression)
    }

    /// Compiles expressions until one is refused; says how many were taken, and why not that one.
    fn until_refused(mut expressions: impl Iterator<Item = String>) -> (usize, String) {
        let mut compiler = Compiler::default();
        let mut taken = 0;
        loop {
            let expression = expressions.next().expect("one is refused");
            match compiler.anchored(&expression) {
                Ok(_) => taken += 1,
                Err(RegexError(why)) => return (taken, why),
            }
        }
    }

    #[test]
    fn the_expressions_of_a_text_are_bounded_together() {
        let (taken, why) = until_refused((0..).map(|n| format!("a{n}.*")));
        assert_eq!((taken, why.as_str()), (200, "more than 200 different expressions in one text"));
        let (taken, why) = until_refused((0..).map(|n| format!("\\w{{100}}{n}")));
        assert!((1..=32).contains(&taken), "{taken}");
        assert_eq!(why, "expressions of one text take more than 33554432 bytes when compiled");
        let (taken, why) = until_refused((0..).map(|n| format!("[\\w]{{0}}\\d{n}").repeat(10)));
        assert_eq!((taken, why.as_str()), (25, "more than 500 classes such as \\w in one text"));
        let (_, why) = until_refused(std::iter::once(".".repeat(300_000)));
        assert_eq!(why, "expression is longer than 262144 bytes");
        let (_, why) = until_refused(std::iter::once("(a{1000}){1000}".to_owned()));
        assert_eq!(why, "expression takes more than 16777216 bytes when compiled");
    }

    #[test]
    fn equal_expressions_are_compiled_once() {
        let mut compiler = Compiler::default();
        for _ in 0..1000 {
            assert!(compiler.anchored("\\w{100}").unwrap().is_match(&"a".repeat(100)));
        }
    }

    #[test]
    fn what_re2_reads_otherwise_is_written_over() {
        let cases = [
            (r"\Qa.b(\E.", "a.b(x", "a.bxx"),
            (r"\Qa.b", "a.b", "axb"),
            ("a{", "a{", "a"),
            ("{x}", "{x}", "x"),
            ("a{,2}", "a{,2}", "aa"),
            ("a{2}", "aa", "a{2}"),
            ("a{1,}", "aaa", ""),
            (r"\p{Greek}+", "αβ", "ab"),
            (r"\x{61}", "a", "x"),
            ("[[]", "[", "]"),
            ("[]a]", "]", "["),
            ("[^]a]", "b", "]"),
            ("[a&&b]", "&", "c"),
            ("[a~~b]", "~", "c"),
            ("[[:alpha:]]+", "ab", "1"),
            (r"[\]]", "]", "\\"),
            ("(?i)ab", "AB", "a"),
            (r"a\.b", "a.b", "axb"),
        ];
        for (expression, yes, no) in cases {
            let regex = compiled(expression).unwrap_or_else(|e| panic!("{expression}: {e}"));
            assert!(regex.is_match(yes), "{expression} {yes}");
            assert!(!regex.is_match(no), "{expression} {no}");
        }
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for bad in ["a(", "a)", "a)|(b", "*", "[a", "a**b(", r"\", "(?z)", "a{1001}{1001}{1001}"] {
            assert!(compiled(bad).is_err(), "{bad}");
        }
        assert_eq!(compiled("a(").unwrap_err().to_string(), "error parsing regexp: unclosed group");
    }
}
