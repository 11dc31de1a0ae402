//! Alarms through their lives, on the virtual clock: put, data, state, reason, history, actions.
//!
//! Reasons and their data are worked out by hand from the service's documentation and from answers of
//! it that were recorded.

mod composites;
mod refusals;
mod series;
mod terraform;

use crate::bench::{MINUTE, SECOND};
use crate::world::{World, each_client, merge, time};
use serde_json::{Value, json};

impl World {
    /// Returns the only alarm of a name.
    #[track_caller]
    pub(crate) fn alarm(&mut self, name: &str) -> Value {
        let types = ["MetricAlarm", "CompositeAlarm"];
        let answer =
            self.call("DescribeAlarms", json!({"AlarmNames": [name], "AlarmTypes": types}));
        let list = |of: &str| answer[of].as_array().expect("a list, be it empty").clone();
        let found = [list("MetricAlarms"), list("CompositeAlarms")].concat();
        let [alarm] = &found[..] else { panic!("{name}: {answer}") };
        alarm.clone()
    }

    #[track_caller]
    pub(crate) fn state(&mut self, name: &str) -> String {
        self.alarm(name)["StateValue"].as_str().expect("a state").to_owned()
    }

    /// `Average of load per minute > 5, 1 of 1`, with other fields; null takes one away.
    pub(crate) fn load_high(&self, name: &str, more: Value) -> Value {
        let mut alarm = json!({
            "AlarmName": name, "Namespace": self.namespace, "MetricName": "load",
            "Statistic": "Average", "Period": 60, "EvaluationPeriods": 1, "Threshold": 5.0,
            "ComparisonOperator": "GreaterThanThreshold",
        });
        merge(&mut alarm, more);
        alarm
    }

    /// Puts a value for the minute that begins now, and waits until it was looked at.
    #[track_caller]
    pub(crate) fn minute(&mut self, value: f64) {
        assert_eq!(self.now() % MINUTE, 0, "a minute begins");
        self.put(json!([{"MetricName": "load", "Timestamp": self.now(), "Value": value}]));
        // Evaluations come two seconds behind the minute, so that late points count.
        self.server.advance(MINUTE + 5 * SECOND);
        self.server.advance(MINUTE - 5 * SECOND);
    }

    /// Returns type and summary of each item of the history, the oldest first.
    #[track_caller]
    pub(crate) fn history(&mut self, more: Value) -> Vec<(String, String)> {
        let mut input = json!({"ScanBy": "TimestampAscending"});
        merge(&mut input, more);
        let answer = self.call("DescribeAlarmHistory", input);
        let items = answer["AlarmHistoryItems"].as_array().expect("a list").iter();
        let text = |item: &Value, of: &str| item[of].as_str().expect("a text").to_owned();
        items.map(|item| (text(item, "HistoryItemType"), text(item, "HistorySummary"))).collect()
    }

    #[track_caller]
    pub(crate) fn set_state(&mut self, name: &str, state: &str) {
        let input = json!({"AlarmName": name, "StateValue": state, "StateReason": "a drill"});
        self.call("SetAlarmState", input);
    }
}

/// The ARN of an alarm of the scenarios.
pub(crate) fn arn(name: &str) -> String {
    format!("arn:aws:cloudwatch:eu-west-1:111122223333:alarm:{name}")
}

fn zoned(at_ms: i64) -> jiff::Zoned {
    let at = jiff::Timestamp::from_millisecond(at_ms).expect("in range");
    at.to_zoned(jiff::tz::TimeZone::UTC)
}

/// `02/03/26 12:00:00`, as reasons tell a time.
pub(crate) fn day_first(at_ms: i64) -> String {
    zoned(at_ms).strftime("%d/%m/%y %H:%M:%S").to_string()
}

/// `2026-03-02T12:00:00.000+0000`, as their data do.
pub(crate) fn iso(at_ms: i64) -> String {
    zoned(at_ms).strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string()
}

pub(crate) fn item(kind: &str, summary: &str) -> (String, String) {
    (kind.to_owned(), summary.to_owned())
}

pub(crate) fn json_of(value: &Value) -> Value {
    serde_json::from_str(value.as_str().expect("a text")).expect("JSON")
}

#[test]
fn a_new_alarm_has_the_defaults_of_the_service() {
    each_client(|w| {
        let alarm = w.load_high("load", json!({}));
        w.call("PutMetricAlarm", alarm.clone());
        let mut expected = alarm;
        let now = w.now();
        merge(
            &mut expected,
            json!({
                "AlarmArn": arn("load"), "AlarmConfigurationUpdatedTimestamp": now,
                "ActionsEnabled": true, "OKActions": [], "AlarmActions": [],
                "InsufficientDataActions": [], "Dimensions": [], "Period": 60.0,
                "EvaluationPeriods": 1.0, "StateValue": "INSUFFICIENT_DATA",
                "StateReason": "Unchecked: Initial alarm creation", "StateUpdatedTimestamp": now,
                "StateTransitionedTimestamp": now,
            }),
        );
        let mut shown = w.alarm("load");
        if w.kind == crate::client::Kind::Query {
            // That client is older than the member.
            shown["StateTransitionedTimestamp"] = json!(now);
        }
        assert_eq!(shown, expected);
    });
}

