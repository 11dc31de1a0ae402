//! Writes a head into parts, one for each partition that it has points of.

use crate::chunk::POINTS_MAX;
use crate::head::Frozen;
use crate::install::Change;
use crate::maintain::Pace;
use crate::part::{Meta, Part, RawChunk, Writer, partition_of};
use crate::points::Points;
use crate::store::{MetricStore, StoreError, io};
use model::{Delta, Kind};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The registry is renewed when so many of its series had no point since the last flush ...
const DEAD_SERIES_MIN: usize = 100_000;
/// ... and they are at least one in so many.
const DEAD_SERIES_SHARE: usize = 3;

/// Distributions of a chunk of deltas take about this many bytes at most; reading refuses chunks
/// sixteen times as large.
pub(crate) const CHUNK_WEIGHT_MAX: usize = 4 << 20;

impl MetricStore {
    /// Writes the head into parts now.
    ///
    /// # Errors
    /// [`StoreError`]: the points stay readable and in the journal; try again.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.flush_held(&self.maintenance.lock())
    }

    /// As [`MetricStore::flush`], for whoever holds the lock of all background work.
    pub(crate) fn flush_held(&self, _pace: &Pace) -> Result<(), StoreError> {
        if self.view.load().frozen.is_some() {
            self.flush_locked(false)?;
        }
        self.flush_locked(false)?;
        Ok(())
    }

    /// Writes the head into parts; the maintenance lock is held. `renew` starts an empty registry even if few series have died.
    /// Says whether one was started.
    pub(crate) fn flush_locked(&self, renew: bool) -> Result<bool, StoreError> {
        self.resolve_doubt()?;
        let waiting = self.view.load().frozen.clone();
        let mut renewed = false;
        let frozen = match waiting {
            Some(frozen) => frozen,
            None => {
                let (series, active) = self.series_alive();
                let dead = series.saturating_sub(active);
                let many = dead >= DEAD_SERIES_MIN && dead * DEAD_SERIES_SHARE >= series;
                renewed = renew || many;
                self.take_head(renewed)
            }
        };
        let came = self.write_parts(&frozen)?;
        let mut new: Vec<String> = came.iter().map(|p| p.name().to_owned()).collect();
        let (exemplars, mark) = self.write_exemplars().inspect_err(|_| self.remove_files(&new))?;
        new.extend(exemplars.name().map(str::to_owned));
        let flushed = Some(frozen.sequence);
        self.install_written(&new, Change { flushed, came, exemplars, ..Change::default() })?;
        self.exemplars_written(mark);
        self.counters().flushes.fetch_add(1, Ordering::Relaxed);
        Ok(renewed)
    }

    /// Writes one part for each partition that the head has points of.
    fn write_parts(&self, frozen: &Frozen) -> Result<Vec<Arc<Part>>, StoreError> {
        let mut names = Vec::new();
        let written = self.write_named_parts(frozen, &mut names);
        if written.is_err() {
            // Nobody lists them yet, and the next attempt takes other names: on a full disk they
            // would eat whatever space is freed.
            self.remove_files(&names);
        }
        written
    }

    fn write_named_parts(
        &self,
        frozen: &Frozen,
        names: &mut Vec<String>,
    ) -> Result<Vec<Arc<Part>>, StoreError> {
        let mut open: BTreeMap<i64, OpenPart> = BTreeMap::new();
        // Series of one tenant, namespace and name at a time: the keys of all at once would take
        // more memory than the head itself.
        for group in grouped(frozen) {
            let (mut bytes, mut ends) = (Vec::new(), Vec::new());
            let numbers: Vec<u32> = group.iter().map(|(number, _)| *number).collect();
            frozen.registry.encode_keys(&numbers, &mut bytes, &mut ends);
            let key = |n: usize| &bytes[if n == 0 { 0 } else { ends[n - 1] }..ends[n]];
            let mut order: Vec<usize> = (0..group.len()).collect();
            order.sort_unstable_by(|&a, &b| (key(a), group[a].1).cmp(&(key(b), group[b].1)));
            for n in order {
                let (number, kind) = group[n];
                let series = frozen.head.get(number).expect("only series with points are listed");
                for (partition, points) in by_partition(series.points(kind)) {
                    let part = match open.entry(partition) {
                        std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                        std::collections::btree_map::Entry::Vacant(entry) => {
                            let name = self.part_name(partition);
                            names.push(name.clone());
                            entry.insert(self.create_part(name, partition, 0, false)?)
                        }
                    };
                    part.series(key(n))?;
                    for chunk in chunked(points, false) {
                        part.writer.chunk(&chunk).map_err(io("write a part"))?;
                    }
                }
            }
        }
        let mut written = Vec::with_capacity(open.len());
        for (_, part) in open {
            written.push(self.finish_part(part)?);
        }
        Ok(written)
    }

    pub(crate) fn create_part(
        &self,
        name: String,
        partition: i64,
        level: u32,
        settled: bool,
    ) -> Result<OpenPart, StoreError> {
        let file = self.parts.create(&name).map_err(io("create a part"))?;
        let meta = Meta { partition, level, settled, ..Meta::default() };
        let writer = Writer::new(file, meta).map_err(io("write a part"))?;
        Ok(OpenPart { name, writer, last_key: Vec::new() })
    }

    pub(crate) fn finish_part(&self, part: OpenPart) -> Result<Arc<Part>, StoreError> {
        part.writer.finish().map_err(io("finish a part"))?;
        let file = self.parts.open(&part.name).map_err(io("open a part"))?;
        Ok(Arc::new(Part::open(&part.name, file)?.with_cache(&self.cache)))
    }
}

