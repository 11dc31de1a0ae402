//! Values, times and durations as texts, the way the Prometheus HTTP API has them.

use std::io::Write as _;

/// Why a text is no time or no duration; the message is Prometheus' own.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("cannot parse {text:?} to a valid {wanted}")]
pub struct ParseError {
    /// What came.
    pub text: String,
    /// What was wanted: `timestamp` or `duration`.
    pub wanted: &'static str,
}

/// Earliest time that the API knows, milliseconds since 1970; clients send it for "from the start".
pub const TIME_MS_MIN: i64 = (i64::MIN / 1_000 + 62_135_596_801) * 1_000;
/// Latest time that the API knows, milliseconds since 1970; clients send it for "to the end".
pub const TIME_MS_MAX: i64 = (i64::MAX / 1_000 - 62_135_596_801) * 1_000 + 999;

/// How clients written against Prometheus spell [`TIME_MS_MIN`] and [`TIME_MS_MAX`]: years of nine
/// digits, which RFC 3339 does not have.
const TIME_TEXT_MIN: &str = "-292273086-05-16T16:47:06Z";
const TIME_TEXT_MAX: &str = "292277025-08-18T07:12:54.999999999Z";

/// Appends a value: the shortest text that reads back to the same value, with an exponent (of at
/// least two digits) only below 1e-6 and from 1e21; `NaN`, `+Inf`, `-Inf`, `-0`.
///
/// In JSON it stands in quotes, which are the caller's part.
pub fn push_value(out: &mut Vec<u8>, value: f64) {
    const WHOLE_MAX: f64 = 1e15;
    let size = value.abs();
    let written = if value.is_nan() {
        out.write_all(b"NaN")
    } else if value.is_infinite() {
        out.write_all(if value > 0.0 { b"+Inf" } else { b"-Inf" })
    } else if size < WHOLE_MAX && value.trunc() == value && value != 0.0 {
        // Most values are whole, and a whole number is written several times faster than a fraction.
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        let whole = value as i64;
        write!(out, "{whole}")
    } else if value != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').expect("the form has an exponent");
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        write!(out, "{digits}e{sign}{exponent:0>2}")
    } else {
        write!(out, "{value}")
    };
    written.expect("writing to memory does not fail");
}

/// Returns what [`push_value`] appends.
pub fn value_text(value: f64) -> String {
    let mut out = Vec::new();
    push_value(&mut out, value);
    String::from_utf8(out).expect("digits are text")
}

/// Appends a time in seconds since 1970 with no decimals or three, never with an exponent.
pub fn push_timestamp(out: &mut Vec<u8>, at_ms: i64) {
    let sign = if at_ms < 0 { "-" } else { "" };
    let (seconds, ms) = (at_ms.unsigned_abs() / 1_000, at_ms.unsigned_abs() % 1_000);
    let written = match ms {
        0 => write!(out, "{sign}{seconds}"),
        _ => write!(out, "{sign}{seconds}.{ms:03}"),
    };
    written.expect("writing to memory does not fail");
}

/// Reads a time: seconds since 1970, with decimals or an exponent, or RFC 3339. Returns
/// milliseconds since 1970, rounded to the nearest.
///
/// # Errors
/// Anything else, NaN, infinities and times that milliseconds cannot hold.
pub fn parse_timestamp_ms(text: &str) -> Result<i64, ParseError> {
    let error = || ParseError { text: text.to_owned(), wanted: "timestamp" };
    match text {
        TIME_TEXT_MIN => return Ok(TIME_MS_MIN),
        TIME_TEXT_MAX => return Ok(TIME_MS_MAX),
        _ => {}
    }
    if let Ok(seconds) = text.parse::<f64>() {
        return seconds_to_ms(seconds).ok_or_else(error);
    }
    let at: jiff::Timestamp = text.parse().map_err(|_| error())?;
    Ok(at.as_millisecond())
}

