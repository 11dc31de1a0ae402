//! A pie: of each series the latest value, as its share of all. What is not above zero has no slice.

use crate::font;
use crate::frame::{Frame, LABEL_PX, Shown};
use crate::legend::{self, Entry, Key};
use crate::number::Style;
use crate::svg::{Anchor, Path, Pen, Rect};
use std::f64::consts::TAU;

/// Slices of less have no room for their share.
const LABELLED: f64 = 0.04;

struct Slice<'a> {
    shown: Shown<'a>,
    value: Option<f64>,
    /// Of the whole, 0 to 1.
    share: f64,
}

pub(crate) fn draw(frame: &mut Frame<'_>) {
    let slices = slices(frame);
    legend::draw(frame, &entries(frame, &slices));
    let place = frame.body;
    if slices.iter().all(|slice| slice.share <= 0.0) {
        return frame.nothing(place);
    }
    let radius = (place.w.min(place.h) / 2.0 - 2.0).floor();
    if radius < 2.0 {
        return;
    }
    let mut from = 0.0;
    for slice in slices.iter().filter(|slice| slice.share > 0.0) {
        draw_slice(frame, slice, from, place, radius);
        from += slice.share;
    }
    if !frame.widget.slice_labels {
        return;
    }
    from = 0.0;
    for slice in slices.iter().filter(|slice| slice.share > 0.0) {
        label_slice(frame, slice, from + slice.share / 2.0, place, radius);
        from += slice.share;
    }
}

fn slices<'a>(frame: &Frame<'a>) -> Vec<Slice<'a>> {
    let value = |shown: &Shown<'_>| shown.series.latest(frame.range);
    let values: Vec<Option<f64>> = frame.series.iter().map(value).collect();
    // Shares of the largest first: a sum of values may be more than a number can hold.
    let largest = values.iter().flatten().copied().fold(0.0, f64::max);
    let part = |value: Option<f64>| value.filter(|v| *v > 0.0).map_or(0.0, |v| v / largest);
    let whole: f64 = values.iter().map(|v| part(*v)).sum();
    let slice = |(shown, value): (&Shown<'a>, &Option<f64>)| Slice {
        shown: shown.clone(),
        value: *value,
        share: if whole > 0.0 { part(*value) / whole } else { 0.0 },
    };
    frame.series.iter().zip(&values).map(slice).collect()
}

fn entries(frame: &Frame<'_>, slices: &[Slice<'_>]) -> Vec<Entry> {
    let show_units = frame.widget.y_axis.left.show_units;
    let entry = |slice: &Slice<'_>| {
        let unit = slice.shown.series.unit;
        let style = if show_units { Style::of(unit) } else { Style::Plain };
        Entry {
            color: slice.shown.color,
            key: Key::Square,
            label: slice.shown.label.clone(),
            note: slice.value.map_or("--".to_owned(), |value| style.value(value, false)),
        }
    };
    slices.iter().map(entry).collect()
}

/// Returns the place at a share of the turn, clockwise from the top.
fn at(share: f64, radius: f64, place: Rect) -> (f64, f64) {
    let (x, y) = place.center();
    let angle = share * TAU;
    (x + angle.sin() * radius, y - angle.cos() * radius)
}

fn draw_slice(frame: &mut Frame<'_>, slice: &Slice<'_>, from: f64, place: Rect, radius: f64) {
    let color = slice.shown.color;
    if slice.share > 0.999_9 {
        return frame.svg.dot(place.center(), radius, color);
    }
    let to = from + slice.share;
    let mut path = Path::line(&[place.center(), at(from, radius, place)]);
    path.arc(radius, slice.share > 0.5, true, at(to, radius, place));
    path.close();
    frame.svg.fill(&path, color, 1.0);
    frame.svg.stroke(&path, Pen { color: frame.palette.ground, width: 1.5, dashes: "" });
}

fn label_slice(frame: &mut Frame<'_>, slice: &Slice<'_>, middle: f64, place: Rect, radius: f64) {
    let text = percent(slice.share);
    let wide = font::width(&text, LABEL_PX);
    if slice.share < LABELLED || radius * 0.5 < wide {
        return;
    }
    let (x, y) =
        if slice.share > 0.999_9 { place.center() } else { at(middle, radius * 0.68, place) };
    let ink = frame.palette.upon(slice.shown.color);
    frame.svg.text((x, y + LABEL_PX * font::CAPITAL / 2.0), Anchor::Middle, LABEL_PX, ink, &text);
}

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent >= 10.0 || percent.fract() < 0.05 {
        format!("{percent:.0}%")
    } else {
        format!("{percent:.1}%")
    }
}
