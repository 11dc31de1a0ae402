//! The way out: which series there are, what their labels are, and their points.
//!
//! A reader takes the view (parts and the frozen head) once and copies what it needs of the head in
//! slices; when a freeze comes in between, it starts again. Everything after that works on
//! immutable data and holds no lock.

use crate::graves::{self, Graves, Left};
use crate::head::{Frozen, HeadSeries};
use crate::install::View;
use crate::matcher::Matcher;
use crate::part::{Part, PartError, RawChunk};
use crate::points::{Points, merge};
use crate::read_budget::{Charge, ReadBudget};
use crate::registry::Registry;
use crate::retention::Shown;
use crate::rollup::days::Days;
use crate::store::MetricStore;
use model::{Kind, SeriesKey, TenantId, TimeRange};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// Series of the head that are copied under one hold of its lock.
const SLICE: usize = 512;

/// Why a read gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// More series match than the reader allowed.
    #[error("{found} or more series match, at most {max} may")]
    TooManySeries {
        /// How many were found before giving up.
        found: usize,
        /// How many were allowed.
        max: usize,
    },
    /// More points would be read than the reader allowed.
    #[error("{found} or more points match, at most {max} may")]
    TooManyPoints {
        /// How many were found before giving up.
        found: u64,
        /// How many were allowed.
        max: u64,
    },
    /// The question would take more memory than one may.
    #[error("the question takes {found} bytes of memory or more, at most {max} may")]
    TooMuchMemory {
        /// What it would have taken before giving up.
        found: u64,
        /// What was allowed.
        max: u64,
    },
    /// Other questions have the memory; asking again later may help.
    #[error("questions have {used} of the {max} bytes of memory that they share; ask again later")]
    MemoryInUse {
        /// What they have.
        used: u64,
        /// What they may have.
        max: u64,
    },
    /// The question took too long.
    #[error("the question took longer than the {max:?} that it may")]
    OutOfTime {
        /// What was allowed.
        max: Duration,
    },
    /// Whoever asked is gone.
    #[error("nobody waits for the answer any more")]
    Cancelled,
    /// The disk failed while reading; asking again may help.
    #[error("read failed")]
    Part(#[from] PartError),
}

/// A series that was found, with its points still encoded.
#[derive(Debug)]
pub struct Series {
    /// What it is.
    pub key: SeriesKey,
    /// What its values are.
    pub kind: Kind,
    pub(crate) range: TimeRange,
    /// In the order of arrival.
    pub(crate) sources: Vec<Source>,
}

#[derive(Debug)]
pub(crate) enum Source {
    /// Chunks, and what is cut out of them.
    Part(Arc<Part>, Vec<RawChunk>, Vec<TimeRange>),
    /// Chunks of roll-ups, what is cut out of them, and the days of which they count. Only series that
    /// are asked for on a grid have such.
    Rolled(Arc<Part>, Vec<RawChunk>, Vec<TimeRange>, Days),
    Head(HeadSeries),
}

impl Source {
    pub(crate) fn heap_bytes(&self) -> u64 {
        match self {
            Self::Part(_, chunks, _) | Self::Rolled(_, chunks, ..) => {
                chunks.iter().map(RawChunk::heap_bytes).sum()
            }
            Self::Head(series) => series.heap_bytes() as u64,
        }
    }

    fn points(&self) -> u64 {
        match self {
            Self::Part(_, chunks, _) | Self::Rolled(_, chunks, ..) => {
                chunks.iter().map(|c| u64::from(c.count)).sum()
            }
            Self::Head(series) => series.count(),
        }
    }
}

impl Series {
    /// Returns how many points decoding gives at most: those outside the range count too.
    pub fn points_max(&self) -> u64 {
        self.sources.iter().map(Source::points).sum()
    }

    /// Decodes the points in the range that was asked for, oldest first, each time once.
    ///
    /// # Errors
    /// [`ReadError::Part`] names the part whose chunk could not be decoded; the part is set aside.
    pub fn points(&self) -> Result<Points, ReadError> {
        let mut sources = Vec::with_capacity(self.sources.len());
        for source in &self.sources {
            match source {
                Source::Part(part, chunks, cuts) => {
                    for chunk in chunks {
                        let mut points = part.points(chunk).inspect_err(|e| part.set_aside(e))?;
                        graves::cut(cuts, &mut points);
                        sources.push(points);
                    }
                }
                Source::Head(series) => sources.push(series.points(self.kind)),
                Source::Rolled(..) => unreachable!("points are asked for without a grid"),
            }
        }
        let mut points = merge(self.kind, sources);
        points.retain(self.range);
        Ok(points)
    }
}

