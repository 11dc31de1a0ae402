//! Functions of ranges in which there are native histograms.
//!
//! Source: Prometheus documentation, "Native histograms", functions, and "Query functions".

use super::{Incompatible, add, is_reset, over, subtract, times};
use crate::promql::column::{ABSENT, Native, Samples};
use crate::promql::window::{WindowFn, Windowing, after};
use model::{Histogram, ResetHint};
use std::sync::Arc;

/// What is to be said of the ranges of a series.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::promql) struct Mixture {
    /// Floats and histograms together: there is no result.
    pub(in crate::promql) dropped: bool,
    /// Floats and histograms together: the floats count.
    pub(in crate::promql) ignored: bool,
    /// Exponential and custom buckets together: there is no result.
    pub(in crate::promql) layouts: bool,
    /// A gauge where a counter was wanted.
    pub(in crate::promql) not_counter: bool,
    /// A counter where a gauge was wanted.
    pub(in crate::promql) not_gauge: bool,
}

/// Corrects a column of floats by what the histograms of each window change, and fills the column of
/// histograms.
pub(in crate::promql) fn fill(
    windowing: &Windowing<'_>,
    samples: &Samples,
    out: &mut [f64],
    histograms: &mut [Option<Native>],
) -> Mixture {
    let mut mixture = Mixture::default();
    let times: Vec<i64> = samples.histograms.iter().map(|(at, _)| *at).collect();
    let [mut first, mut behind, mut float_first, mut float_behind] = [0; 4];
    for (step, end) in windowing.ends.times().enumerate() {
        let start = end.saturating_sub(windowing.range_ms);
        first = after(&times, first, start);
        behind = after(&times, behind, end);
        float_first = after(&samples.times, float_first, start);
        float_behind = after(&samples.times, float_behind, end);
        histograms[step] = None;
        if first == behind {
            continue;
        }
        let window = Mixed {
            histograms: &samples.histograms[first..behind],
            times: &samples.times[float_first..float_behind],
            values: &samples.values[float_first..float_behind],
            start_ms: start,
            end_ms: end,
        };
        let (value, histogram) = window.result(windowing.function, out[step], &mut mixture);
        out[step] = value;
        histograms[step] = histogram.map(Arc::new);
    }
    mixture
}

/// A window with at least one histogram.
struct Mixed<'a> {
    histograms: &'a [(i64, Native)],
    times: &'a [i64],
    values: &'a [f64],
    start_ms: i64,
    end_ms: i64,
}

/// A sample of either kind.
enum Either<'a> {
    Float(f64),
    Native(&'a Native),
}

impl<'a> Mixed<'a> {
    fn has_floats(&self) -> bool {
        !self.values.is_empty()
    }

    /// Returns the samples of both kinds in the order of their times.
    fn both(&self) -> Vec<(i64, Either<'a>)> {
        let natives = self.histograms.iter().map(|(at, h)| (*at, Either::Native(h)));
        let floats = self.times.iter().zip(self.values).map(|(at, v)| (*at, Either::Float(*v)));
        let mut all: Vec<_> = natives.chain(floats).collect();
        all.sort_by_key(|(at, _)| *at);
        all
    }

    /// Returns the float or the histogram of the window; `float` is what its floats alone give.
    fn result(
        &self,
        function: WindowFn,
        float: f64,
        mixture: &mut Mixture,
    ) -> (f64, Option<Histogram>) {
        use WindowFn as F;
        let nothing = (ABSENT, None);
        match function {
            F::CountOverTime => ((self.histograms.len() + self.values.len()) as f64, None),
            F::PresentOverTime => (1.0, None),
            F::TsOfFirstOverTime | F::TsOfLastOverTime | F::FirstOverTime | F::LastOverTime => {
                let all = self.both();
                let last = matches!(function, F::TsOfLastOverTime | F::LastOverTime);
                let (at, sample) = if last { &all[all.len() - 1] } else { &all[0] };
                match (function, sample) {
                    (F::TsOfFirstOverTime | F::TsOfLastOverTime, _) => (*at as f64 / 1000.0, None),
                    (_, Either::Float(value)) => (*value, None),
                    (_, Either::Native(histogram)) => (ABSENT, Some((***histogram).clone())),
                }
            }
            F::Changes => (self.count_pairs(changed), None),
            F::Resets => (self.count_pairs(restarted), None),
            F::Rate | F::Increase | F::Delta => {
                if self.has_floats() {
                    mixture.dropped = true;
                    return nothing;
                }
                let counter = function != F::Delta;
                self.note_kind(self.histograms, counter, mixture);
                let change = self.extrapolated(counter, function == F::Rate);
                self.checked(change, mixture)
            }
            F::Irate | F::Idelta => {
                let all = self.both();
                let [.., (before_ms, before), (now_ms, now)] = &all[..] else {
                    return nothing;
                };
                match (before, now) {
                    (Either::Float(_), Either::Float(_)) => (float, None),
                    (Either::Native(before), Either::Native(now)) => {
                        let counter = function == F::Irate;
                        let last = &self.histograms[self.histograms.len() - 2..];
                        self.note_kind(last, counter, mixture);
                        let seconds = (now_ms - before_ms) as f64 / 1000.0;
                        self.checked(between(before, now, counter, seconds), mixture)
                    }
                    _ => {
                        mixture.dropped = true;
                        nothing
                    }
                }
            }
            F::SumOverTime | F::AvgOverTime => {
                if self.has_floats() {
                    mixture.dropped = true;
                    return nothing;
                }
                let mut sum = Ok((*self.histograms[0].1).clone());
                for (_, histogram) in &self.histograms[1..] {
                    sum = sum.and_then(|sum| add(&sum, histogram).map(|sum| sum.histogram));
                }
                let count = self.histograms.len() as f64;
                let avg = function == F::AvgOverTime;
                self.checked(sum.map(|s| Some(if avg { over(&s, count) } else { s })), mixture)
            }
            _ => {
                mixture.ignored |= self.has_floats();
                (float, None)
            }
        }
    }

