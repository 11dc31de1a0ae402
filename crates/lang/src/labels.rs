//! Dynamic labels: texts such as `cpu of ${PROP('Dim.InstanceId')}, at most ${MAX}`.
//!
//! A token stands in `${...}`, in capitals and without spaces; everything else is itself, a lone `$`
//! too.
//!
//! Source: CloudWatch user guide, "Use dynamic labels".

use crate::{Diagnostic, Span};
use std::fmt;

/// Tokens about values and times that a label may have; [`Token::Label`] and properties come on top.
pub const VALUE_TOKENS_MAX: usize = 6;
/// Longest label that is looked at, in bytes.
pub const BYTES_MAX: usize = 8_192;

/// A label, read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Label {
    /// Its pieces, in order.
    pub pieces: Vec<Piece>,
}

/// A piece of a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Stands for itself.
    Text(String),
    /// Stands for what it names.
    Token(Token),
}

/// What is put in place of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// The label that the series would have without one.
    Label,
    /// Something of the series' values.
    Value(Value),
    /// Something of the metric.
    Property(Property),
}

/// Something of a series' values; `First` and `Last` are by time, `Min` and `Max` by value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the token of its name")]
pub enum Value {
    Avg,
    DatapointCount,
    First,
    FirstLastRange,
    FirstLastTimeRange,
    FirstTime,
    FirstTimeRelative,
    Last,
    LastTime,
    LastTimeRelative,
    Max,
    MaxTime,
    MaxTimeRelative,
    Min,
    MinMaxRange,
    MinMaxTimeRange,
    MinTime,
    MinTimeRelative,
    Sum,
}

/// Something of the metric that a series is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Property {
    /// The account that has it.
    AccountId,
    /// That account's name.
    AccountLabel,
    /// The value of this dimension.
    Dimension(String),
    /// Its name.
    MetricName,
    /// Its namespace.
    Namespace,
    /// The period of the question, in seconds.
    Period,
    /// The region that has it.
    Region,
    /// The statistic of the question.
    Stat,
}

const VALUES: [(&str, Value); 19] = [
    ("AVG", Value::Avg),
    ("DATAPOINT_COUNT", Value::DatapointCount),
    ("FIRST", Value::First),
    ("FIRST_LAST_RANGE", Value::FirstLastRange),
    ("FIRST_LAST_TIME_RANGE", Value::FirstLastTimeRange),
    ("FIRST_TIME", Value::FirstTime),
    ("FIRST_TIME_RELATIVE", Value::FirstTimeRelative),
    ("LAST", Value::Last),
    ("LAST_TIME", Value::LastTime),
    ("LAST_TIME_RELATIVE", Value::LastTimeRelative),
    ("MAX", Value::Max),
    ("MAX_TIME", Value::MaxTime),
    ("MAX_TIME_RELATIVE", Value::MaxTimeRelative),
    ("MIN", Value::Min),
    ("MIN_MAX_RANGE", Value::MinMaxRange),
    ("MIN_MAX_TIME_RANGE", Value::MinMaxTimeRange),
    ("MIN_TIME", Value::MinTime),
    ("MIN_TIME_RELATIVE", Value::MinTimeRelative),
    ("SUM", Value::Sum),
];

const PROPERTIES: [(&str, Property); 7] = [
    ("AccountId", Property::AccountId),
    ("AccountLabel", Property::AccountLabel),
    ("MetricName", Property::MetricName),
    ("Namespace", Property::Namespace),
    ("Period", Property::Period),
    ("Region", Property::Region),
    ("Stat", Property::Stat),
];

impl Label {
    /// Reads a label.
    ///
    /// # Errors
    /// Every mistake in it, at least one.
    pub fn parse(source: &str) -> Result<Self, Vec<Diagnostic>> {
        if source.len() > BYTES_MAX {
            let span = Span { start: BYTES_MAX, end: BYTES_MAX };
            let message = format!("the label is longer than {BYTES_MAX} bytes");
            return Err(vec![Diagnostic::new(span.floor(source), message)]);
        }
        let mut pieces = Vec::new();
        let mut mistakes = Vec::new();
        let mut text_start = 0;
        while let Some(start) = source[text_start..].find("${").map(|at| text_start + at) {
            push_text(&mut pieces, &source[text_start..start]);
            let inside = &source[start + 2..];
            let end = match token_len(inside) {
                Some(len) => start + 2 + len + 1,
                None => {
                    let span = Span { start, end: source.len() };
                    mistakes.push(
                        Diagnostic::new(span, "a token without its end").with_hint("add a }"),
                    );
                    return Err(mistakes);
                }
            };
            match token(&source[start + 2..end - 1]) {
                Ok(token) => pieces.push(Piece::Token(token)),
                Err((message, hint)) => {
                    mistakes.push(Diagnostic::new(Span { start, end }, message).with_hint(hint));
                }
            }
            text_start = end;
        }
        push_text(&mut pieces, &source[text_start..]);
        let label = Self { pieces };
        label.check_counts(source, &mut mistakes);
        if mistakes.is_empty() { Ok(label) } else { Err(mistakes) }
    }

