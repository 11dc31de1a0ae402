//! Chunks of samples: `chunks/000001` and its like hold them one behind the other.
//!
//! ```text
//! segment: magic 0x85BD40DD 4 | version 1 | zero 3 | chunks
//! chunk:   length of data (uvarint) | encoding 1 | data | CRC-32C of encoding and data 4
//! ```

use super::bits::Bits;
use super::sum::crc32c;
use crate::remote_write::Sample;
use stdx::varint::Reader;

/// Bytes in front of a segment's first chunk.
pub const SEGMENT_HEADER_BYTES: usize = 8;
/// Bytes that are enough to tell a chunk's length.
pub const CHUNK_HEADER_MAX: usize = 5;
const CRC_BYTES: usize = 4;
/// A chunk is at most this long; more is taken for damage.
const CHUNK_BYTES_MAX: usize = 16 << 20;

const XOR: u8 = 1;
const HISTOGRAM: u8 = 2;
const FLOAT_HISTOGRAM: u8 = 3;

/// What a chunk holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Chunk {
    /// Samples of floats, oldest first.
    Floats(Vec<Sample>),
    /// Native histograms: so many, not decoded.
    Histograms(usize),
}

/// Why a chunk cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// There are fewer bytes than it says.
    #[error("chunk is cut short")]
    Short,
    /// Its checksum does not hold.
    #[error("chunk does not match its checksum")]
    Checksum,
    /// Its encoding is not known.
    #[error("chunk has encoding {0}, which is not known")]
    Encoding(u8),
    /// Its samples make no sense.
    #[error("chunk cannot be decoded")]
    Odd,
}

/// Says whether the front of a segment file is one.
pub fn segment_ok(header: &[u8]) -> bool {
    header.starts_with(&[0x85, 0xbd, 0x40, 0xdd, 1])
}

/// Returns how long the chunk at the front of `bytes` is in all, checksum included; the first
/// [`CHUNK_HEADER_MAX`] bytes suffice.
///
/// # Errors
/// [`ChunkError`] when they tell no sensible length.
pub fn chunk_len(bytes: &[u8]) -> Result<usize, ChunkError> {
    let mut reader = Reader::new(bytes);
    let len = reader.usize().ok_or(ChunkError::Short)?;
    if len > CHUNK_BYTES_MAX {
        return Err(ChunkError::Odd);
    }
    Ok(bytes.len() - reader.rest().len() + 1 + len + CRC_BYTES)
}

/// Reads the chunk at the front of `bytes`.
///
/// # Errors
/// [`ChunkError`].
pub fn read_chunk(bytes: &[u8]) -> Result<Chunk, ChunkError> {
    let whole = bytes.get(..chunk_len(bytes)?).ok_or(ChunkError::Short)?;
    let (content, sum) = whole.split_at(whole.len() - CRC_BYTES);
    let mut reader = Reader::new(content);
    let len = reader.usize().ok_or(ChunkError::Short)?;
    let content = &content[content.len() - len - 1..];
    if crc32c(content).to_be_bytes() != sum {
        return Err(ChunkError::Checksum);
    }
    let (encoding, data) = (content[0], &content[1..]);
    match encoding {
        XOR => decode_xor(data).map(Chunk::Floats).ok_or(ChunkError::Odd),
        HISTOGRAM | FLOAT_HISTOGRAM => {
            let count = data.get(..2).ok_or(ChunkError::Odd)?;
            Ok(Chunk::Histograms(usize::from(u16::from_be_bytes([count[0], count[1]]))))
        }
        other => Err(ChunkError::Encoding(other)),
    }
}

/// Differences of differences of times, by their prefix: bits of the value.
const DELTA_BITS: [u32; 4] = [14, 17, 20, 64];

fn decode_xor(data: &[u8]) -> Option<Vec<Sample>> {
    let count = usize::from(u16::from_be_bytes(data.get(..2)?.try_into().ok()?));
    let mut bits = Bits::new(&data[2..]);
    // A sample takes two bits at least, which bounds what a lie can ask for.
    let mut samples = Vec::with_capacity(count.min(data.len() * 4));
    let (mut at_ms, mut step, mut value) = (0i64, 0u64, 0u64);
    let (mut leading, mut trailing) = (0u32, 0u32);
    for n in 0..count {
        match n {
            0 => {
                at_ms = bits.varint()?;
                value = bits.take(64)?;
            }
            _ => {
                step = match n {
                    1 => bits.uvarint()?,
                    _ => step.wrapping_add(delta_of_delta(&mut bits)?.cast_unsigned()),
                };
                at_ms = at_ms.checked_add(step.cast_signed())?;
                if bits.bit()? {
                    if bits.bit()? {
                        leading = u32::try_from(bits.take(5)?).ok()?;
                        // Sixty-four does not fit six bits, and zero is never needed.
                        let significant = match u32::try_from(bits.take(6)?).ok()? {
                            0 => 64,
                            some => some,
                        };
                        trailing = 64u32.checked_sub(leading + significant)?;
                    }
                    value ^= bits.take(64 - leading - trailing)? << trailing;
                }
            }
        }
        samples.push(Sample { at_ms, value: f64::from_bits(value) });
    }
    Some(samples)
}

fn delta_of_delta(bits: &mut Bits<'_>) -> Option<i64> {
    let mut size = None;
    for wide in DELTA_BITS {
        if !bits.bit()? {
            break;
        }
        size = Some(wide);
    }
    let Some(size) = size else { return Some(0) };
    let value = bits.take(size)?;
    if size == 64 {
        return Some(value.cast_signed());
    }
    // As Prometheus writes them: the upper half of the range, without its middle, is negative.
    let middle = 1u64 << (size - 1);
    let value = value.cast_signed();
    Some(if value > middle.cast_signed() { value - (1i64 << size) } else { value })
}
