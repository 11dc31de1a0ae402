//! One datum: what it says, and what may be wrong with it.

use crate::cloudwatch::{MINUTE_MS, pairs, unit_of, window};
use crate::fault;
use aws_shapes::cloudwatch::{metric_datum as field, statistic_set};
use aws_wire::{ServiceError, Struct, Value};
use model::{Delta, TimeRange, Unit, VALUES_MAX, VIRTUAL_NAMES};
use std::fmt;

/// Values lie between this and its negative.
///
/// Source: CloudWatch API reference, `MetricDatum`, field `Value`: 2 to the power of 360.
const VALUE_MAX: f64 = f64::from_bits((1_023 + 360) << 52);
/// How many problems one answer lists.
const PROBLEMS_MAX: usize = 10;

/// A datum that was found sound.
pub(super) struct Point<'r> {
    pub(super) name: &'r str,
    /// As they came; none is named twice.
    pub(super) dimensions: &'r [Value<'r>],
    pub(super) unit: Unit,
    pub(super) at_ms: i64,
    pub(super) amount: Amount,
}

pub(super) enum Amount {
    /// The usual case, which needs no list of values.
    Single(f64),
    Many(Box<Delta>),
}

/// Where a datum stands in its request.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) entity: Option<usize>,
    pub(super) datum: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(entity) = self.entity {
            write!(f, "EntityMetricData.member.{entity}.")?;
        }
        write!(f, "MetricData.member.{}", self.datum)
    }
}

#[derive(Clone, Copy)]
pub(super) struct Times {
    pub(super) allowed: TimeRange,
    pub(super) now_ms: i64,
}

/// What is wrong with a request. Errors of one class are answered together, a line for each, as
/// the service does.
#[derive(Default)]
pub(super) struct Problems {
    class: Option<Class>,
    texts: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Value,
    Combination,
}

impl Problems {
    fn add(&mut self, class: Class, text: String) {
        if *self.class.get_or_insert(class) == class && self.texts.len() < PROBLEMS_MAX {
            self.texts.push(text);
        }
    }

    fn value(&mut self, value: impl fmt::Display, place: impl fmt::Display) {
        self.add(Class::Value, format!("The value {value} for parameter {place} is invalid."));
    }

    pub(super) fn into_result(self) -> Result<(), ServiceError> {
        let text = self.texts.join("\n");
        match self.class {
            None => Ok(()),
            Some(Class::Value) => Err(fault::invalid_value(text)),
            Some(Class::Combination) => Err(fault::invalid_combination(text)),
        }
    }
}

/// A list that is too long, in the service's words.
pub(super) fn too_many(what: impl fmt::Display, max: usize) -> ServiceError {
    fault::invalid_value(too_many_text(what, max))
}

fn too_many_text(what: impl fmt::Display, max: usize) -> String {
    format!("The collection {what} must not have a size greater than {max}.")
}

/// Reads a datum and tells `problems` what is wrong with it; `None` when no amount can be made of
/// it.
pub(super) fn read<'r>(
    datum: &'r Struct<'_>,
    place: Place,
    times: Times,
    problems: &mut Problems,
) -> Option<Point<'r>> {
    let name = datum.str(field::METRIC_NAME).unwrap_or_default();
    if name.trim().is_empty() {
        problems.value(name, format_args!("{place}.MetricName"));
    }
    let dimensions = datum.list(field::DIMENSIONS);
    check_dimensions(dimensions, place, problems);
    let at_ms = time(datum, place, times, problems);
    let amount = amount(datum, place, problems);
    let unit = datum.str(field::UNIT).map(unit_of).unwrap_or_default();
    Some(Point { name, dimensions, unit, at_ms, amount: amount? })
}

