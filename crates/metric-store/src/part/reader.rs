//! Reads a part: the footer once, everything else when asked for, each block checked.

use super::cache::{BlockCache, Cached};
use super::entries::{Entries, Entry};
use super::writer::{TIMES_HERE, TIMES_OF_LAST, TIMES_SHARED, label_end, put_pair};
use super::{
    FOOTER, HEADER_BYTES, KEYS, KEYS_PER_BLOCK, LABELS, MAGIC, Meta, PLAIN, PartError, Place,
    RawChunk, TIMES, TRAILER_BYTES, VALUES, VERSION, VERSION_TIER, ValuesBlock, ZSTD,
};
use crate::chunk::unpack;
use crate::graves::Graves;
use crate::matcher::{LabelIndex, Matcher, ShowLabels};
use crate::postings;
use crate::rollup::fold::Folded;
use crate::rollup::tier::Tier;
use crate::tombstone::Tombstone;
use model::{Kind, TenantId, TimeRange, Unit};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use stdx::varint::Reader;
use storage::{PartFile, open_block};

/// An unpacked block is at most this large; more is taken for damage.
const UNPACKED_BYTES_MAX: usize = 256 << 20;

/// An open part.
#[derive(Debug)]
pub(crate) struct Part {
    name: String,
    file: Box<dyn PartFile>,
    size_bytes: u64,
    meta: Meta,
    values: Vec<ValuesBlock>,
    times: Vec<Place>,
    keys: Vec<(Vec<u8>, Place)>,
    labels: Vec<(Vec<u8>, Place)>,
    names: Vec<(Vec<u8>, u32)>,
    /// Set when a read found damage: the rest of the store serves without this part.
    aside: AtomicBool,
    /// What tombstones take of it, and which tombstones that was looked up for.
    graves: Mutex<Option<(Vec<u64>, Arc<Graves>)>>,
    /// Where unpacked blocks are kept, if anywhere.
    cached: Option<Cached>,
}

impl Part {
    pub(crate) fn open(name: &str, file: Box<dyn PartFile>) -> Result<Self, PartError> {
        let io = |source| PartError::Io { part: name.into(), offset: 0, len: 0, source };
        let damaged = |offset, what: &str| PartError::damaged(name, offset, what);
        let size_bytes = file.len().map_err(io)?;
        if size_bytes < (HEADER_BYTES + TRAILER_BYTES) as u64 {
            return Err(damaged(0, "too short"));
        }
        let mut header = [0; HEADER_BYTES];
        file.read_exact_at(&mut header, 0).map_err(io)?;
        let version = u16::from_le_bytes([header[4], header[5]]);
        if header[..4] != MAGIC || !matches!(version, VERSION | VERSION_TIER) {
            return Err(damaged(0, "its magic or version is not known"));
        }
        let trailer_at = size_bytes - TRAILER_BYTES as u64;
        let mut trailer = [0; TRAILER_BYTES];
        file.read_exact_at(&mut trailer, trailer_at).map_err(io)?;
        if trailer[12..] != MAGIC {
            return Err(damaged(trailer_at, "its trailer is no trailer"));
        }
        let place = Place {
            offset: u64::from_le_bytes(trailer[..8].try_into().expect("eight bytes")),
            len: u32::from_le_bytes(trailer[8..12].try_into().expect("four bytes")),
        };
        if place.offset.checked_add(u64::from(place.len)) != Some(trailer_at) {
            return Err(damaged(trailer_at, "its trailer points nowhere"));
        }
        let mut part = Self {
            name: name.into(),
            file,
            size_bytes,
            meta: Meta::default(),
            values: Vec::new(),
            times: Vec::new(),
            keys: Vec::new(),
            labels: Vec::new(),
            names: Vec::new(),
            aside: AtomicBool::new(false),
            graves: Mutex::default(),
            cached: None,
        };
        let footer = part.block(place, FOOTER)?;
        part.read_footer(&footer, version)
            .ok_or_else(|| damaged(place.offset, "its footer is odd"))?;
        Ok(part)
    }

    /// Keeps blocks that questions unpack.
    pub(crate) fn with_cache(self, cache: &Arc<BlockCache>) -> Self {
        Self { cached: Some(cache.of_part()), ..self }
    }

