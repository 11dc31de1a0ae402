//! What one question may cost, and the memory that all questions share.

use crate::snapshot::ReadError;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use stdx::{Cancel, Stopwatch};

/// What a reader allows itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimits {
    /// Series at most.
    pub series_max: usize,
    /// Points at most, counted before ranges are cut to size.
    pub points_max: u64,
    /// Bytes of memory at most, roughly, for what is found and decoded.
    pub bytes_max: u64,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self { series_max: 1_000_000, points_max: 500_000_000, bytes_max: u64::MAX }
    }
}

/// Memory for the questions that are being worked on, all together.
#[derive(Debug)]
pub struct QueryMemory {
    used: AtomicU64,
    max: u64,
}

impl QueryMemory {
    /// Allows `max` bytes.
    pub fn new(max: u64) -> Self {
        Self { used: AtomicU64::new(0), max }
    }

    /// Returns the bytes in use.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Returns the bytes that may be in use.
    pub fn max(&self) -> u64 {
        self.max
    }

    fn take(&self, bytes: u64) -> bool {
        let take = |used: u64| used.checked_add(bytes).filter(|&sum| sum <= self.max);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    fn give(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// What one question may still cost. Made for the question and dropped with it, which gives its
/// share of the common memory back.
#[derive(Debug)]
pub struct ReadBudget {
    limits: ReadLimits,
    shared: Option<Arc<QueryMemory>>,
    taken: AtomicU64,
    /// Since when, and for how long.
    time: Option<(Stopwatch, Duration)>,
    /// Raised when nobody waits for the answer any more.
    cancel: Option<Cancel>,
}

impl Default for ReadBudget {
    fn default() -> Self {
        Self::new(ReadLimits::default(), None)
    }
}

impl ReadBudget {
    /// A budget within `limits`, and within what `shared` has left.
    pub fn new(limits: ReadLimits, shared: Option<Arc<QueryMemory>>) -> Self {
        Self { limits, shared, taken: AtomicU64::new(0), time: None, cancel: None }
    }

    /// Allows so many series at most.
    #[must_use]
    pub fn with_series_max(mut self, series_max: usize) -> Self {
        self.limits.series_max = self.limits.series_max.min(series_max);
        self
    }

    /// Allows so much real time at most, from `started` on.
    #[must_use]
    pub fn with_time(mut self, started: Stopwatch, time_max: Duration) -> Self {
        self.time = Some((started, time_max));
        self
    }

    /// Ends when the flag is raised, if there is one.
    #[must_use]
    pub fn with_cancel(mut self, cancel: Option<Cancel>) -> Self {
        self.cancel = cancel;
        self
    }

    /// Returns the limits.
    pub fn limits(&self) -> ReadLimits {
        self.limits
    }

    /// Returns the bytes taken so far.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Returns how many bytes may still be taken, roughly: others take from the common memory too.
    pub fn bytes_left(&self) -> u64 {
        let own = self.limits.bytes_max.saturating_sub(self.taken());
        let shared = self.shared.as_ref();
        own.min(shared.map_or(u64::MAX, |shared| shared.max().saturating_sub(shared.used())))
    }

    /// Takes memory for something that lives as long as the question.
    ///
    /// # Errors
    /// [`ReadError::TooMuchMemory`] when the question, or all together, would have too much.
    pub fn take(&self, bytes: u64) -> Result<(), ReadError> {
        let taken = self.taken().saturating_add(bytes);
        if taken > self.limits.bytes_max {
            return Err(ReadError::TooMuchMemory { found: taken, max: self.limits.bytes_max });
        }
        if let Some(shared) = &self.shared
            && !shared.take(bytes)
        {
            return Err(ReadError::MemoryInUse { used: shared.used(), max: shared.max() });
        }
        self.taken.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Takes memory for something that may be given up before the question ends.
    pub(crate) fn charge(&self) -> Charge<'_> {
        Charge { budget: self, taken: 0 }
    }

    /// Gives memory back before the question ends.
    pub fn give(&self, bytes: u64) {
        self.taken.fetch_sub(bytes, Ordering::Relaxed);
        if let Some(shared) = &self.shared {
            shared.give(bytes);
        }
    }

    /// Says whether there is time left, and somebody who waits.
    ///
    /// # Errors
    /// [`ReadError::OutOfTime`], [`ReadError::Cancelled`].
    pub fn check_time(&self) -> Result<(), ReadError> {
        if self.cancel.as_ref().is_some_and(Cancel::is_cancelled) {
            return Err(ReadError::Cancelled);
        }
        match self.time {
            Some((started, max)) if started.elapsed() >= max => Err(ReadError::OutOfTime { max }),
            _ => Ok(()),
        }
    }

    pub(crate) fn check_series(&self, found: usize) -> Result<(), ReadError> {
        let max = self.limits.series_max;
        if found > max { Err(ReadError::TooManySeries { found, max }) } else { Ok(()) }
    }
}

/// Memory that is given back unless it is kept.
#[derive(Debug)]
pub(crate) struct Charge<'b> {
    pub(crate) budget: &'b ReadBudget,
    taken: u64,
}

impl Charge<'_> {
    /// As [`ReadBudget::take`].
    pub(crate) fn take(&mut self, bytes: u64) -> Result<(), ReadError> {
        self.budget.take(bytes)?;
        self.taken += bytes;
        Ok(())
    }

    /// Leaves what was taken to the question.
    pub(crate) fn keep(mut self) {
        self.taken = 0;
    }
}

impl Drop for Charge<'_> {
    fn drop(&mut self) {
        if self.taken > 0 {
            self.budget.give(self.taken);
        }
    }
}

impl Drop for ReadBudget {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.give(self.taken());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_questions_take_comes_back_with_them() {
        let shared = Arc::new(QueryMemory::new(1_000));
        let limits = ReadLimits { bytes_max: 700, ..ReadLimits::default() };
        let one = ReadBudget::new(limits, Some(shared.clone()));
        one.take(600).unwrap();
        assert!(matches!(one.take(101), Err(ReadError::TooMuchMemory { found: 701, max: 700 })));
        let other = ReadBudget::new(limits, Some(shared.clone()));
        assert!(matches!(other.take(401), Err(ReadError::MemoryInUse { used: 600, max: 1_000 })));
        other.take(400).unwrap();
        one.give(100);
        assert_eq!((one.taken(), shared.used()), (500, 900));
        drop(one);
        assert_eq!(shared.used(), 400);
        drop(other);
        assert_eq!(shared.used(), 0);
    }

    #[test]
    fn time_that_is_over_is_told() {
        let budget = ReadBudget::default();
        budget.check_time().unwrap();
        let budget = budget.with_time(Stopwatch::start(), Duration::ZERO);
        let error = budget.check_time().unwrap_err().to_string();
        assert_eq!(error, "the question took longer than the 0ns that it may");
    }

    #[test]
    fn an_asker_who_left_ends_the_question() {
        let asker = Cancel::new();
        let budget = ReadBudget::default().with_cancel(Some(asker.clone()));
        budget.check_time().unwrap();
        asker.cancel();
        assert!(matches!(budget.check_time(), Err(ReadError::Cancelled)));
    }
}
