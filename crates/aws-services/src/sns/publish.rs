//! What is published, one or up to ten at a time.

use super::{fault, text};
use crate::caller::Caller;
use crate::{Answer, Services};
use aws_shapes::sns::{
    BATCH_ENTRY_IDS_NOT_DISTINCT_EXCEPTION, BATCH_REQUEST_TOO_LONG_EXCEPTION,
    BATCH_RESULT_ERROR_ENTRY, EMPTY_BATCH_REQUEST_EXCEPTION, INVALID_BATCH_ENTRY_ID_EXCEPTION,
    INVALID_PARAMETER_EXCEPTION, PUBLISH_BATCH_RESPONSE, PUBLISH_BATCH_RESULT_ENTRY,
    PUBLISH_RESPONSE, TOO_MANY_ENTRIES_IN_BATCH_REQUEST_EXCEPTION, batch_result_error_entry,
    message_attribute_value, publish_batch_input, publish_batch_request_entry,
    publish_batch_response, publish_batch_result_entry, publish_input, publish_response,
};
use aws_wire::schema::{Field, Shape};
use aws_wire::{Request, ServiceError, Struct, Value};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use platform::{MessageAttribute, Published};
use std::collections::{BTreeMap, BTreeSet};

/// Source: SNS API reference, `PublishBatch`.
const ENTRIES_MAX: usize = 10;
const BATCH_BYTES_MAX: usize = 256 << 10;

fn bad(shape: &'static Shape, text: impl Into<String>) -> ServiceError {
    ServiceError::modelled(shape, text)
}

/// What a message has, single or in a batch.
struct Fields {
    message: Field,
    subject: Field,
    structure: Field,
    attributes: Field,
    deduplication: Field,
    group: Field,
}

fn published(asked: &Struct<'_>, fields: &Fields) -> Result<Published, ServiceError> {
    for (field, name) in
        [(fields.deduplication, "MessageDeduplicationId"), (fields.group, "MessageGroupId")]
    {
        if asked.str(field).is_some_and(|value| !value.is_empty()) {
            let what = format!(
                "Invalid parameter: {name} Reason: The request includes {name} parameter that is not valid for this topic type"
            );
            return Err(bad(&INVALID_PARAMETER_EXCEPTION, what));
        }
    }
    let entries = asked.map(fields.attributes).iter();
    let attributes: BTreeMap<String, MessageAttribute> = entries
        .filter_map(|(name, value)| {
            Some((name.clone().into_owned(), attribute(value.as_struct()?)))
        })
        .collect();
    Ok(Published {
        subject: asked.str(fields.subject).map(str::to_owned),
        message: text(asked, fields.message),
        structure: asked.str(fields.structure).map(str::to_owned),
        attributes,
    })
}

fn attribute(given: &Struct<'_>) -> MessageAttribute {
    let value = match given.get(message_attribute_value::BINARY_VALUE) {
        Value::Blob(bytes) => STANDARD.encode(bytes),
        _ => text(given, message_attribute_value::STRING_VALUE),
    };
    MessageAttribute { kind: text(given, message_attribute_value::DATA_TYPE), value }
}

pub(super) fn publish(services: &Services, caller: &Caller, request: &Request) -> Answer {
    use publish_input as input;
    let asked = request.input()?;
    if asked.str(input::PHONE_NUMBER).is_some() {
        let what = "Invalid parameter: PhoneNumber Reason: text messages are not supported";
        return Err(bad(&INVALID_PARAMETER_EXCEPTION, what));
    }
    let topic = match (asked.str(input::TOPIC_ARN), asked.str(input::TARGET_ARN)) {
        (Some(topic), None) | (None, Some(topic)) => topic.to_owned(),
        _ => {
            let what =
                "Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter";
            return Err(bad(&INVALID_PARAMETER_EXCEPTION, what));
        }
    };
    let fields = Fields {
        message: input::MESSAGE,
        subject: input::SUBJECT,
        structure: input::MESSAGE_STRUCTURE,
        attributes: input::MESSAGE_ATTRIBUTES,
        deduplication: input::MESSAGE_DEDUPLICATION_ID,
        group: input::MESSAGE_GROUP_ID,
    };
    let message = published(&asked, &fields)?;
    let (who, scope) = (&caller.who, &caller.scope);
    let mut done =
        services.platform.publish(who, scope, &topic, &[message]).map_err(|e| fault(&e))?;
    let id = done.pop().ok_or_else(ServiceError::internal)?.map_err(|e| fault(&e))?;
    Ok(Some(Struct::new(&PUBLISH_RESPONSE).with(publish_response::MESSAGE_ID, id)))
}

