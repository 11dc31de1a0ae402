//! Who signed in at the console: a cookie instead of a password with every request.
//!
//! ```text
//! GET    /-/session     who somebody is, whether anybody is asked, and whether there are users
//! POST   /-/session     signs in whoever says in `Authorization: Basic` who they are
//! DELETE /-/session     signs out
//! ```
//!
//! Signing in is a login as every other: slowed, recorded and checked by the same code. Sessions are
//! in memory only: a restart ends them, and so does whatever makes the credential worthless.

use crate::Shared;
use crate::identify;
use crate::listen::{json, plain};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::Full;
use model::Principal;
use parking_lot::Mutex;
use platform::{AuditEvent, AuthMode, Standing};
use serde_json::json as value;
use std::collections::HashMap;
use std::net::IpAddr;
use stdx::{Clock, RealClock, Rng};

pub(crate) const PATH: &str = "/-/session";

/// A session that nobody used for so long is over.
const IDLE_MS_MAX: i64 = 12 * 3_600_000;
/// Sessions of one credential; the one that was not used for longest gives way to a new one.
const OF_ONE_MAX: usize = 64;
/// Sessions of all.
const ALL_MAX: usize = 10_000;

type Token = [u8; 32];
type Answer = Response<Full<Bytes>>;

#[derive(Debug)]
struct Session {
    standing: Standing,
    used_ms: i64,
}

/// Sessions of this process.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<HashMap<Token, Session>>);

impl Sessions {
    /// Begins a session.
    fn begin(&self, standing: Standing, now_ms: i64) -> Token {
        let mut all = self.0.lock();
        all.retain(|_, session| session.lives(now_ms));
        let of_one = |session: &Session| session.standing.is_of(&standing.who);
        if all.values().filter(|s| of_one(s)).count() >= OF_ONE_MAX {
            drop_oldest(&mut all, of_one);
        } else if all.len() >= ALL_MAX {
            drop_oldest(&mut all, |_| true);
        }
        let token = Rng::system_bytes::<32>();
        all.insert(token, Session { standing, used_ms: now_ms });
        token
    }

    /// Returns what was known of a session's owner when it began; using it keeps it alive.
    fn touch(&self, token: &Token, now_ms: i64) -> Option<Standing> {
        let mut all = self.0.lock();
        let session = all.get_mut(token).filter(|session| session.lives(now_ms))?;
        session.used_ms = now_ms;
        Some(session.standing.clone())
    }

    fn end(&self, token: &Token) -> Option<Principal> {
        self.0.lock().remove(token).map(|session| session.standing.who)
    }
}

impl Session {
    fn lives(&self, now_ms: i64) -> bool {
        now_ms - self.used_ms < IDLE_MS_MAX
    }
}

fn drop_oldest(all: &mut HashMap<Token, Session>, which: impl Fn(&Session) -> bool) {
    let oldest = all.iter().filter(|(_, s)| which(s)).min_by_key(|(_, s)| s.used_ms);
    if let Some(token) = oldest.map(|(token, _)| *token) {
        all.remove(&token);
    }
}

/// Says whether a request is answered to whoever sends it: it says nothing that a stranger must not know.
pub(crate) fn is_for_everybody(parts: &Parts) -> bool {
    parts.uri.path() == PATH && parts.method != Method::POST
}

/// Returns who signed in, of a request that says in no other way who sends it.
///
/// A request that may change something has to come from a page of ours, which its browser says;
/// that it comes from no page of another site was looked at before.
pub(crate) fn who(shared: &Shared, parts: &Parts) -> Option<Principal> {
    let signed = parts.headers.contains_key(header::AUTHORIZATION)
        || parts.uri.query().is_some_and(|query| query.contains("X-Amz-"));
    if signed || !(parts.method.is_safe() || is_of_a_page(parts)) {
        return None;
    }
    let token = token_of(shared.tls.is_some(), parts)?;
    let standing = shared.sessions.touch(&token, RealClock.now_ms())?;
    if shared.platform.credentials().still_stands(&standing) {
        return Some(standing.who);
    }
    shared.sessions.end(&token);
    None
}

fn is_of_a_page(parts: &Parts) -> bool {
    let site = parts.headers.get(HeaderName::from_static("sec-fetch-site"));
    site.is_some_and(|site| site == "same-origin") || parts.headers.contains_key(header::ORIGIN)
}

/// Says whether a page of ours asks, which shows its own sign-in and not the browser's.
pub(crate) fn asks_for_itself(parts: &Parts) -> bool {
    parts.headers.contains_key(HeaderName::from_static("x-sightline-console"))
}

/// Cookies know no ports, so that their names do: two servers of one machine are two.
fn cookie_name(is_private: bool, parts: &Parts) -> String {
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let port = host.and_then(|host| host.rsplit_once(':')).map_or("", |(_, port)| port);
    let port = if port.bytes().all(|b| b.is_ascii_digit()) { port } else { "" };
    let prefix = if is_private { "__Host-" } else { "" };
    format!("{prefix}sightline{port}")
}

/// Reads the token that a request brings, over TLS or not.
pub(crate) fn token_of(is_private: bool, parts: &Parts) -> Option<Token> {
    let name = cookie_name(is_private, parts);
    let cookies = parts.headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|one| one.split_once('='));
    let text = pairs.find(|(key, _)| key.trim() == name).map(|(_, text)| text.trim())?;
    unhex(text)
}

