//! `PutCompositeAlarm`: an alarm on the states of others.

use super::errors::of_alarm;
use super::read::{self, text, texts};
use crate::caller::Caller;
use crate::{Answer, Services};
use aws_shapes::cloudwatch::put_composite_alarm_input as input;
use aws_wire::{Request, ServiceError, Struct};
use lang::alarm_rule::{self, AlarmRef};
use platform::{AlarmFilter, AlarmRecord, CompositeRecord, WatchRecord};
use std::collections::BTreeSet;

pub(crate) fn handle(services: &Services, caller: &Caller, request: &Request) -> Answer {
    let asked = request.input()?;
    let tags = read::tags(&asked, input::TAGS).map_err(ServiceError::validation)?;
    let record = record(&asked)?;
    if let WatchRecord::Composite(composite) = &record.watch {
        check_others(services, caller, composite)?;
    }
    let put = services.platform.put_alarm(&caller.who, &caller.scope, record, &tags);
    put.map_err(|error| of_alarm(&error))?;
    Ok(None)
}

/// Reads the alarm of a checked input.
pub(super) fn record(asked: &Struct<'_>) -> Result<AlarmRecord, ServiceError> {
    read::no_action_configuration(asked, input::ACTION_CONFIGURATION)?;
    Ok(AlarmRecord {
        name: text(asked, input::ALARM_NAME).unwrap_or_default(),
        description: text(asked, input::ALARM_DESCRIPTION),
        actions_enabled: asked.bool(input::ACTIONS_ENABLED).unwrap_or(true),
        ok_actions: texts(asked, input::OK_ACTIONS),
        alarm_actions: texts(asked, input::ALARM_ACTIONS),
        insufficient_data_actions: texts(asked, input::INSUFFICIENT_DATA_ACTIONS),
        watch: WatchRecord::Composite(composite(asked)?),
        // The platform knows the time.
        configured_ms: 0,
    })
}

fn composite(asked: &Struct<'_>) -> Result<CompositeRecord, ServiceError> {
    let suppressor = text(asked, input::ACTIONS_SUPPRESSOR);
    let wait_s = asked.i64(input::ACTIONS_SUPPRESSOR_WAIT_PERIOD);
    let extension_s = asked.i64(input::ACTIONS_SUPPRESSOR_EXTENSION_PERIOD);
    if suppressor.is_none() && (wait_s.is_some() || extension_s.is_some()) {
        return Err(ServiceError::validation(
            "The parameters ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod can be \
             used together with ActionsSuppressor only.",
        ));
    }
    let rule = text(asked, input::ALARM_RULE).unwrap_or_default();
    Ok(CompositeRecord { rule, suppressor, wait_s, extension_s })
}

/// Alarms that the rule and the suppressor name must be there, in this account and region.
fn check_others(
    services: &Services,
    caller: &Caller,
    composite: &CompositeRecord,
) -> Result<(), ServiceError> {
    // What is wrong with a rule that cannot be read is told when it is put.
    let Ok(rule) = alarm_rule::parse(&composite.rule) else { return Ok(()) };
    let own = |alarm: &AlarmRef| match alarm.region_and_account() {
        Some((region, account)) => {
            region == caller.scope.region && account == caller.scope.account.as_str()
        }
        None => true,
    };
    let children = rule.children();
    if let Some(foreign) = children.iter().find(|child| !own(child)) {
        return Err(ServiceError::validation(format!(
            "Error in AlarmRule [{} is of another account or region]",
            foreign.text
        )));
    }
    let named: BTreeSet<&str> = children.iter().map(|child| child.name()).collect();
    let missing = missing(services, caller, &named)?;
    if !missing.is_empty() {
        return Err(ServiceError::validation(format!(
            "Could not save the composite alarm as alarms [{}] in the alarm rule do not exist",
            missing.join(", ")
        )));
    }
    let Some(text) = composite.suppressor.clone() else { return Ok(()) };
    let suppressor = AlarmRef { text, span: lang::Span { start: 0, end: 0 } };
    let is_missing = self::missing(services, caller, &BTreeSet::from([suppressor.name()]))?;
    if !own(&suppressor) || !is_missing.is_empty() {
        return Err(ServiceError::validation(format!(
            "Could not save the composite alarm as the suppressor alarm [{}] does not exist",
            suppressor.text
        )));
    }
    Ok(())
}

/// Returns those of some names that no alarm has.
fn missing(
    services: &Services,
    caller: &Caller,
    names: &BTreeSet<&str>,
) -> Result<Vec<String>, ServiceError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let filter = AlarmFilter {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        ..AlarmFilter::default()
    };
    let found = services.platform.alarms(&caller.who, &caller.scope, &filter);
    let found = found.map_err(|error| of_alarm(&error))?;
    let found: BTreeSet<&str> = found.iter().map(|alarm| alarm.record.name.as_str()).collect();
    Ok(names.difference(&found).map(|name| (*name).to_owned()).collect())
}
