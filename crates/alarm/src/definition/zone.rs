//! Time zones, by their IANA name or their distance to UTC.

use super::Invalid;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use jiff::{Span, Timestamp, ToSpan, Zoned};
use std::sync::OnceLock;

/// A time zone as a client wrote it: `Europe/Berlin`, `UTC`, `+05:30` or `UTC+05:30`.
#[derive(Debug, Clone)]
pub struct Zone {
    text: String,
    zone: TimeZone,
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// Fixed offsets are multiples of this.
const OFFSET_STEP_S: i32 = 300;
/// No zone is further from UTC than this.
const OFFSET_MAX_S: i32 = 14 * 3_600;

/// The zones that are built in: the same on every machine.
fn zones() -> &'static TimeZoneDatabase {
    static ZONES: OnceLock<TimeZoneDatabase> = OnceLock::new();
    ZONES.get_or_init(TimeZoneDatabase::bundled)
}

impl Zone {
    /// UTC.
    pub fn utc() -> Self {
        Self { text: "UTC".into(), zone: TimeZone::UTC }
    }

    /// Reads a zone.
    ///
    /// # Errors
    /// When there is no such zone, or the offset is no multiple of five minutes.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, Invalid> {
        let offset = text.strip_prefix("UTC").unwrap_or(text);
        let zone = match offset {
            "" if text == "UTC" => Some(TimeZone::UTC),
            _ if offset.starts_with(['+', '-']) => {
                offset_s(offset).and_then(|s| Offset::from_seconds(s).ok()).map(TimeZone::fixed)
            }
            _ => zones().get(text).ok(),
        };
        let zone = zone.ok_or_else(|| {
            let problem = format!(
                "{text} is neither a time zone nor an offset in steps of five minutes such as +05:30"
            );
            Invalid::new(field, problem)
        })?;
        Ok(Self { text: text.to_owned(), zone })
    }

    /// Returns what was read.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the moment there; none for moments that no calendar has.
    pub(crate) fn at(&self, at_ms: i64) -> Option<Zoned> {
        Some(Timestamp::from_millisecond(at_ms).ok()?.to_zoned(self.zone.clone()))
    }

    /// Returns the moment of a time of a day there. In the hour that a change of the clocks leaves out
    /// it is one hour later, in one that comes twice it is the first.
    pub(crate) fn moment(&self, date: jiff::civil::Date, hour: i8, minute: i8) -> Option<i64> {
        let zoned = date.at(hour, minute, 0, 0).to_zoned(self.zone.clone()).ok()?;
        Some(zoned.timestamp().as_millisecond())
    }

    /// Returns the ends of the newest whole periods at a moment, newest first, and the start of the
    /// oldest: `count + 1` moments. Periods of a day and a week begin at midnight, weeks on Monday;
    /// shorter ones divide the hour.
    pub(crate) fn boundaries(&self, at_ms: i64, period_s: u32, count: usize) -> Option<Vec<i64>> {
        let now = self.at(at_ms)?;
        let step: Span = match period_s {
            604_800 => 7.days(),
            86_400 => 1.day(),
            seconds => i64::from(seconds).seconds(),
        };
        let mut end = match period_s {
            604_800 => {
                let past = i64::from(now.weekday().to_monday_zero_offset());
                now.start_of_day().ok()?.checked_sub(past.days()).ok()?
            }
            86_400 => now.start_of_day().ok()?,
            _ => {
                let local_s = now.timestamp().as_second() + i64::from(now.offset().seconds());
                let past = local_s.rem_euclid(i64::from(period_s));
                let floor = now.timestamp().as_second() - past;
                Timestamp::from_second(floor).ok()?.to_zoned(self.zone.clone())
            }
        };
        let mut found = Vec::with_capacity(count + 1);
        for _ in 0..=count {
            found.push(end.timestamp().as_millisecond());
            end = end.checked_sub(step).ok()?;
        }
        Some(found)
    }
}

fn offset_s(text: &str) -> Option<i32> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = text[1..].split_once(':')?;
    let digits = |t: &str| t.len() == 2 && t.bytes().all(|b| b.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let seconds = hours * 3_600 + minutes * 60;
    let fits = minutes < 60 && seconds <= OFFSET_MAX_S && seconds % OFFSET_STEP_S == 0;
    fits.then_some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn zones_have_names_or_offsets() {
        for text in ["UTC", "Europe/Berlin", "+05:30", "UTC+05:30", "-03:00", "UTC-00:05"] {
            assert_eq!(Zone::parse("Timezone", text).unwrap().as_str(), text);
        }
        for text in ["", "Mars", "+5:30", "+05:31", "+15:00", "UTC+", "+0530", "+05:60", "+é0:00"]
        {
            assert!(Zone::parse("Timezone", text).is_err(), "{text}");
        }
    }

    #[test]
    fn days_begin_at_midnight_of_the_zone() {
        let berlin = Zone::parse("Timezone", "Europe/Berlin").unwrap();
        // The clocks go back in the night before October 26 (25 hours).
        let ends = berlin.boundaries(ms("2025-10-27T12:00:00Z"), 86_400, 2).unwrap();
        let days = ["2025-10-26T23:00:00Z", "2025-10-25T22:00:00Z", "2025-10-24T22:00:00Z"];
        assert_eq!(ends, days.map(ms));
    }

    #[test]
    fn weeks_begin_on_monday_and_hours_with_the_zone() {
        let india = Zone::parse("Timezone", "+05:30").unwrap();
        let ends = india.boundaries(ms("2026-11-21T12:00:00Z"), 604_800, 1).unwrap();
        assert_eq!(ends, ["2026-11-15T18:30:00Z", "2026-11-08T18:30:00Z"].map(ms));
        let ends = india.boundaries(ms("2026-11-21T12:00:00Z"), 3_600, 1).unwrap();
        assert_eq!(ends, ["2026-11-21T11:30:00Z", "2026-11-21T10:30:00Z"].map(ms));
    }
}
