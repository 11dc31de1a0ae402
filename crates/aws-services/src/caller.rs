//! Who asks, and in which account and region.

use aws_wire::Request;
use model::{AccountId, Principal, Scope};

/// The principal of a request and the scope it means. An AWS request has one account: that of its
/// key.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) who: Principal,
    pub(crate) scope: Scope,
}

impl Caller {
    /// An access key id of twelve digits is the account, as tests and single machines want it; any
    /// other key belongs to the default account. The region is that of the credential scope.
    pub(crate) fn of(request: &Request, default: &Scope) -> Self {
        let (key_id, region) = match &request.claim {
            Some(claim) => (claim.key_id.as_str(), claim.region.as_str()),
            None => ("", ""),
        };
        let account = key_id.parse::<AccountId>().unwrap_or(default.account);
        let region = if region.is_empty() { default.region.as_str() } else { region };
        Self {
            who: Principal { key_id: key_id.to_owned(), account },
            scope: Scope { account, region: region.to_owned() },
        }
    }

    /// Account and region as one text, for page tokens.
    pub(crate) fn scope_text(&self) -> String {
        format!("{}/{}", self.scope.account, self.scope.region)
    }
}