fn check_dimensions(dimensions: &[Value<'_>], place: Place, problems: &mut Problems) {
    for (at, (name, value)) in pairs(dimensions).enumerate() {
        let place = |part| format!("{place}.Dimensions.member.{}.{part}", at + 1);
        // A label of such a name would be taken for the part of the identity that it stands for.
        if name.trim().is_empty() || VIRTUAL_NAMES.contains(&name) {
            problems.value(name, place("Name"));
        }
        if value.trim().is_empty() {
            problems.value(value, place("Value"));
        }
        // At most thirty short texts, mostly three: looking beats a set.
        if pairs(&dimensions[..at]).any(|(earlier, _)| earlier == name) {
            problems.add(
                Class::Value,
                format!(
                    "The parameter {} names the dimension {name} a second time.",
                    place("Name")
                ),
            );
        }
    }
}

/// Returns the time on the metric's grid: seconds with high resolution, else minutes.
fn time(datum: &Struct<'_>, place: Place, times: Times, problems: &mut Problems) -> i64 {
    let at_ms = datum.timestamp_ms(field::TIMESTAMP).unwrap_or(times.now_ms);
    if !times.allowed.contains(at_ms) {
        let bound = if at_ms < times.allowed.start_ms {
            "within the past two weeks"
        } else {
            "no more than two hours in the future"
        };
        problems.add(
            Class::Value,
            format!("The parameter {place}.Timestamp must specify a time {bound}."),
        );
    }
    let step_ms = match datum.i64(field::STORAGE_RESOLUTION) {
        Some(1) => 1_000,
        None | Some(60) => MINUTE_MS,
        Some(other) => {
            problems.value(other, format_args!("{place}.StorageResolution"));
            MINUTE_MS
        }
    };
    window::floor(at_ms, step_ms)
}

/// Reads the one form in which a datum tells its samples.
fn amount(datum: &Struct<'_>, place: Place, problems: &mut Problems) -> Option<Amount> {
    let value = datum.f64(field::VALUE);
    let set = datum.nested(field::STATISTIC_VALUES);
    let values = datum.list(field::VALUES);
    let mut exclude = |one: &str, other: &str| {
        problems.add(
            Class::Combination,
            format!(
                "The parameters {place}.{one} and {place}.{other} are mutually exclusive and you \
                 have specified both."
            ),
        );
    };
    match (value, set, values) {
        (Some(_), Some(_), _) => exclude("Value", "StatisticValues"),
        (Some(_), None, [_, ..]) => exclude("Value", "Values"),
        (None, Some(_), [_, ..]) => exclude("StatisticValues", "Values"),
        (None, None, []) => problems.add(
            Class::Combination,
            format!(
                "At least one of the parameters {place}.Value and {place}.StatisticValues must be \
                 specified."
            ),
        ),
        (_, _, _) if values.is_empty() && !datum.list(field::COUNTS).is_empty() => {
            unequal(place, problems);
        }
        (Some(value), None, []) => {
            check_value(value, || format!("{place}.Value"), problems);
            // One zero: the other is no different sample.
            return Some(Amount::Single(value + 0.0));
        }
        (None, Some(set), []) => return statistics(set, place, problems).map(Amount::from),
        (None, None, values) => {
            return distribution(values, datum.list(field::COUNTS), place, problems)
                .map(Amount::from);
        }
    }
    None
}

impl From<Delta> for Amount {
    fn from(delta: Delta) -> Self {
        Self::Many(Box::new(delta))
    }
}

fn check_value(value: f64, place: impl Fn() -> String, problems: &mut Problems) {
    if value.abs() <= VALUE_MAX {
        return;
    }
    let shown = match value {
        _ if value.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        value => format!("{value:E}"),
    };
    problems.value(shown, place());
}

fn unequal(place: Place, problems: &mut Problems) {
    let text =
        format!("The parameters {place}.Values and {place}.Counts must be of the same size.");
    problems.add(Class::Value, text);
}

fn statistics(set: &Struct<'_>, place: Place, problems: &mut Problems) -> Option<Delta> {
    let mut number = |field, name: &str| {
        let value = set.f64(field).unwrap_or_default();
        check_value(value, || format!("{place}.StatisticValues.{name}"), problems);
        value + 0.0
    };
    let count = number(statistic_set::SAMPLE_COUNT, "SampleCount");
    let sum = number(statistic_set::SUM, "Sum");
    let min = number(statistic_set::MINIMUM, "Minimum");
    let max = number(statistic_set::MAXIMUM, "Maximum");
    if count <= 0.0 {
        problems.value(count, format_args!("{place}.StatisticValues.SampleCount"));
    }
    if min > max {
        problems.add(
            Class::Value,
            format!(
                "The parameter {place}.StatisticValues.Maximum must be greater than or equal to \
                 {place}.StatisticValues.Minimum."
            ),
        );
    }
    Some(Delta::of_statistics(count, sum, min, max))
}

fn distribution(
    values: &[Value<'_>],
    counts: &[Value<'_>],
    place: Place,
    problems: &mut Problems,
) -> Option<Delta> {
    if !counts.is_empty() && counts.len() != values.len() {
        unequal(place, problems);
        return None;
    }
    let mut samples = Vec::with_capacity(values.len());
    for (at, value) in values.iter().enumerate() {
        let value = value.as_f64().unwrap_or(f64::NAN);
        check_value(value, || format!("{place}.Values.member.{}", at + 1), problems);
        let count = counts.get(at).map_or(1.0, |count| count.as_f64().unwrap_or(f64::NAN));
        let count_place = || format!("{place}.Counts.member.{}", at + 1);
        check_value(count, count_place, problems);
        if count < 0.0 {
            problems.value(count, count_place());
        }
        samples.push((value + 0.0, count));
    }
    samples.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    samples.dedup_by(|later, kept| {
        let is_same = later.0 == kept.0;
        kept.1 += if is_same { later.1 } else { 0.0 };
        is_same
    });
    if samples.len() > VALUES_MAX {
        problems.add(Class::Value, too_many_text(format_args!("{place}.Values"), VALUES_MAX));
        return None;
    }
    if samples.iter().all(|(_, count)| *count == 0.0) {
        problems.value(0, format_args!("{place}.Counts"));
    }
    // A value that did not occur is neither the smallest nor the largest.
    samples.retain(|(_, count)| *count > 0.0);
    let (first, last) = (samples.first()?, samples.last()?);
    Some(Delta {
        count: samples.iter().map(|(_, count)| count).sum(),
        sum: samples.iter().map(|(value, count)| value * count).sum(),
        min: first.0,
        max: last.0,
        values: samples,
        ..Delta::default()
    })
}

#[cfg(test)]
mod tests {
    use super::VALUE_MAX;

    #[test]
    fn the_largest_value_is_two_to_the_power_of_360() {
        assert_eq!(VALUE_MAX, 2f64.powi(360));
    }
}
