//! The process: how it ends, with which code, what it refuses, how little it takes.

use crate::http::{cloudwatch, connect, get, post, post_head, put_one, read_answer};
use crate::programs::{Server, free_address, poll, run};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;
use stdx::{Clock, RealClock, Stopwatch};

/// Wrong options; anything else that fails ends with 1.
const USAGE: Option<i32> = Some(2);
const FAILURE: Option<i32> = Some(1);

pub(crate) fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// Sum and number of everything that was put into a metric in the last hour.
fn kept(address: SocketAddr, metric: &str) -> (f64, f64) {
    let now = RealClock.now_ms() as f64 / 1000.0;
    let input = json!({
        "Namespace": "It", "MetricName": metric, "Period": 3600, "Statistics": ["Sum", "SampleCount"],
        "StartTime": now - 3600.0, "EndTime": now + 3600.0,
    });
    let answer = cloudwatch(address, "GetMetricStatistics", &input).expect("an answer").json();
    let points = answer["Datapoints"].as_array().expect("a list").clone();
    let total = |of: &str| points.iter().filter_map(|p: &Value| p[of].as_f64()).sum();
    (total("Sum"), total("SampleCount"))
}

#[test]
fn oracle_both_signals_end_in_order_and_nothing_is_lost() {
    let data = directory();
    for (round, signal) in [(1, Signal::TERM), (2, Signal::INT), (3, Signal::TERM)] {
        let mut server = Server::start(data.path(), &[]);
        assert_eq!(put_one(server.address, "m", 2.0).expect("an answer").status, 200);
        server.program.signal(signal);
        let status = server.program.wait();
        assert_eq!(status.code(), Some(0), "{signal:?}");
        let log = server.program.log();
        assert!(log.contains("stopping") && log.contains("stopped"), "{log}");
        // Memory went into parts, so the next start has nothing to read back from the journal.
        let server = Server::start(data.path(), &[]);
        assert_eq!(kept(server.address, "m"), (2.0 * f64::from(round), f64::from(round)));
        let page = server.get("/metrics").body;
        let points = page.lines().find(|l| l.starts_with("sightline_parts_points "));
        let points = points.and_then(|l| l.split(' ').nth(1)?.parse::<f64>().ok());
        assert!(points.is_some_and(|n| n >= f64::from(round)), "{points:?} in\n{page}");
    }
}

#[test]
fn oracle_a_request_under_way_is_answered_before_the_end() {
    let data = directory();
    let mut server = Server::start(data.path(), &[]);
    let body = json!({ "Namespace": "It", "MetricData": [{ "MetricName": "late", "Value": 7 }] });
    let body = body.to_string();
    let headers = [
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-target", "GraniteServiceVersion20100801.PutMetricData"),
    ];
    let mut socket = connect(server.address).expect("connects");
    let (first, second) = body.split_at(10);
    socket.write_all(post_head("/", &headers, body.len()).as_bytes()).expect("writes");
    socket.write_all(first.as_bytes()).expect("writes");
    // So that the server has read the head, which makes the request one that is under way.
    sleep(Duration::from_millis(200));
    server.program.signal(Signal::TERM);
    poll("refused connections", Duration::from_secs(5), || match get(server.address, "/-/ready") {
        Ok(answer) => Err(format!("{answer:?}")),
        Err(_) => Ok(()),
    });
    socket.write_all(second.as_bytes()).expect("writes");
    let answer = read_answer(&mut socket).expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(server.program.wait().success());
    let server = Server::start(data.path(), &[]);
    assert_eq!(kept(server.address, "late"), (7.0, 1.0));
}

#[test]
fn oracle_idle_connections_do_not_hold_up_the_end() {
    let data = directory();
    let mut server = Server::start(data.path(), &[]);
    let mut used = connect(server.address).expect("connects");
    used.write_all(b"GET /-/ready HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").expect("writes");
    let mut some = [0; 16];
    std::io::Read::read_exact(&mut used, &mut some).expect("an answer");
    // And one on which nothing was ever sent.
    let _unused = connect(server.address).expect("connects");
    sleep(Duration::from_millis(100));
    let watch = Stopwatch::start();
    server.stop();
    let took = watch.elapsed();
    assert!(took < Duration::from_secs(5), "idle connections are nothing to wait for: {took:?}");
}

#[test]
fn oracle_wrong_options_end_with_2_and_say_which() {
    let data = directory();
    let serve = ["serve", "--data", text(data.path())];
    for (arguments, word) in [
        (&["--listen", "0.0.0.0:0"][..], "0.0.0.0"),
        (&["--listen", "[::]:0"], "loopback"),
        (&["--listen", "192.0.2.1:4280"], "192.0.2.1"),
        (&["--listen", "localhost"], "--listen"),
        (&["--sync", "sometimes"], "--sync"),
        (&["--auth", "maybe"], "maybe"),
        (&["--clock", "virtual", "--clock-start", "2026-01-01T00:00:00Z"], "--test-bench"),
        (&["--clock", "virtual", "--test-bench"], "--clock-start"),
        (&["--no-such-option"], "--no-such-option"),
    ] {
        let (code, said) = run(&[&serve[..], arguments].concat());
        assert_eq!(code, USAGE, "{arguments:?}: {said}");
        assert!(said.contains(word), "{arguments:?} should name {word}: {said}");
        if arguments[0] != "--no-such-option" {
            let (code, said) = run(&[&["config", "check"], arguments].concat());
            assert_eq!(code, USAGE, "config check {arguments:?}: {said}");
        }
    }
    let left = std::fs::read_dir(data.path()).expect("lists").count();
    assert_eq!(left, 0, "what is refused leaves nothing behind");
    let (code, said) = run(&["config", "check"]);
    assert_eq!(code, Some(0), "{said}");
}

