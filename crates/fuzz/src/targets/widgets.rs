//! Metric widgets: the text, and whatever picture it asks for.

use chart::{Picture, Point, Series, Widget};
use model::TimeRange;

pub(super) const WORDS: &[&[u8]] = &[
    b"{\"metrics\": [",
    b"[\"App\", \"Requests\"]",
    b"\".\"",
    b"\"...\"",
    b", {\"expression\": \"m1\", \"id\": \"e1\"}",
    b"\"label\": \"x\"",
    b"\"color\": \"#1f77b4\"",
    b"\"yAxis\": \"right\"",
    b"\"yAxis\": {\"left\": {\"min\": 0, \"max\": 100}}",
    b"\"showUnits\": false",
    b"\"view\": \"timeSeries\"",
    b"\"singleValue\"",
    b"\"gauge\"",
    b"\"pie\"",
    b"\"bar\"",
    b"\"stacked\": true",
    b"\"sparkline\": true",
    b"\"start\": \"-P3M\"",
    b"\"end\": \"2018-04-25T12:00:00.000Z\"",
    b"\"timezone\": \"+0130\"",
    b"\"width\": 1",
    b"\"height\": 2000",
    b"\"legend\": {\"position\": \"right\"}",
    b"\"theme\": \"dark\"",
    b"\"annotations\": {",
    b"\"horizontal\": [{\"value\": 1e308, \"fill\": \"above\"}]",
    b"\"vertical\": [[{\"value\": \"2018-04-25T12:00:00Z\"}, ",
    b"\"alarms\": [\"arn:aws:cloudwatch:us-east-1:000000000000:alarm:a\"]",
    b"null",
    b"1e999",
    b"-1e308",
    b"[[[[[[[[",
    "\u{202e}".as_bytes(),
    b"\\u0000",
];

const NOW_MS: i64 = 1_795_270_200_000;
/// Larger pictures are not turned into pixels here: that takes long and depends on no stranger.
const PIXELS_MAX: u32 = 40_000;

/// A widget, its range, and its picture with a few points.
pub(super) fn widget(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let widget = match Widget::parse(text) {
        Ok(widget) => widget,
        Err(mistakes) => {
            assert!(!mistakes.is_empty(), "a refusal has a reason");
            for mistake in mistakes {
                assert!(!mistake.message.is_empty() && mistake.to_string().len() < 20_000);
            }
            return;
        }
    };
    let range = match widget.range(NOW_MS) {
        Ok(range) => range,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert!(range.start_ms < range.end_ms);
    let series = [series(0, range), series(1, range)];
    let picture = Picture { widget: &widget, series: &series, range };
    let svg = picture.svg();
    assert!(svg.ends_with("</svg>\n") && svg.len() < (1 << 20), "{} bytes", svg.len());
    if widget.width * widget.height <= PIXELS_MAX {
        let png = picture.png().expect("a picture");
        assert_eq!(png[16..20], widget.width.to_be_bytes());
        assert_eq!(png[20..24], widget.height.to_be_bytes());
    }
}

/// Ten points over the range, one of them missing, one not a number.
fn series(n: i64, range: TimeRange) -> Series {
    let step_ms = (range.end_ms.saturating_sub(range.start_ms) / 10).max(1);
    let point = |k: i64| Point {
        at_ms: range.start_ms.saturating_add(k * step_ms),
        value: if k == 7 { f64::NAN } else { (k * 3 - n) as f64 },
    };
    let points = (0..10).filter(|k| *k != 4).map(point).collect();
    Series { complete: n == 0, ..Series::new(format!("<{n}>"), step_ms, points) }
}
