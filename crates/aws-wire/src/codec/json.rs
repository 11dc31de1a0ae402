//! AWS JSON, and the bodies of REST-JSON.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{DecodeError, Token, named_number, push_double, seconds_to_ms, time, whole};
use crate::schema::{Kind, Location, Member, Shape, TimestampFormat};
use crate::value::{Struct, Value};

/// Reads one JSON object as a structure. An empty body is an empty object, as clients of
/// operations without input send it.
///
/// # Errors
/// [`DecodeError`] when it is not JSON, nested deeper than `depth_max`, or not of the shape.
pub fn decode<'a>(
    shape: &'static Shape,
    bytes: &'a [u8],
    depth_max: usize,
) -> Result<Struct<'a>, DecodeError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Struct::new(shape));
    }
    let cx = Context { depth_max, error: RefCell::new(None) };
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let seed = Seed { shape, format: None, depth: 1, cx: &cx };
    let read = seed.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    match read {
        Ok(Value::Struct(value)) => Ok(value),
        Ok(_) => Err(DecodeError::new("Expected map or null")),
        Err(error) => Err(cx.error.into_inner().unwrap_or_else(|| malformed(&error))),
    }
}

fn malformed(error: &serde_json::Error) -> DecodeError {
    DecodeError::new(format!(
        "Body is not valid JSON at line {} column {}",
        error.line(),
        error.column()
    ))
}

/// What all levels of one decoding share. The error is kept here because the reader's own type
/// would add positions to its text.
struct Context {
    depth_max: usize,
    error: RefCell<Option<DecodeError>>,
}

impl Context {
    fn fail<E: de::Error>(&self, error: DecodeError) -> E {
        let shown = E::custom("");
        self.error.borrow_mut().get_or_insert(error);
        shown
    }
}

#[derive(Clone, Copy)]
struct Seed<'c> {
    shape: &'static Shape,
    format: Option<TimestampFormat>,
    depth: usize,
    cx: &'c Context,
}

