//! `/-/manage/...`: access keys, users and tokens, in JSON.
//!
//! ```text
//! GET  /-/manage/keys                    lists them, revoked ones too
//! POST /-/manage/keys                    {"role", "account"?, "name"?, "description"?}
//! POST /-/manage/keys/ID/revoke
//! POST /-/manage/users                   {"name", "password", "role", "account"?, "description"?}
//! POST /-/manage/users/NAME/password     {"password"}
//! POST /-/manage/users/NAME/revoke
//! POST /-/manage/tokens                  as keys
//! ```

use crate::listen::json;
use crate::{Shared, identify};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use http_body_util::Full;
use model::{AccountId, Principal, PrincipalKind, Role};
use platform::{CredentialsError, ManageError, Management, NewCredential};
use serde::Deserialize;
use serde_json::{Value, json as value};
use std::net::IpAddr;
use std::sync::Arc;

pub(crate) const PREFIX: &str = "/-/manage/";

/// Says whether a path is one of these.
pub(crate) fn claims(path: &str) -> bool {
    let collection = path.strip_prefix(PREFIX).and_then(|rest| rest.split('/').next());
    matches!(collection, Some("keys" | "users" | "tokens"))
}

type Answer = Response<Full<Bytes>>;

/// What is asked for, and of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act<'p> {
    List(PrincipalKind),
    Create(PrincipalKind),
    Revoke(PrincipalKind, &'p str),
    SetPassword(&'p str),
}

/// Why nothing is done: a status, and what is wrong.
type Refused = (StatusCode, String);

fn act<'p>(method: &Method, path: &'p str) -> Result<Act<'p>, Refused> {
    let unknown = || (StatusCode::NOT_FOUND, format!("nothing is served at {path}"));
    let mut pieces = path.strip_prefix(PREFIX).unwrap_or_default().split('/');
    let kind = match pieces.next() {
        Some("keys") => PrincipalKind::AccessKey,
        Some("users") => PrincipalKind::User,
        Some("tokens") => PrincipalKind::Token,
        _ => return Err(unknown()),
    };
    let (found, takes) = match (pieces.next(), pieces.next(), pieces.next()) {
        (None, None, None) if *method == Method::GET => (Act::List(kind), Method::GET),
        (None, None, None) => (Act::Create(kind), Method::POST),
        (Some(id), Some("revoke"), None) => (Act::Revoke(kind, id), Method::POST),
        (Some(name), Some("password"), None) if kind == PrincipalKind::User => {
            (Act::SetPassword(name), Method::POST)
        }
        _ => return Err(unknown()),
    };
    match *method == takes {
        true => Ok(found),
        false => Err((StatusCode::METHOD_NOT_ALLOWED, format!("{path} takes {takes}"))),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    role: Role,
    account: Option<String>,
    name: Option<String>,
    description: Option<String>,
    password: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Password {
    password: String,
}

fn read<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, Refused> {
    serde_json::from_slice(body)
        .map_err(|error| (StatusCode::BAD_REQUEST, format!("the body cannot be read: {error}")))
}

/// Reads a request and does nothing, for the crate `fuzz`.
pub(crate) fn read_only(parts: &Parts, body: &[u8]) -> Result<(), String> {
    let read = match act(&parts.method, parts.uri.path()) {
        Ok(Act::Create(_)) => read::<Create>(body).map(drop),
        Ok(Act::SetPassword(_)) => read::<Password>(body).map(drop),
        Ok(Act::List(_) | Act::Revoke(..)) => Ok(()),
        Err(refused) => Err(refused),
    };
    read.map_err(|(_, text)| text)
}

fn of_error(error: &ManageError) -> Refused {
    let status = match error {
        ManageError::Access(_) => StatusCode::FORBIDDEN,
        ManageError::Credentials(CredentialsError::Bad(_)) => StatusCode::BAD_REQUEST,
        ManageError::Credentials(CredentialsError::Unknown { .. }) => StatusCode::NOT_FOUND,
        ManageError::Credentials(CredentialsError::Exists { .. }) => StatusCode::CONFLICT,
        ManageError::Credentials(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let source = std::error::Error::source(error);
    let why = source.map(|why| format!(": {why}")).unwrap_or_default();
    (status, format!("{error}{why}"))
}

fn shown(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("texts are JSON")
}

fn create(
    management: &Management<'_>,
    own: AccountId,
    kind: PrincipalKind,
    body: &[u8],
) -> Result<Value, Refused> {
    let asked: Create = read(body)?;
    let bad = |text: String| (StatusCode::BAD_REQUEST, text);
    let account = match &asked.account {
        Some(text) => text.parse().map_err(|error| bad(format!("account {text:?}: {error}")))?,
        None => own,
    };
    let new = NewCredential {
        name: asked.name,
        account,
        role: asked.role,
        description: asked.description,
    };
    let made = match (kind, asked.password) {
        (PrincipalKind::User, Some(password)) => {
            management.create_user(&new, &password).map(|made| shown(&made))
        }
        (PrincipalKind::User, None) => return Err(bad("a user needs a password".into())),
        (_, Some(_)) => return Err(bad("only users have passwords".into())),
        (PrincipalKind::AccessKey, None) => management.create_key(&new).map(|made| shown(&made)),
        (_, None) => management.create_token(&new).map(|made| shown(&made)),
    };
    made.map_err(|error| of_error(&error))
}

fn done(
    management: &Management<'_>,
    own: AccountId,
    act: Act<'_>,
    body: &[u8],
) -> Result<Value, Refused> {
    let refused = |error: ManageError| of_error(&error);
    match act {
        Act::List(kind) => {
            let found = management.list(kind).map_err(refused)?;
            Ok(value!({ "credentials": shown(&found) }))
        }
        Act::Create(kind) => create(management, own, kind, body),
        Act::Revoke(kind, id) => {
            management.revoke(kind, id).map(|revoked| shown(&revoked)).map_err(refused)
        }
        Act::SetPassword(name) => {
            let Password { password } = read(body)?;
            let changed = management.set_password(name, &password);
            changed.map(|changed| shown(&changed)).map_err(refused)
        }
    }
}

pub(crate) async fn answer(
    shared: &Arc<Shared>,
    parts: &Parts,
    body: &Bytes,
    peer: IpAddr,
) -> Answer {
    let Some(who) = parts.extensions.get::<Principal>().cloned() else {
        return error(&(StatusCode::FORBIDDEN, "nobody asks".into()));
    };
    let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
    let from = identify::source(parts, peer, "");
    // As many passwords are hashed at once as for logins, and no more.
    let permit = match act(&method, &path) {
        Err(refused) => return error(&refused),
        Ok(Act::SetPassword(_) | Act::Create(PrincipalKind::User)) => {
            match shared.hashing.enter().await {
                Some(permit) => Some(permit),
                None => return busy(),
            }
        }
        Ok(_) => None,
    };
    let (shared, body) = (shared.clone(), body.clone());
    // Passwords are hashed and the catalog is synced, which takes its time.
    let work = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let act = act(&method, &path)?;
        let management = shared.platform.manage(&who, from);
        done(&management, who.account, act, &body)
    });
    match work.await {
        Ok(Ok(answer)) => json(StatusCode::OK, &answer),
        Ok(Err(refused)) => error(&refused),
        Err(_) => error(&(StatusCode::INTERNAL_SERVER_ERROR, "it was given up".into())),
    }
}

fn busy() -> Answer {
    let text = "many passwords are being hashed; try again in a second";
    let mut answer = error(&(StatusCode::TOO_MANY_REQUESTS, text.into()));
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    answer
}

fn error((status, text): &Refused) -> Answer {
    json(*status, &value!({ "error": text }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_methods_say_what_is_meant() {
        let (get, post) = (Method::GET, Method::POST);
        let key = PrincipalKind::AccessKey;
        assert_eq!(act(&get, "/-/manage/keys"), Ok(Act::List(key)));
        assert_eq!(act(&post, "/-/manage/keys"), Ok(Act::Create(key)));
        assert_eq!(act(&post, "/-/manage/keys/SLAK1/revoke"), Ok(Act::Revoke(key, "SLAK1")));
        assert_eq!(act(&post, "/-/manage/users/ann/password"), Ok(Act::SetPassword("ann")));
        for (method, path, status) in [
            (&get, "/-/manage/keys/SLAK1/revoke", 405),
            (&Method::DELETE, "/-/manage/keys", 405),
            (&post, "/-/manage/keys/SLAK1/password", 404),
            (&post, "/-/manage/keys/SLAK1", 404),
            (&get, "/-/manage/", 404),
            (&get, "/-/manage/others", 404),
            (&get, "/-/manage/keys/a/revoke/b", 404),
        ] {
            assert_eq!(act(method, path).unwrap_err().0.as_u16(), status, "{method} {path}");
        }
    }

    #[test]
    fn misspelt_fields_are_refused_by_name() {
        let (status, text) = read::<Create>(br#"{"role":"admin","acount":"1"}"#).unwrap_err();
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(text.contains("acount"), "{text}");
        assert!(read::<Create>(br#"{"role":"root"}"#).unwrap_err().1.contains("viewer"));
    }
}
