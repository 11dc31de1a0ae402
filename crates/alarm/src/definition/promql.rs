//! Alarms on what a PromQL query returns: each series that it returns breaches.

use super::Invalid;
use lang::promql;

/// An alarm on a PromQL query.
#[derive(Debug, Clone, PartialEq)]
pub struct PromqlAlarm {
    spec: PromqlSpec,
}

/// A [`PromqlAlarm`] as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromqlSpec {
    /// `Query`.
    pub query: String,
    /// `EvaluationInterval`, in seconds.
    pub interval_s: u32,
    /// `PendingPeriod`, in seconds: how long a series must be returned to be in ALARM.
    pub pending_s: u32,
    /// `RecoveryPeriod`, in seconds: how long it must be absent to be OK again.
    pub recovery_s: u32,
}

/// Source: CloudWatch API reference, `AlarmPromQLCriteria` and `EvaluationInterval`.
const QUERY_CHARS_MAX: usize = 10_000;
const WAIT_S_MAX: u32 = 86_400;
const INTERVAL_S_MAX: u32 = 3_600;

impl PromqlAlarm {
    /// Returns the alarm that is asked for.
    ///
    /// # Errors
    /// Every field that cannot be.
    pub fn new(spec: PromqlSpec) -> Result<Self, Vec<Invalid>> {
        let mut wrong = Vec::new();
        let chars = spec.query.chars().count();
        if chars == 0 || chars > QUERY_CHARS_MAX {
            let problem = format!("has {chars} characters, 1 to {QUERY_CHARS_MAX} are allowed");
            wrong.push(Invalid::new("Query", problem));
        } else if let Err(mistakes) = promql::parse(&spec.query) {
            wrong.push(Invalid::new("Query", mistakes.to_string()));
        }
        let seconds = spec.interval_s;
        let known = matches!(seconds, 10 | 20 | 30)
            || seconds > 0 && seconds.is_multiple_of(60) && seconds <= INTERVAL_S_MAX;
        if !known {
            let problem = format!(
                "{seconds} s is none of 10, 20, 30 and multiples of 60 up to {INTERVAL_S_MAX}"
            );
            wrong.push(Invalid::new("EvaluationInterval", problem));
        }
        for (field, seconds) in
            [("PendingPeriod", spec.pending_s), ("RecoveryPeriod", spec.recovery_s)]
        {
            if seconds > WAIT_S_MAX {
                let problem = format!("{seconds} s is more than {WAIT_S_MAX}");
                wrong.push(Invalid::new(field, problem));
            }
        }
        if wrong.is_empty() { Ok(Self { spec }) } else { Err(wrong) }
    }

    /// Returns the query.
    pub fn query(&self) -> &str {
        &self.spec.query
    }

    /// Returns the time between two evaluations, in milliseconds.
    pub fn interval_ms(&self) -> i64 {
        i64::from(self.spec.interval_s) * 1_000
    }

    /// Returns how long a series must be returned to be in ALARM, in milliseconds.
    pub fn pending_ms(&self) -> i64 {
        i64::from(self.spec.pending_s) * 1_000
    }

    /// Returns how long it must be absent to be OK again, in milliseconds.
    pub fn recovery_ms(&self) -> i64 {
        i64::from(self.spec.recovery_s) * 1_000
    }
}
