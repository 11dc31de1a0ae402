//! From the head of a request to who sent it.
//!
//! Signatures of AWS are checked by their door, over the body too; everything else says who it is
//! in its head, and is asked before its body is read.

use crate::Shared;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header;
use http::request::Parts;
use model::Principal;
use platform::{AuthMode, CallSource, LoginError, LoginStep, Presented};
use std::net::IpAddr;
use std::sync::Arc;
use stdx::{Clock, RealClock};
use tokio::sync::Semaphore;

/// Passwords that are hashed at once; each takes a core and 19 MiB for tens of milliseconds.
const HASHED_AT_ONCE: usize = 2;
/// Passwords that wait for that; more are told to come back.
const WAITING_MAX: usize = 32;

/// How many passwords are being hashed.
#[derive(Debug)]
pub(crate) struct Hashing {
    running: Semaphore,
    waiting: Semaphore,
}

impl Default for Hashing {
    fn default() -> Self {
        Self { running: Semaphore::new(HASHED_AT_ONCE), waiting: Semaphore::new(WAITING_MAX) }
    }
}

/// What a head brings to say who sent it, other than a signature.
enum Brought {
    Nothing,
    Unreadable,
    Bearer(String),
    Basic { user: String, password: String },
}

fn brought(parts: &Parts) -> Brought {
    let Some(value) = parts.headers.get(header::AUTHORIZATION) else { return Brought::Nothing };
    let Some((scheme, rest)) = value.to_str().ok().and_then(|text| text.split_once(' ')) else {
        return Brought::Nothing;
    };
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Brought::Bearer(rest.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Brought::Nothing;
    }
    let text = STANDARD.decode(rest).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    match text.as_deref().and_then(|text| text.split_once(':')) {
        Some((user, password)) => {
            Brought::Basic { user: user.to_owned(), password: password.to_owned() }
        }
        None => Brought::Unreadable,
    }
}

/// Returns what [`brought`] found, for the crate `fuzz`.
pub(crate) fn brought_texts(parts: &Parts) -> Option<(String, String)> {
    match brought(parts) {
        Brought::Nothing | Brought::Unreadable => None,
        Brought::Bearer(token) => Some((String::new(), token)),
        Brought::Basic { user, password } => Some((user, password)),
    }
}

/// Returns who sent a request; `None` when it brings neither token nor password, or when everyone
/// may come in and nobody is asked.
///
/// # Errors
/// [`LoginError`], which is recorded.
pub(crate) async fn identify(
    shared: &Arc<Shared>,
    parts: &Parts,
    peer: IpAddr,
) -> Result<Option<Principal>, LoginError> {
    if shared.platform.auth() == AuthMode::Open {
        return Ok(None);
    }
    let brought = brought(parts);
    let presented = match &brought {
        Brought::Nothing => return Ok(None),
        Brought::Unreadable => return Err(refused(shared, parts, peer, None, LoginError::Wrong)),
        Brought::Bearer(token) => Presented::Bearer(token),
        Brought::Basic { user, password } => Presented::Basic { user, password },
    };
    let done = match shared.platform.credentials().begin_login(presented, peer, now_ms()) {
        LoginStep::Done(done) => done,
        LoginStep::Hash(check) => hash(shared, check).await,
    };
    done.map(Some).map_err(|error| refused(shared, parts, peer, presented.name(), error))
}

/// Signatures, passwords and certificates are of the world, also when the clock is virtual.
fn now_ms() -> i64 {
    RealClock.now_ms()
}

async fn hash(
    shared: &Arc<Shared>,
    check: platform::PasswordCheck,
) -> Result<Principal, LoginError> {
    const LATER: LoginError = LoginError::Slow { wait_ms: 1_000 };
    let _waiting = shared.hashing.waiting.try_acquire().map_err(|_| LATER)?;
    let _running = shared.hashing.running.acquire().await.map_err(|_| LATER)?;
    let platform = shared.platform.clone();
    let work = move || platform.credentials().finish_login(&check, now_ms());
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(LATER))
}

fn refused(
    shared: &Shared,
    parts: &Parts,
    peer: IpAddr,
    user: Option<&str>,
    error: LoginError,
) -> LoginError {
    let code = match error {
        LoginError::Wrong => "InvalidCredentials",
        LoginError::Slow { .. } => "TooManyFailedLogins",
    };
    let from = source(parts, peer, "");
    shared.logins_refused.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    shared.platform.audit_refused_login(user, None, &from, code, &error.to_string());
    error
}

/// Returns where a call came from, for the audit.
pub(crate) fn source(parts: &Parts, peer: IpAddr, request_id: &str) -> CallSource {
    let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    CallSource {
        address: peer.to_canonical().to_string(),
        user_agent: agent.map(|agent| agent.chars().take(256).collect()),
        request_id: request_id.to_owned(),
    }
}
