//! The outbox as the catalog keeps it.
//!
//! A notice stands in `outbox` until it is known who gets it; then its text stands in `told` until the
//! last of its deliveries is over, and each receiver has an entry of its own in `deliveries`, under the
//! name of its lane and a number that grows. What is given up goes to `dead-letters`, whole.

use bus::Notice;
use model::TenantId;
use serde::{Deserialize, Serialize};

/// Notices that nobody has looked at, under their number.
pub(super) const OUTBOX: &str = "outbox";
/// Notices that are being delivered, under the same number.
pub(super) const TOLD: &str = "told";
/// One entry for each receiver of a notice, under lane and number.
pub(super) const DELIVERIES: &str = "deliveries";
/// Keys of notices, and the number that each had: the same key is carried out once.
pub(super) const KEYS: &str = "outbox-keys";
/// Deliveries that were given up.
pub(super) const DEAD: &str = "dead-letters";

/// All tables, for emptying them.
pub(super) const TABLES: [&str; 5] = [OUTBOX, TOLD, DELIVERIES, KEYS, DEAD];

/// Stands between a lane and the number: no name of a receiver holds it.
const BORDER: char = '|';

/// Writes a number so that texts sort as numbers do.
pub(super) fn number_text(number: u64) -> String {
    format!("{number:016x}")
}

pub(super) fn number_of(key: &str) -> Option<u64> {
    let text = key.rsplit(BORDER).next().unwrap_or(key);
    u64::from_str_radix(text, 16).ok()
}

pub(super) fn delivery_key(lane: &str, number: u64) -> String {
    format!("{lane}{BORDER}{}", number_text(number))
}

/// Returns what all keys of a lane begin with.
pub(super) fn lane_prefix(lane: &str) -> String {
    format!("{lane}{BORDER}")
}

pub(super) fn lane_of_key(key: &str) -> Option<&str> {
    key.rsplit_once(BORDER).map(|(lane, _)| lane)
}

/// Who gets something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Receiver {
    /// A handler of the operator, by its name.
    Handler(String),
    /// A subscription, by its ARN.
    Subscription(String),
    /// A topic that was not there: only among dead letters.
    Topic(String),
}

impl Receiver {
    /// Returns the name of its lane.
    pub(super) fn lane(&self) -> String {
        match self {
            Self::Handler(name) => format!("handler/{name}"),
            Self::Subscription(arn) => format!("subscription/{arn}"),
            Self::Topic(arn) => format!("topic/{arn}"),
        }
    }

    pub(super) fn of_lane(lane: &str) -> Option<Self> {
        let (kind, name) = lane.split_once('/')?;
        match kind {
            "handler" => Some(Self::Handler(name.to_owned())),
            "subscription" => Some(Self::Subscription(name.to_owned())),
            "topic" => Some(Self::Topic(name.to_owned())),
            _ => None,
        }
    }
}

/// A delivery that is not over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Delivery {
    /// Number of the notice.
    pub(super) notice: u64,
    /// Since when it could have been delivered.
    pub(super) since_ms: i64,
    /// Attempts that failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) failed: u32,
    /// When the next one is due.
    pub(super) due_ms: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Delivery {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers are JSON")
    }
}

/// The number that a key of a notice was kept under, and when.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct KeySeen {
    pub(super) number: u64,
    pub(super) at_ms: i64,
}

/// A delivery that was given up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct DeadLetter {
    /// Lane of the receiver.
    pub(super) lane: String,
    /// When it was given up.
    pub(super) at_ms: i64,
    /// Attempts that were made.
    pub(super) attempts: u32,
    /// Why the last one failed.
    pub(super) why: String,
    /// What was to be told.
    pub(super) notice: serde_json::Value,
}

impl DeadLetter {
    pub(super) fn new(
        lane: String,
        at_ms: i64,
        attempts: u32,
        why: String,
        notice: &Notice,
    ) -> Self {
        let notice = serde_json::from_slice(&notice.to_bytes()).unwrap_or_default();
        Self { lane, at_ms, attempts, why, notice }
    }

    /// Returns whose it is, without reading all of it.
    pub(super) fn tenant(&self) -> TenantId {
        let number = self.notice["tenant"].as_u64().and_then(|n| u32::try_from(n).ok());
        TenantId(number.unwrap_or_default())
    }

    pub(super) fn notice(&self) -> Result<Notice, String> {
        Notice::from_bytes(&serde_json::to_vec(&self.notice).map_err(|e| e.to_string())?)
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers are JSON")
    }
}

/// Says whether an entry is of the form of its table; `None` for tables of others.
pub(crate) fn is_sound(table: &str, value: &[u8]) -> Option<bool> {
    match table {
        OUTBOX | TOLD => Some(Notice::from_bytes(value).is_ok()),
        DELIVERIES => Some(serde_json::from_slice::<Delivery>(value).is_ok()),
        KEYS => Some(serde_json::from_slice::<KeySeen>(value).is_ok()),
        DEAD => {
            let letter = serde_json::from_slice::<DeadLetter>(value).ok();
            Some(letter.is_some_and(|letter| letter.notice().is_ok()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_a_lane_sort_as_they_came() {
        let lane = Receiver::Handler("a.b".into()).lane();
        let (early, late) = (delivery_key(&lane, 9), delivery_key(&lane, 16));
        assert!(early < late && late.starts_with(&lane_prefix(&lane)));
        assert_eq!((lane_of_key(&late), number_of(&late)), (Some(lane.as_str()), Some(16)));
        assert_eq!(Receiver::of_lane(&lane), Some(Receiver::Handler("a.b".into())));
        let arn = "arn:aws:sns:us-east-1:000000000000:t:1/2";
        let receiver = Receiver::Subscription(arn.into());
        assert_eq!(Receiver::of_lane(&receiver.lane()), Some(receiver));
    }
}
