//! Segments of the write-ahead log: records, which may lie across pages of 32 KiB.
//!
//! ```text
//! piece:  type 1 (0 rest of the page, 1 whole, 2 first, 3 middle, 4 last; + 8 snappy, + 16 zstd)
//!         | length 2, big endian | CRC-32C of the data 4 | data
//! record: type 1 | content (see `read_record`)
//! ```

use super::sum::crc32c;
use super::{TsdbError, bad};
use crate::remote_write::decompress;
use stdx::varint::Reader;

/// A piece never lies across two of these.
pub const PAGE_BYTES: usize = 32 << 10;
const PIECE_HEADER_BYTES: usize = 7;
/// A record is at most this long; more is taken for damage.
const RECORD_BYTES_MAX: usize = 128 << 20;

const SNAPPY: u8 = 8;
const ZSTD: u8 = 16;

/// Reads the records of one segment, whose bytes are the whole file.
#[derive(Debug)]
pub struct WalReader<'a> {
    bytes: &'a [u8],
    at: usize,
    record: Vec<u8>,
    unpacked: Vec<u8>,
}

impl<'a> WalReader<'a> {
    /// Starts at the front.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, record: Vec::new(), unpacked: Vec::new() }
    }

    /// Returns where it is.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// Returns the next record; `None` at the end.
    ///
    /// # Errors
    /// [`TsdbError`]: a log that was being written when it was copied ends like this, and what came
    /// before is good.
    pub fn next_record(&mut self) -> Result<Option<&[u8]>, TsdbError> {
        self.record.clear();
        let mut began = false;
        loop {
            let page_end = (self.at / PAGE_BYTES + 1) * PAGE_BYTES;
            let Some(&first) = self.bytes.get(self.at) else {
                return if began { Err(bad("a record is cut short", self.at)) } else { Ok(None) };
            };
            let (kind, packing) = (first & 7, first & !7);
            if kind == 0 {
                // A copy may end within a page.
                self.at = page_end.min(self.bytes.len());
                continue;
            }
            let at = self.at;
            let header = self.bytes.get(at..at + PIECE_HEADER_BYTES);
            let header = header.ok_or(bad("a record is cut short", at))?;
            let len = usize::from(u16::from_be_bytes([header[1], header[2]]));
            let (start, end) = (at + PIECE_HEADER_BYTES, at + PIECE_HEADER_BYTES + len);
            if end > page_end {
                return Err(bad("a piece of a record leaves its page", at));
            }
            let piece = self.bytes.get(start..end).ok_or(bad("a record is cut short", at))?;
            if crc32c(piece).to_be_bytes() != header[3..7] {
                return Err(bad("a record does not match its checksum", at));
            }
            if matches!(kind, 1 | 2) == began || kind > 4 {
                return Err(bad("pieces of records are out of order", at));
            }
            began = true;
            self.record.extend_from_slice(piece);
            if self.record.len() > RECORD_BYTES_MAX {
                return Err(bad("a record is too large", at));
            }
            self.at = end;
            if matches!(kind, 1 | 4) {
                return match packing {
                    0 => Ok(Some(&self.record)),
                    SNAPPY if self.record.is_empty() => Ok(Some(&self.record)),
                    SNAPPY => {
                        match decompress(&self.record, RECORD_BYTES_MAX, &mut self.unpacked) {
                            Ok(record) => Ok(Some(record)),
                            Err(_) => Err(bad("a record is no snappy block", at)),
                        }
                    }
                    ZSTD => Err(bad("a record is packed with zstd, which is not served", at)),
                    _ => Err(bad("a record is packed in an unknown way", at)),
                };
            }
        }
    }
}

/// A series of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalSeries<'a> {
    /// By what samples name it.
    pub reference: u64,
    /// Labels, sorted by name.
    pub labels: Vec<(&'a str, &'a str)>,
}

/// A sample of the log.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WalSample {
    /// Which series.
    pub reference: u64,
    /// When.
    pub at_ms: i64,
    /// The value.
    pub value: f64,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq)]
pub enum WalRecord<'a> {
    /// Series that samples will name.
    Series(Vec<WalSeries<'a>>),
    /// Samples of floats.
    Samples(Vec<WalSample>),
    /// Deleted: series, first and last time.
    Tombstones(Vec<(u64, i64, i64)>),
    /// Native histograms; they are not read, and stand in so many bytes.
    Histograms(usize),
    /// Something else, which holds no samples.
    Other,
}

/// Reads what a record says; `None` when it makes no sense.
pub fn read_record(record: &[u8]) -> Option<WalRecord<'_>> {
    let (&kind, content) = record.split_first()?;
    let mut reader = Reader::new(content);
    let be64 = |reader: &mut Reader<'_>| {
        Some(u64::from_be_bytes(reader.take(8)?.try_into().expect("eight bytes")))
    };
    match kind {
        1 => {
            let mut series = Vec::new();
            while !reader.is_empty() {
                let reference = be64(&mut reader)?;
                let count = reader.usize().filter(|c| *c <= content.len())?;
                let mut labels = Vec::with_capacity(count);
                for _ in 0..count {
                    labels.push((reader.str()?, reader.str()?));
                }
                series.push(WalSeries { reference, labels });
            }
            Some(WalRecord::Series(series))
        }
        2 => {
            let mut samples = Vec::new();
            if !reader.is_empty() {
                let base = be64(&mut reader)?;
                let base_ms = be64(&mut reader)?.cast_signed();
                while !reader.is_empty() {
                    samples.push(WalSample {
                        reference: base.wrapping_add_signed(reader.i64()?),
                        at_ms: base_ms.wrapping_add(reader.i64()?),
                        value: f64::from_bits(be64(&mut reader)?),
                    });
                }
            }
            Some(WalRecord::Samples(samples))
        }
        3 => {
            let mut deleted = Vec::new();
            while !reader.is_empty() {
                deleted.push((be64(&mut reader)?, reader.i64()?, reader.i64()?));
            }
            Some(WalRecord::Tombstones(deleted))
        }
        7 | 8 => Some(WalRecord::Histograms(content.len())),
        _ => Some(WalRecord::Other),
    }
}
