//! A column of deltas in a part: single samples as plain numbers, the others as columns of their
//! four statistics and a compressed list of their distributions.

use super::rolled::Statistics;
use super::{column, unpack};
use model::Delta;
use stdx::varint::{self, Reader};

const SINGLES: u8 = 0;
const MIXED: u8 = 1;
/// A distribution that says: one sample, namely the sum.
const SINGLE: u64 = 0;
/// More than any chunk of ours can hold, so that damaged bytes cannot ask for all memory.
const DISTRIBUTION_BYTES_MAX: usize = 64 << 20;

/// Appends a column of deltas.
pub(crate) fn encode(out: &mut Vec<u8>, deltas: &[Delta], settled: bool) {
    let singles: Option<Vec<f64>> = deltas.iter().map(Delta::as_single).collect();
    if let Some(values) = singles {
        return encode_singles(out, &values, settled);
    }
    out.push(MIXED);
    let columns: [fn(&Delta) -> f64; 5] =
        [|d| d.count, |d| d.sum, |d| d.min, |d| d.max, |d| d.opaque];
    for of in columns {
        let values: Vec<f64> = deltas.iter().map(of).collect();
        let mut bytes = Vec::new();
        column::encode(&mut bytes, &values, settled);
        varint::put_bytes(out, &bytes);
    }
    let mut distributions = Vec::new();
    for delta in deltas {
        put_distribution(&mut distributions, delta);
    }
    let packed = zstd::bulk::compress(&distributions, 3).expect("memory can be compressed");
    varint::put_u64(out, distributions.len() as u64);
    out.extend_from_slice(&packed);
}

/// Appends a column of deltas of one sample each.
pub(crate) fn encode_singles(out: &mut Vec<u8>, values: &[f64], settled: bool) {
    out.push(SINGLES);
    column::encode(out, values, settled);
}

/// Returns the column of values of deltas of one sample each, if all are such.
pub(crate) fn singles(bytes: &[u8]) -> Option<&[u8]> {
    bytes.strip_prefix(&[SINGLES])
}

fn put_distribution(out: &mut Vec<u8>, delta: &Delta) {
    if delta.as_single().is_some() {
        varint::put_u64(out, SINGLE);
        return;
    }
    varint::put_u64(out, delta.values.len() as u64 + 1);
    for (value, count) in &delta.values {
        out.extend_from_slice(&value.to_le_bytes());
        out.extend_from_slice(&count.to_le_bytes());
    }
    varint::put_u64(out, delta.buckets.len() as u64);
    for (number, count) in &delta.buckets {
        varint::put_i64(out, i64::from(*number));
        out.extend_from_slice(&count.to_le_bytes());
    }
}

/// A column that was read.
#[derive(Debug, PartialEq)]
pub(crate) enum Column {
    /// The samples of deltas that have one each.
    Singles(Vec<f64>),
    /// Deltas of any kind.
    Mixed(Vec<Delta>),
}

/// Reads `count` deltas that fill all of `bytes`; `None` when they are damaged.
pub(crate) fn decode(bytes: &[u8], count: usize) -> Option<Column> {
    let mut reader = Reader::new(bytes);
    match reader.u8()? {
        SINGLES => Some(Column::Singles(column::decode(reader.rest(), count)?)),
        MIXED => {
            let mut columns = Vec::with_capacity(5);
            for _ in 0..5 {
                columns.push(column::decode(reader.bytes()?, count)?);
            }
            let len = reader.usize().filter(|&len| len <= DISTRIBUTION_BYTES_MAX)?;
            let distributions = unpack(reader.rest(), len)?;
            let mut reader = Reader::new(&distributions);
            let deltas: Option<Vec<Delta>> = (0..count)
                .map(|at| {
                    let mut delta = Delta {
                        count: columns[0][at],
                        sum: columns[1][at],
                        min: columns[2][at],
                        max: columns[3][at],
                        opaque: columns[4][at],
                        ..Delta::default()
                    };
                    read_distribution(&mut reader, &mut delta)?;
                    Some(delta)
                })
                .collect();
            deltas.map(Column::Mixed)
        }
        _ => None,
    }
}

/// Statistics that were read.
#[derive(Debug)]
pub(crate) enum Sets {
    /// The samples of deltas that have one each.
    Singles(Vec<f64>),
    /// Of deltas of any kind.
    Statistics(Statistics),
}

/// Reads the statistics of `count` deltas and leaves their distributions alone.
pub(crate) fn decode_statistics(bytes: &[u8], count: usize) -> Option<Sets> {
    let mut reader = Reader::new(bytes);
    match reader.u8()? {
        SINGLES => Some(Sets::Singles(column::decode(reader.rest(), count)?)),
        MIXED => {
            let mut next = || column::decode(reader.bytes()?, count);
            let (count, sum, min, max, opaque) = (next()?, next()?, next()?, next()?, next()?);
            Some(Sets::Statistics(Statistics { count, sum, min, max, opaque }))
        }
        _ => None,
    }
}

fn read_distribution(reader: &mut Reader<'_>, delta: &mut Delta) -> Option<()> {
    let values = match reader.u64()? {
        SINGLE => {
            delta.values.push((delta.sum, 1.0));
            return Some(());
        }
        one_more => one_more - 1,
    };
    for _ in 0..values {
        delta.values.push((reader.f64()?, reader.f64()?));
    }
    for _ in 0..reader.u64()? {
        delta.buckets.push((i32::try_from(reader.i64()?).ok()?, reader.f64()?));
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(deltas: &[Delta]) {
        for settled in [false, true] {
            let mut bytes = Vec::new();
            encode(&mut bytes, deltas, settled);
            let read = match decode(&bytes, deltas.len()) {
                Some(Column::Singles(values)) => values.into_iter().map(Delta::of_value).collect(),
                Some(Column::Mixed(deltas)) => deltas,
                None => panic!("what was encoded is decoded"),
            };
            assert_eq!(read, deltas);
        }
    }

    #[test]
    fn all_forms_are_kept() {
        let mut many = Delta::default();
        (0..200).for_each(|n| many.add(&Delta::of_value(f64::from(n))));
        round_trip(&[]);
        round_trip(&[Delta::of_value(1.5), Delta::of_value(2.5)]);
        round_trip(&[
            Delta::of_value(1.5),
            Delta::of_statistics(5.0, 10.0, 1.0, 4.0),
            Delta::of_values(-3.0, 2.5),
            many,
        ]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            count in 0usize..50,
        ) {
            let _ = decode(&bytes, count);
        }
    }
}