#[test]
fn an_alarm_goes_off_and_comes_back_and_says_why() {
    each_client(|w| {
        w.call("PutMetricAlarm", w.load_high("load", json!({})));
        let start = w.now();
        w.minute(21.5);
        let alarm = w.alarm("load");
        assert_eq!(alarm["StateValue"], "ALARM");
        let reason = format!(
            "Threshold Crossed: 1 datapoint [21.5 ({})] was greater than the threshold (5.0).",
            day_first(start)
        );
        assert_eq!(alarm["StateReason"], reason);
        let data = json_of(&alarm["StateReasonData"]);
        let query_date = data["queryDate"].as_str().expect("a date").to_owned();
        let evaluated = json!([{"timestamp": iso(start), "sampleCount": 1.0, "value": 21.5}]);
        let expected = json!({
            "version": "1.0", "queryDate": query_date, "startDate": iso(start),
            "statistic": "Average", "period": 60, "recentDatapoints": [21.5], "threshold": 5.0,
            "evaluatedDatapoints": evaluated,
        });
        assert_eq!(data, expected);
        let changed = time(&alarm["StateUpdatedTimestamp"]);
        assert!((start + MINUTE..start + MINUTE + 5 * SECOND).contains(&changed), "{changed}");

        let second = w.now();
        w.minute(1.25);
        let alarm = w.alarm("load");
        assert_eq!(alarm["StateValue"], "OK");
        let reason = format!(
            "Threshold Crossed: 1 datapoint [1.25 ({})] was not greater than the threshold (5.0).",
            day_first(second)
        );
        assert_eq!(alarm["StateReason"], reason);

        let expected = [
            item("ConfigurationUpdate", "Alarm \"load\" created"),
            item("StateUpdate", "Alarm updated from INSUFFICIENT_DATA to ALARM"),
            item("StateUpdate", "Alarm updated from ALARM to OK"),
        ];
        assert_eq!(w.history(json!({"AlarmName": "load"})), expected);
        let newest =
            json!({"AlarmName": "load", "HistoryItemType": "StateUpdate", "MaxRecords": 1});
        let answer = w.call("DescribeAlarmHistory", newest);
        let told = &answer["AlarmHistoryItems"][0];
        assert_eq!(
            (&told["AlarmName"], &told["AlarmType"]),
            (&json!("load"), &json!("MetricAlarm"))
        );
        let told = json_of(&told["HistoryData"]);
        assert_eq!(told["oldState"]["stateValue"], "ALARM");
        assert_eq!(told["oldState"]["stateReasonData"], data);
        assert_eq!(told["newState"]["stateReason"], alarm["StateReason"]);
        assert_eq!(told["newState"]["stateReasonData"], json_of(&alarm["StateReasonData"]));
    });
}

#[test]
fn gaps_count_as_the_alarm_says() {
    each_client(|w| {
        for how in ["missing", "ignore", "breaching", "notBreaching"] {
            let alarm = w.load_high(how, json!({"TreatMissingData": how, "EvaluationPeriods": 2}));
            w.call("PutMetricAlarm", alarm);
        }
        w.server.advance(MINUTE + 5 * SECOND);
        let none =
            "no datapoints were received for 2 periods and 2 missing datapoints were treated as";
        let expected = [
            ("missing", "INSUFFICIENT_DATA", None),
            // It keeps its state, so that it stays as it was made.
            ("ignore", "INSUFFICIENT_DATA", Some("Unchecked: Initial alarm creation".to_owned())),
            ("breaching", "ALARM", Some(format!("Threshold Crossed: {none} [Breaching]."))),
            ("notBreaching", "OK", Some(format!("Threshold Crossed: {none} [NonBreaching]."))),
        ];
        for (name, state, reason) in expected {
            let alarm = w.alarm(name);
            assert_eq!(alarm["StateValue"], state, "{name}");
            if let Some(reason) = reason {
                assert_eq!(alarm["StateReason"], reason, "{name}");
            }
            assert_eq!(alarm["TreatMissingData"], name);
        }
        // Without any datapoint there is no start.
        let data = json_of(&w.alarm("breaching")["StateReasonData"]);
        assert_eq!(data.get("startDate"), None);
        assert_eq!(data["recentDatapoints"], json!([]));
        let gaps = data["evaluatedDatapoints"].as_array().expect("a list");
        assert_eq!(gaps.len(), 2);
        assert!(gaps.iter().all(|gap| gap.as_object().expect("an object").len() == 1), "{gaps:?}");
    });
}

