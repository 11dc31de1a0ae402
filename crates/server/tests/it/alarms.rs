//! Killed at random moments while alarms decide and tell, the server neither loses nor repeats a
//! transition, and everybody is told.

use crate::http::{cloudwatch, post};
use crate::programs::{Server, poll};
use jiff::Timestamp;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::{scope, sleep};
use std::time::Duration;
use stdx::Rng;

const ALARMS: u64 = 24;
const MINUTES: u64 = 14;
/// 2026-01-01T00:00:00Z.
const START_S: i64 = 1_767_225_600;

/// Takes calls of the web hook and notes what they say.
fn receive(told: Arc<Mutex<Vec<String>>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let Ok(mut socket) = socket else { continue };
            let _ = socket.set_read_timeout(Some(Duration::from_secs(2)));
            let (mut bytes, mut some) = (Vec::new(), [0; 4096]);
            let body = loop {
                match socket.read(&mut some) {
                    Ok(0) | Err(_) => break None,
                    Ok(n) => bytes.extend_from_slice(&some[..n]),
                }
                let text = String::from_utf8_lossy(&bytes).to_lowercase();
                let Some(end) = text.find("\r\n\r\n") else { continue };
                let length = text.split("content-length: ").nth(1);
                let length =
                    length.and_then(|rest| rest.split("\r\n").next()?.parse::<usize>().ok());
                let whole = end + 4 + length.unwrap_or(0);
                if bytes.len() >= whole {
                    break Some(String::from_utf8_lossy(&bytes[end + 4..whole]).into_owned());
                }
            };
            let Some(body) = body else { continue };
            // Noted before it is answered: what was answered must not come again without need.
            told.lock().expect("not poisoned").push(body);
            let _ = socket
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    address
}

fn breaches(alarm: u64, minute: u64) -> bool {
    (alarm * 7 + minute * 5) % 11 < 4
}

fn start(data: &Path, handlers: &Path, at_s: i64) -> Server {
    let at = Timestamp::from_second(at_s).expect("a time").to_string();
    let handlers = handlers.to_str().expect("a plain path");
    let arguments =
        ["--test-bench", "--clock", "virtual", "--clock-start", &at, "--handlers", handlers];
    Server::start(data, &arguments)
}

fn put(address: SocketAddr, minute: u64) -> bool {
    let data: Vec<Value> = (0..ALARMS)
        .map(|n| {
            json!({
                "MetricName": "load", "Value": if breaches(n, minute) { 9.0 } else { 1.0 },
                "Dimensions": [{ "Name": "host", "Value": n.to_string() }],
                "Timestamp": START_S + minute as i64 * 60,
            })
        })
        .collect();
    let input = json!({ "Namespace": "It", "MetricData": data });
    cloudwatch(address, "PutMetricData", &input).is_ok_and(|answer| answer.status == 200)
}

fn put_alarm(address: SocketAddr, n: u64) {
    let input = json!({
        "AlarmName": format!("load-{n}"), "Namespace": "It", "MetricName": "load",
        "Dimensions": [{ "Name": "host", "Value": n.to_string() }], "Statistic": "Maximum",
        "Period": 60, "EvaluationPeriods": 1, "Threshold": 5.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "AlarmActions": [format!("arn:aws:lambda:us-east-1:000000000000:function:{n}")],
        "OKActions": [format!("arn:aws:lambda:us-east-1:000000000000:function:{n}")],
    });
    let answer = cloudwatch(address, "PutMetricAlarm", &input).expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn move_clock(address: SocketAddr, to_s: i64) -> bool {
    let to = Timestamp::from_second(to_s).expect("a time").to_string();
    let body = json!({ "to": to }).to_string();
    let headers = [("content-type", "application/json")];
    post(address, "/-/clock", &headers, body.as_bytes()).is_ok_and(|answer| answer.status == 200)
}

/// The changes of each alarm, oldest first, as its history has them.
fn history(address: SocketAddr) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut input = json!({ "HistoryItemType": "StateUpdate", "ScanBy": "TimestampAscending" });
    loop {
        let answer = cloudwatch(address, "DescribeAlarmHistory", &input).expect("an answer").json();
        for item in answer["AlarmHistoryItems"].as_array().expect("a list") {
            let text = |name: &str| item[name].as_str().expect("a text").to_owned();
            found.entry(text("AlarmName")).or_default().push(text("HistorySummary"));
        }
        match &answer["NextToken"] {
            Value::String(token) => input["NextToken"] = token.as_str().into(),
            _ => return found,
        }
    }
}

#[test]
fn oracle_killed_at_random_moments_alarms_lose_and_repeat_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let (data, handlers) = (directory.path().join("data"), directory.path().join("handlers.toml"));
    let told = Arc::new(Mutex::new(Vec::new()));
    let hook = receive(told.clone());
    let text = format!(
        "[[handler]]\nname = 'hook'\nmatch = 'arn:aws:lambda:*'\nurl = 'http://{hook}/'\n\
         headers = {{ \"content-type\" = 'text/plain' }}\nbody = '{{{{key}}}} {{{{state}}}}'\n"
    );
    #[expect(clippy::disallowed_methods, reason = "what an operator writes")]
    std::fs::write(&handlers, text).expect("written");
    let mut rng = Rng::from_system();
    let mut server = start(&data, &handlers, START_S);
    for n in 0..ALARMS {
        put_alarm(server.address, n);
    }
    let mut kills = 0;
    for minute in 0..MINUTES {
        let from_s = START_S + minute as i64 * 60;
        let mut is_put = false;
        loop {
            let address = server.address;
            let lives = rng.below(3) == 0;
            let patience = Duration::from_millis(rng.below(40));
            let done = scope(|threads| {
                let work = threads.spawn(|| {
                    is_put = is_put || put(address, minute);
                    is_put && move_clock(address, from_s + 60)
                });
                if !lives {
                    sleep(patience);
                    server.program.signal(Signal::KILL);
                }
                work.join().expect("the writer")
            });
            if lives {
                assert!(done, "minute {minute}: {}", server.program.log());
                break;
            }
            kills += 1;
            server.program.wait();
            server = start(&data, &handlers, if done { from_s + 60 } else { from_s });
            if done {
                break;
            }
        }
    }
    assert!(move_clock(server.address, START_S + MINUTES as i64 * 60 + 5), "the last evaluation");
    let mut wanted: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut actions = 0;
    for n in 0..ALARMS {
        let mut state = "INSUFFICIENT_DATA";
        for minute in 0..MINUTES {
            let new = if breaches(n, minute) { "ALARM" } else { "OK" };
            if new != state {
                let summary = format!("Alarm updated from {state} to {new}");
                wanted.entry(format!("load-{n}")).or_default().push(summary);
                actions += 1;
                state = new;
            }
        }
    }
    assert_eq!(history(server.address), wanted, "after {kills} kills");
    // Each change has a key of its own; one may be told twice when the end came right behind the answer.
    let keys = poll("everybody told", Duration::from_secs(20), || {
        let told = told.lock().expect("not poisoned").clone();
        let keys: std::collections::BTreeSet<String> = told.iter().cloned().collect();
        if keys.len() >= actions {
            Ok((keys, told.len()))
        } else {
            Err(format!("{} of {actions}", keys.len()))
        }
    });
    assert_eq!(keys.0.len(), actions, "after {kills} kills");
    let repeated_max = kills * ALARMS as usize;
    assert!(
        keys.1 <= actions + repeated_max,
        "{} calls for {actions} changes, {kills} kills",
        keys.1
    );
}
