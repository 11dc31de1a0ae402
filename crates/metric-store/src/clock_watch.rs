//! Which time retention goes by: the wall clock's, unless it has jumped.
//!
//! A clock that is set years ahead by mistake must not expire everything. The store keeps the latest
//! time that it believed (in the manifest, so over restarts); a clock more than a day off it, in
//! either direction, is believed after it has run on for a day. Until then nothing more expires.

/// A clock this far off the last believed time has jumped, or the server was off for so long.
const JUMP_MS: i64 = 86_400_000;
/// It is believed when it has gone on for this long since.
const BELIEVED_AFTER_MS: i64 = 86_400_000;

/// What is believed, and what the clock says meanwhile.
#[derive(Debug, Default)]
pub(crate) struct ClockWatch {
    believed_ms: Option<i64>,
    /// Where the clock stood when it was first seen off, and last.
    off: Option<(i64, i64)>,
    /// What the clock said last, since the start.
    said_ms: Option<i64>,
}

impl ClockWatch {
    /// Takes what was believed when the store was used last.
    pub(crate) fn from_past(believed_ms: Option<i64>) -> Self {
        Self { believed_ms, off: None, said_ms: None }
    }

    /// Notes what the clock says, and returns the time to go by.
    pub(crate) fn observe(&mut self, now_ms: i64) -> i64 {
        self.said_ms = Some(now_ms);
        let believed = *self.believed_ms.get_or_insert(now_ms);
        if now_ms.saturating_sub(believed).abs() <= JUMP_MS {
            self.off = None;
            // A small step back is no reason to go back: a time that was believed has been.
            let latest = believed.max(now_ms);
            self.believed_ms = Some(latest);
            return latest;
        }
        let first = match self.off {
            // Another jump starts the wait again.
            Some((first, last)) if (0..=JUMP_MS).contains(&now_ms.saturating_sub(last)) => first,
            _ => now_ms,
        };
        self.off = Some((first, now_ms));
        if now_ms.saturating_sub(first) >= BELIEVED_AFTER_MS {
            self.believed_ms = Some(now_ms);
            self.off = None;
            return now_ms;
        }
        believed
    }

    /// Believes the clock whatever it says: a virtual one jumps when told.
    pub(crate) fn believe(&mut self, now_ms: i64) -> i64 {
        self.believed_ms = Some(now_ms);
        self.said_ms = Some(now_ms);
        self.off = None;
        now_ms
    }

    /// Returns the time by which reads leave out what has expired: the earlier one of what is believed
    /// and what the clock says, so that a clock that was wrong once hides nothing; `None` until it has
    /// been asked.
    pub(crate) fn shown_by_ms(&self) -> Option<i64> {
        Some(self.believed_ms?.min(self.said_ms?))
    }

    pub(crate) fn believed_ms(&self) -> Option<i64> {
        self.believed_ms
    }

    /// Returns how far the clock is off, in milliseconds; `None` when it is believed.
    pub(crate) fn off_ms(&self) -> Option<i64> {
        let (_, last) = self.off?;
        Some(last.saturating_sub(self.believed_ms?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;
    const HOUR: i64 = 3_600_000;

    #[test]
    fn a_clock_that_was_wrong_hides_nothing_once_it_is_right() {
        let mut watch = ClockWatch::from_past(Some(5_000 * DAY));
        assert_eq!(watch.shown_by_ms(), None, "not asked yet");
        assert_eq!(watch.observe(50 * DAY), 5_000 * DAY, "nothing expires by a clock that is off");
        assert_eq!(watch.shown_by_ms(), Some(50 * DAY));
        let mut watch = ClockWatch::from_past(Some(50 * DAY));
        watch.observe(5_000 * DAY);
        assert_eq!(watch.shown_by_ms(), Some(50 * DAY), "nor by one that runs ahead");
    }

    #[test]
    fn a_clock_that_runs_is_believed() {
        let mut watch = ClockWatch::default();
        for hour in 0..100 {
            assert_eq!(watch.observe(50 * DAY + hour * HOUR), 50 * DAY + hour * HOUR);
        }
        // A step back of an hour, as in many a time zone's mistake.
        assert_eq!(watch.observe(50 * DAY + 98 * HOUR), 50 * DAY + 99 * HOUR);
        assert_eq!(watch.off_ms(), None);
    }

    #[test]
    fn a_jump_ahead_waits_a_day_and_a_mistake_that_is_mended_costs_nothing() {
        let mut watch = ClockWatch::from_past(Some(50 * DAY));
        let far = 4000 * DAY;
        for hour in 0..24 {
            assert_eq!(watch.observe(far + hour * HOUR), 50 * DAY);
        }
        assert_eq!(watch.off_ms(), Some(3950 * DAY + 23 * HOUR));
        assert_eq!(watch.observe(50 * DAY + 30 * HOUR / 2), 50 * DAY + 15 * HOUR);
        assert_eq!(watch.off_ms(), None);
        // The next mistake waits from its own beginning.
        assert_eq!(watch.observe(far + 30 * HOUR), 50 * DAY + 15 * HOUR);
        assert_eq!(watch.observe(far + 53 * HOUR), 50 * DAY + 15 * HOUR);
        assert_eq!(watch.observe(far + 54 * HOUR), far + 54 * HOUR, "the server was off for long");
        assert_eq!(watch.off_ms(), None);
    }

    #[test]
    fn jumps_upon_jumps_are_not_believed() {
        let mut watch = ClockWatch::from_past(Some(0));
        for jump in 1..100 {
            assert_eq!(watch.observe(jump * 10 * DAY), 0);
        }
    }

    #[test]
    fn a_clock_far_back_is_believed_after_a_day_too() {
        let mut watch = ClockWatch::from_past(Some(4000 * DAY));
        assert_eq!(watch.observe(50 * DAY), 4000 * DAY);
        assert_eq!(watch.off_ms(), Some(-3950 * DAY));
        assert_eq!(watch.observe(50 * DAY + 23 * HOUR), 4000 * DAY);
        assert_eq!(watch.observe(51 * DAY), 51 * DAY);
    }
}
