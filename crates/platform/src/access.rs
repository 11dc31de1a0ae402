//! Who may do what. One check for all verbs.

use crate::Platform;
use model::{Principal, Scope};
use std::fmt;
use std::str::FromStr;

/// Who may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuthMode {
    /// Everyone who reaches the server, which therefore listens on loopback only.
    #[default]
    Open,
}

impl FromStr for AuthMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "open" => Ok(Self::Open),
            "required" => {
                Err("--auth required is not served yet: keys, roles and TLS come next; use --auth open on loopback".into())
            }
            _ => Err(format!("auth mode must be `open`, not {text:?}")),
        }
    }
}

impl fmt::Display for AuthMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("open"),
        }
    }
}

/// What somebody is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Add points.
    Write,
    /// Ask for points, series or labels.
    Read,
    /// Change the clock or empty everything, on the test bench.
    Control,
}

/// Somebody may not do what they asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key_id:?} of account {account} may not {verb:?} in account {wanted}")]
pub struct AccessError {
    key_id: String,
    account: model::AccountId,
    verb: Verb,
    wanted: model::AccountId,
}

impl Platform {
    /// Checks that `who` may do `verb` in `scope`. Nobody leaves their own account.
    ///
    /// # Errors
    /// [`AccessError`].
    pub fn check(&self, who: &Principal, scope: &Scope, verb: Verb) -> Result<(), AccessError> {
        match self.auth {
            AuthMode::Open if who.account == scope.account => Ok(()),
            AuthMode::Open => Err(AccessError {
                key_id: who.key_id.clone(),
                account: who.account,
                verb,
                wanted: scope.account,
            }),
        }
    }
}
