//! Scopes and the numbers that stand for them in keys and files.

use crate::Platform;
use catalog::{Catalog, CatalogError, Change};
use model::{AccountId, Scope, TenantId};
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::Arc;

pub(crate) const TENANTS: &str = "tenants";
const ORG_NAMES: &str = "org-names";
/// Names of `X-Scope-OrgID` as Grafana's Mimir allows them, in length.
const ORG_NAME_LEN_MAX: usize = 150;
/// Regions of an account: AWS has some forty, and each costs an entry in every table.
const REGIONS_MAX: usize = 100;
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
    /// The account has as many regions as it may.
    #[error("account {account} has written to {REGIONS_MAX} regions and may not to another one")]
    Regions {
        /// The account.
        account: AccountId,
    },
    /// All numbers of tenants are given away.
    #[error("there is no number left for another account and region")]
    Full,
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
    firsts: RwLock<HashMap<TenantId, TenantId>>,
    /// Held while a tenant is made.
    making: Mutex<()>,
}

/// Numbers of tenants are given from 1 on, one by one; the last is never reached.
fn is_number(tenant: TenantId) -> bool {
    tenant.0 < u32::MAX
}

/// Reads an entry of the table of tenants; `None` when it is none that was written.
pub(crate) fn tenant_of_entry(key: &str, value: &[u8]) -> Option<(Scope, TenantId)> {
    let (account, region) = key.split_once('/')?;
    let scope = Scope { account: account.parse().ok()?, region: region.to_owned() };
    let tenant = TenantId(u32::from_le_bytes(value.try_into().ok()?));
    is_number(tenant).then_some((scope, tenant))
}

fn scope_text(scope: &Scope) -> String {
    format!("{}/{}", scope.account, scope.region)
}

impl Tenants {
    pub(crate) fn load(catalog: Arc<dyn Catalog>) -> Result<Self, CatalogError> {
        let odd = |what, key: &str, value: &[u8]| {
            let value = value.escape_ascii();
            let todo = "bring the catalog back from a backup (`sightline restore`)";
            CatalogError::Storage {
                what,
                why: format!("{key:?} says \"{value}\": damaged; {todo}"),
            }
        };
        let mut known = HashMap::new();
        for (key, value) in catalog.scan(TENANTS, "")? {
            let (scope, tenant) = tenant_of_entry(&key, &value)
                .ok_or_else(|| odd("entry of a tenant cannot be read", &key, &value))?;
            known.insert(scope, tenant);
        }
        let mut orgs = HashMap::new();
        for (name, account) in catalog.scan(ORG_NAMES, "")? {
            let text = std::str::from_utf8(&account).ok().and_then(|a| a.parse().ok());
            let text =
                text.ok_or_else(|| odd("entry of a name cannot be read", &name, &account))?;
            orgs.insert(name, text);
        }
        let mut first_of_account: HashMap<AccountId, TenantId> = HashMap::new();
        for (scope, tenant) in &known {
            let first = first_of_account.entry(scope.account).or_insert(*tenant);
            *first = (*first).min(*tenant);
        }
        let firsts = known.iter().map(|(s, t)| (*t, first_of_account[&s.account])).collect();
        Ok(Self {
            catalog,
            known: RwLock::new(known),
            orgs: RwLock::new(orgs),
            firsts: RwLock::new(firsts),
            making: Mutex::default(),
        })
    }

    /// Returns all scopes with their numbers.
    pub(crate) fn all(&self) -> Vec<(TenantId, Scope)> {
        self.known.read().iter().map(|(scope, tenant)| (*tenant, scope.clone())).collect()
    }

    /// Returns the scope of a tenant.
    pub(crate) fn scope_of(&self, tenant: TenantId) -> Option<Scope> {
        let known = self.known.read();
        known.iter().find(|(_, of)| **of == tenant).map(|(scope, _)| scope.clone())
    }

    pub(crate) fn find(&self, scope: &Scope) -> Option<TenantId> {
        self.known.read().get(scope).copied()
    }

