//! Clients that send slowly, never read, or are simply too many hold nobody else up; what somebody
//! sends too much of is refused and shown.

use crate::http::{ask, cloudwatch, connect, get, post, post_head, read_answer};
use crate::process::{directory, resident_bytes};
use crate::programs::{Program, Server, poll, run, sightline};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use stdx::Stopwatch;

/// Little memory: 16 MiB for bodies, 4 MiB for answers.
const SMALL: [&str; 2] = ["--memory", "64MiB"];

fn metric(server: &Server, name: &str) -> f64 {
    let page = server.get("/metrics").body;
    let line = page.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name} in\n{page}")).trim().parse().expect("a number")
}

fn put(server: &Server, name: &str) -> u16 {
    let body = json!({"Namespace": "Shop", "MetricData": [{"MetricName": name, "Value": 1.0}]});
    cloudwatch(server.address, "PutMetricData", &body).expect("an answer").status
}

#[test]
fn oracle_slow_senders_give_way_to_writers() {
    let data = directory();
    let mut server = Server::start(data.path(), &SMALL);
    // Together they announce far more than there is room for, and send much of it.
    let mut slow: Vec<TcpStream> = Vec::new();
    for _ in 0..40 {
        let mut socket = connect(server.address).expect("connects");
        let _ = socket.write_all(post_head("/api/v1/write", &[], 8_000_000).as_bytes());
        let _ = socket.write_all(&vec![b'x'; 1_500_000]);
        slow.push(socket);
    }
    // Some never come to the end of their heads.
    for _ in 0..40 {
        let mut socket = connect(server.address).expect("connects");
        socket.write_all(b"POST /api/v1/write HTTP/1.1\r\nhost: 127.0.0.1\r\n").expect("writes");
        slow.push(socket);
    }
    let watch = Stopwatch::start();
    for n in 0..20 {
        assert_eq!(put(&server, &format!("m{n}")), 200);
    }
    let took = watch.elapsed();
    assert!(took < Duration::from_secs(20), "twenty writers waited {took:?}");
    poll("the slowest giving way", Duration::from_secs(20), || {
        let cut = metric(&server, "sightline_connections_cut_total{why=\"slow\"}");
        if cut > 0.0 { Ok(()) } else { Err("nobody was cut off".to_owned()) }
    });
    assert_eq!(put(&server, "last"), 200);
    drop(slow);
    poll("room for bodies", Duration::from_secs(10), || {
        let used = metric(&server, "sightline_memory_used_bytes{use=\"bodies\"}");
        if used == 0.0 { Ok(()) } else { Err(format!("{used} bytes are held")) }
    });
    server.stop();
}

