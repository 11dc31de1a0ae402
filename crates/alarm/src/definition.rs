//! What an alarm is, as plain values that hold only what can be.
//!
//! Doors fill the `*Spec` types with what a client sent and get a checked value or every [`Invalid`]
//! field of it. What is checked is what `PutMetricAlarm`, `PutCompositeAlarm` and `PutAlarmMuteRule`
//! check; the door translates [`Invalid`] into its error.

mod composite;
mod math;
mod metric;
mod mute;
mod promql;
mod zone;

pub use composite::{CompositeAlarm, CompositeSpec, Suppressor, SuppressorSpec};
pub use math::{Math, MathQuery, MathSpec, Part};
pub use metric::{
    Comparison, EvaluationWindow, LowSamples, Metric, MetricAlarm, MetricSpec, Period, Source,
    SourceSpec, WarmUp,
};
pub use mute::{MuteRule, MuteSpec};
pub use promql::{PromqlAlarm, PromqlSpec};
pub use zone::Zone;

use lang::alarm_rule::AlarmState;
use model::TenantId;

/// Names an alarm within everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AlarmKey {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its name, 1 to 255 characters.
    pub name: String,
}

/// A field of a definition that cannot be, named as the API names it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Invalid {
    /// The field.
    pub field: &'static str,
    /// What is wrong with it, and where the limit is.
    pub problem: String,
}

impl Invalid {
    pub(crate) fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self { field, problem: problem.into() }
    }
}

/// What is checked of an alarm whatever it watches.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// Its name.
    pub key: AlarmKey,
    /// Its ARN, as notifications and composites' reasons have it.
    pub arn: String,
    /// What is done when it changes.
    pub actions: Actions,
    /// What it watches.
    pub watch: Watch,
}

/// What an alarm watches.
#[derive(Debug, Clone, PartialEq)]
pub enum Watch {
    /// A metric, an expression over metrics, or a Metrics Insights query, against a threshold.
    Metric(MetricAlarm),
    /// What a PromQL query returns.
    Promql(PromqlAlarm),
    /// The states of other alarms.
    Composite(CompositeAlarm),
}

impl Watch {
    /// Says in which state a new alarm is.
    pub fn first_state(&self) -> AlarmState {
        match self {
            Self::Promql(_) => AlarmState::Ok,
            _ => AlarmState::InsufficientData,
        }
    }
}

/// What is done when the state becomes another, by the new state.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Actions {
    /// Nothing is done while this is false.
    pub enabled: bool,
    /// ARNs for OK.
    pub ok: Vec<String>,
    /// ARNs for ALARM.
    pub alarm: Vec<String>,
    /// ARNs for INSUFFICIENT_DATA.
    pub insufficient_data: Vec<String>,
}

/// Actions of a state, at most. Source: CloudWatch API reference, `PutMetricAlarm`, `AlarmActions`.
const ACTIONS_MAX: usize = 5;
const ACTION_CHARS_MAX: usize = 1_024;
/// Characters of a name. Source: the same, `AlarmName`.
const NAME_CHARS_MAX: usize = 255;

impl Actions {
    /// Returns the ARNs of a state.
    pub fn of(&self, state: AlarmState) -> &[String] {
        match state {
            AlarmState::Ok => &self.ok,
            AlarmState::Alarm => &self.alarm,
            AlarmState::InsufficientData => &self.insufficient_data,
        }
    }
}

impl Definition {
    /// Returns an alarm whose name and actions were checked too.
    ///
    /// # Errors
    /// Every field that cannot be.
    pub fn new(
        key: AlarmKey,
        arn: String,
        actions: Actions,
        watch: Watch,
    ) -> Result<Self, Vec<Invalid>> {
        let mut wrong = Vec::new();
        check_name("AlarmName", &key.name, &mut wrong);
        for (field, arns) in [
            ("OKActions", &actions.ok),
            ("AlarmActions", &actions.alarm),
            ("InsufficientDataActions", &actions.insufficient_data),
        ] {
            check_actions(field, arns, &watch, &mut wrong);
        }
        if wrong.is_empty() { Ok(Self { key, arn, actions, watch }) } else { Err(wrong) }
    }
}

pub(crate) fn check_name(field: &'static str, name: &str, wrong: &mut Vec<Invalid>) {
    let chars = name.chars().count();
    if chars == 0 || chars > NAME_CHARS_MAX {
        let problem = format!("has {chars} characters, 1 to {NAME_CHARS_MAX} are allowed");
        wrong.push(Invalid::new(field, problem));
    }
    if name.chars().any(|c| c.is_ascii_control()) {
        wrong.push(Invalid::new(field, "holds a control character"));
    }
}

fn check_actions(field: &'static str, arns: &[String], watch: &Watch, wrong: &mut Vec<Invalid>) {
    if arns.len() > ACTIONS_MAX {
        let problem = format!("has {} actions, {ACTIONS_MAX} are allowed", arns.len());
        wrong.push(Invalid::new(field, problem));
    }
    for arn in arns {
        let chars = arn.chars().count();
        if chars == 0 || chars > ACTION_CHARS_MAX {
            let problem =
                format!("an action has {chars} characters, 1 to {ACTION_CHARS_MAX} are allowed");
            wrong.push(Invalid::new(field, problem));
        }
        let service = arn.split(':').nth(2).unwrap_or_default();
        let of_instance =
            service == "automate" || service == "ec2" || arn.starts_with("arn:aws:swf:");
        let refused = match watch {
            Watch::Composite(_) => of_instance || service == "autoscaling",
            Watch::Metric(metric) => of_instance && metric.source().metric().is_none(),
            Watch::Promql(_) => false,
        };
        if refused {
            wrong.push(Invalid::new(field, format!("{arn} is no action of this type of alarm")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded() {
        let wrong = |name: &str| {
            let mut wrong = Vec::new();
            check_name("AlarmName", name, &mut wrong);
            wrong.len()
        };
        assert_eq!(wrong(&"é".repeat(255)), 0);
        assert_eq!((wrong(""), wrong(&"é".repeat(256)), wrong("a\nb")), (1, 1, 1));
    }
}
