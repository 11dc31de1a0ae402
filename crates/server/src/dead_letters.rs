//! Deliveries that were given up, shown, sent again and thrown away over HTTP.
//!
//! ```text
//! GET  /-/manage/deliveries?after=ID      dead letters, oldest first, a thousand at a time
//! POST /-/manage/deliveries/resend        {"id": "..."} or {"all": true}
//! POST /-/manage/deliveries/drop          {"id": "..."} or {"all": true}
//! ```

use crate::Shared;
use crate::listen::{Answer, json, plain};
use bytes::Bytes;
use http::{Method, StatusCode};
use model::Principal;
use platform::{AuditEvent, CallSource, DeadLettersError};
use serde::Deserialize;
use serde_json::{Value, json as value};
use std::sync::Arc;

pub(crate) const PATH: &str = "/-/manage/deliveries";
const PAGE: usize = 1_000;
const HINT: &str = r#"send {"id": "..."} with an id of the list, or {"all": true}"#;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Which {
    id: Option<String>,
    all: bool,
}

enum Order {
    List { after: String },
    Resend(Which),
    Drop(Which),
}

fn read(
    method: &Method,
    path: &str,
    query: &str,
    body: &[u8],
) -> Result<Order, (StatusCode, String)> {
    let bad = |what: String| (StatusCode::BAD_REQUEST, what);
    let which = || {
        let which: Which = serde_json::from_slice(body)
            .map_err(|e| bad(format!("the body cannot be read: {e}")))?;
        match which.id.is_some() != which.all {
            true => Ok(which),
            false => Err(bad("give either an id or all".into())),
        }
    };
    match (method, path.strip_prefix(PATH).unwrap_or_default()) {
        (&Method::GET, "") => {
            let pairs = aws_wire::codec::query::pairs(query.as_bytes());
            let pairs = pairs.map_err(|_| bad("the parameters are no query string".into()))?;
            let after = pairs.into_iter().find(|(name, _)| name == "after");
            Ok(Order::List { after: after.map(|(_, v)| v.to_string()).unwrap_or_default() })
        }
        (&Method::POST, "/resend") => which().map(Order::Resend),
        (&Method::POST, "/drop") => which().map(Order::Drop),
        (_, "" | "/resend" | "/drop") => {
            Err((StatusCode::METHOD_NOT_ALLOWED, "this path does not take that method".into()))
        }
        _ => Err((StatusCode::NOT_FOUND, format!("nothing is served at {path}"))),
    }
}

/// Reads an order and does nothing, for the crate `fuzz`.
pub(crate) fn read_only(
    method: &Method,
    path: &str,
    query: &str,
    body: &[u8],
) -> Result<(), String> {
    read(method, path, query, body).map(drop).map_err(|(_, what)| what)
}

impl Order {
    fn carry_out(&self, shared: &Shared, who: &Principal) -> Result<Value, DeadLettersError> {
        let platform = &shared.platform;
        match self {
            Self::List { after } => {
                Ok(value!({ "dead_letters": platform.dead_letters(who, after, PAGE)? }))
            }
            Self::Resend(which) => {
                each(shared, who, which, |id| platform.resend_dead_letter(who, id))
                    .map(|count| value!({ "resent": count }))
            }
            Self::Drop(which) => each(shared, who, which, |id| platform.drop_dead_letter(who, id))
                .map(|count| value!({ "dropped": count })),
        }
    }
}

/// Does something to one letter, or to all that were there when it began.
fn each(
    shared: &Shared,
    who: &Principal,
    which: &Which,
    act: impl Fn(&str) -> Result<(), DeadLettersError>,
) -> Result<usize, DeadLettersError> {
    if let Some(id) = &which.id {
        return act(id).map(|()| 1);
    }
    let mut ids: Vec<String> = Vec::new();
    loop {
        let after = ids.last().cloned().unwrap_or_default();
        let page = shared.platform.dead_letters(who, &after, PAGE)?;
        if page.is_empty() {
            break;
        }
        ids.extend(page.into_iter().map(|letter| letter.id));
    }
    let mut count = 0;
    for id in ids {
        match act(&id) {
            Ok(()) => count += 1,
            // Somebody else was quicker.
            Err(DeadLettersError::Unknown(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

pub(crate) async fn answer(
    shared: &Arc<Shared>,
    method: &Method,
    (path, query): (&str, &str),
    who: &Principal,
    from: CallSource,
    body: &Bytes,
) -> Answer {
    let order = match read(method, path, query, body) {
        Ok(order) => order,
        Err((status, what)) => return json(status, &value!({ "error": what, "hint": HINT })),
    };
    let asked = serde_json::from_slice(body).ok();
    let (shared, who) = (shared.clone(), who.clone());
    let work = move || {
        let done = order.carry_out(&shared, &who);
        let name = match order {
            Order::List { .. } => return done,
            Order::Resend(_) => "ResendDeadLetters",
            Order::Drop(_) => "DropDeadLetters",
        };
        let event = AuditEvent::of(name, asked);
        let event = match &done {
            Ok(told) => event.with_response(told.clone()),
            Err(error @ DeadLettersError::Access(_)) => {
                event.failed("AccessDenied", error.to_string())
            }
            Err(error) => event.failed("Failed", error.to_string()),
        };
        shared.platform.audit(&who, &from, event);
        done
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(told)) => json(StatusCode::OK, &told),
        Ok(Err(error)) => {
            let status = match error {
                DeadLettersError::Access(_) => StatusCode::FORBIDDEN,
                DeadLettersError::Unknown(_) => StatusCode::NOT_FOUND,
                DeadLettersError::Catalog(_) => StatusCode::SERVICE_UNAVAILABLE,
            };
            json(status, &value!({ "error": error.to_string() }))
        }
        Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "it was given up\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read_or_refused() {
        let read = |method: Method, path: &str, body: &str| {
            read(&method, &format!("{PATH}{path}"), "after=00", body.as_bytes())
                .map_err(|e| e.0.as_u16())
        };
        assert!(matches!(read(Method::GET, "", ""), Ok(Order::List { after }) if after == "00"));
        assert!(matches!(read(Method::POST, "/resend", r#"{"id": "1"}"#), Ok(Order::Resend(_))));
        assert!(matches!(read(Method::POST, "/drop", r#"{"all": true}"#), Ok(Order::Drop(_))));
        for (method, path, body, status) in [
            (Method::POST, "/resend", "{}", 400),
            (Method::POST, "/resend", r#"{"id": "1", "all": true}"#, 400),
            (Method::POST, "/drop", r#"{"ids": []}"#, 400),
            (Method::GET, "/drop", "", 405),
            (Method::POST, "/other", "{}", 404),
        ] {
            assert_eq!(read(method, path, body).err(), Some(status), "{path} {body}");
        }
    }
}
