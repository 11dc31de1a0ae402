//! Aggregates of the values of a window.

use super::Window;
use crate::promql::kahan::{Mean, Sum, Variance};

/// Values that are summed side by side: as many as a vector register of today takes.
const LANES: usize = 8;

/// Returns the sum with what rounding took from each addition put back.
#[inline]
pub(super) fn sum(window: Window<'_>) -> f64 {
    sum_of(window.values)
}

/// Sums in [`LANES`] columns, which the compiler turns into vector instructions: the error of
/// each addition is computed without a branch (Knuth's two-sum).
pub(super) fn sum_of(values: &[f64]) -> f64 {
    if values.len() < 2 * LANES {
        return sum_one_by_one(values);
    }
    let mut sums = [0.0; LANES];
    let mut lost = [0.0; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            let total = sums[lane] + chunk[lane];
            let added = total - sums[lane];
            lost[lane] += (sums[lane] - (total - added)) + (chunk[lane] - added);
            sums[lane] = total;
        }
    }
    let mut total = Sum::default();
    for part in sums.into_iter().chain(lost).chain(rest.iter().copied()) {
        total.add(part);
    }
    let total = total.value();
    // Infinities make NaN of the errors; one by one they are treated apart.
    if total.is_finite() { total } else { sum_one_by_one(values) }
}

fn sum_one_by_one(values: &[f64]) -> f64 {
    let mut sum = Sum::default();
    values.iter().for_each(|v| sum.add(*v));
    sum.value()
}

#[inline]
pub(super) fn avg(window: Window<'_>) -> f64 {
    let sum = sum_of(window.values);
    if sum.is_finite() {
        return sum / window.values.len() as f64;
    }
    let mut mean = Mean::default();
    window.values.iter().for_each(|v| mean.add(*v));
    mean.value()
}

#[inline]
pub(super) fn stdvar(window: Window<'_>) -> f64 {
    let mut variance = Variance::default();
    window.values.iter().for_each(|v| variance.add(*v));
    variance.value()
}

/// Folds in columns. `pick` ignores NaN beside a number, as `f64::min` does.
#[inline]
pub(super) fn fold(values: &[f64], pick: impl Fn(f64, f64) -> f64) -> f64 {
    let mut best = [f64::NAN; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            best[lane] = pick(best[lane], chunk[lane]);
        }
    }
    best.into_iter().chain(rest.iter().copied()).fold(f64::NAN, pick)
}

/// NaN only if all are.
#[inline]
pub(super) fn min(window: Window<'_>) -> f64 {
    fold(window.values, f64::min)
}

/// NaN only if all are.
#[inline]
pub(super) fn max(window: Window<'_>) -> f64 {
    fold(window.values, f64::max)
}

/// Seconds of the last sample with the least value.
pub(super) fn ts_of_min(window: Window<'_>) -> f64 {
    ts_of(window, |value, best| value <= best)
}

/// Seconds of the last sample with the greatest value.
pub(super) fn ts_of_max(window: Window<'_>) -> f64 {
    ts_of(window, |value, best| value >= best)
}

fn ts_of(window: Window<'_>, better: impl Fn(f64, f64) -> bool) -> f64 {
    let mut best = 0;
    for (at, value) in window.values.iter().enumerate().skip(1) {
        let so_far = window.values[best];
        if so_far.is_nan() || better(*value, so_far) {
            best = at;
        }
    }
    window.times[best] as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_columns_are_those_of_single_values() {
        let values: Vec<f64> = (0..100).map(|n| f64::from(n) * 0.1).collect();
        assert_eq!(sum_of(&values), 495.0);
        let mut large = vec![1.0; 40];
        large[3] = 1e100;
        large[21] = -1e100;
        assert_eq!(sum_of(&large), 38.0);
        large[7] = f64::INFINITY;
        assert_eq!(sum_of(&large), f64::INFINITY);
        large[30] = f64::NEG_INFINITY;
        assert!(sum_of(&large).is_nan());
    }

    #[test]
    fn extremes_pass_over_nan() {
        let nan = f64::NAN;
        let window = |values| Window { times: &[], values, start_ms: 0, end_ms: 0 };
        let mixed = [nan, 3.0, nan, -1.0, 2.0, nan, 7.0, 0.0, nan, 5.0];
        assert_eq!((min(window(&mixed)), max(window(&mixed))), (-1.0, 7.0));
        assert!(min(window(&[nan, nan])).is_nan());
    }
}
