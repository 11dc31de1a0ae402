//! Columns of roll-ups in a part. Statistics stand in front and distributions behind, so that whoever
//! wants no percentile reads a few columns and nothing else.

use super::column;
use crate::rollup::fold::Rolled;
use model::Delta;
use stdx::varint::{self, Reader};

/// The codec of deltas; 0 and 1 are those of raw deltas.
const DELTAS: u8 = 2;
/// More values than any chunk of ours can hold, so that damaged bytes cannot ask for all memory.
const VALUES_MAX: usize = 4 << 20;

/// Statistics of deltas, one column each.
#[derive(Debug)]
pub(crate) struct Statistics {
    pub(crate) count: Vec<f64>,
    pub(crate) sum: Vec<f64>,
    pub(crate) min: Vec<f64>,
    pub(crate) max: Vec<f64>,
    pub(crate) opaque: Vec<f64>,
}

fn put_column(out: &mut Vec<u8>, values: &[f64]) {
    let mut bytes = Vec::new();
    column::encode(&mut bytes, values, true);
    varint::put_bytes(out, &bytes);
}

/// Appends deltas of a roll-up.
pub(crate) fn encode_deltas(out: &mut Vec<u8>, deltas: &[Delta]) {
    out.push(DELTAS);
    let statistics: [fn(&Delta) -> f64; 5] =
        [|d| d.count, |d| d.sum, |d| d.min, |d| d.max, |d| d.opaque];
    for of in statistics {
        put_column(out, &deltas.iter().map(of).collect::<Vec<f64>>());
    }
    let lengths = |of: fn(&Delta) -> usize| deltas.iter().map(|d| of(d) as f64).collect::<Vec<_>>();
    put_column(out, &lengths(|d| d.values.len()));
    put_column(out, &lengths(|d| d.buckets.len()));
    let values = || deltas.iter().flat_map(|d| &d.values);
    let buckets = || deltas.iter().flat_map(|d| &d.buckets);
    put_column(out, &values().map(|v| v.0).collect::<Vec<f64>>());
    put_column(out, &values().map(|v| v.1).collect::<Vec<f64>>());
    put_column(out, &buckets().map(|b| f64::from(b.0)).collect::<Vec<f64>>());
    put_column(out, &buckets().map(|b| b.1).collect::<Vec<f64>>());
}

fn read_statistics(reader: &mut Reader<'_>, count: usize) -> Option<Statistics> {
    if reader.u8()? != DELTAS {
        return None;
    }
    let mut next = || column::decode(reader.bytes()?, count);
    Some(Statistics { count: next()?, sum: next()?, min: next()?, max: next()?, opaque: next()? })
}

/// Reads the statistics of `count` deltas and leaves their distributions alone.
pub(crate) fn decode_statistics(bytes: &[u8], count: usize) -> Option<Statistics> {
    read_statistics(&mut Reader::new(bytes), count)
}

/// Reads `count` deltas that fill all of `bytes`; `None` when they are damaged.
pub(crate) fn decode_deltas(bytes: &[u8], count: usize) -> Option<Vec<Delta>> {
    let mut reader = Reader::new(bytes);
    let Statistics { count: counts, sum, min, max, opaque } = read_statistics(&mut reader, count)?;
    let mut column = |count| column::decode(reader.bytes()?, count);
    let (values, buckets) = (column(count)?, column(count)?);
    let (values_len, buckets_len) = (total(&values)?, total(&buckets)?);
    let (value, value_count) = (column(values_len)?, column(values_len)?);
    let (bucket, bucket_count) = (column(buckets_len)?, column(buckets_len)?);
    if !reader.is_empty() {
        return None;
    }
    let mut value = value.into_iter().zip(value_count);
    let mut bucket = bucket.into_iter().zip(bucket_count);
    let mut deltas = Vec::with_capacity(count);
    for at in 0..count {
        deltas.push(Delta {
            count: counts[at],
            sum: sum[at],
            min: min[at],
            max: max[at],
            opaque: opaque[at],
            values: value.by_ref().take(length(values[at])?).collect(),
            buckets: bucket
                .by_ref()
                .take(length(buckets[at])?)
                .map(|(number, count)| Some((whole(number)?, count)))
                .collect::<Option<_>>()?,
        });
    }
    Some(deltas)
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
fn whole(number: f64) -> Option<i32> {
    let is_whole = number.fract() == 0.0 && number.abs() <= f64::from(i32::MAX);
    is_whole.then_some(number as i32)
}

fn length(number: f64) -> Option<usize> {
    usize::try_from(whole(number)?).ok()
}

fn total(lengths: &[f64]) -> Option<usize> {
    let mut all = 0usize;
    for &len in lengths {
        all = all.checked_add(length(len)?).filter(|&all| all <= VALUES_MAX)?;
    }
    Some(all)
}

/// Appends roll-ups of floats.
pub(crate) fn encode_floats(out: &mut Vec<u8>, rolled: &[Rolled]) {
    let columns: [fn(&Rolled) -> f64; 7] =
        [|r| r.count, |r| r.sum, |r| r.min, |r| r.max, |r| r.first, |r| r.last, |r| r.increase];
    for of in columns {
        put_column(out, &rolled.iter().map(of).collect::<Vec<f64>>());
    }
}

/// Reads `count` roll-ups of floats that fill all of `bytes`; `None` when they are damaged.
pub(crate) fn decode_floats(bytes: &[u8], count: usize) -> Option<Vec<Rolled>> {
    let mut reader = Reader::new(bytes);
    let mut columns = Vec::with_capacity(7);
    for _ in 0..7 {
        columns.push(column::decode(reader.bytes()?, count)?);
    }
    let of = |at: usize| Rolled {
        count: columns[0][at],
        sum: columns[1][at],
        min: columns[2][at],
        max: columns[3][at],
        first: columns[4][at],
        last: columns[5][at],
        increase: columns[6][at],
    };
    reader.is_empty().then(|| (0..count).map(of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decoding_undoes_encoding() {
        let mut many = Delta::default();
        (0..200).for_each(|n| many.add(&Delta::of_value(f64::from(n) - 20.0)));
        let deltas = [
            Delta::of_value(1.5),
            Delta::of_statistics(5.0, 10.0, 1.0, 4.0),
            many,
            Delta::of_values(-3.0, 2.5),
            Delta::default(),
        ];
        let mut bytes = Vec::new();
        encode_deltas(&mut bytes, &deltas);
        assert_eq!(decode_deltas(&bytes, deltas.len()).as_deref(), Some(&deltas[..]));
        let statistics = decode_statistics(&bytes, deltas.len()).unwrap();
        assert_eq!(statistics.max, [1.5, 4.0, 179.0, -3.0, 0.0]);
        assert_eq!(decode_deltas(&bytes[..bytes.len() - 1], deltas.len()), None);

        let mut rolled = Rolled::of(3.0);
        [5.0, 1.0, 2.5].into_iter().for_each(|v| rolled.push(v));
        let rolled = [rolled, Rolled::of(f64::MAX)];
        let mut bytes = Vec::new();
        encode_floats(&mut bytes, &rolled);
        assert_eq!(decode_floats(&bytes, 2).as_deref(), Some(&rolled[..]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            mut bytes in proptest::collection::vec(any::<u8>(), 1..300),
            count in 0usize..50,
        ) {
            let _ = decode_floats(&bytes, count);
            bytes[0] = DELTAS;
            let _ = (decode_deltas(&bytes, count), decode_statistics(&bytes, count));
        }
    }
}
