//! What all views share: ground, title, time, legend, and the place that is left for the view.

use crate::color::{Color, Palette};
use crate::picture::{Picture, SERIES_MAX};
use crate::series::Series;
use crate::svg::{Anchor, Path, Rect, Svg};
use crate::widget::Widget;
use crate::{clock, font};
use model::TimeRange;

/// Sizes of text, in pixels.
pub(crate) const TITLE_PX: f64 = 14.0;
pub(crate) const LABEL_PX: f64 = 12.0;
pub(crate) const TICK_PX: f64 = 11.0;
/// Room around everything.
pub(crate) const PAD: f64 = 12.0;
const TITLE_ROW: f64 = 24.0;
/// Side of the mark of incomplete data.
pub(crate) const MARK_PX: f64 = 13.0;

/// A picture in the making.
pub(crate) struct Frame<'a> {
    pub(crate) widget: &'a Widget,
    pub(crate) series: Vec<Shown<'a>>,
    /// Series that are too many to be shown at all.
    pub(crate) left_out: usize,
    pub(crate) range: TimeRange,
    pub(crate) palette: Palette,
    pub(crate) svg: Svg,
    /// What is still free.
    pub(crate) body: Rect,
    /// Days and zone, until they have found a place.
    pub(crate) caption: Option<String>,
    /// Where the mark of incomplete data has room beside the title.
    corner: Option<(f64, f64)>,
}

/// A series with how it looks.
#[derive(Clone)]
pub(crate) struct Shown<'a> {
    pub(crate) series: &'a Series,
    /// Its label as it can be drawn.
    pub(crate) label: String,
    pub(crate) color: Color,
    pub(crate) dashes: &'static str,
}

impl<'a> Frame<'a> {
    /// Paints the ground and the title.
    pub(crate) fn open(picture: &Picture<'a>) -> Self {
        let widget = picture.widget;
        let palette = Palette::of(widget.theme);
        let whole =
            Rect { x: 0.0, y: 0.0, w: f64::from(widget.width), h: f64::from(widget.height) };
        let pad = PAD.min(whole.w / 20.0).min(whole.h / 12.0).floor();
        let mut frame = Self {
            widget,
            series: shown(picture.series, &palette),
            left_out: picture.series.len().saturating_sub(SERIES_MAX),
            range: picture.range,
            palette,
            svg: Svg::new(widget.width, widget.height, palette.ground),
            body: whole.inset(pad, pad, pad, pad),
            caption: Some(clock::caption(picture.range, &widget.zone)),
            corner: None,
        };
        frame.title();
        frame
    }

    fn title(&mut self) {
        let title = font::clean(&self.widget.title);
        if title.is_empty() || self.body.h < 3.0 * TITLE_ROW {
            return;
        }
        let baseline = self.body.y + TITLE_PX * 0.85;
        let caption = self.caption.take_if(|c| {
            font::width(c, TICK_PX) + font::width(&title, TITLE_PX) + 48.0 <= self.body.w
        });
        let mut right = self.body.right();
        if let Some(caption) = caption {
            let at = (right, baseline);
            self.svg.text(at, Anchor::End, TICK_PX, self.palette.dim, &caption);
            right -= font::width(&caption, TICK_PX) + 8.0;
        }
        if self.is_incomplete() {
            right = (right - MARK_PX).round();
            self.corner = Some((right, self.body.y));
            right -= 8.0;
        }
        let title = font::fitted(&title, TITLE_PX, right - self.body.x);
        self.svg.text((self.body.x, baseline), Anchor::Start, TITLE_PX, self.palette.text, &title);
        self.body = self.body.inset(0.0, TITLE_ROW, 0.0, 0.0);
    }

    pub(crate) fn is_incomplete(&self) -> bool {
        self.series.iter().any(|shown| !shown.series.complete)
    }

    /// Draws the mark of incomplete data at the top right, for views without a legend.
    pub(crate) fn corner_mark(&mut self) {
        if !self.is_incomplete() || self.body.w < 2.0 * MARK_PX || self.body.h < 3.0 * MARK_PX {
            return;
        }
        let at = self.corner.unwrap_or_else(|| {
            let at = (self.body.right() - MARK_PX, self.body.y);
            self.body = self.body.inset(0.0, MARK_PX + 4.0, 0.0, 0.0);
            at
        });
        self.warning(at);
    }

    /// Draws the mark of incomplete data: a triangle with an exclamation mark.
    pub(crate) fn warning(&mut self, (x, y): (f64, f64)) {
        let side = MARK_PX;
        let mut path = Path::line(&[(x + side / 2.0, y), (x + side, y + side), (x, y + side)]);
        path.close();
        self.svg.fill(&path, Color::WARNING, 1.0);
        let ink = Color::rgb(0xff_ff_ff);
        let bar = Rect { x: x + side / 2.0 - 0.8, y: y + 4.5, w: 1.6, h: 4.5 };
        self.svg.rect(bar, ink, 1.0);
        self.svg.rect(Rect { y: y + 10.2, h: 1.6, ..bar }, ink, 1.0);
    }

    /// Says in the middle of a place that there is nothing to draw.
    pub(crate) fn nothing(&mut self, place: Rect) {
        let (x, y) = place.center();
        let text = font::fitted("No data available", LABEL_PX, place.w);
        if place.h >= LABEL_PX * 1.5 && !text.is_empty() {
            let half = font::width(&text, LABEL_PX) / 2.0 + 6.0;
            let ground = Rect { x: x - half, y: y - LABEL_PX, w: 2.0 * half, h: 2.0 * LABEL_PX };
            self.svg.rect(ground, self.palette.ground, 1.0);
            let at = (x, y + LABEL_PX * font::CAPITAL / 2.0);
            self.svg.text(at, Anchor::Middle, LABEL_PX, self.palette.dim, &text);
        }
    }
}

fn shown<'a>(series: &'a [Series], palette: &Palette) -> Vec<Shown<'a>> {
    let look = |(n, series): (usize, &'a Series)| Shown {
        series,
        label: font::clean(&series.label),
        color: series.color.unwrap_or_else(|| palette.series(n)),
        dashes: if series.color.is_some() { "" } else { palette.dashes(n) },
    };
    series.iter().take(SERIES_MAX).enumerate().map(look).collect()
}