/// Keys found so far, as a question pays for them.
struct Keys<'b> {
    keys: BTreeSet<Vec<u8>>,
    charge: Charge<'b>,
}

impl Keys<'_> {
    fn insert(&mut self, key: &[u8]) -> Result<(), ReadError> {
        if self.keys.contains(key) {
            return Ok(());
        }
        self.charge.take(FOUND_BYTES + 3 * key.len() as u64)?;
        self.keys.insert(key.to_vec());
        self.charge.budget.check_series(self.keys.len())
    }
}

/// What a series that was found takes beside its chunks, its key and the table that finds it.
const FOUND_BYTES: u64 = 400;
/// How many series are found between two looks at the time.
const TIMED_SERIES: usize = 1_024;

/// Series found so far, by canonical key.
pub(crate) struct Found<'b> {
    budget: &'b ReadBudget,
    charge: Charge<'b>,
    range: TimeRange,
    shown: Shown,
    points: u64,
    /// By key, a place for each kind.
    numbers: HashMap<Vec<u8>, [Option<usize>; Kind::COUNT]>,
    series: Vec<Series>,
}

impl<'b> Found<'b> {
    pub(crate) fn new(budget: &'b ReadBudget, range: TimeRange, shown: Shown) -> Self {
        let (numbers, series) = (HashMap::new(), Vec::new());
        Self { budget, charge: budget.charge(), range, shown, points: 0, numbers, series }
    }

    /// Ends the search; what was found stays charged to the question.
    pub(crate) fn finish(self) -> Vec<Series> {
        self.charge.keep();
        self.series
    }

    /// Ends the search; what was found is paid for as long as the charge lives. Returns the points
    /// too.
    pub(crate) fn finish_held(self) -> (Vec<Series>, u64, Charge<'b>) {
        (self.series, self.points, self.charge)
    }

    pub(crate) fn add(
        &mut self,
        key: &[u8],
        kind: Kind,
        source: Source,
        points: u64,
    ) -> Result<(), ReadError> {
        self.points += points;
        let max = self.budget.limits().points_max;
        if self.points > max {
            return Err(ReadError::TooManyPoints { found: self.points, max });
        }
        self.charge.take(source.heap_bytes())?;
        let number = match self.numbers.get(key).and_then(|of_kinds| of_kinds[kind as usize]) {
            Some(number) => number,
            None => {
                let Some(decoded) = SeriesKey::decode(key) else { return Ok(()) };
                self.charge.take(FOUND_BYTES + 3 * key.len() as u64)?;
                if self.series.len().is_multiple_of(TIMED_SERIES) {
                    self.budget.check_time()?;
                }
                let range = self.shown.range_of(&decoded, self.range);
                self.series.push(Series { key: decoded, kind, range, sources: Vec::new() });
                self.budget.check_series(self.series.len())?;
                let number = self.series.len() - 1;
                self.numbers.entry(key.to_vec()).or_default()[kind as usize] = Some(number);
                number
            }
        };
        self.series[number].sources.push(source);
        Ok(())
    }
}

impl Found<'_> {
    /// Adds series of a head that is being flushed.
    pub(crate) fn add_frozen(&mut self, frozen: &Frozen, numbers: &[u32]) -> Result<(), ReadError> {
        let (mut keys, mut ends) = (Vec::new(), Vec::new());
        frozen.registry.encode_keys(numbers, &mut keys, &mut ends);
        let mut start = 0;
        for (&number, end) in numbers.iter().zip(ends) {
            if let Some(series) = frozen.head.get(number) {
                let kind = frozen.registry.kind(number);
                let count = series.count();
                self.add(&keys[start..end], kind, Source::Head(series.clone()), count)?;
            }
            start = end;
        }
        Ok(())
    }

    pub(crate) fn add_part(
        &mut self,
        part: &Arc<Part>,
        found: Vec<Collected>,
    ) -> Result<(), ReadError> {
        for Collected { key, kind, mut chunks, cuts } in found {
            if self.shown.by_rules()
                && let Some(decoded) = SeriesKey::decode(&key)
            {
                let range = self.shown.range_of(&decoded, self.range);
                chunks.retain(|c| range.overlaps(c.min_ms, c.max_ms));
                if chunks.is_empty() {
                    continue;
                }
            }
            let points = chunks.iter().map(|c| u64::from(c.count)).sum();
            self.add(&key, kind, Source::Part(part.clone(), chunks, cuts), points)?;
        }
        Ok(())
    }
}

