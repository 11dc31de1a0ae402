//! Health, own metrics, and the test bench.

use crate::listen::{json, plain};
use crate::{
    Shared, alarms, backups, credentials, dead_letters, deliveries, identify, manage, own_metrics,
    retention, sessions, usage,
};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use http_body_util::Full;
use jiff::{SignedDuration, Timestamp};
use model::Principal;
use platform::{AuditEvent, TimeError, TimeStep, Verb};
use serde_json::json as value;
use std::net::IpAddr;
use std::sync::Arc;

type Answer = Response<Full<Bytes>>;

/// Says whether a path is answered to whoever asks: what load balancers look at.
pub(crate) fn is_for_everybody(parts: &Parts) -> bool {
    matches!(parts.uri.path(), "/-/healthy" | "/-/ready")
        || deliveries::claims(parts.uri.path())
        || sessions::is_for_everybody(parts)
}

/// Returns who sent a request that was let in.
fn sender(parts: &Parts) -> Option<&Principal> {
    parts.extensions.get::<Principal>()
}

/// Checks that whoever sent a request may do something to the server itself; a refusal is recorded.
pub(crate) fn may(
    shared: &Shared,
    parts: &Parts,
    peer: IpAddr,
    verb: Verb,
) -> Result<(), Box<Answer>> {
    let refused = |why: String| {
        let error = value!({ "status": "error", "errorType": "forbidden", "error": why });
        Box::new(json(StatusCode::FORBIDDEN, &error))
    };
    let Some(who) = sender(parts) else { return Err(refused("nobody asks".into())) };
    let checked = shared.platform.check(who, shared.platform.default_scope(), verb);
    checked.map_err(|error| {
        let name = format!("{} {}", parts.method, parts.uri.path());
        let event = AuditEvent::of(&name, None).failed("AccessDenied", error.to_string());
        let event = AuditEvent { read_only: verb == Verb::Read, ..event };
        shared.platform.audit(who, &identify::source(parts, peer, ""), event);
        refused(error.to_string())
    })
}

/// Records what was done to the server.
fn audit(shared: &Shared, parts: &Parts, peer: IpAddr, event: AuditEvent) {
    if let Some(who) = sender(parts) {
        shared.platform.audit(who, &identify::source(parts, peer, ""), event);
    }
}

