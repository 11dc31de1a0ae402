//! What was acknowledged is there after the process went, however it went.

use crate::bench::MINUTE;
use crate::client::{Client, Failure};
use crate::world::{Ending, World, connect, each_client};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// Everything a client can see of the scenario's namespace.
fn seen(w: &mut World) -> Value {
    let mut listed: Vec<String> = w.list(json!({})).iter().map(Value::to_string).collect();
    listed.sort();
    let mut shown = Vec::new();
    for name in ["m", "sets", "weighed"] {
        shown.push(json!(w.statistics(json!({"MetricName": name}))));
        let p90 = w.query("q", name, "p90");
        shown.push(json!(w.data(json!([p90]))));
    }
    json!([listed, shown])
}

fn survives(w: &mut World, end: Ending) {
    let t = w.now() - 30 * MINUTE;
    w.put_minutes("m", t, &[1.0, 2.5, -3.0, 1e300, 0.1]);
    w.put(json!([
        {"MetricName": "m", "Timestamp": t, "Value": 7, "Unit": "Seconds"},
        {"MetricName": "m", "Timestamp": t, "Value": 7, "Dimensions": [{"Name": "a", "Value": "1"}]},
        {"MetricName": "sets", "Timestamp": t,
         "StatisticValues": {"SampleCount": 3, "Sum": 30, "Minimum": 5, "Maximum": 20}},
        {"MetricName": "weighed", "Timestamp": t + 3_000, "Values": [1, 2, 3], "Counts": [5, 1, 9],
         "StorageResolution": 1},
    ]));
    let before = seen(w);
    for turn in 1..=2 {
        w.restart(end);
        assert_eq!(seen(w), before, "after restart {turn}");
    }
    w.put_minutes("m", t + 10 * MINUTE, &[42.0]);
    w.put(json!([{"MetricName": "m", "Timestamp": t + 10 * MINUTE, "Value": 8}]));
    w.restart(end);
    let after = w.minutes("m", "Sum");
    assert_eq!(after.last(), Some(&(t + 10 * MINUTE, 50.0)));
}

#[test]
fn everything_is_there_after_sigterm() {
    each_client(|w| survives(w, Ending::Term));
}

#[test]
fn everything_is_there_after_sigkill() {
    each_client(|w| survives(w, Ending::Kill));
}

/// The clock moves far between writes, so that parts are sealed and merged on the way.
#[test]
fn days_of_data_are_there_after_sigkill() {
    each_client(|w| {
        let start = w.now();
        for day in 0..4 {
            w.put_minutes("m", w.now(), &[f64::from(day) + 1.0; 30]);
            w.server.advance(24 * 60 * MINUTE);
            if day == 1 {
                w.restart(Ending::Kill);
            }
        }
        w.restart(Ending::Kill);
        let found = w.statistics(json!({
            "MetricName": "m", "StartTime": start, "EndTime": w.now(), "Period": 86_400,
        }));
        let (mut sum, mut count) = (0.0, 0.0);
        for point in &found {
            sum += point["Sum"].as_f64().expect("Sum");
            count += point["SampleCount"].as_f64().expect("SampleCount");
        }
        assert_eq!((sum, count), (300.0, 120.0), "{found:?}");
    });
}

/// Kills the server at some moment of a stream of writes. One request is in flight at most: it may or may not
/// have been kept, everything acknowledged must be, and nothing twice.
#[test]
fn sigkill_amid_writes_takes_nothing_acknowledged() {
    each_client(|w| {
        for (round, after_ms) in [(0, 60), (1, 150), (2, 400)] {
            let name = format!("round-{round}");
            let mut client = connect(w.kind, &w.server);
            let dead = AtomicBool::new(false);
            let (who, at, namespace) = (w.who.clone(), w.now(), w.namespace.clone());
            let server = &mut w.server;
            let acknowledged = std::thread::scope(|scope| {
                let writer = scope.spawn(|| {
                    let mut acknowledged = 0_u32;
                    while !dead.load(Relaxed)
                        && put_one(client.as_mut(), &who, &namespace, &name, at)
                    {
                        acknowledged += 1;
                    }
                    acknowledged
                });
                std::thread::sleep(Duration::from_millis(after_ms));
                server.kill();
                dead.store(true, Relaxed);
                writer.join().expect("the writer ends")
            });
            w.start_again();
            let kept: f64 = w.minutes(&name, "SampleCount").iter().map(|(_, count)| count).sum();
            let acknowledged = f64::from(acknowledged);
            assert!(
                kept == acknowledged || kept == acknowledged + 1.0,
                "{name}: {acknowledged} acknowledged, {kept} kept"
            );
        }
    });
}

/// True when acknowledged; a dead server is no refusal.
fn put_one(
    client: &mut dyn Client,
    who: &crate::client::Who,
    namespace: &str,
    name: &str,
    at: i64,
) -> bool {
    let data = json!([{"MetricName": name, "Timestamp": at, "Value": 1}]);
    let input = json!({"Namespace": namespace, "MetricData": data});
    match client.call(who, "PutMetricData", input) {
        Ok(_) => true,
        Err(Failure::Broken(_)) => false,
        Err(Failure::Refused(refusal)) => panic!("{refusal:?}"),
    }
}
