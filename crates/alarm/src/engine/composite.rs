//! Composite alarms: they follow their children, those that others are made of first.

use super::AlarmEngine;
use super::entry::Plan;
use crate::definition::{AlarmKey, Watch};
use crate::reason;
use lang::alarm_rule::{AlarmRef, AlarmState, Rule};
use model::TenantId;
use std::collections::HashSet;

impl AlarmEngine {
    /// Returns the state of an alarm; one that is not there has insufficient data.
    pub(super) fn state_of(&self, tenant: TenantId, name: &str) -> AlarmState {
        let found = self.by_name.get(&tenant).and_then(|names| names.get(name));
        found.map_or(AlarmState::InsufficientData, |id| self.entry(*id).state)
    }

    pub(super) fn mark_dirty(&mut self, id: u32, by: Option<AlarmKey>) {
        if let Plan::Composite(depth, _) = self.entry(id).plan
            && !self.fresh.contains(&id)
        {
            self.dirty.entry((depth, id)).or_default().extend(by);
        }
    }

    /// Evaluates the composites whose children changed, until no more change.
    pub(super) fn evaluate_composites(&mut self, now_ms: i64) {
        while let Some(((_, id), by)) = self.dirty.pop_first() {
            self.evaluate_composite(id, &by, now_ms);
        }
    }

    fn evaluate_composite(&mut self, id: u32, by: &[AlarmKey], now_ms: i64) {
        let entry = self.entry(id);
        let Watch::Composite(composite) = &entry.definition.watch else { return };
        let tenant = entry.definition.key.tenant;
        let holds = self.holds(composite.rule(), tenant);
        let state = if holds { AlarmState::Alarm } else { AlarmState::Ok };
        let was = entry.state;
        let mut speaking = Vec::new();
        self.speaking(composite.rule(), tenant, holds, &mut speaking);
        let told = |name: &str| {
            let child = self.entry(*self.by_name.get(&tenant)?.get(name)?);
            Some((child.definition.arn.as_str(), child.state, child.since_ms))
        };
        // Of those that changed, the ones that speak for the state; at first, all that do.
        let triggering: Vec<_> = match by {
            [] => speaking.iter().filter_map(|name| told(name)).collect(),
            by => {
                let changed = by.iter().filter(|key| speaking.contains(&key.name.as_str()));
                changed.filter_map(|key| told(&key.name)).collect()
            }
        };
        let newest = match by {
            [] => None,
            by => triggering.last().copied().or_else(|| told(&by.last()?.name)),
        };
        let reason = reason::composite(state, newest);
        let data = reason::composite_data(&triggering);
        let entry = self.entry_mut(id);
        (entry.evaluated_ms, entry.forced) = (now_ms, false);
        self.touch(id);
        if state != was {
            self.change(id, state, reason, Some(data), now_ms, None);
        }
    }

    /// Says whether a rule holds. The parser bounds its depth.
    fn holds(&self, rule: &Rule, tenant: TenantId) -> bool {
        match rule {
            Rule::Constant(truth) => *truth,
            Rule::Is(state, alarm) => self.state_of(tenant, alarm.name()) == *state,
            Rule::AtLeast(at_least) => {
                let fits = |name: &str| {
                    (self.state_of(tenant, name) == at_least.state) != at_least.negated
                };
                let many = at_least.alarms.iter().filter(|alarm| fits(alarm.name())).count();
                many >= at_least.quorum.of(at_least.alarms.len())
            }
            Rule::Not(inner) => !self.holds(inner, tenant),
            Rule::All(all) => all.iter().all(|one| self.holds(one, tenant)),
            Rule::Any(all) => all.iter().any(|one| self.holds(one, tenant)),
        }
    }

