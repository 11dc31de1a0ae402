//! A description has what was put, to the letter, beside what the service adds: a tool that compares
//! finds no difference.

use super::{NOW_S, load_high, plain, with};
use crate::server::Server;
use serde_json::{Map, Value as Json, json};

/// What a new alarm has beside what was put.
const ADDED: [&str; 10] = [
    "AlarmArn",
    "AlarmConfigurationUpdatedTimestamp",
    "ActionsEnabled",
    "OKActions",
    "AlarmActions",
    "InsufficientDataActions",
    "StateValue",
    "StateReason",
    "StateUpdatedTimestamp",
    "StateTransitionedTimestamp",
];

/// Takes away what is added, and holds the rest against what was put.
fn assert_echo(put: &Json, shown: &Json) {
    let mut rest: Map<String, Json> = shown.as_object().unwrap().clone();
    for name in ADDED {
        assert!(shown.get(name).is_some(), "{name} is not there: {shown}");
        if put.get(name).is_none() {
            rest.remove(name);
        }
    }
    // A list that every metric alarm has.
    if put.get("Dimensions").is_none() && rest.get("Dimensions") == Some(&json!([])) {
        rest.remove("Dimensions");
    }
    assert_eq!(plain(&Json::Object(rest)), plain(put));
}

#[test]
fn a_new_alarm_has_the_defaults_of_the_service() {
    let server = Server::new();
    server.tell("PutMetricAlarm", &load_high("load"));
    let expected = json!({
        "AlarmName": "load",
        "AlarmArn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:load",
        "AlarmConfigurationUpdatedTimestamp": NOW_S,
        "ActionsEnabled": true,
        "OKActions": [], "AlarmActions": [], "InsufficientDataActions": [],
        "StateValue": "INSUFFICIENT_DATA",
        "StateReason": "Unchecked: Initial alarm creation",
        "StateUpdatedTimestamp": NOW_S,
        "StateTransitionedTimestamp": NOW_S,
        "MetricName": "Load", "Namespace": "Shop", "Statistic": "Average",
        "Dimensions": [], "Period": 60, "EvaluationPeriods": 1, "Threshold": 5.0,
        "ComparisonOperator": "GreaterThanThreshold",
    });
    assert_eq!(plain(&server.alarm("load")), plain(&expected));
}

#[test]
fn every_field_of_an_alarm_on_one_metric_comes_back() {
    let server = Server::new();
    let action = |name: &str| format!("arn:aws:sns:us-east-1:123456789012:{name}");
    let alarm = json!({
        "AlarmName": "p99", "AlarmDescription": "slow \u{1f40c}", "ActionsEnabled": false,
        "OKActions": [action("ok")], "AlarmActions": [action("b"), action("a")],
        "InsufficientDataActions": [action("unknown")],
        "MetricName": "Latency", "Namespace": "Shop", "ExtendedStatistic": "p99.90",
        "Dimensions": [{"Name": "z", "Value": "1"}, {"Name": "a", "Value": "2"}],
        "Period": 300, "Unit": "Milliseconds", "EvaluationPeriods": 5, "DatapointsToAlarm": 3,
        "Threshold": 0.1, "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "missing", "EvaluateLowSampleCountPercentile": "ignore",
        "EvaluationWindow": {"WallClockWindow": {"Timezone": "UTC+05:30"}},
        "WarmUpConfiguration": {"WarmUpPeriodDurationInMinutes": 15,
                                "OnlyStartEvaluatingAfterWarmUpPeriodEnds": false},
    });
    server.tell("PutMetricAlarm", &alarm);
    let mut shown = server.alarm("p99");
    // It waits for its data, and says so.
    assert_eq!(shown.as_object_mut().unwrap().remove("EvaluationState"), Some(json!("IN_WARM_UP")));
    assert_echo(&alarm, &shown);
    // A put replaces all of it.
    server.tell("PutMetricAlarm", &load_high("p99"));
    let mut shown = server.alarm("p99");
    shown.as_object_mut().unwrap().remove("EvaluationState");
    assert_echo(&load_high("p99"), &shown);
}

#[test]
fn metrics_of_an_expression_come_back() {
    let server = Server::new();
    let stat = |name: &str| {
        json!({"Metric": {"Namespace": "Shop", "MetricName": name,
                          "Dimensions": [{"Name": "Host", "Value": "a"}]},
               "Period": 60, "Stat": "Sum", "Unit": "Count"})
    };
    let alarm = json!({
        "AlarmName": "errors",
        "Metrics": [
            {"Id": "m1", "MetricStat": stat("Errors"), "ReturnData": false},
            {"Id": "m2", "MetricStat": stat("Orders"), "ReturnData": false,
             "AccountId": "123456789012"},
            {"Id": "e1", "Expression": "100 * m1 / m2", "Label": "Error rate", "ReturnData": true},
        ],
        "EvaluationPeriods": 2, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold",
    });
    server.tell("PutMetricAlarm", &alarm);
    assert_echo(&alarm, &server.alarm("errors"));
    let alarm = json!({
        "AlarmName": "by-host",
        "Metrics": [{"Id": "q1", "Period": 60,
                     "Expression": "SELECT MAX(Load) FROM Shop GROUP BY Host"}],
        "EvaluationPeriods": 1, "Threshold": 5.0, "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationWindow": {"SlidingWindow": {}},
    });
    server.tell("PutMetricAlarm", &alarm);
    assert_echo(&alarm, &server.alarm("by-host"));
}

#[test]
fn criteria_of_promql_come_back() {
    let server = Server::new();
    let alarm = json!({
        "AlarmName": "up",
        "EvaluationCriteria": {"PromQLCriteria": {"Query": "up == 0", "PendingPeriod": 120,
                                                  "RecoveryPeriod": 0}},
        "EvaluationInterval": 30,
    });
    server.tell("PutMetricAlarm", &alarm);
    let shown = server.alarm("up");
    assert_echo(&alarm, &shown);
    assert_eq!(shown["StateValue"], "OK");
}

#[test]
fn a_composite_comes_back() {
    let server = Server::new();
    for name in ["load", "deploying"] {
        server.tell("PutMetricAlarm", &load_high(name));
    }
    let alarm = json!({
        "AlarmName": "page", "AlarmDescription": "who is on call",
        "AlarmRule": "ALARM(load) AND  NOT ALARM(\"deploying\")",
        "ActionsSuppressor": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:deploying",
        "ActionsSuppressorWaitPeriod": 60, "ActionsSuppressorExtensionPeriod": 120,
    });
    server.tell("PutCompositeAlarm", &alarm);
    let shown = server.alarm("page");
    assert_echo(&alarm, &shown);
    assert_eq!(shown["AlarmArn"], "arn:aws:cloudwatch:us-east-1:123456789012:alarm:page");
}

#[test]
fn alarms_on_series_without_a_namespace_are_shown_under_its_name() {
    let server = Server::new();
    let alarm = with(load_high("up"), &json!({"Namespace": ":prometheus", "Threshold": 5.0}));
    server.tell("PutMetricAlarm", &alarm);
    assert_echo(&alarm, &server.alarm("up"));
    let of = server
        .ask("DescribeAlarmsForMetric", &json!({"Namespace": ":prometheus", "MetricName": "Load"}));
    assert_eq!(of["MetricAlarms"].as_array().unwrap().len(), 1);
}
