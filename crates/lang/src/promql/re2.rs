//! Regular expressions as RE2 reads them, compiled by a crate that reads a few of them otherwise.
//!
//! The differences that people meet are written over: `\Q...\E`, a `{` that opens no count, and
//! characters that mean something more in our crate's classes (`[[]`, `[a&&b]`, `[a~~b]`).
//! What RE2 has and we refuse: `\C` and octal escapes.
//!
//! Source: RE2 syntax page.

use super::matcher::RegexError;
use regex::{Regex, RegexBuilder};

/// Upper bound of a compiled expression's memory, so that one matcher cannot take much of it.
const COMPILED_BYTES_MAX: usize = 16 << 20;

/// Compiles an expression that must match the whole of a value.
pub(super) fn compile_anchored(value: &str) -> Result<Regex, RegexError> {
    let translated = translate(value);
    // Alone first: a value such as `a)|(b` must not escape from the group around it, and a mistake
    // is reported without that group.
    build(&translated)?;
    build(&format!("^(?s:{translated})$"))
}

fn build(expression: &str) -> Result<Regex, RegexError> {
    RegexBuilder::new(expression).size_limit(COMPILED_BYTES_MAX).build().map_err(|e| match e {
        regex::Error::CompiledTooBig(bytes) => {
            RegexError(format!("expression takes more than {bytes} bytes when compiled"))
        }
        // The last line says what is wrong, those before it draw the expression.
        e => {
            let text = e.to_string();
            let last = text.lines().last().unwrap_or_default();
            RegexError(last.trim_start_matches("error: ").to_owned())
        }
    })
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
            let regex =
                compile_anchored(expression).unwrap_or_else(|e| panic!("{expression}: {e}"));
            assert!(regex.is_match(yes), "{expression} {yes}");
            assert!(!regex.is_match(no), "{expression} {no}");
        }
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for bad in ["a(", "a)", "a)|(b", "*", "[a", "a**b(", r"\", "(?z)", "a{1001}{1001}{1001}"] {
            assert!(compile_anchored(bad).is_err(), "{bad}");
        }
        assert_eq!(
            compile_anchored("a(").unwrap_err().to_string(),
            "error parsing regexp: unclosed group"
        );
    }
}
