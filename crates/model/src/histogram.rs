//! Native histograms: a whole distribution as one value.
//!
//! Source: Prometheus documentation, "Native histograms", data model.

use crate::{STALE_NAN_BITS, is_stale};
use std::sync::Arc;

/// The schema whose buckets have bounds of their own.
pub const CUSTOM_SCHEMA: i8 = -53;

/// The schemas of exponential buckets: coarsest and finest.
pub const SCHEMAS: std::ops::RangeInclusive<i8> = -4..=8;

/// Buckets, and bounds of custom ones, that a histogram may have on its way in. Clients make some
/// hundreds at most; a stranger's hundred thousand would cost more than all other series together.
pub const BUCKETS_MAX: usize = 4_096;

/// What is known of a counter's restarts, said by whoever recorded the histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ResetHint {
    /// Nothing: whoever reads compares.
    #[default]
    Unknown,
    /// The counter started again at this sample.
    Reset,
    /// It did not.
    NotReset,
    /// It is no counter.
    Gauge,
}

/// A bucket and how many observations are in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Its number: see [`Histogram::upper_bound`].
    pub index: i32,
    /// Observations; not cumulative.
    pub count: f64,
}

/// A distribution of observations in buckets.
///
/// Counts are floats, which hold integers up to 2^53 exactly. Only buckets with observations need to
/// be listed.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// How wide buckets are: 2^2^-schema from bound to bound, or [`CUSTOM_SCHEMA`].
    pub schema: i8,
    /// Whether a counter started again.
    pub hint: ResetHint,
    /// Observations; may be more than the buckets', by those of NaN.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// Half the width of the bucket around zero; 0 if only zeros are in it.
    pub zero_threshold: f64,
    /// Observations in the bucket around zero.
    pub zero_count: f64,
    /// Buckets above zero (of custom bounds: all), by rising index.
    pub positive: Vec<Bucket>,
    /// Buckets below zero, by rising index, which is away from zero; none with custom bounds.
    pub negative: Vec<Bucket>,
    /// Upper bounds of custom buckets, rising, without +Inf; empty with other schemas.
    pub bounds: Arc<[f64]>,
}

/// A bucket's borders, its observations, and which of the borders belong to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BucketRange {
    /// The lower border.
    pub lower: f64,
    /// The upper border.
    pub upper: f64,
    /// The lower border belongs to it.
    pub lower_inclusive: bool,
    /// The upper border belongs to it.
    pub upper_inclusive: bool,
    /// Observations.
    pub count: f64,
}

impl Default for Histogram {
    /// No observations, of the finest schema.
    fn default() -> Self {
        Self {
            schema: *SCHEMAS.end(),
            hint: ResetHint::Unknown,
            count: 0.0,
            sum: 0.0,
            zero_threshold: 0.0,
            zero_count: 0.0,
            positive: Vec::new(),
            negative: Vec::new(),
            bounds: Arc::from([]),
        }
    }
}

impl Histogram {
    /// The mark that a series ended: its sum is the stale marker, and nothing else counts.
    pub fn stale() -> Self {
        Self { schema: 0, sum: f64::from_bits(STALE_NAN_BITS), ..Self::default() }
    }

    /// Says whether it marks the end of a series.
    pub fn is_stale(&self) -> bool {
        is_stale(self.sum)
    }

    /// Brings it into the one form in which stores keep it: buckets by rising index, each once and
    /// none without observations; one stale marker.
    #[must_use]
    pub fn canonical(mut self) -> Self {
        if self.is_stale() {
            return Self::stale();
        }
        for buckets in [&mut self.positive, &mut self.negative] {
            if !buckets.is_sorted_by(|a, b| a.index < b.index) {
                buckets.sort_by_key(|bucket| bucket.index);
                buckets.dedup_by(|next, sum| {
                    let same = next.index == sum.index;
                    if same {
                        sum.count += next.count;
                    }
                    same
                });
            }
            buckets.retain(|bucket| bucket.count != 0.0);
        }
        self
    }

    /// Says whether buckets have bounds of their own.
    pub fn is_custom(&self) -> bool {
        self.schema == CUSTOM_SCHEMA
    }

    /// Says whether it is no counter.
    pub fn is_gauge(&self) -> bool {
        self.hint == ResetHint::Gauge
    }

    /// Returns the upper bound of a positive bucket. Those of the last buckets are the largest finite
    /// number and infinity.
    pub fn upper_bound(&self, index: i32) -> f64 {
        if self.is_custom() {
            return match usize::try_from(index) {
                Ok(at) => self.bounds.get(at).copied().unwrap_or(f64::INFINITY),
                Err(_) => f64::NEG_INFINITY,
            };
        }
        exponential_bound(self.schema, index)
    }

    /// Returns the lower bound of a positive bucket.
    pub fn lower_bound(&self, index: i32) -> f64 {
        self.upper_bound(index.saturating_sub(1))
    }

