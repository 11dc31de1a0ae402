//! Why an alarm is as it is, and what alarms would have done, asked over HTTP.

use crate::Shared;
use crate::listen::{json, plain};
use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::Full;
use jiff::Timestamp;
use model::{Principal, Scope};
use platform::{AlarmError, AlarmRecord, BacktestOf, Platform, Transition, UnmatchedAlarm};
use serde::Deserialize;
use serde_json::{Value, json as value};
use std::sync::Arc;

type Answer = Response<Full<Bytes>>;

/// Everything below it is answered here.
pub(crate) const PREFIX: &str = "/-/alarms/";
const EXPLAIN: &str = "/-/alarms/explain";
const BACKTEST: &str = "/-/alarms/backtest";
const UNMATCHED: &str = "/-/alarms/unmatched";
const EXPLAIN_HINT: &str = "ask /-/alarms/explain?alarm=cpu-high&at=2026-01-31T14:05:00Z; without at, \
                            why it is in its state now; region=... for another one than the server's";
const BACKTEST_HINT: &str = r#"send {"from": "2026-01-01T00:00:00Z", "to": "2026-01-31T00:00:00Z", "names": ["cpu-high"]}, or "alarms" with the input of PutMetricAlarm or PutCompositeAlarm of each"#;
const UNMATCHED_HINT: &str = "ask /-/alarms/unmatched; after=NAME for the alarms behind that name, limit=N for \
                              as many at once, region=... for another one than the server's";
/// Alarms that match nothing, in one answer.
const UNMATCHED_MAX: usize = 1_000;
const UNMATCHED_USUAL: usize = 100;
/// Alarms of one backtest.
const ALARMS_MAX: usize = 1_000;

/// The body of `POST /-/alarms/backtest`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct BacktestBody {
    /// Inputs of `PutMetricAlarm` and `PutCompositeAlarm`.
    alarms: Vec<Value>,
    /// Stored alarms.
    names: Vec<String>,
    from: String,
    to: Option<String>,
    region: Option<String>,
}

fn bad(error: impl Into<String>, hint: &str) -> Box<Answer> {
    let error = value!({ "status": "error", "error": error.into(), "hint": hint });
    Box::new(json(StatusCode::BAD_REQUEST, &error))
}

fn refused(error: &AlarmError) -> Answer {
    let status = match error {
        AlarmError::Access(_) => StatusCode::FORBIDDEN,
        AlarmError::NotFound(_) => StatusCode::NOT_FOUND,
        AlarmError::Busy(_) => StatusCode::TOO_MANY_REQUESTS,
        AlarmError::Invalid(_) | AlarmError::Cycle(_) | AlarmError::Scope(_) => {
            StatusCode::BAD_REQUEST
        }
        AlarmError::Query(_) => StatusCode::UNPROCESSABLE_ENTITY,
        AlarmError::Catalog(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let text = match error {
        AlarmError::Invalid(all) => {
            let all: Vec<String> = all.iter().map(ToString::to_string).collect();
            all.join("; ")
        }
        other => other.to_string(),
    };
    json(status, &value!({ "status": "error", "error": text }))
}

fn time(name: &str, text: &str) -> Result<i64, String> {
    let time: Timestamp = text.parse().map_err(|e| format!("{name} {text:?} is no time: {e}"))?;
    Ok(time.as_millisecond())
}

/// Answers everything below [`PREFIX`].
pub(crate) async fn answer(
    shared: &Arc<Shared>,
    parts: &Parts,
    who: &Principal,
    body: Bytes,
) -> Answer {
    let platform = shared.platform.clone();
    let (who, query) = (who.clone(), parts.uri.query().unwrap_or_default().to_owned());
    let work: Box<dyn FnOnce() -> Answer + Send> = match (&parts.method, parts.uri.path()) {
        (&Method::GET, EXPLAIN) => Box::new(move || explain(&platform, &who, &query)),
        (&Method::POST, BACKTEST) => Box::new(move || backtest(&platform, &who, &body)),
        (&Method::GET, UNMATCHED) => Box::new(move || unmatched(&platform, &who, &query)),
        (_, EXPLAIN | BACKTEST | UNMATCHED) => {
            let text = "this path does not take that method\n";
            return plain(StatusCode::METHOD_NOT_ALLOWED, text);
        }
        (_, path) => {
            return plain(StatusCode::NOT_FOUND, format!("nothing is served at {path}\n"));
        }
    };
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "it was given up\n"))
}

/// Whose alarms: those of the asker's account.
fn scope_of(platform: &Platform, who: &Principal, region: Option<String>) -> Scope {
    let region = region.unwrap_or_else(|| platform.default_scope().region.clone());
    Scope { account: who.account, region }
}

