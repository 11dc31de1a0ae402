//! Following the stream: points from the tap and time go into the engine, windows are rebuilt from the
//! store.

use super::AlarmCounters;
use crate::Platform;
use alarm::definition::Metric;
use alarm::{Batch, History, Observed, Point, Rebuild};
use metric_store::{
    Detail, Grid, GridSeries, MetricKey, MetricStore, Points, ReadBudget, ReadError, ReadLimits,
    Tap, TapError, TapEvent,
};
use model::{Delta, Kind, TenantId, TimeRange};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use storage::JournalError;

/// Where a follower of the stream is.
#[derive(Debug, Default)]
pub(crate) struct Follower {
    /// None while there are no alarms.
    tap: Option<Tap>,
    /// Said once, until it goes on.
    is_failing: bool,
    /// When all that had arrived could be read last.
    read_ms: Option<i64>,
    /// The day on which what is too old was forgotten last.
    swept_day: Option<i64>,
    /// Where the store stood when it was opened; none once that was told.
    stored_to: Option<u64>,
}

impl Follower {
    /// Begins where the store stands.
    pub(super) fn new(stored_to: u64) -> Self {
        Self { stored_to: Some(stored_to), ..Self::default() }
    }
}

/// Frames that are taken under one hold of the engine.
const FRAMES: usize = 64;
/// Effects of a tick that are kept in one write.
const EFFECTS: usize = 4_000;
/// Windows that are rebuilt before points and time get their turn again.
const REBUILDS: usize = 1_000;

/// How taking points ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taking {
    /// Nothing is left.
    Drained,
    /// There is more.
    More,
    /// The stream cannot be read.
    Failed,
}

/// A point of a series that somebody wants.
struct Taken {
    series: u32,
    at_ms: i64,
    value: Value,
}

enum Value {
    Float(f64),
    Delta(Delta),
}

impl Taken {
    fn point(&self) -> Point<'_> {
        let observed = match &self.value {
            Value::Float(value) => Observed::Float(*value),
            Value::Delta(delta) => Observed::Delta(delta),
        };
        Point { series: self.series, at_ms: self.at_ms, observed }
    }
}

impl Platform {
    /// Gives the alarms what arrived, and the time; carries out what they decide. Whoever is called
    /// while another one is at it does it after them. Returns when the next step is due, milliseconds
    /// since 1970, if nothing arrives before; never without alarms.
    pub fn alarm_step(&self) -> i64 {
        let alarms = &self.alarms;
        let mut follower = alarms.follower.lock();
        loop {
            let begun_ms = self.clock.now_ms();
            self.forget_old_history(&mut follower, begun_ms);
            let taken = self.take_points(&mut follower, begun_ms);
            let rebuilt = self.rebuild(&mut follower);
            let now_ms = self.clock.now_ms();
            let mut running = alarms.running.lock();
            let was_due_ms = running.engine.next_due_ms();
            if was_due_ms <= now_ms {
                // What arrived before was given, if nothing is left.
                let seen_ms = if taken == Taking::Drained { begun_ms } else { i64::MIN };
                if let (Taking::Failed, Some(read_ms)) = (taken, follower.read_ms) {
                    // What arrived since is not known: its gaps say nothing.
                    running.engine.on_downtime(read_ms, now_ms);
                }
                loop {
                    let now_ms = self.clock.now_ms();
                    let (effects, has_more) = running.engine.on_tick_some(now_ms, seen_ms, EFFECTS);
                    self.carry_alarms(&mut running, effects, now_ms, Vec::new(), &[]);
                    if !has_more {
                        break;
                    }
                    // Many change at once: the first are told before the last are decided, and
                    // whoever asks or puts is served in between.
                    drop(running);
                    self.keep_alarms();
                    self.note_lag(was_due_ms, now_ms);
                    running = alarms.running.lock();
                }
            } else if !running.engine.is_empty() {
                self.carry_alarms_head(&mut running, now_ms);
            }
            self.queue_late(&mut running, now_ms);
            let due_ms = running.engine.next_due_ms();
            alarms.counters.alarms.store(running.engine.len() as u64, Ordering::Relaxed);
            let waiting = running.rebuilds.len();
            alarms.counters.rebuilds_waiting.store(waiting as u64, Ordering::Relaxed);
            let waits = waiting > 0 && rebuilt.is_ok();
            drop(running);
            self.keep_alarms();
            self.note_lag(was_due_ms, now_ms);
            if taken != Taking::More && !waits {
                return due_ms;
            }
        }
    }

    fn note_lag(&self, due_ms: i64, ticked_ms: i64) {
        if due_ms != i64::MIN && due_ms <= ticked_ms {
            let lag_ms = self.clock.now_ms().saturating_sub(due_ms);
            self.alarms.counters.lag_ms.store(lag_ms, Ordering::Relaxed);
        }
    }

