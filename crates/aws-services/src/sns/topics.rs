//! Topics and their tags.

use super::{PAGE, fault, map_of, position, text, texts};
use crate::caller::Caller;
use crate::{Answer, Services};
use aws_shapes::sns::{
    CREATE_TOPIC_RESPONSE, GET_TOPIC_ATTRIBUTES_RESPONSE, INVALID_PARAMETER_EXCEPTION,
    LIST_TAGS_FOR_RESOURCE_RESPONSE, LIST_TOPICS_RESPONSE, TAG, TAG_RESOURCE_RESPONSE, TOPIC,
    UNTAG_RESOURCE_RESPONSE, create_topic_input, create_topic_response, delete_topic_input,
    get_topic_attributes_input, get_topic_attributes_response, list_tags_for_resource_request,
    list_tags_for_resource_response, list_topics_input, list_topics_response,
    set_topic_attributes_input, tag as tag_shape, tag_resource_request, topic,
    untag_resource_request,
};
use aws_wire::schema::Field;
use aws_wire::token::Bound;
use aws_wire::{Request, ServiceError, Struct};
use std::collections::BTreeMap;

fn tags_of(asked: &Struct<'_>, field: Field) -> Result<BTreeMap<String, String>, ServiceError> {
    let mut tags = BTreeMap::new();
    for tag in asked.structs(field) {
        if tags.insert(text(tag, tag_shape::KEY), text(tag, tag_shape::VALUE)).is_some() {
            let what = "Invalid parameter: Duplicated keys are not allowed.";
            return Err(ServiceError::modelled(&INVALID_PARAMETER_EXCEPTION, what));
        }
    }
    Ok(tags)
}

pub(super) fn create(services: &Services, caller: &Caller, request: &Request) -> Answer {
    use create_topic_input as input;
    let asked = request.input()?;
    let mut attributes = texts(&asked, input::ATTRIBUTES);
    if let Some(policy) = asked.str(input::DATA_PROTECTION_POLICY) {
        attributes.insert("DataProtectionPolicy".into(), policy.to_owned());
    }
    let tags = tags_of(&asked, input::TAGS)?;
    let name = text(&asked, input::NAME);
    let (who, scope) = (&caller.who, &caller.scope);
    let made = services.platform.create_topic(who, scope, &name, &attributes, &tags);
    let arn = made.map_err(|e| fault(&e))?;
    Ok(Some(Struct::new(&CREATE_TOPIC_RESPONSE).with(create_topic_response::TOPIC_ARN, arn)))
}

pub(super) fn delete(services: &Services, caller: &Caller, request: &Request) -> Answer {
    let asked = request.input()?;
    let arn = text(&asked, delete_topic_input::TOPIC_ARN);
    services.platform.delete_topic(&caller.who, &caller.scope, &arn).map_err(|e| fault(&e))?;
    Ok(None)
}

pub(super) fn list(services: &Services, caller: &Caller, request: &Request) -> Answer {
    let asked = request.input()?;
    let scope = caller.scope_text();
    let bound = Bound {
        operation: "ListTopics",
        scope: &scope,
        request: &asked,
        token: list_topics_input::NEXT_TOKEN,
    };
    let after = position(services, &bound)?;
    let page = services.platform.list_topics(&caller.who, &caller.scope, after.as_deref(), PAGE);
    let page = page.map_err(|e| fault(&e))?;
    let next = page.next.map(|next| services.tokens.seal(&bound, next.as_bytes()));
    let topics = page.items.into_iter().map(|arn| Struct::new(&TOPIC).with(topic::TOPIC_ARN, arn));
    let mut listed = Struct::new(&LIST_TOPICS_RESPONSE);
    listed.set(list_topics_response::TOPICS, topics.collect::<Vec<_>>());
    listed.set(list_topics_response::NEXT_TOKEN, next);
    Ok(Some(listed))
}

pub(super) fn attributes(services: &Services, caller: &Caller, request: &Request) -> Answer {
    let asked = request.input()?;
    let arn = text(&asked, get_topic_attributes_input::TOPIC_ARN);
    let found = services.platform.topic_attributes(&caller.who, &caller.scope, &arn);
    let found = map_of(found.map_err(|e| fault(&e))?);
    let mut told = Struct::new(&GET_TOPIC_ATTRIBUTES_RESPONSE);
    told.set(get_topic_attributes_response::ATTRIBUTES, found);
    Ok(Some(told))
}

pub(super) fn set_attribute(services: &Services, caller: &Caller, request: &Request) -> Answer {
    use set_topic_attributes_input as input;
    let asked = request.input()?;
    let of = |field| text(&asked, field);
    let (arn, name, value) =
        (of(input::TOPIC_ARN), of(input::ATTRIBUTE_NAME), of(input::ATTRIBUTE_VALUE));
    let (who, scope) = (&caller.who, &caller.scope);
    let set = services.platform.set_topic_attribute(who, scope, &arn, &name, &value);
    set.map_err(|e| fault(&e))?;
    Ok(None)
}

pub(super) fn tag(services: &Services, caller: &Caller, request: &Request) -> Answer {
    use tag_resource_request as input;
    let asked = request.input()?;
    let tags = tags_of(&asked, input::TAGS)?;
    let arn = text(&asked, input::RESOURCE_ARN);
    let (who, scope) = (&caller.who, &caller.scope);
    services.platform.tag_topic(who, scope, &arn, &tags, &[]).map_err(|e| fault(&e))?;
    Ok(Some(Struct::new(&TAG_RESOURCE_RESPONSE)))
}

pub(super) fn untag(services: &Services, caller: &Caller, request: &Request) -> Answer {
    use untag_resource_request as input;
    let asked = request.input()?;
    let gone: Vec<String> = asked.strs(input::TAG_KEYS).map(str::to_owned).collect();
    let arn = text(&asked, input::RESOURCE_ARN);
    let (who, scope) = (&caller.who, &caller.scope);
    let done = services.platform.tag_topic(who, scope, &arn, &BTreeMap::new(), &gone);
    done.map_err(|e| fault(&e))?;
    Ok(Some(Struct::new(&UNTAG_RESOURCE_RESPONSE)))
}

pub(super) fn tags(services: &Services, caller: &Caller, request: &Request) -> Answer {
    let asked = request.input()?;
    let arn = text(&asked, list_tags_for_resource_request::RESOURCE_ARN);
    let found = services.platform.topic_tags(&caller.who, &caller.scope, &arn);
    let found = found.map_err(|e| fault(&e))?.into_iter();
    let tag = |(key, value): (String, String)| {
        Struct::new(&TAG).with(tag_shape::KEY, key).with(tag_shape::VALUE, value)
    };
    let mut told = Struct::new(&LIST_TAGS_FOR_RESOURCE_RESPONSE);
    told.set(list_tags_for_resource_response::TAGS, found.map(tag).collect::<Vec<_>>());
    Ok(Some(told))
}
