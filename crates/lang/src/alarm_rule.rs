//! The rule of a composite alarm: what must hold of other alarms' states.
//!
//! ```text
//! either = both { "OR" both }
//! both   = one { "AND" one }
//! one    = "NOT" one | "(" either ")" | "TRUE" | "FALSE" | state "(" name ")"
//!        | "AT_LEAST" "(" ( count | percent "%" ) "," [ "NOT" ] state "," "(" name { "," name } ")" ")"
//! state  = "OK" | "ALARM" | "INSUFFICIENT_DATA"
//! name   = a name or an ARN, bare or in double quotes, where \" and \\ stand for " and \
//! ```
//!
//! Keywords are read in capital letters only. How tightly operators bind is in no guide: here it is
//! `NOT`, then `AND`, then `OR`. A bare name ends at a space, a comma or a parenthesis.
//!
//! ```
//! use lang::alarm_rule;
//!
//! let rule = alarm_rule::parse("ALARM(cpu) AND NOT (OK(\"disk full\") OR TRUE)").unwrap();
//! let children: Vec<&str> = rule.children().iter().map(|child| child.text.as_str()).collect();
//! assert_eq!(children, ["cpu", "disk full"]);
//! ```
//!
//! Source: CloudWatch API reference, `PutCompositeAlarm`, field `AlarmRule`; user guide, "Composite
//! alarms".

mod lexer;
mod parse;
mod print;

pub use parse::{parse, parse_within};

use crate::Span;
use std::fmt;
use std::str::FromStr;

/// Rules that are nested deeper are refused.
pub const DEPTH_MAX: usize = 250;

/// How large a rule may be.
///
/// Source: CloudWatch API reference, `PutCompositeAlarm`, field `AlarmRule`; service quotas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Characters of the text.
    pub chars_max: usize,
    /// Names of alarms, `TRUE`, `FALSE` and pairs of parentheses that group.
    pub elements_max: usize,
    /// Different alarms.
    pub children_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { chars_max: 10_240, elements_max: 500, children_max: 100 }
    }
}

/// What must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// `TRUE` or `FALSE`.
    Constant(bool),
    /// An alarm is in a state.
    Is(AlarmState, AlarmRef),
    /// So many of some alarms are in a state, or are not.
    AtLeast(AtLeast),
    /// Not that.
    Not(Box<Rule>),
    /// Each of them; two at least.
    All(Vec<Rule>),
    /// One of them; two at least.
    Any(Vec<Rule>),
}

/// So many of some alarms are in a state, or are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtLeast {
    /// How many.
    pub quorum: Quorum,
    /// The state.
    pub state: AlarmState,
    /// Asks for alarms that are not in the state.
    pub negated: bool,
    /// The alarms, in the order written; one at least.
    pub alarms: Vec<AlarmRef>,
}

/// How many alarms are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quorum {
    /// That many; at least 1.
    Count(u32),
    /// That many of a hundred; 1 to 100.
    Percent(u32),
}

impl Quorum {
    /// Returns how many of `total` alarms are asked for: parts of one count as one.
    pub fn of(self, total: usize) -> usize {
        match self {
            Self::Count(count) => count as usize,
            Self::Percent(percent) => (total * percent as usize).div_ceil(100),
        }
    }
}

/// The state of an alarm.
///
/// Source: CloudWatch API reference, `StateValue`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AlarmState {
    /// All is well.
    Ok,
    /// It is not.
    Alarm,
    /// Nobody can say.
    InsufficientData,
}

impl AlarmState {
    /// All, in the order of their codes in files.
    pub const ALL: [Self; 3] = [Self::Ok, Self::Alarm, Self::InsufficientData];

    /// Returns the name that the API uses, which is the keyword of rules too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        }
    }
}

impl fmt::Display for AlarmState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text is the name of no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is none of OK, ALARM and INSUFFICIENT_DATA")]
pub struct AlarmStateError(String);

impl FromStr for AlarmState {
    type Err = AlarmStateError;

    fn from_str(text: &str) -> Result<Self, AlarmStateError> {
        let found = Self::ALL.into_iter().find(|state| state.name() == text);
        found.ok_or_else(|| AlarmStateError(text.to_owned()))
    }
}

/// An alarm by its name or its ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmRef {
    /// The text, without quotes and escapes.
    pub text: String,
    /// Where it stands, with its quotes.
    pub span: Span,
}

impl AlarmRef {
    /// Returns the name of the alarm: the text, or what stands behind `:alarm:` in an ARN.
    pub fn name(&self) -> &str {
        let mut parts = self.text.splitn(7, ':');
        let arn = parts.next() == Some("arn") && parts.nth(1) == Some("cloudwatch");
        match (arn, parts.nth(2), parts.next()) {
            (true, Some("alarm"), Some(name)) => name,
            _ => &self.text,
        }
    }

    /// Returns region and account, if the text is an ARN.
    pub fn region_and_account(&self) -> Option<(&str, &str)> {
        (self.name().len() != self.text.len()).then(|| {
            let mut parts = self.text.splitn(7, ':').skip(3);
            (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
        })
    }
}

impl Rule {
    /// Returns the alarms of the rule, each name once, in the order of the text.
    pub fn children(&self) -> Vec<&AlarmRef> {
        let mut found: Vec<&AlarmRef> = Vec::new();
        let mut known = std::collections::HashSet::new();
        self.visit(&mut |alarm| {
            if known.insert(alarm.name()) {
                found.push(alarm);
            }
        });
        found
    }

    /// Shows each mention of an alarm. The parser bounds the depth.
    fn visit<'r>(&'r self, see: &mut dyn FnMut(&'r AlarmRef)) {
        match self {
            Self::Constant(_) => {}
            Self::Is(_, alarm) => see(alarm),
            Self::AtLeast(at_least) => at_least.alarms.iter().for_each(see),
            Self::Not(inner) => inner.visit(see),
            Self::All(all) | Self::Any(all) => all.iter().for_each(|one| one.visit(see)),
        }
    }

    /// Removes what says where things stood, so that trees can be compared.
    pub fn clear_spans(&mut self) {
        let none = Span { start: 0, end: 0 };
        match self {
            Self::Constant(_) => {}
            Self::Is(_, alarm) => alarm.span = none,
            Self::AtLeast(at_least) => at_least.alarms.iter_mut().for_each(|a| a.span = none),
            Self::Not(inner) => inner.clear_spans(),
            Self::All(all) | Self::Any(all) => all.iter_mut().for_each(Self::clear_spans),
        }
    }
}
