//! Roll-ups: what points come to in five minutes and in an hour, kept beside and past the raw ones.

pub(crate) mod build;
pub(crate) mod days;
pub(crate) mod fold;
pub(crate) mod periods;
pub(crate) mod read;
pub(crate) mod samples;
pub(crate) mod tier;
pub(crate) mod tiers;