    fn read_footer(&mut self, bytes: &[u8], version: u16) -> Option<()> {
        let mut reader = Reader::new(bytes);
        let place =
            |reader: &mut Reader<'_>| Some(Place { offset: reader.u64()?, len: reader.u32()? });
        self.meta.partition = reader.i64()?;
        self.meta.series = reader.u32()?;
        self.meta.points = reader.u64()?;
        self.meta.min_ms = reader.i64()?;
        self.meta.max_ms = reader.i64()?;
        self.meta.level = reader.u32()?;
        self.meta.settled = reader.u8()? != 0;
        for _ in 0..reader.usize()? {
            self.meta.tenants.push((reader.u32()?, reader.u32()?, reader.u32()?));
        }
        for _ in 0..reader.usize()? {
            self.values.push(ValuesBlock {
                place: place(&mut reader)?,
                first_series: reader.u32()?,
                last_series: reader.u32()?,
                min_ms: reader.i64()?,
                max_ms: reader.i64()?,
            });
        }
        for _ in 0..reader.usize()? {
            self.times.push(place(&mut reader)?);
        }
        for list in [&mut self.keys, &mut self.labels] {
            for _ in 0..reader.usize()? {
                list.push((reader.bytes()?.to_vec(), place(&mut reader)?));
            }
        }
        for _ in 0..reader.usize()? {
            self.names.push((reader.bytes()?.to_vec(), reader.u32()?));
        }
        if version == VERSION_TIER {
            self.meta.tier = Some(Tier::from_code(reader.u8()?)?);
            self.meta.days = reader.str()?.parse().ok()?;
        }
        reader.is_empty().then_some(())
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn meta(&self) -> &Meta {
        &self.meta
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    pub(crate) fn file(&self) -> &dyn PartFile {
        &*self.file
    }

    /// Reads every block and compares its checksum.
    pub(crate) fn check_blocks(&self) -> Result<(), PartError> {
        let values = self.values.iter().map(|b| (b.place, VALUES));
        let times = self.times.iter().map(|p| (*p, TIMES));
        let keys = self.keys.iter().map(|(_, p)| (*p, KEYS));
        let labels = self.labels.iter().map(|(_, p)| (*p, LABELS));
        for (place, kind) in values.chain(times).chain(keys).chain(labels) {
            self.block(place, kind)?;
        }
        Ok(())
    }

    pub(crate) fn is_aside(&self) -> bool {
        self.aside.load(Ordering::Relaxed)
    }

    /// Takes the part out of service after a read found damage, and says so once.
    pub(crate) fn set_aside(&self, error: &PartError) {
        if !self.aside.swap(true, Ordering::Relaxed) {
            tracing::error!(part = self.name, %error, "part is damaged and set aside; the rest serves");
        }
    }

    pub(crate) fn overlaps(&self, range: TimeRange) -> bool {
        range.overlaps(self.meta.min_ms, self.meta.max_ms + (self.step_ms() - 1))
    }

    /// Returns what the tombstones that count for this part take of it; `None` when there are none.
    pub(crate) fn graves(
        &self,
        tombstones: &[Arc<Tombstone>],
    ) -> Result<Option<Arc<Graves>>, PartError> {
        let covering: Vec<Arc<Tombstone>> =
            tombstones.iter().filter(|t| t.covers(&self.name)).cloned().collect();
        if covering.is_empty() {
            return Ok(None);
        }
        let ids: Vec<u64> = covering.iter().map(|t| t.id).collect();
        let mut known = self.graves.lock();
        if let Some((of, graves)) = &*known
            && *of == ids
        {
            return Ok(Some(graves.clone()));
        }
        let graves = Arc::new(Graves::of(self, &covering)?);
        *known = Some((ids, graves.clone()));
        Ok(Some(graves))
    }

    fn block(&self, place: Place, wanted: u8) -> Result<Vec<u8>, PartError> {
        let io = |source| PartError::Io {
            part: self.name.clone(),
            offset: place.offset,
            len: place.len as usize,
            source,
        };
        if place.offset.saturating_add(u64::from(place.len)) > self.size_bytes {
            return Err(PartError::damaged(
                &self.name,
                place.offset,
                "a block lies behind its end",
            ));
        }
        let mut bytes = vec![0; place.len as usize];
        self.file.read_exact_at(&mut bytes, place.offset).map_err(io)?;
        let (kind, codec, content) =
            open_block(&bytes).map_err(|e| PartError::block(&self.name, place.offset, &e))?;
        let odd = |what: &str| PartError::damaged(&self.name, place.offset, what);
        if kind != wanted {
            return Err(odd("a block is of another kind"));
        }
        match codec {
            PLAIN => {
                let header = bytes.len() - content.len();
                bytes.drain(..header);
                Ok(bytes)
            }
            ZSTD => {
                let len = content.get(..4).ok_or_else(|| odd("a block is short"))?;
                let len = u32::from_le_bytes(len.try_into().expect("four bytes")) as usize;
                if len > UNPACKED_BYTES_MAX {
                    return Err(odd("a block is too large"));
                }
                unpack(&content[4..], len).ok_or_else(|| odd("a block is not zstd"))
            }
            _ => Err(odd("the codec of a block is not known")),
        }
    }

    /// As [`Part::block`], for questions: others may ask for it soon.
    fn kept_block(&self, place: Place, wanted: u8) -> Result<Arc<Vec<u8>>, PartError> {
        match &self.cached {
            Some(cached) => cached.bytes(place.offset, || self.block(place, wanted)),
            None => self.block(place, wanted).map(Arc::new),
        }
    }

    fn odd(&self, place: Place, what: &str) -> PartError {
        PartError::damaged(&self.name, place.offset, what)
    }

    /// Returns the keys of a block.
    pub(crate) fn keys_of(&self, block: usize) -> Result<Arc<Entries>, PartError> {
        let Some((_, place)) = self.keys.get(block) else {
            return Err(PartError::damaged(&self.name, 0, "a posting names no series"));
        };
        self.entries(*place, KEYS)
    }

    fn entries(&self, place: Place, kind: u8) -> Result<Arc<Entries>, PartError> {
        let read = || {
            let content = self.block(place, kind)?;
            let (entries, what) = match kind {
                KEYS => (Entries::of_keys(content), "odd keys"),
                _ => (Entries::of_labels(content), "odd labels"),
            };
            entries.ok_or_else(|| self.odd(place, what))
        };
        match &self.cached {
            Some(cached) => cached.entries(place.offset, read),
            None => read().map(Arc::new),
        }
    }

    /// Shows the keys of some series, in order; `numbers` must be sorted.
    pub(crate) fn for_keys(
        &self,
        numbers: &[u32],
        mut show: impl FnMut(u32, &[u8]),
    ) -> Result<(), PartError> {
        let mut known: Option<(usize, Arc<Entries>)> = None;
        let mut entry = Entry::default();
        for &number in numbers {
            let (block, at) = Self::place_of_key(number);
            if known.as_ref().is_none_or(|(of, _)| *of != block) {
                known = Some((block, self.keys_of(block)?));
                entry = Entry::default();
            }
            let keys = &known.as_ref().expect("set above").1;
            if !keys.go_to(at, &mut entry) {
                return Err(self.odd(self.keys[block].1, "a block of keys is short"));
            }
            show(number, &entry.text);
        }
        Ok(())
    }

    /// Finds the series with exactly this key.
    pub(crate) fn find_key(&self, key: &[u8]) -> Result<Option<u32>, PartError> {
        let block = self.keys.partition_point(|(first, _)| first.as_slice() <= key);
        let Some(block) = block.checked_sub(1) else { return Ok(None) };
        let mut entry = Entry::default();
        let found = self.keys_of(block)?.find(key, &mut entry) && entry.text == key;
        Ok(found.then(|| (block * KEYS_PER_BLOCK + entry.number) as u32))
    }

    /// Returns the first series whose key is not below this one, with its key.
    pub(crate) fn first_key_from(&self, key: &[u8]) -> Result<Option<(u32, Vec<u8>)>, PartError> {
        let behind = self.keys.partition_point(|(first, _)| first.as_slice() <= key);
        let mut entry = Entry::default();
        // It is in the block that begins before it, or the first of the next.
        for block in behind.saturating_sub(1)..self.keys.len().min(behind + 1) {
            if self.keys_of(block)?.find(key, &mut entry) {
                let number = (block * KEYS_PER_BLOCK + entry.number) as u32;
                return Ok(Some((number, entry.text)));
            }
        }
        Ok(None)
    }

    /// Returns how many blocks of keys there are.
    pub(crate) fn key_blocks(&self) -> usize {
        self.keys.len()
    }

    /// Returns in which block the key of a series is, and at which place.
    pub(crate) fn place_of_key(number: u32) -> (usize, usize) {
        (number as usize / KEYS_PER_BLOCK, number as usize % KEYS_PER_BLOCK)
    }

    /// Returns all keys of a block, in order.
    pub(crate) fn read_keys(&self, block: usize) -> Result<Vec<Vec<u8>>, PartError> {
        let entries = self.keys_of(block)?;
        let mut keys = Vec::with_capacity(entries.len());
        let mut entry = Entry::default();
        let mut any = entries.first(&mut entry);
        while any {
            keys.push(entry.text.clone());
            any = entries.next(&mut entry);
        }
        Ok(keys)
    }

    pub(crate) fn values_blocks(&self) -> &[ValuesBlock] {
        &self.values
    }

    /// Reads a block of values and finds its chunks, as questions do.
    pub(crate) fn kept_values(&self, block: &ValuesBlock) -> Result<Arc<ValuesView>, PartError> {
        match &self.cached {
            Some(cached) => cached.values(block.place.offset, || self.view_values(block)),
            None => self.view_values(block).map(Arc::new),
        }
    }

    fn view_values(&self, block: &ValuesBlock) -> Result<ValuesView, PartError> {
        let content = self.block(block.place, VALUES)?;
        ValuesView::of(content).ok_or_else(|| self.odd(block.place, "odd values"))
    }

    /// Reads a block of times that chunks share.
    pub(crate) fn view_times(&self, block: u32) -> Result<Arc<Vec<u8>>, PartError> {
        let place = self.times.get(block as usize);
        let place = *place.ok_or_else(|| PartError::damaged(&self.name, 0, "no such times"))?;
        self.kept_block(place, TIMES)
    }

    /// Returns the chunks of a block that `wanted` takes, each with its series.
    pub(crate) fn read_values(
        &self,
        block: &ValuesBlock,
        mut wanted: impl FnMut(u32, u32, i64, i64) -> bool,
    ) -> Result<Vec<(u32, RawChunk)>, PartError> {
        let view = self.view_values(block)?;
        let mut shared = None;
        let wanted = view.chunks.iter().filter(|c| wanted(c.series, c.count, c.min_ms, c.max_ms));
        wanted
            .map(|chunk| Ok((chunk.series, self.raw_chunk(block, &view, chunk, &mut shared)?)))
            .collect()
    }

    /// Copies a chunk. The block of times is fetched only for chunks that are wanted, and once for
    /// neighbours, which mostly share it.
    fn raw_chunk(
        &self,
        block: &ValuesBlock,
        view: &ValuesView,
        chunk: &ChunkAt,
        shared: &mut Option<(u32, Arc<Vec<u8>>)>,
    ) -> Result<RawChunk, PartError> {
        let ChunkAt { kind, count, min_ms, max_ms, .. } = *chunk;
        if let TimesAt::Shared { block, .. } = chunk.times
            && shared.as_ref().is_none_or(|(n, _)| *n != block)
        {
            *shared = Some((block, self.view_times(block)?));
        }
        let times = view.times(chunk, shared.as_ref().map_or(&[][..], |(_, bytes)| bytes));
        let times = times.ok_or_else(|| self.odd(block.place, "odd values"))?.to_vec();
        Ok(RawChunk { kind, count, min_ms, max_ms, times, values: view.values(chunk).to_vec() })
    }

    /// Returns the chunks of some series that touch `range`; `numbers` must be sorted.
    pub(crate) fn chunks(
        &self,
        numbers: &[u32],
        range: TimeRange,
    ) -> Result<Vec<(u32, RawChunk)>, PartError> {
        let mut all = Vec::new();
        for block in &self.values {
            let first = numbers.partition_point(|&n| n < block.first_series);
            let behind = numbers.partition_point(|&n| n <= block.last_series);
            if first == behind || !range.overlaps(block.min_ms, block.max_ms) {
                continue;
            }
            let (view, mut shared) = (self.kept_values(block)?, None);
            for &series in &numbers[first..behind] {
                for chunk in view.of_series(series) {
                    if range.overlaps(chunk.min_ms, chunk.max_ms) {
                        let chunk = self.raw_chunk(block, &view, chunk, &mut shared)?;
                        all.push((series, chunk));
                    }
                }
            }
        }
        Ok(all)
    }

    /// Shows series, count, first and last time of every chunk of some series, and returns those
    /// that `wanted` says; `numbers` must be sorted.
    pub(crate) fn chunks_where(
        &self,
        numbers: &[u32],
        mut wanted: impl FnMut(u32, u32, i64, i64) -> bool,
    ) -> Result<Vec<(u32, RawChunk)>, PartError> {
        let mut found = Vec::new();
        for block in &self.values {
            let first = numbers.partition_point(|&n| n < block.first_series);
            if numbers.get(first).is_none_or(|&n| n > block.last_series) {
                continue;
            }
            found.extend(self.read_values(block, |series, count, min, max| {
                numbers.binary_search(&series).is_ok() && wanted(series, count, min, max)
            })?);
        }
        Ok(found)
    }

    /// Unwraps what was decoded of a chunk of this part.
    pub(crate) fn decoded<T>(&self, decoded: Option<T>) -> Result<T, PartError> {
        decoded.ok_or_else(|| PartError::damaged(&self.name, 0, "a chunk cannot be decoded"))
    }

    /// Decodes a chunk of raw points of this part.
    pub(crate) fn points(&self, chunk: &RawChunk) -> Result<crate::points::Points, PartError> {
        self.decoded(chunk.decode())
    }

    /// Decodes a chunk of this part, which is of a tier.
    pub(crate) fn folded(&self, chunk: &RawChunk) -> Result<Folded, PartError> {
        self.decoded(chunk.decode_folded())
    }

    /// Decodes the times of a chunk of this part, whatever it holds.
    pub(crate) fn times(&self, chunk: &RawChunk) -> Result<Vec<i64>, PartError> {
        self.decoded(chunk.decode_times())
    }

    /// Returns the length of the intervals that its points stand for; 1 for raw points.
    pub(crate) fn step_ms(&self) -> i64 {
        self.meta.tier.map_or(1, Tier::step_ms)
    }

    /// Shows pairs from the first that is not below `from` on, with their postings.
    fn for_pairs(
        &self,
        from: &[u8],
        mut show: impl FnMut(&[u8], &[u8]) -> Result<bool, PartError>,
    ) -> Result<(), PartError> {
        let start = self.labels.partition_point(|(first, _)| first.as_slice() <= from);
        let mut entry = Entry::default();
        for (_, place) in &self.labels[start.saturating_sub(1)..] {
            let entries = self.entries(*place, LABELS)?;
            let mut any = entries.find(from, &mut entry);
            while any {
                if !show(&entry.text, entries.behind(&entry))? {
                    return Ok(());
                }
                any = entries.next(&mut entry);
            }
        }
        Ok(())
    }

    /// Reads all labels: pairs in order, series that there are.
    pub(crate) fn verify_labels(&self) -> Result<(), PartError> {
        let mut last: Option<Vec<u8>> = None;
        let mut tenants: HashSet<[u8; 4]> = HashSet::new();
        self.for_pairs(&[], |pair, postings| {
            if last.as_ref().is_some_and(|last| last.as_slice() >= pair) {
                return Err(PartError::damaged(&self.name, 0, "its labels are not in order"));
            }
            last = Some(pair.to_vec());
            let tenant: [u8; 4] = pair
                .get(..4)
                .and_then(|t| t.try_into().ok())
                .ok_or_else(|| PartError::damaged(&self.name, 0, "odd labels"))?;
            self.postings(postings)?;
            tenants.insert(tenant);
            Ok(true)
        })?;
        let missing = self.meta.tenants.iter().any(|(t, ..)| !tenants.contains(&t.to_be_bytes()));
        if missing {
            return Err(PartError::damaged(&self.name, 0, "a tenant's series have no labels"));
        }
        Ok(())
    }

    fn postings(&self, bytes: &[u8]) -> Result<Vec<u32>, PartError> {
        postings::decode(bytes, self.meta.series)
            .ok_or_else(|| PartError::damaged(&self.name, 0, "odd postings"))
    }

    /// Returns the series of a tenant that all matchers take.
    pub(crate) fn select(
        &self,
        tenant: TenantId,
        matchers: &[Matcher],
    ) -> Result<Vec<u32>, PartError> {
        crate::matcher::select(&PartIndex { part: self, tenant }, matchers)
    }

    /// Returns the index over a tenant's labels.
    pub(crate) fn index(&self, tenant: TenantId) -> PartIndex<'_> {
        PartIndex { part: self, tenant }
    }

    /// Shows each label of a tenant with all its values; `wanted` says of which labels. What only
    /// series have of which nothing is left is not shown.
    pub(crate) fn for_labels(
        &self,
        tenant: TenantId,
        wanted: impl Fn(&str) -> bool,
        graves: Option<&Graves>,
        mut show: impl FnMut(&str, Option<&str>),
    ) -> Result<(), PartError> {
        let graves = graves.filter(|graves| graves.whole_len() > 0);
        let prefix = tenant.0.to_be_bytes();
        let odd = || PartError::damaged(&self.name, 0, "odd labels");
        for (name, _) in self.names.iter().filter(|(n, _)| n.starts_with(&prefix)) {
            let label = Reader::new(&name[4..]).str().ok_or_else(odd)?;
            let wanted = wanted(label);
            if !wanted && graves.is_none() {
                show(label, None);
                continue;
            }
            self.for_pairs(name, |pair, postings| {
                if !pair.starts_with(name) {
                    return Ok(false);
                }
                if let Some(graves) = graves
                    && self.postings(postings)?.iter().all(|&n| graves.is_whole(n))
                {
                    return Ok(true);
                }
                if !wanted {
                    show(label, None);
                    return Ok(false);
                }
                show(label, Some(std::str::from_utf8(&pair[name.len()..]).map_err(|_| odd())?));
                Ok(true)
            })?;
        }
        Ok(())
    }
}

pub(crate) struct PartIndex<'a> {
    part: &'a Part,
    tenant: TenantId,
}

