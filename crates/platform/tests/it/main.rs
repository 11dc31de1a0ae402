//! Whole data directories: those that earlier versions wrote.

mod golden;
mod golden_write;
