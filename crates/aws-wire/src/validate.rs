//! Constraints of the models, and the sentences AWS answers when they are violated.
//!
//! Source of the sentences: answers recorded from AWS, for structures in lists
//! (`'logEvents.1.member.timestamp'`), empty lists (`Value '[]'`), lists of text
//! (`Member must satisfy constraint: [...]`), and sensitive values, which are left out.

use std::fmt::Write as _;

use crate::schema::{Bounds, Kind, Shape, Text};
use crate::value::{Struct, Value};

/// How many violations one answer lists. A thousand datums that are all wrong need no answer of a
/// megabyte.
const VIOLATIONS_MAX: usize = 10;
/// How much of a value is repeated in a sentence.
const SHOWN_CHARS_MAX: usize = 2_048;

/// Checks every constraint of the model.
///
/// # Errors
/// The whole message, such as `1 validation error detected: Value null at 'metricName' failed to
/// satisfy constraint: Member must not be null`. At most ten violations are listed and counted.
pub fn check(value: &Struct<'_>) -> Result<(), String> {
    let mut found = Violations { path: String::new(), sentences: Vec::new() };
    found.structure(value);
    if found.sentences.is_empty() {
        return Ok(());
    }
    let count = found.sentences.len();
    let plural = if count == 1 { "" } else { "s" };
    Err(format!("{count} validation error{plural} detected: {}", found.sentences.join("; ")))
}

struct Violations {
    path: String,
    sentences: Vec<String>,
}

impl Violations {
    fn is_full(&self) -> bool {
        self.sentences.len() >= VIOLATIONS_MAX
    }

    /// Does something one level deeper.
    fn within(&mut self, part: &str, inside: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(part);
        inside(self);
        self.path.truncate(length);
    }

    fn violated(&mut self, value: &Value<'_>, shape: &Shape, constraint: &str) {
        if self.is_full() {
            return;
        }
        let shown = match value {
            Value::Null => " null".to_owned(),
            _ if shape.sensitive => String::new(),
            value => format!(" '{}'", shown(value)),
        };
        self.sentences.push(format!(
            "Value{shown} at '{}' failed to satisfy constraint: {constraint}",
            self.path
        ));
    }

    fn structure(&mut self, value: &Struct<'_>) {
        for (member, inner) in value.shape().members().iter().zip(value.members()) {
            if self.is_full() {
                return;
            }
            match inner {
                Value::Null if member.required => self.within(&lower_first(member.name), |this| {
                    this.violated(&Value::Null, member.shape, "Member must not be null");
                }),
                Value::Null | Value::Bool(_) | Value::Timestamp(_) => {}
                // The common case by far, and it needs no path.
                scalar if is_scalar(scalar) && constraints(scalar, member.shape).is_empty() => {}
                inner => self.within(&lower_first(member.name), |this| {
                    this.value(inner, member.shape);
                }),
            }
        }
    }

    fn value(&mut self, value: &Value<'_>, shape: &Shape) {
        for constraint in constraints(value, shape) {
            self.violated(value, shape, &constraint);
        }
        match (value, &shape.kind) {
            (Value::Struct(inner), _) => self.structure(inner),
            (Value::List(list), Kind::List(of)) => self.elements(value, list, shape, of.member),
            (Value::Map(entries), Kind::Map(of)) => {
                if entries.iter().any(|(key, _)| !text_constraints(key, of.key).is_empty()) {
                    let all = all_constraints(of.key);
                    self.violated(
                        value,
                        shape,
                        &format!("Map keys must satisfy constraint: [{all}]"),
                    );
                }
                for (key, inner) in entries {
                    if is_scalar(inner) {
                        if !constraints(inner, of.value).is_empty() {
                            let all = all_constraints(of.value);
                            let text = format!("Map value must satisfy constraint: [{all}]");
                            self.violated(value, shape, &text);
                            break;
                        }
                    } else {
                        self.within(&format!("{key}.member"), |this| this.value(inner, of.value));
                    }
                }
            }
            _ => {}
        }
    }

