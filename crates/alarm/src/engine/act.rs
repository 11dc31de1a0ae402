//! Changes of state, and what becomes of their actions.

use super::AlarmEngine;
use super::entry::Plan;
use crate::contributor::{Attributes, Turned};
use crate::definition::{AlarmKey, Watch};
use crate::effect::{
    ActionDue, ActionsFate, ContributorChange, Effect, HistoryItem, HistoryKind, StateChange, Told,
};
use lang::alarm_rule::AlarmState;
use std::fmt::Write as _;

/// Autoscaling actions are invoked this often while a state lasts.
///
/// Source: CloudWatch user guide, "Alarm actions".
const REPEAT_MS: i64 = 60_000;

impl AlarmEngine {
    /// Sets the state of an alarm by hand: until its next evaluation, for a composite until one of its
    /// children changes. Says whether there is such an alarm.
    pub fn set_state(
        &mut self,
        key: &AlarmKey,
        state: AlarmState,
        reason: String,
        reason_data: Option<String>,
        now_ms: i64,
    ) -> Option<Vec<Effect>> {
        let id = self.find(key)?;
        let entry = self.entry_mut(id);
        entry.forced = true;
        if entry.state == state {
            entry.reason = Some(reason.into());
            entry.reason_data = reason_data.map(Into::into);
            entry.updated_ms = now_ms;
            self.touch(id);
        } else {
            self.change(id, state, reason, reason_data, now_ms, None);
            self.entry_mut(id).forced = true;
        }
        Some(self.done(now_ms))
    }

    /// Brings an alarm into another state. `fate` is given where actions are out of question.
    pub(super) fn change(
        &mut self,
        id: u32,
        to: AlarmState,
        reason: String,
        reason_data: Option<String>,
        now_ms: i64,
        fate: Option<ActionsFate>,
    ) {
        let entry = self.entry_mut(id);
        let from = entry.told();
        (entry.before, entry.state) = (entry.state, to);
        entry.reason = Some(reason.into());
        entry.reason_data = reason_data.map(Into::into);
        (entry.since_ms, entry.updated_ms) = (now_ms, now_ms);
        entry.number += 1;
        let dropped = entry.muted.take().is_some();
        let (alarm, number, told) = (entry.definition.key.clone(), entry.number, entry.told());
        if dropped {
            let what = HistoryKind::ActionsDropped(from.state);
            let item = HistoryItem { alarm: alarm.clone(), at_ms: now_ms, what };
            self.effects.push(Effect::History(item));
        }
        let actions = fate.unwrap_or_else(|| self.fate_of_change(id, now_ms));
        let due = actions == ActionsFate::Due;
        let key = alarm.clone();
        let change = StateChange { alarm, number, at_ms: now_ms, from, to: told, actions };
        self.effects.push(Effect::StateChanged(change));
        self.touch(id);
        if due {
            self.push_actions(id, now_ms, None, |_| true);
        }
        self.tell_parents(&key, true, now_ms);
    }

    fn fate_of_change(&mut self, id: u32, now_ms: i64) -> ActionsFate {
        let suppressor = match &self.entry(id).definition.watch {
            Watch::Composite(composite) => composite.suppressor().cloned(),
            _ => None,
        };
        if let Some(suppressor) = suppressor {
            let alarms = self.suppressor_alarms(id, &suppressor.alarm);
            self.waits.retain(|(_, held)| *held != id);
            let Plan::Composite(_, suppression) = &mut self.entry_mut(id).plan else {
                unreachable!("a composite is evaluated as one")
            };
            if !suppression.on_change(now_ms, suppressor.wait_ms, alarms) {
                let (by, until_ms) = (suppression.by(), suppression.until_ms());
                self.waits.extend(until_ms.map(|until_ms| (until_ms, id)));
                return ActionsFate::Suppressed(
                    by.expect("actions that are owed wait for something"),
                );
            }
        }
        self.fate(id, now_ms)
    }

