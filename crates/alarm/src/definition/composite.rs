//! Alarms on the states of other alarms.

use super::Invalid;
use lang::alarm_rule::{self, AlarmRef, Rule};

/// An alarm on other alarms.
#[derive(Debug, Clone, PartialEq)]
pub struct CompositeAlarm {
    text: String,
    rule: Rule,
    suppressor: Option<Suppressor>,
}

/// A [`CompositeAlarm`] as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompositeSpec {
    /// `AlarmRule`.
    pub rule: String,
    /// `ActionsSuppressor` and its two periods.
    pub suppressor: Option<SuppressorSpec>,
}

/// A [`Suppressor`] as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuppressorSpec {
    /// `ActionsSuppressor`: a name or an ARN.
    pub alarm: String,
    /// `ActionsSuppressorWaitPeriod`, in seconds.
    pub wait_s: Option<i64>,
    /// `ActionsSuppressorExtensionPeriod`, in seconds.
    pub extension_s: Option<i64>,
}

/// An alarm that holds back the actions of a composite while it is in ALARM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppressor {
    /// The name of the alarm.
    pub alarm: String,
    /// How long a change waits for the suppressor to go into ALARM, in milliseconds.
    pub wait_ms: i64,
    /// How long a change waits after the suppressor left ALARM, in milliseconds.
    pub extension_ms: i64,
}

impl CompositeAlarm {
    /// Returns the alarm that is asked for.
    ///
    /// # Errors
    /// Every field that cannot be. Cycles are found where other composites are known: by the engine.
    pub fn new(spec: CompositeSpec) -> Result<Self, Vec<Invalid>> {
        let mut wrong = Vec::new();
        let rule = alarm_rule::parse(&spec.rule).map_err(|mistakes| {
            let shown: Vec<String> = mistakes.iter().map(|m| m.render(&spec.rule)).collect();
            wrong.push(Invalid::new("AlarmRule", shown.join("\n")));
        });
        let suppressor = spec.suppressor.and_then(|spec| suppressor(spec, &mut wrong));
        match rule {
            Ok(rule) if wrong.is_empty() => Ok(Self { text: spec.rule, rule, suppressor }),
            _ => Err(wrong),
        }
    }

    /// Returns the rule as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the rule.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// Returns what holds back its actions.
    pub fn suppressor(&self) -> Option<&Suppressor> {
        self.suppressor.as_ref()
    }
}

fn suppressor(spec: SuppressorSpec, wrong: &mut Vec<Invalid>) -> Option<Suppressor> {
    let mut period = |field, seconds: Option<i64>| match seconds {
        Some(seconds @ 0..) if seconds <= i64::MAX / 2_000 => seconds * 1_000,
        Some(seconds) => {
            wrong.push(Invalid::new(field, format!("{seconds} s is no period")));
            0
        }
        None => {
            wrong.push(Invalid::new(field, "is required with ActionsSuppressor"));
            0
        }
    };
    let wait_ms = period("ActionsSuppressorWaitPeriod", spec.wait_s);
    let extension_ms = period("ActionsSuppressorExtensionPeriod", spec.extension_s);
    if spec.alarm.is_empty() {
        wrong.push(Invalid::new("ActionsSuppressor", "is empty"));
        return None;
    }
    let alarm = AlarmRef { text: spec.alarm, span: lang::Span { start: 0, end: 0 } };
    Some(Suppressor { alarm: alarm.name().to_owned(), wait_ms, extension_ms })
}
