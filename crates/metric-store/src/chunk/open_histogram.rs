//! A histogram in an open chunk: as what changed since the one before it, some bytes for most.

use model::{Bucket, Histogram, ResetHint, put_number, read_number, whole};
use std::sync::Arc;
use stdx::varint::Reader;

/// All of it follows, as journals hold it.
const WHOLE: u8 = 0;
/// It has the buckets of the one before; the hint, the sum and the changes follow.
const CHANGES: u8 = 1;
/// It marks the end of the series.
const STALE: u8 = 2;

/// Says whether two histograms have the same buckets.
fn alike(one: &Histogram, other: &Histogram) -> bool {
    let same = |a: &[Bucket], b: &[Bucket]| a.iter().map(|b| b.index).eq(b.iter().map(|b| b.index));
    one.schema == other.schema
        && one.zero_threshold.to_bits() == other.zero_threshold.to_bits()
        && (Arc::ptr_eq(&one.bounds, &other.bounds) || one.bounds == other.bounds)
        && same(&one.positive, &other.positive)
        && same(&one.negative, &other.negative)
}

/// Appends a canonical histogram behind `last`, the last that marked no end.
pub(crate) fn put(out: &mut Vec<u8>, last: Option<&Histogram>, histogram: &Histogram) {
    if histogram.is_stale() {
        return out.push(STALE);
    }
    let Some(last) = last.filter(|last| alike(last, histogram)) else {
        out.push(WHOLE);
        return histogram.encode(out);
    };
    out.push(CHANGES);
    out.push(histogram.hint as u8);
    put_change(out, last.sum, histogram.sum);
    put_change(out, last.count, histogram.count);
    put_change(out, last.zero_count, histogram.zero_count);
    let sides = [(&last.positive, &histogram.positive), (&last.negative, &histogram.negative)];
    for (before, now) in sides.into_iter().flat_map(|(before, now)| before.iter().zip(now)) {
        put_change(out, before.count, now.count);
    }
}

/// A change of integers, or the number itself.
fn put_change(out: &mut Vec<u8>, before: f64, now: f64) {
    match (whole(before), whole(now)) {
        (Some(from), Some(to)) if whole((to - from) as f64).is_some() => {
            put_number(out, (to - from) as f64);
        }
        _ => {
            out.push(1);
            out.extend_from_slice(&now.to_le_bytes());
        }
    }
}

fn read_change(reader: &mut Reader<'_>, before: f64) -> Option<f64> {
    // The first byte of eight that follow is 1, which no change of integers begins with.
    let is_change = *reader.rest().first()? != 1;
    let number = read_number(reader)?;
    Some(if is_change { before + number } else { number })
}

/// Reads what [`put`] wrote behind the same `last`.
pub(crate) fn read(bytes: &[u8], last: Option<&Histogram>) -> Option<Histogram> {
    let mut reader = Reader::new(bytes);
    match reader.u8()? {
        STALE => Some(Histogram::stale()),
        WHOLE => Histogram::decode(&mut reader),
        CHANGES => {
            let mut histogram = last?.clone();
            histogram.hint = ResetHint::from_code(reader.u8()?)?;
            let Histogram { sum, count, zero_count, positive, negative, .. } = &mut histogram;
            let buckets = positive.iter_mut().chain(negative).map(|bucket| &mut bucket.count);
            for number in [sum, count, zero_count].into_iter().chain(buckets) {
                *number = read_change(&mut reader, *number)?;
            }
            Some(histogram)
        }
        _ => None,
    }
}
