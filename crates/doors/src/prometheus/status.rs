//! What the server says of itself.

use super::Asked;
use super::answer::{Data, push_map};
use serde_json::json;

/// The Prometheus whose API this one follows. Clients decide by it what they may ask: Grafana, for
/// one, sends selectors with its look-ups of labels only from 2.24 on.
const FOLLOWS: &str = "3.5.0";

/// Answers `/api/v1/status/buildinfo`.
pub(super) fn build_info() -> Data {
    let mut data = Data::new();
    let revision = concat!("sightline ", env!("CARGO_PKG_VERSION"));
    push_map(
        &mut data.json,
        [
            ("application", "Sightline"),
            ("version", FOLLOWS),
            ("revision", revision),
            ("branch", ""),
            ("buildUser", ""),
            ("buildDate", ""),
            ("goVersion", ""),
        ],
    );
    data
}

/// Answers `/api/v1/status/runtimeinfo` with those of its fields that mean something here.
pub(super) fn runtime_info(asked: &Asked<'_>) -> Data {
    let shown = |at_ms| match jiff::Timestamp::from_millisecond(at_ms) {
        Ok(at) => at.to_string(),
        Err(_) => String::new(),
    };
    let status = asked.platform().store_status();
    let info = json!({
        "startTime": shown(asked.door.opened_at_ms),
        "serverTime": shown(asked.platform().clock().now_ms()),
        "corruptionCount": status.parts_damaged,
    });
    let mut data = Data::new();
    data.json.extend_from_slice(info.to_string().as_bytes());
    data
}
