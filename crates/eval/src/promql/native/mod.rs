//! Native histograms: sums, differences, multiples.
//!
//! Source: Prometheus documentation, "Native histograms" (zero bucket, schemas, custom values) and
//! "Operators".

mod estimate;
mod operate;
mod reset;
mod trim;
mod window;

pub(super) use estimate::{fraction, has_nans, quantile, stdvar};
pub(super) use operate::{Cell, Remarks, label_text, operate};
pub(super) use reset::is_reset;
pub(super) use trim::trimmed;
pub(super) use window::{Mixture, fill as fill_window};

use model::{Bucket, Histogram, ResetHint};
use std::borrow::Cow;
use std::sync::Arc;

/// Two histograms whose buckets cannot be put together: one has bounds of its own, one has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Incompatible;

/// A sum or difference, and what there is to say of it.
#[derive(Debug, Clone)]
pub(super) struct Sum {
    pub(super) histogram: Histogram,
    /// Bounds of both that differed were left out.
    pub(super) reconciled: bool,
    /// One says that its counter started again, the other that it did not.
    pub(super) contradiction: bool,
}

/// Adds two histograms.
pub(super) fn add(a: &Histogram, b: &Histogram) -> Result<Sum, Incompatible> {
    combine(a, b, |a, b| a + b).map(|mut sum| {
        sum.histogram.hint = match (a.hint, b.hint) {
            (ResetHint::Gauge, _) | (_, ResetHint::Gauge) => ResetHint::Gauge,
            (a, b) if a == b => a,
            _ => ResetHint::Unknown,
        };
        sum
    })
}

/// Subtracts a histogram; what is left is no counter.
pub(super) fn subtract(a: &Histogram, b: &Histogram) -> Result<Sum, Incompatible> {
    combine(a, b, |a, b| a - b).map(|mut sum| {
        sum.histogram.hint = ResetHint::Gauge;
        sum
    })
}

fn combine(
    a: &Histogram,
    b: &Histogram,
    operator: fn(f64, f64) -> f64,
) -> Result<Sum, Incompatible> {
    let (left, right, reconciled) = aligned(a, b)?;
    let hints = [a.hint, b.hint];
    let contradiction = hints.contains(&ResetHint::Reset) && hints.contains(&ResetHint::NotReset);
    let histogram = Histogram {
        schema: left.schema,
        hint: ResetHint::Unknown,
        count: operator(a.count, b.count),
        sum: operator(a.sum, b.sum),
        zero_threshold: left.zero_threshold,
        zero_count: operator(left.zero_count, right.zero_count),
        positive: merged(&left.positive, &right.positive, operator),
        negative: merged(&left.negative, &right.negative, operator),
        bounds: Arc::clone(&left.bounds),
    };
    Ok(Sum { histogram, reconciled, contradiction })
}

/// Merges two lists of buckets; one that is missing is empty.
fn merged(a: &[Bucket], b: &[Bucket], operator: fn(f64, f64) -> f64) -> Vec<Bucket> {
    let mut all = Vec::with_capacity(a.len().max(b.len()));
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    loop {
        let index = match (a.peek(), b.peek()) {
            (Some(x), Some(y)) => x.index.min(y.index),
            (Some(x), None) | (None, Some(x)) => x.index,
            (None, None) => return all,
        };
        let left = a.next_if(|x| x.index == index).map_or(0.0, |x| x.count);
        let right = b.next_if(|x| x.index == index).map_or(0.0, |x| x.count);
        all.push(Bucket { index, count: operator(left, right) });
    }
}

/// Both histograms with the same buckets, and whether custom bounds were left out for it.
type Aligned<'h> = (Cow<'h, Histogram>, Cow<'h, Histogram>, bool);

fn aligned<'h>(a: &'h Histogram, b: &'h Histogram) -> Result<Aligned<'h>, Incompatible> {
    if a.is_custom() != b.is_custom() {
        return Err(Incompatible);
    }
    if a.is_custom() {
        if a.bounds == b.bounds {
            return Ok((Cow::Borrowed(a), Cow::Borrowed(b), false));
        }
        let common: Arc<[f64]> =
            a.bounds.iter().copied().filter(|bound| b.bounds.contains(bound)).collect();
        return Ok((
            Cow::Owned(with_bounds(a, &common)),
            Cow::Owned(with_bounds(b, &common)),
            true,
        ));
    }
    let schema = a.schema.min(b.schema);
    let (mut a, mut b) = (coarser(a, schema), coarser(b, schema));
    // Widening one may swallow a bucket and end further out than the other: until both agree.
    while a.zero_threshold != b.zero_threshold {
        let threshold = a.zero_threshold.max(b.zero_threshold);
        for one in [&mut a, &mut b] {
            if one.zero_threshold < threshold {
                widen(one.to_mut(), threshold);
            }
        }
    }
    Ok((a, b, false))
}

