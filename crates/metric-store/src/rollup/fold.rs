//! What points of an interval come to: deltas add up, floats become their statistics.

use crate::points::Points;
use model::Delta;

/// Statistics of the floats of an interval. Values that are no finite numbers (stale markers among
/// them) count as absent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rolled {
    pub(crate) count: f64,
    pub(crate) sum: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) first: f64,
    pub(crate) last: f64,
    /// What a counter went up by between the first and the last; after a fall it began at zero.
    pub(crate) increase: f64,
}

fn increase(from: f64, to: f64) -> f64 {
    if to >= from { to - from } else { to }
}

impl Rolled {
    pub(crate) fn of(value: f64) -> Self {
        Self {
            count: 1.0,
            sum: value,
            min: value,
            max: value,
            first: value,
            last: value,
            increase: 0.0,
        }
    }

    /// Adds the next value.
    pub(crate) fn push(&mut self, value: f64) {
        self.then(&Self::of(value));
    }

    /// Adds what came later.
    pub(crate) fn then(&mut self, later: &Self) {
        self.increase += increase(self.last, later.first) + later.increase;
        self.last = later.last;
        self.beside(later);
    }

    /// Adds what came in between, as late samples of a day do whose raw samples are gone: the order
    /// is not known any more, so that first, last and increase stay.
    pub(crate) fn beside(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Returns what CloudWatch's statistics see: a distribution only where statistics tell it.
    pub(crate) fn to_delta(self) -> Delta {
        Delta::of_statistics(self.count, self.sum, self.min, self.max)
    }
}

/// Points of one series on the grid of a tier: the start of each interval, and what it comes to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Folded {
    Deltas(Vec<(i64, Delta)>),
    Floats(Vec<(i64, Rolled)>),
}

pub(crate) fn floor(at_ms: i64, step_ms: i64) -> i64 {
    at_ms.div_euclid(step_ms) * step_ms
}

/// Puts neighbours of one interval together; `points` are in the order of time.
fn fold_with<V, W>(
    points: impl IntoIterator<Item = (i64, V)>,
    step_ms: i64,
    first: impl Fn(V) -> W,
    add: impl Fn(&mut W, V),
) -> Vec<(i64, W)> {
    let mut folded: Vec<(i64, W)> = Vec::new();
    for (at, value) in points {
        let start = floor(at, step_ms);
        match folded.last_mut() {
            Some((last, sum)) if *last == start => add(sum, value),
            _ => folded.push((start, first(value))),
        }
    }
    folded
}

/// Folds raw points; `None` for histograms, of which there are no roll-ups.
pub(crate) fn fold(points: Points, step_ms: i64) -> Option<Folded> {
    Some(match points {
        Points::Floats(points) => {
            let finite = points.into_iter().filter(|p| p.1.is_finite());
            Folded::Floats(fold_with(finite, step_ms, Rolled::of, |sum, value| sum.push(value)))
        }
        Points::Singles(points) => {
            let add = |sum: &mut Delta, value| sum.add_sample(value);
            Folded::Deltas(fold_with(points, step_ms, Delta::of_value, add))
        }
        Points::Deltas(points) => {
            Folded::Deltas(fold_with(points, step_ms, |d| d, |sum, delta| sum.add(&delta)))
        }
        Points::Histograms(_) => return None,
    })
}

