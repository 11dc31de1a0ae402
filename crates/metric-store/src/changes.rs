//! Which times changed since a moment: what a kept answer must forget.

use crate::part::PARTITION_MS;
use crate::store::MetricStore;
use parking_lot::Mutex;
use std::collections::VecDeque;

/// So many changes are told apart; what is older has changed altogether.
const LOG_MAX: usize = 4_096;

/// Changes that reach back about as far are one.
const NEAR_MS: i64 = 1_000;

/// A moment in the life of a store: what was readable at it was readable before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    version: u64,
    /// What is kept goes by days.
    day: Option<i64>,
}

/// For each moment, how far back what came after it reaches.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    version: u64,
    /// Of moments before this one nothing is known.
    known_from: u64,
    /// Version and the earliest time that changed with it or with any that left no line of its own;
    /// both rise.
    log: VecDeque<(u64, i64)>,
}

impl Changes {
    /// Notes that points from this time on may have changed. Called when they are readable, not before:
    /// whoever takes a moment in between counts them as later.
    pub(crate) fn note(&self, from_ms: i64) {
        let mut inner = self.inner.lock();
        inner.version += 1;
        let version = inner.version;
        let mut from_ms = from_ms;
        while let Some(&(_, last_ms)) = inner.log.back()
            && last_ms.saturating_add(NEAR_MS) > from_ms
        {
            from_ms = from_ms.min(last_ms);
            inner.log.pop_back();
        }
        inner.log.push_back((version, from_ms));
        if inner.log.len() > LOG_MAX
            && let Some((version, _)) = inner.log.pop_front()
        {
            inner.known_from = version;
        }
    }

    fn version(&self) -> u64 {
        self.inner.lock().version
    }

    /// Returns the earliest time that changed after a version, [`i64::MAX`] if none did; `None` if
    /// that is not known any more.
    fn since(&self, version: u64) -> Option<i64> {
        let inner = self.inner.lock();
        if version < inner.known_from {
            return None;
        }
        let first = inner.log.partition_point(|(of, _)| *of <= version);
        Some(inner.log.get(first).map_or(i64::MAX, |(_, from_ms)| *from_ms))
    }
}

impl MetricStore {
    /// Returns this moment. Whatever is read after it is called may be newer.
    pub fn moment(&self) -> Moment {
        let day = self.clock.lock().shown_by_ms().map(|now| now.div_euclid(PARTITION_MS));
        Moment { version: self.changes.version(), day }
    }

    /// Returns the earliest time of which points came or went since a moment, [`i64::MAX`] if of none;
    /// `None` if that is not known any more.
    pub fn changed_since(&self, moment: &Moment) -> Option<i64> {
        if self.moment().day != moment.day {
            return None;
        }
        self.changes.since(moment.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_of_what_came_later_is_told() {
        let changes = Changes::default();
        let mut times = Vec::new();
        let mut rng = stdx::Rng::from_seed(3);
        for n in 0..3_000i64 {
            let late = if rng.below(50) == 0 { rng.below(2_000_000) as i64 } else { 0 };
            let from_ms = n * 10_000 - late;
            changes.note(from_ms);
            times.push(from_ms);
            assert_eq!(changes.version(), times.len() as u64);
            for version in [0, times.len() / 2, times.len().saturating_sub(3), times.len()] {
                let exact = times[version..].iter().min().copied().unwrap_or(i64::MAX);
                let told = changes.since(version as u64).unwrap();
                // Too early by what counts as near, never too late.
                assert!(told <= exact, "{told} {exact}");
                assert!(told == exact || exact - told < NEAR_MS, "{told} {exact}");
            }
        }
    }

    #[test]
    fn what_is_too_long_ago_is_not_known() {
        let changes = Changes::default();
        (0..2 * LOG_MAX as i64).for_each(|n| changes.note(n * 5_000));
        assert_eq!(changes.since(7), None);
        assert!(changes.since(2 * LOG_MAX as u64 - 10).is_some());
        changes.note(i64::MIN);
        assert_eq!(changes.since(2 * LOG_MAX as u64 - 10), Some(i64::MIN));
        assert_eq!(changes.since(2 * LOG_MAX as u64 + 1), Some(i64::MAX));
    }
}
