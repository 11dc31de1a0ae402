//! Time: when evaluations are due, and what happens when time does not go on as it should.

use super::{AlarmEngine, NEVER};
use crate::definition::Watch;
use crate::effect::Effect;
use model::TimeRange;

/// Alarms that are evaluated at the same moments.
#[derive(Debug)]
pub(super) struct Class {
    /// The moment of the newest evaluation: the end of its newest period.
    pub(super) evaluated_ms: i64,
    pub(super) alarms: Vec<u32>,
}

/// The finest grid on which anything is due.
const GRID_MS: i64 = 10_000;
/// No alarm looks back further: seven days, and the gaps that are filled.
const RANGE_MS_MAX: i64 = 21 * 86_400_000;

impl AlarmEngine {
    /// Takes the time. What is due is evaluated: a grid time when all that arrived within the lateness
    /// was seen (`seen_ms` says up to when), or at the deadline. Several grid times that are due
    /// together are evaluated as one, the newest: windows still hold all of them.
    ///
    /// A clock that jumped ahead, or that we did not look at, counts as our own downtime; one that
    /// jumped back is followed.
    pub fn on_tick(&mut self, now_ms: i64, seen_ms: i64) -> Vec<Effect> {
        self.follow_clock(now_ms);
        if now_ms < self.now_ms {
            return Vec::new();
        }
        self.now_ms = now_ms;
        let horizon_ms = seen_ms
            .min(now_ms)
            .saturating_sub(self.options.lateness_ms)
            .max(now_ms - self.options.deadline_ms);
        let mut due: Vec<(i64, i64)> = Vec::new();
        for (cadence_ms, class) in &mut self.classes {
            let grid_ms = horizon_ms.div_euclid(*cadence_ms) * cadence_ms;
            if grid_ms > class.evaluated_ms {
                class.evaluated_ms = grid_ms;
                due.push((grid_ms, *cadence_ms));
            }
        }
        due.sort_unstable();
        for (grid_ms, cadence_ms) in due {
            let class = self.classes.get_mut(&cadence_ms).expect("a class that is due is there");
            let alarms = std::mem::take(&mut class.alarms);
            for &id in &alarms {
                self.evaluate(id, grid_ms, now_ms);
            }
            // Evaluating changes no definition, so the class is as it was.
            let class = self.classes.get_mut(&cadence_ms).expect("a class that is due is there");
            class.alarms = alarms;
        }
        for id in std::mem::take(&mut self.fresh) {
            self.mark_dirty(id, None);
            self.touch(id);
        }
        self.evaluate_composites(now_ms);
        self.end_waits(now_ms);
        self.end_mutes(now_ms);
        self.done(now_ms)
    }

    /// Returns when [`on_tick`](Self::on_tick) is due next, milliseconds since 1970: at the next grid
    /// time plus the lateness, at the end of a wait, at the end of a mute window. Never without alarms.
    pub fn next_due_ms(&self) -> i64 {
        if self.is_empty() {
            return i64::MAX;
        }
        if self.now_ms == NEVER {
            return NEVER;
        }
        let past_ms = self.now_ms - self.options.lateness_ms;
        let grid_ms = (past_ms.div_euclid(GRID_MS) + 1) * GRID_MS + self.options.lateness_ms;
        let wait_ms = self.waits.first().map_or(i64::MAX, |(until_ms, _)| *until_ms);
        let mute_ms = self.mute_ends.first().map_or(i64::MAX, |(until_ms, _)| *until_ms);
        grid_ms.min(wait_ms).min(mute_ms)
    }

    /// Returns when something is to be decided next: as [`next_due_ms`](Self::next_due_ms), without the
    /// ticks that only say that time goes on. For replays, whose clock does not stand still unseen.
    pub fn next_evaluation_ms(&self) -> i64 {
        let past_ms = self.now_ms.saturating_sub(self.options.lateness_ms);
        let classes = self.classes.iter().filter(|(_, class)| !class.alarms.is_empty());
        let grids = classes.map(|(cadence_ms, _)| {
            (past_ms.div_euclid(*cadence_ms) + 1) * cadence_ms + self.options.lateness_ms
        });
        let wait_ms = self.waits.first().map(|(until_ms, _)| *until_ms);
        let mute_ms = self.mute_ends.first().map(|(until_ms, _)| *until_ms);
        grids.chain(wait_ms).chain(mute_ms).min().unwrap_or(i64::MAX)
    }

