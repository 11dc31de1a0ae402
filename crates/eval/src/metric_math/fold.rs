//! Aggregates: one number of many, over the times of a series or over the series at each time.
//!
//! The state of an aggregate is a few numbers; a value is added without a branch on whether it is
//! missing where the arithmetic allows it, so that loops over columns run at the speed of memory.

use super::point::finite;
use lang::metric_math::Aggregate;

trait Fold {
    type State: Copy;
    const EMPTY: Self::State;

    /// Adds a value; NaN is none.
    fn add(state: &mut Self::State, value: f64);

    /// Returns the result over `members` times or series, missing ones counted; NaN if no value was
    /// added.
    fn finish(state: Self::State, members: f64) -> f64;
}

struct Sum;
struct Average;
struct Minimum;
struct Maximum;
struct Count;
struct Deviation;

impl Fold for Sum {
    /// The sum, and how many.
    type State = [f64; 2];
    const EMPTY: [f64; 2] = [0.0, 0.0];

    #[inline]
    fn add(state: &mut [f64; 2], value: f64) {
        let present = f64::from(u8::from(!value.is_nan()));
        state[0] += if value.is_nan() { 0.0 } else { value };
        state[1] += present;
    }

    fn finish([sum, count]: [f64; 2], _: f64) -> f64 {
        if count == 0.0 { f64::NAN } else { sum }
    }
}

impl Fold for Average {
    type State = [f64; 2];
    const EMPTY: [f64; 2] = [0.0, 0.0];

    #[inline]
    fn add(state: &mut [f64; 2], value: f64) {
        Sum::add(state, value);
    }

    fn finish([sum, count]: [f64; 2], members: f64) -> f64 {
        if count == 0.0 { f64::NAN } else { sum / members }
    }
}

impl Fold for Minimum {
    type State = f64;
    const EMPTY: f64 = f64::INFINITY;

    #[inline]
    fn add(state: &mut f64, value: f64) {
        // NaN is not less than anything.
        *state = if value < *state { value } else { *state };
    }

    fn finish(state: f64, _: f64) -> f64 {
        state
    }
}

impl Fold for Maximum {
    type State = f64;
    const EMPTY: f64 = f64::NEG_INFINITY;

    #[inline]
    fn add(state: &mut f64, value: f64) {
        *state = if value > *state { value } else { *state };
    }

    fn finish(state: f64, _: f64) -> f64 {
        state
    }
}

impl Fold for Count {
    type State = f64;
    const EMPTY: f64 = 0.0;

    #[inline]
    fn add(state: &mut f64, value: f64) {
        *state += f64::from(u8::from(!value.is_nan()));
    }

    fn finish(state: f64, _: f64) -> f64 {
        if state == 0.0 { f64::NAN } else { state }
    }
}

impl Fold for Deviation {
    /// How many, their mean, and the sum of the squares of their distances from it.
    type State = [f64; 3];
    const EMPTY: [f64; 3] = [0.0; 3];

    #[inline]
    fn add(state: &mut [f64; 3], value: f64) {
        if value.is_nan() {
            return;
        }
        // Welford's way: sums of squares would lose small deviations of large numbers.
        let [count, mean, squares] = state;
        *count += 1.0;
        let distance = value - *mean;
        *mean += distance / *count;
        *squares += distance * (value - *mean);
    }

    fn finish([count, _, squares]: [f64; 3], _: f64) -> f64 {
        if count == 0.0 { f64::NAN } else { (squares / count).max(0.0).sqrt() }
    }
}

macro_rules! with_fold {
    ($aggregate:expr, $f:ident => $body:expr) => {
        match $aggregate {
            Aggregate::Avg => {
                type $f = Average;
                $body
            }
            Aggregate::Min => {
                type $f = Minimum;
                $body
            }
            Aggregate::Max => {
                type $f = Maximum;
                $body
            }
            Aggregate::Sum => {
                type $f = Sum;
                $body
            }
            Aggregate::StdDev => {
                type $f = Deviation;
                $body
            }
            Aggregate::DatapointCount => {
                type $f = Count;
                $body
            }
        }
    };
}

fn run<F: Fold>(values: impl Iterator<Item = f64>, members: f64) -> f64 {
    let mut state = F::EMPTY;
    values.for_each(|value| F::add(&mut state, value));
    finite(F::finish(state, members))
}

/// The aggregate of all points of a series; missing ones are none. Without points the sum and the
/// count are 0, and the others have no value.
pub(super) fn over_time(aggregate: Aggregate, values: &[f64]) -> f64 {
    let points = values.iter().filter(|value| !value.is_nan()).count() as f64;
    let result = with_fold!(aggregate, F => run::<F>(values.iter().copied(), points));
    match aggregate {
        Aggregate::Sum | Aggregate::DatapointCount if points == 0.0 => 0.0,
        _ => result,
    }
}

/// The aggregate of the values of all series at one time. The average counts a missing one as 0;
/// for the others it is none. Where all are missing there is no point.
///
/// Source: user guide, function `AVG` ("Missing values are treated as 0").
pub(super) fn over_series(aggregate: Aggregate, values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let members = values.len() as f64;
    with_fold!(aggregate, F => run::<F>(values, members))
}

/// [`over_series`] for each time of whole columns of `len` values.
pub(super) fn over_columns<'c>(
    aggregate: Aggregate,
    len: usize,
    columns: impl ExactSizeIterator<Item = &'c [f64]>,
) -> Vec<f64> {
    fn run<'c, F: Fold>(len: usize, columns: impl ExactSizeIterator<Item = &'c [f64]>) -> Vec<f64> {
        let members = columns.len() as f64;
        let mut states = vec![F::EMPTY; len];
        for column in columns {
            for (state, value) in states.iter_mut().zip(column) {
                F::add(state, *value);
            }
        }
        states.into_iter().map(|state| finite(F::finish(state, members))).collect()
    }
    with_fold!(aggregate, F => run::<F>(len, columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_folded_as_its_points() {
        let all = [[1.0, f64::NAN, -2.0, f64::NAN], [f64::NAN, 4.0, 1e300, f64::NAN]];
        for aggregate in [
            Aggregate::Avg,
            Aggregate::Min,
            Aggregate::Max,
            Aggregate::Sum,
            Aggregate::StdDev,
            Aggregate::DatapointCount,
        ] {
            let columns = over_columns(aggregate, 4, all.iter().map(|column| &column[..]));
            for at in 0..4 {
                let point = over_series(aggregate, all.iter().map(|column| column[at]));
                let same = columns[at].to_bits() == point.to_bits();
                assert!(same || columns[at].is_nan() && point.is_nan(), "{aggregate:?} at {at}");
            }
        }
    }
}
