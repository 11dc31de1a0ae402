//! Reads series of a [`Scan`] one after the other.

use super::cursor::Cursor;
use super::{Copied, Place, Scan, Source};
use crate::chunk::open::Value;
use crate::chunk::{column, delta, histogram};
use crate::graves;
use crate::head::HeadSeries;
use crate::part::{ChunkAt, PartError, RawChunk};
use crate::points::{Points, merge};
use crate::read_budget::ReadBudget;
use crate::snapshot::ReadError;
use model::{Kind, SeriesKey, TimeRange};
use std::ops::Range;

/// Points of one series.
#[derive(Debug, Default)]
pub struct Columns {
    /// Milliseconds since 1970, rising.
    pub times: Vec<i64>,
    /// As many numbers: of floats, or of deltas of one sample each.
    pub values: Vec<f64>,
    /// The numbers are of deltas.
    pub are_deltas: bool,
    /// All points, one after the other for each kind that the series has, where they are no plain
    /// column of numbers; there is no column then.
    pub others: Vec<Points>,
}

impl Columns {
    /// Says whether all points are before a moment.
    fn is_before(&self, at_ms: i64) -> bool {
        self.times.last().is_none_or(|last| *last < at_ms)
    }

    fn clear(&mut self) {
        self.times.clear();
        self.values.clear();
        self.others.clear();
        self.are_deltas = false;
    }
}

/// Shows the chunks that a part has of a series; a damaged part is set aside and has none.
pub(super) fn each_chunk(
    cursors: &mut [Option<Cursor>],
    place: Place,
    mut show: impl FnMut(&mut Cursor, usize, ChunkAt) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let cursor = cursors[place.source as usize].as_mut().expect("of a part");
    if cursor.part().is_aside() {
        return Ok(());
    }
    let read = cursor.each_chunk(place.number, &mut show);
    if let Err(Stop::Failed(ReadError::Part(error @ PartError::Damaged { .. }))) = &read {
        cursor.part().set_aside(error);
    }
    read
}

/// Why a column was given up.
pub(super) enum Stop {
    /// The points are no plain column.
    NotPlain,
    Failed(ReadError),
}

impl From<PartError> for Stop {
    fn from(error: PartError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Self::Failed(error)
    }
}

/// Reads the series of a [`Scan`]; those that follow each other share what is unpacked for them.
#[derive(Debug)]
pub struct ScanReader<'s> {
    pub(super) scan: &'s Scan<'s>,
    /// For each source that is a part.
    pub(super) cursors: Vec<Option<Cursor>>,
    key: Vec<u8>,
    paid: Paid<'s>,
}

/// What columns take, paid for before they grow and held as long as the reader.
#[derive(Debug)]
struct Paid<'s> {
    budget: &'s ReadBudget,
    points: usize,
}

impl Paid<'_> {
    fn grow_to(&mut self, points: usize) -> Result<(), ReadError> {
        if let Some(more) = points.checked_sub(self.points).filter(|more| *more > 0) {
            // By steps, so that points of the head are not paid one by one.
            let more = more.next_multiple_of(1_024);
            self.budget.take((more * POINT_BYTES) as u64)?;
            self.points += more;
        }
        Ok(())
    }
}

impl Drop for Paid<'_> {
    fn drop(&mut self) {
        self.budget.give((self.points * POINT_BYTES) as u64);
    }
}

/// What a point of a column takes.
const POINT_BYTES: usize = size_of::<i64>() + size_of::<f64>();

impl<'s> ScanReader<'s> {
    pub(super) fn new(scan: &'s Scan<'_>) -> Self {
        let cursor = |source: &Source| match source {
            Source::Part(part, _) => Some(Cursor::new(part.clone())),
            Source::Frozen(_) | Source::Head(_) => None,
        };
        let cursors = scan.sources.iter().map(cursor).collect();
        let paid = Paid { budget: scan.charge.budget, points: 0 };
        Self { scan, cursors, key: Vec::new(), paid }
    }

    /// Returns the canonical bytes of a series' key (see [`SeriesKey::encode`]).
    ///
    /// # Errors
    /// [`ReadError::Part`].
    pub fn key(&mut self, series: usize) -> Result<&[u8], ReadError> {
        let place = self.scan.places_of(series).next().expect("a series has a place");
        let (registry, number) = match &self.scan.sources[place.source as usize] {
            Source::Part(part, _) => {
                let cursor = self.cursors[place.source as usize].as_mut().expect("of a part");
                return Ok(cursor.key(place.number).inspect_err(|e| part.set_aside(e))?);
            }
            Source::Frozen(frozen) => (&frozen.registry, place.number),
            Source::Head(head) => (&head.registry, head.numbers[place.number as usize]),
        };
        self.key.clear();
        registry.encode_keys(&[number], &mut self.key, &mut Vec::new());
        Ok(&self.key)
    }