pub(crate) struct OpenPart {
    pub(crate) name: String,
    pub(crate) writer: Writer,
    pub(crate) last_key: Vec<u8>,
}

impl OpenPart {
    /// Starts a series unless it is the current one, which a second kind of values continues.
    pub(crate) fn series(&mut self, key: &[u8]) -> Result<(), StoreError> {
        if self.writer.meta().series == 0 || self.last_key != key {
            self.writer.series(key).map_err(io("write a part"))?;
            self.last_key.clear();
            self.last_key.extend_from_slice(key);
        }
        Ok(())
    }
}

/// Returns series by group, in the order of their keys' front; each group holds all kinds.
fn grouped(frozen: &Frozen) -> Vec<Vec<(u32, Kind)>> {
    let mut groups: Vec<Vec<(u32, Kind)>> = Vec::new();
    let mut last_front: Option<Vec<u8>> = None;
    for (kind, numbers) in frozen.registry.group(frozen.head.numbers()) {
        let front = frozen.registry.group_front(numbers[0]);
        let members = numbers.into_iter().map(|n| (n, kind));
        match groups.last_mut() {
            Some(group) if last_front.as_ref() == Some(&front) => group.extend(members),
            _ => groups.push(members.collect()),
        }
        last_front = Some(front);
    }
    groups
}

fn by_partition(points: Points) -> Vec<(i64, Points)> {
    fn split<V>(points: Vec<(i64, V)>, wrap: fn(Vec<(i64, V)>) -> Points) -> Vec<(i64, Points)> {
        let single = match (points.first(), points.last()) {
            (Some(first), Some(last)) => partition_of(first.0) == partition_of(last.0),
            _ => return Vec::new(),
        };
        if single {
            return vec![(partition_of(points[0].0), wrap(points))];
        }
        let mut split: Vec<(i64, Vec<(i64, V)>)> = Vec::new();
        for point in points {
            let partition = partition_of(point.0);
            match split.last_mut() {
                Some((last, points)) if *last == partition => points.push(point),
                _ => split.push((partition, vec![point])),
            }
        }
        split.into_iter().map(|(partition, points)| (partition, wrap(points))).collect()
    }
    match points {
        Points::Floats(points) => split(points, Points::Floats),
        Points::Singles(points) => split(points, Points::Singles),
        Points::Deltas(points) => split(points, Points::Deltas),
        Points::Histograms(points) => split(points, Points::Histograms),
    }
}

/// Cuts points into chunks of about equal length.
pub(crate) fn chunked(points: Points, settled: bool) -> Vec<RawChunk> {
    by_weight(points).into_iter().flat_map(|piece| chunked_evenly(piece, settled)).collect()
}

fn chunked_evenly(points: Points, settled: bool) -> Vec<RawChunk> {
    if points.is_empty() {
        return Vec::new();
    }
    let count = points.len().div_ceil(POINTS_MAX);
    if count == 1 {
        return vec![RawChunk::encode(&points, settled)];
    }
    let len = points.len().div_ceil(count);
    let encode = |points: Points| RawChunk::encode(&points, settled);
    match points {
        Points::Floats(all) => {
            all.chunks(len).map(|c| encode(Points::Floats(c.to_vec()))).collect()
        }
        Points::Singles(all) => {
            all.chunks(len).map(|c| encode(Points::Singles(c.to_vec()))).collect()
        }
        Points::Deltas(all) => {
            all.chunks(len).map(|c| encode(Points::Deltas(c.to_vec()))).collect()
        }
        Points::Histograms(all) => {
            all.chunks(len).map(|c| encode(Points::Histograms(c.to_vec()))).collect()
        }
    }
}

/// Cuts deltas and histograms where their distributions would make a chunk too large to be read at
/// once.
fn by_weight(points: Points) -> Vec<Points> {
    fn cut<V>(
        all: Vec<(i64, V)>,
        weight_of: impl Fn(&V) -> usize,
        wrap: fn(Vec<(i64, V)>) -> Points,
    ) -> Vec<Points> {
        let (mut pieces, mut piece, mut weight) = (Vec::new(), Vec::new(), 0);
        for (at, value) in all {
            weight += weight_of(&value);
            piece.push((at, value));
            if weight >= CHUNK_WEIGHT_MAX {
                pieces.push(wrap(std::mem::take(&mut piece)));
                weight = 0;
            }
        }
        if !piece.is_empty() {
            pieces.push(wrap(piece));
        }
        pieces
    }
    match points {
        Points::Deltas(all) => cut(all, Delta::weight_bytes, Points::Deltas),
        Points::Histograms(all) => cut(all, |histogram| histogram.bytes(), Points::Histograms),
        points => vec![points],
    }
}
