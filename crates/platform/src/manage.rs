//! Managing who may come in: each act checked, done and recorded.

use crate::access::{self, AccessError, AuthMode, Verb};
use crate::audit::{Audit, AuditEvent, CallSource};
use crate::credentials::{
    CredentialShown, Credentials, CredentialsError, NewAccessKey, NewCredential, NewToken,
};
use crate::{OpenError, Platform, directory};
use catalog::{Catalog, RedbCatalog};
use model::{AccountId, Principal, PrincipalKind, Scope, UserIdentity};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use stdx::{Clock, Disk, DiskLock};

/// Why nothing was managed.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// The caller may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// It cannot be done.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
}

impl ManageError {
    /// Returns the code for records.
    fn code(&self) -> &'static str {
        match self {
            Self::Access(_) => "AccessDenied",
            Self::Credentials(CredentialsError::Bad(_)) => "ValidationError",
            Self::Credentials(CredentialsError::Unknown { .. }) => "NoSuchEntity",
            Self::Credentials(CredentialsError::Exists { .. }) => "EntityAlreadyExists",
            Self::Credentials(_) => "ServiceFailure",
        }
    }
}

/// The credentials of a data directory, for somebody who manages them.
#[derive(Debug)]
pub struct Management<'a> {
    credentials: &'a Credentials,
    audit: &'a Audit,
    clock: &'a dyn Clock,
    auth: AuthMode,
    home: AccountId,
    who: Principal,
    from: CallSource,
}

fn asked(new: &NewCredential) -> Value {
    json!({
        "name": new.name, "accountId": new.account.to_string(), "role": new.role,
        "description": new.description,
    })
}

fn told(shown: &CredentialShown) -> Value {
    json!({ "id": shown.id, "name": shown.name, "accountId": shown.account, "role": shown.role })
}

