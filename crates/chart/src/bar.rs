//! Bars: of each series the latest value, one bar below the other.

use crate::font;
use crate::frame::{Frame, LABEL_PX, Shown, TICK_PX};
use crate::legend::more_text;
use crate::number::Style;
use crate::svg::{Anchor, Pen, Rect};
use crate::ticks::{Scale, Wanted};
use crate::widget::Band;
use model::Unit;

const ROW_MAX: f64 = 44.0;
const ROW_MIN: f64 = 16.0;
const TICK_ROW: f64 = 20.0;
const TICK_APART: f64 = 56.0;

pub(crate) fn draw(frame: &mut Frame<'_>) {
    if frame.series.is_empty() {
        return frame.nothing(frame.body);
    }
    frame.corner_mark();
    let all = frame.series.len() + frame.left_out;
    let bars: Vec<(Shown<'_>, Option<f64>)> =
        frame.series.iter().map(|s| (s.clone(), s.series.latest(frame.range))).collect();
    let unit = common_unit(&bars);
    let style = if frame.widget.y_axis.left.show_units { Style::of(unit) } else { Style::Plain };
    let body = frame.body;
    let has_ticks = body.h >= 3.0 * TICK_ROW && body.w >= 160.0;
    let place = body.inset(0.0, 0.0, 0.0, if has_ticks { TICK_ROW } else { 0.0 });
    let rows = ((place.h / ROW_MIN) as usize).max(1).min(bars.len());
    let bars = &bars[..rows];
    let row_h = (place.h / rows as f64).min(ROW_MAX);
    let place = Rect { h: row_h * rows as f64, ..place };
    let gutter = gutter(bars, all - rows, place.w);
    let plot = place.inset(gutter, 0.0, 0.0, 0.0);
    let scale = scale_of(frame, bars, style, plot.w);
    if plot.w < 4.0 {
        return;
    }
    draw_ticks(frame, &scale, style, plot, has_ticks);
    for (n, (shown, value)) in bars.iter().enumerate() {
        let row = Rect { y: place.y + n as f64 * row_h, h: row_h, ..place };
        draw_bar(frame, shown, *value, row, gutter, &scale, style);
    }
    draw_levels(frame, &scale, plot);
    more_below(frame, all - rows, place.bottom() + TICK_ROW - 5.0, gutter);
}

/// Says below the labels how many bars have no room.
fn more_below(frame: &mut Frame<'_>, left: usize, baseline: f64, gutter: f64) {
    if left > 0 && baseline <= frame.body.bottom() {
        let text = font::fitted(&more_text(left), TICK_PX, gutter - 10.0);
        frame.svg.text((frame.body.x, baseline), Anchor::Start, TICK_PX, frame.palette.dim, &text);
    }
}

fn common_unit(bars: &[(Shown<'_>, Option<f64>)]) -> Unit {
    let first = bars.first().map(|(shown, _)| shown.series.unit).unwrap_or_default();
    if bars.iter().all(|(shown, _)| shown.series.unit == first) { first } else { Unit::None }
}

/// Room for the labels at the left: what the longest needs, at most a third.
fn gutter(bars: &[(Shown<'_>, Option<f64>)], left: usize, width: f64) -> f64 {
    let more = if left > 0 { font::width(&more_text(left), TICK_PX) + 1.0 } else { 0.0 };
    let longest = bars.iter().map(|(s, _)| font::width(&s.label, LABEL_PX)).fold(more, f64::max);
    if width < 120.0 { 0.0 } else { (longest.min(width * 0.36) + 10.0).ceil() }
}

fn scale_of(
    frame: &Frame<'_>,
    bars: &[(Shown<'_>, Option<f64>)],
    style: Style,
    width: f64,
) -> Scale {
    let mut values: Vec<f64> = bars.iter().filter_map(|(_, value)| *value).collect();
    for level in frame.widget.annotations.horizontal.iter().filter(|a| a.visible) {
        match &level.band {
            Band::One(line) => values.push(line.at),
            Band::Between(low, high) => values.extend([low.at, high.at]),
        }
    }
    let low = values.iter().copied().reduce(f64::min);
    let high = values.iter().copied().reduce(f64::max);
    let axis = &frame.widget.y_axis.left;
    let wanted = Wanted {
        values: low.zip(high),
        min: axis.min,
        max: axis.max,
        from_zero: true,
        base: style.base(),
    };
    Scale::choose(wanted, ((width / TICK_APART) as usize).max(2))
}

fn x_of(value: f64, scale: &Scale, plot: Rect) -> f64 {
    plot.x + scale.share(value).clamp(0.0, 1.0) * plot.w
}

fn draw_ticks(frame: &mut Frame<'_>, scale: &Scale, style: Style, plot: Rect, has_ticks: bool) {
    let palette = frame.palette;
    for tick in &scale.ticks {
        let x = x_of(*tick, scale, plot).min(plot.right() - 1.0);
        frame.svg.hair((x, plot.y), (x, plot.bottom()), palette.grid);
        if has_ticks {
            let text = style.tick(*tick, scale.step);
            let half = font::width(&text, TICK_PX) / 2.0;
            let x = x.clamp(frame.body.x + half, (frame.body.right() - half).max(half));
            let at = (x, plot.bottom() + TICK_ROW - 5.0);
            frame.svg.text(at, Anchor::Middle, TICK_PX, palette.dim, &text);
        }
    }
}

fn draw_bar(
    frame: &mut Frame<'_>,
    shown: &Shown<'_>,
    value: Option<f64>,
    row: Rect,
    gutter: f64,
    scale: &Scale,
    style: Style,
) {
    let palette = frame.palette;
    let plot = row.inset(gutter, 0.0, 0.0, 0.0);
    let baseline = row.center().1 + LABEL_PX * font::CAPITAL / 2.0;
    let has_text = row.h >= LABEL_PX + 2.0;
    if gutter > 0.0 && has_text {
        let label = font::fitted(&shown.label, LABEL_PX, gutter - 10.0);
        let at = (plot.x - 10.0, baseline);
        frame.svg.text(at, Anchor::End, LABEL_PX, palette.text, &label);
    }
    let zero = x_of(0.0, scale, plot);
    let end = value.map_or(zero, |value| x_of(value, scale, plot));
    let thick = (row.h * 0.64).clamp(1.0, 26.0).round();
    let bar = Rect {
        x: zero.min(end),
        y: (row.center().1 - thick / 2.0).round(),
        w: (end - zero).abs(),
        h: thick,
    };
    if value.is_some() {
        frame.svg.rect(Rect { w: bar.w.max(1.0), ..bar }, shown.color, 1.0);
    }
    if !has_text {
        return;
    }
    let text = value.map_or("--".to_owned(), |value| style.value(value, false));
    let wide = font::width(&text, LABEL_PX);
    // Behind the end, or inside where the bar reaches too far.
    let is_left = end < zero;
    let room = if is_left { end - plot.x } else { plot.right() - end };
    let (x, anchor, color) = match (room >= wide + 8.0, is_left) {
        (true, false) => (end + 5.0, Anchor::Start, palette.text),
        (true, true) => (end - 5.0, Anchor::End, palette.text),
        (false, _) if bar.w < wide + 10.0 => return,
        (false, false) => (end - 6.0, Anchor::End, palette.upon(shown.color)),
        (false, true) => (end + 6.0, Anchor::Start, palette.upon(shown.color)),
    };
    frame.svg.text((x, baseline), anchor, LABEL_PX, color, &text);
}

/// Draws the values of horizontal annotations, which stand upright here.
fn draw_levels(frame: &mut Frame<'_>, scale: &Scale, plot: Rect) {
    let widget = frame.widget;
    for (n, level) in widget.annotations.horizontal.iter().filter(|a| a.visible).enumerate() {
        let next = frame.palette.series(frame.series.len() + n);
        let color = level.color.unwrap_or(next);
        let lines = match &level.band {
            Band::One(line) => vec![line.at],
            Band::Between(low, high) => vec![low.at, high.at],
        };
        for at in lines.into_iter().filter(|at| (0.0..=1.0).contains(&scale.share(*at))) {
            let x = x_of(at, scale, plot);
            let pen = Pen { color, width: 1.5, dashes: "" };
            frame.svg.line((x, plot.y), (x, plot.bottom()), pen);
        }
    }
}