    /// Collects the alarms whose states make a rule hold, or not hold: each once, in the rule's order.
    fn speaking<'r>(&self, rule: &'r Rule, tenant: TenantId, want: bool, out: &mut Vec<&'r str>) {
        let mut speaks = |alarm: &'r AlarmRef, fits: bool| {
            if fits == want && !out.contains(&alarm.name()) {
                out.push(alarm.name());
            }
        };
        match rule {
            Rule::Constant(_) => {}
            Rule::Is(state, alarm) => {
                speaks(alarm, self.state_of(tenant, alarm.name()) == *state);
            }
            Rule::AtLeast(at_least) => {
                for alarm in &at_least.alarms {
                    let fits = self.state_of(tenant, alarm.name()) == at_least.state;
                    speaks(alarm, fits != at_least.negated);
                }
            }
            Rule::Not(inner) => self.speaking(inner, tenant, !want, out),
            Rule::All(all) | Rule::Any(all) => {
                let speak = all.iter().filter(|one| self.holds(one, tenant) == want);
                speak.for_each(|one| self.speaking(one, tenant, want, out));
            }
        }
    }

    /// Files a composite under its children and its suppressor, and finds how deep it is nested.
    pub(super) fn adopt(&mut self, id: u32) {
        for key in self.children(id) {
            self.parents.entry(key).or_default().insert(id);
        }
        if let Some(key) = self.suppressor(id) {
            self.suppressed.entry(key).or_default().insert(id);
        }
        self.deepen(id);
    }

    pub(super) fn disown(&mut self, id: u32) {
        for key in self.children(id) {
            if let Some(parents) = self.parents.get_mut(&key) {
                parents.remove(&id);
                if parents.is_empty() {
                    self.parents.remove(&key);
                }
            }
        }
        if let Some(key) = self.suppressor(id)
            && let Some(held) = self.suppressed.get_mut(&key)
        {
            held.remove(&id);
            if held.is_empty() {
                self.suppressed.remove(&key);
            }
        }
    }

    fn children(&self, id: u32) -> Vec<AlarmKey> {
        let definition = &self.entry(id).definition;
        let Watch::Composite(composite) = &definition.watch else { return Vec::new() };
        let names = composite.rule().children();
        names.iter().map(|child| self.sibling(definition, child.name())).collect()
    }

    fn suppressor(&self, id: u32) -> Option<AlarmKey> {
        let definition = &self.entry(id).definition;
        let Watch::Composite(composite) = &definition.watch else { return None };
        Some(self.sibling(definition, &composite.suppressor()?.alarm))
    }

    /// Nests composites deeper than their children, upwards from one. There are no cycles.
    fn deepen(&mut self, id: u32) {
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            let children = self.children(id);
            let below = children.iter().filter_map(|key| self.find(key)).map(|child| {
                match self.entry(child).plan {
                    Plan::Composite(depth, _) => depth + 1,
                    _ => 0,
                }
            });
            let deep = below.max().unwrap_or(0);
            let entry = self.entry_mut(id);
            let key = entry.definition.key.clone();
            if let Plan::Composite(depth, _) = &mut entry.plan {
                let first = *depth == 0;
                if *depth >= deep && !first {
                    continue;
                }
                *depth = deep.max(*depth);
            }
            let parents = self.parents.get(&key).into_iter().flatten().copied();
            open.extend(parents.filter(|parent| match self.entry(*parent).plan {
                Plan::Composite(depth, _) => depth <= deep,
                _ => false,
            }));
        }
    }

    /// Returns the names on the way from an alarm down to another, both included.
    pub(super) fn way_to(&self, from: &AlarmKey, to: &AlarmKey) -> Option<Vec<String>> {
        let mut seen = HashSet::new();
        // Each with its way; what was seen leads nowhere.
        let mut open = vec![(from.clone(), vec![from.name.clone()])];
        while let Some((key, way)) = open.pop() {
            if key == *to {
                return Some(way);
            }
            if !seen.insert(key.clone()) {
                continue;
            }
            let Some(id) = self.find(&key) else { continue };
            for child in self.children(id) {
                let mut way = way.clone();
                way.push(child.name.clone());
                open.push((child, way));
            }
        }
        None
    }
}
