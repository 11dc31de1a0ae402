//! A real Prometheus scrapes a real node exporter and writes here, while either side is restarted.
//! Afterwards both are asked the same questions.
//!
//! It scrapes this server too: while that is down its series end and come back, so that stale
//! markers are compared as well.

use crate::http::ask;
use crate::programs::{Program, Server, free_address, poll, tool};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;
use stdx::{Clock, RealClock};

const START_WAIT: Duration = Duration::from_secs(30);
const CATCH_UP_WAIT: Duration = Duration::from_secs(40);

const SELECTORS: &[&str] = &[
    "up",
    "node_load1",
    r#"{__name__=~"node_memory_.*"}"#,
    r#"node_cpu_seconds_total{mode="idle"}"#,
    r#"node_cpu_seconds_total{mode!~"idle|user", cpu="0"}"#,
    r#"{job="node"}"#,
    r#"{job="node", device!=""}"#,
    r#"{__name__=~".+_total", job=~"node|sightline", mode=""}"#,
    r#"{job="sightline"}"#,
    r#"sightline_http_requests_total{job="sightline", door="prometheus"}"#,
    "scrape_samples_scraped",
    "no_such_metric",
];

struct Real {
    program: Program,
    address: SocketAddr,
}

fn node_exporter() -> Real {
    let address = free_address();
    let mut command = tool("prometheus-node-exporter");
    // Without those that look for what a test machine need not have, and complain each second.
    command
        .arg(format!("--web.listen-address={address}"))
        .args(["--no-collector.systemd", "--no-collector.textfile"]);
    let program = Program::start("node exporter", &mut command);
    poll("node exporter", START_WAIT, || answers(address, "/"));
    Real { program, address }
}

