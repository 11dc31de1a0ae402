//! Aggregations that go over the series once: running values for each group and step.
//!
//! Source: Prometheus documentation, "Aggregation operators".

use super::evaluate::Evaluator;
use super::kahan::{Mean, Variance};
use super::ledger::Ledger;
use super::name::Name;
use super::source::SetGroups;
use super::window::HISTOGRAM_VISITS;
use super::{ABSENT, Annotations, Column, EvalError, Grid, Grouping, Labels, is_absent, native};
use lang::Span;
use lang::promql::{Aggregate, AggregateOp};
use model::Histogram;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// Numbers the groups of series.
pub(super) struct Groups {
    grouping: Grouping,
    places: HashMap<Labels, usize>,
    labels: Vec<Labels>,
    key: String,
    /// The set that columns come of, if it has groups of its own, with the numbers that these have here.
    of_set: Option<(Rc<SetGroups>, Vec<usize>)>,
}

/// Stands for a group of a set that has no number here yet.
const NOT_SEEN: usize = usize::MAX;

impl Groups {
    pub(super) fn new(grouping: Grouping) -> Self {
        let (places, labels) = (HashMap::new(), Vec::new());
        Self { grouping, places, labels, key: String::new(), of_set: None }
    }

    /// Returns the number of a series' group; numbers count up from 0.
    pub(super) fn place(&mut self, labels: &Labels) -> usize {
        if self.grouping.is_one() && !self.labels.is_empty() {
            return 0;
        }
        self.grouping.key_of(labels, &mut self.key);
        self.place_of_key()
    }

    /// As [`Groups::place`], for a column of a stream.
    pub(super) fn place_of(&mut self, name: Name<'_>) -> Result<usize, EvalError> {
        if self.grouping.is_one() && !self.labels.is_empty() {
            return Ok(0);
        }
        let Some((groups, number)) = name.numbered(&self.grouping)? else {
            name.group(&self.grouping, &mut self.key)?;
            return Ok(self.place_of_key());
        };
        if self.of_set.as_ref().is_none_or(|(known, _)| !Rc::ptr_eq(known, groups)) {
            self.of_set = Some((Rc::clone(groups), vec![NOT_SEEN; groups.labels.len()]));
        }
        let known = self.of_set.as_ref().map(|(_, places)| places[number as usize]);
        if let Some(place) = known.filter(|place| *place != NOT_SEEN) {
            return Ok(place);
        }
        self.grouping.key_of(&groups.labels[number as usize], &mut self.key);
        let place = self.place_of_key();
        if let Some((_, places)) = &mut self.of_set {
            places[number as usize] = place;
        }
        Ok(place)
    }

    fn place_of_key(&mut self) -> usize {
        if let Some(place) = self.places.get(self.key.as_str()) {
            return *place;
        }
        let group = Grouping::labels_of(&self.key);
        self.labels.push(group.clone());
        self.places.insert(group, self.labels.len() - 1);
        self.labels.len() - 1
    }

    pub(super) fn len(&self) -> usize {
        self.labels.len()
    }

    pub(super) fn into_labels(self) -> Vec<Labels> {
        self.labels
    }
}

/// Returns how an aggregation tells its groups apart.
pub(super) fn grouping_of(aggregate: &Aggregate) -> Grouping {
    if aggregate.without {
        Grouping::without(&aggregate.labels)
    } else {
        Grouping::by(&aggregate.labels)
    }
}

