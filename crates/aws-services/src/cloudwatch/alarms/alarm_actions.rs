//! `EnableAlarmActions`, `DisableAlarmActions`.

use super::errors::of_alarm;
use super::read::texts;
use crate::caller::Caller;
use crate::{Answer, Services};
use aws_shapes::cloudwatch::{disable_alarm_actions_input, enable_alarm_actions_input};
use aws_wire::Request;

pub(crate) fn handle(
    services: &Services,
    caller: &Caller,
    request: &Request,
    enabled: bool,
) -> Answer {
    let asked = request.input()?;
    let names = match enabled {
        true => enable_alarm_actions_input::ALARM_NAMES,
        false => disable_alarm_actions_input::ALARM_NAMES,
    };
    let names = texts(&asked, names);
    let set = services.platform.set_alarm_actions(&caller.who, &caller.scope, &names, enabled);
    set.map_err(|error| of_alarm(&error))?;
    Ok(None)
}
