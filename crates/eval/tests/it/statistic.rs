//! Statistics by their fixtures, and against samples that are written out one by one.

use eval::{Bounds, Statistic, StatisticError, Within};
use model::{Delta, bucket_of};
use proptest::prelude::*;
use std::fmt::Write as _;
use std::path::Path;

/// A case: lines that build a period, then one statistic a line, each answered on its line.
///
/// `samples 1 2x3` are values with counts, `set` is a statistic set, `bucket 4 7x2` are samples of
/// which only the bucket is known, with `smallest` and `largest` told apart.
#[test]
fn fixtures() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/statistics");
    testkit::run_fixtures(dir, |input| {
        let mut period = Delta::default();
        let mut out = String::new();
        for line in input.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "samples" => rest.split(' ').for_each(|text| {
                    let (value, count) = counted(text);
                    period.add(&Delta::of_values(value, count));
                }),
                "set" => {
                    let field = |name: &str| {
                        let mut words = rest.split(' ');
                        let word = words.find_map(|w| w.strip_prefix(name)?.strip_prefix('='));
                        word.expect("a set has count, sum, min and max").parse().unwrap()
                    };
                    let (count, sum) = (field("count"), field("sum"));
                    period.add(&Delta::of_statistics(count, sum, field("min"), field("max")));
                }
                "bucket" => rest.split(' ').for_each(|text| {
                    let (value, count) = counted(text);
                    period.count += count;
                    period.buckets.push((bucket_of(value), count));
                }),
                "smallest" => period.min = rest.parse().unwrap(),
                "largest" => period.max = rest.parse().unwrap(),
                _ => {
                    let _ = writeln!(out, "{line:<16} {}", answer(line, &period));
                }
            }
        }
        out
    });
}

fn counted(text: &str) -> (f64, f64) {
    let (value, count) = text.split_once('x').unwrap_or((text, "1"));
    (value.parse().expect("a value"), count.parse().expect("a count"))
}

fn answer(text: &str, period: &Delta) -> String {
    let statistic: Statistic = match text.parse() {
        Ok(statistic) => statistic,
        Err(StatisticError::Unknown(_)) => return "is no statistic".into(),
        Err(StatisticError::NotServed(_)) => return "is not served".into(),
    };
    assert_eq!(statistic.to_string().parse(), Ok(statistic), "printing back");
    match statistic.of(period) {
        // Nine digits: the rounding of sums is not what the cases are about.
        Some(value) => format!("{}", (value * 1e9).round() / 1e9),
        None => "none".into(),
    }
}

/// Each sample so often that a whole percent never cuts through one.
const COPIES: usize = 100;

fn expanded(samples: &[(u32, u32)]) -> (Delta, Vec<f64>) {
    let (mut period, mut all) = (Delta::default(), Vec::new());
    for &(value, count) in samples {
        period.add(&Delta::of_values(f64::from(value), f64::from(count)));
        all.extend(std::iter::repeat_n(f64::from(value), count as usize * COPIES));
    }
    all.sort_by(f64::total_cmp);
    (period, all)
}

fn check(statistic: Statistic, period: &Delta, expected: Option<f64>) -> Result<(), TestCaseError> {
    let found = statistic.of(period);
    let near = match (found, expected) {
        (Some(found), Some(expected)) => (found - expected).abs() <= 1e-9 * expected.abs().max(1.0),
        (None, None) => true,
        _ => false,
    };
    prop_assert!(near, "{statistic}: {found:?}, one by one {expected:?}");
    Ok(())
}

fn mean(samples: &[f64]) -> Option<f64> {
    (!samples.is_empty()).then(|| samples.iter().sum::<f64>() / samples.len() as f64)
}

