//! Native histograms of a `TimeSeries`: from spans and deltas to buckets by number.
//!
//! What a stranger sends is bounded before it is held: buckets and bounds are counted while they are
//! read, and a list that is too long is passed over.
//!
//! Source: Prometheus remote write 1.0 specification (the protobuf message `Histogram`); Prometheus
//! documentation, "Native histograms", data model.

use super::view::SeriesView;
use super::wire::{Cursor, DecodeError, Stretch, Tag, WireType};
use model::{BUCKETS_MAX, Bucket, CUSTOM_SCHEMA, Histogram, ResetHint, SCHEMAS};
use stdx::varint::unzigzag;

/// A histogram at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct HistogramSample {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// The value; the stale marker is one whose sum it is.
    pub histogram: Histogram,
}

/// Why what was sent is no histogram. None of these goes away by sending again.
#[derive(Debug, Clone, thiserror::Error, PartialEq)]
pub enum HistogramError {
    /// Widths of buckets that nobody knows.
    #[error("schema {0} is not known; -4 to 8 and -53 are")]
    Schema(i64),
    /// More than is taken.
    #[error("it has more than {BUCKETS_MAX} buckets")]
    TooManyBuckets,
    /// More than is taken.
    #[error("it has more than {BUCKETS_MAX} bounds of buckets")]
    TooManyBounds,
    /// Spans say how many counts there are.
    #[error("its {side} spans hold {spans} buckets, and {counts} counts came")]
    Spans {
        /// Above or below zero.
        side: &'static str,
        /// Buckets by spans.
        spans: u64,
        /// Counts that came.
        counts: usize,
    },
    /// A span that begins before the one before it ends.
    #[error("a {0} span goes back")]
    SpanBack(&'static str),
    /// A bucket whose number nobody can write.
    #[error("the number of a {0} bucket is beyond 32 bits")]
    BucketNumber(&'static str),
    /// A count below zero, or beyond 64 bits.
    #[error("a {0} bucket holds a count below zero or beyond 64 bits")]
    BucketCount(&'static str),
    /// A count of all observations, or of those around zero, that is below zero.
    #[error("it counts less than no observation")]
    Count,
    /// Observations that are in no bucket, or buckets that hold more.
    #[error("it counts {count} observations, and its buckets hold {held}")]
    CountMismatch {
        /// What it says.
        count: u64,
        /// What is in the buckets.
        held: u128,
    },
    /// Half the width of the zero bucket.
    #[error("{0} is no half width of a zero bucket")]
    ZeroThreshold(f64),
    /// Bounds that do not rise, or are no finite numbers.
    #[error("its bounds of buckets do not rise, or are no finite numbers")]
    Bounds,
    /// What only exponential buckets have, or only custom ones.
    #[error("{0}")]
    Custom(&'static str),
}

impl<'a> SeriesView<'a> {
    /// Reads the native histograms, in the order in which they came. Those that make no sense are
    /// given with their time and why.
    pub fn histograms(&self) -> Histograms<'a> {
        let (body, stretch) = self.histogram_stretch();
        Histograms { body, cursor: Cursor::new(body, stretch) }
    }
}

/// The iterator of [`SeriesView::histograms`]. Ends after its first error of the wire.
#[derive(Debug, Clone)]
pub struct Histograms<'a> {
    body: &'a [u8],
    cursor: Cursor<'a>,
}

/// What a message holds: a histogram, or when it would be and why it is none.
pub type ReadHistogram = Result<HistogramSample, (i64, HistogramError)>;

impl Histograms<'_> {
    fn step(&mut self) -> Result<Option<ReadHistogram>, DecodeError> {
        while !self.cursor.is_done() {
            let tag = self.cursor.tag()?;
            if tag.field != 4 {
                self.cursor.skip(tag)?;
                continue;
            }
            tag.expect(WireType::Len)?;
            let message = Message::read(self.body, self.cursor.len_prefixed()?)?;
            let at_ms = message.at_ms;
            let sample = message.histogram().map(|histogram| HistogramSample { at_ms, histogram });
            return Ok(Some(sample.map_err(|why| (at_ms, why))));
        }
        Ok(None)
    }
}

impl Iterator for Histograms<'_> {
    type Item = Result<ReadHistogram, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step().transpose();
        if matches!(step, Some(Err(_))) {
            self.cursor.abandon();
        }
        step
    }
}

