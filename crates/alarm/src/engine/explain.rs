//! How an evaluation comes to what it decides.

use super::AlarmEngine;
use super::entry::Plan;
use super::evaluate::cell;
use crate::definition::{AlarmKey, Watch};
use crate::missing::{Cell, Decision, decide};
use crate::reason::Datapoint;
use lang::alarm_rule::AlarmState;

/// An evaluation, step by step.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The end of the newest period, milliseconds since 1970.
    pub end_ms: i64,
    /// The periods of the evaluation range, newest first, and what each counts as.
    pub periods: Vec<(Datapoint, Cell)>,
    /// What they decide.
    pub decision: Decision,
    /// The decision does not count: a gap may be our own fault, or a percentile is of too few samples.
    pub is_kept_back: bool,
    /// The state that the alarm was in when this was asked.
    pub state: AlarmState,
}

impl AlarmEngine {
    /// Says what an evaluation over the periods that end at `end_ms` and before would decide now; none
    /// for alarms that are not evaluated from windows, and while a window is in doubt.
    pub fn explain(&self, key: &AlarmKey, end_ms: i64) -> Option<Explanation> {
        let entry = self.entry(self.find(key)?);
        let Watch::Metric(metric) = &entry.definition.watch else { return None };
        let in_doubt = |slot: u32| self.slot(slot).in_doubt;
        match &entry.plan {
            Plan::Slot(slot, _) if !in_doubt(*slot) => {}
            Plan::Math(math) if !math.metrics.iter().any(|(slot, _)| in_doubt(*slot)) => {}
            _ => return None,
        }
        let mut datapoints = Vec::new();
        self.collect(entry, metric, end_ms, &mut datapoints);
        let cells: Vec<Cell> = datapoints.iter().map(|d| cell(metric, d.value)).collect();
        let decision = decide(&cells, metric.out_of(), metric.missing());
        let is_kept_back = self.keeps(metric, &datapoints, decision);
        let periods = datapoints.into_iter().zip(cells).collect();
        Some(Explanation { end_ms, periods, decision, is_kept_back, state: entry.state })
    }
}