impl LabelIndex for PartIndex<'_> {
    type Error = PartError;

    fn all(&self) -> Result<Vec<u32>, PartError> {
        let range = self.part.meta.tenants.iter().find(|(t, _, _)| *t == self.tenant.0);
        Ok(range.map(|&(_, start, end)| (start..end).collect()).unwrap_or_default())
    }

    fn with_value(&self, label: &str, value: &str) -> Result<Vec<u32>, PartError> {
        let mut wanted = Vec::new();
        put_pair(&mut wanted, &self.tenant.0.to_be_bytes(), label.as_bytes(), value.as_bytes());
        let mut found = Vec::new();
        self.part.for_pairs(&wanted, |pair, postings| {
            if pair == wanted {
                found = self.part.postings(postings)?;
            }
            Ok(false)
        })?;
        Ok(found)
    }

    fn with_values(
        &self,
        label: &str,
        wanted: &mut dyn FnMut(&str, usize) -> bool,
        out: &mut Vec<u32>,
    ) -> Result<(), PartError> {
        let mut prefix = Vec::new();
        put_pair(&mut prefix, &self.tenant.0.to_be_bytes(), label.as_bytes(), b"");
        self.part.for_pairs(&prefix, |pair, postings| {
            if !pair.starts_with(&prefix) {
                return Ok(false);
            }
            let end = label_end(pair).unwrap_or(pair.len());
            if std::str::from_utf8(&pair[end..]).is_ok_and(|value| wanted(value, out.len())) {
                postings::decode_to(postings, self.part.meta.series, out)
                    .ok_or_else(|| PartError::damaged(&self.part.name, 0, "odd postings"))?;
            }
            Ok(true)
        })
    }

    fn label_sizes(&self) -> Result<Vec<(String, usize)>, PartError> {
        let prefix = self.tenant.0.to_be_bytes();
        let of_tenant = self.part.names.iter().filter(|(name, _)| name.starts_with(&prefix));
        let sizes = of_tenant.map(|(name, values)| {
            let label = Reader::new(&name[4..]).str();
            let odd = || PartError::damaged(&self.part.name, 0, "odd labels");
            Ok((label.ok_or_else(odd)?.to_owned(), *values as usize))
        });
        sizes.collect()
    }

    fn show_labels(&self, numbers: &[u32], show: &mut ShowLabels<'_>) -> Result<(), PartError> {
        let mut odd = false;
        self.part.for_keys(numbers, |number, key| match labels_of(key) {
            Some(labels) => show(number, &labels),
            None => odd = true,
        })?;
        if odd {
            return Err(PartError::damaged(&self.part.name, 0, "a key is odd"));
        }
        Ok(())
    }

    fn show_cost(&self, numbers: &[u32]) -> u64 {
        // Neighbours share the block of keys that is unpacked for them.
        let block = |number: u32| number as usize / KEYS_PER_BLOCK;
        let blocks = numbers.chunk_by(|&a, &b| block(a) == block(b)).count();
        blocks as u64 * 10_000 + numbers.len() as u64 * 100
    }

    fn series_len(&self) -> usize {
        let range = self.part.meta.tenants.iter().find(|(t, ..)| *t == self.tenant.0);
        range.map_or(0, |&(_, start, end)| end.saturating_sub(start) as usize)
    }
}

