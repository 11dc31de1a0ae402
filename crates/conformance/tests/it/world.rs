//! Runs one scenario with every client and compares what they were told.

use crate::bench::{HOUR, MINUTE, Server};
use crate::client::{Client, Failure, Kind, Refusal, Who};
use crate::python::Boto3;
use crate::sdk::RustSdk;
use serde_json::{Value, json};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Whom scenarios call as unless they say otherwise.
pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const REGION: &str = "eu-west-1";

/// One client on one server, for the length of a scenario.
pub(crate) struct World {
    pub(crate) kind: Kind,
    pub(crate) server: Server,
    pub(crate) who: Who,
    pub(crate) namespace: String,
    client: Box<dyn Client>,
    notes: Vec<(String, Value)>,
}

/// How a server comes to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    Term,
    Kill,
}

/// Runs a scenario with all clients, on one server that is emptied in between.
pub(crate) fn each_client(scenario: impl Fn(&mut World)) {
    clients(Kind::ALL, scenario);
}

/// Runs a scenario with those clients that can say what it needs.
pub(crate) fn clients(kinds: &[Kind], scenario: impl Fn(&mut World)) {
    let mut server = Server::start();
    let mut failures = Vec::new();
    let mut told: Vec<(Kind, Vec<(String, Value)>)> = Vec::new();
    for kind in kinds {
        let client = connect(*kind, &server);
        let mut world = World {
            kind: *kind,
            server,
            who: Who::new(ACCOUNT, REGION),
            namespace: format!("Conformance/{kind:?}"),
            client,
            notes: Vec::new(),
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            world.server.reset();
            scenario(&mut world);
        }));
        server = world.server;
        match outcome {
            Ok(()) => told.push((*kind, world.notes)),
            Err(cause) => failures.push(format!("{kind:?}: {}", text(cause.as_ref()))),
        }
    }
    if let Some(((first, expected), others)) = told.split_first() {
        for (kind, notes) in others {
            for ((about, one), (_, other)) in expected.iter().zip(notes) {
                if one != other {
                    failures.push(format!("{about}: {first:?} is told {one}, {kind:?} {other}"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n"));
}

fn text(cause: &(dyn std::any::Any + Send)) -> String {
    let text = cause.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| cause.downcast_ref::<&str>().copied()).unwrap_or("panicked").to_owned()
}

pub(crate) fn connect(kind: Kind, server: &Server) -> Box<dyn Client> {
    match kind {
        Kind::Cbor => Box::new(RustSdk::new(&server.endpoint())),
        python => Box::new(Boto3::start(python, &server.endpoint())),
    }
}

impl World {
    pub(crate) fn now(&self) -> i64 {
        self.server.now()
    }

    /// Ends the server as told, and starts it again on what it left behind.
    pub(crate) fn restart(&mut self, end: Ending) {
        match end {
            Ending::Term => {
                let status = self.server.stop();
                assert!(status.success(), "SIGTERM is an orderly end: {status}");
            }
            Ending::Kill => self.server.kill(),
        }
        self.start_again();
    }

    /// Starts the server that was killed, and connects to it.
    pub(crate) fn start_again(&mut self) {
        self.server.start_again();
        self.client = connect(self.kind, &self.server);
    }

    /// Calls and shows whatever comes back.
    pub(crate) fn attempt(&mut self, operation: &str, input: Value) -> Result<Value, Failure> {
        self.client.call(&self.who, operation, input)
    }

    /// Calls and expects an answer.
    #[track_caller]
    pub(crate) fn call(&mut self, operation: &str, input: Value) -> Value {
        match self.client.call(&self.who, operation, input.clone()) {
            Ok(answer) => answer,
            Err(failure) => panic!("{operation} {}: {failure:?}", brief(&input)),
        }
    }

    /// Calls and expects a refusal, which must be the same for every client.
    #[track_caller]
    pub(crate) fn refused(&mut self, operation: &str, input: Value) -> Refusal {
        let about = format!("{operation} {}", brief(&input));
        let refusal = self.told(operation, input);
        let blame = refusal.status / 100;
        assert_eq!(blame, 4, "{about}: the client is to blame, so 4xx: {refusal:?}");
        self.note_refusal(&about, &refusal);
        refusal
    }

    /// Calls and expects a refusal; texts that tell a time differ between clients and are not compared.
    #[track_caller]
    pub(crate) fn told(&mut self, operation: &str, input: Value) -> Refusal {
        match self.client.call(&self.who, operation, input.clone()) {
            Err(Failure::Refused(refusal)) => refusal,
            other => {
                let other = brief(&json!(format!("{other:?}")));
                panic!("{operation} {} should be refused: {other}", brief(&input))
            }
        }
    }

    pub(crate) fn note_refusal(&mut self, about: &str, refusal: &Refusal) {
        let message = refusal.message.replace(&self.namespace, "NAMESPACE");
        self.note(about, json!([refusal.code, message, refusal.status]));
    }

    /// Keeps what this client saw, to be compared with what the others saw.
    pub(crate) fn note(&mut self, about: &str, value: Value) {
        println!("{:?}: {about}: {}", self.kind, brief(&value));
        self.notes.push((about.to_owned(), value));
    }

    pub(crate) fn exchange(&self) -> Value {
        self.client.exchange()
    }

    /// Puts data into the scenario's namespace.
    #[track_caller]
    pub(crate) fn put(&mut self, data: Value) {
        let input = json!({"Namespace": self.namespace, "MetricData": data});
        self.call("PutMetricData", input);
    }

    /// Puts one value a minute, from `start`.
    #[track_caller]
    pub(crate) fn put_minutes(&mut self, name: &str, start: i64, values: &[f64]) {
        let data: Vec<Value> = (0..)
            .zip(values)
            .map(|(i, value)| {
                json!({"MetricName": name, "Timestamp": start + i * MINUTE, "Value": value})
            })
            .collect();
        for batch in data.chunks(1_000) {
            self.put(json!(batch));
        }
    }

    #[track_caller]
    pub(crate) fn put_refused(&mut self, data: Value) -> Refusal {
        let input = json!({"Namespace": self.namespace, "MetricData": data});
        self.refused("PutMetricData", input)
    }

    /// Returns all points of GetMetricStatistics, oldest first (the service gives them in any order).
    #[track_caller]
    pub(crate) fn statistics(&mut self, more: Value) -> Vec<Value> {
        let answer = self.call("GetMetricStatistics", self.statistics_input(more));
        let mut points = answer["Datapoints"].as_array().expect("a list, be it empty").clone();
        points.sort_by_key(|p| (time(&p["Timestamp"]), p["Unit"].as_str().map(str::to_owned)));
        points
    }

    /// An input of GetMetricStatistics over the hour before and the hour after now, with members replaced;
    /// null takes one away.
    pub(crate) fn statistics_input(&self, more: Value) -> Value {
        let mut input = json!({
            "Namespace": self.namespace,
            "StartTime": self.now() - HOUR,
            "EndTime": self.now() + HOUR,
            "Period": 60,
        });
        if more.get("ExtendedStatistics").is_none() {
            input["Statistics"] = json!(["SampleCount", "Sum", "Average", "Minimum", "Maximum"]);
        }
        merge(&mut input, more);
        input
    }

    /// Returns the results of GetMetricData over the hour before and the hour after now.
    #[track_caller]
    pub(crate) fn data(&mut self, queries: Value) -> Vec<Value> {
        let answer = self.call("GetMetricData", self.data_input(queries, json!({})));
        assert!(answer.get("NextToken").is_none(), "{answer}");
        answer["MetricDataResults"].as_array().expect("a list").clone()
    }

    pub(crate) fn data_input(&self, queries: Value, more: Value) -> Value {
        let mut input = json!({
            "MetricDataQueries": queries,
            "StartTime": self.now() - HOUR,
            "EndTime": self.now() + HOUR,
        });
        merge(&mut input, more);
        input
    }

    /// A query of GetMetricData for a metric of the scenario's namespace.
    pub(crate) fn query(&self, id: &str, name: &str, statistic: &str) -> Value {
        json!({"Id": id, "MetricStat": {
            "Metric": {"Namespace": self.namespace, "MetricName": name},
            "Period": 60,
            "Stat": statistic,
        }})
    }

    /// Asks for one statistic per minute and returns points, oldest first.
    #[track_caller]
    pub(crate) fn minutes(&mut self, name: &str, statistic: &str) -> Vec<(i64, f64)> {
        let query = self.query("m1", name, statistic);
        let results = self.data(json!([query]));
        let mut points = points(&results[0]);
        points.reverse();
        points
    }

    /// Lists the scenario's namespace, with members replaced, over all pages; returns each page's metrics.
    #[track_caller]
    pub(crate) fn pages(&mut self, more: Value) -> Vec<Vec<Value>> {
        let mut input = json!({"Namespace": self.namespace});
        merge(&mut input, more);
        let mut pages = Vec::new();
        loop {
            let answer = self.call("ListMetrics", input.clone());
            pages.push(answer["Metrics"].as_array().expect("a list, be it empty").clone());
            match answer.get("NextToken") {
                None => return pages,
                Some(token) => input["NextToken"] = token.clone(),
            }
            assert!(pages.len() < 100, "pages without end");
        }
    }

    #[track_caller]
    pub(crate) fn list(&mut self, more: Value) -> Vec<Value> {
        self.pages(more).concat()
    }

    /// Names of the metrics in a listing, sorted.
    #[track_caller]
    pub(crate) fn names(&mut self, more: Value) -> Vec<String> {
        let metrics = self.list(more);
        let mut names: Vec<String> =
            metrics.iter().map(|m| m["MetricName"].as_str().expect("a name").to_owned()).collect();
        names.sort();
        names
    }
}

/// Puts members into an object; null takes one away.
pub(crate) fn merge(into: &mut Value, from: Value) {
    let (Value::Object(into), Value::Object(from)) = (into, from) else {
        panic!("objects only");
    };
    for (name, value) in from {
        if value.is_null() {
            into.remove(&name);
        } else {
            into.insert(name, value);
        }
    }
}

#[track_caller]
pub(crate) fn time(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is no time"))
}

/// Returns a result's timestamps and values side by side, in the order they came.
#[track_caller]
pub(crate) fn points(result: &Value) -> Vec<(i64, f64)> {
    let times = result["Timestamps"].as_array().unwrap_or_else(|| panic!("no times: {result}"));
    let values = result["Values"].as_array().unwrap_or_else(|| panic!("no values: {result}"));
    assert_eq!(times.len(), values.len(), "side by side: {result}");
    times.iter().map(time).zip(values.iter().map(|v| v.as_f64().expect("a number"))).collect()
}

#[track_caller]
pub(crate) fn assert_close(found: f64, wanted: f64, about: &str) {
    assert!(
        (found - wanted).abs() <= 1e-9 * wanted.abs().max(1.0),
        "{about}: {found}, not {wanted}"
    );
}

/// Asserts that a refusal has one of the codes, and all of the words in its message.
#[track_caller]
pub(crate) fn assert_told(refusal: &Refusal, codes: &[&str], words: &[&str]) {
    assert!(codes.contains(&refusal.code.as_str()), "code should be of {codes:?}: {refusal:?}");
    for word in words {
        assert!(refusal.message.contains(word), "{word:?} should be in {refusal:?}");
    }
}

fn brief(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(600) {
        None => text,
        Some((end, _)) => format!("{} ... ({} bytes)", &text[..end], text.len()),
    }
}
