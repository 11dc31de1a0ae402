//! Values of the shapes: a tree whose structures hold their members by position.

use std::borrow::Cow;
use std::fmt;

use crate::schema::{Field, Shape};

/// One value. Text and bytes are borrowed from the request where the codec can.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value<'a> {
    /// Not given.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// Whole number of 32 or 64 bits.
    Int(i64),
    /// Number of 32 or 64 bits; may be NaN or infinite, which the protocols can carry.
    Double(f64),
    /// Text.
    Str(Cow<'a, str>),
    /// Bytes.
    Blob(Cow<'a, [u8]>),
    /// Moment in milliseconds since 1970.
    Timestamp(i64),
    /// Values in order.
    List(Vec<Value<'a>>),
    /// Values under keys, in the order of arrival.
    Map(Vec<(Cow<'a, str>, Value<'a>)>),
    /// Named members.
    Struct(Struct<'a>),
}

impl<'a> Value<'a> {
    /// Says whether nothing was given.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// Returns the text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the whole number, if it is one.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// Returns the number, if it is one.
    #[expect(clippy::cast_precision_loss, reason = "a member of kind double holds no integers")]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Double(number) => Some(*number),
            Value::Int(number) => Some(*number as f64),
            _ => None,
        }
    }

    /// Returns the elements, if it is a list.
    pub fn as_list(&self) -> Option<&[Value<'a>]> {
        match self {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    /// Returns the structure, if it is one.
    pub fn as_struct(&self) -> Option<&Struct<'a>> {
        match self {
            Value::Struct(value) => Some(value),
            _ => None,
        }
    }

    /// Copies what was borrowed.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Null => Value::Null,
            Value::Bool(value) => Value::Bool(value),
            Value::Int(value) => Value::Int(value),
            Value::Double(value) => Value::Double(value),
            Value::Timestamp(value) => Value::Timestamp(value),
            Value::Str(text) => Value::Str(Cow::Owned(text.into_owned())),
            Value::Blob(bytes) => Value::Blob(Cow::Owned(bytes.into_owned())),
            Value::List(list) => Value::List(list.into_iter().map(Value::into_owned).collect()),
            Value::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| (Cow::Owned(key.into_owned()), value.into_owned()))
                    .collect(),
            ),
            Value::Struct(value) => Value::Struct(value.into_owned()),
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Str(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Value::Str(Cow::Owned(text))
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Value::Int(value)
    }
}

impl From<f64> for Value<'_> {
    fn from(value: f64) -> Self {
        Value::Double(value)
    }
}

impl<'a> From<Struct<'a>> for Value<'a> {
    fn from(value: Struct<'a>) -> Self {
        Value::Struct(value)
    }
}

impl<'a, T: Into<Value<'a>>> From<Vec<T>> for Value<'a> {
    fn from(list: Vec<T>) -> Self {
        Value::List(list.into_iter().map(Into::into).collect())
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// A value of a structure: its members at the positions the model gives them.
#[derive(Clone)]
pub struct Struct<'a> {
    shape: &'static Shape,
    members: Vec<Value<'a>>,
}

impl fmt::Debug for Struct<'_> {
    /// Shows the members that are given; the shape only by its name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct(self.shape.name);
        for (member, value) in self.shape.members().iter().zip(&self.members) {
            match value {
                Value::Null => &mut shown,
                _ if member.shape.sensitive => shown.field(member.name, &"(sensitive)"),
                value => shown.field(member.name, value),
            };
        }
        shown.finish()
    }
}

impl PartialEq for Struct<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.shape, other.shape) && self.members == other.members
    }
}

impl<'a> Struct<'a> {
    /// Makes a value of which no member is given.
    pub fn new(shape: &'static Shape) -> Self {
        let count = shape.members().len();
        Self { shape, members: std::iter::repeat_with(Value::default).take(count).collect() }
    }

    /// Returns the structure's shape.
    pub fn shape(&self) -> &'static Shape {
        self.shape
    }

    /// Returns the members by position; as many as the shape has.
    pub fn members(&self) -> &[Value<'a>] {
        &self.members
    }

    /// Returns the member at a position, to be written.
    pub(crate) fn slot(&mut self, index: usize) -> &mut Value<'a> {
        &mut self.members[index]
    }

    fn index(&self, field: Field) -> usize {
        debug_assert!(
            std::ptr::eq(field.owner, self.shape),
            "{} has no field of {}",
            self.shape.name,
            field.owner.name
        );
        usize::from(field.index)
    }

    /// Returns a member; [`Value::Null`] when it was not given.
    pub fn get(&self, field: Field) -> &Value<'a> {
        &self.members[self.index(field)]
    }

    /// Takes a member out and leaves it as not given.
    pub fn take(&mut self, field: Field) -> Value<'a> {
        let index = self.index(field);
        std::mem::take(&mut self.members[index])
    }

    /// Sets a member.
    pub fn set(&mut self, field: Field, value: impl Into<Value<'a>>) {
        let index = self.index(field);
        self.members[index] = value.into();
    }

    /// Sets a member and gives the structure back.
    #[must_use]
    pub fn with(mut self, field: Field, value: impl Into<Value<'a>>) -> Self {
        self.set(field, value);
        self
    }

    /// Returns the member of this name; for places that know it only as text.
    pub fn get_named(&self, name: &str) -> Option<&Value<'a>> {
        self.shape.member(name).map(|(index, _)| &self.members[index])
    }

    /// Returns the text of a member.
    pub fn str(&self, field: Field) -> Option<&str> {
        self.get(field).as_str()
    }

    /// Returns the whole number of a member.
    pub fn i64(&self, field: Field) -> Option<i64> {
        self.get(field).as_i64()
    }

    /// Returns the number of a member.
    pub fn f64(&self, field: Field) -> Option<f64> {
        self.get(field).as_f64()
    }

    /// Returns the flag of a member.
    pub fn bool(&self, field: Field) -> Option<bool> {
        match self.get(field) {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns the moment of a member, milliseconds since 1970.
    pub fn timestamp_ms(&self, field: Field) -> Option<i64> {
        match self.get(field) {
            Value::Timestamp(at) => Some(*at),
            _ => None,
        }
    }

    /// Returns the elements of a member; none when it was not given.
    pub fn list(&self, field: Field) -> &[Value<'a>] {
        self.get(field).as_list().unwrap_or(&[])
    }

    /// Returns the structure of a member.
    pub fn nested(&self, field: Field) -> Option<&Struct<'a>> {
        self.get(field).as_struct()
    }

    /// Returns the structures of a member that is a list of them.
    pub fn structs(&self, field: Field) -> impl Iterator<Item = &Struct<'a>> {
        self.list(field).iter().filter_map(Value::as_struct)
    }

    /// Returns the texts of a member that is a list of them.
    pub fn strs(&self, field: Field) -> impl Iterator<Item = &str> {
        self.list(field).iter().filter_map(Value::as_str)
    }

    /// Returns the numbers of a member that is a list of them.
    pub fn f64s(&self, field: Field) -> impl Iterator<Item = f64> {
        self.list(field).iter().filter_map(Value::as_f64)
    }

    /// Returns the entries of a member that is a map.
    pub fn map(&self, field: Field) -> &[(Cow<'a, str>, Value<'a>)] {
        match self.get(field) {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Copies what was borrowed.
    pub fn into_owned(self) -> Struct<'static> {
        Struct {
            shape: self.shape,
            members: self.members.into_iter().map(Value::into_owned).collect(),
        }
    }
}
