//! The axis of times: round times of the widget's zone, as many as have room.

use crate::font;
use crate::widget::Zone;
use jiff::civil::DateTime;
use jiff::{Timestamp, ToSpan, Zoned};
use model::TimeRange;

/// A time on the axis and what stands below it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    pub(crate) at_ms: i64,
    pub(crate) text: String,
}

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    /// Of local clock time, in milliseconds; divides a day.
    Clock(i64),
    Days(i64),
    Months(i64),
}

const STEPS: [Step; 33] = [
    Step::Clock(SECOND),
    Step::Clock(5 * SECOND),
    Step::Clock(10 * SECOND),
    Step::Clock(15 * SECOND),
    Step::Clock(30 * SECOND),
    Step::Clock(MINUTE),
    Step::Clock(2 * MINUTE),
    Step::Clock(5 * MINUTE),
    Step::Clock(10 * MINUTE),
    Step::Clock(15 * MINUTE),
    Step::Clock(30 * MINUTE),
    Step::Clock(HOUR),
    Step::Clock(2 * HOUR),
    Step::Clock(3 * HOUR),
    Step::Clock(6 * HOUR),
    Step::Clock(12 * HOUR),
    Step::Days(1),
    Step::Days(2),
    Step::Days(5),
    Step::Days(10),
    Step::Months(1),
    Step::Months(2),
    Step::Months(3),
    Step::Months(6),
    Step::Months(12),
    Step::Months(24),
    Step::Months(60),
    Step::Months(120),
    Step::Months(240),
    Step::Months(600),
    Step::Months(1_200),
    Step::Months(6_000),
    Step::Months(12_000),
];

impl Step {
    fn about_ms(self) -> i64 {
        match self {
            Self::Clock(ms) => ms,
            Self::Days(days) => days * DAY,
            Self::Months(months) => months * 30 * DAY,
        }
    }
}

/// Returns round times in the range, each with so much room that their texts do not touch.
pub(crate) fn ticks(range: TimeRange, zone: &Zone, width: f64, size: f64) -> Vec<Tick> {
    let span_ms = range.end_ms.saturating_sub(range.start_ms);
    let room = |step: &&Step| {
        let widest = match step {
            Step::Clock(ms) if *ms < MINUTE => "00:00:00",
            _ => "Nov 00",
        };
        let needed = font::width(widest, size) + 28.0;
        step.about_ms() as f64 / span_ms as f64 * width >= needed
    };
    let Some(step) = STEPS.iter().find(room) else { return Vec::new() };
    // Round times have room for each other; this many would be a mistake of ours.
    const TICKS_MAX: usize = 200;
    let clamp = |at_ms: i64| {
        at_ms.clamp(Timestamp::MIN.as_millisecond() + DAY, Timestamp::MAX.as_millisecond() - DAY)
    };
    let (start_ms, end_ms) = (clamp(range.start_ms), clamp(range.end_ms));
    let times: Box<dyn Iterator<Item = i64>> = match *step {
        Step::Clock(ms) => Box::new(clock_times(start_ms, ms, zone)),
        Step::Days(days) => Box::new(day_times(start_ms, days, zone)),
        Step::Months(months) => Box::new(month_times(start_ms, months, zone)),
    };
    let in_range = times.skip_while(|at_ms| *at_ms < start_ms).take_while(|at_ms| *at_ms <= end_ms);
    in_range
        .take(TICKS_MAX)
        .filter_map(|at_ms| Some(Tick { at_ms, text: text_at(&local(at_ms, zone)?, *step) }))
        .collect()
}

/// Returns the day or days of a range and the zone, as they stand once over the picture.
pub(crate) fn caption(range: TimeRange, zone: &Zone) -> String {
    let (Some(from), Some(to)) =
        (local(range.start_ms, zone), local(range.end_ms.saturating_sub(1), zone))
    else {
        return zone.name.clone();
    };
    let (a, b) = (from.date(), to.date());
    let days = if a == b {
        a.strftime("%b %-d, %Y").to_string()
    } else if (a.year(), a.month()) == (b.year(), b.month()) {
        format!("{}–{}", a.strftime("%b %-d"), b.strftime("%-d, %Y"))
    } else if a.year() == b.year() {
        format!("{} – {}", a.strftime("%b %-d"), b.strftime("%b %-d, %Y"))
    } else {
        format!("{} – {}", a.strftime("%b %-d, %Y"), b.strftime("%b %-d, %Y"))
    };
    format!("{days}  {}", zone.name)
}

fn local(at_ms: i64, zone: &Zone) -> Option<Zoned> {
    Some(Timestamp::from_millisecond(at_ms).ok()?.to_zoned(zone.zone.clone()))
}

fn offset_ms(at_ms: i64, zone: &Zone) -> i64 {
    let at = Timestamp::from_millisecond(at_ms).unwrap_or_default();
    i64::from(zone.zone.to_offset(at).seconds()) * 1_000
}

/// Times at which the local clock shows a multiple of the step, also across its changes.
fn clock_times(start_ms: i64, step_ms: i64, zone: &Zone) -> impl Iterator<Item = i64> {
    let zone = zone.clone();
    let round_up = move |at_ms: i64| {
        let offset = offset_ms(at_ms, &zone);
        let round = (at_ms + offset + step_ms - 1).div_euclid(step_ms) * step_ms - offset;
        // Where clocks change in between, the same local time comes earlier or later.
        let changed = round - (offset_ms(round, &zone) - offset);
        if changed >= at_ms { changed } else { round }
    };
    let first = round_up(start_ms);
    std::iter::successors(Some(first), move |at_ms| Some(round_up(at_ms + 1)))
}

