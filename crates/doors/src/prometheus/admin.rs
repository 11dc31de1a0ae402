//! The part of the HTTP API that changes what is stored: deletion of series, when it is allowed.
//!
//! Source: Prometheus documentation, HTTP API, "TSDB Admin APIs".

use super::Asked;
use super::answer::Failure;
use super::listing::selectors;
use super::query::listed_range;
use platform::DeleteError;

fn failure(error: &DeleteError) -> Failure {
    match error {
        DeleteError::Access(_) => Failure::Forbidden(error.to_string()),
        DeleteError::Bad(_) => Failure::BadData(error.to_string()),
        DeleteError::Store(_) | DeleteError::Catalog(_) => {
            let cause = std::error::Error::source(error).map(|c| format!(": {c}"));
            Failure::Unavailable(format!("{error}{}", cause.unwrap_or_default()))
        }
    }
}

fn check_allowed(asked: &Asked<'_>) -> Result<(), Failure> {
    if asked.door.options.admin_api {
        Ok(())
    } else {
        Err(Failure::Unavailable("admin APIs disabled".into()))
    }
}

/// Answers `/api/v1/admin/tsdb/delete_series`.
pub(super) fn delete_series(asked: &Asked<'_>) -> Result<(), Failure> {
    check_allowed(asked)?;
    if asked.params.all("match[]").next().is_none() {
        return Err(Failure::bad_data("no match[] parameter provided"));
    }
    let range = listed_range(asked)?;
    let selectors = selectors(asked)?;
    let (who, scope) = (&asked.caller.who, &asked.caller.scope);
    let deleted = asked.platform().delete_series(who, scope, &selectors, range, false);
    deleted.map(drop).map_err(|error| failure(&error))
}

/// Answers `/api/v1/admin/tsdb/clean_tombstones`.
pub(super) fn clean_tombstones(asked: &Asked<'_>) -> Result<(), Failure> {
    check_allowed(asked)?;
    let (who, scope) = (&asked.caller.who, &asked.caller.scope);
    asked.platform().clean_tombstones(who, scope).map(drop).map_err(|error| failure(&error))
}

/// Answers `/api/v1/admin/tsdb/snapshot`, which is refused in any case.
pub(super) fn snapshot(asked: &Asked<'_>) -> Result<(), Failure> {
    check_allowed(asked)?;
    Err(Failure::NotFound("snapshot is not served; `sightline backup` saves a running server"))
}
