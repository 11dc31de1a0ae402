//! `index` of a block, version 2: which series there are and where their chunks are.
//!
//! ```text
//! magic 0xBAAAD700 4 | version 1 | symbols | series | ... | table of contents 52
//! symbols: length 4 | number 4 | each: length (uvarint) and bytes | CRC 4
//! series, on 16 bytes each: length (uvarint) | labels (uvarint), each: name, value (symbols)
//!         | chunks (uvarint), each: times and reference (differences) | CRC 4
//! ```

use super::sum::crc32c;
use super::{TsdbError, bad};
use stdx::varint::Reader;

const MAGIC: [u8; 4] = [0xba, 0xaa, 0xd7, 0x00];
const VERSION: u8 = 2;
const CONTENTS_BYTES: usize = 52;
const SERIES_ALIGNMENT: usize = 16;

/// Where a chunk is, and the times of its first and last sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkRef {
    /// Time of the first sample.
    pub min_ms: i64,
    /// Time of the last sample.
    pub max_ms: i64,
    /// Which of the block's segment files, in the order of their names.
    pub segment: usize,
    /// Where in it.
    pub offset: u64,
}

/// A series of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexSeries<'a> {
    /// By what tombstones name it.
    pub reference: u64,
    /// Labels, sorted by name, the metric's name among them as `__name__`.
    pub labels: Vec<(&'a str, &'a str)>,
    /// Its chunks, oldest first.
    pub chunks: Vec<ChunkRef>,
}

/// An index that was opened; series are read one by one.
#[derive(Debug)]
pub struct Index<'a> {
    bytes: &'a [u8],
    symbols: Vec<&'a str>,
    /// Where the next series may start, and where they end.
    at: usize,
    end: usize,
}

fn be32(bytes: &[u8], at: usize) -> Option<usize> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    usize::try_from(u32::from_be_bytes(four.try_into().ok()?)).ok()
}

fn be64(bytes: &[u8], at: usize) -> Option<usize> {
    let eight = bytes.get(at..at.checked_add(8)?)?;
    usize::try_from(u64::from_be_bytes(eight.try_into().ok()?)).ok()
}

fn checked(bytes: &[u8], from: usize, to: usize) -> bool {
    let sum = bytes.get(to..to + 4);
    bytes.get(from..to).is_some_and(|content| Some(&crc32c(content).to_be_bytes()[..]) == sum)
}

impl<'a> Index<'a> {
    /// Opens an index, whose bytes are the whole file.
    ///
    /// # Errors
    /// [`TsdbError`].
    pub fn open(bytes: &'a [u8]) -> Result<Self, TsdbError> {
        if !bytes.starts_with(&MAGIC) {
            return Err(bad("this is no index", 0));
        }
        if bytes.get(4) != Some(&VERSION) {
            return Err(bad("the index has a version other than 2", 4));
        }
        let contents = bytes.len().checked_sub(CONTENTS_BYTES).filter(|c| *c > 4);
        let contents = contents.ok_or(bad("the index is cut short", bytes.len()))?;
        if !checked(bytes, contents, bytes.len() - 4) {
            return Err(bad("the table of contents does not match its checksum", contents));
        }
        let places: Option<Vec<usize>> = (0..6).map(|n| be64(bytes, contents + n * 8)).collect();
        let places = places.ok_or(bad("the table of contents makes no sense", contents))?;
        let (symbols_at, at) = (places[0], places[1]);
        // Whatever comes next ends the series; a section that is not there says zero.
        let end = places[2..].iter().copied().filter(|p| *p > at).min().unwrap_or(contents);
        if symbols_at > contents || at > contents || end > contents {
            return Err(bad("the table of contents makes no sense", contents));
        }
        Ok(Self { bytes, symbols: Self::symbols(bytes, symbols_at)?, at, end })
    }

    fn symbols(bytes: &'a [u8], at: usize) -> Result<Vec<&'a str>, TsdbError> {
        let odd = || bad("the symbols make no sense", at);
        let len = be32(bytes, at).ok_or_else(odd)?;
        let (start, end) = (at + 4, at.checked_add(4 + len).ok_or_else(odd)?);
        if !checked(bytes, start, end) {
            return Err(bad("the symbols do not match their checksum", at));
        }
        let count = be32(bytes, start).ok_or_else(odd)?;
        let mut reader = Reader::new(bytes.get(start + 4..end).ok_or_else(odd)?);
        // Each takes a byte at least.
        let mut symbols = Vec::with_capacity(count.min(len));
        for _ in 0..count {
            symbols.push(reader.str().ok_or_else(odd)?);
        }
        Ok(symbols)
    }

    /// Returns the next series; `None` behind the last.
    ///
    /// # Errors
    /// [`TsdbError`]: what follows cannot be found then.
    pub fn next_series(&mut self) -> Result<Option<IndexSeries<'a>>, TsdbError> {
        let at = self.at.next_multiple_of(SERIES_ALIGNMENT);
        if at >= self.end {
            return Ok(None);
        }
        let odd = || bad("a series makes no sense", at);
        let rest = self.bytes.get(at..self.end).ok_or_else(odd)?;
        let mut reader = Reader::new(rest);
        let len = reader.usize().ok_or_else(odd)?;
        let start = at + (rest.len() - reader.rest().len());
        let end = start.checked_add(len).filter(|e| *e <= self.end).ok_or_else(odd)?;
        if !checked(self.bytes, start, end) {
            return Err(bad("a series does not match its checksum", at));
        }
        self.at = end + 4;
        let reference = (at / SERIES_ALIGNMENT) as u64;
        self.series(&self.bytes[start..end], reference).map(Some).ok_or_else(odd)
    }

    fn series(&self, bytes: &'a [u8], reference: u64) -> Option<IndexSeries<'a>> {
        let mut reader = Reader::new(bytes);
        let count = reader.usize().filter(|c| *c <= bytes.len())?;
        let mut labels = Vec::with_capacity(count);
        for _ in 0..count {
            let name = *self.symbols.get(reader.usize()?)?;
            labels.push((name, *self.symbols.get(reader.usize()?)?));
        }
        let count = reader.usize().filter(|c| *c <= bytes.len())?;
        let mut chunks: Vec<ChunkRef> = Vec::with_capacity(count);
        let (mut last_max, mut last_ref) = (0i64, 0u64);
        for n in 0..count {
            let (min_ms, place) = match n {
                0 => {
                    let min_ms = reader.i64()?;
                    let max_ms = min_ms.checked_add_unsigned(reader.u64()?)?;
                    last_max = max_ms;
                    (min_ms, reader.u64()?)
                }
                _ => {
                    let min_ms = last_max.checked_add_unsigned(reader.u64()?)?;
                    last_max = min_ms.checked_add_unsigned(reader.u64()?)?;
                    (min_ms, last_ref.checked_add_signed(reader.i64()?)?)
                }
            };
            last_ref = place;
            chunks.push(ChunkRef {
                min_ms,
                max_ms: last_max,
                segment: usize::try_from(place >> 32).ok()?,
                offset: place & 0xffff_ffff,
            });
        }
        reader.is_empty().then_some(IndexSeries { reference, labels, chunks })
    }
}
