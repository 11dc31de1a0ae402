//! How long points are kept, asked and changed over HTTP.

use crate::Shared;
use crate::listen::{json, plain};
use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body_util::Full;
use model::{AccountId, Principal, Scope};
use platform::{
    AuditEvent, CallSource, ChangeMode, FORMS, HeldForms, Keep, RetentionError, RuleShown,
    WantedRule,
};
use serde::Deserialize;
use serde_json::{Value, json as value};
use std::sync::Arc;

type Answer = Response<Full<Bytes>>;

const DAY_MS: i64 = 86_400_000;
const DAYS_MAX: i64 = 36_500;
const HINT: &str = r#"send {"name": "shop", "namespace": "Shop", "raw": "30d", "5m": "90d", "1h": "455d"}, or "match" with a selector such as {team="a"}; "dry_run" only tells what would be gone, "confirm" does it although points would be"#;

/// The body of `POST /-/manage/retention`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SetBody {
    name: String,
    /// A whole namespace ...
    namespace: Option<String>,
    /// ... or a selector.
    #[serde(rename = "match")]
    selector: Option<String>,
    /// Days, such as `30d`.
    raw: Option<String>,
    #[serde(rename = "5m")]
    five_minutes: Option<String>,
    #[serde(rename = "1h")]
    hour: Option<String>,
    first: bool,
    account: Option<String>,
    region: Option<String>,
    dry_run: bool,
    confirm: bool,
}

/// The body of `POST /-/manage/retention/remove`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RemoveBody {
    name: String,
    dry_run: bool,
    confirm: bool,
}

fn mode(dry_run: bool, confirm: bool) -> ChangeMode {
    match (dry_run, confirm) {
        (true, _) => ChangeMode::DryRun,
        (false, true) => ChangeMode::Confirmed,
        (false, false) => ChangeMode::Careful,
    }
}

fn days(name: &str, text: Option<&String>) -> Result<Option<i64>, String> {
    let Some(text) = text else { return Ok(None) };
    let days: Option<i64> = text.strip_suffix('d').unwrap_or(text).parse().ok();
    let days = days.filter(|days| (1..=DAYS_MAX).contains(days));
    let days = days.ok_or_else(|| format!("{name} {text:?} must be days, 1d to {DAYS_MAX}d"))?;
    Ok(Some(days * DAY_MS))
}

/// Reads an order; what it does not say of account, region and times is as in the defaults.
fn read(scope: &Scope, default: Keep, body: &[u8]) -> Result<(WantedRule, ChangeMode), String> {
    let body: SetBody =
        serde_json::from_slice(body).map_err(|e| format!("the body cannot be read: {e}"))?;
    let selector = match (body.namespace, body.selector) {
        (Some(namespace), None) if !namespace.is_empty() => {
            let quoted = serde_json::to_string(&namespace).map_err(|e| e.to_string())?;
            format!("{{__namespace__={quoted}}}")
        }
        (None, Some(selector)) => selector,
        _ => return Err("give either a namespace or a selector".into()),
    };
    let raw_ms = days("raw", body.raw.as_ref())?.unwrap_or(default.raw_ms);
    let five_minutes_ms = days("5m", body.five_minutes.as_ref())?;
    let five_minutes_ms = five_minutes_ms.unwrap_or(default.five_minutes_ms.max(raw_ms));
    let hour_ms = days("1h", body.hour.as_ref())?.unwrap_or(default.hour_ms.max(five_minutes_ms));
    let account: AccountId = match body.account {
        Some(text) => text.parse().map_err(|e| format!("account {text:?}: {e}"))?,
        None => scope.account,
    };
    let region = body.region.unwrap_or_else(|| scope.region.clone());
    let wanted = WantedRule {
        name: body.name,
        scope: Scope { account, region },
        selector,
        keep: Keep { raw_ms, five_minutes_ms, hour_ms },
        first: body.first,
    };
    Ok((wanted, mode(body.dry_run, body.confirm)))
}

/// Reads an order and does nothing, for the crate `fuzz`: the days that it wants raw points kept.
pub(crate) fn read_only(scope: &Scope, body: &[u8]) -> Result<i64, String> {
    let default = Keep { raw_ms: DAY_MS, five_minutes_ms: DAY_MS, hour_ms: DAY_MS };
    read(scope, default, body).map(|(wanted, _)| wanted.keep.raw_ms / DAY_MS)
}

fn form_name(form: usize) -> String {
    FORMS[form].map_or_else(|| "raw".to_owned(), |tier| tier.to_string())
}

fn told(held: &HeldForms) -> Value {
    let mut told = value!({});
    for (form, held) in held.iter().enumerate() {
        told[form_name(form)] =
            value!({ "series": held.series, "points": held.points, "bytes": held.bytes });
    }
    told
}

