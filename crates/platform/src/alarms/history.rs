//! What happened to alarms, in the service's words.

mod places;

pub use places::{HistoryPage, HistoryPlace};
pub(crate) use places::{changes, expired, index_older, is_sound_index, is_sound_place, page};

use super::Alarms;
use super::record::{AlarmRecord, WatchRecord};
use crate::outbox::ActionLog;
use alarm::definition::AlarmKey;
use alarm::{ActionsFate, ContributorChange, HistoryItem, HistoryKind, StateChange, Told};
use bus::{Notice, Outcome, Said};
use catalog::Change;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use stdx::Clock;

/// What sort of thing happened, by the names of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HistoryType {
    /// The alarm was made, changed or deleted.
    ConfigurationUpdate,
    /// It is in another state.
    StateUpdate,
    /// An action was carried out, or not.
    Action,
    /// A series of it is in another state.
    AlarmContributorStateUpdate,
    /// An action was carried out for a series of it, or not.
    AlarmContributorAction,
}

impl HistoryType {
    /// All, with the names of the API.
    pub const ALL: [(&'static str, Self); 5] = [
        ("ConfigurationUpdate", Self::ConfigurationUpdate),
        ("StateUpdate", Self::StateUpdate),
        ("Action", Self::Action),
        ("AlarmContributorStateUpdate", Self::AlarmContributorStateUpdate),
        ("AlarmContributorAction", Self::AlarmContributorAction),
    ];

    /// Returns the name of the API.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, one)| *one == self).map_or("", |(name, _)| name)
    }
}

/// Something that happened to an alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryShown {
    /// The name of the alarm.
    pub alarm: String,
    /// Says whether it is a composite.
    pub is_composite: bool,
    /// When, milliseconds since 1970.
    #[serde(skip)]
    pub at_ms: i64,
    /// What sort of thing.
    pub what: HistoryType,
    /// In words.
    pub summary: String,
    /// As JSON.
    pub data: String,
    /// The labels of the series that it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contributor: Vec<(String, String)>,
}

/// Which items somebody wants.
#[derive(Debug, Clone, Default)]
pub struct HistoryFilter {
    /// Of this alarm only.
    pub alarm: Option<String>,
    /// Of this contributor of it only.
    pub contributor: Option<String>,
    /// Of composites only, or of others only.
    pub is_composite: Option<bool>,
    /// Of this sort only.
    pub what: Option<HistoryType>,
    /// Not before, milliseconds since 1970.
    pub start_ms: Option<i64>,
    /// Not after.
    pub end_ms: Option<i64>,
    /// The oldest first.
    pub is_ascending: bool,
    /// Behind this one only, in the order asked for.
    pub behind: Option<HistoryPlace>,
    /// At most so many.
    pub limit: Option<usize>,
}