    /// Returns its tokens, in order.
    pub fn tokens(&self) -> impl Iterator<Item = &Token> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Token(token) => Some(token),
            Piece::Text(_) => None,
        })
    }

    /// Says whether there is nothing to put in: the label is the text that it was read from.
    pub fn is_plain(&self) -> bool {
        self.tokens().next().is_none()
    }

    fn check_counts(&self, source: &str, mistakes: &mut Vec<Diagnostic>) {
        let whole = Span { start: 0, end: source.len() };
        let count = |wanted: fn(&Token) -> bool| self.tokens().filter(|t| wanted(t)).count();
        if count(|t| *t == Token::Label) > 1 {
            mistakes.push(Diagnostic::new(whole, "${LABEL} can be used only once"));
        }
        let values = count(|t| matches!(t, Token::Value(_)));
        if values > VALUE_TOKENS_MAX {
            let message = format!("{values} dynamic values, at most {VALUE_TOKENS_MAX} may be");
            mistakes.push(Diagnostic::new(whole, message));
        }
    }
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

/// Returns the length of a token's inside, which a `}` ends; one in the quotes of a property does
/// not.
fn token_len(inside: &str) -> Option<usize> {
    if inside.starts_with("PROP('")
        && let Some(quoted) = inside.find("')}")
    {
        return Some(quoted + 2);
    }
    inside.find('}')
}

/// Reads the inside of `${...}`; a mistake is a message and a hint.
fn token(text: &str) -> Result<Token, (String, String)> {
    if text == "LABEL" {
        return Ok(Token::Label);
    }
    if let Some((_, value)) = VALUES.iter().find(|(name, _)| *name == text) {
        return Ok(Token::Value(*value));
    }
    if let Some(rest) = text.strip_prefix("PROP") {
        let name = rest.strip_prefix("('").and_then(|rest| rest.strip_suffix("')"));
        let Some(name) = name else {
            let hint = "write ${PROP('MetricName')}".to_owned();
            return Err(("a property is named in parentheses and quotes".to_owned(), hint));
        };
        return property(name).map(Token::Property);
    }
    let message = format!("`{text}` is no dynamic value");
    let near = text.trim().to_ascii_uppercase();
    let hint = match VALUES.iter().find(|(name, _)| *name == near) {
        Some((name, _)) => format!("write ${{{name}}}"),
        None => {
            let names: Vec<&str> = VALUES.iter().map(|(name, _)| *name).collect();
            format!("LABEL, PROP('...') and these are: {}", names.join(", "))
        }
    };
    Err((message, hint))
}

fn property(name: &str) -> Result<Property, (String, String)> {
    if let Some(dimension) = name.strip_prefix("Dim.").filter(|d| !d.is_empty()) {
        return Ok(Property::Dimension(dimension.to_owned()));
    }
    match PROPERTIES.iter().find(|(known, _)| *known == name) {
        Some((_, property)) => Ok(property.clone()),
        None => {
            let names: Vec<&str> = PROPERTIES.iter().map(|(name, _)| *name).collect();
            let hint = format!("Dim.NAME and these are: {}", names.join(", "));
            Err((format!("`{name}` is no property of a metric"), hint))
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(text),
            Piece::Token(token) => token.fmt(f),
        })
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label => f.write_str("${LABEL}"),
            Self::Value(value) => {
                let (name, _) = VALUES.iter().find(|(_, v)| v == value).ok_or(fmt::Error)?;
                write!(f, "${{{name}}}")
            }
            Self::Property(Property::Dimension(name)) => write!(f, "${{PROP('Dim.{name}')}}"),
            Self::Property(property) => {
                let (name, _) = PROPERTIES.iter().find(|(_, p)| p == property).ok_or(fmt::Error)?;
                write!(f, "${{PROP('{name}')}}")
            }
        }
    }
}

/// Reads a time zone such as `+0130`: minutes ahead of UTC.
///
/// Source: CloudWatch API reference, `LabelOptions`.
pub fn parse_zone(text: &str) -> Option<i32> {
    let (sign, digits) = match text.as_bytes() {
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let [h1, h2, m1, m2] = digits else { return None };
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |tens: &u8, ones: &u8| i32::from(tens - b'0') * 10 + i32::from(ones - b'0');
    let (hours, minutes) = (number(h1, h2), number(m1, m2));
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}
