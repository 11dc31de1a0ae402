//! The file of all exemplars, drawn in `FORMAT.md`; and how they stand in a frame of the journal.

use super::kept::{Kept, Stored};
use crate::chunk::unpack;
use crate::part::{PLAIN, PartError, ZSTD};
use model::SeriesKey;
use std::io;
use std::sync::Arc;
use stdx::varint::{self, Reader};
use storage::{BLOCK_HEADER_BYTES, PartFile, Parts, open_block, seal_block};

/// What the names of these files end in.
pub(crate) const SUFFIX: &str = ".exemplars.part";

const MAGIC: [u8; 4] = *b"SLX1";
const VERSION: u16 = 1;
const HEADER_BYTES: usize = 16;

/// Kinds of blocks.
const EXEMPLARS: u8 = 6;
const END: u8 = 7;

/// A block is closed when it has so many bytes; one series may make it longer.
const BLOCK_BYTES: usize = 256 << 10;
/// No block has more: what says so is damaged.
const BLOCK_BYTES_MAX: usize = 256 << 20;
const ZSTD_LEVEL: i32 = 1;

/// Appends the exemplars of a series.
fn put_series<'e>(
    out: &mut Vec<u8>,
    key: &[u8],
    count: usize,
    exemplars: impl Iterator<Item = &'e Stored>,
) {
    varint::put_bytes(out, key);
    varint::put_u64(out, count as u64);
    let mut last_ms = 0i64;
    for exemplar in exemplars {
        varint::put_i64(out, exemplar.at_ms.wrapping_sub(last_ms));
        out.extend_from_slice(&exemplar.value.to_le_bytes());
        varint::put_bytes(out, &exemplar.labels);
        last_ms = exemplar.at_ms;
    }
}

/// Reads what [`put_series`] wrote; `None` when it makes no sense.
fn read_series(reader: &mut Reader<'_>, mut show: impl FnMut(&[u8], Stored)) -> Option<()> {
    let key = reader.bytes()?;
    SeriesKey::decode(key)?;
    let mut at_ms = 0i64;
    for _ in 0..reader.usize()? {
        at_ms = at_ms.wrapping_add(reader.i64()?);
        let value = reader.f64()?;
        let labels = reader.bytes()?;
        super::read_labels(labels)?;
        show(key, Stored::new(at_ms, value, labels.into()));
    }
    Some(())
}

/// Appends what a batch has, for its frame.
pub(crate) fn put_batch(out: &mut Vec<u8>, given: &[(Arc<[u8]>, Vec<Stored>)]) {
    varint::put_u64(out, given.len() as u64);
    for (key, exemplars) in given {
        put_series(out, key, exemplars.len(), exemplars.iter());
    }
}

/// Reads what [`put_batch`] wrote; `None` when it makes no sense.
pub(crate) fn read_batch(
    reader: &mut Reader<'_>,
    mut show: impl FnMut(&[u8], Stored),
) -> Option<()> {
    for _ in 0..reader.usize()? {
        read_series(reader, &mut show)?;
    }
    Some(())
}

/// Returns the content of the blocks of a file with all exemplars that `stays` takes; none when there
/// are none.
pub(crate) fn blocks(kept: &Kept, stays: impl Fn(&SeriesKey, &Stored) -> bool) -> Vec<Vec<u8>> {
    let (mut blocks, mut block) = (Vec::new(), Vec::new());
    kept.each(|bytes, exemplars| {
        let Some(key) = SeriesKey::decode(bytes) else { return };
        let staying = || exemplars.iter().filter(|e| stays(&key, e));
        let count = staying().count();
        if count > 0 {
            put_series(&mut block, bytes, count, staying());
        }
        if block.len() >= BLOCK_BYTES {
            blocks.push(std::mem::take(&mut block));
        }
    });
    if !block.is_empty() {
        blocks.push(block);
    }
    blocks
}

/// Writes a file and makes it durable.
pub(crate) fn write(parts: &dyn Parts, name: &str, blocks: &[Vec<u8>]) -> io::Result<()> {
    let mut writer = parts.create(name)?;
    let mut header = MAGIC.to_vec();
    header.extend_from_slice(&VERSION.to_le_bytes());
    header.resize(HEADER_BYTES, 0);
    writer.append(&header)?;
    let mut sealed = Vec::new();
    for block in blocks {
        let len = u32::try_from(block.len()).map_err(io::Error::other)?;
        let mut packed = len.to_le_bytes().to_vec();
        packed.extend_from_slice(&zstd::bulk::compress(block, ZSTD_LEVEL)?);
        sealed.clear();
        seal_block(&mut sealed, EXEMPLARS, ZSTD, &packed);
        writer.append(&sealed)?;
    }
    sealed.clear();
    let mut end = Vec::new();
    varint::put_u64(&mut end, blocks.len() as u64);
    seal_block(&mut sealed, END, PLAIN, &end);
    writer.append(&sealed)?;
    writer.finish()
}

/// Shows the exemplars of a file, series after series. An error comes after what could be read.
pub(crate) fn read(
    name: &str,
    file: &dyn PartFile,
    mut show: impl FnMut(&[u8], Stored),
) -> Result<(), PartError> {
    let io =
        |offset, len| move |source| PartError::Io { part: name.to_owned(), offset, len, source };
    let size = file.len().map_err(io(0, 0))?;
    let bytes = |offset: u64, len: usize| {
        if offset.saturating_add(len as u64) > size {
            return Err(PartError::damaged(name, offset, "it ends before it is whole"));
        }
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, offset).map_err(io(offset, len))?;
        Ok(bytes)
    };
    let header = bytes(0, HEADER_BYTES)?;
    if header[..4] != MAGIC || header[4..6] != VERSION.to_le_bytes() {
        return Err(PartError::damaged(name, 0, "it is no file of exemplars that is known here"));
    }
    let mut offset = HEADER_BYTES as u64;
    let mut seen = 0u64;
    loop {
        let odd = |what: &str| PartError::damaged(name, offset, what);
        let header = bytes(offset, BLOCK_HEADER_BYTES)?;
        let len = u32::from_le_bytes(*header.first_chunk().expect("four bytes")) as usize;
        if len > BLOCK_BYTES_MAX {
            return Err(odd("a block is too large"));
        }
        let block = bytes(offset, BLOCK_HEADER_BYTES + len)?;
        let (kind, codec, content) =
            open_block(&block).map_err(|error| PartError::block(name, offset, &error))?;
        match (kind, codec) {
            (EXEMPLARS, ZSTD) => {
                let content = unpacked(content).ok_or_else(|| odd("a block is not zstd"))?;
                let mut reader = Reader::new(&content);
                while !reader.is_empty() {
                    read_series(&mut reader, &mut show)
                        .ok_or_else(|| odd("exemplars make no sense"))?;
                }
                seen += 1;
            }
            (END, PLAIN) => {
                let whole = Reader::new(content).u64() == Some(seen);
                let last = offset + block.len() as u64 == size;
                return if whole && last { Ok(()) } else { Err(odd("it is not what was written")) };
            }
            _ => return Err(odd("a block is of no known kind")),
        }
        offset += block.len() as u64;
    }
}

fn unpacked(content: &[u8]) -> Option<Vec<u8>> {
    let (len, packed) = content.split_first_chunk::<4>()?;
    let len = u32::from_le_bytes(*len) as usize;
    if len > BLOCK_BYTES_MAX { None } else { unpack(packed, len) }
}
