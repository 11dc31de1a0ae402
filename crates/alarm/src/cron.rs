//! Cron expressions of five fields: minutes, hours, day of month, month, day of week.
//!
//! A field is `*`, `?`, or numbers, ranges `a-b` and steps `/n`, with commas between them; months and
//! days of the week also have names. Sunday is 0 and 7. A day fits if both day fields do; when neither
//! is `*` or `?`, one of them is enough, as cron has it.

use crate::definition::Zone;
use jiff::ToSpan;

/// A cron expression: a bit for each value of each field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Both day fields say something.
    either_day: bool,
}

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

impl Cron {
    /// Reads the five fields.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields[..] else {
            let problem = "cron has five fields: minutes, hours, day of month, month, day of week";
            return Err(format!("{problem}; here are {}", fields.len()));
        };
        let says = |field: &str| field != "*" && field != "?";
        let mut of_week = bits(weekdays, 0, 7, &WEEKDAYS, 0)?;
        // Both 0 and 7 are Sunday.
        of_week |= of_week >> 7 & 1;
        Ok(Self {
            minutes: bits(minutes, 0, 59, &[], 0)?,
            hours: bits(hours, 0, 23, &[], 0)?,
            days: bits(days, 1, 31, &[], 0)?,
            months: bits(months, 1, 12, &MONTHS, 1)?,
            weekdays: of_week,
            either_day: says(days) && says(weekdays),
        })
    }

    /// Returns the newest moment that fits, from `after_ms` (not included) to `now_ms` (included).
    pub(crate) fn newest_at(&self, now_ms: i64, after_ms: i64, zone: &Zone) -> Option<i64> {
        let mut date = zone.at(now_ms)?.date();
        // A day more on either side: clocks change.
        let days = (now_ms - after_ms) / 86_400_000 + 2;
        for _ in 0..=days {
            if self.fits(date) {
                let found = self.newest_of_day(date, now_ms, zone);
                if let Some(found) = found {
                    return (found > after_ms).then_some(found);
                }
            }
            date = date.checked_sub(1.day()).ok()?;
        }
        None
    }

    fn newest_of_day(&self, date: jiff::civil::Date, now_ms: i64, zone: &Zone) -> Option<i64> {
        let set = |bits: u64, n: i8| bits >> n & 1 == 1;
        let mut newest = None;
        for hour in (0..24).filter(|h| set(self.hours, *h)) {
            for minute in (0..60).filter(|m| set(self.minutes, *m)) {
                let moment = zone.moment(date, hour, minute)?;
                if moment <= now_ms {
                    newest = newest.max(Some(moment));
                }
            }
        }
        newest
    }

    fn fits(&self, date: jiff::civil::Date) -> bool {
        let set = |bits: u64, n: i8| bits >> n & 1 == 1;
        let weekday = date.weekday().to_sunday_zero_offset();
        let (day, weekday) = (set(self.days, date.day()), set(self.weekdays, weekday));
        let day = if self.either_day { day || weekday } else { day && weekday };
        day && set(self.months, date.month())
    }
}

/// Reads a field; names stand for numbers from `first_name` on.
fn bits(field: &str, min: u32, max: u32, names: &[&str], first_name: u32) -> Result<u64, String> {
    let wrong = || format!("{field:?} is no field of cron from {min} to {max}");
    let number = |text: &str| {
        let named = names.iter().position(|name| text.eq_ignore_ascii_case(name));
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let number = match named {
            Some(at) => Some(first_name + at as u32),
            None => text.parse().ok().filter(|_| plain),
        };
        number.filter(|n| (min..=max).contains(n)).ok_or_else(wrong)
    };
    let mut found = 0u64;
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (part, None),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" || range == "?" => (min, max),
            Some((first, last)) => (number(first)?, number(last)?),
            // A step from one value goes to the end.
            None if step.is_some() => (number(range)?, max),
            None => (number(range)?, number(range)?),
        };
        let step: u32 = match step {
            Some(step) => step.parse().ok().filter(|s| *s > 0).ok_or_else(wrong)?,
            None => 1,
        };
        if first > last {
            return Err(wrong());
        }
        (first..=last).step_by(step as usize).for_each(|n| found |= 1 << n);
    }
    Ok(found)
}
