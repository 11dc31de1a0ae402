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
use platform::{AuthMode, CallSource, LoginError, LoginStep, PasswordCheck, Presented};
use std::net::IpAddr;
use std::sync::Arc;
use stdx::{Clock, RealClock};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Passwords that are hashed at once; each takes a core and 19 MiB for tens of milliseconds.
const HASHED_AT_ONCE: usize = 2;
/// Passwords that wait for that; more are told to come back.
const WAITING_MAX: usize = 32;

/// How many passwords are being hashed.
#[derive(Debug)]
pub(crate) struct Hashing {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// Told whenever one is done or given up.
    over: Arc<Notify>,
}

/// Allows one password to be hashed. It goes with the work, which nobody can break off: a client that
/// leaves does not make room while the processor is still busy for it.
#[derive(Debug)]
pub(crate) struct HashPermit {
    _running: OwnedSemaphorePermit,
    _waiting: OwnedSemaphorePermit,
}

impl Default for Hashing {
    fn default() -> Self {
        Self {
            running: Arc::new(Semaphore::new(HASHED_AT_ONCE)),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            over: Arc::default(),
        }
    }
}

impl Hashing {
    /// Waits until a password may be hashed; `None` when too many wait already.
    pub(crate) async fn enter(&self) -> Option<HashPermit> {
        let waiting = self.waiting.clone().try_acquire_owned().ok()?;
        let running = self.running.clone().acquire_owned().await.ok()?;
        Some(HashPermit { _running: running, _waiting: waiting })
    }
}

/// A password that is checked. However that ends, those who wait for the same one hear of it.
struct Check {
    check: Option<PasswordCheck>,
    over: Arc<Notify>,
}

impl Drop for Check {
    fn drop(&mut self) {
        // First it is not under way any more, then they look.
        self.check = None;
        self.over.notify_waiters();
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
    let done = log_in(shared, presented, peer).await;
    done.map(Some).map_err(|error| refused(shared, parts, peer, presented.name(), error))
}

/// Signatures, passwords and certificates are of the world, also when the clock is virtual.
fn now_ms() -> i64 {
    RealClock.now_ms()
}

async fn log_in(
    shared: &Arc<Shared>,
    presented: Presented<'_>,
    peer: IpAddr,
) -> Result<Principal, LoginError> {
    let begin = || shared.platform.credentials().begin_login(presented, peer, now_ms());
    let mut step = begin();
    loop {
        match step {
            LoginStep::Done(done) => return done,
            LoginStep::Hash(check) => return hash(shared, check).await,
            LoginStep::UnderWay => {
                let over = shared.hashing.over.notified();
                tokio::pin!(over);
                over.as_mut().enable();
                // It may have been over before anybody listened.
                step = begin();
                if matches!(step, LoginStep::UnderWay) {
                    over.await;
                    step = begin();
                }
            }
        }
    }
}

async fn hash(shared: &Arc<Shared>, check: PasswordCheck) -> Result<Principal, LoginError> {
    const LATER: LoginError = LoginError::Slow { wait_ms: 1_000 };
    let check = Check { check: Some(check), over: shared.hashing.over.clone() };
    let permit = shared.hashing.enter().await.ok_or(LATER)?;
    let platform = shared.platform.clone();
    let work = move || {
        let _permit = permit;
        let password = check.check.as_ref().ok_or(LATER)?;
        platform.credentials().finish_login(password, now_ms())
    };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_leaves_makes_no_room_while_the_work_goes_on() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let hashing = Hashing::default();
        let (over, ends) = std::sync::mpsc::channel::<()>();
        let ends = Arc::new(parking_lot::Mutex::new(ends));
        runtime.block_on(async {
            for _ in 0..HASHED_AT_ONCE {
                let permit = hashing.enter().await.unwrap();
                let ends = ends.clone();
                let work = tokio::task::spawn_blocking(move || {
                    let _permit = permit;
                    let _ = ends.lock().recv();
                });
                // The client is gone, the thread is not.
                drop(work);
            }
            assert_eq!(hashing.running.available_permits(), 0);
            drop(over);
            hashing.enter().await.unwrap();
        });
    }
}
