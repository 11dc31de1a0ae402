//! What PromQL means, over a whole range of steps.
//!
//! Here now: the parts that need no tree. Samples of a series become a column over the steps of a
//! question by [`window::Windowing`].
//!
//! Source: Prometheus documentation, "Querying".

pub mod column;
mod kahan;
mod labels;
pub mod window;

pub use column::{ABSENT, Column, Grid, Samples, is_absent};
pub use labels::{Grouping, Labels, LabelsBuilder, NAME};
