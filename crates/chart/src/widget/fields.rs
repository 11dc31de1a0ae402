//! Reading fields of a JSON object: each once, by name, with what is wrong and where.

use super::{TEXT_BYTES_MAX, color_of};
use crate::Color;
use serde_json::{Map, Value};
use std::fmt;

/// One mistake in a widget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where: `metrics[2][0]`, `yAxis.left.min`; empty for the whole.
    pub path: String,
    /// What is wrong: a fragment that fits behind the path.
    pub message: String,
}

impl Mistake {
    pub(super) fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "the widget" } else { &self.path };
        write!(f, "{path}: {}", self.message)
    }
}

/// All that was wrong so far; past [`MISTAKES_MAX`] the rest is not kept.
#[derive(Debug, Default)]
pub(super) struct Mistakes {
    found: Vec<Mistake>,
}

/// So many are told; who made more mistakes is helped by these.
const MISTAKES_MAX: usize = 100;

impl Mistakes {
    pub(super) fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        if self.found.len() < MISTAKES_MAX {
            self.found.push(Mistake::new(path, message));
        }
    }

    pub(super) fn are_none(&self) -> bool {
        self.found.is_empty()
    }

    pub(super) fn into_vec(self) -> Vec<Mistake> {
        self.found
    }
}

/// The fields of one object, taken out one after the other; what is left at the end is unknown.
pub(super) struct Fields<'a> {
    path: String,
    map: Option<&'a Map<String, Value>>,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// Opens an object; anything else is a mistake and has no fields.
    pub(super) fn open(value: &'a Value, path: impl Into<String>, wrong: &mut Mistakes) -> Self {
        let path = path.into();
        let map = value.as_object();
        if map.is_none() {
            wrong.add(path.clone(), format!("must be an object, not {}", kind(value)));
        }
        Self { path, map, known: Vec::new() }
    }

    /// An object that is not there.
    pub(super) fn absent() -> Self {
        Self { path: String::new(), map: None, known: Vec::new() }
    }

    pub(super) fn path_of(&self, name: &str) -> String {
        below(&self.path, name)
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn get(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        self.map?.get(name)
    }

    /// Says whether a field is there; that it is not is a mistake of the object, if it is one.
    pub(super) fn require(&mut self, name: &'static str, wrong: &mut Mistakes) -> bool {
        let absent = self.map.is_some_and(|map| !map.contains_key(name));
        if absent {
            wrong.add(self.path_of(name), "is required");
        }
        self.map.is_some() && !absent
    }

    pub(super) fn object(&mut self, name: &'static str, wrong: &mut Mistakes) -> Self {
        match self.get(name) {
            Some(value) => Self::open(value, self.path_of(name), wrong),
            None => Self::absent(),
        }
    }

    pub(super) fn text(&mut self, name: &'static str, wrong: &mut Mistakes) -> Option<&'a str> {
        let value = self.get(name)?;
        let Some(text) = value.as_str() else {
            wrong.add(self.path_of(name), format!("must be a string, not {}", kind(value)));
            return None;
        };
        if text.len() > TEXT_BYTES_MAX {
            let message = format!("is {} bytes long, at most {TEXT_BYTES_MAX} may be", text.len());
            wrong.add(self.path_of(name), message);
            return None;
        }
        Some(text)
    }

    pub(super) fn flag(&mut self, name: &'static str, wrong: &mut Mistakes) -> Option<bool> {
        let value = self.get(name)?;
        if value.as_bool().is_none() {
            wrong.add(self.path_of(name), format!("must be true or false, not {}", kind(value)));
        }
        value.as_bool()
    }

    pub(super) fn number(&mut self, name: &'static str, wrong: &mut Mistakes) -> Option<f64> {
        let value = self.get(name)?;
        let number = value.as_f64().filter(|n| n.is_finite());
        if number.is_none() {
            wrong.add(self.path_of(name), format!("must be a number, not {}", kind(value)));
        }
        number
    }

    /// Reads a whole number of `least..=most`; `30.0` is one.
    pub(super) fn whole(
        &mut self,
        name: &'static str,
        (least, most): (u32, u32),
        wrong: &mut Mistakes,
    ) -> Option<u32> {
        let number = self.number(name, wrong)?;
        if number.fract() != 0.0 || number < f64::from(least) || number > f64::from(most) {
            let message = format!("must be a whole number from {least} to {most}, not {number}");
            wrong.add(self.path_of(name), message);
            return None;
        }
        Some(number as u32)
    }

    /// Reads one of a few words.
    pub(super) fn word<T: Copy>(
        &mut self,
        name: &'static str,
        words: &[(&'static str, T)],
        wrong: &mut Mistakes,
    ) -> Option<T> {
        let text = self.text(name, wrong)?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let message = format!("must be one of {}, not {}", names.join(", "), quoted(text));
            wrong.add(self.path_of(name), message);
        }
        found.map(|(_, value)| *value)
    }

    pub(super) fn color(&mut self, name: &'static str, wrong: &mut Mistakes) -> Option<Color> {
        let text = self.text(name, wrong)?;
        let color = color_of(text);
        if color.is_none() {
            let message = format!("must be a colour such as #1f77b4, not {}", quoted(text));
            wrong.add(self.path_of(name), message);
        }
        color
    }

    pub(super) fn list(&mut self, name: &'static str, wrong: &mut Mistakes) -> Option<&'a [Value]> {
        let value = self.get(name)?;
        if value.as_array().is_none() {
            wrong.add(self.path_of(name), format!("must be an array, not {}", kind(value)));
        }
        value.as_array().map(Vec::as_slice)
    }

    /// Says which fields nobody asked for; the last act on an object.
    pub(super) fn close(self, wrong: &mut Mistakes) {
        let Some(map) = self.map else { return };
        for name in map.keys().filter(|name| !self.known.contains(&name.as_str())) {
            let message = match nearest(name, &self.known) {
                Some(near) => format!("is not a field of it; did you mean {near}?"),
                None => "is not a field of it".to_owned(),
            };
            wrong.add(below(&self.path, &shortened(name)), message);
        }
    }
}

/// Returns the known name that differs in case, or in one letter, from a name.
fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let same = known.iter().find(|k| k.eq_ignore_ascii_case(name));
    same.or_else(|| known.iter().find(|k| one_letter_apart(k.as_bytes(), name.as_bytes()))).copied()
}

/// Says whether one letter was written too much, too little, wrong, or before its neighbour.
fn one_letter_apart(a: &[u8], b: &[u8]) -> bool {
    if a.len().min(b.len()) < 3 {
        return false;
    }
    let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[head..], &b[head..]);
    match (a, b) {
        ([_, a @ ..], [_, b @ ..]) if a == b => true,
        ([a1, a2, a @ ..], [b1, b2, b @ ..]) if (a1, a2, a) == (b2, b1, b) => true,
        ([_, rest @ ..], b) if rest == b => true,
        (a, [_, rest @ ..]) => a == rest,
        _ => false,
    }
}

pub(super) fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Shows a stranger's text in a message: in quotes, on one line, not long.
pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", shortened(text))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