    /// Replaces `into` by the points of a series that are in the range and wanted.
    ///
    /// # Errors
    /// [`ReadError::Part`] names the part whose chunk could not be decoded; the part is set aside.
    /// [`ReadError::TooMuchMemory`] when the points that are no plain numbers are too many.
    pub fn read(&mut self, series: usize, into: &mut Columns) -> Result<(), ReadError> {
        // Each time a part turns out to be damaged it is set aside, and the rest serves.
        for _ in 0..self.cursors.len() {
            match self.try_read(series, into) {
                Err(ReadError::Part(PartError::Damaged { .. })) => {}
                done => return done,
            }
        }
        self.try_read(series, into)
    }

    fn try_read(&mut self, series: usize, into: &mut Columns) -> Result<(), ReadError> {
        let range = self.range_of(series)?;
        for way in [Self::read_newest, Self::read_plain] {
            into.clear();
            match way(self, series, range, into) {
                Ok(()) => return Ok(()),
                Err(Stop::Failed(error)) => return Err(error),
                Err(Stop::NotPlain) => {}
            }
        }
        into.clear();
        self.read_any(series, range, into)
    }

    fn range_of(&mut self, series: usize) -> Result<TimeRange, ReadError> {
        let (range, shown) = (self.scan.range, &self.scan.shown);
        if !shown.by_rules() {
            return Ok(range);
        }
        let key = SeriesKey::decode(self.key(series)?);
        Ok(key.map_or(range, |key| shown.range_of(&key, range)))
    }

    /// Reads points as one column of numbers, source after source; gives up where that is not how
    /// they are.
    fn read_plain(
        &mut self,
        series: usize,
        range: TimeRange,
        into: &mut Columns,
    ) -> Result<(), Stop> {
        let mut kind = None;
        let Self { scan, cursors, paid, .. } = self;
        for place in scan.places_of(series) {
            match &scan.sources[place.source as usize] {
                Source::Part(_, graves) => {
                    if graves.as_ref().is_some_and(|g| !g.cuts_of(place.number).is_empty()) {
                        return Err(Stop::NotPlain);
                    }
                    each_chunk(cursors, place, |cursor, block, chunk| {
                        if range.overlaps(chunk.min_ms, chunk.max_ms) {
                            same_kind(&mut kind, chunk.kind)?;
                            extend_from_chunk(cursor, block, &chunk, range, paid, into)?;
                        }
                        Ok(())
                    })?;
                }
                Source::Frozen(frozen) => {
                    if let Some(own) = frozen.head.get(place.number) {
                        let of = frozen.registry.kind(place.number);
                        same_kind(&mut kind, of)?;
                        extend_from_head(own, range, paid, into)?;
                    }
                }
                Source::Head(head) => {
                    let of = head.registry.kind(head.numbers[place.number as usize]);
                    same_kind(&mut kind, of)?;
                    match &head.series[place.number as usize] {
                        Copied::Series(own) => extend_from_head(own, range, paid, into)?,
                        Copied::Newest(at, value) if into.is_before(*at) => {
                            into.times.push(*at);
                            into.values.push(*value);
                        }
                        Copied::Newest(..) => return Err(Stop::NotPlain),
                    }
                }
            }
        }
        into.are_deltas = kind == Some(Kind::Delta);
        Ok(())
    }