/// A block of values in memory, and where its chunks stand in it.
#[derive(Debug)]
pub(crate) struct ValuesView {
    content: Vec<u8>,
    /// By series, and of a series in the order of time for each kind.
    pub(crate) chunks: Vec<ChunkAt>,
}

/// A chunk of a [`ValuesView`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChunkAt {
    pub(crate) series: u32,
    pub(crate) kind: Kind,
    pub(crate) count: u32,
    pub(crate) min_ms: i64,
    pub(crate) max_ms: i64,
    pub(crate) times: TimesAt,
    values: (u32, u32),
}

/// Where the times of a chunk are. Chunks with the same times say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimesAt {
    /// In the block of values itself.
    Here { start: u32, len: u32 },
    /// In a block of times.
    Shared { block: u32, start: u32, len: u32 },
}

impl ValuesView {
    fn of(content: Vec<u8>) -> Option<Self> {
        let mut reader = Reader::new(&content);
        let count = reader.u32()?;
        let mut series = reader.u32()?;
        let mut headers = Reader::new(reader.bytes()?);
        let mut body = reader;
        let mut chunks = Vec::with_capacity((count as usize).min(content.len()));
        let mut min_ms = 0i64;
        let mut times = TimesAt::Here { start: 0, len: 0 };
        for _ in 0..count {
            series = series.checked_add(headers.u32()?)?;
            let kind = Kind::from_code(headers.u8()?)?;
            let count = headers.u32().filter(|&c| c as usize <= crate::chunk::POINTS_MAX)?;
            min_ms = min_ms.checked_add(headers.i64()?)?;
            let max_ms = min_ms.checked_add_unsigned(headers.u64()?)?;
            match headers.u8()? {
                TIMES_HERE => {
                    let (start, len) = place_in(&content, &mut body, headers.usize()?)?;
                    times = TimesAt::Here { start, len };
                }
                TIMES_OF_LAST => {}
                TIMES_SHARED => {
                    let (block, start) = (headers.u32()?, headers.u32()?);
                    times = TimesAt::Shared { block, start, len: headers.u32()? };
                }
                _ => return None,
            }
            let values = place_in(&content, &mut body, headers.usize()?)?;
            chunks.push(ChunkAt { series, kind, count, min_ms, max_ms, times, values });
        }
        Some(Self { content, chunks })
    }

