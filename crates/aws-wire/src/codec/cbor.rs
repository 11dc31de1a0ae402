//! Smithy RPC v2 CBOR.
//!
//! Reads definite and indefinite lengths alike; writes indefinite ones and moments as tag 1 with a
//! 64-bit float, as the service does.

use std::borrow::Cow;

use minicbor::data::{IanaTag, Type};
use minicbor::decode::Error as CborError;
use minicbor::{Decoder, Encoder};

use super::json::position;
use super::{DecodeError, Token, seconds_to_ms, whole};
use crate::schema::{Kind, Shape};
use crate::value::{Struct, Value};

/// Reads one CBOR map as a structure; an empty body is an empty structure.
///
/// # Errors
/// [`DecodeError`] when it is not CBOR, nested deeper than `depth_max`, or not of the shape.
pub fn decode<'a>(
    shape: &'static Shape,
    bytes: &'a [u8],
    depth_max: usize,
) -> Result<Struct<'a>, DecodeError> {
    if bytes.is_empty() {
        return Ok(Struct::new(shape));
    }
    let mut reader = Reader { cbor: Decoder::new(bytes), depth_max };
    let value = reader.value(shape, 1)?;
    if reader.cbor.position() != bytes.len() {
        return Err(DecodeError::new("Body goes on after its CBOR value"));
    }
    match value {
        Value::Struct(value) => Ok(value),
        _ => Err(DecodeError::new("Expected map or null")),
    }
}

impl From<CborError> for DecodeError {
    fn from(error: CborError) -> Self {
        match error.position() {
            Some(at) => Self::new(format!("Body is not valid CBOR at byte {at}")),
            None => Self::new("Body is not valid CBOR"),
        }
    }
}

struct Reader<'a> {
    cbor: Decoder<'a>,
    depth_max: usize,
}

/// How many items an array or map still has: a number, or as many as come before the break.
enum Left {
    Known(u64),
    UntilBreak,
}

