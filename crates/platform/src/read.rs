//! Questions about metrics.

use crate::Platform;
use crate::access::{AccessError, Verb};
use crate::questions::Turn;
use metric_store::{ExemplarsOf, Matcher, ReadBudget, ReadError, Texts};
use model::{Principal, Scope, SeriesKey, TenantId, TimeRange};
use query::metric_data::{DataAnswer, DataQuestion};
use query::{MetricId, PeriodsOfUnit, PromAnswer, PromQuestion, QueryError, StatisticsQuestion};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};
use std::time::Duration;

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

/// What a question found, with the turn and the memory of the question: hold it until the answer is
/// written.
#[derive(Debug)]
pub struct Answered<'p, T> {
    value: T,
    turn: Option<Turn<'p>>,
}

impl<T> Answered<'_, T> {
    /// Takes memory for what is made of it.
    ///
    /// # Errors
    /// [`AskError::Query`] when the question, or all together, would have too much, or the time
    /// is over.
    pub fn take(&self, bytes: u64) -> Result<(), AskError> {
        let Some(turn) = &self.turn else { return Ok(()) };
        turn.counted(turn.budget.take(bytes).map_err(QueryError::from))?;
        Ok(turn.check()?)
    }

    /// Returns how long it has been worked on, without waiting for its turn.
    pub fn time_taken(&self) -> Duration {
        self.turn.as_ref().map(Turn::time_taken).unwrap_or_default()
    }

    /// Ends the question's turn and returns what it found, which must be little.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> Deref for Answered<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Answered<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

/// A question whose turn it is and whose text is yet to be read: reading it costs too.
#[derive(Debug)]
pub struct OpenQuestion<'p> {
    platform: &'p Platform,
    tenant: Option<TenantId>,
    turn: Turn<'p>,
}

impl<'p> OpenQuestion<'p> {
    /// Says whether the question may go on.
    ///
    /// # Errors
    /// [`AskError::Query`] when its time is over, or nobody waits for it.
    pub fn check(&self) -> Result<(), AskError> {
        Ok(self.turn.check()?)
    }

    /// Evaluates an expression of PromQL.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn promql(self, question: &PromQuestion<'_>) -> Result<Answered<'p, PromAnswer>, AskError> {
        let Self { platform, tenant, turn } = self;
        let value = turn.counted(platform.runner.promql(tenant, question, &turn.budget))?;
        Ok(Answered { value, turn: Some(turn) })
    }
}

impl<'p> OpenQuestion<'p> {
    /// Returns the exemplars in `range` of series that any of the selectors takes.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn exemplars(
        self,
        selectors: &[Vec<lang::promql::Matcher>],
        range: TimeRange,
    ) -> Result<Answered<'p, Vec<ExemplarsOf>>, AskError> {
        let Self { platform, tenant, turn } = self;
        let selectors: Vec<_> = selectors.iter().map(|s| query::store_matchers(s)).collect();
        let found = tenant.map_or(Ok(Vec::new()), |tenant| {
            platform.metrics.exemplars(tenant, &selectors, range, &turn.budget)
        });
        let value = turn.counted(found.map_err(QueryError::from))?;
        Ok(Answered { value, turn: Some(turn) })
    }
}

/// A metric of a list: a series without its unit, as CloudWatch lists them.
pub type ListedMetric = MetricId;

