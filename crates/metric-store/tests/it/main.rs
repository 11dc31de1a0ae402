//! The store as a whole, on disks that fail.

mod budget;
mod crash;
mod delete;
mod full_disk;
mod merge;