    /// Elements that are text or numbers are reported together, under the list's own name;
    /// structures each under their position.
    fn elements(
        &mut self,
        value: &Value<'_>,
        list: &[Value<'_>],
        shape: &Shape,
        of: &'static Shape,
    ) {
        for (i, element) in list.iter().enumerate() {
            if self.is_full() {
                return;
            }
            match element {
                Value::Null => {
                    self.violated(value, shape, "Member must not be null");
                    return;
                }
                scalar if is_scalar(scalar) => {
                    if !constraints(scalar, of).is_empty() {
                        let all = all_constraints(of);
                        let text = format!("Member must satisfy constraint: [{all}]");
                        self.violated(value, shape, &text);
                        return;
                    }
                }
                Value::Struct(inner) if is_sound(inner) => {}
                nested => {
                    self.within(&format!("{}.member", i + 1), |this| this.value(nested, of));
                }
            }
        }
    }
}

/// Says without building paths whether nothing in a flat structure is violated; what keeps a
/// thousand sound datums cheap.
fn is_sound(value: &Struct<'_>) -> bool {
    value.shape().members().iter().zip(value.members()).all(|(member, inner)| match inner {
        Value::Null => !member.required,
        Value::Bool(_) | Value::Timestamp(_) => true,
        Value::Struct(inner) => is_sound(inner),
        Value::List(list) => match &member.shape.kind {
            Kind::List(of) => {
                constraints(inner, member.shape).is_empty()
                    && list.iter().all(|element| match element {
                        Value::Struct(inner) => is_sound(inner),
                        Value::List(_) | Value::Map(_) | Value::Null => false,
                        scalar => constraints(scalar, of.member).is_empty(),
                    })
            }
            _ => false,
        },
        Value::Map(_) => false,
        scalar => constraints(scalar, member.shape).is_empty(),
    })
}

fn is_scalar(value: &Value<'_>) -> bool {
    !matches!(value, Value::Null | Value::List(_) | Value::Map(_) | Value::Struct(_))
}

/// Returns the constraints that a value itself violates, without what is inside it.
fn constraints(value: &Value<'_>, shape: &Shape) -> Vec<String> {
    match (value, &shape.kind) {
        (Value::Str(text), Kind::String(of)) => violated_text(text, of),
        (Value::List(list), Kind::List(of)) => violated_length(list.len(), &of.length),
        (Value::Map(entries), Kind::Map(of)) => violated_length(entries.len(), &of.length),
        (Value::Blob(bytes), Kind::Blob(bounds)) => violated_length(bytes.len(), bounds),
        (Value::Int(number), Kind::Integer(bounds) | Kind::Long(bounds)) => {
            violated_value(bounds, |bound| number.cmp(&bound))
        }
        (Value::Double(number), Kind::Double(bounds) | Kind::Float(bounds)) => {
            #[expect(clippy::cast_precision_loss, reason = "bounds in the models are small")]
            // NaN has no place in a range; the service itself refuses it with its own words.
            violated_value(bounds, |bound| {
                number.partial_cmp(&(bound as f64)).unwrap_or(std::cmp::Ordering::Equal)
            })
        }
        _ => Vec::new(),
    }
}

fn text_constraints(text: &str, shape: &Shape) -> Vec<String> {
    match &shape.kind {
        Kind::String(of) => violated_text(text, of),
        _ => Vec::new(),
    }
}

fn violated_text(text: &str, of: &Text) -> Vec<String> {
    let mut violated = Vec::new();
    if of.length != Bounds::ANY {
        // Only text whose bytes leave it open needs its characters counted.
        violated.extend(violated_length(text.chars().count(), &of.length));
    }
    if let Some(pattern) = &of.pattern
        && !pattern.matches(text)
    {
        violated.push(pattern_sentence(pattern.text()));
    }
    if !of.values.is_empty() && !of.values.contains(&text) {
        violated.push(values_sentence(of.values));
    }
    violated
}

fn violated_length(length: usize, bounds: &Bounds) -> Vec<String> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    match bounds {
        Bounds { max: Some(max), .. } if length > *max => vec![at_most("length", *max)],
        Bounds { min: Some(min), .. } if length < *min => vec![at_least("length", *min)],
        _ => Vec::new(),
    }
}

fn violated_value(bounds: &Bounds, cmp: impl Fn(i64) -> std::cmp::Ordering) -> Vec<String> {
    match bounds {
        Bounds { max: Some(max), .. } if cmp(*max).is_gt() => vec![at_most("value", *max)],
        Bounds { min: Some(min), .. } if cmp(*min).is_lt() => vec![at_least("value", *min)],
        _ => Vec::new(),
    }
}

fn at_most(what: &str, max: i64) -> String {
    format!("Member must have {what} less than or equal to {max}")
}

fn at_least(what: &str, min: i64) -> String {
    format!("Member must have {what} greater than or equal to {min}")
}

fn pattern_sentence(pattern: &str) -> String {
    format!("Member must satisfy regular expression pattern: {pattern}")
}

fn values_sentence(values: &[&str]) -> String {
    format!("Member must satisfy enum value set: [{}]", values.join(", "))
}

/// Lists all constraints of a shape; how AWS reports elements of a list and entries of a map.
fn all_constraints(shape: &Shape) -> String {
    let mut all = Vec::new();
    let mut push_bounds = |what, bounds: &Bounds| {
        all.extend(bounds.max.map(|max| at_most(what, max)));
        all.extend(bounds.min.map(|min| at_least(what, min)));
    };
    match &shape.kind {
        Kind::String(of) => {
            push_bounds("length", &of.length);
            all.extend(of.pattern.as_ref().map(|pattern| pattern_sentence(pattern.text())));
            if !of.values.is_empty() {
                all.push(values_sentence(of.values));
            }
        }
        Kind::Blob(bounds) => push_bounds("length", bounds),
        Kind::Integer(bounds) | Kind::Long(bounds) | Kind::Float(bounds) | Kind::Double(bounds) => {
            push_bounds("value", bounds);
        }
        _ => {}
    }
    all.join(", ")
}

/// `MetricData` as `metricData`, which is how paths are written.
fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}

/// Writes a value as Java prints its own, as far as that can be told, and not too much of it.
fn shown(value: &Value<'_>) -> String {
    let mut out = String::new();
    show(value, &mut out);
    match out.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((at, _)) => format!("{}...", &out[..at]),
        None => out,
    }
}

fn show(value: &Value<'_>, out: &mut String) {
    if out.len() > SHOWN_CHARS_MAX * 4 {
        return;
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => _ = write!(out, "{flag}"),
        Value::Int(number) => _ = write!(out, "{number}"),
        Value::Double(number) => _ = write!(out, "{number:?}"),
        Value::Str(text) => out.push_str(text),
        Value::Blob(bytes) => _ = write!(out, "({} bytes)", bytes.len()),
        Value::Timestamp(at) => out.push_str(&crate::codec::time::iso8601(*at)),
        Value::List(list) => {
            out.push('[');
            for (i, inner) in list.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                show(inner, out);
            }
            out.push(']');
        }
        Value::Map(entries) => {
            out.push('{');
            for (i, (key, inner)) in entries.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                out.push_str(key);
                out.push('=');
                show(inner, out);
            }
            out.push('}');
        }
        Value::Struct(inner) => out.push_str(inner.shape().name),
    }
}
