//! CloudWatch's statistics: what a text such as `p99.9` asks of the samples of a period.

use model::{Delta, bucket_bounds};
use std::fmt;
use std::str::FromStr;

/// A statistic over the samples of one period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Statistic {
    /// How many samples.
    SampleCount,
    /// Their sum.
    Sum,
    /// Sum by count.
    Average,
    /// The smallest.
    Minimum,
    /// The largest.
    Maximum,
    /// The value below which so many percent of the samples lie, 0 to 100.
    Percentile(f64),
}

/// Why a text is no statistic that is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatisticError {
    /// It is none at all.
    Unknown(String),
    /// CloudWatch has it; here it comes later.
    NotServed(String),
}

impl fmt::Display for StatisticError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(text) => write!(f, "the statistic {text} is not known"),
            Self::NotServed(text) => write!(
                f,
                "the statistic {text} is not served yet; SampleCount, Sum, Average, Minimum, \
                 Maximum and percentiles (p0 to p100) are"
            ),
        }
    }
}

impl std::error::Error for StatisticError {}

impl Statistic {
    /// The five that `Statistics` of the CloudWatch API allows.
    pub const BASIC: [Self; 5] =
        [Self::SampleCount, Self::Average, Self::Sum, Self::Minimum, Self::Maximum];

    /// Returns its value over the samples of a period.
    ///
    /// `None` for a percentile of samples without a distribution (statistic sets of unequal
    /// samples), or with a negative one, as CloudWatch has it. A percentile is the smallest sample
    /// that at least so many percent of the samples do not exceed; within a bucket it is
    /// interpolated.
    ///
    /// Source: CloudWatch user guide, "Percentiles"; CloudWatch API reference, `MetricDatum`.
    pub fn of(&self, period: &Delta) -> Option<f64> {
        match self {
            Self::SampleCount => Some(period.count),
            Self::Sum => Some(period.sum),
            Self::Average => (period.count > 0.0).then(|| period.sum / period.count),
            Self::Minimum => Some(period.min),
            Self::Maximum => Some(period.max),
            Self::Percentile(percent) => percentile(period, *percent),
        }
    }
}

fn percentile(period: &Delta, percent: f64) -> Option<f64> {
    if period.opaque > 0.0 || period.min < 0.0 || period.count <= 0.0 {
        return None;
    }
    let rank = percent / 100.0 * period.count;
    let mut below = 0.0;
    // Sums of counts carry rounding; a hair of tolerance keeps p100 and p50 on their samples.
    let reached = |below: f64| below >= rank - period.count * 1e-12;
    for &(value, count) in &period.values {
        below += count;
        if reached(below) {
            return Some(value);
        }
    }
    for &(number, count) in &period.buckets {
        let before = below;
        below += count;
        if reached(below) {
            let (low, high) = bucket_bounds(number);
            let inside = ((rank - before) / count).clamp(0.0, 1.0);
            return Some((low + (high - low) * inside).clamp(period.min, period.max));
        }
    }
    Some(period.max)
}

impl FromStr for Statistic {
    type Err = StatisticError;

    fn from_str(text: &str) -> Result<Self, StatisticError> {
        Ok(match text {
            "SampleCount" => Self::SampleCount,
            "Sum" => Self::Sum,
            "Average" => Self::Average,
            "Minimum" => Self::Minimum,
            "Maximum" => Self::Maximum,
            _ => return percentile_of(text),
        })
    }
}

/// Source: validation pattern of shape `AnomalyDetectorMetricStat` in the SDK model, in words.
fn percentile_of(text: &str) -> Result<Statistic, StatisticError> {
    let unknown = || StatisticError::Unknown(text.to_owned());
    if let Some(number) = text.strip_prefix('p') {
        return match percent(number) {
            Some(percent) => Ok(Statistic::Percentile(percent)),
            None => Err(unknown()),
        };
    }
    let simple = ["tm", "wm", "tc", "ts", "o", "u"]
        .into_iter()
        .any(|prefix| text.strip_prefix(prefix).and_then(percent).is_some());
    let range = ["TM(", "WM(", "TC(", "TS(", "PR("]
        .into_iter()
        .any(|prefix| text.starts_with(prefix) && text.ends_with(')') && text.contains(':'));
    if simple || range || text == "IQM" {
        return Err(StatisticError::NotServed(text.to_owned()));
    }
    Err(unknown())
}

/// Reads 0 to 100 with at most ten decimals.
fn percent(text: &str) -> Option<f64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    let formed = (1..=3).contains(&whole.len()) && digits(whole) && digits(decimals);
    if !formed || decimals.len() > 10 {
        return None;
    }
    text.parse().ok().filter(|percent| (0.0..=100.0).contains(percent))
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SampleCount => f.write_str("SampleCount"),
            Self::Sum => f.write_str("Sum"),
            Self::Average => f.write_str("Average"),
            Self::Minimum => f.write_str("Minimum"),
            Self::Maximum => f.write_str("Maximum"),
            Self::Percentile(percent) => write!(f, "p{percent}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Delta {
        let mut sum = Delta::default();
        values.iter().for_each(|&v| sum.add(&Delta::of_value(v)));
        sum
    }

    #[test]
    fn percentiles_are_samples_while_there_are_few() {
        let period = of(&(1..=100).map(f64::from).collect::<Vec<_>>());
        for (percent, expected) in
            [(50.0, 50.0), (99.0, 99.0), (100.0, 100.0), (0.0, 1.0), (99.5, 100.0)]
        {
            assert_eq!(Statistic::Percentile(percent).of(&period), Some(expected), "p{percent}");
        }
    }

    #[test]
    fn percentiles_of_many_samples_are_within_a_percent() {
        let period = of(&(1..=1000).map(f64::from).collect::<Vec<_>>());
        for percent in [10.0, 50.0, 90.0, 99.0] {
            let found = Statistic::Percentile(percent).of(&period).unwrap();
            assert!((found / (percent * 10.0) - 1.0).abs() < 0.02, "p{percent} is {found}");
        }
    }

    #[test]
    fn what_has_no_distribution_has_no_percentile() {
        assert_eq!(
            Statistic::Percentile(50.0).of(&Delta::of_statistics(4.0, 10.0, 1.0, 4.0)),
            None
        );
        assert_eq!(Statistic::Percentile(50.0).of(&of(&[-1.0, 2.0])), None);
        assert_eq!(
            Statistic::Percentile(50.0).of(&Delta::of_statistics(4.0, 8.0, 2.0, 2.0)),
            Some(2.0)
        );
    }

    #[test]
    fn texts_are_read_or_refused_by_name() {
        for text in ["SampleCount", "Average", "p0", "p50", "p99.9", "p100"] {
            assert_eq!(text.parse::<Statistic>().unwrap().to_string(), text);
        }
        for text in ["", "average", "p", "p101", "p-1", "p1e1", "p 5", "p50.12345678901", "pfifty"]
        {
            assert!(matches!(text.parse::<Statistic>(), Err(StatisticError::Unknown(_))), "{text}");
        }
        for text in ["tm99", "IQM", "PR(:300)", "TM(2%:98%)", "wm5"] {
            assert!(
                matches!(text.parse::<Statistic>(), Err(StatisticError::NotServed(_))),
                "{text}"
            );
        }
    }
}
