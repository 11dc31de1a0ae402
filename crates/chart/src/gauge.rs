//! Dials: of each series the latest value between both ends of the left axis. Horizontal annotations
//! colour their part of the rim, and the dial while its value is there.

use crate::cells::cells;
use crate::color::Color;
use crate::font;
use crate::frame::{Frame, LABEL_PX, Shown, TICK_PX};
use crate::number::Style;
use crate::single::{largest, more};
use crate::svg::{Anchor, Path, Rect};
use crate::widget::{Band, HorizontalFill};
use std::f64::consts::PI;

/// Where the dial starts and how far it goes, clockwise from the right.
const START: f64 = 5.0 / 6.0 * PI;
const SWEEP: f64 = 4.0 / 3.0 * PI;

/// A coloured part of the rim.
struct Part {
    from: f64,
    to: f64,
    color: Color,
}

pub(crate) fn draw(frame: &mut Frame<'_>) {
    if frame.series.is_empty() {
        return frame.nothing(frame.body);
    }
    frame.corner_mark();
    let axis = &frame.widget.y_axis.left;
    // A gauge without both ends is refused when the widget is read; a caller's own may lack them.
    let (low, high) = (axis.min.unwrap_or(0.0), axis.max.unwrap_or(100.0));
    let all = frame.series.len() + frame.left_out;
    let places = cells(frame.body, frame.series.len(), 1.25, (90.0, 70.0));
    let shown: Vec<Shown<'_>> = frame.series.iter().take(places.len()).cloned().collect();
    let left = all - shown.len();
    let parts = parts(frame, low, high);
    for (shown, place) in shown.iter().zip(&places) {
        dial(frame, shown, *place, (low, high), &parts);
    }
    more(frame, left);
}

/// Returns the parts of the rim that annotations colour, as shares of it.
fn parts(frame: &Frame<'_>, low: f64, high: f64) -> Vec<Part> {
    let share = |value: f64| share_of(value, low, high);
    let mut parts = Vec::new();
    let levels = frame.widget.annotations.horizontal.iter().filter(|a| a.visible);
    for (n, level) in levels.enumerate() {
        let (from, to) = match (&level.band, level.fill) {
            (Band::Between(a, b), _) => (share(a.at), share(b.at)),
            (Band::One(line), HorizontalFill::Above) => (share(line.at), 1.0),
            (Band::One(line), HorizontalFill::Below) => (0.0, share(line.at)),
            (Band::One(line), HorizontalFill::None) => {
                ((share(line.at) - 0.006).max(0.0), (share(line.at) + 0.006).min(1.0))
            }
        };
        let color = level.color.unwrap_or_else(|| frame.palette.series(frame.series.len() + n));
        if from < to {
            parts.push(Part { from, to, color });
        }
    }
    parts
}

fn share_of(value: f64, low: f64, high: f64) -> f64 {
    let share = (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
    if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
}

fn dial(
    frame: &mut Frame<'_>,
    shown: &Shown<'_>,
    cell: Rect,
    (low, high): (f64, f64),
    parts: &[Part],
) {
    let palette = frame.palette;
    // Below the dial stand its ends, and below them the label.
    let label_h = match cell.h {
        110.0.. => TICK_PX + LABEL_PX + 12.0,
        60.0.. => LABEL_PX + 8.0,
        _ => 0.0,
    };
    // Half a turn and a sixth on each side: the dial is a radius and a half high.
    let radius = ((cell.h - label_h - 4.0) / 1.5).min(cell.w / 2.0 - 2.0).max(1.0);
    let top = cell.y + (cell.h - label_h - radius * 1.5) / 2.0;
    let center = (cell.center().0, top + radius);
    let thick = (radius * 0.17).clamp(2.0, 22.0);
    let rim = if parts.is_empty() { 0.0 } else { (thick * 0.25).max(2.0) };
    let inner = radius - rim - if rim > 0.0 { 2.0 } else { 0.0 };
    ring(frame, center, (inner - thick, inner), (0.0, 1.0), palette.edge, 0.45);
    for part in parts {
        ring(frame, center, (radius - rim, radius), (part.from, part.to), part.color, 1.0);
    }
    let value = shown.series.latest(frame.range);
    if let Some(value) = value {
        let share = share_of(value, low, high);
        let here =
            parts.iter().rev().find(|p| p.from <= share && share <= p.to && p.to - p.from > 0.02);
        let color = here.map_or(shown.color, |part| part.color);
        ring(frame, center, (inner - thick, inner), (0.0, share), color, 1.0);
    }
    let show_units = frame.widget.y_axis.left.show_units;
    let style = if show_units { Style::of(shown.series.unit) } else { Style::Plain };
    let text =
        value.map_or("--".to_owned(), |value| style.value(value, frame.widget.full_precision));
    let (text, size) = largest(&text, (inner - thick) * 1.5, radius * 0.42);
    let baseline = center.1 + size * font::CAPITAL / 2.0;
    frame.svg.text((center.0, baseline), Anchor::Middle, size, palette.text, &text);
    let text = |value: f64| style.value(value, false);
    ends(frame, center, inner - thick / 2.0, &text(low), &text(high));
    let label = font::fitted(&shown.label, LABEL_PX, cell.w);
    let at = (center.0, top + radius * 1.5 + label_h - 2.0);
    if label_h > 0.0 {
        frame.svg.text(at, Anchor::Middle, LABEL_PX, palette.dim, &label);
    }
}

/// Writes both ends below the ends of the dial, where they have room between them.
fn ends(frame: &mut Frame<'_>, center: (f64, f64), radius: f64, low: &str, high: &str) {
    let (low_at, high_at) = (at(center, radius, 0.0), at(center, radius, 1.0));
    let needed = (font::width(low, TICK_PX) + font::width(high, TICK_PX)) / 2.0 + 8.0;
    if high_at.0 - low_at.0 < needed || radius < 30.0 {
        return;
    }
    for (text, place) in [(low, low_at), (high, high_at)] {
        let place = (place.0, place.1 + TICK_PX + 3.0);
        frame.svg.text(place, Anchor::Middle, TICK_PX, frame.palette.dim, text);
    }
}

fn at(center: (f64, f64), radius: f64, share: f64) -> (f64, f64) {
    let angle = START + share * SWEEP;
    (center.0 + angle.cos() * radius, center.1 + angle.sin() * radius)
}

/// Fills a part of a ring.
fn ring(
    frame: &mut Frame<'_>,
    center: (f64, f64),
    (inside, outside): (f64, f64),
    (from, to): (f64, f64),
    color: Color,
    opacity: f64,
) {
    if to - from < 0.001 || inside <= 0.0 {
        return;
    }
    let large = (to - from) * SWEEP > PI;
    let mut path = Path::line(&[at(center, outside, from)]);
    path.arc(outside, large, true, at(center, outside, to));
    path.go(at(center, inside, to));
    path.arc(inside, large, false, at(center, inside, from));
    path.close();
    frame.svg.fill(&path, color, opacity);
}
