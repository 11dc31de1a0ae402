//! `tombstones` of a block: what was deleted and still stands in its chunks.
//!
//! ```text
//! magic 0x0130BA30 4 | version 1 | each: series (uvarint), first and last time (varint)
//! | CRC of the entries alone 4
//! ```

use super::sum::crc32c;
use super::{TsdbError, bad};
use std::collections::HashMap;
use stdx::varint::Reader;

const MAGIC: [u8; 4] = [0x01, 0x30, 0xba, 0x30];

/// Times that were deleted, both ends included, by series.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tombstones(HashMap<u64, Vec<(i64, i64)>>);

impl Tombstones {
    /// Adds times that were deleted.
    pub fn add(&mut self, series: u64, min_ms: i64, max_ms: i64) {
        self.0.entry(series).or_default().push((min_ms, max_ms));
    }

    /// Says whether a sample was deleted.
    pub fn covers(&self, series: u64, at_ms: i64) -> bool {
        let ranges = self.0.get(&series);
        ranges.is_some_and(|ranges| ranges.iter().any(|(min, max)| (*min..=*max).contains(&at_ms)))
    }

    /// Says whether nothing was deleted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Reads a whole `tombstones` file.
///
/// # Errors
/// [`TsdbError`].
pub fn read_tombstones(bytes: &[u8]) -> Result<Tombstones, TsdbError> {
    let content = bytes.strip_prefix(&MAGIC).ok_or(bad("this is no file of tombstones", 0))?;
    let short = bad("the tombstones are cut short", bytes.len());
    let content_len = content.len().checked_sub(4).filter(|l| *l > 0).ok_or(short)?;
    let (content, sum) = content.split_at(content_len);
    if crc32c(&content[1..]).to_be_bytes() != sum {
        return Err(bad("the tombstones do not match their checksum", 4));
    }
    if content[0] != 1 {
        return Err(bad("the tombstones have a version other than 1", 4));
    }
    let mut tombstones = Tombstones::default();
    let mut reader = Reader::new(&content[1..]);
    while !reader.is_empty() {
        let entry = (|| Some((reader.u64()?, reader.i64()?, reader.i64()?)))();
        let (series, min, max) = entry.ok_or(bad("a tombstone makes no sense", 5))?;
        tombstones.add(series, min, max);
    }
    Ok(tombstones)
}
