//! What becomes of an alarm.

use super::{NOW_S, load_high, names, plain, with};
use crate::server::Server;
use serde_json::{Value as Json, json};

/// Returns type and summary of each item of the history, the oldest first.
fn history(server: &Server, filter: &Json) -> Vec<(String, String)> {
    let filter = with(filter.clone(), &json!({"ScanBy": "TimestampAscending"}));
    let answer = server.ask("DescribeAlarmHistory", &filter);
    let text = |item: &Json, name: &str| item[name].as_str().unwrap().to_owned();
    let items = answer["AlarmHistoryItems"].as_array().unwrap().iter();
    items.map(|item| (text(item, "HistoryItemType"), text(item, "HistorySummary"))).collect()
}

fn pair(one: &str, other: &str) -> (String, String) {
    (one.to_owned(), other.to_owned())
}

#[test]
fn an_alarm_tells_why_it_changed() {
    let server = Server::new();
    server.tell("PutMetricAlarm", &load_high("load"));
    server.load(21.5);
    server.advance(65);
    let alarm = server.alarm("load");
    assert_eq!(alarm["StateValue"], "ALARM");
    let reason = "Threshold Crossed: 1 datapoint [21.5 (14/11/23 22:00:00)] was greater than the \
                  threshold (5.0).";
    assert_eq!(alarm["StateReason"], reason);
    let data: Json = serde_json::from_str(alarm["StateReasonData"].as_str().unwrap()).unwrap();
    assert_eq!(data["version"], "1.0");
    assert_eq!(data["startDate"], "2023-11-14T22:00:00.000+0000");
    assert_eq!((&data["statistic"], &data["period"]), (&json!("Average"), &json!(60)));
    assert_eq!((&data["recentDatapoints"], &data["threshold"]), (&json!([21.5]), &json!(5.0)));
    let evaluated = json!([{"timestamp": "2023-11-14T22:00:00.000+0000", "sampleCount": 1.0,
                            "value": 21.5}]);
    assert_eq!(data["evaluatedDatapoints"], evaluated);
    let changed = alarm["StateTransitionedTimestamp"].as_f64().unwrap() as i64;
    assert!((NOW_S + 60..=NOW_S + 65).contains(&changed), "{changed}");
    assert_eq!(alarm["AlarmConfigurationUpdatedTimestamp"].as_f64(), Some(NOW_S as f64));
    let all = history(&server, &json!({"AlarmName": "load"}));
    let expected = [
        pair("ConfigurationUpdate", "Alarm \"load\" created"),
        pair("StateUpdate", "Alarm updated from INSUFFICIENT_DATA to ALARM"),
    ];
    assert_eq!(all, expected);
    let states = json!({"AlarmName": "load", "HistoryItemType": "StateUpdate"});
    let answer = server.ask("DescribeAlarmHistory", &states);
    let item = &answer["AlarmHistoryItems"][0];
    assert_eq!((&item["AlarmName"], &item["AlarmType"]), (&json!("load"), &json!("MetricAlarm")));
    let told: Json = serde_json::from_str(item["HistoryData"].as_str().unwrap()).unwrap();
    assert_eq!(told["newState"]["stateReason"], reason);
    assert_eq!(told["newState"]["stateReasonData"], data);
    let old = json!({"stateValue": "INSUFFICIENT_DATA",
                     "stateReason": "Unchecked: Initial alarm creation"});
    assert_eq!(told["oldState"], old);
}

#[test]
fn a_state_is_set_by_hand_until_the_next_evaluation() {
    let server = Server::new();
    server.tell("PutMetricAlarm", &load_high("load"));
    server.load(1.0);
    server.advance(65);
    assert_eq!(server.state("load"), "OK");
    let set = json!({"AlarmName": "load", "StateValue": "ALARM", "StateReason": "a drill",
                     "StateReasonData": "{\"who\":\"me\"}"});
    server.tell("SetAlarmState", &set);
    let alarm = server.alarm("load");
    assert_eq!((&alarm["StateValue"], &alarm["StateReason"]), (&json!("ALARM"), &json!("a drill")));
    assert_eq!(alarm["StateReasonData"], "{\"who\":\"me\"}");
    server.load(1.0);
    server.advance(60);
    assert_eq!(server.state("load"), "OK");
    let told = history(&server, &json!({"HistoryItemType": "StateUpdate"}));
    let told: Vec<&str> = told.iter().map(|(_, summary)| summary.as_str()).collect();
    let expected = [
        "Alarm updated from INSUFFICIENT_DATA to OK",
        "Alarm updated from OK to ALARM",
        "Alarm updated from ALARM to OK",
    ];
    assert_eq!(told, expected);
}

