//! Functions over the windows of a range selector: what `rate(x[5m])` gives at each step.
//!
//! A window is open at its start: a sample exactly as old as the range is outside. Windows of
//! neighbouring steps overlap or follow each other, so two cursors move over the samples once.
//!
//! Source: Prometheus documentation, "Query functions" and "Range vector selectors".

mod anchored;
mod blocks;
mod counter;
mod over_time;
mod quantile;
mod regression;

pub use anchored::{Boundary, instant_smoothed};
pub use quantile::quantile_of;

use super::column::{ABSENT, Grid, Samples};
use lang::promql::Function;
use std::ops::Range;

/// A function of the samples of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of the language")]
pub enum WindowFn {
    Rate,
    Increase,
    Delta,
    Irate,
    Idelta,
    Resets,
    Changes,
    Deriv,
    PredictLinear,
    DoubleExponentialSmoothing,
    AvgOverTime,
    MinOverTime,
    MaxOverTime,
    SumOverTime,
    CountOverTime,
    QuantileOverTime,
    StddevOverTime,
    StdvarOverTime,
    MadOverTime,
    LastOverTime,
    FirstOverTime,
    PresentOverTime,
    TsOfMinOverTime,
    TsOfMaxOverTime,
    TsOfLastOverTime,
    TsOfFirstOverTime,
}

impl WindowFn {
    /// Returns what a function of the language computes from a window, if it does.
    ///
    /// `absent_over_time` is none of them: it looks at all series together.
    pub fn of(function: Function) -> Option<Self> {
        Some(match function {
            Function::Rate => Self::Rate,
            Function::Increase => Self::Increase,
            Function::Delta => Self::Delta,
            Function::Irate => Self::Irate,
            Function::Idelta => Self::Idelta,
            Function::Resets => Self::Resets,
            Function::Changes => Self::Changes,
            Function::Deriv => Self::Deriv,
            Function::PredictLinear => Self::PredictLinear,
            Function::DoubleExponentialSmoothing => Self::DoubleExponentialSmoothing,
            Function::AvgOverTime => Self::AvgOverTime,
            Function::MinOverTime => Self::MinOverTime,
            Function::MaxOverTime => Self::MaxOverTime,
            Function::SumOverTime => Self::SumOverTime,
            Function::CountOverTime => Self::CountOverTime,
            Function::QuantileOverTime => Self::QuantileOverTime,
            Function::StddevOverTime => Self::StddevOverTime,
            Function::StdvarOverTime => Self::StdvarOverTime,
            Function::MadOverTime => Self::MadOverTime,
            Function::LastOverTime => Self::LastOverTime,
            Function::FirstOverTime => Self::FirstOverTime,
            Function::PresentOverTime => Self::PresentOverTime,
            Function::TsOfMinOverTime => Self::TsOfMinOverTime,
            Function::TsOfMaxOverTime => Self::TsOfMaxOverTime,
            Function::TsOfLastOverTime => Self::TsOfLastOverTime,
            Function::TsOfFirstOverTime => Self::TsOfFirstOverTime,
            _ => return None,
        })
    }

    /// Says whether the result is still the metric's own value, which keeps its name.
    pub fn keeps_name(self) -> bool {
        matches!(self, Self::LastOverTime | Self::FirstOverTime)
    }

    /// Says whether the function is meant for counters.
    pub fn wants_counter(self) -> bool {
        matches!(self, Self::Rate | Self::Increase | Self::Irate)
    }

    /// Says whether windows with samples beside them (`anchored`) mean something to it.
    pub fn takes_anchored(self) -> bool {
        matches!(self, Self::Resets | Self::Changes) || self.takes_smoothed()
    }

    /// Says whether windows with estimated borders (`smoothed`) mean something to it.
    pub fn takes_smoothed(self) -> bool {
        matches!(self, Self::Rate | Self::Increase | Self::Delta)
    }
}

/// The samples of one window: `(start_ms, end_ms]`.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    /// Times inside, rising.
    pub times: &'a [i64],
    /// As many values, none of them a stale marker.
    pub values: &'a [f64],
    /// The moment before the window.
    pub start_ms: i64,
    /// The last moment inside.
    pub end_ms: i64,
}

