//! Who acts, and how much they may.

use crate::AccountId;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How much somebody may do in their account; each role includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Writes too.
    Editor,
    /// Manages too.
    Admin,
}

impl Role {
    /// Returns the role's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("role must be viewer, editor or admin, not {0:?}")]
pub struct RoleError(String);

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        match text {
            "viewer" => Ok(Self::Viewer),
            "editor" => Ok(Self::Editor),
            "admin" => Ok(Self::Admin),
            _ => Err(RoleError(text.chars().take(40).collect())),
        }
    }
}

/// By what somebody is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    /// Nobody asked: everyone may come in.
    Open,
    /// An access key.
    AccessKey,
    /// A user with a password.
    User,
    /// A bearer token.
    Token,
    /// The server itself.
    Internal,
}

/// Who asks. Every verb takes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// By what they are known.
    pub kind: PrincipalKind,
    /// Id of the access key or token, or name of the user; empty when the request carried none.
    pub key_id: String,
    /// Their name in ARNs, in logs and in records.
    pub name: String,
    /// The account that they belong to.
    pub account: AccountId,
    /// What they may do there.
    pub role: Role,
}

impl Principal {
    /// The server itself, as the collector of its own host and of its own metrics.
    pub fn internal(account: AccountId) -> Self {
        Self {
            kind: PrincipalKind::Internal,
            key_id: "sightline".into(),
            name: "sightline".into(),
            account,
            role: Role::Admin,
        }
    }

    /// Somebody whom nobody asked who they are, with what they called themselves.
    pub fn open(key_id: impl Into<String>, account: AccountId) -> Self {
        let key_id = key_id.into();
        Self { kind: PrincipalKind::Open, name: key_id.clone(), key_id, account, role: Role::Admin }
    }

    /// Says whether they are the account itself rather than somebody in it.
    pub fn is_root(&self) -> bool {
        self.kind == PrincipalKind::Open
            && (self.key_id.is_empty() || self.key_id == self.account.as_str())
    }

    /// Returns their name as AWS writes it.
    pub fn arn(&self) -> String {
        match self.is_root() {
            true => format!("arn:aws:iam::{}:root", self.account),
            false => format!("arn:aws:iam::{}:user/{}", self.account, self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_include_those_before() {
        assert!(Role::Viewer < Role::Editor && Role::Editor < Role::Admin);
        for role in [Role::Viewer, Role::Editor, Role::Admin] {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert!("Admin".parse::<Role>().is_err());
    }

    #[test]
    fn arns_name_the_account_or_somebody_in_it() {
        let account = "123456789012".parse().unwrap();
        let arn = |p: Principal| p.arn();
        assert_eq!(arn(Principal::open("", account)), "arn:aws:iam::123456789012:root");
        assert_eq!(arn(Principal::open("123456789012", account)), "arn:aws:iam::123456789012:root");
        assert_eq!(arn(Principal::open("AKIA", account)), "arn:aws:iam::123456789012:user/AKIA");
    }
}
