//! Decimals as integers: 12.34 is 1234 with the exponent 2. Most values that people measure are
//! such, and small integers are what compresses.

/// Largest exponent that is tried; beyond it values are rarely decimals that somebody wrote.
pub(crate) const EXPONENT_MAX: u8 = 9;

const POWERS: [f64; EXPONENT_MAX as usize + 1] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/// Mantissas stay below 2^51: differences of two then fit 53 bits, which stay exact everywhere.
const MANTISSA_MAX: f64 = (1u64 << 51) as f64;

/// Returns the mantissa of `value` under `exponent` if it gives back the same bits.
#[inline]
pub(crate) fn mantissa(value: f64, exponent: u8) -> Option<i64> {
    let power = POWERS[exponent as usize];
    let scaled = value * power;
    if scaled.is_nan() || scaled.abs() >= MANTISSA_MAX {
        return None;
    }
    // Adding and taking away 1.5 * 2^52 rounds to an integer without a call.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let rounded = (scaled + ROUND) - ROUND;
    let exact = (rounded / power).to_bits() == value.to_bits();
    exact.then_some(rounded as i64)
}

/// Undoes [`mantissa`].
#[inline]
pub(crate) fn value(mantissa: i64, exponent: u8) -> f64 {
    mantissa as f64 / POWERS[exponent as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_or_refused() {
        for (v, e, m) in
            [(12.34, 2, 1234), (-0.1, 1, -1), (5.0, 0, 5), (1e9, 0, 1_000_000_000), (0.0, 3, 0)]
        {
            assert_eq!(mantissa(v, e), Some(m));
            assert_eq!(value(m, e).to_bits(), v.to_bits());
        }
        for v in [f64::NAN, f64::INFINITY, -0.0, 1e300, 0.1 + 0.2, 2f64.powi(51)] {
            assert_eq!(mantissa(v, 1), None, "{v}");
        }
    }
}
