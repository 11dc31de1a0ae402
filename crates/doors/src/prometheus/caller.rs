//! Who asks, and in which scope.

use super::answer::Failure;
use base64::Engine;
use http::header::AUTHORIZATION;
use http::request::Parts;
use model::{AccountId, Principal, Scope};
use platform::{AuthMode, Platform, ScopeError};

/// Who asks, and the scope that they mean.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) who: Principal,
    pub(super) scope: Scope,
}

/// What whoever brings nothing is told.
pub(super) const NO_CREDENTIALS: &str =
    "credentials are needed: a bearer token, or basic authentication";

const ORG: &str = "x-scope-orgid";

impl Caller {
    /// Whoever was identified before (a [`Principal`] among the request's extensions) is taken as
    /// that. With `--auth open`, a user name of twelve digits is the account, else `X-Scope-OrgID`
    /// says it, else it is the default. The region is always the default one.
    pub(super) fn of(platform: &Platform, parts: &Parts) -> Result<Self, Failure> {
        let identified = parts.extensions.get::<Principal>();
        let key_id = match (identified, platform.auth()) {
            (Some(who), _) => who.key_id.clone(),
            (None, AuthMode::Open) => basic_user(parts)?.unwrap_or_default(),
            (None, AuthMode::Required) => return Err(Failure::Unauthorized(NO_CREDENTIALS.into())),
        };
        let own: Option<AccountId> = match identified {
            Some(who) => Some(who.account),
            None => key_id.parse().ok(),
        };
        let told = match parts.headers.get(ORG) {
            None => None,
            Some(org) => {
                let org = org
                    .to_str()
                    .map_err(|_| Failure::bad_data("X-Scope-OrgID is no plain text"))?;
                Some(account_of(platform, org, identified.is_some())?)
            }
        };
        let default = platform.default_scope();
        let account = match (own, told) {
            (Some(own), Some(told)) if own != told => {
                return Err(Failure::Forbidden(format!(
                    "X-Scope-OrgID names account {told}, and the user is account {own}"
                )));
            }
            (own, told) => own.or(told).unwrap_or(default.account),
        };
        let scope = Scope { account, region: default.region.clone() };
        let who = identified.cloned().unwrap_or_else(|| Principal::open(key_id, account));
        Ok(Self { who, scope })
    }
}

/// Whoever is known has an account already: no name gets a new one for them.
fn account_of(platform: &Platform, org: &str, known_only: bool) -> Result<AccountId, Failure> {
    if known_only {
        let shown: String = org.chars().take(80).collect();
        return platform.known_account_of_org(org).ok_or_else(|| {
            Failure::Forbidden(format!("X-Scope-OrgID {shown:?} is not the account of this user"))
        });
    }
    platform.account_of_org(org).map_err(|error| match error {
        ScopeError::Catalog(_) => Failure::Unavailable(error.to_string()),
        _ => Failure::bad_data(error.to_string()),
    })
}

/// Returns the user of HTTP basic authentication. Other schemes name nobody that we know.
fn basic_user(parts: &Parts) -> Result<Option<String>, Failure> {
    let Some(header) = parts.headers.get(AUTHORIZATION) else { return Ok(None) };
    let Some((scheme, rest)) = header.to_str().ok().and_then(|h| h.split_once(' ')) else {
        return Ok(None);
    };
    if !scheme.eq_ignore_ascii_case("basic") {
        return Ok(None);
    }
    let unreadable = || Failure::bad_data("credentials of basic authentication cannot be read");
    let decoded =
        base64::engine::general_purpose::STANDARD.decode(rest.trim()).map_err(|_| unreadable())?;
    let text = String::from_utf8(decoded).map_err(|_| unreadable())?;
    let (user, _) = text.split_once(':').ok_or_else(unreadable)?;
    Ok(Some(user.to_owned()))
}
