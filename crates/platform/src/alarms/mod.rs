//! Alarms: what was put, and what it became.

mod record;

pub use record::{
    AlarmRecord, CompositeRecord, ConditionRecord, MetricRecord, MetricsRecord, MuteRecord,
    PromqlRecord, QueryRecord, StatRecord, WarmUpRecord, WatchRecord, WindowRecord, alarm_arn,
    mute_rule_arn,
};
