//! The store as a whole, on disks that fail.

mod budget;
mod crash;
mod delete;
mod exemplars;
mod faults;
mod full_disk;
mod merge;
mod rollup;
mod scan;
mod select;
