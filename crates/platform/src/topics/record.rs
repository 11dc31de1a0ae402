//! Topics and subscriptions as the catalog keeps them.

use bus::{RetryPolicy, SignatureVersion};
use lang::filter_policy::{FilterPolicy, Scope as FilterScope};
use model::{AccountId, Scope};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub(super) const TOPICS: &str = "topics";
pub(super) const SUBSCRIPTIONS: &str = "subscriptions";

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TopicRecord {
    /// Attributes that were set, under the service's names.
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
    /// Subscriptions that were there and are not.
    #[serde(default)]
    pub(super) deleted: u64,
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SubscriptionRecord {
    pub(super) topic: String,
    pub(super) protocol: String,
    pub(super) endpoint: String,
    pub(super) owner: String,
    pub(super) created_ms: i64,
    /// It does not have to say that it wants to be one, or has.
    pub(super) is_confirmed: bool,
    /// Nobody but an account's own may end it.
    #[serde(default)]
    pub(super) needs_authentication: bool,
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, String>,
}

/// A topic as it is held in memory.
#[derive(Debug, Clone)]
pub(super) struct Topic {
    pub(super) record: TopicRecord,
    /// Of its own policy, if it has one.
    pub(super) retries: Option<RetryPolicy>,
    pub(super) content_type: Option<String>,
}

/// A subscription as it is held in memory, with what its texts mean.
#[derive(Debug, Clone)]
pub(super) struct Subscription {
    pub(super) record: SubscriptionRecord,
    pub(super) filter: Option<FilterPolicy>,
    pub(super) retries: Option<RetryPolicy>,
    pub(super) content_type: Option<String>,
}

/// Reads what a `DeliveryPolicy` says of retries and of the body's type.
fn delivery(text: Option<&String>) -> Result<(Option<RetryPolicy>, Option<String>), String> {
    let Some(text) = text else { return Ok((None, None)) };
    let retries = RetryPolicy::read(text).map_err(|e| e.to_string())?;
    let content_type = bus::content_type_of_policy(text).map_err(|e| e.to_string())?;
    Ok((retries, content_type))
}

impl Topic {
    pub(super) fn of(record: TopicRecord) -> Result<Self, String> {
        let (retries, content_type) = delivery(record.attributes.get("DeliveryPolicy"))?;
        Ok(Self { retries, content_type, record })
    }

    pub(super) fn signature_version(&self) -> SignatureVersion {
        match self.record.attributes.get("SignatureVersion").map(String::as_str) {
            Some("2") => SignatureVersion::Two,
            _ => SignatureVersion::One,
        }
    }
}

impl Subscription {
    pub(super) fn of(record: SubscriptionRecord) -> Result<Self, String> {
        let attribute = |name: &str| record.attributes.get(name).map(String::as_str);
        let scope = match attribute("FilterPolicyScope") {
            Some("MessageBody") => FilterScope::Body,
            _ => FilterScope::Attributes,
        };
        let filter = match attribute("FilterPolicy") {
            Some(text) if text.trim() != "{}" => {
                Some(FilterPolicy::parse(text, scope).map_err(|e| e.to_string())?)
            }
            _ => None,
        };
        let (retries, content_type) = delivery(record.attributes.get("DeliveryPolicy"))?;
        Ok(Self { filter, retries, content_type, record })
    }

    pub(super) fn filters_body(&self) -> bool {
        self.record.attributes.get("FilterPolicyScope").is_some_and(|scope| scope == "MessageBody")
    }

    pub(super) fn is_raw(&self) -> bool {
        self.record.attributes.get("RawMessageDelivery").is_some_and(|raw| raw == "true")
    }
}

/// An ARN of a topic, or of a subscription of one, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TopicArn {
    pub(super) scope: Scope,
    pub(super) name: String,
    /// The last part of a subscription's.
    pub(super) subscription: Option<String>,
}

impl TopicArn {
    /// Takes an ARN apart; says what is wrong in the service's words.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        if parts.len() < 6 {
            return Err(format!("An ARN must have at least 6 elements, not {}", parts.len()));
        }
        let wrong = || "An ARN must be of the form arn:aws:sns:REGION:ACCOUNT:TOPIC".to_owned();
        let (["arn", partition, "sns", region, account, name], rest) = parts.split_at(6) else {
            return Err(wrong());
        };
        let account: AccountId = account.parse().map_err(|_| wrong())?;
        if !partition.starts_with("aws") || rest.len() > 1 || !is_topic_name(name) {
            return Err(wrong());
        }
        Ok(Self {
            scope: Scope { account, region: (*region).to_owned() },
            name: (*name).to_owned(),
            subscription: rest.first().map(|id| (*id).to_owned()),
        })
    }
}

/// Says whether a text can be a topic's name. (Names of FIFO topics, which end with `.fifo`, cannot.)
pub(super) fn is_topic_name(name: &str) -> bool {
    (1..=256).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

pub(super) fn topic_arn(scope: &Scope, name: &str) -> String {
    let partition = match scope.region.split('-').next() {
        Some("cn") => "aws-cn",
        _ if scope.region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    format!("arn:{partition}:sns:{}:{}:{name}", scope.region, scope.account)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_are_taken_apart_or_refused_in_the_services_words() {
        let arn = TopicArn::parse("arn:aws:sns:eu-west-1:000000000000:ops").unwrap();
        assert_eq!((arn.name.as_str(), arn.subscription.as_deref()), ("ops", None));
        assert_eq!(topic_arn(&arn.scope, &arn.name), "arn:aws:sns:eu-west-1:000000000000:ops");
        let arn = TopicArn::parse("arn:aws:sns:eu-west-1:000000000000:ops:1-2").unwrap();
        assert_eq!(arn.subscription.as_deref(), Some("1-2"));
        let error = TopicArn::parse("ops").unwrap_err();
        assert_eq!(error, "An ARN must have at least 6 elements, not 1");
        for bad in [
            "arn:aws:sqs:r:000000000000:q",
            "arn:aws:sns:r:0:t",
            "arn:aws:sns:r:000000000000:a|b",
            "arn:aws:sns:r:000000000000:a:b:c",
        ] {
            assert!(TopicArn::parse(bad).is_err(), "{bad}");
        }
    }
}
