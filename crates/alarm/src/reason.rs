//! Why an alarm is in its state, as the service says it: `StateReason` for people, `StateReasonData`
//! for programs.
//!
//! Source: what the service was seen to write. Where it was never seen, the form nearest to it was
//! taken, and the function says so.

use crate::definition::{Comparison, MetricAlarm, Source};
use crate::missing::{Decision, Step, TreatMissing};
use crate::number::double;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use lang::alarm_rule::AlarmState;

/// Longest reason, in characters. Source: CloudWatch API reference, `StateReason`.
pub const REASON_CHARS_MAX: usize = 1_023;
/// Longest reason data. Source: the same, `StateReasonData`.
pub const REASON_DATA_CHARS_MAX: usize = 4_000;

/// The reason of an alarm that was never evaluated.
pub const UNCHECKED: &str = "Unchecked: Initial alarm creation";
/// The reason of an alarm that waits for its data. Ours: the service's was never seen.
pub const WARMING_UP: &str = "Unchecked: Warm-up period";

/// A period as it was seen by an evaluation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Datapoint {
    /// Its start, milliseconds since 1970.
    pub start_ms: i64,
    /// Its value; none if nothing was observed.
    pub value: Option<f64>,
    /// How many samples it is of; none where that has no meaning, as for expressions.
    pub samples: Option<f64>,
}

/// An evaluation of a metric alarm, in all that its reason tells.
#[derive(Debug, Clone, Copy)]
pub struct Evaluation<'a> {
    /// The alarm.
    pub alarm: &'a MetricAlarm,
    /// The periods of the evaluation range, newest first.
    pub datapoints: &'a [Datapoint],
    /// What they decided.
    pub decision: Decision,
    /// When.
    pub now_ms: i64,
}

impl Evaluation<'_> {
    /// Returns the sentence of the state that was decided; none when nothing was.
    pub fn reason(&self) -> Option<String> {
        let state = self.decision.state?;
        let Decision { used, filled, step, .. } = self.decision;
        let periods = self.alarm.out_of().periods();
        Some(match (state, step) {
            (AlarmState::InsufficientData, _) => {
                format!("Insufficient Data: {} {} unknown.", counted(filled), were(filled))
            }
            // With nothing that speaks for the state: the gaps decided, whatever they count as.
            _ if step == Step::Nothing || step == Step::Filled || self.speaking(state) == 0 => {
                let treated = match self.alarm.missing() {
                    TreatMissing::Breaching => "Breaching",
                    TreatMissing::NotBreaching => "NonBreaching",
                    TreatMissing::Missing => "Missing",
                    TreatMissing::Ignore => "Ignore",
                };
                let received = match used {
                    0 => "no datapoints were received".to_owned(),
                    used => format!("{} {} received", counted(used), were(used)),
                };
                let plural = if periods == 1 { "" } else { "s" };
                let gaps = if filled == 1 { "" } else { "s" };
                format!(
                    "Threshold Crossed: {received} for {periods} period{plural} and {filled} missing \
                     datapoint{gaps} {} treated as [{treated}].",
                    were(filled)
                )
            }
            _ => self.crossed(state),
        })
    }

    fn speaking(&self, state: AlarmState) -> usize {
        let alarming = state == AlarmState::Alarm;
        self.used().filter(|(_, breaching)| *breaching == alarming).count()
    }

    /// The datapoints that speak for the state, newest first, and how many it takes to change it.
    fn crossed(&self, state: AlarmState) -> String {
        let alarm = self.alarm;
        let (needed, periods) = (alarm.out_of().needed(), alarm.out_of().periods());
        let alarming = state == AlarmState::Alarm;
        let speaking: Vec<&Datapoint> =
            self.used().filter(|(_, breaching)| *breaching == alarming).map(|(d, _)| d).collect();
        let not = if alarming { "" } else { "not " };
        let many = speaking.len();
        let of = match alarm.says_datapoints() {
            true => format!("{many} out of the last {periods} datapoints"),
            false => counted(many),
        };
        let threshold = double(alarm.threshold());
        let words = Comparison::words(alarm.comparison());
        let transition = match (alarm.says_datapoints(), alarming) {
            (false, _) => String::new(),
            (true, true) => format!(" (minimum {} for OK -> ALARM transition)", counted(needed)),
            (true, false) => {
                let needed = periods - needed + 1;
                format!(" (minimum {} for ALARM -> OK transition)", counted(needed))
            }
        };
        let values: Vec<String> = speaking
            .iter()
            .map(|d| format!("{} ({})", double(d.value.unwrap_or(f64::NAN)), date(d.start_ms)))
            .collect();
        let fit = |shown: usize| {
            let cut = if shown < values.len() { ", ..." } else { "" };
            let listed = values[..shown].join(", ");
            format!(
                "Threshold Crossed: {of} [{listed}{cut}] {} {not}{words} the threshold \
                 ({threshold}){transition}.",
                were(many)
            )
        };
        let mut shown = values.len();
        let mut text = fit(shown);
        while text.chars().count() > REASON_CHARS_MAX && shown > 0 {
            shown -= 1;
            text = fit(shown);
        }
        text
    }

    /// The real datapoints that counted, newest first, each with whether it breaches.
    fn used(&self) -> impl DoubleEndedIterator<Item = (&Datapoint, bool)> {
        let (comparison, threshold) = (self.alarm.comparison(), self.alarm.threshold());
        let real: Vec<_> = self
            .datapoints
            .iter()
            .filter_map(|d| Some((d, comparison.breaches(d.value?, threshold))))
            .take(self.decision.used)
            .collect();
        real.into_iter()
    }

    /// Returns the reason as JSON, its fields in the order of the service.
    pub fn reason_data(&self) -> String {
        let recent: Vec<String> =
            self.used().rev().map(|(d, _)| double(d.value.unwrap_or(f64::NAN))).collect();
        let mut head = format!("{{\"version\":\"1.0\",\"queryDate\":\"{}\"", iso(self.now_ms));
        if let Some((oldest, _)) = self.used().next_back() {
            head += &format!(",\"startDate\":\"{}\"", iso(oldest.start_ms));
        }
        if let Source::Metric(metric, statistic) = self.alarm.source() {
            if let Some(unit) = metric.unit {
                head += &format!(",\"unit\":\"{unit}\"");
            }
            let field = if statistic.is_basic() { "statistic" } else { "extendedStatistic" };
            head += &format!(",\"{field}\":\"{statistic}\"");
        }
        head += &format!(",\"period\":{}", self.alarm.period().seconds());
        let evaluated = self.evaluated();
        let fit = |recent: &[String], evaluated: &[String]| {
            format!(
                "{head},\"recentDatapoints\":[{}],\"threshold\":{},\"evaluatedDatapoints\":[{}]}}",
                recent.join(","),
                double(self.alarm.threshold()),
                evaluated.join(",")
            )
        };
        // The oldest go first; all of this is ASCII.
        let (mut skipped, mut shown) = (0, evaluated.len());
        let mut text = fit(&recent, &evaluated);
        while text.len() > REASON_DATA_CHARS_MAX && (shown > 0 || skipped < recent.len()) {
            if shown > 0 {
                shown -= 1;
            } else {
                skipped += 1;
            }
            text = fit(&recent[skipped..], &evaluated[..shown]);
        }
        text
    }

    /// Each period that counted, newest first: the real ones, and as many gaps as were filled.
    fn evaluated(&self) -> Vec<String> {
        let (mut real, mut gaps) = (self.decision.used, self.decision.filled);
        let mut shown = Vec::new();
        for datapoint in self.datapoints {
            let left = if datapoint.value.is_some() { &mut real } else { &mut gaps };
            if *left == 0 {
                continue;
            }
            *left -= 1;
            let mut text = format!("{{\"timestamp\":\"{}\"", iso(datapoint.start_ms));
            if let Some(value) = datapoint.value {
                if let Some(samples) = datapoint.samples {
                    text += &format!(",\"sampleCount\":{}", double(samples));
                }
                text += &format!(",\"value\":{}", double(value));
            }
            shown.push(text + "}");
        }
        shown
    }
}

