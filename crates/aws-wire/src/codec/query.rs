//! AWS Query requests: structures as form parameters with dotted names.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{DecodeError, Token, named_number, push_double, time, whole};
use crate::schema::{Kind, List, Map, Member, Shape, TimestampFormat};
use crate::value::{Struct, Value};

/// Name and value of one form parameter.
pub type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Splits a form or query string and undoes its escapes.
///
/// # Errors
/// [`DecodeError`] when escapes do not give UTF-8.
pub fn pairs(form: &[u8]) -> Result<Vec<Pair<'_>>, DecodeError> {
    form.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = match memchr::memchr(b'=', pair) {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &[][..]),
            };
            Ok((unescape(name, true)?, unescape(value, true)?))
        })
        .collect()
}

/// Undoes percent escapes, and in forms the `+` for a space.
pub(crate) fn unescape(text: &[u8], is_form: bool) -> Result<Cow<'_, str>, DecodeError> {
    let not_utf8 = || DecodeError::new("Parameter is not valid UTF-8");
    if !text.iter().any(|byte| *byte == b'%' || is_form && *byte == b'+') {
        return std::str::from_utf8(text).map(Cow::Borrowed).map_err(|_| not_utf8());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail) {
            (b'%', [high, low, after @ ..]) => match (hex_digit(*high), hex_digit(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    rest = after;
                }
                // A lone percent sign stands for itself, as browsers and servlets read it.
                _ => out.push(b'%'),
            },
            (b'+', _) if is_form => out.push(b' '),
            (other, _) => out.push(other),
        }
    }
    String::from_utf8(out).map(Cow::Owned).map_err(|_| not_utf8())
}

pub(crate) fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Reads form parameters as a structure. Parameters that belong to no member are skipped, among
/// them `Action`, `Version` and what a presigned query adds.
///
/// # Errors
/// [`DecodeError`] when a parameter does not have its member's type or its name is nested deeper
/// than `depth_max`.
pub fn decode<'a>(
    shape: &'static Shape,
    pairs: Vec<Pair<'a>>,
    depth_max: usize,
) -> Result<Struct<'a>, DecodeError> {
    let mut root = Node::Absent;
    for (name, text) in pairs {
        root.insert(shape, &name, text, depth_max)?;
    }
    match root.into_value(shape, None)? {
        Value::Struct(value) => Ok(value),
        _ => Ok(Struct::new(shape)),
    }
}

