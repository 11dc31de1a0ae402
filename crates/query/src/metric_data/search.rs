//! What `SEARCH` finds: which series, and their columns.

use super::fetch::{self, Fetched};
use crate::find::find_search;
use crate::parallel::try_map;
use crate::{MetricId, Periods, QueryError};
use eval::Statistic;
use lang::search::Search;
use metric_store::{GridSeries, MetricStore, ReadBudget};
use model::TenantId;
use std::collections::BTreeMap;

/// A `SEARCH` of an expression, read.
#[derive(Debug, Clone)]
pub(super) struct Searched {
    /// What is searched for.
    pub(super) search: Search,
    /// Which statistic of it.
    pub(super) statistic: Statistic,
    /// The statistic as it was written.
    pub(super) stat: String,
}

/// Finds the metrics that a search takes and that have points in the periods, sorted by namespace,
/// name and dimensions, each with its column.
pub(super) fn find(
    store: &MetricStore,
    tenant: TenantId,
    account: &str,
    asked: &Searched,
    periods: Periods<'_>,
    budget: &ReadBudget,
) -> Result<Vec<(MetricId, Fetched)>, QueryError> {
    let grid = fetch::grid_of(periods, asked.statistic);
    let mut metrics: BTreeMap<MetricId, Vec<GridSeries>> = BTreeMap::new();
    for series in find_search(store, tenant, &asked.search, account, &grid, budget)? {
        let key = series.key();
        let metric = MetricId {
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            dimensions: key.labels.clone(),
        };
        metrics.entry(metric).or_default().push(series);
    }
    let metrics: Vec<_> = metrics.into_iter().collect();
    let columns = try_map(&metrics, |(_, series)| {
        fetch::first_unit(series, periods, asked.statistic, budget)
    })?;
    let named = metrics.into_iter().map(|(metric, _)| metric).zip(columns);
    Ok(named.filter(|(_, fetched)| !fetched.units.is_empty()).collect())
}
