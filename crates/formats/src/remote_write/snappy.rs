//! The snappy block around a body.

/// Why a body could not be unpacked.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DecompressError {
    /// The body is larger than this server takes; a smaller batch may pass.
    #[error("body unpacks to {declared_bytes} bytes, more than the limit of {limit_bytes}")]
    TooLarge {
        /// What the body says it unpacks to.
        declared_bytes: usize,
        /// What the caller allows.
        limit_bytes: usize,
    },
    /// The body is no snappy block, and sending it again will not help.
    #[error("body is no snappy block: {0}")]
    Malformed(String),
}

/// A snappy element of three bytes makes at most 64: no body unpacks to more than this many times
/// its own size. A larger declared length is a lie and must not make us allocate.
const EXPANSION_MAX: usize = 22;

/// Unpacks a snappy block into `buffer` and returns the unpacked bytes.
///
/// The buffer only ever grows, so that a connection can use the same one for all its requests; at
/// most `limit_bytes` and at most 22 times the body's size.
///
/// # Errors
/// [`DecompressError::TooLarge`] when the declared length is above `limit_bytes`,
/// [`DecompressError::Malformed`] for everything else; nothing is allocated before both are checked.
pub fn decompress<'b>(
    body: &[u8],
    limit_bytes: usize,
    buffer: &'b mut Vec<u8>,
) -> Result<&'b [u8], DecompressError> {
    let malformed = |e: snap::Error| DecompressError::Malformed(e.to_string());
    if body.is_empty() {
        return Err(DecompressError::Malformed("it is empty".into()));
    }
    let declared_bytes = snap::raw::decompress_len(body).map_err(malformed)?;
    if declared_bytes > limit_bytes {
        return Err(DecompressError::TooLarge { declared_bytes, limit_bytes });
    }
    if declared_bytes > body.len().saturating_mul(EXPANSION_MAX) {
        return Err(DecompressError::Malformed(format!(
            "{} bytes cannot unpack to {declared_bytes}",
            body.len()
        )));
    }
    if buffer.len() < declared_bytes {
        buffer.resize(declared_bytes, 0);
    }
    let written = snap::raw::Decoder::new()
        .decompress(body, &mut buffer[..declared_bytes])
        .map_err(malformed)?;
    Ok(&buffer[..written])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote_write::compress;

    #[test]
    fn unpacking_undoes_packing_in_one_buffer() {
        let mut buffer = Vec::new();
        let long = vec![7u8; 10_000];
        for plain in [&long[..], b"abc", b""] {
            assert_eq!(decompress(&compress(plain), 10_000, &mut buffer).unwrap(), plain);
        }
    }

    #[test]
    fn the_best_packing_there_is_passes() {
        let mut buffer = Vec::new();
        let plain = vec![0u8; 1 << 20];
        assert_eq!(decompress(&compress(&plain), 1 << 20, &mut buffer).unwrap().len(), 1 << 20);
    }

    #[test]
    fn a_bomb_is_refused_before_memory_is_taken() {
        let mut buffer = Vec::new();
        let bomb = compress(&vec![0u8; 1 << 20]);
        let error = decompress(&bomb, 1_000, &mut buffer).unwrap_err();
        assert_eq!(
            error,
            DecompressError::TooLarge { declared_bytes: 1 << 20, limit_bytes: 1_000 }
        );
        // Declares 256 MiB and holds next to nothing.
        let lie = [0x80, 0x80, 0x80, 0x80, 0x01, 0x00, 0x61];
        let error = decompress(&lie, usize::MAX, &mut buffer).unwrap_err();
        assert!(matches!(error, DecompressError::Malformed(_)));
        assert_eq!(buffer.capacity(), 0);
    }

    #[test]
    fn what_is_no_block_is_refused() {
        let mut buffer = Vec::new();
        for bad in [&b""[..], b"\x05", b"\x05\x00a", b"\xff\xff\xff\xff\xff\xff\xff"] {
            assert!(decompress(bad, 1_000, &mut buffer).is_err(), "{bad:?}");
        }
    }
}
