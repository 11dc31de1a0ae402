//! What cannot be is refused in the service's words, and what is not served by its name.

use super::{load_high, with};
use crate::server::Server;
use serde_json::{Value as Json, json};

fn without(mut of: Json, name: &str) -> Json {
    of.as_object_mut().unwrap().remove(name);
    of
}

fn invalid(text: &str) -> (String, String) {
    ("ValidationError".to_owned(), text.to_owned())
}

#[test]
fn an_alarm_that_cannot_be_is_refused() {
    let server = Server::new();
    let refused = |alarm: &Json| server.refusal("PutMetricAlarm", alarm);
    let base = || load_high("load");
    let cases = [
        (
            with(base(), &json!({"DatapointsToAlarm": 2})),
            "DatapointsToAlarm must be less than or equal to EvaluationPeriods",
        ),
        (
            with(base(), &json!({"Period": 45})),
            "The parameter Period is invalid: 45 s is none of 10, 20, 30 and multiples of 60.",
        ),
        (
            with(base(), &json!({"EvaluationPeriods": 1441})),
            "The parameter EvaluationPeriods is invalid: times Period is 86460 s, 86400 s are allowed \
             for this period.",
        ),
        (
            with(base(), &json!({"TreatMissingData": "none"})),
            "The parameter TreatMissingData is invalid: is none of breaching, notBreaching, ignore and \
             missing.",
        ),
        (without(base(), "Threshold"), "The parameter Threshold is required."),
        (without(base(), "EvaluationPeriods"), "The parameter EvaluationPeriods is required."),
        (without(base(), "ComparisonOperator"), "The parameter ComparisonOperator is required."),
        (without(base(), "Namespace"), "The parameter Namespace is required."),
        (without(base(), "Period"), "The parameter Period is required."),
        (
            without(base(), "Statistic"),
            "One of the parameters Statistic and ExtendedStatistic must be specified.",
        ),
        (
            with(base(), &json!({"ExtendedStatistic": "p90"})),
            "The parameters Statistic and ExtendedStatistic are mutually exclusive and you have \
             specified both.",
        ),
        (
            without(base(), "MetricName"),
            "Exactly one of the parameters MetricName, Metrics and EvaluationCriteria must be \
             specified.",
        ),
        (
            with(base(), &json!({"Metrics": [{"Id": "e1", "Expression": "1"}]})),
            "The parameters Metrics and MetricName are mutually exclusive and you have specified \
             both.",
        ),
        (
            with(base(), &json!({"EvaluationInterval": 60})),
            "The parameter EvaluationInterval can be used together with EvaluationCriteria only.",
        ),
        (
            with(base(), &json!({"Tags": [{"Key": "aws:x", "Value": ""}]})),
            "The tag key aws:x begins with aws:, which is reserved.",
        ),
        (
            with(base(), &json!({"StateValue": "", "ComparisonOperator": "GreaterThan"})),
            "1 validation error detected: Value 'GreaterThan' at 'comparisonOperator' failed to \
             satisfy constraint: Member must satisfy enum value set: \
             [GreaterThanOrEqualToThreshold, GreaterThanThreshold, LessThanThreshold, \
             LessThanOrEqualToThreshold, LessThanLowerOrGreaterThanUpperThreshold, \
             LessThanLowerThreshold, GreaterThanUpperThreshold]",
        ),
    ];
    for (alarm, text) in cases {
        assert_eq!(refused(&alarm), invalid(text), "{alarm}");
    }
    assert_eq!(server.described(&json!({})), Vec::<Json>::new(), "nothing of it is kept");
}

#[test]
fn metrics_return_data_once() {
    let server = Server::new();
    let m1 = json!({"Id": "m1", "MetricStat": {"Metric": {"Namespace": "Shop", "MetricName": "Load"},
                                               "Period": 60, "Stat": "Sum"}});
    let e1 = json!({"Id": "e1", "Expression": "m1 * 2"});
    let alarm = |metrics: Json| {
        json!({"AlarmName": "double", "Metrics": metrics, "EvaluationPeriods": 1, "Threshold": 1,
               "ComparisonOperator": "LessThanThreshold"})
    };
    let refused = |metrics: Json| server.refusal("PutMetricAlarm", &alarm(metrics));
    let told = "Exactly one element of the metrics list should return data.";
    assert_eq!(refused(json!([m1, e1])), invalid(told));
    let hidden = with(m1, &json!({"ReturnData": false}));
    let (_, text) = refused(json!([hidden, with(e1, &json!({"Expression": "m2 * 2"}))]));
    assert!(text.starts_with("The parameter Metrics is invalid: "), "{text}");
    let other = with(hidden, &json!({"ReturnData": true, "AccountId": "999999999999"}));
    let told = "The parameter AccountId is invalid: 999999999999 is another account, whose metrics \
                are not served.";
    assert_eq!(refused(json!([other])), invalid(told));
}