    /// Returns the bytes that it takes in memory.
    pub(crate) fn heap_bytes(&self) -> usize {
        size_of::<Self>() + self.content.capacity() + size_of_val(self.chunks.as_slice())
    }

    /// Returns the chunks of a series.
    pub(crate) fn of_series(&self, series: u32) -> &[ChunkAt] {
        &self.chunks[self.places_of(series)]
    }

    /// Returns where the chunks of a series stand.
    pub(crate) fn places_of(&self, series: u32) -> Range<usize> {
        let first = self.chunks.partition_point(|chunk| chunk.series < series);
        let own = self.chunks[first..].iter().take_while(|chunk| chunk.series == series);
        first..first + own.count()
    }

    /// Returns the packed times of a chunk; `shared` is the block that it names, if it names one.
    pub(crate) fn times<'v>(&'v self, chunk: &ChunkAt, shared: &'v [u8]) -> Option<&'v [u8]> {
        let (of, start, len) = match chunk.times {
            TimesAt::Here { start, len } => (&*self.content, start, len),
            TimesAt::Shared { start, len, .. } => (shared, start, len),
        };
        of.get(start as usize..(start as usize).checked_add(len as usize)?)
    }

    /// Returns the packed values of a chunk.
    pub(crate) fn values(&self, chunk: &ChunkAt) -> &[u8] {
        let (start, len) = chunk.values;
        &self.content[start as usize..(start + len) as usize]
    }
}

