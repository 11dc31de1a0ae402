//! Straight lines and smoothed values through the samples of a window.

use super::Window;
use crate::promql::column::ABSENT;
use crate::promql::kahan::Sum;

/// A straight line: per second, and where it stands at its origin.
struct Line {
    slope: f64,
    intercept: f64,
}

/// Least squares, seconds counted from `origin_ms`.
fn line(window: Window<'_>, origin_ms: i64) -> Line {
    let first = window.values[0];
    if window.values.iter().all(|v| *v == first) {
        // A level: computed, the slope would be a little off zero.
        let level = if first.is_infinite() { f64::NAN } else { first };
        let slope = if first.is_infinite() { f64::NAN } else { 0.0 };
        return Line { slope, intercept: level };
    }
    let (mut x, mut y) = (Sum::default(), Sum::default());
    let (mut xy, mut xx) = (Sum::default(), Sum::default());
    for (at, value) in window.times.iter().zip(window.values) {
        let seconds = at.saturating_sub(origin_ms) as f64 / 1000.0;
        x.add(seconds);
        y.add(*value);
        xy.add(seconds * value);
        xx.add(seconds * seconds);
    }
    let count = window.values.len() as f64;
    let (x, y, xy, xx) = (x.value(), y.value(), xy.value(), xx.value());
    let covariance = xy - x * y / count;
    let variance = xx - x * x / count;
    let slope = covariance / variance;
    Line { slope, intercept: y / count - slope * x / count }
}

/// Change per second of the line through the samples.
pub(super) fn deriv(window: Window<'_>) -> f64 {
    if window.values.len() < 2 {
        return ABSENT;
    }
    // Counted from the first sample: seconds since 1970 would cost digits.
    line(window, window.times[0]).slope
}

/// Where the line through the samples will be `seconds` after `now_ms`.
pub(super) fn predict_linear(window: Window<'_>, now_ms: i64, seconds: f64) -> f64 {
    if window.values.len() < 2 {
        return ABSENT;
    }
    let line = line(window, now_ms);
    line.slope * seconds + line.intercept
}

/// Double exponential smoothing (Holt's linear method).
///
/// Source: NIST Engineering Statistics Handbook, 6.4.3.3.
pub(super) fn smoothing(window: Window<'_>, factor: f64, trend_factor: f64) -> f64 {
    let &[first, second, ref rest @ ..] = window.values else {
        return ABSENT;
    };
    let mut trend = second - first;
    let mut smoothed = factor * second + (1.0 - factor) * (first + trend);
    let mut before = first;
    for value in rest {
        trend = trend_factor * (smoothed - before) + (1.0 - trend_factor) * trend;
        before = smoothed;
        smoothed = factor * value + (1.0 - factor) * (smoothed + trend);
    }
    smoothed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window<'a>(times: &'a [i64], values: &'a [f64]) -> Window<'a> {
        Window { times, values, start_ms: 0, end_ms: 60_000 }
    }

    #[test]
    fn a_line_is_found_and_followed() {
        let (times, values) = ([10_000, 20_000, 40_000], [5.0, 10.0, 20.0]);
        assert_eq!(deriv(window(&times, &values)), 0.5);
        assert_eq!(predict_linear(window(&times, &values), 60_000, 10.0), 35.0);
    }

    #[test]
    fn a_level_has_no_slope_and_infinities_none_that_is_known() {
        let times = [10_000, 20_000, 40_000];
        assert_eq!(deriv(window(&times, &[0.1; 3])), 0.0);
        assert_eq!(predict_linear(window(&times, &[0.1; 3]), 0, 1e9), 0.1);
        assert!(deriv(window(&times, &[f64::INFINITY; 3])).is_nan());
        assert!(deriv(window(&times, &[1.0, f64::INFINITY, 2.0])).is_nan());
    }

    #[test]
    fn smoothing_follows_a_trend() {
        let times = [0; 4];
        assert_eq!(smoothing(window(&times, &[1.0, 2.0, 3.0, 4.0]), 0.5, 0.5), 4.0);
        // s: 2; trend 0.5·(2-1)+0.5·1 = 1; 0.5·6+0.5·(2+1) = 4.5.
        assert_eq!(smoothing(window(&times[..3], &[1.0, 2.0, 6.0]), 0.5, 0.5), 4.5);
    }
}