fn item(
    key: &AlarmKey,
    record: Option<&AlarmRecord>,
    at_ms: i64,
    what: HistoryType,
    summary: String,
    data: &impl Serialize,
) -> HistoryShown {
    HistoryShown {
        alarm: key.name.clone(),
        is_composite: record.is_some_and(|r| matches!(r.watch, WatchRecord::Composite(_))),
        at_ms,
        what,
        summary,
        data: serde_json::to_string(data).expect("texts and numbers are JSON"),
        contributor: Vec::new(),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct State<'a> {
    state_value: &'static str,
    state_reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_reason_data: Option<Value>,
}

impl<'a> State<'a> {
    fn of(told: &'a Told) -> Self {
        let data = told.reason_data.as_deref();
        Self {
            state_value: told.state.name(),
            state_reason: &told.reason,
            // What a client gave by hand may be any text.
            state_reason_data: data
                .map(|text| serde_json::from_str(text).unwrap_or_else(|_| text.into())),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StateData<'a> {
    version: &'static str,
    old_state: State<'a>,
    new_state: State<'a>,
}

/// The items of a change of state: the change, and that its actions were held back, if they were.
pub(crate) fn of_change(change: &StateChange, record: Option<&AlarmRecord>) -> Vec<HistoryShown> {
    let StateChange { alarm, at_ms, from, to, actions, .. } = change;
    let summary = format!("Alarm updated from {} to {}", from.state, to.state);
    let data = StateData { version: "1.0", old_state: State::of(from), new_state: State::of(to) };
    let mut items = vec![item(alarm, record, *at_ms, HistoryType::StateUpdate, summary, &data)];
    let held = match actions {
        ActionsFate::Muted(rule) => Some(format!("Actions muted by mute rule \"{rule}\"")),
        ActionsFate::Suppressed(by) => Some(format!("Actions suppressed by {}", by.name())),
        ActionsFate::Due | ActionsFate::Disabled | ActionsFate::WarmingUp => None,
    };
    if let Some(summary) = held {
        let data =
            json!({ "version": "1.0", "actionState": "Held", "stateValue": to.state.name() });
        items.push(item(alarm, record, *at_ms, HistoryType::Action, summary, &data));
    }
    items
}

/// The item of a contributor's change.
pub(crate) fn of_contributor(
    change: &ContributorChange,
    record: Option<&AlarmRecord>,
) -> HistoryShown {
    let ContributorChange { alarm, attributes, at_ms, from, to, reason } = change;
    let summary = format!("Alarm contributor updated from {from} to {to}");
    let state = |value: &alarm::AlarmState| json!({ "stateValue": value.name() });
    let mut new = state(to);
    new["stateReason"] = reason.as_str().into();
    let attributes_shown: serde_json::Map<String, Value> =
        attributes.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    let data = json!({
        "version": "1.0", "contributorAttributes": attributes_shown,
        "oldState": state(from), "newState": new,
    });
    let what = HistoryType::AlarmContributorStateUpdate;
    let mut item = item(alarm, record, *at_ms, what, summary, &data);
    item.contributor = attributes.clone();
    item
}

/// The item of what happened to a definition, or to actions that waited.
pub(crate) fn of_item(happened: &HistoryItem, record: Option<&AlarmRecord>) -> HistoryShown {
    let HistoryItem { alarm, at_ms, what } = happened;
    let shown = |field: &'static str, done: &'static str, kind: &'static str| {
        let mut data = json!({ "version": "1.0", "type": kind });
        data[field] = record.map_or(Value::Null, super::message::described);
        (HistoryType::ConfigurationUpdate, format!("Alarm \"{}\" {done}", alarm.name), data)
    };
    let (what, summary, data) = match what {
        HistoryKind::Created => shown("createdAlarm", "created", "Create"),
        HistoryKind::Updated => shown("updatedAlarm", "updated", "Update"),
        HistoryKind::Deleted => shown("deletedAlarm", "deleted", "Delete"),
        HistoryKind::ActionsDropped(state) => (
            HistoryType::Action,
            format!("Actions for {state} not executed: the state ended while they were held back"),
            json!({ "version": "1.0", "actionState": "Dropped", "stateValue": state.name() }),
        ),
    };
    item(alarm, record, *at_ms, what, summary, &data)
}

/// Writes down what became of actions.
#[derive(Debug)]
pub(crate) struct ActionHistory {
    pub(crate) alarms: Arc<Alarms>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl ActionLog for ActionHistory {
    fn outcome(&self, notice: &Notice, outcome: &Outcome) -> Vec<Change> {
        let Said::Alarm(said) = &notice.said else { return Vec::new() };
        let key = AlarmKey { tenant: notice.tenant, name: said.alarm.clone() };
        let known = self.alarms.known(&key);
        let record = known.as_deref().map(|known| &known.record);
        let target = &notice.target;
        let (state, summary, error) = match outcome {
            Outcome::Done => ("Succeeded", format!("Successfully executed action {target}"), None),
            Outcome::Failed(why) => {
                let summary =
                    format!("Failed to execute action {target}. Received error: \"{why}\"");
                ("Failed", summary, Some(why.clone()))
            }
            Outcome::NoHandler => {
                let why = "no handler is mapped to this action";
                let summary =
                    format!("Failed to execute action {target}. Received error: \"{why}\"");
                ("Failed", summary, Some(why.to_owned()))
            }
        };
        let what = match said.contributor {
            Some(_) => HistoryType::AlarmContributorAction,
            None => HistoryType::Action,
        };
        let mut data = json!({
            "version": "1.0", "actionState": state, "stateUpdateTimestamp": notice.at_ms,
            "notificationResource": target, "publishedMessage": said.message,
        });
        if let Some(error) = error {
            data["error"] = error.into();
        }
        let item = item(&key, record, self.clock.now_ms(), what, summary, &data);
        // The same action has the same place, and stands behind the change of its moment.
        let number = hash_of(&notice.key) | 1 << 63;
        changes(notice.tenant, &item, number).into()
    }
}

fn hash_of(text: &str) -> u64 {
    use sha2::{Digest, Sha256};
    let hash = Sha256::digest(text);
    u64::from_be_bytes(hash[..8].try_into().expect("a hash is longer"))
}
