//! Series to draw: random walks under a seed, the same everywhere (no function of the system's
//! mathematics is in them).

use chart::{Point, Series};
use model::TimeRange;

/// 2026-11-21T14:10:00Z.
pub(crate) const NOW_MS: i64 = 1_795_270_200_000;

/// A walk between two values, a point for each period of the range.
pub(crate) fn walk(
    label: &str,
    seed: u64,
    (low, high): (f64, f64),
    period_ms: i64,
    range: TimeRange,
) -> Series {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let (mut at, mut drift) = (next(), 0.0);
    let times = (range.start_ms..range.end_ms).step_by(period_ms as usize);
    let points = times.map(|at_ms| {
        drift = drift * 0.9 + (next() - 0.5) * 0.06 + (0.5 - at) * 0.012;
        at = (at + drift * 0.5 + (next() - 0.5) * 0.03).clamp(0.0, 1.0);
        Point { at_ms, value: low + at * (high - low) }
    });
    Series::new(label, period_ms, points.collect())
}

/// A series with one value.
pub(crate) fn one(label: &str, value: f64) -> Series {
    Series::new(label, 300_000, vec![Point { at_ms: NOW_MS - 300_000, value }])
}
