//! Where the data of an expression come from.

use super::{Series, Value};
use lang::metric_math::Search;

/// The data of one expression, all columns on its grid.
pub trait Inputs {
    /// Returns the value of an id: a series of a metric, or what another expression gave.
    fn value(&self, id: &str) -> Option<Value<'_>>;

    /// Returns the metrics of the request (no expressions), in its order; with a text, those whose
    /// id contains it.
    fn metrics(&self, containing: Option<&str>) -> Vec<Series<'_>>;

    /// Returns what a `SEARCH` of the expression found, in the order in which it is to be shown.
    fn search(&self, search: &Search) -> Vec<Series<'_>>;

    /// Returns the period of a metric of the request, in seconds.
    fn period_s(&self, id: &str) -> Option<u32>;

    /// Returns the times of the columns where they are not evenly apart, as days of a time zone are not:
    /// they then stand for those of the grid, which is as long.
    fn times_ms(&self) -> Option<&[i64]> {
        None
    }
}
