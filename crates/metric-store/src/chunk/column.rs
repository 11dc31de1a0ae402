//! A column of numbers in a part. The encoding is chosen per chunk: constants and regular steps
//! cost nothing, decimals are integers, bit-packed while they are young and with `pco` once they
//! are settled; everything else is `pco` over the floats.

use super::{bits, decimal, pages};
use std::ops::Range;
use stdx::varint::{self, Reader, unzigzag, zigzag};

const CONSTANT: u8 = 0;
const STEPS: u8 = 1;
const PACKED: u8 = 2;
const INTEGERS: u8 = 3;
const FLOATS: u8 = 4;
const PLAIN: u8 = 5;
/// As `INTEGERS` and `FLOATS`, in pages that are read one by one (see [`pages`]).
const INTEGER_PAGES: u8 = 6;
const FLOAT_PAGES: u8 = 7;
/// Set beside the codec: values that do not fit stand in front, each with its place.
const EXCEPTIONS: u8 = 0x80;

/// `pco` writes some thirty bytes of its own; below this many values packing is smaller.
const PCO_VALUES_MIN: usize = 192;
/// Level 4 loses up to 3 % of size to the default, 8, and writes two to five times faster.
const PCO_LEVEL: usize = 4;

pub(super) fn pco_config() -> pco::ChunkConfig {
    pco::ChunkConfig::default().with_compression_level(PCO_LEVEL)
}

fn pco_compress<T: pco::data_types::Number>(numbers: &[T]) -> Option<Vec<u8>> {
    pco::standalone::simple_compress(numbers, &pco_config()).ok()
}

/// Reads exactly `count` numbers; the count comes from our own header, not from the stream, so that
/// damaged bytes cannot ask for memory.
fn pco_decompress<T: pco::data_types::Number + Default>(
    bytes: &[u8],
    count: usize,
) -> Option<Vec<T>> {
    let mut numbers = vec![T::default(); count];
    let progress = pco::standalone::simple_decompress_into(bytes, &mut numbers).ok()?;
    (progress.n_processed == count && progress.finished).then_some(numbers)
}

/// Finds the exponent under which all values but a few are decimals, with their mantissas and the
/// places of the others.
fn as_decimals(values: &[f64]) -> Option<(u8, Vec<i64>, Vec<usize>)> {
    let exceptions_max = values.len() / 16 + 1;
    let mut exponent = 0;
    let mut exceptions = 0;
    for &value in values {
        while decimal::mantissa(value, exponent).is_none() {
            if exponent < decimal::EXPONENT_MAX && value.is_finite() && value.abs() < 1e15 {
                exponent += 1;
                continue;
            }
            exceptions += 1;
            break;
        }
        if exceptions > exceptions_max {
            return None;
        }
        if exponent == decimal::EXPONENT_MAX && decimal::mantissa(value, exponent).is_none() {
            // One odd value must not push the exponent of all others to the top.
            exponent = lowest_exponent(values, exceptions_max)?;
            break;
        }
    }
    let mut last = 0;
    let mut odd = Vec::new();
    let mantissas = values.iter().enumerate().map(|(at, &value)| {
        match decimal::mantissa(value, exponent) {
            Some(mantissa) => last = mantissa,
            None => odd.push(at),
        }
        last
    });
    let mantissas = mantissas.collect();
    (odd.len() <= exceptions_max).then_some((exponent, mantissas, odd))
}

/// Returns the lowest exponent that leaves at most `exceptions_max` values out.
fn lowest_exponent(values: &[f64], exceptions_max: usize) -> Option<u8> {
    (0..=decimal::EXPONENT_MAX).find(|&exponent| {
        let odd = values.iter().filter(|&&v| decimal::mantissa(v, exponent).is_none());
        odd.take(exceptions_max + 1).count() <= exceptions_max
    })
}

fn put_exceptions(out: &mut Vec<u8>, values: &[f64], odd: &[usize]) {
    varint::put_u64(out, odd.len() as u64);
    let mut last = 0;
    for &at in odd {
        varint::put_u64(out, (at - last) as u64);
        out.extend_from_slice(&values[at].to_le_bytes());
        last = at;
    }
}