pub(crate) async fn answer(
    shared: &Arc<Shared>,
    parts: &Parts,
    body: Bytes,
    peer: IpAddr,
) -> Answer {
    let path = parts.uri.path();
    if path == sessions::PATH {
        return sessions::answer(shared, parts, peer);
    }
    let verb = match (&parts.method, path) {
        // Checked for itself, act by act.
        _ if is_for_everybody(parts) || path.starts_with(credentials::PREFIX) => None,
        // Our own client asks it before a question, whoever runs it.
        (&Method::GET, "/-/clock") => None,
        // Asks, with a body.
        (&Method::POST, path) if path.starts_with(alarms::PREFIX) => Some(Verb::Read),
        (&Method::GET | &Method::HEAD, _) => Some(Verb::Read),
        _ => Some(Verb::Control),
    };
    if let Some(verb) = verb
        && let Err(refused) = may(shared, parts, peer, verb)
    {
        return *refused;
    }
    match (&parts.method, parts.uri.path()) {
        (_, path) if credentials::claims(path) => {
            credentials::answer(shared, parts, &body, peer).await
        }
        (method, path) if deliveries::claims(path) => {
            let (platform, method) = (shared.platform.clone(), method.clone());
            let (path, query) = (path.to_owned(), parts.uri.query().unwrap_or_default().to_owned());
            let work = move || deliveries::answer(&platform, &method, &path, &query);
            let gone = |_| plain(StatusCode::INTERNAL_SERVER_ERROR, "it was given up\n");
            tokio::task::spawn_blocking(work).await.unwrap_or_else(gone)
        }
        (&Method::GET | &Method::HEAD, "/-/healthy") => plain(StatusCode::OK, "healthy\n"),
        (&Method::GET | &Method::HEAD, "/-/ready") => ready(shared),
        (&Method::GET | &Method::HEAD, "/-/health") => health(shared),
        (&Method::GET | &Method::HEAD, "/metrics") => {
            let mut answer = plain(StatusCode::OK, own_metrics::page(shared));
            let text = HeaderValue::from_static(formats::exposition::CONTENT_TYPE);
            answer.headers_mut().insert(header::CONTENT_TYPE, text);
            answer
        }
        (&Method::POST, "/-/manage/delete") => match sender(parts) {
            Some(who) => manage::delete(shared, who, identify::source(parts, peer, ""), body).await,
            None => bad("nobody asks", ""),
        },
        (method, path @ ("/-/manage/retention" | "/-/manage/retention/remove")) => {
            let from = identify::source(parts, peer, "");
            match sender(parts) {
                Some(who) => retention::answer(shared, (method, path), who, from, body).await,
                None => bad("nobody asks", ""),
            }
        }
        (method, path) if path.starts_with(dead_letters::PATH) => {
            let from = identify::source(parts, peer, "");
            let query = parts.uri.query().unwrap_or_default();
            match sender(parts) {
                Some(who) => {
                    dead_letters::answer(shared, method, (path, query), who, from, &body).await
                }
                None => bad("nobody asks", ""),
            }
        }
        (_, path) if path.starts_with(alarms::PREFIX) => match sender(parts) {
            Some(who) => alarms::answer(shared, parts, who, body).await,
            None => bad("nobody asks", ""),
        },
        (&Method::GET, "/-/entities") => entities(shared, parts),
        (&Method::GET, "/-/top") => json(StatusCode::OK, &usage::view(shared)),
        (method, "/-/manage/backup") => {
            let from = identify::source(parts, peer, "");
            match sender(parts) {
                Some(who) => backups::answer(shared, method, who, &from, &body),
                None => bad("nobody asks", ""),
            }
        }
        (_, "/-/clock" | "/-/reset") if !shared.test_bench => plain(
            StatusCode::NOT_FOUND,
            "this is offered by a server that was started with --test-bench\n",
        ),
        (&Method::GET, "/-/clock") => json(StatusCode::OK, &clock_now(shared)),
        (&Method::POST, "/-/clock") => {
            let told = serde_json::from_slice(&body).ok();
            let answer = move_clock(shared, body).await;
            audit(shared, parts, peer, event_of("MoveClock", told, &answer));
            answer
        }
        (&Method::POST, "/-/reset") => {
            let answer = reset(shared).await;
            audit(shared, parts, peer, event_of("ResetServer", None, &answer));
            answer
        }
        (
            _,
            "/-/healthy" | "/-/ready" | "/-/health" | "/metrics" | "/-/clock" | "/-/reset"
            | "/-/manage/delete",
        ) => plain(StatusCode::METHOD_NOT_ALLOWED, "this path does not take that method\n"),
        (_, path) => plain(StatusCode::NOT_FOUND, format!("nothing is served at {path}\n")),
    }
}

/// Ready is who takes writes. Reads go on in any case.
fn ready(shared: &Shared) -> Answer {
    let conditions = shared.platform.health();
    let why: Vec<&platform::Condition> =
        conditions.iter().filter(|c| c.active && c.stops_writes).collect();
    if why.is_empty() && shared.platform.takes_writes() {
        return plain(StatusCode::OK, "ready\n");
    }
    let mut text = "not ready: no writes are taken\n".to_owned();
    for condition in why {
        let platform::Condition { condition, to_do, .. } = condition;
        text.push_str(&format!("{condition}: {to_do}\n"));
    }
    plain(StatusCode::SERVICE_UNAVAILABLE, text)
}

/// All conditions, in detail.
fn health(shared: &Shared) -> Answer {
    let conditions = shared.platform.health();
    let ready =
        shared.platform.takes_writes() && !conditions.iter().any(|c| c.active && c.stops_writes);
    let conditions: Vec<serde_json::Value> = conditions
        .iter()
        .map(|condition| {
            let mut told = value!(condition);
            told["since"] = condition.since_ms.map(text_of).into();
            told
        })
        .collect();
    json(StatusCode::OK, &value!({ "ready": ready, "conditions": conditions }))
}

/// Which entities metrics were reported with, of the default scope.
fn entities(shared: &Shared, parts: &Parts) -> Answer {
    let query = parts.uri.query().unwrap_or_default();
    let Ok(pairs) = aws_wire::codec::query::pairs(query.as_bytes()) else {
        return bad("the parameters are not a query string", "/-/entities?namespace=Shop");
    };
    let namespace = pairs.into_iter().find(|(name, _)| name == "namespace").map(|(_, value)| value);
    let scope = shared.platform.default_scope();
    let Some(who) = sender(parts) else { return bad("nobody asks", "") };
    match shared.platform.entities(who, scope, namespace.as_deref()) {
        Ok(found) => json(StatusCode::OK, &value!({ "entities": found })),
        Err(error) => {
            json(StatusCode::INTERNAL_SERVER_ERROR, &value!({ "error": error.to_string() }))
        }
    }
}

