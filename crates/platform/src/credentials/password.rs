//! Passwords: hashed slowly on purpose, and remembered for a while once they were right.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use sha2::Sha256;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use stdx::Rng;

/// Shorter ones are guessed; longer ones are no passwords.
pub(super) const LEN_MIN: usize = 8;
pub(super) const LEN_MAX: usize = 256;
/// How long a right password is remembered: after that it is hashed again.
const REMEMBERED_MS: i64 = 10 * 60_000;
const REMEMBERED_MAX: usize = 1_000;

/// Hashes a password by argon2id with 19 MiB and two rounds, as OWASP recommends; tens of
/// milliseconds.
pub(super) fn hash(password: &str) -> String {
    let salt = Rng::system_bytes::<16>();
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    hash.expect("a password of a few hundred bytes is hashed").to_string()
}

/// Says whether a password is the one of a hash; as slow as hashing.
pub(super) fn is_right(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// Right passwords of the last minutes, under a key that lives as long as the process, so that a
/// sender with a password costs a hash now and then and not with each request.
#[derive(Debug)]
pub(super) struct Remembered {
    key: [u8; 32],
    right: Mutex<HashMap<[u8; 32], Right>>,
}

#[derive(Debug)]
struct Right {
    /// The hash that it was right for: another one, after a change, forgets it.
    hash: String,
    until_ms: i64,
}

impl Remembered {
    pub(super) fn new() -> Self {
        Self { key: Rng::system_bytes(), right: Mutex::default() }
    }

    /// Stands for a user and a password, and tells neither.
    pub(super) fn digest(&self, user: &str, password: &str) -> [u8; 32] {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.key).expect("a key of any length is taken");
        mac.update(&(user.len() as u64).to_le_bytes());
        mac.update(user.as_bytes());
        mac.update(password.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// Says whether the password was right for `hash` a while ago.
    pub(super) fn knows(&self, digest: &[u8; 32], hash: &str, now_ms: i64) -> bool {
        let right = self.right.lock();
        // A clock that was put back must not make it last longer.
        right
            .get(digest)
            .is_some_and(|r| r.hash == hash && (0..=REMEMBERED_MS).contains(&(r.until_ms - now_ms)))
    }

    pub(super) fn remember(&self, digest: [u8; 32], hash: String, now_ms: i64) {
        let mut right = self.right.lock();
        if right.len() >= REMEMBERED_MAX {
            right.retain(|_, r| (0..=REMEMBERED_MS).contains(&(r.until_ms - now_ms)));
            if right.len() >= REMEMBERED_MAX {
                right.clear();
            }
        }
        right.insert(digest, Right { hash, until_ms: now_ms.saturating_add(REMEMBERED_MS) });
    }
}

/// The digests of what is being hashed.
#[derive(Debug, Default)]
pub(super) struct UnderWay(Arc<Mutex<HashSet<[u8; 32]>>>);

/// One of them; gone when this is dropped.
pub(super) struct Entered {
    all: Arc<Mutex<HashSet<[u8; 32]>>>,
    digest: [u8; 32],
}

impl UnderWay {
    /// Returns `None` when it is there already.
    pub(super) fn enter(&self, digest: [u8; 32]) -> Option<Entered> {
        self.0.lock().insert(digest).then(|| Entered { all: self.0.clone(), digest })
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.all.lock().remove(&self.digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_of_a_hash_is_right() {
        let hash = hash("correct horse");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(is_right("correct horse", &hash));
        assert!(!is_right("correct horsf", &hash) && !is_right("", &hash));
        assert!(!is_right("correct horse", "no hash"));
    }

    #[test]
    fn a_right_password_is_remembered_for_its_hash_and_for_a_while() {
        let (memory, hash): (_, String) = (Remembered::new(), "h1".into());
        memory.remember(memory.digest("ann", "password"), hash, 1_000);
        let knows =
            |user, password, hash, now| memory.knows(&memory.digest(user, password), hash, now);
        assert!(knows("ann", "password", "h1", 1_000 + REMEMBERED_MS));
        assert!(!knows("ann", "password", "h1", 1_001 + REMEMBERED_MS), "too long ago");
        assert!(!knows("ann", "password", "h1", 0), "the clock was put back");
        assert!(!knows("ann", "password", "h2", 1_000), "it was changed");
        assert!(!knows("an", "npassword", "h1", 1_000));
        for n in 0..2 * REMEMBERED_MAX {
            memory.remember(memory.digest(&n.to_string(), "password"), "h1".into(), 1_000);
        }
        assert!(memory.right.lock().len() <= REMEMBERED_MAX);
    }
}
