//! `DeleteAlarms`: up to a hundred at once; what is not there is passed over.

use super::errors::of_alarm;
use super::read::texts;
use crate::caller::Caller;
use crate::{Answer, Services};
use aws_shapes::cloudwatch::delete_alarms_input as input;
use aws_wire::{Request, ServiceError};
use platform::{AlarmFilter, WatchRecord};

pub(crate) fn handle(services: &Services, caller: &Caller, request: &Request) -> Answer {
    let asked = request.input()?;
    let names = texts(&asked, input::ALARM_NAMES);
    if names.is_empty() {
        return Ok(None);
    }
    check(services, caller, &names)?;
    let deleted = services.platform.delete_alarms(&caller.who, &caller.scope, &names);
    deleted.map_err(|error| of_alarm(&error))?;
    Ok(None)
}

/// At most one composite goes at once, and no alarm goes that a composite depends on which stays.
///
/// Source: CloudWatch API reference, `DeleteAlarms`.
fn check(services: &Services, caller: &Caller, names: &[String]) -> Result<(), ServiceError> {
    let ask = |filter: AlarmFilter| {
        let found = services.platform.alarms(&caller.who, &caller.scope, &filter);
        found.map_err(|error| of_alarm(&error))
    };
    let found = ask(AlarmFilter { names: names.to_vec(), ..AlarmFilter::default() })?;
    let composites =
        found.iter().filter(|alarm| matches!(alarm.record.watch, WatchRecord::Composite(_)));
    let composites: Vec<&str> = composites.map(|alarm| alarm.record.name.as_str()).collect();
    if composites.len() > 1 {
        return Err(ServiceError::validation(format!(
            "At most one composite alarm can be deleted at once, and {} are.",
            composites.join(", ")
        )));
    }
    let mut needed = Vec::new();
    for alarm in &found {
        let name = &alarm.record.name;
        let parents =
            ask(AlarmFilter { parents_of: Some(name.clone()), ..AlarmFilter::default() })?;
        if parents.iter().any(|parent| !names.contains(&parent.record.name)) {
            needed.push(name.as_str());
        }
    }
    match needed[..] {
        [] => Ok(()),
        _ => {
            let them = if needed.len() == 1 { "it" } else { "them" };
            Err(ServiceError::validation(format!(
                "Cannot delete {} as there are composite alarm(s) depending on {them}.",
                needed.join(",")
            )))
        }
    }
}
