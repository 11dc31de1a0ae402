//! Alarms through requests as they come: what was put is what is shown, and what happens to it.

mod actions;
mod echo;
mod life;
mod listing;
mod refusals;

use crate::server::Server;
use platform::TimeStep;
use serde_json::{Value as Json, json};

/// When the tests' alarms are put, in seconds: 2023-11-14T22:00:00Z.
pub(crate) const NOW_S: i64 = crate::server::NOW_S;

/// `Average of Shop:Load per minute > 5, 1 of 1`.
pub(crate) fn load_high(name: &str) -> Json {
    json!({
        "AlarmName": name, "Namespace": "Shop", "MetricName": "Load", "Statistic": "Average",
        "Period": 60, "EvaluationPeriods": 1, "Threshold": 5,
        "ComparisonOperator": "GreaterThanThreshold",
    })
}

/// The same with other fields, or others than it has.
pub(crate) fn with(mut of: Json, more: &Json) -> Json {
    for (name, value) in more.as_object().unwrap() {
        of[name] = value.clone();
    }
    of
}

impl Server {
    /// Moves the clock; whatever is due in between has happened then.
    pub(crate) fn advance(&self, seconds: i64) {
        self.platform.move_clock(&self.clock, TimeStep::Advance(seconds * 1_000)).unwrap();
    }

    /// Sends a request that must be taken and answers nothing.
    pub(crate) fn tell(&self, operation: &str, body: &Json) {
        let reply = self.call(operation, body);
        assert_eq!(reply.status, 200, "{operation} {body}: {}", reply.text());
    }

    /// Returns the metric alarms, then the composites, that a request finds.
    pub(crate) fn described(&self, filter: &Json) -> Vec<Json> {
        let answer = self.ask("DescribeAlarms", filter);
        let list = |name: &str| answer[name].as_array().unwrap().clone();
        [list("MetricAlarms"), list("CompositeAlarms")].concat()
    }

    /// Returns the alarm of a name.
    pub(crate) fn alarm(&self, name: &str) -> Json {
        let types = ["MetricAlarm", "CompositeAlarm"];
        let found = self.described(&json!({"AlarmNames": [name], "AlarmTypes": types}));
        let [alarm] = &found[..] else { panic!("{name}: {found:?}") };
        alarm.clone()
    }

    /// Returns the state of an alarm.
    pub(crate) fn state(&self, name: &str) -> String {
        self.alarm(name)["StateValue"].as_str().unwrap().to_owned()
    }

    /// Puts a value of `Shop:Load` now.
    pub(crate) fn load(&self, value: f64) {
        self.put("Shop", &json!([{"MetricName": "Load", "Value": value}]));
    }
}

/// Makes all numbers floats, so that 5 and 5.0 are the same.
pub(crate) fn plain(value: &Json) -> Json {
    match value {
        Json::Number(number) => json!(number.as_f64()),
        Json::Array(list) => list.iter().map(plain).collect(),
        Json::Object(members) => {
            members.iter().map(|(name, inner)| (name.clone(), plain(inner))).collect()
        }
        other => other.clone(),
    }
}

/// Returns the names of alarms.
pub(crate) fn names(alarms: &[Json]) -> Vec<&str> {
    alarms.iter().map(|alarm| alarm["AlarmName"].as_str().unwrap()).collect()
}