    /// Returns all buckets that have observations, from the lowest to the highest. Those that reach
    /// into the zero bucket end where it does.
    pub fn ranges(&self) -> Vec<BucketRange> {
        let mut ranges = Vec::with_capacity(self.negative.len() + self.positive.len() + 1);
        let beyond_zero = |bound: f64| {
            if self.is_custom() { bound } else { bound.max(self.zero_threshold) }
        };
        for bucket in self.negative.iter().rev() {
            ranges.push(BucketRange {
                lower: -self.upper_bound(bucket.index),
                upper: -beyond_zero(self.lower_bound(bucket.index)),
                lower_inclusive: true,
                upper_inclusive: false,
                count: bucket.count,
            });
        }
        if self.zero_count != 0.0 {
            ranges.push(BucketRange {
                lower: -self.zero_threshold,
                upper: self.zero_threshold,
                lower_inclusive: true,
                upper_inclusive: true,
                count: self.zero_count,
            });
        }
        for bucket in &self.positive {
            ranges.push(BucketRange {
                lower: beyond_zero(self.lower_bound(bucket.index)),
                upper: self.upper_bound(bucket.index),
                // The lowest custom one has no bound below.
                lower_inclusive: self.is_custom() && bucket.index == 0,
                upper_inclusive: true,
                count: bucket.count,
            });
        }
        ranges.retain(|range| range.count != 0.0);
        ranges
    }

    /// Returns how many bytes it takes in memory.
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + (self.positive.len() + self.negative.len()) * size_of::<Bucket>()
            + self.bounds.len() * size_of::<f64>()
    }
}

/// (2^2^-schema)^index, with the last finite bound cut to the largest number.
fn exponential_bound(schema: i8, index: i32) -> f64 {
    // The index of the bucket that holds the largest number is 1024 in schema 0.
    let last = f64::from(schema).exp2() * 1024.0;
    let at = f64::from(index);
    if at > last.max(1.0) {
        return f64::INFINITY;
    }
    if at == last.max(1.0) {
        return f64::MAX;
    }
    let exponent = at / f64::from(schema).exp2();
    // Whole powers are exact; the fraction is rounded once.
    let whole = exponent.floor();
    let fraction = (exponent - whole).exp2();
    if whole < -1022.0 { exponent.exp2() } else { fraction * whole.exp2() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_grow_by_the_schemas_factor() {
        let of = |schema, index| Histogram { schema, ..Histogram::default() }.upper_bound(index);
        assert_eq!([of(0, -1), of(0, 0), of(0, 1), of(0, 3)], [0.5, 1.0, 2.0, 8.0]);
        assert_eq!([of(-2, 0), of(-2, 1), of(2, 4), of(2, 8)], [1.0, 16.0, 2.0, 4.0]);
        assert_eq!(of(1, 1), std::f64::consts::SQRT_2);
        assert_eq!(
            (of(0, 1023), of(0, 1024), of(0, 1025)),
            (1023_f64.exp2(), f64::MAX, f64::INFINITY)
        );
        assert_eq!((of(8, 262_144), of(8, 262_145)), (f64::MAX, f64::INFINITY));
        assert_eq!((of(-4, 64), of(-4, 65)), (f64::MAX, f64::INFINITY));
    }

    #[test]
    fn one_form_stands_for_equal_histograms() {
        let bucket = |index, count| Bucket { index, count };
        let odd = Histogram {
            positive: vec![bucket(3, 1.0), bucket(1, 0.0), bucket(3, 2.0), bucket(2, 5.0)],
            ..Histogram::default()
        };
        assert_eq!(odd.clone().canonical().positive, [bucket(2, 5.0), bucket(3, 3.0)]);
        let ended = Histogram { sum: f64::from_bits(STALE_NAN_BITS), ..odd }.canonical();
        assert!(ended.is_stale() && ended.positive.is_empty());
    }

    #[test]
    fn buckets_are_listed_from_the_lowest_to_the_highest() {
        let bucket = |index, count| Bucket { index, count };
        let histogram = Histogram {
            schema: 0,
            count: 10.0,
            zero_threshold: 0.5,
            zero_count: 1.0,
            positive: vec![bucket(1, 2.0), bucket(3, 0.0), bucket(4, 4.0)],
            negative: vec![bucket(1, 2.0), bucket(2, 1.0)],
            ..Histogram::default()
        };
        let borders: Vec<_> =
            histogram.ranges().iter().map(|r| (r.lower, r.upper, r.count)).collect();
        let expected = [
            (-4.0, -2.0, 1.0),
            (-2.0, -1.0, 2.0),
            (-0.5, 0.5, 1.0),
            (1.0, 2.0, 2.0),
            (8.0, 16.0, 4.0),
        ];
        assert_eq!(borders, expected);
        let custom = Histogram {
            schema: CUSTOM_SCHEMA,
            bounds: Arc::from([1.0, 5.0]),
            positive: vec![bucket(0, 1.0), bucket(1, 1.0), bucket(2, 1.0)],
            ..Histogram::default()
        };
        let borders: Vec<_> = custom.ranges().iter().map(|r| (r.lower, r.upper)).collect();
        assert_eq!(borders, [(f64::NEG_INFINITY, 1.0), (1.0, 5.0), (5.0, f64::INFINITY)]);
    }
}
