//! The collector on recorded hosts, with exact values.

mod host;
