//! Alarms of several series, mute rules, tags, and the picture of an alarm.

use super::{arn, item};
use crate::bench::{DAY, MINUTE, SECOND};
use crate::client::Kind;
use crate::http_plain;
use crate::world::{clients, each_client};
use serde_json::{Value, json};

/// Those that know what is newer than Query times.
const NEWER: &[Kind] = &[Kind::Json, Kind::Cbor];

fn of_host(host: &str, at: i64, value: f64) -> Value {
    json!({"MetricName": "load", "Timestamp": at, "Value": value,
           "Dimensions": [{"Name": "Host", "Value": host}]})
}

#[test]
fn series_of_metrics_insights_contribute() {
    clients(NEWER, |w| {
        let statement =
            format!("SELECT MAX(load) FROM SCHEMA(\"{}\", Host) GROUP BY Host", w.namespace);
        let alarm = json!({
            "AlarmName": "by-host", "EvaluationPeriods": 1, "Threshold": 5.0,
            "ComparisonOperator": "GreaterThanThreshold",
            "Metrics": [{"Id": "q1", "Expression": statement, "Period": 60}],
        });
        w.call("PutMetricAlarm", alarm);
        let now = w.now();
        w.put(json!([of_host("a", now, 9.0), of_host("b", now, 1.0), of_host("c", now, 7.0)]));
        w.server.advance(MINUTE + 5 * SECOND);
        let alarm = w.alarm("by-host");
        assert_eq!(alarm["StateValue"], "ALARM");
        assert_eq!(alarm["StateReason"], "2 out of 3 time series evaluated to ALARM");
        let answer = w.call("DescribeAlarmContributors", json!({"AlarmName": "by-host"}));
        let found = answer["AlarmContributors"].as_array().expect("a list");
        let hosts: Vec<&Value> = found.iter().map(|one| &one["ContributorAttributes"]).collect();
        assert_eq!(hosts, [&json!({"Host": "a"}), &json!({"Host": "c"})]);
        let id = found[0]["ContributorId"].as_str().expect("an id");
        assert!((1..=16).contains(&id.len()), "{id}");
        let of = json!({"AlarmName": "by-host", "AlarmContributorId": id});
        let answer = w.call("DescribeAlarmHistory", of);
        let items = answer["AlarmHistoryItems"].as_array().expect("a list");
        assert_eq!(items.len(), 1, "{items:?}");
        assert_eq!(items[0]["HistoryItemType"], "AlarmContributorStateUpdate");
        assert_eq!(items[0]["AlarmContributorAttributes"], json!({"Host": "a"}));
    });
}

#[test]
fn an_alarm_on_promql_waits_for_its_pending_and_recovery_periods() {
    clients(NEWER, |w| {
        let query = format!("load{{__namespace__=\"{}\"}} > 5", w.namespace);
        let criteria = json!({"PromQLCriteria": {"Query": query, "PendingPeriod": 60,
                                                 "RecoveryPeriod": 120}});
        let alarm = json!({"AlarmName": "hosts", "EvaluationCriteria": criteria,
                           "EvaluationInterval": 60});
        w.call("PutMetricAlarm", alarm);
        let shown = w.alarm("hosts");
        assert_eq!(shown["StateValue"], "OK", "it begins at OK");
        assert_eq!(shown["EvaluationCriteria"]["PromQLCriteria"]["Query"], query);
        assert_eq!(shown["EvaluationInterval"], 60.0);
        let mut states = Vec::new();
        for value in [9.0, 9.0, 9.0, 1.0, 1.0, 1.0, 1.0] {
            let now = w.now();
            w.put(json!([of_host("a", now, value), of_host("b", now, 1.0)]));
            w.server.advance(MINUTE);
            states.push(w.state("hosts"));
        }
        let alarmed = states.iter().position(|s| s == "ALARM").expect("it went off");
        let back = states.iter().rposition(|s| s == "ALARM").expect("it went off") + 1;
        w.note("when it was in ALARM", json!([alarmed, back]));
        assert!(states[..alarmed].iter().all(|s| s == "OK"), "{states:?}");
        assert!(states[alarmed..back].iter().all(|s| s == "ALARM"), "{states:?}");
        // A minute of breaching before, and of the four minutes of quiet two in ALARM.
        assert!((1..=2).contains(&alarmed) && (5..=6).contains(&back), "{states:?}");
        assert_eq!(states.last().map(String::as_str), Some("OK"));
        let told = w.history(json!({"AlarmName": "hosts", "HistoryItemType": "StateUpdate"}));
        let expected = [
            item("StateUpdate", "Alarm updated from OK to ALARM"),
            item("StateUpdate", "Alarm updated from ALARM to OK"),
        ];
        assert_eq!(told, expected);
    });
}

