//! One CloudWatch metric over time: periods, and what statistics are computed from.

use crate::{LocalRunner, QueryError};
use metric_store::{MetricKey, Points, ReadBudget};
use model::{Delta, TenantId, TimeRange, Unit};
use std::collections::BTreeMap;

/// A metric as CloudWatch names it: everything but the unit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetricId {
    /// The namespace; empty for series without one.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// Dimensions, sorted by name. The whole set: a metric with others beside them is another.
    pub dimensions: Vec<(String, String)>,
}

/// What is asked of a metric.
#[derive(Debug, Clone, Copy)]
pub struct StatisticsQuestion<'a> {
    /// Which one.
    pub metric: &'a MetricId,
    /// Only data of this unit; `None` for all, apart from each other.
    pub unit: Option<Unit>,
    /// Length of a period; periods begin at multiples of it since 1970.
    pub period_ms: i64,
    /// First moment inside and first outside. A period counts when it begins inside.
    pub range: TimeRange,
}

/// Periods of one unit, oldest first; those without data are absent.
#[derive(Debug, Clone, PartialEq)]
pub struct PeriodsOfUnit {
    /// The unit.
    pub unit: Unit,
    /// Start of the period in milliseconds, and what happened in it.
    pub periods: Vec<(i64, Delta)>,
}

impl LocalRunner {
    pub(crate) fn periods(
        &self,
        tenant: TenantId,
        question: &StatisticsQuestion<'_>,
        budget: &ReadBudget,
    ) -> Result<Vec<PeriodsOfUnit>, QueryError> {
        if question.period_ms <= 0 {
            return Err(QueryError::Bad(format!("a period of {} ms", question.period_ms)));
        }
        // A period that begins inside is whole: points behind the end belong to it.
        let period = question.period_ms;
        let start_ms = ceil(question.range.start_ms, period);
        let end_ms = ceil(question.range.end_ms, period);
        let range = TimeRange { start_ms, end_ms };
        let metric = MetricKey {
            tenant,
            namespace: &question.metric.namespace,
            name: &question.metric.name,
            labels: &question.metric.dimensions,
            unit: question.unit,
        };
        let mut units: BTreeMap<Unit, Vec<(i64, Delta)>> = BTreeMap::new();
        for series in self.store.find(metric, range, budget)? {
            budget.check_time()?;
            // Given back with the points: periods are few beside them.
            let bytes = series.points_max() * size_of::<(i64, Delta)>() as u64;
            budget.take(bytes)?;
            let points = match series.points()? {
                Points::Floats(mut points) => {
                    // CloudWatch knows neither stale markers nor infinities.
                    points.retain(|(_, value)| value.is_finite());
                    Points::Floats(points).into_deltas()
                }
                points => points.into_deltas(),
            };
            add_periods(units.entry(series.key.unit).or_default(), points, period);
            budget.give(bytes);
        }
        units.retain(|_, periods| !periods.is_empty());
        Ok(units.into_iter().map(|(unit, periods)| PeriodsOfUnit { unit, periods }).collect())
    }
}

fn ceil(at_ms: i64, period_ms: i64) -> i64 {
    match at_ms.rem_euclid(period_ms) {
        0 => at_ms,
        over => at_ms.saturating_add(period_ms - over),
    }
}

fn add_periods(periods: &mut Vec<(i64, Delta)>, points: Vec<(i64, Delta)>, period_ms: i64) {
    let fresh = periods.is_empty();
    for (at, delta) in points {
        let start = at.div_euclid(period_ms) * period_ms;
        match periods.last_mut() {
            Some((last, sum)) if *last == start => sum.add(&delta),
            _ if fresh => periods.push((start, delta)),
            _ => match periods.binary_search_by_key(&start, |p| p.0) {
                Ok(at) => periods[at].1.add(&delta),
                Err(at) => periods.insert(at, (start, delta)),
            },
        }
    }
}
