//! Lines, or areas upon each other, over time.

use crate::frame::{Frame, PAD, Shown, TICK_PX};
use crate::legend::{self, Entry, Key};
use crate::marks::Marks;
use crate::number::Style;
use crate::series::Point;
use crate::svg::{Anchor, Path, Pen, Rect};
use crate::ticks::{Scale, Wanted};
use crate::widget::{Axis, Band, Side};
use crate::{clock, font, stack, thin};
use model::{TimeRange, Unit};

/// Width of the lines.
const LINE: f64 = 1.6;
/// Radius of a point that stands alone.
const DOT: f64 = 2.5;
/// Points that all lines together may have: as many as twelve lines over the widest picture need. More
/// would take seconds to draw, and not be seen.
const POINTS_MAX: f64 = 100_000.0;
const HEADER_ROW: f64 = 18.0;
const TIME_ROW: f64 = 20.0;
/// Between two ticks of values, at least.
const TICK_APART: f64 = 38.0;

/// An axis of values with all that belongs to it.
struct SideAxis<'a> {
    axis: &'a Axis,
    style: Style,
    scale: Scale,
    /// What stands above it.
    label: String,
}

/// What stands where in the plot.
struct Plot<'a> {
    rect: Rect,
    range: TimeRange,
    left: Option<SideAxis<'a>>,
    right: Option<SideAxis<'a>>,
}

pub(crate) fn draw(frame: &mut Frame<'_>) {
    legend::draw(frame, &entries(frame));
    let points: Vec<Vec<Point>> =
        frame.series.iter().map(|shown| shown.series.drawn(frame.range)).collect();
    let layers = frame.widget.stacked.then(|| stack::layers(frame, &points));
    let plot = Plot::lay_out(frame, &points, layers.as_deref());
    if plot.rect.w < 4.0 || plot.rect.h < 4.0 {
        return;
    }
    plot.draw_axes(frame);
    let mut marks = Marks::place(frame, plot.rect, |v, side| plot.y(v, side), |t| plot.x(t));
    let is_bounded = [&frame.widget.y_axis.left, &frame.widget.y_axis.right]
        .iter()
        .any(|axis| axis.min.is_some() || axis.max.is_some());
    if is_bounded {
        frame.svg.clip(plot.rect);
    }
    marks.draw_below(frame);
    match &layers {
        Some(layers) => stack::draw(frame, layers, |t| plot.x(t), |v, side| plot.y(v, side)),
        None => plot.draw_lines(frame, &points),
    }
    if is_bounded {
        frame.svg.unclip();
    }
    marks.draw_above(frame);
    if points.iter().all(Vec::is_empty) {
        frame.nothing(plot.rect);
    }
}

fn entries(frame: &Frame<'_>) -> Vec<Entry> {
    let key = |shown: &Shown<'_>| match frame.widget.stacked {
        true => Key::Square,
        false => Key::Line(shown.dashes),
    };
    let entry = |shown: &Shown<'_>| Entry {
        color: shown.color,
        key: key(shown),
        label: shown.label.clone(),
        note: String::new(),
    };
    frame.series.iter().map(entry).collect()
}

