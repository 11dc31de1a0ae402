//! What does one picture cost, in time and in bytes?
//!
//! `cargo bench -p chart --bench picture -- [rounds]`. Five series of a point a minute over three hours, 600 x 400
//! pixels, may take 50 ms and 60 KB. Expected: some 900 points cost nothing; half of the rest is
//! forty texts that resvg shapes and fills, half is pixels: filling 240,000 of them and packing
//! 720,000 bytes.

use chart::{Picture, Point, Series, Widget};
use model::TimeRange;
use std::hint::black_box;
use std::time::Duration;
use stdx::Stopwatch;

fn main() {
    let rounds = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(21);
    println!(
        "{:<28} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "picture", "svg ms", "png ms", "quickest", "slowest", "bytes"
    );
    for (name, view, series, points, size) in [
        ("5 lines over 3 h", "timeSeries", 5, 180, (600, 400)),
        ("5 areas over 3 h", "stacked", 5, 180, (600, 400)),
        ("1 line over 3 h (mail)", "timeSeries", 1, 180, (600, 300)),
        ("5 bars", "bar", 5, 1, (600, 400)),
        ("5 slices", "pie", 5, 1, (600, 400)),
        ("5 numbers", "singleValue", 5, 180, (600, 400)),
        ("5 dials", "gauge", 5, 1, (600, 400)),
        ("100 lines over 3 h", "timeSeries", 100, 180, (600, 400)),
        ("5 lines of 100,000 points", "timeSeries", 5, 100_000, (600, 400)),
        ("500 lines, 2000 x 2000", "timeSeries", 500, 1_440, (2000, 2000)),
    ] {
        let (shown, stacked) = if view == "stacked" { ("timeSeries", true) } else { (view, false) };
        let text = format!(
            r#"{{"metrics": [["App", "Requests"]], "title": "{name}", "view": "{shown}",
                "stacked": {stacked}, "width": {}, "height": {},
                "yAxis": {{"left": {{"min": 0, "max": 110}}}}}}"#,
            size.0, size.1
        );
        let widget = Widget::parse(&text).expect("a widget");
        let range = widget.range(1_795_270_200_000).expect("a range");
        let series: Vec<Series> = (0..series).map(|n| walk(n, points, range)).collect();
        let picture = Picture { widget: &widget, series: &series, range };
        let rounds = if size.0 > 1_000 { 1 } else { rounds };
        let svg = time(rounds, || drop(black_box(picture.svg())));
        let png = time(rounds, || drop(black_box(picture.png())));
        let bytes = picture.png().expect("a picture").len();
        let ms = |took: &Duration| took.as_secs_f64() * 1e3;
        println!(
            "{name:<28} {:>9.2} {:>9.2} {:>9.2} {:>9.2} {bytes:>9}",
            ms(&svg[rounds / 2]),
            ms(&png[rounds / 2]),
            ms(&png[0]),
            ms(&png[rounds - 1]),
        );
    }
}

/// Returns what each of some rounds took, the quickest first.
fn time(rounds: usize, mut work: impl FnMut()) -> Vec<Duration> {
    let mut took: Vec<Duration> = (0..rounds)
        .map(|_| {
            let watch = Stopwatch::start();
            work();
            watch.elapsed()
        })
        .collect();
    took.sort();
    took
}

fn walk(n: u64, points: i64, range: TimeRange) -> Series {
    let mut state = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut at = 20.0 + 14.0 * (n % 5) as f64;
    let period_ms = (range.end_ms - range.start_ms) / points;
    let points = (0..points).map(|k| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        at = (at + (state >> 40) as f64 / (1u64 << 24) as f64 * 4.0 - 2.0).clamp(0.0, 100.0);
        Point { at_ms: range.start_ms + k * period_ms, value: at }
    });
    Series::new(format!("instance i-{n:08x}"), period_ms, points.collect())
}
