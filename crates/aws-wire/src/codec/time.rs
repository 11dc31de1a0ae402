//! Moments as text: ISO 8601, HTTP dates, seconds since 1970, and the basic form of signatures.

/// First moment of the year 0001.
pub const MIN_MS: i64 = -62_135_596_800_000;
/// Last moment of the year 9999.
pub const MAX_MS: i64 = 253_402_300_799_999;

const DAY_MS: i64 = 86_400_000;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// A moment taken apart, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Parts {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    ms: i64,
}

/// Returns days since 1970 of a date. Counts from March, so that the leap day comes last.
fn days_from_date(year: i64, month: i64, day: i64) -> i64 {
    let shifted = if month > 2 { year } else { year - 1 };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn date_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

impl Parts {
    fn of(at_ms: i64) -> Self {
        let (days, rest) = (at_ms.div_euclid(DAY_MS), at_ms.rem_euclid(DAY_MS));
        let (year, month, day) = date_from_days(days);
        Self {
            year,
            month,
            day,
            hour: rest / 3_600_000,
            minute: rest / 60_000 % 60,
            second: rest / 1_000 % 60,
            ms: rest % 1_000,
        }
    }

    fn to_ms(self) -> Option<i64> {
        let valid = (1..=9999).contains(&self.year)
            && (1..=12).contains(&self.month)
            && (1..=days_in_month(self.year, self.month)).contains(&self.day)
            && self.hour < 24
            && self.minute < 60
            // A leap second is shown by nobody's clock here, but written by some.
            && self.second <= 60;
        valid.then(|| {
            days_from_date(self.year, self.month, self.day) * DAY_MS
                + self.hour * 3_600_000
                + self.minute * 60_000
                + self.second * 1_000
                + self.ms
        })
    }
}

/// Writes `2010-08-01T00:00:00Z`, with three decimals when there are milliseconds.
pub fn iso8601(at_ms: i64) -> String {
    let p = Parts::of(at_ms);
    let date = format!("{:04}-{:02}-{:02}T", p.year, p.month, p.day);
    let time = format!("{:02}:{:02}:{:02}", p.hour, p.minute, p.second);
    if p.ms == 0 { format!("{date}{time}Z") } else { format!("{date}{time}.{:03}Z", p.ms) }
}

/// Writes `20100801T000000Z`, the form in signatures.
pub fn basic(at_ms: i64) -> String {
    let p = Parts::of(at_ms);
    format!("{:04}{:02}{:02}T{:02}{:02}{:02}Z", p.year, p.month, p.day, p.hour, p.minute, p.second)
}

/// Writes `Sun, 01 Aug 2010 00:00:00 GMT`.
pub fn http_date(at_ms: i64) -> String {
    let p = Parts::of(at_ms);
    let weekday = WEEKDAYS[usize::try_from(at_ms.div_euclid(DAY_MS).rem_euclid(7)).unwrap_or(0)];
    let month = MONTHS[usize::try_from(p.month - 1).unwrap_or(0)];
    format!(
        "{weekday}, {:02} {month} {:04} {:02}:{:02}:{:02} GMT",
        p.day, p.year, p.hour, p.minute, p.second
    )
}

/// Writes seconds since 1970 with a decimal, as JSON answers of AWS have them.
pub fn epoch_seconds(at_ms: i64) -> String {
    let (sign, at_ms) = if at_ms < 0 { ("-", at_ms.unsigned_abs()) } else { ("", at_ms as u64) };
    let (seconds, ms) = (at_ms / 1_000, at_ms % 1_000);
    let decimals = format!("{ms:03}");
    let decimals = decimals.trim_end_matches('0');
    format!("{sign}{seconds}.{}", if decimals.is_empty() { "0" } else { decimals })
}

/// Reads any of the forms of a moment in text; milliseconds since 1970.
pub fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    parse_basic(text)
        .or_else(|| parse_iso8601(text))
        .or_else(|| parse_http_date(text))
        .or_else(|| parse_epoch(text))
}

/// Reads `20100801T000000Z`.
pub fn parse_basic(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' {
        return None;
    }
    Parts {
        year: digits(&bytes[..4])?,
        month: digits(&bytes[4..6])?,
        day: digits(&bytes[6..8])?,
        hour: digits(&bytes[9..11])?,
        minute: digits(&bytes[11..13])?,
        second: digits(&bytes[13..15])?,
        ms: 0,
    }
    .to_ms()
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes
        .iter()
        .try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