/// Appends a column. `settled` data are written once and read for months, so they may cost more
/// time; young data are written again soon.
pub(crate) fn encode(out: &mut Vec<u8>, values: &[f64], settled: bool) {
    let first = values.first().map_or(0, |v| v.to_bits());
    if values.iter().all(|v| v.to_bits() == first) {
        out.push(CONSTANT);
        out.extend_from_slice(&first.to_le_bytes());
        return;
    }
    if let Some((exponent, mantissas, odd)) = as_decimals(values) {
        let flag = if odd.is_empty() { 0 } else { EXCEPTIONS };
        let codec_at = out.len();
        out.push(0);
        if flag != 0 {
            put_exceptions(out, values, &odd);
        }
        out.push(exponent);
        out[codec_at] = flag | encode_integers(out, &mantissas, settled);
        return;
    }
    let stale = |at: &usize| model::is_stale(values[*at]);
    let odd: Vec<usize> = (0..values.len()).filter(stale).collect();
    let mut smooth = values.to_vec();
    for &at in &odd {
        // A NaN in the middle of a series of floats would spoil the modes that pco finds.
        smooth[at] = if at == 0 { 0.0 } else { smooth[at - 1] };
    }
    let flag = if odd.is_empty() { 0 } else { EXCEPTIONS };
    let codec_at = out.len();
    out.push(flag | PLAIN);
    if flag != 0 {
        put_exceptions(out, values, &odd);
    }
    let (codec, packed) = if settled && pages::pays(smooth.len()) {
        (FLOAT_PAGES, pages::compress(&smooth))
    } else {
        (FLOATS, pco_compress(&smooth))
    };
    match packed {
        Some(bytes) if bytes.len() < values.len() * 8 => {
            out[codec_at] = flag | codec;
            out.extend_from_slice(&bytes);
        }
        _ => smooth.iter().for_each(|v| out.extend_from_slice(&v.to_le_bytes())),
    }
}

/// Appends integers in the smallest form and returns its codec.
fn encode_integers(out: &mut Vec<u8>, numbers: &[i64], settled: bool) -> u8 {
    let first = numbers[0];
    let step = numbers.get(1).map_or(0, |second| second - first);
    if numbers.windows(2).all(|pair| pair[1] - pair[0] == step) {
        varint::put_i64(out, first);
        varint::put_i64(out, step);
        return STEPS;
    }
    let differences: Vec<u64> = numbers.windows(2).map(|p| zigzag(p[1] - p[0])).collect();
    if settled && numbers.len() >= PCO_VALUES_MIN {
        let (codec, packed) = if pages::pays(numbers.len()) {
            (INTEGER_PAGES, pages::compress(numbers))
        } else {
            (INTEGERS, pco_compress(numbers))
        };
        if let Some(bytes) = packed
            && bytes.len() < bits::packed_len(&differences)
        {
            out.extend_from_slice(&bytes);
            return codec;
        }
    }
    varint::put_i64(out, first);
    bits::pack(out, &differences);
    PACKED
}

/// Packs integers that are settled; `None` where a plain form is smaller for certain.
pub(crate) fn pack_integers(numbers: &[i64]) -> Option<Vec<u8>> {
    if numbers.len() < PCO_VALUES_MIN {
        return None;
    }
    pco_compress(numbers)
}

/// Undoes [`pack_integers`].
pub(crate) fn unpack_integers(bytes: &[u8], count: usize) -> Option<Vec<i64>> {
    pco_decompress(bytes, count)
}

/// Reads a column of `count` values that fills all of `bytes`; `None` when it is damaged.
pub(crate) fn decode(bytes: &[u8], count: usize) -> Option<Vec<f64>> {
    let mut values = Vec::with_capacity(count);
    decode_range(bytes, count, 0..count, &mut values)?;
    Some(values)
}

/// Appends the values at some places of a column of `count` values; `None` when it is damaged. What is
/// not needed for them is not unpacked where the encoding allows it.
///
/// # Panics
/// When `wanted` is no part of the column.
pub(crate) fn decode_range(
    bytes: &[u8],
    count: usize,
    wanted: Range<usize>,
    out: &mut Vec<f64>,
) -> Option<()> {
    assert!(wanted.start <= wanted.end && wanted.end <= count, "places inside the column");
    let mut reader = Reader::new(bytes);
    let codec = reader.u8()?;
    let first = out.len();
    let mut odd = Vec::new();
    if codec & EXCEPTIONS != 0 {
        let mut at = 0usize;
        for _ in 0..reader.usize()? {
            at = at.checked_add(reader.usize()?)?;
            let value = reader.f64()?;
            if at >= count {
                return None;
            }
            if wanted.contains(&at) {
                odd.push((at - wanted.start, value));
            }
        }
    }
    match codec & !EXCEPTIONS {
        CONSTANT => out.resize(first + wanted.len(), reader.f64()?),
        STEPS => {
            let exponent = exponent(&mut reader)?;
            let (number, step) = (reader.i64()?, reader.i64()?);
            let number = |at| number.wrapping_add(step.wrapping_mul(at as i64));
            out.extend(wanted.map(|at| decimal::value(number(at), exponent)));
        }
        PACKED => unpack_range(&mut reader, count, wanted, out)?,
        INTEGERS => {
            let exponent = exponent(&mut reader)?;
            let numbers = pco_decompress::<i64>(reader.rest(), count)?;
            decimal::extend(out, &numbers[wanted], exponent);
        }
        FLOATS => out.extend_from_slice(&pco_decompress::<f64>(reader.rest(), count)?[wanted]),
        PLAIN => {
            let all = reader.take(count.checked_mul(8)?)?[wanted.start * 8..wanted.end * 8]
                .chunks_exact(8);
            out.extend(all.map(|v| f64::from_le_bytes(v.try_into().expect("eight bytes"))));
        }
        INTEGER_PAGES => {
            let exponent = exponent(&mut reader)?;
            pages::decompress(reader.rest(), count, wanted, |numbers: &[i64]| {
                decimal::extend(out, numbers, exponent);
            })?;
        }
        FLOAT_PAGES => {
            pages::decompress(reader.rest(), count, wanted, |v: &[f64]| out.extend_from_slice(v))?;
        }
        _ => return None,
    }
    for (at, value) in odd {
        *out.get_mut(first + at)? = value;
    }
    Some(())
}