#[test]
fn an_update_keeps_the_state_and_the_tags() {
    let server = Server::new();
    let tags = json!({"Tags": [{"Key": "team", "Value": "shop"}]});
    server.tell("PutMetricAlarm", &with(load_high("load"), &tags));
    server.load(9.0);
    server.advance(65);
    assert_eq!(server.state("load"), "ALARM");
    let again = with(
        load_high("load"),
        &json!({"Tags": [{"Key": "team", "Value": "other"}],
                                                "AlarmDescription": "changed"}),
    );
    server.tell("PutMetricAlarm", &again);
    let alarm = server.alarm("load");
    assert_eq!(
        (&alarm["StateValue"], &alarm["AlarmDescription"]),
        (&json!("ALARM"), &json!("changed"))
    );
    assert_eq!(alarm["AlarmConfigurationUpdatedTimestamp"].as_f64(), Some((NOW_S + 65) as f64));
    let arn = json!({"ResourceARN": alarm["AlarmArn"]});
    assert_eq!(server.ask("ListTagsForResource", &arn), tags);
}

#[test]
fn actions_are_turned_off_and_on() {
    let server = Server::new();
    server.tell("PutMetricAlarm", &load_high("load"));
    for (operation, enabled) in [("DisableAlarmActions", false), ("EnableAlarmActions", true)] {
        server.tell(operation, &json!({"AlarmNames": ["load", "no such alarm"]}));
        assert_eq!(server.alarm("load")["ActionsEnabled"], enabled);
    }
}

#[test]
fn a_composite_follows_its_children() {
    let server = Server::new();
    server.tell("PutMetricAlarm", &load_high("load"));
    server.tell("PutMetricAlarm", &load_high("deploying"));
    let composite =
        json!({"AlarmName": "page", "AlarmRule": "ALARM(load) AND NOT ALARM(deploying)"});
    server.tell("PutCompositeAlarm", &composite);
    let set = |name: &str, state: &str| {
        let set = json!({"AlarmName": name, "StateValue": state, "StateReason": "a drill"});
        server.tell("SetAlarmState", &set);
    };
    server.advance(5);
    assert_eq!(server.state("page"), "OK");
    set("load", "ALARM");
    let page = server.alarm("page");
    assert_eq!(page["StateValue"], "ALARM");
    let arn = |name: &str| format!("arn:aws:cloudwatch:us-east-1:123456789012:alarm:{name}");
    let reason =
        format!("{} transitioned to ALARM at Tuesday 14 November, 2023 22:00:05 UTC", arn("load"));
    assert_eq!(page["StateReason"], reason);
    let data: Json = serde_json::from_str(page["StateReasonData"].as_str().unwrap()).unwrap();
    let load = json!({"arn": arn("load"),
                      "state": {"value": "ALARM", "timestamp": "2023-11-14T22:00:05.000+0000"}});
    assert_eq!(data, json!({"triggeringAlarms": [load]}));
    set("deploying", "ALARM");
    assert_eq!(server.state("page"), "OK");
    let of = json!({"AlarmName": "page", "AlarmTypes": ["CompositeAlarm"],
                    "HistoryItemType": "StateUpdate"});
    assert_eq!(history(&server, &of).len(), 3);
    // Without the types, of metric alarms only.
    assert_eq!(history(&server, &json!({"AlarmName": "page"})), []);
}