pub(crate) fn answers(address: SocketAddr, path: &str) -> Result<(), String> {
    match ask(address, path, &[]) {
        Ok(answer) if answer.status == 200 => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

fn prometheus(address: SocketAddr, home: &Path) -> Real {
    let mut command = tool("prometheus");
    command
        .arg(format!("--config.file={}", home.join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", home.join("data").display()))
        .arg(format!("--web.listen-address={address}"));
    let program = Program::start("prometheus", &mut command);
    poll("prometheus", START_WAIT, || answers(address, "/-/ready"));
    Real { program, address }
}

fn configure(home: &Path, exporter: SocketAddr, sightline: SocketAddr) {
    let text = format!(
        "global:
  scrape_interval: 1s
  scrape_timeout: 900ms
scrape_configs:
  - job_name: node
    static_configs: [{{targets: ['{exporter}']}}]
  - job_name: sightline
    static_configs: [{{targets: ['{sightline}']}}]
remote_write:
  - url: http://{sightline}/api/v1/write
    queue_config:
      batch_send_deadline: 1s
      min_backoff: 100ms
      max_backoff: 1s
"
    );
    #[expect(
        clippy::disallowed_methods,
        reason = "another program's configuration, not stored data"
    )]
    std::fs::write(home.join("prometheus.yml"), text).expect("a configuration");
}

/// What an answer says, without the order of its series: neither side promises one.
pub(crate) type Told = BTreeMap<String, Value>;

#[track_caller]
pub(crate) fn told(address: SocketAddr, path: &str, parameters: &[(&str, &str)]) -> Told {
    let answer = ask(address, path, parameters).expect("an answer");
    assert_eq!(answer.status, 200, "{path} {parameters:?}: {answer:?}");
    let answer = answer.json();
    let data = &answer["data"];
    let mut told = Told::new();
    if let Some(kind) = data.get("resultType") {
        told.insert("resultType".into(), kind.clone());
    }
    for one in data.get("result").unwrap_or(data).as_array().expect("a list") {
        let name = match one.get("metric") {
            Some(labels) => sorted(labels),
            None => sorted(one),
        };
        let values = one.get("values").or(one.get("value")).cloned().unwrap_or_default();
        assert!(told.insert(name.clone(), values).is_none(), "{path} {parameters:?}: twice {name}");
    }
    told
}

fn sorted(labels: &Value) -> String {
    match labels.as_object() {
        Some(labels) => format!("{:?}", labels.iter().collect::<BTreeMap<_, _>>()),
        None => labels.to_string(),
    }
}

/// Drops samples before a time; what one side's window begins with is none of the other's business.
fn since(told: &mut Told, first: f64) {
    for values in told.values_mut().filter_map(Value::as_array_mut) {
        values.retain(|point| point[0].as_f64().is_some_and(|at| at >= first));
    }
    told.retain(|_, values| values.as_array().is_none_or(|v| !v.is_empty()));
}

/// Says what differs, briefly; nothing when all is equal.
pub(crate) fn difference(about: &str, theirs: &Told, ours: &Told) -> Option<String> {
    let mut lines = Vec::new();
    for name in theirs.keys().chain(ours.keys().filter(|n| !theirs.contains_key(*n))) {
        match (theirs.get(name), ours.get(name)) {
            (a, b) if a == b => {}
            (Some(Value::Array(a)), Some(Value::Array(b))) => {
                let lacks = a.iter().filter(|p| !b.contains(p)).take(8).collect::<Vec<_>>();
                let extra = b.iter().filter(|p| !a.contains(p)).take(8).collect::<Vec<_>>();
                lines.push(format!("{name}: ours lacks {lacks:?} and has besides {extra:?}"));
            }
            (a, b) => lines.push(format!("{name}: theirs {a:?}, ours {b:?}")),
        }
    }
    let more = lines.len().saturating_sub(5);
    lines.truncate(5);
    (!lines.is_empty()).then(|| format!("{about}: {}\n  and {more} more", lines.join("\n  ")))
}

/// The questions, from the time on at which our first sample stands, up to a fixed time.
struct Questions {
    theirs: SocketAddr,
    ours: SocketAddr,
    first: f64,
    last: f64,
}

impl Questions {
    /// Asks both; returns what differs, and how many samples of range vectors were compared.
    fn differences(&self) -> (Vec<String>, usize) {
        let (mut differences, mut samples) = (Vec::new(), 0);
        let (start, end) = (self.first.to_string(), self.last.to_string());
        let mut compare = |path: &str, parameters: &[(&str, &str)], cut: bool| {
            let mut answers = [self.theirs, self.ours].map(|at| told(at, path, parameters));
            if cut {
                answers.iter_mut().for_each(|a| since(a, self.first));
            }
            let counts = answers[0].values().filter_map(Value::as_array).map(Vec::len);
            let about = format!("{path} {parameters:?}");
            differences.extend(difference(&about, &answers[0], &answers[1]));
            counts.sum::<usize>()
        };
        for selector in SELECTORS {
            let range = format!("{selector}[2m]");
            samples += compare("/api/v1/query", &[("query", &range), ("time", &end)], true);
            let mut at = self.first;
            while at <= self.last {
                let at_text = format!("{at:.3}");
                compare("/api/v1/query", &[("query", selector), ("time", &at_text)], false);
                at += 3.7;
            }
            for step in ["1", "7.5", "1m"] {
                let range =
                    [("query", *selector), ("start", &*start), ("end", &*end), ("step", step)];
                compare("/api/v1/query_range", &range, false);
            }
            let matched = [("match[]", *selector), ("start", &*start), ("end", &*end)];
            if *selector != "no_such_metric" {
                compare("/api/v1/series", &matched, false);
                compare("/api/v1/labels", &matched, false);
                for label in ["__name__", "job", "mode", "instance", "none"] {
                    compare(&format!("/api/v1/label/{label}/values"), &matched, false);
                }
            }
        }
        for (query, limit) in [("node_load1 offset 5s", ""), ("node_load1[10s] offset 3s", "")] {
            compare(
                "/api/v1/query",
                &[("query", query), ("time", &end), ("limit", limit)][..2],
                false,
            );
        }
        (differences, samples)
    }
}

/// Times of a series' samples up to now.
fn times(address: SocketAddr, query: &str) -> Vec<f64> {
    let told = told(address, "/api/v1/query", &[("query", &format!("{query}[10m]"))]);
    let points = told.values().filter_map(Value::as_array).flatten();
    points.filter_map(|point| point[0].as_f64()).collect()
}

fn wait_for_sample_after(address: SocketAddr, at: f64) {
    for job in ["node", "sightline"] {
        poll(&format!("a sample of {job} after {at}"), CATCH_UP_WAIT, || {
            sleep(Duration::from_millis(100));
            let times = times(address, &format!("up{{job={job:?}}}"));
            let last = times.iter().copied().fold(0.0, f64::max);
            if last > at { Ok(()) } else { Err(format!("the last is at {last}")) }
        });
    }
}

fn now() -> f64 {
    RealClock.now_ms() as f64 / 1000.0
}

#[test]
fn oracle_prometheus_and_we_answer_alike_through_restarts() {
    let (data, home) =
        (tempfile::tempdir().expect("a place"), tempfile::tempdir().expect("a place"));
    let exporter = node_exporter();
    let mut ours = Server::start_at(free_address(), data.path(), &["--sync", "always"]);
    let address = ours.address;
    configure(home.path(), exporter.address, address);
    let mut theirs = prometheus(free_address(), home.path());

    wait_for_sample_after(address, now() + 12.0);
    ours.stop();
    // Long enough that scrapes fail and batches wait.
    sleep(Duration::from_secs(2));
    ours = Server::start_at(address, data.path(), &["--sync", "always"]);
    wait_for_sample_after(address, now() + 8.0);
    ours.program.kill();
    sleep(Duration::from_secs(2));
    ours = Server::start_at(address, data.path(), &["--sync", "always"]);
    wait_for_sample_after(address, now() + 4.0);
    let status = theirs.program.stop();
    assert!(status.success(), "prometheus: {status}");
    theirs = prometheus(theirs.address, home.path());
    let last = now() + 6.0;
    wait_for_sample_after(address, last + 2.0);

    let first = times(address, "up").into_iter().fold(f64::INFINITY, f64::min);
    let told_by_them = times(theirs.address, r#"up{job="node"}"#);
    let late = told_by_them.iter().filter(|at| **at < first).count();
    assert!(late < 3, "our first sample is {late} scrapes behind theirs");
    let questions = Questions { theirs: theirs.address, ours: address, first, last };
    // Shards of the sender's queue do not keep step with each other.
    let samples = poll("equal answers", CATCH_UP_WAIT, || match questions.differences() {
        (differences, samples) if differences.is_empty() => Ok(samples),
        (differences, _) => Err(differences.join("\n")),
    });
    println!("equal: {samples} samples in {:.0} s", last - first);
    assert!(samples > 10_000, "hardly anything to compare: {samples}");
    assert!(ours.program.ended().is_none() && theirs.program.ended().is_none());
    drop(exporter.program);
}
