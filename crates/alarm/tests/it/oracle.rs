//! What an alarm must do, computed the slow and obvious way: at each evaluation from all points that
//! arrived up to then.

use crate::world::{Stored, TENANT, Value, kept};
use alarm::AlarmState;
use alarm::definition::{
    Definition, EvaluationWindow, LowSamples, Metric, MetricAlarm, Part, Source, Watch,
};
use alarm::missing::{Cell, decide};
use alarm::reason::{Datapoint, Evaluation, WARMING_UP};
use eval::Statistic;
use eval::metric_math::{self, EvalLimits, Grid, Inputs, Series};
use lang::metric_math::{Search, parse};
use model::{Delta, SeriesKey};
use std::collections::BTreeMap;

/// A transition as both sides tell it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Transition {
    pub(crate) at_ms: i64,
    pub(crate) from: AlarmState,
    pub(crate) to: AlarmState,
    pub(crate) reason: String,
    pub(crate) data: Option<String>,
}

/// An alarm of the oracle.
#[derive(Debug)]
pub(crate) struct Polled {
    pub(crate) definition: Definition,
    pub(crate) state: AlarmState,
    pub(crate) log: Vec<Transition>,
    last_ms: i64,
    evaluated_ms: Option<i64>,
    warm_until_ms: Option<i64>,
    forced: bool,
}

/// All points there are, and what they are of.
pub(crate) struct Store<'a> {
    pub(crate) series: &'a [SeriesKey],
    pub(crate) points: &'a [Stored],
}

impl Polled {
    pub(crate) fn new(definition: Definition, now_ms: i64) -> Self {
        let mut polled = Self {
            state: AlarmState::InsufficientData,
            definition,
            log: Vec::new(),
            last_ms: 0,
            evaluated_ms: None,
            warm_until_ms: None,
            forced: false,
        };
        polled.define(now_ms);
        polled
    }

    fn metric(&self) -> MetricAlarm {
        match &self.definition.watch {
            Watch::Metric(metric) => metric.clone(),
            _ => panic!("the oracle knows alarms on metrics"),
        }
    }

    pub(crate) fn replace(&mut self, definition: Definition, now_ms: i64) {
        self.definition = definition;
        self.define(now_ms);
        if self.warm_until_ms.is_some() && self.state != AlarmState::InsufficientData {
            self.turn(AlarmState::InsufficientData, WARMING_UP.into(), None, now_ms);
        }
    }

    /// The process ended in the middle of a tick: what it evaluated comes to its turn again.
    pub(crate) fn begins_again(&mut self) {
        if self.evaluated_ms == Some(self.last_ms) {
            self.last_ms -= 1;
        }
    }

    fn define(&mut self, now_ms: i64) {
        let metric = self.metric();
        self.last_ms = (now_ms - 2_000).div_euclid(metric.cadence_ms()) * metric.cadence_ms();
        self.evaluated_ms = None;
        self.warm_until_ms = metric.warm_up().map(|warm_up| now_ms + warm_up.ms());
    }

    pub(crate) fn set(&mut self, state: AlarmState, now_ms: i64) {
        self.forced = true;
        if state != self.state {
            self.turn(state, "by hand".into(), None, now_ms);
        }
    }

    fn turn(&mut self, to: AlarmState, reason: String, data: Option<String>, now_ms: i64) {
        let from = std::mem::replace(&mut self.state, to);
        self.log.push(Transition { at_ms: now_ms, from, to, reason, data });
    }

    pub(crate) fn tick(&mut self, store: &Store<'_>, now_ms: i64) {
        let cadence_ms = self.metric().cadence_ms();
        let grid_ms = (now_ms - 2_000).div_euclid(cadence_ms) * cadence_ms;
        if grid_ms > self.last_ms {
            self.last_ms = grid_ms;
            self.evaluate(store, grid_ms, now_ms);
        }
    }

    /// Looks again if one of the points lies in a period that was looked at.
    pub(crate) fn arrived(&mut self, store: &Store<'_>, points: &[Stored], now_ms: i64) {
        let Some(end_ms) = self.evaluated_ms else { return };
        let metric = self.metric();
        let watched = metrics(&metric);
        let periods = periods(&metric, end_ms);
        let decides = |point: &Stored| {
            let key = &store.series[point.series as usize];
            watched.iter().any(|(_, metric, _)| is(metric, key))
                && periods.iter().any(|(start, end)| (*start..*end).contains(&point.at_ms))
        };
        if points.iter().any(decides) {
            self.evaluate(store, end_ms, now_ms);
        }
    }

    /// After a restart the newest periods are looked at again: a point may have come in between.
    pub(crate) fn restarted(&mut self, store: &Store<'_>, now_ms: i64) {
        if let (Some(end_ms), false) = (self.evaluated_ms, self.forced) {
            self.evaluate(store, end_ms, now_ms);
        }
    }

    fn evaluate(&mut self, store: &Store<'_>, end_ms: i64, now_ms: i64) {
        let alarm = self.metric();
        (self.evaluated_ms, self.forced) = (Some(end_ms), false);
        let datapoints = datapoints(&alarm, store, end_ms);
        let cells: Vec<Cell> = datapoints
            .iter()
            .map(|d| match d.value {
                None => Cell::Missing,
                Some(v) if alarm.comparison().breaches(v, alarm.threshold()) => Cell::Breaching,
                Some(_) => Cell::Fine,
            })
            .collect();
        let decision = decide(&cells, alarm.out_of(), alarm.missing());
        if let Some(until_ms) = self.warm_until_ms {
            let full = decision.filled == 0 && !alarm.warm_up().unwrap().is_whole();
            if now_ms < until_ms && !full {
                return;
            }
            self.warm_until_ms = None;
        }
        let newest = datapoints.iter().find(|d| d.value.is_some());
        if let (
            LowSamples::Ignore,
            Source::Metric(_, Statistic::Percentile(percent)),
            Some(newest),
        ) = (alarm.low_samples(), alarm.source(), newest)
        {
            let needed =
                if *percent >= 50.0 { 1_000.0 / (100.0 - percent) } else { 1_000.0 / percent };
            if newest.samples.unwrap() < needed {
                return;
            }
        }
        if let Some(state) = decision.state.filter(|state| *state != self.state) {
            let told = Evaluation { alarm: &alarm, datapoints: &datapoints, decision, now_ms };
            self.turn(state, told.reason().unwrap(), Some(told.reason_data()), now_ms);
        }
    }
}

