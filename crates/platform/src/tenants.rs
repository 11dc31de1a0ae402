//! Scopes and the numbers that stand for them in keys and files.

use crate::Platform;
use catalog::{Catalog, CatalogError, Change};
use model::{AccountId, Scope, TenantId};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;

pub(crate) const TENANTS: &str = "tenants";
const ORG_NAMES: &str = "org-names";
/// Names of `X-Scope-OrgID` as Grafana's Mimir allows them, in length.
const ORG_NAME_LEN_MAX: usize = 150;
/// Accounts that are given to names count up from here: no real account begins with these zeros.
const NAMED_ACCOUNTS_FROM: u64 = 1;

/// Why a scope cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScopeError {
    /// The region's name is no name.
    #[error("region {0:?} must be 1 to 64 letters, digits and dashes")]
    Region(String),
    /// The name of an organisation is no name.
    #[error("X-Scope-OrgID {0:?} must be 1 to 150 letters, digits and !-_.*'()")]
    OrgName(String),
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

/// Scopes by number and number by scope; a copy of the catalog's table.
#[derive(Debug)]
pub(crate) struct Tenants {
    catalog: Arc<dyn Catalog>,
    known: RwLock<HashMap<Scope, TenantId>>,
    orgs: RwLock<HashMap<String, AccountId>>,
}

fn scope_text(scope: &Scope) -> String {
    format!("{}/{}", scope.account, scope.region)
}

impl Tenants {
    pub(crate) fn load(catalog: Arc<dyn Catalog>) -> Result<Self, CatalogError> {
        let damaged = || CatalogError::Storage { what: "tenant is odd", why: "damaged".into() };
        let mut known = HashMap::new();
        for (key, value) in catalog.scan(TENANTS, "")? {
            let (account, region) = key.split_once('/').ok_or_else(damaged)?;
            let account = account.parse().map_err(|_| damaged())?;
            let number = value.try_into().map_err(|_| damaged())?;
            let scope = Scope { account, region: region.to_owned() };
            known.insert(scope, TenantId(u32::from_le_bytes(number)));
        }
        let mut orgs = HashMap::new();
        for (name, account) in catalog.scan(ORG_NAMES, "")? {
            let account = String::from_utf8(account).ok().and_then(|a| a.parse().ok());
            orgs.insert(name, account.ok_or_else(damaged)?);
        }
        Ok(Self { catalog, known: RwLock::new(known), orgs: RwLock::new(orgs) })
    }

    pub(crate) fn find(&self, scope: &Scope) -> Option<TenantId> {
        self.known.read().get(scope).copied()
    }

    pub(crate) fn find_or_create(&self, scope: &Scope) -> Result<TenantId, ScopeError> {
        if let Some(found) = self.find(scope) {
            return Ok(found);
        }
        let region_ok = (1..=64).contains(&scope.region.len())
            && scope.region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !region_ok {
            return Err(ScopeError::Region(scope.region.clone()));
        }
        let mut known = self.known.write();
        if let Some(&found) = known.get(scope) {
            return Ok(found);
        }
        let number = TenantId(known.values().map(|t| t.0 + 1).max().unwrap_or(1));
        self.catalog.write(vec![Change::create(
            TENANTS,
            scope_text(scope),
            number.0.to_le_bytes().to_vec(),
        )])?;
        known.insert(scope.clone(), number);
        Ok(number)
    }

    fn account_of_org(&self, name: &str) -> Result<AccountId, ScopeError> {
        if let Ok(account) = name.parse() {
            return Ok(account);
        }
        if let Some(&account) = self.orgs.read().get(name) {
            return Ok(account);
        }
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!-_.*'()".contains(&b);
        if name.is_empty() || name.len() > ORG_NAME_LEN_MAX || !name.bytes().all(allowed) {
            return Err(ScopeError::OrgName(name.chars().take(80).collect()));
        }
        let mut orgs = self.orgs.write();
        if let Some(&account) = orgs.get(name) {
            return Ok(account);
        }
        let number = NAMED_ACCOUNTS_FROM + orgs.len() as u64;
        let account: AccountId = format!("{number:012}").parse().expect("twelve digits");
        let text = account.as_str().as_bytes().to_vec();
        self.catalog.write(vec![Change::create(ORG_NAMES, name, text)])?;
        orgs.insert(name.to_owned(), account);
        Ok(account)
    }

    /// Removes all tenants and names, here and in the catalog.
    pub(crate) fn clear(&self) -> Result<(), CatalogError> {
        // Held over both, or a tenant made in between would be in the catalog and unknown here.
        let (mut known, mut orgs) = (self.known.write(), self.orgs.write());
        let mut changes = Vec::new();
        for table in [TENANTS, ORG_NAMES] {
            let entries = self.catalog.scan(table, "")?;
            changes.extend(entries.into_iter().map(|(key, _)| Change::remove(table, key)));
        }
        self.catalog.write(changes)?;
        known.clear();
        orgs.clear();
        Ok(())
    }
}

impl Platform {
    /// Returns the account that an `X-Scope-OrgID` stands for: twelve digits are the account, any
    /// other name gets one of its own at first sight and keeps it.
    ///
    /// # Errors
    /// [`ScopeError`].
    pub fn account_of_org(&self, name: &str) -> Result<AccountId, ScopeError> {
        self.tenants.account_of_org(name)
    }

    /// Returns the account that an `X-Scope-OrgID` stands for, if it stands for one already.
    pub fn known_account_of_org(&self, name: &str) -> Option<AccountId> {
        name.parse().ok().or_else(|| self.tenants.orgs.read().get(name).copied())
    }

    /// Returns all scopes that anything was written to.
    pub fn scopes(&self) -> Vec<(Scope, TenantId)> {
        let known = self.tenants.known.read();
        let mut scopes: Vec<_> = known.iter().map(|(s, t)| (s.clone(), *t)).collect();
        scopes.sort();
        scopes
    }
}
