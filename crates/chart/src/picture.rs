//! A picture: a widget with its series, as SVG text and as PNG bytes.

use crate::frame::Frame;
use crate::series::Series;
use crate::widget::{View, Widget};
use crate::{bar, gauge, pie, raster, single, time_series};
use model::TimeRange;

/// Most series that are drawn; the legend says how many more there are.
pub const SERIES_MAX: usize = 500;

/// Everything that a picture is made of. The same picture gives the same bytes.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a> {
    /// What it looks like.
    pub widget: &'a Widget,
    /// What it shows: the visible rows' series, in their order.
    pub series: &'a [Series],
    /// The times that it shows; [`Widget::range`] gives them.
    pub range: TimeRange,
}

/// Why a picture could not be drawn.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// There is no memory for its pixels.
    #[error("a picture of {width} x {height} pixels has no room in memory")]
    NoRoom {
        /// Its width in pixels.
        width: u32,
        /// Its height in pixels.
        height: u32,
    },
    /// What we wrote is not what the renderer reads: a mistake of ours.
    #[error("drawing the picture")]
    Svg(#[source] resvg::usvg::Error),
    /// The same for the encoder.
    #[error("encoding the picture")]
    Png(#[source] png::EncodingError),
}

impl Picture<'_> {
    /// Returns the picture as SVG text. Its letters are those of the embedded font: in a browser
    /// that does not have it they are a little wider or narrower.
    pub fn svg(&self) -> String {
        let mut frame = Frame::open(self);
        match self.widget.view {
            View::TimeSeries => time_series::draw(&mut frame),
            View::Bar => bar::draw(&mut frame),
            View::Pie => pie::draw(&mut frame),
            View::SingleValue => single::draw(&mut frame),
            View::Gauge => gauge::draw(&mut frame),
        }
        frame.svg.finish()
    }

    /// Returns the picture as PNG bytes.
    ///
    /// # Errors
    /// When there is no memory for it; the others would be mistakes of ours.
    pub fn png(&self) -> Result<Vec<u8>, PictureError> {
        raster::png(&self.svg(), self.widget.width, self.widget.height)
    }
}
