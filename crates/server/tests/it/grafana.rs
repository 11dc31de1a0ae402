//! The calls of Grafana's Prometheus data source, over HTTP against the built binary: each is answered
//! in the form that the data source reads. What the answers mean is tested below the sockets.
//!
//! Source: Grafana documentation, "Prometheus data source" (health check, HTTP method, query editor,
//! template variables, exemplars); Prometheus documentation, "HTTP API".

use crate::http::{Answer, get, post, remote_write};
use crate::process::directory;
use crate::programs::Server;
use formats::remote_write::{Encoder, ExemplarToSend, MetricType, Sample, compress};
use serde_json::{Value, json};
use stdx::{Clock, RealClock};

fn data(call: &str, answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{call}: {answer:?}");
    let told = answer.json();
    assert_eq!(told["status"], "success", "{call}");
    told["data"].clone()
}

fn by_get(server: &Server, call: &str) -> Value {
    data(call, &get(server.address, &format!("/api/v1/{call}")).expect("an answer"))
}

fn by_form(server: &Server, path: &str, form: &str) -> Value {
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let answer = post(server.address, &format!("/api/v1/{path}"), &kind, form.as_bytes());
    data(path, &answer.expect("an answer"))
}

#[test]
fn oracle_the_data_source_of_grafana_is_answered() {
    let directory = directory();
    let mut server = Server::start(directory.path(), &[]);
    let now_ms = RealClock.now_ms() / 1_000 * 1_000;
    let (start, end) = (now_ms / 1_000 - 300, now_ms / 1_000);
    let samples: Vec<Sample> = (0..=20)
        .map(|n| Sample { at_ms: now_ms - 300_000 + n * 15_000, value: n as f64 })
        .collect();
    let labels = [("__name__", "orders_total"), ("instance", "a:1"), ("job", "shop")];
    let trace = [("traceID", "4bf92f35")];
    let exemplar = ExemplarToSend { at_ms: now_ms - 1_000, value: 2.0, labels: &trace };
    let mut encoder = Encoder::new();
    encoder.series_with(&labels, &samples, &[exemplar]);
    encoder.metadata(MetricType::Counter, "orders_total", "Orders.", "");
    let sent = remote_write(server.address, &compress(&encoder.finish())).expect("an answer");
    assert_eq!(sent.status, 204, "{sent:?}");
    let range = format!("start={start}&end={end}");

    // Save and test, and what it may ask for.
    assert_eq!(by_form(&server, "query", &format!("query=1%2B1&time={end}"))["result"][1], "2");
    let build = by_get(&server, "status/buildinfo");
    assert!(build["version"].as_str().is_some_and(|v| v.starts_with("3.")), "{build}");
    assert!(by_get(&server, "status/flags").is_object());
    assert_eq!(by_get(&server, "rules?type=alert")["groups"], json!([]));

    // Builder, autocompletion and variables.
    let selected = format!("match%5B%5D=%7Bjob%3D%22shop%22%7D&{range}");
    let names = format!("label/__name__/values?{selected}&limit=40000");
    assert_eq!(by_get(&server, &names), json!(["orders_total"]));
    assert_eq!(by_get(&server, &format!("label/instance/values?{range}")), json!(["a:1"]));
    let all = json!(["__name__", "instance", "job"]);
    assert_eq!(by_form(&server, "labels", &format!("{selected}&limit=40000")), all);
    assert_eq!(by_get(&server, &format!("labels?{selected}")), all);
    assert_eq!(by_form(&server, "series", &selected)[0]["job"], "shop");
    let metadata = by_get(&server, "metadata?limit=40000");
    assert_eq!(
        metadata["orders_total"],
        json!([{"type": "counter", "help": "Orders.", "unit": ""}])
    );
    let tree = by_form(&server, "parse_query", "query=rate(orders_total%5B1m%5D)");
    assert_eq!(tree["type"], "call");
    assert_eq!(by_form(&server, "format_query", "query=sum(a)by(b)"), "sum by (b) (a)");

    // A panel with exemplars, and a table.
    let query = "query=sum(rate(orders_total%5B1m0s%5D))";
    let panel = by_form(&server, "query_range", &format!("{query}&{range}&step=15"));
    assert_eq!(panel["resultType"], "matrix");
    assert!(panel["result"][0]["values"].as_array().is_some_and(|v| v.len() > 10), "{panel}");
    let exemplars = by_form(&server, "query_exemplars", &format!("{query}&{range}"));
    let found = json!({
        "labels": {"traceID": "4bf92f35"}, "value": "2", "timestamp": (now_ms - 1_000) / 1_000,
    });
    assert_eq!(exemplars[0]["exemplars"], json!([found]));
    assert_eq!(exemplars[0]["seriesLabels"]["__name__"], "orders_total");
    let table = by_form(&server, "query", &format!("{query}&time={end}&timeout=30s"));
    assert_eq!(table["resultType"], "vector");
    server.stop();
}
