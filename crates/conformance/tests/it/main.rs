//! The built binary under clients that others wrote.
//!
//! Each scenario is a plain function over [`world::World`]; it runs once for boto3 as it is now (JSON), once
//! for a boto3 of Query times and once for the AWS SDK for Rust (CBOR), on a server whose clock moves only
//! when told. What one client is told in words (codes, messages) is compared with what the others are told.
//!
//! That signatures are verified as botocore makes them is shown in `aws-wire`
//! (`tests/it/oracle_tests.rs`), over more requests than would fit here; these tests show that every
//! client's requests are signed and come through.
//!
//! Needs `target/<profile>/sightline` (or `SIGHTLINE_BIN`) and the two Python environments of
//! `make test-deps` (or `SIGHTLINE_PYTHON`, `SIGHTLINE_PYTHON_QUERY`).

#![expect(
    clippy::needless_pass_by_value,
    reason = "inputs are written where they are used, as json!(...)"
)]

mod alarms;
mod bench;
mod client;
mod data;
mod errors;
mod expressions;
mod http_plain;
mod listing;
mod protocols;
mod puts;
mod python;
mod restart;
mod sdk;
mod sdk_alarms;
mod statistics;
mod tenants;
mod test_bench;
mod world;