impl<'a> Reader<'a> {
    fn value(&mut self, shape: &'static Shape, depth: usize) -> Result<Value<'a>, DecodeError> {
        let token = match self.cbor.datatype()? {
            Type::Null | Type::Undefined => {
                self.cbor.skip()?;
                return Ok(Value::Null);
            }
            Type::Bool => {
                let value = self.cbor.bool()?;
                return match shape.kind {
                    Kind::Boolean => Ok(Value::Bool(value)),
                    _ => Err(DecodeError::unexpected(Token::Bool(value), shape)),
                };
            }
            Type::U8
            | Type::U16
            | Type::U32
            | Type::U64
            | Type::I8
            | Type::I16
            | Type::I32
            | Type::I64
            | Type::Int => return self.integer(shape),
            Type::F16 | Type::F32 | Type::F64 => return self.decimal(shape),
            Type::String | Type::StringIndef => {
                let text = self.text()?;
                return match shape.kind {
                    Kind::String(_) => Ok(Value::Str(text)),
                    _ => Err(DecodeError::unexpected(Token::String, shape)),
                };
            }
            Type::Bytes | Type::BytesIndef => {
                let bytes = self.bytes()?;
                return match shape.kind {
                    Kind::Blob(_) => Ok(Value::Blob(bytes)),
                    _ => Err(DecodeError::unexpected(Token::Bytes, shape)),
                };
            }
            Type::Tag => return self.tagged(shape),
            Type::Array | Type::ArrayIndef => Token::List,
            Type::Map | Type::MapIndef => Token::Map,
            _ => return Err(DecodeError::new("Body holds a CBOR item that no shape has")),
        };
        if depth > self.depth_max {
            return Err(DecodeError::too_deep(self.depth_max));
        }
        match (token, &shape.kind) {
            (Token::List, Kind::List(list)) => self.list(list.member, depth),
            (Token::Map, Kind::Map(map)) => self.map(map.value, depth),
            (Token::Map, Kind::Structure(_)) => self.structure(shape, depth),
            (token, _) => Err(DecodeError::unexpected(token, shape)),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a double is what the shape wants")]
    fn integer(&mut self, shape: &'static Shape) -> Result<Value<'a>, DecodeError> {
        let number = i128::from(self.cbor.int()?);
        match shape.kind {
            Kind::Double(_) | Kind::Float(_) => Ok(Value::Double(number as f64)),
            Kind::Integer(_) | Kind::Long(_) => {
                let number = i64::try_from(number).map_err(|_| {
                    DecodeError::new(format!("{number} is out of the range of a Long"))
                })?;
                whole(number, shape).map(Value::Int)
            }
            _ => Err(DecodeError::unexpected(Token::Integer, shape)),
        }
    }

    fn decimal(&mut self, shape: &'static Shape) -> Result<Value<'a>, DecodeError> {
        let number = self.number()?;
        match shape.kind {
            Kind::Double(_) | Kind::Float(_) => Ok(Value::Double(number)),
            _ => Err(DecodeError::unexpected(Token::Decimal, shape)),
        }
    }

    /// Reads any number. The decoder itself refuses an integer where a float is asked for.
    #[expect(clippy::cast_precision_loss, reason = "a moment in seconds is asked for")]
    fn number(&mut self) -> Result<f64, DecodeError> {
        Ok(match self.cbor.datatype()? {
            Type::F16 => f64::from(self.cbor.f16()?),
            Type::F32 => f64::from(self.cbor.f32()?),
            Type::F64 => self.cbor.f64()?,
            _ => i128::from(self.cbor.int()?) as f64,
        })
    }

    fn tagged(&mut self, shape: &'static Shape) -> Result<Value<'a>, DecodeError> {
        let tag = self.cbor.tag()?;
        if tag != IanaTag::Timestamp.tag() {
            return Err(DecodeError::new(format!("CBOR tag {} is not used here", tag.as_u64())));
        }
        let seconds = self.number()?;
        match shape.kind {
            Kind::Timestamp(_) => seconds_to_ms(seconds).map(Value::Timestamp),
            _ => Err(DecodeError::unexpected(Token::Timestamp, shape)),
        }
    }

    fn text(&mut self) -> Result<Cow<'a, str>, DecodeError> {
        if self.cbor.datatype()? == Type::String {
            return Ok(Cow::Borrowed(self.cbor.str()?));
        }
        let mut whole = String::new();
        for piece in self.cbor.str_iter()? {
            whole.push_str(piece?);
        }
        Ok(Cow::Owned(whole))
    }

    fn bytes(&mut self) -> Result<Cow<'a, [u8]>, DecodeError> {
        if self.cbor.datatype()? == Type::Bytes {
            return Ok(Cow::Borrowed(self.cbor.bytes()?));
        }
        let mut whole = Vec::new();
        for piece in self.cbor.bytes_iter()? {
            whole.extend_from_slice(piece?);
        }
        Ok(Cow::Owned(whole))
    }

    fn left(length: Option<u64>) -> Left {
        length.map_or(Left::UntilBreak, Left::Known)
    }

    /// Says whether another item follows, and steps over the break when none does.
    fn more(&mut self, left: &mut Left) -> Result<bool, DecodeError> {
        match left {
            Left::Known(0) => Ok(false),
            Left::Known(count) => {
                *count -= 1;
                Ok(true)
            }
            Left::UntilBreak if self.cbor.datatype()? == Type::Break => {
                self.cbor.set_position(self.cbor.position() + 1);
                Ok(false)
            }
            Left::UntilBreak => Ok(true),
        }
    }

    fn list(&mut self, member: &'static Shape, depth: usize) -> Result<Value<'a>, DecodeError> {
        // No capacity from the announced length: eight bytes could ask for all memory.
        let mut left = Self::left(self.cbor.array()?);
        let mut values = Vec::new();
        while self.more(&mut left)? {
            values.push(self.value(member, depth + 1)?);
        }
        Ok(Value::List(values))
    }

    fn map(&mut self, value: &'static Shape, depth: usize) -> Result<Value<'a>, DecodeError> {
        let mut left = Self::left(self.cbor.map()?);
        let mut entries = Vec::new();
        while self.more(&mut left)? {
            let key = self.key()?;
            entries.push((key, self.value(value, depth + 1)?));
        }
        Ok(Value::Map(entries))
    }

    fn key(&mut self) -> Result<Cow<'a, str>, DecodeError> {
        match self.cbor.datatype()? {
            Type::String | Type::StringIndef => self.text(),
            _ => Err(DecodeError::new("Keys of a map must be text")),
        }
    }

    fn structure(&mut self, shape: &'static Shape, depth: usize) -> Result<Value<'a>, DecodeError> {
        let members = shape.members();
        let mut left = Self::left(self.cbor.map()?);
        let mut value = Struct::new(shape);
        let mut expected = 0;
        while self.more(&mut left)? {
            let key = self.key()?;
            let Some(index) = position(members, &key, expected) else {
                self.cbor.skip()?;
                continue;
            };
            *value.slot(index) = self.value(members[index].shape, depth + 1)?;
            expected = index + 1;
        }
        Ok(Value::Struct(value))
    }
}

/// Writes a structure as one CBOR map.
pub fn encode(value: &Struct<'_>, out: &mut Vec<u8>) {
    // Writing to memory has no error to give.
    write_struct(value, &mut Encoder::new(out)).expect("CBOR is written to memory");
}

type Written = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

fn write_struct(value: &Struct<'_>, out: &mut Encoder<&mut Vec<u8>>) -> Written {
    out.begin_map()?;
    for (member, inner) in value.shape().members().iter().zip(value.members()) {
        if !inner.is_null() {
            out.str(member.wire_name)?;
            write_value(inner, out)?;
        }
    }
    out.end()?;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "the protocol writes moments as doubles")]
fn write_value(value: &Value<'_>, out: &mut Encoder<&mut Vec<u8>>) -> Written {
    match value {
        Value::Null => out.null()?,
        Value::Bool(flag) => out.bool(*flag)?,
        Value::Int(number) => out.i64(*number)?,
        Value::Double(number) => out.f64(*number)?,
        Value::Str(text) => out.str(text)?,
        Value::Blob(bytes) => out.bytes(bytes)?,
        Value::Timestamp(at) => out.tag(IanaTag::Timestamp)?.f64(*at as f64 / 1_000.0)?,
        Value::List(list) => {
            out.begin_array()?;
            for value in list {
                write_value(value, out)?;
            }
            out.end()?
        }
        Value::Map(entries) => {
            out.begin_map()?;
            for (key, value) in entries {
                out.str(key)?;
                write_value(value, out)?;
            }
            out.end()?
        }
        Value::Struct(inner) => return write_struct(inner, out),
    };
    Ok(())
}

/// Writes an error: its type, its message and its other members.
pub(crate) fn encode_error(
    kind: &str,
    message: Option<(&str, &str)>,
    members: Option<&Struct<'_>>,
    out: &mut Vec<u8>,
) {
    let mut encoder = Encoder::new(out);
    let written: Written = (|| {
        encoder.begin_map()?.str("__type")?.str(kind)?;
        if let Some((key, text)) = message {
            encoder.str(key)?.str(text)?;
        }
        for (member, inner) in
            members.into_iter().flat_map(|m| m.shape().members().iter().zip(m.members()))
        {
            if !inner.is_null() {
                encoder.str(member.wire_name)?;
                write_value(inner, &mut encoder)?;
            }
        }
        encoder.end()?;
        Ok(())
    })();
    written.expect("CBOR is written to memory");
}
