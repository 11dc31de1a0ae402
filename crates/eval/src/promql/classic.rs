//! Classic histograms: a series for each bucket, its upper bound in the label `le`.
//!
//! Source: Prometheus documentation, `histogram_quantile` and `histogram_fraction`.

use super::evaluate::Evaluator;
use super::{ABSENT, Column, EvalError, Grid, Labels, Native, is_absent, merge, native, text};
use lang::Span;
use lang::promql::Expr;
use std::collections::HashMap;

/// The label that holds a bucket's upper bound.
const BOUND: &str = "le";

/// A bucket: its upper bound, and how many observations are not above it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bucket {
    upper: f64,
    count: f64,
}

/// The series of one histogram.
struct Family {
    /// With the metric's name, without `le`.
    labels: Labels,
    /// Upper bounds and the columns of counts, rising.
    buckets: Vec<(f64, usize)>,
}

impl Evaluator<'_> {
    /// A quantile of each histogram for each of `phis`; with a label they are told apart by it. Beside
    /// the argument stands the place of the first one, at which NaNs are told.
    pub(super) fn histogram_quantiles(
        &mut self,
        columns: &[Column],
        (arg, first): (&Expr, Span),
        label: Option<&str>,
        phis: &[Vec<f64>],
        grid: Grid,
    ) -> Result<Vec<Column>, EvalError> {
        let families = self.families(columns, arg);
        let mut results = Vec::new();
        let mut buckets = Vec::new();
        for family in families {
            self.ledger.take(family.labels.bytes())?;
            self.ledger.take_columns(phis.len(), grid.count)?;
            let mut values = vec![merge::nothing(grid.count); phis.len()];
            let mut forced = false;
            for step in 0..grid.count {
                self.ledger.visit(family.buckets.len())?;
                family.at_step(columns, step, &mut buckets);
                if buckets.is_empty() {
                    continue;
                }
                // Of buckets that are not looked at nothing is said.
                let fixed = tidy(&mut buckets);
                let whole = buckets.last().is_some_and(|b| b.upper == f64::INFINITY);
                forced |= fixed && whole && phis.iter().any(|p| (0.0..=1.0).contains(&p[step]));
                for (values, phis) in values.iter_mut().zip(phis) {
                    values[step] = quantile(phis[step], &buckets);
                }
            }
            if forced {
                self.notes.inform(
                    arg.span,
                    format!(
                        "input to histogram_quantile needed to be fixed for monotonicity (see \
                     https://prometheus.io/docs/prometheus/latest/querying/functions/\
                     #histogram_quantile) for metric name {:?}",
                        family.labels.name()
                    ),
                );
            }
            for (values, phis) in values.into_iter().zip(phis) {
                let Some(label) = label else {
                    results.push(Column::new(family.labels.clone(), values));
                    continue;
                };
                // The label names the quantile, which may differ from step to step.
                let mut by_phi: Vec<(u64, Column)> = Vec::new();
                for (step, (value, phi)) in values.iter().zip(phis).enumerate() {
                    self.ledger.visit(by_phi.len())?;
                    let known = by_phi.iter().position(|(bits, _)| *bits == phi.to_bits());
                    let place = match known {
                        Some(place) => place,
                        None => {
                            // Charged at once: a quantile for each step is as many columns.
                            let mut labels = family.labels.to_builder();
                            labels.set(label, &text::of_number(*phi));
                            let labels = labels.build();
                            self.ledger.take(labels.bytes())?;
                            self.ledger.take_columns(1, grid.count)?;
                            let column = Column::new(labels, merge::nothing(grid.count));
                            by_phi.push((phi.to_bits(), column));
                            by_phi.len() - 1
                        }
                    };
                    by_phi[place].1.values[step] = *value;
                }
                results.extend(by_phi.into_iter().map(|(_, column)| column));
            }
        }
        for column in columns.iter().filter(|column| !column.histograms.is_empty()) {
            for phis in phis {
                self.native_quantiles(column, first, label, phis, &mut results)?;
            }
        }
        results.retain(Column::has_values);
        merge::drop_names(results)
    }

    /// A quantile of each histogram of a column.
    fn native_quantiles(
        &mut self,
        column: &Column,
        first: Span,
        label: Option<&str>,
        phis: &[f64],
        results: &mut Vec<Column>,
    ) -> Result<(), EvalError> {
        self.ledger.take(column.labels.bytes())?;
        self.ledger.take_columns(1, phis.len())?;
        let mut labels = column.labels.to_builder();
        let mut values = Vec::with_capacity(phis.len());
        for (histogram, phi) in column.histograms.iter().zip(phis) {
            let value = histogram.as_ref().map_or(ABSENT, |h| native::quantile(*phi, h));
            values.push(value);
            let asked = (0.0..=1.0).contains(phi);
            if asked && histogram.as_ref().is_some_and(|h| native::has_nans(h)) {
                let what = if value.is_nan() { "is NaN" } else { "is skewed higher" };
                self.notes.inform(first, format!(
                    "input to histogram_quantile has NaN observations, result {what} for metric \
                     name {:?}",
                    column.labels.name()
                ));
            }
        }
        if let (Some(label), Some(phi)) = (label, phis.first()) {
            labels.set(label, &text::of_number(*phi));
        }
        results.push(Column::new(labels.build(), values));
        Ok(())
    }

    /// The share of observations between two bounds. Beside the argument stands the place of the first
    /// one, at which NaNs are told.
    pub(super) fn histogram_fraction(
        &mut self,
        columns: &[Column],
        (arg, first): (&Expr, Span),
        bounds: &[Vec<f64>; 2],
        grid: Grid,
    ) -> Result<Vec<Column>, EvalError> {
        let families = self.families(columns, arg);
        let mut results = Vec::new();
        let mut buckets = Vec::new();
        for family in families {
            self.ledger.take(family.labels.bytes())?;
            self.ledger.take_columns(1, grid.count)?;
            let mut values = merge::nothing(grid.count);
            for (step, value) in values.iter_mut().enumerate() {
                self.ledger.visit(family.buckets.len())?;
                family.at_step(columns, step, &mut buckets);
                if !buckets.is_empty() {
                    tidy(&mut buckets);
                    *value = fraction(bounds[0][step], bounds[1][step], &buckets);
                }
            }
            results.push(Column::new(family.labels, values));
        }
        for column in columns.iter().filter(|column| !column.histograms.is_empty()) {
            self.ledger.take_columns(1, grid.count)?;
            let of_step = |(step, histogram): (usize, &Option<Native>)| {
                let of = |h: &Native| native::fraction(bounds[0][step], bounds[1][step], h);
                histogram.as_ref().map_or(ABSENT, of)
            };
            let values = column.histograms.iter().enumerate().map(of_step).collect();
            // Where the bounds alone say what the fraction is, observations do not count.
            let counts = |step: usize| bounds[0][step] < bounds[1][step];
            let mut all = column.histograms.iter().enumerate();
            if all.any(|(step, h)| counts(step) && h.as_ref().is_some_and(|h| native::has_nans(h)))
            {
                let name = column.labels.name();
                self.notes.inform(first, format!(
                    "input to histogram_fraction has NaN observations, which are excluded from all \
                     fractions for metric name {name:?}"
                ));
            }
            results.push(Column::new(column.labels.clone(), values));
        }
        results.retain(Column::has_values);
        merge::drop_names(results)
    }

    /// Removes what stands at a step where a classic and a native histogram are called the same:
    /// nobody could tell which of them is meant.
    pub(super) fn without_namesakes(
        &mut self,
        mut columns: Vec<Column>,
        arg: &Expr,
    ) -> Result<Vec<Column>, EvalError> {
        let natives: HashMap<Labels, usize> = (columns.iter().enumerate())
            .filter(|(_, column)| !column.histograms.is_empty())
            .map(|(at, column)| (column.labels.clone(), at))
            .collect();
        if natives.is_empty() {
            return Ok(columns);
        }
        let mut both: Vec<(usize, usize, usize)> = Vec::new();
        for (at, column) in columns.iter().enumerate() {
            if column.labels.get(BOUND).is_empty() {
                continue;
            }
            let Some(native) = natives.get(&column.labels.filtered(|name| name != BOUND)) else {
                continue;
            };
            self.ledger.take(size_of_val(column.values.as_slice()) * 2 * 3)?;
            let cells = columns[*native].cells();
            let there = column.values.iter().enumerate().filter(|(_, v)| !is_absent(**v));
            let there = there.filter(|(step, _)| cells.histogram(*step).is_some());
            both.extend(there.map(|(step, _)| (at, *native, step)));
        }
        for (bucket, native, step) in both {
            let name = columns[native].labels.name();
            self.notes.warn(arg.span, format!(
                "vector contains a mix of classic and native histograms for metric name {name:?}"
            ));
            columns[bucket].values[step] = ABSENT;
            columns[native].set_histogram(step, None);
        }
        Ok(columns)
    }

    /// Puts the series of each histogram together; those without a bound are named and left out.
    fn families(&mut self, columns: &[Column], arg: &Expr) -> Vec<Family> {
        let mut places: HashMap<Labels, usize> = HashMap::new();
        let mut families: Vec<Family> = Vec::new();
        for (at, column) in columns.iter().enumerate() {
            let bound = column.labels.get(BOUND);
            if column.values.iter().all(|v| is_absent(*v)) {
                continue;
            }
            let Some(upper) = bound_of(bound) else {
                let name = column.labels.name();
                self.notes.warn(arg.span, format!(
                    "bucket label {BOUND:?} is missing or has a malformed value of {bound:?} for \
                     metric name {name:?}"
                ));
                continue;
            };
            let labels = column.labels.filtered(|name| name != BOUND);
            let place = *places.entry(labels.clone()).or_insert_with(|| {
                families.push(Family { labels, buckets: Vec::new() });
                families.len() - 1
            });
            families[place].buckets.push((upper, at));
        }
        for family in &mut families {
            family.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        families
    }
}

