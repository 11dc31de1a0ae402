//! Codecs, signatures and routing, held against an unmodified SDK and against themselves.

mod errors;
mod gateway;
mod oracle;
mod oracle_tests;
mod properties;
mod random;
mod tokens;
mod validation;
