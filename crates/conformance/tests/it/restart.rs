//! What was acknowledged is there after the process went, however it went.

use crate::bench::{DAY, MINUTE};
use crate::client::{Client, Failure};
use crate::world::{Ending, World, connect, each_client};
use serde_json::{Value, json};
use std::sync::Barrier;
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
    w.put_minutes("m", t, &[1.0, 2.5, -3.0, 1e100, 0.1]);
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

/// The first write is at noon: the range starts at midnight, so that it cuts no period.
///
/// The clock moves far between writes, so that parts are sealed and merged on the way.
#[test]
fn days_of_data_are_there_after_sigkill() {
    each_client(|w| {
        let start = w.now();
        for day in 0..4 {
            w.put_minutes("m", w.now(), &[f64::from(day) + 1.0; 30]);
            w.server.advance(DAY);
            if day == 1 {
                w.restart(Ending::Kill);
            }
        }
        w.restart(Ending::Kill);
        let found = w.statistics(json!({
            "MetricName": "m", "StartTime": start - start % DAY, "EndTime": w.now(), "Period": 86_400,
        }));
        let (mut sum, mut count) = (0.0, 0.0);
        for point in &found {
            sum += point["Sum"].as_f64().expect("Sum");
            count += point["SampleCount"].as_f64().expect("SampleCount");
        }
        assert_eq!((sum, count), (300.0, 120.0), "{found:?}");
    });
}

/// Kills the server at some moment of a stream of writes that share its syncs. Each writer has one request in
/// flight at most: that one may or may not have been kept, everything acknowledged must be, and nothing twice.
#[test]
fn sigkill_amid_writes_takes_nothing_acknowledged() {
    const WRITERS: usize = 3;
    each_client(|w| {
        let mut clients: Vec<Box<dyn Client>> = Vec::new();
        for (round, after_ms) in [20, 90, 300].into_iter().enumerate() {
            clients.clear();
            clients.extend((0..WRITERS).map(|_| connect(w.kind, &w.server)));
            let (who, at, namespace) = (w.who.clone(), w.now(), w.namespace.clone());
            let server = &mut w.server;
            let under_way = Barrier::new(WRITERS + 1);
            let acknowledged: Vec<u32> = std::thread::scope(|scope| {
                let writers: Vec<_> = (0..)
                    .zip(&mut clients)
                    .map(|(writer, client)| {
                        let (who, namespace, under_way) = (&who, &namespace, &under_way);
                        scope.spawn(move || {
                            let name = format!("{round}-{writer}");
                            // The first call of a client takes it longest.
                            let first = put_one(client.as_mut(), who, namespace, &name, at);
                            under_way.wait();
                            assert!(first, "the server was up");
                            let mut acknowledged = 1;
                            while put_one(client.as_mut(), who, namespace, &name, at) {
                                acknowledged += 1;
                            }
                            acknowledged
                        })
                    })
                    .collect();
                under_way.wait();
                std::thread::sleep(Duration::from_millis(after_ms));
                server.kill();
                writers.into_iter().map(|writer| writer.join().expect("the writer ends")).collect()
            });
            w.start_again();
            println!("{:?}, {after_ms} ms: {acknowledged:?} acknowledged", w.kind);
            for (writer, acknowledged) in acknowledged.into_iter().enumerate() {
                let name = format!("{round}-{writer}");
                let kept: f64 = w.minutes(&name, "SampleCount").iter().map(|(_, n)| n).sum();
                let acknowledged = f64::from(acknowledged);
                assert!(
                    kept == acknowledged || kept == acknowledged + 1.0,
                    "{name}: {acknowledged} acknowledged, {kept} kept"
                );
            }
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
