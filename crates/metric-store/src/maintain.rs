//! Background work as a step that somebody calls: flush the head, merge parts, remove old ones.

use crate::chunk::POINTS_MAX;
use crate::faults::kind_of;
use crate::graves::{Graves, Left};
use crate::head::Frozen;
use crate::part::{Meta, PARTITION_MS, Part, PartError, RawChunk, Writer, partition_of};
use crate::points::{Points, merge};
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
/// The registry is renewed when so many of its series had no point since the last flush ...
const DEAD_SERIES_MIN: usize = 100_000;
/// ... and they are at least one in so many.
const DEAD_SERIES_SHARE: usize = 3;

/// While new series are refused, the registry is renewed this long after its last renewal ...
const PRESSED_RENEW_MS: i64 = 30 * 60_000;
/// ... if at least one in so many of a refused namespace's series had no point since the last flush.
const PRESSED_DEAD_SHARE: usize = 10;
/// A shorter time between flushes does not tell which series have died.
const PRESSED_TELLING_MS: i64 = 5 * 60_000;
/// How often that is looked at.
const PRESSED_LOOK_MS: i64 = 60_000;

/// A smaller head stays in memory when nothing arrives: it costs little, and a part each minute for
/// a sender that pauses would cost more.
const QUIET_POINTS_MIN: u64 = 1_000_000;

/// It is quiet when within the pause less than one in so many of the head's points arrived, or of
/// that smallest head.
const QUIET_SHARE: u64 = 50;

/// Distributions of a chunk of deltas take about this many bytes at most; reading refuses chunks
/// sixteen times as large.
const CHUNK_WEIGHT_MAX: usize = 4 << 20;

/// What the steps remember of the past.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Points that were kept when this was looked at last, and when that number last changed.
    seen_points: u64,
    changed_ms: i64,
    flushed_ms: Option<i64>,
    /// When it was looked at last whether series died in a namespace that has no room.
    pressed_ms: i64,
    /// When the registry was renewed last, or the store opened.
    renewed_ms: Option<i64>,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There was nothing to do.
    Nothing,
    /// The head was written into parts.
    Flushed,
    /// Parts were merged.
    Merged,
    /// Parts were removed for their age.
    Expired,
}

impl MetricStore {
    /// Does the most urgent piece of background work that is due at `now_ms`, if any. Call it
    /// again at once while it did something.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is lost, and the same work is due again at the next call.
    pub fn maintain(&self, now_ms: i64) -> Result<Step, StoreError> {
        let mut pace = self.maintenance.lock();
        let result = self.maintain_locked(&mut pace, now_ms);
        match &result {
            Ok(_) => self.maintenance_watch.works(),
            Err(error) => {
                self.maintenance_watch.fails(kind_of(error), error);
                self.counters().maintenance_failures.fetch_add(1, Ordering::Relaxed);
            }
        }
        result
    }

    fn maintain_locked(&self, pace: &mut Pace, now_ms: i64) -> Result<Step, StoreError> {
        let points = self.counters().points.load(Ordering::Relaxed);
        let (head_points, head_full) = self.head_size();
        // A trickle, such as the server's own metrics, is quiet beside what is in the head.
        let arrived = points.saturating_sub(pace.seen_points);
        let trickle = head_points.max(QUIET_POINTS_MIN) / QUIET_SHARE;
        if arrived > trickle || pace.changed_ms > now_ms {
            pace.seen_points = points;
            pace.changed_ms = now_ms;
        }
        // A clock that went back must not hold flushes up until it is where it was.
        let clocks = [&mut pace.flushed_ms, &mut pace.renewed_ms];
        clocks.into_iter().flatten().for_each(|at| *at = (*at).min(now_ms));
        let flushed_ms = *pace.flushed_ms.get_or_insert(now_ms);
        let quiet = now_ms - pace.changed_ms >= self.options.quiet_ms;
        // A frozen head is one whose flush failed: it comes first.
        let due = self.view.load().frozen.is_some()
            || head_points > 0
                && (head_full
                    || self.journal_bytes() >= self.options.journal_bytes_max
                    || now_ms - flushed_ms >= self.options.head_age_max_ms
                    || quiet && head_points >= QUIET_POINTS_MIN);
        // First what frees space: on a full disk the flush below fails.
        let believed_ms = {
            let mut clock = self.clock.lock();
            match self.options.trust_clock {
                true => clock.believe(now_ms),
                false => clock.observe(now_ms),
            }
        };
        if self.expire(believed_ms)? {
            return Ok(Step::Expired);
        }
        let renewed_ms = *pace.renewed_ms.get_or_insert(now_ms);
        // More is only there after a start with less memory than before: new series stop long before.
        let renew = self.index_is_too_large()
            || self.is_pressed()
                && now_ms - renewed_ms >= PRESSED_RENEW_MS
                && if now_ms - flushed_ms >= PRESSED_TELLING_MS {
                    self.renewal_makes_room(pace, now_ms)
                } else {
                    due
                };
        if due || renew {
            if self.flush_locked(renew)? {
                pace.renewed_ms = Some(now_ms);
            }
            pace.flushed_ms = Some(now_ms);
            return Ok(Step::Flushed);
        }
        if head_points == 0 && !self.is_pressed() {
            pace.flushed_ms = Some(now_ms);
        }
        if self.merge_one(now_ms, quiet)? {
            return Ok(Step::Merged);
        }
        Ok(Step::Nothing)
    }

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

