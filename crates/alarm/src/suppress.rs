//! How a suppressor holds back the actions of a composite alarm.
//!
//! ```text
//! the composite changes, the suppressor is not in ALARM   wait W; act at its end
//! ... the suppressor goes into ALARM meanwhile            the wait is over: held back by the alarm
//! ... the composite changes again meanwhile               a new W
//! the composite changes, the suppressor is in ALARM       held back by the alarm
//! the suppressor leaves ALARM                             wait E; act for the state there is at its end
//! ... the composite changes meanwhile                     E is over: a new W
//! the suppressor is replaced                              any W or E is over
//! ```
//!
//! Only actions that are owed wait: a suppressor that comes and goes while the composite stays as it is
//! does nothing. A wait that ends because the suppressor is replaced does so without its actions.
//!
//! Source: CloudWatch user guide, "Alarm suppression".

/// What holds actions back, by the names of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuppressedBy {
    /// A change waits to see whether the suppressor follows.
    WaitPeriod,
    /// The suppressor has left ALARM a moment ago.
    ExtensionPeriod,
    /// The suppressor is in ALARM.
    Alarm,
}

impl SuppressedBy {
    /// Returns the name of the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::WaitPeriod => "WaitPeriod",
            Self::ExtensionPeriod => "ExtensionPeriod",
            Self::Alarm => "Alarm",
        }
    }
}

/// Whether actions of a composite are owed, and what they wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Suppression {
    /// Nothing is owed.
    #[default]
    None,
    /// Owed at the end of a wait.
    Waiting(i64),
    /// Owed at the end of an extension.
    Extending(i64),
    /// Owed when the suppressor leaves ALARM.
    ByAlarm,
}

impl Suppression {
    /// Takes a change of the composite; returns whether its actions are due at once.
    pub(crate) fn on_change(&mut self, now_ms: i64, wait_ms: i64, suppressor_alarms: bool) -> bool {
        *self = match suppressor_alarms {
            true => Self::ByAlarm,
            false => Self::Waiting(now_ms.saturating_add(wait_ms)),
        };
        self.on_time(now_ms)
    }

    /// Takes a change of the suppressor; returns whether owed actions are due at once.
    pub(crate) fn on_suppressor(&mut self, now_ms: i64, extension_ms: i64, alarms: bool) -> bool {
        match (*self, alarms) {
            (Self::None, _) => {}
            (_, true) => *self = Self::ByAlarm,
            (Self::ByAlarm, false) => {
                *self = Self::Extending(now_ms.saturating_add(extension_ms));
            }
            (_, false) => {}
        }
        self.on_time(now_ms)
    }

    /// Takes the time; returns whether owed actions are due.
    pub(crate) fn on_time(&mut self, now_ms: i64) -> bool {
        let due = self.until_ms().is_some_and(|until_ms| until_ms <= now_ms);
        if due {
            *self = Self::None;
        }
        due
    }

    /// Returns when owed actions are due, if time alone decides.
    pub(crate) fn until_ms(self) -> Option<i64> {
        match self {
            Self::Waiting(until_ms) | Self::Extending(until_ms) => Some(until_ms),
            Self::None | Self::ByAlarm => None,
        }
    }

    /// Returns what holds actions back.
    pub(crate) fn by(self) -> Option<SuppressedBy> {
        match self {
            Self::None => None,
            Self::Waiting(_) => Some(SuppressedBy::WaitPeriod),
            Self::Extending(_) => Some(SuppressedBy::ExtensionPeriod),
            Self::ByAlarm => Some(SuppressedBy::Alarm),
        }
    }
}
