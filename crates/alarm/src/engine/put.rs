//! Definitions come and go.

use super::entry::{Entry, EvaluationState, Plan};
use super::math::MathPlan;
use super::points::leaf;
use super::{AlarmEngine, NEVER};
use crate::contributor::Contributors;
use crate::definition::{
    AlarmKey, Definition, EvaluationWindow, Invalid, MetricAlarm, MuteRule, Source, Watch,
};
use crate::effect::{ActionsFate, Effect, HistoryItem, HistoryKind};
use crate::reason;
use crate::suppress::Suppression;
use crate::window::steps_needed;
use lang::alarm_rule::AlarmState;
use model::TenantId;

/// Why an alarm was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// Its rule depends on itself.
    #[error("{}", cycle_text(.0))]
    Cycle(Vec<String>),
    /// A composite watches more than it may, or is watched by too many.
    #[error(transparent)]
    Invalid(Invalid),
}

fn cycle_text(names: &[String]) -> String {
    format!("the rule depends on itself: {}", names.join(" -> "))
}

/// Composites that one alarm may be a child of. Source: CloudWatch service quotas.
const PARENTS_MAX: usize = 150;

impl AlarmEngine {
    /// Takes a new alarm, or a new definition of one.
    ///
    /// A new alarm is in its first state until a tick evaluates it. An update keeps the state, but
    /// begins a warm-up if there is one. `now_ms` is the time of the change: give the same one when the
    /// definition is loaded again.
    ///
    /// # Errors
    /// When a composite would depend on itself; the names show the way round. Nothing has changed then.
    pub fn put(&mut self, definition: Definition, now_ms: i64) -> Result<Vec<Effect>, PutError> {
        self.check_composite(&definition)?;
        let known = self.find(&definition.key);
        let what = if known.is_some() { HistoryKind::Updated } else { HistoryKind::Created };
        let alarm = definition.key.clone();
        self.effects.push(Effect::History(HistoryItem { alarm, at_ms: now_ms, what }));
        match known {
            Some(id) => self.replace(id, definition, now_ms),
            None => {
                self.insert(definition, now_ms);
            }
        }
        Ok(self.done(now_ms))
    }

    fn check_composite(&self, definition: &Definition) -> Result<(), PutError> {
        let Watch::Composite(composite) = &definition.watch else { return Ok(()) };
        let me = self.find(&definition.key);
        for child in composite.rule().children() {
            let key = self.sibling(definition, child.name());
            if let Some(way) = self.way_to(&key, &definition.key) {
                let mut names = vec![definition.key.name.clone()];
                names.extend(way);
                return Err(PutError::Cycle(names));
            }
            let others = self
                .parents
                .get(&key)
                .map_or(0, |parents| parents.iter().filter(|parent| Some(**parent) != me).count());
            if others >= PARENTS_MAX {
                let problem = format!("{} is in {others} composites already", key.name);
                return Err(PutError::Invalid(Invalid::new("AlarmRule", problem)));
            }
        }
        Ok(())
    }

    pub(super) fn sibling(&self, definition: &Definition, name: &str) -> AlarmKey {
        AlarmKey { tenant: definition.key.tenant, name: name.to_owned() }
    }

    pub(super) fn insert(&mut self, definition: Definition, now_ms: i64) -> u32 {
        let id = self.free_alarms.pop().unwrap_or_else(|| {
            self.alarms.push(None);
            (self.alarms.len() - 1) as u32
        });
        let key = definition.key.clone();
        self.alarms[id as usize] = Some(Box::new(Entry::new(definition, Plan::Scheduled, now_ms)));
        self.by_name.entry(key.tenant).or_default().insert(key.name, id);
        self.touch(id);
        self.plan(id, now_ms);
        id
    }

    fn replace(&mut self, id: u32, definition: Definition, now_ms: i64) {
        let before = self.unplan(id);
        let entry = self.entry_mut(id);
        if !definition.actions.enabled {
            entry.muted = None;
        }
        let same = std::mem::discriminant(&entry.definition.watch)
            == std::mem::discriminant(&definition.watch);
        if !same {
            entry.contributors = None;
        }
        let suppressor = |d: &Definition| match &d.watch {
            Watch::Composite(composite) => composite.suppressor().map(|s| s.alarm.clone()),
            _ => None,
        };
        let kept = suppressor(&entry.definition) == suppressor(&definition);
        entry.definition = definition;
        entry.put_ms = now_ms;
        self.touch(id);
        self.plan(id, now_ms);
        if let (Plan::Composite(_, after), true, Some(before)) =
            (&mut self.entry_mut(id).plan, kept, before)
        {
            *after = before;
            if let Some(until_ms) = before.until_ms() {
                self.waits.insert((until_ms, id));
            }
        }
    }

    /// Deletes an alarm; composites over it see it as unknown from now on.
    pub fn delete(&mut self, key: &AlarmKey, now_ms: i64) -> Vec<Effect> {
        let Some(id) = self.find(key) else { return Vec::new() };
        self.unplan(id);
        self.mute_ends.retain(|(_, held)| *held != id);
        self.alarms[id as usize] = None;
        self.free_alarms.push(id);
        if let Some(names) = self.by_name.get_mut(&key.tenant) {
            names.remove(&key.name);
        }
        self.unmatched.remove(key);
        self.gone.push(key.clone());
        let alarm = key.clone();
        let what = HistoryKind::Deleted;
        self.effects.push(Effect::History(HistoryItem { alarm, at_ms: now_ms, what }));
        self.tell_parents(key, false, now_ms);
        self.done(now_ms)
    }

