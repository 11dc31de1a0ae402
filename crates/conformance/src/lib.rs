//! Tests of the built binary, driven by clients that others wrote: see `tests/it`.
//!
//! The library itself is empty on purpose: what is tested is the program, from outside, over its port.
