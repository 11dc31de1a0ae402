//! Lines and bands over the metrics.

use super::fields::{Fields, Mistakes};
use super::metrics::{SIDES, Side};
use super::{ANNOTATIONS_MAX, Moment};
use crate::Color;
use serde_json::Value;

/// All annotations of a widget.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Annotations {
    /// Lines and bands at values.
    pub horizontal: Vec<Horizontal>,
    /// Lines and bands at times.
    pub vertical: Vec<Vertical>,
    /// The ARN of the alarm whose metric and threshold are shown; at most one.
    pub alarms: Vec<String>,
}

/// A line of an annotation.
#[derive(Debug, Clone, PartialEq)]
pub struct Line<T> {
    /// The value, or the milliseconds since 1970.
    pub at: T,
    /// What stands at it.
    pub label: Option<String>,
}

/// An annotation's line, or two with what is between them.
#[derive(Debug, Clone, PartialEq)]
pub enum Band<T> {
    /// One line.
    One(Line<T>),
    /// Two lines, the lower or earlier one first, and the ground between them.
    Between(Line<T>, Line<T>),
}

/// What is drawn at a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Horizontal {
    /// Where.
    pub band: Band<f64>,
    /// Its colour, if it is not the next of the palette.
    pub color: Option<Color>,
    /// What is filled besides the line; a band is always filled between.
    pub fill: HorizontalFill,
    /// Whether it is drawn.
    pub visible: bool,
    /// The axis that its value stands at.
    pub axis: Side,
}

/// What is drawn at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Vertical {
    /// Where, in milliseconds since 1970.
    pub band: Band<i64>,
    /// Its colour, if it is not the next of the palette.
    pub color: Option<Color>,
    /// What is filled besides the line; a band is always filled between.
    pub fill: VerticalFill,
    /// Whether it is drawn.
    pub visible: bool,
}

/// The side of a value that is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "each is the side of its name")]
pub enum HorizontalFill {
    #[default]
    None,
    Above,
    Below,
}

/// The side of a time that is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "each is the side of its name")]
pub enum VerticalFill {
    #[default]
    None,
    Before,
    After,
}

const HORIZONTAL: [(&str, HorizontalFill); 3] = [
    ("none", HorizontalFill::None),
    ("above", HorizontalFill::Above),
    ("below", HorizontalFill::Below),
];
const VERTICAL: [(&str, VerticalFill); 3] = [
    ("none", VerticalFill::None),
    ("before", VerticalFill::Before),
    ("after", VerticalFill::After),
];

impl Horizontal {
    /// The line of an alarm's threshold on the left axis, in the colour of alarms; `fill` is the side
    /// that breaches.
    pub fn threshold(value: f64, label: impl Into<String>, fill: HorizontalFill) -> Self {
        let line = Line { at: value, label: Some(label.into()) };
        let color = Some(Color::ALARM);
        Self { band: Band::One(line), color, fill, visible: true, axis: Side::Left }
    }

    fn read(value: &Value, path: &str, wrong: &mut Mistakes) -> Option<Self> {
        let (band, read) = band(value, path, wrong, |mut fields, wrong| {
            let at =
                if fields.require("value", wrong) { fields.number("value", wrong) } else { None };
            let label = fields.text("label", wrong).map(str::to_owned);
            let line = Line { at: at.unwrap_or_default(), label };
            let read = Self {
                band: Band::One(line.clone()),
                color: fields.color("color", wrong),
                fill: fields.word("fill", &HORIZONTAL, wrong).unwrap_or_default(),
                visible: fields.flag("visible", wrong).unwrap_or(true),
                axis: fields.word("yAxis", &SIDES, wrong).unwrap_or_default(),
            };
            fields.close(wrong);
            at.map(|_| (line, read))
        })?;
        Some(Self { band, ..read })
    }
}

