//! Time: when evaluations are due, and what happens when time does not go on as it should.

use super::{AlarmEngine, NEVER};
use crate::effect::Effect;
use model::TimeRange;
use std::collections::{BTreeMap, HashSet};

/// Alarms that are evaluated at the same moments.
#[derive(Debug)]
pub(super) struct Class {
    /// The moment of the newest evaluation: the end of its newest period.
    pub(super) evaluated_ms: i64,
    pub(super) alarms: Vec<u32>,
}

/// A tick that is not over.
#[derive(Debug)]
pub(super) struct Underway {
    /// Grid time and cadence of the classes that are due; the last one is at its turn.
    due: Vec<(i64, i64)>,
    /// Alarms at the front of that class that were evaluated.
    evaluated: usize,
    /// Those that composites are made of: they were evaluated first.
    first: HashSet<u32>,
    /// By cadence, what of those classes was evaluated before.
    pub(super) before: BTreeMap<i64, i64>,
}

/// Evaluations of one part of a tick: some ten milliseconds, more where there is much math.
const EVALUATIONS_MAX: usize = 50_000;

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
        let mut effects = Vec::new();
        loop {
            let (some, has_more) = self.on_tick_some(now_ms, seen_ms, usize::MAX);
            effects.extend(some);
            if !has_more {
                return effects;
            }
        }
    }

    /// As [`on_tick`](Self::on_tick), but returns when there are about `effects_max` effects, and says
    /// whether the tick goes on: then it is to be called again with the time that it is then, before
    /// points are given. So a tick in which very many alarms change can be kept and told bit by bit, and
    /// other inputs may come in between. Alarms that composites are made of are all evaluated in the
    /// first part, and the composites with them: these never see some children of before and some of
    /// after.
    pub fn on_tick_some(
        &mut self,
        now_ms: i64,
        seen_ms: i64,
        effects_max: usize,
    ) -> (Vec<Effect>, bool) {
        if self.underway.is_none() {
            if !self.begin_tick(now_ms, seen_ms) {
                return (Vec::new(), false);
            }
            self.evaluate_children();
        }
        // What was put or set by hand in between is not younger than what is decided now.
        self.now_ms = self.now_ms.max(now_ms);
        let now_ms = self.now_ms;
        if !self.evaluate_some(effects_max) {
            return (self.done(now_ms), true);
        }
        self.underway = None;
        for id in std::mem::take(&mut self.fresh) {
            self.mark_dirty(id, None);
            self.touch(id);
        }
        self.evaluate_composites(now_ms);
        self.end_waits(now_ms);
        self.end_mutes(now_ms);
        (self.done(now_ms), false)
    }

    /// Finds out what is due; says whether time went on.
    fn begin_tick(&mut self, now_ms: i64, seen_ms: i64) -> bool {
        self.follow_clock(now_ms);
        if now_ms < self.now_ms {
            return false;
        }
        self.now_ms = now_ms;
        let horizon_ms = seen_ms
            .min(now_ms)
            .saturating_sub(self.options.lateness_ms)
            .max(now_ms - self.options.deadline_ms);
        let (mut due, mut before) = (Vec::new(), BTreeMap::new());
        for (cadence_ms, class) in &mut self.classes {
            let grid_ms = horizon_ms.div_euclid(*cadence_ms) * cadence_ms;
            if grid_ms > class.evaluated_ms {
                before.insert(*cadence_ms, class.evaluated_ms);
                class.evaluated_ms = grid_ms;
                due.push((grid_ms, *cadence_ms));
            }
        }
        due.sort_unstable_by(|a, b| b.cmp(a));
        self.underway = Some(Underway { due, evaluated: 0, first: HashSet::new(), before });
        true
    }

    /// Evaluates those of the alarms that are due that composites are made of, or held back by.
    fn evaluate_children(&mut self) {
        if self.parents.is_empty() && self.suppressed.is_empty() {
            return;
        }
        let mut underway = self.underway.take().expect("a tick was begun");
        for &(grid_ms, cadence_ms) in underway.due.iter().rev() {
            let children = self.parents.keys().chain(self.suppressed.keys());
            let found = children.filter_map(|key| self.find(key));
            let is_due = |id: &u32| self.entry(*id).class.is_some_and(|c| c.0 == cadence_ms);
            // In the order of the class, as all others.
            let mut due: Vec<u32> = found.filter(is_due).collect();
            due.sort_unstable_by_key(|id| self.entry(*id).class);
            for id in due {
                if underway.first.insert(id) {
                    self.evaluate(id, grid_ms, self.now_ms);
                }
            }
        }
        self.underway = Some(underway);
    }

    /// Evaluates what is due, until there are enough effects; says whether nothing is left.
    fn evaluate_some(&mut self, effects_max: usize) -> bool {
        let mut underway = self.underway.take().expect("a tick was begun");
        let mut left = EVALUATIONS_MAX;
        while let Some(&(grid_ms, cadence_ms)) = underway.due.last() {
            let class = self.classes.get_mut(&cadence_ms).expect("a class that is due is there");
            let alarms = std::mem::take(&mut class.alarms);
            let mut is_enough = false;
            while let Some(&id) = alarms.get(underway.evaluated) {
                is_enough = self.effects.len() >= effects_max || left == 0;
                if is_enough {
                    break;
                }
                if underway.first.is_empty() || !underway.first.contains(&id) {
                    self.evaluate(id, grid_ms, self.now_ms);
                    left -= 1;
                }
                underway.evaluated += 1;
            }
            // Evaluating changes no definition, so the class is as it was.
            let class = self.classes.get_mut(&cadence_ms).expect("a class that is due is there");
            class.alarms = alarms;
            if is_enough {
                break;
            }
            underway.due.pop();
            underway.evaluated = 0;
        }
        let is_over = underway.due.is_empty();
        self.underway = Some(underway);
        is_over
    }

    /// Returns what of a class was evaluated wholly, for checkpoints: what a tick that is not over
    /// evaluates is evaluated again if the process ends before it is.
    pub(super) fn evaluated_wholly_ms(&self, cadence_ms: i64, class: &Class) -> i64 {
        let before = self.underway.as_ref().and_then(|tick| tick.before.get(&cadence_ms));
        before.map_or(class.evaluated_ms, |before| *before.min(&class.evaluated_ms))
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
        match self.excluded.last_mut() {
            // It goes on.
            Some(last) if last.start_ms == from_ms => last.end_ms = last.end_ms.max(end_ms),
            _ => self.excluded.push(TimeRange { start_ms: from_ms, end_ms }),
        }
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
        let mut place = place as usize;
        let mut moved = Vec::new();
        if let Some(underway) = &mut self.underway
            && underway.due.last().is_some_and(|(_, due)| *due == cadence_ms)
            && place < underway.evaluated
        {
            // What this tick has evaluated stays at the front.
            underway.evaluated -= 1;
            class.alarms.swap(place, underway.evaluated);
            moved.push(place);
            place = underway.evaluated;
        }
        class.alarms.swap_remove(place);
        moved.push(place);
        for place in moved {
            let class = &self.classes[&cadence_ms];
            if let Some(&moved) = class.alarms.get(place).filter(|moved| **moved != id) {
                self.entry_mut(moved).class = Some((cadence_ms, place as u32));
            }
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
}
