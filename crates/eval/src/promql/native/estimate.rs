//! Quantiles, fractions and variances that buckets tell of.
//!
//! Inside a bucket observations are taken to be spread evenly over the exponents (standard schemas)
//! or over the values (custom bounds, the zero bucket).
//!
//! Source: Prometheus documentation, "Native histograms", interpolation within a bucket.

use model::{BucketRange, Histogram};

/// The buckets of a histogram as estimates see them.
struct Buckets<'h> {
    histogram: &'h Histogram,
    ranges: Vec<BucketRange>,
}

impl<'h> Buckets<'h> {
    fn of(histogram: &'h Histogram) -> Self {
        let mut ranges = histogram.ranges();
        let (above, below) = (!histogram.positive.is_empty(), !histogram.negative.is_empty());
        for range in &mut ranges {
            if histogram.is_custom() {
                // The lowest bucket begins at zero, if it does not end there.
                if range.lower == f64::NEG_INFINITY && range.upper > 0.0 {
                    range.lower = 0.0;
                }
            } else if range.lower < 0.0 && range.upper > 0.0 {
                // Around zero there is only the side on which the others are.
                match (above, below) {
                    (true, false) => range.lower = 0.0,
                    (false, true) => range.upper = 0.0,
                    _ => {}
                }
            }
        }
        Self { histogram, ranges }
    }

    fn is_linear(&self, range: &BucketRange) -> bool {
        self.histogram.is_custom() || (range.lower <= 0.0 && range.upper >= 0.0)
    }

    /// Returns the value below which a share of a bucket's observations lies.
    fn value_at(&self, range: &BucketRange, share: f64) -> f64 {
        if self.is_linear(range) {
            if range.lower.is_infinite() {
                return range.upper;
            }
            if range.upper.is_infinite() {
                return range.lower;
            }
            return range.lower + (range.upper - range.lower) * share;
        }
        let (low, high) = (range.lower.abs().log2(), range.upper.abs().log2());
        let exponent = low + (high - low) * share;
        if range.lower < 0.0 { -exponent.exp2() } else { exponent.exp2() }
    }

    /// Returns the share of a bucket's observations that lies below a value inside of it.
    fn share_at(&self, range: &BucketRange, value: f64) -> f64 {
        if self.is_linear(range) {
            if range.lower.is_infinite() || range.upper.is_infinite() {
                return 0.0;
            }
            return (value - range.lower) / (range.upper - range.lower);
        }
        let (low, high) = (range.lower.abs().log2(), range.upper.abs().log2());
        (value.abs().log2() - low) / (high - low)
    }
}

/// Says whether observations of NaN are in no bucket.
pub(in crate::promql) fn has_nans(histogram: &Histogram) -> bool {
    let buckets = histogram.positive.iter().chain(&histogram.negative);
    let held = buckets.fold(histogram.zero_count, |sum, bucket| sum + bucket.count);
    histogram.sum.is_nan() && held < histogram.count
}

/// Returns the φ-quantile. Observations of NaN count as larger than all buckets.
pub(in crate::promql) fn quantile(phi: f64, histogram: &Histogram) -> f64 {
    if phi < 0.0 {
        return f64::NEG_INFINITY;
    }
    if phi > 1.0 {
        return f64::INFINITY;
    }
    if phi.is_nan() || histogram.count == 0.0 || histogram.count.is_nan() {
        return f64::NAN;
    }
    let buckets = Buckets::of(histogram);
    // From the nearer end: sums of counts are the smaller and the more exact. At a border between two
    // buckets that do not touch, the lower half so takes the lower, the upper half the upper one.
    // Observations that are no numbers stand above all, so with them it is counted from below.
    if histogram.sum.is_nan() || phi < 0.5 {
        let at = place(buckets.ranges.iter(), phi * histogram.count);
        return match at {
            Some((range, share)) => buckets.value_at(range, share),
            None if histogram.sum.is_nan() => f64::NAN,
            None => buckets.ranges.last().map_or(f64::NAN, |range| buckets.value_at(range, 1.0)),
        };
    }
    let at = place(buckets.ranges.iter().rev(), (1.0 - phi) * histogram.count);
    match at {
        Some((range, share)) => buckets.value_at(range, 1.0 - share),
        None => buckets.ranges.first().map_or(f64::NAN, |range| buckets.value_at(range, 0.0)),
    }
}

/// Returns the bucket in which so many observations are reached, and the share of it that they take.
fn place<'r>(
    ranges: impl Iterator<Item = &'r BucketRange>,
    rank: f64,
) -> Option<(&'r BucketRange, f64)> {
    let mut passed = 0.0;
    for range in ranges {
        if passed + range.count >= rank {
            let share = if range.count > 0.0 { (rank - passed) / range.count } else { 0.0 };
            return Some((range, share.clamp(0.0, 1.0)));
        }
        passed += range.count;
    }
    None
}

