//! Alarms on other alarms, their suppressors, and who is whose child.

use super::{arn, iso, item, json_of};
use crate::bench::SECOND;
use crate::world::{each_client, merge};
use serde_json::json;

#[test]
fn a_composite_follows_its_children() {
    each_client(|w| {
        for name in ["load", "deploying"] {
            w.call("PutMetricAlarm", w.load_high(name, json!({})));
        }
        let rule = "ALARM(load) AND NOT ALARM(\"deploying\")";
        w.call("PutCompositeAlarm", json!({"AlarmName": "page", "AlarmRule": rule}));
        w.server.advance(5 * SECOND);
        assert_eq!(w.state("page"), "OK");
        let at = w.now();
        w.set_state("load", "ALARM");
        let page = w.alarm("page");
        assert_eq!(page["StateValue"], "ALARM");
        assert_eq!(page["AlarmRule"], rule);
        let reason = page["StateReason"].as_str().expect("a reason");
        let start = format!("{} transitioned to ALARM at ", arn("load"));
        assert!(reason.starts_with(&start), "{reason}");
        let load = json!({"arn": arn("load"), "state": {"value": "ALARM", "timestamp": iso(at)}});
        assert_eq!(json_of(&page["StateReasonData"]), json!({"triggeringAlarms": [load]}));
        w.set_state("deploying", "ALARM");
        assert_eq!(w.state("page"), "OK");
        let of = json!({"AlarmName": "page", "AlarmTypes": ["CompositeAlarm"],
                        "HistoryItemType": "StateUpdate"});
        let expected = [
            item("StateUpdate", "Alarm updated from INSUFFICIENT_DATA to OK"),
            item("StateUpdate", "Alarm updated from OK to ALARM"),
            item("StateUpdate", "Alarm updated from ALARM to OK"),
        ];
        assert_eq!(w.history(of), expected);
    });
}

#[test]
fn a_suppressor_holds_actions_back() {
    each_client(|w| {
        for name in ["load", "deploying"] {
            w.call("PutMetricAlarm", w.load_high(name, json!({})));
        }
        let action = "arn:aws:lambda:eu-west-1:111122223333:function:page";
        let composite = json!({
            "AlarmName": "page", "AlarmRule": "ALARM(load)", "AlarmActions": [action],
            "ActionsSuppressor": arn("deploying"), "ActionsSuppressorWaitPeriod": 20,
            "ActionsSuppressorExtensionPeriod": 30,
        });
        w.call("PutCompositeAlarm", composite.clone());
        w.server.advance(30 * SECOND);
        assert_eq!(w.alarm("page").get("ActionsSuppressedBy"), None);
        w.set_state("load", "ALARM");
        let page = w.alarm("page");
        assert_eq!(page["StateValue"], "ALARM");
        assert_eq!(page["ActionsSuppressedBy"], "WaitPeriod");
        for (name, seconds) in
            [("ActionsSuppressorWaitPeriod", 20.0), ("ActionsSuppressorExtensionPeriod", 30.0)]
        {
            assert_eq!(page[name], seconds);
        }
        assert_eq!(page["ActionsSuppressor"], composite["ActionsSuppressor"]);
        w.set_state("deploying", "ALARM");
        assert_eq!(w.alarm("page")["ActionsSuppressedBy"], "Alarm");
        w.set_state("deploying", "OK");
        assert_eq!(w.alarm("page")["ActionsSuppressedBy"], "ExtensionPeriod");
        let mut acted = json!({"AlarmName": "page", "AlarmTypes": ["CompositeAlarm"]});
        merge(&mut acted, json!({"HistoryItemType": "Action"}));
        let before = w.history(acted.clone()).len();
        w.server.advance(31 * SECOND);
        assert_eq!(w.alarm("page").get("ActionsSuppressedBy"), None);
        let after = w.history(acted);
        assert_eq!(after.len(), before + 1, "the extension is over: {after:?}");
    });
}

#[test]
fn kin_are_found() {
    each_client(|w| {
        for name in ["a", "b"] {
            w.call("PutMetricAlarm", w.load_high(name, json!({})));
        }
        let put = json!({"AlarmName": "page", "AlarmRule": "ALARM(a) OR ALARM(b)"});
        w.call("PutCompositeAlarm", put);
        let now = w.now();
        let child = |name: &str| {
            json!({"AlarmName": name, "AlarmArn": arn(name), "StateValue": "INSUFFICIENT_DATA",
                   "StateUpdatedTimestamp": now})
        };
        let found = w.call("DescribeAlarms", json!({"ChildrenOfAlarmName": "page"}));
        assert_eq!(found["MetricAlarms"], json!([child("a"), child("b")]));
        let found = w.call("DescribeAlarms", json!({"ParentsOfAlarmName": "a"}));
        let parent = json!({"AlarmName": "page", "AlarmArn": arn("page")});
        assert_eq!(found["CompositeAlarms"], json!([parent]));
        let told = w.refused("DeleteAlarms", json!({"AlarmNames": ["a"]}));
        let text = "Cannot delete a as there are composite alarm(s) depending on it.";
        assert_eq!(told.message, text);
        w.call("DeleteAlarms", json!({"AlarmNames": ["page"]}));
        w.call("DeleteAlarms", json!({"AlarmNames": ["a", "b"]}));
    });
}
