//! Requests as texts: `POST /path?query`, headers, an empty line, the body. So a corpus can be read
//! and written by hand, and mutations reach every part.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request};

/// Reads a request; `None` for what no HTTP server would hand on.
pub(crate) fn parse(input: &[u8]) -> Option<(Parts, Bytes)> {
    let (head, body) = match input.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (&input[..at], &input[at + 2..]),
        None => (input, &[][..]),
    };
    let mut lines = head.split(|&byte| byte == b'\n');
    let first = lines.next()?;
    let at = first.iter().position(|&byte| byte == b' ')?;
    let mut request = Request::builder().method(&first[..at]).uri(&first[at + 1..]);
    for line in lines {
        let at = line.iter().position(|&byte| byte == b':')?;
        let value = line[at + 1..].trim_ascii();
        let name = HeaderName::from_bytes(&line[..at]).ok()?;
        request = request.header(name, HeaderValue::from_bytes(value).ok()?);
    }
    let (parts, ()) = request.body(()).ok()?.into_parts();
    Some((parts, Bytes::copy_from_slice(body)))
}
