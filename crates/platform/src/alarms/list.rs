//! Which alarms there are: a page costs what it shows, and what its filters have to pass over.
//!
//! Names, kin, sort and state are looked up in the index; only a prefix of actions is asked of each alarm.
//! However many must be passed over, the engine is held for [`LOOKED_MAX`] of them at a time.

use super::index::{Watched, children, is_composite};
use super::record::{AlarmRecord, WatchRecord, alarm_arn};
use super::verbs::AlarmError;
use super::{Known, Running};
use crate::Platform;
use crate::access::Verb;
use alarm::Status;
use alarm::definition::AlarmKey;
use lang::alarm_rule::AlarmState;
use model::{Principal, Scope, TenantId};
use std::collections::BTreeSet;
use std::ops::Bound;

/// The sorts of alarms that are listed apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmKind {
    /// On a metric, an expression or a query.
    Metric,
    /// On other alarms.
    Composite,
}

/// Which alarms somebody wants. Empty fields want all.
#[derive(Debug, Clone, Default)]
pub struct AlarmFilter {
    /// These.
    pub names: Vec<String>,
    /// Names that begin like this.
    pub prefix: Option<String>,
    /// Of these sorts.
    pub kinds: Vec<AlarmKind>,
    /// In this state.
    pub state: Option<AlarmState>,
    /// With an action that begins like this.
    pub action_prefix: Option<String>,
    /// That the rule of this composite names.
    pub children_of: Option<String>,
    /// Composites whose rule names this alarm.
    pub parents_of: Option<String>,
    /// Behind this name, for pages.
    pub after: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
}

/// An alarm: what was put, and what it became.
#[derive(Debug, Clone)]
pub struct AlarmShown {
    /// What was put.
    pub record: AlarmRecord,
    /// Its ARN.
    pub arn: String,
    /// What it became.
    pub status: Status,
}

/// Alarms that are looked at under one hold of the engine: a millisecond or two.
const LOOKED_MAX: usize = 4_096;

impl Platform {
    /// Returns alarms, sorted by name.
    ///
    /// # Errors
    /// [`AlarmError::Access`], and [`AlarmError::NotFound`] for parents or children of an alarm that is
    /// not there.
    pub fn alarms(
        &self,
        who: &Principal,
        scope: &Scope,
        filter: &AlarmFilter,
    ) -> Result<Vec<AlarmShown>, AlarmError> {
        self.check(who, scope, Verb::Read)?;
        let Some(tenant) = self.tenants.find(scope) else {
            return match filter.children_of.as_ref().or(filter.parents_of.as_ref()) {
                Some(name) => Err(AlarmError::NotFound(name.clone())),
                None => Ok(Vec::new()),
            };
        };
        let limit = filter.limit.unwrap_or(usize::MAX);
        let (mut found, mut after) = (Vec::new(), filter.after.clone());
        loop {
            let running = self.alarms.running.lock();
            let named = running.named(tenant, filter)?;
            let mut stopped = None;
            let names = running.names(tenant, filter, named.as_ref(), after.as_deref());
            for (looked, name) in names.enumerate() {
                if found.len() == limit {
                    return Ok(found);
                }
                found.extend(running.shown(tenant, scope, name, filter));
                if looked + 1 == LOOKED_MAX {
                    stopped = Some(name.to_owned());
                    break;
                }
            }
            if stopped.is_none() {
                return Ok(found);
            }
            after = stopped;
        }
    }

    /// Returns the alarms on exactly this metric, sorted by name. `dimensions` are sorted.
    ///
    /// # Errors
    /// [`AlarmError::Access`].
    pub fn alarms_on_metric(
        &self,
        who: &Principal,
        scope: &Scope,
        namespace: &str,
        name: &str,
        dimensions: &[(String, String)],
    ) -> Result<Vec<AlarmShown>, AlarmError> {
        self.check(who, scope, Verb::Read)?;
        let Some(tenant) = self.tenants.find(scope) else { return Ok(Vec::new()) };
        let running = self.alarms.running.lock();
        let names = running.index.on_metric(Watched { tenant, namespace, name, dimensions });
        let filter = AlarmFilter::default();
        let shown = names.filter_map(|alarm| running.shown(tenant, scope, alarm, &filter));
        let is_on = |record: &AlarmRecord| match &record.watch {
            WatchRecord::Metric(metric) => {
                let mut own = metric.dimensions.clone();
                own.sort_unstable();
                metric.namespace == namespace && metric.name == name && own == dimensions
            }
            _ => false,
        };
        Ok(shown.filter(|alarm| is_on(&alarm.record)).collect())
    }
}

