//! Series as PromQL sees them.

use crate::metric_data::{self, DataAnswer, DataQuestion};
use crate::{LocalRunner, PeriodsOfUnit, QueryError, Runner, StatisticsQuestion};
use lang::promql::{MatchOp, Matcher};
use metric_store::{Points, ReadBudget, Test};
use model::{Delta, TenantId, TimeRange, Unit, is_stale};
use std::sync::Arc;

/// The label by which a selector chooses how it sees deltas; no series carries it.
pub const STAT: &str = "__stat__";

/// What a selector asks for.
#[derive(Debug, Clone, Copy)]
pub struct Selection<'a> {
    /// All must match.
    pub matchers: &'a [Matcher],
    /// Samples inside.
    pub range: TimeRange,
}

/// A decoded sample in memory.
const POINT_BYTES: u64 = size_of::<(i64, f64)>() as u64;
/// How many series are decoded between two looks at the time.
const TIMED_SERIES: usize = 256;

/// A series with its samples, oldest first, stale markers included.
#[derive(Debug, Clone, PartialEq)]
pub struct PromSeries {
    /// Labels sorted by name, with `__name__` and, where there are any, the virtual ones.
    pub labels: Vec<(String, String)>,
    /// Time in milliseconds and value.
    pub samples: Vec<(i64, f64)>,
}

/// Returns the sample that an instant query at `at_ms` sees: the last of the window that ends there,
/// which excludes its start. A stale marker ends the series.
///
/// Source: Prometheus documentation, "Staleness", and left-open windows since 3.0.
pub fn instant_of(samples: &[(i64, f64)], at_ms: i64, lookback_ms: i64) -> Option<(i64, f64)> {
    let behind = samples.partition_point(|(at, _)| *at <= at_ms);
    let &(at, value) = samples.get(behind.checked_sub(1)?)?;
    (at > at_ms.saturating_sub(lookback_ms) && !is_stale(value)).then_some((at, value))
}

/// Turns a selector's matchers into the store's.
pub fn store_matchers(matchers: &[Matcher]) -> Vec<metric_store::Matcher> {
    matchers
        .iter()
        .filter(|m| m.name != STAT)
        .map(|matcher| {
            let test = match (matcher.op, matcher.plain_values()) {
                (MatchOp::Eq | MatchOp::Ne, _) => Test::Equal(matcher.value.clone()),
                (_, Some(values)) => Test::AnyOf(values.to_vec()),
                (MatchOp::Re | MatchOp::Nre, None) => {
                    let (own, negated) = (matcher.clone(), matcher.op == MatchOp::Nre);
                    // The language's matcher negates by itself; the store wants the plain test.
                    Test::Passes(Arc::new(move |value: &str| own.matches(value) != negated))
                }
            };
            let negated = matches!(matcher.op, MatchOp::Ne | MatchOp::Nre);
            metric_store::Matcher { label: matcher.name.clone(), test, negated }
        })
        .collect()
}

/// How deltas are seen as floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    Average,
    Sum,
    Minimum,
    Maximum,
    SampleCount,
}

impl View {
    /// Returns the view that a selector asks for.
    fn of(matchers: &[Matcher]) -> Result<Self, QueryError> {
        let Some(stat) = matchers.iter().find(|m| m.name == STAT) else { return Ok(Self::Average) };
        if stat.op != MatchOp::Eq {
            return Err(QueryError::Bad(format!("{STAT} takes = only")));
        }
        Ok(match stat.value.as_str() {
            "Average" => Self::Average,
            "Sum" => Self::Sum,
            "Minimum" => Self::Minimum,
            "Maximum" => Self::Maximum,
            "SampleCount" => Self::SampleCount,
            other => {
                return Err(QueryError::Bad(format!(
                    "{STAT}={other:?} is not served; Average, Sum, Minimum, Maximum and \
                     SampleCount are"
                )));
            }
        })
    }

    fn samples(self, points: Points) -> Vec<(i64, f64)> {
        match points {
            Points::Floats(points) => points,
            // One sample is its own sum, average, minimum and maximum, and counts as one.
            Points::Singles(points) if self != Self::SampleCount => points,
            points => points.into_deltas().iter().map(|(at, d)| (*at, self.value(d))).collect(),
        }
    }

    fn value(self, delta: &Delta) -> f64 {
        match self {
            Self::Average => delta.sum / delta.count,
            Self::Sum => delta.sum,
            Self::Minimum => delta.min,
            Self::Maximum => delta.max,
            Self::SampleCount => delta.count,
        }
    }
}

/// Returns a key's labels as PromQL shows them.
pub fn labels_of(key: model::SeriesKey) -> Vec<(String, String)> {
    let mut labels = key.labels;
    let unit = if key.unit == Unit::None { "" } else { key.unit.name() };
    for (name, value) in
        [("__name__", key.name), ("__namespace__", key.namespace), ("__unit__", unit.to_owned())]
    {
        if !value.is_empty() {
            labels.push((name.to_owned(), value));
        }
    }
    labels.sort_unstable();
    labels
}

impl Runner for LocalRunner {
    fn statistics(
        &self,
        tenant: TenantId,
        question: &StatisticsQuestion<'_>,
        budget: &ReadBudget,
    ) -> Result<Vec<PeriodsOfUnit>, QueryError> {
        self.periods(tenant, question, budget)
    }

    fn data(
        &self,
        tenant: TenantId,
        question: &DataQuestion<'_>,
        budget: &ReadBudget,
    ) -> Result<DataAnswer, QueryError> {
        metric_data::answer(&self.store, tenant, question, budget)
    }

    fn select(
        &self,
        tenant: TenantId,
        selection: &Selection<'_>,
        budget: &ReadBudget,
    ) -> Result<Vec<PromSeries>, QueryError> {
        let view = View::of(selection.matchers)?;
        let matchers = store_matchers(selection.matchers);
        let found = self.store.select(tenant, &matchers, selection.range, budget)?;
        let mut series = Vec::with_capacity(found.len());
        for (n, one) in found.into_iter().enumerate() {
            if n.is_multiple_of(TIMED_SERIES) {
                budget.check_time()?;
            }
            budget.take(one.points_max() * POINT_BYTES)?;
            let samples = view.samples(one.points()?);
            if !samples.is_empty() {
                series.push(PromSeries { labels: labels_of(one.key), samples });
            }
        }
        Ok(series)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_open_to_the_left_and_stale_markers_end_a_series() {
        let stale = f64::from_bits(model::STALE_NAN_BITS);
        let samples = [(100_000, 1.0), (200_000, 2.0), (300_000, stale)];
        assert_eq!(instant_of(&samples, 99_999, 300_000), None);
        assert_eq!(instant_of(&samples, 100_000, 300_000), Some((100_000, 1.0)));
        assert_eq!(instant_of(&samples, 299_999, 300_000), Some((200_000, 2.0)));
        assert_eq!(instant_of(&samples, 300_000, 300_000), None);
        assert_eq!(instant_of(&samples[..2], 500_000, 300_000), None, "exactly as old as allowed");
        assert_eq!(instant_of(&samples[..2], 499_999, 300_000), Some((200_000, 2.0)));
    }
}
