//! Windows that reach to their borders: `anchored` takes the real sample before the start,
//! `smoothed` estimates the values at both borders.
//!
//! Source: Prometheus documentation, "Extended range selectors", and the proposal "Extended range
//! selectors semantics". Stale markers are no samples here, as in any range.

use super::counter::resets_in;
use super::{WindowFn, Windowing, after};
use crate::promql::column::{ABSENT, Grid, Samples};

/// What stands at the borders of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Boundary {
    /// The last sample before the window's start, if it is within the lookback; else the first one
    /// inside. The last sample inside stands at the end.
    Anchored,
    /// The value on the line between the samples on both sides of a border; without one outside,
    /// that of the nearest inside.
    Smoothed,
}

impl Windowing<'_> {
    /// Fills `out` as [`Windowing::fill`] does, for windows that reach to their borders.
    ///
    /// `samples` reach `lookback_ms` before the first window, and for [`Boundary::Smoothed`] as far
    /// behind the last one. Functions are those that [`WindowFn::takes_anchored`] or
    /// [`WindowFn::takes_smoothed`] name; others give no value.
    pub fn fill_bounded(
        &self,
        samples: &Samples,
        boundary: Boundary,
        lookback_ms: i64,
        out: &mut [f64],
    ) {
        let (mut first, mut behind) = (0, 0);
        let mut points = Vec::new();
        for (step, end) in self.ends.times().enumerate() {
            let start = end.saturating_sub(self.range_ms);
            first = after(&samples.times, first, start);
            behind = after(&samples.times, behind, end);
            points.clear();
            match boundary {
                Boundary::Anchored => {
                    let oldest = start.saturating_sub(lookback_ms);
                    anchored(samples, first..behind, oldest, &mut points);
                }
                Boundary::Smoothed => {
                    let counter = self.function.wants_counter();
                    let near = Near { first, behind, start, end, lookback_ms, counter };
                    near.points(samples, &mut points);
                }
            }
            out[step] = if points.is_empty() { ABSENT } else { self.of_points(&points) };
        }
    }

    fn of_points(&self, points: &[f64]) -> f64 {
        let pairs = points.windows(2);
        let change = points[points.len() - 1] - points[0];
        let counted = || change + resets_in(points).iter().map(|(_, before)| before).sum::<f64>();
        match self.function {
            WindowFn::Delta => change,
            WindowFn::Increase => counted(),
            WindowFn::Rate => counted() / (self.range_ms as f64 / 1000.0),
            WindowFn::Resets => pairs.filter(|pair| pair[1] < pair[0]).count() as f64,
            WindowFn::Changes => pairs
                .filter(|pair| pair[1] != pair[0] && !(pair[1].is_nan() && pair[0].is_nan()))
                .count() as f64,
            _ => ABSENT,
        }
    }
}

/// Nothing without a sample inside.
fn anchored(
    samples: &Samples,
    inside: std::ops::Range<usize>,
    oldest_ms: i64,
    points: &mut Vec<f64>,
) {
    if inside.is_empty() {
        return;
    }
    let before = inside.start.checked_sub(1).filter(|at| samples.times[*at] > oldest_ms);
    points.push(samples.values[before.unwrap_or(inside.start)]);
    points.extend_from_slice(&samples.values[inside]);
}

/// A window and the places around it.
struct Near {
    first: usize,
    behind: usize,
    start: i64,
    end: i64,
    lookback_ms: i64,
    counter: bool,
}

impl Near {
    /// A window without samples inside still has values between one before and one after it.
    fn points(&self, samples: &Samples, points: &mut Vec<f64>) {
        let inside = self.first..self.behind;
        let start = self.at_border(samples, self.start, self.first);
        let end = self.at_border(samples, self.end, self.behind);
        if inside.is_empty() {
            if let (Some(start), Some(end)) = (start, end) {
                points.extend([start, end]);
            }
            return;
        }
        points.push(start.unwrap_or(samples.values[inside.start]));
        points.extend_from_slice(&samples.values[inside.clone()]);
        points.push(end.unwrap_or(samples.values[inside.end - 1]));
    }

