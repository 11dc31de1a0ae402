//! What a Metrics Insights statement gives: groups of metrics, and a column for each.

use super::column::{Periods, each_period};
use super::fetch;
use crate::QueryError;
use crate::parallel::try_map;
use eval::insights::{Batch, Cell, Group, Limits, matches};
use lang::insights::Query;
use metric_store::{Matcher, MetricStore, Points, ReadBudget, Series};
use model::TenantId;

/// Series that are read before their groups are added up.
const SERIES_AT_ONCE: usize = 4_096;

/// The label of a group, none when the statement does not group, and a value for each period, NaN
/// where nothing was observed.
pub(super) type Stated = (Option<String>, Vec<f64>);

/// Computes a statement over the metrics that have points in the periods.
pub(super) fn compute(
    store: &MetricStore,
    tenant: TenantId,
    query: &Query,
    periods: Periods,
    budget: &ReadBudget,
) -> Result<Vec<Stated>, QueryError> {
    let mut found = store.select(tenant, &matchers(query), fetch::range_of(periods), budget)?;
    found.retain(|series| {
        let key = &series.key;
        matches(query, &key.namespace, &key.name, &key.labels)
    });
    let mut batch = Batch::new(periods.len);
    for some in found.chunks(SERIES_AT_ONCE) {
        let cells = try_map(some, |series| cells_of(series, periods, budget))?;
        for (series, cells) in some.iter().zip(cells) {
            batch.add(&Group::of(query, &series.key.labels), cells);
        }
    }
    let lines = batch.finish(query, Limits::default());
    budget.take((lines.len() * periods.len * size_of::<f64>()) as u64)?;
    let shown = lines.into_iter().map(|line| {
        let values = line.values.into_iter().map(|value| value.unwrap_or(f64::NAN));
        (line.group.label(), values.collect())
    });
    Ok(shown.collect())
}

/// Returns matchers that take every metric of the statement, and as little else as the index tells.
fn matchers(query: &Query) -> Vec<Matcher> {
    let there = |name: &String| Matcher { negated: true, ..Matcher::equal(name, "") };
    let schema = query.schema.iter().flatten().map(there);
    let named = [("__namespace__", &query.namespace), ("__name__", &query.metric)].into_iter();
    named.map(|(label, value)| Matcher::equal(label, value)).chain(schema).collect()
}

fn cells_of(
    series: &Series,
    periods: Periods,
    budget: &ReadBudget,
) -> Result<Vec<(usize, Cell)>, QueryError> {
    budget.check_time()?;
    // Given back with the points.
    let bytes = series.points_max() * size_of::<(i64, f64)>() as u64;
    budget.take(bytes)?;
    let mut cells = Vec::new();
    match series.points()? {
        Points::Deltas(points) => each_period(&points, periods, |at, points| {
            let mut sum = Cell::default();
            points.iter().for_each(|(_, delta)| sum.add(&Cell::of_delta(delta)));
            cells.push((at, sum));
        }),
        Points::Floats(points) | Points::Singles(points) => {
            each_period(&points, periods, |at, points| {
                let mut sum = Cell::default();
                // CloudWatch knows neither stale markers nor infinities.
                let finite = points.iter().filter(|(_, value)| value.is_finite());
                finite.for_each(|(_, value)| sum.add(&Cell::of_value(*value)));
                cells.push((at, sum));
            });
        }
    }
    budget.give(bytes);
    Ok(cells)
}
