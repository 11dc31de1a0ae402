//! What there is none of here: targets and rules live with whoever scrapes and evaluates them. Clients
//! that look for them are told so in Prometheus' form: empty.
//!
//! Source: Prometheus documentation, "HTTP API".

use super::Asked;
use super::answer::{Data, Failure};
use serde_json::{Value, json};

fn told(value: &Value) -> Result<Data, Failure> {
    Ok(Data::of(value))
}

/// Answers `/api/v1/targets`.
pub(super) fn targets(_asked: &Asked<'_>) -> Result<Data, Failure> {
    told(&json!({"activeTargets": [], "droppedTargets": [], "droppedTargetCounts": {}}))
}

/// Answers `/api/v1/scrape_pools`.
pub(super) fn scrape_pools(_asked: &Asked<'_>) -> Result<Data, Failure> {
    told(&json!({"scrapePools": []}))
}

/// Answers `/api/v1/rules`.
pub(super) fn rules(asked: &Asked<'_>) -> Result<Data, Failure> {
    match asked.params.get("type") {
        None | Some("alert" | "record") => told(&json!({"groups": []})),
        Some(other) => {
            Err(Failure::parameter("type", format_args!("not supported value {other:?}")))
        }
    }
}

/// Answers `/api/v1/alerts`.
pub(super) fn alerts(_asked: &Asked<'_>) -> Result<Data, Failure> {
    told(&json!({"alerts": []}))
}

/// Answers `/api/v1/alertmanagers`.
pub(super) fn alertmanagers(_asked: &Asked<'_>) -> Result<Data, Failure> {
    told(&json!({"activeAlertmanagers": [], "droppedAlertmanagers": []}))
}

/// Answers `/api/v1/targets/metadata` and `/api/v1/notifications`.
pub(super) fn list(_asked: &Asked<'_>) -> Result<Data, Failure> {
    told(&json!([]))
}
