//! CloudWatch's statistics: what a text such as `p99.9` or `TM(10%:90%)` asks of the samples of a
//! period.
//!
//! `parse` reads and prints the texts, `spread` walks the distribution. Where CloudWatch's user
//! guide is silent, this is what holds here:
//!
//! - A percent bound cuts through a sample when it falls inside its weight: the part on the right
//!   side counts (of ten samples `tm95` keeps nine and a half), as the textbook's interquartile mean
//!   does.
//! - The edge of a winsorized mean is the outermost value that is kept, for percent bounds, which is
//!   the percentile; for bounds that are values it is the bound.
//! - Where nothing lies between the bounds, count, sum and rank are zero and means have no value.
//! - Inside a bucket samples are taken to be spread evenly.

mod parse;
mod spread;

pub use parse::StatisticError;

use model::Delta;
use spread::Spread;

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
    /// `IQM`: the trimmed mean of the middle half.
    InterquartileMean,
    /// Something of the samples between two bounds, such as their mean.
    Within(Within, Bounds),
}

/// What is told of the samples between two bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// `TM`: their mean.
    Mean,
    /// `WM`: the mean of all samples, those outside moved to the nearer edge.
    WinsorizedMean,
    /// `TC`: how many they are.
    Count,
    /// `TS`: their sum.
    Sum,
    /// `PR`: how many of a hundred samples they are.
    Rank,
}

/// Two bounds; an omitted one bounds nothing, and one at least is there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bounds {
    /// As in `tm90`: without so many percent at the top. The same as `TM(:90%)`.
    Below(f64),
    /// As in `TM(10%:90%)`: between two percentiles.
    Percents(Option<f64>, Option<f64>),
    /// As in `TM(150:1000)`: above the first value and not above the second one.
    Values(Option<f64>, Option<f64>),
}

impl Statistic {
    /// The five that `Statistics` of the CloudWatch API allows.
    pub const BASIC: [Self; 5] =
        [Self::SampleCount, Self::Average, Self::Sum, Self::Minimum, Self::Maximum];

    /// Says whether it is one of the five; all others need the distribution of the samples.
    pub fn is_basic(&self) -> bool {
        Self::BASIC.contains(self)
    }

    /// Returns its value over the samples of a period.
    ///
    /// `None` where there are no samples. All but the five basic ones also have no value over
    /// samples without a distribution (statistic sets of unequal samples) and over samples of which
    /// one is negative, as CloudWatch has it. Samples that are kept count exactly, fractional
    /// counts included; those in buckets are interpolated.
    ///
    /// Source: CloudWatch user guide, "Statistics definitions"; CloudWatch API reference,
    /// `MetricDatum`.
    pub fn of(&self, period: &Delta) -> Option<f64> {
        match self {
            Self::SampleCount => Some(period.count),
            Self::Sum => Some(period.sum),
            Self::Average => (period.count > 0.0).then(|| period.sum / period.count),
            Self::Minimum => Some(period.min),
            Self::Maximum => Some(period.max),
            Self::Percentile(percent) => Spread::of(period)?.percentile(*percent),
            Self::InterquartileMean => {
                Within::Mean.of(&Spread::of(period)?, Bounds::Percents(Some(25.0), Some(75.0)))
            }
            Self::Within(what, bounds) => what.of(&Spread::of(period)?, *bounds),
        }
    }
}

impl Within {
    fn of(self, spread: &Spread, bounds: Bounds) -> Option<f64> {
        let kept = match bounds {
            Bounds::Below(high) => spread.between_percents(0.0, high),
            Bounds::Percents(low, high) => {
                spread.between_percents(low.unwrap_or(0.0), high.unwrap_or(100.0))
            }
            Bounds::Values(low, high) => spread
                .between_values(low.unwrap_or(f64::NEG_INFINITY), high.unwrap_or(f64::INFINITY)),
        };
        match self {
            Self::Count => Some(kept.count),
            Self::Sum => Some(kept.sum),
            Self::Rank => Some(kept.count / spread.count() * 100.0),
            Self::Mean => (kept.count > 0.0).then(|| kept.sum / kept.count),
            Self::WinsorizedMean => {
                let (below, above) = match bounds {
                    Bounds::Values(low, high) => (low.unwrap_or(0.0), high.unwrap_or(0.0)),
                    _ => kept.edges?,
                };
                // Bounds that cross leave no side that the others could be moved to.
                let crossed = matches!(bounds, Bounds::Values(Some(l), Some(h)) if l > h);
                let sum = kept.sum + kept.below * below + kept.above * above;
                (!crossed).then(|| sum / spread.count())
            }
        }
    }
}
