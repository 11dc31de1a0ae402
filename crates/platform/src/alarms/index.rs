//! How alarms are found without looking at all of them: by the metric they watch, by the alarms that a
//! composite looks at, by sort and state.
//!
//! It follows what is put and deleted, and what the engine says of states; everything in it can be made
//! anew of both.

use super::record::{AlarmRecord, WatchRecord};
use alarm::definition::AlarmKey;
use lang::alarm_rule::{AlarmState, Rule};
use model::TenantId;
use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::BuildHasher;
use std::iter::Peekable;
use std::ops::Bound;
use std::sync::Arc;

/// A metric as an alarm names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Watched<'a> {
    pub(super) tenant: TenantId,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    /// Sorted.
    pub(super) dimensions: &'a [(String, String)],
}

/// Alarms that are listed together: of a tenant, composites or not, in a state.
type Group = (TenantId, bool, AlarmState);

#[derive(Debug, Default)]
pub(super) struct AlarmIndex {
    /// By the hash of the metric: two metrics may share one.
    by_metric: BTreeSet<(u64, Arc<str>)>,
    hashes: RandomState,
    /// Composites by the alarms that their rules name.
    parents: HashMap<AlarmKey, BTreeSet<Arc<str>>>,
    groups: BTreeMap<Group, BTreeSet<Arc<str>>>,
}

impl AlarmIndex {
    /// Files an alarm that was put, in place of what it was before.
    pub(super) fn put(
        &mut self,
        key: &AlarmKey,
        before: Option<&AlarmRecord>,
        record: &AlarmRecord,
        state: AlarmState,
    ) {
        if let Some(before) = before {
            self.remove(key, before);
        }
        let name: Arc<str> = key.name.as_str().into();
        if let Some(hash) = self.hash_of(key.tenant, record) {
            self.by_metric.insert((hash, name.clone()));
        }
        for child in children(record) {
            let child = AlarmKey { tenant: key.tenant, name: child };
            self.parents.entry(child).or_default().insert(name.clone());
        }
        self.groups.entry((key.tenant, is_composite(record), state)).or_default().insert(name);
    }

    /// Forgets an alarm.
    pub(super) fn remove(&mut self, key: &AlarmKey, record: &AlarmRecord) {
        let name: Arc<str> = key.name.as_str().into();
        if let Some(hash) = self.hash_of(key.tenant, record) {
            self.by_metric.remove(&(hash, name.clone()));
        }
        for child in children(record) {
            let child = AlarmKey { tenant: key.tenant, name: child };
            if let Some(parents) = self.parents.get_mut(&child) {
                parents.remove(&name);
                if parents.is_empty() {
                    self.parents.remove(&child);
                }
            }
        }
        for state in AlarmState::ALL {
            self.leave((key.tenant, is_composite(record), state), &name);
        }
    }

    /// Files an alarm under its new state.
    pub(super) fn moved(&mut self, key: &AlarmKey, record: &AlarmRecord, to: AlarmState) {
        let group = |state| (key.tenant, is_composite(record), state);
        let left = AlarmState::ALL.into_iter().filter(|state| *state != to);
        let left = left.fold(None, |name, state| self.leave(group(state), &key.name).or(name));
        if let Some(name) = left {
            self.groups.entry(group(to)).or_default().insert(name);
        }
    }

    fn leave(&mut self, group: Group, name: &str) -> Option<Arc<str>> {
        let names = self.groups.get_mut(&group)?;
        let left = names.take(name);
        if names.is_empty() {
            self.groups.remove(&group);
        }
        left
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn hash_of(&self, tenant: TenantId, record: &AlarmRecord) -> Option<u64> {
        let WatchRecord::Metric(metric) = &record.watch else { return None };
        let mut dimensions = metric.dimensions.clone();
        dimensions.sort_unstable();
        let (namespace, name) = (&metric.namespace, &metric.name);
        let watched = Watched { tenant, namespace, name, dimensions: &dimensions };
        Some(self.hashes.hash_one(watched))
    }

    /// Returns the names of alarms that may be on exactly this metric, sorted; all that are, are among them.
    pub(super) fn on_metric(&self, watched: Watched<'_>) -> impl Iterator<Item = &str> {
        let hash = self.hashes.hash_one(watched);
        let from: (u64, Arc<str>) = (hash, "".into());
        let of_hash = self.by_metric.range(from..).take_while(move |(other, _)| *other == hash);
        of_hash.map(|(_, name)| &**name)
    }

    /// Returns the names of composites whose rule names an alarm, sorted.
    pub(super) fn parents(&self, key: &AlarmKey) -> impl Iterator<Item = &str> {
        self.parents.get(key).into_iter().flatten().map(|name| &**name)
    }

    /// Returns names of alarms of some sorts in some states, sorted, from a bound on.
    pub(super) fn in_groups<'a>(
        &'a self,
        tenant: TenantId,
        composites: &[bool],
        states: &[AlarmState],
        from: Bound<&str>,
    ) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut open = Vec::new();
        for composite in composites {
            for state in states {
                let names = self.groups.get(&(tenant, *composite, *state));
                let names = names.map(|names| names.range::<str, _>((from, Bound::Unbounded)));
                open.extend(names.map(Iterator::peekable));
            }
        }
        Merged(open)
    }
}

/// Several sorted lists as one.
struct Merged<I: Iterator>(Vec<Peekable<I>>);

impl<'a, I: Iterator<Item = &'a Arc<str>>> Iterator for Merged<I> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let heads = self.0.iter_mut().enumerate();
        let heads = heads.filter_map(|(at, names)| Some((*names.peek()?, at)));
        let (_, at) = heads.min()?;
        self.0[at].next().map(|name| &**name)
    }
}

pub(super) fn is_composite(record: &AlarmRecord) -> bool {
    matches!(record.watch, WatchRecord::Composite(_))
}

/// Returns the names in the rule of a composite.
pub(super) fn children(record: &AlarmRecord) -> BTreeSet<String> {
    let WatchRecord::Composite(composite) = &record.watch else { return BTreeSet::new() };
    let rule = lang::alarm_rule::parse(&composite.rule).ok();
    let children = rule.as_ref().map(Rule::children).unwrap_or_default();
    children.into_iter().map(|child| child.name().to_owned()).collect()
}
