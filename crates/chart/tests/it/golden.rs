//! Golden pictures: one for each view and theme, compared byte by byte, and looked at by people.
//!
//! `UPDATE=1` rewrites them; look at what changed.

use crate::samples::{NOW_MS, one, walk};
use chart::widget::{Horizontal, HorizontalFill, Side};
use chart::{Picture, Series, Widget};
use model::{TimeRange, Unit};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

const MINUTE: i64 = 60_000;

#[expect(clippy::disallowed_methods, reason = "expectations are source files, not stored data")]
fn check(name: &str, widget: &Widget, series: impl Fn(TimeRange) -> Vec<Series>) {
    let range = widget.range(NOW_MS).expect("a range");
    let series = series(range);
    let picture = Picture { widget, series: &series, range };
    let png = picture.png().expect("a picture");
    assert_eq!(png, picture.png().expect("a picture"), "the same twice");
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden").join(name);
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        fs::write(&file, &png).expect("a file that can be written");
        return;
    }
    let expected = fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    if png != expected {
        let seen = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&seen, &png).expect("a file that can be written");
        panic!("{} differs from {}; UPDATE=1 accepts it", seen.display(), file.display());
    }
}

/// Draws a widget in both themes.
fn check_themes(name: &str, widget: &Value, series: impl Fn(TimeRange) -> Vec<Series>) {
    for theme in ["light", "dark"] {
        let mut widget = widget.clone();
        widget["theme"] = json!(theme);
        if widget.get("metrics").is_none() {
            widget["metrics"] = json!([["App", "Requests"]]);
        }
        let widget = Widget::parse(&widget.to_string()).expect("a widget");
        check(&format!("{name}-{theme}.png"), &widget, &series);
    }
}

fn five(range: TimeRange) -> Vec<Series> {
    let names = ["i-0a1b2c3d", "i-1c9e77aa", "i-2f00d1ce", "i-3b5a9e10", "i-4d41f7c8"];
    let walk = |(n, name): (u64, &&str)| {
        let level = 12.0 * n as f64;
        walk(name, n + 3, (level, level + 38.0), MINUTE, range)
    };
    let all = (0..).zip(&names).map(walk);
    all.map(|series| Series { unit: Unit::Percent, ..series }).collect()
}

#[test]
fn lines() {
    check_themes("lines", &json!({"title": "CPU of the web tier"}), five);
}

#[test]
fn a_threshold_with_its_side_and_a_gap() {
    let widget = json!({"title": "cpu-high: CPUUtilization > 80 for 3 of 5 periods",
        "width": 600, "height": 300, "timezone": "+0100",
        "yAxis": {"left": {"min": 0, "max": 100}}});
    for theme in ["light", "dark"] {
        let mut widget = widget.clone();
        widget["theme"] = json!(theme);
        widget["metrics"] = json!([["AWS/EC2", "CPUUtilization", "InstanceId", "i-1"]]);
        let mut widget = Widget::parse(&widget.to_string()).expect("a widget");
        let threshold = Horizontal::threshold(80.0, "CPUUtilization > 80", HorizontalFill::Above);
        widget.annotations.horizontal.push(threshold);
        check(&format!("threshold-{theme}.png"), &widget, |range| {
            let mut series = walk("CPUUtilization", 11, (30.0, 105.0), MINUTE, range);
            series.unit = Unit::Percent;
            series.points.retain(|p| !(40..52).contains(&((p.at_ms - range.start_ms) / MINUTE)));
            series.points.retain(|p| {
                !(60..70).contains(&((p.at_ms - range.start_ms) / MINUTE))
                    || p.at_ms == range.start_ms + 65 * MINUTE
            });
            vec![series]
        });
    }
}

#[test]
fn annotations_and_both_axes() {
    let widget = json!({
        "title": "Requests and latency", "start": "-PT12H", "legend": {"position": "right"},
        "width": 760, "height": 360, "timezone": "Europe/Berlin",
        "yAxis": {"left": {"label": "Requests per minute", "showUnits": false}},
        "annotations": {
            "horizontal": [
                {"value": 0.4, "label": "objective", "yAxis": "right", "color": "#1a7f4b"},
                [{"value": 900, "label": "usual"}, {"value": 500}]
            ],
            "vertical": [
                {"value": "2026-11-21T06:30:00Z", "label": "deployed 4.2.1"},
                [{"value": "2026-11-21T09:00:00Z", "label": "outage of the database"},
                 {"value": "2026-11-21T10:10:00Z"}]
            ]
        }
    });
    check_themes("annotations", &widget, |range| {
        let requests = walk("Requests", 5, (200.0, 1400.0), 5 * MINUTE, range);
        let latency = walk("Latency, the slowest percent", 9, (0.08, 0.55), 5 * MINUTE, range);
        let latency = Series { unit: Unit::Seconds, axis: Side::Right, ..latency };
        vec![Series { unit: Unit::Count, ..requests }, latency]
    });
}

