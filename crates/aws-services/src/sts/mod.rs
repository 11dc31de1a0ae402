//! AWS Security Token Service.

pub mod get_caller_identity;
