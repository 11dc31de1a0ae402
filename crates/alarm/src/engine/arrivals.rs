//! Late arrivals: they are noted when they come, kept apart from decisions, and tell what an evaluation
//! of the past had seen.

use super::entry::Plan;
use super::evaluate::for_each_period;
use super::points::{LeafKey, Point, Slot};
use super::{AlarmEngine, CheckpointError, NEVER};
use crate::definition::{AlarmKey, Metric, Watch};
use crate::interest::Wanted;
use crate::late::{Before, Held, LATE_KEPT_MS, LateArrival, LateLog, samples_of};
use crate::window::Observed;
use model::{Delta, TenantId};
use std::sync::Arc;
use stdx::varint::{Reader, put_bytes, put_i64, put_u64};

/// Notes of late arrivals of one window, to be kept or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateRow {
    /// Whose window.
    pub tenant: TenantId,
    /// Names the window among those of the tenant; as long as its metric's name and dimensions.
    pub window: Vec<u8>,
    /// The notes, with the window; none if there are none any more.
    pub row: Option<Vec<u8>>,
}

/// The late arrivals of an alarm, as far as they are known.
#[derive(Debug, Clone)]
pub struct LateOf(Vec<(Arc<LeafKey>, LateLog)>);

/// How far windows were brought to what they showed at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// What came late for the times that were looked at, whether before that moment or behind it; each
    /// window tells of its own.
    pub arrivals: Vec<LateArrival>,
    /// Some of it is not known any more: values may be of later.
    pub is_partial: bool,
}

/// What waits is kept in rows of about a kilobyte; of all alarms together not more at once.
const ROW_BYTES: usize = 256;

impl AlarmEngine {
    /// Says that all points up to a position of the journal were seen before, if at all: nobody knows any
    /// more when.
    pub fn note_behind(&mut self, position: u64) {
        self.noted_behind = position;
    }

    /// Returns rows of late arrivals that are not kept as they are, at most `max` of those that changed,
    /// the longest waiting first.
    pub fn changed_late_rows(&mut self, max: usize) -> Vec<LateRow> {
        let gone = std::mem::take(&mut self.late_gone);
        let removed = |key: Arc<LeafKey>| LateRow {
            tenant: key.wanted.tenant,
            window: key.encoded(),
            row: None,
        };
        let mut rows: Vec<LateRow> = gone.into_iter().map(removed).collect();
        let removals = rows.len();
        while rows.len() - removals < max
            && let Some(id) = self.late_dirty.pop_front()
        {
            let Some(slot) = self.slots[id as usize].as_mut() else { continue };
            if std::mem::take(&mut slot.is_late_dirty) {
                let window = slot.key.encoded();
                let row = slot.late.as_ref().map(|late| {
                    let mut row = Vec::with_capacity(ROW_BYTES);
                    put_bytes(&mut row, &window);
                    late.put(&mut row);
                    row
                });
                rows.push(LateRow { tenant: slot.key.wanted.tenant, window, row });
            }
        }
        rows
    }