    fn checked(
        &self,
        result: Result<Option<Histogram>, Incompatible>,
        mixture: &mut Mixture,
    ) -> (f64, Option<Histogram>) {
        match result {
            Ok(histogram) => (ABSENT, histogram),
            Err(Incompatible) => {
                mixture.layouts = true;
                (ABSENT, None)
            }
        }
    }

    fn note_kind(&self, histograms: &[(i64, Native)], counter: bool, mixture: &mut Mixture) {
        let gauges = histograms.iter().filter(|(_, h)| h.is_gauge()).count();
        if histograms.len() < 2 {
            return;
        }
        mixture.not_counter |= counter && gauges > 0;
        mixture.not_gauge |= !counter && gauges < histograms.len();
    }

    fn count_pairs(&self, differs: fn(&Either<'_>, &Either<'_>) -> bool) -> f64 {
        self.both().windows(2).filter(|pair| differs(&pair[0].1, &pair[1].1)).count() as f64
    }

    /// The change over the window, as of floats; a counter is not continued to below zero by its
    /// count of observations.
    fn extrapolated(
        &self,
        counter: bool,
        per_second: bool,
    ) -> Result<Option<Histogram>, Incompatible> {
        let all = self.histograms;
        let &[(first_ms, ref first), .., (last_ms, ref last)] = all else {
            return Ok(None);
        };
        let reset_at = |at: usize| counter && is_reset(&all[at - 1].1, &all[at].1);
        // After a reset right behind it the first one takes no part, whatever its buckets are.
        let mut change = if reset_at(1) {
            Histogram { hint: ResetHint::Gauge, ..(**last).clone() }
        } else {
            subtract(last, first)?.histogram
        };
        for at in 2..all.len() {
            if reset_at(at) {
                change = add(&change, &all[at - 1].1)?.histogram;
            }
        }
        change.hint = ResetHint::Gauge;
        let sampled = (last_ms - first_ms) as f64 / 1000.0;
        let distance = sampled / (all.len() - 1) as f64;
        let border = |ms: i64| {
            let away = ms as f64 / 1000.0;
            if away >= distance * 1.1 { distance / 2.0 } else { away }
        };
        let mut to_start = border(first_ms.saturating_sub(self.start_ms));
        if counter && change.count > 0.0 && first.count >= 0.0 {
            to_start = to_start.min(sampled * (first.count / change.count));
        }
        let mut factor =
            (sampled + to_start + border(self.end_ms.saturating_sub(last_ms))) / sampled;
        if per_second {
            factor /= self.end_ms.saturating_sub(self.start_ms) as f64 / 1000.0;
        }
        Ok(Some(times(&change, factor)))
    }
}

fn between(
    before: &Histogram,
    now: &Histogram,
    counter: bool,
    seconds: f64,
) -> Result<Option<Histogram>, Incompatible> {
    let mut change = if counter && is_reset(before, now) {
        now.clone()
    } else {
        subtract(now, before)?.histogram
    };
    change.hint = ResetHint::Gauge;
    Ok(Some(if counter { over(&change, seconds) } else { change }))
}

fn changed(before: &Either<'_>, now: &Either<'_>) -> bool {
    match (before, now) {
        (Either::Float(a), Either::Float(b)) => a != b && !(a.is_nan() && b.is_nan()),
        (Either::Native(a), Either::Native(b)) => !super::equal(a, b),
        _ => true,
    }
}

fn restarted(before: &Either<'_>, now: &Either<'_>) -> bool {
    match (before, now) {
        (Either::Float(a), Either::Float(b)) => b < a,
        (Either::Native(a), Either::Native(b)) if a.is_gauge() != b.is_gauge() => true,
        (Either::Native(a), Either::Native(b)) => is_reset(a, b),
        _ => true,
    }
}