fn explain(platform: &Platform, who: &Principal, query: &str) -> Answer {
    let (mut name, mut at, mut region) = (None, None, None);
    let Ok(pairs) = aws_wire::codec::query::pairs(query.as_bytes()) else {
        return *bad("the parameters are not a query string", EXPLAIN_HINT);
    };
    for (key, value) in pairs {
        match key.as_ref() {
            "alarm" => name = Some(value.into_owned()),
            "at" => at = Some(value.into_owned()),
            "region" => region = Some(value.into_owned()),
            other => return *bad(format!("{other} is no parameter"), EXPLAIN_HINT),
        }
    }
    let Some(name) = name else { return *bad("alarm is missing", EXPLAIN_HINT) };
    let at_ms = match at.as_deref().map(|text| time("at", text)) {
        None => platform.clock().now_ms(),
        Some(Ok(at_ms)) => at_ms,
        Some(Err(error)) => return *bad(error, EXPLAIN_HINT),
    };
    let scope = scope_of(platform, who, region);
    match platform.explain_alarm(who, &scope, &name, at_ms) {
        Ok(explained) => json(StatusCode::OK, &value!({ "status": "success", "data": explained })),
        Err(error) => refused(&error),
    }
}

fn unmatched(platform: &Platform, who: &Principal, query: &str) -> Answer {
    let (mut after, mut limit, mut region) = (None, UNMATCHED_USUAL, None);
    let Ok(pairs) = aws_wire::codec::query::pairs(query.as_bytes()) else {
        return *bad("the parameters are not a query string", UNMATCHED_HINT);
    };
    for (key, value) in pairs {
        match key.as_ref() {
            "after" => after = Some(value.into_owned()),
            "limit" => match value.parse() {
                Ok(asked) if (1..=UNMATCHED_MAX).contains(&asked) => limit = asked,
                _ => {
                    let error = format!("limit {value:?} is no number from 1 to {UNMATCHED_MAX}");
                    return *bad(error, UNMATCHED_HINT);
                }
            },
            "region" => region = Some(value.into_owned()),
            other => return *bad(format!("{other} is no parameter"), UNMATCHED_HINT),
        }
    }
    let scope = scope_of(platform, who, region);
    match platform.unmatched_alarms(who, &scope, after.as_deref(), limit) {
        Ok((alarms, has_more)) => {
            let alarms: Vec<Value> = alarms
                .into_iter()
                .map(|UnmatchedAlarm { name, since_ms, nearest }| {
                    value!({ "name": name, "since": iso(since_ms), "nearest": nearest })
                })
                .collect();
            json(StatusCode::OK, &value!({ "alarms": alarms, "more": has_more }))
        }
        Err(error) => refused(&error),
    }
}

fn backtest(platform: &Platform, who: &Principal, body: &[u8]) -> Answer {
    let (of, region) = match read(platform.clock().now_ms(), body) {
        Ok(read) => read,
        Err(error) => return *bad(error, BACKTEST_HINT),
    };
    let scope = scope_of(platform, who, region);
    match platform.backtest(who, &scope, &of) {
        Ok(transitions) => {
            let transitions: Vec<Value> = transitions.iter().map(shown).collect();
            let data = value!({
                "from": iso(of.from_ms), "to": iso(of.to_ms), "transitions": transitions,
            });
            json(StatusCode::OK, &value!({ "status": "success", "data": data }))
        }
        Err(error) => refused(&error),
    }
}

/// Reads the body of a backtest.
fn read(now_ms: i64, body: &[u8]) -> Result<(BacktestOf, Option<String>), String> {
    let body: BacktestBody =
        serde_json::from_slice(body).map_err(|e| format!("the body cannot be read: {e}"))?;
    let BacktestBody { alarms, names, from, to, region } = body;
    if alarms.is_empty() && names.is_empty() {
        return Err("neither alarms nor names are given".into());
    }
    if alarms.len() + names.len() > ALARMS_MAX {
        return Err(format!("more than {ALARMS_MAX} alarms at once"));
    }
    let proposed: Result<Vec<AlarmRecord>, String> =
        alarms.into_iter().map(|alarm| aws_services::read_alarm(&alarm)).collect();
    let from_ms = time("from", &from)?;
    let to_ms = to.map_or(Ok(now_ms), |to| time("to", &to))?;
    Ok((BacktestOf { proposed: proposed?, stored: names, from_ms, to_ms }, region))
}

/// Reads the body of a backtest and does nothing, for the crate `fuzz`.
pub(crate) fn read_only(body: &[u8]) -> Result<usize, String> {
    read(0, body).map(|(of, _)| of.proposed.len() + of.stored.len())
}

fn iso(at_ms: i64) -> String {
    Timestamp::from_millisecond(at_ms).unwrap_or_default().to_string()
}

fn shown(transition: &Transition) -> Value {
    let Transition { alarm, at_ms, from, to, reason, held_by } = transition;
    value!({
        "alarm": alarm, "at": iso(*at_ms), "from": from.name(), "to": to.name(), "reason": reason,
        "actions_held_by": held_by,
    })
}
