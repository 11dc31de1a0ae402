//! The open chunk: what a head appends points of one series to, a byte or two for most.
//!
//! A point is a control byte and what it asks for. Time comes as the change of the step between
//! points, a value as the difference to the one before, as a decimal integer while the series'
//! values are such. Bytes, not bits: appending must cost next to nothing, and these chunks live for
//! hours only.

use super::{decimal, open_histogram};
use model::{Delta, Histogram};
use std::sync::Arc;
use stdx::varint::{self, Reader};

/// Control byte: a change of the step follows, before the value.
const NEW_STEP: u8 = 0x80;
/// Differences of -60..=59 stand in the control byte itself.
const SMALL: i64 = 60;
const SMALL_CODES: u8 = 120;
/// A difference follows as a varint.
const DIFFERENCE: u8 = 120;
/// A new exponent and a whole mantissa follow.
const EXPONENT: u8 = 121;
/// Eight bytes follow: the bits of the value.
const BITS: u8 = 122;
/// The bits of the value are those of the last one that came as bits.
const SAME_BITS: u8 = 123;
/// Not a number but a whole [`Delta`], with its length in front.
const DELTA: u8 = 124;
/// A native histogram (see [`open_histogram`]), with its length in front.
const HISTOGRAM: u8 = 125;

/// The exponent of a series whose values are no decimals.
const NO_DECIMAL: u8 = u8::MAX;

/// Points of one series in the order of time, open for appending.
#[derive(Debug, Clone, Default)]
pub(crate) struct OpenChunk {
    bytes: Vec<u8>,
    last_ms: i64,
    step_ms: i64,
    /// The last mantissa, or the last bits once the values are no decimals.
    last: i64,
    count: u32,
    exponent: u8,
    /// The last point is a number that [`Self::last`] tells.
    last_is_told: bool,
}

/// A point as it is read back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// A number: a float sample, or a delta of one sample.
    Number(f64),
    /// A delta of more than one.
    Delta(Box<Delta>),
    /// A native histogram.
    Histogram(Arc<Histogram>),
}