    /// Returns the tenant of a scope; a new one is made known to `born`, with the first tenant of
    /// its account, before anybody else sees it.
    pub(crate) fn find_or_create(
        &self,
        scope: &Scope,
        born: impl FnOnce(TenantId, TenantId),
    ) -> Result<TenantId, ScopeError> {
        if let Some(found) = self.find(scope) {
            return Ok(found);
        }
        let region_ok = (1..=64).contains(&scope.region.len())
            && scope.region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !region_ok {
            return Err(ScopeError::Region(scope.region.clone()));
        }
        // One at a time; those who are known do not wait for the catalog.
        let _making = self.making.lock();
        let (number, regions, first) = {
            let known = self.known.read();
            if let Some(&found) = known.get(scope) {
                return Ok(found);
            }
            let last = known.values().map(|t| t.0).max().unwrap_or(0);
            // No entry with a number that is none would be read again.
            let number = last.checked_add(1).map(TenantId).filter(|t| is_number(*t));
            let number = number.ok_or(ScopeError::Full)?;
            let of_account = || known.iter().filter(|(s, _)| s.account == scope.account);
            let first = of_account().map(|(_, tenant)| *tenant).min().unwrap_or(number);
            (number, of_account().count(), first)
        };
        if regions >= REGIONS_MAX {
            return Err(ScopeError::Regions { account: scope.account });
        }
        self.catalog.write(vec![Change::create(
            TENANTS,
            scope_text(scope),
            number.0.to_le_bytes().to_vec(),
        )])?;
        born(number, first);
        self.firsts.write().insert(number, first);
        self.known.write().insert(scope.clone(), number);
        Ok(number)
    }

    /// Returns the first tenant of the account that a tenant belongs to: what all regions of an
    /// account share is counted there.
    pub(crate) fn first_of(&self, tenant: TenantId) -> TenantId {
        self.firsts.read().get(&tenant).copied().unwrap_or(tenant)
    }

    /// Returns all tenants with the first one of their account.
    pub(crate) fn firsts(&self) -> Vec<(TenantId, TenantId)> {
        self.firsts.read().iter().map(|(tenant, first)| (*tenant, *first)).collect()
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
        self.firsts.write().clear();
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use stdx::{CrashPlan, Disk, SimDisk};

    fn tenants() -> Tenants {
        let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(1, CrashPlan::default()));
        disk.create_dir_all(Path::new("/d")).unwrap();
        let catalog = catalog::RedbCatalog::open(&disk, Path::new("/d/catalog.redb")).unwrap();
        Tenants::load(Arc::new(catalog)).unwrap()
    }

    fn scope(account: &str, region: &str) -> Scope {
        Scope { account: account.parse().unwrap(), region: region.into() }
    }

    #[test]
    fn regions_of_an_account_belong_together_and_are_bounded() {
        let tenants = tenants();
        let make = |scope: &Scope| {
            let mut told = None;
            let made = tenants.find_or_create(scope, |tenant, first| told = Some((tenant, first)));
            made.map(|tenant| (tenant, told))
        };
        let one = |n: u32| scope("111111111111", &format!("r{n}"));
        let (first, told) = make(&one(0)).unwrap();
        assert_eq!(told, Some((first, first)));
        let (other, told) = make(&scope("222222222222", "r0")).unwrap();
        assert_eq!(told, Some((other, other)));
        for n in 1..100 {
            let (tenant, told) = make(&one(n)).unwrap();
            assert_eq!((told, tenants.first_of(tenant)), (Some((tenant, first)), first));
        }
        assert_eq!(make(&one(7)).unwrap().1, None, "it is known");
        let error = make(&one(100)).unwrap_err().to_string();
        assert!(error.contains("account 111111111111 has written to 100 regions"), "{error}");
        // As after a restart.
        let again = Tenants::load(tenants.catalog.clone()).unwrap();
        let mut firsts = (tenants.firsts(), again.firsts());
        firsts.0.sort();
        firsts.1.sort();
        assert_eq!(firsts.0, firsts.1);
    }

    fn with_tenant(number: u32) -> Arc<dyn Catalog> {
        let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(1, CrashPlan::default()));
        let catalog = catalog::RedbCatalog::open(&disk, Path::new("/c")).unwrap();
        let value = number.to_le_bytes().to_vec();
        catalog.write(vec![Change::put(TENANTS, "123456789012/us-east-1", value)]).unwrap();
        Arc::new(catalog)
    }

    fn other() -> Scope {
        Scope { account: "123456789012".parse().unwrap(), region: "eu-west-1".into() }
    }

    #[test]
    fn an_entry_that_cannot_be_is_refused_with_its_key() {
        let error = Tenants::load(with_tenant(u32::MAX)).unwrap_err().to_string();
        for word in ["123456789012/us-east-1", "\\xff\\xff\\xff\\xff", "damaged", "restore"] {
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn no_tenant_is_made_that_the_next_start_would_refuse() {
        let catalog = with_tenant(u32::MAX - 2);
        let tenants = Tenants::load(catalog.clone()).unwrap();
        assert_eq!(tenants.find_or_create(&other(), |_, _| {}).unwrap(), TenantId(u32::MAX - 1));
        let third = Scope { region: "eu-west-2".into(), ..other() };
        let error = tenants.find_or_create(&third, |_, _| {}).unwrap_err().to_string();
        assert!(error.contains("no number left"), "{error}");
        assert_eq!(Tenants::load(catalog).unwrap().find(&other()), Some(TenantId(u32::MAX - 1)));
    }
}
