//! `GetCallerIdentity`: who a client is taken for. Terraform and the AWS CLI ask it first.

use crate::Answer;
use crate::caller::Caller;
use aws_shapes::sts::{GET_CALLER_IDENTITY_RESPONSE, get_caller_identity_response as output};
use aws_wire::{Request, Struct};

pub(crate) fn handle(caller: &Caller, request: &Request) -> Answer {
    request.input()?;
    let (account, who) = (caller.scope.account.as_str(), &caller.who);
    let user_id = if who.is_root() { account } else { who.key_id.as_str() };
    let identity = Struct::new(&GET_CALLER_IDENTITY_RESPONSE)
        .with(output::ACCOUNT, account.to_owned())
        .with(output::USER_ID, user_id.to_owned())
        .with(output::ARN, who.arn());
    Ok(Some(identity))
}
