//! Questions that ask for too much end with the name of the limit that they met, and give back what
//! they had.

use crate::world::{NOW_MS, World, body, encoded};
use doors::prometheus::PrometheusOptions;
use platform::{QuestionLimits, ReadLimits, StoreOptions};
use std::time::Duration;
use stdx::Cancel;

/// A hundred series of a hundred samples.
fn filled(limits: QuestionLimits) -> World {
    let world = World::limited(StoreOptions::default(), PrometheusOptions::default(), limits);
    let names: Vec<String> = (0..100).map(|n| format!("{n:03}")).collect();
    let samples: Vec<(i64, f64)> =
        (0..100).map(|n| (NOW_MS - 1_000_000 + n * 10_000, n as f64)).collect();
    let labels: Vec<_> = names.iter().map(|n| [("__name__", "m"), ("n", n.as_str())]).collect();
    let rows: Vec<_> = labels.iter().map(|labels| (&labels[..], &samples[..])).collect();
    assert_eq!(world.write(&body(&rows)).0, 204);
    world
}

fn refused(world: &World, query: &str) -> (u16, String) {
    let (code, text) = world.get(&format!(
        "/api/v1/query_range?query={}&start=1699999000&end=1700000000&step=1",
        encoded(query)
    ));
    let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(world.platform.question_bytes(), 0, "{query}: all memory is given back");
    (code, format!("{}: {}", answer["errorType"], answer["error"]).replace('"', ""))
}

/// A question that is worked on for minutes.
fn long_question() -> String {
    let terms = (1..100).map(|n| format!("sum(quantile_over_time(0.{n:02}, m[1d:1s]))"));
    terms.collect::<Vec<_>>().join(" + ")
}

#[test]
fn an_asker_may_allow_less_time() {
    let world = filled(limits(ReadLimits::default()));
    for path in ["query_range?start=1699999000&end=1700000000&step=1&", "query?", "format_query?"] {
        let query = encoded(&long_question());
        let (code, text) = world.get(&format!("/api/v1/{path}query={query}&timeout=0.001"));
        // Writing a text anew takes less than that.
        if path == "format_query?" && code == 200 {
            continue;
        }
        let timeout = r#"{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}"#;
        assert_eq!((code, text.as_str()), (503, timeout), "{path}");
    }
    let (_, uses) = world.platform.question_uses()[0];
    assert_eq!((uses.running, world.platform.question_bytes()), (0, 0));
    assert_eq!(refused(&world, "sum(m)").0, 200, "and others go on");
}

#[test]
fn a_question_whose_asker_leaves_ends() {
    let world = filled(limits(ReadLimits::default()));
    let asker = Cancel::new();
    let (code, text) = std::thread::scope(|scope| {
        let (world, flag) = (&world, asker.clone());
        let asks = scope.spawn(move || flag.during(|| refused(world, &long_question())));
        // It computes: it has taken memory.
        while world.platform.question_bytes() == 0 {
            std::thread::yield_now();
        }
        asker.cancel();
        asks.join().unwrap()
    });
    assert_eq!(code, 499);
    assert_eq!(text, "canceled: query was canceled in expression evaluation");
    let (_, uses) = world.platform.question_uses()[0];
    assert_eq!((uses.cancelled, uses.refused, uses.running), (1, 0, 0));
    // Lists are no less questions.
    for path in ["labels?match[]=m", "series?match[]=m", "label/n/values", "query_range"] {
        let path = format!("/api/v1/{path}");
        let path = path.replace("query_range", "query_range?query=m&start=0&end=1&step=1");
        assert_eq!(asker.during(|| world.get(&path)).0, 499, "{path}");
    }
    assert_eq!(refused(&world, "sum(m)").0, 200, "and others go on");
}

fn limits(read: ReadLimits) -> QuestionLimits {
    QuestionLimits { read, memory_bytes_max: 1 << 30, ..QuestionLimits::default() }
}

#[test]
fn each_budget_is_named() {
    let free = ReadLimits::default();
    let few_series = filled(limits(ReadLimits { series_max: 99, ..free }));
    let (code, text) = refused(&few_series, "sum(m)");
    assert_eq!(code, 422, "{text}");
    assert!(text.starts_with("execution: 100 or more series match, at most 99 may"), "{text}");
    let few_points = filled(limits(ReadLimits { points_max: 15_000, ..free }));
    let (code, text) = refused(&few_points, "sum(m) + sum(rate(m[5m]))");
    assert_eq!(code, 422, "two looks at ten thousand points each: {text}");
    assert!(text.starts_with("execution: "), "{text}");
    assert!(text.contains("points match, at most 15000 may"), "{text}");
    let little_memory = filled(limits(ReadLimits { bytes_max: 400_000, ..free }));
    let (code, text) = refused(&little_memory, "m * 2");
    assert_eq!(code, 422, "{text}");
    assert!(text.contains("bytes of memory or more, at most 400000 may"), "{text}");
    let no_time = filled(QuestionLimits { time_max: Duration::ZERO, ..limits(free) });
    assert_eq!(
        refused(&no_time, "sum(m)"),
        (503, "timeout: query timed out in expression evaluation".into())
    );
}

#[test]
fn hostile_questions_end_soon() {
    let limits = QuestionLimits {
        time_max: Duration::from_secs(2),
        ..limits(ReadLimits { bytes_max: 64 << 20, ..ReadLimits::default() })
    };
    let world = filled(limits);
    let nested = format!("m{}", "[1d:]".repeat(1_000));
    assert_eq!(refused(&world, &nested).0, 400);
    let nested = (0..200).fold("m".to_owned(), |inner, _| format!("max_over_time({inner}[1d:])"));
    assert_eq!(refused(&world, &nested).0, 400);
    let regex = format!("m{{n=~\"{}\"}}", "(x+x+)+".repeat(40));
    assert_eq!(refused(&world, &regex).0, 200, "an automaton reads it in its length");
    for query in [
        "max_over_time(m[10y:1s])",
        "max_over_time(max_over_time(m[1y:1m])[1y:1m])",
        "count_values(\"v\", m * on () group_right () vector(1)) + sum_over_time(vector(1)[100y:1s])",
        "sum(max_over_time(max_over_time(max_over_time(m[30d:1m])[30d:1m])[30d:1m]))",
    ] {
        let (code, text) = refused(&world, query);
        assert!(matches!(code, 422 | 503), "{query}: {code} {text}");
    }
    assert_eq!(refused(&world, "sum(m)").0, 200, "and others go on");
}
