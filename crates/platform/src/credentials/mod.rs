//! Who may come in: access keys, users and tokens, kept in the catalog and held in memory.
//!
//! Changes are written to the catalog first and seen by the next request.

mod key_file;
mod login;
mod password;
mod random_text;
mod record;
mod throttle;

pub use key_file::KeyFileError;
pub use login::{LoginError, LoginStep, PasswordCheck, Presented, Standing, may_be_told};
pub(crate) use random_text::hex;
pub use record::CredentialShown;

use catalog::{Catalog, CatalogError, Change, Expect};
use key_file::SecretKey;
use model::{AccountId, Principal, PrincipalKind, Role};
use parking_lot::{Mutex, RwLock};
use record::{Common, KeyRecord, TokenRecord, UserRecord};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use stdx::Disk;

const KEYS: &str = "access-keys";
const USERS: &str = "users";
const TOKENS: &str = "tokens";

const NAME_LEN_MAX: usize = 64;
const DESCRIPTION_LEN_MAX: usize = 256;

/// Why a credential was not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// A value that cannot be.
    #[error("{0}")]
    Bad(String),
    /// There is none of that name.
    #[error("{what} {id:?} does not exist")]
    Unknown {
        /// What was looked for.
        what: &'static str,
        /// Its id or name.
        id: String,
    },
    /// There is one of that name already.
    #[error("{what} {id:?} exists already; revoke it first, or choose another name")]
    Exists {
        /// What is there.
        what: &'static str,
        /// Its id or name.
        id: String,
    },
    /// The key file.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The catalog.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl CredentialsError {
    /// There is no such credential.
    pub(crate) fn unknown(kind: PrincipalKind, id: &str) -> Self {
        let what = match kind {
            PrincipalKind::AccessKey => "access key",
            PrincipalKind::User => "user",
            PrincipalKind::Token => "token",
            PrincipalKind::Open | PrincipalKind::Internal => "credential",
        };
        Self::Unknown { what, id: id.to_owned() }
    }
}

/// What a new credential is to be.
#[derive(Debug, Clone)]
pub struct NewCredential {
    /// Name in ARNs and records; for keys and tokens the id, when there is none.
    pub name: Option<String>,
    /// Account.
    pub account: AccountId,
    /// Role there.
    pub role: Role,
    /// What it is for.
    pub description: Option<String>,
}

/// A new access key; the secret is shown this once.
#[derive(Clone, serde::Serialize)]
pub struct NewAccessKey {
    /// The key.
    #[serde(flatten)]
    pub shown: CredentialShown,
    /// Its secret.
    pub secret_access_key: String,
}

/// A new token, shown this once.
#[derive(Clone, serde::Serialize)]
pub struct NewToken {
    /// What it is.
    #[serde(flatten)]
    pub shown: CredentialShown,
    /// The token itself.
    pub token: String,
}

#[derive(Debug)]
struct Key {
    record: KeyRecord,
    principal: Principal,
    /// Decrypted; absent when it is revoked or its key file is not there.
    secret: Option<Arc<str>>,
}

#[derive(Debug)]
struct User {
    record: UserRecord,
    principal: Principal,
}

#[derive(Debug)]
struct Token {
    record: TokenRecord,
    principal: Principal,
}

#[derive(Debug, Default)]
struct Known {
    keys: BTreeMap<String, Key>,
    users: BTreeMap<String, User>,
    tokens: BTreeMap<String, Token>,
    /// Ids of tokens that are good, by their hash.
    by_hash: HashMap<[u8; 32], String>,
}

/// All credentials of a data directory.
#[derive(Debug)]
pub struct Credentials {
    catalog: Arc<dyn Catalog>,
    disk: Arc<dyn Disk>,
    key_file: PathBuf,
    known: RwLock<Known>,
    /// Held while anything is changed: memory follows the catalog in its order.
    changing: Mutex<()>,
    right: password::Remembered,
    under_way: password::UnderWay,
    throttle: Mutex<throttle::Throttle>,
}

