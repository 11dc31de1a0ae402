//! Immutable parts: points of one time partition, sorted by series and time, with their own index.
//! The bytes are drawn in `FORMAT.md`.

mod cache;
mod entries;
pub(crate) mod reader;
pub(crate) mod writer;

pub(crate) use cache::BlockCache;
pub(crate) use entries::{Entries, Entry};
pub(crate) use reader::{ChunkAt, Part, TimesAt, ValuesView};
pub(crate) use writer::Writer;

use crate::rollup::days::Days;
use crate::rollup::fold::Folded;
use crate::rollup::tier::Tier;
use std::io;
use storage::BlockError;

pub(crate) const MAGIC: [u8; 4] = *b"SLM1";
pub(crate) const VERSION: u16 = 1;
/// Of parts that hold a tier of roll-ups: their footer says which, and of which days.
pub(crate) const VERSION_TIER: u16 = 2;
pub(crate) const HEADER_BYTES: usize = 16;
pub(crate) const TRAILER_BYTES: usize = 16;

/// Kinds of blocks.
pub(crate) const VALUES: u8 = 1;
pub(crate) const TIMES: u8 = 2;
pub(crate) const KEYS: u8 = 3;
pub(crate) const LABELS: u8 = 4;
pub(crate) const FOOTER: u8 = 5;

/// Codecs of blocks.
pub(crate) const PLAIN: u8 = 0;
pub(crate) const ZSTD: u8 = 1;

/// Keys in a block: one look-up unpacks that many at most.
pub(crate) const KEYS_PER_BLOCK: usize = 128;

/// A partition is one day, counted from 1970, in UTC.
pub(crate) const PARTITION_MS: i64 = 86_400_000;

/// Returns the partition that a time belongs to.
pub(crate) fn partition_of(at_ms: i64) -> i64 {
    at_ms.div_euclid(PARTITION_MS)
}

/// Why a part could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// The disk said no.
    #[error("part {part}: read of {len} bytes at {offset}")]
    Io {
        /// Name of the part.
        part: String,
        /// Where.
        offset: u64,
        /// How many bytes.
        len: usize,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// A checksum does not hold, or the bytes make no sense.
    #[error("part {part} is damaged at byte {offset}: {what}")]
    Damaged {
        /// Name of the part.
        part: String,
        /// Start of the block.
        offset: u64,
        /// What is wrong.
        what: String,
    },
}

impl PartError {
    pub(crate) fn damaged(part: &str, offset: u64, what: &(impl ToString + ?Sized)) -> Self {
        Self::Damaged { part: part.to_owned(), offset, what: what.to_string() }
    }

    pub(crate) fn block(part: &str, offset: u64, error: &BlockError) -> Self {
        Self::damaged(part, offset, error)
    }
}

/// A run of bytes in the file that holds one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) offset: u64,
    pub(crate) len: u32,
}

/// A block of values: which series and times it holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ValuesBlock {
    pub(crate) place: Place,
    pub(crate) first_series: u32,
    pub(crate) last_series: u32,
    pub(crate) min_ms: i64,
    pub(crate) max_ms: i64,
}

/// What a part says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) partition: i64,
    pub(crate) series: u32,
    pub(crate) points: u64,
    pub(crate) min_ms: i64,
    pub(crate) max_ms: i64,
    /// Longest chain of merges behind it; fresh from the head is 0.
    pub(crate) level: u32,
    /// Written with the encodings for settled data.
    pub(crate) settled: bool,
    /// Tenants with their ranges of series.
    pub(crate) tenants: Vec<(u32, u32, u32)>,
    /// Of which tier; `None` holds raw points of one day, the partition.
    pub(crate) tier: Option<Tier>,
    /// Of which days, where it is of a tier; the partition is the first.
    pub(crate) days: Days,
}

/// A chunk as it stands in a part: one series, at most [`crate::chunk::POINTS_MAX`] points.
#[derive(Debug, Clone)]
pub(crate) struct RawChunk {
    pub(crate) kind: model::Kind,
    pub(crate) count: u32,
    pub(crate) min_ms: i64,
    pub(crate) max_ms: i64,
    pub(crate) times: Vec<u8>,
    pub(crate) values: Vec<u8>,
}

impl RawChunk {
    /// Returns the bytes that it takes in memory.
    pub(crate) fn heap_bytes(&self) -> u64 {
        (size_of::<Self>() + self.times.len() + self.values.len()) as u64
    }