#[test]
fn m_of_n_datapoints_of_an_expression_decide() {
    each_client(|w| {
        let namespace = w.namespace.clone();
        let metric = |id: &str, name: &str| {
            json!({"Id": id, "ReturnData": false, "MetricStat": {
                "Metric": {"Namespace": namespace, "MetricName": name}, "Period": 60, "Stat": "Sum",
            }})
        };
        let alarm = json!({
            "AlarmName": "errors", "EvaluationPeriods": 3, "DatapointsToAlarm": 2,
            "Threshold": 10.0, "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching",
            "Metrics": [metric("m1", "errors"), metric("m2", "orders"),
                        {"Id": "e1", "Expression": "100 * m1 / m2", "Label": "Error rate",
                         "ReturnData": true}],
        });
        w.call("PutMetricAlarm", alarm);
        let start = w.now();
        // 5, 20 and 10 percent.
        for (errors, expected) in [(5.0, "OK"), (20.0, "OK"), (10.0, "ALARM")] {
            let now = w.now();
            w.put(json!([{"MetricName": "errors", "Timestamp": now, "Value": errors},
                         {"MetricName": "orders", "Timestamp": now, "Value": 100}]));
            w.server.advance(MINUTE + 5 * SECOND);
            w.server.advance(MINUTE - 5 * SECOND);
            assert_eq!(w.state("errors"), expected, "{errors}");
        }
        let reason = format!(
            "Threshold Crossed: 2 out of the last 3 datapoints [10.0 ({}), 20.0 ({})] were greater \
             than or equal to the threshold (10.0) (minimum 2 datapoints for OK -> ALARM \
             transition).",
            day_first(start + 4 * MINUTE),
            day_first(start + 2 * MINUTE)
        );
        assert_eq!(w.alarm("errors")["StateReason"], reason);
    });
}

#[test]
fn a_state_is_set_by_hand_and_actions_are_turned_off() {
    each_client(|w| {
        let action = "arn:aws:lambda:eu-west-1:111122223333:function:page";
        w.call("PutMetricAlarm", w.load_high("load", json!({"AlarmActions": [action]})));
        w.minute(1.0);
        let drill = json!({"AlarmName": "load", "StateValue": "ALARM", "StateReason": "a drill",
                           "StateReasonData": "{\"who\": \"me\"}"});
        w.call("SetAlarmState", drill);
        let alarm = w.alarm("load");
        assert_eq!(alarm["StateValue"], "ALARM");
        assert_eq!(alarm["StateReason"], "a drill");
        assert_eq!(alarm["StateReasonData"], "{\"who\": \"me\"}");
        w.minute(1.0);
        assert_eq!(w.state("load"), "OK", "the next evaluation decides again");
        let acted = w.history(json!({"AlarmName": "load", "HistoryItemType": "Action"}));
        assert_eq!(acted.len(), 1, "{acted:?}");

        w.call("DisableAlarmActions", json!({"AlarmNames": ["load", "no such alarm"]}));
        assert_eq!(w.alarm("load")["ActionsEnabled"], false);
        w.minute(9.0);
        assert_eq!(w.state("load"), "ALARM");
        let quiet = w.history(json!({"AlarmName": "load", "HistoryItemType": "Action"}));
        assert_eq!(quiet, acted, "nothing was done");
        w.call("EnableAlarmActions", json!({"AlarmNames": ["load"]}));
        assert_eq!(w.alarm("load")["ActionsEnabled"], true);
    });
}

#[test]
fn a_deleted_alarm_leaves_its_history() {
    each_client(|w| {
        w.call("PutMetricAlarm", w.load_high("load", json!({})));
        w.call("DeleteAlarms", json!({"AlarmNames": ["load", "no such alarm"]}));
        let none = w.call("DescribeAlarms", json!({}));
        assert_eq!(none["MetricAlarms"], json!([]));
        assert_eq!(none["CompositeAlarms"], json!([]));
        let told = w.history(json!({"AlarmName": "load"}));
        assert_eq!(told.last(), Some(&item("ConfigurationUpdate", "Alarm \"load\" deleted")));
    });
}

#[test]
fn alarms_survive_the_end_of_the_server() {
    each_client(|w| {
        w.call("PutMetricAlarm", w.load_high("load", json!({})));
        w.minute(9.0);
        let before = w.alarm("load");
        w.restart(crate::world::Ending::Kill);
        assert_eq!(w.alarm("load"), before);
        w.minute(1.0);
        assert_eq!(w.state("load"), "OK");
    });
}