/// A count, as integers and floats come in fields of their own.
#[derive(Debug, Clone, Copy)]
enum Count {
    Integer(u64),
    Float(f64),
}

impl Count {
    fn value(self) -> f64 {
        match self {
            Self::Integer(count) => count as f64,
            Self::Float(count) => count,
        }
    }
}

/// Buckets of one side as they came.
#[derive(Debug, Default)]
struct Side {
    /// Gap in front, and how many buckets.
    spans: Vec<(i64, u32)>,
    deltas: Vec<i64>,
    counts: Vec<f64>,
}

/// The message `Histogram`, field by field.
#[derive(Debug)]
struct Message {
    count: Count,
    sum: f64,
    schema: i64,
    zero_threshold: f64,
    zero_count: Count,
    negative: Side,
    positive: Side,
    hint: ResetHint,
    at_ms: i64,
    bounds: Vec<f64>,
    too_many_buckets: bool,
    too_many_bounds: bool,
}

impl Message {
    fn read(body: &[u8], message: Stretch) -> Result<Self, DecodeError> {
        let mut read = Self {
            count: Count::Integer(0),
            sum: 0.0,
            schema: 0,
            zero_threshold: 0.0,
            zero_count: Count::Integer(0),
            negative: Side::default(),
            positive: Side::default(),
            hint: ResetHint::Unknown,
            at_ms: 0,
            bounds: Vec::new(),
            too_many_buckets: false,
            too_many_bounds: false,
        };
        let mut cursor = Cursor::new(body, message);
        while !cursor.is_done() {
            let tag = cursor.tag()?;
            read.field(body, &mut cursor, tag)?;
        }
        Ok(read)
    }

    fn field(&mut self, body: &[u8], cursor: &mut Cursor<'_>, tag: Tag) -> Result<(), DecodeError> {
        match tag.field {
            1 => self.count = Count::Integer(varint(cursor, tag)?),
            2 => self.count = Count::Float(double(cursor, tag)?),
            3 => self.sum = double(cursor, tag)?,
            4 => self.schema = unzigzag(varint(cursor, tag)?),
            5 => self.zero_threshold = double(cursor, tag)?,
            6 => self.zero_count = Count::Integer(varint(cursor, tag)?),
            7 => self.zero_count = Count::Float(double(cursor, tag)?),
            8 | 11 => {
                tag.expect(WireType::Len)?;
                let span = read_span(body, cursor.len_prefixed()?)?;
                let side = if tag.field == 8 { &mut self.negative } else { &mut self.positive };
                // Each holds a bucket, or is not needed.
                match span {
                    Some((0, 0)) => {}
                    Some(span) if side.spans.len() < BUCKETS_MAX => side.spans.push(span),
                    _ => self.too_many_buckets = true,
                }
            }
            9 | 12 => {
                let side = if tag.field == 9 { &mut self.negative } else { &mut self.positive };
                self.too_many_buckets |= !varints(body, cursor, tag, |number| {
                    let has_room = side.deltas.len() < BUCKETS_MAX;
                    if has_room {
                        side.deltas.push(unzigzag(number));
                    }
                    has_room
                })?;
            }
            10 | 13 => {
                let side = if tag.field == 10 { &mut self.negative } else { &mut self.positive };
                self.too_many_buckets |= !doubles(body, cursor, tag, &mut side.counts)?;
            }
            14 => {
                self.hint = match varint(cursor, tag)? {
                    1 => ResetHint::Reset,
                    2 => ResetHint::NotReset,
                    3 => ResetHint::Gauge,
                    _ => ResetHint::Unknown,
                }
            }
            15 => self.at_ms = varint(cursor, tag)?.cast_signed(),
            16 => self.too_many_bounds |= !doubles(body, cursor, tag, &mut self.bounds)?,
            _ => cursor.skip(tag)?,
        }
        Ok(())
    }

