//! Alarms that match no series: they look as quiet as those for which all is well, and are not.

use super::AlarmEngine;
use super::entry::Plan;
use crate::definition::AlarmKey;
use model::TenantId;

/// What is known of the series that a window wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Matches {
    /// The store was not asked yet.
    Unknown,
    /// There is none.
    Nothing,
    /// There is one at least.
    Some,
}

impl AlarmEngine {
    /// Returns the alarms of a tenant that match no series and since when, by name, those behind
    /// `after`. An expression matches nothing when none of its metrics does; of alarms that are asked
    /// for as a whole nobody knows.
    pub fn unmatched<'e>(
        &'e self,
        tenant: TenantId,
        after: Option<&str>,
    ) -> impl Iterator<Item = (&'e AlarmKey, i64)> + use<'e> {
        let from = AlarmKey { tenant, name: after.unwrap_or_default().to_owned() };
        let is_behind = after.is_some();
        self.unmatched
            .range(from.clone()..)
            .skip_while(move |(key, _)| is_behind && **key == from)
            .take_while(move |(key, _)| key.tenant == tenant)
            .map(|(key, since_ms)| (key, *since_ms))
    }

    /// Follows a window of which it is known whether a series matches.
    pub(super) fn note_matches(&mut self, slot: u32, now_ms: i64) {
        let users = self.slot(slot).users.clone();
        users.into_iter().for_each(|id| self.note_match(id, now_ms));
    }

    /// Follows the windows of one alarm.
    pub(super) fn note_match(&mut self, id: u32, now_ms: i64) {
        let entry = self.entry(id);
        let is_unmatched = match &entry.plan {
            Plan::Slot(slot, _) => self.match_none([*slot].into_iter()),
            Plan::Math(math) => self.match_none(math.metrics.iter().map(|(slot, _)| *slot)),
            Plan::Scheduled | Plan::Composite(..) => Some(false),
        };
        let key = &entry.definition.key;
        let was_unmatched = self.unmatched.contains_key(key);
        match is_unmatched {
            Some(true) if !was_unmatched => drop(self.unmatched.insert(key.clone(), now_ms)),
            Some(false) if was_unmatched => drop(self.unmatched.remove(&key.clone())),
            _ => return,
        }
        // The row of the checkpoint has since when.
        self.touch(id);
    }

    /// Says whether no window matches a series; none while that is not known.
    fn match_none(&self, slots: impl Iterator<Item = u32>) -> Option<bool> {
        let mut all = Some(true);
        for slot in slots {
            match self.slot(slot).matches {
                Matches::Some => return Some(false),
                Matches::Unknown => all = None,
                Matches::Nothing => {}
            }
        }
        all
    }
}
