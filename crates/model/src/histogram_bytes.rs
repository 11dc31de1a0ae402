//! The bytes of one histogram by itself, as journals hold it. They are drawn in
//! `metric-store/FORMAT.md`.

use crate::{Bucket, Histogram, ResetHint};
use stdx::varint::{self, Reader};

/// Whole numbers below this, and their differences, are exact in a float.
const WHOLE_MAX: f64 = (1u64 << 51) as f64;

/// Returns a number as an integer, if it is one whose bits an integer gives back.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "checked to give back the same bits")]
pub fn whole(number: f64) -> Option<i64> {
    let integer = number as i64;
    let same = (integer as f64).to_bits() == number.to_bits();
    (same && number.abs() < WHOLE_MAX).then_some(integer)
}

/// Appends a number: a small integer takes as many bytes as it needs; the lowest bit tells it from
/// the eight bytes of any other.
pub fn put_number(out: &mut Vec<u8>, number: f64) {
    match whole(number) {
        Some(integer) => varint::put_u64(out, varint::zigzag(integer) << 1),
        None => {
            out.push(1);
            out.extend_from_slice(&number.to_le_bytes());
        }
    }
}

/// Reads what [`put_number`] wrote.
pub fn read_number(reader: &mut Reader<'_>) -> Option<f64> {
    match reader.u64()? {
        1 => reader.f64(),
        integer if integer & 1 == 0 => Some(varint::unzigzag(integer >> 1) as f64),
        _ => None,
    }
}

impl ResetHint {
    /// Returns the hint with this code, if there is one.
    pub fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Unknown,
            1 => Self::Reset,
            2 => Self::NotReset,
            3 => Self::Gauge,
            _ => return None,
        })
    }
}

fn put_buckets(out: &mut Vec<u8>, buckets: &[Bucket]) {
    varint::put_u64(out, buckets.len() as u64);
    let mut last = 0;
    for bucket in buckets {
        varint::put_i64(out, i64::from(bucket.index) - last);
        put_number(out, bucket.count);
        last = i64::from(bucket.index);
    }
}

fn read_buckets(reader: &mut Reader<'_>) -> Option<Vec<Bucket>> {
    // A bucket takes two bytes at least: a length cannot ask for more memory than there are bytes.
    let count = reader.usize().filter(|&count| count <= reader.rest().len() / 2)?;
    let mut buckets: Vec<Bucket> = Vec::with_capacity(count);
    let mut last = 0i64;
    for _ in 0..count {
        let index = i32::try_from(last.checked_add(reader.i64()?)?).ok()?;
        if buckets.last().is_some_and(|before| before.index >= index) {
            return None;
        }
        buckets.push(Bucket { index, count: read_number(reader)? });
        last = i64::from(index);
    }
    Some(buckets)
}

impl Histogram {
    /// Appends its bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.schema.cast_unsigned());
        out.push(self.hint as u8);
        out.extend_from_slice(&self.zero_threshold.to_le_bytes());
        out.extend_from_slice(&self.sum.to_le_bytes());
        put_number(out, self.count);
        put_number(out, self.zero_count);
        varint::put_u64(out, self.bounds.len() as u64);
        self.bounds.iter().for_each(|bound| out.extend_from_slice(&bound.to_le_bytes()));
        put_buckets(out, &self.positive);
        put_buckets(out, &self.negative);
    }

    /// Reads what [`Histogram::encode`] wrote, and leaves what follows; `None` for anything else.
    pub fn decode(reader: &mut Reader<'_>) -> Option<Self> {
        let schema = reader.u8()?.cast_signed();
        let hint = ResetHint::from_code(reader.u8()?)?;
        let (zero_threshold, sum) = (reader.f64()?, reader.f64()?);
        let (count, zero_count) = (read_number(reader)?, read_number(reader)?);
        let bounds = reader.usize().filter(|&bounds| bounds <= reader.rest().len() / 8)?;
        let bounds = (0..bounds).map(|_| reader.f64()).collect::<Option<_>>()?;
        let (positive, negative) = (read_buckets(reader)?, read_buckets(reader)?);
        Some(Self {
            schema,
            hint,
            count,
            sum,
            zero_threshold,
            zero_count,
            positive,
            negative,
            bounds,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use stdx::Rng;

    fn histogram() -> Histogram {
        let bucket = |index, count| Bucket { index, count };
        Histogram {
            schema: -4,
            hint: ResetHint::Gauge,
            count: 12.5,
            sum: -1e300,
            zero_threshold: 1e-128,
            zero_count: 3.0,
            positive: vec![bucket(i32::MIN, 1.0), bucket(-1, 4.5), bucket(i32::MAX, 3.0)],
            negative: vec![bucket(7, 1.0)],
            bounds: Arc::from([0.5, 1.0]),
        }
    }

    #[test]
    fn decoding_undoes_encoding() {
        let mut bytes = Vec::new();
        histogram().encode(&mut bytes);
        Histogram::default().encode(&mut bytes);
        let mut reader = Reader::new(&bytes);
        assert_eq!(Histogram::decode(&mut reader), Some(histogram()));
        assert_eq!(Histogram::decode(&mut reader), Some(Histogram::default()));
        assert!(reader.is_empty());
        for cut in 0..bytes.len() - 1 {
            let mut reader = Reader::new(&bytes[..cut]);
            let both = Histogram::decode(&mut reader).and(Histogram::decode(&mut reader));
            assert_eq!(both, None);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused() {
        let mut rng = Rng::from_seed(7);
        for _ in 0..20_000 {
            let mut bytes = Vec::new();
            histogram().encode(&mut bytes);
            for _ in 0..1 + rng.below(4) {
                let at = rng.below(bytes.len() as u64) as usize;
                bytes[at] = rng.next_u64() as u8;
            }
            bytes.truncate(rng.below(2 * bytes.len() as u64) as usize);
            let _ = Histogram::decode(&mut Reader::new(&bytes));
        }
    }

    #[test]
    fn numbers_keep_their_bits() {
        let mut rng = Rng::from_seed(8);
        let odd = [-0.0, WHOLE_MAX, 1.0 - WHOLE_MAX, 0.5, f64::INFINITY];
        let small = (-9..9).map(f64::from);
        let any = (0..1000).map(|_| f64::from_bits(rng.next_u64()));
        for number in odd.into_iter().chain(small).chain(any) {
            let mut bytes = Vec::new();
            put_number(&mut bytes, number);
            let read = read_number(&mut Reader::new(&bytes));
            assert_eq!(read.map(f64::to_bits), Some(number.to_bits()));
        }
    }
}
