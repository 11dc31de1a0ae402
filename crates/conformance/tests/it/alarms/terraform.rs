//! What Terraform's provider puts and reads: nothing is to differ, so that a plan stays empty.
//!
//! The attributes are those that the provider's resources read; how they are put and read follows its
//! documentation ("Resource: aws_cloudwatch_metric_alarm", "Resource: aws_cloudwatch_composite_alarm").

use super::arn;
use crate::world::{World, each_client};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

const OF_METRIC_ALARM: [(&str, &str); 21] = [
    ("actions_enabled", "ActionsEnabled"),
    ("alarm_actions", "AlarmActions"),
    ("alarm_description", "AlarmDescription"),
    ("alarm_name", "AlarmName"),
    ("arn", "AlarmArn"),
    ("comparison_operator", "ComparisonOperator"),
    ("datapoints_to_alarm", "DatapointsToAlarm"),
    ("dimensions", "Dimensions"),
    ("evaluate_low_sample_count_percentiles", "EvaluateLowSampleCountPercentile"),
    ("evaluation_periods", "EvaluationPeriods"),
    ("extended_statistic", "ExtendedStatistic"),
    ("insufficient_data_actions", "InsufficientDataActions"),
    ("metric_name", "MetricName"),
    ("metric_query", "Metrics"),
    ("namespace", "Namespace"),
    ("ok_actions", "OKActions"),
    ("period", "Period"),
    ("statistic", "Statistic"),
    ("threshold", "Threshold"),
    ("treat_missing_data", "TreatMissingData"),
    ("unit", "Unit"),
];

const OF_COMPOSITE_ALARM: [(&str, &str); 11] = [
    ("actions_enabled", "ActionsEnabled"),
    ("actions_suppressor.alarm", "ActionsSuppressor"),
    ("actions_suppressor.extension_period", "ActionsSuppressorExtensionPeriod"),
    ("actions_suppressor.wait_period", "ActionsSuppressorWaitPeriod"),
    ("alarm_actions", "AlarmActions"),
    ("alarm_description", "AlarmDescription"),
    ("alarm_name", "AlarmName"),
    ("alarm_rule", "AlarmRule"),
    ("arn", "AlarmArn"),
    ("insufficient_data_actions", "InsufficientDataActions"),
    ("ok_actions", "OKActions"),
];

/// Reads an attribute as the provider does: lists of actions and queries are sets, dimensions a map, and
/// what is not there is the attribute's zero value.
fn attribute(member: &str, value: Option<&Value>) -> Value {
    let sorted = |list: &[Value], read: &dyn Fn(&Value) -> Value| {
        let texts: BTreeSet<String> = list.iter().map(|one| read(one).to_string()).collect();
        json!(texts)
    };
    let list = || value.and_then(Value::as_array).cloned().unwrap_or_default();
    match member {
        "OKActions" | "AlarmActions" | "InsufficientDataActions" => {
            sorted(&list(), &|action| action.clone())
        }
        "Metrics" => sorted(&list(), &metric_query),
        "Dimensions" => dimensions(value),
        "TreatMissingData" => value.cloned().unwrap_or(json!("missing")),
        "ActionsEnabled" => value.cloned().unwrap_or(json!(true)),
        _ => match value {
            None => Value::Null,
            // Whole numbers and others look alike.
            Some(Value::Number(number)) => json!(number.as_f64()),
            Some(other) => other.clone(),
        },
    }
}

fn dimensions(value: Option<&Value>) -> Value {
    let list = value.and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |of: &Value| of.as_str().expect("a text").to_owned();
    list.iter().map(|one| (text(&one["Name"]), one["Value"].clone())).collect::<Map<_, _>>().into()
}

fn metric_query(of: &Value) -> Value {
    let metric = of.get("MetricStat").map(|stat| {
        json!({
            "dimensions": dimensions(stat["Metric"].get("Dimensions")),
            "metric_name": stat["Metric"]["MetricName"], "namespace": stat["Metric"]["Namespace"],
            "period": stat["Period"].as_f64(), "stat": stat["Stat"], "unit": stat.get("Unit"),
        })
    });
    json!({
        "id": of["Id"], "account_id": of.get("AccountId"), "expression": of.get("Expression"),
        "label": of.get("Label"), "metric": metric, "period": of["Period"].as_f64(),
        // False is the provider's default, and always said.
        "return_data": of["ReturnData"].as_bool().unwrap_or(false),
    })
}

fn read(of: &Value, attributes: &[(&str, &str)]) -> Value {
    attributes
        .iter()
        .map(|(name, member)| ((*name).to_owned(), attribute(member, of.get(member))))
        .collect()
}

/// Puts what a plan asks for, reads it back, and holds both against each other; then once more, as an
/// update.
#[track_caller]
fn assert_no_difference(w: &mut World, operation: &str, put: &Value, attributes: &[(&str, &str)]) {
    let name = put["AlarmName"].as_str().expect("a name").to_owned();
    let mut wanted = put.clone();
    wanted["AlarmArn"] = json!(arn(&name));
    for _ in 0..2 {
        w.call(operation, put.clone());
        let shown = w.alarm(&name);
        assert_eq!(read(&shown, attributes), read(&wanted, attributes), "{shown}");
        let tags = w.call("ListTagsForResource", json!({"ResourceARN": arn(&name)}));
        assert_eq!(tags["Tags"], put.get("Tags").cloned().unwrap_or(json!([])));
    }
}