    /// Turns the actions of an alarm on or off; says whether there is one.
    pub fn set_actions_enabled(&mut self, key: &AlarmKey, enabled: bool) -> bool {
        let Some(id) = self.find(key) else { return false };
        let entry = self.entry_mut(id);
        entry.definition.actions.enabled = enabled;
        if !enabled {
            entry.muted = None;
        }
        self.touch(id);
        true
    }

    /// Takes a mute rule, or a new definition of one. Windows that are under way count from now on.
    pub fn put_mute(&mut self, tenant: TenantId, rule: MuteRule) {
        self.delete_mute(tenant, rule.name());
        for target in rule.targets() {
            let key = AlarmKey { tenant, name: target.clone() };
            self.muted_by.entry(key).or_default().insert(rule.name().to_owned());
        }
        self.mutes.insert((tenant, rule.name().to_owned()), rule);
    }

    /// Deletes a mute rule. Actions that it held back are looked at again at the next tick.
    pub fn delete_mute(&mut self, tenant: TenantId, name: &str) {
        let Some(rule) = self.mutes.remove(&(tenant, name.to_owned())) else { return };
        for target in rule.targets() {
            let key = AlarmKey { tenant, name: target.clone() };
            if let Some(rules) = self.muted_by.get_mut(&key) {
                rules.remove(name);
                if rules.is_empty() {
                    self.muted_by.remove(&key);
                }
            }
        }
        let waiting = std::mem::take(&mut self.mute_ends);
        self.mute_ends = waiting.into_iter().map(|(_, id)| (NEVER, id)).collect();
    }

    /// Decides how an alarm is evaluated, and begins its warm-up.
    fn plan(&mut self, id: u32, now_ms: i64) {
        let watch = self.entry(id).definition.watch.clone();
        match &watch {
            Watch::Metric(metric) => {
                let cadence_ms = metric.cadence_ms();
                let plan = self.plan_metric(id, metric);
                self.entry_mut(id).plan = plan;
                self.enrol(id, cadence_ms, now_ms);
                self.warm_up(id, metric, now_ms);
            }
            Watch::Promql(promql) => {
                let entry = self.entry_mut(id);
                entry.plan = Plan::Scheduled;
                entry.contributors.get_or_insert_with(|| Box::new(Contributors::default()));
                self.enrol(id, promql.interval_ms(), now_ms);
            }
            Watch::Composite(_) => {
                self.entry_mut(id).plan = Plan::Composite(0, Suppression::None);
                self.adopt(id);
                self.fresh.insert(id);
            }
        }
        self.note_match(id, now_ms);
    }

    fn plan_metric(&mut self, id: u32, metric: &MetricAlarm) -> Plan {
        let tenant = self.entry(id).definition.key.tenant;
        let on_clock = matches!(metric.window(), EvaluationWindow::WallClock(_));
        let (step_ms, closed) = steps_needed(
            metric.period().ms(),
            metric.cadence_ms(),
            metric.out_of().range(),
            on_clock,
        );
        if closed > self.options.buckets_max {
            return Plan::Scheduled;
        }
        match metric.source() {
            Source::Metric(watched, statistic) => {
                let key = leaf(tenant, watched, step_ms, !statistic.is_basic());
                Plan::Slot(self.acquire(key, closed, id), *statistic)
            }
            Source::Math(math) => match MathPlan::new(math, metric.period().seconds()) {
                Some(mut plan) => {
                    for (_, watched, statistic) in math.metrics() {
                        let key = leaf(tenant, watched, step_ms, !statistic.is_basic());
                        plan.metrics.push((self.acquire(key, closed, id), *statistic));
                    }
                    Plan::Math(Box::new(plan))
                }
                None => Plan::Scheduled,
            },
            Source::Insights { grouped, .. } => {
                if *grouped {
                    let entry = self.entry_mut(id);
                    entry.contributors.get_or_insert_with(|| Box::new(Contributors::default()));
                }
                Plan::Scheduled
            }
        }
    }

    fn warm_up(&mut self, id: u32, metric: &MetricAlarm, now_ms: i64) {
        let entry = self.entry_mut(id);
        let Some(warm_up) = metric.warm_up() else {
            entry.warm_until_ms = NEVER;
            if entry.evaluation == Some(EvaluationState::InWarmUp) {
                let _ = entry.set_evaluation(None, now_ms);
            }
            return;
        };
        entry.warm_until_ms = now_ms.saturating_add(warm_up.ms());
        let _ = entry.set_evaluation(Some(EvaluationState::InWarmUp), now_ms);
        if entry.state != AlarmState::InsufficientData {
            let reason = reason::WARMING_UP.to_owned();
            let state = AlarmState::InsufficientData;
            self.change(id, state, reason, None, now_ms, Some(ActionsFate::WarmingUp));
        }
    }

    /// Takes an alarm out of all that evaluates it; returns how its actions were held back.
    fn unplan(&mut self, id: u32) -> Option<Suppression> {
        let plan = std::mem::replace(&mut self.entry_mut(id).plan, Plan::Scheduled);
        self.dismiss(id);
        match plan {
            Plan::Slot(slot, _) => self.release(slot, id),
            Plan::Math(math) => {
                math.metrics.iter().for_each(|(slot, _)| self.release(*slot, id));
            }
            Plan::Scheduled => {}
            Plan::Composite(_, suppression) => {
                self.disown(id);
                self.fresh.remove(&id);
                // It may have been nested deeper since it was noted.
                self.dirty.retain(|(_, held), _| *held != id);
                self.waits.retain(|(_, held)| *held != id);
                return Some(suppression);
            }
        }
        None
    }
}