/// Midnights (or when the day starts, where there is none) of every so many days, counted within
/// the month.
fn day_times(start_ms: i64, days: i64, zone: &Zone) -> impl Iterator<Item = i64> {
    let first = local(start_ms, zone).map(|at| at.date());
    let zone = zone.clone();
    std::iter::successors(first, |date| date.tomorrow().ok())
        .filter(move |date| {
            let day = i64::from(date.day()) - 1;
            // No tick at the end of a month that is nearly at the first of the next.
            day % days == 0 && (days == 1 || day + days / 2 < i64::from(date.days_in_month()))
        })
        .filter_map(move |date| at_midnight(date.at(0, 0, 0, 0), &zone))
}

fn month_times(start_ms: i64, months: i64, zone: &Zone) -> impl Iterator<Item = i64> {
    let first = local(start_ms, zone).map(|at| {
        let date = at.date().first_of_month();
        let number = i64::from(date.year()) * 12 + i64::from(date.month()) - 1;
        let back = number.rem_euclid(months);
        date.checked_sub(back.months()).unwrap_or(date)
    });
    let zone = zone.clone();
    std::iter::successors(first, move |date| date.checked_add(months.months()).ok())
        .filter_map(move |date| at_midnight(date.at(0, 0, 0, 0), &zone))
}

fn at_midnight(at: DateTime, zone: &Zone) -> Option<i64> {
    Some(at.to_zoned(zone.zone.clone()).ok()?.timestamp().as_millisecond())
}

fn text_at(at: &Zoned, step: Step) -> String {
    let is_midnight = (at.hour(), at.minute(), at.second()) == (0, 0, 0);
    let form = match step {
        Step::Clock(_) if is_midnight => "%b %-d",
        Step::Clock(ms) if ms < MINUTE => "%H:%M:%S",
        Step::Clock(_) => "%H:%M",
        Step::Days(_) => "%b %-d",
        Step::Months(months) if months % 12 == 0 || at.month() == 1 => "%Y",
        Step::Months(_) => "%b",
    };
    at.strftime(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(start: &str, end: &str, zone: &str, width: f64) -> String {
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        let range = TimeRange { start_ms: at(start), end_ms: at(end) };
        let zone = Zone::parse(zone).unwrap();
        let ticks = ticks(range, &zone, width, 11.0);
        let texts: Vec<&str> = ticks.iter().map(|tick| tick.text.as_str()).collect();
        format!("{} | {}", texts.join(" "), caption(range, &zone))
    }

    #[test]
    fn times_are_round_in_the_zone_and_have_room() {
        for (start, end, zone, width, text) in [
            (
                "2026-11-21T11:10:00Z",
                "2026-11-21T14:10:00Z",
                "+0000",
                520.0,
                "11:30 12:00 12:30 13:00 13:30 14:00 | Nov 21, 2026  UTC",
            ),
            (
                "2026-11-21T11:10:00Z",
                "2026-11-21T14:10:00Z",
                "+0545",
                520.0,
                "17:00 17:30 18:00 18:30 19:00 19:30 | Nov 21, 2026  UTC+05:45",
            ),
            (
                "2026-11-20T20:00:00Z",
                "2026-11-21T08:00:00Z",
                "+0000",
                350.0,
                "21:00 Nov 21 03:00 06:00 | Nov 20–21, 2026  UTC",
            ),
            (
                "2026-11-21T11:10:10Z",
                "2026-11-21T11:10:55Z",
                "+0000",
                300.0,
                "11:10:15 11:10:30 11:10:45 | Nov 21, 2026  UTC",
            ),
            (
                "2026-10-25T00:00:00+02:00",
                "2026-10-26T00:00:00+01:00",
                "Europe/Berlin",
                400.0,
                "Oct 25 06:00 12:00 18:00 Oct 26 | Oct 25, 2026  Europe/Berlin",
            ),
            (
                "2026-03-29T00:00:00+01:00",
                "2026-03-30T00:00:00+02:00",
                "Europe/Berlin",
                400.0,
                "Mar 29 06:00 12:00 18:00 Mar 30 | Mar 29, 2026  Europe/Berlin",
            ),
            (
                "2026-10-20T00:00:00Z",
                "2026-11-20T00:00:00Z",
                "+0000",
                500.0,
                "Oct 21 Oct 26 Nov 1 Nov 6 Nov 11 Nov 16 | Oct 20 – Nov 19, 2026  UTC",
            ),
            (
                "2025-08-20T00:00:00Z",
                "2026-11-20T00:00:00Z",
                "-0100",
                500.0,
                "Oct 2026 Apr Jul Oct | Aug 19, 2025 – Nov 19, 2026  UTC-01:00",
            ),
            (
                "1990-01-01T00:00:00Z",
                "2026-11-20T00:00:00Z",
                "+0000",
                300.0,
                "1990 2000 2010 2020 | Jan 1, 1990 – Nov 19, 2026  UTC",
            ),
        ] {
            assert_eq!(shown(start, end, zone, width), text);
        }
    }

    #[test]
    fn no_range_breaks_the_axis() {
        let ends = [i64::MIN, -1 << 60, -1, 0, 1, 1_795_305_540_000, 1 << 60, i64::MAX];
        for start_ms in ends {
            for end_ms in ends.into_iter().filter(|end| *end > start_ms) {
                for zone in ["+0000", "-2359", "Europe/Berlin"] {
                    let zone = Zone::parse(zone).unwrap();
                    let range = TimeRange { start_ms, end_ms };
                    assert!(ticks(range, &zone, 1_000.0, 11.0).len() <= 200);
                    assert!(!caption(range, &zone).is_empty());
                }
            }
        }
    }
}