/// Returns the reason of an alarm of several series: `95 out of 150 time series evaluated to ALARM`.
pub fn contributors(alarming: usize, total: usize) -> String {
    // The service counts no further than what it reports.
    let alarming = if alarming > 100 { "100+".to_owned() } else { alarming.to_string() };
    format!("{alarming} out of {total} time series evaluated to ALARM")
}

/// Returns the reason of a composite alarm: which alarm changed it, or that it was evaluated at first.
///
/// Source: CloudWatch user guide, "Alarm events and EventBridge", the sample of a composite alarm.
pub fn composite(state: AlarmState, by: Option<(&str, AlarmState, i64)>) -> String {
    match by {
        Some((arn, child, at_ms)) => {
            let when = zoned(at_ms).strftime("%A %d %B, %Y %H:%M:%S UTC").to_string();
            format!("{arn} transitioned to {child} at {when}")
        }
        None => format!("Alarm rule evaluated to {state} at creation or update"),
    }
}

/// Returns the reason data of a composite alarm: the alarms that speak for its state.
pub fn composite_data(triggering: &[(&str, AlarmState, i64)]) -> String {
    let shown: Vec<String> = triggering
        .iter()
        .map(|(arn, state, at_ms)| {
            let arn = serde_json::Value::from(*arn);
            format!(
                "{{\"arn\":{arn},\"state\":{{\"value\":\"{state}\",\"timestamp\":\"{}\"}}}}",
                iso(*at_ms)
            )
        })
        .collect();
    let fit = |shown: &[String]| format!("{{\"triggeringAlarms\":[{}]}}", shown.join(","));
    let mut many = shown.len();
    let mut text = fit(&shown);
    while text.chars().count() > REASON_DATA_CHARS_MAX && many > 0 {
        many -= 1;
        text = fit(&shown[..many]);
    }
    text
}

fn counted(many: usize) -> String {
    format!("{many} datapoint{}", if many == 1 { "" } else { "s" })
}

fn were(many: usize) -> &'static str {
    if many == 1 { "was" } else { "were" }
}

fn zoned(at_ms: i64) -> jiff::Zoned {
    Timestamp::from_millisecond(at_ms).unwrap_or_default().to_zoned(TimeZone::UTC)
}

/// `dd/MM/yy HH:mm:ss`, in UTC.
fn date(at_ms: i64) -> String {
    zoned(at_ms).strftime("%d/%m/%y %H:%M:%S").to_string()
}

/// `2022-11-08T11:26:05.399+0000`.
pub(crate) fn iso(at_ms: i64) -> String {
    let zoned = zoned(at_ms);
    format!("{}.{:03}+0000", zoned.strftime("%Y-%m-%dT%H:%M:%S"), at_ms.rem_euclid(1_000))
}