/// Runs `read` on a part; when it finds damage the part is set aside and counts as empty.
pub(crate) fn serving<T: Default>(
    part: &Part,
    read: impl FnOnce() -> Result<T, PartError>,
) -> Result<T, ReadError> {
    match read() {
        Ok(found) => Ok(found),
        Err(error @ PartError::Damaged { .. }) => {
            part.set_aside(&error);
            Ok(T::default())
        }
        Err(error) => Err(error.into()),
    }
}

impl MetricStore {
    pub(crate) fn parts_in(view: &View, range: TimeRange) -> impl Iterator<Item = &Arc<Part>> {
        view.parts.iter().filter(move |p| !p.is_aside() && p.overlaps(range))
    }

    /// Finds the series of a tenant that all matchers take and that have points in `range`.
    ///
    /// # Errors
    /// [`ReadError`] when a limit was hit or the disk failed; damaged parts are set aside and do
    /// not fail the read.
    pub fn select(
        &self,
        tenant: TenantId,
        matchers: &[Matcher],
        range: TimeRange,
        budget: &ReadBudget,
    ) -> Result<Vec<Series>, ReadError> {
        let shown = self.shown(None);
        let range = shown.range(range);
        self.read_consistently(|view| {
            let mut found = Found::new(budget, range, shown.clone());
            for part in Self::parts_in(view, range) {
                budget.check_time()?;
                let chunks = serving(part, || {
                    let numbers = part.select(tenant, matchers)?;
                    let graves = part.graves(&view.tombstones)?;
                    collect_chunks(part, numbers, range, graves.as_deref())
                })?;
                found.add_part(part, chunks)?;
            }
            self.add_heads(view, |registry| registry.select(tenant, matchers), &mut found)?;
            let mut found = found.finish();
            found.sort_by(|a, b| a.key.cmp(&b.key));
            Ok(Some(found))
        })
    }

    /// Calls `read` with a view until no freeze came in between; the head's part of it notices.
    pub(crate) fn read_consistently<T>(
        &self,
        mut read: impl FnMut(&View) -> Result<Option<T>, Restart>,
    ) -> Result<T, ReadError> {
        loop {
            let view = self.view.load_full();
            match read(&view) {
                Ok(Some(found)) => return Ok(found),
                Ok(None) | Err(Restart::Again) => {}
                Err(Restart::Failed(error)) => return Err(error),
            }
        }
    }

    pub(crate) fn add_heads(
        &self,
        view: &View,
        select: impl Fn(&Registry) -> Vec<u32>,
        found: &mut Found<'_>,
    ) -> Result<(), Restart> {
        if let Some(frozen) = &view.frozen {
            found.add_frozen(frozen, &select(&frozen.registry))?;
        }
        let registry = {
            let state = self.head.read();
            if state.generation != view.generation {
                return Err(Restart::Again);
            }
            state.registry.clone()
        };
        self.add_head(view, &registry, &select(&registry), found)
    }

    /// Copies series of the head, slice by slice, as long as it is the view's.
    pub(crate) fn add_head(
        &self,
        view: &View,
        registry: &Registry,
        numbers: &[u32],
        found: &mut Found<'_>,
    ) -> Result<(), Restart> {
        for slice in numbers.chunks(SLICE) {
            let mut copies = Vec::with_capacity(slice.len());
            {
                let state = self.head.read();
                if state.generation != view.generation {
                    return Err(Restart::Again);
                }
                copies.extend(
                    slice.iter().filter_map(|&n| state.head.get(n).map(|s| (n, s.clone()))),
                );
            }
            let present: Vec<u32> = copies.iter().map(|(n, _)| *n).collect();
            let (mut keys, mut ends) = (Vec::new(), Vec::new());
            registry.encode_keys(&present, &mut keys, &mut ends);
            found.budget.check_time()?;
            let mut start = 0;
            for ((number, series), end) in copies.into_iter().zip(ends) {
                let (kind, count) = (registry.kind(number), series.count());
                found.add(&keys[start..end], kind, Source::Head(series), count)?;
                start = end;
            }
        }
        Ok(())
    }