proptest! {
    #[test]
    fn percent_bounds_equal_samples_written_out(
        samples in prop::collection::vec((0u32..40, 1u32..5), 1..30),
        low in 0usize..=100,
        high in 0usize..=100,
    ) {
        let (period, all) = expanded(&samples);
        let percents = Bounds::Percents(Some(low as f64), Some(high as f64));
        let inside = |n: usize| n * all.len() / 100;
        let kept = all.get(inside(low)..inside(high)).unwrap_or_default();
        check(Statistic::Within(Within::Mean, percents), &period, mean(kept))?;
        let count = kept.len() as f64 / COPIES as f64;
        check(Statistic::Within(Within::Count, percents), &period, Some(count))?;
        let sum = kept.iter().sum::<f64>() / COPIES as f64;
        check(Statistic::Within(Within::Sum, percents), &period, Some(sum))?;
        let clamped = kept.first().zip(kept.last()).and_then(|(&first, &last)| {
            mean(&all.iter().map(|v| v.clamp(first, last)).collect::<Vec<_>>())
        });
        check(Statistic::Within(Within::WinsorizedMean, percents), &period, clamped)?;
        let below = Statistic::Within(Within::Mean, Bounds::Below(high as f64));
        check(below, &period, mean(&all[..inside(high)]))?;
        let percentile = all[inside(high).saturating_sub(1)];
        check(Statistic::Percentile(high as f64), &period, Some(percentile))?;
    }

    #[test]
    fn value_bounds_equal_samples_written_out(
        samples in prop::collection::vec((0u32..40, 1u32..5), 1..30),
        low in prop::option::of(0u32..40),
        high in prop::option::of(0u32..40),
    ) {
        let (period, all) = expanded(&samples);
        let (low, high) = (low.map(f64::from), high.map(f64::from));
        let values = Bounds::Values(low, high);
        let inside = |v: &f64| low.is_none_or(|low| *v > low) && high.is_none_or(|high| *v <= high);
        let kept: Vec<f64> = all.iter().copied().filter(inside).collect();
        check(Statistic::Within(Within::Mean, values), &period, mean(&kept))?;
        let rank = kept.len() as f64 / all.len() as f64 * 100.0;
        check(Statistic::Within(Within::Rank, values), &period, Some(rank))?;
        if low.zip(high).is_none_or(|(low, high)| low <= high) {
            let clamp = |v: &f64| v.max(low.unwrap_or(0.0)).min(high.unwrap_or(f64::INFINITY));
            let clamped: Vec<f64> = all.iter().map(clamp).collect();
            check(Statistic::Within(Within::WinsorizedMean, values), &period, mean(&clamped))?;
        }
    }

    #[test]
    fn buckets_are_within_a_percent_of_the_samples_in_them(
        samples in prop::collection::btree_set(1_000u32..100_000, 300..600),
        low in 0u32..50,
        high in 51u32..=100,
    ) {
        let samples: Vec<(u32, u32)> = samples.into_iter().map(|v| (v, 1)).collect();
        let (bucketed, _) = expanded(&samples);
        prop_assert!(bucketed.values.is_empty());
        let mut exact = bucketed.clone();
        exact.buckets.clear();
        exact.values = samples.iter().map(|&(v, n)| (f64::from(v), f64::from(n))).collect();
        let percents = Bounds::Percents(Some(f64::from(low)), Some(f64::from(high)));
        for what in [Within::Mean, Within::WinsorizedMean, Within::Count, Within::Sum] {
            let statistic = Statistic::Within(what, percents);
            let (found, expected) = (statistic.of(&bucketed), statistic.of(&exact));
            let (found, expected) = (found.unwrap(), expected.unwrap());
            prop_assert!((found / expected - 1.0).abs() < 0.011, "{statistic}: {found} {expected}");
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[A-Zpotuwms]{0,2}[(0-9.:%eE+-]{0,20}\\)?[_EL]{0,2}") {
        match text.parse::<Statistic>() {
            Ok(statistic) => prop_assert_eq!(statistic.to_string().parse(), Ok(statistic)),
            Err(error) => prop_assert!(error.to_string().contains(&text)),
        }
    }

    #[test]
    fn bounds_of_any_size_are_printed_so_that_they_can_be_read(
        low in 0.0f64..1.0,
        exponent in -300i32..300,
    ) {
        let high = low * 10f64.powi(exponent);
        let statistic = Statistic::Within(Within::Count, Bounds::Values(Some(low), Some(high)));
        prop_assert_eq!(statistic.to_string().parse(), Ok(statistic));
    }
}
