//! `PutAlarmMuteRule`, `GetAlarmMuteRule`, `ListAlarmMuteRules`, `DeleteAlarmMuteRule`.

use super::errors::{bad_token, nothing_there, of_alarm};
use super::read::{self, text, texts};
use super::{PAGE, page_size};
use crate::caller::Caller;
use crate::cloudwatch::MINUTE_MS;
use crate::cloudwatch::window::floor;
use crate::{Answer, Services};
use aws_shapes::cloudwatch::{
    ALARM_MUTE_RULE_SUMMARY, GET_ALARM_MUTE_RULE_OUTPUT, LIST_ALARM_MUTE_RULES_OUTPUT,
    MUTE_TARGETS, RULE, SCHEDULE, alarm_mute_rule_summary as summary, delete_alarm_mute_rule_input,
    get_alarm_mute_rule_input, get_alarm_mute_rule_output as output,
    list_alarm_mute_rules_input as list, list_alarm_mute_rules_output, mute_targets,
    put_alarm_mute_rule_input as input, rule, schedule,
};
use aws_wire::token::Bound;
use aws_wire::{Request, ServiceError, Struct, Value};
use platform::{MuteRecord, MuteRuleShown, mute_rule_arn};

pub(crate) fn put(services: &Services, caller: &Caller, request: &Request) -> Answer {
    let asked = request.input()?;
    let tags = read::tags(&asked, input::TAGS).map_err(ServiceError::validation)?;
    let schedule = asked.nested(input::RULE).and_then(|rule| rule.nested(rule::SCHEDULE));
    let said = |field| schedule.and_then(|schedule| text(schedule, field));
    // The service keeps whole minutes. Source: Terraform's provider, which had to learn it.
    let minute = |field| asked.timestamp_ms(field).map(|at_ms| floor(at_ms, MINUTE_MS));
    let record = MuteRecord {
        name: text(&asked, input::NAME).unwrap_or_default(),
        description: text(&asked, input::DESCRIPTION),
        expression: said(schedule::EXPRESSION).unwrap_or_default(),
        duration: said(schedule::DURATION).unwrap_or_default(),
        timezone: said(schedule::TIMEZONE),
        targets: asked.nested(input::MUTE_TARGETS).map(|of| texts(of, mute_targets::ALARM_NAMES)),
        start_ms: minute(input::START_DATE),
        expire_ms: minute(input::EXPIRE_DATE),
        // The platform knows the time.
        updated_ms: 0,
    };
    let put = services.platform.put_mute_rule(&caller.who, &caller.scope, record, &tags);
    put.map_err(|error| of_alarm(&error))?;
    Ok(None)
}

pub(crate) fn get(services: &Services, caller: &Caller, request: &Request) -> Answer {
    let asked = request.input()?;
    let name = asked.str(get_alarm_mute_rule_input::ALARM_MUTE_RULE_NAME).unwrap_or_default();
    let found = all(services, caller)?.into_iter().find(|rule| rule.record.name == name);
    let MuteRuleShown { record, status } =
        found.ok_or_else(|| nothing_there("AlarmMuteRule", name))?;
    let schedule = Struct::new(&SCHEDULE)
        .with(schedule::EXPRESSION, record.expression.clone())
        .with(schedule::DURATION, record.duration.clone())
        .with(schedule::TIMEZONE, record.timezone.clone().unwrap_or_else(|| "UTC".to_owned()));
    let targets = record.targets.clone().map(|names| {
        let names: Vec<Value<'static>> = names.into_iter().map(Value::from).collect();
        Struct::new(&MUTE_TARGETS).with(mute_targets::ALARM_NAMES, names)
    });
    let answer = Struct::new(&GET_ALARM_MUTE_RULE_OUTPUT)
        .with(output::NAME, record.name.clone())
        .with(output::ALARM_MUTE_RULE_ARN, mute_rule_arn(&caller.scope, &record.name))
        .with(output::DESCRIPTION, record.description.clone())
        .with(output::RULE, Struct::new(&RULE).with(rule::SCHEDULE, schedule))
        .with(output::MUTE_TARGETS, targets)
        .with(output::START_DATE, timestamp(record.start_ms))
        .with(output::EXPIRE_DATE, timestamp(record.expire_ms))
        .with(output::STATUS, status)
        .with(output::LAST_UPDATED_TIMESTAMP, Value::Timestamp(record.updated_ms))
        .with(output::MUTE_TYPE, mute_type(&record));
    Ok(Some(answer))
}