fn event_of(name: &str, told: Option<serde_json::Value>, answer: &Answer) -> AuditEvent {
    let event = AuditEvent::of(name, told);
    match answer.status() {
        StatusCode::OK => event,
        status => event.failed("Failed", status.to_string()),
    }
}

fn clock_now(shared: &Shared) -> serde_json::Value {
    let now_ms = shared.platform.clock().now_ms();
    let mode = if shared.virtual_clock.is_some() { "virtual" } else { "real" };
    value!({ "now": text_of(now_ms), "now_ms": now_ms, "clock": mode })
}

fn text_of(at_ms: i64) -> String {
    Timestamp::from_millisecond(at_ms).map(|t| t.to_string()).unwrap_or_default()
}

fn bad(what: impl Into<String>, hint: &str) -> Answer {
    json(StatusCode::BAD_REQUEST, &value!({ "error": what.into(), "hint": hint }))
}

async fn move_clock(shared: &Arc<Shared>, body: Bytes) -> Answer {
    const HINT: &str = r#"send {"advance": "60s"} or {"to": "2026-01-01T00:00:00Z"}"#;
    let Some(clock) = shared.virtual_clock.clone() else {
        return bad(
            "the clock is the machine's and does not move on request",
            "start with --clock virtual",
        );
    };
    let step = match read_step(&body) {
        Ok(step) => step,
        Err(what) => return bad(what, HINT),
    };
    let shared = shared.clone();
    let moved = tokio::task::spawn_blocking(move || {
        let moved = shared.platform.move_clock(&clock, step);
        (moved, clock_now(&shared))
    });
    match moved.await {
        Ok((Ok(_), now)) => json(StatusCode::OK, &now),
        Ok((Err(error @ TimeError::Back { .. }), _)) => bad(error.to_string(), HINT),
        Ok((Err(error), _)) => {
            json(StatusCode::INTERNAL_SERVER_ERROR, &value!({ "error": error.to_string() }))
        }
        Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "the clock's step was given up\n"),
    }
}

pub(crate) fn read_step(body: &[u8]) -> Result<TimeStep, String> {
    let given: serde_json::Value =
        serde_json::from_slice(body).map_err(|e| format!("the body is no JSON: {e}"))?;
    let text = |name: &str| given.get(name).and_then(|v| v.as_str());
    match (text("advance"), text("to")) {
        (Some(by), None) => {
            let by: SignedDuration =
                by.parse().map_err(|e| format!("{by:?} is no duration: {e}"))?;
            let by_ms = i64::try_from(by.as_millis()).map_err(|_| "the duration is too long")?;
            Ok(TimeStep::Advance(by_ms))
        }
        (None, Some(to)) => {
            let to: Timestamp = to.parse().map_err(|e| format!("{to:?} is no time: {e}"))?;
            Ok(TimeStep::To(to.as_millisecond()))
        }
        _ => Err("exactly one of \"advance\" and \"to\" is needed, as text".into()),
    }
}

async fn reset(shared: &Arc<Shared>) -> Answer {
    let platform = shared.platform.clone();
    match tokio::task::spawn_blocking(move || platform.reset()).await {
        Ok(Ok(())) => json(StatusCode::OK, &value!({ "reset": true })),
        Ok(Err(error)) => {
            json(StatusCode::INTERNAL_SERVER_ERROR, &value!({ "error": error.to_string() }))
        }
        Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "the reset was given up\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_the_clock_are_read_or_refused() {
        let read = |text: &str| read_step(text.as_bytes());
        assert_eq!(read(r#"{"advance":"60s"}"#), Ok(TimeStep::Advance(60_000)));
        assert_eq!(read(r#"{"advance":"1h 30m"}"#), Ok(TimeStep::Advance(5_400_000)));
        assert_eq!(read(r#"{"to":"1970-01-01T00:01:00Z"}"#), Ok(TimeStep::To(60_000)));
        for bad in
            ["", "{}", r#"{"advance":60}"#, r#"{"advance":"x"}"#, r#"{"to":"now","advance":"1s"}"#]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
