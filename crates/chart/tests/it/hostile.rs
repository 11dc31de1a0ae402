//! Whatever is asked for and whatever the points are: a picture of the size that was asked for, of
//! nothing but numbers, in bounded time and memory.

use chart::widget::{
    Band, Horizontal, HorizontalFill, LegendPosition, Line, Side, Theme, View, Zone,
};
use chart::{Picture, Point, Series, Widget};
use model::{TimeRange, Unit};
use proptest::prelude::*;

fn values() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        -1e3..1e3f64,
        prop::sample::select(vec![
            0.0,
            -0.0,
            1.0,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MAX,
            f64::MIN,
            f64::MIN_POSITIVE,
            5e-324,
            1e15,
            1e300,
        ]),
    ]
}

fn times() -> impl Strategy<Value = i64> {
    prop_oneof![
        0..20_000_000i64,
        any::<i64>(),
        prop::sample::select(vec![i64::MIN, i64::MAX, 0, 1, -1, 253_402_300_799_999]),
    ]
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z ]{0,20}",
        "\\PC{0,40}",
        any::<String>(),
        prop::sample::select(vec![
            "]]></text><script>".to_owned(),
            "\u{202e}\u{2066}x\u{0}".to_owned(),
            "e\u{301}\u{301}\u{301}".repeat(300),
            "שלום 日本 👩‍👩‍👧‍👦".to_owned(),
            "w".repeat(9_000),
        ]),
    ]
}

fn series() -> impl Strategy<Value = Series> {
    let points = prop::collection::vec((times(), values()), 0..30);
    let unit = prop::sample::select(Unit::ALL.to_vec());
    let period = prop_oneof![Just(0i64), Just(60_000), any::<i64>()];
    (texts(), points, unit, any::<bool>(), any::<bool>(), period).prop_map(
        |(label, points, unit, right, complete, period_ms)| Series {
            unit,
            axis: if right { Side::Right } else { Side::Left },
            complete,
            ..Series::new(
                label,
                period_ms,
                points.into_iter().map(|(at_ms, value)| Point { at_ms, value }).collect(),
            )
        },
    )
}

fn sides() -> impl Strategy<Value = u32> {
    prop_oneof![1..40u32, 40..700u32, prop::sample::select(vec![1, 2, 3, 2_000])]
}

prop_compose! {
    fn widgets()(
        view in prop::sample::select(vec![
            View::TimeSeries, View::Bar, View::Pie, View::SingleValue, View::Gauge,
        ]),
        flags in any::<[bool; 6]>(),
        legend in prop::sample::select(vec![
            LegendPosition::Bottom, LegendPosition::Right, LegendPosition::Hidden,
        ]),
        (width, height) in (sides(), sides()),
        title in texts(),
        ends in any::<[Option<f64>; 4]>(),
        levels in prop::collection::vec((values(), values(), texts(), 0..4u8), 0..6),
        zone in prop::sample::select(vec!["+0000", "-2359", "+0545", "Europe/Berlin"]),
    ) -> Widget {
        let mut widget = Widget { view, legend, width, height, title, ..Widget::default() };
        widget.stacked = flags[0];
        widget.theme = if flags[1] { Theme::Dark } else { Theme::Light };
        widget.sparkline = flags[2];
        widget.full_precision = flags[3];
        widget.slice_labels = flags[4];
        widget.zone = Zone::parse(zone).expect("a zone");
        let ends = ends.map(|end| end.filter(|e| e.is_finite()));
        for (axis, ends) in [&mut widget.y_axis.left, &mut widget.y_axis.right].into_iter().zip(ends.chunks(2)) {
            (axis.min, axis.max) = (ends[0], ends[1]);
            axis.show_units = flags[5];
            // As the parser has it: both only in their order.
            if axis.min.zip(axis.max).is_some_and(|(min, max)| min >= max) {
                axis.max = None;
            }
        }
        for (a, b, label, kind) in levels {
            let line = |at: f64| Line { at, label: Some(label.clone()) };
            if !a.is_finite() || !b.is_finite() {
                continue;
            }
            let fill = if kind == 1 { HorizontalFill::Above } else { HorizontalFill::Below };
            let mut level = Horizontal::threshold(a, label.clone(), fill);
            if kind > 1 {
                level.band = Band::Between(line(a.min(b)), line(a.max(b)));
            }
            if kind > 2 {
                level.axis = Side::Right;
            }
            widget.annotations.horizontal.push(level);
        }
        widget
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_points_and_any_size_make_a_picture(
        widget in widgets(),
        series in prop::collection::vec(series(), 0..8),
        (start_ms, end_ms) in (times(), times()),
    ) {
        prop_assume!(start_ms < end_ms);
        let range = TimeRange { start_ms, end_ms };
        let picture = Picture { widget: &widget, series: &series, range };
        let svg = picture.svg();
        prop_assert!(svg.len() < 1_000_000);
        let png = picture.png().expect("a picture");
        let size = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
        prop_assert_eq!((size(16), size(20)), (widget.width, widget.height));
    }
}

/// What is drawn is what can be seen: its work is bounded by the pixels, however many points there are.
#[test]
fn the_largest_picture_of_the_most_points_is_bounded() {
    let range = TimeRange { start_ms: 0, end_ms: 86_400_000 };
    let point = |n: i64, k: i64| Point { at_ms: n * 4_320, value: ((n * k) % 10_007) as f64 };
    let series = |k: i64| {
        let points = (0..20_000).map(|n| point(n, 7_919 + k)).collect();
        Series::new(format!("series {k}"), 4_320, points)
    };
    let all: Vec<Series> = (0..600).map(series).collect();
    for stacked in [false, true] {
        let widget = Widget { width: 2_000, height: 2_000, stacked, ..Widget::default() };
        let svg = Picture { widget: &widget, series: &all, range }.svg();
        assert!(svg.len() < 12_000_000, "{} bytes of SVG", svg.len());
    }
}
