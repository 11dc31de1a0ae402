//! Questions about metrics.

use crate::Platform;
use crate::access::{AccessError, Verb};
use metric_store::Matcher;
use model::{Principal, Scope, SeriesKey, TenantId, TimeRange};
use query::{MetricId, PeriodsOfUnit, PromSeries, QueryError, Selection, StatisticsQuestion};
use std::collections::{BTreeMap, BTreeSet};

/// Which metrics somebody wants listed.
#[derive(Debug, Clone, Default)]
pub struct MetricFilter {
    /// Exactly this namespace; the empty one is that of series without any.
    pub namespace: Option<String>,
    /// Exactly this name.
    pub name: Option<String>,
    /// Dimensions that must be there, with this value if one is given. Others may be there too.
    pub dimensions: Vec<(String, Option<String>)>,
}

/// A metric of a list: a series without its unit, as CloudWatch lists them.
pub type ListedMetric = MetricId;

impl Platform {
    /// Lets somebody read a scope. `None` when nothing was ever written to it.
    fn begin_read(&self, who: &Principal, scope: &Scope) -> Result<Option<TenantId>, AccessError> {
        self.check(who, scope, Verb::Read)?;
        Ok(self.tenants.find(scope))
    }

    /// Returns the periods of a CloudWatch metric, for each unit that it was reported in.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn statistics(
        &self,
        who: &Principal,
        scope: &Scope,
        question: &StatisticsQuestion<'_>,
    ) -> Result<Vec<PeriodsOfUnit>, AskError> {
        match self.begin_read(who, scope)? {
            Some(tenant) => Ok(self.runner.statistics(tenant, question)?),
            None => Ok(Vec::new()),
        }
    }

    /// Returns the series that a PromQL selector takes.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn select(
        &self,
        who: &Principal,
        scope: &Scope,
        selection: &Selection<'_>,
    ) -> Result<Vec<PromSeries>, AskError> {
        match self.begin_read(who, scope)? {
            Some(tenant) => Ok(self.runner.select(tenant, selection)?),
            None => Ok(Vec::new()),
        }
    }

    /// Lists metrics with points in `range`, sorted by namespace, name and dimensions.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn list_metrics(
        &self,
        who: &Principal,
        scope: &Scope,
        filter: &MetricFilter,
        range: TimeRange,
    ) -> Result<Vec<ListedMetric>, AskError> {
        let Some(tenant) = self.begin_read(who, scope)? else { return Ok(Vec::new()) };
        let mut matchers = Vec::new();
        if let Some(namespace) = &filter.namespace {
            matchers.push(Matcher::equal("__namespace__", namespace));
        }
        if let Some(name) = &filter.name {
            matchers.push(Matcher::equal("__name__", name));
        }
        for (name, value) in &filter.dimensions {
            matchers.push(match value {
                Some(value) => Matcher::equal(name, value),
                None => Matcher { negated: true, ..Matcher::equal(name, "") },
            });
        }
        let keys = self.keys_of(tenant, &matchers, range)?;
        let mut metrics: Vec<ListedMetric> = keys
            .into_iter()
            .map(|k| MetricId { namespace: k.namespace, name: k.name, dimensions: k.labels })
            .collect();
        let sort_key =
            |m: &ListedMetric| (m.namespace.clone(), m.name.clone(), m.dimensions.clone());
        metrics.sort_by_cached_key(sort_key);
        // Units are apart as series and one as metrics.
        metrics.dedup();
        Ok(metrics)
    }

    fn keys_of(
        &self,
        tenant: TenantId,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<SeriesKey>, QueryError> {
        Ok(self.metrics.keys(tenant, matchers, range, SERIES_LISTED_MAX)?)
    }

    /// Returns the identities of series that any of the selectors takes.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn series(
        &self,
        who: &Principal,
        scope: &Scope,
        selectors: &[Vec<lang::promql::Matcher>],
        range: TimeRange,
    ) -> Result<Vec<SeriesKey>, AskError> {
        let Some(tenant) = self.begin_read(who, scope)? else { return Ok(Vec::new()) };
        let mut found = BTreeSet::new();
        for selector in selectors {
            found.extend(self.keys_of(tenant, &query::store_matchers(selector), range)?);
        }
        Ok(found.into_iter().collect())
    }

    /// Returns the labels that series with points in `range` have, each with its values where
    /// `wanted` asks for them; with selectors, of the series that any of them takes.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn labels(
        &self,
        who: &Principal,
        scope: &Scope,
        selectors: &[Vec<lang::promql::Matcher>],
        range: TimeRange,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<BTreeMap<String, BTreeSet<String>>, AskError> {
        let Some(tenant) = self.begin_read(who, scope)? else { return Ok(BTreeMap::new()) };
        if selectors.is_empty() {
            return Ok(self.metrics.labels(tenant, range, wanted).map_err(QueryError::from)?);
        }
        let mut labels: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for key in self.series(who, scope, selectors, range)? {
            for (name, value) in query::labels_of(key) {
                let keep = wanted(&name);
                let values = labels.entry(name).or_default();
                if keep {
                    values.insert(value);
                }
            }
        }
        Ok(labels)
    }
}

/// A list longer than this asks too much of the server and of its reader.
const SERIES_LISTED_MAX: usize = 5_000_000;

/// Why a question got no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The asker may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The question failed.
    #[error(transparent)]
    Query(#[from] QueryError),
}
