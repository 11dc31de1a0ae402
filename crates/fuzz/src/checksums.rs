//! Puts checksums right again, so that mutations reach the code behind them.
//!
//! Written from the FORMAT.md of `storage` and `metric-store`, not from their code: what the two
//! disagree about shows as inputs that are refused.

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

/// Mends a part: its trailer, its footer, and each block that the footer names, unless it is packed.
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
