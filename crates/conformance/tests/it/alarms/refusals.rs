//! Each client is told the same of what cannot be.

use super::arn;
use crate::client::Kind;
use crate::world::{clients, each_client};
use serde_json::json;

#[test]
fn an_alarm_that_cannot_be_is_refused_in_all_protocols() {
    each_client(|w| {
        let cases = [
            (
                json!({"DatapointsToAlarm": 2}),
                "DatapointsToAlarm must be less than or equal to EvaluationPeriods",
            ),
            (
                json!({"ComparisonOperator": "GreaterThan"}),
                "1 validation error detected: Value 'GreaterThan' at 'comparisonOperator' failed to \
                 satisfy constraint: Member must satisfy enum value set: [",
            ),
            (json!({"Period": 45}), "The parameter Period is invalid: 45 s is none of 10, 20, 30"),
            (json!({"Threshold": null}), "The parameter Threshold is required."),
            (json!({"Statistic": null}), "One of the parameters Statistic and ExtendedStatistic"),
            (json!({"TreatMissingData": "never"}), "The parameter TreatMissingData is invalid: "),
            (
                json!({"ComparisonOperator": "GreaterThanUpperThreshold"}),
                "The parameter ComparisonOperator cannot be used: ",
            ),
            (
                json!({"Namespace": null, "MetricName": null, "Statistic": null, "Period": null,
                       "Metrics": [{"Id": "m1", "Expression": "m2 + 1"},
                                   {"Id": "m2", "Expression": "1"}]}),
                "Exactly one element of the metrics list should return data.",
            ),
        ];
        for (more, text) in cases {
            let told = w.refused("PutMetricAlarm", w.load_high("load", more));
            assert_eq!((told.code.as_str(), told.status), ("ValidationError", 400), "{told:?}");
            assert!(told.message.starts_with(text), "{told:?}");
        }
        let rule = |rule: &str| json!({"AlarmName": "page", "AlarmRule": rule});
        let told = w.refused("PutCompositeAlarm", rule("ALARM(a) OR ALARM(b)"));
        let text =
            "Could not save the composite alarm as alarms [a, b] in the alarm rule do not exist";
        assert_eq!((told.code.as_str(), told.message.as_str()), ("ValidationError", text));
        let told = w.refused("PutCompositeAlarm", rule("ALARM("));
        assert!(told.message.starts_with("Error in AlarmRule ["), "{told:?}");
    });
}

#[test]
fn what_is_not_there_is_refused_in_all_protocols() {
    each_client(|w| {
        let set = |name: &str, state: &str| json!({"AlarmName": name, "StateValue": state, "StateReason": ""});
        let told = w.refused("SetAlarmState", set("none", "OK"));
        assert_eq!(told.code, "ResourceNotFound");
        let told = w.refused("SetAlarmState", set("none", "BAD"));
        let text = "1 validation error detected: Value 'BAD' at 'stateValue' failed to satisfy \
                    constraint: Member must satisfy enum value set: [INSUFFICIENT_DATA, ALARM, OK]";
        assert_eq!((told.code.as_str(), told.message.as_str()), ("ValidationError", text));
        let told = w.refused("DescribeAlarms", json!({"NextToken": "made up"}));
        assert_eq!(told.code, "InvalidNextToken");
        let told = w.refused("UntagResource", json!({"ResourceARN": arn("x"), "TagKeys": ["a"]}));
        assert_eq!(told.code, "ResourceNotFoundException");
        let told = w.refused("GetMetricWidgetImage", json!({"MetricWidget": "{}"}));
        let text = "The value for parameter MetricWidget is invalid: metrics: is required";
        assert_eq!((told.code.as_str(), told.message.as_str()), ("ValidationError", text));
    });
    clients(&[Kind::Json, Kind::Cbor], |w| {
        let told = w.refused("DescribeAlarmContributors", json!({"AlarmName": "none"}));
        assert_eq!(told.code, "ResourceNotFoundException");
    });
}
