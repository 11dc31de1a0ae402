//! Which alarms are found, and in which pages.

use super::{load_high, names, plain, with};
use crate::server::{NOW_S, Server, Wire};
use serde_json::{Value as Json, json};

const BOTH: [&str; 2] = ["MetricAlarm", "CompositeAlarm"];

fn filled() -> Server {
    let server = Server::new();
    let sns = |name: &str| format!("arn:aws:sns:us-east-1:123456789012:{name}");
    let more = |more: Json| more;
    for (name, fields) in [
        ("cpu-a", more(json!({"AlarmActions": [sns("ops")]}))),
        ("cpu-b", more(json!({"OKActions": [sns("dev")]}))),
        ("disk", more(json!({}))),
    ] {
        server.tell("PutMetricAlarm", &with(load_high(name), &fields));
    }
    for (name, rule) in [
        ("cpu", "ALARM(cpu-a) OR ALARM(cpu-b)"),
        ("all", "ALARM(\"cpu\") OR ALARM(arn:aws:cloudwatch:us-east-1:123456789012:alarm:disk)"),
    ] {
        server.tell("PutCompositeAlarm", &json!({"AlarmName": name, "AlarmRule": rule}));
    }
    server
}

#[test]
fn alarms_are_found_by_what_they_are() {
    let server = filled();
    let found = |filter: Json| {
        let found = server.described(&filter);
        names(&found).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    // Without types, metric alarms only.
    assert_eq!(found(json!({})), ["cpu-a", "cpu-b", "disk"]);
    assert_eq!(found(json!({"AlarmTypes": ["CompositeAlarm"]})), ["all", "cpu"]);
    assert_eq!(found(json!({"AlarmTypes": BOTH})), ["cpu-a", "cpu-b", "disk", "all", "cpu"]);
    assert_eq!(found(json!({"AlarmTypes": ["LogAlarm"]})), Vec::<String>::new());
    assert_eq!(found(json!({"AlarmNames": ["disk", "cpu-a", "none", "cpu"]})), ["cpu-a", "disk"]);
    let cpu = json!({"AlarmNamePrefix": "cpu", "AlarmTypes": BOTH});
    assert_eq!(found(cpu), ["cpu-a", "cpu-b", "cpu"]);
    let sns = "arn:aws:sns:us-east-1:123456789012:";
    assert_eq!(found(json!({"ActionPrefix": sns})), ["cpu-a", "cpu-b"]);
    assert_eq!(found(json!({"ActionPrefix": format!("{sns}ops")})), ["cpu-a"]);
    let set = json!({"AlarmName": "cpu-b", "StateValue": "ALARM", "StateReason": "a drill"});
    server.tell("SetAlarmState", &set);
    assert_eq!(found(json!({"StateValue": "ALARM"})), ["cpu-b"]);
    assert_eq!(found(json!({"StateValue": "INSUFFICIENT_DATA"})), ["cpu-a", "disk"]);
}

#[test]
fn kin_are_shown_short() {
    let server = filled();
    let arn = |name: &str| format!("arn:aws:cloudwatch:us-east-1:123456789012:alarm:{name}");
    let child = |name: &str| {
        json!({"AlarmName": name, "AlarmArn": arn(name), "StateValue": "INSUFFICIENT_DATA",
               "StateUpdatedTimestamp": NOW_S})
    };
    let answer = server.ask("DescribeAlarms", &json!({"ChildrenOfAlarmName": "all"}));
    let expected = json!({"MetricAlarms": [child("disk")], "CompositeAlarms": [child("cpu")],
                          "LogAlarms": []});
    assert_eq!(plain(&answer), plain(&expected));
    let answer = server.ask("DescribeAlarms", &json!({"ParentsOfAlarmName": "cpu-a"}));
    let parent = json!({"AlarmName": "cpu", "AlarmArn": arn("cpu")});
    assert_eq!(answer["CompositeAlarms"], json!([parent]));
}

#[test]
fn alarms_come_in_pages() {
    let server = Server::new();
    for number in 0..7 {
        server.tell("PutMetricAlarm", &load_high(&format!("alarm-{number}")));
    }
    let mut asked = json!({"MaxRecords": 3});
    let mut found = Vec::new();
    for size in [3, 3, 1] {
        let page = server.ask("DescribeAlarms", &asked);
        let alarms = page["MetricAlarms"].as_array().unwrap();
        assert_eq!(alarms.len(), size);
        found.extend(names(alarms).into_iter().map(str::to_owned));
        asked["NextToken"] = page.get("NextToken").cloned().unwrap_or_default();
    }
    assert!(asked["NextToken"].is_null());
    let all: Vec<String> = (0..7).map(|number| format!("alarm-{number}")).collect();
    assert_eq!(found, all);
    let refused = server.refusal("DescribeAlarms", &json!({"NextToken": "made up"}));
    assert_eq!(refused.0, "InvalidNextToken");
}

#[test]
fn history_comes_in_pages_that_new_items_do_not_move() {
    let server = Server::new();
    for number in 0..5 {
        server.tell("PutMetricAlarm", &load_high(&format!("alarm-{number}")));
        // Several of the same moment.
        server.advance(number % 2);
    }
    let mut asked = json!({"MaxRecords": 2});
    let mut found = Vec::new();
    for size in [2, 2, 1] {
        let page = server.ask("DescribeAlarmHistory", &asked);
        let items = page["AlarmHistoryItems"].as_array().unwrap();
        assert_eq!(items.len(), size);
        found.extend(names(items).into_iter().map(str::to_owned));
        asked["NextToken"] = page.get("NextToken").cloned().unwrap_or_default();
        server.advance(1);
        server.tell("PutMetricAlarm", &load_high("later"));
    }
    assert_eq!(found, ["alarm-4", "alarm-3", "alarm-2", "alarm-1", "alarm-0"]);
    let since = json!({"StartDate": NOW_S + 2, "EndDate": NOW_S + 2});
    let page = server.ask("DescribeAlarmHistory", &since);
    assert_eq!(names(page["AlarmHistoryItems"].as_array().unwrap()), ["alarm-4"]);
}

#[test]
fn alarms_of_a_metric_are_those_on_exactly_it() {
    let server = Server::new();
    let host = json!([{"Name": "Host", "Value": "a"}, {"Name": "App", "Value": "x"}]);
    for (name, more) in [
        ("plain", json!({})),
        ("host", json!({"Dimensions": host})),
        ("p90", json!({"Statistic": null, "ExtendedStatistic": "p90"})),
        ("unit", json!({"Unit": "Count", "Period": 300})),
        ("other", json!({"MetricName": "Orders"})),
    ] {
        let mut alarm = with(load_high(name), &more);
        alarm.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        server.tell("PutMetricAlarm", &alarm);
    }
    let found = |more: Json| {
        let asked = with(json!({"Namespace": "Shop", "MetricName": "Load"}), &more);
        let answer = server.ask("DescribeAlarmsForMetric", &asked);
        let alarms = answer["MetricAlarms"].as_array().unwrap().clone();
        names(&alarms).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(found(json!({})), ["p90", "plain", "unit"]);
    let reversed = json!([host[1], host[0]]);
    assert_eq!(found(json!({"Dimensions": reversed})), ["host"]);
    assert_eq!(found(json!({"Dimensions": [host[0]]})), Vec::<String>::new());
    assert_eq!(found(json!({"ExtendedStatistic": "p90"})), ["p90"]);
    assert_eq!(found(json!({"Statistic": "Average", "Period": 60})), ["plain"]);
    assert_eq!(found(json!({"Unit": "Count"})), ["unit"]);
}

#[test]
fn all_protocols_show_the_same() {
    let server = filled();
    let asked = json!({"AlarmTypes": BOTH});
    let query = server.send_in(Wire::Query, "DescribeAlarms", &asked).text();
    assert!(
        query.contains("<AlarmActions><member>arn:aws:sns:us-east-1:123456789012:ops</member>")
    );
    assert!(query.contains("<Threshold>5.0</Threshold>"), "{query}");
    assert!(query.contains("<OKActions/>") || query.contains("<OKActions></OKActions>"), "{query}");
    assert!(query.contains("<StateUpdatedTimestamp>2023-11-14T22:00:00Z</StateUpdatedTimestamp>"));
    assert!(!query.contains("LogAlarms"), "older clients do not know them");
    let cbor = server.send_in(Wire::Cbor, "DescribeAlarms", &asked);
    assert_eq!(cbor.status, 200);
    assert!(cbor.body.windows(9).any(|bytes| bytes == b"LogAlarms"));
}
