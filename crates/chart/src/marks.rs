//! Annotations over a time series: what is filled lies below the lines, what is drawn above them.

use crate::color::Color;
use crate::font;
use crate::frame::{Frame, TICK_PX};
use crate::svg::{Anchor, Pen, Rect};
use crate::widget::{Band, Horizontal, HorizontalFill, Line, Side, Vertical, VerticalFill};

/// How dense a fill is.
const FILL: f64 = 0.12;
const LABEL_ROW: f64 = 15.0;

/// The annotations of a picture, in the places of its plot.
pub(crate) struct Marks {
    fills: Vec<(Rect, Color)>,
    levels: Vec<Mark>,
    times: Vec<Mark>,
    plot: Rect,
}

struct Mark {
    /// Height of a level, distance of a time.
    at: f64,
    color: Color,
    label: String,
}

impl Marks {
    /// Finds the places; `y` and `x` say where a value and a time stand.
    pub(crate) fn place(
        frame: &Frame<'_>,
        plot: Rect,
        y: impl Fn(f64, Side) -> f64,
        x: impl Fn(i64) -> f64,
    ) -> Self {
        let mut marks = Self { fills: Vec::new(), levels: Vec::new(), times: Vec::new(), plot };
        let annotations = &frame.widget.annotations;
        let mut colors = (frame.series.len()..).map(|n| frame.palette.series(n));
        let mut color = |own: Option<Color>| own.or_else(|| colors.next()).unwrap_or(Color::ALARM);
        for level in annotations.horizontal.iter().filter(|a| a.visible) {
            marks.level(level, color(level.color), &y);
        }
        for time in annotations.vertical.iter().filter(|a| a.visible) {
            marks.time(time, color(time.color), &x);
        }
        marks
    }

    fn level(&mut self, level: &Horizontal, color: Color, y: impl Fn(f64, Side) -> f64) {
        let (top, bottom) = (self.plot.y, self.plot.bottom());
        let (from, to) = match (&level.band, level.fill) {
            (Band::Between(low, high), _) => (y(high.at, level.axis), y(low.at, level.axis)),
            (Band::One(line), HorizontalFill::Above) => (top, y(line.at, level.axis)),
            (Band::One(line), HorizontalFill::Below) => (y(line.at, level.axis), bottom),
            (Band::One(_), HorizontalFill::None) => (0.0, 0.0),
        };
        let (from, to) = (from.clamp(top, bottom), to.clamp(top, bottom));
        self.fill(Rect { y: from, h: to - from, ..self.plot }, color);
        for line in lines(&level.band) {
            let at = y(line.at, level.axis);
            if (top - 0.5..=bottom + 0.5).contains(&at) {
                self.levels.push(Mark { at, color, label: label_of(line) });
            }
        }
    }

    fn time(&mut self, time: &Vertical, color: Color, x: impl Fn(i64) -> f64) {
        let (left, right) = (self.plot.x, self.plot.right());
        let (from, to) = match (&time.band, time.fill) {
            (Band::Between(early, late), _) => (x(early.at), x(late.at)),
            (Band::One(line), VerticalFill::Before) => (left, x(line.at)),
            (Band::One(line), VerticalFill::After) => (x(line.at), right),
            (Band::One(_), VerticalFill::None) => (0.0, 0.0),
        };
        let (from, to) = (from.clamp(left, right), to.clamp(left, right));
        self.fill(Rect { x: from, w: to - from, ..self.plot }, color);
        for line in lines(&time.band) {
            let at = x(line.at);
            if (left - 0.5..=right + 0.5).contains(&at) {
                self.times.push(Mark { at, color, label: label_of(line) });
            }
        }
    }

    fn fill(&mut self, rect: Rect, color: Color) {
        if rect.w > 0.0 && rect.h > 0.0 {
            self.fills.push((rect, color));
        }
    }

    /// Draws what lies below the lines of the series.
    pub(crate) fn draw_below(&self, frame: &mut Frame<'_>) {
        for (rect, color) in &self.fills {
            frame.svg.rect(*rect, *color, FILL);
        }
    }

