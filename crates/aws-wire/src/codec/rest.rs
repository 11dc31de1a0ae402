//! REST-JSON: members spread over path, query string, headers and body.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::query::{Pair, scalar, scalar_text, unescape};
use super::{DecodeError, json};
use crate::schema::{Kind, Location, Member, Operation, TimestampFormat};
use crate::value::{Struct, Value};

/// Labels of a path and what stood there, still escaped.
pub type Labels<'p> = Vec<(&'static str, &'p str)>;

/// How well a path fits: more literal parts are better, then more parts at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fit<'p> {
    /// What stood at the labels.
    pub labels: Labels<'p>,
    /// How many parts of the path were literal.
    pub literal_parts: usize,
}

/// Compares method and raw path with an operation's template; greedy labels (`{arn+}`) take as
/// many parts as there are.
pub fn fit<'p>(operation: &Operation, method: &str, path: &'p str) -> Option<Fit<'p>> {
    if operation.method != method {
        return None;
    }
    let template = operation.uri.split('?').next().unwrap_or_default();
    let mut wanted = template.trim_matches('/').split('/').peekable();
    let mut rest = Some(path.strip_prefix('/').unwrap_or(path));
    // A slash at the end is a matter of taste, unless a label stands there.
    if let Some(shorter) = rest.and_then(|text| text.strip_suffix('/'))
        && !shorter.is_empty()
    {
        rest = Some(shorter);
    }
    let mut found = Fit { labels: Vec::new(), literal_parts: 0 };
    while let Some(part) = wanted.next() {
        let text = rest?;
        let (head, tail) = match text.split_once('/') {
            Some((head, tail)) => (head, Some(tail)),
            None => (text, None),
        };
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(label) if label.ends_with('+') => {
                let after: Vec<&str> = wanted.by_ref().collect();
                let taken = greedy(text, &after)?;
                found.labels.push((label.trim_end_matches('+'), taken));
                found.literal_parts += after.len();
                return Some(found);
            }
            Some(label) if !head.is_empty() => found.labels.push((label, head)),
            None if part == head => found.literal_parts += 1,
            _ => return None,
        }
        rest = tail;
    }
    rest.is_none().then_some(found)
}

/// Returns what comes before the literal parts `after` at the end of `text`.
fn greedy<'p>(text: &'p str, after: &[&str]) -> Option<&'p str> {
    let mut taken = text;
    for part in after.iter().rev() {
        taken = taken.strip_suffix(part)?.strip_suffix('/')?;
    }
    (!taken.is_empty()).then_some(taken)
}

/// The parts of a request that REST reads.
#[derive(Debug)]
pub struct Parts<'a> {
    /// What stood at the labels of the path.
    pub labels: Labels<'a>,
    /// Parameters of the query string.
    pub query: Vec<Pair<'a>>,
    /// Headers.
    pub headers: &'a HeaderMap,
    /// Body.
    pub body: &'a [u8],
}

/// Reads a request as the operation's input.
///
/// # Errors
/// [`DecodeError`] when a part does not have its member's type.
pub fn decode<'a>(
    operation: &Operation,
    parts: &Parts<'a>,
    depth_max: usize,
) -> Result<Option<Struct<'a>>, DecodeError> {
    let Some(shape) = operation.input else { return Ok(None) };
    let payload = shape.members().iter().position(|m| m.location == Location::Payload);
    let has_body = shape.members().iter().any(|m| m.location == Location::Body);
    let mut value = match payload {
        None if has_body => json::decode(shape, parts.body, depth_max)?,
        _ => Struct::new(shape),
    };
    for (at, member) in shape.members().iter().enumerate() {
        let found = match member.location {
            Location::Body | Location::Status => continue,
            Location::Payload => payload_value(member, parts.body, depth_max)?,
            Location::Uri => label_value(member, &parts.labels)?,
            Location::Query => query_value(member, shape.members(), &parts.query)?,
            Location::Header => header_value(member, parts.headers)?,
            Location::Headers => prefixed_headers(member, parts.headers),
        };
        // Also when it is null: JSON of the same name must not reach a member that is elsewhere.
        *value.slot(at) = found;
    }
    Ok(Some(value))
}

fn payload_value<'a>(
    member: &Member,
    body: &'a [u8],
    depth_max: usize,
) -> Result<Value<'a>, DecodeError> {
    match &member.shape.kind {
        _ if body.is_empty() => Ok(Value::Null),
        Kind::Structure(_) => json::decode(member.shape, body, depth_max).map(Value::Struct),
        Kind::String(_) => std::str::from_utf8(body)
            .map(Value::from)
            .map_err(|_| DecodeError::new("Body is not valid UTF-8")),
        _ => Ok(Value::Blob(Cow::Borrowed(body))),
    }
}

fn label_value<'a>(member: &Member, labels: &Labels<'a>) -> Result<Value<'a>, DecodeError> {
    match labels.iter().find(|(name, _)| *name == member.wire_name) {
        Some((_, raw)) => {
            scalar(member.shape, member.timestamp_format, unescape(raw.as_bytes(), false)?)
        }
        None => Ok(Value::Null),
    }
}

