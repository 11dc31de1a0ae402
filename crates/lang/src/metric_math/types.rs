//! What an expression is, and what the ids in it are.

use std::fmt;

/// What an expression is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// One number: `S`.
    Scalar,
    /// A time series: `TS`.
    Series,
    /// An array of time series: `TS[]`.
    Array,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scalar => "a scalar (S)",
            Self::Series => "a time series (TS)",
            Self::Array => "an array of time series (TS[])",
        })
    }
}

/// What an id of the request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdKind {
    /// A metric: a series, which has a period of its own.
    Metric,
    /// Another expression or query, of this type.
    Expression(Type),
}

impl IdKind {
    /// Returns the type of its value.
    pub fn value_type(self) -> Type {
        match self {
            Self::Metric => Type::Series,
            Self::Expression(known) => known,
        }
    }
}

/// The ids that an expression may use.
pub trait Ids {
    /// Says what an id is; none when there is no such id.
    fn kind(&self, id: &str) -> Option<IdKind>;

    /// Returns the ids, so that a mistyped one can be answered with its neighbour.
    fn names(&self) -> Vec<&str>;
}

impl Ids for [(&str, IdKind)] {
    fn kind(&self, id: &str) -> Option<IdKind> {
        self.iter().find(|(name, _)| *name == id).map(|(_, kind)| *kind)
    }

    fn names(&self) -> Vec<&str> {
        self.iter().map(|(name, _)| *name).collect()
    }
}
