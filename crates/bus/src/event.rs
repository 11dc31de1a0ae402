//! A notice as one JSON value and as fields of a template, for handlers.

use crate::notice::{Notice, Said};
use serde_json::{Map, Value, json};

fn time_of(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).map(|t| t.to_string()).unwrap_or_default()
}

/// Returns the fields that a template can name, all of them texts; the longest stand last.
pub(crate) fn fields(notice: &Notice) -> Vec<(&'static str, String)> {
    let mut fields = vec![
        ("id", notice.message_id()),
        ("key", notice.key.clone()),
        ("time", time_of(notice.at_ms)),
        ("account", notice.scope.account.to_string()),
        ("region", notice.scope.region.clone()),
        ("target", notice.target.clone()),
    ];
    match &notice.said {
        Said::Alarm(alarm) => fields.extend([
            ("alarm", alarm.alarm.clone()),
            ("arn", alarm.arn.clone()),
            ("state", alarm.state.clone()),
            ("contributor", alarm.contributor.clone().unwrap_or_default()),
            ("link", alarm.link.clone().unwrap_or_default()),
            ("subject", alarm.subject.clone()),
            ("reason", alarm.reason.clone()),
            ("message", alarm.message.clone()),
        ]),
        Said::Message(message) => fields.extend([
            ("subject", message.subject.clone().unwrap_or_default()),
            ("message", message.message.clone()),
        ]),
        Said::Confirm(confirm) => fields.push(("message", confirm.token.clone())),
    }
    fields
}

/// Returns the event that a command reads, and that a web hook without a template gets.
pub(crate) fn event(notice: &Notice) -> Value {
    let mut event = Map::new();
    event.insert("version".into(), json!(1));
    for (name, text) in fields(notice) {
        if text.is_empty() {
            continue;
        }
        // Whoever reads the event need not parse again what is JSON already.
        let parsed =
            (name == "message").then(|| serde_json::from_str::<Value>(&text).ok()).flatten();
        let value = parsed.filter(Value::is_object).unwrap_or(Value::String(text));
        event.insert(name.into(), value);
    }
    Value::Object(event)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::notice::AlarmSaid;
    use model::{AccountId, Scope, TenantId};

    /// An alarm's action, for tests.
    pub(crate) fn alarm_notice(target: &str) -> Notice {
        Notice {
            key: "k1".into(),
            tenant: TenantId(1),
            scope: Scope { account: AccountId::DEFAULT, region: "us-east-1".into() },
            at_ms: 1_767_225_600_000,
            target: target.into(),
            said: Said::Alarm(AlarmSaid {
                alarm: "cpu".into(),
                arn: "arn:aws:cloudwatch:us-east-1:000000000000:alarm:cpu".into(),
                subject: "ALARM: \"cpu\" in US East (N. Virginia)".into(),
                message: r#"{"AlarmName":"cpu"}"#.into(),
                reason: "1 datapoint [9.0] was \"high\"\nand stays so".into(),
                state: "ALARM".into(),
                ..AlarmSaid::default()
            }),
        }
    }

    #[test]
    fn the_event_of_an_alarm_says_which_and_why() {
        let event = event(&alarm_notice("arn:aws:lambda:us-east-1:000000000000:function:f"));
        assert_eq!(event["time"], "2026-01-01T00:00:00Z");
        assert_eq!(event["state"], "ALARM");
        assert_eq!(event["message"]["AlarmName"], "cpu");
        assert!(event.get("link").is_none());
    }
}
