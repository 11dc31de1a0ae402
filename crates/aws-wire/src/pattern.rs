//! Patterns of the models, which are written for Java's engine.

use std::sync::OnceLock;

use regex::Regex;

/// A pattern that the whole of a text must match; compiled when first used.
#[derive(Debug)]
pub struct Pattern {
    text: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// Keeps the model's text of the pattern.
    pub const fn new(text: &'static str) -> Self {
        Self { text, compiled: OnceLock::new() }
    }

    /// Returns the pattern as the model has it, for messages.
    pub fn text(&self) -> &'static str {
        self.text
    }

    /// Says whether the engine understands the pattern. The generator's tests ask this of every
    /// pattern it emits, so that `matches` need not guess.
    pub fn is_understood(&self) -> bool {
        self.regex().is_some()
    }

    /// Says whether all of `text` matches. A pattern that is not understood matches everything:
    /// refusing what AWS may accept would be worse.
    pub fn matches(&self, text: &str) -> bool {
        self.regex().is_none_or(|regex| regex.is_match(text))
    }

    fn regex(&self) -> Option<&Regex> {
        self.compiled
            .get_or_init(|| {
                regex::RegexBuilder::new(&format!(r"\A(?:{})\z", translated(self.text)))
                    .crlf(true)
                    .build()
                    .ok()
            })
            .as_ref()
    }
}

/// Rewrites what Java reads differently: `\d`, `\w` and `\s` are ASCII there, and a lone `[` or `&`
/// inside a class is literal unless it starts an operator.
fn translated(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut in_class = false;
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => escape(chars.next(), in_class, &mut out),
            '[' if in_class => out.push_str(r"\["),
            '[' => {
                in_class = true;
                out.push('[');
                // A `]` or `^]` directly after the bracket stays what it is in both engines.
            }
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            '~' | '&' if in_class => {
                out.push('\\');
                out.push(c);
            }
            other => out.push(other),
        }
    }
    out
}

fn escape(escaped: Option<char>, in_class: bool, out: &mut String) {
    let (inside, outside) = match escaped {
        Some('d') => ("0-9", "[0-9]"),
        Some('w') => ("A-Za-z0-9_", "[A-Za-z0-9_]"),
        Some('s') => (r" \t\n\x0B\x0C\r", r"[ \t\n\x0B\x0C\r]"),
        Some('D') => ("\\D", "[^0-9]"),
        Some('W') => ("\\W", "[^A-Za-z0-9_]"),
        Some('S') => ("\\S", r"[^ \t\n\x0B\x0C\r]"),
        // The end of the text; `matches` anchors anyway.
        Some('Z') => ("", r"\z"),
        // Rust refuses to escape what has no meaning, such as `\_`; Java takes it for the character.
        Some(c) if c.is_ascii_alphanumeric() || c.is_ascii_punctuation() && c != '_' => {
            out.push('\\');
            out.push(c);
            return;
        }
        Some(c) => {
            out.push(c);
            return;
        }
        None => ("\\\\", "\\\\"),
    };
    out.push_str(if in_class { inside } else { outside });
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn matches_all_of_the_text_and_reads_digits_as_java_does() {
        let pattern = Pattern::new(r"[^:].*");
        assert!(pattern.matches("AWS/EC2") && !pattern.matches(":x") && !pattern.matches(""));
        assert!(!pattern.matches("a\nb"), "the dot stops at the end of a line");

        let digits = Pattern::new(r"\d{2}");
        assert!(digits.matches("42") && !digits.matches("٤٢"));
        let mixed = Pattern::new(r"[0-9A-Za-z][\-\.\_0-9A-Za-z]{0,126}[0-9A-Za-z]");
        assert!(mixed.is_understood() && mixed.matches("a_b.c-d"));
    }

    #[test]
    fn a_pattern_nobody_understands_matches_everything() {
        let lookahead = Pattern::new("(?!aws:).*");
        assert!(!lookahead.is_understood() && lookahead.matches("aws:x"));
    }
}
