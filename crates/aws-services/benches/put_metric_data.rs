//! What does one datum cost on its way from bytes to the queue of the store? 1,000 datums with two
//! dimensions to a call, AWS JSON, on a simulated disk.
//!
//! `cargo bench -p aws-services --bench put_metric_data`

#[path = "../tests/it/server.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod server;

use aws_wire::Access;
use serde_json::json;
use server::Server;

fn main() {
    let server = Server::new();
    let datums: Vec<_> = (0..1_000)
        .map(|n| json!({
            "MetricName": format!("metric-{n}"), "Value": f64::from(n), "Unit": "Count",
            "Timestamp": crate::server::NOW_S,
            "Dimensions": [{"Name": "InstanceId", "Value": "i-1234567890"}, {"Name": "Zone", "Value": "a"}],
        }))
        .collect();
    let body = json!({"Namespace": "Shop", "MetricData": datums}).to_string();
    server.put("Shop", &json!(datums));
    let (rounds, mut accept) = (200, std::time::Duration::ZERO);
    let mut decode = accept;
    let mut handle = accept;
    for _ in 0..rounds {
        let (parts, body) = http::Request::post("/")
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", "GraniteServiceVersion20100801.PutMetricData")
            .body(bytes::Bytes::from(body.clone()))
            .unwrap()
            .into_parts();
        let watch = stdx::Stopwatch::start();
        let request = server.gateway.accept(parts, &body, Access::Open, 0).unwrap();
        accept += watch.elapsed();
        let watch = stdx::Stopwatch::start();
        drop(request.input().unwrap());
        decode += watch.elapsed();
        let watch = stdx::Stopwatch::start();
        server.services.handle(&request, |answer| assert!(answer.is_ok()));
        handle += watch.elapsed();
        server.platform.commit_step(std::time::Duration::ZERO);
    }
    let each = |time: std::time::Duration| time.as_nanos() / (rounds * 1_000);
    println!(
        "per datum: accept {} ns, decode and check {} ns, handle (decoding included) {} ns",
        each(accept),
        each(decode),
        each(handle)
    );
}
