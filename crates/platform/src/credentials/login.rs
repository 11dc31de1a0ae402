//! From what a request brings to who it is.

use super::password::{self, Entered};
use super::random_text::{self, TOKEN_PREFIX};
use super::{Credentials, NAME_LEN_MAX};
use model::{Principal, PrincipalKind};
use std::net::IpAddr;
use std::sync::LazyLock;
use subtle::ConstantTimeEq;

/// What a request brings to say who it is.
#[derive(Clone, Copy)]
pub enum Presented<'a> {
    /// A bearer token.
    Bearer(&'a str),
    /// User and password of HTTP basic authentication: a user of ours with their password, an
    /// access key with its secret, any user with a token for the password, or a token for the user.
    Basic {
        /// The user.
        user: &'a str,
        /// The password.
        password: &'a str,
    },
}

impl Presented<'_> {
    /// Returns what may be written down of it: a name, or nothing.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Bearer(_) => None,
            Self::Basic { user, .. } => Some(*user).filter(|user| may_be_told(user)),
        }
    }
}

/// Says whether a name or id that somebody brought may be written down: one that can be none of ours is
/// perhaps a password in the wrong place, and what looks like a token or a secret perhaps is one.
pub fn may_be_told(name: &str) -> bool {
    super::is_name(name) && !random_text::is_secret(name)
}

/// Why somebody does not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// What they brought is not good. Which part of it, nobody is told.
    #[error("user, password or token is wrong")]
    Wrong,
    /// Too many failed before.
    #[error("too many failed logins; try again in {} s", (wait_ms + 999) / 1000)]
    Slow {
        /// How long to wait before the next attempt.
        wait_ms: i64,
    },
}

/// How far a login is.
#[derive(Debug)]
pub enum LoginStep {
    /// Decided.
    Done(Result<Principal, LoginError>),
    /// The same password of the same user is being hashed for somebody else: ask again when that is
    /// done. A right one is remembered then.
    UnderWay,
    /// A password must be hashed, which takes tens of milliseconds: off the threads that serve
    /// connections.
    Hash(PasswordCheck),
}

/// A password that is to be hashed. Until it is dropped, the same one is not hashed a second time.
pub struct PasswordCheck {
    _under_way: Entered,
    user: String,
    password: String,
    /// The user's hash; `None` when there is no such user, which must not show in the time.
    hash: Option<String>,
    source: IpAddr,
}

impl std::fmt::Debug for PasswordCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordCheck").field("user", &self.user).finish_non_exhaustive()
    }
}

/// The hash of a password that nobody knows.
static NOBODY: LazyLock<String> = LazyLock::new(|| password::hash(&random_text::token()));

/// Somebody who came in, and what they came in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Who they are.
    pub who: Principal,
    /// Differs as soon as their secret does; is none itself.
    pub secret: String,
}

impl Standing {
    /// Says whether it is that of a credential.
    pub fn is_of(&self, who: &Principal) -> bool {
        self.who.kind == who.kind && self.who.key_id == who.key_id
    }
}

impl Credentials {
    /// Returns what makes a session of somebody who came in; `None` of whoever has no credential that
    /// is good.
    pub fn standing_of(&self, who: &Principal) -> Option<Standing> {
        let known = self.known.read();
        let id = who.key_id.as_str();
        let (who, secret) = match who.kind {
            PrincipalKind::User => {
                let user = known.users.get(id).filter(|u| !u.record.common.is_revoked())?;
                (&user.principal, user.record.password_hash.clone())
            }
            PrincipalKind::AccessKey => {
                let key = known.keys.get(id).filter(|key| key.secret.is_some())?;
                (&key.principal, String::new())
            }
            PrincipalKind::Token => {
                let token = known.tokens.get(id).filter(|t| !t.record.common.is_revoked())?;
                (&token.principal, String::new())
            }
            PrincipalKind::Open | PrincipalKind::Internal => return None,
        };
        Some(Standing { who: who.clone(), secret })
    }

    /// Says whether somebody who came in would be let in now, as the same and with the same secret.
    pub fn still_stands(&self, standing: &Standing) -> bool {
        self.standing_of(&standing.who).as_ref() == Some(standing)
    }

