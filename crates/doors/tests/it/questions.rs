//! The texts of answers, exactly.

use crate::world::{NOW_MS, World, body, encoded, told};
use flate2::read::GzDecoder;
use http::Request;
use model::{Principal, Unit};
use platform::TimeLimits;
use std::fmt::Write as _;
use std::io::Read as _;
use std::time::Duration;

/// Two series of `up`, every ten seconds for ten minutes up to now, one of them ending three minutes
/// ago; and a metric of CloudWatch.
fn filled() -> World {
    let world = World::new();
    let times = (0..=60).map(|n| NOW_MS - 600_000 + n * 10_000);
    let all: Vec<(i64, f64)> = times.enumerate().map(|(n, at_ms)| (at_ms, n as f64)).collect();
    let node: &[(&str, &str)] = &[("__name__", "up"), ("instance", "a"), ("job", "node")];
    let db: &[(&str, &str)] = &[("__name__", "up"), ("instance", "b"), ("job", "db")];
    assert_eq!(world.write(&body(&[(db, &all[..=42]), (node, &all)])).0, 204);

    let scope = world.platform.default_scope().clone();
    let who = Principal::internal(scope.account);
    let mut ingest = world.platform.begin_ingest(&who, &scope, TimeLimits::CloudWatch).unwrap();
    let key = model::SeriesKey {
        tenant: ingest.tenant,
        namespace: "AWS/EC2".into(),
        name: "CPUUtilization".into(),
        unit: Unit::Percent,
        labels: vec![("InstanceId".into(), "i-1".into())],
    };
    let number = ingest.batch.register(None, &key, model::Kind::Delta).unwrap();
    for value in [40.0, 60.0] {
        ingest.batch.single(number, NOW_MS, value);
    }
    world.platform.submit(ingest.batch, |kept| kept.unwrap()).unwrap();
    world.platform.commit_step(Duration::ZERO);
    world
}

/// Each case is an address, its parameters after it, each on a line of its own, not encoded.
#[test]
fn answers_are_as_in_the_fixtures() {
    let world = filled();
    testkit::run_fixtures(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"), |case| {
        let mut lines = case.lines();
        let mut address = format!("/api/v1/{}", lines.next().unwrap());
        for (n, line) in lines.enumerate() {
            let (name, value) = line.split_once('=').unwrap();
            let separator = if n == 0 { '?' } else { '&' };
            let _ = write!(address, "{separator}{name}={}", encoded(value));
        }
        let (code, text) = world.get(&address);
        format!("{code} {text}")
    });
}

#[test]
fn forms_are_read_from_bodies() {
    let world = filled();
    let ask = |address: &str, form: &'static str| {
        let request = Request::post(address)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        told(&world.ask(request.unwrap()))
    };
    let by_address = world.get("/api/v1/query?query=up&time=1699999990&limit=1");
    assert_eq!(ask("/api/v1/query?time=1699999990", "query=up&limit=1"), by_address);
    assert_eq!(
        ask("/api/v1/series?match[]=up", "match%5B%5D=CPUUtilization")
            .1
            .matches("__name__")
            .count(),
        3
    );
    let other = Request::post("/api/v1/query").header("content-type", "application/json");
    assert_eq!(world.ask(other.body("{}").unwrap()).status(), 400);
}

#[test]
fn long_answers_are_packed_for_those_who_ask() {
    let world = filled();
    let ask = |accept: &str, address: &str| {
        let request = Request::get(address).header("accept-encoding", accept).body("");
        world.ask(request.unwrap())
    };
    let long = "/api/v1/query?query=up[10m]";
    let plain = ask("identity", long);
    assert!(plain.headers().get("content-encoding").is_none());
    let packed = ask("gzip, deflate", long);
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    assert_eq!(packed.headers()["vary"], "Accept-Encoding");
    assert_eq!(packed.headers()["content-type"], "application/json");
    assert!(packed.body().len() < plain.body().len() / 2);
    let mut unpacked = Vec::new();
    GzDecoder::new(&packed.body()[..]).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, &plain.body()[..]);
    let short = ask("gzip", "/api/v1/labels");
    assert!(short.headers().get("content-encoding").is_none());
}

#[test]
fn the_server_says_what_it_is() {
    let world = World::new();
    let (code, text) = world.get("/api/v1/status/buildinfo");
    assert_eq!(code, 200);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["data"]["application"], "Sightline");
    assert_eq!(
        world.get("/api/v1/status/runtimeinfo").1,
        r#"{"status":"success","data":{"corruptionCount":0,"serverTime":"2023-11-14T22:13:20Z","startTime":"2023-11-14T22:13:20Z"}}"#
    );
}

#[test]
fn eleven_thousand_steps_are_the_limit() {
    let world = filled();
    let ask =
        |end: i64| world.get(&format!("/api/v1/query_range?query=1&start=0&end={end}&step=1"));
    assert_eq!(ask(11_000).0, 200);
    assert_eq!(ask(11_000).1.matches("\"1\"").count(), 11_001);
    let (code, text) = ask(11_001);
    assert_eq!(code, 400);
    assert!(text.contains("exceeded maximum resolution of 11,000 points"), "{text}");
}
