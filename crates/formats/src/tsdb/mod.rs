//! The files of a Prometheus data directory: blocks (index, chunks, tombstones) and the write-ahead
//! log that holds what is in no block yet. Pure functions over bytes that may be hostile: every
//! length is checked against what is there before anything is allocated.
//!
//! Source: `tsdb/docs/format` in Prometheus' repository (index version 2, chunks, wal, tombstones).

mod bits;
mod chunk;
mod index;
mod meta;
mod sum;
#[cfg(test)]
mod tests;
mod tombstones;
mod wal;

pub use chunk::{
    CHUNK_HEADER_MAX, Chunk, ChunkError, SEGMENT_HEADER_BYTES, chunk_len, read_chunk, segment_ok,
};
pub use index::{ChunkRef, Index, IndexSeries};
pub use meta::{BlockMeta, read_meta};
pub use tombstones::{Tombstones, read_tombstones};
pub use wal::{PAGE_BYTES, WalReader, WalRecord, WalSample, WalSeries, read_record};

/// Why bytes are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {offset}")]
pub struct TsdbError {
    /// What is wrong.
    pub what: &'static str,
    /// Where, from the front of the file.
    pub offset: usize,
}

fn bad(what: &'static str, offset: usize) -> TsdbError {
    TsdbError { what, offset }
}
