//! What is published to a topic, and which of its subscriptions want it.

use super::{TopicError, invalid};
use crate::Platform;
use crate::access::Verb;
use crate::outbox::Receiver;
use bus::filter::{wants_attributes, wants_body};
use bus::{MessageAttribute, Notice, PublishedMessage, Said, uuid_of_random};
use catalog::Change;
use model::{Principal, Scope, TenantId};
use std::collections::BTreeMap;
use stdx::Rng;

/// A message and its attributes have at most so many bytes.
///
/// Source: SNS API reference, `Publish`.
const MESSAGE_BYTES_MAX: usize = 256 << 10;
const SUBJECT_CHARS_MAX: usize = 100;

/// What somebody publishes.
#[derive(Debug, Clone, Default)]
pub struct Published {
    /// What it is about.
    pub subject: Option<String>,
    /// The text.
    pub message: String,
    /// `json`, when the text is one for each protocol.
    pub structure: Option<String>,
    /// Attributes, their values as texts (of `Binary` in base64).
    pub attributes: BTreeMap<String, MessageAttribute>,
}

impl Published {
    /// Returns the bytes that count for limits.
    pub fn len(&self) -> usize {
        let attributes =
            self.attributes.iter().map(|(name, a)| name.len() + a.kind.len() + a.value.len());
        self.message.len() + attributes.sum::<usize>()
    }

    /// Says whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Checks the parts of a message, and makes one of it that has an id.
    fn checked(&self) -> Result<PublishedMessage, TopicError> {
        if self.message.is_empty() {
            return Err(invalid("Empty message"));
        }
        if self.len() > MESSAGE_BYTES_MAX {
            return Err(invalid("Message too long"));
        }
        if let Some(subject) = &self.subject {
            let fine = (1..=SUBJECT_CHARS_MAX).contains(&subject.chars().count())
                && !subject.chars().any(|c| c.is_control() || c == '\u{2028}' || c == '\u{2029}')
                && !subject.starts_with(char::is_whitespace);
            if !fine {
                return Err(invalid("Subject"));
            }
        }
        check_attributes(&self.attributes)?;
        let mut message = PublishedMessage {
            id: uuid_of_random(Rng::system_bytes()),
            subject: self.subject.clone(),
            message: self.message.clone(),
            by_protocol: BTreeMap::new(),
            attributes: self.attributes.clone(),
        };
        match self.structure.as_deref() {
            None | Some("") => {}
            Some("json") => {
                let texts =
                    serde_json::from_str::<BTreeMap<String, serde_json::Value>>(&self.message);
                let texts = texts.map_err(|_| {
                    invalid("Message Structure - JSON message body failed to parse")
                })?;
                let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
                let default = texts.get("default").and_then(text);
                message.message = default.ok_or_else(|| {
                    invalid("Message Structure - No default entry in JSON message body")
                })?;
                let others = texts.iter().filter(|(protocol, _)| *protocol != "default");
                message.by_protocol =
                    others.filter_map(|(p, v)| Some((p.clone(), text(v)?))).collect();
            }
            Some(_) => return Err(invalid("MessageStructure")),
        }
        Ok(message)
    }
}

fn check_attributes(attributes: &BTreeMap<String, MessageAttribute>) -> Result<(), TopicError> {
    let bad = |text: String| Err(TopicError::InvalidValue(text));
    for (name, attribute) in attributes {
        let name_ok = (1..=256).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
            && !name.starts_with('.')
            && !name.ends_with('.')
            && !name.contains("..");
        if !name_ok {
            return bad(format!(
                "Invalid non-alphanumeric character was found in the message attribute name: {name:?}. Can only include alphanumeric characters, hyphens, underscores, or dots."
            ));
        }
        let kind = attribute.kind.as_str();
        if kind.is_empty() {
            return bad(format!(
                "The message attribute '{name}' must contain non-empty message attribute type."
            ));
        }
        if !matches!(kind.split('.').next(), Some("String" | "Number" | "Binary")) {
            return bad(format!(
                "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."
            ));
        }
        if attribute.value.is_empty() {
            return bad(format!(
                "The message attribute '{name}' must contain non-empty message attribute value for message attribute type '{kind}'."
            ));
        }
        let number: Result<f64, _> = attribute.value.trim().parse();
        if kind.split('.').next() == Some("Number") && !number.is_ok_and(f64::is_finite) {
            return bad(format!("Could not cast message attribute '{name}' value to number."));
        }
    }
    Ok(())
}

impl Platform {
    pub(crate) fn tenant_of_topics(&self, scope: &Scope) -> Result<TenantId, TopicError> {
        let share = |tenant, first| self.metrics.share_budget(tenant, first);
        Ok(self.tenants.find_or_create(scope, share)?)
    }

    /// Publishes messages to a topic, each whole or not at all, in one durable step. Returns the id of
    /// each, or why it was not taken.
    ///
    /// # Errors
    /// [`TopicError`] when none of them was.
    pub fn publish(
        &self,
        who: &Principal,
        scope: &Scope,
        topic: &str,
        messages: &[Published],
    ) -> Result<Vec<Result<String, TopicError>>, TopicError> {
        self.topic_of(who, scope, topic, "TopicArn", Verb::Write)?;
        self.topic_record(topic)?;
        let tenant = self.tenant_of_topics(scope)?;
        let now_ms = self.clock.now_ms();
        let (mut changes, mut outcomes): (Vec<Change>, _) = (Vec::new(), Vec::new());
        for published in messages {
            outcomes.push(published.checked().map(|message| {
                let id = message.id.clone();
                let notice = Notice {
                    key: format!("publish/{id}"),
                    tenant,
                    scope: scope.clone(),
                    at_ms: now_ms,
                    target: topic.to_owned(),
                    said: Said::Message(message),
                };
                changes.extend(self.fresh_notice_changes(&notice));
                id
            }));
        }
        if !changes.is_empty() {
            self.catalog.write(changes)?;
            self.wake_deliveries();
        }
        Ok(outcomes)
    }

    /// Returns who gets a notice to a topic; `None` when there is no such topic.
    pub(crate) fn receivers_of(&self, notice: &Notice) -> Option<Vec<Receiver>> {
        let known = self.topics.known.read();
        // A question goes to the one that it asks.
        if let Said::Confirm(_) = notice.said {
            let is_there = known.subscriptions.contains_key(&notice.target);
            return Some(
                is_there
                    .then(|| Receiver::Subscription(notice.target.clone()))
                    .into_iter()
                    .collect(),
            );
        }
        known.topics.get(&notice.target)?;
        self.count_published(notice);
        let no_attributes = BTreeMap::new();
        let (body, attributes) = match &notice.said {
            Said::Alarm(alarm) => (alarm.message.as_str(), &no_attributes),
            Said::Message(message) => (message.message.as_str(), &message.attributes),
            Said::Confirm(_) => ("", &no_attributes),
        };
        let mut receivers = Vec::new();
        for arn in known.of_topic.get(&notice.target).into_iter().flatten() {
            let Some(subscription) = known.subscriptions.get(arn) else { continue };
            if !subscription.record.is_confirmed {
                continue;
            }
            let wants = match &subscription.filter {
                None => true,
                Some(policy) if subscription.filters_body() => wants_body(policy, body),
                Some(policy) => wants_attributes(policy, attributes),
            };
            match wants {
                true => receivers.push(Receiver::Subscription(arn.clone())),
                false => {
                    self.count_filtered(notice, subscription.filters_body(), attributes.is_empty());
                }
            }
        }
        Some(receivers)
    }
}