/// Reads a bound as Go does: also `+Inf` and `inf`, digits in any form.
fn bound_of(text: &str) -> Option<f64> {
    if text.is_empty() || text.contains(char::is_whitespace) {
        return None;
    }
    text.parse().ok()
}

impl Family {
    /// Returns the buckets that are there at a step; bounds that are equal as numbers are one.
    fn at_step(&self, columns: &[Column], step: usize, buckets: &mut Vec<Bucket>) {
        buckets.clear();
        for (upper, at) in &self.buckets {
            let count = columns[*at].values[step];
            if is_absent(count) {
                continue;
            }
            match buckets.last_mut() {
                Some(last) if last.upper == *upper => last.count += count,
                _ => buckets.push(Bucket { upper: *upper, count }),
            }
        }
    }
}

/// Differences below this share of two neighbouring counts are those of rounding.
const ROUNDING: f64 = 1e-12;

/// Makes counts rise; says whether one fell by more than rounding explains.
fn tidy(buckets: &mut [Bucket]) -> bool {
    let mut forced = false;
    let mut before = buckets[0].count;
    for bucket in &mut buckets[1..] {
        let difference = (bucket.count - before).abs();
        if bucket.count == before {
            continue;
        }
        if difference <= ROUNDING * (bucket.count.abs() + before.abs()) {
            bucket.count = before;
        } else if bucket.count < before {
            bucket.count = before;
            forced = true;
        }
        before = bucket.count;
    }
    forced
}