/// The scalars that a function takes beside its range, one for each step.
#[derive(Debug, Clone, Copy, Default)]
pub struct Params<'a> {
    /// The first one: φ, seconds, or a smoothing factor.
    pub first: &'a [f64],
    /// The second one: a trend factor.
    pub second: &'a [f64],
}

/// What is computed for each series of a range selector.
#[derive(Debug, Clone, Copy)]
pub struct Windowing<'a> {
    /// The function.
    pub function: WindowFn,
    /// Where the windows end: the steps, moved by the selector's offset.
    pub ends: Grid,
    /// The times of the steps themselves, of which there are as many.
    pub steps: Grid,
    /// Length of a window.
    pub range_ms: i64,
    /// Further arguments.
    pub params: Params<'a>,
}

impl Windowing<'_> {
    /// Fills `out` with the value of each step, [`ABSENT`] where the window has too few samples.
    ///
    /// `samples` hold no stale markers; those outside of all windows are passed over.
    pub fn fill(&self, samples: &Samples, out: &mut [f64]) {
        use WindowFn as F;
        match self.function {
            F::Rate => counter::fill(samples, self, counter::Extrapolated::RATE, out),
            F::Increase => counter::fill(samples, self, counter::Extrapolated::INCREASE, out),
            F::Delta => counter::fill(samples, self, counter::Extrapolated::DELTA, out),
            F::Irate => self.each(samples, out, |_, w| counter::instant(w, true)),
            F::Idelta => self.each(samples, out, |_, w| counter::instant(w, false)),
            F::Resets => self.each(samples, out, |_, w| counter::resets(w)),
            F::Changes => self.each(samples, out, |_, w| counter::changes(w)),
            F::Deriv => self.each(samples, out, |_, w| regression::deriv(w)),
            F::PredictLinear => self.each(samples, out, |step, w| {
                regression::predict_linear(w, self.steps.time(step), self.params.first[step])
            }),
            F::DoubleExponentialSmoothing => self.each(samples, out, |step, w| {
                regression::smoothing(w, self.params.first[step], self.params.second[step])
            }),
            F::SumOverTime | F::AvgOverTime | F::MinOverTime | F::MaxOverTime
                if self.overlap(samples) >= blocks::OVERLAP_MIN =>
            {
                self.fill_from_blocks(samples, out);
            }
            F::AvgOverTime => self.each(samples, out, |_, w| over_time::avg(w)),
            F::MinOverTime => self.each(samples, out, |_, w| over_time::min(w)),
            F::MaxOverTime => self.each(samples, out, |_, w| over_time::max(w)),
            F::SumOverTime => self.each(samples, out, |_, w| over_time::sum(w)),
            F::CountOverTime => self.each(samples, out, |_, w| w.values.len() as f64),
            F::StddevOverTime => self.each(samples, out, |_, w| over_time::stdvar(w).sqrt()),
            F::StdvarOverTime => self.each(samples, out, |_, w| over_time::stdvar(w)),
            F::LastOverTime => self.each(samples, out, |_, w| w.values[w.values.len() - 1]),
            F::FirstOverTime => self.each(samples, out, |_, w| w.values[0]),
            F::PresentOverTime => self.each(samples, out, |_, _| 1.0),
            F::TsOfMinOverTime => self.each(samples, out, |_, w| over_time::ts_of_min(w)),
            F::TsOfMaxOverTime => self.each(samples, out, |_, w| over_time::ts_of_max(w)),
            F::TsOfLastOverTime => {
                self.each(samples, out, |_, w| w.times[w.times.len() - 1] as f64 / 1000.0);
            }
            F::TsOfFirstOverTime => self.each(samples, out, |_, w| w.times[0] as f64 / 1000.0),
            F::QuantileOverTime => {
                let mut sorted = Vec::new();
                self.each(samples, out, |step, w| {
                    quantile::over_window(self.params.first[step], w.values, &mut sorted)
                });
            }
            F::MadOverTime => {
                let mut sorted = Vec::new();
                self.each(samples, out, |_, w| quantile::mad(w.values, &mut sorted));
            }
        }
    }

    /// Cuts the steps into parts of which each is done in a moment: between them whoever asks may
    /// look at the time. `bounded` windows are those of [`Windowing::fill_bounded`].
    pub(super) fn parts(&self, samples: &Samples, bounded: bool) -> impl Iterator<Item = Part<'_>> {
        let count = self.ends.count;
        let windows = match usize::try_from(self.ends.step_ms) {
            Ok(step @ 1..) => usize::try_from(self.range_ms).unwrap_or(usize::MAX) / step,
            _ => count,
        };
        // A sample is in so many windows at most. Nearly all series are done at once.
        let windows = windows.saturating_add(1).min(count);
        let mut visits = samples.len().saturating_mul(windows);
        let mut steps = count;
        if visits > VISITS_AT_ONCE || !samples.histograms.is_empty() {
            let looked_at = self.looked_at(samples, bounded);
            visits = looked_at.saturating_mul(windows);
            if visits > VISITS_AT_ONCE {
                steps = (VISITS_AT_ONCE / looked_at).max(1);
            }
        }
        (0..count).step_by(steps.max(1)).map(move |first| {
            let steps = first..(first + steps).min(count);
            let cut = |grid: Grid| Grid { start_ms: grid.time(first), count: steps.len(), ..grid };
            let Params { first: one, second } = self.params;
            let params = Params {
                first: one.get(steps.clone()).unwrap_or(&[]),
                second: second.get(steps.clone()).unwrap_or(&[]),
            };
            let (ends, times) = (cut(self.ends), cut(self.steps));
            let windowing = Windowing { ends, steps: times, params, ..*self };
            Part { steps, visits: visits.min(VISITS_AT_ONCE), windowing }
        })
    }

    /// Returns how many samples a window that has all of them looks at.
    fn looked_at(&self, samples: &Samples, bounded: bool) -> usize {
        use WindowFn as F;
        let all = samples.len();
        if bounded || !samples.histograms.is_empty() {
            return all + samples.histograms.len().saturating_mul(HISTOGRAM_VISITS);
        }
        match self.function {
            F::CountOverTime | F::LastOverTime | F::FirstOverTime | F::PresentOverTime => 0,
            F::TsOfLastOverTime | F::TsOfFirstOverTime | F::Irate | F::Idelta | F::Delta => 0,
            F::Rate | F::Increase => counter::falls(&samples.values),
            F::SumOverTime | F::AvgOverTime | F::MinOverTime | F::MaxOverTime
                if self.overlap(samples) >= blocks::OVERLAP_MIN =>
            {
                // Blocks are made anew for each part, which is to pay.
                all / (4 * blocks::BLOCK)
            }
            _ => all,
        }
    }

    /// In how many windows a sample is, about; 0 if windows are too short to matter.
    fn overlap(&self, samples: &Samples) -> i64 {
        let (Some(first), Some(last)) = (samples.times.first(), samples.times.last()) else {
            return 0;
        };
        let per_window =
            (samples.len() as i64).saturating_mul(self.range_ms) / (last - first).max(1);
        if per_window < blocks::WINDOW_MIN { 0 } else { self.range_ms / self.ends.step_ms.max(1) }
    }

    /// Calls `value` for each window that is not empty.
    #[inline]
    fn each(
        &self,
        samples: &Samples,
        out: &mut [f64],
        mut value: impl FnMut(usize, Window<'_>) -> f64,
    ) {
        for_each_window(&samples.times, self.ends, self.range_ms, |step, inside| {
            out[step] = if inside.is_empty() {
                ABSENT
            } else {
                value(step, self.window(samples, step, inside))
            };
        });
    }

    #[inline]
    fn window<'a>(&self, samples: &'a Samples, step: usize, inside: Range<usize>) -> Window<'a> {
        let end_ms = self.ends.time(step);
        Window {
            times: &samples.times[inside.clone()],
            values: &samples.values[inside],
            start_ms: end_ms.saturating_sub(self.range_ms),
            end_ms,
        }
    }
}

