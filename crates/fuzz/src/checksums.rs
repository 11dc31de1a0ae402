//! Puts checksums right again, so that mutations reach the code behind them.
//!
//! Written from the FORMAT.md of `storage` and `metric-store`, and for Prometheus' files from its
//! `tsdb/docs/format`, not from the code that reads them: what the two disagree about shows as inputs
//! that are refused.

use formats::tsdb::PAGE_BYTES;
use stdx::checksum::{checksum, checksum_seeded};
use stdx::varint::Reader;

const SEGMENT_HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 40;
const BLOCK_HEADER_BYTES: usize = 16;
const TRAILER_BYTES: usize = 16;

fn put_u64(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize
}

/// Mends the header of a journal segment and each frame that has room for what it says it is long.
pub(crate) fn mend_segment(bytes: &mut [u8]) {
    if bytes.len() < SEGMENT_HEADER_BYTES {
        return;
    }
    let sum = checksum(&bytes[..24]);
    put_u64(bytes, 24, sum);
    let mut at = SEGMENT_HEADER_BYTES;
    while bytes.len() - at >= FRAME_HEADER_BYTES {
        let payload = at + FRAME_HEADER_BYTES;
        let Some(content) = bytes.get(payload..payload.saturating_add(u32_at(bytes, at))) else {
            return;
        };
        let end = payload + content.len();
        let sum = checksum_seeded(&bytes[at..at + 32], checksum(content));
        put_u64(bytes, at + 32, sum);
        at = end;
    }
}

/// Mends the block in these bytes: its length and its checksum.
fn mend_block(bytes: &mut [u8]) {
    let Some(len) = bytes.len().checked_sub(BLOCK_HEADER_BYTES) else { return };
    bytes[..4].copy_from_slice(&u32::try_from(len).expect("inputs are short").to_le_bytes());
    let sum = checksum_seeded(&bytes[..8], checksum(&bytes[BLOCK_HEADER_BYTES..]));
    put_u64(bytes, 8, sum);
}

/// The codec of a block that is as it was written. See metric-store/FORMAT.md.
const PLAIN: u8 = 0;

/// Mends a part: its trailer, its footer, and each block that the footer names, unless the footer is packed.
pub(crate) fn mend_part(bytes: &mut [u8]) {
    let Some(trailer) = bytes.len().checked_sub(TRAILER_BYTES) else { return };
    // A footer that moved is found where the trailer says, with all that is behind it.
    let offset = u64::from_le_bytes(bytes[trailer..trailer + 8].try_into().expect("eight bytes"));
    let Ok(offset) = usize::try_from(offset) else { return };
    if offset > trailer || trailer - offset < BLOCK_HEADER_BYTES {
        return;
    }
    let len = u32::try_from(trailer - offset).expect("inputs are short");
    bytes[trailer + 8..trailer + 12].copy_from_slice(&len.to_le_bytes());
    mend_block(&mut bytes[offset..trailer]);
    if bytes[offset + 4] != PLAIN {
        // A long footer is packed: what looks like places in it is none.
        return;
    }
    let footer = bytes[offset + BLOCK_HEADER_BYTES..trailer].to_vec();
    let mut places = Vec::new();
    let _ = read_places(&footer, &mut places);
    for (start, len) in places {
        let end = start.saturating_add(len);
        if end <= offset
            && let Some(block) = bytes.get_mut(start..end)
        {
            mend_block(block);
        }
    }
}

/// Reads the places of blocks from a footer, as far as they can be read.
fn read_places(footer: &[u8], places: &mut Vec<(usize, usize)>) -> Option<()> {
    let mut reader = Reader::new(footer);
    for _ in 0..6 {
        reader.u64()?;
    }
    reader.u8()?;
    for _ in 0..reader.usize()? {
        for _ in 0..3 {
            reader.u64()?;
        }
    }
    for _ in 0..reader.usize()? {
        places.push((reader.usize()?, reader.usize()?));
        for _ in 0..4 {
            reader.u64()?;
        }
    }
    for _ in 0..reader.usize()? {
        places.push((reader.usize()?, reader.usize()?));
    }
    for _ in 0..2 {
        for _ in 0..reader.usize()? {
            reader.bytes()?;
            places.push((reader.usize()?, reader.usize()?));
        }
    }
    Some(())
}