/// What a sealed secret is bound to: it opens for no other key, account or role.
fn bound(id: &str, record: &KeyRecord) -> String {
    let Common { account, role, created_ms, .. } = &record.common;
    format!("access key {id} of {account}, {role}, {:?}, {created_ms}", record.name)
}

impl Credentials {
    /// Reads the catalog. With `needs_secrets`, the secrets of access keys are decrypted.
    ///
    /// # Errors
    /// [`CredentialsError::KeyFile`] when they cannot be decrypted and have to;
    /// [`CredentialsError::Catalog`].
    pub(crate) fn load(
        catalog: Arc<dyn Catalog>,
        disk: Arc<dyn Disk>,
        key_file: PathBuf,
        needs_secrets: bool,
    ) -> Result<Self, CredentialsError> {
        let mut known = Known::default();
        for (id, value) in catalog.scan(KEYS, "")? {
            let record: KeyRecord = record::read(&id, &value)?;
            let principal = record.common.principal(PrincipalKind::AccessKey, &id, &record.name)?;
            known.keys.insert(id, Key { record, principal, secret: None });
        }
        for (name, value) in catalog.scan(USERS, "")? {
            known.put_user(name.clone(), record::read(&name, &value)?)?;
        }
        for (id, value) in catalog.scan(TOKENS, "")? {
            known.put_token(id.clone(), record::read(&id, &value)?)?;
        }
        let credentials = Self {
            catalog,
            disk,
            key_file,
            known: RwLock::new(known),
            changing: Mutex::default(),
            right: password::Remembered::new(),
            under_way: password::UnderWay::default(),
            throttle: Mutex::default(),
        };
        match credentials.decrypt() {
            Ok(()) => {}
            Err(error) if needs_secrets => return Err(error.into()),
            Err(error) => tracing::warn!(%error, "access keys are not usable"),
        }
        Ok(credentials)
    }

    fn decrypt(&self) -> Result<(), KeyFileError> {
        let mut known = self.known.write();
        if known.keys.values().all(|key| key.record.secret.is_none()) {
            return Ok(());
        }
        let key = SecretKey::read(&*self.disk, &self.key_file)?
            .ok_or_else(|| KeyFileError::Missing(self.key_file.clone()))?;
        for (id, one) in &mut known.keys {
            if let Some(sealed) = &one.record.secret {
                one.secret = Some(key.open(sealed, &bound(id, &one.record))?.into());
            }
        }
        Ok(())
    }

    /// Says whether anybody could come in, and whether as an admin.
    pub fn has_admin(&self, account: AccountId) -> bool {
        let known = self.known.read();
        let is_admin = |common: &Common, principal: &Principal| {
            !common.is_revoked() && principal.role == Role::Admin && principal.account == account
        };
        known.keys.values().any(|k| is_admin(&k.record.common, &k.principal))
            || known.users.values().any(|u| is_admin(&u.record.common, &u.principal))
            || known.tokens.values().any(|t| is_admin(&t.record.common, &t.principal))
    }

    /// Returns the secret of an access key that is good.
    pub fn secret_of(&self, key_id: &str) -> Option<Arc<str>> {
        self.known.read().keys.get(key_id)?.secret.clone()
    }

    /// Returns who has an access key that is good.
    pub fn principal_of(&self, key_id: &str) -> Option<Principal> {
        let known = self.known.read();
        let key = known.keys.get(key_id)?;
        key.secret.is_some().then(|| key.principal.clone())
    }

    /// Lists access keys, revoked ones too; those of one account for `Some`.
    pub(crate) fn keys(&self, of: Option<AccountId>) -> Vec<CredentialShown> {
        let known = self.known.read();
        let keys = known.keys.iter().filter(|(_, k)| of.is_none_or(|a| a == k.principal.account));
        keys.map(|(id, k)| k.record.common.shown(id, &k.record.name)).collect()
    }

