//! Explanations in sentences.

use super::{ExplainedEvaluation, ExplainedLate};
use crate::alarms::nearest;
use alarm::Explanation;
use alarm::definition::{LowSamples, MetricAlarm, Source};
use alarm::missing::{Cell, Decision, Step, TreatMissing};
use jiff::Timestamp;

/// Late arrivals that are told, each in a sentence.
const LATE_TOLD: usize = 10;

pub(super) fn shown(at_ms: i64) -> String {
    let at = Timestamp::from_millisecond(at_ms).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

pub(super) fn name_of(cell: Cell) -> &'static str {
    match cell {
        Cell::Missing => "missing",
        Cell::Fine => "ok",
        Cell::Breaching => "breaching",
    }
}

pub(super) fn rule_of(step: Step) -> &'static str {
    match step {
        Step::Nothing => {
            "no datapoint in the evaluation range: the treatment of missing data decides"
        }
        Step::Breaches => "enough of the newest real datapoints breach",
        Step::Complete => "enough real datapoints, too few of which breach",
        Step::Filled => "gaps were filled as breaching or not",
        Step::Premature => "every real datapoint breaches, and they reach back far enough",
        Step::Unclear => "too few real datapoints to say that it alarms",
    }
}

pub(super) fn kept_back(metric: &MetricAlarm) -> &'static str {
    match metric.low_samples() {
        LowSamples::Ignore => {
            "It did not count: the percentile is of too few samples, or a gap lies in a time when the \
             server did not run."
        }
        LowSamples::Evaluate => {
            "It did not count: a gap lies in a time when the server did not run, or just after it."
        }
    }
}

pub(super) fn words_of(
    metric: &MetricAlarm,
    end_ms: i64,
    explanation: &Explanation,
) -> Vec<String> {
    let Explanation { periods, decision, .. } = explanation;
    let out_of = metric.out_of();
    let what = match metric.source() {
        Source::Metric(of, statistic) => {
            let metric = nearest::shown(&of.namespace, &of.name, &of.dimensions);
            format!("{statistic} of {metric}")
        }
        Source::Math(math) => format!("the expression {}", math.returns()),
        Source::Insights { statement, .. } => format!("`{statement}`"),
    };
    let missing = TreatMissing::ALL.iter().find(|(_, one)| *one == metric.missing());
    let missing = missing.map_or("", |(name, _)| name);
    let mut words = vec![format!(
        "The newest evaluation looked at {what}: the {} periods of {} s up to {}. It alarms when {} of \
         {} are {} {}; missing data are treated as {missing}.",
        periods.len(),
        metric.period().seconds(),
        shown(end_ms),
        out_of.needed(),
        out_of.periods(),
        metric.comparison().words(),
        metric.threshold(),
    )];
    for (datapoint, cell) in periods {
        let value = datapoint.value.map_or_else(|| "no data".to_owned(), |value| value.to_string());
        words.push(format!("{}  {value}  {}", shown(datapoint.start_ms), name_of(*cell)));
    }
    let Decision { state, step, used, breaching, filled } = decision;
    let says = state.map_or("the state stays".to_owned(), |state| state.to_string());
    words.push(format!(
        "{used} real datapoints counted, {breaching} of them breach, {filled} were missing: {} -> {says}.",
        rule_of(*step)
    ));
    words
}

