//! Access keys, users and tokens as the catalog keeps them, and as they are shown.

use super::key_file::Sealed;
use catalog::CatalogError;
use model::{AccountId, Principal, PrincipalKind, Role};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What access keys, users and tokens have in common.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Common {
    pub(super) account: String,
    pub(super) role: Role,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    pub(super) created_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) revoked_ms: Option<i64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct KeyRecord {
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) common: Common,
    /// Gone once it is revoked: what is not there cannot be lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<Sealed>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct UserRecord {
    #[serde(flatten)]
    pub(super) common: Common,
    /// A PHC string of argon2id.
    pub(super) password_hash: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TokenRecord {
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) common: Common,
    /// SHA-256 of the token, in hexadecimal.
    pub(super) sha256: String,
}

/// Reads an entry of the catalog.
pub(super) fn read<T: DeserializeOwned>(key: &str, value: &[u8]) -> Result<T, CatalogError> {
    serde_json::from_slice(value).map_err(|error| CatalogError::Storage {
        what: "credential cannot be read",
        why: format!("{key}: {error}"),
    })
}

pub(super) fn write<T: Serialize>(record: &T) -> Vec<u8> {
    serde_json::to_vec(record).expect("texts and numbers are JSON")
}

impl Common {
    pub(super) fn account(&self, key: &str) -> Result<AccountId, CatalogError> {
        self.account.parse().map_err(|error: model::AccountIdError| CatalogError::Storage {
            what: "credential cannot be read",
            why: format!("{key}: {error}"),
        })
    }

    pub(super) fn is_revoked(&self) -> bool {
        self.revoked_ms.is_some()
    }

    pub(super) fn principal(
        &self,
        kind: PrincipalKind,
        id: &str,
        name: &str,
    ) -> Result<Principal, CatalogError> {
        Ok(Principal {
            kind,
            key_id: id.to_owned(),
            name: name.to_owned(),
            account: self.account(id)?,
            role: self.role,
        })
    }

    pub(super) fn shown(&self, id: &str, name: &str) -> CredentialShown {
        CredentialShown {
            id: id.to_owned(),
            name: name.to_owned(),
            account: self.account.clone(),
            role: self.role,
            description: self.description.clone(),
            created: text_of(self.created_ms),
            revoked: self.revoked_ms.map(text_of),
        }
    }
}

fn text_of(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).map(|t| t.to_string()).unwrap_or_default()
}

/// A credential for lists: everything but its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CredentialShown {
    /// Id of the access key or token, name of the user.
    pub id: String,
    /// Name in ARNs and records.
    pub name: String,
    /// Account.
    pub account: String,
    /// Role there.
    pub role: Role,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// When it was made, such as `2026-01-01T00:00:00Z`.
    pub created: String,
    /// When it was revoked, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked: Option<String>,
}
