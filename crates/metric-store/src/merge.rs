//! Merges parts of one partition, and reads parts from front to back for that.

use crate::flush::{OpenPart, chunked};
use crate::graves::{Graves, Left, is_cut};
use crate::install::{Change, ChangeOfTiers};
use crate::part::{PARTITION_MS, Part, PartError, RawChunk};
use crate::points::{Points, merge};
use crate::rollup::tiers::Tiers;
use crate::store::{MetricStore, StoreError, io};
use crate::tombstone::Tombstone;
use model::Kind;
use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// So many parts of one level are merged into one of the next.
const MERGE_WIDTH: usize = 4;
/// A settled chunk of this many points is copied by a merge, not decoded and encoded again.
const COPIED_POINTS_MIN: u32 = 2048;

impl MetricStore {
    pub(crate) fn merge_one(&self, now_ms: i64, quiet: bool) -> Result<bool, StoreError> {
        let view = self.view.load_full();
        let mut partitions: BTreeMap<i64, Vec<Arc<Part>>> = BTreeMap::new();
        for part in view.parts.iter().filter(|p| !p.is_aside()) {
            partitions.entry(part.meta().partition).or_default().push(part.clone());
        }
        let mut failed = None;
        for (partition, parts) in partitions.into_iter().rev() {
            // An hour of grace: senders are late at the turn of the day.
            let closed = (partition + 1) * PARTITION_MS + 3_600_000 <= now_ms;
            let parts = apart(parts, &view.tiers);
            if let Some(run) = choose(&parts, closed, quiet) {
                match self.merge_parts(partition, &run) {
                    Ok(()) => return Ok(true),
                    // One bad partition must not keep the others from being merged.
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
        }
        match (self.clean_one(now_ms)?, failed) {
            (false, Some(error)) => Err(error),
            (cleaned, _) => Ok(cleaned),
        }
    }

    /// Merges all parts of every partition into one each; for tools and tests.
    ///
    /// # Errors
    /// [`StoreError`]: the parts stay as they were.
    pub fn settle(&self, now_ms: i64) -> Result<(), StoreError> {
        let _pace = self.maintenance.lock();
        while self.merge_one(now_ms, true)? {}
        Ok(())
    }

    /// Merges neighbours of one partition; neighbours only, or the order of arrival would change.
    /// What was deleted is left out.
    pub(crate) fn merge_parts(&self, partition: i64, run: &[Arc<Part>]) -> Result<(), StoreError> {
        self.resolve_doubt()?;
        let mut level = run.iter().map(|p| p.meta().level).max().unwrap_or(0);
        if run.len() > 1 || !run[0].meta().settled {
            level += 1;
        }
        let view = self.view.load_full();
        let expired = run.iter().map(|part| self.expired_of(&view, part));
        let expired = expired.collect::<Result<Vec<Vec<u32>>, PartError>>();
        let expired = expired.inspect_err(|error| view.note(error))?;
        let name = self.part_name(partition);
        let merged = self.create_part(name.clone(), partition, level, true).and_then(|mut out| {
            merge_into(&mut out, run, &view.tombstones, &expired)?;
            match out.writer.meta().points {
                0 => Ok(None),
                points => Ok(Some((points, self.finish_part(out)?))),
            }
        });
        if let Err(StoreError::Part(error)) = &merged {
            // The next step merges the rest; this one stays on the disk for whoever mends it.
            view.note(error);
        }
        let merged = match merged {
            Ok(Some(merged)) => Some(merged),
            Ok(None) => {
                // Everything was deleted.
                self.remove_files(std::slice::from_ref(&name));
                None
            }
            Err(error) => {
                self.remove_files(&[name]);
                return Err(error);
            }
        };
        let old: Vec<String> = run.iter().map(|p| p.name().to_owned()).collect();
        let came: Vec<Arc<Part>> = merged.iter().map(|(_, part)| part.clone()).collect();
        let written: Vec<String> = came.iter().map(|part| part.name().to_owned()).collect();
        let (names, were) = (written.clone(), old.clone());
        let purged = expired.iter().any(|list| !list.is_empty());
        let tiers: ChangeOfTiers<'_> = Box::new(move |tiers| {
            // What holds anything that is in no roll-up yet is not rolled.
            if purged {
                tiers.keep_day(partition);
            }
            if were.iter().all(|name| tiers.rolled.contains(name)) {
                tiers.rolled.extend(names);
            }
        });
        let change = Change { gone: old, came, tiers: Some(tiers), ..Change::default() };
        self.install_written(&written, change)?;
        self.counters().merges.fetch_add(1, Ordering::Relaxed);
        let points = merged.map_or(0, |(points, _)| points);
        self.counters().merged_points.fetch_add(points, Ordering::Relaxed);
        Ok(())
    }
}

