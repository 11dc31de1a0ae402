//! What the engine keeps of an alarm.

use super::NEVER;
use super::math::MathPlan;
use crate::contributor::{Attributes, Contributors};
use crate::definition::Definition;
use crate::effect::Told;
use crate::reason;
use crate::suppress::{SuppressedBy, Suppression};
use eval::Statistic;
use lang::alarm_rule::AlarmState;

/// An alarm, how it is evaluated, and its state.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) definition: Definition,
    pub(super) plan: Plan,
    pub(super) state: AlarmState,
    /// None for an alarm that was never evaluated.
    pub(super) reason: Option<Box<str>>,
    pub(super) reason_data: Option<Box<str>>,
    /// The state before this one.
    pub(super) before: AlarmState,
    /// When the state became this one.
    pub(super) since_ms: i64,
    /// When the state or the evaluation state became this one.
    pub(super) updated_ms: i64,
    /// When the alarm was made: tells it from an earlier one of its name.
    pub(super) made_ms: i64,
    /// When its definition was taken: tells it from the one that a checkpoint knows.
    pub(super) put_ms: i64,
    /// Counts changes.
    pub(super) number: u64,
    pub(super) evaluation: Option<EvaluationState>,
    pub(super) warm_until_ms: i64,
    /// The end of the newest period that was looked at.
    pub(super) evaluated_ms: i64,
    /// An evaluation that waits for a rebuild: the end of its newest period.
    pub(super) owed_ms: i64,
    /// Somebody set the state; the next evaluation decides again.
    pub(super) forced: bool,
    /// Actions of the change of this number wait for the end of a mute window.
    pub(super) muted: Option<u64>,
    /// No evaluation that ends earlier: at the time of the definition it was due already.
    pub(super) not_before_ms: i64,
    /// When actions that are invoked every minute were invoked.
    pub(super) repeated_ms: i64,
    /// Where it stands among the alarms that are evaluated at the same moments.
    pub(super) class: Option<(i64, u32)>,
    pub(super) contributors: Option<Box<Contributors>>,
    /// Its row of the checkpoint is to be written again.
    pub(super) is_touched: bool,
}

/// How an alarm is evaluated.
#[derive(Debug)]
pub(super) enum Plan {
    /// From one window.
    Slot(u32, Statistic),
    /// From several windows, through expressions.
    Math(Box<MathPlan>),
    /// By asking the query engine.
    Scheduled,
    /// From other alarms; how deep it is nested, and what holds back its actions.
    Composite(u32, Suppression),
}

/// How evaluating goes, beside the state.
///
/// Source: CloudWatch API reference, `EvaluationState`; `IN_WARM_UP` is in the user guide only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvaluationState {
    /// Not all series could be looked at.
    PartialData,
    /// The alarm waits for its data.
    InWarmUp,
    /// The definition cannot be evaluated.
    EvaluationError,
    /// We could not evaluate it.
    EvaluationFailure,
}

impl EvaluationState {
    /// All, in the order of their codes in checkpoints.
    pub const ALL: [Self; 4] =
        [Self::PartialData, Self::InWarmUp, Self::EvaluationError, Self::EvaluationFailure];

    /// Returns the name of the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::PartialData => "PARTIAL_DATA",
            Self::InWarmUp => "IN_WARM_UP",
            Self::EvaluationError => "EVALUATION_ERROR",
            Self::EvaluationFailure => "EVALUATION_FAILURE",
        }
    }
}

/// What is known of an alarm.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// The state, why, and since when (`StateTransitionedTimestamp`).
    pub told: Told,
    /// `StateUpdatedTimestamp`.
    pub updated_ms: i64,
    /// How evaluating goes.
    pub evaluation: Option<EvaluationState>,
    /// What holds back actions of a composite.
    pub suppressed_by: Option<SuppressedBy>,
    /// Says whether actions wait for the end of a mute window.
    pub is_muted: bool,
    /// The end of the newest period that was looked at; none before the first evaluation.
    pub evaluated_ms: Option<i64>,
    /// Since when no series matches; none while one does, and where that is not known.
    pub matches_nothing_since_ms: Option<i64>,
}

/// A contributor in ALARM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contribution {
    /// The labels that tell the series, sorted.
    pub attributes: Attributes,
    /// Since when, milliseconds since 1970.
    pub since_ms: i64,
}

/// Contributors that are reported.
const CONTRIBUTIONS_MAX: usize = 100;

impl Entry {
    pub(super) fn new(definition: Definition, plan: Plan, now_ms: i64) -> Self {
        Self {
            state: definition.watch.first_state(),
            before: definition.watch.first_state(),
            definition,
            plan,
            reason: None,
            reason_data: None,
            since_ms: now_ms,
            updated_ms: now_ms,
            made_ms: now_ms,
            put_ms: now_ms,
            number: 0,
            evaluation: None,
            warm_until_ms: NEVER,
            evaluated_ms: NEVER,
            owed_ms: NEVER,
            forced: false,
            muted: None,
            not_before_ms: NEVER,
            repeated_ms: NEVER,
            class: None,
            contributors: None,
            is_touched: false,
        }
    }

    pub(super) fn told(&self) -> Told {
        Told {
            state: self.state,
            reason: self.reason.as_deref().unwrap_or(reason::UNCHECKED).to_owned(),
            reason_data: self.reason_data.as_deref().map(str::to_owned),
            since_ms: self.since_ms,
        }
    }

    pub(super) fn status(&self) -> Status {
        Status {
            told: self.told(),
            updated_ms: self.updated_ms,
            evaluation: self.evaluation,
            suppressed_by: match &self.plan {
                Plan::Composite(_, suppression) => suppression.by(),
                _ => None,
            },
            is_muted: self.muted.is_some(),
            evaluated_ms: (self.evaluated_ms != NEVER).then_some(self.evaluated_ms),
            matches_nothing_since_ms: None,
        }
    }

    pub(super) fn contributions(&self) -> Vec<Contribution> {
        let Some(contributors) = &self.contributors else { return Vec::new() };
        let alarming = contributors.all.iter().filter(|(_, c)| c.state == AlarmState::Alarm);
        alarming
            .take(CONTRIBUTIONS_MAX)
            .map(|(attributes, c)| Contribution {
                attributes: attributes.clone(),
                since_ms: c.since_ms,
            })
            .collect()
    }

    /// Says whether it is another one than before.
    #[must_use]
    pub(super) fn set_evaluation(
        &mut self,
        evaluation: Option<EvaluationState>,
        now_ms: i64,
    ) -> bool {
        let other = self.evaluation != evaluation;
        if other {
            (self.evaluation, self.updated_ms) = (evaluation, now_ms);
        }
        other
    }
}
