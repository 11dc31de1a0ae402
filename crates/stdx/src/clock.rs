//! Time is an input: nothing outside this file reads the wall clock.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where time comes from.
pub trait Clock: Send + Sync + fmt::Debug + 'static {
    /// Returns the wall clock in milliseconds since 1970.
    ///
    /// It may jump in both directions; nothing that must only grow may be built on it.
    fn now_ms(&self) -> i64;

    /// Says whether the clock moves only when told (see [`VirtualClock`]).
    fn is_virtual(&self) -> bool {
        false
    }
}

/// The machine's wall clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct RealClock;

impl Clock for RealClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn now_ms(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
        }
    }
}

/// A clock that moves only when told, for the test bench and for tests.
#[derive(Debug)]
pub struct VirtualClock {
    now_ms: AtomicI64,
}

impl VirtualClock {
    /// Makes a clock that stands at `now_ms`, milliseconds since 1970.
    pub fn starting_at(now_ms: i64) -> Self {
        Self { now_ms: AtomicI64::new(now_ms) }
    }

    /// Moves the clock to `to_ms`; a clock never moves back, so an earlier time is ignored.
    pub fn advance_to(&self, to_ms: i64) {
        self.now_ms.fetch_max(to_ms, Ordering::SeqCst);
    }

    /// Puts the clock anywhere, also back; only a reset of the test bench does that.
    pub fn reset_to(&self, now_ms: i64) {
        self.now_ms.store(now_ms, Ordering::SeqCst);
    }
}

impl Clock for VirtualClock {
    fn now_ms(&self) -> i64 {
        self.now_ms.load(Ordering::SeqCst)
    }

    fn is_virtual(&self) -> bool {
        true
    }
}

/// Measures how long something took, for the server's own metrics and for time limits of requests;
/// never for what is kept or decided about data.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts to measure.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Returns the real time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_clock_moves_only_forward_when_advanced() {
        let clock = VirtualClock::starting_at(5);
        clock.advance_to(3);
        assert_eq!(clock.now_ms(), 5);
        clock.advance_to(9);
        assert_eq!(clock.now_ms(), 9);
        clock.reset_to(1);
        assert_eq!(clock.now_ms(), 1);
        assert!(clock.is_virtual());
    }

    #[test]
    fn real_clock_is_after_2025() {
        assert!(RealClock.now_ms() > 1_735_689_600_000);
        assert!(!RealClock.is_virtual());
    }
}