/// Leaves out what is in roll-ups where some parts came later: merged with those it could not be told
/// any more what counts twice. They are merged once all are rolled.
fn apart(mut parts: Vec<Arc<Part>>, tiers: &Tiers) -> Vec<Arc<Part>> {
    let rolled = |p: &Arc<Part>| tiers.rolled.contains(p.name());
    if parts.iter().any(|p| !rolled(p)) {
        // The later ones stand behind all others, so that they stay neighbours.
        let behind = parts.iter().rposition(rolled).map_or(0, |at| at + 1);
        parts.drain(..behind);
    }
    parts
}

/// Chooses neighbours of one partition that are worth merging now.
fn choose(parts: &[Arc<Part>], closed: bool, quiet: bool) -> Option<Vec<Arc<Part>>> {
    let unsettled = parts.iter().any(|p| !p.meta().settled);
    if parts.len() > 1 || unsettled {
        let all: u64 = parts.iter().map(|p| p.meta().points).sum();
        let largest = parts.iter().map(|p| p.meta().points).max().unwrap_or(0);
        // A trickle of late points must not rewrite a day again and again.
        let worth = (all - largest) * 8 >= all || parts.len() >= 8 || parts.len() == 1;
        if quiet || closed && worth {
            return Some(parts.to_vec());
        }
    }
    if closed {
        return None;
    }
    // The youngest run of one level that is long enough.
    let last_level = parts.last()?.meta().level;
    for level in last_level..=parts.iter().map(|p| p.meta().level).max()? {
        let end = parts.iter().rposition(|p| p.meta().level == level)? + 1;
        let start =
            parts[..end].iter().rposition(|p| p.meta().level != level).map_or(0, |at| at + 1);
        if end - start >= MERGE_WIDTH {
            return Some(parts[start..end].to_vec());
        }
    }
    None
}

/// Reads one part from front to back.
pub(crate) struct Cursor {
    pub(crate) part: Arc<Part>,
    keys: VecDeque<Vec<u8>>,
    next_keys: usize,
    /// Number of the series at the front of `keys`.
    number: u32,
    chunks: VecDeque<(u32, RawChunk)>,
    next_values: usize,
    graves: Option<Arc<Graves>>,
    expired: Vec<u32>,
}

impl Cursor {
    /// Reads a part without what was deleted, and without the series that `expired` names, in order.
    pub(crate) fn new(
        part: &Arc<Part>,
        tombstones: &[Arc<Tombstone>],
        expired: &[u32],
    ) -> Result<Self, PartError> {
        let mut cursor = Self {
            part: part.clone(),
            keys: VecDeque::new(),
            next_keys: 0,
            number: 0,
            chunks: VecDeque::new(),
            next_values: 0,
            graves: part.graves(tombstones)?,
            expired: expired.to_vec(),
        };
        cursor.fill_keys()?;
        Ok(cursor)
    }

    fn fill_keys(&mut self) -> Result<(), PartError> {
        if self.keys.is_empty() && self.next_keys < self.part.key_blocks() {
            self.keys = self.part.read_keys(self.next_keys)?.into();
            self.next_keys += 1;
        }
        Ok(())
    }

    pub(crate) fn key(&self) -> Option<&[u8]> {
        self.keys.front().map(Vec::as_slice)
    }

