//! The fields of the widget itself.

use super::fields::{Fields, Mistake, Mistakes};
use super::{
    Annotations, LegendPosition, Moment, SIDE_PX_MAX, Theme, View, Widget, YAxis, Zone, metrics,
};
use serde_json::Value;

const VIEWS: [(&str, View); 5] = [
    ("timeSeries", View::TimeSeries),
    ("bar", View::Bar),
    ("pie", View::Pie),
    ("singleValue", View::SingleValue),
    ("gauge", View::Gauge),
];
const PLACES: [(&str, LegendPosition); 3] = [
    ("bottom", LegendPosition::Bottom),
    ("right", LegendPosition::Right),
    ("hidden", LegendPosition::Hidden),
];
const THEMES: [(&str, Theme); 2] = [("light", Theme::Light), ("dark", Theme::Dark)];

pub(super) fn read(value: &Value) -> Result<Widget, Vec<Mistake>> {
    let mut wrong = Mistakes::default();
    let mut fields = Fields::open(value, "", &mut wrong);
    if !value.is_object() {
        return Err(wrong.into_vec());
    }
    let mut widget = Widget::default();
    read_data(&mut fields, &mut widget, &mut wrong);
    read_time(&mut fields, &mut widget, &mut wrong);
    read_looks(&mut fields, &mut widget, &mut wrong);
    fields.close(&mut wrong);
    if widget.view == View::Gauge && !widget.y_axis.left.is_bounded() {
        wrong.add("yAxis.left", "must have min and max for a gauge");
    }
    if widget.period_is_range && widget.sparkline {
        wrong.add("setPeriodToTimeRange", "cannot be true together with sparkline");
    }
    if wrong.are_none() { Ok(widget) } else { Err(wrong.into_vec()) }
}

/// What is asked for: rows, and what stands for all of them.
fn read_data(fields: &mut Fields<'_>, widget: &mut Widget, wrong: &mut Mistakes) {
    let rows = fields.list("metrics", wrong);
    let has_metrics = fields.get("metrics").is_some();
    widget.metrics = rows.map(|rows| metrics::read(rows, wrong)).unwrap_or_default();
    widget.annotations = Annotations::read(&mut fields.object("annotations", wrong), wrong);
    let has_alarm = fields.get("annotations").is_some_and(|a| a.get("alarms").is_some());
    match (has_metrics, has_alarm) {
        (false, false) => wrong.add("metrics", "is required"),
        (true, true) if !widget.metrics.is_empty() => {
            wrong.add("annotations.alarms", "takes the place of metrics, so there cannot be both");
        }
        (true, false) if rows.is_some_and(<[_]>::is_empty) => {
            wrong.add("metrics", "must have at least one row");
        }
        _ => {}
    }
    if let Some(stat) = fields.text("stat", wrong) {
        widget.stat = metrics::stat_of(stat, &fields.path_of("stat"), wrong);
    }
    if let Some(period_s) = metrics::period_of(fields, wrong) {
        widget.period_s = period_s;
    }
    widget.region = fields.text("region", wrong).map(str::to_owned);
    widget.account_id = metrics::account_of(fields, wrong);
    widget.live_data = fields.flag("liveData", wrong).unwrap_or(widget.live_data);
    widget.period_is_range =
        fields.flag("setPeriodToTimeRange", wrong).unwrap_or(widget.period_is_range);
}

fn read_time(fields: &mut Fields<'_>, widget: &mut Widget, wrong: &mut Mistakes) {
    if let Some(start) = Moment::read(fields, "start", wrong) {
        widget.start = start;
    }
    if let Some(end) = Moment::read(fields, "end", wrong) {
        widget.end = end;
    }
    if let Some(zone) = Zone::read(fields, "timezone", wrong) {
        widget.zone = zone;
    }
}

fn read_looks(fields: &mut Fields<'_>, widget: &mut Widget, wrong: &mut Mistakes) {
    let sides = (1, SIDE_PX_MAX);
    widget.view = fields.word("view", &VIEWS, wrong).unwrap_or_default();
    widget.stacked = fields.flag("stacked", wrong).unwrap_or(widget.stacked);
    widget.width = fields.whole("width", sides, wrong).unwrap_or(widget.width);
    widget.height = fields.whole("height", sides, wrong).unwrap_or(widget.height);
    widget.title = fields.text("title", wrong).unwrap_or_default().to_owned();
    widget.theme = fields.word("theme", &THEMES, wrong).unwrap_or_default();
    widget.sparkline = fields.flag("sparkline", wrong).unwrap_or(widget.sparkline);
    widget.full_precision =
        fields.flag("singleValueFullPrecision", wrong).unwrap_or(widget.full_precision);
    widget.y_axis = YAxis::read(&mut fields.object("yAxis", wrong), wrong);
    let mut legend = fields.object("legend", wrong);
    widget.legend = legend.word("position", &PLACES, wrong).unwrap_or_default();
    legend.close(wrong);
    let mut labels = fields.object("labels", wrong);
    widget.slice_labels = labels.flag("visible", wrong).unwrap_or(widget.slice_labels);
    labels.close(wrong);
}