/// A value under construction: parameters may come in any order, list positions with gaps.
#[derive(Default)]
enum Node<'a> {
    #[default]
    Absent,
    Text(Cow<'a, str>),
    Fields(Vec<Node<'a>>),
    Items(BTreeMap<u32, Node<'a>>),
    Entries(BTreeMap<u32, Entry<'a>>),
}

#[derive(Default)]
struct Entry<'a> {
    key: Option<Cow<'a, str>>,
    value: Node<'a>,
}

/// Splits the first part off a dotted name.
fn split(path: &str) -> (&str, &str) {
    path.split_once('.').unwrap_or((path, ""))
}

/// Returns the name that a member has in forms and XML. A flattened list whose elements have a
/// name is called by it.
pub(super) fn form_name(member: &Member) -> &'static str {
    match &member.shape.kind {
        Kind::List(list) if list.flattened && list.member_name != "member" => list.member_name,
        _ => member.wire_name,
    }
}

impl<'a> Node<'a> {
    fn insert(
        &mut self,
        shape: &'static Shape,
        path: &str,
        text: Cow<'a, str>,
        depth_left: usize,
    ) -> Result<(), DecodeError> {
        let Some(depth_left) = depth_left.checked_sub(1) else {
            return Err(DecodeError::new("Parameter name is nested too deeply"));
        };
        match &shape.kind {
            Kind::Structure(structure) => {
                let (head, rest) = split(path);
                let fields = self.fields(structure.members.len());
                let Some(at) = structure.members.iter().position(|m| form_name(m) == head) else {
                    return Ok(());
                };
                fields[at].insert(structure.members[at].shape, rest, text, depth_left)
            }
            Kind::List(list) => self.insert_item(list, path, text, depth_left),
            Kind::Map(map) => self.insert_entry(map, path, text, depth_left),
            _ if path.is_empty() => {
                *self = Node::Text(text);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn fields(&mut self, count: usize) -> &mut [Node<'a>] {
        if !matches!(self, Node::Fields(_)) {
            *self = Node::Fields(std::iter::repeat_with(Node::default).take(count).collect());
        }
        match self {
            Node::Fields(fields) => fields,
            _ => &mut [],
        }
    }

    fn insert_item(
        &mut self,
        list: &'static List,
        path: &str,
        text: Cow<'a, str>,
        depth_left: usize,
    ) -> Result<(), DecodeError> {
        if !matches!(self, Node::Items(_)) {
            *self = Node::Items(BTreeMap::new());
        }
        let Node::Items(items) = self else { return Ok(()) };
        let mut path = path;
        if !list.flattened {
            let (head, rest) = split(path);
            if head != list.member_name {
                return nothing_but_empty(head, &text);
            }
            path = rest;
        }
        let (head, rest) = split(path);
        if head.is_empty() {
            return nothing_but_empty(head, &text);
        }
        let Some(at) = position(head)? else { return Ok(()) };
        items.entry(at).or_default().insert(list.member, rest, text, depth_left)
    }

    fn insert_entry(
        &mut self,
        map: &'static Map,
        path: &str,
        text: Cow<'a, str>,
        depth_left: usize,
    ) -> Result<(), DecodeError> {
        if !matches!(self, Node::Entries(_)) {
            *self = Node::Entries(BTreeMap::new());
        }
        let Node::Entries(entries) = self else { return Ok(()) };
        let mut path = path;
        if !map.flattened {
            let (head, rest) = split(path);
            if head != "entry" {
                return nothing_but_empty(head, &text);
            }
            path = rest;
        }
        let (head, rest) = split(path);
        let Some(at) = position(head)? else { return nothing_but_empty(head, &text) };
        let (part, rest) = split(rest);
        let entry = entries.entry(at).or_default();
        if part == map.names.0 {
            entry.key = Some(text);
        } else if part == map.names.1 {
            entry.value.insert(map.value, rest, text, depth_left)?;
        }
        Ok(())
    }

    fn into_value(
        self,
        shape: &'static Shape,
        format: Option<TimestampFormat>,
    ) -> Result<Value<'a>, DecodeError> {
        match (self, &shape.kind) {
            (Node::Text(text), _) => scalar(shape, format, text),
            (Node::Fields(fields), Kind::Structure(structure)) => {
                let mut value = Struct::new(shape);
                for (at, (field, member)) in fields.into_iter().zip(structure.members).enumerate() {
                    *value.slot(at) = field.into_value(member.shape, member.timestamp_format)?;
                }
                Ok(Value::Struct(value))
            }
            (Node::Items(items), Kind::List(list)) => items
                .into_values()
                .map(|item| item.into_value(list.member, None))
                .collect::<Result<_, _>>()
                .map(Value::List),
            (Node::Entries(entries), Kind::Map(map)) => entries
                .into_values()
                .filter_map(|entry| entry.key.map(|key| (key, entry.value)))
                .map(|(key, value)| Ok((key, value.into_value(map.value, None)?)))
                .collect::<Result<_, _>>()
                .map(Value::Map),
            _ => Ok(Value::Null),
        }
    }
}

/// `Dimensions=` is how clients write an empty list; any other text there is no list.
fn nothing_but_empty(head: &str, text: &str) -> Result<(), DecodeError> {
    if head.is_empty() && !text.is_empty() {
        return Err(DecodeError::new("Expected list or map"));
    }
    Ok(())
}

/// Reads a position in a list; `None` where there is no number at all.
fn position(text: &str) -> Result<Option<u32>, DecodeError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| DecodeError::new(format!("Position {text} is too large")))
}

/// Reads one text as what its shape wants; for forms, query strings and path labels.
pub(super) fn scalar<'a>(
    shape: &Shape,
    format: Option<TimestampFormat>,
    text: Cow<'a, str>,
) -> Result<Value<'a>, DecodeError> {
    let unexpected = || DecodeError::unexpected(Token::String, shape);
    match &shape.kind {
        Kind::String(_) => Ok(Value::Str(text)),
        Kind::Integer(_) | Kind::Long(_) => {
            whole(text.trim().parse().map_err(|_| unexpected())?, shape).map(Value::Int)
        }
        Kind::Double(_) | Kind::Float(_) => {
            double(text.trim()).map(Value::Double).ok_or_else(unexpected)
        }
        Kind::Boolean => match text.trim() {
            flag if flag.eq_ignore_ascii_case("true") => Ok(Value::Bool(true)),
            flag if flag.eq_ignore_ascii_case("false") => Ok(Value::Bool(false)),
            _ => Err(unexpected()),
        },
        Kind::Timestamp(of_shape) => {
            let at = match format.or(*of_shape) {
                Some(TimestampFormat::HttpDate) => time::parse_http_date(&text),
                _ => time::parse(&text),
            };
            at.map(Value::Timestamp)
                .ok_or_else(|| DecodeError::new("timestamp must follow ISO8601"))
        }
        Kind::Blob(_) => BASE64
            .decode(text.as_bytes())
            .map(|bytes| Value::Blob(Cow::Owned(bytes)))
            .map_err(|_| unexpected()),
        Kind::List(_) | Kind::Map(_) | Kind::Structure(_) => Err(unexpected()),
    }
}

