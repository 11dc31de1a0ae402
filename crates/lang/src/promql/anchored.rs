//! Regular expressions whose groups are written into a new text: what `label_replace` does.

use super::matcher::RegexError;
use super::re2::Compiler;
use regex::Regex;

/// A regular expression as PromQL has them: RE2's, of a whole value.
#[derive(Debug, Clone)]
pub struct AnchoredRegex(Regex);

impl AnchoredRegex {
    /// Compiles an expression.
    ///
    /// # Errors
    /// When it is none, or too large.
    pub fn new(expression: &str) -> Result<Self, RegexError> {
        Compiler::default().anchored(expression).map(Self)
    }

    /// Returns `template` with `$1`, `${1}` and `$name` replaced by what the groups took of
    /// `value`; nothing if the expression does not match all of it.
    pub fn expand(&self, value: &str, template: &str) -> Option<String> {
        let mut text = String::new();
        self.0.captures(value)?.expand(template, &mut text);
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