#[test]
fn metric_alarms_are_read_as_they_were_put() {
    each_client(|w| {
        let sns = |name: &str| format!("arn:aws:sns:eu-west-1:111122223333:{name}");
        // The least that a configuration can say: the provider adds its defaults.
        let least = json!({
            "AlarmName": "least", "ActionsEnabled": true, "ComparisonOperator": "LessThanThreshold",
            "EvaluationPeriods": 2, "MetricName": "CPUUtilization", "Namespace": "AWS/EC2",
            "Period": 120, "Statistic": "Average", "Threshold": 0.0, "TreatMissingData": "missing",
        });
        assert_no_difference(w, "PutMetricAlarm", &least, &OF_METRIC_ALARM);
        let most = json!({
            "AlarmName": "most", "AlarmDescription": "This metric monitors \u{e9}\u{1f40c}",
            "ActionsEnabled": false, "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "AlarmActions": [sns("b"), "arn:aws:automate:eu-west-1:ec2:reboot"],
            "OKActions": [sns("ok")], "InsufficientDataActions": [sns("c"), sns("a")],
            "DatapointsToAlarm": 2, "EvaluationPeriods": 3,
            "Dimensions": [{"Name": "z", "Value": "1"}, {"Name": "a", "Value": "2"}],
            "EvaluateLowSampleCountPercentile": "evaluate", "ExtendedStatistic": "p88.0",
            "MetricName": "Latency", "Namespace": "AWS/ELB", "Period": 300,
            "Threshold": 0.05, "TreatMissingData": "notBreaching", "Unit": "Seconds",
            "Tags": [{"Key": "Name", "Value": "x"}, {"Key": "team", "Value": ""}],
        });
        assert_no_difference(w, "PutMetricAlarm", &most, &OF_METRIC_ALARM);
        let stat = |name: &str, unit: &str| {
            json!({"Metric": {"Namespace": "AWS/ApplicationELB", "MetricName": name,
                              "Dimensions": [{"Name": "LoadBalancer", "Value": "app/web"}]},
                   "Period": 120, "Stat": "Sum", "Unit": unit})
        };
        let math = json!({
            "AlarmName": "math", "ActionsEnabled": true, "EvaluationPeriods": 2, "Threshold": 10.0,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold", "TreatMissingData": "missing",
            "Metrics": [
                {"Id": "e1", "Expression": "m2/m1*100", "Label": "Error Rate", "ReturnData": true},
                {"Id": "m1", "MetricStat": stat("RequestCount", "Count"), "ReturnData": false},
                {"Id": "m2", "MetricStat": stat("HTTPCode_ELB_5XX_Count", "Count"),
                 "ReturnData": false, "AccountId": "111122223333"},
            ],
        });
        assert_no_difference(w, "PutMetricAlarm", &math, &OF_METRIC_ALARM);
        let insights = json!({
            "AlarmName": "insights", "ActionsEnabled": true, "EvaluationPeriods": 1,
            "Threshold": 1.5, "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "ignore",
            "Metrics": [{"Id": "q1", "Expression": "SELECT AVG(CPUUtilization) FROM \"AWS/EC2\"",
                         "Period": 300, "ReturnData": true, "Label": "cpu"}],
        });
        assert_no_difference(w, "PutMetricAlarm", &insights, &OF_METRIC_ALARM);
    });
}

#[test]
fn composite_alarms_are_read_as_they_were_put() {
    each_client(|w| {
        for name in ["alpha", "bravo"] {
            w.call("PutMetricAlarm", w.load_high(name, json!({})));
        }
        let least = json!({"AlarmName": "least", "ActionsEnabled": true,
                           "AlarmRule": "ALARM(alpha) OR\nALARM(bravo)\n"});
        assert_no_difference(w, "PutCompositeAlarm", &least, &OF_COMPOSITE_ALARM);
        let sns = |name: &str| format!("arn:aws:sns:eu-west-1:111122223333:{name}");
        let most = json!({
            "AlarmName": "most", "AlarmDescription": "This is a composite alarm!",
            "ActionsEnabled": false, "AlarmActions": [sns("b"), sns("a")], "OKActions": [sns("ok")],
            "InsufficientDataActions": [sns("c")],
            "AlarmRule": format!("AT_LEAST(1, ALARM, ({}, \"bravo\"))", arn("alpha")),
            "ActionsSuppressor": "alpha", "ActionsSuppressorWaitPeriod": 20,
            "ActionsSuppressorExtensionPeriod": 10, "Tags": [{"Key": "team", "Value": "shop"}],
        });
        assert_no_difference(w, "PutCompositeAlarm", &most, &OF_COMPOSITE_ALARM);
    });
}