impl Platform {
    /// Lets somebody ask a question of a scope, when its turn has come. Nothing was ever written to
    /// some scopes: then the answer is the empty one.
    fn ask<T: Default>(
        &self,
        who: &Principal,
        scope: &Scope,
        time_max: Option<Duration>,
        question: impl FnOnce(TenantId, &ReadBudget) -> Result<T, QueryError>,
    ) -> Result<Answered<'_, T>, AskError> {
        self.check(who, scope, Verb::Read)?;
        let Some(tenant) = self.tenants.find(scope) else {
            return Ok(Answered { value: T::default(), turn: None });
        };
        self.answer(tenant, time_max, |budget| question(tenant, budget))
    }

    /// Works on a question of a tenant when its turn has come. Scopes that hold nothing share theirs.
    fn answer<T>(
        &self,
        tenant: TenantId,
        time_max: Option<Duration>,
        question: impl FnOnce(&ReadBudget) -> Result<T, QueryError>,
    ) -> Result<Answered<'_, T>, AskError> {
        // Regions are the asker's own word; turns are the account's.
        let account = match tenant {
            TenantId::NOBODY => tenant,
            tenant => self.tenants.first_of(tenant),
        };
        let turn = self.questions.begin(account, time_max)?;
        let value = turn.counted(question(&turn.budget))?;
        Ok(Answered { value, turn: Some(turn) })
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
    ) -> Result<Answered<'_, Vec<PeriodsOfUnit>>, AskError> {
        self.ask(who, scope, None, |tenant, budget| {
            self.runner.statistics(tenant, question, budget)
        })
    }

    /// Returns the results of metrics and expressions over them.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn metric_data(
        &self,
        who: &Principal,
        scope: &Scope,
        question: &DataQuestion<'_>,
    ) -> Result<Answered<'_, DataAnswer>, AskError> {
        self.check(who, scope, Verb::Read)?;
        // Expressions have values without any data, and every query has a result.
        let tenant = self.tenants.find(scope).unwrap_or(TenantId::NOBODY);
        self.answer(tenant, None, |budget| self.runner.data(tenant, question, budget))
    }

    /// Waits for the turn of a question that is yet to be read; `time_max` is how long the asker
    /// waits for the answer.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn open_question(
        &self,
        who: &Principal,
        scope: &Scope,
        time_max: Option<Duration>,
    ) -> Result<OpenQuestion<'_>, AskError> {
        self.check(who, scope, Verb::Read)?;
        // Where nothing was ever written much is still a question: `1 + 1` for one.
        let tenant = self.tenants.find(scope);
        let account = tenant.map_or(TenantId::NOBODY, |tenant| self.tenants.first_of(tenant));
        let turn = self.questions.begin(account, time_max)?;
        Ok(OpenQuestion { platform: self, tenant, turn })
    }

    /// Evaluates an expression of PromQL that was read before. `time_max` is how long the asker waits.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn promql(
        &self,
        who: &Principal,
        scope: &Scope,
        question: &PromQuestion<'_>,
        time_max: Option<Duration>,
    ) -> Result<Answered<'_, PromAnswer>, AskError> {
        self.open_question(who, scope, time_max)?.promql(question)
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
    ) -> Result<Answered<'_, Vec<ListedMetric>>, AskError> {
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
        let Answered { value: keys, turn } = self.ask(who, scope, None, |tenant, budget| {
            Ok(self.metrics.keys(tenant, &matchers, range, budget)?)
        })?;
        let mut metrics: Vec<ListedMetric> = keys
            .into_iter()
            .map(|k| MetricId { namespace: k.namespace, name: k.name, dimensions: k.labels })
            .collect();
        let sort_key =
            |m: &ListedMetric| (m.namespace.clone(), m.name.clone(), m.dimensions.clone());
        metrics.sort_by_cached_key(sort_key);
        // Units are apart as series and one as metrics.
        metrics.dedup();
        Ok(Answered { value: metrics, turn })
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
    ) -> Result<Answered<'_, BTreeSet<SeriesKey>>, AskError> {
        self.ask(who, scope, None, |tenant, budget| {
            let mut found = BTreeSet::new();
            for selector in selectors {
                let matchers = query::store_matchers(selector);
                found.extend(self.metrics.keys(tenant, &matchers, range, budget)?);
            }
            Ok(found)
        })
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
    ) -> Result<Answered<'_, BTreeMap<String, Texts>>, AskError> {
        self.ask(who, scope, None, |tenant, budget| {
            if selectors.is_empty() {
                return Ok(self.metrics.labels(tenant, range, wanted, budget)?);
            }
            let selectors: Vec<_> = selectors.iter().map(|s| query::store_matchers(s)).collect();
            let store = &self.metrics;
            Ok(query::labels_of_series(store, tenant, &selectors, range, wanted, budget)?)
        })
    }
}

/// Why a question got no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The asker may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Too much is asked at once; asking again later helps.
    #[error("{0}")]
    Busy(String),
    /// The question failed.
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl AskError {
    /// Returns the option of the server that allows more, where a limit was hit that has one.
    pub fn limit_option(&self) -> Option<&'static str> {
        let Self::Query(QueryError::Read(error)) = self else { return None };
        match error {
            ReadError::TooManySeries { .. } => Some("--query-series-max"),
            ReadError::TooManyPoints { .. } => Some("--query-points-max"),
            ReadError::TooMuchMemory { .. } | ReadError::MemoryInUse { .. } => Some("--memory"),
            ReadError::OutOfTime { .. } => Some("--query-time-max"),
            ReadError::Cancelled | ReadError::Part(_) => None,
        }
    }
}
