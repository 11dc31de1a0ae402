//! The trim operators: a histogram without what is above or below a value.
//!
//! Source: Prometheus documentation, "Native histograms", trim operators.

use super::fraction;
use model::{Bucket, Histogram};

/// Returns what is not above (`upper`) or not below a value; a bucket around it keeps the share that
/// interpolation says. The sum is estimated: by how the estimate of the buckets' sum changed.
pub(in crate::promql) fn trimmed(histogram: &Histogram, at: f64, upper: bool) -> Histogram {
    if at.is_nan() {
        return histogram.clone();
    }
    let share = |lower: f64, range_upper: f64, index: i32, sign: f64| -> f64 {
        let inside = if upper { lower < at } else { range_upper > at };
        let whole = if upper { range_upper <= at } else { lower >= at };
        match (whole, inside) {
            (true, _) => 1.0,
            (false, false) => 0.0,
            (false, true) => {
                // Alone, the bucket tells how much of it lies below the value.
                let alone = vec![Bucket { index, count: 1.0 }];
                let (positive, negative) =
                    if sign > 0.0 { (alone, vec![]) } else { (vec![], alone) };
                let one = Histogram {
                    count: 1.0,
                    zero_count: 0.0,
                    positive,
                    negative,
                    ..histogram.clone()
                };
                let below = fraction(f64::NEG_INFINITY, at, &one);
                if upper { below } else { 1.0 - below }
            }
        }
    };
    let positive = |b: &Bucket| {
        let (lower, range_upper) = (histogram.lower_bound(b.index), histogram.upper_bound(b.index));
        Bucket { count: b.count * share(lower, range_upper, b.index, 1.0), ..*b }
    };
    let negative = |b: &Bucket| {
        let (lower, range_upper) =
            (-histogram.upper_bound(b.index), -histogram.lower_bound(b.index));
        Bucket { count: b.count * share(lower, range_upper, b.index, -1.0), ..*b }
    };
    let zero = zero_share(histogram, at, upper);
    let mut kept = Histogram {
        zero_count: histogram.zero_count * zero,
        positive: histogram.positive.iter().map(positive).filter(|b| b.count != 0.0).collect(),
        negative: histogram.negative.iter().map(negative).filter(|b| b.count != 0.0).collect(),
        ..histogram.clone()
    };
    let buckets = kept.positive.iter().chain(&kept.negative);
    kept.count = kept.zero_count + buckets.map(|b| b.count).sum::<f64>();
    if kept.count != histogram.count {
        kept.sum = match estimate(histogram) {
            0.0 => estimate(&kept),
            whole => histogram.sum * estimate(&kept) / whole,
        };
    }
    kept
}

fn zero_share(histogram: &Histogram, at: f64, upper: bool) -> f64 {
    if histogram.zero_count == 0.0 {
        return 0.0;
    }
    let threshold = histogram.zero_threshold;
    let (lower, range_upper) = match (histogram.positive.is_empty(), histogram.negative.is_empty())
    {
        (false, true) => (0.0, threshold),
        (true, false) => (-threshold, 0.0),
        _ => (-threshold, threshold),
    };
    let below = if at >= range_upper {
        1.0
    } else if at <= lower {
        0.0
    } else {
        (at - lower) / (range_upper - lower)
    };
    // Zeros are neither above nor below zero.
    if threshold == 0.0 {
        return f64::from(u8::from(if upper { at >= 0.0 } else { at <= 0.0 }));
    }
    if upper { below } else { 1.0 - below }
}

/// The sum if all observations of a bucket were at its middle.
fn estimate(histogram: &Histogram) -> f64 {
    let of_range = |range: model::BucketRange| {
        let middle = match (range.lower.is_finite(), range.upper.is_finite()) {
            (true, true) => (range.lower + range.upper) / 2.0,
            (true, false) => range.lower,
            _ => range.upper,
        };
        middle * range.count
    };
    histogram.ranges().into_iter().map(of_range).sum()
}

#[cfg(test)]
mod tests {
    use super::super::text;
    use super::*;

    #[test]
    fn what_is_beyond_is_gone() {
        let list = |all: &[(i32, f64)]| -> Vec<Bucket> {
            all.iter().map(|(index, count)| Bucket { index: *index, count: *count }).collect()
        };
        let histogram = Histogram {
            schema: 0,
            count: 10.0,
            sum: 20.0,
            positive: list(&[(1, 2.0), (2, 4.0), (3, 3.0)]),
            negative: list(&[(1, 1.0)]),
            ..Histogram::default()
        };
        let counts = |h: &Histogram| text(h).split_once(", (").unwrap_or_default().1.to_owned();
        let below = trimmed(&histogram, 4.0, true);
        assert_eq!(below.count, 7.0);
        assert_eq!(counts(&below), "1,2]:2, (2,4]:4}");
        let above = trimmed(&histogram, 2.0, false);
        assert_eq!((above.count, counts(&above)), (7.0, "2,4]:4, (4,8]:3}".to_owned()));
        // The root of 8 halves the exponents of (2, 4].
        let inside = trimmed(&histogram, 8.0_f64.sqrt(), true);
        assert!((inside.count - 5.0).abs() < 1e-12, "{}", inside.count);
        assert_eq!(text(&trimmed(&histogram, f64::INFINITY, true)), text(&histogram));
    }
}