impl OpenChunk {
    pub(crate) fn len(&self) -> usize {
        self.count as usize
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns the time of the last point; meaningless while there is none.
    #[inline]
    pub(crate) fn last_ms(&self) -> i64 {
        self.last_ms
    }

    /// Returns the bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Says whether a point at `at_ms` can be appended: it is later than all others.
    #[inline]
    pub(crate) fn takes(&self, at_ms: i64) -> bool {
        self.count == 0 || at_ms > self.last_ms
    }

    #[inline]
    fn put_time(&mut self, at_ms: i64, code: u8) {
        if self.count == 0 {
            self.bytes.push(code | NEW_STEP);
            varint::put_i64(&mut self.bytes, at_ms);
        } else {
            let step = at_ms.wrapping_sub(self.last_ms);
            let change = step.wrapping_sub(self.step_ms);
            if change == 0 {
                self.bytes.push(code);
            } else {
                self.bytes.push(code | NEW_STEP);
                varint::put_i64(&mut self.bytes, change);
                self.step_ms = step;
            }
        }
        self.last_ms = at_ms;
        self.count += 1;
        // Bits beside decimals are not remembered, nor is what is no number.
        self.last_is_told = code < if self.exponent == NO_DECIMAL { DELTA } else { BITS };
    }

    /// Returns the last point if it is a number that can be told without reading the others.
    pub(crate) fn last_number(&self) -> Option<(i64, f64)> {
        if !self.last_is_told || self.count == 0 {
            return None;
        }
        Some((
            self.last_ms,
            match self.exponent {
                NO_DECIMAL => f64::from_bits(self.last as u64),
                exponent => decimal::value(self.last, exponent),
            },
        ))
    }

    /// Appends a number; `at_ms` must be later than all others (see [`OpenChunk::takes`]).
    #[inline]
    pub(crate) fn push(&mut self, at_ms: i64, value: f64) {
        debug_assert!(self.takes(at_ms), "points are appended in the order of time");
        if self.exponent != NO_DECIMAL
            && let Some(mantissa) = decimal::mantissa(value, self.exponent)
        {
            let difference = mantissa - self.last;
            self.last = mantissa;
            if (-SMALL..SMALL).contains(&difference) {
                self.put_time(at_ms, (difference + SMALL) as u8);
            } else {
                self.put_time(at_ms, DIFFERENCE);
                varint::put_i64(&mut self.bytes, difference);
            }
            return;
        }
        self.push_new_form(at_ms, value);
    }

    /// Appends a value that does not fit the form of those before it.
    #[cold]
    fn push_new_form(&mut self, at_ms: i64, value: f64) {
        let bits = value.to_bits() as i64;
        if self.exponent != NO_DECIMAL && value.is_finite() {
            for exponent in self.exponent + 1..=decimal::EXPONENT_MAX {
                if let Some(mantissa) = decimal::mantissa(value, exponent) {
                    self.put_time(at_ms, EXPONENT);
                    self.bytes.push(exponent);
                    varint::put_i64(&mut self.bytes, mantissa);
                    self.exponent = exponent;
                    self.last = mantissa;
                    return;
                }
            }
            // Trying exponents on every value of a series of true floats would cost more than the
            // few decimals among them save.
            self.exponent = NO_DECIMAL;
            self.last = !bits;
        }
        if self.exponent == NO_DECIMAL && self.last == bits {
            self.put_time(at_ms, SAME_BITS);
            return;
        }
        self.put_time(at_ms, BITS);
        self.bytes.extend_from_slice(&bits.to_le_bytes());
        if self.exponent == NO_DECIMAL {
            self.last = bits;
        }
    }

    /// Appends a delta; `at_ms` must be later than all others.
    pub(crate) fn push_delta(&mut self, at_ms: i64, delta: &Delta) {
        match delta.as_single() {
            Some(value) => self.push(at_ms, value),
            None => {
                self.put_time(at_ms, DELTA);
                let mut encoded = Vec::with_capacity(64);
                delta.encode(&mut encoded);
                varint::put_bytes(&mut self.bytes, &encoded);
            }
        }
    }

    /// Appends a histogram; `at_ms` must be later than all others, and `last` the last histogram
    /// that marked no end.
    pub(crate) fn push_histogram(
        &mut self,
        at_ms: i64,
        last: Option<&Histogram>,
        histogram: &Histogram,
    ) {
        self.put_time(at_ms, HISTOGRAM);
        let mut encoded = Vec::with_capacity(64);
        open_histogram::put(&mut encoded, last, histogram);
        varint::put_bytes(&mut self.bytes, &encoded);
    }

    /// Returns the points, oldest first.
    pub(crate) fn iter(&self) -> OpenIter<'_> {
        OpenIter {
            reader: Reader::new(&self.bytes),
            left: self.count,
            first: true,
            at_ms: 0,
            step_ms: 0,
            mantissa: 0,
            bits: 0,
            exponent: 0,
            last: None,
        }
    }
}

/// Reads an [`OpenChunk`].
#[derive(Debug)]
pub(crate) struct OpenIter<'a> {
    reader: Reader<'a>,
    left: u32,
    first: bool,
    at_ms: i64,
    step_ms: i64,
    mantissa: i64,
    bits: i64,
    exponent: u8,
    /// The last histogram that marked no end.
    last: Option<Arc<Histogram>>,
}

impl OpenIter<'_> {
    #[inline]
    fn read(&mut self) -> Option<(i64, Value)> {
        let control = self.reader.u8()?;
        if control & NEW_STEP != 0 {
            let change = self.reader.i64()?;
            if self.first {
                self.at_ms = change;
            } else {
                self.step_ms = self.step_ms.wrapping_add(change);
                self.at_ms = self.at_ms.wrapping_add(self.step_ms);
            }
        } else {
            self.at_ms = self.at_ms.wrapping_add(self.step_ms);
        }
        self.first = false;
        let value = match control & !NEW_STEP {
            code @ 0..SMALL_CODES => {
                self.mantissa += i64::from(code) - SMALL;
                decimal::value(self.mantissa, self.exponent)
            }
            DIFFERENCE => {
                self.mantissa += self.reader.i64()?;
                decimal::value(self.mantissa, self.exponent)
            }
            EXPONENT => {
                self.exponent = self.reader.u8()?;
                self.mantissa = self.reader.i64()?;
                decimal::value(self.mantissa, self.exponent)
            }
            BITS => {
                self.bits = self.reader.fixed_u64()? as i64;
                f64::from_bits(self.bits as u64)
            }
            SAME_BITS => f64::from_bits(self.bits as u64),
            DELTA => {
                let delta = Delta::decode(&mut Reader::new(self.reader.bytes()?))?;
                return Some((self.at_ms, Value::Delta(Box::new(delta))));
            }
            HISTOGRAM => {
                let histogram = open_histogram::read(self.reader.bytes()?, self.last.as_deref())?;
                let histogram = Arc::new(histogram);
                if !histogram.is_stale() {
                    self.last = Some(histogram.clone());
                }
                return Some((self.at_ms, Value::Histogram(histogram)));
            }
            _ => return None,
        };
        Some((self.at_ms, Value::Number(value)))
    }
}

