//! Numbers as people read them: `1.5K`, `512 MiB`, `20 ms`, `40%`.

use model::Unit;

/// How the numbers of an axis, or of a view, are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// `1.5K`, with nothing behind.
    Plain,
    /// `40%`.
    Percent,
    /// `512 MiB`, or `512 MiB/s`.
    Bytes { per_second: bool },
    /// `20 ms`, out of seconds, thousandths or millionths of them.
    Time { unit: Unit },
}

impl Style {
    pub(crate) fn of(unit: Unit) -> Self {
        match unit {
            Unit::Percent => Self::Percent,
            Unit::Bytes => Self::Bytes { per_second: false },
            Unit::BytesPerSecond => Self::Bytes { per_second: true },
            Unit::Seconds | Unit::Milliseconds | Unit::Microseconds => Self::Time { unit },
            _ => Self::Plain,
        }
    }

    /// What the steps of an axis are round numbers of.
    pub(crate) fn base(self) -> f64 {
        if matches!(self, Self::Bytes { .. }) { 1024.0 } else { 1000.0 }
    }

    /// Writes a number with as many decimals as tell it from its neighbours `step` away.
    pub(crate) fn tick(self, value: f64, step: f64) -> String {
        if value == 0.0 && self != Self::Percent {
            return "0".to_owned();
        }
        let (divisor, suffix) = self.scaled(value);
        number(value / divisor, decimals_of(step / divisor), &suffix)
    }

    /// Writes a number with four digits, or with all that it has.
    pub(crate) fn value(self, value: f64, all_digits: bool) -> String {
        if all_digits {
            let suffix = match self {
                Self::Plain => String::new(),
                Self::Percent => "%".to_owned(),
                Self::Bytes { per_second } => format!(" B{}", if per_second { "/s" } else { "" }),
                Self::Time { unit } => format!(" {}", time_name(time_power(unit))),
            };
            return full(value) + &suffix;
        }
        let (divisor, suffix) = self.scaled(value);
        let scaled = value / divisor;
        let before = if scaled.abs() < 1.0 { 0.0 } else { scaled.abs().log10().floor() };
        // 999.95 would be written as 1000, the same as 1K.
        number(scaled, (3.0 - before).clamp(0.0, 3.0) as usize, &suffix)
    }

    /// Returns what a number is divided by, and what stands behind it then.
    fn scaled(self, value: f64) -> (f64, String) {
        match self {
            Self::Plain => si(value, ""),
            Self::Percent => si(value, "%"),
            Self::Bytes { per_second } => {
                const NAMES: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
                let power = power_of(value, 1024.0).clamp(0, 6);
                let per = if per_second { "/s" } else { "" };
                (1024f64.powi(power), format!(" {}{per}", NAMES[power as usize]))
            }
            Self::Time { unit } => {
                let base = time_power(unit);
                let power = power_of(value, 1000.0).clamp(-3 - base, -base);
                let name = time_name(base + power);
                let divisor = 1000f64.powi(power);
                if base + power < 0 {
                    return (divisor, format!(" {name}"));
                }
                let (more, prefix) = si(value / divisor, "");
                (divisor * more, format!("{prefix} {name}"))
            }
        }
    }
}

fn time_power(unit: Unit) -> i32 {
    match unit {
        Unit::Milliseconds => -1,
        Unit::Microseconds => -2,
        _ => 0,
    }
}

fn time_name(power: i32) -> &'static str {
    match power {
        0.. => "s",
        -1 => "ms",
        -2 => "µs",
        _ => "ns",
    }
}

/// Returns the power of `base` that a number is written over; 0 for zero.
fn power_of(value: f64, base: f64) -> i32 {
    if value == 0.0 || !value.is_finite() {
        return 0;
    }
    // A hair more, so that 999.9999999 (a tick that should be 1000) counts as 1000.
    let power = ((value.abs() * (1.0 + 1e-9)).ln() / base.ln() + 1e-12).floor();
    power as i32
}

fn si(value: f64, suffix: &str) -> (f64, String) {
    const NAMES: [&str; 6] = ["", "K", "M", "G", "T", "P"];
    let power = power_of(value, 1000.0).clamp(0, 5);
    (1000f64.powi(power), format!("{}{suffix}", NAMES[power as usize]))
}

/// Returns the decimals that show a step: 0 for 5, 1 for 0.5, 2 for 0.25.
fn decimals_of(step: f64) -> usize {
    let mut decimals = 0;
    let mut scaled = step.abs();
    while decimals < 12 && (scaled - scaled.round()).abs() > 1e-6 * scaled.max(1e-9) {
        scaled *= 10.0;
        decimals += 1;
    }
    decimals
}

