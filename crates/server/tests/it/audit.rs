//! Who changes alarms, mute rules, topics and subscriptions leaves a record.

use crate::http::{cloudwatch, post};
use crate::programs::Server;
use serde_json::{Value, json};
use std::net::SocketAddr;

const TOPIC: &str = "arn:aws:sns:us-east-1:000000000000:ops";

fn sns(address: SocketAddr, form: &str) -> String {
    let headers =
        [("content-type", "application/x-www-form-urlencoded"), ("user-agent", "probe/1")];
    let body = format!("Version=2010-03-31&{form}");
    post(address, "/", &headers, body.as_bytes()).expect("an answer").body
}

#[test]
fn oracle_definitions_leave_records_and_data_none() {
    let data = tempfile::tempdir().expect("a directory");
    let mut server = Server::start(data.path(), &[]);
    let address = server.address;
    let tell = |operation: &str, input: Value| {
        cloudwatch(address, operation, &input).expect("an answer").status
    };
    let alarm = json!({
        "AlarmName": "load", "Namespace": "It", "MetricName": "load", "Statistic": "Maximum",
        "Period": 60, "EvaluationPeriods": 1, "Threshold": 5.0, "AlarmActions": [TOPIC],
        "ComparisonOperator": "GreaterThanThreshold",
        "Tags": [{ "Key": "team", "Value": "a" }],
    });
    assert_eq!(tell("PutMetricAlarm", alarm), 200);
    assert_eq!(tell("DescribeAlarms", json!({})), 200);
    let page = json!({ "AlarmName": "page", "AlarmRule": "ALARM(load)" });
    assert_eq!(tell("PutCompositeAlarm", page), 200);
    let state = json!({ "AlarmName": "load", "StateValue": "OK", "StateReason": "a drill" });
    assert_eq!(tell("SetAlarmState", state), 200);
    let schedule = json!({ "Expression": "cron(0 21 * * *)", "Duration": "PT2H" });
    let rule = json!({ "Name": "nights", "Rule": { "Schedule": schedule } });
    assert_eq!(tell("PutAlarmMuteRule", rule), 200);
    let arn = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:load";
    let tags = json!({ "ResourceARN": arn, "Tags": [{ "Key": "b", "Value": "c" }] });
    assert_eq!(tell("TagResource", tags), 200);
    let points = json!({ "Namespace": "It", "MetricData": [{ "MetricName": "load", "Value": 1 }] });
    assert_eq!(tell("PutMetricData", points), 200);
    assert_eq!(tell("DeleteAlarms", json!({ "AlarmNames": ["load"] })), 400, "page needs it");
    assert_eq!(tell("DeleteAlarms", json!({ "AlarmNames": ["load", "page"] })), 200);
    sns(
        address,
        "Action=CreateTopic&Name=ops&Attributes.entry.1.key=DisplayName&Attributes.entry.1.value=Ops",
    );
    let hook = "http%3A%2F%2Fann%3As3cret%40127.0.0.1%3A9%2Fhook%3Fkey%3Dk3y";
    sns(address, &format!("Action=Subscribe&TopicArn={TOPIC}&Protocol=http&Endpoint={hook}"));
    sns(address, &format!("Action=Publish&TopicArn={TOPIC}&Message=x"));
    sns(address, &format!("Action=ConfirmSubscription&TopicArn={TOPIC}&Token=t0ken"));
    sns(address, &format!("Action=DeleteTopic&TopicArn={TOPIC}"));
    server.stop();

    let path = data.path().join("audit/audit.jsonl");
    let text = std::fs::read_to_string(path).expect("an audit");
    let records: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("a record")).collect();
    let told: Vec<(&str, &str, Option<&str>)> = records
        .iter()
        .map(|record| {
            let text = |name: &str| record[name].as_str();
            let [source, name] = ["eventSource", "eventName"].map(|n| text(n).expect("a text"));
            (source.split('.').next().expect("a name"), name, text("errorCode"))
        })
        .collect();
    let expected = [
        ("monitoring", "PutMetricAlarm", None),
        ("monitoring", "PutCompositeAlarm", None),
        ("monitoring", "SetAlarmState", None),
        ("monitoring", "PutAlarmMuteRule", None),
        ("monitoring", "TagResource", None),
        ("monitoring", "DeleteAlarms", Some("ValidationError")),
        ("monitoring", "DeleteAlarms", None),
        ("sns", "CreateTopic", None),
        ("sns", "Subscribe", None),
        ("sns", "ConfirmSubscription", Some("InvalidParameter")),
        ("sns", "DeleteTopic", None),
    ];
    assert_eq!(told, expected);
    let put = &records[0];
    assert_eq!(
        put["requestParameters"],
        json!({
            "alarmName": "load", "namespace": "It", "metricName": "load", "statistic": "Maximum",
            "period": 60, "evaluationPeriods": 1, "threshold": 5.0, "alarmActions": [TOPIC],
            "comparisonOperator": "GreaterThanThreshold", "tags": [{ "key": "team", "value": "a" }],
        })
    );
    assert_eq!((&put["responseElements"], &put["readOnly"]), (&Value::Null, &json!(false)));
    assert_eq!(
        (&put["awsRegion"], &put["sourceIPAddress"]),
        (&json!("us-east-1"), &json!("127.0.0.1"))
    );
    let topic = &records[7];
    let asked = json!({ "name": "ops", "attributes": { "DisplayName": "Ops" } });
    assert_eq!((&topic["requestParameters"], &topic["userAgent"]), (&asked, &json!("probe/1")));
    assert_eq!(topic["responseElements"], json!({ "topicArn": TOPIC }));
    assert_eq!(records[8]["requestParameters"]["endpoint"], "http://127.0.0.1:9/hook");
    assert_eq!(records[9]["requestParameters"]["token"], "HIDDEN_DUE_TO_SECURITY_REASONS");
    for secret in ["s3cret", "k3y", "t0ken"] {
        assert!(!text.contains(secret), "a secret is recorded:\n{text}");
    }
}
