//! The bench itself: the clock moves when told, reset empties, and neither is there unasked.

use crate::bench::{CLOCK_START, HOUR, MINUTE, Server, VIRTUAL, refused_start};
use crate::client::{Kind, Who};
use crate::http_plain::send;
use crate::world::{ACCOUNT, REGION, connect, each_client};
use serde_json::{Value, json};
use std::sync::Arc;

/// The one time in an answer, in whatever member it stands.
fn shown(answer: &Value) -> i64 {
    let members = answer.as_object().unwrap_or_else(|| panic!("{answer} is no object"));
    let mut times = members.values().filter_map(|v| v.as_str()?.parse::<jiff::Timestamp>().ok());
    times.next().unwrap_or_else(|| panic!("no time in {answer}")).as_millisecond()
}

#[test]
fn the_clock_moves_only_when_told() {
    let server = Server::start();
    let clock = || {
        let answer = server.get("/-/clock");
        assert_eq!(answer.status, 200, "{answer:?}");
        shown(&answer.json())
    };
    assert_eq!(clock(), CLOCK_START);
    std::thread::sleep(std::time::Duration::from_millis(20));
    assert_eq!(clock(), CLOCK_START, "it stands still");
    server.advance(60_000);
    assert_eq!(clock(), CLOCK_START + MINUTE);
    let answer = server.post("/-/clock", r#"{"to": "2026-03-02T15:00:00Z"}"#);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(clock(), CLOCK_START + 3 * HOUR);
    for (text, by) in [("250ms", 250), ("5m", 5 * MINUTE), ("2h", 2 * HOUR)] {
        let before = clock();
        let answer = server.post("/-/clock", &json!({"advance": text}).to_string());
        assert_eq!(answer.status, 200, "{text}: {answer:?}");
        assert_eq!(clock(), before + by, "{text}");
    }
}

#[test]
fn the_clock_refuses_what_it_does_not_understand_and_stays() {
    let server = Server::start();
    for body in [
        "",
        "{}",
        "[]",
        "soon",
        r#"{"advance": "soon"}"#,
        r#"{"advance": "-60s"}"#,
        r#"{"to": "yesterday"}"#,
        r#"{"to": "2026-03-01T00:00:00Z"}"#,
        r#"{"advance": "60s", "to": "2026-03-03T00:00:00Z"}"#,
        r#"{"advnace": "60s"}"#,
    ] {
        let answer = server.post("/-/clock", body);
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
        assert!(!answer.body.is_empty(), "{body}: says what is wrong");
        assert_eq!(shown(&server.get("/-/clock").json()), CLOCK_START, "{body}");
    }
}

#[test]
fn a_reset_empties_everything_for_good() {
    each_client(|w| {
        w.put_minutes("m", w.now(), &[1.0, 2.0]);
        assert_eq!(w.names(json!({})), ["m"]);
        w.server.reset();
        assert!(w.list(json!({})).is_empty());
        assert!(w.statistics(json!({"MetricName": "m"})).is_empty());
        w.put_minutes("m", w.now(), &[5.0]);
        assert_eq!(w.minutes("m", "Sum"), [(w.now(), 5.0)], "nothing adds up with what was before");
        w.restart(crate::world::Ending::Kill);
        assert_eq!(w.minutes("m", "Sum"), [(w.now(), 5.0)], "nor does it come back");
    });
}

#[test]
fn without_the_bench_there_is_nothing_to_move_or_to_empty() {
    let directory = Arc::new(tempfile::tempdir().expect("a directory"));
    let server = Server::start_on(directory, &["--collect-host=false"]).expect("starts");
    for (method, path) in [("GET", "/-/clock"), ("POST", "/-/clock"), ("POST", "/-/reset")] {
        let answer = send(server.address(), method, path, &[], "").expect("an answer");
        assert!((400..500).contains(&answer.status), "{method} {path}: {answer:?}");
    }
    assert_eq!(server.get("/-/ready").status, 200);
}

/// All else runs on a virtual clock; this is the server as people start it.
#[test]
fn on_the_real_clock_what_is_put_now_is_read_now() {
    let directory = Arc::new(tempfile::tempdir().expect("a directory"));
    let server = Server::start_on(directory, &["--collect-host=false"]).expect("starts");
    for kind in Kind::ALL {
        let mut client = connect(*kind, &server);
        let who = Who::new(ACCOUNT, REGION);
        let namespace = format!("Conformance/{kind:?}");
        let data = json!([{"MetricName": "m", "Value": 4}]);
        let input = json!({"Namespace": namespace, "MetricData": data});
        client.call(&who, "PutMetricData", input).expect("taken");
        let now = jiff::Timestamp::now().as_millisecond();
        let input = json!({
            "Namespace": namespace, "MetricName": "m", "Statistics": ["Sum"],
            "StartTime": now - HOUR, "EndTime": now + HOUR, "Period": 60,
        });
        let found = client.call(&who, "GetMetricStatistics", input).expect("answered");
        let points = found["Datapoints"].as_array().expect("a list");
        assert_eq!(points.len(), 1, "{kind:?}: {found}");
        assert_eq!(points[0]["Sum"], 4.0);
        let at = points[0]["Timestamp"].as_i64().expect("a time");
        assert!(at % MINUTE == 0 && (0..2 * MINUTE).contains(&(now - at)), "{kind:?}: {found}");
    }
}

#[test]
fn the_real_clock_is_not_moved() {
    let directory = Arc::new(tempfile::tempdir().expect("a directory"));
    let server =
        Server::start_on(directory, &["--test-bench", "--collect-host=false"]).expect("starts");
    let answer = server.post("/-/clock", r#"{"advance": "60s"}"#);
    assert!((400..500).contains(&answer.status), "{answer:?}");
    assert_eq!(server.post("/-/reset", "").status, 200);
}

#[test]
fn a_virtual_clock_needs_the_bench_and_a_start() {
    let (status, said) =
        refused_start(&["--clock", "virtual", "--clock-start", "2026-01-01T00:00:00Z"]);
    assert!(!status.success() && said.contains("--test-bench"), "{status}: {said}");
    let (status, said) = refused_start(&["--test-bench", "--clock", "virtual"]);
    assert!(!status.success() && said.contains("--clock-start"), "{status}: {said}");
}

#[test]
fn a_directory_of_a_virtual_clock_does_not_open_on_the_real_one() {
    let mut server = Server::start();
    assert!(server.stop().success());
    let real = Server::start_on(server.directory(), &["--test-bench"]);
    let said = real.err().expect("must not start");
    assert!(said.contains("clock"), "{said}");
    Server::start_on(server.directory(), VIRTUAL).expect("still opens on a virtual clock");
}

#[test]
fn a_directory_serves_one_process() {
    let server = Server::start();
    let second = Server::start_on(server.directory(), VIRTUAL);
    let said = second.err().expect("must not start");
    assert!(said.contains("lock") || said.contains("use"), "{said}");
    assert_eq!(server.get("/-/ready").status, 200, "the first is not disturbed");
}

#[test]
fn health_and_own_metrics_are_served() {
    let server = Server::start();
    for path in ["/-/healthy", "/-/ready"] {
        let answer = server.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
    let answer = server.get("/metrics");
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("# TYPE "), "{answer:?}");
    assert!(server.get("/-/nothing-of-the-kind").status >= 400);
}

/// A page in a browser can reach a loopback port; it must not be able to use it.
#[test]
fn a_web_page_cannot_use_an_open_server() {
    let server = Server::start();
    for headers in [
        &[("origin", "null")][..],
        &[("origin", "https://evil.example")],
        &[("host", "evil.example")],
        &[("host", "evil.example"), ("origin", "http://evil.example")],
    ] {
        let answer = send(server.address(), "POST", "/-/reset", headers, "").expect("an answer");
        assert_eq!(answer.status, 403, "{headers:?}: {answer:?}");
    }
}

#[test]
fn an_open_server_listens_on_loopback_only() {
    let (status, said) = refused_start(&["--listen", "0.0.0.0:0"]);
    assert!(!status.success() && said.contains("0.0.0.0"), "{status}: {said}");
}
