//! The distribution of a period's samples, walked from the smallest to the largest.

use model::{Delta, bucket_bounds};

/// Weights below this share of all samples are the rounding of sums, not samples.
const ROUNDING: f64 = 1e-12;

/// Samples in order: each piece holds so many, at one value or spread evenly over a stretch.
pub(super) struct Spread {
    pieces: Vec<Piece>,
    count: f64,
}

#[derive(Clone, Copy)]
struct Piece {
    low: f64,
    high: f64,
    count: f64,
}

/// What lies between two bounds, and how much outside.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(super) struct Kept {
    pub(super) count: f64,
    pub(super) sum: f64,
    /// Smallest and largest value inside; `None` when there is nothing.
    pub(super) edges: Option<(f64, f64)>,
    /// Samples below the lower bound.
    pub(super) below: f64,
    /// Samples above the upper bound.
    pub(super) above: f64,
}

impl Piece {
    /// Returns the value behind so much of the piece, 0 to 1.
    fn at(&self, share: f64) -> f64 {
        if share >= 1.0 { self.high } else { self.low + (self.high - self.low) * share }
    }

    /// Returns how much of the piece does not exceed `value`, 0 to 1.
    fn share_up_to(&self, value: f64) -> f64 {
        if value >= self.high {
            return 1.0;
        }
        if value < self.low || self.high <= self.low {
            return 0.0;
        }
        (value - self.low) / (self.high - self.low)
    }
}

impl Spread {
    /// Returns `None` for samples that have no distribution, or a negative one among them.
    pub(super) fn of(period: &Delta) -> Option<Self> {
        if period.opaque > 0.0 || period.min < 0.0 {
            return None;
        }
        let values = period.values.iter().map(|&(v, count)| Piece { low: v, high: v, count });
        let buckets = period.buckets.iter().map(|&(number, count)| {
            let (low, high) = bucket_bounds(number);
            // No sample lies outside of smallest and largest.
            let inside = |v: f64| v.min(period.max).max(period.min);
            Piece { low: inside(low), high: inside(high), count }
        });
        let pieces: Vec<Piece> = values.chain(buckets).filter(|p| p.count > 0.0).collect();
        let count = pieces.iter().map(|p| p.count).sum();
        (count > 0.0).then_some(Self { pieces, count })
    }

    pub(super) fn count(&self) -> f64 {
        self.count
    }

    /// Returns the smallest sample that at least so many percent of the samples do not exceed.
    pub(super) fn percentile(&self, percent: f64) -> Option<f64> {
        let rank = percent / 100.0 * self.count;
        let mut below = 0.0;
        for piece in &self.pieces {
            let before = below;
            below += piece.count;
            if below >= rank - self.count * ROUNDING {
                return Some(piece.at(((rank - before) / piece.count).clamp(0.0, 1.0)));
            }
        }
        self.pieces.last().map(|p| p.high)
    }

    pub(super) fn between_percents(&self, low: f64, high: f64) -> Kept {
        let (low, high) = (low / 100.0 * self.count, high / 100.0 * self.count);
        let mut kept = Kept::default();
        let mut below = 0.0;
        for piece in &self.pieces {
            let share = |rank: f64| ((rank - below) / piece.count).clamp(0.0, 1.0);
            let (from, to) = (share(low), share(high));
            kept.add(piece, from, to, self.count * ROUNDING);
            below += piece.count;
        }
        kept
    }

    /// The lower bound is outside, the upper one inside.
    pub(super) fn between_values(&self, low: f64, high: f64) -> Kept {
        let mut kept = Kept::default();
        for piece in &self.pieces {
            kept.add(piece, piece.share_up_to(low), piece.share_up_to(high), 0.0);
        }
        kept
    }
}

impl Kept {
    /// Adds the samples of a piece from one share of it to another one.
    fn add(&mut self, piece: &Piece, from: f64, to: f64, rounding: f64) {
        self.below += piece.count * from;
        self.above += piece.count * (1.0 - to);
        let count = piece.count * (to - from);
        if count <= rounding {
            return;
        }
        let (first, last) = (piece.at(from), piece.at(to));
        self.count += count;
        self.sum += count * (first + last) / 2.0;
        let lowest = self.edges.map_or(first, |(lowest, _)| lowest);
        self.edges = Some((lowest, last));
    }
}