    /// Returns the histogram that the fields say.
    fn histogram(self) -> Result<Histogram, HistogramError> {
        if model::is_stale(self.sum) {
            return Ok(Histogram::stale());
        }
        if self.too_many_buckets {
            return Err(HistogramError::TooManyBuckets);
        }
        if self.too_many_bounds {
            return Err(HistogramError::TooManyBounds);
        }
        let known = |schema: &i8| SCHEMAS.contains(schema) || *schema == CUSTOM_SCHEMA;
        let schema = i8::try_from(self.schema).ok().filter(known);
        let schema = schema.ok_or(HistogramError::Schema(self.schema))?;
        if !(self.zero_threshold >= 0.0 && self.zero_threshold.is_finite()) {
            return Err(HistogramError::ZeroThreshold(self.zero_threshold));
        }
        let integers = matches!(self.count, Count::Integer(_));
        let mut held = match self.zero_count {
            Count::Integer(count) => u128::from(count),
            Count::Float(_) => 0,
        };
        let positive = self.positive.buckets("positive", integers, &mut held)?;
        let negative = self.negative.buckets("negative", integers, &mut held)?;
        if self.count.value() < 0.0 || self.zero_count.value() < 0.0 {
            return Err(HistogramError::Count);
        }
        if let Count::Integer(count) = self.count {
            // Observations of NaN are in no bucket, and make the sum NaN.
            let all = u128::from(count);
            if held > all || (held < all && !self.sum.is_nan()) {
                return Err(HistogramError::CountMismatch { count, held });
            }
        }
        let histogram = Histogram {
            schema,
            hint: self.hint,
            count: self.count.value(),
            sum: self.sum,
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count.value(),
            positive,
            negative,
            bounds: self.bounds.into(),
        };
        check_bounds(&histogram)?;
        Ok(histogram)
    }
}

/// Custom buckets have bounds and nothing around or below zero; others have none.
fn check_bounds(histogram: &Histogram) -> Result<(), HistogramError> {
    let Histogram { bounds, positive, .. } = histogram;
    if !histogram.is_custom() {
        return match bounds.is_empty() {
            true => Ok(()),
            false => Err(HistogramError::Custom("exponential buckets have no bounds of their own")),
        };
    }
    let rise = bounds.is_sorted_by(|a, b| a < b);
    if !rise || bounds.iter().any(|bound| !bound.is_finite()) {
        return Err(HistogramError::Bounds);
    }
    if !histogram.negative.is_empty() {
        return Err(HistogramError::Custom("custom buckets have none below zero"));
    }
    if histogram.zero_count != 0.0 || histogram.zero_threshold != 0.0 {
        return Err(HistogramError::Custom("custom buckets have no zero bucket"));
    }
    // Behind the last bound there is one bucket more.
    let inside = |bucket: &Bucket| usize::try_from(bucket.index).is_ok_and(|n| n <= bounds.len());
    match positive.iter().all(inside) {
        true => Ok(()),
        false => Err(HistogramError::Custom("a custom bucket is beyond the bounds")),
    }
}

