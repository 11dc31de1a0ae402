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

/// Appends the values of mantissas.
pub(crate) fn extend(out: &mut Vec<f64>, mantissas: &[i64], exponent: u8) {
    // 1.5 * 2^52: a mantissa added to its bits is added to its value. Plain conversions of 64-bit
    // integers are done one by one, this two and more at a time.
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    let small = |n: &i64| n.unsigned_abs() < MANTISSA_MAX as u64;
    if !mantissas.iter().fold(true, |all, n| all & small(n)) {
        // Only damage brings others here; they are to be read as they always were.
        out.extend(mantissas.iter().map(|&n| value(n, exponent)));
        return;
    }
    let whole = |n: &i64| f64::from_bits(SHIFT.to_bits().wrapping_add_signed(*n)) - SHIFT;
    if exponent == 0 {
        out.extend(mantissas.iter().map(whole));
    } else {
        let power = POWERS[exponent as usize];
        out.extend(mantissas.iter().map(|n| whole(n) / power));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_at_once_are_as_one_by_one() {
        let numbers = [0, 1, -1, 12_345, -(1 << 50), (1 << 51) - 1, 1 - (1 << 51)];
        for numbers in [&numbers[..], &[5, i64::MIN, 1 << 51, i64::MAX]] {
            for exponent in [0, 1, 9] {
                let mut out = Vec::new();
                extend(&mut out, numbers, exponent);
                let single = numbers.iter().map(|&n| value(n, exponent).to_bits());
                assert!(out.iter().map(|v| v.to_bits()).eq(single), "{out:?}");
            }
        }
    }

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
