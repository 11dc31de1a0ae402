//! From the store to columns.

use super::column::column;
use super::plan::MetricData;
use crate::statistics::periods_of;
use crate::{Periods, QueryError};
use eval::Statistic;
use metric_store::{Detail, Grid, GridSeries, MetricKey, MetricStore, Points, ReadBudget, Series};
use model::{TenantId, Unit};
use std::collections::BTreeMap;

/// A statistic of a metric over the periods of a question.
#[derive(Debug)]
pub(super) struct Fetched {
    /// A value for each period, NaN where there is none; empty where there is none at all.
    pub(super) values: Vec<f64>,
    /// The units that have data, by name. The values are those of the first.
    pub(super) units: Vec<Unit>,
}

/// Reads one metric. Data of several units cannot be one line: the first by name is taken.
pub(super) fn metric(
    store: &MetricStore,
    tenant: TenantId,
    asked: &MetricData,
    periods: Periods<'_>,
    budget: &ReadBudget,
) -> Result<Fetched, QueryError> {
    let key = MetricKey {
        tenant,
        namespace: &asked.metric.namespace,
        name: &asked.metric.name,
        labels: &asked.metric.dimensions,
        unit: asked.unit,
    };
    let found = store.find_on(key, &grid_of(periods, asked.statistic), budget)?;
    first_unit(&found, periods, asked.statistic, budget)
}

/// Returns what a statistic of some periods needs of the store.
pub(super) fn grid_of(periods: Periods<'_>, statistic: Statistic) -> Grid {
    let basic = statistic.is_basic();
    let detail = if basic { Detail::Statistics } else { Detail::Distribution };
    Grid { period_ms: periods.step_ms(), range: periods.range(), detail }
}

/// Makes one column of the series of one metric.
pub(super) fn first_unit(
    found: &[GridSeries],
    periods: Periods<'_>,
    statistic: Statistic,
    budget: &ReadBudget,
) -> Result<Fetched, QueryError> {
    let mut by_unit: BTreeMap<&str, (Unit, Vec<&GridSeries>)> = BTreeMap::new();
    for series in found {
        let unit = series.key().unit;
        by_unit.entry(unit.name()).or_insert_with(|| (unit, Vec::new())).1.push(series);
    }
    let mut fetched = Fetched { values: Vec::new(), units: Vec::new() };
    for (unit, series) in by_unit.into_values() {
        let values = of_unit(&series, periods, statistic, budget)?;
        let Some(values) = values else { continue };
        if fetched.units.is_empty() {
            fetched.values = values;
        } else {
            budget.give(column_bytes(periods));
        }
        fetched.units.push(unit);
    }
    Ok(fetched)
}

fn column_bytes(periods: Periods<'_>) -> u64 {
    (periods.len() * size_of::<f64>()) as u64
}

/// Returns the column of the series of one metric and unit, paid for; none when they hold no sample.
fn of_unit(
    series: &[&GridSeries],
    periods: Periods<'_>,
    statistic: Statistic,
    budget: &ReadBudget,
) -> Result<Option<Vec<f64>>, QueryError> {
    budget.check_time()?;
    let raw: Option<Vec<&Series>> = series.iter().map(|one| one.as_raw()).collect();
    match raw {
        Some(raw) => of_points(&raw, periods, statistic, budget),
        None => of_roll_ups(series, periods, statistic, budget),
    }
}

fn of_roll_ups(
    series: &[&GridSeries],
    periods: Periods<'_>,
    statistic: Statistic,
    budget: &ReadBudget,
) -> Result<Option<Vec<f64>>, QueryError> {
    let found = periods_of(series, budget)?;
    if found.is_empty() {
        return Ok(None);
    }
    budget.take(column_bytes(periods))?;
    // Periods that begin between two steps of the roll-ups are several steps each.
    Ok(Some(column(Points::Deltas(found), periods, statistic)))
}

fn of_points(
    series: &[&Series],
    periods: Periods<'_>,
    statistic: Statistic,
    budget: &ReadBudget,
) -> Result<Option<Vec<f64>>, QueryError> {
    // Given back with the points.
    let bytes = series.iter().map(|one| one.points_max() * POINT_BYTES).sum();
    budget.take(bytes)?;
    let points = match series {
        [one] => one.points()?,
        // Samples of Prometheus beside data of CloudWatch, under one name.
        several => {
            let mut all = Vec::new();
            for one in several {
                all.extend(finite(one.points()?).into_deltas());
            }
            all.sort_by_key(|point| point.0);
            Points::Deltas(all)
        }
    };
    let has_samples = match &points {
        Points::Floats(points) => points.iter().any(|(_, value)| value.is_finite()),
        Points::Histograms(_) => false,
        points => !points.is_empty(),
    };
    let values = match has_samples {
        true => {
            budget.take(column_bytes(periods))?;
            Some(column(points, periods, statistic))
        }
        false => None,
    };
    budget.give(bytes);
    Ok(values)
}

/// A decoded point in memory.
const POINT_BYTES: u64 = size_of::<(i64, f64)>() as u64;

fn finite(points: Points) -> Points {
    match points {
        Points::Floats(mut points) => {
            points.retain(|(_, value)| value.is_finite());
            Points::Floats(points)
        }
        points => points,
    }
}
