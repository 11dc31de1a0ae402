//! A block: bytes with their length, codec and checksum in front, as parts are made of.

use stdx::checksum::{checksum, checksum_seeded};

/// Bytes in front of a block's content: length (4), codec (1), kind (1), key id (2), checksum (8).
pub const BLOCK_HEADER_BYTES: usize = 16;

/// Why a block cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BlockError {
    /// There are fewer bytes than the block says it has.
    #[error("block is cut short")]
    Short,
    /// The bytes are not what was written.
    #[error("block does not match its checksum")]
    Checksum,
}

/// Appends a block with `content`; `kind` and `codec` are the caller's.
pub fn seal_block(out: &mut Vec<u8>, kind: u8, codec: u8, content: &[u8]) {
    let start = out.len();
    let len = u32::try_from(content.len()).expect("blocks are far below 4 GiB");
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&[codec, kind, 0, 0]);
    let sum = checksum_seeded(&out[start..start + 8], checksum(content));
    out.extend_from_slice(&sum.to_le_bytes());
    out.extend_from_slice(content);
}

/// Checks the block that starts at the front of `bytes` and returns kind, codec and content.
///
/// # Errors
/// [`BlockError`] when the block is short or its checksum does not hold.
pub fn open_block(bytes: &[u8]) -> Result<(u8, u8, &[u8]), BlockError> {
    let header = bytes.get(..BLOCK_HEADER_BYTES).ok_or(BlockError::Short)?;
    let len = u32::from_le_bytes(header[..4].try_into().expect("four bytes")) as usize;
    let content =
        bytes.get(BLOCK_HEADER_BYTES..BLOCK_HEADER_BYTES + len).ok_or(BlockError::Short)?;
    let sum = u64::from_le_bytes(header[8..16].try_into().expect("eight bytes"));
    if checksum_seeded(&header[..8], checksum(content)) != sum {
        return Err(BlockError::Checksum);
    }
    Ok((header[5], header[4], content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opening_undoes_sealing_and_finds_damage() {
        let mut bytes = Vec::new();
        seal_block(&mut bytes, 3, 1, b"content");
        assert_eq!(open_block(&bytes), Ok((3, 1, &b"content"[..])));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(open_block(&damaged).is_err(), "byte {at}");
        }
        assert_eq!(open_block(&bytes[..9]), Err(BlockError::Short));
    }
}
