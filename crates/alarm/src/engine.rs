//! The engine: inputs in, effects out.

mod act;
mod answer;
mod arrivals;
mod checkpoint;
mod composite;
mod doubt;
mod entry;
mod evaluate;
mod explain;
mod math;
mod points;
mod put;
mod tick;
mod unmatched;

pub use answer::{Answer, AnswerSeries};
pub use arrivals::{LateOf, LateRow, Seen, check_late_row};
pub use checkpoint::{ChangedRow, CheckpointError, Kept, Loaded, check_head, check_row};
pub use entry::{Contribution, EvaluationState, Status};
pub use explain::Explanation;
pub use points::{Batch, History, Point};
pub use put::PutError;

use crate::definition::{AlarmKey, Definition, MuteRule};
use crate::effect::Effect;
use crate::interest::Interest;
use crate::late::LateLog;
use crate::missing::Cell;
use crate::reason::Datapoint;
use entry::Entry;
use lang::alarm_rule::AlarmState;
use model::{TenantId, TimeRange};
use points::{LeafKey, Links, Slot};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use tick::{Class, Underway};

/// What can be set of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How long after the end of a period its points may arrive and count at once.
    pub lateness_ms: i64,
    /// An evaluation comes this long after the end of its newest period at the latest, whether all
    /// that arrived was seen or not.
    pub deadline_ms: i64,
    /// Ticks that are further apart than this mean that we stood still.
    pub pause_ms_max: i64,
    /// How long after we stood still periods without data still say nothing.
    pub grace_ms: i64,
    /// Alarms that need more buckets for a metric are evaluated by scheduled queries.
    pub buckets_max: usize,
    /// Series of an alarm that are looked at; more of them are `PARTIAL_DATA`.
    pub series_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lateness_ms: 2_000,
            deadline_ms: 5_000,
            pause_ms_max: 30_000,
            grace_ms: 60_000,
            buckets_max: 1_200,
            series_max: 500,
        }
    }
}

/// Evaluates alarms as points arrive.
///
/// It decides and does nothing: every input returns the effects that others carry out, in order. It
/// knows no store, no socket and no clock; time is in its inputs. Equal inputs give equal effects.
///
/// What the caller promises:
/// - Series are declared ([`on_series`](Self::on_series)) before their points, and again when their
///   numbers change.
/// - Points ([`on_points`](Self::on_points)) come in the order of the journal, with its positions.
/// - [`on_tick`](Self::on_tick) comes at [`next_due_ms`](Self::next_due_ms) or soon after.
/// - Every [`Effect::Rebuild`] is answered by [`on_rebuilt`](Self::on_rebuilt), every
///   [`Effect::ScheduledQuery`] by [`on_answer`](Self::on_answer).
/// - Effects are kept together with [`changed_rows`](Self::changed_rows) and [`head`](Self::head), so
///   that neither is ahead.
#[derive(Debug)]
pub struct AlarmEngine {
    options: Options,
    /// The time of the newest input; [`NEVER`] before the first.
    now_ms: i64,
    /// The journal's position of the newest batch.
    position: u64,
    alarms: Vec<Option<Box<Entry>>>,
    free_alarms: Vec<u32>,
    by_name: HashMap<TenantId, HashMap<String, u32>>,
    classes: BTreeMap<i64, Class>,
    /// The tick that is not over.
    underway: Option<Underway>,
    slots: Vec<Option<Slot>>,
    free_slots: Vec<u32>,
    /// Counts slots made, so that links to one that is gone are known.
    generation: u32,
    /// Counts rebuilds that were asked for.
    requests: u64,
    by_leaf: HashMap<Arc<LeafKey>, u32>,
    interest: Interest,
    /// By the number of the series.
    links: Vec<Links>,
    /// Composites by the alarms of their rules and by their suppressors.
    parents: HashMap<AlarmKey, BTreeSet<u32>>,
    suppressed: HashMap<AlarmKey, BTreeSet<u32>>,
    /// Composites that must be evaluated, those that others are made of first, each with the alarms
    /// that changed.
    dirty: BTreeMap<(u32, u32), Vec<AlarmKey>>,
    /// New composites: they wait for a tick.
    fresh: BTreeSet<u32>,
    /// When owed actions of composites are due.
    waits: BTreeSet<(i64, u32)>,
    mutes: BTreeMap<(TenantId, String), MuteRule>,
    muted_by: HashMap<AlarmKey, BTreeSet<String>>,
    /// When mute windows end that hold back actions.
    mute_ends: BTreeSet<(i64, u32)>,
    /// Times in which we did not see what arrived.
    excluded: Vec<TimeRange>,
    /// Points up to here were seen before, by whoever was there before us.
    noted_behind: u64,
    /// Windows that have notes of late arrivals, and which of them are not kept yet, in their order.
    late_windows: usize,
    late_dirty: VecDeque<u32>,
    /// Notes of windows that nobody uses, and windows whose notes are to be removed.
    late_left: Vec<(Arc<LeafKey>, Box<LateLog>)>,
    late_gone: Vec<Arc<LeafKey>>,
    /// Alarms that match no series, and since when.
    unmatched: BTreeMap<AlarmKey, i64>,
    effects: Vec<Effect>,
    /// Alarms whose rows of the checkpoint changed, and alarms that are gone.
    touched: Vec<u32>,
    gone: Vec<AlarmKey>,
    /// Slots that got late points in this batch.
    late: Vec<(u32, i64)>,
    datapoints: Vec<Datapoint>,
    cells: Vec<Cell>,
}

