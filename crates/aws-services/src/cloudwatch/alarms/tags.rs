//! `ListTagsForResource`, `TagResource`, `UntagResource`: of alarms and mute rules.

use super::errors::{nothing_there, of_alarm};
use super::read::{self, TAGS_MAX, texts};
use crate::caller::Caller;
use crate::{Answer, Services, fault};
use aws_shapes::cloudwatch::{
    LIST_TAGS_FOR_RESOURCE_OUTPUT, TAG, list_tags_for_resource_input as list,
    list_tags_for_resource_output as output, tag, tag_resource_input, untag_resource_input,
};
use aws_wire::{Request, ServiceError, Struct};
use platform::AlarmError;
use std::collections::BTreeMap;

/// What can be tagged here, as ARNs have it.
const TAGGED: [&str; 2] = ["alarm:", "alarm-mute-rule:"];

pub(crate) fn list(services: &Services, caller: &Caller, request: &Request) -> Answer {
    let asked = request.input()?;
    let arn = asked.str(list::RESOURCE_ARN).unwrap_or_default();
    check_arn(arn)?;
    let shown = of(services, caller, arn)?.into_iter();
    let shown =
        shown.map(|(key, value)| Struct::new(&TAG).with(tag::KEY, key).with(tag::VALUE, value));
    let shown: Vec<Struct<'static>> = shown.collect();
    Ok(Some(Struct::new(&LIST_TAGS_FOR_RESOURCE_OUTPUT).with(output::TAGS, shown)))
}

pub(crate) fn tag(services: &Services, caller: &Caller, request: &Request) -> Answer {
    let asked = request.input()?;
    let arn = asked.str(tag_resource_input::RESOURCE_ARN).unwrap_or_default();
    check_arn(arn)?;
    let tags = read::tags(&asked, tag_resource_input::TAGS).map_err(fault::invalid_value)?;
    let mut all = of(services, caller, arn)?;
    all.extend(tags.iter().cloned());
    if all.len() > TAGS_MAX {
        return Err(fault::invalid_value(format!(
            "The resource would have {} tags, at most {TAGS_MAX} may be.",
            all.len()
        )));
    }
    change(services, caller, arn, &tags, &[])
}

pub(crate) fn untag(services: &Services, caller: &Caller, request: &Request) -> Answer {
    let asked = request.input()?;
    let arn = asked.str(untag_resource_input::RESOURCE_ARN).unwrap_or_default();
    check_arn(arn)?;
    let keys = texts(&asked, untag_resource_input::TAG_KEYS);
    change(services, caller, arn, &[], &keys)
}

fn of(
    services: &Services,
    caller: &Caller,
    arn: &str,
) -> Result<BTreeMap<String, String>, ServiceError> {
    let tags = services.platform.alarm_tags(&caller.who, &caller.scope, arn);
    tags.map_err(|error| of_alarm(&error))
}

fn change(
    services: &Services,
    caller: &Caller,
    arn: &str,
    set: &[(String, String)],
    removed: &[String],
) -> Answer {
    let platform = &services.platform;
    let changed = platform.change_alarm_tags(&caller.who, &caller.scope, arn, set, removed);
    changed.map_err(|error| match error {
        AlarmError::NotFound(arn) => nothing_there("Alarm", &arn),
        error => of_alarm(&error),
    })?;
    Ok(None)
}

fn check_arn(arn: &str) -> Result<(), ServiceError> {
    let mut parts = arn.splitn(6, ':');
    let front = [parts.next(), parts.next(), parts.next()];
    let resource = parts.nth(2).unwrap_or_default();
    if front[0] != Some("arn") || front[2] != Some("cloudwatch") || resource.is_empty() {
        return Err(fault::invalid_value(format!("The ARN {arn} is no ARN of CloudWatch.")));
    }
    if !TAGGED.iter().any(|sort| resource.starts_with(sort)) {
        return Err(fault::invalid_value(format!(
            "The resource of the ARN {arn} cannot have tags: only alarms and alarm mute rules are \
             served by Sightline yet."
        )));
    }
    Ok(())
}
