//! What reads strangers' bytes behind the socket, for the crate `fuzz` alone.

use crate::{
    alarms, backups, control, credentials, identify, manage, neighbours, retention, sessions,
};
use http::request::Parts;
use model::{Scope, TimeRange};
use platform::saving::BackupRequest;
use platform::{AuthMode, TimeStep};

/// Says why a request of a web page is refused where everyone may come in; `None` when it may come
/// in. Where credentials are required it is decided too.
pub fn refusal(parts: &Parts) -> Option<String> {
    let _ = neighbours::refusal(parts, AuthMode::Required, true);
    neighbours::refusal(parts, AuthMode::Open, true)
}

/// Reads the body of `POST /-/clock`: milliseconds, and whether they are a step rather than a time.
///
/// # Errors
/// What is wrong with it.
pub fn read_clock_step(body: &[u8]) -> Result<(i64, bool), String> {
    control::read_step(body).map(|step| match step {
        TimeStep::Advance(ms) => (ms, true),
        TimeStep::To(ms) => (ms, false),
    })
}

/// Reads a request of the management API about keys, users and tokens as far as its bytes go; who may
/// and what becomes of it comes later.
///
/// # Errors
/// What is wrong with it.
pub fn read_management(parts: &Parts, body: &[u8]) -> Result<(), String> {
    credentials::read_only(parts, body)
}

/// Reads the body of `POST /-/manage/delete`: how many selectors, and the range of times.
///
/// # Errors
/// What is wrong with it.
pub fn read_deletion(default: &Scope, body: &[u8]) -> Result<(usize, TimeRange), String> {
    manage::read_only(default, body)
}

/// Reads the body of `POST /-/manage/retention`: for how many days raw points are to be kept.
///
/// # Errors
/// What is wrong with it.
pub fn read_retention(default: &Scope, body: &[u8]) -> Result<i64, String> {
    retention::read_only(default, body)
}

/// Reads the body of `POST /-/alarms/backtest`: how many alarms are to be replayed.
///
/// # Errors
/// What is wrong with it.
pub fn read_backtest(body: &[u8]) -> Result<usize, String> {
    alarms::read_only(body)
}

/// Reads the body of `POST /-/manage/backup`.
///
/// # Errors
/// What is wrong with it.
pub fn read_backup(body: &[u8]) -> Result<BackupRequest, String> {
    backups::request_of(body)
}

/// Reads a request to look at dead letters, or to send them again.
///
/// # Errors
/// What is wrong with it.
pub fn read_dead_letters(parts: &Parts, body: &[u8]) -> Result<(), String> {
    let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
    crate::dead_letters::read_only(&parts.method, path, query, body)
}

/// Returns user and password, or an empty user and the token, of the header `Authorization`.
pub fn brought(parts: &Parts) -> Option<(String, String)> {
    identify::brought_texts(parts)
}

/// Returns the token of the console's cookie, as a server without TLS reads it, and with TLS.
pub fn session_tokens(parts: &Parts) -> [Option<[u8; 32]>; 2] {
    [false, true].map(|is_private| sessions::token_of(is_private, parts))
}

/// Returns the status that the console answers with, and the size of what it sends.
pub fn console_answer(parts: &Parts) -> Option<(u16, usize)> {
    let answer = console::answer(parts).or_else(|| console::welcome(parts))?;
    Some((answer.status().as_u16(), answer.body().len()))
}