    /// Lists users.
    pub(crate) fn users(&self, of: Option<AccountId>) -> Vec<CredentialShown> {
        let known = self.known.read();
        let users = known.users.iter().filter(|(_, u)| of.is_none_or(|a| a == u.principal.account));
        users.map(|(name, u)| u.record.common.shown(name, name)).collect()
    }

    /// Lists tokens.
    pub(crate) fn tokens(&self, of: Option<AccountId>) -> Vec<CredentialShown> {
        let known = self.known.read();
        let tokens =
            known.tokens.iter().filter(|(_, t)| of.is_none_or(|a| a == t.principal.account));
        tokens.map(|(id, t)| t.record.common.shown(id, &t.record.name)).collect()
    }

    /// Returns the account of a credential, whatever its state.
    pub(crate) fn account_of(&self, kind: PrincipalKind, id: &str) -> Option<AccountId> {
        let known = self.known.read();
        match kind {
            PrincipalKind::AccessKey => known.keys.get(id).map(|k| k.principal.account),
            PrincipalKind::User => known.users.get(id).map(|u| u.principal.account),
            PrincipalKind::Token => known.tokens.get(id).map(|t| t.principal.account),
            PrincipalKind::Open | PrincipalKind::Internal => None,
        }
    }

    /// Makes an access key. The key file is made when there is none and nothing needs an old one.
    pub(crate) fn create_key(
        &self,
        new: &NewCredential,
        now_ms: i64,
    ) -> Result<NewAccessKey, CredentialsError> {
        let id = random_text::key_id();
        let name = name_of(new, &id)?;
        let mut record = KeyRecord { name, common: common_of(new, now_ms)?, secret: None };
        let _changing = self.changing.lock();
        let key = self.key_for_new()?;
        let secret = random_text::key_secret();
        record.secret = Some(key.seal(&secret, &bound(&id, &record)));
        self.catalog.write(vec![Change::create(KEYS, &id, record::write(&record))])?;
        let shown = record.common.shown(&id, &record.name);
        let principal = record.common.principal(PrincipalKind::AccessKey, &id, &record.name)?;
        let held = Key { record, principal, secret: Some(secret.as_str().into()) };
        self.known.write().keys.insert(id, held);
        Ok(NewAccessKey { shown, secret_access_key: secret })
    }

    /// Returns the key that new secrets are encrypted under; its file is made when there is none and
    /// nothing needs an old one.
    fn key_for_new(&self) -> Result<SecretKey, KeyFileError> {
        match SecretKey::read(&*self.disk, &self.key_file)? {
            Some(key) => self.check_key(key),
            None if self.known.read().keys.values().any(|k| k.record.secret.is_some()) => {
                Err(KeyFileError::Missing(self.key_file.clone()))
            }
            None => SecretKey::make(&*self.disk, &self.key_file),
        }
    }

    /// Encrypts a secret of the server itself, bound to what it is for.
    pub(crate) fn seal(&self, secret: &str, purpose: &str) -> Result<Vec<u8>, KeyFileError> {
        let _changing = self.changing.lock();
        let sealed = self.key_for_new()?.seal(secret, purpose);
        Ok(serde_json::to_vec(&sealed).expect("texts are JSON"))
    }

    /// Decrypts what [`Credentials::seal`] gave.
    pub(crate) fn unseal(&self, sealed: &[u8], purpose: &str) -> Result<String, KeyFileError> {
        let key = SecretKey::read(&*self.disk, &self.key_file)?
            .ok_or_else(|| KeyFileError::Missing(self.key_file.clone()))?;
        match serde_json::from_slice(sealed) {
            Ok(sealed) => key.open(&sealed, purpose),
            Err(error) => {
                let what = format!("{purpose}: {error}");
                Err(KeyFileError::Wrong { path: self.key_file.clone(), what })
            }
        }
    }

