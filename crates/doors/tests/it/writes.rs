//! What is written can be read, and what is refused is named.

use crate::world::{NOW_MS, Row, World, body, encoded, told, write_request};
use doors::prometheus::PrometheusOptions;
use formats::remote_write::{Encoder, MetricType, compress};
use http::Request;
use platform::{SeriesLimits, Share, StoreOptions};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use stdx::CrashPlan;

const UP: &[(&str, &str)] = &[("__name__", "up"), ("job", "node")];

fn matrix(world: &World, selector: &str) -> String {
    let (code, text) = world.get(&format!("/api/v1/query?query={}", encoded(selector)));
    assert_eq!(code, 200, "{text}");
    let head = r#"{"status":"success","data":{"resultType":"matrix","result":"#;
    text.strip_prefix(head).unwrap().strip_suffix("}}").unwrap().to_owned()
}

#[test]
fn what_is_written_can_be_read_at_once() {
    let world = World::new();
    world.put(UP, &[(NOW_MS - 2_000, 1.0), (NOW_MS - 1_000, 0.25)]);
    world.put(UP, &[(NOW_MS, -0.0)]);
    assert_eq!(
        matrix(&world, "up[1m]"),
        r#"[{"metric":{"__name__":"up","job":"node"},"values":[[1699999998,"1"],[1699999999,"0.25"],[1700000000,"-0"]]}]"#
    );
}