#[test]
fn a_mute_rule_holds_actions_back() {
    clients(NEWER, |w| {
        let action = "arn:aws:lambda:eu-west-1:111122223333:function:page";
        w.call("PutMetricAlarm", w.load_high("load", json!({"AlarmActions": [action]})));
        let expire = w.now() + DAY;
        let rule = json!({
            "Name": "always", "Description": "asleep", "MuteTargets": {"AlarmNames": ["load"]},
            "Rule": {"Schedule": {"Expression": "cron(0 * * * *)", "Duration": "PT1H"}},
            "ExpireDate": expire, "Tags": [{"Key": "team", "Value": "shop"}],
        });
        w.call("PutAlarmMuteRule", rule);
        let arn = arn("always").replace(":alarm:", ":alarm-mute-rule:");
        let expected = json!({
            "Name": "always", "Description": "asleep", "AlarmMuteRuleArn": arn,
            "MuteTargets": {"AlarmNames": ["load"]},
            "Rule": {"Schedule": {"Expression": "cron(0 * * * *)", "Duration": "PT1H",
                                  "Timezone": "UTC"}},
            "ExpireDate": expire, "Status": "ACTIVE", "LastUpdatedTimestamp": w.now(),
            "MuteType": "RECURRING",
        });
        let shown = w.call("GetAlarmMuteRule", json!({"AlarmMuteRuleName": "always"}));
        assert_eq!(shown, expected);
        let listed = json!({"AlarmName": "load", "Statuses": ["ACTIVE"]});
        let listed = w.call("ListAlarmMuteRules", listed);
        assert_eq!(listed["AlarmMuteRuleSummaries"][0]["AlarmMuteRuleArn"], arn);
        let tags = w.call("ListTagsForResource", json!({"ResourceARN": arn}));
        assert_eq!(tags["Tags"], json!([{"Key": "team", "Value": "shop"}]));
        w.minute(9.0);
        assert_eq!(w.state("load"), "ALARM", "it is evaluated as ever");
        let told = w.history(json!({"AlarmName": "load", "HistoryItemType": "Action"}));
        assert_eq!(told, [item("Action", "Actions muted by mute rule \"always\"")]);
        // Twice: deleting what is not there is no mistake.
        for _ in 0..2 {
            w.call("DeleteAlarmMuteRule", json!({"AlarmMuteRuleName": "always"}));
        }
        let told = w.refused("GetAlarmMuteRule", json!({"AlarmMuteRuleName": "always"}));
        assert_eq!(told.code, "ResourceNotFoundException");
    });
}

#[test]
fn tags_are_added_replaced_and_removed() {
    each_client(|w| {
        let tag = |key: &str, value: &str| json!({"Key": key, "Value": value});
        let tags = json!({"Tags": [tag("b", "1")]});
        w.call("PutMetricAlarm", w.load_high("load", tags.clone()));
        // Those of an update are ignored.
        w.call("PutMetricAlarm", w.load_high("load", json!({"Tags": [tag("b", "9")]})));
        let of = json!({"ResourceARN": arn("load")});
        assert_eq!(w.call("ListTagsForResource", of.clone()), tags);
        let more = json!({"ResourceARN": arn("load"), "Tags": [tag("b", "2"), tag("a", "")]});
        w.call("TagResource", more);
        let all = w.call("ListTagsForResource", of.clone());
        assert_eq!(all["Tags"], json!([tag("a", ""), tag("b", "2")]));
        w.call("UntagResource", json!({"ResourceARN": arn("load"), "TagKeys": ["b", "none"]}));
        assert_eq!(w.call("ListTagsForResource", of.clone())["Tags"], json!([tag("a", "")]));
        w.call("DeleteAlarms", json!({"AlarmNames": ["load"]}));
        assert_eq!(w.call("ListTagsForResource", of)["Tags"], json!([]));
        let gone = json!({"ResourceARN": arn("load"), "Tags": [tag("a", "b")]});
        let told = w.refused("TagResource", gone);
        assert_eq!((told.code.as_str(), told.status / 100), ("ResourceNotFoundException", 4));
    });
}

#[test]
fn an_alarm_is_drawn() {
    each_client(|w| {
        w.put_minutes("load", w.now() - 60 * MINUTE, &[7.5; 60]);
        w.call("PutMetricAlarm", w.load_high("load", json!({})));
        let widget = json!({"annotations": {"alarms": [arn("load")]}, "width": 500, "height": 250});
        let input = json!({"MetricWidget": widget.to_string()});
        let answer = w.call("GetMetricWidgetImage", input);
        let png: Vec<u8> =
            serde_json::from_value(answer["MetricWidgetImage"].clone()).expect("bytes");
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
        // Width and height stand at the head of a PNG file.
        assert_eq!(png[16..24], [0, 0, 1, 0xf4, 0, 0, 0, 0xfa]);
    });
}

#[test]
fn a_picture_can_be_the_body_of_an_answer() {
    clients(&[Kind::Query], |w| {
        w.put_minutes("load", w.now() - 60 * MINUTE, &[7.5; 60]);
        let widget = format!("{{\"metrics\": [[\"{}\", \"load\"]]}}", w.namespace);
        let coded: String = widget.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let form = format!(
            "Action=GetMetricWidgetImage&Version=2010-08-01&OutputFormat=image%2Fpng&MetricWidget={coded}"
        );
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=111122223333/20260302/eu-west-1/monitoring/\
                               aws4_request, SignedHeaders=host, Signature=00",
            ),
            ("x-amz-date", "20260302T120000Z"),
        ];
        let answer = http_plain::send(w.server.address(), "POST", "/", &headers, &form);
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.body.contains("PNG\r\n"), "{answer:?}");
    });
}
