//! Whole data directories: those that earlier versions wrote, and those that are saved and brought
//! back.

mod golden;
mod golden_write;
mod saving;
