//! Encodings: the open chunk that a head appends to ([`open`]), and the columns that parts are
//! made of ([`column`], [`times`], [`delta`], [`histogram`], [`rolled`]). The bytes are drawn in `FORMAT.md`.

pub(crate) mod bits;
pub(crate) mod column;
pub(crate) mod decimal;
pub(crate) mod delta;
pub(crate) mod histogram;
pub(crate) mod open;
pub(crate) mod open_histogram;
mod pages;
pub(crate) mod rolled;
pub(crate) mod times;

use std::cell::RefCell;

/// A chunk in a part holds at most this many points of one series.
pub(crate) const POINTS_MAX: usize = 8192;

/// A byte of zstd unpacks to no more than this: its smallest block, of four bytes, repeats one byte
/// 128 Ki times.
const UNPACKED_PER_BYTE_MAX: usize = 32 << 10;

thread_local! {
    /// Making one takes as long as unpacking a block with it.
    static UNPACKER: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Unpacks zstd to exactly `len` bytes; `None` when it is damaged. A length that the bytes cannot
/// have been is refused before any memory is asked for.
pub(crate) fn unpack(bytes: &[u8], len: usize) -> Option<Vec<u8>> {
    if len > bytes.len().saturating_mul(UNPACKED_PER_BYTE_MAX) {
        return None;
    }
    let unpacked = UNPACKER.with_borrow_mut(|unpacker| {
        if unpacker.is_none() {
            *unpacker = zstd::bulk::Decompressor::new().ok();
        }
        unpacker.as_mut()?.decompress(bytes, len).ok()
    })?;
    (unpacked.len() == len).then_some(unpacked)
}
