//! How much a value changed: rates and deltas, resets and changes.

use super::{Window, Windowing};
use crate::promql::column::{ABSENT, Samples};

/// How the difference over a window is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extrapolated {
    /// Falling means "started again from zero".
    counter: bool,
    /// Divided by the window's seconds.
    per_second: bool,
}

impl Extrapolated {
    pub(super) const RATE: Self = Self { counter: true, per_second: true };
    pub(super) const INCREASE: Self = Self { counter: true, per_second: false };
    pub(super) const DELTA: Self = Self { counter: false, per_second: false };

    /// Returns the change over a window in which the first and last sample differ by `change`,
    /// as if the samples went on to the window's borders.
    ///
    /// A border is reached if it is not further away than 1.1 times the average distance of
    /// samples; else the series is taken to begin (end) half a distance outside of its samples. A
    /// counter is not continued to below zero.
    #[inline]
    fn change(self, window: Window<'_>, change: f64) -> f64 {
        let count = window.times.len();
        let (first_ms, last_ms) = (window.times[0], window.times[count - 1]);
        let sampled = (last_ms - first_ms) as f64 / 1000.0;
        let distance = sampled / (count - 1) as f64;
        let mut to_start = first_ms.saturating_sub(window.start_ms) as f64 / 1000.0;
        let mut to_end = window.end_ms.saturating_sub(last_ms) as f64 / 1000.0;
        let far = distance * 1.1;
        if to_start >= far {
            to_start = distance / 2.0;
        }
        if self.counter && change > 0.0 && window.values[0] >= 0.0 {
            to_start = to_start.min(sampled * (window.values[0] / change));
        }
        if to_end >= far {
            to_end = distance / 2.0;
        }
        let mut factor = (sampled + to_start + to_end) / sampled;
        if self.per_second {
            factor /= window.end_ms.saturating_sub(window.start_ms) as f64 / 1000.0;
        }
        change * factor
    }
}

/// Fills a column of extrapolated changes.
///
/// Only a window's first and last sample are looked at, and the resets between: so it costs as
/// much as there are samples and steps, however long the windows are.
pub(super) fn fill(
    samples: &Samples,
    windowing: &Windowing<'_>,
    how: Extrapolated,
    out: &mut [f64],
) {
    let resets = if how.counter { resets_in(&samples.values) } else { Vec::new() };
    let (mut first_reset, mut last_reset) = (0, 0);
    super::for_each_window(&samples.times, windowing.ends, windowing.range_ms, |step, inside| {
        if inside.len() < 2 {
            out[step] = ABSENT;
            return;
        }
        let window = windowing.window(samples, step, inside.clone());
        let mut change = window.values[window.values.len() - 1] - window.values[0];
        if !resets.is_empty() {
            let passed = |from: usize, bound: usize| {
                from + resets[from..].iter().take_while(|(at, _)| *at < bound).count()
            };
            first_reset = passed(first_reset, inside.start + 1);
            last_reset = passed(last_reset.max(first_reset), inside.end);
            for (_, before) in &resets[first_reset..last_reset] {
                change += before;
            }
        }
        out[step] = how.change(window, change);
    });
}

/// Returns the places at which a counter started again, each with the value before.
pub(super) fn resets_in(values: &[f64]) -> Vec<(usize, f64)> {
    // Counted first without branches: nearly all series have none.
    let count = falls(values);
    if count == 0 {
        return Vec::new();
    }
    let falls = values.windows(2).enumerate().filter(|(_, pair)| pair[1] < pair[0]);
    falls.map(|(at, pair)| (at + 1, pair[0])).collect()
}

/// Returns how often a value is less than the one before.
pub(super) fn falls(values: &[f64]) -> usize {
    values.windows(2).map(|pair| usize::from(pair[1] < pair[0])).sum()
}

/// `irate` and `idelta`: between the last two samples, not extrapolated.
#[inline]
pub(super) fn instant(window: Window<'_>, counter: bool) -> f64 {
    let (&[.., before_ms, last_ms], &[.., before, last]) = (window.times, window.values) else {
        return ABSENT;
    };
    if !counter {
        return last - before;
    }
    let change = if last < before { last } else { last - before };
    change / ((last_ms - before_ms) as f64 / 1000.0)
}

/// How often the value fell.
#[inline]
pub(super) fn resets(window: Window<'_>) -> f64 {
    let fell = |pair: &[f64]| u64::from(pair[1] < pair[0]);
    window.values.windows(2).map(fell).sum::<u64>() as f64
}

/// How often the value became another one; from NaN to NaN is no change.
#[inline]
pub(super) fn changes(window: Window<'_>) -> f64 {
    let changed =
        |pair: &[f64]| u64::from(pair[1] != pair[0] && !(pair[1].is_nan() && pair[0].is_nan()));
    window.values.windows(2).map(changed).sum::<u64>() as f64
}

#[cfg(test)]
mod tests {
    use super::super::{Params, WindowFn};
    use super::*;
    use crate::promql::column::Grid;

    /// One window `(0 s, 60 s]`.
    fn over(function: WindowFn, samples: &[(i64, f64)]) -> f64 {
        let samples: Samples = samples.iter().map(|(at, v)| (at * 1000, *v)).collect();
        let ends = Grid::at(60_000);
        let mut out = [0.0];
        let params = Params::default();
        Windowing { function, ends, steps: ends, range_ms: 60_000, params }
            .fill(&samples, &mut out);
        out[0]
    }

    #[test]
    fn near_borders_are_reached() {
        // 30 over 40 s; both borders 10 s away, samples 20 s apart: 45 over 60 s.
        let samples = [(10, 100.0), (30, 115.0), (50, 130.0)];
        assert_eq!(over(WindowFn::Increase, &samples), 45.0);
        assert_eq!(over(WindowFn::Rate, &samples), 0.75);
        assert_eq!(over(WindowFn::Delta, &samples), 45.0);
    }

    #[test]
    fn far_borders_are_not() {
        // The end is 30 s away, samples 10 s apart: half a distance, 5 s, is added there. The
        // start is 10 s away and reached: 20 over 20 s is 35 over 35 s.
        assert_eq!(over(WindowFn::Delta, &[(10, 50.0), (20, 60.0), (30, 70.0)]), 35.0);
    }

    #[test]
    fn a_counter_does_not_begin_below_zero() {
        // At 2 per second from 10 the counter was zero 5 s before its first sample.
        let samples = [(10, 10.0), (30, 50.0), (50, 90.0)];
        assert_eq!(over(WindowFn::Increase, &samples), 80.0 * 55.0 / 40.0);
        assert_eq!(over(WindowFn::Delta, &samples), 120.0);
    }

    #[test]
    fn what_was_counted_before_a_reset_counts() {
        // 100 to 130, then from zero to 20 and to 50: 30 + 50.
        let samples = [(0, 7.0), (10, 100.0), (20, 130.0), (30, 20.0), (40, 50.0), (50, 50.0)];
        assert_eq!(over(WindowFn::Increase, &samples), 80.0 * 60.0 / 40.0);
        assert_eq!(over(WindowFn::Resets, &samples), 1.0);
        assert_eq!(over(WindowFn::Irate, &samples[..4]), 2.0, "20 in 10 s after a reset");
    }

    #[test]
    fn one_sample_tells_nothing() {
        for function in [WindowFn::Rate, WindowFn::Delta, WindowFn::Irate, WindowFn::Idelta] {
            assert!(crate::promql::column::is_absent(over(function, &[(0, 1.0), (30, 5.0)])));
        }
    }
}