/// Reads a number as the protocols write it. Rust's own parser knows more words for infinity.
fn double(text: &str) -> Option<f64> {
    let is_number =
        text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
    if is_number { text.parse().ok() } else { named_number(text) }
}

/// Writes a structure as form parameters behind `Action` and `Version`; what a client sends.
pub fn encode(action: &str, version: &str, value: &Struct<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    push_pair("Action", action, &mut out);
    push_pair("Version", version, &mut out);
    write_struct(value, "", &mut out);
    out
}

fn push_pair(name: &str, value: &str, out: &mut Vec<u8>) {
    if !out.is_empty() {
        out.push(b'&');
    }
    escape(name.as_bytes(), out);
    out.push(b'=');
    escape(value.as_bytes(), out);
}

/// Escapes everything but what RFC 3986 calls unreserved.
pub(crate) fn escape(text: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(byte);
        } else {
            out.extend_from_slice(&[
                b'%',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]);
        }
    }
}

fn joined(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

fn write_struct(value: &Struct<'_>, prefix: &str, out: &mut Vec<u8>) {
    for (member, inner) in value.shape().members().iter().zip(value.members()) {
        if !inner.is_null() {
            let name = joined(prefix, form_name(member));
            write_value(inner, member.shape, member.timestamp_format, &name, out);
        }
    }
}

fn write_value(
    value: &Value<'_>,
    shape: &Shape,
    format: Option<TimestampFormat>,
    name: &str,
    out: &mut Vec<u8>,
) {
    match (value, &shape.kind) {
        (Value::Struct(inner), _) => write_struct(inner, name, out),
        (Value::List(list), _) if list.is_empty() => push_pair(name, "", out),
        (Value::List(list), Kind::List(of)) => {
            let prefix = if of.flattened { name.to_owned() } else { joined(name, of.member_name) };
            for (i, value) in list.iter().enumerate() {
                write_value(value, of.member, None, &format!("{prefix}.{}", i + 1), out);
            }
        }
        (Value::Map(entries), Kind::Map(of)) => {
            let prefix = if of.flattened { name.to_owned() } else { joined(name, "entry") };
            for (i, (key, value)) in entries.iter().enumerate() {
                push_pair(&format!("{prefix}.{}.{}", i + 1, of.names.0), key, out);
                let name = format!("{prefix}.{}.{}", i + 1, of.names.1);
                write_value(value, of.value, None, &name, out);
            }
        }
        (scalar, kind) => {
            if let Some(text) = scalar_text(scalar, kind, format, TimestampFormat::Iso8601) {
                push_pair(name, &text, out);
            }
        }
    }
}

/// Writes one value as text; `None` when it is no scalar or not given.
pub(super) fn scalar_text<'v>(
    value: &'v Value<'_>,
    kind: &Kind,
    format: Option<TimestampFormat>,
    default: TimestampFormat,
) -> Option<Cow<'v, str>> {
    Some(match value {
        Value::Str(text) => Cow::Borrowed(text.as_ref()),
        Value::Bool(flag) => Cow::Borrowed(if *flag { "true" } else { "false" }),
        Value::Int(number) => Cow::Owned(number.to_string()),
        Value::Double(number) => {
            let mut text = Vec::new();
            push_double(*number, &mut text);
            Cow::Owned(String::from_utf8(text).unwrap_or_default())
        }
        Value::Blob(bytes) => Cow::Owned(BASE64.encode(bytes)),
        Value::Timestamp(at) => {
            let of_shape = if let Kind::Timestamp(format) = kind { *format } else { None };
            Cow::Owned(match format.or(of_shape).unwrap_or(default) {
                TimestampFormat::EpochSeconds => time::epoch_seconds(*at),
                TimestampFormat::Iso8601 => time::iso8601(*at),
                TimestampFormat::HttpDate => time::http_date(*at),
            })
        }
        Value::Null | Value::List(_) | Value::Map(_) | Value::Struct(_) => return None,
    })
}
