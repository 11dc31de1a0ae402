//! What a topic sends to a web hook or a queue: a JSON object, signed as the service signs it.
//!
//! Source: SNS developer guide, "Parsing Amazon SNS message formats" and "Verifying the signatures of
//! Amazon SNS messages".

use crate::notice::MessageAttribute;
use crate::sign::{SignatureVersion, SigningKey};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What kind of message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageType {
    /// Somebody published it.
    Notification,
    /// The receiver is asked whether it wants to be one.
    SubscriptionConfirmation,
    /// The receiver is told that it is none any more.
    UnsubscribeConfirmation,
}

impl MessageType {
    /// Returns the word that goes over the wire.
    pub fn text(self) -> &'static str {
        match self {
            Self::Notification => "Notification",
            Self::SubscriptionConfirmation => "SubscriptionConfirmation",
            Self::UnsubscribeConfirmation => "UnsubscribeConfirmation",
        }
    }
}

/// A message of a topic, before it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnsMessage {
    /// What kind of message it is.
    pub kind: MessageType,
    /// Its id; equal for each attempt.
    pub id: String,
    /// The topic's ARN.
    pub topic: String,
    /// What it is about.
    pub subject: Option<String>,
    /// The text.
    pub message: String,
    /// When it was published, milliseconds since 1970.
    pub at_ms: i64,
    /// Where the receiver says that it wants to be one; of confirmations.
    pub subscribe_url: Option<String>,
    /// What it says there.
    pub token: Option<String>,
    /// Where it says that it does not any more; of notifications.
    pub unsubscribe_url: Option<String>,
    /// Attributes of the message.
    pub attributes: BTreeMap<String, MessageAttribute>,
}

impl SnsMessage {
    /// Returns the time as the message has it.
    pub fn timestamp(&self) -> String {
        let at = jiff::Timestamp::from_millisecond(self.at_ms).unwrap_or_default();
        at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
    }

    /// Returns the text that the signature covers: names and values in the order of the names, each
    /// with its line end.
    pub fn canonical(&self) -> String {
        let timestamp = self.timestamp();
        let mut pairs: Vec<(&str, &str)> =
            vec![("Message", &self.message), ("MessageId", &self.id)];
        match self.kind {
            MessageType::Notification => {
                pairs.extend(self.subject.as_deref().map(|subject| ("Subject", subject)));
            }
            _ => pairs.extend(self.subscribe_url.as_deref().map(|url| ("SubscribeURL", url))),
        }
        pairs.push(("Timestamp", &timestamp));
        if self.kind != MessageType::Notification {
            pairs.extend(self.token.as_deref().map(|token| ("Token", token)));
        }
        pairs.extend([("TopicArn", self.topic.as_str()), ("Type", self.kind.text())]);
        pairs.iter().map(|(name, value)| format!("{name}\n{value}\n")).collect()
    }

    /// Returns the message as JSON, signed.
    pub fn signed(&self, key: &SigningKey, version: SignatureVersion, cert_url: &str) -> Value {
        self.with_signature(&key.sign(&self.canonical(), version), version, cert_url)
    }

    /// Returns the message as JSON with a signature of its [`canonical`](Self::canonical) text.
    pub fn with_signature(
        &self,
        signature: &str,
        version: SignatureVersion,
        cert_url: &str,
    ) -> Value {
        let mut all = Map::new();
        let mut put = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                all.insert(name.to_owned(), Value::String(value.to_owned()));
            }
        };
        put("Type", Some(self.kind.text()));
        put("MessageId", Some(&self.id));
        put("Token", self.token.as_deref());
        put("TopicArn", Some(&self.topic));
        put("Subject", self.subject.as_deref());
        put("Message", Some(&self.message));
        put("SubscribeURL", self.subscribe_url.as_deref());
        put("Timestamp", Some(&self.timestamp()));
        put("SignatureVersion", Some(version.text()));
        put("Signature", Some(signature));
        put("SigningCertURL", Some(cert_url));
        put("UnsubscribeURL", self.unsubscribe_url.as_deref());
        if !self.attributes.is_empty() {
            all.insert("MessageAttributes".into(), json!(self.attributes));
        }
        Value::Object(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: MessageType) -> SnsMessage {
        SnsMessage {
            kind,
            id: "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324".into(),
            topic: "arn:aws:sns:us-west-2:123456789012:MyTopic".into(),
            subject: Some("My First Message".into()),
            message: "Hello world!".into(),
            // 2012-05-02T00:54:06.655Z
            at_ms: 1_335_920_046_655,
            subscribe_url: None,
            token: None,
            unsubscribe_url: None,
            attributes: BTreeMap::new(),
        }
    }

    /// The texts of the guide's page on signatures.
    #[test]
    fn canonical_texts_are_those_of_the_guide() {
        let with_subject = "Message\nHello world!\nMessageId\n22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324\nSubject\n\
                            My First Message\nTimestamp\n2012-05-02T00:54:06.655Z\nTopicArn\n\
                            arn:aws:sns:us-west-2:123456789012:MyTopic\nType\nNotification\n";
        let mut notification = message(MessageType::Notification);
        assert_eq!(notification.canonical(), with_subject);
        notification.subject = None;
        let without = with_subject.replace("Subject\nMy First Message\n", "");
        assert_eq!(notification.canonical(), without);
        let confirmation = SnsMessage {
            subscribe_url: Some("https://h/?Token=t".into()),
            token: Some("t".into()),
            subject: None,
            ..message(MessageType::SubscriptionConfirmation)
        };
        let expected = "Message\nHello world!\nMessageId\n22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324\nSubscribeURL\n\
                        https://h/?Token=t\nTimestamp\n2012-05-02T00:54:06.655Z\nToken\nt\nTopicArn\n\
                        arn:aws:sns:us-west-2:123456789012:MyTopic\nType\nSubscriptionConfirmation\n";
        assert_eq!(confirmation.canonical(), expected);
    }
}
