//! Values over steps and over time: the two forms in which series are computed with.

use super::Labels;
use model::{Histogram, STALE_NAN_BITS, is_stale};
use std::sync::Arc;

/// A native histogram, shared by all that pass it on.
pub type Native = Arc<Histogram>;

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
    /// A histogram for each step, where there is one; empty if there is none at all. A step has a
    /// value or a histogram, never both.
    pub histograms: Vec<Option<Native>>,
}

impl Column {
    /// Makes a column of floats.
    pub fn new(labels: Labels, values: Vec<f64>) -> Self {
        Self { labels, values, histograms: Vec::new() }
    }

    /// Returns what it holds.
    #[inline]
    pub fn cells(&self) -> Cells<'_> {
        Cells { values: &self.values, histograms: &self.histograms }
    }

    /// Says whether there is a value or a histogram at any step.
    pub fn has_values(&self) -> bool {
        self.cells().any()
    }

    /// Removes what stands at the steps that `keep` refuses.
    pub fn keep(&mut self, keep: impl Fn(usize) -> bool) {
        for step in 0..self.values.len() {
            if !keep(step) {
                self.values[step] = ABSENT;
                if let Some(histogram) = self.histograms.get_mut(step) {
                    *histogram = None;
                }
            }
        }
    }

    /// Puts a histogram at a step.
    pub fn set_histogram(&mut self, step: usize, histogram: Option<Native>) {
        if histogram.is_some() && self.histograms.is_empty() {
            self.histograms = vec![None; self.values.len()];
        }
        if let Some(place) = self.histograms.get_mut(step) {
            *place = histogram;
        }
    }

    /// Returns how many bytes it takes in memory, labels among them though they may be shared.
    pub fn bytes(&self) -> u64 {
        (size_of::<Self>() + self.labels.bytes() + self.cells().bytes()) as u64
    }
}

/// What a column holds.
#[derive(Debug, Clone, Copy)]
pub struct Cells<'a> {
    /// See [`Column::values`].
    pub values: &'a [f64],
    /// See [`Column::histograms`].
    pub histograms: &'a [Option<Native>],
}

impl<'a> Cells<'a> {
    /// Floats alone.
    pub fn floats(values: &'a [f64]) -> Self {
        Self { values, histograms: &[] }
    }

    /// Returns how many bytes the values and histograms take.
    pub fn bytes(self) -> usize {
        let histograms: usize = self.histograms.iter().flatten().map(|h| h.bytes()).sum();
        size_of_val(self.values) + size_of_val(self.histograms) + histograms
    }

    /// Returns the histogram of a step, if there is one.
    #[inline]
    pub fn histogram(&self, step: usize) -> Option<&'a Native> {
        self.histograms.get(step)?.as_ref()
    }

    /// Says whether anything stands at a step.
    #[inline]
    pub fn is_there(&self, step: usize) -> bool {
        !is_absent(self.values[step]) || self.histogram(step).is_some()
    }

    /// Says whether anything stands at any step.
    pub fn any(&self) -> bool {
        self.values.iter().any(|v| !is_absent(*v)) || self.histograms.iter().any(Option::is_some)
    }

    /// Makes a column of it.
    pub fn to_column(self, labels: Labels) -> Column {
        let histograms = self.histograms.to_vec();
        Column { labels, values: self.values.to_vec(), histograms }
    }
}

/// Samples of one series, oldest first: times in milliseconds, and as many values; histograms apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples {
    /// Milliseconds since 1970, rising.
    pub times: Vec<i64>,
    /// The values; stale markers stand among them.
    pub values: Vec<f64>,
    /// Histograms and their times, which are other ones. A stale marker is one whose sum is it.
    pub histograms: Vec<(i64, Native)>,
}

impl Samples {
    /// Forgets the samples and keeps the memory.
    pub fn clear(&mut self) {
        self.times.clear();
        self.values.clear();
        self.histograms.clear();
    }

    /// Adds a sample, which must be later than the last one.
    pub fn push(&mut self, at_ms: i64, value: f64) {
        self.times.push(at_ms);
        self.values.push(value);
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.times.len() + self.histograms.len()
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty() && self.histograms.is_empty()
    }

    /// Removes the stale markers, which a range does not see.
    pub fn drop_stale(&mut self) {
        self.histograms.retain(|(_, histogram)| !is_stale(histogram.sum));
        // Counted first without branches: nearly all series have none.
        if self.values.iter().map(|v| u64::from(is_stale(*v))).sum::<u64>() == 0 {
            return;
        }
        let first = self.values.iter().position(|v| is_stale(*v)).unwrap_or(0);
        let mut kept = first;
        for at in first..self.times.len() {
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
        Self { times, values, histograms: Vec::new() }
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
