//! Who asks, and in which account and region.

use crate::fault;
use aws_wire::{Common, CredentialError, Credentials, Request, ServiceError};
use model::{AccountId, Principal, Scope};
use platform::{AuthMode, Platform};

/// The principal of a request and the scope it means. An AWS request has one account: that of its
/// key.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) who: Principal,
    pub(crate) scope: Scope,
}

impl Caller {
    /// Whoever was identified before (a [`Principal`] among the request's extensions) is taken as
    /// that; else the access key says who it is, whose signature was checked. The region is that of
    /// the credential scope.
    ///
    /// With `--auth open`, an access key id of twelve digits is the account, as tests and single
    /// machines want it; any other key belongs to the default account.
    pub(crate) fn of(platform: &Platform, request: &Request) -> Result<Self, ServiceError> {
        let default = platform.default_scope();
        let (key_id, region) = match &request.claim {
            Some(claim) => (claim.key_id.as_str(), claim.region.as_str()),
            None => ("", ""),
        };
        let identified = request.parts().extensions.get::<Principal>();
        let who = match (identified, platform.auth()) {
            (Some(who), _) => who.clone(),
            (None, AuthMode::Open) => {
                Principal::open(key_id, key_id.parse::<AccountId>().unwrap_or(default.account))
            }
            // Revoked since its signature was checked, at worst.
            (None, AuthMode::Required) => {
                platform.credentials().principal_of(key_id).ok_or_else(unknown)?
            }
        };
        let region = if region.is_empty() { default.region.as_str() } else { region };
        let scope = Scope { account: who.account, region: region.to_owned() };
        Ok(Self { who, scope })
    }

    /// Checks that the caller may do what a request asks for, before anything of it is read.
    pub(crate) fn check(&self, platform: &Platform, request: &Request) -> Result<(), ServiceError> {
        let Some(verb) = crate::operations::verb_of(request.service, request.operation) else {
            return Ok(());
        };
        platform
            .check(&self.who, &self.scope, verb)
            .map_err(|error| fault::not_authorized(request, &error))
    }

    /// Account and region as one text, for page tokens.
    pub(crate) fn scope_text(&self) -> String {
        format!("{}/{}", self.scope.account, self.scope.region)
    }
}

fn unknown() -> ServiceError {
    let text = "The security token included in the request is invalid.";
    ServiceError::common(Common::UnrecognizedClient, text)
}

/// Returns who sent a request, for a record of it.
pub fn principal(platform: &Platform, request: &Request) -> Option<Principal> {
    Caller::of(platform, request).ok().map(|caller| caller.who)
}

/// Says whether a request could change nothing, for a record of it.
pub fn is_read_only(request: &Request) -> bool {
    crate::operations::verb_of(request.service, request.operation) != Some(platform::Verb::Write)
}

/// The secrets of the platform's access keys, for a gateway that checks signatures.
#[derive(Debug, Clone, Copy)]
pub struct SigningKeys<'p>(pub &'p Platform);

impl Credentials for SigningKeys<'_> {
    fn secret(&self, key_id: &str, session_token: Option<&str>) -> Result<String, CredentialError> {
        // There are no sessions, so that a key with a token is none of ours.
        match (self.0.credentials().secret_of(key_id), session_token) {
            (Some(secret), None) => Ok(secret.to_string()),
            _ => Err(CredentialError::Unknown),
        }
    }
}
