//! Receivers on bad days: down for an hour, too slow for what comes at once, and a server that is killed
//! while it tells them.

use crate::http::{cloudwatch, post};
use crate::programs::{Server, free_address, poll};
use crate::receiver::{Calls, Got, Receiver};
use jiff::Timestamp;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::thread::scope;
use std::time::Duration;
use stdx::Stopwatch;

/// 2026-01-01T00:00:00Z.
const START_S: i64 = 1_767_225_600;
const PATIENCE: Duration = Duration::from_secs(60);
const TOPIC: &str = "arn:aws:sns:us-east-1:000000000000:ops";

fn start(data: &Path, handlers: &Path, at_s: i64) -> Server {
    let at = Timestamp::from_second(at_s).expect("a time").to_string();
    let handlers = handlers.to_str().expect("a plain path");
    let arguments =
        ["--test-bench", "--clock", "virtual", "--clock-start", &at, "--handlers", handlers];
    Server::start(data, &arguments)
}

/// Lambda functions of these names are web hooks at the paths of the same names.
fn write_handlers(path: &Path, receiver: SocketAddr, names: &[String]) {
    let handler = |name: &String| {
        format!(
            "[[handler]]\nname = '{name}'\nmatch = 'arn:aws:lambda:*:function:{name}'\n\
             url = 'http://{receiver}/{name}'\ntimeout_seconds = 60\n"
        )
    };
    let text: String = names.iter().map(handler).collect();
    #[expect(clippy::disallowed_methods, reason = "what an operator writes")]
    std::fs::write(path, text).expect("written");
}

fn function(name: &str) -> String {
    format!("arn:aws:lambda:us-east-1:000000000000:function:{name}")
}

fn move_clock(address: SocketAddr, to_s: i64) -> bool {
    let to = Timestamp::from_second(to_s).expect("a time").to_string();
    let body = json!({ "to": to }).to_string();
    let headers = [("content-type", "application/json")];
    post(address, "/-/clock", &headers, body.as_bytes()).is_ok_and(|answer| answer.status == 200)
}

#[track_caller]
fn sns(address: SocketAddr, form: &str) -> String {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let answer = post(address, "/", &headers, format!("Version=2010-03-31&{form}").as_bytes());
    let answer = answer.expect("an answer");
    assert_eq!(answer.status, 200, "{form}: {answer:?}");
    answer.body
}

