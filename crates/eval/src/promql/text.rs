//! Numbers as texts.

use std::borrow::Cow;

/// Returns a number as Prometheus' messages write it (Go's `%g`): with an exponent from a million
/// on, and below a ten-thousandth.
pub(super) fn of_number(value: f64) -> Cow<'static, str> {
    let size = value.abs();
    if let Some(special) = special(value) {
        Cow::Borrowed(special)
    } else if size != 0.0 && !(1e-4..1e6).contains(&size) {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        Cow::Owned(format!("{digits}e{sign}{exponent:0>2}"))
    } else {
        Cow::Owned(value.to_string())
    }
}

/// Returns a number as `count_values` writes it: plain decimal digits, however many.
pub(super) fn plain(value: f64) -> Cow<'static, str> {
    special(value).map_or_else(|| Cow::Owned(value.to_string()), Cow::Borrowed)
}

fn special(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value.is_infinite() {
        Some(if value > 0.0 { "+Inf" } else { "-Inf" })
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_shortly_or_plainly() {
        for (value, short, long) in [
            (1.5, "1.5", "1.5"),
            (-0.0, "-0", "-0"),
            (1e21, "1e+21", "1000000000000000000000"),
            (2.5e-7, "2.5e-07", "0.00000025"),
            (1_234_567.0, "1.234567e+06", "1234567"),
            (123_456.0, "123456", "123456"),
            (f64::NEG_INFINITY, "-Inf", "-Inf"),
        ] {
            assert_eq!((&*of_number(value), &*plain(value)), (short, long));
        }
    }
}