impl Iterator for OpenIter<'_> {
    type Item = (i64, Value);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        // What the head appended in this process can be read: a failure is a mistake of ours.
        Some(self.read().expect("an open chunk reads what it wrote"))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(points: &[(i64, f64)]) {
        let mut chunk = OpenChunk::default();
        for &(at, value) in points {
            assert!(chunk.takes(at));
            chunk.push(at, value);
            if let Some((last_at, last)) = chunk.last_number() {
                assert_eq!((last_at, last.to_bits()), (at, value.to_bits()));
            } else {
                assert!(!value.is_finite(), "{value}");
            }
        }
        let read: Vec<(i64, u64)> = chunk
            .iter()
            .map(|(at, v)| match v {
                Value::Number(v) => (at, v.to_bits()),
                other => panic!("{other:?} was not put"),
            })
            .collect();
        let expected: Vec<(i64, u64)> = points.iter().map(|&(at, v)| (at, v.to_bits())).collect();
        assert_eq!(read, expected);
    }

    #[test]
    fn integers_at_a_regular_step_cost_a_byte() {
        let mut chunk = OpenChunk::default();
        for n in 0..1000 {
            chunk.push(n * 10_000, (50 + n % 3) as f64);
        }
        assert!(chunk.bytes.len() < 1010, "{}", chunk.bytes.len());
    }

    #[test]
    fn stale_markers_and_odd_floats_keep_their_bits() {
        let stale = f64::from_bits(model::STALE_NAN_BITS);
        round_trip(&[(1, 1.0), (2, stale), (3, 2.0), (4, stale), (5, f64::NAN), (6, -0.0)]);
        round_trip(&[(i64::MIN, 0.1 + 0.2), (0, 0.1 + 0.2), (i64::MAX, 1.0)]);
        round_trip(&[(-5, 1.5), (7, 1.25), (8, 1e300), (9, 3.0), (10, stale), (11, stale)]);
    }

    #[test]
    fn deltas_stand_between_numbers() {
        let mut chunk = OpenChunk::default();
        let set = Delta::of_statistics(3.0, 6.0, 1.0, 3.0);
        chunk.push_delta(1000, &Delta::of_value(2.5));
        chunk.push_delta(2000, &set);
        chunk.push_delta(3000, &Delta::of_value(2.0));
        let read: Vec<_> = chunk.iter().collect();
        assert_eq!(read[0], (1000, Value::Number(2.5)));
        assert_eq!(read[1], (2000, Value::Delta(Box::new(set))));
        assert_eq!(read[2], (3000, Value::Number(2.0)));
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(
            mut times in proptest::collection::vec(any::<i64>(), 0..60),
            seed in any::<u64>(),
        ) {
            times.sort_unstable();
            times.dedup();
            let mut rng = stdx::Rng::from_seed(seed);
            let points: Vec<(i64, f64)> = times.into_iter().map(|at| {
                let value = match rng.below(5) {
                    0 => f64::from_bits(rng.next_u64()),
                    1 => rng.below(100) as f64,
                    2 => rng.below(100_000) as f64 / 100.0,
                    3 => -(rng.below(1 << 52) as f64),
                    _ => f64::from_bits(model::STALE_NAN_BITS),
                };
                (at, value)
            }).collect();
            round_trip(&points);
        }
    }
}
