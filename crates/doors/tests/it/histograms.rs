//! Native histograms, from remote write to an answer.

use crate::world::{NOW_MS, World, encoded};
use doors::prometheus::PrometheusOptions;
use formats::remote_write::{Encoder, HistogramSample, Sample};
use model::{Bucket, CUSTOM_SCHEMA, Histogram, ResetHint};
use platform::{SeriesLimits, Share, StoreOptions};

const LATENCY: &[(&str, &str)] = &[("__name__", "latency"), ("job", "node")];

fn histogram(count: f64) -> Histogram {
    Histogram {
        schema: 0,
        count,
        sum: 2.0 * count,
        positive: vec![
            Bucket { index: 1, count: count / 2.0 },
            Bucket { index: 3, count: count / 2.0 },
        ],
        ..Histogram::default()
    }
}

fn body(samples: &[(i64, f64)], histograms: &[(i64, Histogram)]) -> Vec<u8> {
    let samples: Vec<Sample> =
        samples.iter().map(|&(at_ms, value)| Sample { at_ms, value }).collect();
    let histograms: Vec<HistogramSample> = histograms
        .iter()
        .map(|(at_ms, histogram)| HistogramSample { at_ms: *at_ms, histogram: histogram.clone() })
        .collect();
    let mut encoder = Encoder::new();
    encoder.mixed_series(LATENCY, &samples, &histograms);
    encoder.finish()
}

fn put(world: &World, samples: &[(i64, f64)], histograms: &[(i64, Histogram)]) {
    assert_eq!(world.write(&body(samples, histograms)), (204, String::new()));
}

/// The result of a question, without the frame around it.
fn ask(world: &World, query: &str) -> String {
    let (code, text) = world.get(&format!("/api/v1/query?query={}", encoded(query)));
    assert_eq!(code, 200, "{text}");
    let from = text.find("\"result\":").expect("a result") + 9;
    text[from..text.len() - 2].to_owned()
}

#[test]
fn a_histogram_is_read_as_it_was_written() {
    let world = World::new();
    put(&world, &[], &[(NOW_MS, histogram(8.0))]);
    // In memory, and in a part.
    for _ in 0..2 {
        assert_eq!(
            ask(&world, "latency"),
            r#"[{"metric":{"__name__":"latency","job":"node"},"histogram":[1700000000,{"count":"8","sum":"16","buckets":[[0,"1","2","4"],[0,"4","8","4"]]}]}]"#
        );
        assert_eq!(
            ask(&world, "histogram_quantile(0.25, latency)"),
            r#"[{"metric":{"job":"node"},"value":[1700000000,"1.4142135623730951"]}]"#
        );
        world.platform.flush().unwrap();
    }
}