fn is(metric: &Metric, key: &SeriesKey) -> bool {
    key.tenant == TENANT
        && metric.namespace == key.namespace
        && metric.name == key.name
        && metric.dimensions == key.labels
        && metric.unit.is_none_or(|unit| unit == key.unit)
}

fn metrics(alarm: &MetricAlarm) -> Vec<(String, Metric, Statistic)> {
    match alarm.source() {
        Source::Metric(metric, statistic) => vec![("m".into(), metric.clone(), *statistic)],
        Source::Math(math) => math.metrics().to_vec(),
        Source::Insights { .. } => panic!("the oracle knows no queries"),
    }
}

/// Start and end of each period, newest first. Zones of the tests have a fixed distance to UTC.
fn periods(alarm: &MetricAlarm, end_ms: i64) -> Vec<(i64, i64)> {
    let period_ms = alarm.period().ms();
    let newest_ms = match alarm.window() {
        EvaluationWindow::Sliding => end_ms,
        EvaluationWindow::WallClock(zone) => {
            let (hours, minutes) = zone.as_str()[1..].split_once(':').unwrap();
            let offset: i64 = hours.parse::<i64>().unwrap() * 3_600_000
                + minutes.parse::<i64>().unwrap() * 60_000;
            (end_ms + offset).div_euclid(period_ms) * period_ms - offset
        }
    };
    let range = alarm.out_of().range() as i64;
    (0..range).map(|n| newest_ms - n * period_ms).map(|end| (end - period_ms, end)).collect()
}

fn window(store: &Store<'_>, metric: &Metric, start_ms: i64, end_ms: i64) -> Option<Delta> {
    let wanted = |point: &Stored| {
        (start_ms..end_ms).contains(&point.at_ms)
            && is(metric, &store.series[point.series as usize])
    };
    let mut total: Option<Delta> = None;
    for point in kept(store.points, wanted) {
        let one = match &point.value {
            Value::Float(value) => Delta::of_value(*value),
            Value::Delta(delta) => delta.clone(),
        };
        match &mut total {
            Some(total) => total.add(&one),
            None => total = Some(one),
        }
    }
    total
}

fn datapoints(alarm: &MetricAlarm, store: &Store<'_>, end_ms: i64) -> Vec<Datapoint> {
    let periods = periods(alarm, end_ms);
    if let Source::Math(math) = alarm.source() {
        let mut columns = BTreeMap::new();
        for (id, metric, statistic) in math.metrics() {
            let column: Vec<f64> = periods
                .iter()
                .rev()
                .map(|(start_ms, end_ms)| {
                    let found = window(store, metric, *start_ms, *end_ms);
                    found.and_then(|total| statistic.of(&total)).unwrap_or(f64::NAN)
                })
                .collect();
            columns.insert(id.clone(), column);
        }
        let values =
            over_grid(math.spec(), columns, periods.last().unwrap().0, alarm.period().ms());
        return periods
            .iter()
            .zip(values.iter().rev())
            .map(|(&(start_ms, _), value)| Datapoint {
                start_ms,
                value: (!value.is_nan()).then_some(*value),
                samples: None,
            })
            .collect();
    }
    let (_, metric, statistic) = metrics(alarm).remove(0);
    periods
        .iter()
        .map(|&(start_ms, end_ms)| {
            let total = window(store, &metric, start_ms, end_ms);
            Datapoint {
                start_ms,
                value: total.as_ref().and_then(|total| statistic.of(total)),
                samples: total.map(|total| total.count),
            }
        })
        .collect()
}

struct Columns(BTreeMap<String, Vec<f64>>);

impl Inputs for Columns {
    fn value(&self, id: &str) -> Option<metric_math::Value<'_>> {
        self.0.get(id).map(|column| metric_math::Value::Series(Series::of_metric(0, column)))
    }

    fn metrics(&self, _: Option<&str>) -> Vec<Series<'_>> {
        self.0.values().map(|column| Series::of_metric(0, column)).collect()
    }

    fn search(&self, _: &Search) -> Vec<Series<'_>> {
        Vec::new()
    }

    fn period_s(&self, _: &str) -> Option<u32> {
        None
    }
}

/// The one expression of the tests, by the driver over a grid.
fn over_grid(
    spec: &alarm::definition::MathSpec,
    columns: BTreeMap<String, Vec<f64>>,
    start_ms: i64,
    period_ms: i64,
) -> Vec<f64> {
    let text = spec.queries.iter().find_map(|query| match &query.part {
        Part::Expression(text) => Some(text),
        Part::Metric(..) => None,
    });
    let expr = parse(text.expect("an expression")).expect("it was checked");
    let len = columns.values().next().expect("a metric").len();
    let grid = Grid { start_ms, period_ms, len };
    let inputs = Columns(columns);
    let value = metric_math::evaluate(&expr, &inputs, grid, &EvalLimits::default());
    match value.expect("within the limits") {
        metric_math::Value::Series(series) => series.values.to_vec(),
        other => panic!("{other:?} is no series"),
    }
}
