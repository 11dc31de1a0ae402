//! `GetCallerIdentity`: who a client is taken for. Terraform and the AWS CLI ask it first.

use crate::Answer;
use crate::caller::Caller;
use aws_shapes::sts::{GET_CALLER_IDENTITY_RESPONSE, get_caller_identity_response as output};
use aws_wire::{Request, Struct};

pub(crate) fn handle(caller: &Caller, request: &Request) -> Answer {
    request.input()?;
    let (account, key_id) = (caller.scope.account.as_str(), caller.who.key_id.as_str());
    // Keys have no users behind them yet: a key that names only its account is the root, any other
    // is a user of its own name.
    let (user_id, resource) = if key_id.is_empty() || key_id == account {
        (account, "root".to_owned())
    } else {
        (key_id, format!("user/{key_id}"))
    };
    let identity = Struct::new(&GET_CALLER_IDENTITY_RESPONSE)
        .with(output::ACCOUNT, account.to_owned())
        .with(output::USER_ID, user_id.to_owned())
        .with(output::ARN, format!("arn:aws:iam::{account}:{resource}"));
    Ok(Some(identity))
}
