//! Deletion by Prometheus' admin API.

use crate::world::{NOW_MS, World, encoded, told};
use doors::prometheus::PrometheusOptions;
use http::Request;
use platform::StoreOptions;

fn allowed() -> World {
    let options = PrometheusOptions { admin_api: true, ..PrometheusOptions::default() };
    World::with(StoreOptions::default(), options)
}

fn act(world: &World, method: &str, path: &str) -> (u16, String) {
    let request = Request::builder().method(method).uri(format!("/api/v1/admin/tsdb/{path}"));
    told(&world.ask(request.body("").unwrap()))
}

fn jobs(world: &World) -> String {
    world.get("/api/v1/label/job/values").1
}

#[test]
fn it_is_off_unless_allowed() {
    let world = World::new();
    world.put(&[("__name__", "up"), ("job", "a")], &[(NOW_MS, 1.0)]);
    for path in ["delete_series?match[]=up", "clean_tombstones", "snapshot"] {
        assert_eq!(
            act(&world, "POST", path),
            (
                503,
                r#"{"status":"error","errorType":"unavailable","error":"admin APIs disabled"}"#
                    .into()
            )
        );
    }
    assert!(jobs(&world).contains(r#""a""#));
}

#[test]
fn series_and_ranges_are_deleted() {
    let world = allowed();
    for job in ["a", "b", "c"] {
        let times: Vec<(i64, f64)> = (0..10).map(|n| (NOW_MS - n * 1000, n as f64)).collect();
        world.put(&[("__name__", "up"), ("job", job)], &times);
    }
    let selector = encoded(r#"up{job=~"a|nobody"}"#);
    assert_eq!(
        act(&world, "PUT", &format!("delete_series?match[]={selector}")),
        (204, String::new())
    );
    assert_eq!(jobs(&world), r#"{"status":"success","data":["b","c"]}"#);
    // Both ends are inside, as in Prometheus.
    let (start, end) = ((NOW_MS - 5000) / 1000, NOW_MS / 1000);
    let selector = encoded(r#"{job="b"}"#);
    let path = format!("delete_series?match[]={selector}&start={start}&end={end}");
    assert_eq!(act(&world, "POST", &path).0, 204);
    let range = format!("/api/v1/query?query={}&time={end}", encoded("up[1m]"));
    let answer = world.get(&range).1;
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let counts: Vec<usize> = answer["data"]["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|series| series["values"].as_array().unwrap().len())
        .collect();
    assert_eq!(counts, [4, 10], "of b what is older, of c everything");
    assert_eq!(act(&world, "POST", "clean_tombstones"), (204, String::new()));
    assert_eq!(jobs(&world), r#"{"status":"success","data":["b","c"]}"#);
    // A deletion that matches nothing is done too.
    assert_eq!(act(&world, "POST", "delete_series?match[]=nothing").0, 204);
}

#[test]
fn what_cannot_be_deleted_is_said() {
    let world = allowed();
    world.put(&[("__name__", "up"), ("job", "a")], &[(NOW_MS, 1.0)]);
    let refused = |path: &str| {
        let (code, text) = act(&world, "POST", path);
        assert_eq!(code, 400, "{path}: {text}");
        text
    };
    assert!(refused("delete_series").contains("no match[] parameter provided"));
    assert!(refused("delete_series?match[]=up%7B").contains("match[]"));
    assert!(refused("delete_series?match[]=up&start=5&end=4").contains("end timestamp"));
    let view = encoded(r#"up{__stat__="Sum"}"#);
    assert!(refused(&format!("delete_series?match[]={view}")).contains("__stat__"));
    let (code, text) = act(&world, "POST", "snapshot");
    assert_eq!(code, 404);
    assert!(text.contains("snapshot is not served"), "{text}");
    assert!(jobs(&world).contains(r#""a""#));
}
