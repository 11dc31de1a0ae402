//! The filter policy of a subscription: which messages it wants, as a JSON object.
//!
//! ```text
//! {"store": ["shop", {"prefix": "mart"}], "price": [{"numeric": [">=", 10, "<", 20]}],
//!  "$or": [{"kind": ["a"]}, {"size": [{"exists": false}]}]}
//! ```
//!
//! All fields must fit, and of each field one of its tests. The tree is read here; what it means of a
//! message is said elsewhere.
//!
//! ```
//! use lang::filter_policy::{FilterPolicy, Scope};
//!
//! let policy = FilterPolicy::parse(r#"{"state": ["ALARM", {"prefix": "INSUF"}]}"#, Scope::Attributes)?;
//! assert_eq!(policy.fields.len(), 1);
//! let error = FilterPolicy::parse(r#"{"state": []}"#, Scope::Attributes).unwrap_err();
//! assert_eq!(error.to_string(), "Empty arrays are not allowed");
//! # Ok::<(), lang::filter_policy::FilterPolicyError>(())
//! ```
//!
//! Source: SNS developer guide, "Filter policy constraints" and "String value matching" and following;
//! the tests are those of EventBridge's patterns.

mod parse;

use std::net::IpAddr;

/// Longer policies are refused.
///
/// Source: SNS developer guide, "Filter policy constraints".
pub const BYTES_MAX: usize = 256 << 10;
/// Fields of a policy over attributes.
pub const FIELDS_MAX: usize = 5;
/// Combinations of a policy: the product of the tests of each field and its level.
pub const COMBINATIONS_MAX: u64 = 150;

/// What a policy is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The attributes of a message: no nesting.
    Attributes,
    /// Its body, as JSON.
    Body,
}

/// Fields that must fit, all of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FilterPolicy {
    /// The fields, in the order of their names.
    pub fields: Vec<Field>,
}

/// One field of a policy.
#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    /// One of these tests must hold of the field's value.
    Tests(String, Vec<Test>),
    /// The field is an object, of which this must hold.
    Nested(String, FilterPolicy),
    /// One of these must hold of the object that the field stands in.
    Or(Vec<FilterPolicy>),
}

/// One test of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// The text.
    Text(String),
    /// The number.
    Number(f64),
    /// The truth value.
    Bool(bool),
    /// JSON's null.
    Null,
    /// There is such a field, or there is none.
    Exists(bool),
    /// A text that begins so; in any case of letters with `true`.
    Prefix(String, bool),
    /// A text that ends so.
    Suffix(String, bool),
    /// The text in any case of letters.
    EqualsIgnoreCase(String),
    /// A text of these pieces with anything between them.
    Wildcard(Vec<String>),
    /// A value of which none of these holds; a field that is not there has no value.
    AnythingBut(Vec<Test>),
    /// A number for which all comparisons hold.
    Numeric(Vec<(Comparison, f64)>),
    /// An address of a network of so many leading bits.
    Cidr(IpAddr, u8),
}

/// How numbers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `=`
    Equal,
    /// `>=`
    GreaterOrEqual,
    /// `>`
    Greater,
}

/// Why a text is no policy, in the service's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FilterPolicyError(pub String);

impl Test {
    /// Says whether the test holds of a text.
    pub fn holds_of_text(&self, text: &str) -> bool {
        match self {
            Self::Text(wanted) => text == wanted,
            Self::Prefix(wanted, false) => text.starts_with(wanted.as_str()),
            Self::Prefix(wanted, true) => lower(text).starts_with(&lower(wanted)),
            Self::Suffix(wanted, false) => text.ends_with(wanted.as_str()),
            Self::Suffix(wanted, true) => lower(text).ends_with(&lower(wanted)),
            Self::EqualsIgnoreCase(wanted) => lower(text) == lower(wanted),
            Self::Wildcard(pieces) => is_of_pieces(pieces, text),
            Self::AnythingBut(tests) => !tests.iter().any(|test| test.holds_of_text(text)),
            Self::Cidr(network, bits) => {
                text.parse().is_ok_and(|address| is_within(address, *network, *bits))
            }
            Self::Exists(wanted) => *wanted,
            Self::Number(_) | Self::Bool(_) | Self::Null | Self::Numeric(_) => false,
        }
    }

    /// Says whether the test holds of a number.
    pub fn holds_of_number(&self, number: f64) -> bool {
        match self {
            Self::Number(wanted) => number == *wanted,
            Self::Numeric(comparisons) => comparisons.iter().all(|(how, with)| match how {
                Comparison::Less => number < *with,
                Comparison::LessOrEqual => number <= *with,
                Comparison::Equal => number == *with,
                Comparison::GreaterOrEqual => number >= *with,
                Comparison::Greater => number > *with,
            }),
            Self::AnythingBut(tests) => !tests.iter().any(|test| test.holds_of_number(number)),
            Self::Exists(wanted) => *wanted,
            _ => false,
        }
    }

    /// Says whether the test holds of a truth value.
    pub fn holds_of_bool(&self, value: bool) -> bool {
        match self {
            Self::Bool(wanted) => value == *wanted,
            Self::AnythingBut(_) => true,
            Self::Exists(wanted) => *wanted,
            _ => false,
        }
    }

    /// Says whether the test holds of JSON's null.
    pub fn holds_of_null(&self) -> bool {
        match self {
            Self::Null | Self::AnythingBut(_) => true,
            Self::Exists(wanted) => *wanted,
            _ => false,
        }
    }
}

fn lower(text: &str) -> String {
    text.to_lowercase()
}

/// The first piece begins the text, the last one ends it, those between follow each other.
fn is_of_pieces(pieces: &[String], text: &str) -> bool {
    let [first, between @ .., last] = pieces else {
        return pieces.first().is_some_and(|only| only == text);
    };
    let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
    for piece in between {
        let Some(at) = rest.find(piece.as_str()) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last.as_str())
}

fn is_within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            a.to_bits() & mask == n.to_bits() & mask
        }
        (IpAddr::V6(a), IpAddr::V6(n)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            a.to_bits() & mask == n.to_bits() & mask
        }
        _ => false,
    }
}
