//! Values over steps and over time: the two forms in which series are computed with.

use super::Labels;
use model::{STALE_NAN_BITS, is_stale};

/// Stands for "no value here" in a column. The bits are those of the stale marker, which is no
/// value of any result; arithmetic never gives them, since the NaNs that it gives are quiet.
pub const ABSENT: f64 = f64::from_bits(STALE_NAN_BITS);

/// Says whether a column has no value here.
#[inline]
pub fn is_absent(value: f64) -> bool {
    is_stale(value)
}

/// A series over the steps of a question.
#[derive(Debug, Clone)]
pub struct Column {
    /// What it is called.
    pub labels: Labels,
    /// A value for each step, [`ABSENT`] where there is none.
    pub values: Vec<f64>,
}

impl Column {
    /// Makes a column.
    pub fn new(labels: Labels, values: Vec<f64>) -> Self {
        Self { labels, values }
    }

    /// Says whether there is a value at any step.
    pub fn has_values(&self) -> bool {
        self.values.iter().any(|v| !is_absent(*v))
    }

    /// Returns how many bytes it takes in memory.
    pub fn bytes(&self) -> u64 {
        (size_of::<Self>() + size_of_val(self.values.as_slice())) as u64
    }
}

/// Samples of one series, oldest first: times in milliseconds, and as many values.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples {
    /// Milliseconds since 1970, rising.
    pub times: Vec<i64>,
    /// The values; stale markers stand among them.
    pub values: Vec<f64>,
}

impl Samples {
    /// Forgets the samples and keeps the memory.
    pub fn clear(&mut self) {
        self.times.clear();
        self.values.clear();
    }

    /// Adds a sample, which must be later than the last one.
    pub fn push(&mut self, at_ms: i64, value: f64) {
        self.times.push(at_ms);
        self.values.push(value);
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Removes the stale markers, which a range does not see.
    pub fn drop_stale(&mut self) {
        // Counted first without branches: nearly all series have none.
        if self.values.iter().map(|v| u64::from(is_stale(*v))).sum::<u64>() == 0 {
            return;
        }
        let first = self.values.iter().position(|v| is_stale(*v)).unwrap_or(self.len());
        let mut kept = first;
        for at in first..self.len() {
            if !is_stale(self.values[at]) {
                self.times[kept] = self.times[at];
                self.values[kept] = self.values[at];
                kept += 1;
            }
        }
        self.times.truncate(kept);
        self.values.truncate(kept);
    }
}

impl FromIterator<(i64, f64)> for Samples {
    fn from_iter<T: IntoIterator<Item = (i64, f64)>>(samples: T) -> Self {
        let (times, values) = samples.into_iter().unzip();
        Self { times, values }
    }
}

/// The times of a question: `count` steps from `start_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grid {
    /// The first step, milliseconds since 1970.
    pub start_ms: i64,
    /// From step to step; what it is does not matter when there is one.
    pub step_ms: i64,
    /// How many steps.
    pub count: usize,
}

impl Grid {
    /// One moment.
    pub fn at(at_ms: i64) -> Self {
        Self { start_ms: at_ms, step_ms: 1, count: 1 }
    }

    /// Returns the time of a step.
    #[inline]
    pub fn time(&self, step: usize) -> i64 {
        self.start_ms.saturating_add(self.step_ms.saturating_mul(step as i64))
    }

    /// Returns the time of the last step.
    pub fn end_ms(&self) -> i64 {
        self.time(self.count.saturating_sub(1))
    }

    /// Returns the times of all steps.
    pub fn times(self) -> impl Iterator<Item = i64> {
        (0..self.count).map(move |step| self.time(step))
    }

    /// Returns the grid moved into the past.
    pub fn back(self, by_ms: i64) -> Self {
        Self { start_ms: self.start_ms.saturating_sub(by_ms), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_markers_are_dropped_and_other_nans_kept() {
        let mut samples: Samples =
            [(1, 1.0), (2, ABSENT), (3, f64::NAN), (4, ABSENT), (5, 5.0)].into_iter().collect();
        samples.drop_stale();
        assert_eq!(samples.times, [1, 3, 5]);
        assert!(samples.values[1].is_nan());
    }

    #[test]
    fn arithmetic_never_makes_the_mark_of_absence() {
        for value in [ABSENT + 0.0, ABSENT * 1.0, (-1.0_f64).sqrt(), f64::INFINITY - f64::INFINITY]
        {
            assert!(value.is_nan() && !is_absent(value));
        }
    }
}
