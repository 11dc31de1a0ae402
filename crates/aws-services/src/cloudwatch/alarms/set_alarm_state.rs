//! `SetAlarmState`: a state by hand, until the next evaluation.

use super::errors::of_alarm;
use super::read::text;
use crate::caller::Caller;
use crate::{Answer, Services};
use aws_shapes::cloudwatch::{INVALID_FORMAT_FAULT, set_alarm_state_input as input};
use aws_wire::{Request, ServiceError};
use lang::alarm_rule::AlarmState;
use platform::NewState;

pub(crate) fn handle(services: &Services, caller: &Caller, request: &Request) -> Answer {
    let asked = request.input()?;
    let reason_data = text(&asked, input::STATE_REASON_DATA);
    if let Some(data) = &reason_data
        && serde_json::from_str::<serde::de::IgnoredAny>(data).is_err()
    {
        let text = "StateReasonData was not syntactically valid JSON";
        return Err(ServiceError::modelled(&INVALID_FORMAT_FAULT, text));
    }
    let state = asked.str(input::STATE_VALUE).unwrap_or_default();
    let new = NewState {
        // The model's enumeration left only names of states.
        state: state.parse().unwrap_or(AlarmState::InsufficientData),
        reason: text(&asked, input::STATE_REASON).unwrap_or_default(),
        reason_data,
    };
    let name = asked.str(input::ALARM_NAME).unwrap_or_default();
    let set = services.platform.set_alarm_state(&caller.who, &caller.scope, name, new);
    set.map_err(|error| of_alarm(&error))?;
    Ok(None)
}
