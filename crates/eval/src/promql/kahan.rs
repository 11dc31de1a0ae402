//! Sums that lose little: Neumaier's form of Kahan's summation.

/// A running sum with what rounding took from it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    /// Starts with a value.
    #[inline]
    pub(super) fn of(value: f64) -> Self {
        Self { sum: value, lost: 0.0 }
    }

    /// Adds a value.
    #[inline]
    pub(super) fn add(&mut self, value: f64) {
        let total = self.sum + value;
        if total.is_infinite() {
            // What was lost would be NaN from here on.
            self.lost = 0.0;
        } else if self.sum.abs() >= value.abs() {
            self.lost += (self.sum - total) + value;
        } else {
            self.lost += (value - total) + self.sum;
        }
        self.sum = total;
    }

    /// Returns the sum.
    #[inline]
    pub(super) fn value(self) -> f64 {
        if self.sum.is_infinite() { self.sum } else { self.sum + self.lost }
    }

    /// Returns the sum as it was rounded, and what rounding took from it.
    pub(super) fn parts(self) -> [f64; 2] {
        [self.sum, if self.sum.is_infinite() { 0.0 } else { self.lost }]
    }

    /// Returns the sum divided.
    #[inline]
    pub(super) fn over(self, by: f64) -> f64 {
        if self.sum.is_infinite() { self.sum / by } else { self.sum / by + self.lost / by }
    }
}

/// A running mean that stays finite where the sum of finite values would not.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mean {
    sum: Sum,
    count: f64,
    /// Once the sum has overflowed, `sum` holds the mean so far.
    incremental: bool,
}

impl Mean {
    /// Adds a value.
    #[inline]
    pub(super) fn add(&mut self, value: f64) {
        self.count += 1.0;
        if self.incremental {
            self.add_to_mean(value);
            return;
        }
        let mut sum = self.sum;
        sum.add(value);
        if self.count > 1.0 && sum.value().is_infinite() && self.sum.value().is_finite() {
            self.sum = Sum::of(self.sum.over(self.count - 1.0));
            self.incremental = true;
            self.add_to_mean(value);
        } else {
            self.sum = sum;
        }
    }

    /// The new mean is `mean * (n - 1) / n + value / n`: no intermediate exceeds the values.
    fn add_to_mean(&mut self, value: f64) {
        let mean = self.sum.value();
        if mean.is_infinite() {
            if value.is_infinite() && (mean > 0.0) == (value > 0.0) {
                return;
            }
            if !value.is_infinite() && !value.is_nan() {
                return;
            }
        }
        let kept = (self.count - 1.0) / self.count;
        let mut sum = Sum { sum: self.sum.sum * kept, lost: self.sum.lost * kept };
        sum.add(value / self.count);
        self.sum = sum;
    }

    /// Says whether nothing was added.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0.0
    }

    /// Returns the mean; NaN of nothing.
    #[inline]
    pub(super) fn value(&self) -> f64 {
        if self.incremental { self.sum.value() } else { self.sum.over(self.count) }
    }
}

/// A running variance (Welford's).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Variance {
    mean: Sum,
    squares: Sum,
    count: f64,
}

impl Variance {
    /// Adds a value.
    #[inline]
    pub(super) fn add(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - self.mean.value();
        self.mean.add(delta / self.count);
        self.squares.add(delta * (value - self.mean.value()));
    }

    /// Says whether nothing was added.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0.0
    }

    /// Returns the variance of all of them, as of a whole population; NaN when one is not finite.
    #[inline]
    pub(super) fn value(&self) -> f64 {
        self.squares.value() / self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(values: &[f64]) -> f64 {
        let mut mean = Mean::default();
        values.iter().for_each(|v| mean.add(*v));
        mean.value()
    }

    #[test]
    fn small_values_are_not_lost_beside_large_ones() {
        let mut sum = Sum::default();
        [1.0, 1e100, 1.0, -1e100].into_iter().for_each(|v| sum.add(v));
        assert_eq!(sum.value(), 2.0);
    }

    #[test]
    fn infinities_stay_what_they_are() {
        let mut sum = Sum::of(1.0);
        sum.add(f64::INFINITY);
        assert_eq!(sum.value(), f64::INFINITY);
        sum.add(5.0);
        assert_eq!(sum.value(), f64::INFINITY);
        sum.add(f64::NEG_INFINITY);
        assert!(sum.value().is_nan());
    }

    #[test]
    fn the_mean_of_large_values_is_finite() {
        assert_eq!(mean(&[9e307, 9e307, 9e307, 9e307]), 9e307);
        assert_eq!(mean(&[-9e307, -9e307, -9e307]), -9e307);
        assert_eq!(mean(&[f64::INFINITY, 1.0]), f64::INFINITY);
        assert!(mean(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
        assert_eq!(mean(&[1.0, 2.0, 6.0]), 3.0);
    }

    #[test]
    fn the_variance_is_a_populations() {
        let mut variance = Variance::default();
        [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0].into_iter().for_each(|v| variance.add(v));
        assert_eq!(variance.value(), 4.0);
        variance.add(f64::INFINITY);
        assert!(variance.value().is_nan());
    }
}