    /// Has windows read again that reach into a range in which points of some metrics were deleted.
    pub(crate) fn alarms_see_deletion(
        &self,
        tenant: TenantId,
        range: TimeRange,
        is_meant: impl Fn(&Metric) -> bool,
    ) {
        let mut running = self.alarms.running.lock();
        let effects = running.engine.doubt(tenant, range, is_meant);
        if !effects.is_empty() {
            self.carry_alarms(&mut running, effects, self.clock.now_ms(), Vec::new(), &[]);
            self.alarms.wake();
        }
    }

    /// Returns how alarms fare.
    pub fn alarm_counters(&self) -> &AlarmCounters {
        &self.alarms.counters
    }

    /// Once a day, in steps.
    fn forget_old_history(&self, follower: &mut Follower, now_ms: i64) {
        let day = now_ms.div_euclid(86_400_000);
        if self.alarms.keeping.failing().is_some() {
            // What was found before still waits.
            return;
        }
        if follower.swept_day.replace(day) == Some(day) {
            return;
        }
        self.alarms.running.lock().engine.forget_late(now_ms);
        match super::history::expired(&*self.catalog, now_ms) {
            Ok((removals, is_all)) => {
                self.alarms.keeping.queue(removals);
                if !is_all {
                    follower.swept_day = None;
                }
            }
            Err(error) => tracing::warn!(%error, "old history of alarms cannot be looked at"),
        }
    }

    /// Waits until alarms have something to do before their next step is due, at most `pause` of real
    /// time: something was put, or points arrived. `seen` is what the last call returned.
    pub fn wait_for_alarms(&self, seen: u64, pause: std::time::Duration) -> u64 {
        self.alarms.wait_for_arrivals(seen, pause)
    }

    /// Waits until alarms want to ask something, at most `pause` of real time. `seen` is what the last
    /// call returned.
    pub fn wait_for_alarm_queries(&self, seen: u64, pause: std::time::Duration) -> u64 {
        self.alarms.wait(seen, pause)
    }

    /// Writes what the alarms decided; what cannot be written waits.
    fn keep_alarms(&self) {
        if self.alarms.keeping.rests() {
            return;
        }
        let result = self.alarms.keeping.keep_all(&*self.catalog);
        match result {
            // Also what others wrote for us. Mostly it is nothing, and nobody needs to look.
            Ok(()) if self.alarms.keeping.take_news() => self.wake_deliveries(),
            Ok(()) => {}
            Err(error) => {
                AlarmCounters::add(&self.alarms.counters.writes_failed);
                // Once: health says it as long as it lasts.
                if self.alarms.keeping.failing().is_none_or(|failing| failing.times == 1) {
                    tracing::error!(%error, "what alarms decided could not be kept yet; nobody was told");
                }
            }
        }
    }

    /// Gives points to the engine.
    fn take_points(&self, follower: &mut Follower, now_ms: i64) -> Taking {
        let alarms = &self.alarms;
        let mut running = alarms.running.lock();
        if running.engine.is_empty() {
            follower.tap = None;
            return Taking::Drained;
        }
        let tap = match &mut follower.tap {
            Some(tap) => tap,
            none => {
                // From here on every series is declared before its points.
                let from = self.metrics.flushed();
                running.engine.rewind(from);
                // What is shown again was seen before, or missed.
                let applied = || self.metrics.applied();
                running.engine.note_behind(follower.stored_to.take().unwrap_or_else(applied));
                none.insert(Tap::after(&self.metrics, from))
            }
        };
        // Mostly nothing came.
        if tap.position() >= self.metrics.applied() {
            follower.read_ms = Some(now_ms);
            return Taking::Drained;
        }
        let mut batches: Vec<(u64, Vec<Taken>)> = Vec::new();
        let engine = &mut running.engine;
        let read = tap.read(FRAMES, |position, event| {
            if batches.last().is_none_or(|(last, _)| *last != position) {
                batches.push((position, Vec::new()));
            }
            let (series, at_ms, value) = match event {
                TapEvent::Declared { number, kind, key } => {
                    return engine.on_series(number, kind, &key);
                }
                TapEvent::Float { number, at_ms, value } => (number, at_ms, Value::Float(value)),
                TapEvent::Single { number, at_ms, value } if engine.wants(number) => {
                    (number, at_ms, Value::Delta(Delta::of_value(value)))
                }
                TapEvent::Delta { number, at_ms, delta } => (number, at_ms, Value::Delta(delta)),
                // No alarm on a metric compares histograms.
                TapEvent::Single { .. } | TapEvent::Histogram { .. } => return,
            };
            if engine.wants(series) && !matches!(value, Value::Float(value) if !value.is_finite()) {
                let (_, points) = batches.last_mut().expect("pushed above");
                points.push(Taken { series, at_ms, value });
            }
        });
        let mut effects = Vec::new();
        for (position, points) in &batches {
            let points: Vec<Point<'_>> = points.iter().map(Taken::point).collect();
            let batch = Batch { position: *position, arrived_ms: now_ms, points: &points };
            effects.extend(engine.on_points(&batch));
        }
        let taking = match read {
            Ok(frames) => {
                follower.is_failing = false;
                if frames < FRAMES {
                    follower.read_ms = Some(now_ms);
                }
                if frames < FRAMES { Taking::Drained } else { Taking::More }
            }
            Err(error) => {
                let is_lost = !matches!(error, TapError::Journal(JournalError::Io { .. }));
                if !std::mem::replace(&mut follower.is_failing, true) || is_lost {
                    tracing::warn!(%error, is_lost, "alarms cannot read the stream");
                }
                if is_lost {
                    // What cannot be read any more is in the store: windows are read again, and the
                    // stream is followed from behind it.
                    let from = self.metrics.applied();
                    running.engine.rewind(from);
                    effects.extend(running.engine.doubt_everything());
                    follower.tap = Some(Tap::after(&self.metrics, from));
                }
                Taking::Failed
            }
        };
        self.carry_alarms(&mut running, effects, now_ms, Vec::new(), &[]);
        taking
    }

