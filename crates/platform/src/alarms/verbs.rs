//! What can be done with alarms, each verb once.

use super::history::{self, HistoryFilter, HistoryShown};
use super::keep::{MUTES, RECORDS, ROWS, TAGS, alarm_place, place};
use super::record::{AlarmRecord, MuteRecord, WatchRecord, alarm_arn};
use super::{Known, Running, contributor_id};
use crate::Platform;
use crate::access::{AccessError, Verb};
use crate::tenants::ScopeError;
use alarm::definition::{AlarmKey, Invalid};
use alarm::{PutError, Status};
use catalog::{CatalogError, Change};
use lang::alarm_rule::{AlarmState, Rule};
use model::{Principal, Scope, TenantId};
use query::QueryError;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Why an alarm or a mute rule was not shown or changed.
#[derive(Debug, thiserror::Error)]
pub enum AlarmError {
    /// Whoever asked may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The scope cannot be used.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// Fields that cannot be, each by its name in the API; one at least.
    #[error("{}", .0.first().map(ToString::to_string).unwrap_or_default())]
    Invalid(Vec<Invalid>),
    /// A composite would depend on itself.
    #[error("{0}")]
    Cycle(String),
    /// There is no such alarm or mute rule.
    #[error("there is no alarm or mute rule {0:?}")]
    NotFound(String),
    /// Too much is asked at once; asking again later helps.
    #[error("{0}")]
    Busy(String),
    /// What it looks at could not be read.
    #[error(transparent)]
    Query(QueryError),
    /// It could not be kept.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl From<PutError> for AlarmError {
    fn from(error: PutError) -> Self {
        match error {
            PutError::Cycle(_) => Self::Cycle(error.to_string()),
            PutError::Invalid(invalid) => Self::Invalid(vec![invalid]),
        }
    }
}

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

/// A series of an alarm that is in ALARM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContributorShown {
    /// 16 characters that tell it.
    pub id: String,
    /// Its labels, sorted.
    pub attributes: Vec<(String, String)>,
    /// Why.
    pub reason: String,
    /// Since when, milliseconds since 1970.
    pub since_ms: i64,
}

/// A state that is set by hand.
#[derive(Debug, Clone)]
pub struct NewState {
    /// The state.
    pub state: AlarmState,
    /// `StateReason`.
    pub reason: String,
    /// `StateReasonData`.
    pub reason_data: Option<String>,
}

/// A mute rule: what was put, and what it does now.
#[derive(Debug, Clone)]
pub struct MuteRuleShown {
    /// What was put.
    pub record: MuteRecord,
    /// `SCHEDULED`, `ACTIVE` or `EXPIRED`.
    pub status: &'static str,
}

/// What [`TAGS`] tells apart.
const OF_ALARM: &str = "alarm";
const OF_MUTE_RULE: &str = "alarm-mute-rule";

impl Platform {
    /// Makes an alarm or replaces it; an update keeps the state. `tags` count for a new alarm only.
    ///
    /// # Errors
    /// [`AlarmError`].
    pub fn put_alarm(
        &self,
        who: &Principal,
        scope: &Scope,
        mut record: AlarmRecord,
        tags: &[(String, String)],
    ) -> Result<(), AlarmError> {
        self.check(who, scope, Verb::Write)?;
        let tenant = self.tenant_of(scope)?;
        let now_ms = self.clock.now_ms();
        record.configured_ms = now_ms;
        let definition = record.definition(tenant, scope).map_err(AlarmError::Invalid)?;
        let key = definition.key.clone();
        let value = record.encode();
        let ticket = {
            let mut running = self.alarms.running.lock();
            running.is_awake(now_ms);
            let effects = running.engine.put(definition, now_ms)?;
            let mut changes = vec![Change::put(RECORDS, alarm_place(&key), value)];
            let known = Arc::new(Known { record, scope: scope.clone() });
            if running.known.insert(key.clone(), known).is_none() && !tags.is_empty() {
                changes.push(put_tags(
                    tenant,
                    OF_ALARM,
                    &key.name,
                    &tags.iter().cloned().collect(),
                ));
            }
            self.carry_alarms(&mut running, effects, now_ms, changes, &[])
        };
        self.alarms.wake();
        Ok(self.alarms.keeping.keep(&*self.catalog, ticket)?)
    }

