//! Alarms that others evaluate: they are asked for when they are due, and answered.

use super::AlarmEngine;
use super::NEVER;
use super::entry::{Entry, EvaluationState};
use super::evaluate::{cell, for_each_period};
use crate::contributor::Attributes;
use crate::definition::{AlarmKey, MetricAlarm, PromqlAlarm, Source, Watch};
use crate::effect::{Effect, ScheduledQuery};
use crate::missing::decide;
use crate::reason::{self, Datapoint};
use lang::alarm_rule::AlarmState;

/// The answer to a [`ScheduledQuery`].
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// What was found.
    Found {
        /// The series, in the query's order. For an instant query, those that it returned.
        series: Vec<AnswerSeries>,
        /// More series match than were looked at.
        partial: bool,
    },
    /// The definition cannot be evaluated: it will not go better next time.
    Error,
    /// It could not be evaluated this time.
    Failure,
}

/// A series of an [`Answer`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AnswerSeries {
    /// What tells it from others: labels, or values of `GROUP BY`, sorted by name.
    pub attributes: Vec<(String, String)>,
    /// For each period that was asked for, in that order, its value and the number of its samples, if
    /// there is one. Empty for an instant query.
    pub values: Vec<Option<(f64, Option<f64>)>>,
}

impl AlarmEngine {
    /// Asks for an alarm.
    pub(super) fn schedule(&mut self, id: u32, end_ms: i64) {
        let entry = self.entry_mut(id);
        entry.owed_ms = end_ms;
        let mut periods = Vec::new();
        if let Watch::Metric(metric) = &entry.definition.watch {
            for_each_period(metric, end_ms, |start_ms, end_ms| periods.push((start_ms, end_ms)));
        }
        let alarm = entry.definition.key.clone();
        let query = ScheduledQuery { alarm, at_ms: end_ms, periods };
        self.effects.push(Effect::ScheduledQuery(query));
    }

    /// Takes the answer to a [`ScheduledQuery`] for this moment. One that took longer than the alarm's
    /// pace counts, too, as long as none for a newer moment came; one for an earlier definition does
    /// nothing.
    pub fn on_answer(
        &mut self,
        key: &AlarmKey,
        at_ms: i64,
        answer: Answer,
        now_ms: i64,
    ) -> Vec<Effect> {
        let Some(id) = self.find(key) else { return Vec::new() };
        let owed_ms = self.entry(id).owed_ms;
        if !self.entry(id).waits_for(at_ms) {
            return Vec::new();
        }
        self.take_answer(id, at_ms, answer, now_ms);
        if owed_ms != at_ms {
            // What was asked since is still to be answered.
            self.entry_mut(id).owed_ms = owed_ms;
        }
        self.done(now_ms)
    }

    fn take_answer(&mut self, id: u32, at_ms: i64, answer: Answer, now_ms: i64) {
        let (mut series, mut partial) = match answer {
            Answer::Found { series, partial } => (series, partial),
            Answer::Error | Answer::Failure => {
                let state = match answer {
                    Answer::Error => EvaluationState::EvaluationError,
                    _ => EvaluationState::EvaluationFailure,
                };
                let entry = self.entry_mut(id);
                entry.owed_ms = NEVER;
                if entry.set_evaluation(Some(state), now_ms) {
                    self.touch(id);
                }
                return;
            }
        };
        if series.len() > self.options.series_max {
            series.truncate(self.options.series_max);
            partial = true;
        }
        match self.entry(id).definition.watch.clone() {
            Watch::Metric(metric) => match metric.source() {
                Source::Insights { grouped: true, .. } => {
                    self.answer_groups(id, &metric, series, at_ms, now_ms);
                }
                _ => {
                    let found = series.into_iter().next().unwrap_or_default();
                    let datapoints = datapoints(&metric, &found, at_ms);
                    self.settle(id, at_ms, now_ms, &datapoints);
                }
            },
            Watch::Promql(promql) => self.answer_vector(id, &promql, series, at_ms, now_ms),
            Watch::Composite(_) => {}
        }
        let entry = self.entry_mut(id);
        if entry.evaluation != Some(EvaluationState::InWarmUp)
            && entry.set_evaluation(partial.then_some(EvaluationState::PartialData), now_ms)
        {
            self.touch(id);
        }
    }

    fn answer_vector(
        &mut self,
        id: u32,
        promql: &PromqlAlarm,
        series: Vec<AnswerSeries>,
        at_ms: i64,
        now_ms: i64,
    ) {
        let returned: Vec<Attributes> = series.into_iter().map(|s| s.attributes).collect();
        let entry = self.entry_mut(id);
        (entry.owed_ms, entry.evaluated_ms) = (NEVER, at_ms);
        let mut touched = std::mem::take(&mut entry.forced);
        let contributors = entry.contributors.get_or_insert_default();
        let before = contributors.clone();
        let turned =
            contributors.on_returned(returned, at_ms, promql.pending_ms(), promql.recovery_ms());
        let (alarming, total) = (contributors.alarming(), contributors.all.len());
        touched |= *contributors != before;
        if touched {
            self.touch(id);
        }
        self.push_contributors(id, turned, now_ms);
        let state = if alarming > 0 { AlarmState::Alarm } else { AlarmState::Ok };
        self.follow_contributors(id, state, alarming, total, now_ms);
    }

