//! Writes a part from front to back: series in the order of their keys, chunks in that of time.

use super::{
    FOOTER, HEADER_BYTES, KEYS, KEYS_PER_BLOCK, LABELS, MAGIC, Meta, PLAIN, Place, RawChunk, TIMES,
    VALUES, VERSION, VERSION_TIER, ValuesBlock, ZSTD,
};
use crate::postings::Postings;
use hashbrown::{HashMap, HashTable};
use std::io;
use stdx::varint::{self, Reader};
use storage::{PartWriter, seal_block};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// A block of values or times is closed when it has grown to this.
const BLOCK_BYTES: usize = 64 << 10;
/// A block of labels is closed when it has grown to this, before compression.
const LABELS_BYTES: usize = 16 << 10;
/// Times longer than this are written once for all series that share them.
const SHARED_TIMES_MIN: usize = 24;
const ZSTD_LEVEL: i32 = 3;

/// How the times of a chunk are given.
pub(super) const TIMES_HERE: u8 = 0;
pub(super) const TIMES_OF_LAST: u8 = 1;
pub(super) const TIMES_SHARED: u8 = 2;

/// Writes one part.
pub(crate) struct Writer {
    out: Box<dyn PartWriter>,
    offset: u64,
    meta: Meta,
    compressor: zstd::bulk::Compressor<'static>,
    // Values.
    headers: Vec<u8>,
    body: Vec<u8>,
    chunks: u32,
    block: Option<ValuesBlock>,
    last_series: u32,
    last_min_ms: i64,
    last_times: Vec<u8>,
    values: Vec<ValuesBlock>,
    // Times that series share.
    shared: HashMap<u128, (u32, u32)>,
    times: Vec<u8>,
    times_blocks: Vec<Place>,
    // Keys and labels.
    keys: Vec<u8>,
    last_key: Vec<u8>,
    first_keys: Vec<(Vec<u8>, Place)>,
    pending_first_key: Vec<u8>,
    labels: Labels,
    scratch: Vec<u8>,
}

/// Pairs of label and value of all series, with their postings.
#[derive(Default)]
struct Labels {
    bytes: Vec<u8>,
    entries: Vec<(u32, u32, Postings)>,
    table: HashTable<u32>,
}

impl Labels {
    fn add(&mut self, pair: &[u8], series: u32) {
        let hash = xxh3_64(pair);
        let (bytes, entries) = (&self.bytes, &self.entries);
        let slice = |n: u32| {
            let (start, end, _) = &entries[n as usize];
            &bytes[*start as usize..*end as usize]
        };
        let number = match self.table.find(hash, |&n| slice(n) == pair) {
            Some(&number) => number,
            None => {
                let number = u32::try_from(entries.len()).expect("fewer than 2^32 pairs");
                self.table.insert_unique(hash, number, |&n| xxh3_64(slice(n)));
                let start = u32::try_from(self.bytes.len()).expect("fewer than 4 GiB of labels");
                self.bytes.extend_from_slice(pair);
                let end = start + pair.len() as u32;
                self.entries.push((start, end, Postings::default()));
                number
            }
        };
        self.entries[number as usize].2.push(series);
    }
}

/// Appends tenant, label and value in the form that sorts by them.
pub(super) fn put_pair(out: &mut Vec<u8>, tenant: &[u8], label: &[u8], value: &[u8]) {
    out.extend_from_slice(tenant);
    varint::put_bytes(out, label);
    out.extend_from_slice(value);
}

/// Appends `bytes` as what it shares with `last` and what is new.
pub(super) fn put_front_coded(out: &mut Vec<u8>, last: &[u8], bytes: &[u8]) {
    let shared = last.iter().zip(bytes).take_while(|(a, b)| a == b).count();
    varint::put_u64(out, shared as u64);
    varint::put_bytes(out, &bytes[shared..]);
}

