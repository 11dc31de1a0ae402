//! What `SEARCH` finds: which series, and their columns.

use super::column::Periods;
use super::fetch::{self, Fetched};
use crate::parallel::try_map;
use crate::{MetricId, QueryError};
use eval::Statistic;
use eval::search::{Metric, Pattern, matches};
use lang::search::{Condition, Place, Search};
use metric_store::{Matcher, MetricStore, ReadBudget, Series, Test};
use model::TenantId;
use std::collections::BTreeMap;
use std::sync::Arc;

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
    periods: Periods,
    budget: &ReadBudget,
) -> Result<Vec<(MetricId, Fetched)>, QueryError> {
    let matchers = matchers(&asked.search);
    let found = store.select(tenant, &matchers, fetch::range_of(periods), budget)?;
    let mut metrics: BTreeMap<MetricId, Vec<Series>> = BTreeMap::new();
    for series in found {
        let key = &series.key;
        let metric =
            Metric { account, namespace: &key.namespace, name: &key.name, dimensions: &key.labels };
        if matches(&asked.search, &metric) {
            let metric = MetricId {
                namespace: key.namespace.clone(),
                name: key.name.clone(),
                dimensions: key.labels.clone(),
            };
            metrics.entry(metric).or_default().push(series);
        }
    }
    let metrics: Vec<_> = metrics.into_iter().collect();
    let columns = try_map(&metrics, |(_, series)| {
        fetch::first_unit(series, periods, asked.statistic, budget)
    })?;
    let named = metrics.into_iter().map(|(metric, _)| metric).zip(columns);
    Ok(named.filter(|(_, fetched)| !fetched.units.is_empty()).collect())
}

/// Returns matchers that take everything that a search finds, and as little else as the index can
/// tell.
fn matchers(search: &Search) -> Vec<Matcher> {
    let mut matchers = Vec::new();
    if let Some(schema) = &search.schema {
        matchers.push(Matcher::equal("__namespace__", &schema.namespace));
        let there = |name: &String| Matcher { negated: true, ..Matcher::equal(name, "") };
        matchers.extend(schema.dimensions.iter().map(there));
    }
    if let Some(condition) = &search.condition {
        needed(condition, &mut matchers);
    }
    matchers
}

fn needed(condition: &Condition, matchers: &mut Vec<Matcher>) {
    match condition {
        Condition::All(all) => all.iter().for_each(|one| needed(one, matchers)),
        Condition::Any(_) | Condition::Not(_) => {}
        Condition::Term(term) => {
            let label = match &term.place {
                Place::MetricName => "__name__",
                Place::Namespace => "__namespace__",
                Place::Dimension(name) => name,
                Place::Anywhere | Place::Account => return,
            };
            let pattern = Pattern::new(&term.text);
            let test = Test::Passes(Arc::new(move |text: &str| pattern.matches(text)));
            matchers.push(Matcher { label: label.to_owned(), test, negated: false });
        }
    }
}