#[test]
fn oracle_answers_that_nobody_reads_leave_room_for_others() {
    let data = directory();
    let mut server = Server::start(data.path(), &SMALL);
    let wide = "w".repeat(200);
    for batch in 0..10 {
        let points: Vec<_> = (0..100)
            .map(|n| {
                let value = format!("{wide}{batch}-{n}");
                json!({"MetricName": "wide", "Value": 1.0,
                    "Dimensions": [{"Name": "a", "Value": value}]})
            })
            .collect();
        let body = json!({"Namespace": "Shop", "MetricData": points});
        let answer = cloudwatch(server.address, "PutMetricData", &body).expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let large = "/api/v1/query?query=wide";
    let len = server.get(large).body.len();
    assert!((100_000..1_000_000).contains(&len), "{len}");
    let mut deaf = Vec::new();
    let asks = format!("GET {large} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
    for _ in 0..60 {
        let mut socket = connect(server.address).expect("connects");
        // Many answers on each connection: what the kernel buffers is not the server's.
        socket.write_all(asks.repeat(40).as_bytes()).expect("writes");
        deaf.push(socket);
    }
    poll("memory of answers in use", Duration::from_secs(60), || {
        let used = metric(&server, "sightline_memory_used_bytes{use=\"answers\"}");
        if used > 2e6 { Ok(()) } else { Err(format!("{used} bytes are held")) }
    });
    // Small questions and writes go on, and large ones are answered or told to come again.
    assert_eq!(put(&server, "m"), 200);
    assert_eq!(get(server.address, "/api/v1/query?query=nothing").expect("an answer").status, 200);
    let told = get(server.address, large).expect("an answer").status;
    assert!([200, 429, 503].contains(&told), "{told}");
    assert!(metric(&server, "sightline_memory_used_bytes{use=\"answers\"}") <= 4.2e6);
    drop(deaf);
    poll("a large answer", Duration::from_secs(30), || {
        match get(server.address, large).map(|a| a.status) {
            Ok(200) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    server.stop();
}

#[test]
fn oracle_a_question_whose_asker_hangs_up_ends() {
    let data = directory();
    // Memory for all three: none is to be refused.
    let mut server = Server::start(data.path(), &[]);
    let terms = (1..60).map(|n| format!("quantile_over_time(0.{n:02},vector(1)[1d:1s])"));
    let query = terms.collect::<Vec<_>>().join("%2B");
    let ask = format!(
        "GET /api/v1/query_range?query={query}&start=0&end=1000&step=1 HTTP/1.1\r\n\
         host: 127.0.0.1\r\n\r\n"
    );
    let running = |server: &Server| metric(server, "sightline_questions_running");
    let mut askers: Vec<TcpStream> = (0..3)
        .map(|_| {
            let mut socket = connect(server.address).expect("connects");
            socket.write_all(ask.as_bytes()).expect("writes");
            socket
        })
        .collect();
    poll("three questions", Duration::from_secs(20), || match running(&server) {
        3.0 => Ok(()),
        other => Err(format!("{other} run")),
    });
    let stays = askers.pop();
    drop(askers);
    poll("two of them ending", Duration::from_secs(20), || match running(&server) {
        1.0 => Ok(()),
        other => Err(format!("{other} run")),
    });
    assert_eq!(metric(&server, "sightline_questions_total{outcome=\"canceled\"}"), 2.0);
    drop(stays);
    poll("memory given back", Duration::from_secs(20), || {
        match metric(&server, "sightline_memory_used_bytes{use=\"questions\"}") {
            0.0 => Ok(()),
            other => Err(format!("{other} bytes are held")),
        }
    });
    assert_eq!(running(&server), 0.0);
    assert_eq!(metric(&server, "sightline_questions_total{outcome=\"canceled\"}"), 3.0);
    server.stop();
}

#[test]
fn oracle_half_sent_heads_cost_little_and_large_ones_are_answered() {
    let data = directory();
    let mut server = Server::start(data.path(), &[]);
    let id = server.program.id();
    let begin = "GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n";
    let before = resident_bytes(id);
    let mut held = Vec::new();
    for n in 0..500 {
        // Half of them send more than there may be, in many lines or in one.
        let len = if n % 2 == 0 { 60_000 } else { 390_000 };
        let lines = match n % 4 {
            0 | 1 => format!("x-y: {}", "z".repeat(len)),
            _ => format!("x-y: {}\r\n", "z".repeat(900)).repeat(len / 900),
        };
        let mut socket = connect(server.address).expect("connects");
        // Who is refused early cannot send the rest.
        let _ = socket.write_all(format!("{begin}{lines}").as_bytes());
        held.push(socket);
    }
    let grew = resident_bytes(id).saturating_sub(before);
    println!("500 half-sent heads: {:.1} MiB", grew as f64 / f64::from(1 << 20));
    assert!(grew < 80 << 20, "500 half-sent heads take {grew} bytes");
    drop(held);
    let answer = |head: String| {
        let mut socket = connect(server.address).expect("connects");
        socket.write_all(format!("{head}connection: close\r\n\r\n").as_bytes()).expect("writes");
        read_answer(&mut socket).expect("an answer").status
    };
    // As a presigned URL, and as a label matcher that is far too long.
    let long = "x".repeat(50_000);
    assert_eq!(answer(format!("{begin}cookie: {long}\r\n")), 200);
    let asked = format!("GET /api/v1/query?query=up&x={long} HTTP/1.1\r\nhost: 127.0.0.1\r\n");
    assert_eq!(answer(asked), 200);
    assert_eq!(answer(format!("{begin}{}", "x-y: z\r\n".repeat(120))), 431, "too many lines");
    assert_eq!(put(&server, "m"), 200);
    server.stop();
}

#[test]
fn oracle_bodies_that_nobody_asked_for_are_not_kept() {
    let data = directory();
    let mut server = Server::start(data.path(), &SMALL);
    let mut slow: Vec<(TcpStream, u16)> = Vec::new();
    for (path, status) in [("/", 400), ("/nothing", 404), ("/-/healthy", 405)].repeat(6) {
        let mut socket = connect(server.address).expect("connects");
        let _ = socket.write_all(post_head(path, &[], 8_000_000).as_bytes());
        let _ = socket.write_all(&vec![b'x'; 1_500_000]);
        slow.push((socket, status));
    }
    for _ in 0..20 {
        assert_eq!(metric(&server, "sightline_memory_used_bytes{use=\"bodies\"}"), 0.0);
    }
    // Answered although the rest never comes.
    let watch = Stopwatch::start();
    for (socket, status) in &mut slow {
        assert_eq!(read_answer(socket).expect("an answer").status, *status);
    }
    assert!(watch.elapsed() < Duration::from_secs(20));
    server.stop();
}

#[test]
fn oracle_the_longest_idle_connection_makes_room() {
    let data = directory();
    // Of 80 files three quarters are for connections.
    let text = data.path().to_str().expect("a plain path");
    let plain =
        sightline(&["serve", "--listen", "127.0.0.1:0", "--data", text, "--collect-host=false"]);
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "ulimit -n 80; exec \"$0\" \"$@\""]).arg(plain.get_program());
    limited.args(plain.get_args());
    let program = Program::start("sightline", &mut limited);
    let address = poll("the server's address", Duration::from_secs(60), || {
        let log = program.log();
        let mut lines = log.lines().filter_map(|l| l.split_once(" answers on http://"));
        let address = lines.next().and_then(|(_, address)| address.trim().parse().ok());
        address.ok_or(log)
    });
    let mut server = Server { program, address };
    let mut idle: Vec<TcpStream> = Vec::new();
    for _ in 0..100 {
        let mut socket = connect(address).expect("connects");
        socket.write_all(b"GET /-/healthy HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").expect("writes");
        let mut answer = [0; 12];
        socket.read_exact(&mut answer).expect("everyone is answered, also the hundredth");
        assert_eq!(&answer[9..], b"200");
        idle.push(socket);
    }
    assert!(metric(&server, "sightline_connections ") <= 60.0);
    assert!(metric(&server, "sightline_connections_cut_total{why=\"idle\"}") >= 40.0);
    // The first ones are gone: what is left of their answers, then the end.
    let mut rest = Vec::new();
    let _ = idle[0].read_to_end(&mut rest);
    assert_eq!(put(&server, "m"), 200);
    drop(idle);
    server.stop();
}

#[test]
fn oracle_an_explosion_is_refused_by_name_and_shown() {
    let data = directory();
    let limits = ["--series-per-namespace-max", "50", "--query-series-max", "20"];
    let mut server = Server::start(data.path(), &limits);
    let of_request = |id: usize| {
        json!({"Namespace": "Shop", "MetricData": [{"MetricName": "Latency", "Value": 1.0,
            "Dimensions": [{"Name": "request_id", "Value": format!("r{id}")}]}]})
    };
    for id in 0..50 {
        let answer = cloudwatch(server.address, "PutMetricData", &of_request(id)).expect("answer");
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let refused = cloudwatch(server.address, "PutMetricData", &of_request(50)).expect("an answer");
    assert_eq!(refused.status, 400);
    for word in ["Throttling", "Shop", "50 series", "request_id"] {
        assert!(refused.body.contains(word), "{refused:?} does not say {word}");
    }
    // Known ones and other namespaces go on.
    assert_eq!(
        cloudwatch(server.address, "PutMetricData", &of_request(7)).expect("ok").status,
        200
    );
    let remote = post(server.address, "/api/v1/write", &[], b"\0").expect("an answer");
    assert_eq!(remote.status, 204, "{remote:?}");
    let shown = server.get("/metrics").body;
    let line = shown
        .lines()
        .find(|line| line.starts_with("sightline_namespace_series_refused_total{"))
        .unwrap_or_else(|| panic!("no offender in\n{shown}"));
    for part in ["namespace=\"Shop\"", "label=\"request_id\"", "account=\"000000000000\""] {
        assert!(line.contains(part), "{line} does not show {part}");
    }
    let url = format!("http://{}", server.address);
    let (code, view) = run(&["top", "--url", &url, "--once", "--every", "1"]);
    assert_eq!(code, Some(0), "{view}");
    let line = view.lines().find(|l| l.contains("Shop")).unwrap_or_else(|| panic!("{view}"));
    assert!(line.contains("request_id") && line.contains("50"), "{view}");
    // A question that reads too much says which limit it hit.
    let wide = ask(server.address, "/api/v1/query", &[("query", "Latency")]).expect("an answer");
    assert_eq!(wide.status, 422);
    assert!(wide.body.contains("at most 20 may"), "{wide:?}");
    server.stop();
}