fn shown(rule: &RuleShown) -> Value {
    let days = FORMS.map(|form| rule.keep.of(form) / DAY_MS);
    let mut shown = value!({ "name": null, "held": told(&rule.held) });
    for (form, days) in days.into_iter().enumerate() {
        shown[form_name(form)] = format!("{days}d").into();
    }
    if let Some((name, kept)) = &rule.rule {
        shown["name"] = name.as_str().into();
        shown["match"] = kept.selector.as_str().into();
        shown["account"] = kept.account.as_str().into();
        shown["region"] = kept.region.as_str().into();
    }
    shown
}

/// Answers `/-/manage/retention` and `/-/manage/retention/remove`.
pub(crate) async fn answer(
    shared: &Arc<Shared>,
    (method, path): (&Method, &str),
    who: &Principal,
    from: CallSource,
    body: Bytes,
) -> Answer {
    let order = match (method, path) {
        (&Method::GET, "/-/manage/retention") => Order::Show,
        (&Method::POST, "/-/manage/retention") => {
            let scope = shared.platform.default_scope();
            match read(scope, shared.platform.retention_default(), &body) {
                Ok((wanted, mode)) => Order::Set(wanted, mode),
                Err(what) => return bad(&what),
            }
        }
        (&Method::POST, "/-/manage/retention/remove") => {
            match serde_json::from_slice::<RemoveBody>(&body) {
                Ok(body) => Order::Remove(body.name, mode(body.dry_run, body.confirm)),
                Err(error) => return bad(&format!("the body cannot be read: {error}")),
            }
        }
        _ => {
            let text = "this path does not take that method\n";
            return plain(StatusCode::METHOD_NOT_ALLOWED, text);
        }
    };
    let asked = serde_json::from_slice(&body).ok();
    let (shared, who) = (shared.clone(), who.clone());
    let work = move || {
        let done = order.carry_out(&shared, &who);
        if let Some((name, mode)) = order.recorded() {
            let event = AuditEvent::of(name, asked);
            let event = AuditEvent { read_only: mode == ChangeMode::DryRun, ..event };
            let event = match &done {
                Ok(told) => event.with_response(told.clone()),
                Err(error @ RetentionError::Access(_)) => {
                    event.failed("AccessDenied", error.to_string())
                }
                Err(error) => event.failed("Failed", error.to_string()),
            };
            shared.platform.audit(&who, &from, event);
        }
        done
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(told)) => json(StatusCode::OK, &told),
        Ok(Err(error)) => failed(&error),
        Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "the change was given up\n"),
    }
}

enum Order {
    Show,
    Set(WantedRule, ChangeMode),
    Remove(String, ChangeMode),
}

impl Order {
    /// Returns the name and mode of what leaves a record.
    fn recorded(&self) -> Option<(&'static str, ChangeMode)> {
        match self {
            Self::Show => None,
            Self::Set(_, mode) => Some(("SetRetentionRule", *mode)),
            Self::Remove(_, mode) => Some(("RemoveRetentionRule", *mode)),
        }
    }

    fn carry_out(&self, shared: &Shared, who: &Principal) -> Result<Value, RetentionError> {
        let platform = &shared.platform;
        let changed = |gone: HeldForms, mode: ChangeMode| value!({ "dry_run": mode == ChangeMode::DryRun, "gone": told(&gone) });
        match self {
            Self::Show => {
                let rules = platform.retention_rules(who)?;
                Ok(value!({ "rules": rules.iter().map(shown).collect::<Vec<_>>() }))
            }
            Self::Set(wanted, mode) => {
                Ok(changed(platform.set_retention_rule(who, wanted, *mode)?, *mode))
            }
            Self::Remove(name, mode) => {
                Ok(changed(platform.remove_retention_rule(who, name, *mode)?, *mode))
            }
        }
    }
}

fn bad(what: &str) -> Answer {
    json(StatusCode::BAD_REQUEST, &value!({ "error": what, "hint": HINT }))
}

fn failed(error: &RetentionError) -> Answer {
    let status = match error {
        RetentionError::Access(_) => StatusCode::FORBIDDEN,
        RetentionError::Bad(_) => StatusCode::BAD_REQUEST,
        RetentionError::Unknown(_) => StatusCode::NOT_FOUND,
        RetentionError::WouldExpire(_) => StatusCode::CONFLICT,
        RetentionError::Store(_) | RetentionError::Catalog(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut text = error.to_string();
    if let Some(cause) = std::error::Error::source(error) {
        text.push_str(&format!(": {cause}"));
    }
    let mut answer = value!({ "error": text });
    if let RetentionError::WouldExpire(gone) = error {
        answer["gone"] = told(gone);
        answer["hint"] = r#"send it again with "confirm": true"#.into();
    }
    json(status, &answer)
}
