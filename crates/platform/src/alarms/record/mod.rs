//! Alarms and mute rules as their clients put them: kept to the letter, so that they are shown as
//! they were sent.
//!
//! What was not said stays unsaid here: `definition` knows the defaults. Records are JSON in the
//! catalog. A field that is not known makes a record unreadable, rather than an alarm that decides
//! something else; new fields are optional, so that older records stay readable.

mod definition;
#[cfg(test)]
mod tests;

pub use definition::{alarm_arn, mute_rule_arn};

use serde::{Deserialize, Serialize};

/// The form of records.
const VERSION: u8 = 1;

/// An alarm as it was put.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlarmRecord {
    /// `AlarmName`.
    pub name: String,
    /// `AlarmDescription`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `ActionsEnabled`; true when nothing was said.
    pub actions_enabled: bool,
    /// `OKActions`.
    pub ok_actions: Vec<String>,
    /// `AlarmActions`.
    pub alarm_actions: Vec<String>,
    /// `InsufficientDataActions`.
    pub insufficient_data_actions: Vec<String>,
    /// What it watches.
    pub watch: WatchRecord,
    /// `AlarmConfigurationUpdatedTimestamp`, milliseconds since 1970.
    pub configured_ms: i64,
}

/// What an alarm watches, as it was put.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WatchRecord {
    /// One metric.
    Metric(MetricRecord),
    /// `Metrics`: an expression over metrics, or a Metrics Insights query.
    Metrics(MetricsRecord),
    /// `EvaluationCriteria` with a PromQL query.
    Promql(PromqlRecord),
    /// The states of other alarms.
    Composite(CompositeRecord),
}

/// An alarm on one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricRecord {
    /// `Namespace`; empty for series that have none.
    pub namespace: String,
    /// `MetricName`.
    pub name: String,
    /// `Statistic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistic: Option<String>,
    /// `ExtendedStatistic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended_statistic: Option<String>,
    /// `Dimensions`, in the order given.
    pub dimensions: Vec<(String, String)>,
    /// `Period`, in seconds.
    pub period_s: u32,
    /// `Unit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// When it alarms.
    pub condition: ConditionRecord,
}

/// An alarm on the queries of `Metrics`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsRecord {
    /// The queries, in the order given.
    pub queries: Vec<QueryRecord>,
    /// When it alarms.
    pub condition: ConditionRecord,
}

/// An element of `Metrics`: a `MetricDataQuery`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueryRecord {
    /// `Id`.
    pub id: String,
    /// `MetricStat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stat: Option<StatRecord>,
    /// `Expression`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// `Label`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// `ReturnData`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_data: Option<bool>,
    /// `Period` of an expression, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_s: Option<u32>,
    /// `AccountId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
}

/// A `MetricStat`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatRecord {
    /// `Namespace`; empty for series that have none.
    pub namespace: String,
    /// `MetricName`.
    pub name: String,
    /// `Dimensions`, in the order given.
    pub dimensions: Vec<(String, String)>,
    /// `Period`, in seconds.
    pub period_s: u32,
    /// `Stat`.
    pub stat: String,
    /// `Unit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// When a metric alarm is in ALARM.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConditionRecord {
    /// `ComparisonOperator`.
    pub comparison: String,
    /// `Threshold`; a finite number.
    pub threshold: f64,
    /// `EvaluationPeriods`.
    pub periods: u32,
    /// `DatapointsToAlarm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datapoints: Option<u32>,
    /// `TreatMissingData`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// `EvaluateLowSampleCountPercentile`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low_samples: Option<String>,
    /// `EvaluationWindow`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<WindowRecord>,
    /// `WarmUpConfiguration`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<WarmUpRecord>,
}

/// `EvaluationWindow`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowRecord {
    /// `SlidingWindow`.
    Sliding,
    /// `WallClockWindow`, with its `Timezone` if it was said.
    WallClock(Option<String>),
}

/// `WarmUpConfiguration`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarmUpRecord {
    /// `WarmUpPeriodDurationInMinutes`.
    pub minutes: u32,
    /// `OnlyStartEvaluatingAfterWarmUpPeriodEnds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<bool>,
}

/// An alarm on a PromQL query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromqlRecord {
    /// `Query`.
    pub query: String,
    /// `PendingPeriod`, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_s: Option<u32>,
    /// `RecoveryPeriod`, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_s: Option<u32>,
    /// `EvaluationInterval`, in seconds.
    pub interval_s: u32,
}

/// An alarm on other alarms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompositeRecord {
    /// `AlarmRule`.
    pub rule: String,
    /// `ActionsSuppressor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressor: Option<String>,
    /// `ActionsSuppressorWaitPeriod`, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<i64>,
    /// `ActionsSuppressorExtensionPeriod`, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension_s: Option<i64>,
}

/// A mute rule as it was put.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MuteRecord {
    /// `Name`.
    pub name: String,
    /// `Description`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `Expression` of its schedule.
    pub expression: String,
    /// `Duration` of its schedule, ISO 8601.
    pub duration: String,
    /// `Timezone` of its schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// `MuteTargets`: names of alarms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<String>>,
    /// `StartDate`, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_ms: Option<i64>,
    /// `ExpireDate`, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expire_ms: Option<i64>,
    /// `LastUpdatedTimestamp`, milliseconds since 1970.
    pub updated_ms: i64,
}

/// A record behind the number of its form.
#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    v: u8,
    record: T,
}

fn encode<T: Serialize>(record: T) -> Vec<u8> {
    let versioned = Versioned { v: VERSION, record };
    serde_json::to_vec(&versioned).expect("a record has nothing that JSON cannot say")
}

fn decode<T: for<'d> Deserialize<'d>>(bytes: &[u8]) -> Option<T> {
    let versioned: Versioned<T> = serde_json::from_slice(bytes).ok()?;
    (versioned.v == VERSION).then_some(versioned.record)
}

impl AlarmRecord {
    /// Returns the bytes that [`decode`](Self::decode) reads.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads a record; `None` when it is of another form, or none.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        decode(bytes)
    }
}

impl MuteRecord {
    /// Returns the bytes that [`decode`](Self::decode) reads.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads a record; `None` when it is of another form, or none.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        decode(bytes)
    }
}