fn hex(token: &Token) -> String {
    token.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Token> {
    let bytes = text.as_bytes();
    if bytes.len() != 64 || !bytes.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut token = [0; 32];
    for (byte, pair) in token.iter_mut().zip(bytes.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(token)
}

fn cookie(shared: &Shared, parts: &Parts, token: Option<&Token>) -> Option<HeaderValue> {
    let name = cookie_name(shared.tls.is_some(), parts);
    let secure = if shared.tls.is_some() { "; Secure" } else { "" };
    let (text, ends) = match token {
        Some(token) => (hex(token), ""),
        None => (String::new(), "; Max-Age=0"),
    };
    let text = format!("{name}={text}; Path=/; HttpOnly; SameSite=Strict{secure}{ends}");
    HeaderValue::from_str(&text).ok()
}

/// Answers `/-/session`.
pub(crate) fn answer(shared: &Shared, parts: &Parts, peer: IpAddr) -> Answer {
    let mut answer = match parts.method {
        Method::GET | Method::HEAD => json(StatusCode::OK, &shown(shared, who(shared, parts))),
        Method::POST => sign_in(shared, parts, peer),
        Method::DELETE => sign_out(shared, parts, peer),
        _ => plain(StatusCode::METHOD_NOT_ALLOWED, "this path takes GET, POST and DELETE\n"),
    };
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

fn shown(shared: &Shared, who: Option<Principal>) -> serde_json::Value {
    let platform = &shared.platform;
    let is_open = platform.auth() == AuthMode::Open;
    let mut told = value!({
        "auth": if is_open { "open" } else { "required" },
        "users": platform.credentials().has_users(),
    });
    if is_open || who.is_some() {
        if shared.virtual_clock.is_some() {
            told["clock"] = "virtual".into();
        }
        told["region"] = platform.default_scope().region.clone().into();
        told["account"] = platform.default_scope().account.as_str().into();
        told["version"] = env!("CARGO_PKG_VERSION").into();
    }
    if let Some(who) = who {
        told["account"] = who.account.as_str().into();
        told["name"] = who.name.into();
        told["role"] = who.role.as_str().into();
    }
    told
}

fn sign_in(shared: &Shared, parts: &Parts, peer: IpAddr) -> Answer {
    if shared.platform.auth() == AuthMode::Open {
        return json(StatusCode::OK, &shown(shared, None));
    }
    let who = parts.extensions.get::<Principal>();
    // A session makes no other: it would never end.
    let who = who.filter(|_| parts.headers.contains_key(header::AUTHORIZATION));
    let standing = who.and_then(|who| shared.platform.credentials().standing_of(who));
    let Some(standing) = standing else {
        let text = "send the user and password as Authorization: Basic";
        return json(StatusCode::UNAUTHORIZED, &value!({ "error": text }));
    };
    let who = standing.who.clone();
    let token = shared.sessions.begin(standing, RealClock.now_ms());
    let event = AuditEvent::of("ConsoleLogin", None);
    shared.platform.audit(&who, &identify::source(parts, peer, ""), event);
    let mut answer = json(StatusCode::OK, &shown(shared, Some(who)));
    if let Some(cookie) = cookie(shared, parts, Some(&token)) {
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    answer
}

/// Done by whoever has the cookie, also for a session that is over.
fn sign_out(shared: &Shared, parts: &Parts, peer: IpAddr) -> Answer {
    let ended = is_of_a_page(parts)
        .then(|| token_of(shared.tls.is_some(), parts))
        .flatten()
        .and_then(|token| shared.sessions.end(&token));
    if let Some(who) = &ended {
        let event = AuditEvent::of("ConsoleLogout", None);
        shared.platform.audit(who, &identify::source(parts, peer, ""), event);
    }
    let mut answer = json(StatusCode::OK, &shown(shared, None));
    if let Some(cookie) = cookie(shared, parts, None) {
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{PrincipalKind, Role};

    fn standing(name: &str) -> Standing {
        let who = Principal {
            kind: PrincipalKind::User,
            key_id: name.into(),
            name: name.into(),
            account: "123456789012".parse().expect("an account"),
            role: Role::Viewer,
        };
        Standing { who, secret: "hash".into() }
    }

    #[test]
    fn a_session_lives_while_it_is_used() {
        let sessions = Sessions::default();
        let token = sessions.begin(standing("ann"), 0);
        assert_eq!(sessions.touch(&token, IDLE_MS_MAX - 1), Some(standing("ann")));
        assert!(sessions.touch(&token, 2 * IDLE_MS_MAX - 2).is_some(), "used in between");
        assert_eq!(sessions.touch(&token, 3 * IDLE_MS_MAX), None);
        assert_eq!(sessions.touch(&[7; 32], 0), None);
    }

    #[test]
    fn who_signed_out_is_out() {
        let sessions = Sessions::default();
        let token = sessions.begin(standing("ann"), 0);
        assert_eq!(sessions.end(&token), Some(standing("ann").who));
        assert_eq!(sessions.touch(&token, 1), None);
    }

    #[test]
    fn many_sessions_of_one_end_the_oldest_of_theirs() {
        let sessions = Sessions::default();
        let other = sessions.begin(standing("ben"), 0);
        let first = sessions.begin(standing("ann"), 1);
        let second = sessions.begin(standing("ann"), 2);
        for n in 2..OF_ONE_MAX {
            sessions.begin(standing("ann"), i64::try_from(n).expect("small") + 1);
        }
        assert!(sessions.touch(&first, 100).is_some(), "used, so that it is not the oldest");
        sessions.begin(standing("ann"), 101);
        assert!(sessions.touch(&second, 102).is_none());
        assert!(sessions.touch(&first, 102).is_some() && sessions.touch(&other, 102).is_some());
    }

    #[test]
    fn tokens_are_read_back_and_nothing_else_is() {
        let token = Rng::system_bytes::<32>();
        assert_eq!(unhex(&hex(&token)), Some(token));
        for bad in ["", "00", &"g".repeat(64), &"0".repeat(63), &"é".repeat(32)] {
            assert_eq!(unhex(bad), None, "{bad}");
        }
    }
}