impl Writer {
    pub(crate) fn new(mut out: Box<dyn PartWriter>, meta: Meta) -> io::Result<Self> {
        let mut header = [0; HEADER_BYTES];
        header[..4].copy_from_slice(&MAGIC);
        let version = if meta.tier.is_some() { VERSION_TIER } else { VERSION };
        header[4..6].copy_from_slice(&version.to_le_bytes());
        out.append(&header)?;
        Ok(Self {
            out,
            offset: HEADER_BYTES as u64,
            meta: Meta { min_ms: i64::MAX, max_ms: i64::MIN, ..meta },
            compressor: zstd::bulk::Compressor::new(ZSTD_LEVEL)?,
            headers: Vec::new(),
            body: Vec::new(),
            chunks: 0,
            block: None,
            last_series: 0,
            last_min_ms: 0,
            last_times: Vec::new(),
            values: Vec::new(),
            shared: HashMap::new(),
            times: Vec::new(),
            times_blocks: Vec::new(),
            keys: Vec::new(),
            last_key: Vec::new(),
            first_keys: Vec::new(),
            pending_first_key: Vec::new(),
            labels: Labels::default(),
            scratch: Vec::new(),
        })
    }

    fn put_block(&mut self, kind: u8, content: &[u8], compress: bool) -> io::Result<Place> {
        self.scratch.clear();
        let packed = if compress { Some(self.compressor.compress(content)?) } else { None };
        match packed {
            Some(packed) if packed.len() + 4 < content.len() => {
                let mut framed = (content.len() as u32).to_le_bytes().to_vec();
                framed.extend_from_slice(&packed);
                seal_block(&mut self.scratch, kind, ZSTD, &framed);
            }
            _ => seal_block(&mut self.scratch, kind, PLAIN, content),
        }
        let place = Place {
            offset: self.offset,
            len: u32::try_from(self.scratch.len()).expect("blocks are small"),
        };
        self.out.append(&self.scratch)?;
        self.offset += u64::from(place.len);
        Ok(place)
    }

    /// Starts the next series; keys come in the order of their bytes, each once. The chunks that
    /// follow are its.
    pub(crate) fn series(&mut self, key: &[u8]) -> io::Result<()> {
        debug_assert!(self.meta.series == 0 || self.last_key.as_slice() < key, "keys are sorted");
        let number = self.meta.series;
        if (number as usize).is_multiple_of(KEYS_PER_BLOCK) {
            self.close_keys()?;
            self.pending_first_key = key.to_vec();
            self.last_key.clear();
        }
        put_front_coded(&mut self.keys, &self.last_key, key);
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        self.meta.series += 1;

        let tenant_bytes = &key[..4];
        let tenant = u32::from_be_bytes(tenant_bytes.try_into().expect("four bytes"));
        match self.meta.tenants.last_mut() {
            Some((t, _, end)) if *t == tenant => *end = number + 1,
            _ => self.meta.tenants.push((tenant, number, number + 1)),
        }
        self.index_labels(key, number).ok_or_else(|| io::Error::other("key is not canonical"))
    }

    fn index_labels(&mut self, key: &[u8], number: u32) -> Option<()> {
        let tenant = &key[..4];
        let mut reader = Reader::new(&key[4..]);
        let (namespace, name) = (reader.bytes()?, reader.bytes()?);
        let unit = model::Unit::from_code(reader.u8()?)?;
        let unit = if unit == model::Unit::None { "" } else { unit.name() };
        let mut pair = Vec::with_capacity(64);
        let heads: [(&str, &[u8]); 3] =
            [("__namespace__", namespace), ("__name__", name), ("__unit__", unit.as_bytes())];
        for (label, value) in heads.into_iter().filter(|(_, v)| !v.is_empty()) {
            pair.clear();
            put_pair(&mut pair, tenant, label.as_bytes(), value);
            self.labels.add(&pair, number);
        }
        for _ in 0..reader.usize()? {
            let (label, value) = (reader.bytes()?, reader.bytes()?);
            pair.clear();
            put_pair(&mut pair, tenant, label, value);
            self.labels.add(&pair, number);
        }
        Some(())
    }

    fn close_keys(&mut self) -> io::Result<()> {
        if self.keys.is_empty() {
            return Ok(());
        }
        let keys = std::mem::take(&mut self.keys);
        let place = self.put_block(KEYS, &keys, true)?;
        let first = std::mem::take(&mut self.pending_first_key);
        self.first_keys.push((first, place));
        Ok(())
    }

