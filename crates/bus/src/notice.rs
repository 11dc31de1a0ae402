//! What is told, to whom, and what became of it: plain values, kept as JSON.

use model::{AccountId, Scope, TenantId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Something that somebody must hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The same key is never carried out twice, also after a restart.
    pub key: String,
    /// Whose.
    pub tenant: TenantId,
    /// Account and region of that tenant.
    pub scope: Scope,
    /// When it happened, milliseconds since 1970.
    pub at_ms: i64,
    /// An ARN: of a topic, or of whatever the operator maps.
    pub target: String,
    /// What is said.
    pub said: Said,
}

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// An alarm is in another state.
    Alarm(AlarmSaid),
    /// Somebody published this.
    Message(PublishedMessage),
    /// A new receiver of a topic is asked whether it wants to be one.
    Confirm(ConfirmSaid),
}

/// An alarm's action.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmSaid {
    /// Name of the alarm.
    pub alarm: String,
    /// Its ARN.
    pub arn: String,
    /// `ALARM: "name" in US East (N. Virginia)`.
    pub subject: String,
    /// The JSON text that the service sends.
    pub message: String,
    /// Why, in words.
    pub reason: String,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub state: String,
    /// Definition of the picture that goes with it: a metric widget, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub widget: Option<String>,
    /// Where the picture ends, milliseconds since 1970.
    #[serde(default)]
    pub picture_end_ms: i64,
    /// Where to look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The series whose change it is about, as one text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contributor: Option<String>,
}

/// What somebody published to a topic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedMessage {
    /// Its id.
    pub id: String,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The text for everybody for whom there is none of their own.
    pub message: String,
    /// Texts by protocol, of a message with `MessageStructure` `json`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_protocol: BTreeMap<String, String>,
    /// Its attributes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, MessageAttribute>,
}

/// An attribute of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageAttribute {
    /// `String`, `String.Array`, `Number` or `Binary`, as it was written.
    #[serde(rename = "Type")]
    pub kind: String,
    /// The text; of `Binary` in base64.
    #[serde(rename = "Value")]
    pub value: String,
}

/// A question to a new receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmSaid {
    /// The topic.
    pub topic: String,
    /// What the receiver says if it wants to be one.
    pub token: String,
}

/// What became of a notice, for whoever keeps a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The topic, or the operator's handler, has it.
    Done,
    /// It failed for good and lies among the dead letters; the text says why.
    Failed(String),
    /// The target exists in AWS only, and nothing is mapped to it.
    NoHandler,
}

/// A notice as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    key: String,
    tenant: u32,
    account: String,
    region: String,
    at_ms: i64,
    target: String,
    said: Said,
}

impl Notice {
    /// Returns the bytes that are kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        let kept = Kept {
            key: self.key.clone(),
            tenant: self.tenant.0,
            account: self.scope.account.to_string(),
            region: self.scope.region.clone(),
            at_ms: self.at_ms,
            target: self.target.clone(),
            said: self.said.clone(),
        };
        serde_json::to_vec(&kept).expect("texts and numbers are JSON")
    }

    /// Reads what was kept; says what is wrong with it.
    ///
    /// # Errors
    /// A text for the log: somebody else wrote there, or the file is damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let kept: Kept = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        let account: AccountId =
            kept.account.parse().map_err(|e: model::AccountIdError| e.to_string())?;
        Ok(Self {
            key: kept.key,
            tenant: TenantId(kept.tenant),
            scope: Scope { account, region: kept.region },
            at_ms: kept.at_ms,
            target: kept.target,
            said: kept.said,
        })
    }

    /// Returns the id of the message that this becomes: equal for each attempt, so that a receiver can
    /// tell a repeated one.
    pub fn message_id(&self) -> String {
        match &self.said {
            Said::Message(message) => message.id.clone(),
            Said::Alarm(_) | Said::Confirm(_) => uuid_of(&format!("{}\n{}", self.key, self.target)),
        }
    }
}

/// Returns a text of the shape of a UUID that depends on `text` alone.
pub fn uuid_of(text: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(text.as_bytes())[..16]);
    uuid_text(bytes, 8)
}

/// Returns random bytes as a UUID.
pub fn uuid_of_random(bytes: [u8; 16]) -> String {
    uuid_text(bytes, 4)
}

fn uuid_text(mut bytes: [u8; 16], version: u8) -> String {
    bytes[6] = bytes[6] & 0x0f | version << 4;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again() {
        let alarm = AlarmSaid {
            alarm: "cpu \"high\"".into(),
            state: "ALARM".into(),
            ..AlarmSaid::default()
        };
        let notice = Notice {
            key: "1/cpu/7/ALARM/0".into(),
            tenant: TenantId(3),
            scope: Scope { account: AccountId::DEFAULT, region: "eu-west-1".into() },
            at_ms: 5,
            target: "arn:aws:sns:eu-west-1:000000000000:ops".into(),
            said: Said::Alarm(alarm),
        };
        assert_eq!(Notice::from_bytes(&notice.to_bytes()), Ok(notice.clone()));
        assert_eq!(notice.message_id(), notice.message_id());
        let other = Notice { key: "1/cpu/8/ALARM/0".into(), ..notice.clone() };
        assert_ne!(notice.message_id(), other.message_id());
        assert!(Notice::from_bytes(b"{}").is_err());
    }

    #[test]
    fn ids_have_the_shape_of_uuids() {
        let id = uuid_of_random([0xff; 16]);
        assert_eq!(id, "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(uuid_of("a").len(), 36);
    }
}