pub(super) fn publish_batch(services: &Services, caller: &Caller, request: &Request) -> Answer {
    use publish_batch_input as input;
    use publish_batch_request_entry as entry;
    let asked = request.input()?;
    let entries: Vec<&Struct<'_>> = asked.structs(input::PUBLISH_BATCH_REQUEST_ENTRIES).collect();
    let ids: Vec<String> = entries.iter().map(|e| text(e, entry::ID)).collect();
    check_ids(&ids)?;
    let fields = Fields {
        message: entry::MESSAGE,
        subject: entry::SUBJECT,
        structure: entry::MESSAGE_STRUCTURE,
        attributes: entry::MESSAGE_ATTRIBUTES,
        deduplication: entry::MESSAGE_DEDUPLICATION_ID,
        group: entry::MESSAGE_GROUP_ID,
    };
    let messages: Vec<Published> =
        entries.iter().map(|e| published(e, &fields)).collect::<Result<_, _>>()?;
    if messages.iter().map(Published::len).sum::<usize>() > BATCH_BYTES_MAX {
        let what = "The length of all the messages put together is more than the limit.";
        return Err(bad(&BATCH_REQUEST_TOO_LONG_EXCEPTION, what));
    }
    let topic = text(&asked, input::TOPIC_ARN);
    let done = services.platform.publish(&caller.who, &caller.scope, &topic, &messages);
    let (mut good, mut failed) = (Vec::new(), Vec::new());
    for (id, outcome) in ids.into_iter().zip(done.map_err(|e| fault(&e))?) {
        match outcome {
            Ok(message) => good.push(
                Struct::new(&PUBLISH_BATCH_RESULT_ENTRY)
                    .with(publish_batch_result_entry::ID, id)
                    .with(publish_batch_result_entry::MESSAGE_ID, message),
            ),
            Err(error) => {
                let error = fault(&error);
                let message = error.message().unwrap_or_default().to_owned();
                failed.push(
                    Struct::new(&BATCH_RESULT_ERROR_ENTRY)
                        .with(batch_result_error_entry::ID, id)
                        .with(batch_result_error_entry::CODE, error.query_code().to_owned())
                        .with(batch_result_error_entry::MESSAGE, message)
                        .with(batch_result_error_entry::SENDER_FAULT, error.is_sender()),
                );
            }
        }
    }
    let mut told = Struct::new(&PUBLISH_BATCH_RESPONSE);
    told.set(publish_batch_response::SUCCESSFUL, good);
    told.set(publish_batch_response::FAILED, failed);
    Ok(Some(told))
}

fn check_ids(ids: &[String]) -> Result<(), ServiceError> {
    if ids.is_empty() {
        let what = "The batch request doesn't contain any entries.";
        return Err(bad(&EMPTY_BATCH_REQUEST_EXCEPTION, what));
    }
    if ids.len() > ENTRIES_MAX {
        let what = "The batch request contains more entries than permissible.";
        return Err(bad(&TOO_MANY_ENTRIES_IN_BATCH_REQUEST_EXCEPTION, what));
    }
    let id_ok = |id: &String| {
        (1..=80).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    if !ids.iter().all(id_ok) {
        let what = "The Id of a batch entry in a batch request doesn't abide by the specification.";
        return Err(bad(&INVALID_BATCH_ENTRY_ID_EXCEPTION, what));
    }
    if ids.iter().collect::<BTreeSet<_>>().len() != ids.len() {
        let what = "Two or more batch entries in the request have the same Id.";
        return Err(bad(&BATCH_ENTRY_IDS_NOT_DISTINCT_EXCEPTION, what));
    }
    Ok(())
}
