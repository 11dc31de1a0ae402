//! Regular expressions whose groups are written into a new text: what `label_replace` does.

use super::matcher::RegexError;
use super::re2::Compiler;
use regex::Regex;

/// A regular expression as PromQL has them: RE2's, of a whole value.
#[derive(Debug, Clone)]
pub struct AnchoredRegex {
    regex: Regex,
    compiled_bytes: usize,
}

/// A state of a compiled expression takes about this many bytes.
const STATE_BYTES: usize = 64;

impl AnchoredRegex {
    /// Compiles an expression.
    ///
    /// # Errors
    /// When it is none, or too large.
    pub fn new(expression: &str) -> Result<Self, RegexError> {
        let mut compiler = Compiler::default();
        let regex = compiler.anchored(expression)?;
        Ok(Self { regex, compiled_bytes: compiler.bytes() })
    }

    /// Returns how many steps a search of `value` takes at most, roughly: to find what the groups
    /// took, every state of the expression may be followed at every byte.
    pub fn steps_max(&self, value: &str) -> usize {
        value.len().saturating_add(1).saturating_mul(self.compiled_bytes / STATE_BYTES)
    }

    /// Returns `template` with `$1`, `${1}` and `$name` replaced by what the groups took of
    /// `value`; nothing if the expression does not match all of it.
    pub fn expand(&self, value: &str, template: &str) -> Option<String> {
        let mut text = String::new();
        self.regex.captures(value)?.expand(template, &mut text);
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_expressions_take_more_steps() {
        let steps = |text: &str| AnchoredRegex::new(text).unwrap().steps_max("0123456789");
        assert_eq!(steps("(.*)-(.*)"), 11 * 1_024);
        assert!(steps("(x{100}){100}") > 11 * 8_000, "a state for each x");
    }

    #[test]
    fn groups_are_written_into_the_template() {
        let regex = AnchoredRegex::new("(?P<first>.*):(.*)").unwrap();
        for (template, expected) in
            [("$2-$first", "b-a"), ("${1}x", "ax"), ("$1x", ""), ("$$", "$"), ("$9", "")]
        {
            assert_eq!(regex.expand("a:b", template).as_deref(), Some(expected), "{template}");
        }
        assert_eq!(regex.expand("ab", "$1"), None);
    }
}