/// Buckets are tidied, rising and not empty.
fn quantile(phi: f64, buckets: &[Bucket]) -> f64 {
    if phi.is_nan() {
        return f64::NAN;
    }
    if phi < 0.0 {
        return f64::NEG_INFINITY;
    }
    if phi > 1.0 {
        return f64::INFINITY;
    }
    let Some(observations) = observations(buckets) else {
        return f64::NAN;
    };
    let last = buckets.len() - 1;
    let rank = phi * observations;
    let place = buckets[..last].partition_point(|bucket| bucket.count < rank);
    if place == last {
        return buckets[last - 1].upper;
    }
    let bucket = buckets[place];
    if place == 0 && bucket.upper <= 0.0 {
        return bucket.upper;
    }
    let below = if place == 0 { Bucket { upper: 0.0, count: 0.0 } } else { buckets[place - 1] };
    let share = (rank - below.count) / (bucket.count - below.count);
    below.upper + (bucket.upper - below.upper) * share
}

/// Returns how many observations there are, if the buckets are those of a histogram.
fn observations(buckets: &[Bucket]) -> Option<f64> {
    let last = buckets.last()?;
    let whole = buckets.len() >= 2 && last.upper == f64::INFINITY;
    (whole && last.count != 0.0 && !last.count.is_nan()).then_some(last.count)
}

