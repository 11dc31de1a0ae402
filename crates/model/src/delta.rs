//! What happened in an interval: the value behind CloudWatch data and delta temporality.

use stdx::varint::{self, Reader};

/// A period keeps the values themselves while it has at most this many different ones.
///
/// Source: CloudWatch API reference, `MetricDatum`, field `Values` (150 unique values).
pub const VALUES_MAX: usize = 150;

/// Count, sum, minimum and maximum of what happened in an interval, and its distribution.
///
/// The distribution is `values` (each different value with its count, sorted by value) for as much
/// as came with one, and `opaque` for samples that came as a statistic set, without one. Past
/// [`VALUES_MAX`] different values they move into `buckets`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Delta {
    /// Number of samples, also fractional: a client may weigh them.
    pub count: f64,
    /// Sum of the samples.
    pub sum: f64,
    /// Smallest sample.
    pub min: f64,
    /// Largest sample.
    pub max: f64,
    /// Different values with their counts, sorted by value.
    pub values: Vec<(f64, f64)>,
    /// Exponential buckets (base 2^(1/64), see [`bucket_of`]) with their counts, sorted by number.
    pub buckets: Vec<(i32, f64)>,
    /// Part of `count` that came without a distribution.
    pub opaque: f64,
}

/// Buckets per doubling: schema 6, a relative error of at most 0.54 %.
const BUCKETS_PER_DOUBLING: f64 = 64.0;
/// Bucket numbers of negative values are mirrored around this one, which holds exact zeros.
const ZERO_BUCKET: i32 = 0;
/// Keeps bucket numbers positive over the whole range of doubles (2^-1074 to 2^1024).
const BUCKET_OFFSET: i32 = 1_100 * 64;

/// Returns the number of the bucket that holds `value`: sorted as the values are.
#[expect(clippy::cast_possible_truncation, reason = "the logarithm of a double is small")]
pub fn bucket_of(value: f64) -> i32 {
    if value == 0.0 {
        return ZERO_BUCKET;
    }
    // An infinite one is beyond all others.
    let number = (value.abs().log2() * BUCKETS_PER_DOUBLING).floor() as i32;
    let number = number.saturating_add(BUCKET_OFFSET);
    if value > 0.0 { number } else { -number }
}

/// Returns the bounds of a bucket, smaller first.
pub fn bucket_bounds(number: i32) -> (f64, f64) {
    if number == ZERO_BUCKET {
        return (0.0, 0.0);
    }
    // In doubles: a damaged file may hold any number.
    let low = |n: f64| ((n - f64::from(BUCKET_OFFSET)) / BUCKETS_PER_DOUBLING).exp2();
    let n = f64::from(number).abs();
    if number > 0 { (low(n), low(n + 1.0)) } else { (-low(n + 1.0), -low(n)) }
}

impl Delta {
    /// One sample.
    pub fn of_value(value: f64) -> Self {
        Self::of_values(value, 1.0)
    }

    /// The same sample `count` times.
    pub fn of_values(value: f64, count: f64) -> Self {
        Self {
            count,
            sum: value * count,
            min: value,
            max: value,
            values: vec![(value, count)],
            ..Self::default()
        }
    }

    /// A statistic set. Only one sample, or all samples equal, tell a distribution; a sum that does
    /// not go with them tells that it is none.
    ///
    /// Source: CloudWatch user guide, "Statistics definitions", what percentiles require.
    pub fn of_statistics(count: f64, sum: f64, min: f64, max: f64) -> Self {
        // A client adds its samples up: that much rounding is no contradiction.
        let adds_up = (sum - min * count).abs() <= 1e-9 * (min * count).abs();
        let told = min == max && count > 0.0 && adds_up;
        let values = if told { vec![(min, count)] } else { Vec::new() };
        let opaque = if told { 0.0 } else { count };
        Self { count, sum, min, max, values, buckets: Vec::new(), opaque }
    }

    /// Returns the sample if this is just one, counted once: what files store as a plain float.
    pub fn as_single(&self) -> Option<f64> {
        let single = self.count == 1.0
            && self.opaque == 0.0
            && self.buckets.is_empty()
            && self.values.len() == 1
            && self.values[0].1 == 1.0
            && self.sum.to_bits() == self.values[0].0.to_bits()
            && self.min.to_bits() == self.sum.to_bits()
            && self.max.to_bits() == self.sum.to_bits();
        single.then_some(self.sum)
    }

    /// Adds what `other` saw, as CloudWatch does with data of one time.
    pub fn add(&mut self, other: &Delta) {
        if other.count == 0.0 && other.values.is_empty() {
            return;
        }
        if self.count == 0.0 && self.values.is_empty() {
            self.clone_from(other);
            return;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.opaque += other.opaque;
        for &(value, count) in &other.values {
            self.add_value(value, count);
        }
        for &(number, count) in &other.buckets {
            self.add_bucket(number, count);
        }
        if !self.buckets.is_empty() || self.values.len() > VALUES_MAX {
            for (value, count) in std::mem::take(&mut self.values) {
                self.add_bucket(bucket_of(value), count);
            }
        }
    }

    /// Adds one sample, as [`Delta::add`] does with [`Delta::of_value`].
    pub fn add_sample(&mut self, value: f64) {
        if self.count == 0.0 && self.values.is_empty() {
            *self = Self::of_value(value);
            return;
        }
        self.count += 1.0;
        self.sum += value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        if self.buckets.is_empty() {
            self.add_value(value, 1.0);
            if self.values.len() > VALUES_MAX {
                for (value, count) in std::mem::take(&mut self.values) {
                    self.add_bucket(bucket_of(value), count);
                }
            }
        } else {
            self.add_bucket(bucket_of(value), 1.0);
        }
    }

    fn add_value(&mut self, value: f64, count: f64) {
        match self.values.binary_search_by(|(v, _)| v.total_cmp(&value)) {
            Ok(at) => self.values[at].1 += count,
            Err(at) => self.values.insert(at, (value, count)),
        }
    }

    fn add_bucket(&mut self, number: i32, count: f64) {
        match self.buckets.binary_search_by_key(&number, |b| b.0) {
            Ok(at) => self.buckets[at].1 += count,
            Err(at) => self.buckets.insert(at, (number, count)),
        }
    }

    /// Returns about how many bytes the distribution takes.
    pub fn weight_bytes(&self) -> usize {
        self.values.len() * 16 + self.buckets.len() * 16
    }

    /// Appends count, sum, min, max, opaque (8 bytes each), then values and buckets with their
    /// numbers in front.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for number in [self.count, self.sum, self.min, self.max, self.opaque] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        varint::put_u64(out, self.values.len() as u64);
        for (value, count) in &self.values {
            out.extend_from_slice(&value.to_le_bytes());
            out.extend_from_slice(&count.to_le_bytes());
        }
        varint::put_u64(out, self.buckets.len() as u64);
        for (number, count) in &self.buckets {
            varint::put_i64(out, i64::from(*number));
            out.extend_from_slice(&count.to_le_bytes());
        }
    }