impl Evaluator<'_> {
    pub(super) fn aggregate(
        &mut self,
        span: Span,
        aggregate: &Aggregate,
        grid: Grid,
    ) -> Result<Vec<Column>, EvalError> {
        let Some(mut running) = Running::of(aggregate.op) else {
            return self.aggregate_whole(span, aggregate, grid);
        };
        let mut groups = Groups::new(grouping_of(aggregate));
        let mut natives = Natives::default();
        let ledger = Rc::clone(&self.ledger);
        self.stream(&aggregate.expr, grid, &mut |name, cells| {
            let known = groups.len();
            let place = groups.place_of(name)?;
            if groups.len() > known {
                // Twice: what holds them doubles as it grows.
                let labels_bytes = groups.labels[place].bytes();
                ledger.take(2 * grid.count * running.place_bytes() + 2 * labels_bytes)?;
                ledger.take_columns(1, grid.count)?;
                running.grow(groups.len() * grid.count);
            }
            running.add(place * grid.count, cells.values);
            for (step, histogram) in cells.histograms.iter().enumerate() {
                if let Some(histogram) = histogram {
                    let place = place * grid.count + step;
                    natives.add(&mut running, place, histogram, name, &ledger)?;
                }
            }
            Ok(())
        })?;
        let columns = groups.into_labels().into_iter().enumerate().map(|(place, labels)| {
            Column::new(labels, running.values(place * grid.count, grid.count))
        });
        let mut columns: Vec<Column> = columns.collect();
        natives.finish(&mut columns, grid.count, aggregate.op == AggregateOp::Avg);
        natives.note(&mut self.notes, aggregate);
        columns.retain(Column::has_values);
        Ok(columns)
    }
}

/// A histogram's sum beside its buckets: its place in the map, and in the column.
const HISTOGRAM_PLACE_BYTES: usize = 64;

/// What native histograms among the values add up to.
#[derive(Default)]
struct Natives {
    /// By group and step: the sum, if buckets can be put together, and of how many.
    sums: HashMap<usize, (Option<Histogram>, f64)>,
    ignored: bool,
    mixed: bool,
    /// The name of a metric whose buckets could not be put together with the others'.
    layouts: Option<String>,
    reconciled: bool,
    contradiction: bool,
}

impl Natives {
    fn add(
        &mut self,
        running: &mut Running,
        place: usize,
        histogram: &Histogram,
        name: Name<'_>,
        ledger: &Ledger<'_>,
    ) -> Result<(), EvalError> {
        ledger.visit(HISTOGRAM_VISITS)?;
        match running {
            Running::Sum { .. } | Running::Mean(_) => {
                let Some((sum, count)) = self.sums.get_mut(&place) else {
                    ledger.take(histogram.bytes() + HISTOGRAM_PLACE_BYTES)?;
                    self.sums.insert(place, (Some(histogram.clone()), 1.0));
                    return Ok(());
                };
                *count += 1.0;
                let added = sum.take().map(|sum| native::add(&sum, histogram));
                if let Some(Ok(added)) = added {
                    self.reconciled |= added.reconciled;
                    self.contradiction |= added.contradiction;
                    *sum = Some(added.histogram);
                } else {
                    self.layouts = Some(name.labels()?.name().to_owned());
                }
            }
            Running::Count(counts) => counts[place] += 1.0,
            Running::Group(marks) => marks[place] = 1.0,
            Running::Extreme { .. } | Running::Variance { .. } => self.ignored = true,
        }
        Ok(())
    }

    /// Puts the sums into the columns; where there are floats too there is no result.
    fn finish(&mut self, columns: &mut [Column], steps: usize, avg: bool) {
        for (place, (sum, count)) in self.sums.drain() {
            let (column, step) = (&mut columns[place / steps], place % steps);
            if !is_absent(column.values[step]) {
                self.mixed = true;
                column.values[step] = ABSENT;
                continue;
            }
            let histogram = sum.map(|sum| if avg { native::over(&sum, count) } else { sum });
            column.set_histogram(step, histogram.map(Arc::new));
        }
    }