#[track_caller]
fn put_alarm(address: SocketAddr, name: &str, metric: &str, host: Option<u64>, more: &Value) {
    let dimensions: Vec<Value> =
        host.iter().map(|n| json!({ "Name": "host", "Value": n.to_string() })).collect();
    let mut input = json!({
        "AlarmName": name, "Namespace": "It", "MetricName": metric, "Dimensions": dimensions,
        "Statistic": "Maximum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 5.0,
        "ComparisonOperator": "GreaterThanThreshold",
    });
    for (name, value) in more.as_object().expect("an object") {
        input[name] = value.clone();
    }
    let answer = cloudwatch(address, "PutMetricAlarm", &input).expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Alarms that all look at the metric `load`, put by several clients; `action` says what each does.
fn put_alarms(address: SocketAddr, count: usize, action: impl Fn(usize) -> String + Sync) {
    const CLIENTS: usize = 16;
    scope(|threads| {
        for client in 0..CLIENTS {
            let action = &action;
            threads.spawn(move || {
                for n in (client..count).step_by(CLIENTS) {
                    let more = json!({ "AlarmActions": [action(n)] });
                    put_alarm(address, &format!("load-{n}"), "load", None, &more);
                }
            });
        }
    });
}

#[track_caller]
fn put(address: SocketAddr, metric: &str, values: &[(Option<u64>, f64)], at_s: i64) {
    let datum = |(host, value): &(Option<u64>, f64)| {
        let dimensions: Vec<Value> =
            host.iter().map(|n| json!({ "Name": "host", "Value": n.to_string() })).collect();
        json!({ "MetricName": metric, "Value": value, "Dimensions": dimensions, "Timestamp": at_s })
    };
    let data: Vec<Value> = values.iter().map(datum).collect();
    let input = json!({ "Namespace": "It", "MetricData": data });
    let answer = cloudwatch(address, "PutMetricData", &input).expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn state_of(address: SocketAddr, alarm: &str) -> String {
    let input = json!({ "AlarmNames": [alarm] });
    let answer = cloudwatch(address, "DescribeAlarms", &input).expect("an answer").json();
    answer["MetricAlarms"][0]["StateValue"].as_str().unwrap_or_default().to_owned()
}

/// A line of the server's own metrics.
fn metric(server: &Server, name: &str) -> f64 {
    let page = server.get("/metrics").body;
    let mut lines = page.lines().filter_map(|line| line.rsplit_once(' '));
    let found = lines.find(|(line, _)| *line == name).and_then(|(_, value)| value.parse().ok());
    found.unwrap_or_else(|| panic!("no {name} in\n{page}"))
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    poll(what, PATIENCE, || match is_so() {
        true => Ok(()),
        false => Err("not yet".to_owned()),
    });
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What a call says of an alarm.
#[derive(Debug)]
struct Told {
    alarm: String,
    state: String,
    /// When it happened; these texts sort as times do.
    at: String,
    /// The same for every attempt.
    id: String,
    was_taken: bool,
}

/// A notification of the topic: a message in a message.
fn of_topic(got: &Got) -> Told {
    let outer: Value = serde_json::from_str(&got.body).expect("a message");
    let message: Value =
        serde_json::from_str(outer["Message"].as_str().expect("a text")).expect("an alarm");
    assert_eq!(got.header("x-amz-sns-message-id"), outer["MessageId"]);
    Told {
        alarm: text(&message["AlarmName"]),
        state: text(&message["NewStateValue"]),
        at: text(&message["StateChangeTime"]),
        id: text(&outer["MessageId"]),
        was_taken: got.status == 200,
    }
}

/// The event of a handler.
fn of_hook(got: &Got) -> Told {
    let event: Value = serde_json::from_str(&got.body).expect("an event");
    assert_eq!(got.header("x-sightline-id"), event["id"]);
    Told {
        alarm: text(&event["alarm"]),
        state: text(&event["state"]),
        at: text(&event["time"]),
        id: format!("{} {}", text(&event["key"]), text(&event["id"])),
        was_taken: got.status == 200,
    }
}

const ALARMS: u64 = 6;

fn breaches(alarm: u64, minute: i64) -> bool {
    (alarm as i64 * 7 + minute * 5) % 11 < 4
}

#[test]
fn oracle_a_receiver_that_is_down_for_an_hour_hears_everything_in_order() {
    const FINE: i64 = 5;
    const UNWELL: i64 = FINE + 1;
    const DOWN: i64 = UNWELL + 60;
    const MINUTES: i64 = DOWN + 12;
    let directory = tempfile::tempdir().expect("a directory");
    let (data, handlers) = (directory.path().join("data"), directory.path().join("handlers.toml"));
    let (calls, place) = (Calls::new(), free_address());
    write_handlers(&handlers, place, &["hook".into()]);
    let mut receiver = Some(Receiver::open(place, &calls));
    let server = start(&data, &handlers, START_S);
    let address = server.address;

    sns(address, "Action=CreateTopic&Name=ops");
    sns(
        address,
        &format!("Action=Subscribe&TopicArn={TOPIC}&Protocol=http&Endpoint=http://{place}/topic"),
    );
    until("the question", || calls.len() == 1);
    let question: Value = serde_json::from_str(&calls.got()[0].body).expect("a message");
    let token = text(&question["Token"]);
    sns(address, &format!("Action=ConfirmSubscription&TopicArn={TOPIC}&Token={token}"));
    let actions = json!([TOPIC, function("hook")]);
    for n in 0..ALARMS {
        let more = json!({ "AlarmActions": actions, "OKActions": actions });
        put_alarm(address, &format!("load-{n}"), "load", Some(n), &more);
    }
    for minute in 0..MINUTES {
        match minute {
            FINE => calls.answer_with(503),
            UNWELL => receiver = None,
            DOWN => {
                calls.answer_with(200);
                receiver = Some(Receiver::open(place, &calls));
            }
            _ => {}
        }
        let value = |n| (Some(n), if breaches(n, minute) { 9.0 } else { 1.0 });
        let values: Vec<(Option<u64>, f64)> = (0..ALARMS).map(value).collect();
        put(address, "load", &values, START_S + minute * 60);
        assert!(move_clock(address, START_S + minute * 60 + 60), "{}", server.program.log());
        if minute == DOWN - 1 {
            assert!(metric(&server, "sightline_deliveries_waiting") > 2.0 * 100.0, "much waits");
        }
    }
    assert!(move_clock(address, START_S + MINUTES * 60 + 5), "the last evaluation");
    until("nothing that waits", || metric(&server, "sightline_deliveries_waiting") == 0.0);
    assert_eq!(metric(&server, "sightline_deliveries_total{outcome=\"given_up\"}"), 0.0);
    drop(receiver);

    let mut wanted: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for n in 0..ALARMS {
        let states = (0..MINUTES).map(|minute| if breaches(n, minute) { "ALARM" } else { "OK" });
        let mut changes: Vec<&str> = states.collect();
        changes.dedup();
        wanted.insert(format!("load-{n}"), changes);
    }
    let got = calls.got();
    let topic = got.iter().filter(|g| g.header("x-amz-sns-message-type") == "notification");
    let hook = got.iter().filter(|g| g.path == "/hook");
    for (who, all) in [
        ("topic", topic.map(of_topic).collect::<Vec<Told>>()),
        ("hook", hook.map(of_hook).collect()),
    ] {
        let (taken, refused): (Vec<&Told>, Vec<&Told>) = all.iter().partition(|t| t.was_taken);
        let mut found: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for told in &taken {
            found.entry(told.alarm.clone()).or_default().push(&told.state);
        }
        assert_eq!(found, wanted, "{who}: each change once, in the order of its alarm");
        assert!(taken.is_sorted_by_key(|told| &told.at), "{who}: what happened first comes first");
        let ids: BTreeSet<&str> = taken.iter().map(|told| told.id.as_str()).collect();
        assert_eq!(ids.len(), taken.len(), "{who}: each has an id of its own");
        assert!(!refused.is_empty(), "{who}: it was unwell for a minute");
        for attempt in refused {
            assert!(ids.contains(attempt.id.as_str()), "{who}: {attempt:?} came later as another");
        }
    }
}

#[test]
fn oracle_ten_thousand_changes_at_once_hold_up_no_evaluation() {
    const COUNT: usize = 10_000;
    let directory = tempfile::tempdir().expect("a directory");
    let (data, handlers) = (directory.path().join("data"), directory.path().join("handlers.toml"));
    let calls = Calls::new();
    let receiver = Receiver::open("127.0.0.1:0".parse().expect("an address"), &calls);
    write_handlers(&handlers, receiver.address, &["hook".into()]);
    let server = start(&data, &handlers, START_S);
    let address = server.address;
    put_alarms(address, COUNT, |_| function("hook"));
    put_alarm(address, "other", "other", None, &json!({}));
    put(address, "load", &[(None, 1.0)], START_S);
    put(address, "other", &[(None, 1.0)], START_S);
    // The minute is looked at two seconds after its end.
    assert!(move_clock(address, START_S + 62));
    assert_eq!(
        (state_of(address, "load-0"), state_of(address, "other")),
        ("OK".into(), "OK".into())
    );

    calls.hold(true);
    put(address, "load", &[(None, 9.0)], START_S + 60);
    put(address, "other", &[(None, 1.0)], START_S + 60);
    scope(|threads| {
        // Returns when the receiver has everything, or after ten seconds.
        let moving = threads.spawn(|| move_clock(address, START_S + 122));
        let watch = Stopwatch::start();
        let is_waiting = || metric(&server, "sightline_deliveries_waiting") == COUNT as f64;
        until("all changes", is_waiting);
        println!("{COUNT} changes after {:?}", watch.elapsed());
        assert_eq!(state_of(address, &format!("load-{}", COUNT - 1)), "ALARM");
        // A late point decides, though nothing was told yet; the clock stays where it is.
        put(address, "other", &[(None, 9.0)], START_S + 60);
        let watch = Stopwatch::start();
        assert!(move_clock(address, START_S + 122));
        assert_eq!(state_of(address, "other"), "ALARM");
        assert!(watch.elapsed() < Duration::from_secs(5), "{:?}", watch.elapsed());
        assert_eq!(calls.len(), 1, "the receiver has not answered the first one yet");
        calls.hold(false);
        assert!(moving.join().expect("no panic"));
    });
    let watch = Stopwatch::start();
    until("all calls", || metric(&server, "sightline_deliveries_waiting") == 0.0);
    println!("told {:?} later", watch.elapsed());
    let alarms: BTreeSet<String> = calls.got().iter().map(|got| of_hook(got).alarm).collect();
    assert_eq!((calls.len(), alarms.len()), (COUNT, COUNT), "each change once");
}

#[test]
fn oracle_killed_while_it_tells_thousands_nobody_is_forgotten() {
    const COUNT: usize = 3_000;
    const LANES: usize = 8;
    const KILLS: usize = 4;
    /// What a receiver gets twice after a kill: the call that was under way, and those that were
    /// answered while a write gathered (20 ms) and was made. An answer takes 10 ms here.
    const TWICE_MAX: usize = 16;
    let directory = tempfile::tempdir().expect("a directory");
    let (data, handlers) = (directory.path().join("data"), directory.path().join("handlers.toml"));
    let calls = Calls::new();
    let receiver = Receiver::open("127.0.0.1:0".parse().expect("an address"), &calls);
    let names: Vec<String> = (0..LANES).map(|lane| format!("lane-{lane}")).collect();
    write_handlers(&handlers, receiver.address, &names);
    let mut server = start(&data, &handlers, START_S);
    put_alarms(server.address, COUNT, |n| function(&names[n % LANES]));
    put(server.address, "load", &[(None, 9.0)], START_S);
    calls.answer_after(10);
    let address = server.address;
    scope(|threads| {
        threads.spawn(|| move_clock(address, START_S + 65));
        until("the first calls", || calls.len() > COUNT / 10);
        server.program.signal(Signal::KILL);
    });
    server.program.wait();
    for kill in 1..=KILLS {
        server = start(&data, &handlers, START_S + 65);
        if kill < KILLS {
            let before = calls.len();
            until("more calls", || calls.len() > before + COUNT / 10);
            server.program.signal(Signal::KILL);
            server.program.wait();
        }
    }
    calls.answer_after(0);
    // The server counts what waits once it has looked, so the calls say when all is done.
    let ids = || -> BTreeSet<String> {
        calls.got().iter().map(|got| got.header("x-sightline-id").to_owned()).collect()
    };
    until("everybody", || calls.len() >= COUNT && ids().len() == COUNT);
    until("nothing that waits", || metric(&server, "sightline_deliveries_waiting") == 0.0);

    let got = calls.got();
    let mut twice = 0;
    let mut alarms = BTreeSet::new();
    for name in &names {
        // Whatever comes again is near to where it came first: the lane went on from there.
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let lane = got.iter().filter(|got| got.path == format!("/{name}")).map(of_hook);
        for (place, told) in lane.enumerate() {
            alarms.insert(told.alarm);
            if let Some(first) = seen.insert(told.id, place) {
                assert!(place - first <= TWICE_MAX, "{name}: call {first} came again as {place}");
                twice += 1;
            }
        }
    }
    println!("{twice} of {COUNT} came twice in {KILLS} kills");
    assert_eq!(alarms.len(), COUNT, "everybody was told");
    assert!(twice <= KILLS * LANES * TWICE_MAX);
}