    /// Takes notes that were kept; says whether anybody uses their window.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn load_late_row(&mut self, tenant: TenantId, row: &[u8]) -> Result<bool, CheckpointError> {
        let (key, late) = read_row(tenant, row).ok_or(CheckpointError::Damaged)?;
        let Some(&id) = self.by_leaf.get(&key) else { return Ok(false) };
        if let Some(slot) = self.slots[id as usize].as_mut() {
            self.late_windows += usize::from(slot.late.is_none());
            slot.late = Some(Box::new(late));
        }
        Ok(true)
    }

    /// Forgets what came longer ago than it is kept.
    pub fn forget_late(&mut self, now_ms: i64) {
        for (id, slot) in (0..).zip(&mut self.slots) {
            let Some(slot) = slot.as_mut() else { continue };
            let Some(late) = slot.late.as_mut() else { continue };
            if !late.forget(now_ms.saturating_sub(LATE_KEPT_MS)) {
                continue;
            }
            if late.is_empty() {
                slot.late = None;
                self.late_windows -= 1;
            }
            if !std::mem::replace(&mut slot.is_late_dirty, true) {
                self.late_dirty.push_back(id);
            }
        }
    }

    /// Returns what came late for the windows of an alarm; none for alarms without windows.
    pub fn late_of(&self, key: &AlarmKey) -> LateOf {
        let slots = self.find(key).map(|id| self.slots_of(id)).unwrap_or_default();
        let notes = slots.into_iter().filter_map(|id| {
            let slot = self.slot(id);
            Some((slot.key.clone(), slot.late.as_deref()?.clone()))
        });
        LateOf(notes.collect())
    }

    /// Has the windows of an alarm show what they showed at a moment, for the periods of an evaluation
    /// that ends at `end_ms`: for [`explain`](Self::explain), by an engine of that time whose windows show
    /// what is stored now.
    pub fn see_as(&mut self, key: &AlarmKey, late: &LateOf, end_ms: i64, at_ms: i64) -> Seen {
        let mut seen = Seen::default();
        let Some(id) = self.find(key) else { return seen };
        let Some((start_ms, end_ms)) = self.range_of(id, end_ms) else { return seen };
        let now_ms = self.now_ms;
        for id in self.slots_of(id) {
            let Some(slot) = self.slots[id as usize].as_mut() else { continue };
            let Some((_, log)) = late.0.iter().find(|(leaf, _)| *leaf == slot.key) else {
                continue;
            };
            let step_ms = slot.key.step_ms;
            seen.is_partial |= !log.knows(start_ms, end_ms, at_ms);
            for arrival in log.arrivals(start_ms, end_ms, step_ms) {
                seen.is_partial |= !slot.show_as(arrival, log, at_ms, now_ms);
                seen.arrivals.push(arrival);
            }
        }
        seen.arrivals.sort_unstable();
        seen.arrivals.dedup();
        seen
    }

    /// Start and end of all periods of an evaluation.
    fn range_of(&self, id: u32, end_ms: i64) -> Option<(i64, i64)> {
        let Watch::Metric(metric) = &self.entry(id).definition.watch else { return None };
        let mut range: Option<(i64, i64)> = None;
        for_each_period(metric, end_ms, |start_ms, end_ms| {
            let (_, newest_ms) = range.unwrap_or((start_ms, end_ms));
            range = Some((start_ms, newest_ms));
        });
        range
    }

    fn slots_of(&self, id: u32) -> Vec<u32> {
        match &self.entry(id).plan {
            Plan::Slot(slot, _) => vec![*slot],
            Plan::Math(math) => math.metrics.iter().map(|(slot, _)| *slot).collect(),
            Plan::Scheduled | Plan::Composite(..) => Vec::new(),
        }
    }

    /// Notes of a window that is made again, as its only alarm was changed.
    pub(super) fn take_left_notes(&mut self, key: &Arc<LeafKey>) -> Option<Box<LateLog>> {
        let at = self.late_left.iter().position(|(left, _)| left == key)?;
        Some(self.late_left.swap_remove(at).1)
    }

    pub(super) fn forget_left_notes(&mut self) {
        self.late_windows -= self.late_left.len();
        self.late_gone.extend(self.late_left.drain(..).map(|(key, _)| key));
    }
}

impl Slot {
    /// Says whether a point is of a time that was looked at; `is_known` if it came with the rebuild.
    #[inline]
    pub(super) fn is_late(&self, point: &Point<'_>, is_known: bool) -> bool {
        let looked_at_ms = match is_known {
            true => self.rebuilt.map_or(NEVER, |(_, looked_at_ms)| looked_at_ms),
            false => self.evaluated_ms,
        };
        point.at_ms < looked_at_ms && point.at_ms >= self.watched_ms
    }