/// Before all time.
pub(crate) const NEVER: i64 = i64::MIN;

impl AlarmEngine {
    /// Makes an engine without alarms.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            now_ms: NEVER,
            position: 0,
            alarms: Vec::new(),
            free_alarms: Vec::new(),
            by_name: HashMap::new(),
            classes: BTreeMap::new(),
            underway: None,
            slots: Vec::new(),
            free_slots: Vec::new(),
            generation: 0,
            requests: 0,
            by_leaf: HashMap::new(),
            interest: Interest::default(),
            links: Vec::new(),
            parents: HashMap::new(),
            suppressed: HashMap::new(),
            dirty: BTreeMap::new(),
            fresh: BTreeSet::new(),
            waits: BTreeSet::new(),
            mutes: BTreeMap::new(),
            muted_by: HashMap::new(),
            mute_ends: BTreeSet::new(),
            excluded: Vec::new(),
            noted_behind: 0,
            late_windows: 0,
            late_dirty: VecDeque::new(),
            late_left: Vec::new(),
            late_gone: Vec::new(),
            unmatched: BTreeMap::new(),
            effects: Vec::new(),
            touched: Vec::new(),
            gone: Vec::new(),
            late: Vec::new(),
            datapoints: Vec::new(),
            cells: Vec::new(),
        }
    }

    /// Returns how many alarms there are.
    pub fn len(&self) -> usize {
        self.alarms.len() - self.free_alarms.len()
    }

    /// Says whether there is no alarm.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the position of the newest batch that was taken: where a reader goes on.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Returns the definition of an alarm.
    pub fn definition(&self, key: &AlarmKey) -> Option<&Definition> {
        self.find(key).map(|id| &self.entry(id).definition)
    }

    /// Returns the state of an alarm.
    pub fn state(&self, key: &AlarmKey) -> Option<AlarmState> {
        self.find(key).map(|id| self.entry(id).state)
    }

    /// Returns what is known of an alarm.
    pub fn status(&self, key: &AlarmKey) -> Option<Status> {
        let entry = self.entry(self.find(key)?);
        let mut status = entry.status();
        status.matches_nothing_since_ms = self.unmatched.get(key).copied();
        Some(status)
    }

    /// Returns the contributors of an alarm, at most 100 of those in ALARM.
    pub fn contributors(&self, key: &AlarmKey) -> Vec<Contribution> {
        self.find(key).map_or_else(Vec::new, |id| self.entry(id).contributions())
    }

    fn find(&self, key: &AlarmKey) -> Option<u32> {
        self.by_name.get(&key.tenant)?.get(&key.name).copied()
    }

    fn entry(&self, id: u32) -> &Entry {
        self.alarms[id as usize].as_ref().expect("an alarm of the index is there")
    }

    fn entry_mut(&mut self, id: u32) -> &mut Entry {
        self.alarms[id as usize].as_mut().expect("an alarm of the index is there")
    }

    /// Ends an input: composites follow their children, then all effects are handed out.
    fn done(&mut self, now_ms: i64) -> Vec<Effect> {
        self.evaluate_composites(now_ms);
        self.forget_left_notes();
        std::mem::take(&mut self.effects)
    }
}