    /// Adds a chunk of the current series; chunks come in the order of time.
    pub(crate) fn chunk(&mut self, chunk: &RawChunk) -> io::Result<()> {
        let series = self.meta.series.checked_sub(1).expect("a series was started");
        self.meta.points += u64::from(chunk.count);
        self.meta.min_ms = self.meta.min_ms.min(chunk.min_ms);
        self.meta.max_ms = self.meta.max_ms.max(chunk.max_ms);
        let len = chunk.times.len() + chunk.values.len();
        if self.chunks > 0 && self.body.len() + self.headers.len() + len > BLOCK_BYTES {
            self.close_values()?;
        }
        let block = self.block.get_or_insert(ValuesBlock {
            place: Place { offset: 0, len: 0 },
            first_series: series,
            last_series: series,
            min_ms: chunk.min_ms,
            max_ms: chunk.max_ms,
        });
        block.last_series = series;
        block.min_ms = block.min_ms.min(chunk.min_ms);
        block.max_ms = block.max_ms.max(chunk.max_ms);
        if self.chunks == 0 {
            self.last_series = series;
            self.last_min_ms = 0;
            self.last_times.clear();
        }
        varint::put_u64(&mut self.headers, u64::from(series - self.last_series));
        self.headers.push(chunk.kind as u8);
        varint::put_u64(&mut self.headers, u64::from(chunk.count));
        varint::put_i64(&mut self.headers, chunk.min_ms - self.last_min_ms);
        varint::put_u64(&mut self.headers, (chunk.max_ms - chunk.min_ms) as u64);
        self.put_times(&chunk.times)?;
        varint::put_bytes_len(&mut self.headers, &mut self.body, &chunk.values);
        self.last_series = series;
        self.last_min_ms = chunk.min_ms;
        self.chunks += 1;
        Ok(())
    }

    fn put_times(&mut self, times: &[u8]) -> io::Result<()> {
        if self.chunks > 0 && self.last_times == times {
            self.headers.push(TIMES_OF_LAST);
            return Ok(());
        }
        self.last_times.clear();
        self.last_times.extend_from_slice(times);
        if times.len() < SHARED_TIMES_MIN {
            self.headers.push(TIMES_HERE);
            varint::put_bytes_len(&mut self.headers, &mut self.body, times);
            return Ok(());
        }
        let hash = xxh3_128(times);
        let (block, offset) = match self.shared.get(&hash) {
            Some(&at) => at,
            None => {
                if !self.times.is_empty() && self.times.len() + times.len() > BLOCK_BYTES {
                    self.close_times()?;
                }
                let at = (self.times_blocks.len() as u32, self.times.len() as u32);
                self.times.extend_from_slice(times);
                self.shared.insert(hash, at);
                at
            }
        };
        self.headers.push(TIMES_SHARED);
        varint::put_u64(&mut self.headers, u64::from(block));
        varint::put_u64(&mut self.headers, u64::from(offset));
        varint::put_u64(&mut self.headers, times.len() as u64);
        Ok(())
    }

    fn close_times(&mut self) -> io::Result<()> {
        let times = std::mem::take(&mut self.times);
        let place = self.put_block(TIMES, &times, false)?;
        self.times_blocks.push(place);
        Ok(())
    }

    fn close_values(&mut self) -> io::Result<()> {
        let Some(mut block) = self.block.take() else { return Ok(()) };
        let mut content = Vec::with_capacity(self.headers.len() + self.body.len() + 16);
        varint::put_u64(&mut content, u64::from(self.chunks));
        varint::put_u64(&mut content, u64::from(block.first_series));
        varint::put_u64(&mut content, self.headers.len() as u64);
        content.extend_from_slice(&self.headers);
        content.extend_from_slice(&self.body);
        // Long columns are at their entropy already; short ones leave much to a general compressor.
        let short = self.body.len() / (self.chunks as usize) < 256;
        block.place = self.put_block(VALUES, &content, short)?;
        self.values.push(block);
        self.headers.clear();
        self.body.clear();
        self.chunks = 0;
        Ok(())
    }

