//! What the journal holds of metrics: declarations of series and points by number.

use crate::exemplars::file;
use crate::exemplars::kept::Stored;
use crate::registry::Registry;
use model::{Delta, Histogram, Kind};
use std::sync::Arc;
use stdx::varint::{self, Reader};

/// Kind of the journal's frames that are ours.
pub const FRAME_KIND: u8 = 1;

/// A point of a series that the registry numbered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) number: u32,
    pub(crate) at_ms: i64,
    pub(crate) value: f64,
}

/// What a frame says, in its order.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// From here on the number stands for the series with these canonical bytes.
    Declared { number: u32, kind: Kind, key: &'a [u8] },
    /// A sample of a float series.
    Float(Sample),
    /// A delta of one sample.
    Single(Sample),
    /// Any other delta.
    Delta { number: u32, at_ms: i64, delta: Delta },
    /// A native histogram.
    Histogram { number: u32, at_ms: i64, histogram: Histogram },
    /// An exemplar of the series with these canonical bytes.
    Exemplar { key: &'a [u8], exemplar: Stored },
}

/// Appends declarations of `numbers`, with their count in front.
pub(crate) fn put_declarations(out: &mut Vec<u8>, registry: &Registry, numbers: &[u32]) {
    varint::put_u64(out, numbers.len() as u64);
    let (mut keys, mut ends) = (Vec::new(), Vec::with_capacity(numbers.len()));
    registry.encode_keys(numbers, &mut keys, &mut ends);
    let mut start = 0;
    for (&number, end) in numbers.iter().zip(ends) {
        varint::put_u64(out, u64::from(number));
        out.push(registry.kind(number) as u8);
        varint::put_bytes(out, &keys[start..end]);
        start = end;
    }
}

/// A value that is a small integer takes as many bytes as it needs; the lowest bit tells it from
/// the eight bytes of any other.
fn put_value(out: &mut Vec<u8>, value: f64) {
    match crate::chunk::decimal::mantissa(value, 0) {
        Some(integer) => varint::put_u64(out, varint::zigzag(integer) << 1),
        None => {
            out.push(1);
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
}

fn read_value(reader: &mut Reader<'_>) -> Option<f64> {
    match reader.u64()? {
        1 => reader.f64(),
        integer if integer & 1 == 0 => Some(varint::unzigzag(integer >> 1) as f64),
        _ => None,
    }
}

fn put_samples(out: &mut Vec<u8>, samples: &[Sample]) {
    varint::put_u64(out, samples.len() as u64);
    let (mut number, mut at_ms) = (0, 0);
    for sample in samples {
        // A sender repeats the order of its series, and gives one time to a whole scrape.
        varint::put_i64(out, i64::from(sample.number) - number);
        varint::put_i64(out, sample.at_ms.wrapping_sub(at_ms));
        put_value(out, sample.value);
        (number, at_ms) = (i64::from(sample.number), sample.at_ms);
    }
}

/// Appends the points of a batch. Frames without histograms end before these, as all did once.
pub(crate) fn put_points(
    out: &mut Vec<u8>,
    floats: &[Sample],
    singles: &[Sample],
    deltas: &[(u32, i64, Delta)],
    histograms: &[(u32, i64, Arc<Histogram>)],
) {
    put_samples(out, floats);
    put_samples(out, singles);
    varint::put_u64(out, deltas.len() as u64);
    for (number, at_ms, delta) in deltas {
        varint::put_u64(out, u64::from(*number));
        varint::put_i64(out, *at_ms);
        delta.encode(out);
    }
    if histograms.is_empty() {
        return;
    }
    varint::put_u64(out, histograms.len() as u64);
    for (number, at_ms, histogram) in histograms {
        varint::put_u64(out, u64::from(*number));
        varint::put_i64(out, *at_ms);
        histogram.encode(out);
    }
}

/// Appends the exemplars of a batch, if it has any, behind its points and histograms.
pub(crate) fn put_exemplars(
    out: &mut Vec<u8>,
    has_histograms: bool,
    given: &[(Arc<[u8]>, Vec<Stored>)],
) {
    if given.is_empty() {
        return;
    }
    if !has_histograms {
        varint::put_u64(out, 0);
    }
    file::put_batch(out, given);
}

fn read_samples(reader: &mut Reader<'_>, mut show: impl FnMut(Sample)) -> Option<()> {
    let (mut number, mut at_ms) = (0i64, 0i64);
    for _ in 0..reader.usize()? {
        number = number.checked_add(reader.i64()?)?;
        at_ms = at_ms.wrapping_add(reader.i64()?);
        let value = read_value(reader)?;
        show(Sample { number: u32::try_from(number).ok()?, at_ms, value });
    }
    Some(())
}

/// Shows what a payload says; `None` when it makes no sense.
pub(crate) fn read(payload: &[u8], mut show: impl FnMut(Event<'_>)) -> Option<()> {
    let mut reader = Reader::new(payload);
    for _ in 0..reader.usize()? {
        let number = reader.u32()?;
        let kind = Kind::from_code(reader.u8()?)?;
        show(Event::Declared { number, kind, key: reader.bytes()? });
    }
    read_samples(&mut reader, |sample| show(Event::Float(sample)))?;
    read_samples(&mut reader, |sample| show(Event::Single(sample)))?;
    for _ in 0..reader.usize()? {
        let number = reader.u32()?;
        let at_ms = reader.i64()?;
        show(Event::Delta { number, at_ms, delta: Delta::decode(&mut reader)? });
    }
    if reader.is_empty() {
        return Some(());
    }
    for _ in 0..reader.usize()? {
        let number = reader.u32()?;
        let at_ms = reader.i64()?;
        show(Event::Histogram { number, at_ms, histogram: Histogram::decode(&mut reader)? });
    }
    if !reader.is_empty() {
        file::read_batch(&mut reader, |key, exemplar| show(Event::Exemplar { key, exemplar }))?;
    }
    reader.is_empty().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::SeriesKey;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn reading_undoes_writing(
            points in proptest::collection::vec((any::<u32>(), any::<i64>(), any::<u64>()), 0..40),
            with_histograms in any::<bool>(),
        ) {
            let samples: Vec<Sample> = points.iter().map(|&(number, at_ms, bits)| {
                let value = if bits % 3 == 0 { (bits % 1000) as f64 } else { f64::from_bits(bits) };
                Sample { number, at_ms, value }
            }).collect();
            let deltas = [(7, -5, Delta::of_statistics(3.0, 5.0, 1.0, 2.0))];
            let mut payload = vec![0];
            let histogram = Arc::new(Histogram { count: 3.0, ..Histogram::default() });
            // With and without: exemplars stand behind them.
            let taken = samples.len() * usize::from(with_histograms);
            let histograms: Vec<_> =
                samples[..taken].iter().map(|s| (s.number, s.at_ms, histogram.clone())).collect();
            let half = &samples[..samples.len() / 2];
            put_points(&mut payload, &samples, half, &deltas, &histograms);
            let mut key = Vec::new();
            let (tenant, unit) = (model::TenantId(1), model::Unit::None);
            let [namespace, name] = ["ns", "name"].map(str::to_owned);
            SeriesKey { tenant, namespace, name, unit, labels: Vec::new() }.encode(&mut key);
            let labels = [1, b'a', 1, b'b'];
            let given: Vec<Stored> = samples
                .iter()
                .map(|s| Stored::new(s.at_ms, s.value, labels.into()))
                .collect();
            put_exemplars(&mut payload, !histograms.is_empty(), &[(key.clone().into(), given)]);
            let mut exemplars = Vec::new();
            let (mut floats, mut singles, mut others, mut natives) = (Vec::new(), 0, 0, 0);
            read(&payload, |event| match event {
                Event::Float(s) => floats.push(s),
                Event::Single(_) => singles += 1,
                Event::Delta { .. } => others += 1,
                Event::Histogram { histogram: read, .. } => {
                    natives += usize::from(read == *histogram);
                }
                Event::Exemplar { key: of, exemplar } => {
                    assert_eq!((of, &exemplar.labels[..]), (&key[..], &labels[..]));
                    exemplars.push((exemplar.at_ms, exemplar.value.to_bits()));
                }
                Event::Declared { .. } => panic!("nothing was declared"),
            }).expect("reads");
            prop_assert_eq!((singles, others, natives), (samples.len() / 2, 1, taken));
            prop_assert_eq!(floats.len(), samples.len());
            let told = samples.iter().map(|s| (s.at_ms, s.value.to_bits()));
            prop_assert_eq!(exemplars, told.collect::<Vec<_>>());
            for (a, b) in floats.iter().zip(&samples) {
                prop_assert_eq!((a.number, a.at_ms, a.value.to_bits()),
                    (b.number, b.at_ms, b.value.to_bits()));
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = read(&bytes, |_| {});
        }
    }
}
