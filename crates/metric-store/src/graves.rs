//! What tombstones take of one part: series as a whole, and ranges of time of others.

use crate::part::{Part, PartError};
use crate::points::Points;
use crate::tombstone::Tombstone;
use model::TimeRange;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Numbers are those of the part's series.
#[derive(Debug, Default)]
pub(crate) struct Graves {
    /// Series of which nothing is left, as runs: first and the one behind the last, in order.
    whole: Vec<(u32, u32)>,
    /// What is cut out of series of which something is left.
    cuts: BTreeMap<u32, Vec<TimeRange>>,
}

/// What is left of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    All,
    Nothing,
    /// Points decide; the chunk must be decoded.
    Some,
}

fn within(range: TimeRange, min_ms: i64, max_ms: i64) -> bool {
    range.contains(min_ms) && range.contains(max_ms)
}

/// Returns the whole intervals that a range touches. What is left of an interval whose raw points are
/// gone cannot be known: what was deleted must not be shown, so all of it goes.
fn grown(range: TimeRange, step_ms: i64) -> TimeRange {
    let floor = |at: i64| at.div_euclid(step_ms).saturating_mul(step_ms);
    let end_ms = match range.end_ms.checked_add(step_ms - 1) {
        Some(end_ms) => floor(end_ms),
        None => i64::MAX,
    };
    TimeRange { start_ms: floor(range.start_ms), end_ms }
}

fn runs(numbers: impl IntoIterator<Item = u32>) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, end)) if *end == number => *end += 1,
            _ => runs.push((number, number + 1)),
        }
    }
    runs
}

impl Graves {
    /// Finds what `tombstones` take of the part; whether they count for it is the caller's affair.
    pub(crate) fn of(part: &Part, tombstones: &[Arc<Tombstone>]) -> Result<Self, PartError> {
        let meta = part.meta();
        let mut whole: BTreeSet<u32> = BTreeSet::new();
        let mut whole_lists: Vec<Vec<u32>> = Vec::new();
        let mut cuts: BTreeMap<u32, Vec<TimeRange>> = BTreeMap::new();
        for tombstone in tombstones {
            if !part.overlaps(tombstone.range) {
                continue;
            }
            let range = grown(tombstone.range, part.step_ms());
            let numbers = part.select(tombstone.tenant, &tombstone.matchers)?;
            if within(range, meta.min_ms, meta.max_ms) {
                whole_lists.push(numbers);
            } else {
                for number in numbers {
                    cuts.entry(number).or_default().push(range);
                }
            }
        }
        let certain = runs(crate::postings::union(whole_lists));
        let mut graves = Self { whole: certain, cuts };
        graves.cuts = std::mem::take(&mut graves.cuts)
            .into_iter()
            .filter(|(number, _)| !graves.is_whole(*number))
            .collect();
        if !graves.cuts.is_empty() {
            whole.extend(graves.emptied(part)?);
            graves.cuts.retain(|number, _| !whole.contains(number));
            whole.extend(graves.whole.iter().flat_map(|&(start, end)| start..end));
            graves.whole = runs(whole);
        }
        Ok(graves)
    }

    /// Returns the series whose cuts leave nothing.
    fn emptied(&self, part: &Part) -> Result<Vec<u32>, PartError> {
        let numbers: Vec<u32> = self.cuts.keys().copied().collect();
        let mut alive = BTreeSet::new();
        let undecided = part.chunks_where(&numbers, |series, _, min_ms, max_ms| {
            match self.left(series, min_ms, max_ms) {
                Left::All => {
                    alive.insert(series);
                    false
                }
                Left::Nothing => false,
                Left::Some => true,
            }
        })?;
        for (series, chunk) in undecided {
            if !alive.contains(&series) {
                let cuts = self.cuts_of(series);
                if part.times(&chunk)?.iter().any(|&at| !is_cut(cuts, at)) {
                    alive.insert(series);
                }
            }
        }
        Ok(numbers.into_iter().filter(|n| !alive.contains(n)).collect())
    }

    /// Says whether nothing is left of a series.
    pub(crate) fn is_whole(&self, number: u32) -> bool {
        let at = self.whole.partition_point(|&(_, end)| end <= number);
        self.whole.get(at).is_some_and(|&(start, _)| start <= number)
    }

    /// Returns how many series are gone as a whole.
    pub(crate) fn whole_len(&self) -> u32 {
        self.whole.iter().map(|(start, end)| end - start).sum()
    }

    /// Returns what is cut out of a series of which something is left.
    pub(crate) fn cuts_of(&self, number: u32) -> &[TimeRange] {
        self.cuts.get(&number).map(Vec::as_slice).unwrap_or_default()
    }

    /// Says what is left of a chunk with points from `min_ms` to `max_ms`.
    pub(crate) fn left(&self, number: u32, min_ms: i64, max_ms: i64) -> Left {
        if self.is_whole(number) {
            return Left::Nothing;
        }
        let cuts = self.cuts_of(number);
        if cuts.iter().any(|&cut| within(cut, min_ms, max_ms)) {
            Left::Nothing
        } else if cuts.iter().any(|cut| cut.overlaps(min_ms, max_ms)) {
            Left::Some
        } else {
            Left::All
        }
    }

    /// Takes what is gone out of the points of a series.
    pub(crate) fn cut(&self, number: u32, points: &mut Points) {
        if self.is_whole(number) {
            points.retain_times(|_| false);
        } else {
            cut(self.cuts_of(number), points);
        }
    }
}

/// Says whether a time lies within any of the ranges.
pub(crate) fn is_cut(cuts: &[TimeRange], at: i64) -> bool {
    cuts.iter().any(|cut| cut.contains(at))
}

/// Takes the points within any of the ranges out.
pub(crate) fn cut(cuts: &[TimeRange], points: &mut Points) {
    if !cuts.is_empty() {
        points.retain_times(|at| !is_cut(cuts, at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_find_their_members() {
        let graves = Graves { whole: runs([2, 3, 4, 7, 9, 10]), cuts: BTreeMap::new() };
        let members: Vec<u32> = (0..12).filter(|&n| graves.is_whole(n)).collect();
        assert_eq!(members, [2, 3, 4, 7, 9, 10]);
        assert_eq!((graves.whole.len(), graves.whole_len()), (3, 6));
    }

    #[test]
    fn a_chunk_is_decided_by_its_ends_or_by_its_points() {
        let range = TimeRange { start_ms: 10, end_ms: 20 };
        let graves = Graves { whole: runs([1]), cuts: BTreeMap::from([(5, vec![range])]) };
        assert_eq!(graves.left(1, 0, 5), Left::Nothing);
        assert_eq!(graves.left(5, 10, 19), Left::Nothing);
        assert_eq!(graves.left(5, 10, 20), Left::Some);
        assert_eq!(graves.left(5, 20, 30), Left::All);
        assert_eq!(graves.left(6, 10, 19), Left::All);
    }
}
