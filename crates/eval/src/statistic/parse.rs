//! Statistics as texts, read and printed back.
//!
//! What is a statistic at all is said by the pattern that CloudWatch publishes on shape
//! `AnomalyDetectorMetricStat` of its SDK model. The functions below are its parts:
//!
//! ```text
//! simple   (basic | IQM | (p tc tm ts wm) percent | (o u) value) with _E, _L or _H or none of them
//! percents (TM TC TS WM) "(" [percent "%"] ":" [percent "%"] ")"      not both omitted
//! values   (TM TC TS WM PR) "(" [value] ":" [value] ")"               not both omitted
//! ```

use super::{Bounds, Statistic, Within};
use std::fmt;
use std::str::FromStr;

/// No statistic is longer. Source: the same shape.
const BYTES_MAX: usize = 50;
/// Decimals of a bound.
const DECIMALS_MAX: usize = 10;

/// Why a text is no statistic that is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatisticError {
    /// It is none at all.
    Unknown(String),
    /// CloudWatch's pattern takes it, but nothing published says what it means.
    NotServed(String),
}

impl fmt::Display for StatisticError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(text) => write!(f, "the statistic {text} is not known"),
            Self::NotServed(text) => write!(
                f,
                "the statistic {text} is not served: what oNN, uNN and the endings _E, _L and _H \
                 mean is not documented"
            ),
        }
    }
}

impl std::error::Error for StatisticError {}

impl FromStr for Statistic {
    type Err = StatisticError;

    fn from_str(text: &str) -> Result<Self, StatisticError> {
        if text.len() <= BYTES_MAX {
            if let Some(statistic) = simple(text).or_else(|| range(text)) {
                return Ok(statistic);
            }
            if is_undocumented(text) {
                return Err(StatisticError::NotServed(text.to_owned()));
            }
        }
        Err(StatisticError::Unknown(text.to_owned()))
    }
}

fn simple(text: &str) -> Option<Statistic> {
    let below = |what| move |percent| Statistic::Within(what, Bounds::Below(percent));
    Some(match text {
        "SampleCount" => Statistic::SampleCount,
        "Sum" => Statistic::Sum,
        "Average" => Statistic::Average,
        "Minimum" => Statistic::Minimum,
        "Maximum" => Statistic::Maximum,
        "IQM" => Statistic::InterquartileMean,
        _ => {
            // The prefix is ASCII or none of them fits.
            let (prefix, number) = text.split_at_checked(2)?;
            match prefix {
                "tm" => simple_percent(number).map(below(Within::Mean))?,
                "wm" => simple_percent(number).map(below(Within::WinsorizedMean))?,
                "tc" => simple_percent(number).map(below(Within::Count))?,
                "ts" => simple_percent(number).map(below(Within::Sum))?,
                _ => Statistic::Percentile(simple_percent(text.strip_prefix('p')?)?),
            }
        }
    })
}

fn is_undocumented(text: &str) -> bool {
    let plain = ["_E", "_L", "_H"].into_iter().find_map(|end| text.strip_suffix(end));
    let over_or_under = |t: &str| {
        let number = t.strip_prefix(['o', 'u']);
        number.is_some_and(|n| is_number(n, usize::MAX))
    };
    plain.is_some_and(|plain| simple(plain).is_some() || over_or_under(plain))
        || over_or_under(text)
}

fn range(text: &str) -> Option<Statistic> {
    let (name, bounds) = text.strip_suffix(')')?.split_once('(')?;
    let what = match name {
        "TM" => Within::Mean,
        "WM" => Within::WinsorizedMean,
        "TC" => Within::Count,
        "TS" => Within::Sum,
        "PR" => Within::Rank,
        _ => return None,
    };
    let (low, high) = bounds.split_once(':')?;
    if low.is_empty() && high.is_empty() {
        return None;
    }
    // An omitted bound is `Some(None)`, a wrong one `None`.
    let both = |read: fn(&str) -> Option<f64>| {
        let read = |t: &str| if t.is_empty() { Some(None) } else { read(t).map(Some) };
        Some((read(low)?, read(high)?))
    };
    let bounds = match both(value) {
        Some((low, high)) => Bounds::Values(low, high),
        // A rank of percents would say nothing.
        None if what == Within::Rank => return None,
        None => {
            let (low, high) = both(|t| range_percent(t.strip_suffix('%')?))?;
            Bounds::Percents(low, high)
        }
    };
    Some(Statistic::Within(what, bounds))
}