/// Reads a duration: seconds, with decimals or an exponent, or units from large to small such as
/// `1h30m`. Returns milliseconds; seconds may be negative or zero, units may not be negative.
///
/// # Errors
/// Anything else, and durations that milliseconds cannot hold.
///
/// Source: Prometheus documentation, HTTP API, "placeholders"; querying basics, "time durations".
pub fn parse_duration_ms(text: &str) -> Result<i64, ParseError> {
    let error = || ParseError { text: text.to_owned(), wanted: "duration" };
    if let Ok(seconds) = text.parse::<f64>() {
        return seconds_to_ms(seconds).ok_or_else(error);
    }
    model::duration_of_units(text).ok_or_else(error)
}

fn seconds_to_ms(seconds: f64) -> Option<i64> {
    // The largest i64 is no double; 2^63 is the first one above it.
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    let ms = (seconds * 1_000.0).round();
    #[expect(clippy::cast_possible_truncation, reason = "checked to be within the bounds")]
    let within = (-BOUND..BOUND).contains(&ms).then_some(ms as i64);
    within
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_prometheus_writes_them() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-17.0, "-17"),
            (0.1, "0.1"),
            (1.5, "1.5"),
            (1e15, "1000000000000000"),
            (1e20, "100000000000000000000"),
            (999_999_999_999_999_900_000.0, "999999999999999900000"),
            (1e21, "1e+21"),
            (-1.25e25, "-1.25e+25"),
            (1e-6, "0.000001"),
            (9.5e-7, "9.5e-07"),
            (1e-7, "1e-07"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (9_007_199_254_740_993.0, "9007199254740992"),
        ];
        for (value, text) in cases {
            assert_eq!(value_text(value), text);
        }
        assert_eq!(value_text(f64::from_bits(model::STALE_NAN_BITS)), "NaN");
    }

    #[test]
    fn times_have_three_decimals_or_none() {
        let cases = [
            (0, "0"),
            (1_000, "1"),
            (1_435_781_451_781, "1435781451.781"),
            (1_001, "1.001"),
            (-1, "-0.001"),
            (-1_500, "-1.500"),
            (i64::MIN, "-9223372036854775.808"),
        ];
        for (at_ms, text) in cases {
            let mut out = Vec::new();
            push_timestamp(&mut out, at_ms);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn times_are_read_in_both_forms() {
        let cases = [
            ("1435781451.781", 1_435_781_451_781),
            ("1.4357814517814e9", 1_435_781_451_781),
            ("-1", -1_000),
            ("0.0005", 1),
            ("2015-07-01T20:10:51.781Z", 1_435_781_451_781),
            ("2015-07-01T22:10:51.781+02:00", 1_435_781_451_781),
            (TIME_TEXT_MIN, TIME_MS_MIN),
            (TIME_TEXT_MAX, TIME_MS_MAX),
        ];
        for (text, at_ms) in cases {
            assert_eq!(parse_timestamp_ms(text), Ok(at_ms), "{text}");
        }
        for bad in ["", "now", "NaN", "inf", "1e300", "2015-07-01", "2015-07-01T20:10:51"] {
            assert!(parse_timestamp_ms(bad).is_err(), "{bad}");
        }
        assert_eq!(
            parse_timestamp_ms("now").unwrap_err().to_string(),
            "cannot parse \"now\" to a valid timestamp"
        );
    }

    #[test]
    fn durations_are_read_in_both_forms() {
        let cases = [
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1y2w3d4h5m6s7ms", 31_536_000_000 + 1_209_600_000 + 259_200_000 + 14_706_007),
            ("15", 15_000),
            ("0.25", 250),
            ("-1", -1_000),
            ("0", 0),
        ];
        for (text, ms) in cases {
            assert_eq!(parse_duration_ms(text), Ok(ms), "{text}");
        }
        for bad in ["", "m", "5x", "30m1h", "5m5m", "-5m", "1.5h", "5 m", "1h30", "999999999999y"] {
            assert!(parse_duration_ms(bad).is_err(), "{bad}");
        }
    }
}