pub(crate) fn list(services: &Services, caller: &Caller, request: &Request) -> Answer {
    let asked = request.input()?;
    let scope = caller.scope_text();
    let bound = Bound {
        operation: "ListAlarmMuteRules",
        scope: &scope,
        request: &asked,
        token: list::NEXT_TOKEN,
    };
    let after = services.tokens.position(&bound).map_err(|_| bad_token())?;
    let after = after.map(String::from_utf8).transpose().map_err(|_| bad_token())?;
    let statuses = texts(&asked, list::STATUSES);
    let alarm = text(&asked, list::ALARM_NAME);
    let fits = |rule: &MuteRuleShown| {
        let targets = rule.record.targets.as_deref().unwrap_or_default();
        after.as_ref().is_none_or(|after| rule.record.name > *after)
            && alarm.as_ref().is_none_or(|alarm| targets.contains(alarm))
            && (statuses.is_empty() || statuses.iter().any(|status| status == rule.status))
    };
    let mut rules: Vec<MuteRuleShown> = all(services, caller)?.into_iter().filter(fits).collect();
    let size = page_size(asked.i64(list::MAX_RECORDS), PAGE);
    let more = rules.len() > size;
    rules.truncate(size);
    let next = rules.last().filter(|_| more);
    let next = next.map(|last| services.tokens.seal(&bound, last.record.name.as_bytes()));
    let shown: Vec<Struct<'static>> = rules.iter().map(|rule| summed_up(caller, rule)).collect();
    let answer = Struct::new(&LIST_ALARM_MUTE_RULES_OUTPUT)
        .with(list_alarm_mute_rules_output::ALARM_MUTE_RULE_SUMMARIES, shown)
        .with(list_alarm_mute_rules_output::NEXT_TOKEN, next);
    Ok(Some(answer))
}

pub(crate) fn delete(services: &Services, caller: &Caller, request: &Request) -> Answer {
    let asked = request.input()?;
    let name = asked.str(delete_alarm_mute_rule_input::ALARM_MUTE_RULE_NAME).unwrap_or_default();
    let deleted = services.platform.delete_mute_rule(&caller.who, &caller.scope, name);
    deleted.map_err(|error| of_alarm(&error))?;
    Ok(None)
}

fn all(services: &Services, caller: &Caller) -> Result<Vec<MuteRuleShown>, ServiceError> {
    let rules = services.platform.mute_rules(&caller.who, &caller.scope);
    rules.map_err(|error| of_alarm(&error))
}

fn summed_up(caller: &Caller, rule: &MuteRuleShown) -> Struct<'static> {
    let record = &rule.record;
    Struct::new(&ALARM_MUTE_RULE_SUMMARY)
        .with(summary::ALARM_MUTE_RULE_ARN, mute_rule_arn(&caller.scope, &record.name))
        .with(summary::EXPIRE_DATE, timestamp(record.expire_ms))
        .with(summary::STATUS, rule.status)
        .with(summary::MUTE_TYPE, mute_type(record))
        .with(summary::LAST_UPDATED_TIMESTAMP, Value::Timestamp(record.updated_ms))
}

fn timestamp(at_ms: Option<i64>) -> Value<'static> {
    at_ms.map_or(Value::Null, Value::Timestamp)
}

/// Source: CloudWatch API reference, `GetAlarmMuteRule`, field `MuteType`.
fn mute_type(record: &MuteRecord) -> &'static str {
    if record.expression.starts_with("at(") { "ONE_TIME" } else { "RECURRING" }
}