    /// What becomes of the actions of the present state, when nothing suppresses them.
    fn fate(&mut self, id: u32, now_ms: i64) -> ActionsFate {
        let entry = self.entry(id);
        if !entry.definition.actions.enabled {
            return ActionsFate::Disabled;
        }
        match self.muted(id, now_ms) {
            Some((rule, until_ms)) => {
                let entry = self.entry_mut(id);
                entry.muted = Some(entry.number);
                self.touch(id);
                self.mute_ends.insert((until_ms, id));
                ActionsFate::Muted(rule)
            }
            None => ActionsFate::Due,
        }
    }

    /// Returns the rule that mutes an alarm the longest now, and until when.
    fn muted(&self, id: u32, now_ms: i64) -> Option<(String, i64)> {
        let key = &self.entry(id).definition.key;
        let rules = self.muted_by.get(key)?;
        let ends = rules.iter().filter_map(|name| {
            let rule = self.mutes.get(&(key.tenant, name.clone()))?;
            Some((rule.muted_until(now_ms)?, name))
        });
        ends.max_by_key(|(until_ms, _)| *until_ms).map(|(until_ms, name)| (name.clone(), until_ms))
    }

    /// Pushes the actions of the present state that are wanted.
    fn push_actions(
        &mut self,
        id: u32,
        now_ms: i64,
        repeat_ms: Option<i64>,
        wanted: impl Fn(&str) -> bool,
    ) {
        let entry = self.alarms[id as usize].as_ref().expect("an alarm that changed is there");
        let alarm = &entry.definition.key;
        for arn in entry.definition.actions.of(entry.state).iter().filter(|arn| wanted(arn)) {
            let mut key = format!("{}/{}/{}", alarm.tenant.0, entry.made_ms, entry.number);
            if let Some(repeat_ms) = repeat_ms {
                let _ = write!(key, "@{repeat_ms}");
            }
            let _ = write!(key, "/{}/{arn}", alarm.name);
            self.effects.push(Effect::ActionDue(ActionDue {
                alarm: alarm.clone(),
                arn: arn.clone(),
                from: entry.before,
                to: entry.told(),
                at_ms: now_ms,
                key,
                contributor: None,
            }));
        }
    }

    /// Invokes again, every minute, what is invoked as long as a state lasts.
    pub(super) fn repeat(&mut self, id: u32, end_ms: i64, now_ms: i64) {
        let entry = self.entry(id);
        let arns = entry.definition.actions.of(entry.state);
        if end_ms % REPEAT_MS != 0 || !arns.iter().any(|arn| scales(arn)) {
            return;
        }
        // A late point evaluates the same minute once more.
        if entry.repeated_ms >= end_ms || !entry.definition.actions.enabled {
            return;
        }
        if self.muted(id, now_ms).is_none() {
            self.entry_mut(id).repeated_ms = end_ms;
            self.touch(id);
            self.push_actions(id, now_ms, Some(end_ms), scales);
        }
    }

    /// The wait of a composite is over: its actions are due for the state there is.
    pub(super) fn on_wait_end(&mut self, id: u32, now_ms: i64) {
        if let Some(entry) = self.alarms[id as usize].as_mut()
            && let Plan::Composite(_, suppression) = &mut entry.plan
            && suppression.on_time(now_ms)
        {
            self.touch(id);
            self.act(id, now_ms);
        }
    }

    /// Carries out owed actions, unless something else holds them back.
    fn act(&mut self, id: u32, now_ms: i64) {
        if self.fate(id, now_ms) == ActionsFate::Due {
            self.push_actions(id, now_ms, None, |_| true);
        }
    }

