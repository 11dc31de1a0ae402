//! Series, arrays of them, and the grid that they lie on.

use std::borrow::Cow;

/// The times of all columns: `start_ms`, then every `period_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// The first time, milliseconds since 1970.
    pub start_ms: i64,
    /// Between two times, milliseconds, above 0.
    pub period_ms: i64,
    /// How many times.
    pub len: usize,
}

impl Grid {
    /// Returns the times, milliseconds since 1970.
    pub fn times_ms(self) -> impl Iterator<Item = i64> {
        let step =
            move |n: usize| self.period_ms.saturating_mul(i64::try_from(n).unwrap_or(i64::MAX));
        (0..self.len).map(move |n| self.start_ms.saturating_add(step(n)))
    }
}

/// A grid whose times may be uneven.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times<'a> {
    pub(super) grid: Grid,
    pub(super) uneven: Option<&'a [i64]>,
}

impl Times<'_> {
    /// Returns the times, milliseconds since 1970.
    pub(super) fn all(&self) -> impl Iterator<Item = i64> {
        let even = self.uneven.is_none().then(|| self.grid.times_ms());
        let uneven = self.uneven.unwrap_or_default().iter().copied();
        even.into_iter().flatten().chain(uneven)
    }
}

/// One series on a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Series<'a> {
    /// Which metric it came from, in numbers of the caller's. Kept by what makes one series of one
    /// (functions of each point, fills, changes, `SORT`, `SLICE`), so that labels survive; none where
    /// several series became one.
    pub origin: Option<u32>,
    /// A value for each time of the grid, finite, or NaN where there is no point.
    pub values: Cow<'a, [f64]>,
}

impl<'a> Series<'a> {
    /// A series of a metric, borrowed from the caller's data.
    pub fn of_metric(origin: u32, values: &'a [f64]) -> Self {
        Self { origin: Some(origin), values: Cow::Borrowed(values) }
    }

    /// A series that was made by an expression.
    pub fn made(values: Vec<f64>) -> Self {
        Self { origin: None, values: Cow::Owned(values) }
    }

    /// Says whether it has no point at all.
    pub fn is_empty(&self) -> bool {
        self.values.iter().all(|value| value.is_nan())
    }
}

/// What an expression, or a part of one, is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// A number; NaN when there is none, as for the average of no points.
    Scalar(f64),
    /// A series.
    Series(Series<'a>),
    /// An array of series.
    Array(Vec<Series<'a>>),
}