/// What came late for the periods of an evaluation, and what it changed.
pub(super) fn late_words(evaluation: &ExplainedEvaluation, at_ms: i64) -> Vec<String> {
    let ExplainedEvaluation { late, due_ms, .. } = evaluation;
    // Those of earlier evaluations explain nothing of this one: a line is enough for them.
    let (earlier, mut told): (Vec<&ExplainedLate>, Vec<&ExplainedLate>) =
        late.iter().partition(|one| one.was_seen && one.behind_ms <= 0);
    // What the evaluation did not see first: it may be why.
    told.sort_by_key(|one| (one.was_seen, one.arrived_ms, one.start_ms));
    let mut words: Vec<String> = told.iter().take(LATE_TOLD).map(|one| arrived(one)).collect();
    if told.len() > LATE_TOLD {
        words.push(format!("{} more arrivals were late.", told.len() - LATE_TOLD));
    }
    words.extend(were_late_before(&earlier));
    let value = |value: Option<f64>| value.map_or_else(|| "no data".to_owned(), |v| v.to_string());
    let others = evaluation.periods.iter().filter(|period| period.value != period.value_now);
    words.extend(others.map(|period| {
        let (then, now) = (value(period.value), value(period.value_now));
        format!("{}  {then} then, {now} now", shown(period.start_ms))
    }));
    if late.iter().any(|one| !one.was_seen) && evaluation.decides != evaluation.decides_now {
        let now = evaluation.decides_now.unwrap_or("that the state stays");
        words.push(format!("All that is stored now would decide {now}."));
    }
    if !evaluation.is_as_seen {
        words.push(format!(
            "Not everything that came after {} is known any more: later data may be among these values.",
            shown(at_ms.max(*due_ms)),
        ));
    }
    words
}

fn arrived(one: &ExplainedLate) -> String {
    let ExplainedLate { start_ms, end_ms, arrived_ms, behind_ms, was_seen } = *one;
    let what = format!(
        "Data of {} to {} arrived at {}",
        shown(start_ms),
        shown(end_ms),
        shown(arrived_ms)
    );
    match was_seen {
        false => {
            format!("{what}, {} after the evaluation, which did not see them.", long(behind_ms))
        }
        true => format!(
            "{what}, {} after the evaluation was due; they were looked at then, and are among these.",
            long(behind_ms)
        ),
    }
}

/// What was late for evaluations before this one, in a line.
fn were_late_before(earlier: &[&ExplainedLate]) -> Option<String> {
    let start_ms = earlier.iter().map(|one| one.start_ms).min()?;
    let end_ms = earlier.iter().map(|one| one.end_ms).max()?;
    let first_ms = earlier.iter().map(|one| one.arrived_ms).min()?;
    let last_ms = earlier.iter().map(|one| one.arrived_ms).max()?;
    let arrived = match first_ms == last_ms {
        true => format!("at {}", shown(first_ms)),
        false => format!("from {} to {}", shown(first_ms), shown(last_ms)),
    };
    Some(format!(
        "Data of {} to {} arrived {arrived}, late for evaluations before this one, which has them among these.",
        shown(start_ms),
        shown(end_ms)
    ))
}

/// A time in its two largest units.
fn long(ms: i64) -> String {
    let seconds = ms / 1_000;
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let Some(first) = units.iter().position(|(unit, _)| seconds >= *unit) else {
        return format!("{ms} ms");
    };
    let mut left = seconds;
    let mut parts = Vec::new();
    for (unit, name) in &units[first..units.len().min(first + 2)] {
        if left / unit > 0 {
            parts.push(format!("{} {name}", left / unit));
        }
        left %= unit;
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_two_units() {
        let all = [400, 8_000, 130_999, 3_600_000, 3_780_000, 2 * 86_400_000 + 7_199_000].map(long);
        assert_eq!(all, ["400 ms", "8 s", "2 min 10 s", "1 h", "1 h 3 min", "2 d 1 h"]);
    }

    #[test]
    fn what_was_late_for_earlier_evaluations_is_one_line() {
        let late = |minute: i64, arrived_ms: i64| ExplainedLate {
            start_ms: minute * 60_000,
            end_ms: (minute + 1) * 60_000,
            arrived_ms,
            behind_ms: -1,
            was_seen: true,
        };
        let all = [late(3, 400_000), late(1, 390_000), late(2, 395_000)];
        let told = were_late_before(&all.iter().collect::<Vec<_>>()).expect("a line");
        assert!(
            told.starts_with(
                "Data of 1970-01-01T00:01:00Z to 1970-01-01T00:04:00Z arrived from 1970-01-01T00:06:30Z \
                 to 1970-01-01T00:06:40Z, late for evaluations before this one"
            ),
            "{told}"
        );
        assert_eq!(were_late_before(&[]), None);
    }
}
