//! The values of an axis: its ends, and round numbers between them.

use crate::svg::Rect;

/// An axis of values: what it shows, and where a value stands on it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scale {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) step: f64,
    /// The values that are written, lowest first.
    pub(crate) ticks: Vec<f64>,
}

/// What an axis has to show.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Wanted {
    /// Lowest and highest value, if there are any.
    pub(crate) values: Option<(f64, f64)>,
    /// The ends that the widget asks for.
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    /// Whether zero is shown anyway: areas and bars stand on it.
    pub(crate) from_zero: bool,
    /// 1024 for bytes, else 1000.
    pub(crate) base: f64,
}

impl Scale {
    /// Chooses the ends and about `count` steps.
    pub(crate) fn choose(wanted: Wanted, count: usize) -> Self {
        let (low, high) = wanted.ends();
        let step = round_step(low, high, count.max(1), wanted.base);
        if !step.is_normal() {
            return Self { low, high, step: high - low, ticks: vec![low, high] };
        }
        let low = wanted.min.unwrap_or_else(|| (low / step + 1e-9).floor() * step);
        let high = wanted.max.unwrap_or_else(|| (high / step - 1e-9).ceil() * step);
        let first = (low / step - 1e-9).ceil();
        let last = (high / step + 1e-9).floor();
        // Far from zero a step may be less than what tells two numbers apart.
        let steps = (last - first).clamp(0.0, 1_000.0) as usize;
        let ticks = (0..=steps).map(|n| (first + n as f64) * step).filter(|t| t.is_finite());
        Self { low, high, step, ticks: ticks.collect() }
    }

    /// Returns how far up a value is, from 0 at the low end to 1 at the high one; less or more for
    /// what is out of it.
    pub(crate) fn share(&self, value: f64) -> f64 {
        // Halves, since the whole may be more than a number can hold.
        let share = (value / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0);
        if share.is_finite() { share.clamp(-10.0, 10.0) } else { 0.5 }
    }

    /// Returns the height at which a value stands in a plot.
    pub(crate) fn y(&self, value: f64, plot: Rect) -> f64 {
        plot.bottom() - self.share(value) * plot.h
    }
}

impl Wanted {
    /// Returns the ends before they are made round; the low one is less than the high one.
    fn ends(&self) -> (f64, f64) {
        let (mut low, mut high) = self.values.unwrap_or((0.0, 1.0));
        if self.from_zero || low >= 0.0 && low < high * 0.6 {
            low = low.min(0.0);
        }
        if self.from_zero || high <= 0.0 && high > low * 0.6 {
            high = high.max(0.0);
        }
        let low = self.min.unwrap_or_else(|| self.max.map_or(low, |max| low.min(max)));
        let high = self.max.unwrap_or_else(|| high.max(low));
        if high - low > (low.abs().max(high.abs())) * 1e-9 {
            return (low, high);
        }
        // One value only: it gets room on both sides, where the widget leaves any.
        let room = if low == 0.0 { 1.0 } else { (low.abs() * 0.1).max(f64::MIN_POSITIVE) };
        let below = if self.values.is_some() && low == 0.0 { 0.0 } else { room };
        let low = self.min.unwrap_or((low - below).max(f64::MIN));
        let high = self.max.unwrap_or((high + room).min(f64::MAX));
        if low < high { (low, high) } else { (low, low + 1.0) }
    }
}

/// Returns the smallest of 1, 2, 2.5 and 5 times a power of ten that makes at most `count` steps; over
/// 1024 of 1, 2, 4 ... 512 times a power of it.
fn round_step(low: f64, high: f64, count: usize, base: f64) -> f64 {
    let raw = high / count as f64 - low / count as f64;
    if !raw.is_normal() {
        return raw;
    }
    if base == 1024.0 && raw > 1.0 {
        return 2f64.powf((raw.log2() - 1e-9).ceil());
    }
    let power = 10f64.powf(raw.log10().floor());
    let rest = raw / power;
    let nice = [1.0, 2.0, 2.5, 5.0].into_iter().find(|n| rest <= n * (1.0 + 1e-9)).unwrap_or(10.0);
    nice * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(low: f64, high: f64, count: usize) -> Scale {
        let wanted = Wanted {
            values: Some((low, high)),
            min: None,
            max: None,
            from_zero: false,
            base: 1000.0,
        };
        Scale::choose(wanted, count)
    }

    #[test]
    fn ticks_are_round_and_hold_the_values() {
        assert_eq!(choose(0.0, 97.0, 5).ticks, [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(choose(3.0, 9.0, 5).ticks, [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(choose(-40.0, 55.0, 4).ticks, [-50.0, -25.0, 0.0, 25.0, 50.0, 75.0]);
        // Far from zero, zero is not shown.
        assert_eq!(choose(98.2, 99.9, 4).ticks, [98.0, 98.5, 99.0, 99.5, 100.0]);
        assert_eq!(choose(-9.0, -8.0, 4).ticks, [-9.0, -8.75, -8.5, -8.25, -8.0]);
    }

    #[test]
    fn one_value_has_room_on_both_sides() {
        assert_eq!(choose(50.0, 50.0, 4).ticks, [45.0, 47.5, 50.0, 52.5, 55.0]);
        assert_eq!(choose(0.0, 0.0, 4).ticks, [0.0, 0.25, 0.5, 0.75, 1.0]);
    }

    #[test]
    fn the_widget_has_the_last_word_on_the_ends() {
        let wanted = Wanted {
            values: Some((10.0, 70.0)),
            min: Some(0.0),
            max: Some(65.0),
            from_zero: false,
            base: 1000.0,
        };
        let scale = Scale::choose(wanted, 4);
        assert_eq!((scale.low, scale.high), (0.0, 65.0));
        assert_eq!(scale.ticks, [0.0, 20.0, 40.0, 60.0]);
        // Even where it leaves the values out.
        for (min, max) in [(Some(100.0), None), (None, Some(5.0)), (Some(70.0), Some(71.0))] {
            let scale = Scale::choose(Wanted { min, max, ..wanted }, 4);
            assert!(scale.low < scale.high, "{scale:?}");
            assert!(min.is_none_or(|m| m == scale.low) && max.is_none_or(|m| m == scale.high));
        }
    }

    #[test]
    fn bytes_go_by_powers_of_two() {
        let wanted = Wanted {
            values: Some((0.0, 3e9)),
            min: None,
            max: None,
            from_zero: true,
            base: 1024.0,
        };
        let gib = 1024f64.powi(3);
        assert_eq!(Scale::choose(wanted, 4).ticks, [0.0, gib, 2.0 * gib, 3.0 * gib]);
    }

    #[test]
    fn no_values_break_an_axis() {
        let ends = [0.0, -0.0, 1.0, -1.0, 5e-324, 1e-300, 1e300, f64::MAX, f64::MIN, 1e15 + 0.1];
        for a in ends {
            for b in ends {
                for base in [1000.0, 1024.0] {
                    let (low, high) = if a <= b { (a, b) } else { (b, a) };
                    let wanted = Wanted {
                        values: Some((low, high)),
                        min: None,
                        max: None,
                        from_zero: false,
                        base,
                    };
                    let scale = Scale::choose(wanted, 5);
                    assert!(scale.low <= scale.high && scale.ticks.len() <= 1_001, "{scale:?}");
                    for value in [low, high] {
                        let share = scale.share(value);
                        assert!((-0.01..=1.01).contains(&share), "{value} {share} {scale:?}");
                    }
                }
            }
        }
    }
}