    /// A key under another key file than those before would be lost with them.
    fn check_key(&self, key: SecretKey) -> Result<SecretKey, KeyFileError> {
        let known = self.known.read();
        for (id, one) in &known.keys {
            if let Some(sealed) = &one.record.secret {
                key.open(sealed, &bound(id, &one.record))?;
                break;
            }
        }
        Ok(key)
    }

    /// Makes a user, also in place of a revoked one.
    pub(crate) fn create_user(
        &self,
        new: &NewCredential,
        password: &str,
        now_ms: i64,
    ) -> Result<CredentialShown, CredentialsError> {
        let Some(name) = &new.name else {
            return Err(CredentialsError::Bad("a user needs a name".into()));
        };
        check_name(name)?;
        check_password(password)?;
        let password_hash = password::hash(password);
        let record = UserRecord { common: common_of(new, now_ms)?, password_hash };
        let _changing = self.changing.lock();
        let exists =
            self.known.read().users.get(name).is_some_and(|u| !u.record.common.is_revoked());
        if exists {
            return Err(CredentialsError::Exists { what: "user", id: name.clone() });
        }
        self.catalog.write(vec![Change::put(USERS, name, record::write(&record))])?;
        let shown = record.common.shown(name, name);
        self.known.write().put_user(name.clone(), record)?;
        Ok(shown)
    }

    /// Makes a token.
    pub(crate) fn create_token(
        &self,
        new: &NewCredential,
        now_ms: i64,
    ) -> Result<NewToken, CredentialsError> {
        let (id, token) = (random_text::token_id(), random_text::token());
        let name = name_of(new, &id)?;
        let sha256 = hex(&random_text::token_hash(&token));
        let record = TokenRecord { name, common: common_of(new, now_ms)?, sha256 };
        let _changing = self.changing.lock();
        self.catalog.write(vec![Change::create(TOKENS, &id, record::write(&record))])?;
        let shown = record.common.shown(&id, &record.name);
        self.known.write().put_token(id, record)?;
        Ok(NewToken { shown, token })
    }

    /// Gives a user another password; the old one is worth nothing from now on.
    pub(crate) fn set_password(
        &self,
        name: &str,
        password: &str,
    ) -> Result<CredentialShown, CredentialsError> {
        check_password(password)?;
        let hash = password::hash(password);
        let _changing = self.changing.lock();
        let mut record = match self.known.read().users.get(name) {
            Some(user) if !user.record.common.is_revoked() => user.record.clone(),
            _ => return Err(CredentialsError::unknown(PrincipalKind::User, name)),
        };
        record.password_hash = hash;
        self.catalog.write(vec![Change::put(USERS, name, record::write(&record))])?;
        let shown = record.common.shown(name, name);
        self.known.write().put_user(name.to_owned(), record)?;
        Ok(shown)
    }

    /// Revokes a credential; again, it stays revoked since the first time.
    pub(crate) fn revoke(
        &self,
        kind: PrincipalKind,
        id: &str,
        now_ms: i64,
    ) -> Result<CredentialShown, CredentialsError> {
        let _changing = self.changing.lock();
        let unknown = || CredentialsError::unknown(kind, id);
        let revoked = |common: &mut Common| {
            common.revoked_ms.get_or_insert(now_ms);
        };
        let put = |table, value: Vec<u8>| {
            let change =
                Change { table, key: id.to_owned(), value: Some(value), expect: Expect::Anything };
            self.catalog.write(vec![change])
        };
        match kind {
            PrincipalKind::AccessKey => {
                let record = self.known.read().keys.get(id).map(|k| k.record.clone());
                let mut record = record.ok_or_else(unknown)?;
                revoked(&mut record.common);
                record.secret = None;
                put(KEYS, record::write(&record))?;
                let shown = record.common.shown(id, &record.name);
                if let Some(key) = self.known.write().keys.get_mut(id) {
                    key.secret = None;
                    key.record = record;
                }
                Ok(shown)
            }
            PrincipalKind::User => {
                let record = self.known.read().users.get(id).map(|u| u.record.clone());
                let mut record = record.ok_or_else(unknown)?;
                revoked(&mut record.common);
                put(USERS, record::write(&record))?;
                let shown = record.common.shown(id, id);
                self.known.write().put_user(id.to_owned(), record)?;
                Ok(shown)
            }
            PrincipalKind::Token => {
                let record = self.known.read().tokens.get(id).map(|t| t.record.clone());
                let mut record = record.ok_or_else(unknown)?;
                revoked(&mut record.common);
                put(TOKENS, record::write(&record))?;
                let shown = record.common.shown(id, &record.name);
                self.known.write().put_token(id.to_owned(), record)?;
                Ok(shown)
            }
            PrincipalKind::Open | PrincipalKind::Internal => Err(unknown()),
        }
    }
}