    /// Reads what [`Delta::encode`] wrote.
    pub fn decode(reader: &mut Reader<'_>) -> Option<Self> {
        let mut delta = Self {
            count: reader.f64()?,
            sum: reader.f64()?,
            min: reader.f64()?,
            max: reader.f64()?,
            opaque: reader.f64()?,
            ..Self::default()
        };
        let values = reader.usize()?;
        for _ in 0..values {
            delta.values.push((reader.f64()?, reader.f64()?));
        }
        let buckets = reader.usize()?;
        for _ in 0..buckets {
            delta.buckets.push((i32::try_from(reader.i64()?).ok()?, reader.f64()?));
        }
        Some(delta)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_of_one_time_add_up() {
        let mut sum = Delta::of_value(3.0);
        sum.add(&Delta::of_values(1.0, 2.0));
        sum.add(&Delta::of_statistics(4.0, 20.0, 2.0, 9.0));
        assert_eq!((sum.count, sum.sum, sum.min, sum.max), (7.0, 25.0, 1.0, 9.0));
        assert_eq!(sum.values, [(1.0, 2.0), (3.0, 1.0)]);
        assert_eq!(sum.opaque, 4.0);
    }

    #[test]
    fn a_sample_is_a_delta_of_one_value() {
        let (mut by_sample, mut by_delta) = (Delta::default(), Delta::default());
        for n in 0..2 * VALUES_MAX {
            let value = f64::from((n * 7919 % 400) as u32) / 4.0;
            by_sample.add_sample(value);
            by_delta.add(&Delta::of_value(value));
            assert_eq!(by_sample, by_delta, "after {n}");
        }
    }

    #[test]
    fn many_different_values_become_buckets() {
        let mut sum = Delta::default();
        for n in 0..=VALUES_MAX {
            sum.add(&Delta::of_value(n as f64));
        }
        assert!(sum.values.is_empty());
        let counted: f64 = sum.buckets.iter().map(|b| b.1).sum();
        assert_eq!(counted, sum.count);
        let (least, most) = (f64::NEG_INFINITY, f64::INFINITY);
        for value in [least, -1e300, -7.5, -1e-300, 0.0, 1e-320, 1.0, 149.0, 1e300, most] {
            let (low, high) = bucket_bounds(bucket_of(value));
            assert!(low <= value && value <= high, "{value} is not in {low}..{high}");
        }
        assert!(bucket_of(-2.0) < bucket_of(-1.0) && bucket_of(-1.0) < bucket_of(0.0));
        assert!(bucket_of(0.0) < bucket_of(1e-300) && bucket_of(1e-300) < bucket_of(5.0));
    }

    #[test]
    fn decoding_undoes_encoding() {
        let mut delta = Delta::of_statistics(3.0, 7.0, 1.0, 4.0);
        delta.add(&Delta::of_value(-2.5));
        delta.buckets.push((-70_000, 2.0));
        let mut bytes = Vec::new();
        delta.encode(&mut bytes);
        assert_eq!(Delta::decode(&mut Reader::new(&bytes)), Some(delta));
        assert_eq!(Delta::decode(&mut Reader::new(&bytes[..bytes.len() - 1])), None);
    }

    #[test]
    fn only_one_sample_counted_once_is_single() {
        assert_eq!(Delta::of_value(4.5).as_single(), Some(4.5));
        assert_eq!(Delta::of_statistics(1.0, 2.0, 2.0, 2.0).as_single(), Some(2.0));
        assert_eq!(Delta::of_values(4.5, 2.0).as_single(), None);
        assert_eq!(Delta::of_statistics(2.0, 4.0, 1.0, 3.0).as_single(), None);
    }

    #[test]
    fn a_statistic_set_tells_a_distribution_only_where_all_samples_are_equal() {
        for (count, sum, min, max) in [(1.0, 2.0, 2.0, 2.0), (3.0, 0.30000000000000004, 0.1, 0.1)] {
            let set = Delta::of_statistics(count, sum, min, max);
            assert_eq!((set.values, set.opaque), (vec![(min, count)], 0.0));
        }
        for (count, sum, min, max) in
            [(2.0, 4.0, 1.0, 3.0), (1.0, 2.0, 1.0, 3.0), (2.0, 5.0, 2.0, 2.0)]
        {
            let set = Delta::of_statistics(count, sum, min, max);
            assert_eq!((set.values, set.opaque), (Vec::new(), count));
        }
    }
}
