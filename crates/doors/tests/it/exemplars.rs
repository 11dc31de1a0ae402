//! Exemplars: what is taken, what is found, and in which form.

use crate::world::{NOW_MS, World, encoded, told};
use doors::prometheus::PrometheusOptions;
use formats::remote_write::{Encoder, ExemplarToSend, Sample};
use http::Request;
use platform::{QuestionLimits, ReadLimits, StoreOptions};

/// Names and values.
type Pairs<'a> = &'a [(&'a str, &'a str)];

const LATENCY: &[(&str, &str)] = &[("__name__", "latency_bucket"), ("job", "web"), ("le", "0.5")];

fn exemplar<'a>(at_ms: i64, value: f64, labels: &'a [(&'a str, &'a str)]) -> ExemplarToSend<'a> {
    ExemplarToSend { at_ms, value, labels }
}

fn send(world: &World, labels: &[(&str, &str)], exemplars: &[ExemplarToSend<'_>]) -> (u16, String) {
    let mut encoder = Encoder::new();
    encoder.series_with(labels, &[Sample { at_ms: NOW_MS, value: 1.0 }], exemplars);
    world.write(&encoder.finish())
}

fn found(world: &World, query: &str, more: &str) -> String {
    let (code, text) =
        world.get(&format!("/api/v1/query_exemplars?query={}{more}", encoded(query)));
    assert_eq!(code, 200, "{query}: {text}");
    let inside = text.strip_prefix(r#"{"status":"success","data":"#).unwrap();
    inside.strip_suffix('}').unwrap().to_owned()
}

#[test]
fn exemplars_are_found_by_the_selectors_of_an_expression() {
    let world = World::new();
    let trace = [("trace_id", "EpTxMJ40fUus7aGY"), ("span", "1")];
    let sent = [exemplar(NOW_MS - 521, 0.25, &trace), exemplar(NOW_MS - 60_000, 6.0, &[])];
    assert_eq!(send(&world, LATENCY, &sent), (204, String::new()));
    let other = [("__name__", "other"), ("job", "db")];
    assert_eq!(send(&world, &other, &[exemplar(NOW_MS, f64::INFINITY, &trace[..1])]).0, 204);

    let old = r#"{"labels":{},"value":"6","timestamp":1699999940}"#;
    let new = r#"{"labels":{"span":"1","trace_id":"EpTxMJ40fUus7aGY"},"value":"0.25","timestamp":1699999999.479}"#;
    let series =
        r#"{"seriesLabels":{"__name__":"latency_bucket","job":"web","le":"0.5"},"exemplars""#;
    let of_other = r#"{"seriesLabels":{"__name__":"other","job":"db"},"exemplars":[{"labels":{"trace_id":"EpTxMJ40fUus7aGY"},"value":"+Inf","timestamp":1700000000}]}"#;
    let both = format!("[{series}:[{old},{new}]}}]");
    assert_eq!(found(&world, "latency_bucket", ""), both);
    let query = "histogram_quantile(0.9, sum by (le) (rate(latency_bucket{job=~\"w.*\"}[5m])))";
    assert_eq!(found(&world, query, "&start=1699999940&end=1700000000"), both);
    // Both ends are inside.
    assert_eq!(found(&world, query, "&start=1699999941"), format!("[{series}:[{new}]}}]"));
    assert_eq!(found(&world, query, "&end=1699999940"), format!("[{series}:[{old}]}}]"));
    assert_eq!(found(&world, query, "&end=1699999939.999"), "[]");
    let all = format!("[{series}:[{old},{new}]}},{of_other}]");
    assert_eq!(found(&world, "rate(other[1m]) / on () latency_bucket", ""), all);
    assert_eq!(found(&world, "1 + 1", ""), "[]");
    assert_eq!(found(&world, "latency_bucket{job=\"db\"} or nothing", ""), "[]");
    // As Grafana asks.
    let form = format!("query={}&start=1699999400&end=1700000000", encoded("other"));
    let request = Request::post("/api/v1/query_exemplars")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    let posted = told(&world.ask(request.unwrap()));
    assert_eq!(posted, (200, format!(r#"{{"status":"success","data":[{of_other}]}}"#)));
    // Another tenant has its own.
    let request = Request::get("/api/v1/query_exemplars?query=other")
        .header("x-scope-orgid", "another")
        .body("");
    assert_eq!(told(&world.ask(request.unwrap())).1, r#"{"status":"success","data":[]}"#);
}

#[test]
fn the_same_again_and_late_ones_are_taken() {
    let world = World::new();
    let label = [("trace_id", "a")];
    let at = |ms: i64| exemplar(NOW_MS - ms, 1.0, &label);
    for sent in [&[at(0), at(0), at(5_000)][..], &[at(9_000)], &[at(5_000)]] {
        assert_eq!(send(&world, LATENCY, sent), (204, String::new()));
    }
    let text = found(&world, "latency_bucket", "");
    let times: Vec<&str> =
        text.split("\"timestamp\":").skip(1).map(|t| t.split('}').next().unwrap()).collect();
    assert_eq!(times, ["1699999991", "1699999995", "1700000000"]);
}

#[test]
fn what_is_no_exemplar_is_refused_by_name() {
    let long = "x".repeat(120);
    let cases: [(Pairs<'_>, i64, &str); 5] = [
        (
            &[("trace_id", &long), ("b", "")],
            NOW_MS,
            "label length for exemplar exceeds maximum of 128 UTF-8 characters",
        ),
        (&[("a", "1"), ("a", "2")], NOW_MS, "has one with duplicate label name \"a\""),
        (&[("", "1")], NOW_MS, "has one with an empty label name"),
        (&[], NOW_MS + 8_000_000, "has one outside the times that are taken, at 1700008000000 ms"),
        (&[], 0, "has one outside the times that are taken, at 0 ms"),
    ];
    for (labels, at_ms, why) in cases {
        let world = World::new();
        let good = exemplar(NOW_MS, 2.0, &[]);
        let (code, text) = send(&world, LATENCY, &[exemplar(at_ms, 1.0, labels), good]);
        assert_eq!(code, 400);
        let series = "latency_bucket{job=\"web\",le=\"0.5\"}";
        let wanted = format!(
            "samples stored: 1; refused exemplars that cannot be stored: 1, first {series} {why}\n"
        );
        assert_eq!(text, wanted);
        assert_eq!(world.platform.refused_beside(), [0, 1]);
        assert!(
            found(&world, "latency_bucket", "").contains("\"value\":\"2\""),
            "the rest is kept"
        );
    }
    // A character counts once, however many bytes it has.
    let world = World::new();
    let wide = "\u{6f22}".repeat(120);
    let labels = [("trace_id", wide.as_str())];
    assert_eq!(send(&world, LATENCY, &[exemplar(NOW_MS, 1.0, &labels)]).0, 204);
    // A series that cannot be has none.
    let (code, text) = send(&world, &[("job", "x")], &[exemplar(NOW_MS, 1.0, &[])]);
    assert_eq!(code, 400);
    assert!(
        text.contains("exemplars that cannot be stored: 1, first {job=\"x\"} has no name"),
        "{text}"
    );
    let none = StoreOptions { exemplars_max: 0, ..StoreOptions::default() };
    let world = World::with(none, PrometheusOptions::default());
    let (code, text) = send(&world, LATENCY, &[exemplar(NOW_MS, 1.0, &[])]);
    assert!(code == 400 && text.contains("--exemplars-max is 0"), "{text}");
}

#[test]
fn the_newest_are_kept_and_questions_have_limits() {
    let store = StoreOptions { exemplars_max: 3, ..StoreOptions::default() };
    let world = World::with(store, PrometheusOptions::default());
    let sent: Vec<_> = (0..10).map(|n| exemplar(NOW_MS - n * 1_000, n as f64, &[])).collect();
    assert_eq!(send(&world, LATENCY, &sent).0, 204);
    let text = found(&world, "latency_bucket", "");
    assert_eq!(text.matches("timestamp").count(), 3);
    assert!(text.contains("1699999998"), "{text}");
    let status = world.platform.exemplar_status();
    assert_eq!((status.count, status.evicted), (3, 7));

    let read = ReadLimits { points_max: 9, ..ReadLimits::default() };
    let limits = QuestionLimits { read, ..QuestionLimits::default() };
    let world = World::limited(StoreOptions::default(), PrometheusOptions::default(), limits);
    assert_eq!(send(&world, LATENCY, &sent).0, 204);
    let (code, text) = world.get("/api/v1/query_exemplars?query=latency_bucket");
    assert!(code == 422 && text.contains("10 or more points match, at most 9 may"), "{text}");
    assert_eq!(world.platform.question_bytes(), 0);
}
