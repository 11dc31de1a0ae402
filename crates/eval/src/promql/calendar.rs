//! Parts of a moment that is given in seconds since 1970, in UTC.

use lang::promql::Function;

const DAY_S: i64 = 86_400;

/// Returns the part of a moment that a function names, if it names one.
pub(super) fn part_of(function: Function) -> Option<fn(f64) -> f64> {
    Some(match function {
        Function::Minute => |v| on_time(v, |s| s.rem_euclid(3_600) / 60),
        Function::Hour => |v| on_time(v, |s| s.rem_euclid(DAY_S) / 3_600),
        // 1970 began on a Thursday; Sunday is 0.
        Function::DayOfWeek => |v| on_time(v, |s| (s.div_euclid(DAY_S) + 4).rem_euclid(7)),
        Function::DayOfMonth => |v| on_date(v, |d| d.day),
        Function::DayOfYear => |v| on_date(v, |d| d.day_of_year()),
        Function::DaysInMonth => |v| on_date(v, |d| days_in_month(d.year, d.month)),
        Function::Month => |v| on_date(v, |d| d.month),
        Function::Year => |v| on_date(v, |d| d.year),
        _ => return None,
    })
}

fn on_time(seconds: f64, part: impl Fn(i64) -> i64) -> f64 {
    if seconds.is_nan() {
        return f64::NAN;
    }
    // Fractions are cut off; what is beyond 64 bits is their end.
    part(seconds as i64) as f64
}

fn on_date(seconds: f64, part: impl Fn(Date) -> i64) -> f64 {
    on_time(seconds, |s| part(Date::of_day(s.div_euclid(DAY_S))))
}

struct Date {
    year: i64,
    month: i64,
    day: i64,
}

impl Date {
    /// Returns the date of a day since 1970, by the calendar of 400 years of 146,097 days that
    /// begins with a first of March.
    fn of_day(day: i64) -> Self {
        let shifted = day + 719_468;
        let era = shifted.div_euclid(146_097);
        let in_era = shifted.rem_euclid(146_097);
        let year_of_era = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
        let in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * in_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: in_year - (153 * from_march + 2) / 5 + 1,
        }
    }

    fn day_of_year(&self) -> i64 {
        (1..self.month).map(|month| days_in_month(self.year, month)).sum::<i64>() + self.day
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_moments() {
        use Function as F;
        let of = |function, seconds| part_of(function).unwrap()(seconds);
        // 2024-02-29 23:59:59, a Thursday.
        let leap = 1_709_251_199.0;
        for (function, expected) in [
            (F::Minute, 59.0),
            (F::Hour, 23.0),
            (F::DayOfWeek, 4.0),
            (F::DayOfMonth, 29.0),
            (F::DayOfYear, 60.0),
            (F::DaysInMonth, 29.0),
            (F::Month, 2.0),
            (F::Year, 2024.0),
        ] {
            assert_eq!(of(function, leap), expected, "{function:?}");
        }
        // 1969-12-31 23:59:59 and 1900-03-01, not a leap year.
        assert_eq!((of(F::Year, -1.0), of(F::DayOfWeek, -1.0)), (1969.0, 3.0));
        assert_eq!(
            (of(F::Month, -2_203_891_200.0), of(F::DayOfMonth, -2_203_891_200.0)),
            (3.0, 1.0)
        );
        assert_eq!(of(F::DayOfYear, -2_203_891_200.0), 60.0);
        assert!(of(F::Hour, f64::NAN).is_nan());
    }
}
