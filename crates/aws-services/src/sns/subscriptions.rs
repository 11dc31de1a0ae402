//! Subscriptions.

use super::{PAGE, fault, map_of, position, text, texts};
use crate::caller::Caller;
use crate::{Answer, Services};
use aws_shapes::sns::{
    CONFIRM_SUBSCRIPTION_RESPONSE, GET_SUBSCRIPTION_ATTRIBUTES_RESPONSE,
    LIST_SUBSCRIPTIONS_BY_TOPIC_RESPONSE, LIST_SUBSCRIPTIONS_RESPONSE, SUBSCRIBE_RESPONSE,
    SUBSCRIPTION, confirm_subscription_input, confirm_subscription_response,
    get_subscription_attributes_input, get_subscription_attributes_response,
    list_subscriptions_by_topic_input, list_subscriptions_by_topic_response,
    list_subscriptions_input, list_subscriptions_response, set_subscription_attributes_input,
    subscribe_input, subscribe_response, subscription, unsubscribe_input,
};
use aws_wire::token::Bound;
use aws_wire::{Request, Struct};
use platform::{SubscriptionShown, WantedSubscription};

pub(super) fn subscribe(services: &Services, caller: &Caller, request: &Request) -> Answer {
    use subscribe_input as input;
    let asked = request.input()?;
    let wanted = WantedSubscription {
        topic: text(&asked, input::TOPIC_ARN),
        protocol: text(&asked, input::PROTOCOL),
        endpoint: text(&asked, input::ENDPOINT),
        attributes: texts(&asked, input::ATTRIBUTES),
    };
    let made = services.platform.subscribe(&caller.who, &caller.scope, &wanted);
    let (arn, is_confirmed) = made.map_err(|e| fault(&e))?;
    let shows = is_confirmed || asked.bool(input::RETURN_SUBSCRIPTION_ARN) == Some(true);
    let arn = if shows { arn } else { "pending confirmation".to_owned() };
    Ok(Some(Struct::new(&SUBSCRIBE_RESPONSE).with(subscribe_response::SUBSCRIPTION_ARN, arn)))
}

pub(super) fn confirm(services: &Services, request: &Request) -> Answer {
    use confirm_subscription_input as input;
    let asked = request.input()?;
    let needs_authentication = asked
        .str(input::AUTHENTICATE_ON_UNSUBSCRIBE)
        .is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let (topic, token) = (text(&asked, input::TOPIC_ARN), text(&asked, input::TOKEN));
    let done = services.platform.confirm_subscription(&topic, &token, needs_authentication);
    let arn = done.map_err(|e| fault(&e))?;
    let told = Struct::new(&CONFIRM_SUBSCRIPTION_RESPONSE);
    Ok(Some(told.with(confirm_subscription_response::SUBSCRIPTION_ARN, arn)))
}

pub(super) fn unsubscribe(services: &Services, caller: &Caller, request: &Request) -> Answer {
    let asked = request.input()?;
    let arn = text(&asked, unsubscribe_input::SUBSCRIPTION_ARN);
    let who = Some((&caller.who, &caller.scope));
    services.platform.unsubscribe(who, &arn).map_err(|e| fault(&e))?;
    Ok(None)
}

fn shown(found: SubscriptionShown) -> Struct<'static> {
    let arn = if found.is_confirmed { found.arn } else { "PendingConfirmation".to_owned() };
    Struct::new(&SUBSCRIPTION)
        .with(subscription::SUBSCRIPTION_ARN, arn)
        .with(subscription::OWNER, found.owner)
        .with(subscription::PROTOCOL, found.protocol)
        .with(subscription::ENDPOINT, found.endpoint)
        .with(subscription::TOPIC_ARN, found.topic)
}

fn page(
    services: &Services,
    caller: &Caller,
    topic: Option<&str>,
    bound: &Bound<'_>,
) -> Result<(Vec<Struct<'static>>, Option<String>), aws_wire::ServiceError> {
    let after = position(services, bound)?;
    let (who, scope) = (&caller.who, &caller.scope);
    let page = services.platform.list_subscriptions(who, scope, topic, after.as_deref(), PAGE);
    let page = page.map_err(|e| fault(&e))?;
    let next = page.next.map(|next| services.tokens.seal(bound, next.as_bytes()));
    Ok((page.items.into_iter().map(shown).collect(), next))
}

pub(super) fn list(services: &Services, caller: &Caller, request: &Request) -> Answer {
    use list_subscriptions_response as output;
    let asked = request.input()?;
    let scope = caller.scope_text();
    let token = list_subscriptions_input::NEXT_TOKEN;
    let bound = Bound { operation: "ListSubscriptions", scope: &scope, request: &asked, token };
    let (items, next) = page(services, caller, None, &bound)?;
    let mut listed = Struct::new(&LIST_SUBSCRIPTIONS_RESPONSE);
    listed.set(output::SUBSCRIPTIONS, items);
    listed.set(output::NEXT_TOKEN, next);
    Ok(Some(listed))
}

pub(super) fn list_by_topic(services: &Services, caller: &Caller, request: &Request) -> Answer {
    use list_subscriptions_by_topic_input as input;
    use list_subscriptions_by_topic_response as output;
    let asked = request.input()?;
    let (scope, token) = (caller.scope_text(), input::NEXT_TOKEN);
    let bound =
        Bound { operation: "ListSubscriptionsByTopic", scope: &scope, request: &asked, token };
    let topic = text(&asked, input::TOPIC_ARN);
    let (items, next) = page(services, caller, Some(&topic), &bound)?;
    let mut listed = Struct::new(&LIST_SUBSCRIPTIONS_BY_TOPIC_RESPONSE);
    listed.set(output::SUBSCRIPTIONS, items);
    listed.set(output::NEXT_TOKEN, next);
    Ok(Some(listed))
}

pub(super) fn attributes(services: &Services, caller: &Caller, request: &Request) -> Answer {
    let asked = request.input()?;
    let arn = text(&asked, get_subscription_attributes_input::SUBSCRIPTION_ARN);
    let found = services.platform.subscription_attributes(&caller.who, &caller.scope, &arn);
    let found = map_of(found.map_err(|e| fault(&e))?);
    let mut told = Struct::new(&GET_SUBSCRIPTION_ATTRIBUTES_RESPONSE);
    told.set(get_subscription_attributes_response::ATTRIBUTES, found);
    Ok(Some(told))
}

pub(super) fn set_attribute(services: &Services, caller: &Caller, request: &Request) -> Answer {
    use set_subscription_attributes_input as input;
    let asked = request.input()?;
    let of = |field| text(&asked, field);
    let (arn, name, value) =
        (of(input::SUBSCRIPTION_ARN), of(input::ATTRIBUTE_NAME), of(input::ATTRIBUTE_VALUE));
    let (who, scope) = (&caller.who, &caller.scope);
    let set = services.platform.set_subscription_attribute(who, scope, &arn, &name, &value);
    set.map_err(|e| fault(&e))?;
    Ok(None)
}
