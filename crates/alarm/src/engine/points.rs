//! Windows over metrics: who links to them, what arrives in them, and when they are in doubt.

use super::unmatched::Matches;
use super::{AlarmEngine, NEVER};
use crate::definition::Metric;
use crate::effect::{Effect, SlotId};
use crate::interest::Wanted;
use crate::late::{LateLog, notes_max};
use crate::window::{Fold, OPEN_STEPS, Observed, Ring};
use model::{Kind, SeriesKey, TenantId};
use std::sync::Arc;

/// What windows are shared by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct LeafKey {
    pub(super) wanted: Wanted,
    pub(super) step_ms: i64,
    pub(super) distribution: bool,
}

/// A window over a metric, and the alarms that look at it.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) key: Arc<LeafKey>,
    pub(super) ring: Ring,
    pub(super) users: Vec<u32>,
    pub(super) generation: u32,
    /// Where it is filed in the interest index.
    place: u64,
    /// The ring may be wrong; points are not folded until it is rebuilt.
    pub(super) in_doubt: bool,
    /// The rebuild that was asked for last; none is awaited otherwise.
    pub(super) asked: Option<u64>,
    /// What arrived up to this position of the journal is in the ring.
    complete_to: u64,
    /// The newest sample of float series: one that is not newer may stand for another.
    pub(super) newest_float_ms: i64,
    /// A point of this step did not fit yet.
    ahead: Option<i64>,
    /// The newest end of a period that a user looked at.
    pub(super) evaluated_ms: i64,
    /// Whether a series matches.
    pub(super) matches: Matches,
    /// It was rebuilt at this moment, when periods up to that end had been looked at; none before.
    pub(super) rebuilt: Option<(i64, i64)>,
    /// Nobody looked at what is older.
    pub(super) watched_ms: i64,
    /// What it held before late points came.
    pub(super) late: Option<Box<LateLog>>,
    /// They are not kept as they are.
    pub(super) is_late_dirty: bool,
}

/// Evaluations are not further apart.
const CADENCE_MS_MAX: i64 = 3_600_000;

/// What became of a point.
enum Taken {
    /// It is in a bucket.
    Folded,
    /// The window is in doubt; the point comes again with its rebuild.
    Doubt,
    /// Nothing: it is too old, or is asked for when its time has come.
    Not,
}

/// The windows that want a series. Most series have none or one.
#[derive(Debug, Default)]
pub(super) enum Links {
    #[default]
    None,
    One(Link),
    Many(Box<[Link]>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    slot: u32,
    generation: u32,
}

impl Links {
    fn of(mut all: Vec<Link>) -> Self {
        match all.len() {
            0 => Self::None,
            1 => Self::One(all.remove(0)),
            _ => Self::Many(all.into()),
        }
    }

    #[inline]
    fn all(&self) -> &[Link] {
        match self {
            Self::None => &[],
            Self::One(link) => std::slice::from_ref(link),
            Self::Many(links) => links,
        }
    }
}

/// Points that arrived together.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// Where they stand in the journal; grows from batch to batch.
    pub position: u64,
    /// When they arrived, milliseconds since 1970.
    pub arrived_ms: i64,
    /// The points, in their order.
    pub points: &'a [Point<'a>],
}

/// A point of a declared series.
#[derive(Debug, Clone, Copy)]
pub struct Point<'a> {
    /// The number of the series.
    pub series: u32,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// What was observed.
    pub observed: Observed<'a>,
}

/// The past of a metric, in answer to a [`Rebuild`].
#[derive(Debug, Clone, Copy)]
pub struct History<'a> {
    /// All that arrived up to here is in it; not before the newest batch that was given.
    pub position: u64,
    /// The numbers of the series that the metric has now.
    pub series: &'a [u32],
    /// Points of the range asked for, of all these series: of float series one for each moment.
    pub points: &'a [(i64, Observed<'a>)],
    /// The newest sample of float series up to now, if they were put together on a grid.
    pub newest_float_ms: Option<i64>,
}

impl AlarmEngine {
    /// Takes the birth of a series, or its new number. Points of it name the number.
    pub fn on_series(&mut self, number: u32, kind: Kind, key: &SeriesKey) {
        let at = number as usize;
        if at >= self.links.len() {
            self.links.resize_with(at + 1, Links::default);
        }
        let mut links = Vec::new();
        let mut found = Vec::new();
        // Histograms have no value that an alarm on a metric could compare.
        if kind != Kind::Histogram {
            let slots = &mut self.slots;
            self.interest.candidates(key, |id| {
                if let Some(slot) = slots[id as usize].as_mut()
                    && slot.key.wanted.takes(key)
                {
                    if std::mem::replace(&mut slot.matches, Matches::Some) == Matches::Nothing {
                        found.push(id);
                    }
                    links.push(Link { slot: id, generation: slot.generation });
                }
            });
        }
        self.links[at] = Links::of(links);
        found.into_iter().for_each(|slot| self.note_matches(slot, NEVER));
    }