#[test]
fn the_later_arrival_of_a_time_wins() {
    let world = World::new();
    world.put(UP, &[(NOW_MS, 1.0)]);
    world.put(UP, &[(NOW_MS, 2.0), (NOW_MS - 500, 7.0), (NOW_MS - 500, 8.0)]);
    assert!(matrix(&world, "up[1m]").ends_with(r#"[[1699999999.500,"8"],[1700000000,"2"]]}]"#));
}

#[test]
fn labels_in_another_order_are_the_same_series() {
    let world = World::new();
    world.put(&[("__name__", "m"), ("a", "1"), ("b", "2")], &[(NOW_MS - 1, 1.0)]);
    world.put(&[("b", "2"), ("empty", ""), ("a", "1"), ("__name__", "m")], &[(NOW_MS, 2.0)]);
    assert_eq!(matrix(&world, "m[1m]").matches("metric").count(), 1);
    assert_eq!(world.platform.store_status().series, 1);
}

#[test]
fn a_stale_marker_ends_a_series_and_never_shows() {
    let world = World::new();
    let stale = f64::from_bits(model::STALE_NAN_BITS);
    world.put(UP, &[(NOW_MS - 2_000, f64::NAN), (NOW_MS - 1_000, stale)]);
    assert!(matrix(&world, "up[1m]").ends_with(r#""values":[[1699999998,"NaN"]]}]"#));
    let (_, text) = world.get("/api/v1/query?query=up");
    assert!(text.contains(r#""result":[]"#), "{text}");
    let (_, text) = world.get("/api/v1/query?query=up&time=1699999998.5");
    assert!(text.contains(r#""value":[1699999998.500,"NaN"]"#), "{text}");
}

#[test]
fn values_keep_their_characters() {
    let world = World::new();
    world.put(&[("__name__", "a.b"), ("ü", "line\nquote\"back\\\u{1}</b>")], &[(NOW_MS, 1.0)]);
    assert!(matrix(&world, r#"{"a.b"}[1m]"#).starts_with(
        r#"[{"metric":{"__name__":"a.b","ü":"line\nquote\"back\\\u0001</b>"},"values""#
    ));
}

#[test]
fn accounts_do_not_see_each_other() {
    let world = World::new();
    let orgs = ["111111111111", "team-a", "team-b"];
    for (n, org) in orgs.iter().enumerate() {
        let mut request = write_request(&body(&[(UP, &[(NOW_MS, n as f64)])]));
        request.headers_mut().insert("x-scope-orgid", org.parse().unwrap());
        assert_eq!(told(&world.ask(request)).0, 204);
    }
    for (n, org) in orgs.iter().enumerate() {
        let request = Request::get("/api/v1/query?query=up").header("X-Scope-OrgID", *org);
        let (_, text) = told(&world.ask(request.body("").unwrap()));
        assert!(text.contains(&format!(r#""value":[1700000000,"{n}"]"#)), "{text}");
    }
    assert!(world.get("/api/v1/query?query=up").1.contains(r#""result":[]"#));
    // The same account by its user name.
    let request = Request::get("/api/v1/query?query=up")
        .header("authorization", "Basic MTExMTExMTExMTExOnNlY3JldA==")
        .body("");
    assert!(told(&world.ask(request.unwrap())).1.contains(r#"[1700000000,"0"]"#));
}

#[test]
fn samples_out_of_bounds_are_named_and_the_rest_is_stored() {
    let world = World::new();
    let day_ms = 86_400_000;
    let far: &[(&str, &str)] = &[("__name__", "far"), ("job", "x")];
    let request = body(&[
        (UP, &[(NOW_MS - 91 * day_ms, 1.0), (NOW_MS, 2.0)]),
        (far, &[(NOW_MS + 3 * 3_600_000, 3.0)]),
    ]);
    // Once as new series and once as known ones.
    for _ in 0..2 {
        assert_eq!(
            world.write(&request),
            (
                400,
                "samples stored: 1; refused samples before 1692224000 or after 1700007200: 2, \
                 first up{job=\"node\"} at 1692137600\n"
                    .into()
            )
        );
    }
    assert!(matrix(&world, "up[1m]").ends_with(r#"[[1700000000,"2"]]}]"#));
    assert_eq!(
        world.get("/api/v1/label/__name__/values").1,
        r#"{"status":"success","data":["up"]}"#
    );
}

#[test]
fn series_that_cannot_be_stored_are_named_and_the_rest_is_stored() {
    let world = World::new();
    let long = "x".repeat(70_000);
    let many: Vec<(String, String)> = (0..300).map(|n| (format!("l{n}"), "v".into())).collect();
    let mut many: Vec<(&str, &str)> = many.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    many.insert(0, ("__name__", "many"));
    let long_name = "n".repeat(1_025);
    let cases: [(&[(&str, &str)], &str); 8] = [
        (&[("job", "x")], "{job=\"x\"} has no name"),
        (
            &[("__name__", "d"), ("a", "1"), ("a", "2")],
            "has bad labels: duplicate label name \"a\"",
        ),
        (
            &[("__name__", "r"), ("__unit__", "s")],
            "has bad labels: reserved label name \"__unit__\"",
        ),
        (&[("__name__", "e"), ("", "1")], "has bad labels: empty label name"),
        (&[("__name__", "l"), ("a", &long)], "has a value of more than 65535 bytes for a"),
        (&[("__name__", &long)], "has a value of more than 1024 bytes for __name__"),
        (&[("__name__", "n"), (&long_name, "1")], "has a label name of more than 1024 bytes"),
        (&many, "has more than 256 labels"),
    ];
    for (n, (labels, why)) in cases.into_iter().enumerate() {
        let at_ms = NOW_MS + n as i64;
        let (code, text) = world.write(&body(&[(labels, &[(at_ms, 1.0)]), (UP, &[(at_ms, 1.0)])]));
        assert_eq!(code, 400, "{text}");
        assert!(
            text.starts_with("samples stored: 1; refused series that cannot be stored: 1, "),
            "{text}"
        );
        assert!(text.contains(why), "{text}");
        assert!(text.len() < 2_000, "{text}");
    }
    assert_eq!(world.platform.store_status().series, 1);
}

#[test]
fn exemplars_of_no_time_are_named_and_the_floats_are_stored() {
    let world = World::new();
    let mut request = body(&[(UP, &[(NOW_MS, 4.0)])]);
    // Two exemplars of no time, empty ones, behind what the series holds.
    assert!(request[1] < 100);
    request[1] += 4;
    request.extend_from_slice(&[3 << 3 | 2, 0, 3 << 3 | 2, 0]);
    assert_eq!(
        world.write(&request),
        (
            400,
            "samples stored: 1; refused exemplars that cannot be stored: 2, first up{job=\"node\"} \
             has one outside the times that are taken, at 0 ms\n"
                .into()
        )
    );
    assert!(matrix(&world, "up[1m]").ends_with(r#"[[1700000000,"4"]]}]"#));
}

#[test]
fn metadata_is_kept_and_listed() {
    let world = World::new();
    let mut encoder = Encoder::new();
    encoder.metadata(MetricType::Counter, "b_total", "Counts \"b\".", "bytes");
    encoder.metadata(MetricType::Gauge, "a", "", "");
    let request = encoder.finish();
    assert_eq!(world.write(&request), (204, String::new()));
    let a = r#""a":[{"type":"gauge","help":"","unit":""}]"#;
    let b = r#""b_total":[{"type":"counter","help":"Counts \"b\".","unit":"bytes"}]"#;
    let listed = |query: &str| world.get(&format!("/api/v1/metadata{query}"));
    let data = |inside: &str| (200, format!(r#"{{"status":"success","data":{{{inside}}}}}"#));
    assert_eq!(listed(""), data(&format!("{a},{b}")));
    assert_eq!(listed("?limit=1&limit_per_metric=1"), data(a));
    assert_eq!(listed("?limit=-1"), data(&format!("{a},{b}")));
    assert_eq!(listed("?limit=0"), data(""));
    assert_eq!(listed("?metric=b_total"), data(b));
    assert_eq!(listed("?metric=c"), data(""));
    assert!(listed("?limit=x").1.contains("limit must be a number"));

    let mut encoder = Encoder::new();
    encoder.metadata(MetricType::Gauge, "", "nameless", "");
    let (code, text) = world.write(&encoder.finish());
    assert_eq!(code, 400);
    assert!(text.contains("refused metadata that cannot be stored: 1, first family has no name"));
}

#[test]
fn labels_with_samples_in_between_are_read() {
    let world = World::new();
    let mut request = body(&[(&UP[..1], &[(NOW_MS, 1.0)])]);
    let job = body(&[(&UP[1..], &[])]);
    // The second label goes behind the sample, into the same series.
    request[1] += u8::try_from(job.len() - 2).unwrap();
    request.extend_from_slice(&job[2..]);
    assert_eq!(world.write(&request), (204, String::new()));
    world.put(UP, &[(NOW_MS - 1_000, 0.0)]);
    assert!(
        matrix(&world, "up{job='node'}[1m]").ends_with(r#"[[1699999999,"0"],[1700000000,"1"]]}]"#)
    );
    assert_eq!(world.platform.store_status().series, 1);
}

#[test]
fn labels_that_are_no_text_refuse_their_series_only() {
    let world = World::new();
    let mut request = body(&[(&[("__name__", "bad"), ("a", "x")], &[(NOW_MS, 1.0)])]);
    let at = request.iter().rposition(|&b| b == b'x').unwrap();
    request[at] = 0xff;
    request.extend_from_slice(&body(&[(UP, &[(NOW_MS, 2.0)])]));
    let (code, text) = world.write(&request);
    assert_eq!(code, 400);
    assert!(
        text.contains("first bad{} has labels that cannot be read: text is not UTF-8"),
        "{text}"
    );
    assert!(matrix(&world, "{job='node'}[1m]").ends_with(r#"[[1700000000,"2"]]}]"#));
}

#[test]
fn what_the_disk_does_not_keep_is_no_success() {
    let world = World::new();
    world.put(UP, &[(NOW_MS - 2_000, 1.0)]);
    world.disk.set_plan(CrashPlan { capacity_bytes: Some(1), ..CrashPlan::default() });
    let noise: Vec<String> = (0..3_000).map(|n| format!("{n:x}").repeat(300)).collect();
    let series: Vec<[(&str, &str); 2]> =
        noise.iter().map(|value| [("__name__", "m"), ("noise", value.as_str())]).collect();
    let at = [(NOW_MS, 1.0)];
    let series: Vec<Row<'_>> = series.iter().map(|labels| (&labels[..], &at[..])).collect();
    let large = body(&series);
    let (code, text) = world.write(&large);
    assert_eq!(code, 503, "{text}");
    assert!(text.starts_with("batch was not kept: "), "{text}");
    assert!(matrix(&world, "m[1m]").starts_with("[]"));

    world.disk.set_plan(CrashPlan::default());
    assert_eq!(world.write(&large), (204, String::new()));
    world
        .disk
        .set_plan(CrashPlan { fail_sync_at: Some(world.disk.syncs() + 1), ..CrashPlan::default() });
    for _ in 0..2 {
        let (code, text) = world.write(&body(&[(UP, &[(NOW_MS, 2.0)])]));
        assert_eq!(code, 503, "{text}");
        assert!(text.contains("restart"), "{text}");
    }
    assert!(matrix(&world, "up[1m]").ends_with(r#"[[1699999998,"1"]]}]"#));
}

#[test]
fn broken_bodies_leave_no_trace() {
    let world = World::new();
    let mut request = body(&[(UP, &[(NOW_MS, 1.0)])]);
    request.extend_from_slice(&[1 << 3 | 2, 200, 1]);
    let (code, text) = world.write(&request);
    assert_eq!(code, 400);
    assert!(text.starts_with("body is no remote write request: "), "{text}");
    let no_block = Request::post("/api/v1/write").body("no block").unwrap();
    assert_eq!(world.ask(no_block).status(), 400);
    assert_eq!(world.platform.store_status().series, 0);
    assert!(world.get("/api/v1/labels").1.ends_with(r#""data":[]}"#));
}

#[test]
fn an_empty_request_is_a_success() {
    let world = World::new();
    assert_eq!(world.write(b""), (204, String::new()));
    // A series without samples says nothing, whatever its labels are.
    assert_eq!(world.write(&body(&[(&[("a", "1")], &[])])), (204, String::new()));
}

#[test]
fn kinds_of_bodies_that_are_not_served_are_told_apart() {
    let world = World::new();
    let packed = compress(&body(&[(UP, &[(NOW_MS, 1.0)])]));
    let send = |media: &str, encoding: &str| {
        let mut request = Request::post("/api/v1/write");
        for (name, value) in [("content-type", media), ("content-encoding", encoding)] {
            if !value.is_empty() {
                request = request.header(name, value);
            }
        }
        told(&world.ask(request.body(packed.clone()).unwrap()))
    };
    let v1 = "application/x-protobuf";
    for media in ["", v1, "application/x-protobuf;proto=prometheus.WriteRequest"] {
        assert_eq!(send(media, "snappy").0, 204, "{media}");
    }
    assert_eq!(send(v1, "").0, 204);
    let (code, text) =
        send("application/x-protobuf;proto=io.prometheus.write.v2.Request", "snappy");
    assert_eq!(code, 415);
    assert!(text.starts_with("remote write 2.0 "), "{text}");
    for (media, encoding) in [
        ("application/json", "snappy"),
        ("application/x-protobuf; proto=other.Message", "snappy"),
        (v1, "gzip"),
        (v1, "x-snappy-framed"),
    ] {
        assert_eq!(send(media, encoding).0, 415, "{media} {encoding}");
    }
}

#[test]
fn bodies_beyond_the_limits_are_refused() {
    let options = PrometheusOptions {
        body_bytes_max: 100,
        unpacked_bytes_max: 1_000,
        ..PrometheusOptions::default()
    };
    let world = World::with(StoreOptions::default(), options);
    assert_eq!(world.write(&vec![0; 1_001]).0, 413);
    let noise: Vec<u8> = (0..200u8).collect();
    let (code, text) = world.write(&noise);
    assert_eq!(code, 413);
    assert!(text.contains("more than the limit of 100"), "{text}");
}

#[test]
fn a_sender_is_told_to_slow_down() {
    let store = StoreOptions { waiting_points_max: 1, ..StoreOptions::default() };
    let world = World::with(store, PrometheusOptions::default());
    let (parts, waiting) = write_request(&body(&[(UP, &[(NOW_MS, 1.0)])])).into_parts();
    world.door.handle(&parts, waiting.into(), |response| assert_eq!(response.status(), 204));
    let response = world.ask(write_request(&body(&[(UP, &[(NOW_MS, 2.0)])])));
    // Prometheus sends again what it gets 503 for, and gives up what it gets 429 for.
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
    world.platform.commit_step(Duration::ZERO);
    world.put(UP, &[(NOW_MS, 3.0)]);
}

#[test]
fn a_batch_that_the_registry_has_left_behind_is_made_again() {
    let world = World::new();
    let (sender, answers) = mpsc::channel();
    const REQUESTS: usize = 300;
    thread::scope(|scope| {
        let door = &world.door;
        scope.spawn(move || {
            for n in 0..REQUESTS {
                let sender = sender.clone();
                let request = body(&[(UP, &[(NOW_MS - n as i64, 1.0)])]);
                let (parts, packed) = write_request(&request).into_parts();
                door.handle(&parts, packed.into(), move |answer| {
                    sender.send(told(&answer)).unwrap();
                });
            }
        });
        let mut answered = 0;
        while answered < REQUESTS {
            // Emptying renews the registry, whatever is in between batch and journal.
            world.platform.reset().unwrap();
            world.platform.commit_step(Duration::ZERO);
            for (code, text) in answers.try_iter() {
                // Emptying may also take the tenant away under a writer, who is told that.
                let no_tenant = code == 503 && text.starts_with("tenants ");
                assert!(code == 204 || no_tenant, "{code} {text}");
                answered += 1;
            }
        }
    });
    assert!(answers.try_recv().is_err(), "each was answered once");
}

#[test]
fn new_series_beyond_the_budget_are_named_and_the_rest_is_stored() {
    let series =
        SeriesLimits { namespace: Share { series: 3, bytes: u64::MAX }, ..SeriesLimits::UNBOUNDED };
    let store = StoreOptions { series, ..StoreOptions::default() };
    let world = World::with(store, PrometheusOptions::default());
    let ids: Vec<String> = (0..5).map(|n| n.to_string()).collect();
    let labels: Vec<[(&str, &str); 3]> = ids
        .iter()
        .map(|id| [("__name__", "requests"), ("job", "shop"), ("request_id", id.as_str())])
        .collect();
    let rows: Vec<Row<'_>> = labels.iter().map(|l| (&l[..], &[(NOW_MS, 1.0)][..])).collect();
    let (code, text) = world.write(&body(&rows));
    assert_eq!(code, 400);
    assert_eq!(
        text,
        "samples stored: 3; refused samples of new series without room: 2, first \
         requests{job=\"shop\",request_id=\"3\"}: series without a namespace have 3 series in \
         memory and may have 3; label \"request_id\" makes most of them: 3 values in the newest 3 \
         series\n"
    );
    // Known ones go on as if nothing were.
    let known: Vec<Row<'_>> =
        labels[..3].iter().map(|l| (&l[..], &[(NOW_MS + 1, 2.0)][..])).collect();
    assert_eq!(world.write(&body(&known)), (204, String::new()));
    let (_, text) = world.get("/api/v1/query?query=requests&time=1700000001");
    assert_eq!(text.matches("request_id").count(), 3, "{text}");
    // Another account has a budget of its own.
    let request = write_request(&body(&rows[3..]));
    let (mut parts, bytes) = request.into_parts();
    parts.headers.insert("x-scope-orgid", "111111111111".parse().unwrap());
    assert_eq!(told(&world.ask(Request::from_parts(parts, bytes))), (204, String::new()));
    let uses = world.platform.namespace_uses();
    assert_eq!(uses.iter().map(|u| (u.series, u.refused)).collect::<Vec<_>>(), [(3, 2), (2, 0)]);
    let senders = world.platform.senders();
    let all: Vec<_> = senders.iter().map(|s| (s.sent.points, s.sent.refused)).collect();
    assert!(all.contains(&(6, 2)) && all.contains(&(2, 0)), "{all:?}");
}
