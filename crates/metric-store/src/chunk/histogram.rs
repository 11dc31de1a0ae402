//! A column of native histograms in a part.
//!
//! Neighbours that share schema, zero bucket and bounds are a *run*: which buckets there are is said
//! once, and what is in them is columns. A bucket that grows by few observations from one histogram to
//! the next costs as many bits.

use super::{bits, column};
use model::{Bucket, Histogram, ResetHint, whole};
use std::sync::Arc;
use stdx::varint::{self, Reader, unzigzag, zigzag};

/// The codec of all that follows.
const RUNS: u8 = 0;

/// Counts are those of the zero bucket and all others added up; or a column of their own.
const ADDS_UP: u8 = 0;
const OWN: u8 = 1;

/// What is in the buckets: integers and how they change, bit-packed or with `pco`; or floats.
const PACKED: u8 = 0;
const INTEGERS: u8 = 1;
const FLOATS: u8 = 2;

/// Cells of a chunk at most: buckets of a run times its histograms. The writer stays far below;
/// damaged bytes cannot ask for more.
const CELLS_MAX: usize = 2 << 20;
/// A run may hold so many empty cells for each that is not ...
const CELLS_PER_BUCKET: usize = 2;
/// ... and a few more, so that a short one is not cut at each new bucket.
const CELLS_SPARE: usize = 256;

/// What an [`Arc`] adds to what it holds, and a point of time with it.
const POINT_BYTES: u64 = 32;

/// Returns what a histogram takes in memory as one of a series.
pub(crate) fn heap_bytes(histogram: &Histogram) -> u64 {
    histogram.bytes() as u64 + POINT_BYTES
}

/// Which buckets the histograms of a run have.
struct Layout {
    schema: i8,
    zero_threshold: f64,
    bounds: Arc<[f64]>,
    positive: Vec<i32>,
    negative: Vec<i32>,
}

impl Layout {
    fn of(histogram: &Histogram) -> Self {
        let indexes = |buckets: &[Bucket]| buckets.iter().map(|b| b.index).collect();
        Self {
            schema: histogram.schema,
            zero_threshold: histogram.zero_threshold,
            bounds: histogram.bounds.clone(),
            positive: indexes(&histogram.positive),
            negative: indexes(&histogram.negative),
        }
    }

    fn len(&self) -> usize {
        self.positive.len() + self.negative.len()
    }

