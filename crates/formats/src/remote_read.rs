//! Prometheus remote read, from the side of whoever asks: a request for samples, and the answer.
//!
//! Both are snappy blocks around protobuf messages. The series of an answer have the form of those
//! in a write request, so [`remote_write::items`](crate::remote_write::items) walks them.
//!
//! Source: `prompb/remote.proto` in Prometheus' repository.

use crate::remote_write::{DecodeError, Items, items};
use stdx::varint::{self, Reader};

/// How a matcher compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchType {
    /// `=`
    Equal = 0,
    /// `!=`
    NotEqual = 1,
    /// `=~`
    Regex = 2,
    /// `!~`
    NotRegex = 3,
}

/// A matcher of a request: type, label, value.
pub type ReadMatcher<'a> = (MatchType, &'a str, &'a str);

fn put_message(out: &mut Vec<u8>, field: u8, message: &[u8]) {
    out.push(field << 3 | 2);
    varint::put_bytes(out, message);
}

fn put_number(out: &mut Vec<u8>, field: u8, number: u64) {
    if number != 0 {
        out.push(field << 3);
        varint::put_u64(out, number);
    }
}

/// Writes a `prometheus.ReadRequest` for the samples of one selector, both ends included; not yet
/// packed. It asks for the plain form of answers, which is also what servers give by default.
pub fn request(matchers: &[ReadMatcher<'_>], first_ms: i64, last_ms: i64) -> Vec<u8> {
    let mut query = Vec::new();
    put_number(&mut query, 1, first_ms.cast_unsigned());
    put_number(&mut query, 2, last_ms.cast_unsigned());
    for (kind, name, value) in matchers {
        let mut matcher = Vec::new();
        put_number(&mut matcher, 1, *kind as u64);
        put_message(&mut matcher, 2, name.as_bytes());
        put_message(&mut matcher, 3, value.as_bytes());
        put_message(&mut query, 3, &matcher);
    }
    let mut request = Vec::new();
    put_message(&mut request, 1, &query);
    request
}

/// Walks over the series of an unpacked `prometheus.ReadResponse`, result by result.
///
/// # Errors
/// `None` when it is no such message.
pub fn results(body: &[u8]) -> Option<Vec<Items<'_>>> {
    let mut reader = Reader::new(body);
    let mut results = Vec::new();
    while !reader.is_empty() {
        let tag = reader.u64()?;
        match (tag >> 3, tag & 7) {
            (1, 2) => results.push(items(reader.bytes()?)),
            (_, 0) => drop(reader.u64()?),
            (_, 1) => drop(reader.take(8)?),
            (_, 2) => drop(reader.bytes()?),
            (_, 5) => drop(reader.take(4)?),
            _ => return None,
        }
    }
    Some(results)
}

/// Why the series of an answer cannot be read.
pub type ReadError = DecodeError;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote_write::{Encoder, Item, Sample};

    #[test]
    fn a_request_has_the_bytes_of_its_page() {
        let request = request(&[(MatchType::Regex, "job", "n.*")], 5, 300);
        let matcher = [&[8, 2, 18, 3][..], b"job", &[26, 3], b"n.*"].concat();
        let query = [&[8, 5, 16, 0xac, 2, 26, 12][..], &matcher].concat();
        assert_eq!(request, [&[10, 19][..], &query].concat());
    }

    #[test]
    fn the_series_of_an_answer_are_those_of_a_write() {
        let mut encoder = Encoder::new();
        encoder.series(&[("__name__", "up")], &[Sample { at_ms: 7, value: 1.5 }]);
        let mut body = Vec::new();
        put_message(&mut body, 1, &encoder.finish());
        let mut results = results(&body).unwrap();
        let Some(Ok(Item::Series(series))) = results[0].next() else { panic!("a series") };
        assert_eq!(series.samples().next().unwrap().unwrap().value, 1.5);
        assert!(super::results(&body[..body.len() - 1]).is_none());
    }
}
