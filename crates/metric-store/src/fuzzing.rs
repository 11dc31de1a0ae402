//! The decoders that no reader calls with bytes of its own, for the crate `fuzz` alone.
//!
//! Everything else is reached through a store over files that hold the bytes.

use crate::chunk::{bits, column, delta, histogram, times};
use crate::{frame, postings};
use model::{Delta, Histogram};
use std::sync::Arc;
use stdx::varint::Reader;

/// Reads a column of floats, as [`encode_column`] writes it.
pub fn decode_column(bytes: &[u8], count: usize) -> Option<Vec<f64>> {
    column::decode(bytes, count)
}

/// Writes a column of floats.
pub fn encode_column(values: &[f64], settled: bool) -> Vec<u8> {
    let mut out = Vec::new();
    column::encode(&mut out, values, settled);
    out
}

/// Reads a column of times, as [`encode_times`] writes it.
pub fn decode_times(bytes: &[u8], count: usize) -> Option<Vec<i64>> {
    times::decode(bytes, count)
}

/// Writes a column of times, which must be strictly growing.
pub fn encode_times(stamps: &[i64], settled: bool) -> Vec<u8> {
    let mut out = Vec::new();
    times::encode(&mut out, stamps, settled);
    out
}

/// Reads a column of deltas, as [`encode_deltas`] writes it.
pub fn decode_deltas(bytes: &[u8], count: usize) -> Option<Vec<Delta>> {
    Some(match delta::decode(bytes, count)? {
        delta::Column::Singles(values) => values.into_iter().map(Delta::of_value).collect(),
        delta::Column::Mixed(deltas) => deltas,
    })
}

/// Writes a column of deltas.
pub fn encode_deltas(deltas: &[Delta], settled: bool) -> Vec<u8> {
    let mut out = Vec::new();
    delta::encode(&mut out, deltas, settled);
    out
}

/// Reads a column of histograms, as [`encode_histograms`] writes it.
pub fn decode_histograms(bytes: &[u8], count: usize) -> Option<Vec<Arc<Histogram>>> {
    histogram::decode(bytes, count)
}

/// Returns what [`decode_histograms`] gives in memory, without decoding.
pub fn decoded_histogram_bytes(bytes: &[u8], count: usize) -> Option<u64> {
    histogram::decoded_bytes(bytes, count)
}

/// Writes a column of histograms.
pub fn encode_histograms(histograms: &[Histogram], settled: bool) -> Vec<u8> {
    let canonical: Vec<Histogram> = histograms.iter().map(|h| h.clone().canonical()).collect();
    let mut out = Vec::new();
    histogram::encode(&mut out, &canonical.iter().collect::<Vec<_>>(), settled);
    out
}

/// Reads bit-packed numbers.
pub fn unpack(bytes: &[u8], count: usize) -> Option<Vec<u64>> {
    let mut numbers = Vec::new();
    bits::unpack(&mut Reader::new(bytes), count, |n| numbers.push(n))?;
    Some(numbers)
}

/// Writes bit-packed numbers.
pub fn pack(numbers: &[u64]) -> Vec<u8> {
    let mut out = Vec::new();
    bits::pack(&mut out, numbers);
    out
}

/// Reads a posting list whose numbers are below `limit`.
pub fn decode_postings(bytes: &[u8], limit: u32) -> Option<Vec<u32>> {
    postings::decode(bytes, limit)
}

/// Reads a frame's payload; returns how many things it says.
pub fn read_frame(payload: &[u8]) -> Option<usize> {
    let mut count = 0;
    frame::read(payload, |_| count += 1)?;
    Some(count)
}
