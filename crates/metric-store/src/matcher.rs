//! What a reader asks of labels. Languages translate into this; the store knows none of them.

use std::fmt;
use std::sync::Arc;

/// A test of one label's value; a series without the label has the empty value.
#[derive(Clone)]
pub struct Matcher {
    /// The label, or one of the virtual ones (`__name__`, `__namespace__`, `__unit__`).
    pub label: String,
    /// What its value must pass.
    pub test: Test,
    /// Turns the test round.
    pub negated: bool,
}

/// The test itself.
#[derive(Clone)]
pub enum Test {
    /// Exactly this value.
    Equal(String),
    /// One of these values.
    AnyOf(Vec<String>),
    /// Whatever the function takes, such as a regular expression.
    Passes(Arc<dyn Fn(&str) -> bool + Send + Sync>),
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not = if self.negated { "!" } else { "" };
        match &self.test {
            Test::Equal(value) => write!(f, "{}{not}={value:?}", self.label),
            Test::AnyOf(values) => write!(f, "{}{not}in{values:?}", self.label),
            Test::Passes(_) => write!(f, "{}{not}~…", self.label),
        }
    }
}

impl Test {
    /// Says whether the test takes `value`.
    pub(crate) fn passes(&self, value: &str) -> bool {
        match self {
            Self::Equal(wanted) => wanted == value,
            Self::AnyOf(wanted) => wanted.iter().any(|w| w == value),
            Self::Passes(test) => test(value),
        }
    }
}

impl Matcher {
    /// The label must have exactly this value.
    pub fn equal(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self { label: label.into(), test: Test::Equal(value.into()), negated: false }
    }

    /// Says whether a label with this value matches.
    pub fn matches(&self, value: &str) -> bool {
        self.test.passes(value) != self.negated
    }

    /// Says whether series without the label match.
    pub(crate) fn matches_absent(&self) -> bool {
        self.matches("")
    }
}

/// Is shown a series' number and labels, by name and value.
pub(crate) type ShowLabels<'a> = dyn FnMut(u32, &[(&str, &str)]) + 'a;

/// Finds numbers by label: the head's registry and each part's index offer it.
pub(crate) trait LabelIndex {
    type Error;
    /// All series of the tenant.
    fn all(&self) -> Result<Vec<u32>, Self::Error>;
    /// Series whose label has exactly the value.
    fn with_value(&self, label: &str, value: &str) -> Result<Vec<u32>, Self::Error>;
    /// Shows each value of a label, with the length of `out`, and appends the series that have it
    /// when `wanted` says so.
    fn with_values(
        &self,
        label: &str,
        wanted: &mut dyn FnMut(&str, usize) -> bool,
        out: &mut Vec<u32>,
    ) -> Result<(), Self::Error>;
    /// The tenant's labels, virtual ones included, each with the number of its values.
    fn label_sizes(&self) -> Result<Vec<(String, usize)>, Self::Error>;
    /// Shows the labels of some series, virtual ones included; `numbers` must be sorted.
    fn show_labels(&self, numbers: &[u32], show: &mut ShowLabels<'_>) -> Result<(), Self::Error>;
    /// What showing the labels of some series takes, in nanoseconds.
    fn show_cost(&self, numbers: &[u32]) -> u64;
    /// How many series the tenant has.
    fn series_len(&self) -> usize;

    /// Series whose label has a value that the test takes.
    fn with_any(
        &self,
        label: &str,
        test: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Vec<u32>, Self::Error> {
        let mut found = Vec::new();
        self.with_values(label, &mut |value, _| test(value), &mut found)?;
        Ok(crate::postings::sorted(found))
    }
}

/// Returns the numbers that all matchers take, sorted, without touching data.
pub(crate) fn select<I: LabelIndex>(index: &I, matchers: &[Matcher]) -> Result<Vec<u32>, I::Error> {
    use crate::postings::{intersect, subtract, union};
    let mut found: Option<Vec<u32>> = None;
    // Equalities first: they are cheap and leave little for the others.
    let mut ordered: Vec<&Matcher> = matchers.iter().collect();
    ordered.sort_by_key(|m| match (&m.test, m.matches_absent()) {
        (Test::Equal(_), false) => 0,
        (Test::AnyOf(_), false) => 1,
        (_, false) => 2,
        (_, true) => 3,
    });
    for matcher in ordered {
        if found.as_ref().is_some_and(Vec::is_empty) {
            break;
        }
        if matcher.matches_absent() {
            // Those that have the label with a value that does not match are out; all others stay.
            let out = index.with_any(&matcher.label, &mut |value| !matcher.matches(value))?;
            let from = match found {
                Some(found) => found,
                None => index.all()?,
            };
            found = Some(subtract(&from, &out));
            continue;
        }
        let these = match (&matcher.test, matcher.negated) {
            (Test::Equal(value), false) => index.with_value(&matcher.label, value)?,
            (Test::AnyOf(values), false) => {
                let lists: Result<Vec<_>, _> =
                    values.iter().map(|v| index.with_value(&matcher.label, v)).collect();
                union(lists?)
            }
            _ => index.with_any(&matcher.label, &mut |value| matcher.matches(value))?,
        };
        found = Some(match found {
            Some(found) => intersect(&found, &these),
            None => these,
        });
    }
    match found {
        Some(found) => Ok(found),
        None => index.all(),
    }
}
