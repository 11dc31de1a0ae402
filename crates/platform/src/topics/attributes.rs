//! Attributes of topics and subscriptions: what each may be. One that would be kept and not heeded is
//! refused by its name.

use super::TopicError;
use bus::RetryPolicy;
use lang::filter_policy::{FilterPolicy, Scope};
use model::Scope as Tenant;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const POLICY_BYTES_MAX: usize = 30 << 10;
const TAGS_MAX: usize = 50;

fn bad(text: impl Into<String>) -> TopicError {
    TopicError::Invalid(text.into())
}

/// Checks an attribute of a topic; `None` is one that says what holds without it.
pub(super) fn of_topic(name: &str, value: &str) -> Result<Option<String>, TopicError> {
    let reason = |text: &str| Err(bad(format!("Attributes Reason: {name}: {text}")));
    match name {
        "DisplayName" => match value.chars().count() <= 100 && !value.chars().any(char::is_control)
        {
            true => Ok(Some(value.to_owned())),
            false => reason("at most 100 characters, none of them a control character"),
        },
        "Policy" => {
            if value.is_empty() {
                return Ok(None);
            }
            let policy: Value = match serde_json::from_str(value) {
                Ok(policy @ Value::Object(_)) if value.len() <= POLICY_BYTES_MAX => policy,
                _ => return Err(bad("Policy Error: null")),
            };
            // Policies are shown and not evaluated: an account's own may do everything. What would let
            // others in is harmless, what would keep somebody out must not be taken.
            let statements = match &policy["Statement"] {
                Value::Array(statements) => statements.clone(),
                one => vec![one.clone()],
            };
            match statements.iter().any(|s| s["Effect"] == "Deny") {
                true => reason("statements with Effect Deny are not supported"),
                false => Ok(Some(value.to_owned())),
            }
        }
        "DeliveryPolicy" => {
            match RetryPolicy::read(value).and_then(|_| bus::content_type_of_policy(value)) {
                Ok(_) => Ok((!value.trim().is_empty()).then(|| value.to_owned())),
                Err(error) => Err(bad(error.to_string())),
            }
        }
        "SignatureVersion" => match value {
            "1" | "2" => Ok(Some(value.to_owned())),
            _ => reason("must be 1 or 2"),
        },
        "TracingConfig" => match value {
            "" => Ok(None),
            "PassThrough" => Ok(Some(value.to_owned())),
            _ => reason("only PassThrough is supported"),
        },
        "FifoTopic" | "ContentBasedDeduplication" if value == "false" => Ok(None),
        "FifoTopic" | "ContentBasedDeduplication" | "FifoThroughputScope" | "ArchivePolicy" => {
            match value.is_empty() {
                true => Ok(None),
                false => reason("FIFO topics are not supported"),
            }
        }
        "KmsMasterKeyId" | "DataProtectionPolicy" if value.is_empty() => Ok(None),
        "KmsMasterKeyId" | "DataProtectionPolicy" => reason("is not supported"),
        _ if name.ends_with("FeedbackRoleArn") || name.ends_with("FeedbackSampleRate") => {
            match value.is_empty() || value == "0" {
                true => Ok(None),
                false => reason("logs of deliveries are not supported; see the metrics of AWS/SNS"),
            }
        }
        _ => Err(bad("AttributeName")),
    }
}

/// Checks an attribute of a subscription; those beside it say how it is read.
pub(super) fn of_subscription(
    name: &str,
    value: &str,
    protocol: &str,
    scope: Scope,
) -> Result<Option<String>, TopicError> {
    match name {
        "FilterPolicy" => match value {
            "" => Ok(None),
            text => match FilterPolicy::parse(text, scope) {
                Ok(_) => Ok(Some(text.to_owned())),
                Err(error) => Err(bad(format!("FilterPolicy: {error}"))),
            },
        },
        "FilterPolicyScope" => match value {
            "MessageAttributes" | "MessageBody" => Ok(Some(value.to_owned())),
            other => Err(bad(format!(
                "FilterPolicyScope: Invalid value [{other}]. Please use either MessageBody or MessageAttributes"
            ))),
        },
        "RawMessageDelivery" => {
            let value = value.to_ascii_lowercase();
            match value.as_str() {
                "true" if matches!(protocol, "http" | "https" | "sqs") => Ok(Some(value)),
                "true" => Err(bad(format!(
                    "RawMessageDelivery: Delivery protocol [{protocol}] does not support raw message delivery."
                ))),
                "false" => Ok(Some(value)),
                _ => Err(bad(format!(
                    "RawMessageDelivery: Invalid value [{value}]. Must be true or false."
                ))),
            }
        }
        "DeliveryPolicy" => {
            if value.trim().is_empty() {
                return Ok(None);
            }
            if !matches!(protocol, "http" | "https") {
                return Err(bad(format!(
                    "DeliveryPolicy: Delivery protocol [{protocol}] does not support a delivery policy"
                )));
            }
            RetryPolicy::read(value).map_err(|error| bad(error.to_string()))?;
            bus::content_type_of_policy(value).map_err(|error| bad(error.to_string()))?;
            Ok(Some(value.to_owned()))
        }
        "RedrivePolicy" | "SubscriptionRoleArn" | "ReplayPolicy" if value.is_empty() => Ok(None),
        "RedrivePolicy" => Err(bad(
            "RedrivePolicy: is not supported; what cannot be delivered is kept (sightline deliveries list)",
        )),
        "SubscriptionRoleArn" | "ReplayPolicy" => Err(bad(format!("{name}: is not supported"))),
        _ => Err(bad("AttributeName")),
    }
}

/// Returns the policy that a topic without one shows, as the service's default has it.
pub(super) fn default_policy(arn: &str, scope: &Tenant) -> String {
    json!({
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [{
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": { "AWS": "*" },
            "Action": [
                "SNS:GetTopicAttributes", "SNS:SetTopicAttributes", "SNS:AddPermission", "SNS:RemovePermission",
                "SNS:DeleteTopic", "SNS:Subscribe", "SNS:ListSubscriptionsByTopic", "SNS:Publish"
            ],
            "Resource": arn,
            "Condition": { "StringEquals": { "AWS:SourceOwner": scope.account.as_str() } }
        }]
    })
    .to_string()
}

/// Checks tags.
pub(super) fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), TopicError> {
    if tags.len() > TAGS_MAX {
        return Err(TopicError::TooManyTags);
    }
    for (name, value) in tags {
        let name_ok = (1..=128).contains(&name.chars().count())
            && !name.to_ascii_lowercase().starts_with("aws:");
        if !name_ok || value.chars().count() > 256 {
            return Err(bad(format!(
                "Tags Reason: {name:?} is no tag: a key has 1 to 128 characters and no aws:, a value at most 256"
            )));
        }
    }
    Ok(())
}