/// Takes bytes and returns where they stand in `content`, of which the reader has the end.
fn place_in(content: &[u8], reader: &mut Reader<'_>, len: usize) -> Option<(u32, u32)> {
    let start = content.len() - reader.rest().len();
    reader.take(len)?;
    Some((u32::try_from(start).ok()?, u32::try_from(len).ok()?))
}

/// Returns the labels of a canonical key, virtual ones included.
fn labels_of(key: &[u8]) -> Option<Vec<(&str, &str)>> {
    let mut reader = Reader::new(key);
    reader.take(4)?;
    let mut labels = vec![("__namespace__", reader.str()?), ("__name__", reader.str()?)];
    labels.push((
        "__unit__",
        match Unit::from_code(reader.u8()?)? {
            Unit::None => "",
            unit => unit.name(),
        },
    ));
    for _ in 0..reader.usize()? {
        labels.push((reader.str()?, reader.str()?));
    }
    labels.retain(|(_, value)| !value.is_empty());
    Some(labels)
}

#[cfg(test)]
mod tests {
    use super::super::{Writer, partition_of};
    use super::*;
    use crate::points::Points;
    use model::SeriesKey;
    use std::path::Path;
    use std::sync::Arc;
    use stdx::{CrashPlan, SimDisk};
    use storage::{FileParts, Parts};