impl<'c> Seed<'c> {
    fn inner(&self, shape: &'static Shape, format: Option<TimestampFormat>) -> Seed<'c> {
        Seed { shape, format, depth: self.depth + 1, cx: self.cx }
    }

    fn unexpected<E: de::Error>(&self, token: Token) -> E {
        self.cx.fail(DecodeError::unexpected(token, self.shape))
    }

    fn ok<'de, E: de::Error>(
        &self,
        result: Result<Value<'de>, DecodeError>,
    ) -> Result<Value<'de>, E> {
        result.map_err(|error| self.cx.fail(error))
    }

    fn text<'de>(&self, text: Cow<'de, str>) -> Result<Value<'de>, DecodeError> {
        match self.shape.kind {
            Kind::String(_) => Ok(Value::Str(text)),
            Kind::Blob(_) => BASE64
                .decode(text.as_bytes())
                .map(|bytes| Value::Blob(Cow::Owned(bytes)))
                .map_err(|_| DecodeError::new("STRING_VALUE is not valid base64")),
            Kind::Double(_) | Kind::Float(_) => named_number(&text)
                .map(Value::Double)
                .ok_or_else(|| DecodeError::unexpected(Token::String, self.shape)),
            Kind::Timestamp(format)
                if matches!(
                    self.format.or(format),
                    Some(TimestampFormat::Iso8601 | TimestampFormat::HttpDate)
                ) =>
            {
                time::parse(&text)
                    .map(Value::Timestamp)
                    .ok_or_else(|| DecodeError::unexpected(Token::String, self.shape))
            }
            _ => Err(DecodeError::unexpected(Token::String, self.shape)),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a double is what the shape wants")]
    fn integer(&self, number: i64) -> Result<Value<'static>, DecodeError> {
        match self.shape.kind {
            Kind::Integer(_) | Kind::Long(_) => whole(number, self.shape).map(Value::Int),
            Kind::Double(_) | Kind::Float(_) => Ok(Value::Double(number as f64)),
            Kind::Timestamp(_) => seconds_to_ms(number as f64).map(Value::Timestamp),
            _ => Err(DecodeError::unexpected(Token::Integer, self.shape)),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "bounded by the arm's condition")]
    fn decimal(&self, number: f64) -> Result<Value<'static>, DecodeError> {
        match self.shape.kind {
            Kind::Double(_) | Kind::Float(_) => Ok(Value::Double(number)),
            Kind::Timestamp(_) => seconds_to_ms(number).map(Value::Timestamp),
            // 60.0 for a period: languages without integers write it, and AWS takes it.
            Kind::Integer(_) | Kind::Long(_) if number.fract() == 0.0 && number.abs() < 9e15 => {
                whole(number as i64, self.shape).map(Value::Int)
            }
            _ => Err(DecodeError::unexpected(Token::Decimal, self.shape)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value<'de>;

    fn deserialize<D: de::Deserializer<'de>>(self, reader: D) -> Result<Value<'de>, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shape.name)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value<'de>, E> {
        match self.shape.kind {
            Kind::Boolean => Ok(Value::Bool(value)),
            _ => Err(self.unexpected(Token::Bool(value))),
        }
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value<'de>, E> {
        self.ok(self.integer(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value<'de>, E> {
        match i64::try_from(number) {
            Ok(number) => self.ok(self.integer(number)),
            #[expect(clippy::cast_precision_loss, reason = "only doubles take numbers this large")]
            Err(_) => self.ok(self.decimal(number as f64)),
        }
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value<'de>, E> {
        self.ok(self.decimal(number))
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Value<'de>, E> {
        self.ok(self.text(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value<'de>, E> {
        self.ok(self.text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value<'de>, A::Error> {
        let Kind::List(list) = &self.shape.kind else {
            return Err(self.unexpected(Token::List));
        };
        self.check_depth()?;
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(self.inner(list.member, None))? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value<'de>, A::Error> {
        self.check_depth()?;
        match &self.shape.kind {
            Kind::Structure(_) => self.structure(access),
            Kind::Map(map) => {
                let mut entries = Vec::new();
                while let Some(key) = access.next_key_seed(Key)? {
                    let value = access.next_value_seed(self.inner(map.value, None))?;
                    entries.push((key, value));
                }
                Ok(Value::Map(entries))
            }
            _ => Err(self.unexpected(Token::Map)),
        }
    }
}

impl Seed<'_> {
    fn check_depth<E: de::Error>(&self) -> Result<(), E> {
        if self.depth > self.cx.depth_max {
            return Err(self.cx.fail(DecodeError::too_deep(self.cx.depth_max)));
        }
        Ok(())
    }

    fn structure<'de, A: MapAccess<'de>>(self, mut access: A) -> Result<Value<'de>, A::Error> {
        let members = self.shape.members();
        let mut value = Struct::new(self.shape);
        let mut expected = 0;
        while let Some(key) = access.next_key_seed(Key)? {
            let Some(index) = position(members, &key, expected) else {
                access.next_value::<IgnoredAny>()?;
                continue;
            };
            let member = &members[index];
            let inner = self.inner(member.shape, member.timestamp_format);
            *value.slot(index) = access.next_value_seed(inner)?;
            expected = index + 1;
        }
        Ok(Value::Struct(value))
    }
}

/// Finds a member by its name on the wire. Clients tend to write members in the model's order, so
/// the one after the last found is looked at first.
pub(super) fn position(members: &[Member], key: &str, expected: usize) -> Option<usize> {
    match members.get(expected) {
        Some(member) if member.wire_name == key => Some(expected),
        _ => members.iter().position(|member| member.wire_name == key),
    }
}

/// Reads a key without copying it where it has no escapes.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: de::Deserializer<'de>>(self, reader: D) -> Result<Cow<'de, str>, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// Writes a structure as one JSON object.
pub fn encode(value: &Struct<'_>, out: &mut Vec<u8>) {
    write_struct(value, |_| true, out);
}

/// Writes only the members that REST keeps in the body.
pub(super) fn encode_body_members(value: &Struct<'_>, out: &mut Vec<u8>) {
    write_struct(value, |member| member.location == Location::Body, out);
}

fn write_struct(value: &Struct<'_>, keep: impl Fn(&Member) -> bool, out: &mut Vec<u8>) {
    out.push(b'{');
    let mut first = true;
    for (member, inner) in value.shape().members().iter().zip(value.members()) {
        if inner.is_null() || !keep(member) {
            continue;
        }
        if !std::mem::replace(&mut first, false) {
            out.push(b',');
        }
        write_string(member.wire_name, out);
        out.push(b':');
        write_value(inner, member.shape, member.timestamp_format, out);
    }
    out.push(b'}');
}

fn write_value(
    value: &Value<'_>,
    shape: &Shape,
    format: Option<TimestampFormat>,
    out: &mut Vec<u8>,
) {
    match (value, &shape.kind) {
        (Value::Null, _) => out.extend_from_slice(b"null"),
        (Value::Bool(flag), _) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        (Value::Int(number), _) => out.extend_from_slice(number.to_string().as_bytes()),
        (Value::Double(number), _) if number.is_finite() => push_double(*number, out),
        (Value::Double(number), _) => {
            out.push(b'"');
            push_double(*number, out);
            out.push(b'"');
        }
        (Value::Str(text), _) => write_string(text, out),
        (Value::Blob(bytes), _) => write_string(&BASE64.encode(bytes), out),
        (Value::Timestamp(at), kind) => write_timestamp(*at, kind, format, out),
        (Value::List(list), kind) => {
            let inner = if let Kind::List(list) = kind { list.member } else { shape };
            out.push(b'[');
            for (i, value) in list.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_value(value, inner, None, out);
            }
            out.push(b']');
        }
        (Value::Map(entries), kind) => {
            let inner = if let Kind::Map(map) = kind { map.value } else { shape };
            out.push(b'{');
            for (i, (key, value)) in entries.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_string(key, out);
                out.push(b':');
                write_value(value, inner, None, out);
            }
            out.push(b'}');
        }
        (Value::Struct(inner), _) => encode(inner, out),
    }
}

fn write_timestamp(at: i64, kind: &Kind, format: Option<TimestampFormat>, out: &mut Vec<u8>) {
    let of_shape = if let Kind::Timestamp(format) = kind { *format } else { None };
    match format.or(of_shape).unwrap_or(TimestampFormat::EpochSeconds) {
        TimestampFormat::EpochSeconds => out.extend_from_slice(time::epoch_seconds(at).as_bytes()),
        TimestampFormat::Iso8601 => write_string(&time::iso8601(at), out),
        TimestampFormat::HttpDate => write_string(&time::http_date(at), out),
    }
}

/// Writes a JSON string with its quotes.
pub(crate) fn write_string(text: &str, out: &mut Vec<u8>) {
    // Writing to memory has no error to give, and every str is a JSON string.
    serde_json::to_writer(out, text).expect("a string is written to memory");
}