    fn answer_groups(
        &mut self,
        id: u32,
        metric: &MetricAlarm,
        series: Vec<AnswerSeries>,
        at_ms: i64,
        now_ms: i64,
    ) {
        if series.is_empty() {
            // Nothing to tell apart: what gaps say decides, as for a metric.
            let contributors = self.entry_mut(id).contributors.get_or_insert_default();
            let turned = contributors.on_decided(Vec::new(), at_ms);
            self.touch(id);
            self.push_contributors(id, turned, now_ms);
            let datapoints = datapoints(metric, &AnswerSeries::default(), at_ms);
            return self.settle(id, at_ms, now_ms, &datapoints);
        }
        let decided = series
            .into_iter()
            .map(|series| {
                let datapoints = datapoints(metric, &series, at_ms);
                let cells: Vec<_> = datapoints.iter().map(|d| cell(metric, d.value)).collect();
                let decision = decide(&cells, metric.out_of(), metric.missing());
                let kept = self.keeps(metric, &datapoints, decision);
                (series.attributes, decision.state.filter(|_| !kept))
            })
            .collect();
        let entry = self.entry_mut(id);
        (entry.owed_ms, entry.evaluated_ms) = (NEVER, at_ms);
        let mut touched = std::mem::take(&mut entry.forced);
        if now_ms < entry.warm_until_ms {
            if touched {
                self.touch(id);
            }
            return;
        }
        touched |= std::mem::replace(&mut entry.warm_until_ms, NEVER) != NEVER;
        if entry.evaluation == Some(EvaluationState::InWarmUp) {
            touched |= entry.set_evaluation(None, now_ms);
        }
        let contributors = entry.contributors.get_or_insert_default();
        let before = contributors.clone();
        let turned = contributors.on_decided(decided, at_ms);
        let (alarming, total) = (contributors.alarming(), contributors.all.len());
        touched |= *contributors != before;
        if touched {
            self.touch(id);
        }
        self.push_contributors(id, turned, now_ms);
        let state = if alarming > 0 { AlarmState::Alarm } else { AlarmState::Ok };
        self.follow_contributors(id, state, alarming, total, now_ms);
    }

    fn follow_contributors(
        &mut self,
        id: u32,
        state: AlarmState,
        alarming: usize,
        total: usize,
        now_ms: i64,
    ) {
        if self.entry(id).state != state {
            let reason = reason::contributors(alarming, total);
            self.change(id, state, reason, None, now_ms, None);
        }
    }
}

impl Entry {
    /// Says whether an answer for a moment tells something new.
    fn waits_for(&self, at_ms: i64) -> bool {
        let is_newer = at_ms > self.evaluated_ms && at_ms > self.not_before_ms;
        self.owed_ms == at_ms || self.owed_ms != NEVER && at_ms < self.owed_ms && is_newer
    }
}

/// The periods of an answer as an evaluation has them. Values that were not given are gaps.
fn datapoints(metric: &MetricAlarm, series: &AnswerSeries, at_ms: i64) -> Vec<Datapoint> {
    let mut all = Vec::new();
    for_each_period(metric, at_ms, |start_ms, _| {
        let found = series.values.get(all.len()).copied().flatten();
        let samples = found.and_then(|(_, samples)| samples);
        let value = found.map(|(value, _)| value).filter(|value| !value.is_nan());
        all.push(Datapoint { start_ms, value, samples });
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{
        Comparison, EvaluationWindow, LowSamples, Metric, MetricSpec, SourceSpec,
    };
    use crate::missing::TreatMissing;
    use crate::reason::Evaluation;

    #[test]
    fn an_answer_that_is_too_short_has_gaps() {
        let metric = MetricAlarm::new(MetricSpec {
            source: SourceSpec::Metric(
                Metric {
                    namespace: "n".into(),
                    name: "m".into(),
                    dimensions: Vec::new(),
                    unit: None,
                },
                eval::Statistic::Sum,
            ),
            period_s: 60,
            comparison: Comparison::GreaterThan,
            threshold: 1.0,
            periods: 1,
            datapoints: None,
            missing: TreatMissing::Missing,
            low_samples: LowSamples::Evaluate,
            window: EvaluationWindow::Sliding,
            warm_up: None,
        })
        .unwrap();
        let series =
            AnswerSeries { attributes: Vec::new(), values: vec![None, Some((f64::NAN, None))] };
        let found = datapoints(&metric, &series, 600_000);
        assert_eq!(
            found.iter().map(|d| d.start_ms).collect::<Vec<_>>(),
            [540_000, 480_000, 420_000]
        );
        assert!(found.iter().all(|d| d.value.is_none()));
        let decision =
            decide(&[crate::missing::Cell::Missing; 3], metric.out_of(), metric.missing());
        let evaluation =
            Evaluation { alarm: &metric, datapoints: &found, decision, now_ms: 602_000 };
        assert_eq!(evaluation.reason().unwrap(), "Insufficient Data: 1 datapoint was unknown.");
    }
}
