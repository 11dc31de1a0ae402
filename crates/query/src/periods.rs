//! Periods that lie side by side: what questions are asked over.

use model::TimeRange;

/// Periods that lie side by side, oldest first. They may begin anywhere, and be uneven, as days of a time
/// zone are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Periods<'b> {
    start_ms: i64,
    period_ms: i64,
    len: usize,
    /// Of uneven ones, where they begin, and where the last one ends.
    bounds: Option<&'b [i64]>,
}

impl<'b> Periods<'b> {
    /// Periods of one length.
    ///
    /// # Panics
    /// When the length is not above 0.
    pub fn even(start_ms: i64, period_ms: i64, len: usize) -> Self {
        assert!(period_ms > 0, "periods of {period_ms} ms");
        Self { start_ms, period_ms, len, bounds: None }
    }

    /// Periods that each end where the next one begins; none unless the bounds go forward and are two at
    /// least.
    pub fn between(bounds: &'b [i64]) -> Option<Self> {
        let (first, second) = (*bounds.first()?, *bounds.get(1)?);
        let (len, period_ms) = (bounds.len() - 1, second.checked_sub(first)?);
        let mut lengths = bounds.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
        if lengths.clone().any(|length_ms| length_ms <= 0) {
            return None;
        }
        let is_even = lengths.all(|length_ms| length_ms == period_ms);
        Some(Self { start_ms: first, period_ms, len, bounds: (!is_even).then_some(bounds) })
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Says whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the length of each, of uneven ones that of the first.
    pub fn period_ms(&self) -> i64 {
        self.period_ms
    }

    /// Returns where one begins.
    pub fn start_of(&self, at: usize) -> i64 {
        match self.bounds {
            None => self.start_ms + at as i64 * self.period_ms,
            Some(bounds) => bounds[at],
        }
    }

    /// Returns where one ends.
    pub fn end_of(&self, at: usize) -> i64 {
        self.start_of(at + 1)
    }

    /// Returns where they begin, if they are uneven.
    pub fn uneven_starts(&self) -> Option<&'b [i64]> {
        self.bounds.map(|bounds| &bounds[..self.len])
    }

    /// Returns which one a moment lies in.
    pub fn at(&self, at_ms: i64) -> Option<usize> {
        let at = match self.bounds {
            None => at_ms.checked_sub(self.start_ms)?.div_euclid(self.period_ms),
            Some(bounds) => bounds.partition_point(|start_ms| *start_ms <= at_ms) as i64 - 1,
        };
        usize::try_from(at).ok().filter(|at| *at < self.len)
    }

    /// Returns the range of all points in them.
    pub fn range(&self) -> TimeRange {
        let end_ms = match self.bounds {
            None => {
                let len_ms = (self.len as i64).saturating_mul(self.period_ms);
                self.start_ms.saturating_add(len_ms)
            }
            Some(bounds) => bounds[self.len],
        };
        TimeRange { start_ms: self.start_ms, end_ms }
    }

    /// Returns the longest steps since 1970 that all of them are made of: what the store can put points
    /// together on.
    pub fn step_ms(&self) -> i64 {
        match self.bounds {
            None => gcd(self.period_ms, self.start_ms),
            Some(bounds) => bounds.iter().fold(0, |step, bound| gcd(step, *bound)).max(1),
        }
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a.saturating_abs(), b.saturating_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    #[test]
    fn periods_begin_anywhere_and_are_made_of_steps() {
        let even = Periods::even(120_000, 300_000, 2);
        assert_eq!((even.step_ms(), even.end_of(1)), (60_000, 720_000));
        assert_eq!(
            [119_999, 120_000, 419_999, 420_000, 720_000].map(|at| even.at(at)),
            [None, Some(0), Some(0), Some(1), None]
        );
        assert_eq!(Periods::even(600_000, 300_000, 2).step_ms(), 300_000);
        assert_eq!(Periods::between(&[120_000, 420_000, 720_000]), Some(even));
    }

    #[test]
    fn days_may_be_uneven() {
        let bounds = [22 * HOUR_MS, 46 * HOUR_MS, 71 * HOUR_MS];
        let days = Periods::between(&bounds).expect("two days");
        assert_eq!((days.len(), days.step_ms(), days.start_of(1)), (2, HOUR_MS, 46 * HOUR_MS));
        assert_eq!(days.range(), TimeRange { start_ms: 22 * HOUR_MS, end_ms: 71 * HOUR_MS });
        let hours = [21, 22, 45, 46, 70, 71].map(|hour| days.at(hour * HOUR_MS));
        assert_eq!(hours, [None, Some(0), Some(0), Some(1), Some(1), None]);
        assert_eq!(days.uneven_starts(), Some(&bounds[..2]));
    }

    #[test]
    fn bounds_go_forward() {
        for bounds in [&[][..], &[5], &[5, 5], &[1, 3, 2], &[i64::MIN, i64::MAX]] {
            assert_eq!(Periods::between(bounds), None, "{bounds:?}");
        }
    }
}