#[test]
fn a_suppressor_holds_actions_back_and_says_so() {
    let server = Server::new();
    server.tell("PutMetricAlarm", &load_high("load"));
    server.tell("PutMetricAlarm", &load_high("deploying"));
    let composite = json!({
        "AlarmName": "page", "AlarmRule": "ALARM(load)", "ActionsSuppressor": "deploying",
        "ActionsSuppressorWaitPeriod": 20, "ActionsSuppressorExtensionPeriod": 30,
    });
    server.tell("PutCompositeAlarm", &composite);
    let set = |name: &str, state: &str| {
        let set = json!({"AlarmName": name, "StateValue": state, "StateReason": "a drill"});
        server.tell("SetAlarmState", &set);
    };
    let by = || server.alarm("page").get("ActionsSuppressedBy").cloned();
    // The change from INSUFFICIENT_DATA to OK at its creation waits too.
    server.advance(25);
    assert_eq!(by(), None);
    set("load", "ALARM");
    assert_eq!(by(), Some(json!("WaitPeriod")));
    set("deploying", "ALARM");
    assert_eq!(by(), Some(json!("Alarm")));
    assert_eq!(server.alarm("page")["ActionsSuppressedReason"], "deploying is in ALARM");
    set("deploying", "OK");
    assert_eq!(by(), Some(json!("ExtensionPeriod")));
    server.advance(31);
    assert_eq!(by(), None);
}

#[test]
fn series_of_a_query_contribute() {
    let server = Server::new();
    let alarm = json!({
        "AlarmName": "by-host",
        "Metrics": [{"Id": "q1", "Period": 60,
                     "Expression": "SELECT MAX(Load) FROM SCHEMA(Shop, Host) GROUP BY Host"}],
        "EvaluationPeriods": 1, "Threshold": 5.0, "ComparisonOperator": "GreaterThanThreshold",
    });
    server.tell("PutMetricAlarm", &alarm);
    let point = |host: &str, value: f64| {
        json!({"MetricName": "Load", "Value": value,
               "Dimensions": [{"Name": "Host", "Value": host}]})
    };
    server.put("Shop", &json!([point("a", 9.0), point("b", 1.0), point("c", 7.0)]));
    server.advance(65);
    let alarm = server.alarm("by-host");
    assert_eq!(alarm["StateValue"], "ALARM");
    assert_eq!(alarm["StateReason"], "2 out of 3 time series evaluated to ALARM");
    let answer = server.ask("DescribeAlarmContributors", &json!({"AlarmName": "by-host"}));
    let contributors = answer["AlarmContributors"].as_array().unwrap();
    let attributes: Vec<&Json> =
        contributors.iter().map(|one| &one["ContributorAttributes"]).collect();
    assert_eq!(attributes, [&json!({"Host": "a"}), &json!({"Host": "c"})]);
    let id = contributors[0]["ContributorId"].as_str().unwrap();
    assert_eq!(id.len(), 16);
    let of = json!({"AlarmName": "by-host", "AlarmContributorId": id});
    let answer = server.ask("DescribeAlarmHistory", &of);
    let items = answer["AlarmHistoryItems"].as_array().unwrap();
    let [item] = &items[..] else { panic!("{items:?}") };
    assert_eq!(item["HistoryItemType"], "AlarmContributorStateUpdate");
    assert_eq!(item["AlarmContributorId"], id);
    assert_eq!(item["AlarmContributorAttributes"], json!({"Host": "a"}));
}

#[test]
fn a_deleted_alarm_leaves_its_history() {
    let server = Server::new();
    let tags = json!({"Tags": [{"Key": "team", "Value": "shop"}]});
    server.tell("PutMetricAlarm", &with(load_high("load"), &tags));
    let arn = json!({"ResourceARN": server.alarm("load")["AlarmArn"]});
    server.tell("DeleteAlarms", &json!({"AlarmNames": ["load", "no such alarm"]}));
    assert_eq!(names(&server.described(&json!({}))), Vec::<&str>::new());
    assert_eq!(server.ask("ListTagsForResource", &arn), json!({"Tags": []}));
    let told = history(&server, &json!({"AlarmName": "load"}));
    assert_eq!(told.last(), Some(&pair("ConfigurationUpdate", "Alarm \"load\" deleted")));
    // The same again begins anew.
    server.tell("PutMetricAlarm", &load_high("load"));
    assert_eq!(server.state("load"), "INSUFFICIENT_DATA");
}