    fn takes(&self, histogram: &Histogram) -> bool {
        self.schema == histogram.schema
            && self.zero_threshold.to_bits() == histogram.zero_threshold.to_bits()
            && (Arc::ptr_eq(&self.bounds, &histogram.bounds)
                || same_bits(&self.bounds, &histogram.bounds))
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.push(self.schema.cast_unsigned());
        out.extend_from_slice(&self.zero_threshold.to_le_bytes());
        varint::put_u64(out, self.bounds.len() as u64);
        self.bounds.iter().for_each(|bound| out.extend_from_slice(&bound.to_le_bytes()));
        for indexes in [&self.positive, &self.negative] {
            varint::put_u64(out, indexes.len() as u64);
            let mut last = 0;
            for &index in indexes {
                varint::put_i64(out, i64::from(index) - last);
                last = i64::from(index);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let (schema, zero_threshold) = (reader.u8()?.cast_signed(), reader.f64()?);
        let bounds = reader.usize().filter(|&bounds| bounds <= reader.rest().len() / 8)?;
        let bounds = (0..bounds).map(|_| reader.f64()).collect::<Option<_>>()?;
        let mut indexes = || -> Option<Vec<i32>> {
            let count = reader.usize().filter(|&count| count <= reader.rest().len())?;
            let mut indexes: Vec<i32> = Vec::with_capacity(count);
            let mut last = 0i64;
            for _ in 0..count {
                let index = i32::try_from(last.checked_add(reader.i64()?)?).ok()?;
                if indexes.last().is_some_and(|&before| before >= index) {
                    return None;
                }
                indexes.push(index);
                last = i64::from(index);
            }
            Some(indexes)
        };
        let (positive, negative) = (indexes()?, indexes()?);
        Some(Self { schema, zero_threshold, bounds, positive, negative })
    }
}

fn same_bits(one: &[f64], other: &[f64]) -> bool {
    one.iter().map(|bound| bound.to_bits()).eq(other.iter().map(|bound| bound.to_bits()))
}

/// Returns both lists of rising indexes as one; `None` when the first holds all.
fn joined(indexes: &[i32], buckets: &[Bucket]) -> Option<Vec<i32>> {
    let mut known = indexes.iter().peekable();
    let missing = buckets.iter().any(|bucket| {
        while known.next_if(|&&index| index < bucket.index).is_some() {}
        known.peek() != Some(&&bucket.index)
    });
    missing.then(|| {
        let mut all: Vec<i32> = indexes.to_vec();
        all.extend(buckets.iter().map(|bucket| bucket.index));
        all.sort_unstable();
        all.dedup();
        all
    })
}

fn buckets_of(histogram: &Histogram) -> usize {
    histogram.positive.len() + histogram.negative.len()
}

/// Appends a column of histograms, which must be canonical.
pub(crate) fn encode(out: &mut Vec<u8>, histograms: &[&Histogram], settled: bool) {
    out.push(RUNS);
    let sums: Vec<f64> = histograms.iter().map(|h| h.sum).collect();
    put_column(out, &sums, settled);
    let lasting: Vec<&Histogram> = histograms.iter().copied().filter(|h| !h.is_stale()).collect();
    let mut rest = lasting.as_slice();
    while let Some(first) = rest.first() {
        let mut layout = Layout::of(first);
        let (mut len, mut buckets) = (1, buckets_of(first));
        for next in &rest[1..] {
            if !layout.takes(next) {
                break;
            }
            let positive = joined(&layout.positive, &next.positive);
            let negative = joined(&layout.negative, &next.negative);
            let width = positive.as_ref().map_or(layout.positive.len(), Vec::len)
                + negative.as_ref().map_or(layout.negative.len(), Vec::len);
            let all = buckets + buckets_of(next);
            if width * (len + 1) > CELLS_PER_BUCKET * all + CELLS_SPARE {
                break;
            }
            layout.positive = positive.unwrap_or(layout.positive);
            layout.negative = negative.unwrap_or(layout.negative);
            (len, buckets) = (len + 1, all);
        }
        let (run, behind) = rest.split_at(len);
        let mut bytes = Vec::new();
        put_run(&mut bytes, &layout, run, buckets, settled);
        varint::put_u64(out, len as u64);
        varint::put_bytes(out, &bytes);
        rest = behind;
    }
}

fn put_column(out: &mut Vec<u8>, values: &[f64], settled: bool) {
    let mut bytes = Vec::new();
    column::encode(&mut bytes, values, settled);
    varint::put_bytes(out, &bytes);
}

fn put_run(out: &mut Vec<u8>, layout: &Layout, run: &[&Histogram], buckets: usize, settled: bool) {
    varint::put_u64(out, buckets as u64);
    layout.put(out);
    put_hints(out, run);
    if run.iter().all(|h| added_up(h).to_bits() == h.count.to_bits()) {
        out.push(ADDS_UP);
    } else {
        out.push(OWN);
        put_column(out, &run.iter().map(|h| h.count).collect::<Vec<f64>>(), settled);
    }
    put_column(out, &run.iter().map(|h| h.zero_count).collect::<Vec<f64>>(), settled);
    put_cells(out, &cells_of(layout, run), run.len(), settled);
}

/// Returns what all buckets hold, in the order in which readers add it up too.
fn added_up(histogram: &Histogram) -> f64 {
    let buckets = histogram.positive.iter().chain(&histogram.negative);
    buckets.fold(histogram.zero_count, |sum, bucket| sum + bucket.count)
}

fn put_hints(out: &mut Vec<u8>, run: &[&Histogram]) {
    let usual = run.get(1).map_or(run[0].hint, |second| second.hint);
    let odd: Vec<usize> = (0..run.len()).filter(|&at| run[at].hint != usual).collect();
    out.push(usual as u8);
    varint::put_u64(out, odd.len() as u64);
    let mut last = 0;
    for at in odd {
        varint::put_u64(out, (at - last) as u64);
        out.push(run[at].hint as u8);
        last = at;
    }
}

/// The buckets of one side of a histogram.
type Side = fn(&Histogram) -> &[Bucket];

/// Returns what is in each bucket of the layout, bucket after bucket.
fn cells_of(layout: &Layout, run: &[&Histogram]) -> Vec<f64> {
    let mut cells = vec![0.0; layout.len() * run.len()];
    let sides: [(&[i32], usize, Side); 2] = [
        (&layout.positive, 0, |h| &h.positive),
        (&layout.negative, layout.positive.len(), |h| &h.negative),
    ];
    for (indexes, first, buckets) in sides {
        for (row, histogram) in run.iter().enumerate() {
            let mut at = 0;
            for bucket in buckets(histogram) {
                while indexes[at] < bucket.index {
                    at += 1;
                }
                cells[(first + at) * run.len() + row] = bucket.count;
            }
        }
    }
    cells
}

fn put_cells(out: &mut Vec<u8>, cells: &[f64], rows: usize, settled: bool) {
    let integers: Option<Vec<i64>> = cells.iter().map(|&cell| whole(cell)).collect();
    let Some(integers) = integers else {
        out.push(FLOATS);
        return put_column(out, cells, settled);
    };
    let form_at = out.len();
    out.push(PACKED);
    let mut last = 0;
    for bucket in integers.chunks(rows) {
        varint::put_i64(out, bucket[0] - last);
        last = bucket[0];
    }
    let changes = integers.chunks(rows).flat_map(|bucket| bucket.windows(2).map(|p| p[1] - p[0]));
    let changes: Vec<i64> = changes.collect();
    let packed_at = out.len();
    let mut packed = Vec::with_capacity(rows);
    for bucket in changes.chunks(rows.saturating_sub(1).max(1)) {
        // Each by itself: one that rests must not pay for its busy neighbour.
        packed.clear();
        packed.extend(bucket.iter().map(|&change| zigzag(change)));
        bits::pack(out, &packed);
    }
    if settled
        && let Some(bytes) = column::pack_integers(&changes)
        && bytes.len() < out.len() - packed_at
    {
        out[form_at] = INTEGERS;
        out.truncate(packed_at);
        out.extend_from_slice(&bytes);
    }
}

/// Reads `count` histograms that fill all of `bytes`; `None` when they are damaged.
pub(crate) fn decode(bytes: &[u8], count: usize) -> Option<Vec<Arc<Histogram>>> {
    let mut reader = Reader::new(bytes);
    if reader.u8()? != RUNS {
        return None;
    }
    let sums = column::decode(reader.bytes()?, count)?;
    let mut lasting = sums.iter().copied().filter(|sum| !model::is_stale(*sum));
    let mut left = lasting.clone().count();
    let mut runs = Vec::with_capacity(left);
    let mut cells_left = CELLS_MAX;
    while left > 0 {
        let len = reader.usize().filter(|&len| (1..=left).contains(&len))?;
        read_run(reader.bytes()?, len, &mut cells_left, lasting.by_ref(), &mut runs)?;
        left -= len;
    }
    if !reader.is_empty() {
        return None;
    }
    let mut runs = runs.into_iter();
    let stale = Arc::new(Histogram::stale());
    let of = |sum: f64| if model::is_stale(sum) { Some(stale.clone()) } else { runs.next() };
    sums.iter().copied().map(of).collect()
}

/// Returns what [`decode`] makes of `bytes` in memory; `None` when they are damaged.
pub(crate) fn decoded_bytes(bytes: &[u8], count: usize) -> Option<u64> {
    let mut reader = Reader::new(bytes);
    reader.u8()?;
    reader.bytes()?;
    let mut all = count as u64 * (size_of::<Histogram>() as u64 + POINT_BYTES);
    while !reader.is_empty() {
        reader.usize()?;
        let mut run = Reader::new(reader.bytes()?);
        let buckets = run.usize().filter(|&buckets| buckets <= CELLS_MAX)?;
        run.take(9)?;
        let bounds = run.usize().filter(|&bounds| bounds <= run.rest().len() / 8)?;
        all += (buckets * size_of::<Bucket>() + bounds * size_of::<f64>()) as u64;
    }
    Some(all)
}

fn read_run(
    bytes: &[u8],
    rows: usize,
    cells_left: &mut usize,
    sums: &mut impl Iterator<Item = f64>,
    out: &mut Vec<Arc<Histogram>>,
) -> Option<()> {
    let mut reader = Reader::new(bytes);
    let buckets = reader.usize()?;
    let layout = Layout::read(&mut reader)?;
    let hints = read_hints(&mut reader, rows)?;
    let counts = match reader.u8()? {
        ADDS_UP => None,
        OWN => Some(column::decode(reader.bytes()?, rows)?),
        _ => return None,
    };
    let zeros = column::decode(reader.bytes()?, rows)?;
    *cells_left = cells_left.checked_sub(layout.len().checked_mul(rows)?)?;
    let cells = read_cells(&mut reader, layout.len(), rows)?;
    if cells.iter().filter(|cell| **cell != 0.0).count() != buckets {
        return None;
    }
    let of_side = |indexes: &[i32], first: usize, row: usize| -> Vec<Bucket> {
        let cell = |at: usize| cells[(first + at) * rows + row];
        let len = (0..indexes.len()).filter(|&at| cell(at) != 0.0).count();
        let mut found = Vec::with_capacity(len);
        let all = indexes.iter().enumerate();
        found.extend(all.filter_map(|(at, &index)| {
            let count = cell(at);
            (count != 0.0).then_some(Bucket { index, count })
        }));
        found
    };
    for (row, hint) in hints.into_iter().enumerate() {
        let mut histogram = Histogram {
            schema: layout.schema,
            hint,
            count: 0.0,
            sum: sums.next()?,
            zero_threshold: layout.zero_threshold,
            zero_count: zeros[row],
            positive: of_side(&layout.positive, 0, row),
            negative: of_side(&layout.negative, layout.positive.len(), row),
            bounds: layout.bounds.clone(),
        };
        histogram.count = match &counts {
            Some(counts) => counts[row],
            None => added_up(&histogram),
        };
        out.push(Arc::new(histogram));
    }
    Some(())
}

fn read_hints(reader: &mut Reader<'_>, rows: usize) -> Option<Vec<ResetHint>> {
    let mut hints = vec![ResetHint::from_code(reader.u8()?)?; rows];
    let mut at = 0usize;
    for _ in 0..reader.usize()? {
        at = at.checked_add(reader.usize()?)?;
        *hints.get_mut(at)? = ResetHint::from_code(reader.u8()?)?;
    }
    Some(hints)
}

/// Reads what is in the buckets, and all that is left.
fn read_cells(reader: &mut Reader<'_>, buckets: usize, rows: usize) -> Option<Vec<f64>> {
    let form = reader.u8()?;
    if form == FLOATS {
        let cells = column::decode(reader.bytes()?, buckets * rows)?;
        return reader.is_empty().then_some(cells);
    }
    let mut firsts = Vec::with_capacity(buckets);
    let mut last = 0i64;
    for _ in 0..buckets {
        last = last.wrapping_add(reader.i64()?);
        firsts.push(last);
    }
    let len = buckets * (rows - 1);
    let changes = match form {
        // A byte tells the width of a block at least.
        PACKED if len > reader.rest().len().saturating_mul(bits::BLOCK) => return None,
        PACKED => {
            let mut changes = Vec::with_capacity(len);
            for _ in 0..buckets {
                bits::unpack(reader, rows - 1, |change| changes.push(unzigzag(change)))?;
            }
            if !reader.is_empty() {
                return None;
            }
            changes
        }
        INTEGERS => column::unpack_integers(reader.rest(), len)?,
        _ => return None,
    };
    let mut cells = Vec::with_capacity(buckets * rows);
    let mut changes = changes.into_iter();
    for first in firsts {
        let mut cell = first;
        cells.push(cell as f64);
        for change in changes.by_ref().take(rows - 1) {
            cell = cell.wrapping_add(change);
            cells.push(cell as f64);
        }
    }
    Some(cells)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::CUSTOM_SCHEMA;
    use proptest::prelude::*;
    use stdx::Rng;

    fn round_trip(histograms: &[Histogram]) -> Vec<usize> {
        let refs: Vec<&Histogram> = histograms.iter().collect();
        let encoded = [false, true].map(|settled| {
            let mut bytes = Vec::new();
            encode(&mut bytes, &refs, settled);
            let read = decode(&bytes, histograms.len()).expect("what was encoded is decoded");
            assert_eq!(read.len(), histograms.len());
            for (read, put) in read.iter().zip(histograms) {
                assert!(same(read, put), "{read:?}\n{put:?}");
            }
            let taken: u64 = read.iter().map(|histogram| heap_bytes(histogram)).sum();
            let told = decoded_bytes(&bytes, read.len()).expect("what was encoded is weighed");
            // Bounds are shared by a run.
            let shared: u64 = read.iter().map(|h| 8 * h.bounds.len() as u64).sum();
            assert!(told <= taken && told + shared >= taken, "{told} of {taken}");
            bytes.len()
        });
        encoded.to_vec()
    }

    /// Bit for bit, as NaN is no equal of itself.
    fn same(one: &Histogram, other: &Histogram) -> bool {
        let bytes = |histogram: &Histogram| {
            let mut bytes = Vec::new();
            histogram.encode(&mut bytes);
            bytes
        };
        bytes(one) == bytes(other)
    }

    /// A counter of latencies: so many buckets, of which some grow by a few observations.
    fn counter(rng: &mut Rng, buckets: usize, len: usize) -> Vec<Histogram> {
        let mut counts = vec![0u64; buckets];
        let mut sum = 0.0;
        let mut next = || {
            for _ in 0..rng.below(12) {
                // Most observations are near the middle.
                let near: u64 = (0..4).map(|_| rng.below(buckets as u64)).sum();
                counts[near as usize / 4] += 1;
                sum += near as f64 * rng.unit();
            }
            let all = (-20..).zip(&counts);
            let positive: Vec<Bucket> =
                all.map(|(index, &n)| Bucket { index, count: n as f64 }).collect();
            let count = counts.iter().sum::<u64>() as f64;
            Histogram { schema: 3, count, sum, positive, ..Histogram::default() }.canonical()
        };
        (0..len).map(|_| next()).collect()
    }

    #[test]
    fn buckets_that_rest_cost_next_to_nothing() {
        let mut rng = Rng::from_seed(1);
        for (buckets, len) in [(20, 5_000), (20, 240), (160, 5_000), (160, 240), (160, 1)] {
            let histograms = counter(&mut rng, buckets, len);
            let sizes = round_trip(&histograms);
            let plain: usize = histograms
                .iter()
                .map(|h| {
                    let mut bytes = Vec::new();
                    h.encode(&mut bytes);
                    bytes.len()
                })
                .sum();
            let each = |bytes: usize| bytes as f64 / len as f64;
            println!(
                "{buckets} buckets, {len} histograms: {:.1} bytes each, settled {:.1}, plain {:.1}",
                each(sizes[0]),
                each(sizes[1]),
                each(plain)
            );
            assert!(len == 1 || each(sizes[0]) < 12.0 + 0.5 * buckets as f64);
        }
    }

    #[test]
    fn the_bytes_stay_what_they_are() {
        let bucket = |index, count| Bucket { index, count };
        let first = Histogram {
            schema: 2,
            count: 6.0,
            sum: 7.5,
            zero_threshold: 0.5,
            zero_count: 1.0,
            positive: vec![bucket(-1, 2.0), bucket(3, 2.0)],
            negative: vec![bucket(4, 1.0)],
            ..Histogram::default()
        };
        let second = Histogram {
            count: 8.0,
            sum: 9.5,
            positive: vec![bucket(-1, 2.0), bucket(3, 4.0)],
            ..first.clone()
        };
        let mut bytes = Vec::new();
        encode(&mut bytes, &[&first, &Histogram::stale(), &second], false);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let expected = [
            "00",
            // Sums: the marker apart, then 75 and 20 more, in tenths.
            "11820101020000000000f07f01960106000a",
            // Two histograms, six buckets that are not empty, schema 2, zero bucket to 0.5, no bounds.
            "02250602000000000000e03f00",
            // Buckets -1 and 3, and 4 below zero.
            "0201080108",
            // No hint, and none differs; counts add up; the zero bucket holds 1.
            "0000000900000000000000f03f",
            // Integers: 2, as many, one less; then the one bucket that grew, by 2.
            "0004000100030400",
        ];
        assert_eq!(hex, expected.concat());
    }

    fn random(rng: &mut Rng, last: &Histogram) -> Histogram {
        let mut next = match rng.below(12) {
            0 => return Histogram::stale(),
            1 => Histogram {
                schema: CUSTOM_SCHEMA,
                bounds: (0..1 + rng.below(3)).map(|n| n as f64).collect(),
                ..Histogram::default()
            },
            2 => Histogram { schema: rng.below(13) as i8 - 4, ..Histogram::default() },
            3 => Histogram { zero_threshold: f64::from_bits(rng.next_u64()), ..last.clone() },
            _ => last.clone(),
        };
        if next.is_stale() {
            next = Histogram::default();
        }
        if rng.one_in(10) {
            next.hint = ResetHint::from_code(rng.below(4) as u8).unwrap();
        }
        let far = if rng.one_in(30) { 1 << 30 } else { 20 };
        for buckets in [&mut next.positive, &mut next.negative] {
            for _ in 0..rng.below(4) {
                let index = rng.below(far) as i32 - 9;
                let count = match rng.below(40) {
                    0 => f64::from_bits(rng.next_u64()),
                    1 => rng.below(9) as f64 / 4.0,
                    _ => rng.below(9) as f64,
                };
                buckets.push(Bucket { index, count });
            }
            if rng.one_in(9) {
                buckets.clear();
            }
        }
        next.sum = if rng.one_in(20) { f64::NAN } else { next.sum + rng.unit() };
        next.zero_count += rng.below(3) as f64;
        next = next.canonical();
        next.count = added_up(&next) + if rng.one_in(9) { 1.0 } else { 0.0 };
        next
    }

    #[test]
    fn layouts_that_share_nothing_do_not_blow_up() {
        // Each with one bucket of its own: all buckets of all would be a square.
        let lone = |n: i32| {
            let positive = vec![Bucket { index: n * 7, count: 1.0 }];
            Histogram { count: 1.0, positive, ..Histogram::default() }
        };
        let histograms: Vec<Histogram> = (0..8_000).map(lone).collect();
        let sizes = round_trip(&histograms);
        assert!(sizes[0] < 8_000 * 20, "{sizes:?}");
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(seed in any::<u64>(), len in 0usize..200) {
            let mut rng = Rng::from_seed(seed);
            let mut histograms = vec![];
            let mut last = Histogram::default();
            for _ in 0..len {
                last = random(&mut rng, &last);
                histograms.push(last.clone());
            }
            round_trip(&histograms);
            // And in an open chunk.
            let mut before: Option<&Histogram> = None;
            for histogram in &histograms {
                let mut bytes = Vec::new();
                crate::chunk::open_histogram::put(&mut bytes, before, histogram);
                let read = crate::chunk::open_histogram::read(&bytes, before).expect("reads");
                prop_assert!(same(&read, histogram));
                if !histogram.is_stale() {
                    before = Some(histogram);
                }
            }
        }

        #[test]
        fn damaged_bytes_are_read_or_refused(
            seed in any::<u64>(),
            damage in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..4),
        ) {
            let mut rng = Rng::from_seed(seed);
            let histograms = counter(&mut rng, 8, 40);
            let mut bytes = Vec::new();
            encode(&mut bytes, &histograms.iter().collect::<Vec<_>>(), false);
            for (at, byte) in damage {
                let at = at as usize % bytes.len();
                bytes[at] = byte;
            }
            let _ = (decode(&bytes, 40), decode(&bytes, 41), decoded_bytes(&bytes, 40));
        }

        #[test]
        fn any_bytes_are_read_or_refused(
            mut bytes in proptest::collection::vec(any::<u8>(), 1..300),
            count in 0usize..50,
        ) {
            bytes[0] = RUNS;
            let _ = (decode(&bytes, count), decoded_bytes(&bytes, count));
        }
    }
}
