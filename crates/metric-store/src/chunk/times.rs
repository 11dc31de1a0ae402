//! A column of times in a part: regular ones cost nothing, jittered ones little.

use super::bits;
use model::TimeRange;
use std::ops::Range;
use stdx::varint::{self, Reader};

const REGULAR: u8 = 0;
const PACKED: u8 = 1;
const GRID: u8 = 2;

const PCO_TIMES_MIN: usize = 192;

/// Appends times, which must be strictly growing.
pub(crate) fn encode(out: &mut Vec<u8>, times: &[i64], settled: bool) {
    let first = times.first().copied().unwrap_or(0);
    let step = times.get(1).map_or(0, |second| second.wrapping_sub(first));
    if times.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == step) {
        out.push(REGULAR);
        varint::put_i64(out, first);
        varint::put_i64(out, step);
        return;
    }
    let steps: Vec<u64> = times.windows(2).map(|p| p[1].wrapping_sub(p[0]) as u64).collect();
    let base = steps.iter().copied().min().unwrap_or(0);
    let above: Vec<u64> = steps.iter().map(|s| s - base).collect();
    if settled
        && times.len() >= PCO_TIMES_MIN
        && let Some(grid) = encode_grid(times, &steps)
        && grid.len() < bits::packed_len(&above) + 20
    {
        out.extend_from_slice(&grid);
        return;
    }
    out.push(PACKED);
    varint::put_i64(out, first);
    varint::put_u64(out, base);
    bits::pack(out, &above);
}

/// The offsets of times from a grid with the usual step: with jitter alone they stay small, where
/// steps carry the jitter of both ends.
fn encode_grid(times: &[i64], steps: &[u64]) -> Option<Vec<u8>> {
    let mut sorted = steps.to_vec();
    let middle = sorted.len() / 2;
    let step = *sorted.select_nth_unstable(middle).1 as i64;
    let first = times[0];
    let offsets: Vec<i64> = (0i64..)
        .zip(times)
        .map(|(n, at)| at.wrapping_sub(first).wrapping_sub(step.wrapping_mul(n)))
        .collect();
    let config = pco::ChunkConfig::default().with_compression_level(4);
    let packed = pco::standalone::simple_compress(&offsets, &config).ok()?;
    let mut out = vec![GRID];
    varint::put_i64(&mut out, first);
    varint::put_i64(&mut out, step);
    out.extend_from_slice(&packed);
    Some(out)
}

/// Reads `count` times that fill all of `bytes`; `None` when they are damaged.
pub(crate) fn decode(bytes: &[u8], count: usize) -> Option<Vec<i64>> {
    let mut reader = Reader::new(bytes);
    let codec = reader.u8()?;
    let first = reader.i64()?;
    match codec {
        REGULAR => {
            let step = reader.i64()?;
            let count = i64::try_from(count).ok()?;
            Some((0..count).map(|n| first.wrapping_add(step.wrapping_mul(n))).collect())
        }
        PACKED => {
            let base = reader.u64()?;
            let mut at = first;
            let mut times = Vec::with_capacity(count);
            times.push(at);
            bits::unpack(&mut reader, count.checked_sub(1)?, |above| {
                at = at.wrapping_add(base.wrapping_add(above) as i64);
                times.push(at);
            })?;
            Some(times)
        }
        GRID => {
            let step = reader.i64()?;
            let mut times = vec![0i64; count];
            let progress =
                pco::standalone::simple_decompress_into(reader.rest(), &mut times).ok()?;
            if progress.n_processed != count || !progress.finished {
                return None;
            }
            for (n, at) in (0i64..).zip(&mut times) {
                *at = at.wrapping_add(first).wrapping_add(step.wrapping_mul(n));
            }
            Some(times)
        }
        _ => None,
    }
}

/// Times as they are read: regular ones need no list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Times {
    /// From the first one on, a step apart; so many.
    Regular { first: i64, step: i64, count: usize },
    /// One by one.
    Listed(Vec<i64>),
}

