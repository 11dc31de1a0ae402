//! Encodings: the open chunk that a head appends to ([`open`]), and the columns that parts are
//! made of ([`column`], [`times`], [`delta`]). The bytes are drawn in `FORMAT.md`.

pub(crate) mod bits;
pub(crate) mod column;
pub(crate) mod decimal;
pub(crate) mod delta;
pub(crate) mod open;
pub(crate) mod times;

/// A chunk in a part holds at most this many points of one series.
pub(crate) const POINTS_MAX: usize = 8192;
