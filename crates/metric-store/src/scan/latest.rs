//! The newest point of a series, from the one chunk that has it.

use super::cursor::Cursor;
use super::reader::{Columns, ScanReader, Stop, each_chunk, numbers};
use super::{Copied, Source, Wanted, last_of};
use crate::chunk::column;
use crate::part::ChunkAt;
use crate::snapshot::ReadError;
use model::{Kind, TimeRange};

/// What may have the newest point.
#[derive(Debug, Clone, Copy)]
enum Candidate {
    Point(i64, f64),
    Chunk { source: usize, block: usize, chunk: ChunkAt },
}

impl Candidate {
    fn last_ms(&self) -> i64 {
        match self {
            Self::Point(at, _) => *at,
            Self::Chunk { chunk, .. } => chunk.max_ms,
        }
    }
}

/// Candidates as they come.
#[derive(Debug, Default)]
struct Best {
    kind: Option<Kind>,
    best: Option<Candidate>,
    /// The latest of the others.
    next_ms: Option<i64>,
}

impl Best {
    fn add(&mut self, kind: Kind, candidate: Candidate) -> Result<(), Stop> {
        if *self.kind.get_or_insert(kind) != kind {
            return Err(Stop::NotPlain);
        }
        match self.best {
            Some(best) if best.last_ms() >= candidate.last_ms() => {
                self.next_ms = self.next_ms.max(Some(candidate.last_ms()));
            }
            _ => {
                self.next_ms = self.next_ms.max(self.best.map(|best| best.last_ms()));
                self.best = Some(candidate);
            }
        }
        Ok(())
    }

    /// Returns the candidate that has the newest point, whatever the others hold.
    fn certain(self, range: TimeRange) -> Result<Option<Candidate>, Stop> {
        let Some(best) = self.best else { return Ok(None) };
        match self.next_ms {
            Some(next_ms) if next_ms == best.last_ms() => Err(Stop::NotPlain),
            // It goes on behind the range: its last point inside is known only when it is read.
            Some(_) if best.last_ms() >= range.end_ms => Err(Stop::NotPlain),
            _ => Ok(Some(best)),
        }
    }
}

impl ScanReader<'_> {
    /// Reads the newest point alone.
    ///
    /// # Errors
    /// [`Stop::NotPlain`] where more than one chunk would have to be looked at.
    pub(super) fn read_newest(
        &mut self,
        series: usize,
        range: TimeRange,
        into: &mut Columns,
    ) -> Result<(), Stop> {
        if self.scan.wanted != Wanted::Newest {
            return Err(Stop::NotPlain);
        }
        let mut all = Best::default();
        for place in self.scan.places_of(series) {
            match &self.scan.sources[place.source as usize] {
                Source::Part(_, graves) => {
                    if graves.as_ref().is_some_and(|g| !g.cuts_of(place.number).is_empty()) {
                        return Err(Stop::NotPlain);
                    }
                    let source = place.source as usize;
                    each_chunk(&mut self.cursors, place, |_, block, chunk| {
                        if !range.overlaps(chunk.min_ms, chunk.max_ms) {
                            return Ok(());
                        }
                        all.add(chunk.kind, Candidate::Chunk { source, block, chunk })
                    })?;
                }
                Source::Frozen(frozen) => {
                    let newest = frozen.head.get(place.number).and_then(|own| own.newest());
                    let (at, value) = newest.ok_or(Stop::NotPlain)?;
                    if at >= range.end_ms {
                        return Err(Stop::NotPlain);
                    }
                    if at >= range.start_ms {
                        let kind = frozen.registry.kind(place.number);
                        all.add(kind, Candidate::Point(at, value))?;
                    }
                }
                Source::Head(head) => {
                    let Copied::Newest(at, value) = &head.series[place.number as usize] else {
                        return Err(Stop::NotPlain);
                    };
                    // As it was copied, so it is in the range; rules may have narrowed that.
                    if range.contains(*at) {
                        let kind = head.registry.kind(head.numbers[place.number as usize]);
                        all.add(kind, Candidate::Point(*at, *value))?;
                    }
                }
            }
        }
        into.are_deltas = all.kind == Some(Kind::Delta);
        match all.certain(range)? {
            None => {}
            Some(Candidate::Point(at, value)) => {
                into.times.push(at);
                into.values.push(value);
            }
            Some(Candidate::Chunk { source, block, chunk }) => {
                self.last_of_chunk(source, block, &chunk, range, into)?;
            }
        }
        Ok(())
    }

    fn last_of_chunk(
        &mut self,
        source: usize,
        block: usize,
        chunk: &ChunkAt,
        range: TimeRange,
        into: &mut Columns,
    ) -> Result<(), Stop> {
        let cursor = self.cursors[source].as_mut().expect("of a part");
        let read = last_of_chunk(cursor, block, chunk, range, into);
        if let Err(Stop::Failed(ReadError::Part(error))) = &read {
            cursor.part().set_aside(error);
        }
        read
    }
}

fn last_of_chunk(
    cursor: &mut Cursor,
    block: usize,
    chunk: &ChunkAt,
    range: TimeRange,
    into: &mut Columns,
) -> Result<(), Stop> {
    let (times, values) = cursor.open(block, chunk)?;
    let Some(numbers) = numbers(chunk.kind, values) else { return Err(Stop::NotPlain) };
    let Some(last) = last_of(times.places(range)) else { return Ok(()) };
    into.times.push(times.at(last));
    let count = chunk.count as usize;
    let read = column::decode_range(numbers, count, last..last + 1, &mut into.values);
    Ok(cursor.part().decoded(read)?)
}
