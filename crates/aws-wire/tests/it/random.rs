//! Random values of any shape, and values as the JSON that the oracle speaks.

use std::borrow::Cow;

use aws_wire::schema::{Bounds, Field, Kind, Shape};
use aws_wire::{Struct, Value};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value as Json, json};
use stdx::Rng;

/// What the values are for: notations cannot carry everything.
#[derive(Clone, Copy)]
pub(crate) struct Style {
    /// Whether moments have milliseconds. SDKs cut them off in JSON requests.
    pub ms: bool,
    /// Whether structures and maps may be empty. A form cannot tell these from absent ones.
    pub empty: bool,
}

const PIECES: &[&str] = &[
    "a", "Z", "7", " ", "&", "<", ">", "\"", "'", "%", "+", "=", "/", "é", "漢", "🦀", ".", "\n",
    "%41",
];

pub(crate) fn structure(shape: &'static Shape, style: Style, rng: &mut Rng) -> Struct<'static> {
    nested(shape, style, rng, 0)
}

fn nested(shape: &'static Shape, style: Style, rng: &mut Rng, depth: usize) -> Struct<'static> {
    let mut value = Struct::new(shape);
    let Kind::Structure(structure) = &shape.kind else { panic!("{} is no structure", shape.name) };
    let is_hollow =
        |shape: &Shape| matches!(&shape.kind, Kind::Structure(inner) if inner.members.is_empty());
    let members: Vec<_> = shape
        .members()
        .iter()
        .enumerate()
        .filter(|(_, member)| style.empty || !is_hollow(member.shape))
        .collect();
    if members.is_empty() {
        return value;
    }
    let one = members[usize::try_from(rng.below(members.len() as u64)).unwrap()].0;
    for (index, member) in members {
        let wanted = if structure.union {
            index == one
        } else {
            member.required || (!style.empty && index == one) || (depth < 4 && rng.one_in(2))
        };
        if wanted {
            let field = Field::new(shape, u16::try_from(index).unwrap());
            value.set(field, any(member.shape, style, rng, depth + 1));
        }
    }
    value
}

fn count(bounds: Bounds, rng: &mut Rng) -> usize {
    let min = bounds.min.unwrap_or(0).clamp(0, 40);
    let max = bounds.max.unwrap_or(3).clamp(min, min + 3);
    usize::try_from(min).unwrap() + usize::try_from(rng.below((max - min + 1) as u64)).unwrap()
}

fn text(rng: &mut Rng, pieces: usize) -> String {
    (0..pieces).map(|_| PIECES[usize::try_from(rng.below(PIECES.len() as u64)).unwrap()]).collect()
}

fn any(shape: &'static Shape, style: Style, rng: &mut Rng, depth: usize) -> Value<'static> {
    match &shape.kind {
        Kind::Structure(_) => Value::Struct(nested(shape, style, rng, depth)),
        Kind::List(of) => {
            let count = if depth > 5 { 0 } else { count(of.length, rng) };
            Value::List((0..count).map(|_| any(of.member, style, rng, depth + 1)).collect())
        }
        Kind::Map(of) => {
            let count = count(of.length, rng).max(usize::from(!style.empty));
            let entry = |i| {
                let key = format!("{}{i}", text(rng, 2));
                (Cow::Owned(key), any(of.value, style, rng, depth + 1))
            };
            Value::Map((0..count).map(entry).collect())
        }
        Kind::String(of) if !of.values.is_empty() => {
            Value::from(of.values[usize::try_from(rng.below(of.values.len() as u64)).unwrap()])
        }
        Kind::String(of) => {
            let pieces = count(of.length, rng).max(usize::from(!style.empty));
            Value::from(text(rng, pieces))
        }
        Kind::Integer(_) => Value::Int(i64::from(rng.next_u64() as i32)),
        Kind::Long(_) => Value::Int((rng.next_u64() as i64) >> 12),
        Kind::Float(_) | Kind::Double(_) => match rng.below(4) {
            0 => Value::Double(rng.below(1_000) as f64),
            1 => Value::Double(-rng.unit()),
            2 => Value::Double(rng.unit() * 1e300),
            _ => Value::Double(rng.unit() * 1e-300),
        },
        Kind::Boolean => Value::Bool(rng.one_in(2)),
        Kind::Timestamp(_) => {
            let ms = i64::try_from(rng.below(4_000_000_000_000)).unwrap();
            Value::Timestamp(if style.ms { ms } else { ms / 1_000 * 1_000 })
        }
        Kind::Blob(of) => {
            let bytes = (0..count(*of, rng)).map(|_| rng.next_u64() as u8).collect::<Vec<_>>();
            Value::Blob(Cow::Owned(bytes))
        }
    }
}

/// Writes a structure as the oracle speaks of it: by the model's names.
pub(crate) fn to_json(value: &Struct<'_>) -> Json {
    let members = value.shape().members().iter().zip(value.members());
    members
        .filter(|(_, inner)| !inner.is_null())
        .map(|(member, inner)| (member.name.to_owned(), value_to_json(inner)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn value_to_json(value: &Value<'_>) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(flag) => json!(flag),
        Value::Int(number) => json!(number),
        Value::Double(number) if number.is_finite() => json!(number),
        Value::Double(number) => json!({"$float": number.to_string().to_lowercase()}),
        Value::Str(text) => json!(text),
        Value::Blob(bytes) => json!({"$b64": BASE64.encode(bytes)}),
        Value::Timestamp(at) => json!({"$ts_ms": at}),
        Value::List(list) => list.iter().map(value_to_json).collect(),
        Value::Map(entries) => entries
            .iter()
            .map(|(key, inner)| (key.to_string(), value_to_json(inner)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Struct(inner) => to_json(inner),
    }
}