    fn tenant_of(&self, scope: &Scope) -> Result<TenantId, ScopeError> {
        let share = |tenant, first| self.metrics.share_budget(tenant, first);
        self.tenants.find_or_create(scope, share)
    }

    /// Deletes alarms; names that there are not are passed over.
    ///
    /// # Errors
    /// [`AlarmError`].
    pub fn delete_alarms(
        &self,
        who: &Principal,
        scope: &Scope,
        names: &[String],
    ) -> Result<(), AlarmError> {
        self.check(who, scope, Verb::Write)?;
        let Some(tenant) = self.tenants.find(scope) else { return Ok(()) };
        let now_ms = self.clock.now_ms();
        let ticket = {
            let mut running = self.alarms.running.lock();
            let (mut effects, mut changes, mut gone) = (Vec::new(), Vec::new(), Vec::new());
            for name in names {
                let key = AlarmKey { tenant, name: name.clone() };
                let Some(known) = running.known.remove(&key) else { continue };
                effects.extend(running.engine.delete(&key, now_ms));
                changes.push(Change::remove(RECORDS, alarm_place(&key)));
                changes.push(Change::remove(ROWS, alarm_place(&key)));
                changes.push(Change::remove(TAGS, tags_place(tenant, OF_ALARM, name)));
                gone.push((key, known));
            }
            self.carry_alarms(&mut running, effects, now_ms, changes, &gone)
        };
        Ok(self.alarms.keeping.keep(&*self.catalog, ticket)?)
    }

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
        let missing = |name: &Option<String>| match name {
            Some(name) => Err(AlarmError::NotFound(name.clone())),
            None => Ok(()),
        };
        let Some(tenant) = self.tenants.find(scope) else {
            missing(&filter.children_of)?;
            missing(&filter.parents_of)?;
            return Ok(Vec::new());
        };
        let running = self.alarms.running.lock();
        let names = running.names_of(tenant, filter)?;
        let shown = |name: &str| {
            let key = AlarmKey { tenant, name: name.to_owned() };
            let known = running.known.get(&key)?;
            let status = running.engine.status(&key)?;
            let record = known.record.clone();
            let fits = filter.fits(&record) && filter.state.is_none_or(|s| s == status.told.state);
            fits.then(|| AlarmShown { arn: alarm_arn(scope, name), record, status })
        };
        let limit = filter.limit.unwrap_or(usize::MAX);
        if let Some(names) = names {
            let after = filter.after.as_deref();
            let behind =
                names.iter().filter(|name| after.is_none_or(|after| name.as_str() > after));
            return Ok(behind.filter_map(|name| shown(name)).take(limit).collect());
        }
        let from = filter.after.clone().max(filter.prefix.clone()).unwrap_or_default();
        let from = AlarmKey { tenant, name: from };
        let all = running.known.range(&from..).map(|(key, _)| key);
        let all = all.take_while(|key| key.tenant == tenant);
        let behind = all.filter(|key| filter.after.as_ref().is_none_or(|after| key.name > *after));
        Ok(behind.filter_map(|key| shown(&key.name)).take(limit).collect())
    }

    /// Sets the state of an alarm, until its next evaluation decides again.
    ///
    /// # Errors
    /// [`AlarmError`].
    pub fn set_alarm_state(
        &self,
        who: &Principal,
        scope: &Scope,
        name: &str,
        new: NewState,
    ) -> Result<(), AlarmError> {
        self.check(who, scope, Verb::Write)?;
        let unknown = || AlarmError::NotFound(name.to_owned());
        let tenant = self.tenants.find(scope).ok_or_else(unknown)?;
        let key = AlarmKey { tenant, name: name.to_owned() };
        let now_ms = self.clock.now_ms();
        let ticket = {
            let mut running = self.alarms.running.lock();
            let NewState { state, reason, reason_data } = new;
            let set = running.engine.set_state(&key, state, reason, reason_data, now_ms);
            let effects = set.ok_or_else(unknown)?;
            self.carry_alarms(&mut running, effects, now_ms, Vec::new(), &[])
        };
        self.alarms.keeping.keep(&*self.catalog, ticket)?;
        self.wake_deliveries();
        Ok(())
    }

    /// Turns the actions of alarms on or off; names that there are not are passed over.
    ///
    /// # Errors
    /// [`AlarmError`].
    pub fn set_alarm_actions(
        &self,
        who: &Principal,
        scope: &Scope,
        names: &[String],
        enabled: bool,
    ) -> Result<(), AlarmError> {
        self.check(who, scope, Verb::Write)?;
        let Some(tenant) = self.tenants.find(scope) else { return Ok(()) };
        let now_ms = self.clock.now_ms();
        let ticket = {
            let mut running = self.alarms.running.lock();
            let mut changes = Vec::new();
            for name in names {
                let key = AlarmKey { tenant, name: name.clone() };
                let Some(known) = running.known.get(&key) else { continue };
                let mut record = known.record.clone();
                record.actions_enabled = enabled;
                changes.push(Change::put(RECORDS, alarm_place(&key), record.encode()));
                let known = Arc::new(Known { record, scope: known.scope.clone() });
                running.engine.set_actions_enabled(&key, enabled);
                running.known.insert(key, known);
            }
            self.carry_alarms(&mut running, Vec::new(), now_ms, changes, &[])
        };
        Ok(self.alarms.keeping.keep(&*self.catalog, ticket)?)
    }

    /// Returns what happened to alarms.
    ///
    /// # Errors
    /// [`AlarmError`].
    pub fn alarm_history(
        &self,
        who: &Principal,
        scope: &Scope,
        filter: &HistoryFilter,
    ) -> Result<Vec<HistoryShown>, AlarmError> {
        self.check(who, scope, Verb::Read)?;
        let Some(tenant) = self.tenants.find(scope) else { return Ok(Vec::new()) };
        Ok(history::read(&*self.catalog, tenant, filter)?)
    }

    /// Returns the series of an alarm that are in ALARM, at most 100.
    ///
    /// # Errors
    /// [`AlarmError`].
    pub fn alarm_contributors(
        &self,
        who: &Principal,
        scope: &Scope,
        name: &str,
    ) -> Result<Vec<ContributorShown>, AlarmError> {
        self.check(who, scope, Verb::Read)?;
        let unknown = || AlarmError::NotFound(name.to_owned());
        let tenant = self.tenants.find(scope).ok_or_else(unknown)?;
        let key = AlarmKey { tenant, name: name.to_owned() };
        let running = self.alarms.running.lock();
        if !running.known.contains_key(&key) {
            return Err(unknown());
        }
        let found = running.engine.contributors(&key).into_iter();
        Ok(found
            .map(|one| ContributorShown {
                id: contributor_id(&one.attributes),
                attributes: one.attributes,
                reason: "The time series evaluated to ALARM".to_owned(),
                since_ms: one.since_ms,
            })
            .collect())
    }

    /// Makes a mute rule or replaces it. `tags` count for a new rule only.
    ///
    /// # Errors
    /// [`AlarmError`].
    pub fn put_mute_rule(
        &self,
        who: &Principal,
        scope: &Scope,
        mut record: MuteRecord,
        tags: &[(String, String)],
    ) -> Result<(), AlarmError> {
        self.check(who, scope, Verb::Write)?;
        let tenant = self.tenant_of(scope)?;
        let now_ms = self.clock.now_ms();
        record.updated_ms = now_ms;
        let rule = record.rule().map_err(AlarmError::Invalid)?;
        let ticket = {
            let mut running = self.alarms.running.lock();
            let name = record.name.clone();
            let mut changes = vec![Change::put(MUTES, place(tenant, &name), record.encode())];
            running.engine.put_mute(tenant, rule);
            if running.mutes.insert((tenant, name.clone()), record).is_none() && !tags.is_empty() {
                changes.push(put_tags(
                    tenant,
                    OF_MUTE_RULE,
                    &name,
                    &tags.iter().cloned().collect(),
                ));
            }
            self.carry_alarms(&mut running, Vec::new(), now_ms, changes, &[])
        };
        Ok(self.alarms.keeping.keep(&*self.catalog, ticket)?)
    }

    /// Returns the mute rules, sorted by name.
    ///
    /// # Errors
    /// [`AlarmError`].
    pub fn mute_rules(
        &self,
        who: &Principal,
        scope: &Scope,
    ) -> Result<Vec<MuteRuleShown>, AlarmError> {
        self.check(who, scope, Verb::Read)?;
        let Some(tenant) = self.tenants.find(scope) else { return Ok(Vec::new()) };
        let now_ms = self.clock.now_ms();
        let running = self.alarms.running.lock();
        let from = (tenant, String::new());
        let of_tenant = running.mutes.range(from..).take_while(|((of, _), _)| *of == tenant);
        let shown = of_tenant.map(|(_, record)| {
            let rule = record.rule();
            let status = match &rule {
                Ok(rule) if rule.is_expired(now_ms) => "EXPIRED",
                Ok(rule) if rule.muted_until(now_ms).is_some() => "ACTIVE",
                _ => "SCHEDULED",
            };
            MuteRuleShown { record: record.clone(), status }
        });
        Ok(shown.collect())
    }

    /// Deletes a mute rule; one that there is not is passed over.
    ///
    /// # Errors
    /// [`AlarmError`].
    pub fn delete_mute_rule(
        &self,
        who: &Principal,
        scope: &Scope,
        name: &str,
    ) -> Result<(), AlarmError> {
        self.check(who, scope, Verb::Write)?;
        let Some(tenant) = self.tenants.find(scope) else { return Ok(()) };
        let now_ms = self.clock.now_ms();
        let ticket = {
            let mut running = self.alarms.running.lock();
            if running.mutes.remove(&(tenant, name.to_owned())).is_none() {
                return Ok(());
            }
            running.engine.delete_mute(tenant, name);
            let changes = vec![
                Change::remove(MUTES, place(tenant, name)),
                Change::remove(TAGS, tags_place(tenant, OF_MUTE_RULE, name)),
            ];
            self.carry_alarms(&mut running, Vec::new(), now_ms, changes, &[])
        };
        Ok(self.alarms.keeping.keep(&*self.catalog, ticket)?)
    }

    /// Returns the tags of an alarm or mute rule, by its ARN, sorted; none of what is not there.
    ///
    /// # Errors
    /// [`AlarmError`].
    pub fn alarm_tags(
        &self,
        who: &Principal,
        scope: &Scope,
        arn: &str,
    ) -> Result<BTreeMap<String, String>, AlarmError> {
        self.check(who, scope, Verb::Read)?;
        let Some((tenant, sort, name)) = self.tagged(scope, arn) else {
            return Ok(BTreeMap::new());
        };
        self.tags_of(tenant, sort, &name)
    }

    /// Changes the tags of an alarm or mute rule, by its ARN: those given are set, those named removed.
    ///
    /// # Errors
    /// [`AlarmError`]; [`AlarmError::NotFound`] when the ARN names nothing.
    pub fn change_alarm_tags(
        &self,
        who: &Principal,
        scope: &Scope,
        arn: &str,
        set: &[(String, String)],
        removed: &[String],
    ) -> Result<(), AlarmError> {
        self.check(who, scope, Verb::Write)?;
        let unknown = || AlarmError::NotFound(arn.to_owned());
        let (tenant, sort, name) = self.tagged(scope, arn).ok_or_else(unknown)?;
        // One at a time: what is there is read first.
        let running = self.alarms.running.lock();
        let is_there = match sort {
            OF_ALARM => running.known.contains_key(&AlarmKey { tenant, name: name.clone() }),
            _ => running.mutes.contains_key(&(tenant, name.clone())),
        };
        if !is_there {
            return Err(unknown());
        }
        let mut tags = self.tags_of(tenant, sort, &name)?;
        removed.iter().for_each(|key| drop(tags.remove(key)));
        tags.extend(set.iter().cloned());
        self.catalog.write(vec![put_tags(tenant, sort, &name, &tags)])?;
        Ok(())
    }

    fn tags_of(
        &self,
        tenant: TenantId,
        sort: &str,
        name: &str,
    ) -> Result<BTreeMap<String, String>, AlarmError> {
        let kept = self.catalog.get(TAGS, &tags_place(tenant, sort, name))?;
        Ok(kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
    }

    /// Reads an ARN of this scope.
    fn tagged(&self, scope: &Scope, arn: &str) -> Option<(TenantId, &'static str, String)> {
        let front = format!("arn:aws:cloudwatch:{}:{}:", scope.region, scope.account);
        let (sort, name) = arn.strip_prefix(&front)?.split_once(':')?;
        let sort = [OF_ALARM, OF_MUTE_RULE].into_iter().find(|known| *known == sort)?;
        Some((self.tenants.find(scope)?, sort, name.to_owned()))
    }
}

