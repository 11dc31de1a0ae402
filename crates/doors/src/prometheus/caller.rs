//! Who asks, and in which scope.

use super::answer::Failure;
use base64::Engine;
use http::header::AUTHORIZATION;
use http::request::Parts;
use model::{AccountId, Principal, Scope};
use platform::{Platform, ScopeError};

/// Who asks, and the scope that they mean.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) who: Principal,
    pub(super) scope: Scope,
}

const ORG: &str = "x-scope-orgid";

impl Caller {
    /// Takes the account from a user name of twelve digits, else from `X-Scope-OrgID`, else the
    /// default; the region is always the default one.
    pub(super) fn of(platform: &Platform, parts: &Parts) -> Result<Self, Failure> {
        let key_id = basic_user(parts)?.unwrap_or_default();
        let own: Option<AccountId> = key_id.parse().ok();
        let told = match parts.headers.get(ORG) {
            None => None,
            Some(org) => {
                let org = org
                    .to_str()
                    .map_err(|_| Failure::bad_data("X-Scope-OrgID is no plain text"))?;
                Some(platform.account_of_org(org).map_err(|error| match error {
                    ScopeError::Catalog(_) => Failure::Unavailable(error.to_string()),
                    _ => Failure::bad_data(error.to_string()),
                })?)
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
        Ok(Self { who: Principal { key_id, account }, scope })
    }
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
