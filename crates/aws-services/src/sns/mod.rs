//! Amazon SNS: topics, subscriptions, what is published. By noun: each operation is a few lines.

mod publish;
mod subscriptions;
mod topics;

use crate::caller::Caller;
use crate::{Answer, Services};
use aws_shapes::sns as shapes;
use aws_wire::schema::Field;
use aws_wire::token::Bound;
use aws_wire::{Common, Request, ServiceError, Struct, Value};
use platform::TopicError;
use std::collections::BTreeMap;

/// Source: SNS API reference, `ListTopics`, `ListSubscriptions`.
const PAGE: usize = 100;

pub(crate) const OPERATIONS: &[&str] = &[
    "ConfirmSubscription",
    "CreateTopic",
    "DeleteTopic",
    "GetSubscriptionAttributes",
    "GetTopicAttributes",
    "ListSubscriptions",
    "ListSubscriptionsByTopic",
    "ListTagsForResource",
    "ListTopics",
    "Publish",
    "PublishBatch",
    "SetSubscriptionAttributes",
    "SetTopicAttributes",
    "Subscribe",
    "TagResource",
    "Unsubscribe",
    "UntagResource",
];

pub(crate) fn handle(
    services: &Services,
    operation: &str,
    caller: &Caller,
    request: &Request,
) -> Answer {
    match operation {
        "CreateTopic" => topics::create(services, caller, request),
        "DeleteTopic" => topics::delete(services, caller, request),
        "ListTopics" => topics::list(services, caller, request),
        "GetTopicAttributes" => topics::attributes(services, caller, request),
        "SetTopicAttributes" => topics::set_attribute(services, caller, request),
        "TagResource" => topics::tag(services, caller, request),
        "UntagResource" => topics::untag(services, caller, request),
        "ListTagsForResource" => topics::tags(services, caller, request),
        "Subscribe" => subscriptions::subscribe(services, caller, request),
        "ConfirmSubscription" => subscriptions::confirm(services, request),
        "Unsubscribe" => subscriptions::unsubscribe(services, caller, request),
        "ListSubscriptions" => subscriptions::list(services, caller, request),
        "ListSubscriptionsByTopic" => subscriptions::list_by_topic(services, caller, request),
        "GetSubscriptionAttributes" => subscriptions::attributes(services, caller, request),
        "SetSubscriptionAttributes" => subscriptions::set_attribute(services, caller, request),
        "Publish" => publish::publish(services, caller, request),
        "PublishBatch" => publish::publish_batch(services, caller, request),
        other => Err(ServiceError::unsupported(request.service, other)),
    }
}

/// The platform's refusals as the service's errors.
fn fault(error: &TopicError) -> ServiceError {
    let text = error.to_string();
    match error {
        TopicError::Invalid(_) => {
            ServiceError::modelled(&shapes::INVALID_PARAMETER_EXCEPTION, text)
        }
        TopicError::InvalidValue(_) => {
            ServiceError::modelled(&shapes::INVALID_PARAMETER_VALUE_EXCEPTION, text)
        }
        TopicError::NotFound(_) => ServiceError::modelled(&shapes::NOT_FOUND_EXCEPTION, text),
        TopicError::NoResource => {
            ServiceError::modelled(&shapes::RESOURCE_NOT_FOUND_EXCEPTION, text)
        }
        TopicError::TooManyTags => {
            ServiceError::modelled(&shapes::TAG_LIMIT_EXCEEDED_EXCEPTION, text)
        }
        TopicError::TooManyTopics(_) => {
            ServiceError::modelled(&shapes::TOPIC_LIMIT_EXCEEDED_EXCEPTION, text)
        }
        TopicError::TooManySubscriptions(_) => {
            ServiceError::modelled(&shapes::SUBSCRIPTION_LIMIT_EXCEEDED_EXCEPTION, text)
        }
        TopicError::Elsewhere => {
            ServiceError::modelled(&shapes::AUTHORIZATION_ERROR_EXCEPTION, text)
        }
        TopicError::Access(error) => ServiceError::common(Common::AccessDenied, error.to_string()),
        TopicError::Scope(error) => ServiceError::validation(error.to_string()),
        TopicError::Catalog(error) => {
            tracing::error!(%error, "topics were not read or kept");
            ServiceError::modelled(
                &shapes::INTERNAL_ERROR_EXCEPTION,
                "The request could not be kept due to an internal error.",
            )
        }
    }
}

fn text(input: &Struct<'_>, field: Field) -> String {
    input.str(field).unwrap_or_default().to_owned()
}

/// Reads a map of texts.
fn texts(input: &Struct<'_>, field: Field) -> BTreeMap<String, String> {
    let entries = input.map(field).iter();
    let of = |value: &Value<'_>| value.as_str().unwrap_or_default().to_owned();
    entries.map(|(name, value)| (name.clone().into_owned(), of(value))).collect()
}

/// Makes a map of texts.
fn map_of(texts: BTreeMap<String, String>) -> Value<'static> {
    Value::Map(texts.into_iter().map(|(k, v)| (k.into(), Value::Str(v.into()))).collect())
}

/// Reads the position of a page token; nothing of it was kept here.
fn position(services: &Services, bound: &Bound<'_>) -> Result<Option<String>, ServiceError> {
    let bad = || {
        ServiceError::modelled(&shapes::INVALID_PARAMETER_EXCEPTION, "Invalid parameter: NextToken")
    };
    let position = services.tokens.position(bound).map_err(|_| bad())?;
    position.map(|bytes| String::from_utf8(bytes).map_err(|_| bad())).transpose()
}
