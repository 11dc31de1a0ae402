//! One CloudWatch metric over time: periods, and what statistics are computed from.

use crate::{LocalRunner, QueryError};
use metric_store::{Detail, Grid, GridSeries, MetricKey, ReadBudget};
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
    /// How much of each period is wanted.
    pub detail: Detail,
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
        let metric = MetricKey {
            tenant,
            namespace: &question.metric.namespace,
            name: &question.metric.name,
            labels: &question.metric.dimensions,
            unit: question.unit,
        };
        let StatisticsQuestion { period_ms, range, detail, .. } = *question;
        let grid = Grid { period_ms, range, detail };
        let mut units: BTreeMap<Unit, Vec<GridSeries>> = BTreeMap::new();
        for series in self.store.find_on(metric, &grid, budget)? {
            units.entry(series.key().unit).or_default().push(series);
        }
        let mut found = Vec::new();
        for (unit, series) in units {
            budget.check_time()?;
            let periods = periods_of(&series.iter().collect::<Vec<_>>(), budget)?;
            if !periods.is_empty() {
                found.push(PeriodsOfUnit { unit, periods });
            }
        }
        Ok(found)
    }
}

/// Returns the periods of the series of one metric and unit, oldest first: data of CloudWatch, and
/// samples of Prometheus under the same name, count together.
pub(crate) fn periods_of(
    series: &[&GridSeries],
    budget: &ReadBudget,
) -> Result<Vec<(i64, Delta)>, QueryError> {
    let [first, others @ ..] = series else { return Ok(Vec::new()) };
    let mut periods = first.periods(budget)?;
    for other in others {
        periods.extend(other.periods(budget)?);
    }
    if !others.is_empty() {
        periods.sort_by_key(|period| period.0);
        periods.dedup_by(|next, sum| {
            let same = next.0 == sum.0;
            if same {
                sum.1.add(&next.1);
            }
            same
        });
    }
    Ok(periods)
}