/// Some of the steps of a [`Windowing`].
pub(super) struct Part<'a> {
    /// Which of its steps.
    pub(super) steps: Range<usize>,
    /// How many samples are looked at, at most and about.
    pub(super) visits: usize,
    /// What is to be done for them.
    pub(super) windowing: Windowing<'a>,
}

/// Samples that the windows of a part look at together, unless one window alone has more.
const VISITS_AT_ONCE: usize = 1 << 20;

/// A histogram is as much work as so many floats.
pub(super) const HISTOGRAM_VISITS: usize = 64;

/// Calls `visit` with each step and the samples inside its window.
#[inline]
pub fn for_each_window(
    times: &[i64],
    ends: Grid,
    range_ms: i64,
    mut visit: impl FnMut(usize, Range<usize>),
) {
    let (mut first, mut behind) = (0, 0);
    for (step, end) in ends.times().enumerate() {
        behind = after(times, behind, end);
        first = after(times, first, end.saturating_sub(range_ms));
        visit(step, first..behind);
    }
}

/// Returns the first place from `from` on whose time is later than `bound`.
///
/// Looks near first: the next window mostly begins a few samples on.
#[inline]
pub fn after(times: &[i64], from: usize, bound: i64) -> usize {
    let mut jump = 1;
    let mut low = from;
    loop {
        let next = low + jump;
        if next > times.len() {
            let rest = &times[low..];
            return low + rest.partition_point(|t| *t <= bound);
        }
        if times[next - 1] > bound {
            let near = &times[low..next];
            return low + near.partition_point(|t| *t <= bound);
        }
        low = next;
        jump *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Evaluates at steps of a minute over samples every 15 seconds.
    fn over(function: WindowFn, range_s: i64, values: &[f64]) -> Vec<f64> {
        let samples: Samples =
            values.iter().enumerate().map(|(n, v)| (n as i64 * 15_000, *v)).collect();
        let steps = Grid { start_ms: 60_000, step_ms: 60_000, count: 2 };
        let mut out = vec![0.0; steps.count];
        let params = Params { first: &[0.5, 0.5], second: &[0.5, 0.5] };
        Windowing { function, ends: steps, steps, range_ms: range_s * 1000, params }
            .fill(&samples, &mut out);
        out
    }

    #[test]
    fn windows_are_open_at_their_start() {
        let values = [1.0; 9];
        assert_eq!(over(WindowFn::CountOverTime, 60, &values), [4.0, 4.0]);
        assert_eq!(over(WindowFn::CountOverTime, 61, &values), [5.0, 5.0]);
        assert_eq!(over(WindowFn::CountOverTime, 120, &values), [5.0, 8.0]);
        let empty = over(WindowFn::CountOverTime, 60, &values[..1]);
        assert!(empty.iter().all(|v| v.to_bits() == ABSENT.to_bits()));
    }

    #[test]
    fn the_cursor_finds_the_first_later_time() {
        let times: Vec<i64> = (0..100).map(|n| n * 10).collect();
        for from in 0..=100 {
            for bound in -5..1005 {
                let expected = times.partition_point(|t| *t <= bound).max(from);
                assert_eq!(after(&times, from, bound), expected, "{from} {bound}");
            }
        }
    }

    #[test]
    fn values_of_a_window() {
        let values = [9.0, 1.0, 4.0, 4.0, 3.0, 8.0, 2.0, 2.0, 6.0];
        for (function, expected) in [
            (WindowFn::SumOverTime, [12.0, 18.0]),
            (WindowFn::AvgOverTime, [3.0, 4.5]),
            (WindowFn::MinOverTime, [1.0, 2.0]),
            (WindowFn::MaxOverTime, [4.0, 8.0]),
            (WindowFn::FirstOverTime, [1.0, 8.0]),
            (WindowFn::LastOverTime, [3.0, 6.0]),
            (WindowFn::PresentOverTime, [1.0, 1.0]),
            (WindowFn::StdvarOverTime, [1.5, 6.75]),
            (WindowFn::QuantileOverTime, [3.5, 4.0]),
            (WindowFn::MadOverTime, [0.5, 2.0]),
            (WindowFn::TsOfFirstOverTime, [15.0, 75.0]),
            (WindowFn::TsOfLastOverTime, [60.0, 120.0]),
            (WindowFn::TsOfMinOverTime, [15.0, 105.0]),
            (WindowFn::TsOfMaxOverTime, [45.0, 75.0]),
            (WindowFn::Changes, [2.0, 2.0]),
            (WindowFn::Resets, [1.0, 1.0]),
            (WindowFn::Idelta, [-1.0, 4.0]),
        ] {
            assert_eq!(over(function, 60, &values), expected, "{function:?}");
        }
    }
}