impl<'a> Plot<'a> {
    /// Finds the places of everything: header, labels of both axes, times, and the plot itself.
    fn lay_out(
        frame: &mut Frame<'a>,
        points: &[Vec<Point>],
        layers: Option<&[stack::Layer]>,
    ) -> Self {
        let mut body = frame.body;
        if body.h >= 60.0 {
            body = body.inset(0.0, 0.0, 0.0, TIME_ROW);
        }
        let count = (body.h / TICK_APART) as usize;
        let left = SideAxis::choose(frame, points, layers, Side::Left, count);
        let right = SideAxis::choose(frame, points, layers, Side::Right, count);
        body = header(frame, body, left.as_ref(), right.as_ref());
        // Half a line of the topmost tick stands above the plot.
        body = body.inset(0.0, (TICK_PX / 2.0).min(body.h / 20.0), 0.0, 0.0);
        let gutter = |side: &Option<SideAxis<'_>>| match side {
            Some(side) if body.w >= 120.0 => side.label_width() + 8.0,
            _ => 0.0,
        };
        let rect = body.inset(gutter(&left), 0.0, gutter(&right), 0.0);
        let rect =
            Rect { x: rect.x.round(), y: rect.y.round(), w: rect.w.floor(), h: rect.h.floor() };
        Self { rect, range: frame.range, left, right }
    }

    /// Returns the distance from the left at which a time stands; far out for what is far out.
    fn x(&self, at_ms: i64) -> f64 {
        let span = self.range.end_ms as f64 - self.range.start_ms as f64;
        let share = (at_ms as f64 - self.range.start_ms as f64) / span.max(1.0);
        self.rect.x + share.clamp(-10.0, 10.0) * self.rect.w
    }

    fn y(&self, value: f64, side: Side) -> f64 {
        let axis = match side {
            Side::Left => self.left.as_ref().or(self.right.as_ref()),
            Side::Right => self.right.as_ref().or(self.left.as_ref()),
        };
        axis.map_or(self.rect.bottom(), |axis| axis.scale.y(value, self.rect))
    }

    fn draw_axes(&self, frame: &mut Frame<'_>) {
        let (rect, palette) = (self.rect, frame.palette);
        let has_labels = rect.x > PAD || frame.body.w >= 120.0;
        // The right axis has lines of its own only where there is no left one.
        if let Some(axis) = self.left.as_ref().or(self.right.as_ref()) {
            for tick in &axis.scale.ticks {
                let y = axis.scale.y(*tick, rect);
                frame.svg.hair((rect.x, y), (rect.right(), y), palette.grid);
            }
        }
        for (axis, x, anchor) in [
            (self.left.as_ref(), rect.x - 8.0, Anchor::End),
            (self.right.as_ref(), rect.right() + 8.0, Anchor::Start),
        ] {
            let Some(axis) = axis.filter(|_| has_labels) else { continue };
            for tick in &axis.scale.ticks {
                let y = axis.scale.y(*tick, rect) + TICK_PX * font::CAPITAL / 2.0;
                let text = axis.style.tick(*tick, axis.scale.step);
                frame.svg.text((x, y), anchor, TICK_PX, palette.dim, &text);
            }
        }
        self.draw_times(frame);
    }

    fn draw_times(&self, frame: &mut Frame<'_>) {
        let (rect, palette) = (self.rect, frame.palette);
        let has_room = rect.bottom() + TIME_ROW <= frame.body.bottom() + 1.0;
        frame.svg.hair((rect.x, rect.bottom()), (rect.right(), rect.bottom()), palette.edge);
        let ticks = clock::ticks(self.range, &frame.widget.zone, rect.w, TICK_PX);
        let (from, to) = (frame.body.x, frame.body.right());
        for tick in ticks.iter().filter(|_| has_room) {
            let x = self.x(tick.at_ms);
            let mark = (x.min(rect.right() - 1.0), rect.bottom());
            frame.svg.hair(mark, (mark.0, mark.1 + 4.0), palette.edge);
            let half = font::width(&tick.text, TICK_PX) / 2.0;
            // A text at the very end moves inside instead of out of the picture.
            let x = x.clamp(from + half, (to - half).max(from + half));
            let at = (x, rect.bottom() + TIME_ROW - 5.0);
            frame.svg.text(at, Anchor::Middle, TICK_PX, palette.dim, &tick.text);
        }
    }

    fn draw_lines(&self, frame: &mut Frame<'_>, points: &[Vec<Point>]) {
        let lines = points.iter().filter(|points| !points.is_empty()).count().max(1);
        // Columns wider than a pixel only where hundreds of lines fill thousands of pixels.
        let column = (4.0 * self.rect.w * lines as f64 / POINTS_MAX).max(1.0);
        let all: Vec<(&Shown<'_>, &Vec<Point>)> = frame.series.iter().zip(points).collect();
        // The first series lies on top, as it does in the legend.
        for (shown, points) in all.into_iter().rev() {
            let side = shown.series.axis;
            let pieces =
                thin::pieces(shown.series, points, |t| self.x(t), |v| self.y(v, side), column);
            let mut path = Path::default();
            for piece in pieces.iter().filter(|piece| piece.len() > 1) {
                path.add(piece);
            }
            let pen = Pen { color: shown.color, width: LINE, dashes: shown.dashes };
            if pieces.iter().any(|piece| piece.len() > 1) {
                frame.svg.stroke(&path, pen);
            }
            for piece in pieces.iter().filter(|piece| piece.len() == 1) {
                frame.svg.dot(piece[0], DOT, shown.color);
            }
        }
    }
}

