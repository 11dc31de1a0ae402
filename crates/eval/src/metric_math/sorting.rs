//! `SORT`, and counts of series.

use super::{Series, fold};
use lang::metric_math::{SortBy, SortOrder};
use std::cmp::Ordering;

/// Sorts series by an aggregate of all their points. Equal ones keep their order; those without
/// points come last in both directions.
pub(super) fn sort<'a>(all: Vec<Series<'a>>, by: SortBy, order: SortOrder) -> Vec<Series<'a>> {
    let key = |series: Series<'a>| {
        let key = if series.is_empty() { f64::NAN } else { fold::over_time(by, &series.values) };
        (key, series)
    };
    let mut keyed: Vec<(f64, Series<'a>)> = all.into_iter().map(key).collect();
    keyed.sort_by(|(a, _), (b, _)| match (a.is_nan(), b.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) if order == SortOrder::Ascending => a.total_cmp(b),
        (false, false) => b.total_cmp(a),
    });
    keyed.into_iter().map(|(_, series)| series).collect()
}

/// A scalar as a number of series: without its fraction, at least 0; no number is 0.
pub(super) fn count(scalar: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
    let count = scalar as usize;
    count
}
