//! The store as a whole, on disks that fail.

mod crash;
mod merge;