impl Known {
    fn put_user(&mut self, name: String, record: UserRecord) -> Result<(), CatalogError> {
        let principal = record.common.principal(PrincipalKind::User, &name, &name)?;
        self.users.insert(name, User { record, principal });
        Ok(())
    }

    fn put_token(&mut self, id: String, record: TokenRecord) -> Result<(), CatalogError> {
        let principal = record.common.principal(PrincipalKind::Token, &id, &record.name)?;
        let hash = random_text::unhex(&record.sha256).and_then(|hash| hash.try_into().ok());
        let hash: [u8; 32] = hash.ok_or_else(|| CatalogError::Storage {
            what: "credential cannot be read",
            why: format!("{id}: no hash"),
        })?;
        if record.common.is_revoked() {
            self.by_hash.remove(&hash);
        } else {
            self.by_hash.insert(hash, id.clone());
        }
        self.tokens.insert(id, Token { record, principal });
        Ok(())
    }
}

fn common_of(new: &NewCredential, now_ms: i64) -> Result<Common, CredentialsError> {
    let description = new.description.clone().filter(|d| !d.is_empty());
    if description.as_ref().is_some_and(|d| d.len() > DESCRIPTION_LEN_MAX) {
        return Err(CredentialsError::Bad(format!(
            "a description has {DESCRIPTION_LEN_MAX} bytes at most"
        )));
    }
    let account = new.account.to_string();
    Ok(Common { account, role: new.role, description, created_ms: now_ms, revoked_ms: None })
}

fn name_of(new: &NewCredential, id: &str) -> Result<String, CredentialsError> {
    match &new.name {
        Some(name) => check_name(name).map(|()| name.clone()),
        None => Ok(id.to_owned()),
    }
}

/// Names are IAM's: they stand in ARNs, and without a colon in basic authentication.
fn is_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
    (1..=NAME_LEN_MAX).contains(&name.len()) && name.bytes().all(allowed)
}

fn check_name(name: &str) -> Result<(), CredentialsError> {
    if !is_name(name) {
        return Err(CredentialsError::Bad(format!(
            "name {name:?} must be 1 to {NAME_LEN_MAX} letters, digits and _+=,.@-"
        )));
    }
    if random_text::is_key_id(name) {
        return Err(CredentialsError::Bad(format!("name {name:?} looks like an access key")));
    }
    if name.starts_with(random_text::TOKEN_PREFIX) {
        return Err(CredentialsError::Bad("a name does not look like a token".into()));
    }
    Ok(())
}

fn check_password(password: &str) -> Result<(), CredentialsError> {
    let (min, max) = (password::LEN_MIN, password::LEN_MAX);
    if !(min..=max).contains(&password.len()) {
        return Err(CredentialsError::Bad(format!("a password has {min} to {max} bytes")));
    }
    if password.starts_with(random_text::TOKEN_PREFIX) {
        let prefix = random_text::TOKEN_PREFIX;
        return Err(CredentialsError::Bad(format!(
            "a password does not begin with {prefix}: tokens do"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