impl Running {
    /// Returns the names that a filter leaves, if it names any.
    fn named(
        &self,
        tenant: TenantId,
        filter: &AlarmFilter,
    ) -> Result<Option<BTreeSet<String>>, AlarmError> {
        let known = |name: &String| {
            let key = AlarmKey { tenant, name: name.clone() };
            let known = self.known.get(&key).ok_or_else(|| AlarmError::NotFound(name.clone()))?;
            Ok::<_, AlarmError>((key, known))
        };
        if let Some(name) = &filter.children_of {
            return Ok(Some(children(&known(name)?.1.record)));
        }
        if let Some(name) = &filter.parents_of {
            let (key, _) = known(name)?;
            return Ok(Some(self.index.parents(&key).map(str::to_owned).collect()));
        }
        Ok((!filter.names.is_empty()).then(|| filter.names.iter().cloned().collect()))
    }

    /// Returns the names to look at, sorted, behind one.
    fn names<'a>(
        &'a self,
        tenant: TenantId,
        filter: &'a AlarmFilter,
        named: Option<&'a BTreeSet<String>>,
        after: Option<&'a str>,
    ) -> Box<dyn Iterator<Item = &'a str> + 'a> {
        let prefix = filter.prefix.as_deref().unwrap_or_default();
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let kinds = filter.composites();
        let all: Box<dyn Iterator<Item = &'a str> + 'a> = match (named, filter.state) {
            (Some(names), _) => {
                Box::new(names.range::<str, _>((from, Bound::Unbounded)).map(String::as_str))
            }
            (None, None) if kinds.len() == 2 => {
                let from = from.map(|name| AlarmKey { tenant, name: name.to_owned() });
                let keys = self.known.range((from, Bound::Unbounded)).map(|(key, _)| key);
                let own = keys.take_while(move |key| key.tenant == tenant);
                Box::new(own.map(|key| key.name.as_str()))
            }
            (None, Some(state)) => Box::new(self.index.in_groups(tenant, kinds, &[state], from)),
            (None, None) => Box::new(self.index.in_groups(tenant, kinds, &AlarmState::ALL, from)),
        };
        Box::new(all.take_while(move |name| name.starts_with(prefix)))
    }

    fn shown(
        &self,
        tenant: TenantId,
        scope: &Scope,
        name: &str,
        filter: &AlarmFilter,
    ) -> Option<AlarmShown> {
        let key = AlarmKey { tenant, name: name.to_owned() };
        let Known { record, .. } = &**self.known.get(&key)?;
        if !filter.fits(record) {
            return None;
        }
        let status = self.engine.status(&key)?;
        let fits = filter.state.is_none_or(|state| state == status.told.state);
        fits.then(|| AlarmShown { arn: alarm_arn(scope, name), record: record.clone(), status })
    }
}

impl AlarmFilter {
    /// Says which of the two sorts are wanted, composites being the true one.
    fn composites(&self) -> &'static [bool] {
        let wants = |kind| self.kinds.is_empty() || self.kinds.contains(&kind);
        match (wants(AlarmKind::Metric), wants(AlarmKind::Composite)) {
            (true, true) => &[false, true],
            (true, false) => &[false],
            (false, true) => &[true],
            (false, false) => &[],
        }
    }

    fn fits(&self, record: &AlarmRecord) -> bool {
        let actions =
            [&record.ok_actions, &record.alarm_actions, &record.insufficient_data_actions];
        let acts = |prefix: &String| actions.into_iter().flatten().any(|a| a.starts_with(prefix));
        self.composites().contains(&is_composite(record))
            && self.prefix.as_ref().is_none_or(|prefix| record.name.starts_with(prefix))
            && self.action_prefix.as_ref().is_none_or(acts)
    }
}
