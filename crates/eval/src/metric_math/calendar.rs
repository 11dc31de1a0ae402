//! Parts of a time, UTC.

use lang::metric_math::Calendar;

const DAY_MS: i64 = 86_400_000;

/// Returns the part of a time in milliseconds since 1970.
///
/// Source: user guide, functions `MINUTE`, `HOUR`, `DAY`, `DATE`, `MONTH`, `YEAR`, `EPOCH`.
pub(super) fn part(part: Calendar, at_ms: i64) -> f64 {
    let day = at_ms.div_euclid(DAY_MS);
    let in_day = at_ms.rem_euclid(DAY_MS);
    let number = match part {
        Calendar::Minute => in_day / 60_000 % 60,
        Calendar::Hour => in_day / 3_600_000,
        // 1970 began with a Thursday.
        Calendar::Day => (day + 3).rem_euclid(7) + 1,
        Calendar::Date => date(day).2,
        Calendar::Month => date(day).1,
        Calendar::Year => date(day).0,
        Calendar::Epoch => at_ms.div_euclid(1_000),
    };
    number as f64
}

/// Returns year, month and day of the month of a day since 1970.
///
/// Years are counted from March, so that the leap day is the last of a year, in cycles of 400 years.
fn date(day: i64) -> (i64, i64, i64) {
    const CYCLE: i64 = 146_097;
    // From the first of March of the year 0.
    let shifted = day + 719_468;
    let (cycle, in_cycle) = (shifted.div_euclid(CYCLE), shifted.rem_euclid(CYCLE));
    let leap_days = in_cycle / 1_460 - in_cycle / 36_524 + in_cycle / 146_096;
    let year = (in_cycle - leap_days) / 365;
    let in_year = in_cycle - (365 * year + year / 4 - year / 100);
    // Five months from March or August on have 153 days.
    let month = (5 * in_year + 2) / 153;
    let date = in_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (cycle * 400 + year + next, month, date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(at_ms: i64) -> [f64; 7] {
        use Calendar::{Date, Day, Epoch, Hour, Minute, Month, Year};
        [Year, Month, Date, Day, Hour, Minute, Epoch].map(|p| part(p, at_ms))
    }

    #[test]
    fn parts_of_known_times() {
        assert_eq!(all(0), [1970.0, 1.0, 1.0, 4.0, 0.0, 0.0, 0.0]);
        // 2024-02-29 23:59:30, a Thursday.
        assert_eq!(all(1_709_251_170_000), [2024.0, 2.0, 29.0, 4.0, 23.0, 59.0, 1_709_251_170.0]);
        // 2026-11-22 00:00, a Sunday.
        assert_eq!(all(1_795_305_600_000), [2026.0, 11.0, 22.0, 7.0, 0.0, 0.0, 1_795_305_600.0]);
        // 1969-12-31 23:59:59, a Wednesday.
        assert_eq!(all(-1_000), [1969.0, 12.0, 31.0, 3.0, 23.0, 59.0, -1.0]);
    }

    #[test]
    fn days_follow_each_other_through_leap_years() {
        let length = |year: i64, month: i64| match month {
            2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let (mut year, mut month, mut day) = date(-200 * 366);
        for n in -200 * 366 + 1..500 * 366 {
            day += 1;
            if day > length(year, month) {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
            assert_eq!(date(n), (year, month, day));
        }
    }
}
