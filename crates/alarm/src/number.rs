//! Doubles as the service writes them: always with a decimal, and with an exponent when they are very
//! small or very large.

/// Returns the shortest digits that give this double again: `50.0`, `1.0E10`, `2.5E-5`.
///
/// Source: recorded reasons of the service; the form is that of Java's `Double.toString`.
pub(crate) fn double(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || (1e-3..1e7).contains(&size) {
        return format!("{value:?}");
    }
    if !value.is_finite() {
        return if value.is_nan() {
            "NaN".into()
        } else if value > 0.0 {
            "Infinity".into()
        } else {
            "-Infinity".into()
        };
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let point = if digits.contains('.') { "" } else { ".0" };
    format!("{digits}{point}E{exponent}")
}

#[cfg(test)]
mod tests {
    use super::double;

    #[test]
    fn doubles_have_a_decimal() {
        let known = [
            (50.0, "50.0"),
            (0.0, "0.0"),
            (-0.5, "-0.5"),
            (99.50160229693434, "99.50160229693434"),
            (9_999_999.0, "9999999.0"),
            (10_000_000.0, "1.0E7"),
            (123_456_789.5, "1.234567895E8"),
            (0.001, "0.001"),
            (0.000_12, "1.2E-4"),
            (-1e300, "-1.0E300"),
        ];
        for (value, text) in known {
            assert_eq!(double(value), text);
        }
    }
}