impl Management<'_> {
    fn may(&self, account: AccountId) -> Result<(), AccessError> {
        let scope = Scope { account, region: String::new() };
        access::check(self.auth, self.home, &self.who, &scope, Verb::Manage)
    }

    /// Does an act in an account if the caller may, and records what became of it.
    fn act<T>(
        &self,
        event: AuditEvent,
        account: AccountId,
        may: Result<(), AccessError>,
        act: impl FnOnce(i64) -> Result<(T, Value), CredentialsError>,
    ) -> Result<T, ManageError> {
        let done = may
            .map_err(ManageError::from)
            .and_then(|()| act(self.clock.now_ms()).map_err(ManageError::from));
        let (event, done) = match done {
            Ok((done, response)) => (event.with_response(response), Ok(done)),
            Err(error) => (event.failed(error.code(), error.to_string()), Err(error)),
        };
        self.audit.record(UserIdentity::of(&self.who), account, &self.from, event);
        done
    }

    /// Makes an access key.
    ///
    /// # Errors
    /// [`ManageError`].
    pub fn create_key(&self, new: &NewCredential) -> Result<NewAccessKey, ManageError> {
        let event = AuditEvent::of("CreateAccessKey", Some(asked(new)));
        self.act(event, new.account, self.may(new.account), |now_ms| {
            let made = self.credentials.create_key(new, now_ms)?;
            let response = told(&made.shown);
            Ok((made, response))
        })
    }

    /// Makes a user.
    ///
    /// # Errors
    /// [`ManageError`].
    pub fn create_user(
        &self,
        new: &NewCredential,
        password: &str,
    ) -> Result<CredentialShown, ManageError> {
        let event = AuditEvent::of("CreateUser", Some(asked(new)));
        self.act(event, new.account, self.may(new.account), |now_ms| {
            let made = self.credentials.create_user(new, password, now_ms)?;
            let response = told(&made);
            Ok((made, response))
        })
    }

    /// Makes a token.
    ///
    /// # Errors
    /// [`ManageError`].
    pub fn create_token(&self, new: &NewCredential) -> Result<NewToken, ManageError> {
        let event = AuditEvent::of("CreateToken", Some(asked(new)));
        self.act(event, new.account, self.may(new.account), |now_ms| {
            let made = self.credentials.create_token(new, now_ms)?;
            let response = told(&made.shown);
            Ok((made, response))
        })
    }

    /// Gives a user another password. Users may do that for themselves.
    ///
    /// # Errors
    /// [`ManageError`].
    pub fn set_password(&self, name: &str, password: &str) -> Result<CredentialShown, ManageError> {
        let event = AuditEvent::of("ChangePassword", Some(json!({ "name": name })));
        let is_own = self.who.kind == PrincipalKind::User && self.who.key_id == name;
        let (account, is_there) = match is_own {
            true => (self.who.account, true),
            false => self.look_for(PrincipalKind::User, name),
        };
        let may = if is_own { Ok(()) } else { self.may(account) };
        self.act(event, account, may, |_| {
            if !is_there {
                return Err(CredentialsError::unknown(PrincipalKind::User, name));
            }
            let changed = self.credentials.set_password(name, password)?;
            let response = told(&changed);
            Ok((changed, response))
        })
    }

    /// Revokes an access key, a user or a token; from the next request on it is worth nothing.
    ///
    /// # Errors
    /// [`ManageError`].
    pub fn revoke(&self, kind: PrincipalKind, id: &str) -> Result<CredentialShown, ManageError> {
        let name = match kind {
            PrincipalKind::AccessKey => "RevokeAccessKey",
            PrincipalKind::User => "RevokeUser",
            PrincipalKind::Token => "RevokeToken",
            PrincipalKind::Open | PrincipalKind::Internal => "Revoke",
        };
        let event = AuditEvent::of(name, Some(json!({ "id": id })));
        let (account, is_there) = self.look_for(kind, id);
        self.act(event, account, self.may(account), |now_ms| {
            if !is_there {
                return Err(CredentialsError::unknown(kind, id));
            }
            let revoked = self.credentials.revoke(kind, id, now_ms)?;
            let response = told(&revoked);
            Ok((revoked, response))
        })
    }

    /// Returns the account of a credential, and whether there is one as far as the caller may know.
    /// What does not exist and what is of an account that they may not manage is looked for, and not
    /// found, in their own, so that nobody learns what there is in others.
    fn look_for(&self, kind: PrincipalKind, id: &str) -> (AccountId, bool) {
        let account = self.credentials.account_of(kind, id);
        match account.filter(|account| self.may(*account).is_ok()) {
            Some(account) => (account, true),
            None => (self.who.account, false),
        }
    }

    /// Lists credentials, revoked ones too: all for admins of the server's own account, those of
    /// their account for others.
    ///
    /// # Errors
    /// [`ManageError`].
    pub fn list(&self, kind: PrincipalKind) -> Result<Vec<CredentialShown>, ManageError> {
        let may = self.may(self.who.account);
        if let Err(error) = may {
            let event = AuditEvent { read_only: true, ..AuditEvent::of("List", None) };
            let event = event.failed("AccessDenied", error.to_string());
            let identity = UserIdentity::of(&self.who);
            self.audit.record(identity, self.who.account, &self.from, event);
            return Err(error.into());
        }
        let of = (self.who.account != self.home).then_some(self.who.account);
        Ok(match kind {
            PrincipalKind::AccessKey => self.credentials.keys(of),
            PrincipalKind::User => self.credentials.users(of),
            PrincipalKind::Token => self.credentials.tokens(of),
            PrincipalKind::Open | PrincipalKind::Internal => Vec::new(),
        })
    }
}

impl Platform {
    /// Returns who may come in.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Lets somebody manage who may come in; each act is checked for itself.
    pub fn manage(&self, who: &Principal, from: CallSource) -> Management<'_> {
        Management {
            credentials: &self.credentials,
            audit: &self.audit,
            clock: &*self.clock,
            auth: self.auth,
            home: self.default_scope.account,
            who: who.clone(),
            from,
        }
    }
}

