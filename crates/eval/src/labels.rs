//! What dynamic labels say of a series.
//!
//! CloudWatch's user guide names the tokens and shows no rendered value. This is what holds here:
//!
//! - Numbers have three decimals at most, those below one three digits that count, and no zeros
//!   behind; from 10^15 on they have an exponent.
//! - Times are `2026-11-21 14:05:00 UTC`, in another zone `2026-11-21 15:35:00 +0130`.
//! - Relative times and ranges of time are lengths such as `1d 2h 5m 30s`, without a sign.
//! - `FIRST_LAST_RANGE` is the newest value less the oldest one: a rise is positive.
//! - Of several largest or smallest values the oldest one counts.
//! - What a series does not have (values in the range, a dimension, a metric at all) is `--`; only
//!   the count of no values is 0.

use lang::labels::{Label, Piece, Property, Token, Value};
use std::fmt::Write as _;

/// Stands for what a series does not have.
pub const NOTHING: &str = "--";

/// What a label can tell of a series.
#[derive(Debug, Clone, Copy)]
pub struct LabelFacts<'a> {
    /// The label that it would have without one.
    pub label: &'a str,
    /// Time in milliseconds and value, oldest first, as the answer has them.
    pub values: &'a [(i64, f64)],
    /// The metric that it is of; `None` for results of expressions.
    pub metric: Option<MetricFacts<'a>>,
    /// Who has it.
    pub account: &'a str,
    /// That account's name; `None` when it has none.
    pub account_label: Option<&'a str>,
    /// Where it is.
    pub region: &'a str,
    /// The present time in milliseconds.
    pub now_ms: i64,
    /// Minutes that shown times are ahead of UTC.
    pub zone_minutes: i32,
}

/// The metric behind a series, and what was asked of it.
#[derive(Debug, Clone, Copy)]
pub struct MetricFacts<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its dimensions.
    pub dimensions: &'a [(String, String)],
    /// The statistic, as it was written.
    pub statistic: &'a str,
    /// The period in seconds.
    pub period_s: i64,
}

/// Puts the facts of a series in place of a label's tokens.
pub fn render(label: &Label, facts: &LabelFacts<'_>) -> String {
    let mut out = String::new();
    for piece in &label.pieces {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Token(Token::Label) => out.push_str(facts.label),
            Piece::Token(Token::Property(property)) => {
                out.push_str(&of_property(property, facts).unwrap_or_else(|| NOTHING.to_owned()));
            }
            Piece::Token(Token::Value(value)) => {
                out.push_str(&of_value(*value, facts).unwrap_or_else(|| NOTHING.to_owned()));
            }
        }
    }
    out
}

fn of_property(property: &Property, facts: &LabelFacts<'_>) -> Option<String> {
    let metric = facts.metric;
    Some(match property {
        Property::AccountId => facts.account.to_owned(),
        Property::AccountLabel => facts.account_label?.to_owned(),
        Property::Region => facts.region.to_owned(),
        Property::MetricName => metric?.name.to_owned(),
        Property::Namespace => metric?.namespace.to_owned(),
        Property::Period => metric?.period_s.to_string(),
        Property::Stat => metric?.statistic.to_owned(),
        Property::Dimension(name) => {
            let dimensions = metric?.dimensions.iter();
            dimensions.clone().find(|(n, _)| n == name)?.1.clone()
        }
    })
}

fn of_value(value: Value, facts: &LabelFacts<'_>) -> Option<String> {
    let values = facts.values;
    if value == Value::DatapointCount {
        return Some(values.len().to_string());
    }
    let (first, last) = (*values.first()?, *values.last()?);
    let sum = || values.iter().map(|p| p.1).sum::<f64>();
    // Of equal ones the first: `min_by` keeps it, `max_by` would keep the last.
    let min = *values.iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
    let max = *values.iter().min_by(|a, b| b.1.total_cmp(&a.1))?;
    let time = |at_ms| time(at_ms, facts.zone_minutes);
    let since = |at_ms: i64| length(at_ms.abs_diff(facts.now_ms));
    Some(match value {
        Value::Avg => number(sum() / values.len() as f64),
        Value::DatapointCount => values.len().to_string(),
        Value::First => number(first.1),
        Value::FirstLastRange => number(last.1 - first.1),
        Value::FirstLastTimeRange => length(first.0.abs_diff(last.0)),
        Value::FirstTime => time(first.0),
        Value::FirstTimeRelative => since(first.0),
        Value::Last => number(last.1),
        Value::LastTime => time(last.0),
        Value::LastTimeRelative => since(last.0),
        Value::Max => number(max.1),
        Value::MaxTime => time(max.0),
        Value::MaxTimeRelative => since(max.0),
        Value::Min => number(min.1),
        Value::MinMaxRange => number(max.1 - min.1),
        Value::MinMaxTimeRange => length(min.0.abs_diff(max.0)),
        Value::MinTime => time(min.0),
        Value::MinTimeRelative => since(min.0),
        Value::Sum => number(sum()),
    })
}

fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 1e15 || (size > 0.0 && size < 1e-6) {
        let text = format!("{value:.3e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{exponent}", without_zeros(digits));
    }
    // One more for each zero behind the point: 0.00123 shows as that.
    let small = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5];
    let zeros = small.iter().filter(|&&bound| size > 0.0 && size < bound).count();
    let decimals = 3 + zeros;
    let text = format!("{value:.decimals$}");
    // What rounds to zero has no sign.
    match without_zeros(&text) {
        "-0" => "0".to_owned(),
        text => text.to_owned(),
    }
}

fn without_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

fn length(ms: u64) -> String {
    let (mut rest, mut out) = (ms / 1000, String::new());
    for (unit, seconds) in [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)] {
        let count = rest / seconds;
        rest %= seconds;
        if count > 0 || (unit == "s" && out.is_empty()) {
            let gap = if out.is_empty() { "" } else { " " };
            let _ = write!(out, "{gap}{count}{unit}");
        }
    }
    out
}

fn time(at_ms: i64, zone_minutes: i32) -> String {
    let seconds = at_ms.div_euclid(1000).saturating_add(i64::from(zone_minutes) * 60);
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, date) = civil(day);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let zone = match zone_minutes {
        0 => "UTC".to_owned(),
        z => {
            let sign = if z < 0 { '-' } else { '+' };
            format!("{sign}{:02}{:02}", z.abs() / 60, z.abs() % 60)
        }
    };
    format!("{year:04}-{month:02}-{date:02} {hour:02}:{minute:02}:{second:02} {zone}")
}

/// Returns year, month and day of a day counted from 1970, in the Gregorian calendar.
pub fn civil(day: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that the leap day is the last one of a cycle of 400 years.
    let shifted = day + 719_468;
    let (cycle, of_cycle) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_cycle - of_cycle / 1_460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
    let of_year = of_cycle - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year + cycle * 400 + next, month, date)
}