fn tags_place(tenant: TenantId, sort: &str, name: &str) -> String {
    place(tenant, &format!("{sort}/{name}"))
}

fn put_tags(tenant: TenantId, sort: &str, name: &str, tags: &BTreeMap<String, String>) -> Change {
    let value = serde_json::to_vec(tags).expect("texts are JSON");
    Change::put(TAGS, tags_place(tenant, sort, name), value)
}

impl AlarmFilter {
    fn fits(&self, record: &AlarmRecord) -> bool {
        let kind = match record.watch {
            WatchRecord::Composite(_) => AlarmKind::Composite,
            _ => AlarmKind::Metric,
        };
        let actions =
            [&record.ok_actions, &record.alarm_actions, &record.insufficient_data_actions];
        let acts = |prefix: &String| actions.into_iter().flatten().any(|a| a.starts_with(prefix));
        (self.kinds.is_empty() || self.kinds.contains(&kind))
            && self.prefix.as_ref().is_none_or(|prefix| record.name.starts_with(prefix))
            && self.action_prefix.as_ref().is_none_or(acts)
    }
}

impl Running {
    /// An engine that never saw the time does not know how far back windows reach.
    fn is_awake(&mut self, now_ms: i64) {
        if self.engine.is_empty() {
            self.engine.on_tick(now_ms, now_ms);
        }
    }