/// The credentials of a data directory whose server does not run.
#[derive(Debug)]
pub struct StoppedDirectory {
    credentials: Credentials,
    audit: Audit,
    clock: Arc<dyn Clock>,
    _lock: DiskLock,
}

impl StoppedDirectory {
    /// Takes a data directory, which is made when there is none, and opens its catalog alone.
    ///
    /// # Errors
    /// [`OpenError`]: it is in use, mostly.
    pub fn open(
        data_dir: &Path,
        key_file: Option<PathBuf>,
        clock: Arc<dyn Clock>,
        disk: Arc<dyn Disk>,
    ) -> Result<Self, OpenError> {
        let lock = directory::take(&*disk, data_dir, None)?;
        let catalog: Arc<dyn Catalog> =
            Arc::new(RedbCatalog::open(&disk, &data_dir.join("catalog.redb"))?);
        let key_file = key_file.unwrap_or_else(|| directory::key_file(data_dir));
        // Who lists and revokes needs no secrets, and may be here since their key is lost.
        let credentials = Credentials::load(catalog, disk.clone(), key_file, false)?;
        let audit = Audit::new(disk, clock.clone(), data_dir, "");
        Ok(Self { credentials, audit, clock, _lock: lock })
    }

    /// Manages as the one who has the directory.
    pub fn manage(&self) -> Management<'_> {
        let home = AccountId::DEFAULT;
        let from = CallSource { address: "command line".into(), ..CallSource::default() };
        Management {
            credentials: &self.credentials,
            audit: &self.audit,
            clock: &*self.clock,
            auth: AuthMode::Required,
            home,
            who: Principal::internal(home),
            from,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Role;
    use stdx::{CrashPlan, RealClock, SimDisk};

    #[test]
    fn what_is_of_another_account_is_as_unknown_as_what_is_nowhere() {
        let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(1, CrashPlan::default()));
        let directory =
            StoppedDirectory::open(Path::new("/d"), None, Arc::new(RealClock), disk).unwrap();
        let all = directory.manage();
        let [a, b] = ["111111111111", "222222222222"].map(|text| text.parse().unwrap());
        let new = |name: &str, account| NewCredential {
            name: Some(name.to_owned()),
            account,
            role: Role::Viewer,
            description: None,
        };
        all.create_user(&new("ann", a), "correct horse").unwrap();
        let key = all.create_key(&new("ci", a)).unwrap().shown.id;
        let token = all.create_token(&new("dash", a)).unwrap().shown.id;
        let as_of = |role, account| Management {
            who: Principal {
                kind: PrincipalKind::User,
                key_id: "bob".into(),
                name: "bob".into(),
                account,
                role,
            },
            ..directory.manage()
        };
        let all_there = [
            (PrincipalKind::User, "ann"),
            (PrincipalKind::AccessKey, key.as_str()),
            (PrincipalKind::Token, &token),
        ];
        for (role, account) in [(Role::Admin, b), (Role::Viewer, b), (Role::Viewer, a)] {
            let bob = as_of(role, account);
            for (kind, id) in all_there {
                let told = |id: &str| bob.revoke(kind, id).unwrap_err().to_string();
                assert_eq!(told(id).replace(id, "ID"), told("nothing").replace("nothing", "ID"));
            }
            let told =
                |name: &str| bob.set_password(name, "battery staple").unwrap_err().to_string();
            assert_eq!(told("ann").replace("ann", "ID"), told("nobody").replace("nobody", "ID"));
        }
        assert!(matches!(
            as_of(Role::Admin, b).revoke(PrincipalKind::User, "ann"),
            Err(ManageError::Credentials(CredentialsError::Unknown { .. }))
        ));
        let shown = all.list(PrincipalKind::User).unwrap();
        assert_eq!(shown[0].revoked, None, "nothing was done");
        let own_admin = as_of(Role::Admin, a);
        own_admin.set_password("ann", "battery staple").unwrap();
        for (kind, id) in all_there {
            own_admin.revoke(kind, id).unwrap();
        }
    }
}