    /// Draws lines and labels.
    pub(crate) fn draw_above(&mut self, frame: &mut Frame<'_>) {
        let plot = self.plot;
        for mark in &self.times {
            let pen = Pen { color: mark.color, width: 1.5, dashes: "4 3" };
            frame.svg.line((mark.at, plot.y), (mark.at, plot.bottom()), pen);
        }
        for mark in &self.levels {
            let pen = Pen { color: mark.color, width: 1.5, dashes: "" };
            frame.svg.line((plot.x, mark.at), (plot.right(), mark.at), pen);
        }
        let taken = self.label_times(frame);
        self.label_levels(frame, &taken);
    }

    /// Labels times at the top, beside their lines, each in the first row that is free there.
    fn label_times(&mut self, frame: &mut Frame<'_>) -> Vec<Rect> {
        let plot = self.plot;
        let rows = ((plot.h / 2.0 / LABEL_ROW) as usize).min(4);
        let mut taken: Vec<Rect> = Vec::new();
        self.times.sort_by(|a, b| a.at.total_cmp(&b.at));
        for mark in &self.times {
            let to_the_right = plot.right() - mark.at >= 60.0;
            let room = if to_the_right { plot.right() - mark.at } else { mark.at - plot.x } - 8.0;
            let label = font::fitted(&mark.label, TICK_PX, room.min(160.0));
            if label.is_empty() {
                continue;
            }
            let width = font::width(&label, TICK_PX) + 6.0;
            let x = if to_the_right { mark.at + 2.0 } else { mark.at - 2.0 - width };
            let free = (0..rows).map(|row| Rect {
                x,
                y: plot.y + 2.0 + row as f64 * LABEL_ROW,
                w: width,
                h: LABEL_ROW,
            });
            let Some(place) = free.into_iter().find(|p| taken.iter().all(|t| !touch(*p, *t)))
            else {
                continue;
            };
            label_in(frame, place, &label, mark.color);
            taken.push(place);
        }
        taken
    }

    /// Labels levels at the right, above their lines or else below, where nothing is yet.
    fn label_levels(&mut self, frame: &mut Frame<'_>, taken: &[Rect]) {
        let plot = self.plot;
        let mut taken = taken.to_vec();
        self.levels.sort_by(|a, b| a.at.total_cmp(&b.at));
        for mark in &self.levels {
            let label = font::fitted(&mark.label, TICK_PX, plot.w * 0.6);
            if label.is_empty() {
                continue;
            }
            let width = font::width(&label, TICK_PX) + 6.0;
            let place = |y: f64, x: f64| Rect { x, y, w: width, h: LABEL_ROW };
            let right = plot.right() - width - 2.0;
            let above = mark.at - LABEL_ROW - 1.0;
            let below = mark.at + 2.0;
            let places = [
                place(above, right),
                place(below, right),
                place(above, plot.x + 4.0),
                place(below, plot.x + 4.0),
            ];
            let fits = |p: &&Rect| {
                p.y >= plot.y
                    && p.bottom() <= plot.bottom()
                    && taken.iter().all(|t| !touch(**p, *t))
            };
            if let Some(place) = places.iter().find(fits) {
                label_in(frame, *place, &label, mark.color);
                taken.push(*place);
            }
        }
    }
}

/// Writes a label on a piece of ground, so that lines behind it do not cross it.
fn label_in(frame: &mut Frame<'_>, place: Rect, label: &str, color: Color) {
    frame.svg.rect(place, frame.palette.ground, 0.8);
    let at = (place.x + 3.0, place.y + (LABEL_ROW + TICK_PX * font::CAPITAL) / 2.0);
    let ink = frame.palette.readable(color);
    frame.svg.text(at, Anchor::Start, TICK_PX, ink, label);
}

fn touch(a: Rect, b: Rect) -> bool {
    a.x < b.right() && b.x < a.right() && a.y < b.bottom() && b.y < a.bottom()
}

fn lines<T>(band: &Band<T>) -> Vec<&Line<T>> {
    match band {
        Band::One(line) => vec![line],
        Band::Between(low, high) => vec![low, high],
    }
}

fn label_of<T>(line: &Line<T>) -> String {
    font::clean(line.label.as_deref().unwrap_or_default())
}
