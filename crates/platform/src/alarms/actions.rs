//! Whether an alarm may have the actions that it is put with.

use super::record::{AlarmRecord, WatchRecord};
use crate::Platform;
use alarm::definition::Invalid;
use bus::{check_action, is_action_on_instance, is_topic};
use model::Scope;

impl Platform {
    /// Returns what is wrong with the actions of an alarm: they are forms of the service, or the
    /// operator's handlers take them. Alarms that are kept were put before and stay as they are.
    pub(super) fn wrong_actions(&self, scope: &Scope, record: &AlarmRecord) -> Vec<Invalid> {
        let is_of_series = matches!(record.watch, WatchRecord::Promql(_));
        let handlers = self.outbox.telling().map(|telling| &telling.handlers);
        let is_handled = |action: &str| handlers.is_some_and(|h| h.of_target(action).is_some());
        let lists = [
            ("OKActions", &record.ok_actions),
            ("AlarmActions", &record.alarm_actions),
            ("InsufficientDataActions", &record.insufficient_data_actions),
        ];
        let all = lists.iter().flat_map(|(field, actions)| actions.iter().map(|a| (*field, a)));
        let wrong = all.filter_map(|(field, action)| {
            if is_of_series && is_action_on_instance(action) {
                let problem = format!("{action} is no action of this type of alarm");
                return Some(Invalid { field, problem });
            }
            // What goes to a topic never goes to a handler.
            if !is_topic(action) && is_handled(action) {
                return None;
            }
            let problem = check_action(action, &scope.region).err()?;
            Some(Invalid { field, problem })
        });
        wrong.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarms::{AlarmError, HistoryFilter, HistoryType, NewState, PromqlRecord};
    use crate::outbox::tests::{START_MS, ok, open, scope, settle, telling};
    use lang::alarm_rule::AlarmState;
    use model::Principal;
    use std::sync::Arc;
    use stdx::{Clock as _, CrashPlan, SimDisk, SimNet, VirtualClock};

    fn alarm(action: &str) -> AlarmRecord {
        AlarmRecord {
            name: "up".into(),
            description: None,
            actions_enabled: true,
            ok_actions: Vec::new(),
            alarm_actions: vec![action.into()],
            insufficient_data_actions: Vec::new(),
            watch: WatchRecord::Promql(PromqlRecord {
                query: "up == 0".into(),
                pending_s: None,
                recovery_s: None,
                interval_s: 60,
            }),
            configured_ms: 0,
        }
    }

    fn world() -> (Platform, Arc<VirtualClock>) {
        let clock = Arc::new(VirtualClock::starting_at(START_MS));
        let platform = open(&SimDisk::new(1, CrashPlan::default()), &clock).unwrap();
        platform.begin_telling(telling(&SimNet::new(1, |_, _| ok())));
        (platform, clock)
    }

    fn me() -> Principal {
        Principal::open("", scope().account)
    }

    #[test]
    fn what_the_operator_maps_may_be_any_text() {
        let (platform, _) = world();
        // The handlers of the test have the names `a` and `b`, and take functions of those names.
        for action in ["a", "arn:aws:lambda:anywhere:b", "arn:aws:sns:us-east-1:123456789012:ops"] {
            assert!(platform.put_alarm(&me(), &scope(), alarm(action), &[]).is_ok(), "{action}");
        }
        for action in ["c", "arn:aws:lambda:anywhere:c", "arn:aws:sns:us-east-1:a"] {
            let refused = platform.put_alarm(&me(), &scope(), alarm(action), &[]);
            let Err(AlarmError::Invalid(wrong)) = refused else { panic!("{action}: {refused:?}") };
            assert_eq!(wrong[0].problem, format!("Invalid arn syntax: {action}"));
        }
    }

    #[test]
    fn the_history_says_what_became_of_an_action_that_led_nowhere() {
        let (platform, clock) = world();
        for action in [
            "arn:aws:sns:us-east-1:000000000000:not-there",
            "arn:aws:sns:us-east-1:999999999999:theirs",
            "arn:aws:lambda:us-east-1:000000000000:function:unmapped",
        ] {
            platform.put_alarm(&me(), &scope(), alarm(action), &[]).unwrap();
            for state in [AlarmState::Ok, AlarmState::Alarm] {
                let new = NewState { state, reason: "a drill".into(), reason_data: None };
                platform.set_alarm_state(&me(), &scope(), "up", new).unwrap();
                clock.advance_to(clock.now_ms() + 1_000);
            }
            settle(&platform);
            let filter =
                HistoryFilter { what: Some(HistoryType::Action), ..HistoryFilter::default() };
            let items = platform.alarm_history(&me(), &scope(), &filter).unwrap().items;
            let why = match action.contains(":sns:") {
                true => "there is no such topic",
                false => "no handler is mapped to this action",
            };
            assert_eq!(
                items[0].summary,
                format!("Failed to execute action {action}. Received error: \"{why}\"")
            );
        }
        // A topic may be made later; what no handler takes is nobody's.
        assert_eq!(platform.dead_letters(&me(), "", 10).unwrap().len(), 2);
    }
}