    /// Removes everything: what is in the head, and all parts.
    ///
    /// # Errors
    /// [`StoreError`]: then either everything or nothing is gone.
    pub fn clear(&self) -> Result<(), StoreError> {
        let _pace = self.maintenance.lock();
        let waiting = self.view.load().frozen.clone();
        if let Some(frozen) = waiting {
            // One whose flush failed goes first; the present one behind it.
            self.install(Some(frozen.sequence), |_| {}, |_| {})?;
        }
        let frozen = self.take_head(true);
        let old: Vec<String> = self.view.load().parts.iter().map(|p| p.name().to_owned()).collect();
        self.install(Some(frozen.sequence), Vec::clear, Vec::clear)?;
        self.remove_files(&old);
        Ok(())
    }

    /// Returns for how long raw points are kept.
    pub fn retention_ms(&self) -> i64 {
        self.options.retention_ms
    }

    /// Says whether new series are refused while old ones, dead since the last flush, take the room.
    fn renewal_makes_room(&self, pace: &mut Pace, now_ms: i64) -> bool {
        if now_ms - pace.pressed_ms < PRESSED_LOOK_MS {
            return false;
        }
        pace.pressed_ms = now_ms;
        let (series, active) = self.series_alive();
        let enough = |dead: usize, of: usize| dead > 0 && dead * PRESSED_DEAD_SHARE >= of;
        if enough(series.saturating_sub(active), series) {
            return true;
        }
        let refused = self.namespace_uses().into_iter().filter(|n| n.refused > 0);
        refused
            .map(|n| self.namespace_alive(n.tenant, &n.namespace))
            .any(|(series, active)| enough(series - active, series))
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
        let written = self.write_parts(&frozen)?;
        let new: Vec<String> = written.iter().map(|p| p.name().to_owned()).collect();
        self.install_written(
            &new,
            Some(frozen.sequence),
            |parts| parts.extend(written.iter().cloned()),
            |names| names.extend(new.iter().cloned()),
        )?;
        self.counters().flushes.fetch_add(1, Ordering::Relaxed);
        Ok(renewed)
    }

    /// Puts parts in force that were written for it.
    fn install_written(
        &self,
        written: &[String],
        flushed: Option<u64>,
        change: impl Fn(&mut Vec<Arc<Part>>),
        names: impl Fn(&mut Vec<String>),
    ) -> Result<(), StoreError> {
        let installed = self.install(flushed, change, names);
        if installed.is_err() {
            // The rename may have happened and only its sync failed: then the disk lists them, and
            // after loss of power it may or may not.
            let unlisted = match self.manifest_file.read() {
                Ok(Some(found)) => !written.iter().any(|name| found.parts.contains(name)),
                Ok(None) => true,
                Err(_) => false,
            };
            if unlisted {
                self.remove_files(written);
            }
            *self.in_doubt.lock() = Some(if unlisted { Vec::new() } else { written.to_vec() });
        }
        installed
    }

