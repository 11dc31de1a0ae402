//! Whether a counter of histograms started again.

use super::{coarser, widen};
use model::{Bucket, Histogram, ResetHint};

/// Says whether the counter started again between two samples: if the later one says so, or if
/// anything of it is less than before. A gauge is compared too: whoever takes its rate means so.
///
/// Source: Prometheus documentation, "Native histograms", counter reset considerations, and
/// `resets()`.
pub(in crate::promql) fn is_reset(before: &Histogram, now: &Histogram) -> bool {
    match now.hint {
        ResetHint::Reset => return true,
        ResetHint::NotReset => return false,
        ResetHint::Gauge | ResetHint::Unknown => {}
    }
    if now.count < before.count || now.is_custom() != before.is_custom() {
        return true;
    }
    if now.is_custom() {
        return now.bounds != before.bounds || any_less(&before.positive, &now.positive);
    }
    if now.schema > before.schema || now.zero_threshold < before.zero_threshold {
        return true;
    }
    let mut before = coarser(before, now.schema);
    if now.zero_threshold > before.zero_threshold {
        widen(before.to_mut(), now.zero_threshold);
        if before.zero_threshold != now.zero_threshold {
            return true;
        }
    }
    now.zero_count < before.zero_count
        || any_less(&before.positive, &now.positive)
        || any_less(&before.negative, &now.negative)
}

/// Says whether a bucket has fewer observations than before, or is gone.
fn any_less(before: &[Bucket], now: &[Bucket]) -> bool {
    let mut now = now.iter().peekable();
    before.iter().any(|bucket| {
        while now.next_if(|b| b.index < bucket.index).is_some() {}
        let count = now.peek().filter(|b| b.index == bucket.index).map_or(0.0, |b| b.count);
        count < bucket.count
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bucket_that_falls_is_a_reset() {
        let of = |count: f64, positive: &[(i32, f64)]| Histogram {
            schema: 0,
            count,
            positive: positive
                .iter()
                .map(|(index, count)| Bucket { index: *index, count: *count })
                .collect(),
            ..Histogram::default()
        };
        let before = of(3.0, &[(1, 1.0), (3, 2.0)]);
        assert!(!is_reset(&before, &of(5.0, &[(1, 1.0), (2, 1.0), (3, 3.0)])));
        assert!(is_reset(&before, &of(5.0, &[(1, 0.0), (3, 5.0)])), "one fell");
        assert!(is_reset(&before, &of(5.0, &[(3, 5.0)])), "one is gone");
        assert!(is_reset(&before, &of(2.0, &[(1, 1.0), (3, 2.0)])), "fewer observations");
        let coarse = Histogram { schema: -1, ..of(3.0, &[(1, 1.0), (2, 2.0)]) };
        assert!(!is_reset(&before, &coarse), "a coarser schema alone is none");
        assert!(is_reset(&coarse, &before), "a finer one is");
        let wide = Histogram { zero_threshold: 2.0, zero_count: 1.0, ..of(3.0, &[(3, 2.0)]) };
        assert!(!is_reset(&before, &wide), "the zero bucket swallowed (1, 2]");
        let said = |hint| Histogram { hint, ..of(1.0, &[]) };
        assert!(!is_reset(&before, &said(ResetHint::NotReset)));
        assert!(is_reset(&before, &said(ResetHint::Gauge)));
        assert!(is_reset(
            &said(ResetHint::Unknown),
            &Histogram { hint: ResetHint::Reset, ..before }
        ));
    }
}
