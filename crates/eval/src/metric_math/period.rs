//! The period of an expression whose metrics have different ones.

/// Returns the period of an expression of metrics with these periods: the longest one. None has
/// none, as for an expression of constants; the request decides then.
///
/// The documentation tells nothing of expressions over different periods but that some places refuse
/// them. With the longest period every point of the result stands on whole periods of every metric;
/// with a shorter one, metrics of longer periods would be missing, that is 0, at most of its times.
pub fn result_period_s(periods_s: impl IntoIterator<Item = u32>) -> Option<u32> {
    periods_s.into_iter().max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_period_is_the_period_of_the_result() {
        assert_eq!(result_period_s([60, 300, 10]), Some(300));
        assert_eq!(result_period_s([]), None);
    }
}