    /// Returns what is left of a chunk.
    fn left(&self, number: u32, chunk: RawChunk) -> Result<Option<RawChunk>, PartError> {
        let Some(graves) = &self.graves else { return Ok(Some(chunk)) };
        match graves.left(number, chunk.min_ms, chunk.max_ms) {
            Left::All => Ok(Some(chunk)),
            Left::Nothing => Ok(None),
            Left::Some if self.part.meta().tier.is_some() => {
                let mut folded = self.part.folded(&chunk)?;
                let cuts = graves.cuts_of(number);
                folded.retain(|at| !is_cut(cuts, at));
                Ok((!folded.is_empty()).then(|| RawChunk::encode_folded(&folded)))
            }
            Left::Some => {
                let mut points = self.part.points(&chunk)?;
                graves.cut(number, &mut points);
                let settled = self.part.meta().settled;
                Ok((!points.is_empty()).then(|| RawChunk::encode(&points, settled)))
            }
        }
    }

    /// Takes the chunks of the series at the front and goes on to the next.
    pub(crate) fn take(&mut self, chunks: &mut Vec<RawChunk>) -> Result<(), PartError> {
        let blocks = self.part.values_blocks();
        while self.next_values < blocks.len()
            && blocks[self.next_values].first_series <= self.number
        {
            let block = &blocks[self.next_values];
            let graves = self.graves.as_deref();
            let expired = &self.expired;
            let wanted = |n, _, _, _| {
                !graves.is_some_and(|g| g.is_whole(n)) && expired.binary_search(&n).is_err()
            };
            self.chunks.extend(self.part.read_values(block, wanted)?);
            self.next_values += 1;
        }
        while self.chunks.front().is_some_and(|(series, _)| *series == self.number) {
            if let Some((number, chunk)) = self.chunks.pop_front() {
                chunks.extend(self.left(number, chunk)?);
            }
        }
        self.keys.pop_front();
        self.number += 1;
        self.fill_keys()
    }
}

fn merge_into(
    out: &mut OpenPart,
    run: &[Arc<Part>],
    tombstones: &[Arc<Tombstone>],
    expired: &[Vec<u32>],
) -> Result<(), StoreError> {
    let cursors = run.iter().zip(expired).map(|(p, expired)| Cursor::new(p, tombstones, expired));
    let mut cursors = cursors.collect::<Result<Vec<Cursor>, PartError>>()?;
    while let Some(key) = cursors.iter().filter_map(Cursor::key).min().map(<[u8]>::to_vec) {
        let mut sources: BTreeMap<Kind, Vec<(Arc<Part>, RawChunk)>> = BTreeMap::new();
        for cursor in cursors.iter_mut().filter(|c| c.key() == Some(&key)) {
            let mut chunks = Vec::new();
            cursor.take(&mut chunks)?;
            for chunk in chunks {
                sources.entry(chunk.kind).or_default().push((cursor.part.clone(), chunk));
            }
        }
        if sources.is_empty() {
            // Everything of the series was deleted.
            continue;
        }
        out.series(&key)?;
        for (kind, chunks) in sources {
            for chunk in merge_chunks(kind, chunks)? {
                out.writer.chunk(&chunk).map_err(io("write a part"))?;
            }
        }
    }
    Ok(())
}

/// Puts the chunks of one series together. Long settled chunks that nothing overlaps are taken as
/// they are.
fn merge_chunks(
    kind: Kind,
    chunks: Vec<(Arc<Part>, RawChunk)>,
) -> Result<Vec<RawChunk>, StoreError> {
    let disjoint = chunks.windows(2).all(|pair| pair[0].1.max_ms < pair[1].1.min_ms);
    let copied =
        |part: &Part, chunk: &RawChunk| part.meta().settled && chunk.count >= COPIED_POINTS_MIN;
    let decode = |run: Vec<(Arc<Part>, RawChunk)>| -> Result<Vec<RawChunk>, StoreError> {
        // An error names the part that the chunk came from: that one is set aside, no other.
        let points: Result<Vec<Points>, PartError> =
            run.iter().map(|(part, chunk)| part.points(chunk)).collect();
        Ok(chunked(merge(kind, points?), true))
    };
    if !disjoint {
        return decode(chunks);
    }
    let (mut merged, mut run) = (Vec::new(), Vec::new());
    for (part, chunk) in chunks {
        if copied(&part, &chunk) {
            merged.extend(decode(std::mem::take(&mut run))?);
            merged.push(chunk);
        } else {
            run.push((part, chunk));
        }
    }
    merged.extend(decode(run)?);
    Ok(merged)
}