/// One or two digits with decimals, or just `100`.
fn simple_percent(text: &str) -> Option<f64> {
    if text == "100" { Some(100.0) } else { two_digits(text) }
}

/// The same, where 100 may have decimals that are zero.
fn range_percent(text: &str) -> Option<f64> {
    match text.strip_prefix("100") {
        Some("") => Some(100.0),
        Some(decimals) => {
            let zeros = decimals.strip_prefix('.')?;
            let all = zeros.len() <= DECIMALS_MAX && zeros.bytes().all(|b| b == b'0');
            all.then_some(100.0)
        }
        None => two_digits(text),
    }
}

fn two_digits(text: &str) -> Option<f64> {
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    if whole.len() > 2 || !is_number(text, DECIMALS_MAX) {
        return None;
    }
    text.parse().ok()
}

/// A number that is not negative, also in scientific notation; it must be finite.
fn value(text: &str) -> Option<f64> {
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (text, None),
    };
    let digits = exponent.map(|e| e.strip_prefix(['+', '-']).unwrap_or(e));
    let formed = is_number(number, DECIMALS_MAX) && digits.is_none_or(|d| is_number(d, 0));
    if !formed || digits.is_some_and(|d| d.contains('.')) {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// Digits, and a point with as many decimals as may be, also none.
fn is_number(text: &str, decimals_max: usize) -> bool {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    !whole.is_empty() && digits(whole) && digits(decimals) && decimals.len() <= decimals_max
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SampleCount => f.write_str("SampleCount"),
            Self::Sum => f.write_str("Sum"),
            Self::Average => f.write_str("Average"),
            Self::Minimum => f.write_str("Minimum"),
            Self::Maximum => f.write_str("Maximum"),
            Self::InterquartileMean => f.write_str("IQM"),
            Self::Percentile(percent) => write!(f, "p{percent}"),
            Self::Within(what, bounds) => write_within(f, *what, *bounds),
        }
    }
}

fn write_within(f: &mut fmt::Formatter<'_>, what: Within, bounds: Bounds) -> fmt::Result {
    let name = match what {
        Within::Mean => "TM",
        Within::WinsorizedMean => "WM",
        Within::Count => "TC",
        Within::Sum => "TS",
        Within::Rank => "PR",
    };
    let bound = |value: Option<f64>, unit| match value {
        Some(value) => number(value) + unit,
        None => String::new(),
    };
    match bounds {
        Bounds::Below(percent) => write!(f, "{}{percent}", name.to_ascii_lowercase()),
        Bounds::Percents(low, high) => {
            write!(f, "{name}({}:{})", bound(low, "%"), bound(high, "%"))
        }
        Bounds::Values(low, high) => write!(f, "{name}({}:{})", bound(low, ""), bound(high, "")),
    }
}

/// Prints a bound so that it can be read again: plain, or digits and exponent where the plain form
/// would be too long for the pattern.
fn number(value: f64) -> String {
    let plain = format!("{value}");
    if plain.len() <= 20 && plain.split_once('.').is_none_or(|(_, d)| d.len() <= DECIMALS_MAX) {
        return plain;
    }
    let short = format!("{value:e}");
    let (digits, exponent) = short.split_once('e').unwrap_or((&short, "0"));
    let decimals = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let exponent = exponent.parse::<i64>().unwrap_or(0) - decimals as i64;
    format!("{}e{exponent}", digits.replace('.', ""))
}