    /// Returns the identities of series that all matchers take and that have points in `range`,
    /// sorted, without reading values.
    ///
    /// # Errors
    /// As [`MetricStore::select`].
    pub fn keys(
        &self,
        tenant: TenantId,
        matchers: &[Matcher],
        range: TimeRange,
        budget: &ReadBudget,
    ) -> Result<Vec<SeriesKey>, ReadError> {
        let mut keys = Keys { keys: BTreeSet::new(), charge: budget.charge() };
        self.each_key(tenant, matchers, range, budget, &mut |key| keys.insert(key))?;
        let Keys { keys, charge } = keys;
        charge.keep();
        Ok(keys.iter().filter_map(|k| SeriesKey::decode(k)).collect())
    }

    /// Shows the canonical keys of series that all matchers take and that have points in `range`, without
    /// reading values. They come in no order, and some more than once.
    ///
    /// # Errors
    /// As [`MetricStore::select`], and what `show` says.
    pub fn each_key(
        &self,
        tenant: TenantId,
        matchers: &[Matcher],
        range: TimeRange,
        budget: &ReadBudget,
        show: &mut dyn FnMut(&[u8]) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let shown = self.shown(None);
        let range = shown.range(range);
        self.read_consistently(|view| {
            for part in Self::parts_in(view, range) {
                budget.check_time()?;
                // Of a part that turns out to be damaged nothing is shown.
                let (bytes, ends) = serving(part, || {
                    let mut numbers = part.select(tenant, matchers)?;
                    let graves = part.graves(&view.tombstones)?;
                    if let Some(graves) = &graves {
                        numbers.retain(|&n| !graves.is_whole(n));
                    }
                    let meta = part.meta();
                    if !(range.contains(meta.min_ms) && range.contains(meta.max_ms)) {
                        numbers = with_points(part, &numbers, range, graves.as_deref())?;
                    }
                    let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(numbers.len()));
                    part.for_keys(&numbers, |_, key| {
                        bytes.extend_from_slice(key);
                        ends.push(bytes.len());
                    })?;
                    Ok((bytes, ends))
                })?;
                let mut start = 0;
                for end in ends {
                    let key = &bytes[start..end];
                    start = end;
                    if !shown.by_rules() || shown.shows(part, key, range) {
                        show(key)?;
                    }
                }
            }
            self.each_head_key(view, tenant, matchers, range, budget, show)?;
            Ok(Some(()))
        })
    }

    fn each_head_key(
        &self,
        view: &View,
        tenant: TenantId,
        matchers: &[Matcher],
        range: TimeRange,
        budget: &ReadBudget,
        show: &mut dyn FnMut(&[u8]) -> Result<(), ReadError>,
    ) -> Result<(), Restart> {
        let mut add = |registry: &Registry, numbers: &[u32]| {
            for slice in numbers.chunks(SLICE) {
                let (mut bytes, mut ends) = (Vec::new(), Vec::new());
                registry.encode_keys(slice, &mut bytes, &mut ends);
                let mut start = 0;
                for end in ends {
                    show(&bytes[start..end])?;
                    start = end;
                }
                budget.check_time()?;
            }
            Ok::<(), ReadError>(())
        };
        if let Some(frozen) = &view.frozen {
            let mut numbers = frozen.registry.select(tenant, matchers);
            numbers.retain(|&n| frozen.head.get(n).is_some_and(|s| s.touches(range)));
            add(&frozen.registry, &numbers)?;
        }
        let registry = self.head.read().registry.clone();
        let numbers = registry.select(tenant, matchers);
        for slice in numbers.chunks(SLICE) {
            let state = self.head.read();
            if state.generation != view.generation {
                return Err(Restart::Again);
            }
            let touching = slice
                .iter()
                .copied()
                .filter(|&n| state.head.get(n).is_some_and(|s| s.touches(range)));
            let touching: Vec<u32> = touching.collect();
            drop(state);
            add(&registry, &touching)?;
        }
        let state = self.head.read();
        if state.generation == view.generation { Ok(()) } else { Err(Restart::Again) }
    }
}