    /// The value at a border between the samples `place - 1` and `place`, when both are near.
    fn at_border(&self, samples: &Samples, border: i64, place: usize) -> Option<f64> {
        let before = place.checked_sub(1)?;
        let (before_ms, after_ms) = (samples.times[before], *samples.times.get(place)?);
        let (oldest, newest) =
            (border.saturating_sub(self.lookback_ms), border.saturating_add(self.lookback_ms));
        if before_ms <= oldest || after_ms > newest {
            return None;
        }
        let (mut low, high) = (samples.values[before], samples.values[place]);
        if self.counter && high < low {
            // The counter started again somewhere between: it rose from zero.
            if border == before_ms {
                return Some(low);
            }
            low = 0.0;
        }
        let share = (border - before_ms) as f64 / (after_ms - before_ms) as f64;
        Some(low + (high - low) * share)
    }
}

/// Fills a column with the values of an instant selector that is `smoothed`: on the line between
/// the samples before and after each step, or that of the sample before when none follows.
pub fn instant_smoothed(samples: &Samples, ends: Grid, lookback_ms: i64, out: &mut [f64]) {
    let mut place = 0;
    for (step, at) in ends.times().enumerate() {
        place = after(&samples.times, place, at);
        let near = Near { first: 0, behind: 0, start: at, end: at, lookback_ms, counter: false };
        out[step] = near.at_border(samples, at, place).unwrap_or_else(|| {
            let before =
                place.checked_sub(1).filter(|p| samples.times[*p] > at.saturating_sub(lookback_ms));
            before.map_or(ABSENT, |p| samples.values[p])
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::Params;
    use super::*;

    /// The complete set of the proposal: 1 at 10 s, one more every 15 s, 4 more at 85 s.
    fn samples() -> Samples {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 9.0, 10.0, 11.0, 12.0, 13.0];
        values.iter().enumerate().map(|(n, v)| (10_000 + n as i64 * 15_000, *v)).collect()
    }

    fn at(function: WindowFn, boundary: Boundary, end_s: i64, range_s: i64) -> f64 {
        let ends = Grid::at(end_s * 1000);
        let windowing = Windowing {
            function,
            ends,
            steps: ends,
            range_ms: range_s * 1000,
            params: Params::default(),
        };
        let mut out = [0.0];
        windowing.fill_bounded(&samples(), boundary, 300_000, &mut out);
        out[0]
    }

    #[test]
    fn anchored_counts_from_the_sample_before_the_window() {
        use WindowFn::{Changes, Increase, Rate};
        // (15 s, 75 s]: from 1 at 10 s to 5 at 70 s; (75 s, 135 s]: from 5 to 12.
        assert_eq!(at(Increase, Boundary::Anchored, 75, 60), 4.0);
        assert_eq!(at(Increase, Boundary::Anchored, 135, 60), 7.0);
        assert_eq!(at(Rate, Boundary::Anchored, 135, 60), 7.0 / 60.0);
        assert_eq!(at(Changes, Boundary::Anchored, 75, 60), 4.0);
        // No sample inside (11 s, 21 s]: no result.
        assert!(crate::promql::column::is_absent(at(Increase, Boundary::Anchored, 21, 10)));
    }

    #[test]
    fn smoothed_reads_the_borders_off_the_lines() {
        // At 15 s: 1 + 1/3; at 75 s: 5 + 4/3.
        let increase = at(WindowFn::Increase, Boundary::Smoothed, 75, 60);
        assert!((increase - 5.0).abs() < 1e-12, "{increase}");
        // No sample before 0 s: the first one inside stands there.
        let first = at(WindowFn::Increase, Boundary::Smoothed, 15, 15);
        assert!((first - 1.0 / 3.0).abs() < 1e-12, "{first}");
        // Nothing inside, but samples on both sides.
        let between = at(WindowFn::Delta, Boundary::Smoothed, 84, 5);
        assert!((between - 4.0 / 3.0).abs() < 1e-12, "{between}");
    }

    #[test]
    fn an_instant_between_samples_is_on_their_line() {
        let steps = Grid { start_ms: 5_000, step_ms: 12_500, count: 3 };
        let mut out = [0.0; 3];
        instant_smoothed(&samples(), steps, 300_000, &mut out);
        assert!(crate::promql::column::is_absent(out[0]), "nothing before");
        assert_eq!(out[1..], [1.5, 2.0 + 5.0 / 15.0]);
        instant_smoothed(&samples(), Grid::at(400_000), 300_000, &mut out[..1]);
        assert_eq!(out[0], 13.0);
    }
}
