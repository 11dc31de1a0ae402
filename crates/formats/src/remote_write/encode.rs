//! Writes what [`super::items`] reads.

use super::histogram::HistogramSample;
use super::view::{MetricType, Sample};
use model::{Bucket, whole};
use stdx::varint;

/// Packs bytes into a snappy block.
///
/// # Panics
/// When `plain` is longer than a snappy block can say: 4 GiB.
pub fn compress(plain: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(plain).expect("a request is smaller than 4 GiB")
}

/// An exemplar to be written.
#[derive(Debug, Clone, Copy)]
pub struct ExemplarToSend<'a> {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// The value.
    pub value: f64,
    /// Names and values, as they are.
    pub labels: &'a [(&'a str, &'a str)],
}

/// Writes a `prometheus.WriteRequest`, as Prometheus itself does: fields in order, zeros left out.
#[derive(Debug, Default)]
pub struct Encoder {
    out: Vec<u8>,
    /// The message being written, whose length must stand in front of it.
    message: Vec<u8>,
}

impl Encoder {
    /// Starts an empty request.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a series. The labels are written as they come: sorting them is the caller's part.
    pub fn series<S: AsRef<str>>(&mut self, labels: &[(S, S)], samples: &[Sample]) {
        self.put_series(labels, samples, &[], &[]);
    }

