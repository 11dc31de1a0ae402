//! Quantiles of plain values.

/// Returns the φ-quantile, interpolated between the two values beside rank φ·(n-1).
///
/// NaN counts as the smallest value. φ below 0 gives -Inf, above 1 +Inf; NaN for φ = NaN or without
/// values. Sorts `values`.
///
/// Source: Prometheus documentation, `quantile`.
pub fn quantile_of(phi: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || phi.is_nan() {
        return f64::NAN;
    }
    if phi < 0.0 {
        return f64::NEG_INFINITY;
    }
    if phi > 1.0 {
        return f64::INFINITY;
    }
    let rank = phi * (values.len() - 1) as f64;
    let weight = rank - rank.floor();
    let low = rank.floor() as usize;
    let high = (low + 1).min(values.len() - 1);
    // Two places are wanted, not the order of the rest.
    let order = |a: &f64, b: &f64| match (a.is_nan(), b.is_nan()) {
        (true, true) => std::cmp::Ordering::Equal,
        (true, false) => std::cmp::Ordering::Less,
        (false, true) => std::cmp::Ordering::Greater,
        (false, false) => a.total_cmp(b),
    };
    let (_, at_low, above) = values.select_nth_unstable_by(low, order);
    let at_low = *at_low;
    let at_high = match high == low {
        true => at_low,
        false => above.iter().copied().min_by(order).unwrap_or(at_low),
    };
    at_low * (1.0 - weight) + at_high * weight
}

pub(super) fn over_window(phi: f64, values: &[f64], scratch: &mut Vec<f64>) -> f64 {
    scratch.clear();
    scratch.extend_from_slice(values);
    quantile_of(phi, scratch)
}

/// Median of the distances from the median.
pub(super) fn mad(values: &[f64], scratch: &mut Vec<f64>) -> f64 {
    let median = over_window(0.5, values, scratch);
    scratch.iter_mut().for_each(|v| *v = (*v - median).abs());
    quantile_of(0.5, scratch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_ranks() {
        let of = |phi, values: &[f64]| quantile_of(phi, &mut values.to_vec());
        let values = [4.0, 1.0, 3.0, 2.0];
        for (phi, expected) in [
            (0.0, 1.0),
            (0.5, 2.5),
            (0.75, 3.25),
            (1.0, 4.0),
            (-0.1, f64::NEG_INFINITY),
            (1.1, f64::INFINITY),
        ] {
            assert_eq!(of(phi, &values), expected, "{phi}");
        }
        assert!(of(f64::NAN, &values).is_nan());
        assert!(of(0.5, &[]).is_nan());
        assert!(of(0.0, &[5.0, f64::NAN]).is_nan(), "NaN is the smallest");
        assert_eq!(of(1.0, &[5.0, f64::NAN]), 5.0);
        assert_eq!(of(0.3, &[5.0]), 5.0);
    }
}