#[test]
fn areas_upon_each_other() {
    let widget = json!({"title": "Memory by pod", "stacked": true, "start": "-P3D"});
    check_themes("stacked", &widget, |range| {
        let mib = 1024.0 * 1024.0;
        let pods = [("checkout", 300.0), ("search", 700.0), ("frontend", 450.0), ("queue", 150.0)];
        let pod = |(n, (name, size)): (u64, &(&str, f64))| {
            walk(name, n + 21, (size * mib * 0.5, size * mib * 1.5), 15 * MINUTE, range)
        };
        let all = (0..).zip(&pods).map(pod);
        all.map(|series| Series { unit: Unit::Bytes, ..series }).collect()
    });
}

#[test]
fn bars() {
    let widget = json!({"title": "Errors by route", "view": "bar", "width": 500, "height": 260});
    check_themes("bar", &widget, |_| {
        vec![
            one("POST /checkout", 412.0),
            one("GET /cart", 96.0),
            one("GET /products/{id}/reviews?page={page}&sort={order}", 233.0),
            one("PUT /cart/items", 31.0),
            Series::new("DELETE /cart/items", MINUTE, Vec::new()),
        ]
    });
}

#[test]
fn a_pie() {
    let widget = json!({"title": "Requests by region", "view": "pie", "width": 480, "height": 300,
        "legend": {"position": "right"}});
    check_themes("pie", &widget, |_| {
        vec![
            one("eu-west-1", 48_210.0),
            one("us-east-1", 36_040.0),
            one("ap-southeast-2", 12_900.0),
            one("sa-east-1", 6_400.0),
            one("af-south-1", 1_100.0),
        ]
    });
}

#[test]
fn numbers_with_their_lines() {
    let widget = json!({"title": "Right now", "view": "singleValue", "sparkline": true,
        "width": 600, "height": 260});
    check_themes("number", &widget, |range| {
        let cpu = walk("CPU", 3, (20.0, 70.0), MINUTE, range);
        let sent = walk("Sent", 4, (2e7, 9e7), MINUTE, range);
        let errors = walk("Errors", 6, (0.0, 9.0), MINUTE, range);
        vec![
            Series { unit: Unit::Percent, ..cpu },
            Series { unit: Unit::BytesPerSecond, ..sent },
            Series { complete: false, ..errors },
        ]
    });
}

#[test]
fn dials() {
    let widget = json!({"title": "Disks", "view": "gauge", "width": 600, "height": 240,
    "yAxis": {"left": {"min": 0, "max": 100}},
    "annotations": {"horizontal": [
        [{"value": 70, "color": "#d17f0f"}, {"value": 90}],
        {"value": 90, "fill": "above", "color": "#d13212"}
    ]}});
    check_themes("gauge", &widget, |_| {
        let all = [one("/", 43.2), one("/var", 81.0), one("/var/lib/sightline", 95.5)];
        all.map(|series| Series { unit: Unit::Percent, ..series }).into()
    });
}

#[test]
fn hostile_labels_and_more_series_than_room() {
    let widget = json!({"title": "<script>alert(\"&amp;\")</script> \u{202e}txet\u{0} שלום 日本 and on and on and on and on", "width": 440, "height": 280});
    check_themes("hostile", &widget, |range| {
        let label = |n: u64| match n % 4 {
            0 => format!("{n} <b>&\"'</b>"),
            1 => format!("{n} {}", "very long ".repeat(100)),
            2 => format!("{n} مرحبا \u{202e}evil\u{7}"),
            _ => format!("instance {n}"),
        };
        let mut all: Vec<Series> = (0..14)
            .map(|n| walk(&label(n), n + 1, (0.0, 1e-3 * (n + 1) as f64), MINUTE, range))
            .collect();
        all[3].complete = false;
        all
    });
}

#[test]
fn nothing_to_show() {
    check_themes("empty", &json!({"title": "Nobody wrote", "width": 400, "height": 200}), |_| {
        vec![Series::new("Requests", MINUTE, Vec::new())]
    });
}

#[test]
fn a_small_one() {
    let widget = json!({"width": 160, "height": 90, "legend": {"position": "hidden"}});
    check_themes("small", &widget, |range| vec![walk("a", 2, (0.0, 2e6), MINUTE, range)]);
}
