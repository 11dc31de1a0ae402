//! Questions that would take the server down, each of which any reader may send: they are refused
//! by the limit that they hit, and the next question is answered.

use crate::world::{World, encoded, told};
use doors::prometheus::PrometheusOptions;
use http::Request;
use platform::{QuestionLimits, ReadLimits, StoreOptions};
use std::time::Duration;

const MEMORY: u64 = 64 << 20;

fn with(limits: QuestionLimits) -> World {
    World::limited(StoreOptions::default(), PrometheusOptions::default(), limits)
}

fn limited() -> World {
    let read = ReadLimits { bytes_max: MEMORY, ..ReadLimits::default() };
    with(QuestionLimits { read, memory_bytes_max: MEMORY, ..QuestionLimits::default() })
}

/// Asks, as a body, since some are long; the next question must be answered.
fn ask(world: &World, path: &str, form: &str) -> (u16, String) {
    let request = Request::post(format!("/api/v1/{path}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.to_owned());
    let answer = told(&world.ask(request.unwrap()));
    let (code, text) =
        world.get("/api/v1/query?query=count_over_time(vector(1)%5B1h:1s%5D)&time=9000");
    assert_eq!(code, 200, "{text}");
    assert!(text.contains("[9000,\"3600\"]"), "{text}");
    answer
}

#[test]
fn what_needs_too_much_is_refused_by_its_limit() {
    let world = limited();
    let memory = "bytes of memory or more, at most 67108864 may";
    let steps = "more than 50000000 steps of subqueries in all are not evaluated";
    let label = "makes a label value of more than 65536 bytes";
    let joined = (0..25)
        .fold("label_replace(vector(1),\"a\",\"x\",\"\",\"\")".to_owned(), |x, _| {
            format!("label_join({x},\"a\",\"\",\"a\",\"a\",\"a\",\"a\")")
        });
    for (query, why) in [
        ("count_over_time(vector(1)[1y:1ms])", steps),
        ("max_over_time(nosuch[1y:1ms])", steps),
        ("max_over_time(nosuch[1y:1s])", memory),
        ("count_over_time(count_values(\"v\", vector(time()))[1d:1s])", memory),
        (&joined, label),
    ] {
        let (code, text) =
            ask(&world, "query", &format!("time=1700000000&query={}", encoded(query)));
        assert_eq!(code, 422, "{query}: {text}");
        assert!(
            text.contains(r#""errorType":"execution""#) && text.contains(why),
            "{query}: {text}"
        );
    }
    let range = "start=1699340000&end=1700000000&step=60&query=";
    let query = encoded("count_values(\"v\", vector(time()))");
    let (code, text) = ask(&world, "query_range", &format!("{range}{query}"));
    assert_eq!(code, 422, "{text}");
    assert!(text.contains(memory), "{text}");
}

#[test]
fn a_long_computation_ends_at_its_time() {
    let world =
        with(QuestionLimits { time_max: Duration::from_millis(300), ..QuestionLimits::default() });
    // Two hundred million looks in one call, which would take minutes.
    let query = encoded("quantile_over_time(0.5, vector(time() % 1000)[6h:1s])");
    let form = format!("start=1699340000&end=1700000000&step=60&query={query}");
    let (code, text) = ask(&world, "query_range", &form);
    assert_eq!(code, 503, "{text}");
    assert!(text.contains(r#""errorType":"timeout""#), "{text}");
}

#[test]
fn regular_expressions_are_bounded_before_a_question_has_its_turn() {
    let world = limited();
    let many = |write: &dyn Fn(usize) -> String| (0..5000).map(write).collect::<Vec<_>>().join(",");
    let large = format!("up{{{}}}", many(&|n| format!("a=~\"\\\\w{{100}}{n}\"")));
    let small = format!("up{{{}}}", many(&|n| format!("a=~\"x{n}.*\"")));
    let equal = format!("up{{{}}}", many(&|_| "a=~\"\\\\w{100}\"".to_owned()));
    for path in ["query", "parse_query", "format_query", "query_exemplars"] {
        for (query, why) in [
            (&large, "expressions of one text take more than 33554432 bytes when compiled"),
            (&small, "more than 200 different expressions in one text"),
        ] {
            let (code, text) =
                ask(&world, path, &format!("start=1&end=2&query={}", encoded(query)));
            assert_eq!(code, 400, "{path}: {text}");
            assert!(text.contains(why), "{path}: {text}");
        }
        let (code, text) = ask(&world, path, &format!("start=1&end=2&query={}", encoded(&equal)));
        assert_eq!(code, 200, "{path}: {text}");
    }
    let selectors: Vec<String> = (0..900)
        .map(|n| format!("match[]={}", encoded(&format!("{{a=~\"\\\\w{{100}}{n}\"}}"))))
        .collect();
    let (code, text) = ask(&world, "series", &selectors.join("&"));
    assert_eq!(code, 400, "{text}");
    assert!(text.contains("expressions of one text take more than"), "{text}");
}

#[test]
fn the_deepest_expressions_are_answered() {
    let world = limited();
    let forms: [fn(&str) -> String; 5] = [
        |x| format!("({x})"),
        |x| format!("-({x})"),
        |x| format!("vector(1) or ({x})"),
        |x| format!("abs({x})"),
        |x| format!("max_over_time({x}[5m:1m])"),
    ];
    for form in forms {
        let mut text = "vector(1)".to_owned();
        loop {
            let deeper = form(&text);
            if platform::promql::parse(&deeper).is_err() {
                break;
            }
            text = deeper;
        }
        assert!(text.len() > 200, "{text}");
        for path in ["query", "parse_query", "format_query"] {
            let (code, answer) = ask(&world, path, &format!("query={}", encoded(&text)));
            assert_eq!(code, 200, "{path} {}: {answer}", text.len());
        }
    }
}
