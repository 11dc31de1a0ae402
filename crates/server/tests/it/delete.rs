//! `sightline delete` and the admin API, against the built binary that is killed in between.

use crate::http::{cloudwatch, post};
use crate::programs::{Server, run};
use serde_json::json;
use std::net::SocketAddr;
use stdx::Stopwatch;

fn put(address: SocketAddr, namespace: &str, metrics: usize, host: &str) {
    let data: Vec<_> = (0..metrics)
        .map(|n| {
            let dimensions = [json!({ "Name": "host", "Value": host })];
            json!({ "MetricName": format!("m{n}"), "Value": n, "Dimensions": dimensions })
        })
        .collect();
    for piece in data.chunks(1000) {
        let input = json!({ "Namespace": namespace, "MetricData": piece });
        let answer = cloudwatch(address, "PutMetricData", &input).expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

fn listed(server: &Server, namespace: &str) -> usize {
    let input = json!({ "Namespace": namespace });
    let answer = cloudwatch(server.address, "ListMetrics", &input).expect("an answer").json();
    answer["Metrics"].as_array().expect("a list").len()
}

#[test]
fn oracle_a_namespace_is_deleted_by_hand_and_stays_so() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let mut server = Server::start(data.path(), &[]);
    let call = |server: &Server, arguments: &[&str]| {
        let url = format!("http://{}", server.address);
        run(&[&["delete"], arguments, &["--url", &url]].concat())
    };
    put(server.address, "Shop", 300, "a");
    put(server.address, "Keep", 200, "a");
    let (code, said) = call(&server, &["-n", "Shop", "--dry-run"]);
    assert!(
        code == Some(0) && said.starts_with("would delete 300 series with 300 points"),
        "{said}"
    );
    let (code, said) = call(&server, &["-n", "Shop"]);
    assert!(code == Some(2) && said.contains("--yes"), "nobody can be asked: {said}");
    assert_eq!(listed(&server, "Shop"), 300);
    let (code, said) = call(&server, &["-n", "Shop", "--yes"]);
    assert!(code == Some(0) && said.starts_with("deleted 300 series"), "{said}");
    assert_eq!((listed(&server, "Shop"), listed(&server, "Keep")), (0, 200));
    server.program.kill();

    let server = Server::start(data.path(), &[]);
    assert_eq!((listed(&server, "Shop"), listed(&server, "Keep")), (0, 200));
    let (code, said) = call(&server, &["-n", "Shop", "--yes"]);
    assert_eq!((code, said.as_str()), (Some(0), "no series matches; nothing was deleted\n"));
    // What comes later is kept, also of the same names.
    put(server.address, "Shop", 3, "a");
    assert_eq!(listed(&server, "Shop"), 3);
    let arguments = ["--match", r#"{__namespace__="Keep",__name__=~"m1.*"}"#, "--yes", "--clean"];
    let (code, said) = call(&server, &arguments);
    assert!(code == Some(0) && said.contains("its space is free"), "{said}");
    assert_eq!(listed(&server, "Keep"), 200 - 111);
    for bad in [
        &["--match", "up{", "--yes"][..],
        &["-n", "Keep", "--from", "yesterday", "--yes"],
        &["-n", "Keep", "--account", "12", "--yes"],
    ] {
        let (code, said) = call(&server, bad);
        assert_eq!(code, Some(1), "{said}");
    }
    assert_eq!(listed(&server, "Keep"), 200 - 111);
}

#[test]
fn oracle_ten_thousands_of_series_go_quickly() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let server = Server::start(data.path(), &[]);
    for host in ["a", "b", "c"] {
        put(server.address, "Wide", 10_000, host);
    }
    put(server.address, "Keep", 10, "a");
    let body = br#"{"namespace": "Wide"}"#;
    let watch = Stopwatch::start();
    let answer = post(server.address, "/-/manage/delete", &[], body).expect("an answer");
    let took = watch.elapsed();
    assert_eq!((answer.status, &answer.json()["series"]), (200, &json!(30_000)), "{answer:?}");
    assert!(took.as_secs() < 5, "deleting 30,000 series took {took:?}");
    eprintln!("30,000 series were deleted in {took:?}");
    assert_eq!(listed(&server, "Keep"), 10);
    assert_eq!(listed(&server, "Wide"), 0);
}

#[test]
fn oracle_the_admin_api_is_off_unless_asked_for() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let path = "/api/v1/admin/tsdb/delete_series?match[]=%7B__namespace__%3D%22Shop%22%7D";
    let mut server = Server::start(data.path(), &[]);
    put(server.address, "Shop", 5, "a");
    let answer = post(server.address, path, &[], b"").expect("an answer");
    assert_eq!((answer.status, &answer.json()["error"]), (503, &json!("admin APIs disabled")));
    assert_eq!(listed(&server, "Shop"), 5);
    server.stop();
    let server = Server::start(data.path(), &["--admin-api"]);
    assert_eq!(post(server.address, path, &[], b"").expect("an answer").status, 204);
    assert_eq!(listed(&server, "Shop"), 0);
}