/// Writes a number with up to `decimals`, without zeros at the end; what would be long, or nothing
/// but zeros, with an exponent.
fn number(value: f64, decimals: usize, suffix: &str) -> String {
    let is_small = value != 0.0 && (decimals > 6 || value.abs() < 0.0005 && decimals <= 3);
    if !value.is_finite() || value.abs() >= 1e6 || is_small {
        return format!("{}{suffix}", exponent(value));
    }
    let mut text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    if text == "-0" {
        text.remove(0);
    }
    text.replace('-', "−") + suffix
}

fn exponent(value: f64) -> String {
    let text = format!("{value:.2e}");
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    let digits = if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    };
    format!("{digits}e{power}").replace('-', "−")
}

/// Writes a number with all its digits, in groups of three.
fn full(value: f64) -> String {
    if value != 0.0 && !(1e-9..1e15).contains(&value.abs()) {
        return format!("{value:e}").replace('-', "−");
    }
    let text = format!("{}", value.abs());
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{}{grouped}{rest}", if value < 0.0 { "−" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_tell_themselves_from_their_neighbours() {
        let tick = |unit, value, step| Style::of(unit).tick(value, step);
        for (unit, value, step, text) in [
            (Unit::Count, 0.0, 0.5, "0"),
            (Unit::Count, 0.5, 0.5, "0.5"),
            (Unit::Count, -0.25, 0.25, "−0.25"),
            (Unit::Count, 0.30000000000000004, 0.1, "0.3"),
            (Unit::Count, 1_000.0, 200.0, "1K"),
            (Unit::Count, 1_200.0, 200.0, "1.2K"),
            (Unit::Count, 800.0, 200.0, "800"),
            (Unit::Count, 12_500_000.0, 2_500_000.0, "12.5M"),
            (Unit::Count, 2e18, 1e18, "2000P"),
            (Unit::Count, 1e300, 5e299, "1e285P"),
            (Unit::Count, 0.00002, 0.00001, "0.00002"),
            (Unit::Count, 2e-9, 1e-9, "2e−9"),
            (Unit::Percent, 40.0, 20.0, "40%"),
            (Unit::Percent, 99.95, 0.05, "99.95%"),
            (Unit::Bytes, 0.0, 512.0, "0"),
            (Unit::Bytes, 1_536.0, 512.0, "1.5 KiB"),
            (Unit::Bytes, 536_870_912.0, 268_435_456.0, "512 MiB"),
            (Unit::BytesPerSecond, 1_048_576.0, 1_048_576.0, "1 MiB/s"),
            (Unit::Seconds, 0.02, 0.01, "20 ms"),
            (Unit::Seconds, 1.5, 0.5, "1.5 s"),
            (Unit::Seconds, 5_000.0, 1_000.0, "5K s"),
            (Unit::Milliseconds, 1_500.0, 500.0, "1.5 s"),
            (Unit::Milliseconds, 0.25, 0.05, "250 µs"),
            (Unit::Microseconds, 0.5, 0.1, "500 ns"),
            (Unit::Microseconds, 30.0, 10.0, "30 µs"),
        ] {
            assert_eq!(tick(unit, value, step), text, "{unit} {value}");
        }
    }

    #[test]
    fn values_have_four_digits() {
        for (unit, value, text) in [
            (Unit::None, 0.0, "0"),
            (Unit::None, 12.3456, "12.35"),
            (Unit::None, 1234.6, "1.235K"),
            (Unit::None, 999.96, "1000"),
            (Unit::None, -0.05, "−0.05"),
            (Unit::None, 0.0001234, "1.23e−4"),
            (Unit::Percent, 99.9, "99.9%"),
            (Unit::Bytes, 1_000_000.0, "976.6 KiB"),
            (Unit::Seconds, 0.1234, "123.4 ms"),
            (Unit::Count, 5e-324, "4.94e−324"),
            (Unit::Seconds, 1e-300, "1e−291 ns"),
        ] {
            assert_eq!(Style::of(unit).value(value, false), text, "{unit} {value}");
        }
    }

    #[test]
    fn all_digits_are_all_digits() {
        for (value, text) in [
            (1_234_567.891, "1,234,567.891"),
            (-1000.0, "−1,000"),
            (0.5, "0.5"),
            (1e20, "1e20"),
            (1.5e-12, "1.5e−12"),
        ] {
            assert_eq!(Style::Plain.value(value, true), text);
        }
        assert_eq!(Style::of(Unit::Milliseconds).value(2.5, true), "2.5 ms");
        assert_eq!(Style::of(Unit::BytesPerSecond).value(2048.0, true), "2,048 B/s");
    }
}
