//! What the engine says must happen. It does none of it itself.

use crate::definition::{AlarmKey, Metric};
use crate::suppress::SuppressedBy;
use lang::alarm_rule::AlarmState;
use model::{TenantId, TimeRange};

/// One thing that must happen, in the order given.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// An alarm is in another state: keep it, and tell the event bus.
    StateChanged(StateChange),
    /// A series of an alarm is in another state.
    ContributorChanged(ContributorChange),
    /// An action is due now.
    ActionDue(ActionDue),
    /// Something that is no change of state belongs into the history.
    History(HistoryItem),
    /// A window is in doubt. Until [`AlarmEngine::on_rebuilt`](crate::AlarmEngine::on_rebuilt)
    /// answers, alarms over it are not evaluated.
    Rebuild(Rebuild),
    /// An alarm is due that cannot be stepped. Ask the query engine, and give the answer to
    /// [`AlarmEngine::on_answer`](crate::AlarmEngine::on_answer).
    ScheduledQuery(ScheduledQuery),
}

/// A state and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The state.
    pub state: AlarmState,
    /// `StateReason`.
    pub reason: String,
    /// `StateReasonData`, a JSON text.
    pub reason_data: Option<String>,
    /// Since when, milliseconds since 1970.
    pub since_ms: i64,
}

/// A change of an alarm's state.
#[derive(Debug, Clone, PartialEq)]
pub struct StateChange {
    /// The alarm.
    pub alarm: AlarmKey,
    /// Counts the changes of this alarm; the same change has the same number after a restart.
    pub number: u64,
    /// When, milliseconds since 1970.
    pub at_ms: i64,
    /// The state before.
    pub from: Told,
    /// The state now.
    pub to: Told,
    /// What became of the actions of the new state.
    pub actions: ActionsFate,
}

/// What became of the actions of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActionsFate {
    /// They are due, each in an [`ActionDue`] behind the change; there may be none.
    Due,
    /// `ActionsEnabled` is false.
    Disabled,
    /// The alarm waits for its data.
    WarmingUp,
    /// A mute rule of this name holds them back until it ends.
    Muted(String),
    /// The suppressor of the composite holds them back.
    Suppressed(SuppressedBy),
}

/// A change of a contributor's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContributorChange {
    /// The alarm.
    pub alarm: AlarmKey,
    /// The labels that tell the series, sorted.
    pub attributes: Vec<(String, String)>,
    /// When, milliseconds since 1970.
    pub at_ms: i64,
    /// The state before; contributors are OK or ALARM.
    pub from: AlarmState,
    /// The state now.
    pub to: AlarmState,
    /// Why.
    pub reason: String,
}

/// An action that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionDue {
    /// The alarm.
    pub alarm: AlarmKey,
    /// The action.
    pub arn: String,
    /// The state before.
    pub from: AlarmState,
    /// The state that it is for, and why; of a contributor, if it is about one.
    pub to: Told,
    /// When, milliseconds since 1970.
    pub at_ms: i64,
    /// Equal for the same action of the same change, also after a restart: never carry one out twice.
    pub key: String,
    /// The contributor whose change it is about; none for the alarm's own.
    pub contributor: Option<Vec<(String, String)>>,
}

/// What belongs into the history beside changes of state and actions carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryItem {
    /// The alarm.
    pub alarm: AlarmKey,
    /// When, milliseconds since 1970.
    pub at_ms: i64,
    /// What happened.
    pub what: HistoryKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryKind {
    /// The alarm was made.
    Created,
    /// Its definition was replaced.
    Updated,
    /// It was deleted.
    Deleted,
    /// Actions that waited for a mute rule or a suppressor are dropped, since the state they were for
    /// is over or the alarm's actions were turned off.
    ActionsDropped(AlarmState),
}

/// Names a window of the engine, and which asking it is: an earlier one may have asked for less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotId {
    pub(crate) slot: u32,
    pub(crate) request: u64,
}

/// Asks for the past of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Rebuild {
    /// The window.
    pub slot: SlotId,
    /// Whose.
    pub tenant: TenantId,
    /// The metric: all series of exactly these dimensions.
    pub metric: Metric,
    /// Points of this range are needed.
    pub range: TimeRange,
    /// Points may be put together on this grid, if that is less work.
    pub step_ms: i64,
    /// Says whether the distribution is needed, or only count, sum, minimum and maximum.
    pub distribution: bool,
}

/// Asks for the value of an alarm that cannot be stepped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledQuery {
    /// The alarm; its definition says what is asked.
    pub alarm: AlarmKey,
    /// The end of the newest period, and the time of an instant query: milliseconds since 1970.
    pub at_ms: i64,
    /// The periods to answer for, newest first: start and end of each. None for an instant query.
    pub periods: Vec<(i64, i64)>,
}
