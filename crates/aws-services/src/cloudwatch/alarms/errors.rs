//! Refusals of alarms, in the service's words where they are public.
//!
//! Source: texts that users of the service reported; the others have the same form.

use crate::fault;
use aws_shapes::cloudwatch::{
    INVALID_NEXT_TOKEN, RESOURCE_NOT_FOUND, RESOURCE_NOT_FOUND_EXCEPTION,
    resource_not_found_exception as not_found_exception,
};
use aws_wire::{Common, ServiceError, Struct};
use platform::AlarmError;

/// Translates what every verb can be refused for.
pub(super) fn of_alarm(error: &AlarmError) -> ServiceError {
    match error {
        AlarmError::Access(error) => ServiceError::common(Common::AccessDenied, error.to_string()),
        AlarmError::Scope(platform::ScopeError::Catalog(error)) | AlarmError::Catalog(error) => {
            tracing::error!(%error, "an alarm was not kept, or not read");
            fault::nothing_kept()
        }
        AlarmError::Scope(error) => ServiceError::validation(error.to_string()),
        AlarmError::Invalid(wrong) => {
            let told: Vec<String> =
                wrong.iter().map(|one| invalid(one.field, &one.problem)).collect();
            ServiceError::validation(told.join(" "))
        }
        AlarmError::Cycle(text) => ServiceError::validation(format!("Error in AlarmRule [{text}]")),
        AlarmError::NotFound(name) => no_alarm(name),
        AlarmError::Busy(why) => {
            ServiceError::common(Common::Throttling, format!("Rate exceeded: {why}"))
        }
        // Of questions over stored data, which no operation of the service asks.
        AlarmError::Query(error) => {
            tracing::error!(%error, "an alarm could not be looked at");
            ServiceError::internal()
        }
    }
}

fn invalid(field: &str, problem: &str) -> String {
    match field {
        "AlarmRule" => format!("Error in AlarmRule [{problem}]"),
        // Sentences already, or what the service says of actions.
        _ if problem.ends_with('.') || problem.starts_with("Invalid arn syntax: ") => {
            problem.to_owned()
        }
        "DatapointsToAlarm" if problem.contains("more than EvaluationPeriods") => {
            "DatapointsToAlarm must be less than or equal to EvaluationPeriods".to_owned()
        }
        _ => format!("The parameter {field} is invalid: {problem}."),
    }
}

/// The older error of alarms that are not there.
pub(super) fn no_alarm(name: &str) -> ServiceError {
    ServiceError::modelled(&RESOURCE_NOT_FOUND, format!("Alarm {name} does not exist"))
}

/// The newer one, of all sorts of things.
pub(super) fn nothing_there(sort: &str, id: &str) -> ServiceError {
    let members = Struct::new(&RESOURCE_NOT_FOUND_EXCEPTION)
        .with(not_found_exception::RESOURCE_TYPE, sort.to_owned())
        .with(not_found_exception::RESOURCE_ID, id.to_owned());
    ServiceError::with_members(members)
}

pub(super) fn bad_token() -> ServiceError {
    ServiceError::modelled(&INVALID_NEXT_TOKEN, "Request parameter NextToken is invalid")
}

/// Two parameters that cannot be given together.
pub(super) fn exclusive(one: &str, other: &str) -> ServiceError {
    ServiceError::validation(format!(
        "The parameters {one} and {other} are mutually exclusive and you have specified both."
    ))
}

pub(super) fn required(parameter: &str) -> ServiceError {
    ServiceError::validation(format!("The parameter {parameter} is required."))
}

/// What the service has and we do not.
pub(super) fn not_served(parameter: &str, what: &str) -> ServiceError {
    ServiceError::validation(format!(
        "The parameter {parameter} cannot be used: {what} not served by Sightline yet."
    ))
}
