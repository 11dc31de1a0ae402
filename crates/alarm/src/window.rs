//! Rings of mergeable buckets: what the stream leaves behind of a metric, as far back as alarms look.
//!
//! A bucket holds what happened in one step of a grid. A period is a merge of buckets, so windows can
//! slide. A ring knows the number of the grid step in each of its places; a place that shows another
//! number than the one asked for is empty. What a ring cannot hold it says ([`Fold`]), and its owner
//! rebuilds it from the store: it is a cache, never a second truth.

use eval::Statistic;
use model::Delta;

/// What happened in a step: enough for count, sum, minimum, maximum and average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Basic {
    pub(crate) count: f64,
    pub(crate) sum: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Basic {
    const EMPTY: Self = Self { count: 0.0, sum: 0.0, min: 0.0, max: 0.0 };

    fn of_value(value: f64) -> Self {
        Self { count: 1.0, sum: value, min: value, max: value }
    }

    fn of_delta(delta: &Delta) -> Self {
        Self { count: delta.count, sum: delta.sum, min: delta.min, max: delta.max }
    }

    #[inline]
    fn add(&mut self, other: &Self) {
        if other.count == 0.0 {
            return;
        }
        if self.count == 0.0 {
            *self = *other;
            return;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    fn value(&self, statistic: Statistic) -> Option<f64> {
        Some(match statistic {
            Statistic::SampleCount => self.count,
            Statistic::Sum => self.sum,
            Statistic::Average => self.sum / self.count,
            Statistic::Minimum => self.min,
            Statistic::Maximum => self.max,
            _ => return None,
        })
    }
}

/// What was observed at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Observed<'a> {
    /// A sample of a float series; of one moment, the later arrival counts.
    Float(f64),
    /// A delta; those of one moment add up.
    Delta(&'a Delta),
}

/// What became of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fold {
    /// It is in its bucket, the step of this number.
    Done(i64),
    /// Older than the ring: no window that reaches back here needs it.
    TooOld,
    /// Newer than the ring can hold now; when its time comes, the ring must be rebuilt.
    Ahead(i64),
}

#[derive(Debug, Clone)]
enum Buckets {
    Basic(Box<[(i64, Basic)]>),
    /// With a distribution, for percentiles and their like.
    Full(Box<[(i64, Delta)]>),
}

/// A ring of buckets.
#[derive(Debug, Clone)]
pub(crate) struct Ring {
    step_ms: i64,
    buckets: Buckets,
}

/// Stands in places that were never used.
const NEVER: i64 = i64::MIN;
/// The step that is under way, and one more for clocks that run ahead.
pub(crate) const OPEN_STEPS: usize = 2;

impl Ring {
    /// Makes an empty ring that holds `closed` whole steps beside those under way.
    pub(crate) fn new(step_ms: i64, closed: usize, distribution: bool) -> Self {
        let len = closed + OPEN_STEPS;
        let buckets = match distribution {
            false => Buckets::Basic(vec![(NEVER, Basic::EMPTY); len].into()),
            true => Buckets::Full(vec![(NEVER, Delta::default()); len].into()),
        };
        Self { step_ms, buckets }
    }

    pub(crate) fn len(&self) -> usize {
        match &self.buckets {
            Buckets::Basic(all) => all.len(),
            Buckets::Full(all) => all.len(),
        }
    }

    /// Says whether the step of a moment is still held, whatever arrived up to now.
    #[inline]
    pub(crate) fn holds(&self, at_ms: i64, now_ms: i64) -> bool {
        let newest = now_ms.div_euclid(self.step_ms) + OPEN_STEPS as i64 - 1;
        at_ms.div_euclid(self.step_ms) > newest - self.len() as i64
    }

    /// Puts a point where it belongs; `now_ms` says which steps the ring may hold.
    #[inline]
    pub(crate) fn fold(&mut self, at_ms: i64, now_ms: i64, observed: Observed<'_>) -> Fold {
        let number = at_ms.div_euclid(self.step_ms);
        let newest = now_ms.div_euclid(self.step_ms) + OPEN_STEPS as i64 - 1;
        if number > newest {
            return Fold::Ahead(number);
        }
        let len = self.len();
        if number <= newest - len as i64 {
            return Fold::TooOld;
        }
        let place = number.rem_euclid(len as i64) as usize;
        match &mut self.buckets {
            Buckets::Basic(all) => {
                let (held, bucket) = &mut all[place];
                if *held != number {
                    (*held, *bucket) = (number, Basic::EMPTY);
                }
                bucket.add(&match observed {
                    Observed::Float(value) => Basic::of_value(value),
                    Observed::Delta(delta) => Basic::of_delta(delta),
                });
            }
            Buckets::Full(all) => {
                let (held, bucket) = &mut all[place];
                if *held != number {
                    (*held, *bucket) = (number, Delta::default());
                }
                match observed {
                    Observed::Float(value) => bucket.add_sample(value),
                    Observed::Delta(delta) => bucket.add(delta),
                }
            }
        }
        Fold::Done(number)
    }

    /// Returns a statistic over a window and the number of its samples; none over nothing. Both ends
    /// lie on the grid.
    pub(crate) fn value(
        &self,
        start_ms: i64,
        end_ms: i64,
        statistic: Statistic,
    ) -> Option<(Option<f64>, f64)> {
        let len = self.len() as i64;
        let (first, end) = (start_ms.div_euclid(self.step_ms), end_ms.div_euclid(self.step_ms));
        match &self.buckets {
            Buckets::Basic(all) => {
                let mut total = Basic::EMPTY;
                for number in first..end {
                    let (held, bucket) = &all[number.rem_euclid(len) as usize];
                    if *held == number {
                        total.add(bucket);
                    }
                }
                (total.count > 0.0).then(|| (total.value(statistic), total.count))
            }
            Buckets::Full(all) => {
                let mut total = Delta::default();
                for number in first..end {
                    let (held, bucket) = &all[number.rem_euclid(len) as usize];
                    if *held == number {
                        total.add(bucket);
                    }
                }
                (total.count > 0.0).then(|| (statistic.of(&total), total.count))
            }
        }
    }

    /// Returns what stands in the step of a moment that the ring holds; none without a sample.
    pub(crate) fn held(&self, at_ms: i64) -> Option<Delta> {
        let number = at_ms.div_euclid(self.step_ms);
        let place = number.rem_euclid(self.len() as i64) as usize;
        let held = match &self.buckets {
            Buckets::Basic(all) => {
                let (held, Basic { count, sum, min, max }) = all[place];
                (held == number).then(|| Delta { count, sum, min, max, ..Delta::default() })
            }
            Buckets::Full(all) => (all[place].0 == number).then(|| all[place].1.clone()),
        };
        held.filter(|delta| delta.count > 0.0)
    }

    /// Has the step of a moment that the ring holds be this.
    pub(crate) fn set(&mut self, at_ms: i64, delta: &Delta) {
        let number = at_ms.div_euclid(self.step_ms);
        let place = number.rem_euclid(self.len() as i64) as usize;
        match &mut self.buckets {
            Buckets::Basic(all) => all[place] = (number, Basic::of_delta(delta)),
            Buckets::Full(all) => all[place] = (number, delta.clone()),
        }
    }

    /// Empties the ring.
    pub(crate) fn clear(&mut self) {
        match &mut self.buckets {
            Buckets::Basic(all) => all.fill((NEVER, Basic::EMPTY)),
            Buckets::Full(all) => all.fill((NEVER, Delta::default())),
        }
    }
}

/// Returns the grid and the whole steps on it that windows of an alarm need.
///
/// `range` periods are looked at; windows of a zone's clock end up to a period (and an hour, when the
/// clocks change) before the evaluation.
pub(crate) fn steps_needed(
    period_ms: i64,
    cadence_ms: i64,
    range: usize,
    wall_clock: bool,
) -> (i64, usize) {
    let step_ms = match wall_clock {
        // Zones are multiples of five minutes from UTC, all of them today of fifteen.
        true if period_ms >= 300_000 => 300_000,
        true => 60_000,
        false => gcd(period_ms, cadence_ms),
    };
    let change_ms = if wall_clock && period_ms >= 86_400_000 { 2 * 3_600_000 } else { 0 };
    let periods = range as i64 + i64::from(wall_clock);
    let span_ms = period_ms.saturating_mul(periods).saturating_add(change_ms);
    // An evaluation comes a little after the end of its newest step.
    (step_ms, (span_ms / step_ms) as usize + LATE_STEPS)
}

/// Steps that may have begun when an evaluation comes late.
const LATE_STEPS: usize = 1;

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    #[test]
    fn a_window_is_a_merge_of_buckets() {
        let mut ring = Ring::new(MINUTE, 5, false);
        for (at, value) in [(0, 4.0), (30_000, 8.0), (MINUTE, 3.0), (3 * MINUTE, 5.0)] {
            ring.fold(at, 4 * MINUTE, Observed::Float(value));
        }
        let over =
            |start: i64, end: i64, statistic| ring.value(start * MINUTE, end * MINUTE, statistic);
        assert_eq!(over(0, 2, Statistic::Sum), Some((Some(15.0), 3.0)));
        assert_eq!(over(0, 5, Statistic::Average), Some((Some(5.0), 4.0)));
        assert_eq!(over(0, 5, Statistic::Maximum), Some((Some(8.0), 4.0)));
        assert_eq!(over(2, 3, Statistic::Sum), None);
        assert_eq!(over(0, 5, Statistic::Percentile(50.0)), Some((None, 4.0)));
    }

    #[test]
    fn percentiles_keep_their_values() {
        let mut ring = Ring::new(MINUTE, 3, true);
        for n in 0..10 {
            ring.fold(n * 12_000, 2 * MINUTE, Observed::Delta(&Delta::of_value(n as f64)));
        }
        let median = ring.value(0, 2 * MINUTE, Statistic::Percentile(50.0)).unwrap();
        assert_eq!(median, (Some(4.0), 10.0));
    }

    #[test]
    fn a_place_is_taken_over_by_the_next_turn() {
        let mut ring = Ring::new(MINUTE, 1, false);
        assert_eq!(ring.len(), 3);
        assert_eq!(ring.fold(0, 0, Observed::Float(1.0)), Fold::Done(0));
        assert_eq!(ring.fold(3 * MINUTE, 3 * MINUTE, Observed::Float(2.0)), Fold::Done(3));
        assert_eq!(ring.value(0, MINUTE, Statistic::Sum), None);
        assert_eq!(ring.value(3 * MINUTE, 4 * MINUTE, Statistic::Sum), Some((Some(2.0), 1.0)));
    }

    #[test]
    fn what_a_ring_cannot_hold_it_says() {
        let mut ring = Ring::new(MINUTE, 1, false);
        let now = 10 * MINUTE;
        assert_eq!(ring.fold(8 * MINUTE, now, Observed::Float(1.0)), Fold::TooOld);
        assert_eq!(ring.fold(9 * MINUTE, now, Observed::Float(1.0)), Fold::Done(9));
        assert_eq!(ring.fold(11 * MINUTE, now, Observed::Float(1.0)), Fold::Done(11));
        assert_eq!(ring.fold(12 * MINUTE, now, Observed::Float(1.0)), Fold::Ahead(12));
        ring.clear();
        assert_eq!(ring.value(9 * MINUTE, 12 * MINUTE, Statistic::Sum), None);
    }

    #[test]
    fn steps_divide_periods_and_the_way_they_slide() {
        assert_eq!(steps_needed(300_000, 60_000, 5, false), (60_000, 26));
        assert_eq!(steps_needed(30_000, 10_000, 3, false), (10_000, 10));
        assert_eq!(steps_needed(86_400_000, 3_600_000, 9, false), (3_600_000, 217));
        assert_eq!(steps_needed(86_400_000, 60_000, 3, true), (300_000, 1_177));
        assert_eq!(steps_needed(60_000, 60_000, 3, true), (60_000, 5));
    }
}