    fn key(n: u32) -> Vec<u8> {
        let key = SeriesKey {
            tenant: TenantId(n % 2),
            namespace: String::new(),
            name: format!("m{}", n % 3),
            unit: Unit::None,
            labels: vec![("host".into(), format!("h{n}")), ("k".into(), format!("{}", n % 5))],
        };
        let mut bytes = Vec::new();
        key.encode(&mut bytes);
        bytes
    }

    fn points(n: u32) -> Points {
        let jitter = |t: i64| t * 10_000 + i64::from(n % 4) + (t * 7919 + i64::from(n % 4)) % 5;
        Points::Floats((0..300).map(|t| (jitter(t), f64::from(n) + t as f64)).collect())
    }

    fn write(disk: &SimDisk, count: u32) -> Part {
        let parts = FileParts::open_dir(Arc::new(disk.clone()), Path::new("/p")).unwrap();
        let meta = Meta { partition: partition_of(0), ..Meta::default() };
        let mut writer = Writer::new(parts.create("1.part").unwrap(), meta).unwrap();
        let mut order: Vec<u32> = (0..count).collect();
        order.sort_by_key(|&n| key(n));
        for n in order {
            writer.series(&key(n)).unwrap();
            writer.chunk(&RawChunk::encode(&points(n), false)).unwrap();
        }
        let size = writer.finish().unwrap();
        let part = Part::open("1.part", parts.open("1.part").unwrap()).unwrap();
        assert_eq!(part.size_bytes(), size);
        part
    }

