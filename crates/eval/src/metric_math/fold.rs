//! Aggregates: one number of many, over the times of a series or over the series at each time.
//!
//! The state of an aggregate is a few numbers; a value is added without a branch on whether it is
//! missing where the arithmetic allows it, so that loops over columns run at the speed of memory.

use super::point::finite;
use lang::metric_math::Aggregate;

/// An aggregate with a state of `N` numbers.
trait Fold<const N: usize> {
    const EMPTY: [f64; N];

    /// Adds a value; NaN is none.
    fn add(state: &mut [f64; N], value: f64);

    /// Returns the result over `members` times or series, missing ones counted; not finite if no value
    /// was added.
    fn finish(state: [f64; N], members: f64) -> f64;
}

struct Sum;
struct Average;
struct Minimum;
struct Maximum;
struct Count;
struct Deviation;

/// The state is the sum, and how many.
impl Fold<2> for Sum {
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

impl Fold<2> for Average {
    const EMPTY: [f64; 2] = [0.0, 0.0];

    #[inline]
    fn add(state: &mut [f64; 2], value: f64) {
        Sum::add(state, value);
    }

    fn finish([sum, count]: [f64; 2], members: f64) -> f64 {
        if count == 0.0 { f64::NAN } else { sum / members }
    }
}

impl Fold<1> for Minimum {
    const EMPTY: [f64; 1] = [f64::INFINITY];

    #[inline]
    fn add([state]: &mut [f64; 1], value: f64) {
        // NaN is not less than anything.
        *state = if value < *state { value } else { *state };
    }

    fn finish([state]: [f64; 1], _: f64) -> f64 {
        state
    }
}

impl Fold<1> for Maximum {
    const EMPTY: [f64; 1] = [f64::NEG_INFINITY];

    #[inline]
    fn add([state]: &mut [f64; 1], value: f64) {
        *state = if value > *state { value } else { *state };
    }

    fn finish([state]: [f64; 1], _: f64) -> f64 {
        state
    }
}

impl Fold<1> for Count {
    const EMPTY: [f64; 1] = [0.0];

    #[inline]
    fn add([state]: &mut [f64; 1], value: f64) {
        *state += f64::from(u8::from(!value.is_nan()));
    }

    fn finish([state]: [f64; 1], _: f64) -> f64 {
        if state == 0.0 { f64::NAN } else { state }
    }
}

/// The state is how many, their mean, and the sum of the squares of their distances from it.
impl Fold<3> for Deviation {
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

fn run<F: Fold<N>, const N: usize>(values: impl Iterator<Item = f64>, members: f64) -> f64 {
    let mut state = F::EMPTY;
    values.for_each(|value| F::add(&mut state, value));
    finite(F::finish(state, members))
}

/// The aggregate of all points of a series; missing ones are none. Without points the sum and the
/// count are 0, and the others have no value.
pub(super) fn over_time(aggregate: Aggregate, values: &[f64]) -> f64 {
    let points = values.iter().filter(|value| !value.is_nan()).count() as f64;
    let result = with_fold!(aggregate, F => run::<F, _>(values.iter().copied(), points));
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
    with_fold!(aggregate, F => run::<F, _>(values, members))
}

/// [`over_series`] for each time of `members` columns of `len` values, which `visit` shows one after
/// the other.
pub(super) fn over_columns(
    aggregate: Aggregate,
    len: usize,
    members: usize,
    visit: impl FnOnce(&mut dyn FnMut(&[f64])),
) -> Vec<f64> {
    with_fold!(aggregate, F => columns::<F, _>(len, members as f64, visit))
}

fn columns<F: Fold<N>, const N: usize>(
    len: usize,
    members: f64,
    visit: impl FnOnce(&mut dyn FnMut(&[f64])),
) -> Vec<f64> {
    // One column for each number of the state, so that the loop works on several times at once.
    let mut states: [Vec<f64>; N] = F::EMPTY.map(|empty| vec![empty; len]);
    visit(&mut |column| {
        let mut states = states.each_mut().map(|column| &mut column[..len]);
        for (at, value) in column[..len].iter().enumerate() {
            let mut state: [f64; N] = std::array::from_fn(|n| states[n][at]);
            F::add(&mut state, *value);
            for (kept, number) in states.iter_mut().zip(state) {
                kept[at] = number;
            }
        }
    });
    let state = |at: usize| std::array::from_fn(|n| states[n][at]);
    (0..len).map(|at| finite(F::finish(state(at), members))).collect()
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
            let visit = |see: &mut dyn FnMut(&[f64])| all.iter().for_each(|column| see(column));
            let columns = over_columns(aggregate, 4, all.len(), visit);
            for at in 0..4 {
                let point = over_series(aggregate, all.iter().map(|column| column[at]));
                let same = columns[at].to_bits() == point.to_bits();
                assert!(same || columns[at].is_nan() && point.is_nan(), "{aggregate:?} at {at}");
            }
        }
    }
}
