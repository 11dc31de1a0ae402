//! The columns of a part. The first two bytes of an input are the number of values.

use metric_store::fuzzing;
use model::{Delta, Histogram};

/// As many as a chunk of a part may hold; a reader refuses more before it decodes.
const VALUES_MAX: usize = 8_192;

fn split(input: &[u8]) -> Option<(usize, &[u8])> {
    let (count, bytes) = input.split_first_chunk::<2>()?;
    Some((usize::from(u16::from_le_bytes(*count)) % (VALUES_MAX + 1), bytes))
}

fn bits_of(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// A column of floats.
pub(super) fn column(input: &[u8]) {
    let Some((count, bytes)) = split(input) else { return };
    let Some(values) = fuzzing::decode_column(bytes, count) else { return };
    assert_eq!(values.len(), count, "as many values as asked for");
    for settled in [false, true] {
        let again = fuzzing::encode_column(&values, settled);
        let again = fuzzing::decode_column(&again, count).expect("our own column is read");
        assert_eq!(bits_of(&again), bits_of(&values), "settled {settled}");
    }
}

/// A column of times.
pub(super) fn times(input: &[u8]) {
    let Some((count, bytes)) = split(input) else { return };
    let Some(mut times) = fuzzing::decode_times(bytes, count) else { return };
    assert_eq!(times.len(), count, "as many times as asked for");
    times.sort_unstable();
    times.dedup();
    for settled in [false, true] {
        let again = fuzzing::encode_times(&times, settled);
        let again = fuzzing::decode_times(&again, times.len()).expect("our own column is read");
        assert_eq!(again, times, "settled {settled}");
    }
}

fn shape_of(delta: &Delta) -> Vec<u64> {
    let plain = [delta.count, delta.sum, delta.min, delta.max, delta.opaque];
    let mut all = bits_of(&plain);
    all.push(delta.values.len() as u64);
    all.extend(delta.values.iter().flat_map(|(v, n)| [v.to_bits(), n.to_bits()]));
    all.extend(delta.buckets.iter().flat_map(|(b, n)| [*b as u64, n.to_bits()]));
    all
}

/// A column of deltas.
pub(super) fn deltas(input: &[u8]) {
    let Some((count, bytes)) = split(input) else { return };
    let Some(deltas) = fuzzing::decode_deltas(bytes, count % 512) else { return };
    for settled in [false, true] {
        let again = fuzzing::encode_deltas(&deltas, settled);
        let again = fuzzing::decode_deltas(&again, deltas.len()).expect("our own column is read");
        assert!(again.iter().map(shape_of).eq(deltas.iter().map(shape_of)), "settled {settled}");
    }
}

fn bytes_of(histogram: &Histogram) -> Vec<u8> {
    let mut bytes = Vec::new();
    histogram.encode(&mut bytes);
    bytes
}

/// A column of native histograms.
pub(super) fn histograms(input: &[u8]) {
    let Some((count, bytes)) = split(input) else { return };
    let count = count % 512;
    let Some(histograms) = fuzzing::decode_histograms(bytes, count) else { return };
    assert_eq!(histograms.len(), count, "as many histograms as asked for");
    assert!(fuzzing::decoded_histogram_bytes(bytes, count).is_some(), "what is read is weighed");
    // As stores hold them: what others wrote may be of another form.
    let ours: Vec<Histogram> =
        histograms.iter().map(|histogram| Histogram::clone(histogram).canonical()).collect();
    for settled in [false, true] {
        let again = fuzzing::encode_histograms(&ours, settled);
        let again = fuzzing::decode_histograms(&again, count).expect("our own column is read");
        let same = again.iter().map(|h| bytes_of(h)).eq(ours.iter().map(bytes_of));
        assert!(same, "settled {settled}");
    }
}

/// Bit-packed numbers.
pub(super) fn bits(input: &[u8]) {
    let Some((count, bytes)) = split(input) else { return };
    let Some(numbers) = fuzzing::unpack(bytes, count) else { return };
    let packed = fuzzing::pack(&numbers);
    assert!(packed.len() <= bytes.len(), "ours is the smallest form");
    assert_eq!(fuzzing::unpack(&packed, count).as_deref(), Some(&numbers[..]));
}

/// A posting list; the first two bytes are the limit of its numbers.
pub(super) fn postings(input: &[u8]) {
    let Some((limit, bytes)) = split(input) else { return };
    let limit = u32::try_from(limit).expect("two bytes");
    let Some(numbers) = fuzzing::decode_postings(bytes, limit) else { return };
    assert!(numbers.iter().all(|&n| n < limit));
    assert!(numbers.is_sorted());
}