/// Differences add up from the first value on, so those in front are unpacked too.
fn unpack_range(
    reader: &mut Reader<'_>,
    count: usize,
    wanted: Range<usize>,
    out: &mut Vec<f64>,
) -> Option<()> {
    let exponent = exponent(reader)?;
    let mut number = reader.i64()?;
    count.checked_sub(1)?;
    if wanted.is_empty() {
        return Some(());
    }
    let mut numbers = Vec::with_capacity(wanted.end);
    numbers.push(number);
    bits::unpack(reader, wanted.end - 1, |difference| {
        number = number.wrapping_add(unzigzag(difference));
        numbers.push(number);
    })?;
    decimal::extend(out, &numbers[wanted], exponent);
    Some(())
}

fn exponent(reader: &mut Reader<'_>) -> Option<u8> {
    reader.u8().filter(|&e| e <= decimal::EXPONENT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(values: &[f64]) -> usize {
        let mut sizes = Vec::new();
        for settled in [false, true] {
            let mut bytes = Vec::new();
            encode(&mut bytes, values, settled);
            let read = decode(&bytes, values.len()).expect("decodes");
            let same = read.iter().zip(values).all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same && read.len() == values.len(), "settled {settled}: {values:?}");
            // Any part is what it is of the whole.
            let len = values.len();
            for part in [0..len, len / 2..len, len / 3..len / 2, len..len, 0..len.min(1)] {
                let mut some = vec![7.0];
                decode_range(&bytes, len, part.clone(), &mut some).expect("decodes");
                let same = some[1..].iter().zip(&values[part.clone()]);
                assert_eq!(some.len(), 1 + part.len());
                assert!(same.into_iter().all(|(a, b)| a.to_bits() == b.to_bits()), "{part:?}");
            }
            sizes.push(bytes.len());
        }
        sizes[1]
    }

    #[test]
    fn constants_and_steps_cost_nothing() {
        assert!(round_trip(&vec![0.1 + 0.2; 5000]) < 12);
        let steps: Vec<f64> = (0..5000).map(|n| n as f64 * 0.25).collect();
        assert!(round_trip(&steps) < 12);
    }

    #[test]
    fn stale_markers_do_not_spoil_a_chunk() {
        let stale = f64::from_bits(model::STALE_NAN_BITS);
        let mut rng = stdx::Rng::from_seed(1);
        let mut values: Vec<f64> = (0..1000).map(|_| rng.below(50) as f64).collect();
        let clean = round_trip(&values);
        values[400] = stale;
        values[999] = stale;
        assert!(round_trip(&values) < clean + 30);
        let mut floats: Vec<f64> = (1..1000).map(|n| (n as f64).sqrt()).collect();
        floats[0] = stale;
        floats[500] = stale;
        round_trip(&floats);
    }

    #[test]
    fn odd_values_keep_their_bits() {
        round_trip(&[f64::NAN, f64::INFINITY, -0.0, 1e300, f64::MIN_POSITIVE, 0.5]);
        round_trip(&[1.0]);
        round_trip(&[-0.0, 0.0]);
        round_trip(&[1.0, 2.5, 0.1 + 0.2, 3.5]);
        round_trip(&[]);
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(seed in any::<u64>(), len in 0usize..1700, kind in 0u64..5) {
            let mut rng = stdx::Rng::from_seed(seed);
            let mut walk = 0i64;
            let values: Vec<f64> = (0..len).map(|_| {
                walk += rng.below(9) as i64 - 4;
                match if kind == 4 { rng.below(4) } else { kind } {
                    0 => walk as f64,
                    1 => walk as f64 / 100.0,
                    2 => (walk as f64).sin(),
                    _ => f64::from_bits(rng.next_u64()),
                }
            }).collect();
            round_trip(&values);
        }

        #[test]
        fn any_bytes_are_read_or_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            count in 0usize..300,
        ) {
            let _ = decode(&bytes, count);
            let mut out = Vec::new();
            let _ = decode_range(&bytes, count, count / 2..count, &mut out);
        }

        #[test]
        fn damaged_pages_are_read_or_refused(at in 0usize..2000, byte in any::<u8>()) {
            let values: Vec<f64> = (0..1500).map(|n: i32| f64::from(n * 7919 % 101)).collect();
            let mut bytes = Vec::new();
            encode(&mut bytes, &values, true);
            assert_eq!(bytes[0], INTEGER_PAGES);
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = decode(&bytes, values.len());
        }
    }
}
