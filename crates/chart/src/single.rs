//! Numbers: of each series the latest value, with its time series beneath if the widget asks for it.

use crate::cells::cells;
use crate::font;
use crate::frame::{Frame, LABEL_PX, Shown};
use crate::legend::more_text;
use crate::number::Style;
use crate::series::Point;
use crate::svg::{Anchor, Path, Pen, Rect};
use crate::thin;

const NUMBER_PX_MAX: f64 = 64.0;
const NUMBER_PX_MIN: f64 = 9.0;

pub(crate) fn draw(frame: &mut Frame<'_>) {
    if frame.series.is_empty() {
        return frame.nothing(frame.body);
    }
    frame.corner_mark();
    let all = frame.series.len() + frame.left_out;
    let places = cells(frame.body, frame.series.len(), 2.0, (96.0, 48.0));
    let shown: Vec<Shown<'_>> = frame.series.iter().take(places.len()).cloned().collect();
    let left = all - shown.len();
    let texts: Vec<String> = shown.iter().map(|shown| text_of(frame, shown)).collect();
    // One size for all, so that a longer number does not look like a smaller one.
    let sizes = texts.iter().zip(&places).map(|(text, cell)| {
        let (above, _) = halves(frame, *cell);
        largest(text, cell.w * 0.94, above.h * 0.5).1
    });
    let size = sizes.fold(NUMBER_PX_MAX, f64::min);
    for ((shown, text), place) in shown.iter().zip(&texts).zip(&places) {
        number(frame, shown, text, size, *place);
    }
    more(frame, left);
}

fn text_of(frame: &Frame<'_>, shown: &Shown<'_>) -> String {
    let show_units = frame.widget.y_axis.left.show_units;
    let style = if show_units { Style::of(shown.series.unit) } else { Style::Plain };
    match shown.series.latest(frame.range) {
        Some(value) => style.value(value, frame.widget.full_precision),
        None => "--".to_owned(),
    }
}

/// Divides a cell: the upper part for the number, the lower for the line, if there is one.
fn halves(frame: &Frame<'_>, cell: Rect) -> (Rect, Option<Rect>) {
    if !frame.widget.sparkline || cell.h < 90.0 {
        return (cell, None);
    }
    let line_h = (cell.h * 0.35).floor();
    let line = Rect { y: cell.bottom() - line_h, h: line_h, ..cell };
    (Rect { h: cell.h - line_h, ..cell }, Some(line))
}

/// Says at the bottom right how many series have no place.
pub(crate) fn more(frame: &mut Frame<'_>, left: usize) {
    if left == 0 || frame.body.h < 40.0 {
        return;
    }
    let text = font::fitted(&more_text(left), LABEL_PX, frame.body.w);
    let at = (frame.body.right(), frame.body.bottom());
    let width = font::width(&text, LABEL_PX) + 6.0;
    let ground = Rect { x: at.0 - width, y: at.1 - LABEL_PX, w: width, h: LABEL_PX + 3.0 };
    frame.svg.rect(ground, frame.palette.ground, 0.8);
    frame.svg.text(at, Anchor::End, LABEL_PX, frame.palette.dim, &text);
}

/// Writes a number, its label below, and draws its line under both.
fn number(frame: &mut Frame<'_>, shown: &Shown<'_>, text: &str, size: f64, cell: Rect) {
    let palette = frame.palette;
    let (above, line) = halves(frame, cell);
    if let Some(line) = line {
        sparkline(frame, shown, line);
    }
    let label_h = if above.h >= 40.0 { LABEL_PX + 10.0 } else { 0.0 };
    let (x, y) = above.inset(0.0, 0.0, 0.0, label_h).center();
    let baseline = y + size * font::CAPITAL / 2.0;
    let text = font::fitted(text, size, cell.w);
    frame.svg.text((x, baseline), Anchor::Middle, size, palette.text, &text);
    let label = font::fitted(&shown.label, LABEL_PX, cell.w - 16.0);
    if label_h == 0.0 || label.is_empty() {
        return;
    }
    let width = font::width(&label, LABEL_PX) + 14.0;
    let at = (x - width / 2.0, baseline + label_h);
    let middle = at.1 - LABEL_PX * font::CAPITAL / 2.0;
    frame.svg.dot((at.0 + 4.0, middle), 4.0, shown.color);
    frame.svg.text((at.0 + 14.0, at.1), Anchor::Start, LABEL_PX, palette.dim, &label);
}

/// Returns a text with the largest size at which it fits; one that never does is cut.
pub(crate) fn largest(text: &str, width: f64, height: f64) -> (String, f64) {
    let by_width = width / font::width(text, 1.0).max(0.1);
    let size = by_width.min(height).clamp(NUMBER_PX_MIN, NUMBER_PX_MAX).floor();
    (font::fitted(text, size, width), size)
}

fn sparkline(frame: &mut Frame<'_>, shown: &Shown<'_>, place: Rect) {
    let points: Vec<Point> = shown.series.drawn(frame.range);
    let low = points.iter().map(|p| p.value).fold(f64::INFINITY, f64::min);
    let high = points.iter().map(|p| p.value).fold(f64::NEG_INFINITY, f64::max);
    let span = (frame.range.end_ms as f64 - frame.range.start_ms as f64).max(1.0);
    let start = frame.range.start_ms as f64;
    let x = |at_ms: i64| place.x + (at_ms as f64 - start) / span * place.w;
    let y = |value: f64| {
        let share = (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
        let share = if share.is_finite() { share } else { 0.5 };
        place.bottom() - 2.0 - share * (place.h - 4.0)
    };
    for piece in thin::pieces(shown.series, &points, x, y, 1.0) {
        let [(first, _), .., (last, _)] = piece[..] else {
            frame.svg.dot(piece[0], 2.0, shown.color);
            continue;
        };
        let mut outline = piece.clone();
        outline.extend([(last, place.bottom()), (first, place.bottom())]);
        let mut area = Path::line(&outline);
        area.close();
        frame.svg.fill(&area, shown.color, 0.15);
        let pen = Pen { color: shown.color, width: 1.6, dashes: "" };
        frame.svg.stroke(&Path::line(&piece), pen);
    }
}