    /// Notes what the step of a late point holds, before the point is in it; says whether that is the
    /// first that is not kept yet.
    #[cold]
    pub(super) fn note_late(
        &mut self,
        point: &Point<'_>,
        is_known: bool,
        now_ms: i64,
        max: usize,
    ) -> bool {
        let step_ms = self.key.step_ms;
        let start_ms = point.at_ms.div_euclid(step_ms).saturating_mul(step_ms);
        let (is_held, seen_ms) = match self.rebuilt {
            // It came with that, before the stream told of it.
            Some((rebuilt_ms, _)) if is_known => (false, rebuilt_ms),
            rebuilt => (rebuilt.is_some() && self.ring.holds(start_ms, now_ms), now_ms),
        };
        let ring = &self.ring;
        // A float may stand for one of its moment; what is newer than all does not.
        let is_beside = match point.observed {
            Observed::Delta(_) => true,
            Observed::Float(_) => {
                let is_sure = self.rebuilt.is_some() && !self.in_doubt && !is_known;
                is_sure && point.at_ms > self.newest_float_ms
            }
        };
        let before = || match is_held {
            true => ring.held(start_ms).map_or(Before::Nothing, |delta| Before::Held(delta.into())),
            false if is_beside => Before::Older(samples_of(point.observed)),
            false => Before::Unknown,
        };
        let late = self.late.get_or_insert_default();
        late.note((start_ms, step_ms), seen_ms, before, max);
        !std::mem::replace(&mut self.is_late_dirty, true)
    }

    /// Shows the steps of an arrival as they were; says whether that is known.
    fn show_as(&mut self, arrival: LateArrival, log: &LateLog, at_ms: i64, now_ms: i64) -> bool {
        let (step_ms, mut start_ms) = (self.key.step_ms, arrival.start_ms);
        let mut is_known = true;
        while start_ms < arrival.end_ms {
            if !self.ring.holds(start_ms, now_ms) {
                start_ms += step_ms;
                continue;
            }
            let samples = self.ring.held(start_ms).map_or(0.0, |delta| delta.count);
            match log.held(start_ms, step_ms, at_ms, samples) {
                Held::Same => {}
                Held::Nothing => self.ring.set(start_ms, &Delta::default()),
                Held::These(delta) => self.ring.set(start_ms, delta),
                Held::Unknown => is_known = false,
            }
            start_ms += step_ms;
        }
        is_known
    }
}

impl LeafKey {
    fn encoded(&self) -> Vec<u8> {
        let Metric { namespace, name, dimensions, unit } = &self.wanted.metric;
        let mut out = Vec::new();
        put_bytes(&mut out, namespace.as_bytes());
        put_bytes(&mut out, name.as_bytes());
        put_u64(&mut out, dimensions.len() as u64);
        for (name, value) in dimensions {
            put_bytes(&mut out, name.as_bytes());
            put_bytes(&mut out, value.as_bytes());
        }
        put_bytes(&mut out, unit.map_or("", |unit| unit.name()).as_bytes());
        put_i64(&mut out, self.step_ms);
        out.push(u8::from(self.distribution));
        out
    }

    fn read(reader: &mut Reader<'_>, tenant: TenantId) -> Option<Self> {
        let (namespace, name) = (reader.str()?.to_owned(), reader.str()?.to_owned());
        let mut dimensions = Vec::new();
        for _ in 0..reader.u64()? {
            dimensions.push((reader.str()?.to_owned(), reader.str()?.to_owned()));
        }
        let unit = match reader.str()? {
            "" => None,
            name => Some(name.parse().ok()?),
        };
        let step_ms = reader.i64()?;
        let distribution = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        let metric = Metric { namespace, name, dimensions, unit };
        Some(Self { wanted: Wanted { tenant, metric }, step_ms, distribution })
    }
}

fn read_row(tenant: TenantId, row: &[u8]) -> Option<(LeafKey, LateLog)> {
    let mut reader = Reader::new(row);
    let mut window = Reader::new(reader.bytes()?);
    let key =
        LeafKey::read(&mut window, tenant).filter(|key| window.is_empty() && key.step_ms > 0)?;
    let late = LateLog::read(&mut reader).filter(|_| reader.is_empty())?;
    Some((key, late))
}

/// Says whether a row of late arrivals can be read.
///
/// # Errors
/// As [`AlarmEngine::load_late_row`].
pub fn check_late_row(row: &[u8]) -> Result<(), CheckpointError> {
    read_row(TenantId(0), row).map(drop).ok_or(CheckpointError::Damaged)
}
