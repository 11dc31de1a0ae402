//! The text of a search, the first argument of `SEARCH(...)`: `{AWS/EC2,InstanceId} cpu NOT "t2.micro"`.
//!
//! ```text
//! search    = [schema [","]] [either]                        one of them at least
//! schema    = "{" name { "," name } "}"                      the namespace, then dimension names
//! either    = both { "OR" both }
//! both      = one { ["AND"] one }                            a space is AND
//! one       = "NOT" one | "(" either ")" | term | property
//! term      = bare | quoted                                  in part, or exactly
//! property  = name "=" ( bare | quoted | "(" either ")" )    the same, of one thing only
//! ```
//!
//! `AND` binds stronger than `OR`; the user guide does not say it and shows parentheses where it
//! matters. Property values in parentheses are in no guide either, and dashboards that select
//! several values of a dimension send them.
//!
//! Source: CloudWatch user guide, "Search expression syntax".

mod parse;
mod print;

pub use parse::parse;

use crate::Span;

/// Longest text, in characters. Printed back, with each `AND` and escape, one may be longer.
///
/// Source: CloudWatch user guide, "Search expression limits".
pub const CHARS_MAX: usize = 1_024;
/// Conditions that are nested deeper are refused.
pub const DEPTH_MAX: usize = 64;

/// What is searched for: one of the two at least.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// The namespace and the exact set of dimension names.
    pub schema: Option<Schema>,
    /// What else must hold.
    pub condition: Option<Condition>,
}

/// A namespace and the dimension names that a metric has, neither fewer nor more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// The namespace.
    pub namespace: String,
    /// The dimension names, in the order written.
    pub dimensions: Vec<String>,
}

/// What must hold of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Each of them; two at least.
    All(Vec<Condition>),
    /// One of them; two at least.
    Any(Vec<Condition>),
    /// Not that.
    Not(Box<Condition>),
    /// A text is found.
    Term(Term),
}

/// A text, and where it must be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Where.
    pub place: Place,
    /// What.
    pub text: Text,
    /// Where the text stands in the source.
    pub span: Span,
}

/// Where a text must be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the namespace, the name, a dimension's name or a dimension's value.
    Anywhere,
    /// In the metric's name.
    MetricName,
    /// In the namespace.
    Namespace,
    /// In the value of this dimension.
    Dimension(String),
    /// In the number of the account; `LOCAL` is the account that asks.
    Account,
}

/// A text that is searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// All of it, letter for letter.
    Exact(String),
    /// Its words, one behind the other, somewhere in the text.
    Partial(String),
}

impl Condition {
    /// Removes what says where things stood, so that trees can be compared.
    pub fn clear_spans(&mut self) {
        match self {
            Self::All(all) | Self::Any(all) => all.iter_mut().for_each(Self::clear_spans),
            Self::Not(inner) => inner.clear_spans(),
            Self::Term(term) => term.span = Span { start: 0, end: 0 },
        }
    }
}