    #[test]
    fn a_part_gives_back_what_was_written() {
        let disk = SimDisk::new(1, CrashPlan::default());
        let part = write(&disk, 1000);
        assert_eq!((part.meta().series, part.meta().points), (1000, 300_000));
        for n in [0, 1, 500, 999] {
            let number = part.find_key(&key(n)).unwrap().expect("every series is found");
            let chunks = part.chunks(&[number], TimeRange::ALL).unwrap();
            assert_eq!(chunks.len(), 1);
            assert_eq!(part.points(&chunks[0].1).unwrap(), points(n));
        }
        assert_eq!(part.find_key(&key(1000)).unwrap(), None);
        let found = part.select(TenantId(1), &[Matcher::equal("k", "3")]).unwrap();
        let mut names = Vec::new();
        part.for_keys(&found, |_, k| names.push(SeriesKey::decode(k).unwrap())).unwrap();
        assert_eq!(names.len(), 100);
        assert!(names.iter().all(|k| k.label("k") == "3" && k.tenant == TenantId(1)));
        let test = |v: &str| v == "h7" || v == "h8";
        let any = Matcher {
            label: "host".into(),
            test: crate::Test::Passes(Arc::new(test)),
            negated: false,
        };
        assert_eq!(part.select(TenantId(1), std::slice::from_ref(&any)).unwrap().len(), 1);
        let none = Matcher { negated: true, ..any };
        assert_eq!(part.select(TenantId(1), &[none]).unwrap().len(), 499);
        let mut hosts = 0;
        part.for_labels(
            TenantId(0),
            |l| l == "host",
            None,
            |_, v| hosts += usize::from(v.is_some()),
        )
        .unwrap();
        assert_eq!(hosts, 500);
    }

    #[test]
    fn damage_anywhere_is_an_error_and_never_other_content() {
        let disk = SimDisk::new(1, CrashPlan::default());
        let size = write(&disk, 40).size_bytes() as usize;
        for at in (0..size).step_by(37) {
            disk.damage(Path::new("/p/1.part"), at);
            let parts = FileParts::open_dir(Arc::new(disk.clone()), Path::new("/p")).unwrap();
            let read = || -> Result<(), PartError> {
                let part = Part::open("1.part", parts.open("1.part").unwrap())?;
                for n in 0..40 {
                    let number = part.find_key(&key(n))?.expect("a key is found or an error");
                    for (_, chunk) in part.chunks(&[number], TimeRange::ALL)? {
                        assert_eq!(part.points(&chunk)?, points(n), "damage at {at}");
                    }
                }
                assert_eq!(part.select(TenantId(0), &[Matcher::equal("k", "0")])?.len(), 4);
                Ok(())
            };
            // Header bytes that say nothing (flags) may change without harm.
            let _ = read();
            disk.damage(Path::new("/p/1.part"), at);
        }
    }
}