    /// Writes label blocks and returns their first pairs, and each label with its number of values.
    #[expect(clippy::type_complexity, reason = "two lists that are written at once")]
    fn put_labels(&mut self) -> io::Result<(Vec<(Vec<u8>, Place)>, Vec<(Vec<u8>, u32)>)> {
        let labels = std::mem::take(&mut self.labels);
        let slice =
            |&(start, end, _): &(u32, u32, Postings)| &labels.bytes[start as usize..end as usize];
        let mut order: Vec<&(u32, u32, Postings)> = labels.entries.iter().collect();
        order.sort_unstable_by_key(|e| slice(e));
        let (mut blocks, mut names): (Vec<_>, Vec<(Vec<u8>, u32)>) = (Vec::new(), Vec::new());
        let (mut content, mut first, mut last) = (Vec::new(), Vec::new(), Vec::<u8>::new());
        let mut postings = Vec::new();
        for entry in order {
            let pair = slice(entry);
            if content.len() >= LABELS_BYTES {
                let place = self.put_block(LABELS, &content, true)?;
                blocks.push((std::mem::take(&mut first), place));
                content.clear();
                last.clear();
            }
            if content.is_empty() {
                first = pair.to_vec();
            }
            put_front_coded(&mut content, &last, pair);
            postings.clear();
            entry.2.encode(&mut postings);
            varint::put_bytes(&mut content, &postings);
            last.clear();
            last.extend_from_slice(pair);
            let label_end = label_end(pair).ok_or_else(|| io::Error::other("pair is short"))?;
            match names.last_mut() {
                Some((name, count)) if name.as_slice() == &pair[..label_end] => *count += 1,
                _ => names.push((pair[..label_end].to_vec(), 1)),
            }
        }
        if !content.is_empty() {
            let place = self.put_block(LABELS, &content, true)?;
            blocks.push((first, place));
        }
        Ok((blocks, names))
    }

    /// Writes index and footer and makes the part durable; returns its size in bytes.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        self.close_values()?;
        if !self.times.is_empty() {
            self.close_times()?;
        }
        self.close_keys()?;
        let (label_blocks, names) = self.put_labels()?;

        let mut footer = Vec::new();
        let put_place = |footer: &mut Vec<u8>, place: &Place| {
            varint::put_u64(footer, place.offset);
            varint::put_u64(footer, u64::from(place.len));
        };
        let meta = &self.meta;
        varint::put_i64(&mut footer, meta.partition);
        varint::put_u64(&mut footer, u64::from(meta.series));
        varint::put_u64(&mut footer, meta.points);
        varint::put_i64(&mut footer, meta.min_ms);
        varint::put_i64(&mut footer, meta.max_ms);
        varint::put_u64(&mut footer, u64::from(meta.level));
        footer.push(u8::from(meta.settled));
        varint::put_u64(&mut footer, meta.tenants.len() as u64);
        for (tenant, start, end) in &meta.tenants {
            for number in [tenant, start, end] {
                varint::put_u64(&mut footer, u64::from(*number));
            }
        }
        varint::put_u64(&mut footer, self.values.len() as u64);
        for block in &self.values {
            put_place(&mut footer, &block.place);
            varint::put_u64(&mut footer, u64::from(block.first_series));
            varint::put_u64(&mut footer, u64::from(block.last_series));
            varint::put_i64(&mut footer, block.min_ms);
            varint::put_i64(&mut footer, block.max_ms);
        }
        varint::put_u64(&mut footer, self.times_blocks.len() as u64);
        self.times_blocks.iter().for_each(|place| put_place(&mut footer, place));
        for blocks in [&self.first_keys, &label_blocks] {
            varint::put_u64(&mut footer, blocks.len() as u64);
            for (first, place) in blocks {
                varint::put_bytes(&mut footer, first);
                put_place(&mut footer, place);
            }
        }
        varint::put_u64(&mut footer, names.len() as u64);
        for (name, values) in &names {
            varint::put_bytes(&mut footer, name);
            varint::put_u64(&mut footer, u64::from(*values));
        }
        if let Some(tier) = meta.tier {
            footer.push(tier.code());
            varint::put_bytes(&mut footer, meta.days.to_string().as_bytes());
        }
        let place = self.put_block(FOOTER, &footer, true)?;
        let mut trailer = Vec::with_capacity(super::TRAILER_BYTES);
        trailer.extend_from_slice(&place.offset.to_le_bytes());
        trailer.extend_from_slice(&place.len.to_le_bytes());
        trailer.extend_from_slice(&MAGIC);
        self.out.append(&trailer)?;
        self.out.finish()?;
        Ok(self.offset + trailer.len() as u64)
    }

    pub(crate) fn meta(&self) -> &Meta {
        &self.meta
    }
}

/// Returns where the label ends and the value begins.
pub(super) fn label_end(pair: &[u8]) -> Option<usize> {
    let mut reader = Reader::new(pair.get(4..)?);
    reader.bytes()?;
    Some(pair.len() - reader.rest().len())
}
