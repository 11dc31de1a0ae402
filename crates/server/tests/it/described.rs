//! What stands beside samples - metadata of families and exemplars - outlives `kill -9`, an orderly
//! end and both in turn, and goes with a reset.

use crate::http::{Answer, post, remote_write};
use crate::process::directory;
use crate::programs::Server;
use formats::remote_write::{Encoder, ExemplarToSend, MetricType, Sample, compress};
use serde_json::{Value, json};
use stdx::{Clock, RealClock};

const BENCH: [&str; 1] = ["--test-bench"];

fn send(server: &Server, at_ms: i64, trace: &str) -> Answer {
    let mut encoder = Encoder::new();
    let labels = [("trace_id", trace)];
    let exemplar = ExemplarToSend { at_ms, value: 0.5, labels: &labels };
    let sample = Sample { at_ms, value: 1.0 };
    encoder.series_with(&[("__name__", "latency_seconds")], &[sample], &[exemplar]);
    encoder.metadata(MetricType::Histogram, "latency_seconds", &format!("Up to {trace}."), "s");
    remote_write(server.address, &compress(&encoder.finish())).expect("an answer")
}

fn metadata(server: &Server) -> Value {
    server.get("/api/v1/metadata?metric=latency_seconds").json()["data"].clone()
}

fn traces(server: &Server) -> Vec<String> {
    let found = server.get("/api/v1/query_exemplars?query=latency_seconds").json();
    let exemplars = found["data"][0]["exemplars"].as_array().cloned().unwrap_or_default();
    let trace = |e: &Value| e["labels"]["trace_id"].as_str().expect("a label").to_owned();
    exemplars.iter().map(trace).collect()
}

#[test]
fn oracle_metadata_and_exemplars_outlive_what_samples_outlive() {
    let data = directory();
    let now_ms = RealClock.now_ms();
    let mut sent: Vec<String> = Vec::new();
    for round in 0..4 {
        let mut server = Server::start(data.path(), &BENCH);
        assert_eq!(traces(&server), sent, "round {round}");
        for n in 0..3 {
            let trace = format!("{round}-{n}");
            let at_ms = now_ms - 60_000 + i64::try_from(sent.len()).expect("few");
            assert_eq!(send(&server, at_ms, &trace).status, 204);
            sent.push(trace);
            // At once, and not only after a while.
            assert_eq!(traces(&server), sent);
        }
        let help = format!("Up to {round}-2.");
        let told = json!({
            "latency_seconds": [{"type": "histogram", "help": help, "unit": "s"}],
        });
        assert_eq!(metadata(&server), told);
        match round {
            1 => server.stop(),
            _ => server.program.kill(),
        }
        let mut server = Server::start(data.path(), &BENCH);
        assert_eq!((metadata(&server), traces(&server)), (told, sent.clone()));
        let page = server.get("/metrics").body;
        assert!(page.contains(&format!("\nsightline_exemplars {}\n", sent.len())), "{page}");
        server.program.kill();
    }
    let mut server = Server::start(data.path(), &BENCH);
    assert_eq!(post(server.address, "/-/reset", &[], b"").expect("an answer").status, 200);
    assert_eq!((metadata(&server), traces(&server)), (json!({}), Vec::new()));
    server.program.kill();
    let mut server = Server::start(data.path(), &BENCH);
    assert_eq!((metadata(&server), traces(&server)), (json!({}), Vec::new()));
    server.stop();
}
