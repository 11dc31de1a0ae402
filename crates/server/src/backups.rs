//! `/-/manage/backup`: POST starts a backup of the running server, GET tells how far it is. One at a
//! time, on a thread of its own.

use crate::Shared;
use crate::listen::json;
use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body_util::Full;
use parking_lot::Mutex;
use platform::saving::{BackupDone, BackupRequest, Progress, SaveError};
use platform::{AuditEvent, CallSource, Platform};
use serde_json::{Value, json as value};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

type Answer = Response<Full<Bytes>>;

/// The backup that runs, or the last one.
#[derive(Default)]
pub(crate) struct Backups {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Where it goes to and how far it is.
    running: Option<(PathBuf, Arc<Progress>)>,
    thread: Option<JoinHandle<()>>,
    /// What became of the last one.
    last: Value,
}

/// What whoever asks has to know next, from the error to its first cause.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

fn told_done(to: &std::path::Path, done: &BackupDone) -> Value {
    value!({
        "state": "done", "to": to, "snapshot": done.snapshot, "position": done.position,
        "parts": done.parts, "points": done.points, "bytes": done.bytes,
        "bytes_copied": done.bytes_copied, "damaged": done.damaged, "removed": done.removed,
    })
}

impl Backups {
    fn now(&self) -> Value {
        let state = self.state.lock();
        let Some((to, progress)) = &state.running else {
            return match &state.last {
                Value::Null => value!({ "state": "none" }),
                last => last.clone(),
            };
        };
        let now = progress.now();
        value!({
            "state": "running", "to": to, "files": now.files, "files_done": now.files_done,
            "bytes": now.bytes, "bytes_done": now.bytes_done, "bytes_copied": now.bytes_copied,
        })
    }

    /// Ends the one that runs, and waits for it: what was copied serves the next one.
    pub(crate) fn finish(&self) {
        let thread = {
            let mut state = self.state.lock();
            if let Some((_, progress)) = &state.running {
                progress.stop();
            }
            state.thread.take()
        };
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the backup's thread had panicked");
        }
    }
}

/// Clears `running` whatever happens, so that a panic does not hold up all later backups.
struct Running {
    shared: Arc<Shared>,
    last: Value,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.shared.backups.state.lock();
        state.running = None;
        state.last = std::mem::take(&mut self.last);
    }
}

fn run(shared: Arc<Shared>, who: &model::Principal, request: &BackupRequest, progress: &Progress) {
    let gave_up = value!({ "state": "failed", "error": "it was given up; the log says why" });
    let mut running = Running { shared, last: gave_up };
    let platform: &Platform = &running.shared.platform;
    let to = &request.to;
    running.last = match platform.backup(who, request, progress) {
        Ok(done) => {
            tracing::info!(to = %to.display(), snapshot = done.snapshot, position = done.position,
                bytes_copied = done.bytes_copied, "backup is done");
            told_done(to, &done)
        }
        Err(error) => {
            let error = told(&error);
            tracing::error!(to = %to.display(), error, "backup failed");
            value!({ "state": "failed", "to": to, "error": error })
        }
    };
}

fn bad(error: impl Into<String>) -> Answer {
    let hint = r#"send {"to": "/a/directory/on/this/machine"}, and "keep": 7 to keep seven"#;
    json(StatusCode::BAD_REQUEST, &value!({ "error": error.into(), "hint": hint }))
}

pub(crate) fn request_of(body: &[u8]) -> Result<BackupRequest, String> {
    let given: Value =
        serde_json::from_slice(body).map_err(|e| format!("the body is no JSON: {e}"))?;
    let fields = given.as_object().ok_or("the body is no JSON object")?;
    if let Some(other) = fields.keys().find(|k| *k != "to" && *k != "keep") {
        return Err(format!("{other:?} is no field of this request"));
    }
    let to = given["to"].as_str().map(PathBuf::from).ok_or("\"to\" is needed, as text")?;
    if !to.is_absolute() {
        return Err(format!("\"to\" must be a whole path on the server's machine, not {to:?}"));
    }
    let keep = match &given["keep"] {
        Value::Null => None,
        keep => {
            let keep = keep.as_u64().filter(|k| (1..=1_000_000).contains(k));
            let keep = keep.ok_or("\"keep\" must be a number from 1 on")?;
            Some(usize::try_from(keep).map_err(|e| e.to_string())?)
        }
    };
    Ok(BackupRequest { to, keep })
}

/// Answers for `who`.
pub(crate) fn answer(
    shared: &Arc<Shared>,
    method: &Method,
    who: &model::Principal,
    from: &CallSource,
    body: &[u8],
) -> Answer {
    let event = AuditEvent {
        read_only: method == Method::GET,
        ..AuditEvent::of("CreateBackup", serde_json::from_slice(body).ok())
    };
    if let Err(error) = shared.platform.may_back_up(who) {
        let event = event.failed("AccessDenied", error.to_string());
        shared.platform.audit(who, from, event);
        return json(
            StatusCode::FORBIDDEN,
            &value!({ "error": SaveError::from(error).to_string() }),
        );
    }
    match *method {
        Method::GET => json(StatusCode::OK, &shared.backups.now()),
        Method::POST => match request_of(body) {
            Ok(request) => {
                shared.platform.audit(who, from, event);
                start(shared, who.clone(), request)
            }
            Err(error) => bad(error),
        },
        _ => json(
            StatusCode::METHOD_NOT_ALLOWED,
            &value!({ "error": "GET tells how far it is, POST starts one" }),
        ),
    }
}

fn start(shared: &Arc<Shared>, who: model::Principal, request: BackupRequest) -> Answer {
    let mut state = shared.backups.state.lock();
    if let Some((to, _)) = &state.running {
        let error = format!("a backup to {} is running; one at a time", to.display());
        return json(StatusCode::CONFLICT, &value!({ "error": error }));
    }
    let progress = Arc::new(Progress::default());
    state.running = Some((request.to.clone(), progress.clone()));
    let (work, to) = (shared.clone(), request.to.clone());
    let spawned = thread::Builder::new()
        .name("backup".into())
        .spawn(move || run(work, &who, &request, &progress));
    match spawned {
        Ok(thread) => {
            state.thread = Some(thread);
            json(StatusCode::ACCEPTED, &value!({ "state": "running", "to": to }))
        }
        Err(error) => {
            state.running = None;
            let error = format!("a thread cannot be started: {error}");
            json(StatusCode::SERVICE_UNAVAILABLE, &value!({ "error": error }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_or_refused() {
        let read = |text: &str| request_of(text.as_bytes());
        let request = read(r#"{"to":"/b","keep":3}"#).unwrap();
        assert_eq!((request.to, request.keep), (PathBuf::from("/b"), Some(3)));
        assert_eq!(read(r#"{"to":"/b"}"#).unwrap().keep, None);
        for bad in
            ["", "[]", "{}", r#"{"to":"b"}"#, r#"{"to":"/b","keep":0}"#, r#"{"to":"/b","x":1}"#]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