    /// Records that what arrived between two moments was not seen in time, or could not arrive. Periods
    /// without data in it, and in a grace behind it, are no reason to decide anything.
    pub fn on_downtime(&mut self, from_ms: i64, to_ms: i64) {
        let end_ms = to_ms.saturating_add(self.options.grace_ms);
        self.excluded.retain(|range| range.end_ms > to_ms.saturating_sub(RANGE_MS_MAX));
        self.excluded.push(TimeRange { start_ms: from_ms, end_ms });
    }

    pub(super) fn follow_clock(&mut self, now_ms: i64) {
        if self.now_ms == NEVER {
            return;
        }
        if self.is_empty() {
            // Nobody looks then, and nothing was missed.
            self.now_ms = now_ms;
            return;
        }
        if now_ms.saturating_sub(self.now_ms) > self.options.pause_ms_max {
            self.on_downtime(self.now_ms, now_ms);
        } else if self.now_ms.saturating_sub(now_ms) > self.options.pause_ms_max {
            self.now_ms = now_ms;
            for (cadence_ms, class) in &mut self.classes {
                let grid_ms = now_ms.div_euclid(*cadence_ms) * cadence_ms;
                class.evaluated_ms = class.evaluated_ms.min(grid_ms);
            }
            // What was thought to be downtime was not, as far as it is still to come.
            let end_ms = now_ms.saturating_add(self.options.grace_ms);
            for range in &mut self.excluded {
                range.end_ms = range.end_ms.min(end_ms);
            }
            for entry in self.alarms.iter_mut().flatten() {
                entry.evaluated_ms = entry.evaluated_ms.min(now_ms);
                entry.not_before_ms = entry.not_before_ms.min(now_ms);
                entry.repeated_ms = entry.repeated_ms.min(now_ms);
            }
            for slot in self.slots.iter_mut().flatten() {
                slot.evaluated_ms = slot.evaluated_ms.min(now_ms);
            }
        }
    }

    /// Puts an alarm among those that are evaluated every so often. Its first evaluation is the first
    /// that was not due yet when it was defined.
    pub(super) fn enrol(&mut self, id: u32, cadence_ms: i64, now_ms: i64) {
        let past_ms = now_ms.saturating_sub(self.options.lateness_ms);
        let class = self
            .classes
            .entry(cadence_ms)
            .or_insert_with(|| Class { evaluated_ms: NEVER, alarms: Vec::new() });
        class.alarms.push(id);
        let place = (class.alarms.len() - 1) as u32;
        let entry = self.entry_mut(id);
        entry.class = Some((cadence_ms, place));
        entry.not_before_ms = past_ms.div_euclid(cadence_ms) * cadence_ms;
    }

    /// Takes an alarm out again.
    pub(super) fn dismiss(&mut self, id: u32) {
        let entry = self.entry_mut(id);
        (entry.evaluated_ms, entry.owed_ms) = (NEVER, NEVER);
        let Some((cadence_ms, place)) = entry.class.take() else { return };
        let class = self.classes.get_mut(&cadence_ms).expect("an alarm's class is there");
        class.alarms.swap_remove(place as usize);
        if let Some(&moved) = class.alarms.get(place as usize) {
            self.entry_mut(moved).class = Some((cadence_ms, place));
        }
    }

    /// Says whether a period without data lies in a time that we did not see.
    pub(super) fn is_excluded(&self, start_ms: i64, end_ms: i64) -> bool {
        self.excluded.iter().any(|range| range.start_ms < end_ms && start_ms < range.end_ms)
    }

    fn end_waits(&mut self, now_ms: i64) {
        while let Some(&(until_ms, id)) = self.waits.first() {
            if until_ms > now_ms {
                return;
            }
            self.waits.pop_first();
            self.on_wait_end(id, now_ms);
        }
    }

    fn end_mutes(&mut self, now_ms: i64) {
        while let Some(&(until_ms, id)) = self.mute_ends.first() {
            if until_ms > now_ms {
                return;
            }
            self.mute_ends.pop_first();
            self.on_mute_end(id, now_ms);
        }
    }

    pub(super) fn matches_nothing_since(&self, entry: &super::Entry) -> Option<i64> {
        let super::entry::Plan::Slot(id, _) = entry.plan else { return None };
        debug_assert!(matches!(entry.definition.watch, Watch::Metric(_)));
        let since_ms = self.slot(id).empty_since_ms;
        (since_ms != NEVER).then_some(since_ms)
    }
}
