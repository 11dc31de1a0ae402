//! Writes what [`super::items`] reads.

use super::view::{MetricType, Sample};
use stdx::varint;

/// Packs bytes into a snappy block.
///
/// # Panics
/// When `plain` is longer than a snappy block can say: 4 GiB.
pub fn compress(plain: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(plain).expect("a request is smaller than 4 GiB")
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
        let message = &mut self.message;
        message.clear();
        for (name, value) in labels {
            let (name, value) = (name.as_ref(), value.as_ref());
            message.push(1 << 3 | 2);
            varint::put_u64(message, (text_len(name) + text_len(value)) as u64);
            put_text(message, 1, name);
            put_text(message, 2, value);
        }
        for sample in samples {
            put_sample(message, *sample);
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
