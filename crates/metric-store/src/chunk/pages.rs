//! Numbers packed with `pco` in pages: what is known of all of them stands once in front, and each
//! page is unpacked by itself. A question for an hour of a day then unpacks an hour.
//!
//! Whole pages cost some twelve bytes each, a twentieth of what they hold where a number takes two or
//! three bits; unpacking a whole day for its last five minutes cost up to twenty times as much time.

use super::column::pco_config;
use pco::data_types::Number;
use pco::wrapped::{FileCompressor, FileDecompressor};
use std::ops::Range;
use stdx::varint::{self, Reader};

/// Numbers in a page, but for the last one.
const PAGE: usize = 512;

/// A page that somebody else wrote has no more than this.
const PAGE_MAX: usize = 1 << 16;

/// `pco` unpacks so many at once.
const BATCH: usize = 256;

/// Says whether so many numbers are worth pages.
pub(super) fn pays(count: usize) -> bool {
    count > PAGE
}

/// Packs numbers: length of a page, what stands in front of all pages with its length, the lengths
/// of the pages, the pages. `None` if `pco` has no way to do it.
pub(super) fn compress<T: Number>(numbers: &[T]) -> Option<Vec<u8>> {
    let mut lengths = vec![PAGE; numbers.len() / PAGE];
    lengths.extend(Some(numbers.len() % PAGE).filter(|&rest| rest > 0));
    let pages = lengths.len();
    let config = pco_config().with_paging_spec(pco::PagingSpec::Exact(lengths));
    let file = FileCompressor::default();
    let mut chunk = file.chunk_compressor(numbers, &config).ok()?;
    let mut front = Vec::new();
    file.write_header(&mut front).ok()?;
    chunk.write_meta(&mut front).ok()?;
    let mut out = Vec::new();
    varint::put_u64(&mut out, PAGE as u64);
    varint::put_bytes(&mut out, &front);
    let mut all = Vec::new();
    for page in 0..pages {
        let before = all.len();
        chunk.write_page(page, &mut all).ok()?;
        varint::put_u64(&mut out, (all.len() - before) as u64);
    }
    out.extend_from_slice(&all);
    Some(out)
}

/// Shows the numbers at some places, page by page; `None` when the bytes are damaged.
pub(super) fn decompress<T: Number + Default>(
    bytes: &[u8],
    count: usize,
    wanted: Range<usize>,
    mut show: impl FnMut(&[T]),
) -> Option<()> {
    let mut reader = Reader::new(bytes);
    let page = reader.usize().filter(|page| (1..=PAGE_MAX).contains(page))?;
    let (file, front) = FileDecompressor::new(reader.bytes()?).ok()?;
    let (mut chunk, _) = file.chunk_decompressor::<T, _>(front).ok()?;
    let mut lengths = Vec::with_capacity(count.div_ceil(page));
    for _ in 0..count.div_ceil(page) {
        lengths.push(reader.usize()?);
    }
    let mut rest = reader.rest();
    let mut numbers = vec![T::default(); page.min(count)];
    for (number, len) in lengths.into_iter().enumerate() {
        let places = number * page..count.min((number + 1) * page);
        if places.start >= wanted.end {
            break;
        }
        let (bytes, behind) = rest.split_at_checked(len)?;
        rest = behind;
        if places.end <= wanted.start {
            continue;
        }
        // The end of a page that nobody asked for stays packed.
        let asked = wanted.start.max(places.start)..wanted.end.min(places.end);
        let read = (asked.end - places.start).next_multiple_of(BATCH).min(places.len());
        let numbers = &mut numbers[..read];
        let mut page = chunk.page_decompressor(bytes, places.len()).ok()?;
        let progress = page.read(numbers).ok()?;
        if progress.n_processed != read {
            return None;
        }
        show(&numbers[asked.start - places.start..asked.end - places.start]);
    }
    Some(())
}
