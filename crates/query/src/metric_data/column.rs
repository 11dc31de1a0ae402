//! Points of a series to one value for each period.

use crate::Periods;
use eval::Statistic;
use metric_store::Points;
use model::{Delta, VALUES_MAX, bucket_of};

/// Returns a statistic of each period, NaN where it cannot be told. `points` must be all there are of
/// one metric and unit; points outside the periods do not count.
pub(crate) fn column(points: Points, periods: Periods<'_>, statistic: Statistic) -> Vec<f64> {
    let mut values = vec![f64::NAN; periods.len()];
    match points {
        Points::Floats(mut points) => {
            // CloudWatch knows neither stale markers nor infinities.
            points.retain(|(_, value)| value.is_finite());
            singles(&points, periods, statistic, &mut values);
        }
        Points::Singles(points) => singles(&points, periods, statistic, &mut values),
        Points::Deltas(points) => {
            each_period(&points, periods, |at, points| {
                let value = match points {
                    [one] => statistic.of(&one.1),
                    [first, rest @ ..] => {
                        let mut sum = first.1.clone();
                        rest.iter().for_each(|(_, delta)| sum.add(delta));
                        statistic.of(&sum)
                    }
                    [] => None,
                };
                values[at] = value.unwrap_or(f64::NAN);
            });
        }
        // CloudWatch knows none.
        Points::Histograms(_) => {}
    }
    values
}

fn singles(points: &[Single], periods: Periods<'_>, statistic: Statistic, values: &mut [f64]) {
    let sum = |points: &[Single]| points.iter().map(|p| p.1).sum::<f64>();
    let least = |points: &[Single]| points.iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
    let most = |points: &[Single]| points.iter().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max);
    let mut each = |of: &dyn Fn(&[Single]) -> f64| {
        each_period(points, periods, |at, points| values[at] = of(points));
    };
    match statistic {
        Statistic::SampleCount => each(&|points| points.len() as f64),
        Statistic::Sum => each(&sum),
        Statistic::Average => each(&|points| sum(points) / points.len() as f64),
        Statistic::Minimum => each(&least),
        Statistic::Maximum => each(&most),
        _ => each(&|points| statistic.of(&samples(points)).unwrap_or(f64::NAN)),
    }
}

/// A sample and its time.
type Single = (i64, f64);

/// Shows each period that has points, with its points.
pub(super) fn each_period<V>(
    points: &[(i64, V)],
    periods: Periods<'_>,
    mut show: impl FnMut(usize, &[(i64, V)]),
) {
    let start_ms = periods.range().start_ms;
    let mut rest = &points[points.partition_point(|p| p.0 < start_ms)..];
    while let Some((first, _)) = rest.first() {
        // A division for each period with points, not for each point.
        let Some(at) = periods.at(*first) else { return };
        let end_ms = periods.end_of(at);
        let len = rest.iter().position(|p| p.0 >= end_ms).unwrap_or(rest.len());
        show(at, &rest[..len]);
        rest = &rest[len..];
    }
}

/// Returns what [`Delta::add`] would make of the samples one by one.
fn samples(points: &[Single]) -> Delta {
    let mut sorted: Vec<f64> = points.iter().map(|p| p.1).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut all = Delta {
        count: sorted.len() as f64,
        // In the order of time, as it would be added up.
        sum: points.iter().map(|p| p.1).sum(),
        min: sorted[0],
        max: sorted[sorted.len() - 1],
        ..Delta::default()
    };
    for value in sorted {
        match all.values.last_mut() {
            Some((last, count)) if last.total_cmp(&value).is_eq() => *count += 1.0,
            _ => all.values.push((value, 1.0)),
        }
    }
    if all.values.len() > VALUES_MAX {
        for (value, count) in std::mem::take(&mut all.values) {
            let number = bucket_of(value);
            match all.buckets.last_mut() {
                Some((last, sum)) if *last == number => *sum += count,
                _ => all.buckets.push((number, count)),
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATISTICS: [Statistic; 6] = [
        Statistic::SampleCount,
        Statistic::Sum,
        Statistic::Average,
        Statistic::Minimum,
        Statistic::Maximum,
        Statistic::Percentile(90.0),
    ];

    /// The same by adding deltas one by one to the period that each lies in.
    fn slowly(points: &[(i64, Delta)], periods: Periods<'_>, statistic: Statistic) -> Vec<f64> {
        let mut sums = vec![Delta::default(); periods.len()];
        for (at, delta) in points {
            let number = (0..periods.len())
                .position(|n| (periods.start_of(n)..periods.end_of(n)).contains(at));
            if let Some(number) = number {
                sums[number].add(delta);
            }
        }
        let told = |sum: &Delta| (sum.count > 0.0).then(|| statistic.of(sum)).flatten();
        sums.iter().map(|sum| told(sum).unwrap_or(f64::NAN)).collect()
    }

    #[test]
    fn columns_are_what_adding_one_by_one_gives() {
        let mut rng = stdx::Rng::from_seed(7);
        for round in 0..200 {
            let bounds = [7_000, 60_000, 185_000, 186_000, 300_000, 390_000];
            let periods = match round % 4 {
                3 => Periods::between(&bounds).unwrap(),
                minutes => Periods::even(60_000 * minutes, 60_000, 5),
            };
            let mut at = -20_000;
            let points: Vec<(i64, f64)> = std::iter::from_fn(|| {
                at += 1 + rng.below(if round % 2 == 0 { 50_000 } else { 300 }) as i64;
                (at < 420_000).then(|| (at, rng.below(400) as f64 / 4.0))
            })
            .collect();
            let mut deltas = Points::Singles(points.clone()).into_deltas();
            for statistic in STATISTICS {
                let expected = slowly(&deltas, periods, statistic);
                for points in [Points::Singles(points.clone()), Points::Floats(points.clone())] {
                    let found = column(points, periods, statistic);
                    assert_eq!(bits(&found), bits(&expected), "{statistic} in round {round}");
                }
            }
            deltas.iter_mut().step_by(3).for_each(|(_, delta)| {
                *delta = Delta::of_statistics(3.0, 9.0, 1.0, 5.0);
            });
            for statistic in STATISTICS {
                let found = column(Points::Deltas(deltas.clone()), periods, statistic);
                let expected = slowly(&deltas, periods, statistic);
                assert_eq!(bits(&found), bits(&expected), "{statistic} in round {round}");
            }
        }
    }

    fn bits(values: &[f64]) -> Vec<u64> {
        values.iter().map(|v| v.to_bits()).collect()
    }

    #[test]
    fn what_is_not_finite_is_no_sample() {
        let periods = Periods::even(0, 10, 2);
        let stale = f64::from_bits(model::STALE_NAN_BITS);
        let points = vec![(1, 1.0), (2, stale), (3, f64::INFINITY), (12, f64::NAN)];
        let counts = column(Points::Floats(points), periods, Statistic::SampleCount);
        assert_eq!(counts[0], 1.0);
        assert!(counts[1].is_nan());
    }
}
