//! Alarms and mute rules.
//!
//! What is put is kept as it was said, and shown as it was said: `read` takes a request apart, `shown`
//! puts an answer together.

pub(crate) mod alarm_actions;
pub(crate) mod delete_alarms;
pub(crate) mod describe_alarm_contributors;
pub(crate) mod describe_alarm_history;
pub(crate) mod describe_alarms;
pub(crate) mod describe_alarms_for_metric;
mod errors;
mod given;
pub(crate) mod mute_rules;
pub(crate) mod put_composite_alarm;
pub(crate) mod put_metric_alarm;
mod read;
pub(crate) mod set_alarm_state;
mod shown;
pub(crate) mod tags;

pub use given::read_alarm;

/// How many alarms, items of history or mute rules a page has, unless the request says.
///
/// Source: CloudWatch API reference, `ListAlarmMuteRules`, field `MaxRecords`; the others were seen to have
/// the same.
const PAGE: usize = 50;
/// Source: the same, shape `MaxRecords`.
const PAGE_MAX: usize = 100;

/// Returns the size of a page.
fn page_size(asked: Option<i64>, unless_said: usize) -> usize {
    asked.and_then(|size| usize::try_from(size).ok()).unwrap_or(unless_said).min(PAGE_MAX)
}
