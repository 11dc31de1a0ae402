//! Tests of the crate from outside.

mod golden;
mod hostile;
mod samples;
mod widget;
