//! Native histograms of a request: what is read, and what is refused by name.

use formats::remote_write::{Encoder, HistogramSample, Item, ReadHistogram, items};
use model::{BUCKETS_MAX, Bucket, CUSTOM_SCHEMA, Histogram, ResetHint};
use proptest::prelude::*;
use stdx::varint;

/// Field numbers and values of a message, as a sender writes them.
#[derive(Debug, Clone, Default)]
struct Message(Vec<u8>);

impl Message {
    fn number(mut self, field: u64, value: u64) -> Self {
        varint::put_u64(&mut self.0, field << 3);
        varint::put_u64(&mut self.0, value);
        self
    }

    fn double(mut self, field: u64, value: f64) -> Self {
        varint::put_u64(&mut self.0, field << 3 | 1);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        varint::put_u64(&mut self.0, field << 3 | 2);
        varint::put_bytes(&mut self.0, bytes);
        self
    }

    fn span(self, field: u64, gap: i64, len: u64) -> Self {
        let span = Self::default().number(1, varint::zigzag(gap)).number(2, len);
        self.bytes(field, &span.0)
    }

    fn deltas(self, field: u64, deltas: &[i64]) -> Self {
        let mut packed = Vec::new();
        deltas.iter().for_each(|delta| varint::put_i64(&mut packed, *delta));
        self.bytes(field, &packed)
    }

    fn doubles(self, field: u64, numbers: &[f64]) -> Self {
        let packed: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.bytes(field, &packed)
    }

    fn schema(self, schema: i64) -> Self {
        self.number(4, varint::zigzag(schema))
    }

    /// Reads it as the only histogram of a series.
    fn read(self) -> ReadHistogram {
        let series = Self::default().bytes(4, &self.0);
        let body = Self::default().bytes(1, &series.0).0;
        let Some(Ok(Item::Series(series))) = items(&body).next() else { panic!("no series") };
        let mut read = series.histograms();
        let first = read.next().expect("a histogram").expect("a message");
        assert!(read.next().is_none());
        first
    }

    fn refused(self) -> String {
        self.read().expect_err("refused").1.to_string()
    }
}

fn bucket(index: i32, count: f64) -> Bucket {
    Bucket { index, count }
}

#[test]
fn integers_come_as_spans_and_deltas() {
    let message = Message::default()
        .number(1, 12)
        .double(3, 18.4)
        .schema(1)
        .double(5, 0.001)
        .number(6, 2)
        .span(8, 1, 1)
        .deltas(9, &[3])
        .span(11, -2, 2)
        .span(11, 3, 1)
        .deltas(12, &[1, 2, -1])
        .number(14, 3)
        .number(15, 1_700_000_000_000);
    // From -2: buckets -2 and -1, three empty ones, bucket 3; 1, 1 + 2, 3 - 1.
    let histogram = Histogram {
        schema: 1,
        hint: ResetHint::Gauge,
        count: 12.0,
        sum: 18.4,
        zero_threshold: 0.001,
        zero_count: 2.0,
        positive: vec![bucket(-2, 1.0), bucket(-1, 3.0), bucket(3, 2.0)],
        negative: vec![bucket(1, 3.0)],
        ..Histogram::default()
    };
    // One observation more than that is in no bucket; there are eleven.
    assert_eq!(message.clone().refused(), "it counts 12 observations, and its buckets hold 11");
    let read = message.number(1, 11).read().expect("a histogram");
    assert_eq!(read.at_ms, 1_700_000_000_000);
    assert_eq!(read.histogram, Histogram { count: 11.0, ..histogram });
}

#[test]
fn floats_come_as_counts_and_custom_bounds_by_themselves() {
    let read = Message::default()
        .double(2, 4.5)
        .double(3, 9.0)
        .schema(-53)
        .span(11, 0, 1)
        .span(11, 1, 1)
        .doubles(13, &[1.5, 3.0])
        .doubles(16, &[0.5, 2.5])
        .number(14, 1)
        .read()
        .expect("a histogram");
    let expected = Histogram {
        schema: CUSTOM_SCHEMA,
        hint: ResetHint::Reset,
        count: 4.5,
        sum: 9.0,
        positive: vec![bucket(0, 1.5), bucket(2, 3.0)],
        bounds: [0.5, 2.5].into(),
        ..Histogram::default()
    };
    assert_eq!(read.histogram, expected);
}

#[test]
fn numbers_may_come_one_by_one() {
    let read = Message::default()
        .number(1, 3)
        .span(11, 0, 2)
        .number(12, varint::zigzag(1))
        .number(12, varint::zigzag(1))
        .read()
        .expect("a histogram");
    assert_eq!(read.histogram.positive, [bucket(0, 1.0), bucket(1, 2.0)]);
}

#[test]
fn a_stale_sum_ends_the_series_whatever_else_is_said() {
    let stale = f64::from_bits(model::STALE_NAN_BITS);
    let read = Message::default().double(3, stale).number(1, 5).schema(99).read();
    assert!(read.expect("a marker").histogram.is_stale());
    // Observations of NaN are in no bucket.
    let read = Message::default().double(3, f64::NAN).number(1, 5).read().expect("a histogram");
    assert_eq!(read.histogram.count, 5.0);
}

