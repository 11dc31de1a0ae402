//! The legend: the labels of the series, at the bottom, at the right, or not at all.

use crate::color::Color;
use crate::font;
use crate::frame::{Frame, LABEL_PX, MARK_PX};
use crate::svg::{Anchor, Pen, Rect};
use crate::widget::LegendPosition;

/// One entry.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) color: Color,
    pub(crate) key: Key,
    /// A clean text, cut where there is no room.
    pub(crate) label: String,
    /// Stands behind the label and is never cut; may be empty.
    pub(crate) note: String,
}

/// What stands before a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Line(&'static str),
    Square,
}

const ROW: f64 = 18.0;
/// From the start of a key to its label.
const KEY: f64 = 18.0;
/// Between two entries of a row.
const GAP: f64 = 18.0;
const NOTE_GAP: f64 = 6.0;
/// Space between the legend and what it is of.
const APART: f64 = 6.0;
/// Widest label at the bottom: so that one long label does not take the room of three others.
const LABEL_MAX: f64 = 280.0;

/// Draws the legend and takes its room from the frame; the mark of incomplete data is beside it, or
/// at the top right where there is none.
pub(crate) fn draw(frame: &mut Frame<'_>, entries: &[Entry]) {
    let position = match frame.widget.legend {
        _ if entries.is_empty() => LegendPosition::Hidden,
        LegendPosition::Bottom if frame.body.h < 5.0 * ROW || frame.body.w < 80.0 => {
            LegendPosition::Hidden
        }
        LegendPosition::Right if frame.body.w < 200.0 || frame.body.h < 2.0 * ROW => {
            LegendPosition::Hidden
        }
        position => position,
    };
    match position {
        LegendPosition::Bottom => bottom(frame, entries),
        LegendPosition::Right => right(frame, entries),
        LegendPosition::Hidden => frame.corner_mark(),
    }
}

/// Rows of entries, broken like words; at most a third of the picture.
fn bottom(frame: &mut Frame<'_>, entries: &[Entry]) {
    let width = frame.body.w;
    let rows_max = ((frame.body.h / 3.0 / ROW) as usize).max(1);
    let mark = if frame.is_incomplete() { MARK_PX + 8.0 } else { 0.0 };
    let mut placed: Vec<(usize, f64, Entry)> = Vec::new();
    let (mut row, mut x) = (0, mark);
    let mut left = frame.left_out;
    for (n, entry) in entries.iter().enumerate() {
        let label_max = LABEL_MAX.min(width - KEY - if row == 0 { mark } else { 0.0 });
        let entry = entry.cut(label_max);
        let wide = entry.width();
        if x + wide > width && x > 0.0 && !(row == 0 && x == mark) {
            (row, x) = (row + 1, 0.0);
        }
        // The last row keeps room to say how many more there are.
        let rest = entries.len() - n - 1 + frame.left_out;
        let more = if row + 1 == rows_max && rest > 0 { GAP + more_width(rest) } else { 0.0 };
        if row >= rows_max || (row + 1 == rows_max && x + wide + more > width && rest > 0) {
            left = entries.len() - n + frame.left_out;
            break;
        }
        placed.push((row, x, entry));
        x += wide + GAP;
    }
    let rows = placed.last().map_or(1, |(row, ..)| row + 1);
    let height = rows as f64 * ROW;
    let top = frame.body.bottom() - height;
    let origin = frame.body.x;
    if mark > 0.0 {
        frame.warning((origin, top + (ROW - MARK_PX) / 2.0));
    }
    let mut end = (origin + mark, 0);
    for (row, x, entry) in &placed {
        entry.draw(frame, (origin + x, top + *row as f64 * ROW));
        end = (origin + x + entry.width() + GAP, *row);
    }
    if left > 0 {
        let at = (end.0, top + end.1 as f64 * ROW + baseline());
        frame.svg.text(at, Anchor::Start, LABEL_PX, frame.palette.dim, &more_text(left));
    }
    frame.body = frame.body.inset(0.0, 0.0, 0.0, height + APART);
}

/// One entry below the other; at most two fifths of the picture.
fn right(frame: &mut Frame<'_>, entries: &[Entry]) {
    let most = (frame.body.w * 0.4).floor();
    let entries: Vec<Entry> = entries.iter().map(|entry| entry.cut(most - KEY)).collect();
    let widest = entries.iter().map(Entry::width).fold(0.0, f64::max);
    let width = widest.min(most).ceil().max(60.0);
    let column = Rect { x: frame.body.right() - width, w: width, ..frame.body };
    let mut y = column.y;
    if frame.is_incomplete() {
        frame.warning((column.x, y + (ROW - MARK_PX) / 2.0));
        y += ROW;
    }
    let rows = ((column.bottom() - y) / ROW) as usize;
    let all = entries.len() + frame.left_out;
    let shown = if all > rows { rows.saturating_sub(1) } else { entries.len() };
    for entry in &entries[..shown.min(entries.len())] {
        entry.draw(frame, (column.x, y));
        y += ROW;
    }
    let left = all - shown.min(entries.len());
    if left > 0 {
        let at = (column.x, y + baseline());
        frame.svg.text(at, Anchor::Start, LABEL_PX, frame.palette.dim, &more_text(left));
    }
    frame.body = frame.body.inset(0.0, 0.0, width + 2.0 * APART, 0.0);
}

/// Says how many have no place.
pub(crate) fn more_text(count: usize) -> String {
    format!("+{count} more")
}

fn more_width(count: usize) -> f64 {
    font::width(&more_text(count), LABEL_PX)
}

/// From the top of a row to the line its letters stand on.
fn baseline() -> f64 {
    ((ROW + LABEL_PX * font::CAPITAL) / 2.0).round()
}

impl Entry {
    fn note_width(&self) -> f64 {
        if self.note.is_empty() { 0.0 } else { NOTE_GAP + font::width(&self.note, LABEL_PX) }
    }

    fn cut(&self, room: f64) -> Self {
        let label = font::fitted(&self.label, LABEL_PX, room - self.note_width());
        Self { label, ..self.clone() }
    }

    fn width(&self) -> f64 {
        KEY + font::width(&self.label, LABEL_PX) + self.note_width()
    }

    fn draw(&self, frame: &mut Frame<'_>, (x, y): (f64, f64)) {
        let (x, middle) = (x.round(), y + ROW / 2.0);
        match self.key {
            Key::Line(dashes) => {
                let pen = Pen { color: self.color, width: 3.0, dashes };
                frame.svg.line((x, middle), (x + 12.0, middle), pen);
            }
            Key::Square => {
                let square = Rect { x: x + 1.0, y: middle - 5.0, w: 10.0, h: 10.0 };
                frame.svg.rect(square, self.color, 1.0);
            }
        }
        let text = frame.palette.text;
        let at = (x + KEY, y + baseline());
        frame.svg.text(at, Anchor::Start, LABEL_PX, text, &self.label);
        let at = (at.0 + font::width(&self.label, LABEL_PX) + NOTE_GAP, at.1);
        frame.svg.text(at, Anchor::Start, LABEL_PX, frame.palette.dim, &self.note);
    }
}
