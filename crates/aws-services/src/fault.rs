//! The platform's refusals, and CloudWatch's own, as errors of the wire.

use aws_shapes::cloudwatch as shapes;
use aws_wire::{Common, Request, ServiceError};
use platform::{
    AskError, DescribeError, IngestError, OverBudget, QueryError, ReadError, WriteError,
};

/// A parameter has a value that cannot be.
pub(crate) fn invalid_value(message: impl Into<String>) -> ServiceError {
    ServiceError::modelled(&shapes::INVALID_PARAMETER_VALUE_EXCEPTION, message)
}

/// Parameters that do not go together.
pub(crate) fn invalid_combination(message: impl Into<String>) -> ServiceError {
    ServiceError::modelled(&shapes::INVALID_PARAMETER_COMBINATION_EXCEPTION, message)
}

/// A parameter is not there and has to be.
pub(crate) fn missing(message: impl Into<String>) -> ServiceError {
    ServiceError::modelled(&shapes::MISSING_REQUIRED_PARAMETER_EXCEPTION, message)
}

/// Nothing was stored, and the sender is not to blame.
pub(crate) fn nothing_kept() -> ServiceError {
    ServiceError::modelled(
        &shapes::INTERNAL_SERVICE_FAULT,
        "The request could not be stored due to an internal error; none of its data was kept.",
    )
}

pub(crate) fn of_write(error: &WriteError) -> ServiceError {
    match error {
        WriteError::Stale | WriteError::Busy { .. } | WriteError::OverMemory { .. } => {
            ServiceError::common(Common::Throttling, "Rate exceeded")
        }
        WriteError::NotKept(_) | WriteError::Broken => {
            tracing::error!(%error, "metric data was not kept");
            nothing_kept()
        }
    }
}

/// A new series has no room; the service's error, with what the sender can do something about.
pub(crate) fn of_full(full: &OverBudget) -> ServiceError {
    ServiceError::common(Common::Throttling, format!("Rate exceeded: new metric refused: {full}"))
}

/// Entities were not kept, and so nothing was.
pub(crate) fn of_describe(error: &DescribeError) -> ServiceError {
    match error {
        DescribeError::Full { .. } => {
            ServiceError::common(Common::Throttling, format!("Rate exceeded: {error}"))
        }
        DescribeError::Catalog(_) => {
            tracing::error!(%error, "entities were not kept");
            nothing_kept()
        }
    }
}

pub(crate) fn of_ingest(error: &IngestError) -> ServiceError {
    match error {
        IngestError::Access(error) => denied(error),
        IngestError::Scope(platform::ScopeError::Catalog(error)) => {
            tracing::error!(%error, "a tenant could not be made");
            nothing_kept()
        }
        IngestError::Scope(error) => ServiceError::validation(error.to_string()),
        IngestError::Write(error) => of_write(error),
    }
}

pub(crate) fn of_ask(error: &AskError) -> ServiceError {
    match error {
        AskError::Access(error) => denied(error),
        AskError::Busy(_) | AskError::Query(QueryError::Read(ReadError::MemoryInUse { .. })) => {
            ServiceError::common(Common::Throttling, format!("Rate exceeded: {error}"))
        }
        // The asker can ask for less; trying again would not help.
        AskError::Query(QueryError::Expression { id, what, .. }) => {
            ServiceError::validation(format!("Error in expression '{id}': {what}"))
        }
        AskError::Query(QueryError::Bad(_) | QueryError::Execution(_)) => {
            ServiceError::validation(error.to_string())
        }
        AskError::Query(QueryError::Read(
            limit @ (ReadError::TooManySeries { .. }
            | ReadError::TooManyPoints { .. }
            | ReadError::TooMuchMemory { .. }
            | ReadError::OutOfTime { .. }),
        )) => {
            let option = error.limit_option().unwrap_or_default();
            let text = format!("The request asks for too much: {limit} (the server's {option})");
            ServiceError::validation(text)
        }
        // Nobody is there to read it.
        AskError::Query(QueryError::Read(ReadError::Cancelled)) => ServiceError::internal(),
        AskError::Query(QueryError::Read(error)) => {
            tracing::error!(%error, "metrics could not be read");
            ServiceError::internal()
        }
    }
}

/// The service's own words for a call that its caller may not make; tools look for them.
pub(crate) fn not_authorized(request: &Request, error: &platform::AccessError) -> ServiceError {
    let (service, operation) = (request.service.name, request.operation.name);
    let text = format!(
        "User: {} is not authorized to perform: {service}:{operation} because {}",
        error.arn(),
        error.why(),
    );
    ServiceError::common(Common::AccessDenied, text)
}

fn denied(error: &platform::AccessError) -> ServiceError {
    ServiceError::common(Common::AccessDenied, error.to_string())
}