/// Writes what stands above the axes, and the day where the title left no room for it; returns what
/// is left of the body.
fn header(
    frame: &mut Frame<'_>,
    body: Rect,
    left: Option<&SideAxis<'_>>,
    right: Option<&SideAxis<'_>>,
) -> Rect {
    let label = |axis: Option<&SideAxis<'_>>| axis.map(|a| a.label.clone()).unwrap_or_default();
    let (left, right) = (label(left), label(right));
    let caption = if right.is_empty() { frame.caption.take() } else { None };
    let caption = caption.filter(|c| font::width(c, TICK_PX) <= body.w * 0.6);
    let right = caption.unwrap_or(right);
    if body.h < 5.0 * HEADER_ROW || left.is_empty() && right.is_empty() {
        return body;
    }
    let baseline = body.y + TICK_PX * 0.85;
    let dim = frame.palette.dim;
    // Each has half of the width, and what the other does not need.
    let left_w = font::width(&left, TICK_PX).min(body.w / 2.0 - 8.0);
    let right = font::fitted(&right, TICK_PX, body.w - left_w - 16.0);
    let left = font::fitted(&left, TICK_PX, body.w - font::width(&right, TICK_PX) - 16.0);
    frame.svg.text((body.x, baseline), Anchor::Start, TICK_PX, dim, &left);
    frame.svg.text((body.right(), baseline), Anchor::End, TICK_PX, dim, &right);
    body.inset(0.0, HEADER_ROW, 0.0, 0.0)
}

impl<'a> SideAxis<'a> {
    /// Chooses the axis of one side; `None` where nothing stands at it. The left one is there anyway
    /// if the right one is not.
    fn choose(
        frame: &Frame<'a>,
        points: &[Vec<Point>],
        layers: Option<&[stack::Layer]>,
        side: Side,
        count: usize,
    ) -> Option<Self> {
        let here = |shown: &&Shown<'_>| shown.series.axis == side;
        let is_used = frame.series.iter().any(|shown| here(&shown));
        if !is_used && (side == Side::Right || frame.series.iter().any(|s| s.series.axis != side)) {
            return None;
        }
        let axis = match side {
            Side::Left => &frame.widget.y_axis.left,
            Side::Right => &frame.widget.y_axis.right,
        };
        let mut values = Extent::default();
        match layers {
            Some(layers) => {
                let here = layers.iter().filter(|layer| layer.side == side);
                here.flat_map(|layer| &layer.points).for_each(|(_, _, top)| values.add(*top));
            }
            None => {
                let all = frame.series.iter().zip(points).filter(|(shown, _)| here(shown));
                all.flat_map(|(_, points)| points).for_each(|point| values.add(point.value));
            }
        }
        for level in frame.widget.annotations.horizontal.iter().filter(|a| a.visible) {
            if level.axis == side {
                match &level.band {
                    Band::One(line) => values.add(line.at),
                    Band::Between(low, high) => {
                        values.add(low.at);
                        values.add(high.at);
                    }
                }
            }
        }
        let unit = common_unit(frame.series.iter().filter(here).map(|shown| shown.series.unit));
        let style = if axis.show_units { Style::of(unit) } else { Style::Plain };
        let wanted = Wanted {
            values: values.0,
            min: axis.min,
            max: axis.max,
            from_zero: layers.is_some(),
            base: style.base(),
        };
        let is_said = style != Style::Plain || unit == Unit::None || !axis.show_units;
        let unit = if is_said { "" } else { unit.name() };
        let label = font::clean(axis.label.as_deref().unwrap_or(unit));
        Some(Self { axis, style, scale: Scale::choose(wanted, count.max(2)), label })
    }

    fn label_width(&self) -> f64 {
        debug_assert!(self.axis.min.is_none_or(|min| min == self.scale.low));
        let width = |tick: &f64| font::width(&self.style.tick(*tick, self.scale.step), TICK_PX);
        self.scale.ticks.iter().map(width).fold(0.0, f64::max).ceil()
    }
}

/// The lowest and the highest of some values.
#[derive(Default)]
struct Extent(Option<(f64, f64)>);

impl Extent {
    fn add(&mut self, value: f64) {
        if value.is_finite() {
            let (low, high) = self.0.unwrap_or((value, value));
            self.0 = Some((low.min(value), high.max(value)));
        }
    }
}

/// Returns the unit that all have, or none.
fn common_unit(mut units: impl Iterator<Item = Unit>) -> Unit {
    let first = units.next().unwrap_or_default();
    if units.all(|unit| unit == first) { first } else { Unit::None }
}