/// Mends the last line of a manifest, or adds one.
pub(crate) fn mend_manifest(text: &[u8]) -> Vec<u8> {
    let mut body = text.to_vec();
    while body.last() == Some(&b'\n') {
        body.pop();
    }
    let last = body.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    if body[last..].starts_with(b"sum ") {
        body.truncate(last);
    } else {
        body.push(b'\n');
    }
    let sum = checksum(&body);
    body.extend_from_slice(format!("sum {sum:016x}\n").as_bytes());
    body
}

/// CRC-32 with Castagnoli's polynomial, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| (sum >> 1) ^ ((sum & 1) * 0x82f6_3b78))
    })
}

/// Writes the checksum of `from..to` at `place`, as far as all of it is there.
fn put_crc(bytes: &mut [u8], from: usize, to: usize, place: usize) -> Option<()> {
    let sum = crc32c(bytes.get(from..to)?);
    bytes.get_mut(place..place.checked_add(4)?)?.copy_from_slice(&sum.to_be_bytes());
    Some(())
}

fn big_endian(bytes: &[u8], at: usize, len: usize) -> Option<usize> {
    let number = bytes.get(at..at.checked_add(len)?)?;
    let number = number.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    usize::try_from(number).ok()
}

/// Mends the symbols, each series and the table of contents of a Prometheus index.
pub(crate) fn mend_tsdb_index(bytes: &mut [u8]) {
    const CONTENTS_BYTES: usize = 52;
    let Some(contents) = bytes.len().checked_sub(CONTENTS_BYTES) else { return };
    let _ = mend_tsdb_sections(bytes, contents);
    let end = bytes.len() - 4;
    let _ = put_crc(bytes, contents, end, end);
}

fn mend_tsdb_sections(bytes: &mut [u8], contents: usize) -> Option<()> {
    let place = |bytes: &[u8], n: usize| big_endian(bytes, contents + n * 8, 8);
    let (symbols, first) = (place(bytes, 0)?, place(bytes, 1)?);
    let end = (2..6).filter_map(|n| place(bytes, n)).filter(|p| *p > first).min();
    let end = end.unwrap_or(contents).min(contents);
    let len = big_endian(bytes, symbols, 4)?;
    let behind = symbols.checked_add(4)?.checked_add(len)?;
    if behind.checked_add(4)? <= contents {
        put_crc(bytes, symbols + 4, behind, behind)?;
    }
    let mut at = first;
    loop {
        at = at.checked_next_multiple_of(16)?;
        let mut reader = Reader::new(bytes.get(at..end)?);
        let len = reader.usize()?;
        let start = end - reader.rest().len();
        let behind = start.checked_add(len).filter(|behind| *behind <= end)?;
        put_crc(bytes, start, behind, behind)?;
        at = behind + 4;
    }
}

/// Mends the chunk at the front of these bytes.
pub(crate) fn mend_tsdb_chunk(bytes: &mut [u8]) {
    let mut reader = Reader::new(bytes);
    let Some(len) = reader.usize() else { return };
    let start = bytes.len() - reader.rest().len();
    if let Some(end) = start.checked_add(1).and_then(|at| at.checked_add(len)) {
        let _ = put_crc(bytes, start, end, end);
    }
}

/// Mends a file of Prometheus' tombstones.
pub(crate) fn mend_tsdb_tombstones(bytes: &mut [u8]) {
    if let Some(end) = bytes.len().checked_sub(4) {
        let _ = put_crc(bytes, 5, end, end);
    }
}

/// Mends each piece of a segment of Prometheus' log.
pub(crate) fn mend_tsdb_log(bytes: &mut [u8]) {
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] & 7 == 0 {
            at = (at / PAGE_BYTES + 1) * PAGE_BYTES;
            continue;
        }
        let Some(len) = big_endian(bytes, at + 1, 2) else { return };
        let (start, end) = (at + 7, at + 7 + len);
        if put_crc(bytes, start, end, at + 3).is_none() {
            return;
        }
        at = end;
    }
}
