//! Widgets as texts: what is read, or every mistake.

use chart::Widget;
use chart::widget::{Band, Row, RowKind, Side};
use std::fmt::{Debug, Write};
use testkit::run_fixtures;

#[test]
fn widgets_are_read_or_every_mistake_is_told() {
    run_fixtures(
        concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/widget"),
        |text| match Widget::parse(text) {
            Ok(widget) => shown(&widget),
            Err(mistakes) => {
                let lines: Vec<String> = mistakes.iter().map(|m| format!("error {m}")).collect();
                lines.join("\n")
            }
        },
    );
}

/// Shows the rows, and whatever is not the default.
fn shown(widget: &Widget) -> String {
    let mut out = String::new();
    for row in &widget.metrics {
        show_row(row, &mut out);
    }
    let plain = Widget::default();
    let mut field = |name: &str, value: &dyn Debug, default: &dyn Debug| {
        let (value, default) = (format!("{value:?}"), format!("{default:?}"));
        if value != default {
            let _ = writeln!(out, "{name} {value}");
        }
    };
    field("view", &widget.view, &plain.view);
    field("stacked", &widget.stacked, &plain.stacked);
    field("stat", &widget.stat, &plain.stat);
    field("period_s", &widget.period_s, &plain.period_s);
    field("start", &widget.start, &plain.start);
    field("end", &widget.end, &plain.end);
    field("zone", &widget.zone.name, &plain.zone.name);
    field("size", &(widget.width, widget.height), &(plain.width, plain.height));
    field("title", &widget.title, &plain.title);
    field("left", &widget.y_axis.left, &plain.y_axis.left);
    field("right", &widget.y_axis.right, &plain.y_axis.right);
    field("legend", &widget.legend, &plain.legend);
    field("theme", &widget.theme, &plain.theme);
    field("live_data", &widget.live_data, &plain.live_data);
    field("period_is_range", &widget.period_is_range, &plain.period_is_range);
    field("sparkline", &widget.sparkline, &plain.sparkline);
    field("full_precision", &widget.full_precision, &plain.full_precision);
    field("slice_labels", &widget.slice_labels, &plain.slice_labels);
    field("region", &widget.region, &plain.region);
    field("account_id", &widget.account_id, &plain.account_id);
    for a in &widget.annotations.horizontal {
        let _ = write!(out, "horizontal {}", band(&a.band));
        let _ = writeln!(out, " {:?} {:?} {:?} visible={}", a.axis, a.fill, a.color, a.visible);
    }
    for a in &widget.annotations.vertical {
        let _ = write!(out, "vertical {}", band(&a.band));
        let _ = writeln!(out, " {:?} {:?} visible={}", a.fill, a.color, a.visible);
    }
    for arn in &widget.annotations.alarms {
        let _ = writeln!(out, "alarm {arn}");
    }
    out
}

fn show_row(row: &Row, out: &mut String) {
    match &row.kind {
        RowKind::Metric(metric) => {
            let dimensions: Vec<String> =
                metric.dimensions.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let _ =
                write!(out, "{} {} {{{}}}", metric.namespace, metric.name, dimensions.join(", "));
        }
        RowKind::Expression(text) => {
            let _ = write!(out, "expression {text}");
        }
    }
    let mut option = |name: &str, value: &Option<String>| {
        if let Some(value) = value {
            let _ = write!(out, " {name}={value}");
        }
    };
    option("id", &row.id);
    option("label", &row.label);
    option("stat", &row.stat);
    option("period_s", &row.period_s.map(|p| p.to_string()));
    option("color", &row.color.map(|c| c.to_string()));
    option("region", &row.region);
    option("account", &row.account_id);
    option("axis", &(row.axis == Side::Right).then(|| "right".to_owned()));
    option("visible", &(!row.visible).then(|| "no".to_owned()));
    out.push('\n');
}

fn band<T: Debug>(band: &Band<T>) -> String {
    match band {
        Band::One(line) => format!("{:?} {:?}", line.at, line.label),
        Band::Between(low, high) => {
            format!("{:?} {:?} to {:?} {:?}", low.at, low.label, high.at, high.label)
        }
    }
}