impl Vertical {
    fn read(value: &Value, path: &str, wrong: &mut Mistakes) -> Option<Self> {
        let (band, read) = band(value, path, wrong, |mut fields, wrong| {
            let at =
                if fields.require("value", wrong) { time_of(&mut fields, wrong) } else { None };
            let label = fields.text("label", wrong).map(str::to_owned);
            let line = Line { at: at.unwrap_or_default(), label };
            let read = Self {
                band: Band::One(line.clone()),
                color: fields.color("color", wrong),
                fill: fields.word("fill", &VERTICAL, wrong).unwrap_or_default(),
                visible: fields.flag("visible", wrong).unwrap_or(true),
            };
            fields.close(wrong);
            at.map(|_| (line, read))
        })?;
        Some(Self { band, ..read })
    }
}

/// Reads the time of a vertical line, which has to be a fixed one.
fn time_of(fields: &mut Fields<'_>, wrong: &mut Mistakes) -> Option<i64> {
    match Moment::parse(fields.text("value", wrong)?) {
        Some(Moment::At(at_ms)) => Some(at_ms),
        _ => {
            let message = "must be a time such as 2018-04-25T12:00:00.000Z";
            wrong.add(fields.path_of("value"), message);
            None
        }
    }
}

/// Reads an annotation, one object or an array of two; colour and the like are those of the first.
fn band<T: PartialOrd + Copy, A>(
    value: &Value,
    path: &str,
    wrong: &mut Mistakes,
    read: impl Fn(Fields<'_>, &mut Mistakes) -> Option<(Line<T>, A)>,
) -> Option<(Band<T>, A)> {
    let Value::Array(both) = value else {
        let (line, annotation) = read(Fields::open(value, path, wrong), wrong)?;
        return Some((Band::One(line), annotation));
    };
    let [first, second] = &both[..] else {
        wrong.add(path, format!("a band has two lines, not {}", both.len()));
        return None;
    };
    let first = read(Fields::open(first, format!("{path}[0]"), wrong), wrong);
    let second = read(Fields::open(second, format!("{path}[1]"), wrong), wrong);
    let ((a, annotation), (b, _)) = (first?, second?);
    let (low, high) = if a.at <= b.at { (a, b) } else { (b, a) };
    Some((Band::Between(low, high), annotation))
}

impl Annotations {
    pub(super) fn read(fields: &mut Fields<'_>, wrong: &mut Mistakes) -> Self {
        let horizontal = each(fields, "horizontal", Horizontal::read, wrong);
        let vertical = each(fields, "vertical", Vertical::read, wrong);
        let alarms = alarms(fields, wrong);
        std::mem::replace(fields, Fields::absent()).close(wrong);
        Self { horizontal, vertical, alarms }
    }
}

fn each<T>(
    fields: &mut Fields<'_>,
    name: &'static str,
    read: fn(&Value, &str, &mut Mistakes) -> Option<T>,
    wrong: &mut Mistakes,
) -> Vec<T> {
    let Some(list) = fields.list(name, wrong) else { return Vec::new() };
    let path = fields.path_of(name);
    if list.len() > ANNOTATIONS_MAX {
        wrong.add(path, format!("has {} entries, at most {ANNOTATIONS_MAX} may be", list.len()));
        return Vec::new();
    }
    let read =
        list.iter().enumerate().map(|(at, value)| read(value, &format!("{path}[{at}]"), wrong));
    read.collect::<Vec<Option<T>>>().into_iter().flatten().collect()
}

fn alarms(fields: &mut Fields<'_>, wrong: &mut Mistakes) -> Vec<String> {
    let Some(list) = fields.list("alarms", wrong) else { return Vec::new() };
    let path = fields.path_of("alarms");
    if list.len() > 1 {
        wrong.add(path, format!("has {} alarms, only one can be shown", list.len()));
        return Vec::new();
    }
    let Some(alarm) = list.first() else {
        wrong.add(path, "must name an alarm");
        return Vec::new();
    };
    match alarm.as_str() {
        Some(arn) if arn.starts_with("arn:") && arn.contains(":alarm:") && arn.len() <= 1_600 => {
            vec![arn.to_owned()]
        }
        _ => {
            wrong.add(format!("{path}[0]"), "must be the ARN of an alarm");
            Vec::new()
        }
    }
}
