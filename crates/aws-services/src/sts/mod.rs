//! AWS Security Token Service.

pub(crate) mod get_caller_identity;
