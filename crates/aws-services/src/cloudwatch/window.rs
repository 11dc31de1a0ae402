//! Periods, and the times a reader's range really begins and ends at.

use super::{DAY_MS, HOUR_MS, MINUTE_MS};

/// Says whether a period is one that CloudWatch has: 1, 5, 10, 20 or 30 seconds, or minutes.
pub(super) fn is_period(period_s: i64) -> bool {
    matches!(period_s, 1 | 5 | 10 | 20 | 30) || (period_s > 0 && period_s % 60 == 0)
}

/// Cuts a moment to the second, which is how times are compared.
pub(super) fn to_second(at_ms: i64) -> i64 {
    floor(at_ms, 1_000)
}

/// Moves a start back to where CloudWatch would begin: the older, the coarser.
///
/// Source: CloudWatch API reference, `GetMetricData`, field `StartTime`.
pub(super) fn rounded_start(start_ms: i64, period_s: i64, now_ms: i64) -> i64 {
    let age_ms = now_ms.saturating_sub(start_ms);
    let step_ms = match period_s {
        1..60 => period_s * 1_000,
        _ if age_ms < 15 * DAY_MS => MINUTE_MS,
        _ if age_ms < 63 * DAY_MS => 5 * MINUTE_MS,
        _ => HOUR_MS,
    };
    floor(start_ms, step_ms)
}

/// Returns the last multiple of `step_ms` that is not after `at_ms`.
pub(super) fn floor(at_ms: i64, step_ms: i64) -> i64 {
    at_ms.saturating_sub(at_ms.rem_euclid(step_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_a_start_is_the_coarser_it_is_rounded() {
        let now = 200 * DAY_MS;
        let odd = 12 * HOUR_MS + 34 * MINUTE_MS + 56_000;
        let of_day = |days: i64, period| {
            rounded_start(now - days * DAY_MS + odd, period, now) - (now - days * DAY_MS)
        };
        assert_eq!(of_day(1, 60), 12 * HOUR_MS + 34 * MINUTE_MS);
        assert_eq!(of_day(20, 300), 12 * HOUR_MS + 30 * MINUTE_MS);
        assert_eq!(of_day(100, 3_600), 12 * HOUR_MS);
        assert_eq!(of_day(1, 10), 12 * HOUR_MS + 34 * MINUTE_MS + 50_000);
        assert_eq!(of_day(1, 1), odd);
    }

    #[test]
    fn periods_are_divisions_or_multiples_of_a_minute() {
        for period in [1, 5, 10, 20, 30, 60, 120, 86_400] {
            assert!(is_period(period), "{period}");
        }
        for period in [0, -60, 2, 15, 45, 61, 90] {
            assert!(!is_period(period), "{period}");
        }
    }
}