    /// Answers what the engine asks of the past; an error has been said.
    fn rebuild(&self, follower: &mut Follower) -> Result<(), ()> {
        let alarms = &self.alarms;
        for _ in 0..REBUILDS {
            let Some(rebuild) = alarms.running.lock().rebuilds.pop_front() else { return Ok(()) };
            AlarmCounters::add(&alarms.counters.rebuilds);
            let now_ms = self.clock.now_ms();
            let past = match PastOf::read(&self.metrics, &rebuild) {
                Ok(past) => past,
                Err(error) => {
                    if !std::mem::replace(&mut follower.is_failing, true) {
                        let metric = &rebuild.metric.name;
                        tracing::error!(%error, metric, "the past of an alarm's metric cannot be read");
                    }
                    alarms.running.lock().rebuilds.push_front(rebuild);
                    return Err(());
                }
            };
            let points: Vec<(i64, Observed<'_>)> = past.observed();
            if points.is_empty() && past.numbers.is_empty() {
                let Metric { namespace, name, dimensions, .. } = &rebuild.metric;
                tracing::info!(
                    tenant = rebuild.tenant.0,
                    namespace,
                    name,
                    ?dimensions,
                    "an alarm's metric matches no series; `sightline explain` names the nearest"
                );
            }
            let history = History {
                position: past.position,
                series: &past.numbers,
                points: &points,
                newest_float_ms: past.newest_float_ms,
            };
            let mut running = alarms.running.lock();
            let effects = running.engine.on_rebuilt(rebuild.slot, &history, now_ms);
            self.carry_alarms(&mut running, effects, now_ms, Vec::new(), &[]);
        }
        Ok(())
    }
}

/// The past of a metric, as the engine takes it.
pub(super) struct PastOf {
    pub(super) position: u64,
    pub(super) numbers: Vec<u32>,
    deltas: Vec<(i64, Delta)>,
    floats: Vec<(i64, f64)>,
    newest_float_ms: Option<i64>,
}

impl PastOf {
    fn read(store: &Arc<MetricStore>, rebuild: &Rebuild) -> Result<Self, ReadError> {
        let detail = if rebuild.distribution { Detail::Distribution } else { Detail::Statistics };
        let grid = Grid { period_ms: rebuild.step_ms, range: rebuild.range, detail };
        let key = metric_key(rebuild.tenant, &rebuild.metric);
        // What the engine decides by is no question of anybody's.
        let budget = ReadBudget::new(ReadLimits::default(), None);
        let past = store.past_of(key, &grid, &budget)?;
        let mut found = Self {
            position: past.position,
            numbers: past.numbers,
            deltas: Vec::new(),
            floats: Vec::new(),
            newest_float_ms: None,
        };
        for series in &past.series {
            found.add(series, &budget)?;
        }
        found.floats.sort_by_key(|(at_ms, _)| *at_ms);
        Ok(found)
    }

    fn add(&mut self, series: &GridSeries, budget: &ReadBudget) -> Result<(), ReadError> {
        // Samples are given one by one: the engine must know of which moments it has one.
        if let (Kind::Float, Some(raw)) = (series.kind(), series.as_raw()) {
            if let Points::Floats(points) = raw.points()? {
                let newest = points.last().map(|(at_ms, _)| *at_ms);
                self.newest_float_ms = self.newest_float_ms.max(newest);
                self.floats.extend(points.into_iter().filter(|(_, value)| value.is_finite()));
            }
            return Ok(());
        }
        self.deltas.extend(series.periods(budget)?);
        Ok(())
    }

    fn observed(&self) -> Vec<(i64, Observed<'_>)> {
        let deltas = self.deltas.iter().map(|(at_ms, delta)| (*at_ms, Observed::Delta(delta)));
        let floats = self.floats.iter().map(|(at_ms, value)| (*at_ms, Observed::Float(*value)));
        deltas.chain(floats).collect()
    }
}

pub(super) fn metric_key(tenant: TenantId, metric: &Metric) -> MetricKey<'_> {
    MetricKey {
        tenant,
        namespace: &metric.namespace,
        name: &metric.name,
        labels: &metric.dimensions,
        unit: metric.unit,
    }
}
