//! Periods, and the times a reader's range really begins and ends at.

/// Says whether a period is one that CloudWatch has: 1, 5, 10, 20 or 30 seconds, or minutes.
pub(super) fn is_period(period_s: i64) -> bool {
    matches!(period_s, 1 | 5 | 10 | 20 | 30) || (period_s > 0 && period_s % 60 == 0)
}

/// Cuts a moment to the second, which is how times are compared.
pub(super) fn to_second(at_ms: i64) -> i64 {
    floor(at_ms, 1_000)
}

/// Returns the last multiple of `step_ms` that is not after `at_ms`.
pub(super) fn floor(at_ms: i64, step_ms: i64) -> i64 {
    at_ms.saturating_sub(at_ms.rem_euclid(step_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

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