#[test]
fn samples_and_histograms_of_one_series_stand_in_the_order_of_time() {
    let world = World::new();
    put(
        &world,
        &[(NOW_MS - 3_000, 1.0), (NOW_MS - 1_000, 2.0)],
        &[(NOW_MS - 2_000, histogram(2.0)), (NOW_MS, histogram(4.0))],
    );
    let text = ask(&world, "latency[1m]");
    assert_eq!(text.matches("\"metric\"").count(), 1, "{text}");
    assert!(text.contains(r#""values":[[1699999997,"1"],[1699999999,"2"]]"#), "{text}");
    assert!(text.contains(r#""histograms":[[1699999998,{"count":"2""#), "{text}");
    for (offset, count) in [("0s", "4"), ("2s", "2")] {
        let text = ask(&world, &format!("histogram_count(latency offset {offset})"));
        assert!(text.ends_with(&format!(r#""value":[1700000000,"{count}"]}}]"#)), "{text}");
    }
    assert!(ask(&world, "latency offset 1s").ends_with(r#""value":[1700000000,"2"]}]"#));
    // Two kinds of values are two series to the store, and one to whoever asks.
    assert_eq!(ask(&world, "count(latency)"), r#"[{"metric":{},"value":[1700000000,"1"]}]"#);
}

#[test]
fn the_later_arrival_of_a_time_wins_and_a_stale_marker_ends() {
    let world = World::new();
    put(&world, &[], &[(NOW_MS - 1_000, histogram(2.0))]);
    put(&world, &[], &[(NOW_MS - 1_000, histogram(6.0)), (NOW_MS - 5_000, histogram(4.0))]);
    let text = ask(&world, "histogram_count(latency)");
    assert!(text.contains(r#"[1700000000,"6"]"#), "{text}");
    put(&world, &[], &[(NOW_MS, Histogram::stale())]);
    assert_eq!(ask(&world, "latency"), "[]");
    assert!(ask(&world, "count_over_time(latency[1m])").contains(r#"[1700000000,"2"]"#));
}

#[test]
fn hints_that_a_counter_did_not_restart_are_not_believed() {
    let world = World::new();
    let of = |at_ms, count, hint| (at_ms, Histogram { hint, ..histogram(count) });
    put(
        &world,
        &[],
        &[
            of(NOW_MS - 20_000, 8.0, ResetHint::Unknown),
            of(NOW_MS - 10_000, 2.0, ResetHint::NotReset),
            of(NOW_MS, 4.0, ResetHint::Reset),
        ],
    );
    assert!(ask(&world, "resets(latency[1m])").contains(r#"[1700000000,"2"]"#));
}

#[test]
fn what_is_no_histogram_is_named_and_the_rest_is_stored() {
    let world = World::new();
    let odd = Histogram { schema: 11, ..histogram(2.0) };
    let huge = Histogram {
        count: 100_000.0,
        positive: (0..100_000).map(|index| Bucket { index, count: 1.0 }).collect(),
        ..histogram(0.0)
    };
    let year_ms = 365 * 86_400_000;
    let request = body(
        &[(NOW_MS - 2, 7.0)],
        &[
            (NOW_MS - 1, odd),
            (NOW_MS, huge),
            (NOW_MS - year_ms, histogram(2.0)),
            (NOW_MS, histogram(4.0)),
        ],
    );
    // Once as a new series, once as a known one.
    for _ in 0..2 {
        let (code, text) = world.write(&request);
        assert_eq!(code, 400);
        assert_eq!(
            text,
            "samples stored: 2; refused samples before 1692224000 or after 1700007200: 1, first \
             latency{job=\"node\"} at 1668464000; native histograms that make no sense: 2, first \
             latency{job=\"node\"} at 1699999999.999: schema 11 is not known; -4 to 8 and -53 \
             are\n"
        );
    }
    assert!(ask(&world, "histogram_count(latency)").contains(r#"[1700000000,"4"]"#));
    let request = body(&[], &[(NOW_MS, Histogram { bounds: [1.0].into(), ..histogram(2.0) })]);
    assert!(world.write(&request).1.contains("exponential buckets have no bounds of their own"));
}

#[test]
fn a_body_that_breaks_off_leaves_no_histogram_behind() {
    let world = World::new();
    let mut request = body(&[], &[(NOW_MS, histogram(2.0))]);
    request.extend_from_slice(&[0x0a, 3, 0x22, 1]);
    let (code, text) = world.write(&request);
    assert_eq!((code, text.contains("cut off")), (400, true), "{text}");
    assert_eq!(ask(&world, "latency"), "[]");
    assert_eq!(world.platform.store_status().series, 0);
}

#[test]
fn new_series_of_histograms_have_the_budget_of_all_series() {
    let series =
        SeriesLimits { tenant: Share { series: 2, bytes: u64::MAX }, ..SeriesLimits::UNBOUNDED };
    let options = StoreOptions { series, ..StoreOptions::default() };
    let world = World::with(options, PrometheusOptions::default());
    put(&world, &[], &[(NOW_MS, histogram(2.0))]);
    let mut encoder = Encoder::new();
    for n in 0..100 {
        let pod = format!("pod-{n}");
        let labels = [("__name__", "latency"), ("pod", pod.as_str())];
        let sample = HistogramSample { at_ms: NOW_MS, histogram: histogram(2.0) };
        encoder.mixed_series(&labels, &[], &[sample]);
    }
    let (code, text) = world.write(&encoder.finish());
    assert_eq!(code, 400, "{text}");
    assert!(
        text.contains("samples stored: 1; refused samples of new series without room: 99"),
        "{text}"
    );
    put(&world, &[], &[(NOW_MS + 1, histogram(3.0))]);
}

#[test]
fn custom_bounds_and_floats_are_read_as_they_were_written() {
    let world = World::new();
    let custom = Histogram {
        schema: CUSTOM_SCHEMA,
        count: 3.5,
        sum: 2.0,
        positive: vec![Bucket { index: 0, count: 1.5 }, Bucket { index: 2, count: 2.0 }],
        bounds: [0.1, 2.5].into(),
        ..Histogram::default()
    };
    put(&world, &[], &[(NOW_MS, custom)]);
    let text = ask(&world, "latency");
    let buckets = r#""buckets":[[3,"-Inf","0.1","1.5"],[0,"2.5","+Inf","2"]]"#;
    assert!(text.contains(buckets), "{text}");
}