    /// After a manifest that could not be replaced: replaces it by what is in force, and removes the
    /// parts in doubt. Before anything is written: each attempt would leave a whole head behind, or
    /// write one in vain.
    fn resolve_doubt(&self) -> Result<(), StoreError> {
        let mut in_doubt = self.in_doubt.lock();
        if let Some(names) = &*in_doubt {
            self.install(None, |_| {}, |_| {})?;
            self.remove_files(names);
            *in_doubt = None;
        }
        Ok(())
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

    fn create_part(
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

    fn finish_part(&self, part: OpenPart) -> Result<Arc<Part>, StoreError> {
        part.writer.finish().map_err(io("finish a part"))?;
        let file = self.parts.open(&part.name).map_err(io("open a part"))?;
        Ok(Arc::new(Part::open(&part.name, file)?))
    }

    /// Removes parts whose partition ended longer ago than the retention.
    fn expire(&self, now_ms: i64) -> Result<bool, StoreError> {
        let oldest = partition_of(now_ms.saturating_sub(self.options.retention_ms));
        let view = self.view.load_full();
        let old: Vec<String> = view
            .parts
            .iter()
            .filter(|p| p.meta().partition < oldest)
            .map(|p| p.name().to_owned())
            .collect();
        if old.is_empty() {
            return Ok(false);
        }
        self.install(
            None,
            |parts| parts.retain(|p| !old.iter().any(|n| n == p.name())),
            |names| names.retain(|n| !old.contains(n)),
        )?;
        self.remove_files(&old);
        self.counters().parts_expired.fetch_add(old.len() as u64, Ordering::Relaxed);
        tracing::info!(parts = old.len(), "removed parts past their retention");
        Ok(true)
    }

    pub(crate) fn remove_files(&self, names: &[String]) {
        for name in names {
            // No manifest lists it any more; what stays is removed at the next start.
            if let Err(error) = self.parts.remove(name) {
                tracing::warn!(part = name, %error, "part not removed yet");
            }
        }
    }

    fn merge_one(&self, now_ms: i64, quiet: bool) -> Result<bool, StoreError> {
        let view = self.view.load_full();
        let mut partitions: BTreeMap<i64, Vec<Arc<Part>>> = BTreeMap::new();
        for part in view.parts.iter().filter(|p| !p.is_aside()) {
            partitions.entry(part.meta().partition).or_default().push(part.clone());
        }
        let mut failed = None;
        for (partition, parts) in partitions.into_iter().rev() {
            // An hour of grace: senders are late at the turn of the day.
            let closed = (partition + 1) * PARTITION_MS + 3_600_000 <= now_ms;
            if let Some(run) = choose(&parts, closed, quiet) {
                match self.merge_parts(partition, &run) {
                    Ok(()) => return Ok(true),
                    // One bad partition must not keep the others from being merged.
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
        }
        match failed {
            Some(error) => Err(error),
            None => self.clean_one(now_ms),
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
        let name = self.part_name(partition);
        let merged = self.create_part(name.clone(), partition, level, true).and_then(|mut out| {
            merge_into(&mut out, run, &view.tombstones)?;
            match out.writer.meta().points {
                0 => Ok(None),
                points => Ok(Some((points, self.finish_part(out)?))),
            }
        });
        if let Err(StoreError::Part(error @ PartError::Damaged { .. })) = &merged
            && let PartError::Damaged { part, .. } = error
        {
            // The next step merges the rest; this one stays on the disk for whoever mends it.
            run.iter().filter(|p| p.name() == part).for_each(|p| p.set_aside(error));
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
        let new = merged.as_ref().map(|(_, part)| part);
        let written: Vec<String> = new.iter().map(|part| part.name().to_owned()).collect();
        self.install_written(
            &written,
            None,
            |parts| {
                let at = parts.iter().position(|p| p.name() == old[0]);
                let at = at.expect("merged parts are in service");
                parts.splice(at..at, new.cloned());
                parts.retain(|p| !old.iter().any(|n| n == p.name()));
            },
            |names| {
                let at = names.iter().position(|n| *n == old[0]).expect("merged parts are listed");
                names.splice(at..at, new.map(|part| part.name().to_owned()));
                names.retain(|n| !old.contains(n));
            },
        )?;
        self.remove_files(&old);
        self.counters().merges.fetch_add(1, Ordering::Relaxed);
        let points = merged.map_or(0, |(points, _)| points);
        self.counters().merged_points.fetch_add(points, Ordering::Relaxed);
        Ok(())
    }
}

struct OpenPart {
    name: String,
    writer: Writer,
    last_key: Vec<u8>,
}

impl OpenPart {
    /// Starts a series unless it is the current one, which a second kind of values continues.
    fn series(&mut self, key: &[u8]) -> Result<(), StoreError> {
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
    }
}

/// Cuts points into chunks of about equal length.
fn chunked(points: Points, settled: bool) -> Vec<RawChunk> {
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
    }
}

/// Cuts deltas where their distributions would make a chunk too large to be read at once.
fn by_weight(points: Points) -> Vec<Points> {
    let Points::Deltas(all) = points else { return vec![points] };
    let (mut pieces, mut piece, mut weight) = (Vec::new(), Vec::new(), 0);
    for (at, delta) in all {
        weight += delta.weight_bytes();
        piece.push((at, delta));
        if weight >= CHUNK_WEIGHT_MAX {
            pieces.push(Points::Deltas(std::mem::take(&mut piece)));
            weight = 0;
        }
    }
    if !piece.is_empty() {
        pieces.push(Points::Deltas(piece));
    }
    pieces
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
struct Cursor<'a> {
    part: &'a Part,
    keys: VecDeque<Vec<u8>>,
    next_keys: usize,
    /// Number of the series at the front of `keys`.
    number: u32,
    chunks: VecDeque<(u32, RawChunk)>,
    next_values: usize,
    graves: Option<Arc<Graves>>,
}

impl<'a> Cursor<'a> {
    fn new(part: &'a Part, tombstones: &[Arc<Tombstone>]) -> Result<Self, PartError> {
        let mut cursor = Self {
            part,
            keys: VecDeque::new(),
            next_keys: 0,
            number: 0,
            chunks: VecDeque::new(),
            next_values: 0,
            graves: part.graves(tombstones)?,
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

    fn key(&self) -> Option<&[u8]> {
        self.keys.front().map(Vec::as_slice)
    }

    /// Returns what is left of a chunk.
    fn left(&self, number: u32, chunk: RawChunk) -> Result<Option<RawChunk>, PartError> {
        let Some(graves) = &self.graves else { return Ok(Some(chunk)) };
        match graves.left(number, chunk.min_ms, chunk.max_ms) {
            Left::All => Ok(Some(chunk)),
            Left::Nothing => Ok(None),
            Left::Some => {
                let mut points = self.part.points(&chunk)?;
                graves.cut(number, &mut points);
                let settled = self.part.meta().settled;
                Ok((!points.is_empty()).then(|| RawChunk::encode(&points, settled)))
            }
        }
    }

    /// Takes the chunks of the series at the front and goes on to the next.
    fn take(&mut self, chunks: &mut Vec<RawChunk>) -> Result<(), PartError> {
        let blocks = self.part.values_blocks();
        while self.next_values < blocks.len()
            && blocks[self.next_values].first_series <= self.number
        {
            let block = &blocks[self.next_values];
            let graves = self.graves.as_deref();
            let wanted = |n, _, _, _| !graves.is_some_and(|g| g.is_whole(n));
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
) -> Result<(), StoreError> {
    let cursors = run.iter().map(|p| Cursor::new(p, tombstones));
    let mut cursors = cursors.collect::<Result<Vec<Cursor<'_>>, PartError>>()?;
    while let Some(key) = cursors.iter().filter_map(Cursor::key).min().map(<[u8]>::to_vec) {
        let mut sources: BTreeMap<Kind, Vec<(&Part, RawChunk)>> = BTreeMap::new();
        for cursor in cursors.iter_mut().filter(|c| c.key() == Some(&key)) {
            let mut chunks = Vec::new();
            cursor.take(&mut chunks)?;
            for chunk in chunks {
                sources.entry(chunk.kind).or_default().push((cursor.part, chunk));
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
fn merge_chunks(kind: Kind, chunks: Vec<(&Part, RawChunk)>) -> Result<Vec<RawChunk>, StoreError> {
    let disjoint = chunks.windows(2).all(|pair| pair[0].1.max_ms < pair[1].1.min_ms);
    let copied =
        |part: &Part, chunk: &RawChunk| part.meta().settled && chunk.count >= COPIED_POINTS_MIN;
    let decode = |run: Vec<(&Part, RawChunk)>| -> Result<Vec<RawChunk>, StoreError> {
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
        if copied(part, &chunk) {
            merged.extend(decode(std::mem::take(&mut run))?);
            merged.push(chunk);
        } else {
            run.push((part, chunk));
        }
    }
    merged.extend(decode(run)?);
    Ok(merged)
}
