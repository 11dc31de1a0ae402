//! What an operator asks of a running server beside its doors: deletion of series.

use crate::Shared;
use crate::listen::{json, plain};
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use jiff::Timestamp;
use model::{AccountId, Principal, Scope, TimeRange};
use platform::promql::{self, Matcher};
use platform::{AuditEvent, CallSource, DeleteError, Deleted};
use serde::Deserialize;
use serde_json::json as value;
use std::sync::Arc;

type Answer = Response<Full<Bytes>>;

/// The body of `POST /-/manage/delete`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct DeleteBody {
    /// A whole namespace.
    namespace: Option<String>,
    /// Selectors, as `match[]` of the Prometheus API.
    #[serde(rename = "match")]
    selectors: Vec<String>,
    /// First moment, RFC 3339.
    from: Option<String>,
    /// First moment behind.
    to: Option<String>,
    /// Account and region, where they are not the server's own.
    account: Option<String>,
    region: Option<String>,
    /// Counts and deletes nothing.
    dry_run: bool,
    /// Rewrites the parts at once, so that the space is free when the answer comes.
    clean: bool,
}

struct DeleteOrder {
    scope: Scope,
    selectors: Vec<Vec<Matcher>>,
    range: TimeRange,
    dry_run: bool,
    clean: bool,
}

const HINT: &str = r#"send {"namespace": "Shop"} or {"match": ["up{job=\"x\"}"]}, with "from", "to" (RFC 3339) and "dry_run" if wanted"#;

/// Reads an order; what it does not say of account and region is as in `default`.
fn read(default: &Scope, body: &[u8]) -> Result<DeleteOrder, String> {
    let body: DeleteBody =
        serde_json::from_slice(body).map_err(|e| format!("the body cannot be read: {e}"))?;
    let mut texts = body.selectors;
    if let Some(namespace) = body.namespace {
        if namespace.is_empty() {
            return Err("namespace is empty; series without one are {__namespace__=\"\"}, with a \
                        further matcher"
                .into());
        }
        let quoted = serde_json::to_string(&namespace).map_err(|e| e.to_string())?;
        texts.push(format!("{{__namespace__={quoted}}}"));
    }
    if texts.is_empty() {
        return Err("neither a namespace nor a selector is given".into());
    }
    let selectors = promql::parse_series_selectors(texts.iter().map(String::as_str))
        .map_err(|errors| format!("match: {errors}"))?;
    let time = |name: &str, text: Option<String>, otherwise: i64| match text {
        None => Ok(otherwise),
        Some(text) => match text.parse::<Timestamp>() {
            Ok(at) => Ok(at.as_millisecond()),
            Err(error) => Err(format!("{name} {text:?} is no time: {error}")),
        },
    };
    let range = TimeRange {
        start_ms: time("from", body.from, i64::MIN)?,
        end_ms: time("to", body.to, i64::MAX)?,
    };
    if range.start_ms >= range.end_ms {
        return Err("from must be before to".into());
    }
    let account: AccountId = match body.account {
        Some(text) => text.parse().map_err(|e| format!("account {text:?}: {e}"))?,
        None => default.account,
    };
    let region = body.region.unwrap_or_else(|| default.region.clone());
    let scope = Scope { account, region };
    Ok(DeleteOrder { scope, selectors, range, dry_run: body.dry_run, clean: body.clean })
}

/// Reads an order and does nothing, for the crate `fuzz`: how many selectors it has, and its range.
pub(crate) fn read_only(default: &Scope, body: &[u8]) -> Result<(usize, TimeRange), String> {
    read(default, body).map(|order| (order.selectors.len(), order.range))
}

/// Answers `POST /-/manage/delete`.
pub(crate) async fn delete(
    shared: &Arc<Shared>,
    who: &Principal,
    from: CallSource,
    body: Bytes,
) -> Answer {
    let order = match read(shared.platform.default_scope(), &body) {
        Ok(order) => order,
        Err(what) => {
            return json(StatusCode::BAD_REQUEST, &value!({ "error": what, "hint": HINT }));
        }
    };
    let (shared, who) = (shared.clone(), who.clone());
    let asked = serde_json::from_slice(&body).ok();
    let work = move || {
        let event = AuditEvent::of("DeleteSeries", asked);
        let event = AuditEvent { read_only: order.dry_run, ..event };
        let done = carry_out(&shared, &who, &order);
        let event = match &done {
            Ok(told) => event.with_response(told.clone()),
            Err(error @ DeleteError::Access(_)) => event.failed("AccessDenied", error.to_string()),
            Err(error) => event.failed("Failed", error.to_string()),
        };
        shared.platform.audit(&who, &from, event);
        done
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(told)) => json(StatusCode::OK, &told),
        Ok(Err(error)) => failed(&error),
        Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "the deletion was given up\n"),
    }
}

fn carry_out(
    shared: &Shared,
    who: &Principal,
    order: &DeleteOrder,
) -> Result<serde_json::Value, DeleteError> {
    let platform = &shared.platform;
    let deleted =
        platform.delete_series(who, &order.scope, &order.selectors, order.range, order.dry_run)?;
    let Deleted { series, parts, parts_whole, points, bytes } = deleted;
    let mut told = value!({
        "dry_run": order.dry_run, "series": series, "parts": parts, "parts_whole": parts_whole,
    });
    if order.dry_run {
        told["points"] = points.into();
        told["bytes"] = bytes.into();
    }
    if order.clean && !order.dry_run {
        told["parts_rewritten"] = platform.clean_tombstones(who, &order.scope)?.into();
    }
    Ok(told)
}

fn failed(error: &DeleteError) -> Answer {
    let status = match error {
        DeleteError::Access(_) => StatusCode::FORBIDDEN,
        DeleteError::Bad(_) => StatusCode::BAD_REQUEST,
        DeleteError::Store(_) | DeleteError::Catalog(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut text = error.to_string();
    if let Some(cause) = std::error::Error::source(error) {
        text.push_str(&format!(": {cause}"));
    }
    json(status, &value!({ "error": text }))
}