fn query_value<'a>(
    member: &Member,
    members: &[Member],
    query: &[Pair<'a>],
) -> Result<Value<'a>, DecodeError> {
    match &member.shape.kind {
        Kind::List(list) => {
            let values: Vec<_> = query
                .iter()
                .filter(|(name, _)| name == member.wire_name)
                .map(|(_, text)| scalar(list.member, None, text.clone()))
                .collect::<Result<_, _>>()?;
            Ok(if values.is_empty() { Value::Null } else { Value::List(values) })
        }
        Kind::Map(map) => {
            let is_other = |name: &str| {
                members.iter().any(|m| m.location == Location::Query && m.wire_name == name)
            };
            let entries: Vec<_> = query
                .iter()
                .filter(|(name, _)| !is_other(name))
                .map(|(name, text)| Ok((name.clone(), scalar(map.value, None, text.clone())?)))
                .collect::<Result<_, DecodeError>>()?;
            Ok(if entries.is_empty() { Value::Null } else { Value::Map(entries) })
        }
        _ => match query.iter().find(|(name, _)| name == member.wire_name) {
            Some((_, text)) => scalar(member.shape, member.timestamp_format, text.clone()),
            None => Ok(Value::Null),
        },
    }
}

fn header_value<'a>(member: &Member, headers: &'a HeaderMap) -> Result<Value<'a>, DecodeError> {
    let Some(raw) = headers.get(member.wire_name) else { return Ok(Value::Null) };
    let text = std::str::from_utf8(raw.as_bytes())
        .map_err(|_| DecodeError::new("Header is not valid UTF-8"))?;
    match &member.shape.kind {
        Kind::List(list) => text
            .split(',')
            .map(|item| scalar(list.member, None, Cow::Borrowed(item.trim())))
            .collect::<Result<_, _>>()
            .map(Value::List),
        Kind::Timestamp(of_shape) => {
            let format = member.timestamp_format.or(*of_shape).unwrap_or(TimestampFormat::HttpDate);
            scalar(member.shape, Some(format), Cow::Borrowed(text))
        }
        _ => scalar(member.shape, None, Cow::Borrowed(text)),
    }
}

fn prefixed_headers<'a>(member: &Member, headers: &'a HeaderMap) -> Value<'a> {
    let prefix = member.wire_name.to_ascii_lowercase();
    let entries: Vec<_> = headers
        .iter()
        .filter_map(|(name, value)| {
            let key = name.as_str().strip_prefix(&prefix)?;
            Some((Cow::Borrowed(key), Value::from(value.to_str().ok()?)))
        })
        .collect();
    if entries.is_empty() { Value::Null } else { Value::Map(entries) }
}

/// Status, headers and body of an answer.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers that members gave.
    pub headers: HeaderMap,
    /// Body.
    pub body: Vec<u8>,
}

/// Writes the answer of an operation.
pub fn encode(operation: &Operation, output: Option<&Struct<'_>>) -> Answer {
    let mut answer = Answer {
        status: if operation.status == 0 { 200 } else { operation.status },
        headers: HeaderMap::new(),
        body: Vec::new(),
    };
    let Some(output) = output else {
        // Clients read an empty object more reliably than nothing.
        answer.body.extend_from_slice(b"{}");
        return answer;
    };
    let mut payload = None;
    for (member, value) in output.shape().members().iter().zip(output.members()) {
        match (member.location, value) {
            (Location::Status, Value::Int(status)) => {
                answer.status = u16::try_from(*status).unwrap_or(answer.status);
            }
            (Location::Header, value) => push_header(member.wire_name, member, value, &mut answer),
            (Location::Headers, Value::Map(entries)) => {
                for (key, value) in entries {
                    push_header(&format!("{}{key}", member.wire_name), member, value, &mut answer);
                }
            }
            (Location::Payload, value) => payload = Some(value),
            _ => {}
        }
    }
    match payload {
        Some(Value::Struct(inner)) => json::encode(inner, &mut answer.body),
        Some(Value::Blob(bytes)) => answer.body.extend_from_slice(bytes),
        Some(Value::Str(text)) => answer.body.extend_from_slice(text.as_bytes()),
        Some(_) => {}
        None => json::encode_body_members(output, &mut answer.body),
    }
    answer
}

fn push_header(name: &str, member: &Member, value: &Value<'_>, answer: &mut Answer) {
    let text =
        scalar_text(value, &member.shape.kind, member.timestamp_format, TimestampFormat::HttpDate);
    // A value that no header can hold is left out: half an answer is worse than a header less.
    if let Some(text) = text
        && let Ok(name) = HeaderName::from_bytes(name.to_ascii_lowercase().as_bytes())
        && let Ok(value) = HeaderValue::from_str(&text)
    {
        answer.headers.append(name, value);
    }
}