#[test]
fn what_is_not_served_is_named() {
    let server = Server::new();
    let refused = |more: Json| server.refusal("PutMetricAlarm", &with(load_high("load"), &more));
    for (more, parameter) in [
        (json!({"ComparisonOperator": "GreaterThanUpperThreshold"}), "ComparisonOperator"),
        (json!({"ThresholdMetricId": "ad1"}), "ThresholdMetricId"),
        (
            json!({"ActionConfiguration": {"AlarmTagsPropagation": {"Enabled": true}}}),
            "ActionConfiguration",
        ),
    ] {
        let (code, text) = refused(more);
        assert_eq!(code, "ValidationError");
        assert!(text.starts_with(&format!("The parameter {parameter} cannot be used: ")), "{text}");
        assert!(text.ends_with("not served by Sightline yet."), "{text}");
    }
    let (code, _) = server.refusal("PutLogAlarm", &json!({}));
    assert_eq!(code, "UnsupportedOperation");
}

#[test]
fn an_alarm_on_promql_has_fields_of_its_own() {
    let server = Server::new();
    let base = || {
        json!({"AlarmName": "up", "EvaluationInterval": 60,
               "EvaluationCriteria": {"PromQLCriteria": {"Query": "up == 0"}}})
    };
    let refused = |alarm: &Json| server.refusal("PutMetricAlarm", alarm);
    let told = "The parameter EvaluationInterval is required.";
    assert_eq!(refused(&without(base(), "EvaluationInterval")), invalid(told));
    for (name, value) in [
        ("MetricName", json!("Load")),
        ("Threshold", json!(1)),
        ("EvaluationPeriods", json!(1)),
        ("EvaluationWindow", json!({"SlidingWindow": {}})),
        ("TreatMissingData", json!("breaching")),
    ] {
        let told = format!(
            "The parameters EvaluationCriteria and {name} are mutually exclusive and you have \
             specified both."
        );
        assert_eq!(refused(&with(base(), &json!({name: value}))), invalid(&told));
    }
    let mut wrong = base();
    wrong["EvaluationCriteria"]["PromQLCriteria"]["Query"] = json!("sum(");
    let (code, text) = refused(&wrong);
    assert_eq!(code, "ValidationError");
    assert!(text.starts_with("The parameter Query is invalid: "), "{text}");
}

#[test]
fn a_rule_names_alarms_that_are_there() {
    let server = Server::new();
    server.tell("PutMetricAlarm", &load_high("load"));
    let refused = |more: Json| {
        let alarm = with(json!({"AlarmName": "page", "AlarmRule": "ALARM(load)"}), &more);
        server.refusal("PutCompositeAlarm", &alarm)
    };
    let told = "Could not save the composite alarm as alarms [a, b] in the alarm rule do not exist";
    assert_eq!(refused(json!({"AlarmRule": "ALARM(b) OR OK(a) OR ALARM(load)"})), invalid(told));
    let arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:load";
    let told = format!("Error in AlarmRule [{arn} is of another account or region]");
    assert_eq!(refused(json!({"AlarmRule": format!("ALARM({arn})")})), invalid(&told));
    let (code, text) = refused(json!({"AlarmRule": "ALARM(load) AND"}));
    assert_eq!(code, "ValidationError");
    assert!(text.starts_with("Error in AlarmRule ["), "{text}");
    let told = "Could not save the composite alarm as the suppressor alarm [none] does not exist";
    let suppressed = json!({"ActionsSuppressor": "none", "ActionsSuppressorWaitPeriod": 1,
                            "ActionsSuppressorExtensionPeriod": 1});
    assert_eq!(refused(suppressed), invalid(told));
    let told = "The parameter ActionsSuppressorWaitPeriod is invalid: is required with \
                ActionsSuppressor. The parameter ActionsSuppressorExtensionPeriod is invalid: is \
                required with ActionsSuppressor.";
    assert_eq!(refused(json!({"ActionsSuppressor": "load"})), invalid(told));
    // Round and round.
    server.tell("PutCompositeAlarm", &json!({"AlarmName": "page", "AlarmRule": "ALARM(load)"}));
    server.tell("PutCompositeAlarm", &json!({"AlarmName": "all", "AlarmRule": "ALARM(page)"}));
    let told = "Error in AlarmRule [the rule depends on itself: page -> all -> page]";
    assert_eq!(refused(json!({"AlarmRule": "ALARM(all)"})), invalid(told));
}

