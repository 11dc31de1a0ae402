//! Small texts of many kinds: values, times, durations, accounts, modes. An input is one text.

use aws_wire::codec::time;
use formats::numbers::{parse_duration_ms, parse_timestamp_ms, push_timestamp, value_text};
use model::{AccountId, Unit, duration_of_units};
use storage::SyncMode;

pub(super) const WORDS: &[&[u8]] = &[
    b"1h30m",
    b"5m",
    b"y",
    b"ms",
    b"2015-07-01T20:10:51.781Z",
    b"+02:00",
    b"1435781451.781",
    b"e9",
    b"-",
    b"Inf",
    b"NaN",
    b"always",
    b"interval:",
    b"os",
    b"000000000000",
    b"Sun, 01 Aug 2010",
    b" GMT",
    b"20100801T000000Z",
    b"60",
    b"23:59:60",
    b"Percent",
    b"Bytes/Second",
    b"-292273086-05-16T16:47:06Z",
];

/// Beyond this many milliseconds a double cannot hold a time to the millisecond.
const EXACT_MS_MAX: u64 = 1 << 50;

/// Reads an input as each kind of text.
pub(super) fn texts(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match parse_timestamp_ms(text) {
        Ok(ms) if ms.unsigned_abs() < EXACT_MS_MAX => {
            let mut out = Vec::new();
            push_timestamp(&mut out, ms);
            let shown = String::from_utf8(out).expect("digits are text");
            assert_eq!(parse_timestamp_ms(&shown), Ok(ms), "{shown}");
        }
        Ok(_) => {}
        Err(error) => assert!(error.to_string().contains(&format!("{text:?}"))),
    }
    if let Err(error) = parse_duration_ms(text) {
        assert!(error.to_string().contains(&format!("{text:?}")));
    }
    if let Some(ms) = duration_of_units(text) {
        assert!(ms >= 0, "units are never negative");
        assert_eq!(parse_duration_ms(text), Ok(ms));
    }
    if let Ok(value) = text.parse::<f64>() {
        let shown = value_text(value);
        let again: f64 = shown.parse().expect("our own value is read");
        assert!(again.to_bits() == value.to_bits() || value.is_nan(), "{shown}");
    }
    if let Ok(account) = text.parse::<AccountId>() {
        assert_eq!((account.as_str(), text.len()), (text, 12));
    }
    if let Ok(unit) = text.parse::<Unit>() {
        assert_eq!(unit.name(), text);
    }
    if let Ok(mode) = text.parse::<SyncMode>() {
        assert_eq!(mode.to_string().parse::<SyncMode>(), Ok(mode));
    }
    for read in [time::parse, time::parse_basic, time::parse_http_date] {
        let Some(ms) = read(text) else { continue };
        // Years of four digits are what the forms can show.
        if (-62_135_596_800_000..253_402_300_800_000).contains(&ms) {
            assert_eq!(time::parse(&time::iso8601(ms)), Some(ms), "{}", time::iso8601(ms));
            let whole = ms.div_euclid(1_000) * 1_000;
            assert_eq!(time::parse_basic(&time::basic(ms)), Some(whole), "{}", time::basic(ms));
            assert_eq!(time::parse_http_date(&time::http_date(ms)), Some(whole));
        }
    }
}