    fn note(&self, notes: &mut Annotations, aggregate: &Aggregate) {
        let span = aggregate.expr.span;
        if self.mixed {
            notes.warn(span, "encountered a mix of histograms and floats for aggregation");
        }
        if let Some(name) = &self.layouts {
            notes.warn(span, format!(
                "vector contains a mix of histograms with exponential and custom buckets schemas \
                 for metric name {name:?}"
            ));
        }
        if self.ignored {
            let name = aggregate.op.name();
            notes.inform(span, format!("ignored histogram in {name} aggregation"));
        }
        if self.reconciled {
            notes.inform(span, "mismatched custom buckets were reconciled during aggregation");
        }
        if self.contradiction {
            notes.warn(span, "conflicting counter resets during histogram aggregation");
        }
    }
}

/// What is known of each group and step: group after group, one place for each step.
enum Running {
    Sum { sums: Vec<f64>, lost: Vec<f64>, any: Vec<bool> },
    Mean(Vec<Mean>),
    Extreme { best: Vec<f64>, least: bool },
    Count(Vec<f64>),
    Group(Vec<f64>),
    Variance { parts: Vec<Variance>, root: bool },
}

impl Running {
    fn of(op: AggregateOp) -> Option<Self> {
        Some(match op {
            AggregateOp::Sum => Self::Sum { sums: vec![], lost: vec![], any: vec![] },
            AggregateOp::Avg => Self::Mean(vec![]),
            AggregateOp::Min => Self::Extreme { best: vec![], least: true },
            AggregateOp::Max => Self::Extreme { best: vec![], least: false },
            AggregateOp::Count => Self::Count(vec![]),
            AggregateOp::Group => Self::Group(vec![]),
            AggregateOp::Stddev => Self::Variance { parts: vec![], root: true },
            AggregateOp::Stdvar => Self::Variance { parts: vec![], root: false },
            _ => return None,
        })
    }

    /// Returns how many bytes a place takes.
    fn place_bytes(&self) -> usize {
        match self {
            Self::Sum { .. } => 2 * size_of::<f64>() + size_of::<bool>(),
            Self::Mean(_) => size_of::<Mean>(),
            Self::Extreme { .. } | Self::Count(_) | Self::Group(_) => size_of::<f64>(),
            Self::Variance { .. } => size_of::<Variance>(),
        }
    }

    fn grow(&mut self, places: usize) {
        match self {
            Self::Sum { sums, lost, any } => {
                // Nothing added is -0, which leaves every number as it is.
                sums.resize(places, -0.0);
                lost.resize(places, 0.0);
                any.resize(places, false);
            }
            Self::Mean(means) => means.resize(places, Mean::default()),
            Self::Extreme { best, .. } => best.resize(places, ABSENT),
            Self::Count(counts) => counts.resize(places, 0.0),
            Self::Group(marks) => marks.resize(places, ABSENT),
            Self::Variance { parts, .. } => parts.resize(places, Variance::default()),
        }
    }

    /// Adds a column at the places from `from` on. The loops are such that the compiler makes
    /// vector instructions of them.
    fn add(&mut self, from: usize, values: &[f64]) {
        let to = from + values.len();
        match self {
            Self::Sum { sums, lost, any } => {
                let places = sums[from..to].iter_mut().zip(&mut lost[from..to]);
                for (((sum, lost), any), value) in places.zip(&mut any[from..to]).zip(values) {
                    let absent = is_absent(*value);
                    let value = if absent { -0.0 } else { *value };
                    let total = *sum + value;
                    let added = total - *sum;
                    let error = (*sum - (total - added)) + (value - added);
                    // Infinities lose nothing that could be counted.
                    *lost += if total.is_finite() { error } else { 0.0 };
                    *sum = total;
                    *any |= !absent;
                }
            }
            Self::Mean(means) => {
                for (mean, value) in means[from..to].iter_mut().zip(values) {
                    if !is_absent(*value) {
                        mean.add(*value);
                    }
                }
            }
            Self::Extreme { best, least } => {
                let least = *least;
                for (best, value) in best[from..to].iter_mut().zip(values) {
                    // NaN, and with it absence, gives way to any number.
                    let better = if least { *value < *best } else { *value > *best };
                    if !is_absent(*value) && (better || best.is_nan()) {
                        *best = *value;
                    }
                }
            }
            Self::Count(counts) => {
                for (count, value) in counts[from..to].iter_mut().zip(values) {
                    *count += if is_absent(*value) { 0.0 } else { 1.0 };
                }
            }
            Self::Group(marks) => {
                for (mark, value) in marks[from..to].iter_mut().zip(values) {
                    *mark = if is_absent(*value) { *mark } else { 1.0 };
                }
            }
            Self::Variance { parts, .. } => {
                for (part, value) in parts[from..to].iter_mut().zip(values) {
                    if !is_absent(*value) {
                        part.add(*value);
                    }
                }
            }
        }
    }