/// Returns the share of observations between two values; those of NaN are nowhere.
pub(in crate::promql) fn fraction(low: f64, high: f64, histogram: &Histogram) -> f64 {
    if histogram.count == 0.0 || low.is_nan() || high.is_nan() {
        return f64::NAN;
    }
    if low >= high {
        return 0.0;
    }
    let buckets = Buckets::of(histogram);
    let below = |value: f64| -> f64 {
        let of_range = |range: &BucketRange| {
            // A bucket of zeros alone is not below zero.
            if value <= range.lower {
                0.0
            } else if value >= range.upper {
                range.count
            } else {
                range.count * buckets.share_at(range, value)
            }
        };
        buckets.ranges.iter().map(of_range).sum()
    };
    (below(high) - below(low)) / histogram.count
}

/// Returns the variance if all observations of a bucket were at its middle: the geometric one of
/// exponential buckets, else the arithmetic.
pub(in crate::promql) fn stdvar(histogram: &Histogram) -> f64 {
    let mean = histogram.sum / histogram.count;
    let mut squares = super::super::kahan::Sum::default();
    for range in histogram.ranges() {
        let middle = if range.lower.is_infinite() {
            range.upper
        } else if range.upper.is_infinite() {
            range.lower
        } else if histogram.is_custom() || (range.lower <= 0.0 && range.upper >= 0.0) {
            (range.lower + range.upper) / 2.0
        } else {
            let middle = (range.lower * range.upper).sqrt();
            if range.lower < 0.0 { -middle } else { middle }
        };
        squares.add(range.count * (middle - mean) * (middle - mean));
    }
    squares.value() / histogram.count
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Bucket, CUSTOM_SCHEMA};

    fn of(
        schema: i8,
        zero: (f64, f64),
        positive: &[(i32, f64)],
        negative: &[(i32, f64)],
    ) -> Histogram {
        let list = |all: &[(i32, f64)]| -> Vec<Bucket> {
            all.iter().map(|(index, count)| Bucket { index: *index, count: *count }).collect()
        };
        let all = positive.iter().chain(negative);
        Histogram {
            schema,
            count: zero.1 + all.map(|(_, count)| count).sum::<f64>(),
            zero_threshold: zero.0,
            zero_count: zero.1,
            positive: list(positive),
            negative: list(negative),
            ..Histogram::default()
        }
    }

    #[test]
    fn exponents_are_interpolated() {
        // (1, 4] in schema -1: half of the exponents is 2.
        let histogram = of(-1, (0.0, 0.0), &[(1, 10.0)], &[]);
        assert_eq!(quantile(0.5, &histogram), 2.0);
        assert_eq!((quantile(0.0, &histogram), quantile(1.0, &histogram)), (1.0, 4.0));
        assert_eq!(fraction(1.0, 2.0, &histogram), 0.5);
        // Half is below 2, half above 16: the upper half begins at 16.
        let apart = of(-1, (0.0, 0.0), &[(1, 5.0), (3, 5.0)], &[]);
        assert_eq!((quantile(0.5, &apart), quantile(0.499, &apart) < 4.0), (16.0, true));
        let mirrored = of(-1, (0.0, 0.0), &[], &[(1, 10.0)]);
        assert_eq!(quantile(0.5, &mirrored), -2.0);
        assert_eq!(fraction(-4.0, -2.0, &mirrored), 0.5);
    }

    #[test]
    fn the_zero_bucket_is_on_the_side_of_the_others() {
        let above = of(0, (0.5, 4.0), &[(1, 4.0)], &[]);
        assert_eq!(quantile(0.25, &above), 0.25);
        let below = of(0, (0.5, 4.0), &[], &[(1, 4.0)]);
        assert_eq!(quantile(0.75, &below), -0.25);
        let both = of(0, (0.5, 2.0), &[(1, 1.0)], &[(1, 1.0)]);
        assert_eq!(quantile(0.5, &both), 0.0);
        assert_eq!(fraction(-0.5, 0.25, &both), 0.375);
        let zeros = of(0, (0.0, 1.0), &[(1, 1.0)], &[]);
        assert_eq!((fraction(0.0, 1.0, &zeros), fraction(-1.0, 0.0, &zeros)), (0.5, 0.0));
    }

    #[test]
    fn custom_buckets_are_as_classic_ones() {
        let histogram = Histogram {
            bounds: [1.0, 2.0].into(),
            ..of(CUSTOM_SCHEMA, (0.0, 0.0), &[(0, 2.0), (1, 4.0), (2, 4.0)], &[])
        };
        assert_eq!(quantile(0.1, &histogram), 0.5);
        assert_eq!(quantile(0.4, &histogram), 1.5);
        assert_eq!(quantile(0.9, &histogram), 2.0);
    }

    #[test]
    fn the_variance_is_that_of_the_middles() {
        // Middles 2 and 8 (schema -1), sum 10 of 2: 9.
        let histogram = Histogram { sum: 10.0, ..of(-1, (0.0, 0.0), &[(1, 1.0), (2, 1.0)], &[]) };
        assert_eq!(stdvar(&histogram), 9.0);
    }
}
