//! `DescribeAlarmContributors`: the series of an alarm that are in ALARM.

use super::describe_alarm_history::attributes;
use super::errors::{bad_token, nothing_there, of_alarm};
use crate::caller::Caller;
use crate::{Answer, Services};
use aws_shapes::cloudwatch::{
    ALARM_CONTRIBUTOR, DESCRIBE_ALARM_CONTRIBUTORS_OUTPUT, alarm_contributor as contributor,
    describe_alarm_contributors_input as input, describe_alarm_contributors_output as output,
};
use aws_wire::{Request, Struct, Value};
use platform::AlarmError;

pub(crate) fn handle(services: &Services, caller: &Caller, request: &Request) -> Answer {
    let asked = request.input()?;
    // All that are reported fit into one page.
    if asked.str(input::NEXT_TOKEN).is_some() {
        return Err(bad_token());
    }
    let name = asked.str(input::ALARM_NAME).unwrap_or_default();
    let found = services.platform.alarm_contributors(&caller.who, &caller.scope, name);
    let found = found.map_err(|error| match error {
        AlarmError::NotFound(name) => nothing_there("Alarm", &name),
        error => of_alarm(&error),
    })?;
    let shown = found.into_iter().map(|one| {
        Struct::new(&ALARM_CONTRIBUTOR)
            .with(contributor::CONTRIBUTOR_ID, one.id)
            .with(contributor::CONTRIBUTOR_ATTRIBUTES, attributes(one.attributes))
            .with(contributor::STATE_REASON, one.reason)
            .with(contributor::STATE_TRANSITIONED_TIMESTAMP, Value::Timestamp(one.since_ms))
    });
    let shown: Vec<Struct<'static>> = shown.collect();
    let answer = Struct::new(&DESCRIBE_ALARM_CONTRIBUTORS_OUTPUT);
    Ok(Some(answer.with(output::ALARM_CONTRIBUTORS, shown)))
}