    /// Returns the values of the places from `from` on.
    fn values(&self, from: usize, count: usize) -> Vec<f64> {
        let at = from..from + count;
        match self {
            Self::Sum { sums, lost, any } => {
                let places = sums[at.clone()].iter().zip(&lost[at.clone()]);
                let value = |((sum, lost), any): ((&f64, &f64), &bool)| match any {
                    true if *lost == 0.0 || sum.is_infinite() => *sum,
                    true => sum + lost,
                    false => ABSENT,
                };
                places.zip(&any[at]).map(value).collect()
            }
            Self::Mean(means) => {
                let value = |mean: &Mean| if mean.is_empty() { ABSENT } else { mean.value() };
                means[at].iter().map(value).collect()
            }
            Self::Extreme { best, .. } => best[at].to_vec(),
            Self::Count(counts) => {
                counts[at].iter().map(|n| if *n == 0.0 { ABSENT } else { *n }).collect()
            }
            Self::Group(marks) => marks[at].to_vec(),
            Self::Variance { parts, root } => {
                let value = |part: &Variance| match (part.is_empty(), root) {
                    (true, _) => ABSENT,
                    (false, true) => part.value().sqrt(),
                    (false, false) => part.value(),
                };
                parts[at].iter().map(value).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(op: AggregateOp, columns: &[&[f64]]) -> Vec<f64> {
        let mut running = Running::of(op).unwrap();
        running.grow(columns[0].len());
        columns.iter().for_each(|column| running.add(0, column));
        running.values(0, columns[0].len())
    }

    #[test]
    fn steps_are_apart_and_absence_adds_nothing() {
        let columns: [&[f64]; 3] =
            [&[1.0, ABSENT, -0.0, f64::NAN], &[4.0, 2.0, ABSENT, 3.0], &[ABSENT; 4]];
        let sum = of(AggregateOp::Sum, &columns);
        assert_eq!(sum[..2], [5.0, 2.0]);
        assert_eq!(sum[2].to_bits(), (-0.0_f64).to_bits());
        assert!(sum[3].is_nan() && !is_absent(sum[3]));
        assert_eq!(of(AggregateOp::Max, &columns)[3], 3.0);
        assert_eq!(of(AggregateOp::Min, &columns)[0], 1.0);
        assert_eq!(of(AggregateOp::Avg, &columns)[..2], [2.5, 2.0]);
        assert_eq!(of(AggregateOp::Count, &columns), [2.0, 1.0, 1.0, 2.0]);
        assert_eq!(of(AggregateOp::Group, &columns), [1.0; 4]);
        assert_eq!(of(AggregateOp::Stdvar, &columns)[..2], [2.25, 0.0]);
        assert!(is_absent(of(AggregateOp::Sum, &columns[2..])[0]));
    }

    #[test]
    fn sums_are_compensated() {
        let columns: [&[f64]; 4] = [&[1.0], &[1e100], &[1.0], &[-1e100]];
        assert_eq!(of(AggregateOp::Sum, &columns), [2.0]);
        assert_eq!(of(AggregateOp::Sum, &[&[f64::INFINITY], &[1.0]]), [f64::INFINITY]);
    }
}
