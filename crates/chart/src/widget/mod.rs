//! The metric widget: the JSON text that says what a picture shows.
//!
//! `GetMetricWidgetImage` and the metric widgets of a dashboard use one structure. What we cannot
//! draw, and what nobody knows, is refused by the name of its field, with everything else that is
//! wrong, in one answer.
//!
//! Source: CloudWatch API reference, "GetMetricWidgetImage: Metric Widget Structure and Syntax" and
//! "Dashboard Body Structure and Syntax", properties of a metric widget.

mod annotations;
mod axes;
mod fields;
mod metrics;
mod moment;
mod overall;
mod zone;

pub use annotations::{
    Annotations, Band, Horizontal, HorizontalFill, Line, Vertical, VerticalFill,
};
pub use axes::{Axis, YAxis};
pub use fields::Mistake;
pub use metrics::{DIMENSIONS_MAX, Metric, Row, RowKind, Side};
pub use moment::{Moment, RangeError};
pub use zone::Zone;

use crate::Color;
use serde_json::Value;

/// Longest text of a widget, in bytes.
///
/// Source: CloudWatch API reference, `GetMetricWidgetImage`.
pub const BYTES_MAX: usize = 100 * 1024;
/// Rows of `metrics`.
///
/// Source: the same page (the page of quotas says 500, which dashboards allow).
pub const METRICS_MAX: usize = 100;
/// Largest width and height, in pixels.
pub const SIDE_PX_MAX: u32 = 2_000;
/// Lines and bands of one direction; ours, the service names no number.
pub const ANNOTATIONS_MAX: usize = 100;
/// Longest title, label or unit, in bytes; ours.
pub const TEXT_BYTES_MAX: usize = 8_192;

/// What a picture shows, with the service's defaults where the text said nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Widget {
    /// Metrics and expressions, in their order; empty only where an alarm takes their place.
    pub metrics: Vec<Row>,
    /// Lines and bands drawn over the metrics.
    pub annotations: Annotations,
    /// The kind of picture.
    pub view: View,
    /// Whether a time series is drawn as areas upon each other.
    pub stacked: bool,
    /// The statistic of the rows that name none.
    pub stat: String,
    /// The period of the rows that name none, in seconds.
    pub period_s: u32,
    /// First moment shown.
    pub start: Moment,
    /// First moment not shown.
    pub end: Moment,
    /// The zone of the times on the axis.
    pub zone: Zone,
    /// Width in pixels, 1 to 2,000.
    pub width: u32,
    /// Height in pixels, 1 to 2,000.
    pub height: u32,
    /// Shown at the top; empty for none.
    pub title: String,
    /// Both axes of values.
    pub y_axis: YAxis,
    /// Where the labels stand.
    pub legend: LegendPosition,
    /// Light or dark.
    pub theme: Theme,
    /// Whether the newest period, not whole yet, is shown.
    pub live_data: bool,
    /// Whether one period takes the whole range (for views that show one value each).
    pub period_is_range: bool,
    /// Whether a number has its time series beneath.
    pub sparkline: bool,
    /// Whether a number is shown with all its digits.
    pub full_precision: bool,
    /// Whether the slices of a pie carry their shares.
    pub slice_labels: bool,
    /// The region of rows that name none, if it is not the caller's.
    pub region: Option<String>,
    /// The account of rows that name none, if it is not the caller's.
    pub account_id: Option<String>,
}

/// The kind of picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum View {
    /// Lines, or areas upon each other, over time.
    #[default]
    TimeSeries,
    /// One bar for each series.
    Bar,
    /// One slice for each series.
    Pie,
    /// One number for each series.
    SingleValue,
    /// One dial for each series; needs both ends of the left axis.
    Gauge,
}

/// Where the labels of the series stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "each is the place of its name")]
pub enum LegendPosition {
    #[default]
    Bottom,
    Right,
    Hidden,
}

/// The colours of ground and text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "each is the theme of its name")]
pub enum Theme {
    #[default]
    Light,
    Dark,
}

impl Widget {
    /// Reads a widget.
    ///
    /// # Errors
    /// Every mistake in it, at least one, in the order of the structure; a text that is no JSON has
    /// one mistake only.
    pub fn parse(text: &str) -> Result<Self, Vec<Mistake>> {
        if text.len() > BYTES_MAX {
            let message = format!("is {} bytes long, at most {BYTES_MAX} may be", text.len());
            return Err(vec![Mistake::new("", message)]);
        }
        // Depth is bounded by serde_json: a document of more than 127 levels is refused.
        let value: Value =
            serde_json::from_str(text).map_err(|e| vec![Mistake::new("", json_mistake(&e))])?;
        Self::read(&value)
    }

    /// Reads a widget out of a document, such as the `properties` of a dashboard's widget.
    ///
    /// # Errors
    /// Every mistake in it, at least one.
    pub fn read(value: &Value) -> Result<Self, Vec<Mistake>> {
        overall::read(value)
    }
}

impl Default for Widget {
    /// A widget in which nothing is said: what the service draws then, without any metric.
    fn default() -> Self {
        Self {
            metrics: Vec::new(),
            annotations: Annotations::default(),
            view: View::default(),
            stacked: false,
            stat: "Average".to_owned(),
            period_s: 300,
            start: Moment::ago_h(3),
            end: Moment::ago_h(0),
            zone: Zone::default(),
            width: 600,
            height: 400,
            title: String::new(),
            y_axis: YAxis::default(),
            legend: LegendPosition::default(),
            theme: Theme::default(),
            live_data: false,
            period_is_range: false,
            sparkline: false,
            full_precision: false,
            slice_labels: true,
            region: None,
            account_id: None,
        }
    }
}

/// Says where a text stops being JSON, without the parser's own words for its limits.
fn json_mistake(error: &serde_json::Error) -> String {
    let place = format!("line {} column {}", error.line(), error.column());
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or(&text).to_owned();
    format!("is not JSON: {what} ({place})")
}

/// Reads a colour such as `#1f77b4`; three digits stand for six, as in web pages.
fn color_of(text: &str) -> Option<Color> {
    Color::parse(text)
}
