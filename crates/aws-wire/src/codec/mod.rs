//! From bytes to [`Value`]s and back, one file for each notation.
//!
//! All of them walk the same tables. Members the table does not know are skipped, as AWS does;
//! null counts as not given.
//!
//! [`Value`]: crate::Value

pub mod cbor;
pub mod json;
pub mod query;
pub mod rest;
pub mod time;
pub mod xml;

use crate::schema::{Kind, Shape};

/// Why bytes are no value of the shape. There is one cause for the caller: the client serialised
/// something else, and the answer says what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DecodeError {
    /// What is wrong, in the words AWS uses where they are known.
    pub message: String,
}

impl DecodeError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }

    pub(crate) fn too_deep(depth_max: usize) -> Self {
        Self::new(format!("Values are nested deeper than {depth_max} levels"))
    }

    /// A value that is there, but not of the type the shape wants.
    pub(crate) fn unexpected(found: Token, shape: &Shape) -> Self {
        let wants_nested = match &shape.kind {
            Kind::List(_) => Some("Expected list or null"),
            Kind::Map(_) | Kind::Structure(_) => Some("Expected map or null"),
            _ => None,
        };
        Self::new(match (found, wants_nested) {
            (Token::Map, None) => "Start of structure or map found where not expected.".to_owned(),
            (Token::List, None) => "Start of list found where not expected".to_owned(),
            (_, Some(text)) => text.to_owned(),
            (token, None) => {
                format!("{} can not be converted to {}", token.name(), wanted(&shape.kind))
            }
        })
    }
}

/// What stood on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    Bool(bool),
    Integer,
    Decimal,
    String,
    Bytes,
    Timestamp,
    List,
    Map,
}

impl Token {
    fn name(self) -> &'static str {
        match self {
            Token::Bool(true) => "TRUE_VALUE",
            Token::Bool(false) => "FALSE_VALUE",
            Token::Integer => "NUMBER_VALUE",
            Token::Decimal => "DECIMAL_VALUE",
            Token::String => "STRING_VALUE",
            Token::Bytes => "BLOB_VALUE",
            Token::Timestamp => "TIMESTAMP_VALUE",
            Token::List => "LIST_VALUE",
            Token::Map => "STRUCTURE_VALUE",
        }
    }
}

fn wanted(kind: &Kind) -> &'static str {
    match kind {
        Kind::String(_) => "a String",
        Kind::Integer(_) => "an Integer",
        Kind::Long(_) => "a Long",
        Kind::Float(_) => "a Float",
        Kind::Double(_) => "a Double",
        Kind::Boolean => "a Boolean",
        Kind::Timestamp(_) => "milliseconds since epoch",
        Kind::Blob(_) => "a Blob",
        Kind::List(_) => "a List",
        Kind::Map(_) | Kind::Structure(_) => "a Structure",
    }
}

/// Returns `number` if it fits the shape's width.
pub(crate) fn whole(number: i64, shape: &Shape) -> Result<i64, DecodeError> {
    if matches!(shape.kind, Kind::Integer(_)) && i32::try_from(number).is_err() {
        return Err(DecodeError::new(format!("{number} is out of the range of an Integer")));
    }
    Ok(number)
}

/// Returns milliseconds of seconds since 1970, if a calendar can show them.
#[expect(clippy::cast_possible_truncation, reason = "bounded just before")]
pub(crate) fn seconds_to_ms(seconds: f64) -> Result<i64, DecodeError> {
    let ms = (seconds * 1_000.0).round();
    if !(time::MIN_MS as f64..=time::MAX_MS as f64).contains(&ms) {
        return Err(DecodeError::new("Timestamp is out of range"));
    }
    Ok(ms as i64)
}

/// Reads the names that all text protocols use for what no decimal number can say.
pub(crate) fn named_number(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// Writes a number with a point or exponent, or as its name.
pub(crate) fn push_double(number: f64, out: &mut Vec<u8>) {
    let name = if number.is_nan() {
        "NaN"
    } else if number == f64::INFINITY {
        "Infinity"
    } else if number == f64::NEG_INFINITY {
        "-Infinity"
    } else {
        out.extend_from_slice(format!("{number:?}").as_bytes());
        return;
    };
    out.extend_from_slice(name.as_bytes());
}