pub(crate) enum Restart {
    Again,
    Failed(ReadError),
}

impl From<ReadError> for Restart {
    fn from(error: ReadError) -> Self {
        Self::Failed(error)
    }
}

/// Returns which of the series have a chunk that touches `range`. Of series that something was
/// deleted of, a point that is left must lie there.
fn with_points(
    part: &Part,
    numbers: &[u32],
    range: TimeRange,
    graves: Option<&Graves>,
) -> Result<Vec<u32>, PartError> {
    let mut touching: Vec<u32> = Vec::with_capacity(numbers.len());
    for block in part.values_blocks() {
        let first = numbers.partition_point(|&n| n < block.first_series);
        let behind = numbers.partition_point(|&n| n <= block.last_series);
        if first == behind || !range.overlaps(block.min_ms, block.max_ms) {
            continue;
        }
        let view = part.kept_values(block)?;
        let mut undecided = Vec::new();
        for &series in &numbers[first..behind] {
            for chunk in view.of_series(series) {
                let (min, max) = (chunk.min_ms, chunk.max_ms);
                if !range.overlaps(min, max) {
                    continue;
                }
                match graves.map_or(Left::All, |graves| graves.left(series, min, max)) {
                    Left::All => touching.push(series),
                    Left::Nothing => {}
                    Left::Some => undecided.push(series),
                }
            }
        }
        if undecided.is_empty() {
            continue;
        }
        let chunks = part.read_values(block, |series, _, min, max| {
            range.overlaps(min, max) && undecided.binary_search(&series).is_ok()
        })?;
        for (series, chunk) in chunks {
            let mut points = part.points(&chunk)?;
            if let Some(graves) = graves {
                graves.cut(series, &mut points);
            }
            if points.any_time(|at| range.contains(at)) {
                touching.push(series);
            }
        }
    }
    touching.sort_unstable();
    touching.dedup();
    Ok(touching)
}

/// What a part holds of a series: chunks, and what is cut out of them.
pub(crate) struct Collected {
    pub(crate) key: Vec<u8>,
    pub(crate) kind: Kind,
    pub(crate) chunks: Vec<RawChunk>,
    pub(crate) cuts: Vec<TimeRange>,
}

/// Returns the chunks of some series by key and kind.
pub(crate) fn collect_chunks(
    part: &Part,
    mut numbers: Vec<u32>,
    range: TimeRange,
    graves: Option<&Graves>,
) -> Result<Vec<Collected>, PartError> {
    if let Some(graves) = graves {
        numbers.retain(|&n| !graves.is_whole(n));
    }
    // A part has its series in order, and the chunks of one kind of a series side by side.
    let mut by_series: Vec<(u32, Kind, Vec<RawChunk>)> = Vec::with_capacity(numbers.len());
    for (series, chunk) in part.chunks(&numbers, range)? {
        let left = graves.map_or(Left::All, |g| g.left(series, chunk.min_ms, chunk.max_ms));
        if left == Left::Nothing {
            continue;
        }
        match by_series.last_mut() {
            Some((last, kind, chunks)) if (*last, *kind) == (series, chunk.kind) => {
                chunks.push(chunk);
            }
            _ => by_series.push((series, chunk.kind, vec![chunk])),
        }
    }
    let mut present: Vec<u32> = by_series.iter().map(|(series, ..)| *series).collect();
    present.dedup();
    let mut keys = Vec::with_capacity(present.len());
    part.for_keys(&present, |_, key| keys.push(key.to_vec()))?;
    let key_of = |series: u32| present.binary_search(&series).ok().and_then(|at| keys.get(at));
    let cuts_of = |n| graves.map(|g| g.cuts_of(n).to_vec()).unwrap_or_default();
    let of_series = by_series.into_iter().filter_map(|(series, kind, chunks)| {
        Some(Collected { key: key_of(series)?.clone(), kind, chunks, cuts: cuts_of(series) })
    });
    Ok(of_series.collect())
}
