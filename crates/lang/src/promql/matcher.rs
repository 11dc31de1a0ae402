//! What a label must be.

use super::re2::Compiler;
use regex::Regex;

/// How a matcher compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MatchOp {
    /// `=`: is the value.
    Eq,
    /// `!=`: is not the value.
    Ne,
    /// `=~`: the regular expression matches all of it.
    Re,
    /// `!~`: the regular expression does not match all of it.
    Nre,
}

impl MatchOp {
    /// Returns the operator as it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::Ne => "!=",
            Self::Re => "=~",
            Self::Nre => "!~",
        }
    }
}

/// Why a regular expression is none, or too large.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("error parsing regexp: {0}")]
pub struct RegexError(pub(super) String);

/// What one label must be. A series without the label has the empty value.
#[derive(Debug, Clone)]
pub struct Matcher {
    /// The label's name; `__name__` for the metric's.
    pub name: String,
    /// How it compares.
    pub op: MatchOp,
    /// The value, or the regular expression as it was written.
    pub value: String,
    /// Made from `value`, which must not be changed without it.
    test: Test,
}

/// What a label's value is held against.
#[derive(Debug, Clone)]
enum Test {
    /// The value itself.
    Value,
    /// The branches of a plain expression, sorted. Dashboards write thousands of them, for which a
    /// compiled expression would be large and slow.
    OneOf(Vec<String>),
    Regex(Regex),
}

impl Test {
    fn of_regex(value: &str, regexes: &mut Compiler) -> Result<Self, RegexError> {
        if value.contains(|c| r"\.+*?()[]{}^$".contains(c)) {
            return regexes.anchored(value).map(Self::Regex);
        }
        let mut branches: Vec<String> = value.split('|').map(str::to_owned).collect();
        branches.sort_unstable();
        branches.dedup();
        Ok(Self::OneOf(branches))
    }
}

impl Matcher {
    /// Makes a matcher. Regular expressions are RE2's, must match the whole value, and `.` matches
    /// a line's end too.
    ///
    /// # Errors
    /// When the value is no regular expression and should be one.
    pub fn new(
        name: impl Into<String>,
        op: MatchOp,
        value: impl Into<String>,
    ) -> Result<Self, RegexError> {
        Self::with(&mut Compiler::default(), name.into(), op, value.into())
    }

    /// As [`Matcher::new`], for one of several matchers of a text.
    pub(super) fn with(
        regexes: &mut Compiler,
        name: String,
        op: MatchOp,
        value: String,
    ) -> Result<Self, RegexError> {
        let test = match op {
            MatchOp::Eq | MatchOp::Ne => Test::Value,
            MatchOp::Re | MatchOp::Nre => Test::of_regex(&value, regexes)?,
        };
        Ok(Self { name, op, value, test })
    }

    /// Says whether a label's value is what it must be.
    pub fn matches(&self, value: &str) -> bool {
        let found = match &self.test {
            Test::Value => self.value == value,
            Test::OneOf(branches) => branches.binary_search_by(|b| b.as_str().cmp(value)).is_ok(),
            Test::Regex(regex) => regex.is_match(value),
        };
        found == matches!(self.op, MatchOp::Eq | MatchOp::Re)
    }

    /// Says whether a series without the label matches.
    pub fn matches_empty(&self) -> bool {
        self.matches("")
    }

    /// Returns the only values that the matcher's text can be found in, when it is plain: the value
    /// itself, or the branches of a regular expression such as `a|b|c`, sorted.
    ///
    /// An index can look these up one by one. For [`MatchOp::Ne`] and [`MatchOp::Nre`] they are the
    /// values that do *not* match.
    pub fn plain_values(&self) -> Option<&[String]> {
        match &self.test {
            Test::Value => Some(std::slice::from_ref(&self.value)),
            Test::OneOf(branches) => Some(branches),
            Test::Regex(_) => None,
        }
    }
}

/// The compiled form follows from the rest.
impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.op == other.op && self.value == other.value
    }
}

impl Eq for Matcher {}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(op: MatchOp, value: &str) -> Matcher {
        Matcher::new("a", op, value).unwrap()
    }

    #[test]
    fn expressions_are_anchored_and_dots_match_lines_ends() {
        let re = matcher(MatchOp::Re, "a.c|d");
        for (value, expected) in
            [("abc", true), ("a\nc", true), ("d", true), ("dd", false), ("xabc", false)]
        {
            assert_eq!(re.matches(value), expected, "{value}");
            assert_eq!(matcher(MatchOp::Nre, "a.c|d").matches(value), !expected, "{value}");
        }
    }

    #[test]
    fn empty_values_are_absent_labels() {
        assert!(matcher(MatchOp::Eq, "").matches_empty());
        assert!(matcher(MatchOp::Ne, "x").matches_empty());
        assert!(matcher(MatchOp::Re, ".*").matches_empty());
        assert!(!matcher(MatchOp::Re, ".+").matches_empty());
        assert!(!matcher(MatchOp::Nre, ".*").matches_empty());
    }

    #[test]
    fn plain_branches_can_be_looked_up() {
        let plain = |op, value: &str| matcher(op, value).plain_values().map(<[String]>::to_vec);
        let values = |values: &[&str]| Some(values.iter().map(|&v| v.to_owned()).collect());
        assert_eq!(plain(MatchOp::Re, "c|b-1||c"), values(&["", "b-1", "c"]));
        assert_eq!(plain(MatchOp::Eq, "a|b"), values(&["a|b"]));
        let (re, nre) = (matcher(MatchOp::Re, "c|b-1"), matcher(MatchOp::Nre, "c|b-1"));
        for (value, expected) in [("c", true), ("b-1", true), ("b", false), ("", false)] {
            assert_eq!((re.matches(value), nre.matches(value)), (expected, !expected), "{value}");
        }
        for value in ["a.b", "(a|b)", "a+", "a\\|b", "^a"] {
            assert_eq!(plain(MatchOp::Re, value), None, "{value}");
        }
    }
}