    /// Appends a series with exemplars.
    pub fn series_with<S: AsRef<str>>(
        &mut self,
        labels: &[(S, S)],
        samples: &[Sample],
        exemplars: &[ExemplarToSend<'_>],
    ) {
        self.put_series(labels, samples, exemplars, &[]);
    }

    /// Appends a series with native histograms. They are written with integer counts where all counts
    /// are such.
    pub fn mixed_series<S: AsRef<str>>(
        &mut self,
        labels: &[(S, S)],
        samples: &[Sample],
        histograms: &[HistogramSample],
    ) {
        self.put_series(labels, samples, &[], histograms);
    }

    fn put_series<S: AsRef<str>>(
        &mut self,
        labels: &[(S, S)],
        samples: &[Sample],
        exemplars: &[ExemplarToSend<'_>],
        histograms: &[HistogramSample],
    ) {
        let message = &mut self.message;
        message.clear();
        for (name, value) in labels {
            put_label(message, name.as_ref(), value.as_ref());
        }
        for sample in samples {
            put_sample(message, *sample);
        }
        for exemplar in exemplars {
            put_exemplar(message, exemplar);
        }
        for sample in histograms {
            message.push(4 << 3 | 2);
            varint::put_bytes(message, &histogram_message(sample));
        }
        self.out.push(1 << 3 | 2);
        varint::put_bytes(&mut self.out, message);
    }

    /// Appends what is known about a metric family.
    pub fn metadata(&mut self, metric_type: MetricType, family: &str, help: &str, unit: &str) {
        let message = &mut self.message;
        message.clear();
        if metric_type != MetricType::Unknown {
            message.extend_from_slice(&[1 << 3, metric_type as u8]);
        }
        put_text(message, 2, family);
        put_text(message, 4, help);
        put_text(message, 5, unit);
        self.out.push(3 << 3 | 2);
        varint::put_bytes(&mut self.out, message);
    }

    /// Returns the message, not yet packed (see [`compress`]).
    pub fn finish(self) -> Vec<u8> {
        self.out
    }
}

fn put_label(out: &mut Vec<u8>, name: &str, value: &str) {
    out.push(1 << 3 | 2);
    varint::put_u64(out, (text_len(name) + text_len(value)) as u64);
    put_text(out, 1, name);
    put_text(out, 2, value);
}

fn put_exemplar(out: &mut Vec<u8>, exemplar: &ExemplarToSend<'_>) {
    let mut message = Vec::new();
    for (name, value) in exemplar.labels {
        put_label(&mut message, name, value);
    }
    if exemplar.value.to_bits() != 0 {
        message.push(2 << 3 | 1);
        message.extend_from_slice(&exemplar.value.to_le_bytes());
    }
    if exemplar.at_ms != 0 {
        message.push(3 << 3);
        varint::put_u64(&mut message, exemplar.at_ms.cast_unsigned());
    }
    out.push(3 << 3 | 2);
    varint::put_bytes(out, &message);
}

fn put_sample(out: &mut Vec<u8>, sample: Sample) {
    // Only the positive zero is the default: its bits are zero.
    let has_value = sample.value.to_bits() != 0;
    let value_len = if has_value { 9 } else { 0 };
    let time_len = if sample.at_ms == 0 { 0 } else { 1 + varint_len(sample.at_ms.cast_unsigned()) };
    out.push(2 << 3 | 2);
    varint::put_u64(out, (value_len + time_len) as u64);
    if has_value {
        out.push(1 << 3 | 1);
        out.extend_from_slice(&sample.value.to_le_bytes());
    }
    if time_len > 0 {
        out.push(2 << 3);
        varint::put_u64(out, sample.at_ms.cast_unsigned());
    }
}

fn histogram_message(sample: &HistogramSample) -> Vec<u8> {
    let HistogramSample { at_ms, histogram } = sample;
    let mut out = Vec::new();
    let buckets = histogram.positive.iter().chain(&histogram.negative).map(|b| b.count);
    let mut counts = buckets.chain([histogram.count, histogram.zero_count]);
    let integers = counts.all(|count| whole(count).is_some());
    put_count(&mut out, [1, 2], histogram.count, integers);
    put_double(&mut out, 3, histogram.sum);
    put_varint(&mut out, 4, varint::zigzag(i64::from(histogram.schema)));
    put_double(&mut out, 5, histogram.zero_threshold);
    put_count(&mut out, [6, 7], histogram.zero_count, integers);
    for (fields, buckets) in
        [([8, 9, 10], &histogram.negative), ([11, 12, 13], &histogram.positive)]
    {
        put_buckets(&mut out, fields, buckets, integers);
    }
    put_varint(&mut out, 14, histogram.hint as u64);
    put_varint(&mut out, 15, at_ms.cast_unsigned());
    put_doubles(&mut out, 16, histogram.bounds.iter().copied());
    out
}

fn put_tag(out: &mut Vec<u8>, field: u64, wire_type: u64) {
    varint::put_u64(out, field << 3 | wire_type);
}

fn put_varint(out: &mut Vec<u8>, field: u64, value: u64) {
    put_tag(out, field, 0);
    varint::put_u64(out, value);
}

fn put_double(out: &mut Vec<u8>, field: u64, value: f64) {
    put_tag(out, field, 1);
    out.extend_from_slice(&value.to_le_bytes());
}

fn put_doubles(out: &mut Vec<u8>, field: u64, values: impl Iterator<Item = f64>) {
    let packed: Vec<u8> = values.flat_map(f64::to_le_bytes).collect();
    if !packed.is_empty() {
        put_tag(out, field, 2);
        varint::put_bytes(out, &packed);
    }
}

/// An integer or a float, each in a field of its own.
fn put_count(out: &mut Vec<u8>, fields: [u64; 2], count: f64, integers: bool) {
    match whole(count).filter(|_| integers) {
        Some(count) => put_varint(out, fields[0], count.cast_unsigned()),
        None => put_double(out, fields[1], count),
    }
}

/// Spans, and then deltas of integers or counts of floats.
fn put_buckets(out: &mut Vec<u8>, fields: [u64; 3], buckets: &[Bucket], integers: bool) {
    let mut next = 0;
    for span in buckets.chunk_by(|a, b| a.index + 1 == b.index) {
        let mut message = Vec::new();
        put_varint(&mut message, 1, varint::zigzag(i64::from(span[0].index) - next));
        put_varint(&mut message, 2, span.len() as u64);
        put_tag(out, fields[0], 2);
        varint::put_bytes(out, &message);
        next = i64::from(span[0].index) + span.len() as i64;
    }
    if !integers {
        return put_doubles(out, fields[2], buckets.iter().map(|bucket| bucket.count));
    }
    let (mut deltas, mut last) = (Vec::new(), 0);
    for count in buckets.iter().filter_map(|bucket| whole(bucket.count)) {
        varint::put_i64(&mut deltas, count - last);
        last = count;
    }
    if !deltas.is_empty() {
        put_tag(out, fields[1], 2);
        varint::put_bytes(out, &deltas);
    }
}

fn put_text(out: &mut Vec<u8>, field: u8, text: &str) {
    if !text.is_empty() {
        out.push(field << 3 | 2);
        varint::put_bytes(out, text.as_bytes());
    }
}

fn text_len(text: &str) -> usize {
    if text.is_empty() { 0 } else { 1 + varint_len(text.len() as u64) + text.len() }
}

fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}
