//! Actions are checked when an alarm is put.

use super::{load_high, with};
use crate::server::Server;
use serde_json::{Value as Json, json};

const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:nobody-made-it";
const REBOOT: &str = "arn:aws:automate:us-east-1:ec2:reboot";

fn invalid(text: &str) -> (String, String) {
    ("ValidationError".to_owned(), text.to_owned())
}

#[test]
fn an_action_is_one_of_the_forms_that_there_are() {
    let server = Server::new();
    let refused = |field: &str, actions: Json| {
        let mut alarm = load_high("load");
        alarm[field] = actions;
        server.refusal("PutMetricAlarm", &alarm)
    };
    for field in ["OKActions", "AlarmActions", "InsufficientDataActions"] {
        let told = "Invalid arn syntax: mail.ops@example.com";
        assert_eq!(refused(field, json!([TOPIC, "mail.ops@example.com"])), invalid(told));
    }
    let queue = "arn:aws:sqs:us-east-1:123456789012:jobs";
    let told = invalid(&format!("Invalid arn syntax: {queue}"));
    assert_eq!(refused("AlarmActions", json!([queue])), told);
    let told = "Invalid region eu-west-1 specified. Only us-east-1 is supported.";
    let elsewhere = "arn:aws:sns:eu-west-1:123456789012:ops";
    assert_eq!(refused("AlarmActions", json!([elsewhere])), invalid(told));
    let told = "The action arn:aws:sns:us-east-1:123456789012:ops.fifo cannot be used: FIFO topics are \
                not served by Sightline yet.";
    let fifo = "arn:aws:sns:us-east-1:123456789012:ops.fifo";
    assert_eq!(refused("AlarmActions", json!([fifo])), invalid(told));
    assert_eq!(server.described(&json!({})), Vec::<Json>::new(), "nothing of it is kept");

    let other = "arn:aws:sns:us-east-1:999999999999:theirs";
    server.tell(
        "PutMetricAlarm",
        &with(load_high("load"), &json!({"AlarmActions": [TOPIC, other, REBOOT]})),
    );
    assert_eq!(server.alarm("load")["AlarmActions"], json!([TOPIC, other, REBOOT]));
    let wrong = with(load_high("load"), &json!({"AlarmActions": ["x"]}));
    assert_eq!(server.refusal("PutMetricAlarm", &wrong), invalid("Invalid arn syntax: x"));
    assert_eq!(server.alarm("load")["AlarmActions"], json!([TOPIC, other, REBOOT]), "as before");
}

#[test]
fn only_an_alarm_on_one_metric_does_something_to_an_instance() {
    let server = Server::new();
    let told = |what: &str| {
        invalid(&format!(
            "The parameter AlarmActions is invalid: {what} is no action of this type of alarm."
        ))
    };
    let metric = json!({"Namespace": "AWS/EC2", "MetricName": "CPUUtilization"});
    let math = json!({
        "AlarmName": "double", "EvaluationPeriods": 1, "Threshold": 1,
        "ComparisonOperator": "LessThanThreshold", "AlarmActions": [REBOOT],
        "Metrics": [
            {"Id": "m1", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"},
             "ReturnData": false},
            {"Id": "e1", "Expression": "m1 * 2"},
        ],
    });
    assert_eq!(server.refusal("PutMetricAlarm", &math), told(REBOOT));
    let promql = json!({
        "AlarmName": "up", "EvaluationInterval": 60, "AlarmActions": [REBOOT],
        "EvaluationCriteria": {"PromQLCriteria": {"Query": "up == 0"}},
    });
    assert_eq!(server.refusal("PutMetricAlarm", &promql), told(REBOOT));
    server.tell("PutMetricAlarm", &load_high("load"));
    let scaling = "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:\
                   6e4c:autoScalingGroupName/g:policyName/out";
    for action in [REBOOT, scaling] {
        let page =
            json!({"AlarmName": "page", "AlarmRule": "ALARM(load)", "AlarmActions": [action]});
        assert_eq!(server.refusal("PutCompositeAlarm", &page), told(action));
    }
    let page = json!({"AlarmName": "page", "AlarmRule": "ALARM(load)", "AlarmActions": ["pager"]});
    let refused = server.refusal("PutCompositeAlarm", &page);
    assert_eq!(refused, invalid("Invalid arn syntax: pager"));
}