#[test]
fn what_makes_no_sense_is_named() {
    let many = vec![0; BUCKETS_MAX + 1];
    let bounds: Vec<f64> = (0..=BUCKETS_MAX).map(|n| n as f64).collect();
    let float = || Message::default().double(2, 1.0);
    let custom = || float().schema(-53);
    let cases = [
        (float().schema(9), "schema 9 is not known; -4 to 8 and -53 are"),
        (float().schema(-5), "schema -5 is not known; -4 to 8 and -53 are"),
        (
            Message::default().span(11, 0, BUCKETS_MAX as u64 + 1).deltas(12, &many),
            "it has more than 4096 buckets",
        ),
        (Message::default().span(11, 0, u64::from(u32::MAX)), "it has more than 4096 buckets"),
        (custom().doubles(16, &bounds), "it has more than 4096 bounds of buckets"),
        (
            Message::default().span(11, 0, 3).deltas(12, &[1, 0]),
            "its positive spans hold 3 buckets, and 2 counts came",
        ),
        (
            Message::default().span(8, 0, 1).doubles(10, &[1.0]),
            "its negative spans hold 1 buckets, and 1 counts came",
        ),
        (
            float().span(8, 0, 1).span(8, -1, 1).doubles(10, &[1.0, 1.0]),
            "a negative span goes back",
        ),
        (
            float().span(11, i64::from(i32::MAX), 2).doubles(13, &[1.0, 1.0]),
            "the number of a positive bucket is beyond 32 bits",
        ),
        (
            float().span(11, i64::MAX, 0).span(11, i64::MAX, 1).doubles(13, &[1.0]),
            "the number of a positive bucket is beyond 32 bits",
        ),
        (
            Message::default().span(11, 0, 2).deltas(12, &[1, -2]),
            "a positive bucket holds a count below zero or beyond 64 bits",
        ),
        (
            Message::default().span(11, 0, 2).deltas(12, &[i64::MAX, 1]),
            "a positive bucket holds a count below zero or beyond 64 bits",
        ),
        (
            float().span(8, 0, 1).doubles(10, &[-0.5]),
            "a negative bucket holds a count below zero or beyond 64 bits",
        ),
        (Message::default().double(2, -1.0), "it counts less than no observation"),
        (float().double(7, -1.0), "it counts less than no observation"),
        (
            Message::default().number(1, 2).span(11, 0, 2).deltas(12, &[i64::MAX, 0]),
            "it counts 2 observations, and its buckets hold 18446744073709551614",
        ),
        (Message::default().number(1, 2), "it counts 2 observations, and its buckets hold 0"),
        (float().double(5, f64::NAN), "NaN is no half width of a zero bucket"),
        (float().double(5, -0.5), "-0.5 is no half width of a zero bucket"),
        (
            custom().doubles(16, &[1.0, 1.0]),
            "its bounds of buckets do not rise, or are no finite numbers",
        ),
        (
            custom().doubles(16, &[1.0, f64::INFINITY]),
            "its bounds of buckets do not rise, or are no finite numbers",
        ),
        (float().doubles(16, &[1.0]), "exponential buckets have no bounds of their own"),
        (custom().span(8, 0, 1).doubles(10, &[1.0]), "custom buckets have none below zero"),
        (custom().double(7, 1.0), "custom buckets have no zero bucket"),
        (
            custom().doubles(16, &[1.0]).span(11, 2, 1).doubles(13, &[1.0]),
            "a custom bucket is beyond the bounds",
        ),
    ];
    for (message, why) in cases {
        assert_eq!(message.clone().refused(), why, "{message:?}");
    }
}

fn histograms() -> impl Strategy<Value = Vec<HistogramSample>> {
    let buckets = || {
        prop::collection::btree_map(-50i32..50, (1u32..9, any::<bool>()), 0..6).prop_map(|all| {
            let half = |some: bool| if some { 0.5 } else { 0.0 };
            all.into_iter()
                .map(|(index, (count, some))| bucket(index, f64::from(count) + half(some)))
                .collect::<Vec<Bucket>>()
        })
    };
    let one = (any::<i64>(), -4i8..=8, 0u32..5, any::<f64>(), buckets(), buckets());
    let one = one.prop_map(|(at_ms, schema, zeros, sum, positive, negative)| {
        let zero_count = f64::from(zeros);
        let buckets = positive.iter().chain(&negative);
        let histogram = Histogram {
            schema,
            count: buckets.fold(zero_count, |sum, bucket| sum + bucket.count),
            sum: if sum.is_nan() { 1.5 } else { sum },
            zero_threshold: 0.25,
            zero_count,
            positive,
            negative,
            ..Histogram::default()
        };
        HistogramSample { at_ms, histogram }
    });
    prop::collection::vec(one, 0..5)
}

proptest! {
    #[test]
    fn decoding_undoes_encoding(sent in histograms()) {
        let mut encoder = Encoder::new();
        encoder.mixed_series(&[("__name__", "h")], &[], &sent);
        let body = encoder.finish();
        let Some(Ok(Item::Series(series))) = items(&body).next() else { panic!("no series") };
        let read: Vec<HistogramSample> =
            series.histograms().map(|read| read.unwrap().unwrap()).collect();
        prop_assert_eq!(read, sent);
    }

    #[test]
    fn damaged_histograms_are_read_or_refused(
        sent in histograms(),
        damage in prop::collection::vec((any::<u16>(), any::<u8>()), 1..4),
    ) {
        let mut encoder = Encoder::new();
        encoder.mixed_series(&[("__name__", "h")], &[], &sent);
        let mut body = encoder.finish();
        for (at, byte) in damage {
            let at = at as usize % body.len();
            body[at] = byte;
        }
        for item in items(&body) {
            let Ok(Item::Series(series)) = item else { continue };
            series.histograms().for_each(drop);
        }
    }
}