/// Counts the buckets of a histogram with fewer bounds: each goes to the next bound above it.
fn with_bounds(histogram: &Histogram, bounds: &Arc<[f64]>) -> Histogram {
    let place = |bucket: &Bucket| {
        let upper = histogram.upper_bound(bucket.index);
        Bucket { index: bounds.partition_point(|bound| *bound < upper) as i32, ..*bucket }
    };
    Histogram {
        positive: summed(histogram.positive.iter().map(place)),
        bounds: Arc::clone(bounds),
        ..histogram.clone()
    }
}

/// A histogram with wider buckets.
pub(super) fn coarser(histogram: &Histogram, schema: i8) -> Cow<'_, Histogram> {
    if histogram.schema <= schema {
        return Cow::Borrowed(histogram);
    }
    let by = u32::from((histogram.schema - schema).unsigned_abs());
    // A bucket's number is that of its upper bound: those up to a bound go to it.
    let place = |bucket: &Bucket| Bucket { index: ((bucket.index - 1) >> by) + 1, ..*bucket };
    Cow::Owned(Histogram {
        schema,
        positive: summed(histogram.positive.iter().map(place)),
        negative: summed(histogram.negative.iter().map(place)),
        ..histogram.clone()
    })
}

fn summed(buckets: impl Iterator<Item = Bucket>) -> Vec<Bucket> {
    let mut all: Vec<Bucket> = Vec::new();
    for bucket in buckets {
        match all.last_mut() {
            Some(last) if last.index == bucket.index => last.count += bucket.count,
            _ => all.push(bucket),
        }
    }
    all
}

/// Widens the zero bucket to `threshold`, or to the end of a populated bucket that it reaches into.
pub(super) fn widen(histogram: &mut Histogram, threshold: f64) {
    let populated = histogram.positive.iter().chain(&histogram.negative);
    let reached = populated
        .filter(|bucket| bucket.count != 0.0 && histogram.lower_bound(bucket.index) < threshold);
    let threshold =
        reached.map(|bucket| histogram.upper_bound(bucket.index)).fold(threshold, f64::max);
    let outside =
        |histogram: &Histogram, bucket: &Bucket| histogram.lower_bound(bucket.index) >= threshold;
    for side in [true, false] {
        let buckets =
            std::mem::take(if side { &mut histogram.positive } else { &mut histogram.negative });
        let (kept, inside): (Vec<Bucket>, Vec<Bucket>) =
            buckets.into_iter().partition(|bucket| outside(histogram, bucket));
        histogram.zero_count += inside.iter().map(|bucket| bucket.count).sum::<f64>();
        *if side { &mut histogram.positive } else { &mut histogram.negative } = kept;
    }
    histogram.zero_threshold = threshold;
}

/// All counts and the sum by an operator that leaves their proportions.
fn mapped(histogram: &Histogram, operator: impl Fn(f64) -> f64) -> Histogram {
    let buckets = |buckets: &[Bucket]| {
        buckets.iter().map(|b| Bucket { count: operator(b.count), ..*b }).collect()
    };
    Histogram {
        count: operator(histogram.count),
        sum: operator(histogram.sum),
        zero_count: operator(histogram.zero_count),
        positive: buckets(&histogram.positive),
        negative: buckets(&histogram.negative),
        ..histogram.clone()
    }
}

/// Multiplies; by a negative factor it is no counter any more.
pub(super) fn times(histogram: &Histogram, factor: f64) -> Histogram {
    let mut product = mapped(histogram, |count| count * factor);
    if factor < 0.0 {
        product.hint = ResetHint::Gauge;
    }
    product
}

/// Divides; by zero there are no buckets left.
pub(super) fn over(histogram: &Histogram, divisor: f64) -> Histogram {
    let mut quotient = mapped(histogram, |count| count / divisor);
    if divisor == 0.0 {
        quotient.positive.clear();
        quotient.negative.clear();
    }
    if divisor < 0.0 {
        quotient.hint = ResetHint::Gauge;
    }
    quotient
}