    /// Reads points of any form.
    fn read_any(
        &mut self,
        series: usize,
        range: TimeRange,
        into: &mut Columns,
    ) -> Result<(), ReadError> {
        let mut sources: [Vec<Points>; Kind::COUNT] = Default::default();
        let budget = self.scan.charge.budget;
        let mut taken = 0;
        for place in self.scan.places_of(series) {
            match &self.scan.sources[place.source as usize] {
                Source::Part(part, graves) => {
                    let cuts = graves.as_ref().map(|g| g.cuts_of(place.number)).unwrap_or_default();
                    let read = each_chunk(&mut self.cursors, place, |cursor, block, chunk| {
                        if !range.overlaps(chunk.min_ms, chunk.max_ms) {
                            return Ok(());
                        }
                        cursor.open(block, &chunk)?;
                        let (times, values) = cursor.raw(&chunk)?;
                        let ChunkAt { kind, count, min_ms, max_ms, .. } = chunk;
                        let raw = RawChunk { kind, count, min_ms, max_ms, times, values };
                        let told = part.decoded(decoded_bytes(&raw))?;
                        budget.take(told)?;
                        taken += told;
                        let mut points = part.points(&raw)?;
                        graves::cut(cuts, &mut points);
                        taken += charged(budget, &points, told)?;
                        sources[kind as usize].push(points);
                        Ok(())
                    });
                    match read {
                        Ok(()) => {}
                        Err(Stop::Failed(error)) => return Err(error),
                        Err(Stop::NotPlain) => unreachable!("any form will do"),
                    }
                }
                Source::Frozen(frozen) => {
                    if let Some(own) = frozen.head.get(place.number) {
                        let kind = frozen.registry.kind(place.number);
                        let (points, bytes) = points_of_head(own, kind, budget)?;
                        taken += bytes;
                        sources[kind as usize].push(points);
                    }
                }
                Source::Head(head) => {
                    let kind = head.registry.kind(head.numbers[place.number as usize]);
                    let (points, bytes) = match &head.series[place.number as usize] {
                        Copied::Series(own) => points_of_head(own, kind, budget)?,
                        Copied::Newest(at, value) => (Points::single(kind, *at, *value), 0),
                    };
                    taken += bytes;
                    sources[kind as usize].push(points);
                }
            }
        }
        for (kind, sources) in Kind::ALL.into_iter().zip(sources) {
            if !sources.is_empty() {
                let mut points = merge(kind, sources);
                points.retain(range);
                into.others.push(points);
            }
        }
        // They are held once more by whoever reads them, in memory that is used again.
        budget.give(taken);
        Ok(())
    }
}

/// Returns what a chunk takes when it is decoded, as far as that can be told before: of histograms a few
/// bytes make many.
fn decoded_bytes(chunk: &RawChunk) -> Option<u64> {
    match chunk.kind {
        Kind::Histogram => histogram::decoded_bytes(&chunk.values, chunk.count as usize),
        Kind::Float | Kind::Delta => Some(0),
    }
}

/// Decodes points of a head; returns what was taken for them too.
fn points_of_head(
    own: &HeadSeries,
    kind: Kind,
    budget: &ReadBudget,
) -> Result<(Points, u64), ReadError> {
    let told = own.histogram_bytes();
    budget.take(told)?;
    let points = own.points(kind);
    let more = charged(budget, &points, told)?;
    Ok((points, told + more))
}

/// Takes what points need beyond what was told before.
fn charged(budget: &ReadBudget, points: &Points, told: u64) -> Result<u64, ReadError> {
    let more = points.heap_bytes().saturating_sub(told);
    budget.take(more)?;
    Ok(more)
}

/// All points must be of one kind.
fn same_kind(known: &mut Option<Kind>, kind: Kind) -> Result<(), Stop> {
    match *known.get_or_insert(kind) == kind && kind != Kind::Histogram {
        true => Ok(()),
        false => Err(Stop::NotPlain),
    }
}

/// Returns the packed numbers of a chunk.
pub(super) fn numbers(kind: Kind, values: &[u8]) -> Option<&[u8]> {
    match kind {
        Kind::Float => Some(values),
        Kind::Delta => delta::singles(values),
        Kind::Histogram => None,
    }
}

fn extend_from_chunk(
    cursor: &mut Cursor,
    block: usize,
    chunk: &ChunkAt,
    range: TimeRange,
    paid: &mut Paid<'_>,
    into: &mut Columns,
) -> Result<(), Stop> {
    let (times, values) = cursor.open(block, chunk)?;
    let Some(numbers) = numbers(chunk.kind, values) else { return Err(Stop::NotPlain) };
    let places: Range<usize> = times.places(range);
    if places.is_empty() {
        return Ok(());
    }
    if !into.is_before(times.at(places.start)) {
        return Err(Stop::NotPlain);
    }
    paid.grow_to(into.times.len() + places.len())?;
    times.extend(places.clone(), &mut into.times);
    let read = column::decode_range(numbers, chunk.count as usize, places, &mut into.values);
    Ok(cursor.part().decoded(read)?)
}

fn extend_from_head(
    own: &HeadSeries,
    range: TimeRange,
    paid: &mut Paid<'_>,
    into: &mut Columns,
) -> Result<(), Stop> {
    let Some(chunk) = own.in_order() else { return Err(Stop::NotPlain) };
    paid.grow_to(into.times.len() + chunk.len())?;
    for (at, value) in chunk.iter() {
        let Value::Number(value) = value else { return Err(Stop::NotPlain) };
        if !range.contains(at) {
            continue;
        }
        if !into.is_before(at) {
            return Err(Stop::NotPlain);
        }
        into.times.push(at);
        into.values.push(value);
    }
    Ok(())
}