    /// Says whether points of a series are wanted; others need not be given.
    #[inline]
    pub fn wants(&self, series: u32) -> bool {
        self.links.get(series as usize).is_some_and(|links| !links.all().is_empty())
    }

    /// Takes points. Alarms whose periods were looked at already are looked at again when a late point
    /// falls into them.
    pub fn on_points(&mut self, batch: &Batch<'_>) -> Vec<Effect> {
        // A clock that jumps back must not make points of now look as if they were of the future.
        let now_ms = batch.arrived_ms.max(self.now_ms);
        let is_noted = batch.position > self.noted_behind;
        for point in batch.points {
            let Some(links) = self.links.get(point.series as usize) else { continue };
            for link in links.all() {
                let Some(slot) = self.slots[link.slot as usize].as_mut() else { continue };
                if slot.generation != link.generation {
                    continue;
                }
                let is_known = batch.position <= slot.complete_to;
                if is_noted && slot.is_late(point, is_known) {
                    self.late_windows += usize::from(slot.late.is_none());
                    if slot.note_late(point, is_known, now_ms, notes_max(self.late_windows)) {
                        self.late_dirty.push_back(link.slot);
                    }
                }
                if is_known {
                    continue;
                }
                match slot.take(point, now_ms) {
                    Taken::Folded if slot.evaluated_ms <= point.at_ms => {}
                    Taken::Folded | Taken::Doubt => self.late.push((link.slot, point.at_ms)),
                    Taken::Not => {}
                }
            }
        }
        self.position = self.position.max(batch.position);
        if self.late.is_empty() {
            return Vec::new();
        }
        self.on_late(batch.arrived_ms);
        self.done(batch.arrived_ms)
    }

    fn on_late(&mut self, arrived_ms: i64) {
        let mut late = std::mem::take(&mut self.late);
        let mut again = Vec::new();
        for &(slot_id, at_ms) in &late {
            let Some(slot) = &self.slots[slot_id as usize] else { continue };
            let step_ms = slot.key.step_ms;
            let bucket_ms = at_ms.div_euclid(step_ms).saturating_mul(step_ms);
            let users = slot.users.iter().copied();
            again.extend(users.filter(|id| self.entry(*id).looked_at(bucket_ms, step_ms)));
            if slot.in_doubt && slot.asked.is_none() {
                self.request(slot_id);
            }
        }
        again.sort_unstable();
        again.dedup();
        for id in again {
            let evaluated_ms = self.entry(id).evaluated_ms;
            self.evaluate(id, evaluated_ms, arrived_ms);
        }
        late.clear();
        self.late = late;
    }

    /// Answers a [`Rebuild`]. If more has arrived than the history knows, it is asked for again; an
    /// answer to one that was asked for again since does nothing.
    pub fn on_rebuilt(&mut self, id: SlotId, history: &History<'_>, now_ms: i64) -> Vec<Effect> {
        let asked = self.slots.get(id.slot as usize).and_then(Option::as_ref).and_then(|s| s.asked);
        if asked != Some(id.request) {
            return Vec::new();
        }
        if history.position < self.position {
            self.request(id.slot);
            return self.done(now_ms);
        }
        let clock_ms = now_ms.max(self.now_ms);
        let slot = self.slots[id.slot as usize].as_mut().expect("looked at above");
        slot.rebuild(history, clock_ms);
        slot.rebuilt = Some((now_ms, slot.evaluated_ms));
        slot.matches = match history.series.is_empty() && history.points.is_empty() {
            true => Matches::Nothing,
            false => Matches::Some,
        };
        let link = Link { slot: id.slot, generation: slot.generation };
        let users = slot.users.clone();
        for number in history.series {
            self.link(*number, link);
        }
        self.note_matches(id.slot, now_ms);
        for user in users {
            let owed_ms = self.entry(user).owed_ms;
            if owed_ms != NEVER {
                self.evaluate(user, owed_ms, now_ms);
            }
        }
        self.done(now_ms)
    }

    fn link(&mut self, number: u32, link: Link) {
        let at = number as usize;
        if at >= self.links.len() {
            self.links.resize_with(at + 1, Links::default);
        }
        let links = &mut self.links[at];
        if links.all().contains(&link) {
            return;
        }
        let slots = &self.slots;
        let lives = |link: &Link| {
            slots[link.slot as usize].as_ref().is_some_and(|s| s.generation == link.generation)
        };
        let mut all: Vec<Link> = links.all().iter().copied().filter(lives).collect();
        all.push(link);
        *links = Links::of(all);
    }