#[test]
fn what_others_depend_on_is_not_deleted() {
    let server = Server::new();
    for name in ["a", "b", "c"] {
        server.tell("PutMetricAlarm", &load_high(name));
    }
    let rule = |name: &str, rule: &str| {
        server.tell("PutCompositeAlarm", &json!({"AlarmName": name, "AlarmRule": rule}));
    };
    rule("page", "ALARM(a) OR ALARM(b)");
    rule("other", "ALARM(b)");
    let refused = |names: Json| server.refusal("DeleteAlarms", &json!({"AlarmNames": names}));
    let told = "Cannot delete a as there are composite alarm(s) depending on it.";
    assert_eq!(refused(json!(["a", "c"])), invalid(told));
    let told = "Cannot delete a,b as there are composite alarm(s) depending on them.";
    assert_eq!(refused(json!(["a", "b"])), invalid(told));
    let (code, _) = refused(json!(["page", "other"]));
    assert_eq!(code, "ValidationError");
    assert_eq!(server.described(&json!({})).len(), 3, "nothing was deleted");
    // Together with the composite they can go.
    server.tell("DeleteAlarms", &json!({"AlarmNames": ["page", "a"]}));
    server.tell("DeleteAlarms", &json!({"AlarmNames": ["other"]}));
    server.tell("DeleteAlarms", &json!({"AlarmNames": ["b", "c"]}));
    assert_eq!(
        server.described(&json!({"AlarmTypes": ["MetricAlarm", "CompositeAlarm"]})).len(),
        0
    );
}

#[test]
fn what_is_not_there_is_told_as_each_operation_tells_it() {
    let server = Server::new();
    let set = json!({"AlarmName": "none", "StateValue": "OK", "StateReason": ""});
    let told = ("ResourceNotFound".to_owned(), "Alarm none does not exist".to_owned());
    assert_eq!(server.refusal("SetAlarmState", &set), told);
    let wrong = with(set.clone(), &json!({"StateValue": "BAD"}));
    let told = "1 validation error detected: Value 'BAD' at 'stateValue' failed to satisfy \
                constraint: Member must satisfy enum value set: [INSUFFICIENT_DATA, ALARM, OK]";
    assert_eq!(server.refusal("SetAlarmState", &wrong), invalid(told));
    let wrong = with(set, &json!({"StateReasonData": "{"}));
    assert_eq!(server.refusal("SetAlarmState", &wrong).0, "InvalidFormat");
    let arn = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:none";
    let newer = [
        ("DescribeAlarmContributors", json!({"AlarmName": "none"})),
        ("GetAlarmMuteRule", json!({"AlarmMuteRuleName": "none"})),
        ("TagResource", json!({"ResourceARN": arn, "Tags": [{"Key": "a", "Value": "b"}]})),
        ("UntagResource", json!({"ResourceARN": arn, "TagKeys": ["a"]})),
    ];
    for (operation, asked) in newer {
        let reply = server.call(operation, &asked);
        assert_eq!(
            (reply.status, reply.query_error.as_str()),
            (404, "ResourceNotFoundException;Sender"),
            "{operation}"
        );
        assert!(reply.json()["ResourceId"].as_str().unwrap().contains("none"), "{operation}");
    }
    assert_eq!(
        server.ask("ListTagsForResource", &json!({"ResourceARN": arn})),
        json!({"Tags": []})
    );
    let dashboard = "arn:aws:cloudwatch::123456789012:dashboard/main";
    let (code, text) = server.refusal("ListTagsForResource", &json!({"ResourceARN": dashboard}));
    assert_eq!(code, "InvalidParameterValue");
    assert!(text.contains("only alarms and alarm mute rules"), "{text}");
    for kin in ["ChildrenOfAlarmName", "ParentsOfAlarmName"] {
        let (code, _) = server.refusal("DescribeAlarms", &json!({kin: "none"}));
        assert_eq!(code, "ResourceNotFound");
        let (code, _) =
            server.refusal("DescribeAlarms", &json!({kin: "x", "AlarmNamePrefix": "a"}));
        assert_eq!(code, "ValidationError");
    }
}

#[test]
fn a_mute_rule_that_cannot_be_is_refused() {
    let server = Server::new();
    let refused = |expression: &str, duration: &str| {
        let schedule = json!({"Expression": expression, "Duration": duration});
        let rule = json!({"Name": "nights", "Rule": {"Schedule": schedule}});
        server.refusal("PutAlarmMuteRule", &rule)
    };
    let told = "The parameter Duration is invalid: P16D is no ISO 8601 duration from PT1M to P15D.";
    assert_eq!(refused("cron(0 2 * * *)", "P16D"), invalid(told));
    let told = "The parameter Expression is invalid: is neither cron(...) nor at(...).";
    assert_eq!(refused("rate(1 day)", "PT1H"), invalid(told));
}
