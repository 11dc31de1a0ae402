//! Who may not, and what is not there.

use crate::world::{NOW_MS, World, body, told, write_request};
use doors::prometheus::PrometheusOptions;
use http::Request;
use platform::StoreOptions;

#[test]
fn paths_and_methods_are_told_apart() {
    let world = World::new();
    for path in ["read", "otlp/v1/metrics", "status/tsdb/blocks"] {
        assert_eq!(
            world.get(&format!("/api/v1/{path}")),
            (404, r#"{"status":"error","errorType":"not_found","error":"not served yet"}"#.into())
        );
    }
    assert_eq!(
        world.get("/api/v1/nothing"),
        (404, r#"{"status":"error","errorType":"not_found","error":"no such path"}"#.into())
    );
    for (method, path, allow) in [
        ("GET", "write", "POST"),
        ("PUT", "query", "GET, POST"),
        ("DELETE", "series", "GET, POST"),
        ("POST", "metadata", "GET"),
        ("GET", "admin/tsdb/delete_series", "POST, PUT"),
        ("DELETE", "admin/tsdb/clean_tombstones", "POST, PUT"),
        ("POST", "label/a/values", "GET"),
    ] {
        let request = Request::builder().method(method).uri(format!("/api/v1/{path}")).body("");
        let response = world.ask(request.unwrap());
        assert_eq!(response.status(), 405, "{method} {path}");
        assert_eq!(response.headers()["allow"], allow);
    }
}

#[test]
fn nobody_speaks_for_another_account() {
    let world = World::new();
    // The user is 111111111111.
    let basic = "Basic MTExMTExMTExMTExOnNlY3JldA==";
    let ask = |org: &str, authorization: &str| {
        let request = Request::get("/api/v1/query?query=1")
            .header("x-scope-orgid", org)
            .header("authorization", authorization);
        told(&world.ask(request.body("").unwrap()))
    };
    assert_eq!(ask("111111111111", basic).0, 200);
    let (code, text) = ask("222222222222", basic);
    assert_eq!(code, 403);
    assert!(text.contains(r#""errorType":"forbidden""#), "{text}");
    assert_eq!(ask("team-a", basic).0, 403);
    // Names that are no accounts, and schemes that name nobody, speak for whom the header says.
    assert_eq!(ask("222222222222", "Basic dXNlcjpzZWNyZXQ=").0, 200);
    assert_eq!(ask("222222222222", "Bearer token").0, 200);
    for (org, authorization) in [
        ("a|b", "Bearer token"),
        ("", "Bearer token"),
        ("team-a", "Basic !"),
        ("team-a", "Basic dXNlcg=="),
    ] {
        assert_eq!(ask(org, authorization).0, 400, "{org} {authorization}");
    }
    let mut request = write_request(&body(&[(&[("__name__", "up")], &[(NOW_MS, 1.0)])]));
    request.headers_mut().insert("authorization", basic.parse().unwrap());
    request.headers_mut().insert("x-scope-orgid", "222222222222".parse().unwrap());
    let (code, text) = told(&world.ask(request));
    assert_eq!(code, 403);
    assert_eq!(
        text,
        "X-Scope-OrgID names account 222222222222, and the user is account 111111111111\n"
    );
}

#[test]
fn answers_have_a_limit() {
    let options = PrometheusOptions { answer_bytes_max: 500, ..PrometheusOptions::default() };
    let world = World::with(StoreOptions::default(), options);
    for n in 0..20 {
        let name = n.to_string();
        world.put(&[("__name__", "up"), ("n", &name), ("long", &"x".repeat(50))], &[(NOW_MS, 1.0)]);
    }
    for question in ["query?query=up", "series?match[]=up"] {
        let (code, text) = world.get(&format!("/api/v1/{question}"));
        assert_eq!(code, 422, "{text}");
        assert!(text.contains("answer is longer than 500 bytes"), "{text}");
    }
    assert_eq!(world.get("/api/v1/query?query=up&limit=2").0, 200);
}
