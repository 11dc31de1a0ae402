//! Writing SVG: a few shapes, coordinates of two decimals, text escaped.

use crate::Color;
use crate::font;
use std::fmt::Write;

/// A picture being written.
pub(crate) struct Svg {
    out: String,
    clips: usize,
}

/// A rectangle, in pixels from the top left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rect {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) w: f64,
    pub(crate) h: f64,
}

impl Rect {
    pub(crate) fn right(&self) -> f64 {
        self.x + self.w
    }

    pub(crate) fn bottom(&self) -> f64 {
        self.y + self.h
    }

    pub(crate) fn center(&self) -> (f64, f64) {
        (self.x + self.w / 2.0, self.y + self.h / 2.0)
    }

    /// Takes space away on each side, never more than there is.
    pub(crate) fn inset(self, left: f64, top: f64, right: f64, bottom: f64) -> Self {
        Self {
            x: self.x + left,
            y: self.y + top,
            w: (self.w - left - right).max(0.0),
            h: (self.h - top - bottom).max(0.0),
        }
    }
}

/// Where a text stands in regard to its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A line's looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pen {
    pub(crate) color: Color,
    pub(crate) width: f64,
    pub(crate) dashes: &'static str,
}

impl Pen {
    pub(crate) fn thin(color: Color) -> Self {
        Self { color, width: 1.0, dashes: "" }
    }
}

impl Svg {
    pub(crate) fn new(width: u32, height: u32, ground: Color) -> Self {
        let mut svg = Self { out: String::with_capacity(16 << 10), clips: 0 };
        let _ = write!(
            svg.out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"'{}', sans-serif\">\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"{ground}\"/>\n",
            font::FAMILY
        );
        svg
    }

    pub(crate) fn finish(mut self) -> String {
        self.out.push_str("</svg>\n");
        self.out
    }

    /// Fills a rectangle.
    pub(crate) fn rect(&mut self, rect: Rect, fill: Color, opacity: f64) {
        let _ = write!(
            self.out,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{fill}\"",
            Num(rect.x),
            Num(rect.y),
            Num(rect.w),
            Num(rect.h)
        );
        self.opacity(opacity);
        self.out.push_str("/>\n");
    }

    fn opacity(&mut self, opacity: f64) {
        if opacity < 1.0 {
            let _ = write!(self.out, " fill-opacity=\"{}\"", Num(opacity));
        }
    }

    /// Draws a level or upright line of one pixel, on whole pixels, so that it is crisp.
    pub(crate) fn hair(&mut self, from: (f64, f64), to: (f64, f64), color: Color) {
        let on = |at: f64| at.floor() + 0.5;
        if from.1 == to.1 {
            let y = on(from.1);
            self.line((from.0, y), (to.0, y), Pen::thin(color));
        } else {
            let x = on(from.0);
            self.line((x, from.1), (x, to.1), Pen::thin(color));
        }
    }

    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), pen: Pen) {
        self.stroke(&Path::line(&[from, to]), pen);
    }

    pub(crate) fn stroke(&mut self, path: &Path, pen: Pen) {
        let _ = write!(
            self.out,
            "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"",
            path.0,
            pen.color,
            Num(pen.width)
        );
        if !pen.dashes.is_empty() {
            let _ = write!(self.out, " stroke-dasharray=\"{}\"", pen.dashes);
        }
        self.out.push_str(" stroke-linejoin=\"round\"/>\n");
    }

    pub(crate) fn fill(&mut self, path: &Path, color: Color, opacity: f64) {
        let _ = write!(self.out, "<path d=\"{}\" fill=\"{color}\"", path.0);
        self.opacity(opacity);
        self.out.push_str("/>\n");
    }

    pub(crate) fn dot(&mut self, at: (f64, f64), radius: f64, color: Color) {
        let _ = writeln!(
            self.out,
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{color}\"/>",
            Num(at.0),
            Num(at.1),
            Num(radius)
        );
    }

    /// Writes a clean text; `at` is on its baseline. Letters start on whole pixels.
    pub(crate) fn text(
        &mut self,
        at: (f64, f64),
        anchor: Anchor,
        size: f64,
        color: Color,
        text: &str,
    ) {
        if text.is_empty() {
            return;
        }
        let x = match anchor {
            Anchor::Start => at.0,
            Anchor::Middle => at.0 - font::width(text, size) / 2.0,
            Anchor::End => at.0 - font::width(text, size),
        };
        let _ = write!(
            self.out,
            "<text x=\"{}\" y=\"{}\" font-size=\"{}\" fill=\"{color}\" xml:space=\"preserve\">",
            Num(x.round()),
            Num(at.1.round()),
            Num(size)
        );
        escape(text, &mut self.out);
        self.out.push_str("</text>\n");
    }

    /// What is drawn until [`Svg::unclip`] shows only inside of `rect`.
    pub(crate) fn clip(&mut self, rect: Rect) {
        self.clips += 1;
        let (n, r) = (self.clips, rect);
        let _ = write!(
            self.out,
            "<clipPath id=\"c{n}\"><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/></clipPath>\n\
             <g clip-path=\"url(#c{n})\">\n",
            Num(r.x),
            Num(r.y),
            Num(r.w),
            Num(r.h)
        );
    }

    pub(crate) fn unclip(&mut self) {
        self.out.push_str("</g>\n");
    }
}

