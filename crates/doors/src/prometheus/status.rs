//! What the server says of itself.

use super::Asked;
use super::answer::{Data, Failure, push_map};
use model::TimeRange;
use platform::promql::Function;
use serde_json::{Map, Value, json};
use std::collections::{HashMap, HashSet};

/// The Prometheus whose API this one follows. Clients decide by it what they may ask: Grafana, for
/// one, sends selectors with its look-ups of labels only from 2.24 on.
const FOLLOWS: &str = "3.5.0";

/// Parts of the language that Prometheus has behind flags.
const FEATURES: &[&str] = &[
    "promql-experimental-functions",
    "promql-duration-expr",
    "promql-extended-range-selectors",
    "promql-binop-fill-modifiers",
];

/// Answers `/api/v1/status/buildinfo`.
pub(super) fn build_info(_asked: &Asked<'_>) -> Result<Data, Failure> {
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
    Ok(data)
}

/// Answers `/api/v1/status/runtimeinfo` with those of its fields that mean something here.
pub(super) fn runtime_info(asked: &Asked<'_>) -> Result<Data, Failure> {
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
    Ok(Data::of(&info))
}

/// Answers `/api/v1/status/config`. Configuration is by flags; what of it has a name in Prometheus'
/// file is told in its form.
pub(super) fn config(_asked: &Asked<'_>) -> Result<Data, Failure> {
    Ok(Data::of(&json!({"yaml": "global:\n  evaluation_interval: 1m\n"})))
}

/// Answers `/api/v1/status/flags` with those of Prometheus' flags that mean something here. Linters
/// read from them which parts of the language they may use.
pub(super) fn flags(asked: &Asked<'_>) -> Result<Data, Failure> {
    let limits = asked.platform().question_limits();
    Ok(Data::of(&json!({
        "enable-feature": FEATURES.join(","),
        "query.lookback-delta": "5m",
        "query.max-concurrency": limits.running_max.to_string(),
        "query.max-samples": limits.read.points_max.to_string(),
        "query.timeout": format!("{}s", limits.time_max.as_secs()),
        "web.enable-admin-api": asked.door.options.admin_api.to_string(),
        "web.enable-remote-write-receiver": "true",
    })))
}

/// Answers `/api/v1/features`: what may be asked, by kind.
pub(super) fn features(_asked: &Asked<'_>) -> Result<Data, Failure> {
    let functions: Map<String, Value> =
        Function::ALL.iter().map(|f| (f.name().to_owned(), Value::Bool(true))).collect();
    Ok(Data::of(&json!({
        "api": {"query_exemplars": true, "admin": true, "remote_write_receiver": true},
        "promql": {
            "at_modifier": true,
            "negative_offset": true,
            "subqueries": true,
            "bool": true,
            "by": true,
            "without": true,
            "on": true,
            "ignoring": true,
            "group_left": true,
            "group_right": true,
            "offset": true,
        },
        "promql_functions": functions,
    })))
}

/// Series of the last hours are counted: about what Prometheus has in its head.
const HEAD_MS: i64 = 3 * 3_600_000;

/// What counting takes for a series, roughly.
const COUNTED_BYTES: u64 = 256;

/// Answers `/api/v1/status/tsdb`: what of the caller's series there are most of.
pub(super) fn tsdb(asked: &Asked<'_>) -> Result<Data, Failure> {
    let limit = match asked.params.get("limit").map(str::parse::<usize>) {
        None => 10,
        Some(Ok(limit @ 1..=10_000)) => limit,
        Some(_) => return Err(Failure::bad_data("limit must be a positive number")),
    };
    let now_ms = asked.platform().clock().now_ms();
    let range = TimeRange { start_ms: now_ms.saturating_sub(HEAD_MS), end_ms: i64::MAX };
    let (who, scope) = (&asked.caller.who, &asked.caller.scope);
    let keys = asked.platform().series(who, scope, &[Vec::new()], range)?;
    keys.take(keys.len() as u64 * COUNTED_BYTES)?;
    let (mut by_name, mut by_pair) = (HashMap::new(), HashMap::new());
    let mut values: HashMap<String, HashSet<String>> = HashMap::new();
    let series = keys.len();
    for (name, value) in keys.iter().flat_map(platform::labels_of) {
        if name == "__name__" {
            *by_name.entry(value.to_owned()).or_insert(0) += 1;
        }
        *by_pair.entry(format!("{name}={value}")).or_insert(0) += 1;
        values.entry(name.to_owned()).or_default().insert(value.to_owned());
    }
    let bytes = |values: &HashSet<String>| values.iter().map(String::len).sum();
    let memory = values.iter().map(|(name, values)| (name.clone(), bytes(values))).collect();
    let pairs = by_pair.len();
    let counts = values.into_iter().map(|(name, values)| (name, values.len())).collect();
    Ok(Data::of(&json!({
        "headStats": {"numSeries": series, "numLabelPairs": pairs},
        "seriesCountByMetricName": most(by_name, limit),
        "labelValueCountByLabelName": most(counts, limit),
        "memoryInBytesByLabelName": most(memory, limit),
        "seriesCountByLabelValuePair": most(by_pair, limit),
    })))
}

/// Returns those of which there are most; of equal ones, the first by name.
fn most(counts: HashMap<String, usize>, limit: usize) -> Vec<Value> {
    let mut sorted: Vec<(String, usize)> = counts.into_iter().collect();
    sorted.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let told = sorted.into_iter().take(limit);
    told.map(|(name, value)| json!({"name": name, "value": value})).collect()
}
