//! What the formats promise about any bytes, and about bytes of our own.

mod numbers;
mod remote_write;
mod remote_write_histograms;
