//! Areas upon each other.
//!
//! All series of an axis are read at common times; where one has no value, between two that are not
//! farther apart than its period it has what lies on the line between them, else nothing.

use crate::color::Color;
use crate::frame::{Frame, Shown};
use crate::series::Point;
use crate::svg::{Path, Pen};
use crate::widget::Side;

/// One series' area.
pub(crate) struct Layer {
    pub(crate) side: Side,
    color: Color,
    /// Time, and the values at its lower and upper border.
    pub(crate) points: Vec<(i64, f64, f64)>,
}

/// Times at which areas are drawn: twice as many as the widest picture has columns of pixels.
const TIMES_MAX: usize = 4_000;
/// Times of all layers together.
const POINTS_MAX: usize = 200_000;

/// Returns the areas, the lowest first.
pub(crate) fn layers(frame: &Frame<'_>, points: &[Vec<Point>]) -> Vec<Layer> {
    let mut layers = Vec::new();
    for side in [Side::Left, Side::Right] {
        let here: Vec<(&Shown<'_>, &[Point])> = frame
            .series
            .iter()
            .zip(points)
            .filter(|(shown, points)| shown.series.axis == side && !points.is_empty())
            .map(|(shown, points)| (shown, &points[..]))
            .collect();
        let times = common_times(&here, frame.widget.width as usize);
        let mut base = vec![0.0; times.len()];
        for (shown, points) in here {
            let mut layer = Layer { side, color: shown.color, points: Vec::new() };
            for (value, (at_ms, base)) in
                values_at(shown, points, &times).into_iter().zip(times.iter().zip(&mut base))
            {
                let top = clamped(*base + value);
                layer.points.push((*at_ms, *base, top));
                *base = top;
            }
            layers.push(layer);
        }
    }
    layers
}

/// Sums of what is nearly too large for a number stay numbers.
fn clamped(sum: f64) -> f64 {
    sum.clamp(f64::MIN, f64::MAX)
}

/// Returns the times of all points, or if they are many, of each column of pixels those at which
/// the sum is lowest and highest.
fn common_times(series: &[(&Shown<'_>, &[Point])], width: usize) -> Vec<i64> {
    let mut times: Vec<i64> =
        series.iter().flat_map(|(_, points)| points.iter().map(|p| p.at_ms)).collect();
    times.sort_unstable();
    times.dedup();
    let most = (2 * width).min(TIMES_MAX).min(POINTS_MAX / series.len().max(1)).max(4);
    if times.len() <= most {
        return times;
    }
    let mut sums = vec![0.0; times.len()];
    for (shown, points) in series {
        for (sum, value) in sums.iter_mut().zip(values_at(shown, points, &times)) {
            *sum = clamped(*sum + value);
        }
    }
    let first = times[0];
    let span = times[times.len() - 1].saturating_sub(first).max(1);
    let columns = (most / 2) as f64;
    let column = |at_ms: i64| (at_ms.saturating_sub(first) as f64 / span as f64 * columns) as usize;
    let mut kept = Vec::with_capacity(most + 2);
    let mut from = 0;
    for to in 1..=times.len() {
        if to < times.len() && column(times[to]) == column(times[from]) {
            continue;
        }
        let in_column = from..to;
        let low = in_column.clone().min_by(|a, b| sums[*a].total_cmp(&sums[*b])).unwrap_or(from);
        let high = in_column.max_by(|a, b| sums[*a].total_cmp(&sums[*b])).unwrap_or(from);
        kept.push(times[low.min(high)]);
        kept.extend((low != high).then(|| times[low.max(high)]));
        from = to;
    }
    kept
}

/// Returns the value of a series at each time; 0 where it has none.
fn values_at(shown: &Shown<'_>, points: &[Point], times: &[i64]) -> Vec<f64> {
    let mut next = 0;
    let value_at = |at_ms: &i64| {
        while next < points.len() && points[next].at_ms < *at_ms {
            next += 1;
        }
        let after = points.get(next)?;
        if after.at_ms == *at_ms {
            return Some(after.value);
        }
        let before = points.get(next.checked_sub(1)?)?;
        if shown.series.has_gap(before.at_ms, after.at_ms) {
            return None;
        }
        let since = |at_ms: i64| at_ms as f64 - before.at_ms as f64;
        let share = since(*at_ms) / since(after.at_ms).max(1.0);
        Some(before.value * (1.0 - share) + after.value * share)
    };
    times.iter().map(value_at).map(Option::unwrap_or_default).collect()
}

/// Draws the areas, the lowest last, so that each upper border is whole.
pub(crate) fn draw(
    frame: &mut Frame<'_>,
    layers: &[Layer],
    x: impl Fn(i64) -> f64,
    y: impl Fn(f64, Side) -> f64,
) {
    for layer in layers.iter().rev() {
        let top = |(at_ms, _, top): &(i64, f64, f64)| (x(*at_ms), y(*top, layer.side));
        let base = |(at_ms, base, _): &(i64, f64, f64)| (x(*at_ms), y(*base, layer.side));
        let upper: Vec<(f64, f64)> = layer.points.iter().map(top).collect();
        if let [only] = upper[..] {
            let foot = base(&layer.points[0]);
            frame.svg.line(foot, only, Pen { color: layer.color, width: 3.0, dashes: "" });
            continue;
        }
        let mut outline = upper.clone();
        outline.extend(layer.points.iter().rev().map(base));
        let mut area = Path::line(&outline);
        area.close();
        frame.svg.fill(&area, layer.color, 0.55);
        let pen = Pen { color: layer.color, width: 1.2, dashes: "" };
        frame.svg.stroke(&Path::line(&upper), pen);
    }
}
