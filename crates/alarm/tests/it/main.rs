//! The engine by its fixtures, and by what holds for any stream.

mod contract;
mod definitions;
mod missing;
mod oracle;
mod script;
mod streaming;
mod unmatched;
mod world;