/// Inverts the sign; what is negative is no counter.
pub(super) fn negative(histogram: &Histogram) -> Histogram {
    Histogram { hint: ResetHint::Gauge, ..mapped(histogram, |count| -count) }
}

/// Says whether two histograms are equal; empty buckets and the kind of counter do not matter.
pub(super) fn equal(a: &Histogram, b: &Histogram) -> bool {
    let full = |buckets: &[Bucket]| -> Vec<Bucket> {
        buckets.iter().copied().filter(|bucket| bucket.count != 0.0).collect()
    };
    let same = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan());
    a.schema == b.schema
        && same(a.count, b.count)
        && same(a.sum, b.sum)
        && same(a.zero_count, b.zero_count)
        && (a.is_custom() || a.zero_threshold == b.zero_threshold)
        && a.bounds == b.bounds
        && full(&a.positive) == full(&b.positive)
        && full(&a.negative) == full(&b.negative)
}

/// Writes a histogram on a line: `{count:3, sum:4, (1,2]:3}`.
pub(super) fn text(histogram: &Histogram) -> String {
    let number = super::text::of_number;
    let mut text = format!("{{count:{}, sum:{}", number(histogram.count), number(histogram.sum));
    for range in histogram.ranges() {
        text.push_str(&format!(
            ", {}{},{}{}:{}",
            if range.lower_inclusive { '[' } else { '(' },
            number(range.lower),
            number(range.upper),
            if range.upper_inclusive { ']' } else { ')' },
            number(range.count)
        ));
    }
    text.push('}');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::CUSTOM_SCHEMA;

    fn of(schema: i8, threshold: f64, zero: f64, positive: &[(i32, f64)]) -> Histogram {
        let positive: Vec<Bucket> =
            positive.iter().map(|(index, count)| Bucket { index: *index, count: *count }).collect();
        let count = zero + positive.iter().map(|b| b.count).sum::<f64>();
        Histogram {
            schema,
            count,
            sum: count,
            zero_threshold: threshold,
            zero_count: zero,
            positive,
            ..Histogram::default()
        }
    }

    #[test]
    fn different_schemas_meet_at_the_coarser() {
        // Schema 1 has two buckets in each of schema 0: 3 and 4 are (2, 4].
        let sum =
            add(&of(1, 0.0, 0.0, &[(3, 1.0), (4, 2.0), (5, 4.0)]), &of(0, 0.0, 0.0, &[(2, 8.0)]));
        let sum = sum.unwrap().histogram;
        assert_eq!(text(&sum), "{count:15, sum:15, (2,4]:11, (4,8]:4}");
    }

    #[test]
    fn zero_buckets_are_widened_to_the_end_of_what_they_reach_into() {
        // 3 is inside (2, 4], which goes to the zero bucket as a whole.
        let sum =
            add(&of(0, 3.0, 1.0, &[(4, 1.0)]), &of(0, 0.5, 2.0, &[(1, 1.0), (2, 4.0), (3, 8.0)]));
        let sum = sum.unwrap().histogram;
        assert_eq!(text(&sum), "{count:17, sum:17, [-4,4]:8, (4,8]:8, (8,16]:1}");
    }

    #[test]
    fn custom_bounds_that_differ_are_left_out() {
        let custom = |bounds: &[f64], positive| Histogram {
            bounds: bounds.into(),
            ..of(CUSTOM_SCHEMA, 0.0, 0.0, positive)
        };
        let a = custom(&[1.0, 2.0, 5.0], &[(0, 1.0), (1, 2.0), (2, 4.0), (3, 8.0)]);
        let b = custom(&[1.0, 5.0], &[(1, 16.0)]);
        let sum = add(&a, &b).unwrap();
        assert!(sum.reconciled);
        assert_eq!(text(&sum.histogram), "{count:31, sum:31, [-Inf,1]:1, (1,5]:22, (5,+Inf]:8}");
        assert_eq!(add(&a, &of(0, 0.0, 0.0, &[])).unwrap_err(), Incompatible);
    }

    #[test]
    fn division_by_zero_leaves_no_buckets() {
        let quotient = over(&of(0, 0.5, 2.0, &[(1, 1.0)]), 0.0);
        assert_eq!(text(&quotient), "{count:+Inf, sum:+Inf, [-0.5,0.5]:+Inf}");
        assert_eq!(text(&negative(&of(0, 0.0, 0.0, &[(1, 1.0)]))), "{count:-1, sum:-1, (1,2]:-1}");
    }
}