    /// Returns the window of a metric, shared with all who need the same; it is as long as `closed`
    /// steps at least.
    pub(super) fn acquire(&mut self, key: LeafKey, closed: usize, user: u32) -> u32 {
        // Windows reach back beyond what was put, from its evaluation before that at the earliest; what is
        // older nobody looked at.
        let span_ms = (closed as i64).saturating_mul(key.step_ms) + CADENCE_MS_MAX;
        let watched_ms = self.entry(user).put_ms.saturating_sub(span_ms);
        if let Some(&id) = self.by_leaf.get(&key) {
            let slot = self.slots[id as usize].as_mut().expect("a slot of the index is there");
            if !slot.users.contains(&user) {
                slot.users.push(user);
            }
            slot.watched_ms = slot.watched_ms.min(watched_ms);
            if slot.ring.len() < closed + OPEN_STEPS {
                slot.ring = Ring::new(key.step_ms, closed, key.distribution);
                slot.rebuilt = None;
                self.request(id);
            }
            return id;
        }
        let id = self.free_slots.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        self.generation = self.generation.wrapping_add(1);
        let key = Arc::new(key);
        let notes = self.take_left_notes(&key);
        let slot = Slot {
            ring: Ring::new(key.step_ms, closed, key.distribution),
            users: vec![user],
            generation: self.generation,
            place: self.interest.file(id, &key.wanted),
            in_doubt: false,
            asked: None,
            complete_to: 0,
            newest_float_ms: NEVER,
            ahead: None,
            evaluated_ms: NEVER,
            matches: Matches::Unknown,
            rebuilt: None,
            watched_ms,
            is_late_dirty: notes.is_some(),
            late: notes,
            key: key.clone(),
        };
        if slot.is_late_dirty {
            self.late_dirty.push_back(id);
        }
        self.slots[id as usize] = Some(slot);
        self.by_leaf.insert(key, id);
        self.request(id);
        id
    }

    /// Ends the use of a window; without users it goes.
    pub(super) fn release(&mut self, id: u32, user: u32) {
        let Some(slot) = self.slots[id as usize].as_mut() else { return };
        slot.users.retain(|held| *held != user);
        if slot.users.is_empty() {
            self.interest.remove(id, slot.place);
            self.by_leaf.remove(&slot.key);
            let notes = slot.late.take().map(|late| (slot.key.clone(), late));
            self.late_left.extend(notes);
            self.slots[id as usize] = None;
            self.free_slots.push(id);
        }
    }

    /// Returns whether a window can be looked at up to `end_ms`; asks for its past if that is in doubt.
    pub(super) fn is_sure(&mut self, id: u32, end_ms: i64) -> bool {
        let slot = self.slots[id as usize].as_mut().expect("an alarm holds its slots");
        if slot.in_doubt {
            return false;
        }
        let step_ms = slot.key.step_ms;
        if slot.ahead.is_some_and(|number| number * step_ms < end_ms) {
            self.request(id);
            return false;
        }
        slot.evaluated_ms = slot.evaluated_ms.max(end_ms);
        true
    }

    /// Points of a window from before this moment are late.
    pub(super) fn was_looked_at(&mut self, id: u32, end_ms: i64) {
        let slot = self.slots[id as usize].as_mut().expect("an alarm holds its slots");
        slot.evaluated_ms = slot.evaluated_ms.max(end_ms);
    }

    pub(super) fn slot(&self, id: u32) -> &Slot {
        self.slots[id as usize].as_ref().expect("an alarm holds its slots")
    }
}

impl Slot {
    #[inline]
    fn take(&mut self, point: &Point<'_>, now_ms: i64) -> Taken {
        if self.in_doubt {
            return Taken::Doubt;
        }
        let is_float = matches!(point.observed, Observed::Float(_));
        if is_float && point.at_ms <= self.newest_float_ms {
            // It may stand for a sample that is in its bucket already: only the store knows.
            self.in_doubt = true;
            return Taken::Doubt;
        }
        match self.ring.fold(point.at_ms, now_ms, point.observed) {
            Fold::Done(_) => {
                // What is ahead is not in a bucket: it must not make all behind it doubtful.
                if is_float {
                    self.newest_float_ms = point.at_ms;
                }
                Taken::Folded
            }
            Fold::TooOld => {
                // The next of its moment is not the first.
                if is_float {
                    self.newest_float_ms = point.at_ms;
                }
                Taken::Not
            }
            Fold::Ahead(number) => {
                self.ahead = Some(self.ahead.map_or(number, |known| known.min(number)));
                Taken::Not
            }
        }
    }

    fn rebuild(&mut self, history: &History<'_>, now_ms: i64) {
        self.ring.clear();
        (self.in_doubt, self.asked, self.ahead) = (false, None, None);
        self.complete_to = history.position;
        self.newest_float_ms = NEVER;
        for (at_ms, observed) in history.points {
            match (self.ring.fold(*at_ms, now_ms, *observed), observed) {
                (Fold::Ahead(number), _) => {
                    self.ahead = Some(self.ahead.map_or(number, |known| known.min(number)));
                }
                (Fold::Done(_), Observed::Float(_)) => {
                    self.newest_float_ms = self.newest_float_ms.max(*at_ms);
                }
                _ => {}
            }
        }
        if let Some(newest_ms) = history.newest_float_ms {
            self.newest_float_ms = self.newest_float_ms.max(newest_ms);
        }
    }
}

/// A metric of a tenant, on a grid.
pub(super) fn leaf(tenant: TenantId, metric: &Metric, step_ms: i64, distribution: bool) -> LeafKey {
    LeafKey { wanted: Wanted { tenant, metric: metric.clone() }, step_ms, distribution }
}
