//! One evaluation of one alarm.

use super::entry::{Entry, EvaluationState, Plan};
use super::{AlarmEngine, NEVER};
use crate::definition::{EvaluationWindow, LowSamples, MetricAlarm, Source, Watch};
use crate::missing::{Cell, Decision, Step, decide};
use crate::reason::{Datapoint, Evaluation};
use eval::Statistic;

impl AlarmEngine {
    /// Evaluates an alarm over the periods that end at `end_ms` and before.
    pub(super) fn evaluate(&mut self, id: u32, end_ms: i64, now_ms: i64) {
        let entry = self.alarms[id as usize].as_ref().expect("an alarm that is due is there");
        if end_ms <= entry.not_before_ms {
            return;
        }
        let sure = match &entry.plan {
            Plan::Composite(..) => return,
            Plan::Scheduled => return self.schedule(id, end_ms),
            Plan::Slot(slot, _) => {
                let slot = *slot;
                self.is_sure(slot, end_ms)
            }
            Plan::Math(math) => {
                let slots: Vec<u32> = math.metrics.iter().map(|(slot, _)| *slot).collect();
                // Each is asked, so that all rebuilds are requested at once.
                slots.into_iter().filter(|slot| !self.is_sure(*slot, end_ms)).count() == 0
            }
        };
        if !sure {
            self.entry_mut(id).owed_ms = end_ms;
            return;
        }
        if !self.reaches(id, end_ms, now_ms) {
            // The next tick is due: it looks at newer periods.
            self.entry_mut(id).owed_ms = NEVER;
            return;
        }
        let mut datapoints = std::mem::take(&mut self.datapoints);
        datapoints.clear();
        let entry = self.entry(id);
        if let Watch::Metric(metric) = &entry.definition.watch {
            self.collect(entry, metric, end_ms, &mut datapoints);
        }
        self.settle(id, end_ms, now_ms, &datapoints);
        self.datapoints = datapoints;
    }

    /// Says whether the windows of an alarm still hold all periods that end at `end_ms` and before.
    fn reaches(&self, id: u32, end_ms: i64, now_ms: i64) -> bool {
        let entry = self.entry(id);
        let Watch::Metric(metric) = &entry.definition.watch else { return true };
        let mut oldest_ms = end_ms;
        match metric.window() {
            EvaluationWindow::Sliding => {
                oldest_ms -= metric.period().ms() * metric.out_of().range() as i64;
            }
            EvaluationWindow::WallClock(_) => {
                for_each_period(metric, end_ms, |start_ms, _| oldest_ms = start_ms);
            }
        }
        let now_ms = now_ms.max(self.now_ms);
        let reaches = |slot: u32| self.slot(slot).ring.holds(oldest_ms, now_ms);
        match &entry.plan {
            Plan::Slot(slot, _) => reaches(*slot),
            Plan::Math(math) => math.metrics.iter().all(|(slot, _)| reaches(*slot)),
            Plan::Scheduled | Plan::Composite(..) => true,
        }
    }

    /// Puts the periods of the evaluation range together, newest first.
    pub(super) fn collect(
        &self,
        entry: &Entry,
        metric: &MetricAlarm,
        end_ms: i64,
        out: &mut Vec<Datapoint>,
    ) {
        match &entry.plan {
            Plan::Slot(slot, statistic) => {
                let ring = &self.slot(*slot).ring;
                for_each_period(metric, end_ms, |start_ms, end_ms| {
                    let (value, samples) = match ring.value(start_ms, end_ms, *statistic) {
                        Some((value, samples)) => (value, Some(samples)),
                        None => (None, None),
                    };
                    out.push(Datapoint { start_ms, value, samples });
                });
            }
            Plan::Math(math) => {
                let mut periods = Vec::new();
                for_each_period(metric, end_ms, |start_ms, end_ms| {
                    periods.push((start_ms, end_ms));
                });
                let oldest_first = periods.iter().rev().copied();
                let values = math.values(oldest_first, |start_ms, end_ms, points| {
                    for (slot, statistic) in &math.metrics {
                        let found = self.slot(*slot).ring.value(start_ms, end_ms, *statistic);
                        points.push(found.and_then(|(value, _)| value).unwrap_or(f64::NAN));
                    }
                });
                let values = values.into_iter().rev();
                out.extend(periods.iter().zip(values).map(|(&(start_ms, _), value)| Datapoint {
                    start_ms,
                    value: (!value.is_nan()).then_some(value),
                    samples: None,
                }));
            }
            Plan::Scheduled | Plan::Composite(..) => {}
        }
    }