fn fraction(low: f64, high: f64, buckets: &[Bucket]) -> f64 {
    let Some(observations) = observations(buckets) else {
        return f64::NAN;
    };
    if low.is_nan() || high.is_nan() {
        return f64::NAN;
    }
    if low >= high {
        return 0.0;
    }
    (rank_of(high, buckets) - rank_of(low, buckets)) / observations
}

/// Returns how many observations are not above a value, interpolated inside its bucket.
fn rank_of(value: f64, buckets: &[Bucket]) -> f64 {
    let place = buckets.partition_point(|bucket| bucket.upper < value);
    let Some(bucket) = buckets.get(place) else {
        return buckets[buckets.len() - 1].count;
    };
    let below = match place.checked_sub(1) {
        Some(below) => buckets[below],
        // The lowest bucket begins at zero, if it does not end there.
        None if bucket.upper > 0.0 => Bucket { upper: 0.0, count: 0.0 },
        None => Bucket { upper: f64::NEG_INFINITY, count: 0.0 },
    };
    if value == f64::INFINITY || value == bucket.upper {
        return bucket.count;
    }
    if value <= below.upper || below.upper.is_infinite() {
        return below.count;
    }
    if bucket.upper.is_infinite() {
        // Nothing is known of where in the last bucket its observations are.
        return below.count;
    }
    let share = (value - below.upper) / (bucket.upper - below.upper);
    below.count + (bucket.count - below.count) * share
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(pairs: &[(f64, f64)]) -> Vec<Bucket> {
        pairs.iter().map(|(upper, count)| Bucket { upper: *upper, count: *count }).collect()
    }

    #[test]
    fn quantiles_are_interpolated_inside_a_bucket() {
        let inf = f64::INFINITY;
        let usual = buckets(&[(0.1, 10.0), (0.2, 30.0), (1.0, 40.0), (inf, 50.0)]);
        for (phi, expected) in [
            (0.1, 0.05),
            (0.2, 0.1),
            (0.4, 0.15),
            (0.7, 0.6),
            (0.9, 1.0),
            (1.0, 1.0),
            (-1.0, -inf),
            (2.0, inf),
        ] {
            let value = quantile(phi, &usual);
            assert!((value - expected).abs() < 1e-12 || value == expected, "{phi}: {value}");
        }
        assert_eq!(quantile(0.5, &buckets(&[(-1.0, 5.0), (inf, 6.0)])), -1.0);
        assert!(quantile(0.5, &buckets(&[(inf, 5.0)])).is_nan());
        assert!(quantile(0.5, &buckets(&[(1.0, 5.0), (2.0, 5.0)])).is_nan());
        assert!(quantile(0.5, &buckets(&[(1.0, 0.0), (inf, 0.0)])).is_nan());
    }

    #[test]
    fn counts_are_made_to_rise() {
        let mut falling = buckets(&[(1.0, 10.0), (2.0, 8.0), (3.0, 12.0)]);
        assert!(tidy(&mut falling));
        assert_eq!(falling[1].count, 10.0);
        let mut rounded = buckets(&[(1.0, 10.0), (2.0, 10.0 - 1e-12), (3.0, 12.0)]);
        assert!(!tidy(&mut rounded));
        assert_eq!(rounded[1].count, 10.0);
    }

    #[test]
    fn fractions_lie_between_ranks() {
        let inf = f64::INFINITY;
        let usual = buckets(&[(0.1, 10.0), (0.2, 30.0), (1.0, 40.0), (inf, 50.0)]);
        for (low, high, expected) in
            [(0.0, 0.2, 0.6), (0.1, 0.6, 0.5), (-inf, inf, 1.0), (0.2, 0.1, 0.0), (5.0, inf, 0.2)]
        {
            let value = fraction(low, high, &usual);
            assert!((value - expected).abs() < 1e-12, "{low} {high}: {value}");
        }
    }
}
