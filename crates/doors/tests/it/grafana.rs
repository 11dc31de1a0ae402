//! What Grafana's Prometheus data source asks for, in the order in which it does: each is answered.
//!
//! Source: Grafana documentation, "Configure the Prometheus data source" (method, custom parameters,
//! health check), "Prometheus query editor" and "Template variables" (label names, label values,
//! metrics, series, metadata, exemplars), and Prometheus' documentation of the calls.

use crate::world::{NOW_MS, World, body, encoded, told};
use formats::remote_write::{Encoder, ExemplarToSend, MetricType};
use http::Request;
use serde_json::Value;

fn filled() -> World {
    let world = World::new();
    let samples: Vec<(i64, f64)> =
        (0..=60).map(|n| (NOW_MS - 600_000 + n * 10_000, n as f64)).collect();
    let labels = [("__name__", "http_requests_total"), ("instance", "a:1"), ("job", "web")];
    assert_eq!(world.write(&body(&[(&labels, &samples)])).0, 204);
    let mut encoder = Encoder::new();
    let trace = &[("traceID", "4bf92f3577b34da6")];
    let exemplar = ExemplarToSend { at_ms: NOW_MS - 1, value: 3.0, labels: trace };
    encoder.series_with(&labels, &[], &[exemplar]);
    encoder.metadata(MetricType::Counter, "http_requests_total", "Requests.", "");
    assert_eq!(world.write(&encoder.finish()).0, 204);
    world
}

fn form(parameters: &[(&str, &str)]) -> String {
    let pairs = parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn post(world: &World, path: &str, parameters: &[(&str, &str)]) -> Value {
    let request = Request::post(format!("/api/v1/{path}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form(parameters));
    data(path, told(&world.ask(request.unwrap())))
}

fn get(world: &World, path: &str, parameters: &[(&str, &str)]) -> Value {
    data(path, world.get(&format!("/api/v1/{path}?{}", form(parameters))))
}

fn data(path: &str, (code, text): (u16, String)) -> Value {
    assert_eq!(code, 200, "{path}: {text}");
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["status"], "success", "{path}");
    answer["data"].clone()
}

#[test]
fn every_call_of_the_data_source_is_answered() {
    let world = filled();
    let range = [("start", "1699999400"), ("end", "1700000000")];
    let with = |more: &[(&'static str, &'static str)]| [more, &range[..]].concat();

    // "Save & test".
    let health = post(&world, "query", &[("query", "1+1"), ("time", "1700000000")]);
    assert_eq!(health["result"][1], "2");
    let build = get(&world, "status/buildinfo", &[]);
    assert!(build["version"].as_str().unwrap().starts_with("3."));
    assert_eq!(get(&world, "rules", &[])["groups"], serde_json::json!([]));

    // The query editor: metrics, labels, values, what a metric is.
    let names = get(&world, "label/__name__/values", &range);
    assert_eq!(names, serde_json::json!(["http_requests_total"]));
    let matched = with(&[("match[]", "http_requests_total{job=\"web\"}")]);
    assert_eq!(get(&world, "label/instance/values", &matched), serde_json::json!(["a:1"]));
    let labels = post(&world, "labels", &matched);
    assert_eq!(labels, serde_json::json!(["__name__", "instance", "job"]));
    let series = post(&world, "series", &with(&[("match[]", "{job=\"web\"}"), ("limit", "40000")]));
    assert_eq!(series[0]["instance"], "a:1");
    let metadata = get(&world, "metadata", &[("limit", "1000"), ("limit_per_metric", "1")]);
    assert_eq!(metadata["http_requests_total"][0]["type"], "counter");
    let tree = get(&world, "parse_query", &[("query", "rate(http_requests_total[1m])")]);
    assert_eq!(tree["func"]["name"], "rate");
    let text = post(&world, "format_query", &[("query", "sum(rate(up[1m]))by(job)")]);
    assert_eq!(text, "sum by (job) (rate(up[1m]))");

    // A panel: its range, its exemplars, its table.
    let query = ("query", "sum by (job) (rate(http_requests_total{instance=~\"a.*\"}[1m0s]))");
    let panel = post(&world, "query_range", &with(&[query, ("step", "15")]));
    assert_eq!(panel["resultType"], "matrix");
    assert_eq!(panel["result"][0]["metric"]["job"], "web");
    assert_eq!(panel["result"][0]["values"][20][1], "0.1", "a sample of one each ten seconds");
    let exemplars = post(&world, "query_exemplars", &with(&[query]));
    assert_eq!(exemplars[0]["seriesLabels"]["instance"], "a:1");
    assert_eq!(exemplars[0]["exemplars"][0]["labels"]["traceID"], "4bf92f3577b34da6");
    let table = post(&world, "query", &[query, ("time", "1700000000"), ("timeout", "30s")]);
    assert_eq!(table["resultType"], "vector");

    // Template variables and annotations.
    let variable = [("query", "count by (instance) (http_requests_total)"), ("time", "1700000000")];
    assert_eq!(post(&world, "query", &variable)["result"][0]["metric"]["instance"], "a:1");
    let alerts = ("query", "ALERTS{alertstate=\"firing\"}");
    assert_eq!(
        post(&world, "query_range", &with(&[alerts, ("step", "60")]))["result"][0],
        Value::Null
    );

    // Alerting: rules and alerts that the data source has.
    assert_eq!(get(&world, "alerts", &[])["alerts"], serde_json::json!([]));
    assert_eq!(get(&world, "alertmanagers", &[])["activeAlertmanagers"], serde_json::json!([]));
}