/// The outline of a shape.
#[derive(Debug, Clone, Default)]
pub(crate) struct Path(String);

impl Path {
    /// Lines from point to point.
    pub(crate) fn line(points: &[(f64, f64)]) -> Self {
        let mut path = Self::default();
        path.add(points);
        path
    }

    /// Adds lines from point to point, apart from those before.
    pub(crate) fn add(&mut self, points: &[(f64, f64)]) {
        for (at, point) in points.iter().enumerate() {
            self.0.push(if at == 0 { 'M' } else { 'L' });
            self.to(*point);
        }
    }

    /// Goes back to the start.
    pub(crate) fn close(&mut self) {
        self.0.push('Z');
    }

    /// Adds an arc of a circle from where the path is, clockwise or back, of less than a turn.
    pub(crate) fn arc(&mut self, radius: f64, large: bool, clockwise: bool, to: (f64, f64)) {
        let (large, sweep) = (u8::from(large), u8::from(clockwise));
        let _ = write!(self.0, "A{} {} 0 {large} {sweep} ", Num(radius), Num(radius));
        self.to(to);
    }

    /// Adds a line from where the path is.
    pub(crate) fn go(&mut self, to: (f64, f64)) {
        self.0.push('L');
        self.to(to);
    }

    fn to(&mut self, (x, y): (f64, f64)) {
        let _ = write!(self.0, "{} {}", Num(x), Num(y));
    }
}

/// A coordinate: two decimals at most, and never so far out that the renderer suffers.
struct Num(f64);

impl std::fmt::Display for Num {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Through whole hundredths, so that no machine rounds differently.
        let hundredths = (self.0.clamp(-1e6, 1e6) * 100.0).round() as i64;
        let sign = if hundredths < 0 { "-" } else { "" };
        let (whole, rest) = (hundredths.unsigned_abs() / 100, hundredths.unsigned_abs() % 100);
        match (rest, rest % 10) {
            (0, _) => write!(f, "{sign}{whole}"),
            (_, 0) => write!(f, "{sign}{whole}.{}", rest / 10),
            _ => write!(f, "{sign}{whole}.{rest:02}"),
        }
    }
}

/// Escapes a clean text, which holds nothing that XML forbids.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_have_two_decimals_at_most() {
        for (number, text) in [
            (0.0, "0"),
            (-0.001, "0"),
            (1.5, "1.5"),
            (-1.25, "-1.25"),
            (12.05, "12.05"),
            (99.999, "100"),
            (-0.5, "-0.5"),
            (f64::NAN, "0"),
            (f64::INFINITY, "1000000"),
        ] {
            assert_eq!(Num(number).to_string(), text);
        }
    }
}
