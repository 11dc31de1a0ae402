//! Windows that overlap much: what many of them share is put together once.
//!
//! Samples are cut into blocks; a window is the blocks inside of it and the samples at its two ends.
//! Nothing is ever taken away from a running value, so nothing is lost by it, infinities included.

use super::over_time::{fold, sum_of};
use super::{WindowFn, Windowing, for_each_window};
use crate::promql::column::{ABSENT, Samples};
use crate::promql::kahan::{Mean, Sum};
use std::ops::Range;

/// Samples of a block: a window of n samples touches n / 16 blocks and up to 30 samples.
pub(super) const BLOCK: usize = 16;
/// Windows below this many samples are as quick without blocks.
pub(super) const WINDOW_MIN: i64 = 4 * BLOCK as i64;
/// A sample must be in so many windows that making the blocks pays.
pub(super) const OVERLAP_MIN: i64 = 3;

impl Windowing<'_> {
    /// Fills `out` for functions that can be put together from those of parts.
    pub(super) fn fill_from_blocks(&self, samples: &Samples, out: &mut [f64]) {
        let values = &samples.values;
        let of_part: fn(&[f64]) -> f64 = match self.function {
            WindowFn::MinOverTime => |part| fold(part, f64::min),
            WindowFn::MaxOverTime => |part| fold(part, f64::max),
            _ => sum_of,
        };
        let of_block: fn(&[f64]) -> [f64; 2] = match self.function {
            WindowFn::MinOverTime => |part| [fold(part, f64::min); 2],
            WindowFn::MaxOverTime => |part| [fold(part, f64::max); 2],
            // What rounding took goes on beside the sum.
            _ => |part| {
                let mut sum = Sum::default();
                part.iter().for_each(|v| sum.add(*v));
                sum.parts()
            },
        };
        let blocks: Vec<[f64; 2]> = values.chunks_exact(BLOCK).map(of_block).collect();
        let mut parts = Vec::new();
        for_each_window(&samples.times, self.ends, self.range_ms, |step, inside| {
            out[step] = if inside.is_empty() {
                ABSENT
            } else {
                cut(values, &blocks, inside.clone(), &mut parts);
                let whole = of_part(&parts);
                match self.function {
                    WindowFn::AvgOverTime if whole.is_finite() => whole / inside.len() as f64,
                    WindowFn::AvgOverTime => mean_of(&values[inside]),
                    _ => whole,
                }
            };
        });
    }
}

/// Writes a window's parts: samples up to a block's border, blocks, and the samples behind.
fn cut(values: &[f64], blocks: &[[f64; 2]], inside: Range<usize>, parts: &mut Vec<f64>) {
    parts.clear();
    let (first, behind) = (inside.start.div_ceil(BLOCK), inside.end / BLOCK);
    if first >= behind {
        parts.extend_from_slice(&values[inside]);
        return;
    }
    parts.extend_from_slice(&values[inside.start..first * BLOCK]);
    parts.extend_from_slice(blocks[first..behind].as_flattened());
    parts.extend_from_slice(&values[behind * BLOCK..inside.end]);
}

fn mean_of(values: &[f64]) -> f64 {
    let mut mean = Mean::default();
    values.iter().for_each(|v| mean.add(*v));
    mean.value()
}

#[cfg(test)]
mod tests {
    use super::super::{Grid, Params};
    use super::*;

    #[test]
    fn blocks_give_what_the_samples_give() {
        let value = |n: i64| if n % 37 == 0 { f64::NAN } else { ((n * 7919) % 101) as f64 };
        let samples: Samples = (0..1000).map(|n| (n * 10_000, value(n))).collect();
        let whole: Samples = (0..1000).map(|n| (n * 10_000, ((n * 7919) % 101) as f64)).collect();
        let steps = Grid { start_ms: 123_000, step_ms: 61_000, count: 170 };
        for (function, samples) in [
            (WindowFn::MinOverTime, &samples),
            (WindowFn::MaxOverTime, &samples),
            (WindowFn::SumOverTime, &whole),
            (WindowFn::AvgOverTime, &whole),
        ] {
            let params = Params::default();
            let windowing = Windowing { function, ends: steps, steps, range_ms: 1_800_000, params };
            let (mut quick, mut plain) = (vec![0.0; steps.count], vec![0.0; steps.count]);
            windowing.fill_from_blocks(samples, &mut quick);
            for_each_window(&samples.times, steps, 1_800_000, |step, inside| {
                let values = &samples.values[inside];
                plain[step] = match function {
                    WindowFn::MinOverTime => values.iter().copied().fold(f64::NAN, f64::min),
                    WindowFn::MaxOverTime => values.iter().copied().fold(f64::NAN, f64::max),
                    WindowFn::SumOverTime => values.iter().sum(),
                    _ => values.iter().sum::<f64>() / values.len() as f64,
                };
            });
            assert_eq!(quick, plain, "{function:?}");
        }
    }
}