    /// A mute window is over: actions that it held back are due if the state is still the one.
    ///
    /// Source: CloudWatch user guide, "Alarm mute rules".
    pub(super) fn on_mute_end(&mut self, id: u32, now_ms: i64) {
        let Some(entry) = self.alarms[id as usize].as_mut() else { return };
        let Some(number) = entry.muted.take() else { return };
        let is_due = number == entry.number;
        self.touch(id);
        if is_due {
            self.act(id, now_ms);
        }
    }

    /// Tells composites that one of their children, or their suppressor, is in another state.
    pub(super) fn tell_parents(&mut self, key: &AlarmKey, changed: bool, now_ms: i64) {
        if let Some(parents) = self.parents.get(key) {
            for parent in parents.clone() {
                self.mark_dirty(parent, changed.then(|| key.clone()));
            }
        }
        let Some(held) = self.suppressed.get(key).cloned() else { return };
        for id in held {
            let Watch::Composite(composite) = &self.entry(id).definition.watch else { continue };
            let Some(suppressor) = composite.suppressor().cloned() else { continue };
            let alarms = self.suppressor_alarms(id, &suppressor.alarm);
            self.waits.retain(|(_, waiting)| *waiting != id);
            let Plan::Composite(_, suppression) = &mut self.entry_mut(id).plan else { continue };
            let due = suppression.on_suppressor(now_ms, suppressor.extension_ms, alarms);
            let until_ms = suppression.until_ms();
            self.waits.extend(until_ms.map(|until_ms| (until_ms, id)));
            self.touch(id);
            if due {
                self.act(id, now_ms);
            }
        }
    }

    fn suppressor_alarms(&self, id: u32, name: &str) -> bool {
        let tenant = self.entry(id).definition.key.tenant;
        self.state_of(tenant, name) == AlarmState::Alarm
    }

    /// Tells of contributors that turned, and acts for each.
    pub(super) fn push_contributors(&mut self, id: u32, turned: Vec<Turned>, now_ms: i64) {
        let muted = self.muted(id, now_ms).is_some();
        let entry =
            self.alarms[id as usize].as_ref().expect("an alarm that was asked for is there");
        let alarm = &entry.definition.key;
        for Turned { attributes, to } in turned {
            let from = if to == AlarmState::Ok { AlarmState::Alarm } else { AlarmState::Ok };
            let reason = format!("The time series evaluated to {to}");
            self.effects.push(Effect::ContributorChanged(ContributorChange {
                alarm: alarm.clone(),
                attributes: attributes.clone(),
                at_ms: now_ms,
                from,
                to,
                reason: reason.clone(),
            }));
            if muted || !entry.definition.actions.enabled {
                continue;
            }
            for arn in entry.definition.actions.of(to).iter().filter(|arn| per_contributor(arn)) {
                self.effects.push(Effect::ActionDue(ActionDue {
                    alarm: alarm.clone(),
                    arn: arn.clone(),
                    from,
                    to: Told {
                        state: to,
                        reason: reason.clone(),
                        reason_data: None,
                        since_ms: now_ms,
                    },
                    at_ms: now_ms,
                    key: contributor_key(alarm, entry.made_ms, now_ms, &attributes, arn),
                    contributor: Some(attributes.clone()),
                }));
            }
        }
    }
}

/// Changes of contributors are told apart by the evaluation that made them.
fn contributor_key(
    alarm: &AlarmKey,
    made_ms: i64,
    at_ms: i64,
    attributes: &Attributes,
    arn: &str,
) -> String {
    format!("{}/{made_ms}/{at_ms}/{attributes:?}/{}/{arn}", alarm.tenant.0, alarm.name)
}

fn scales(arn: &str) -> bool {
    arn.split(':').nth(2) == Some("autoscaling")
}

/// Source: CloudWatch user guide, "Alarm actions": what acts for the alarm as a whole only.
fn per_contributor(arn: &str) -> bool {
    let service = arn.split(':').nth(2).unwrap_or_default();
    !matches!(service, "autoscaling" | "ssm-incidents" | "aiops")
}