impl Folded {
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Deltas(points) => points.is_empty(),
            Self::Floats(points) => points.is_empty(),
        }
    }

    /// Folds further, to a multiple of the present step.
    pub(crate) fn fold(&self, step_ms: i64) -> Self {
        match self {
            Self::Deltas(points) => {
                let points = points.iter().map(|(at, delta)| (*at, delta));
                Self::Deltas(fold_with(points, step_ms, Delta::clone, Delta::add))
            }
            Self::Floats(points) => {
                let points = points.iter().map(|(at, rolled)| (*at, rolled));
                Self::Floats(fold_with(points, step_ms, |r| *r, Rolled::then))
            }
        }
    }

    /// Keeps the intervals whose start passes.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(i64) -> bool) {
        match self {
            Self::Deltas(points) => points.retain(|p| keep(p.0)),
            Self::Floats(points) => points.retain(|p| keep(p.0)),
        }
    }

    /// Adds other points of the same step; of one interval both count.
    pub(crate) fn add(&mut self, other: Self) {
        fn together<V>(all: &mut Vec<(i64, V)>, more: Vec<(i64, V)>, add: impl Fn(&mut V, &V)) {
            all.extend(more);
            // Stable: of one interval the older stands first.
            all.sort_by_key(|p| p.0);
            all.dedup_by(|next, sum| {
                let same = next.0 == sum.0;
                if same {
                    add(&mut sum.1, &next.1);
                }
                same
            });
        }
        match (self, other) {
            (Self::Deltas(all), Self::Deltas(more)) => together(all, more, Delta::add),
            (Self::Floats(all), Self::Floats(more)) => together(all, more, Rolled::beside),
            _ => unreachable!("a series has one kind, and its sources are found by it"),
        }
    }

    /// Cuts into pieces of at most so many intervals, and of about so much weight.
    pub(crate) fn pieces(self, len_max: usize, weight_max: usize) -> Vec<Self> {
        match self {
            Self::Floats(points) => {
                points.chunks(len_max).map(|c| Self::Floats(c.to_vec())).collect()
            }
            Self::Deltas(points) => {
                let (mut pieces, mut piece, mut weight) = (Vec::new(), Vec::new(), 0);
                for point in points {
                    weight += point.1.weight_bytes();
                    piece.push(point);
                    if weight >= weight_max || piece.len() >= len_max {
                        pieces.push(Self::Deltas(std::mem::take(&mut piece)));
                        weight = 0;
                    }
                }
                if !piece.is_empty() {
                    pieces.push(Self::Deltas(piece));
                }
                pieces
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn floats_become_their_statistics() {
        let stale = f64::from_bits(model::STALE_NAN_BITS);
        let points = vec![(0, 3.0), (10, 5.0), (20, stale), (30, 1.0), (40, 4.0), (300, 2.0)];
        let Some(Folded::Floats(folded)) = fold(Points::Floats(points), 300) else { panic!() };
        // Up by 2, a fall to 1, up by 3.
        let first = Rolled {
            count: 4.0,
            sum: 13.0,
            min: 1.0,
            max: 5.0,
            first: 3.0,
            last: 4.0,
            increase: 6.0,
        };
        assert_eq!(folded, [(0, first), (300, Rolled::of(2.0))]);
        let Folded::Floats(all) = Folded::Floats(folded).fold(600) else { panic!() };
        assert_eq!((all[0].1.increase, all[0].1.last, all[0].1.count), (8.0, 2.0, 5.0));
        assert_eq!(fold(Points::Floats(vec![(0, stale)]), 300), Some(Folded::Floats(Vec::new())));
    }

    proptest! {
        /// Folding to a fine grid and from there to a coarse one is folding to the coarse one.
        #[test]
        fn folding_in_two_steps_is_folding_in_one(
            samples in proptest::collection::vec((0i64..20_000, 0u32..400), 1..800),
            sets in proptest::collection::vec((0i64..20_000, 1u32..9), 0..4),
        ) {
            let mut deltas: std::collections::BTreeMap<i64, Delta> = Default::default();
            for (at, value) in samples {
                deltas.entry(at / 60 * 60).or_default().add_sample(f64::from(value) / 4.0);
            }
            for (at, count) in sets {
                let set = Delta::of_statistics(f64::from(count), 8.0, 1.0, 2.0);
                deltas.entry(at / 60 * 60).or_default().add(&set);
            }
            let points: Vec<(i64, Delta)> = deltas.into_iter().collect();
            let once = fold(Points::Deltas(points.clone()), 3600);
            let twice = fold(Points::Deltas(points), 300).map(|folded| folded.fold(3600));
            prop_assert_eq!(once, twice);
        }
    }
}
