//! Other inputs from known ones, under a seed.

use crate::INPUT_BYTES_MAX;
use stdx::Rng;

/// Bytes at which formats change their mind.
const EDGES: &[&[u8]] = &[
    &[0x00],
    &[0x01],
    &[0x7f],
    &[0x80],
    &[0xff],
    &[0xff, 0xff, 0xff, 0xff],
    &[0xff, 0xff, 0xff, 0x7f],
    &[0x00, 0x00, 0x00, 0x80],
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80],
    &[0, 0, 0, 0, 0, 0, 0xf0, 0x7f],
    &[0, 0, 0, 0, 0, 0, 0xf8, 0x7f],
    b"-1",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"18446744073709551616",
    b"1e308",
    b"NaN",
    b"\"",
    b"\\",
    b"\n",
    b"\xc3",
    b"\xf0\x9f\xa6\x80",
];

/// A place in `len` bytes, the end included.
fn place(rng: &mut Rng, len: usize) -> usize {
    rng.below(len as u64 + 1) as usize
}

/// Returns a relative of `from`, with parts of `other` now and then.
pub(crate) fn mutated(from: &[u8], other: &[u8], words: &[&[u8]], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = from.to_vec();
    for _ in 0..=rng.below(4) {
        let at = place(rng, bytes.len());
        let end = at + (rng.below(16) as usize + 1).min(bytes.len() - at);
        match rng.below(12) {
            0 if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
            1 if at < bytes.len() => bytes[at] = rng.below(256) as u8,
            2 => drop(bytes.drain(at..end)),
            3 => {
                let piece = bytes[at..end].to_vec();
                let to = place(rng, bytes.len());
                bytes.splice(to..to, piece);
            }
            4 | 5 => {
                let edge = EDGES[rng.below(EDGES.len() as u64) as usize];
                // In place of as many bytes, or between them.
                let end = if rng.one_in(2) { (at + edge.len()).min(bytes.len()) } else { at };
                bytes.splice(at..end, edge.iter().copied());
            }
            6..=8 if !words.is_empty() => {
                let word = words[rng.below(words.len() as u64) as usize];
                let end = if rng.one_in(2) { end } else { at };
                bytes.splice(at..end, word.iter().copied());
            }
            9 => {
                let from = place(rng, other.len());
                let to = from + place(rng, other.len() - from);
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            10 if rng.one_in(4) => bytes.truncate(at),
            11 if rng.one_in(8) => {
                let piece = bytes[at..end].to_vec();
                let times = rng.below(300) as usize;
                bytes.splice(at..at, piece.iter().copied().cycle().take(piece.len() * times));
            }
            _ if at < bytes.len() => {
                bytes[at] = bytes[at].wrapping_add(rng.below(5) as u8).wrapping_sub(2);
            }
            _ => bytes.push(rng.below(256) as u8),
        }
        bytes.truncate(INPUT_BYTES_MAX);
    }
    bytes
}