impl Side {
    /// Returns the buckets, and adds what is in them to `held` where they are integers.
    fn buckets(
        self,
        side: &'static str,
        integers: bool,
        held: &mut u128,
    ) -> Result<Vec<Bucket>, HistogramError> {
        let spans = self.spans.iter().map(|(_, len)| u64::from(*len)).sum();
        let counts = if integers { self.deltas.len() } else { self.counts.len() };
        let strange = if integers { self.counts.len() } else { self.deltas.len() };
        if spans != counts as u64 || strange > 0 {
            return Err(HistogramError::Spans { side, spans, counts: counts + strange });
        }
        let values = self.values(side, integers, held)?;
        let mut values = values.into_iter();
        let mut buckets = Vec::with_capacity(counts);
        let mut next = 0i64;
        for (at, (gap, len)) in self.spans.into_iter().enumerate() {
            if at > 0 && gap < 0 {
                return Err(HistogramError::SpanBack(side));
            }
            next = next.checked_add(gap).ok_or(HistogramError::BucketNumber(side))?;
            for count in values.by_ref().take(len as usize) {
                let index = i32::try_from(next).map_err(|_| HistogramError::BucketNumber(side))?;
                buckets.push(Bucket { index, count });
                next += 1;
            }
        }
        Ok(buckets)
    }

    fn values(
        &self,
        side: &'static str,
        integers: bool,
        held: &mut u128,
    ) -> Result<Vec<f64>, HistogramError> {
        let wrong = HistogramError::BucketCount(side);
        if !integers {
            let sound = self.counts.iter().all(|count| *count >= 0.0 || count.is_nan());
            return if sound { Ok(self.counts.clone()) } else { Err(wrong) };
        }
        let mut count = 0i64;
        let mut values = Vec::with_capacity(self.deltas.len());
        for delta in &self.deltas {
            count = match count.checked_add(*delta) {
                Some(count) if count >= 0 => count,
                _ => return Err(wrong),
            };
            *held += u128::from(count.unsigned_abs());
            values.push(count as f64);
        }
        Ok(values)
    }
}

fn varint(cursor: &mut Cursor<'_>, tag: Tag) -> Result<u64, DecodeError> {
    tag.expect(WireType::Varint)?;
    cursor.varint()
}

fn double(cursor: &mut Cursor<'_>, tag: Tag) -> Result<f64, DecodeError> {
    tag.expect(WireType::Fixed64)?;
    cursor.fixed64().map(f64::from_bits)
}

/// Reads numbers, packed or one by one; says whether all were taken.
fn varints(
    body: &[u8],
    cursor: &mut Cursor<'_>,
    tag: Tag,
    mut take: impl FnMut(u64) -> bool,
) -> Result<bool, DecodeError> {
    if tag.wire_type != WireType::Len {
        return Ok(take(varint(cursor, tag)?));
    }
    let mut packed = Cursor::new(body, cursor.len_prefixed()?);
    let mut all = true;
    while !packed.is_done() {
        all &= take(packed.varint()?);
    }
    Ok(all)
}

/// Reads numbers, packed or one by one, as far as there is room; says whether there was.
fn doubles(
    body: &[u8],
    cursor: &mut Cursor<'_>,
    tag: Tag,
    into: &mut Vec<f64>,
) -> Result<bool, DecodeError> {
    let mut take = |number: f64| {
        let has_room = into.len() < BUCKETS_MAX;
        if has_room {
            into.push(number);
        }
        has_room
    };
    if tag.wire_type != WireType::Len {
        return Ok(take(double(cursor, tag)?));
    }
    let mut packed = Cursor::new(body, cursor.len_prefixed()?);
    let mut all = true;
    while !packed.is_done() {
        all &= take(f64::from_bits(packed.fixed64()?));
    }
    Ok(all)
}

/// Reads a `BucketSpan`: gap and length; `None` for one that no histogram has room for.
fn read_span(body: &[u8], message: Stretch) -> Result<Option<(i64, u32)>, DecodeError> {
    let (mut gap, mut len) = (0, 0);
    let mut cursor = Cursor::new(body, message);
    while !cursor.is_done() {
        let tag = cursor.tag()?;
        match tag.field {
            1 => gap = unzigzag(varint(&mut cursor, tag)?),
            2 => len = varint(&mut cursor, tag)?,
            _ => cursor.skip(tag)?,
        }
    }
    let len = u32::try_from(len).ok().filter(|&len| len as usize <= BUCKETS_MAX);
    Ok(len.map(|len| (gap, len)))
}