#[test]
fn a_mute_rule_is_kept_and_counts() {
    let server = Server::new();
    let action = "arn:aws:lambda:us-east-1:123456789012:function:page";
    server.tell("PutMetricAlarm", &with(load_high("load"), &json!({"AlarmActions": [action]})));
    let rule = |expression: &str| {
        json!({"Name": "nights", "Description": "asleep",
               "Rule": {"Schedule": {"Expression": expression, "Duration": "PT2H"}},
               "MuteTargets": {"AlarmNames": ["load"]},
               "ExpireDate": NOW_S + 86_400 + 7, "Tags": [{"Key": "team", "Value": "shop"}]})
    };
    server.tell("PutAlarmMuteRule", &rule("cron(0 21 * * *)"));
    let arn = "arn:aws:cloudwatch:us-east-1:123456789012:alarm-mute-rule:nights";
    let expected = json!({
        "Name": "nights", "Description": "asleep", "AlarmMuteRuleArn": arn,
        "Rule": {"Schedule": {"Expression": "cron(0 21 * * *)", "Duration": "PT2H",
                              "Timezone": "UTC"}},
        "MuteTargets": {"AlarmNames": ["load"]},
        // Whole minutes are kept.
        "ExpireDate": NOW_S + 86_400, "Status": "ACTIVE", "LastUpdatedTimestamp": NOW_S,
        "MuteType": "RECURRING",
    });
    let shown = server.ask("GetAlarmMuteRule", &json!({"AlarmMuteRuleName": "nights"}));
    assert_eq!(plain(&shown), plain(&expected));
    let listed = |filter: &Json| {
        let answer = server.ask("ListAlarmMuteRules", filter);
        plain(&answer["AlarmMuteRuleSummaries"]).as_array().unwrap().clone()
    };
    let summary = json!({"AlarmMuteRuleArn": arn, "ExpireDate": NOW_S + 86_400,
                         "Status": "ACTIVE", "MuteType": "RECURRING",
                         "LastUpdatedTimestamp": NOW_S});
    assert_eq!(listed(&json!({"AlarmName": "load", "Statuses": ["ACTIVE"]})), [plain(&summary)]);
    for filter in [json!({"AlarmName": "other"}), json!({"Statuses": ["SCHEDULED", "EXPIRED"]})] {
        assert_eq!(listed(&filter), Vec::<Json>::new(), "{filter}");
    }
    let tags = server.ask("ListTagsForResource", &json!({"ResourceARN": arn}));
    assert_eq!(tags["Tags"][0]["Value"], "shop");
    // 22:00 is within the two hours from 21:00: the action waits.
    server.load(9.0);
    server.advance(65);
    let told = history(&server, &json!({"HistoryItemType": "Action"}));
    assert_eq!(told, [pair("Action", "Actions muted by mute rule \"nights\"")]);
    server.tell("PutAlarmMuteRule", &rule("at(2023-11-20T00:00)"));
    let shown = server.ask("GetAlarmMuteRule", &json!({"AlarmMuteRuleName": "nights"}));
    assert_eq!((&shown["Status"], &shown["MuteType"]), (&json!("SCHEDULED"), &json!("ONE_TIME")));
    for _ in 0..2 {
        server.tell("DeleteAlarmMuteRule", &json!({"AlarmMuteRuleName": "nights"}));
    }
    assert_eq!(listed(&json!({})), Vec::<Json>::new());
}

#[test]
fn tags_are_added_replaced_and_removed() {
    let server = Server::new();
    server.tell("PutMetricAlarm", &load_high("load"));
    let arn = server.alarm("load")["AlarmArn"].clone();
    let tag = |key: &str, value: &str| json!({"Key": key, "Value": value});
    let set = |tags: Json| server.tell("TagResource", &json!({"ResourceARN": arn, "Tags": tags}));
    set(json!([tag("b", "1"), tag("a", "")]));
    set(json!([tag("b", "2"), tag("c", "3")]));
    let listed = || server.ask("ListTagsForResource", &json!({"ResourceARN": arn}));
    assert_eq!(listed(), json!({"Tags": [tag("a", ""), tag("b", "2"), tag("c", "3")]}));
    server.tell("UntagResource", &json!({"ResourceARN": arn, "TagKeys": ["a", "c", "none"]}));
    assert_eq!(listed(), json!({"Tags": [tag("b", "2")]}));
}
