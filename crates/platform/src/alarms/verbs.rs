//! What can be done with alarms, each verb once.

use super::history::{self, HistoryFilter, HistoryPage};
use super::keep::{MUTES, RECORDS, ROWS, TAGS, alarm_place, place};
use super::record::{AlarmRecord, MuteRecord};
use super::{Known, Running, contributor_id};
use crate::Platform;
use crate::access::{AccessError, Verb};
use crate::tenants::ScopeError;
use alarm::PutError;
use alarm::definition::{AlarmKey, Invalid};
use catalog::{CatalogError, Change};
use lang::alarm_rule::AlarmState;
use model::{Principal, Scope, TenantId};
use query::QueryError;
use std::collections::BTreeMap;
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
        record.check_put().map_err(AlarmError::Invalid)?;
        let definition = record.definition(tenant, scope).map_err(AlarmError::Invalid)?;
        let wrong = self.wrong_actions(scope, &record);
        if !wrong.is_empty() {
            return Err(AlarmError::Invalid(wrong));
        }
        let key = definition.key.clone();
        let value = record.encode();
        let ticket = {
            let mut running = self.alarms.running.lock();
            running.is_awake(now_ms);
            let effects = running.engine.put(definition, now_ms)?;
            let mut changes = vec![Change::put(RECORDS, alarm_place(&key), value)];
            let known = Arc::new(Known { record, scope: scope.clone() });
            let before = running.known.insert(key.clone(), known.clone());
            let state = running.engine.state(&key).expect("it was put");
            let was = before.as_deref().map(|before| &before.record);
            running.index.put(&key, was, &known.record, state);
            if before.is_none() && !tags.is_empty() {
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
                running.index.remove(&key, &known.record);
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

    /// Returns what happened to alarms: one page, if the filter has a limit.
    ///
    /// # Errors
    /// [`AlarmError`].
    pub fn alarm_history(
        &self,
        who: &Principal,
        scope: &Scope,
        filter: &HistoryFilter,
    ) -> Result<HistoryPage, AlarmError> {
        self.check(who, scope, Verb::Read)?;
        let Some(tenant) = self.tenants.find(scope) else { return Ok(HistoryPage::default()) };
        Ok(history::page(&*self.catalog, tenant, filter)?)
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

impl Running {
    /// An engine that never saw the time does not know how far back windows reach.
    fn is_awake(&mut self, now_ms: i64) {
        if self.engine.is_empty() {
            self.engine.on_tick(now_ms, now_ms);
        }
    }
}