    /// Encodes points; there must be one at least.
    pub(crate) fn encode(points: &crate::points::Points, settled: bool) -> Self {
        use crate::chunk::{column, delta, histogram, times};
        use crate::points::Points;
        let (mut time_bytes, mut value_bytes) = (Vec::new(), Vec::new());
        let stamps = points.times();
        times::encode(&mut time_bytes, &stamps, settled);
        let kind = match points {
            Points::Floats(p) => {
                let values: Vec<f64> = p.iter().map(|p| p.1).collect();
                column::encode(&mut value_bytes, &values, settled);
                model::Kind::Float
            }
            Points::Singles(p) => {
                let values: Vec<f64> = p.iter().map(|p| p.1).collect();
                delta::encode_singles(&mut value_bytes, &values, settled);
                model::Kind::Delta
            }
            Points::Deltas(p) => {
                let deltas: Vec<model::Delta> = p.iter().map(|p| p.1.clone()).collect();
                delta::encode(&mut value_bytes, &deltas, settled);
                model::Kind::Delta
            }
            Points::Histograms(p) => {
                let histograms: Vec<&model::Histogram> = p.iter().map(|p| &*p.1).collect();
                histogram::encode(&mut value_bytes, &histograms, settled);
                model::Kind::Histogram
            }
        };
        Self {
            kind,
            count: u32::try_from(stamps.len()).expect("chunks are short"),
            min_ms: stamps[0],
            max_ms: stamps[stamps.len() - 1],
            times: time_bytes,
            values: value_bytes,
        }
    }

    /// Encodes points of a tier; there must be one at least.
    pub(crate) fn encode_folded(points: &Folded) -> Self {
        use crate::chunk::{rolled, times};
        let (mut time_bytes, mut values) = (Vec::new(), Vec::new());
        let (kind, stamps): (_, Vec<i64>) = match points {
            Folded::Deltas(p) => {
                let deltas: Vec<model::Delta> = p.iter().map(|p| p.1.clone()).collect();
                rolled::encode_deltas(&mut values, &deltas);
                (model::Kind::Delta, p.iter().map(|p| p.0).collect())
            }
            Folded::Floats(p) => {
                let floats: Vec<_> = p.iter().map(|p| p.1).collect();
                rolled::encode_floats(&mut values, &floats);
                (model::Kind::Float, p.iter().map(|p| p.0).collect())
            }
        };
        times::encode(&mut time_bytes, &stamps, true);
        Self {
            kind,
            count: u32::try_from(stamps.len()).expect("chunks are short"),
            min_ms: stamps[0],
            max_ms: stamps[stamps.len() - 1],
            times: time_bytes,
            values,
        }
    }

    /// Undoes [`RawChunk::encode_folded`]; `None` when the bytes are damaged.
    pub(crate) fn decode_folded(&self) -> Option<Folded> {
        use crate::chunk::rolled;
        let (times, count) = (self.decode_times()?, self.count as usize);
        match self.kind {
            model::Kind::Float => {
                let values = rolled::decode_floats(&self.values, count)?;
                Some(Folded::Floats(times.into_iter().zip(values).collect()))
            }
            model::Kind::Delta => {
                let values = rolled::decode_deltas(&self.values, count)?;
                Some(Folded::Deltas(times.into_iter().zip(values).collect()))
            }
            model::Kind::Histogram => None,
        }
    }

    /// Returns the times alone; `None` when the bytes are damaged.
    pub(crate) fn decode_times(&self) -> Option<Vec<i64>> {
        crate::chunk::times::decode(&self.times, self.count as usize)
    }

    /// Undoes [`RawChunk::encode`]; `None` when the bytes are damaged.
    pub(crate) fn decode(&self) -> Option<crate::points::Points> {
        use crate::chunk::delta::Column;
        use crate::chunk::{column, delta, histogram, times};
        use crate::points::Points;
        let count = self.count as usize;
        let stamps = times::decode(&self.times, count)?;
        match self.kind {
            model::Kind::Float => {
                let values = column::decode(&self.values, count)?;
                Some(Points::Floats(stamps.into_iter().zip(values).collect()))
            }
            model::Kind::Delta => Some(match delta::decode(&self.values, count)? {
                Column::Singles(values) => {
                    Points::Singles(stamps.into_iter().zip(values).collect())
                }
                Column::Mixed(deltas) => Points::Deltas(stamps.into_iter().zip(deltas).collect()),
            }),
            model::Kind::Histogram => {
                let histograms = histogram::decode(&self.values, count)?;
                Some(Points::Histograms(stamps.into_iter().zip(histograms).collect()))
            }
        }
    }
}
