//! Durations as Prometheus writes them: `1h30m`.

/// Units from large to small, in milliseconds. Years are 365 days, as Prometheus counts.
pub const DURATION_UNITS: [(&str, i64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Returns the milliseconds of numbers with units, each unit at most once, from large to small;
/// `None` for anything else, and for what milliseconds cannot hold.
///
/// Source: Prometheus documentation, querying basics, "time durations".
pub fn duration_of_units(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total_ms = 0i64;
    let mut units = DURATION_UNITS.iter();
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        // Never goes back to a larger unit, so each comes once and in order.
        let (_, unit_ms) = units.find(|(name, _)| *name == &rest[..letters])?;
        rest = &rest[letters..];
        total_ms = total_ms.checked_add(number.checked_mul(*unit_ms)?)?;
    }
    (!text.is_empty()).then_some(total_ms)
}

#[cfg(test)]
mod tests {
    use super::duration_of_units;

    #[test]
    fn units_come_once_and_from_large_to_small() {
        for (text, ms) in [("5m", 300_000), ("1h30m", 5_400_000), ("1m1ms", 60_001), ("0s", 0)] {
            assert_eq!(duration_of_units(text), Some(ms), "{text}");
        }
        for text in ["", "5", "m", "30m1h", "1m1m", "1.5m", "-1m", "999999999999y", "5µ"] {
            assert_eq!(duration_of_units(text), None, "{text}");
        }
    }
}
