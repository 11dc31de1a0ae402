//! The periods that a range holds.

use crate::{Periods, QueryError};
use model::TimeRange;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Moves a start back to where CloudWatch would begin: the older, the coarser.
///
/// Source: CloudWatch API reference, `GetMetricData`, field `StartTime`.
pub fn rounded_start(start_ms: i64, period_s: i64, now_ms: i64) -> i64 {
    let age_ms = now_ms.saturating_sub(start_ms);
    let step_ms = match period_s {
        1..60 => period_s * 1_000,
        _ if age_ms < 15 * DAY_MS => MINUTE_MS,
        _ if age_ms < 63 * DAY_MS => 5 * MINUTE_MS,
        _ => HOUR_MS,
    };
    start_ms.saturating_sub(start_ms.rem_euclid(step_ms))
}

/// Returns the periods that begin in a range.
pub(super) fn periods_of(
    range: TimeRange,
    period_s: u32,
    now_ms: i64,
) -> Result<Periods<'static>, QueryError> {
    let period_ms = i64::from(period_s) * 1_000;
    if period_ms == 0 {
        return Err(QueryError::Bad("a period of 0 seconds".to_owned()));
    }
    let ceil = |at_ms: i64| match at_ms.rem_euclid(period_ms) {
        0 => at_ms,
        over => at_ms.saturating_add(period_ms - over),
    };
    let start_ms = ceil(rounded_start(range.start_ms, i64::from(period_s), now_ms));
    let len = ceil(range.end_ms).saturating_sub(start_ms).max(0) / period_ms;
    let len = usize::try_from(len).map_err(|_| QueryError::Bad("a range too long".to_owned()))?;
    Ok(Periods::even(start_ms, period_ms, len))
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
    fn a_period_counts_when_it_begins_inside() {
        let range = TimeRange { start_ms: 61_000, end_ms: 301_000 };
        let periods = periods_of(range, 60, 400_000).unwrap();
        assert_eq!((periods.range().start_ms, periods.len()), (60_000, 5));
        let periods = periods_of(range, 300, 400_000).unwrap();
        assert_eq!((periods.range().start_ms, periods.len()), (300_000, 1));
    }
}
