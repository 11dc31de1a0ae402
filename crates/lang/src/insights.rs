//! Metrics Insights: SQL over metrics.
//!
//! ```text
//! query  = SELECT function "(" name ")" FROM ( name | SCHEMA "(" name { "," name } ")" )
//!          [ WHERE either ] [ GROUP BY name { "," name } ]
//!          [ ORDER BY function "(" ")" [ ASC | DESC ] ] [ LIMIT number ]
//! either = both { OR both }
//! both   = one { AND one }
//! one    = "(" either ")" | name ( "=" | "!=" ) value | name [ NOT ] IN "(" value { "," value } ")"
//! name   = letters, digits and "_" | '"' ... '"'          value = "'" ... "'"
//! ```
//!
//! Keywords are read in any case. The guide's list of reserved words holds some that its own
//! examples use as names (`Class`, `Resource`, `Type`), so only those that the grammar has must be
//! quoted here. The guide's newest page shows `AND` alone; `OR`, parentheses and `IN` are what
//! Grafana's pages of AWS show and what query builders send.
//!
//! Source: CloudWatch user guide, "Metrics Insights query components and syntax".

mod lexer;
mod parse;
mod print;

pub use parse::parse;

/// Longest statement that is looked at, in bytes.
pub const BYTES_MAX: usize = 65_536;
/// Conditions that are nested deeper are refused.
pub const DEPTH_MAX: usize = 64;

/// A statement, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// What is told of the observations of each period.
    pub function: Function,
    /// The metric's name.
    pub metric: String,
    /// The namespace.
    pub namespace: String,
    /// With `SCHEMA`: the dimension names that a metric has, neither fewer nor more.
    pub schema: Option<Vec<String>>,
    /// What must hold of the dimensions.
    pub filter: Option<Filter>,
    /// Dimensions whose values tell the results apart; none gives one result.
    pub group_by: Vec<String>,
    /// How results are put in order; otherwise by the values of `group_by`.
    pub order_by: Option<OrderBy>,
    /// How many results there are at most; at least 1.
    pub limit: Option<u32>,
}

/// What is told of many observations or values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the keyword of its name")]
pub enum Function {
    Avg,
    Count,
    Max,
    Min,
    Sum,
}

impl Function {
    /// All, with their keywords.
    pub const ALL: [(&'static str, Self); 5] = [
        ("AVG", Self::Avg),
        ("COUNT", Self::Count),
        ("MAX", Self::Max),
        ("MIN", Self::Min),
        ("SUM", Self::Sum),
    ];

    /// Returns its keyword.
    pub fn keyword(self) -> &'static str {
        let (keyword, _) = Self::ALL[self as usize];
        keyword
    }
}

/// What must hold of a metric's dimensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// Each of them; two at least.
    All(Vec<Filter>),
    /// One of them; two at least.
    Any(Vec<Filter>),
    /// A dimension has one of these values; negated, it has none of them, or is not there.
    Is {
        /// The dimension.
        label: String,
        /// The values, one at least.
        values: Vec<String>,
        /// Turns the test round.
        negated: bool,
    },
}

/// The order of results: by what a function tells of each one's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderBy {
    /// The function.
    pub function: Function,
    /// Largest first.
    pub descending: bool,
}