    /// Says whether there is any user who could come in.
    pub fn has_users(&self) -> bool {
        self.known.read().users.values().any(|user| !user.record.common.is_revoked())
    }

    /// Decides a login, or says what must be hashed for that. `now_ms` is the wall clock's.
    pub fn begin_login(&self, presented: Presented<'_>, source: IpAddr, now_ms: i64) -> LoginStep {
        let (user, password) = match presented {
            Presented::Bearer(token) => return LoginStep::Done(self.by_token(token)),
            // As people give it to curl: `-u slt_...:`.
            Presented::Basic { user, .. } if user.starts_with(TOKEN_PREFIX) => {
                return LoginStep::Done(self.by_token(user));
            }
            Presented::Basic { password, .. } if password.starts_with(TOKEN_PREFIX) => {
                return LoginStep::Done(self.by_token(password));
            }
            Presented::Basic { user, password } => (user, password),
        };
        if random_text::is_key_id(user) {
            return LoginStep::Done(self.by_key(user, password));
        }
        // Nobody has such a name, and the throttle is not to keep it; the source is slowed all the same.
        if user.len() > NAME_LEN_MAX {
            let waits = self.throttle.lock().attempt(source, None, now_ms).err();
            let slow = waits.map(|wait_ms| LoginError::Slow { wait_ms });
            return LoginStep::Done(Err(slow.unwrap_or(LoginError::Wrong)));
        }
        let digest = self.right.digest(user, password);
        let hash = {
            let known = self.known.read();
            let good = known.users.get(user).filter(|u| !u.record.common.is_revoked());
            if let Some(user_known) = good
                && self.right.knows(&digest, &user_known.record.password_hash, now_ms)
            {
                return LoginStep::Done(Ok(user_known.principal.clone()));
            }
            good.map(|u| u.record.password_hash.clone())
        };
        // Many connections of one sender are not many guesses.
        let Some(under_way) = self.under_way.enter(digest) else { return LoginStep::UnderWay };
        if let Err(wait_ms) = self.throttle.lock().attempt(source, Some(user), now_ms) {
            return LoginStep::Done(Err(LoginError::Slow { wait_ms }));
        }
        if password.len() > password::LEN_MAX {
            return LoginStep::Done(Err(LoginError::Wrong));
        }
        LoginStep::Hash(PasswordCheck {
            _under_way: under_way,
            user: user.to_owned(),
            password: password.to_owned(),
            hash,
            source,
        })
    }

    /// Hashes a password and decides; slow.
    ///
    /// # Errors
    /// [`LoginError::Wrong`].
    pub fn finish_login(
        &self,
        check: &PasswordCheck,
        now_ms: i64,
    ) -> Result<Principal, LoginError> {
        let PasswordCheck { user, password, hash, source, .. } = check;
        let is_right = password::is_right(password, hash.as_deref().unwrap_or(&NOBODY));
        let Some(hash) = hash.as_ref().filter(|_| is_right) else {
            return Err(LoginError::Wrong);
        };
        // The user may have been revoked or given another password meanwhile.
        let known = self.known.read();
        let good = known
            .users
            .get(user)
            .filter(|u| !u.record.common.is_revoked() && u.record.password_hash == *hash);
        let principal = good.ok_or(LoginError::Wrong)?.principal.clone();
        self.right.remember(self.right.digest(user, password), hash.clone(), now_ms);
        self.throttle.lock().forgive(*source, user);
        Ok(principal)
    }

    fn by_token(&self, token: &str) -> Result<Principal, LoginError> {
        // Looked up by its hash: how far a guess fits shows in no time that could be measured.
        let hash = random_text::token_hash(token);
        let known = self.known.read();
        let id = known.by_hash.get(&hash).ok_or(LoginError::Wrong)?;
        Ok(known.tokens[id].principal.clone())
    }

    fn by_key(&self, id: &str, secret: &str) -> Result<Principal, LoginError> {
        let known = self.known.read();
        let key = known.keys.get(id).ok_or(LoginError::Wrong)?;
        let right = key
            .secret
            .as_ref()
            .is_some_and(|right| bool::from(right.as_bytes().ct_eq(secret.as_bytes())));
        if right { Ok(key.principal.clone()) } else { Err(LoginError::Wrong) }
    }
}