/// Reads a date, or a date with a time, a fraction and a zone; without a zone it is UTC.
fn parse_iso8601(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() < 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let mut parts = Parts {
        year: digits(&bytes[..4])?,
        month: digits(&bytes[5..7])?,
        day: digits(&bytes[8..10])?,
        hour: 0,
        minute: 0,
        second: 0,
        ms: 0,
    };
    if bytes.len() == 10 {
        return parts.to_ms();
    }
    if !matches!(bytes[10], b'T' | b't' | b' ') || bytes.len() < 16 || bytes[13] != b':' {
        return None;
    }
    parts.hour = digits(&bytes[11..13])?;
    parts.minute = digits(&bytes[14..16])?;
    let mut rest = &bytes[16..];
    if let [b':', a, b, tail @ ..] = rest {
        parts.second = digits(&[*a, *b])?;
        rest = tail;
    }
    if let [b'.' | b',', tail @ ..] = rest {
        let count = tail.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            return None;
        }
        let mut three = [b'0'; 3];
        let kept = count.min(3);
        three[..kept].copy_from_slice(&tail[..kept]);
        parts.ms = digits(&three)?;
        rest = &tail[count..];
    }
    Some(parts.to_ms()? - zone_offset_ms(rest)?)
}

fn zone_offset_ms(zone: &[u8]) -> Option<i64> {
    let (sign, hours, minutes) = match zone {
        [] | [b'Z' | b'z'] => return Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] | [sign @ (b'+' | b'-'), h1, h2, m1, m2] => {
            (*sign, digits(&[*h1, *h2])?, digits(&[*m1, *m2])?)
        }
        [sign @ (b'+' | b'-'), h1, h2] => (*sign, digits(&[*h1, *h2])?, 0),
        _ => return None,
    };
    if hours > 23 || minutes > 59 {
        return None;
    }
    let offset = hours * 3_600_000 + minutes * 60_000;
    Some(if sign == b'-' { -offset } else { offset })
}

/// Reads `Sun, 01 Aug 2010 00:00:00 GMT`.
pub fn parse_http_date(text: &str) -> Option<i64> {
    let (_, rest) = text.split_once(", ")?;
    let mut words = rest.split_ascii_whitespace();
    let day = words.next()?.as_bytes();
    let month_name = words.next()?;
    let month = MONTHS.iter().position(|name| *name == month_name)?;
    let year = words.next()?;
    let time = words.next()?.as_bytes();
    let is_time = time.len() == 8 && time[2] == b':' && time[5] == b':';
    if !(1..=2).contains(&day.len()) || year.len() != 4 || words.next()? != "GMT" || !is_time {
        return None;
    }
    Parts {
        year: digits(year.as_bytes())?,
        month: i64::try_from(month).ok()? + 1,
        day: digits(day)?,
        hour: digits(&time[..2])?,
        minute: digits(&time[3..5])?,
        second: digits(&time[6..8])?,
        ms: 0,
    }
    .to_ms()
}

fn parse_epoch(text: &str) -> Option<i64> {
    if !text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E')) {
        return None;
    }
    super::seconds_to_ms(text.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments_are_written_and_read() {
        let cases = [
            (0, "1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT", "0.0"),
            (
                951_782_400_000,
                "2000-02-29T00:00:00Z",
                "Tue, 29 Feb 2000 00:00:00 GMT",
                "951782400.0",
            ),
            (1_500_000_000_120, "2017-07-14T02:40:00.120Z", "", "1500000000.12"),
            (-1, "1969-12-31T23:59:59.999Z", "", "-0.001"),
            (MAX_MS, "9999-12-31T23:59:59.999Z", "", "253402300799.999"),
            (MIN_MS, "0001-01-01T00:00:00Z", "", "-62135596800.0"),
        ];
        for (at, iso, http, epoch) in cases {
            assert_eq!((iso8601(at).as_str(), epoch_seconds(at).as_str()), (iso, epoch));
            assert_eq!(parse(iso), Some(at), "{iso}");
            assert_eq!(parse(epoch), Some(at), "{epoch}");
            if !http.is_empty() {
                assert_eq!((http_date(at).as_str(), parse(http)), (http, Some(at)));
            }
        }
        assert_eq!(parse_basic(&basic(951_782_400_000)), Some(951_782_400_000));
    }

    #[test]
    fn zones_and_shortened_forms_are_read() {
        let noon = parse("2024-05-01T12:00:00Z");
        assert!(noon.is_some());
        for same in [
            "2024-05-01T14:00:00+02:00",
            "2024-05-01T14:00:00+0200",
            "2024-05-01T14:00+02",
            "2024-05-01T12:00:00",
            "2024-05-01 12:00:00.000000Z",
            "20240501T120000Z",
        ] {
            assert_eq!(parse(same), noon, "{same}");
        }
        for bad in ["", "2024-02-30", "2024-05-01T25:00:00Z", "2024-05-01T12:00:00.Z", "x", "1e400"]
        {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
