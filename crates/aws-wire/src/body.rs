//! Request bodies: their size, and their compression.

use std::borrow::Cow;
use std::io::Read;

/// How much a request may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the body as it came.
    pub body_bytes_max: usize,
    /// Bytes of the body when decompressed; what stops a bomb.
    pub decompressed_bytes_max: usize,
    /// Levels of nesting in a value.
    pub depth_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes_max: 16 << 20, decompressed_bytes_max: 16 << 20, depth_max: 64 }
    }
}

/// Why a body is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is larger than a request may be, before or after decompression.
    #[error("request is larger than {bytes_max} bytes")]
    TooLarge {
        /// The limit that it is over.
        bytes_max: usize,
    },
    /// It says that it is compressed, and is not.
    #[error("body is not valid gzip")]
    NotGzip,
    /// It is compressed in a way that AWS does not take.
    #[error("content encoding is not supported")]
    UnknownEncoding,
}

/// Returns the body as the codecs read it, decompressed where `encoding` (the value of
/// `Content-Encoding`, any case) says gzip. `identity` changes nothing.
///
/// # Errors
/// [`BodyError`] says which limit it is over, or why it cannot be decompressed.
pub fn plain<'a>(
    body: &'a [u8],
    encoding: Option<&str>,
    limits: &Limits,
) -> Result<Cow<'a, [u8]>, BodyError> {
    check_size(body, limits)?;
    match encoding.map(|name| name.trim().to_ascii_lowercase()).as_deref() {
        None | Some("" | "identity") => Ok(Cow::Borrowed(body)),
        Some("gzip") => gunzip(body, limits.decompressed_bytes_max).map(Cow::Owned),
        Some(_) => Err(BodyError::UnknownEncoding),
    }
}

/// Checks the size of a body as it came.
///
/// # Errors
/// [`BodyError::TooLarge`].
pub fn check_size(body: &[u8], limits: &Limits) -> Result<(), BodyError> {
    if body.len() > limits.body_bytes_max {
        return Err(BodyError::TooLarge { bytes_max: limits.body_bytes_max });
    }
    Ok(())
}

fn gunzip(body: &[u8], bytes_max: usize) -> Result<Vec<u8>, BodyError> {
    // Text of this kind compresses about tenfold; a bomb is caught by `take`, not by this guess.
    let mut out = Vec::with_capacity(body.len().saturating_mul(8).min(bytes_max));
    let over = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    flate2::read::MultiGzDecoder::new(body)
        .take(over)
        .read_to_end(&mut out)
        .map_err(|_| BodyError::NotGzip)?;
    if out.len() > bytes_max {
        return Err(BodyError::TooLarge { bytes_max });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        writer.write_all(bytes).expect("written to memory");
        writer.finish().expect("written to memory")
    }

    #[test]
    fn gzip_is_read_in_either_case() {
        let packed = gzip(b"hello");
        for name in ["gzip", "GZIP", " Gzip"] {
            let read = plain(&packed, Some(name), &Limits::default());
            assert_eq!(read.as_deref(), Ok(&b"hello"[..]), "{name}");
        }
        assert_eq!(plain(b"x", Some("gzip"), &Limits::default()), Err(BodyError::NotGzip));
        assert_eq!(plain(b"x", Some("br"), &Limits::default()), Err(BodyError::UnknownEncoding));
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = gzip(&vec![0; 4 << 20]);
        assert!(bomb.len() < 8 << 10);
        let limits = Limits { decompressed_bytes_max: 1 << 20, ..Limits::default() };
        assert_eq!(
            plain(&bomb, Some("gzip"), &limits),
            Err(BodyError::TooLarge { bytes_max: 1 << 20 })
        );
        let exact = gzip(&vec![0; 1 << 20]);
        assert_eq!(plain(&exact, Some("gzip"), &limits).map(|b| b.len()), Ok(1 << 20));
    }
}