/// The two commands that talk to a server, against one.
#[test]
fn oracle_put_and_query_by_hand() {
    let data = directory();
    let server = Server::start(data.path(), &[]);
    let url = format!("http://{}", server.address);
    let call = |arguments: &[&str]| run(&[arguments, &["--url", &url]].concat());
    let put = ["put", "-n", "It", "-m", "hand", "-v", "2", "-v", "0.5"];
    assert_eq!(call(&put), (Some(0), "put 1 data\n".into()));
    let query = ["query", "-n", "It", "-m", "hand", "--stat", "Sum", "-f", "csv"];
    let (code, said) = call(&query);
    assert!(code == Some(0) && said.lines().nth(1).is_some_and(|l| l.ends_with(",2.5")), "{said}");
    let (code, said) = call(&["query", r#"hand{__namespace__="It"}"#]);
    assert!(code == Some(0) && said.contains("hand"), "{said}");
    for bad in [&["put", "-n", "It", "-m", "hand", "-v", "nan"][..], &["query", "-m", "hand"]] {
        let (code, said) = call(bad);
        assert_eq!(code, USAGE, "{said}");
    }
    let (code, said) = call(&["query", "-n", "It", "-m", "hand", "--stat", "Foo"]);
    assert!(code == FAILURE && said.contains("Foo"), "{said}");
    drop(server);
    let (code, said) = call(&put);
    assert!(code == FAILURE && said.contains("no server answers"), "{said}");
}

#[test]
fn oracle_what_nobody_takes_is_not_answered_as_if_it_were() {
    let data = directory();
    let server = Server::start(data.path(), &[]);
    let headers = [("content-type", "application/x-amz-json-1.0")];
    let answer = post(server.address, "/", &headers, b"{}").expect("an answer");
    assert_eq!(answer.status, 400, "no operation is named: {answer:?}");
    assert_eq!(post(server.address, "/nowhere", &[], b"").expect("an answer").status, 404);
    assert_eq!(server.get("/").status, 200);
}

#[test]
fn oracle_a_directory_serves_one_process() {
    let data = directory();
    let first = Server::start(data.path(), &[]);
    let second =
        ["serve", "--listen", "127.0.0.1:0", "--data", text(data.path()), "--collect-host=false"];
    let (code, said) = run(&second);
    assert_eq!(code, FAILURE, "{said}");
    assert!(said.contains("in use by another process"), "{said}");
    assert_eq!(first.get("/-/ready").status, 200, "the first is not disturbed");
    assert_eq!(put_one(first.address, "m", 1.0).expect("an answer").status, 200);

    let other = directory();
    let listen = first.address.to_string();
    let (code, said) = run(&["serve", "--listen", &listen, "--data", text(other.path())]);
    assert_eq!(code, FAILURE, "{said}");
    assert!(said.contains("cannot listen on") && said.contains(&listen), "{said}");
}

#[test]
fn oracle_the_directory_is_free_again_after_a_kill() {
    let data = directory();
    let mut server = Server::start_at(free_address(), data.path(), &[]);
    assert_eq!(put_one(server.address, "m", 1.0).expect("an answer").status, 200);
    server.program.kill();
    let server = Server::start_at(server.address, data.path(), &[]);
    assert_eq!(kept(server.address, "m"), (1.0, 1.0));
}

#[test]
fn oracle_the_clocks_do_not_share_a_directory() {
    let data = directory();
    let at = ["--test-bench", "--clock", "virtual", "--clock-start", "2026-01-01T00:00:00Z"];
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data", text(data.path())];
    Server::start(data.path(), &at).stop();
    let (code, said) = run(&[&serve[..], &["--test-bench"]].concat());
    assert_eq!(code, FAILURE, "{said}");
    assert!(said.contains("virtual clock"), "{said}");
    Server::start(data.path(), &at).stop();

    let data = directory();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data", text(data.path())];
    Server::start(data.path(), &[]).stop();
    let (code, said) = run(&[&serve[..], &at].concat());
    assert_eq!(code, FAILURE, "{said}");
    assert!(said.contains("real clock"), "{said}");
    Server::start(data.path(), &[]).stop();
}

#[test]
fn oracle_a_directory_that_cannot_be_is_named() {
    let data = directory();
    let file = data.path().join("file");
    let made = std::fs::OpenOptions::new().create_new(true).write(true).open(&file);
    drop(made.expect("a file"));
    let (code, said) = run(&["serve", "--listen", "127.0.0.1:0", "--data", text(&file)]);
    assert_eq!(code, FAILURE, "{said}");
    assert!(said.contains(text(&file)), "{said}");
}

/// Resident bytes of a process.
pub(crate) fn resident_bytes(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("a running process");
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).expect("a line of memory");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

#[test]
fn oracle_an_idle_server_is_small() {
    /// Four times what was seen; a cache or a buffer too many is what this is to find.
    const RESIDENT_BYTES_MAX: u64 = 48 << 20;
    let data = directory();
    let server = Server::start(data.path(), &["--collect-host=true"]);
    let host = json!({ "Namespace": "CWAgent" });
    poll("metrics of the host", Duration::from_secs(30), || {
        let answer = cloudwatch(server.address, "ListMetrics", &host).expect("an answer").json();
        match answer["Metrics"].as_array() {
            Some(metrics) if !metrics.is_empty() => Ok(()),
            _ => Err(answer.to_string()),
        }
    });
    let bytes = resident_bytes(server.program.id());
    println!("idle: {:.1} MiB resident", bytes as f64 / f64::from(1 << 20));
    assert!(bytes < RESIDENT_BYTES_MAX, "{bytes} bytes");
}