impl Times {
    /// Reads `count` times; `None` when they are damaged.
    pub(crate) fn read(bytes: &[u8], count: usize) -> Option<Self> {
        if bytes.first() == Some(&REGULAR) {
            let mut reader = Reader::new(&bytes[1..]);
            let (first, step) = (reader.i64()?, reader.i64()?);
            // Steps that go beyond all times are listed one by one.
            let last = i64::try_from(count).ok()?.checked_mul(step);
            if step > 0 && last.is_some_and(|last| last.checked_add(first).is_some()) {
                return Some(Self::Regular { first, step, count });
            }
        }
        decode(bytes, count).map(Self::Listed)
    }

    /// Returns the places of the times inside a range.
    pub(crate) fn places(&self, range: TimeRange) -> Range<usize> {
        let from = self.before(range.start_ms);
        from..self.before(range.end_ms).max(from)
    }

    /// Returns how many times are before a moment.
    fn before(&self, at_ms: i64) -> usize {
        match self {
            Self::Regular { first, step, count } if at_ms > *first => {
                let steps = (at_ms.saturating_sub(*first) - 1) / step + 1;
                usize::try_from(steps).map_or(*count, |steps| steps.min(*count))
            }
            Self::Regular { .. } => 0,
            Self::Listed(times) => times.partition_point(|at| *at < at_ms),
        }
    }

    /// Returns the time at a place.
    pub(crate) fn at(&self, place: usize) -> i64 {
        match self {
            Self::Regular { first, step, .. } => first + step * place as i64,
            Self::Listed(times) => times[place],
        }
    }

    /// Appends the times at some places.
    pub(crate) fn extend(&self, places: Range<usize>, out: &mut Vec<i64>) {
        match self {
            Self::Regular { first, step, .. } => {
                out.extend(places.map(|place| first + step * place as i64));
            }
            Self::Listed(times) => out.extend_from_slice(&times[places]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(times: &[i64]) -> usize {
        let mut last = 0;
        let middle = times.get(times.len() / 2).copied().unwrap_or(0);
        let ranges = [
            TimeRange::ALL,
            TimeRange { start_ms: middle, end_ms: i64::MAX },
            TimeRange { start_ms: middle.saturating_sub(7), end_ms: middle.saturating_add(1) },
            TimeRange { start_ms: i64::MIN, end_ms: middle },
            TimeRange { start_ms: 5, end_ms: -5 },
        ];
        for settled in [false, true] {
            let mut bytes = Vec::new();
            encode(&mut bytes, times, settled);
            assert_eq!(decode(&bytes, times.len()).as_deref(), Some(times), "settled {settled}");
            let read = Times::read(&bytes, times.len()).unwrap();
            for range in ranges {
                let inside: Vec<i64> =
                    times.iter().copied().filter(|at| range.contains(*at)).collect();
                let mut some = Vec::new();
                read.extend(read.places(range), &mut some);
                // The last moment of all is in no range.
                assert_eq!(some, inside, "settled {settled}, {range:?}");
                assert!(read.places(range).zip(inside).all(|(place, at)| read.at(place) == at));
            }
            last = bytes.len();
        }
        last
    }

    #[test]
    fn regular_times_cost_nothing() {
        let times: Vec<i64> = (0..8000).map(|n| 1_700_000_000_000 + n * 10_000).collect();
        assert!(round_trip(&times) < 16);
    }

    #[test]
    fn jitter_costs_less_than_half_a_byte() {
        let mut rng = stdx::Rng::from_seed(1);
        let times: Vec<i64> =
            (0..8000).map(|n| 1_700_000_000_000 + n * 10_000 + rng.below(5) as i64).collect();
        assert!(round_trip(&times) < 4000);
    }

    #[test]
    fn extreme_times_are_kept() {
        round_trip(&[]);
        round_trip(&[i64::MIN, 0, 1, i64::MAX]);
        round_trip(&[i64::MAX]);
        // Regular, with a next step that is beyond all times.
        round_trip(&[0, 1 << 62]);
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(mut times in proptest::collection::vec(any::<i64>(), 0..400), small in any::<bool>()) {
            if small {
                times.iter_mut().for_each(|t| *t &= 0xffff);
            }
            times.sort_unstable();
            times.dedup();
            round_trip(&times);
        }

        #[test]
        fn any_bytes_are_read_or_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            count in 0usize..300,
        ) {
            let _ = decode(&bytes, count);
            if let Some(times) = Times::read(&bytes, count) {
                let mut some = Vec::new();
                times.extend(times.places(TimeRange::ALL), &mut some);
            }
        }
    }
}