    /// Takes the periods of an evaluation, newest first, and decides.
    pub(super) fn settle(&mut self, id: u32, end_ms: i64, now_ms: i64, datapoints: &[Datapoint]) {
        let entry = self.alarms[id as usize].as_mut().expect("an alarm that is due is there");
        (entry.owed_ms, entry.evaluated_ms) = (NEVER, end_ms);
        let mut touched = std::mem::take(&mut entry.forced);
        let Watch::Metric(metric) = &entry.definition.watch else { return };
        let mut cells = std::mem::take(&mut self.cells);
        cells.clear();
        cells.extend(datapoints.iter().map(|d| cell(metric, d.value)));
        let decision = decide(&cells, metric.out_of(), metric.missing());
        self.cells = cells;
        let whole = metric.warm_up().is_some_and(|warm_up| warm_up.is_whole());
        if entry.warm_until_ms != NEVER {
            let full = decision.filled == 0 && !whole;
            if now_ms < entry.warm_until_ms && !full {
                touched |= entry.set_evaluation(Some(EvaluationState::InWarmUp), now_ms);
                if touched {
                    self.touch(id);
                }
                return;
            }
            entry.warm_until_ms = NEVER;
            touched = true;
        }
        touched |= entry.set_evaluation(None, now_ms);
        let decided = decision.state.filter(|state| *state != entry.state);
        if touched {
            self.touch(id);
        }
        let Some(state) = decided else { return self.repeat(id, end_ms, now_ms) };
        let Watch::Metric(metric) = self.entry(id).definition.watch.clone() else { return };
        if self.keeps(&metric, datapoints, decision) {
            return self.repeat(id, end_ms, now_ms);
        }
        let evaluation = Evaluation { alarm: &metric, datapoints, decision, now_ms };
        let reason = evaluation.reason().expect("a state was decided");
        let data = evaluation.reason_data();
        self.change(id, state, reason, Some(data), now_ms, None);
    }

    /// Says whether a decision must not count: a gap may be our own fault, or a percentile is of too
    /// few samples.
    pub(super) fn keeps(
        &self,
        metric: &MetricAlarm,
        datapoints: &[Datapoint],
        decision: Decision,
    ) -> bool {
        let by_data = matches!(decision.step, Step::Breaches | Step::Complete);
        if !by_data && !self.excluded.is_empty() {
            // A period ends where the next one begins: days of a zone's clock are uneven.
            let newest_end = datapoints.first().map(|d| d.start_ms + metric.period().ms());
            let ends = newest_end.into_iter().chain(datapoints.iter().map(|d| d.start_ms));
            let mut gaps = datapoints.iter().zip(ends).filter(|(d, _)| d.value.is_none());
            if gaps.any(|(d, end_ms)| self.is_excluded(d.start_ms, end_ms)) {
                return true;
            }
        }
        let newest = datapoints.iter().find(|d| d.value.is_some());
        match (metric.low_samples(), metric.source(), newest.and_then(|d| d.samples)) {
            (
                LowSamples::Ignore,
                Source::Metric(_, Statistic::Percentile(percent)),
                Some(samples),
            ) => samples < samples_needed(*percent),
            _ => false,
        }
    }
}

/// Returns how many samples a percentile needs to say something.
///
/// Source: CloudWatch user guide, "Percentile-based CloudWatch alarms and low data samples". That the
/// newest period with data is the one that is asked is ours.
fn samples_needed(percent: f64) -> f64 {
    let p = percent / 100.0;
    let needed = if p >= 0.5 { 10.0 / (1.0 - p) } else { 10.0 / p };
    // 1 - 0.9 is a little less than 0.1.
    needed * (1.0 - 1e-9)
}

pub(super) fn cell(metric: &MetricAlarm, value: Option<f64>) -> Cell {
    match value {
        None => Cell::Missing,
        Some(value) if metric.comparison().breaches(value, metric.threshold()) => Cell::Breaching,
        Some(_) => Cell::Fine,
    }
}

/// Shows start and end of each period of the evaluation range, newest first.
pub(super) fn for_each_period(metric: &MetricAlarm, end_ms: i64, mut see: impl FnMut(i64, i64)) {
    let range = metric.out_of().range();
    match metric.window() {
        EvaluationWindow::Sliding => {
            let period_ms = metric.period().ms();
            let mut end_ms = end_ms;
            for _ in 0..range {
                see(end_ms - period_ms, end_ms);
                end_ms -= period_ms;
            }
        }
        EvaluationWindow::WallClock(zone) => {
            // Beyond all calendars there are no periods.
            let bounds = zone.boundaries(end_ms, metric.period().seconds(), range);
            let bounds = bounds.unwrap_or_default();
            bounds.windows(2).for_each(|pair| see(pair[1], pair[0]));
        }
    }
}

impl Entry {
    /// Says whether the newest evaluation looked at a step.
    pub(super) fn looked_at(&self, step_start_ms: i64, step_ms: i64) -> bool {
        let Watch::Metric(metric) = &self.definition.watch else { return false };
        if self.evaluated_ms == NEVER || step_start_ms >= self.evaluated_ms {
            return false;
        }
        let mut within = false;
        match metric.window() {
            EvaluationWindow::Sliding => {
                let span_ms = metric.period().ms() * metric.out_of().range() as i64;
                within = step_start_ms + step_ms > self.evaluated_ms - span_ms;
            }
            EvaluationWindow::WallClock(_) => {
                for_each_period(metric, self.evaluated_ms, |start_ms, end_ms| {
                    within |= start_ms <= step_start_ms && step_start_ms < end_ms;
                });
            }
        }
        within
    }
}