    /// Returns the names that a filter leaves, sorted, if it names any.
    fn names_of(
        &self,
        tenant: TenantId,
        filter: &AlarmFilter,
    ) -> Result<Option<BTreeSet<String>>, AlarmError> {
        let known = |name: &String| {
            let key = AlarmKey { tenant, name: name.clone() };
            self.known.get(&key).ok_or_else(|| AlarmError::NotFound(name.clone()))
        };
        if let Some(name) = &filter.children_of {
            return Ok(Some(children(&known(name)?.record)));
        }
        if let Some(name) = &filter.parents_of {
            known(name)?;
            let from = AlarmKey { tenant, name: String::new() };
            let of_tenant = self.known.range(from..).take_while(|(key, _)| key.tenant == tenant);
            let parents = of_tenant.filter(|(_, known)| children(&known.record).contains(name));
            return Ok(Some(parents.map(|(key, _)| key.name.clone()).collect()));
        }
        Ok((!filter.names.is_empty()).then(|| filter.names.iter().cloned().collect()))
    }
}

/// Returns the names in the rule of a composite.
fn children(record: &AlarmRecord) -> BTreeSet<String> {
    let WatchRecord::Composite(composite) = &record.watch else { return BTreeSet::new() };
    let rule = lang::alarm_rule::parse(&composite.rule).ok();
    let children = rule.as_ref().map(Rule::children).unwrap_or_default();
    children.into_iter().map(|child| child.name().to_owned()).collect()
}
