//! Aggregations that need all values of a step together: the largest, the middle, the equal.
//!
//! Source: Prometheus documentation, "Aggregation operators".

use super::aggregate::{Groups, grouping_of};
use super::evaluate::{Data, Evaluator};
use super::ledger::Ledger;
use super::native::{self, Cell};
use super::window::quantile_of;
use super::{ABSENT, Column, EvalError, Grid, Labels, is_absent, text};
use lang::promql::{Aggregate, AggregateOp};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

impl Evaluator<'_> {
    pub(super) fn aggregate_whole(
        &mut self,
        span: lang::Span,
        aggregate: &Aggregate,
        grid: Grid,
    ) -> Result<Vec<Column>, EvalError> {
        let Some(param) = &aggregate.param else {
            return Err(EvalError::execution("the aggregation needs a parameter"));
        };
        let data = self.eval(param, grid)?;
        let mut columns = self.vector(&aggregate.expr, grid)?;
        if matches!(aggregate.op, AggregateOp::Quantile | AggregateOp::Topk | AggregateOp::Bottomk)
        {
            // As Prometheus has it: those that rank name the aggregation, the others what is in it.
            let ranks = aggregate.op != AggregateOp::Quantile;
            let span = if ranks { span } else { aggregate.expr.span };
            self.drop_histograms(span, aggregate.op, &mut columns);
            if ranks && grid.count > 1 {
                // Ties are decided by labels at each step: better once than again and again.
                columns.sort_by(|a, b| a.labels.cmp(&b.labels));
            }
        }
        let mut groups = Groups::new(grouping_of(aggregate));
        let mut members: Vec<Vec<usize>> = Vec::new();
        for (at, column) in columns.iter().enumerate() {
            let place = groups.place(&column.labels);
            members.resize_with(groups.len(), Vec::new);
            members[place].push(at);
        }
        let labels = groups.into_labels();
        match (aggregate.op, data) {
            (AggregateOp::Quantile, Data::Scalar(phis)) => {
                self.note_quantiles(param.span, &phis);
                quantiles(&columns, labels, &members, &phis, &self.ledger)
            }
            (AggregateOp::CountValues, Data::Text(label)) => {
                count_values(&columns, &labels, &members, &label, &self.ledger)
            }
            (op @ (AggregateOp::Topk | AggregateOp::Bottomk), Data::Scalar(counts)) => {
                let counts = whole_counts(&counts)?;
                let order = match op {
                    AggregateOp::Topk => |a: f64, b: f64| nan_last(a, b, b.total_cmp(&a)),
                    _ => |a: f64, b: f64| nan_last(a, b, a.total_cmp(&b)),
                };
                let kept = best(&columns, &members, &counts, order, &self.ledger)?;
                Ok(keep(columns, &kept))
            }
            (AggregateOp::Limitk, Data::Scalar(counts)) => {
                let counts = whole_counts(&counts)?;
                columns.sort_by(|a, b| a.labels.cmp(&b.labels));
                // Sorting moved them: the groups are told apart again.
                let mut groups = Groups::new(grouping_of(aggregate));
                let mut taken: Vec<usize> = Vec::new();
                for column in &mut columns {
                    let place = groups.place(&column.labels);
                    if taken.len() < groups.len() * grid.count {
                        self.ledger.take_columns(2, grid.count)?;
                        taken.resize(groups.len() * grid.count, 0);
                    }
                    self.ledger.visit(grid.count)?;
                    let taken = &mut taken[place * grid.count..][..grid.count];
                    let mut kept = vec![false; grid.count];
                    for (step, kept) in kept.iter_mut().enumerate() {
                        *kept = taken[step] < counts[step] && column.cells().is_there(step);
                        taken[step] += usize::from(*kept);
                    }
                    column.keep(|step| kept[step]);
                }
                columns.retain(Column::has_values);
                Ok(columns)
            }
            (AggregateOp::LimitRatio, Data::Scalar(ratios)) => {
                self.limit_ratio(param.span, &ratios, columns)
            }
            _ => Err(EvalError::execution("the aggregation's parameter is of another type")),
        }
    }

    fn drop_histograms(&mut self, span: lang::Span, op: AggregateOp, columns: &mut Vec<Column>) {
        if columns.iter().all(|column| column.histograms.is_empty()) {
            return;
        }
        let text = format!("ignored histogram in {} aggregation", op.name());
        self.notes.inform(span, text);
        columns.iter_mut().for_each(|column| column.histograms.clear());
        columns.retain(Column::has_values);
    }

    /// Keeps the series whose labels, hashed evenly into [0, 1), lie below a ratio; for a negative
    /// one those that its complement leaves out.
    fn limit_ratio(
        &mut self,
        span: lang::Span,
        ratios: &[f64],
        mut columns: Vec<Column>,
    ) -> Result<Vec<Column>, EvalError> {
        for ratio in ratios {
            if ratio.is_nan() {
                return Err(EvalError::execution("Ratio value is NaN"));
            }
            if ratio.abs() > 1.0 {
                self.notes.warn(
                    span,
                    format!(
                        "ratio value should be between -1 and 1, got {}, capping to {}",
                        text::of_number(*ratio),
                        text::of_number(ratio.signum()),
                    ),
                );
            }
        }
        for column in &mut columns {
            self.ledger.visit(column.values.len())?;
            let share = share_of(&column.labels);
            column.keep(|step| match ratios[step] {
                ratio if ratio >= 0.0 => share < ratio,
                ratio => share >= 1.0 + ratio,
            });
        }
        columns.retain(Column::has_values);
        Ok(columns)
    }
}

/// Spreads label sets over [0, 1): the same set is always at the same place.
fn share_of(labels: &Labels) -> f64 {
    // FNV-1a, and a finishing mix that carries the low bits up.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in labels.iter().flat_map(|(n, v)| [n.as_bytes(), b"=", v.as_bytes(), b","]).flatten()
    {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^= hash >> 33;
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

/// NaN is last in either direction.
fn nan_last(a: f64, b: f64, order: Ordering) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (false, false) => order,
        (a, b) => a.cmp(&b),
    }
}

fn whole_counts(values: &[f64]) -> Result<Vec<usize>, EvalError> {
    // Bounds of a 64-bit number that are exact as floats.
    const OVER: f64 = 9_223_372_036_854_775_808.0;
    let whole = |value: &f64| match *value {
        v if v.is_nan() => Err(EvalError::execution("Parameter value is NaN")),
        v if v >= OVER => Err(EvalError::execution(format!(
            "Scalar value {} overflows int64",
            text::of_number(v)
        ))),
        v if v < -OVER => Err(EvalError::execution(format!(
            "Scalar value {} underflows int64",
            text::of_number(v)
        ))),
        v => Ok(if v < 1.0 { 0 } else { v as usize }),
    };
    values.iter().map(whole).collect()
}

fn quantiles(
    columns: &[Column],
    labels: Vec<Labels>,
    members: &[Vec<usize>],
    phis: &[f64],
    ledger: &Ledger<'_>,
) -> Result<Vec<Column>, EvalError> {
    let mut together = Vec::new();
    let mut all = Vec::new();
    for (labels, members) in labels.into_iter().zip(members) {
        ledger.take(labels.bytes())?;
        ledger.take_columns(1, phis.len())?;
        let mut values = Vec::with_capacity(phis.len());
        for (step, phi) in phis.iter().enumerate() {
            ledger.visit(members.len())?;
            together.clear();
            let of_step = members.iter().map(|at| columns[*at].values[step]);
            together.extend(of_step.filter(|v| !is_absent(*v)));
            let empty = together.is_empty();
            values.push(if empty { ABSENT } else { quantile_of(*phi, &mut together) });
        }
        all.push(Column::new(labels, values));
    }
    all.retain(Column::has_values);
    Ok(all)
}

fn count_values(
    columns: &[Column],
    labels: &[Labels],
    members: &[Vec<usize>],
    label: &str,
    ledger: &Ledger<'_>,
) -> Result<Vec<Column>, EvalError> {
    if label.is_empty() {
        return Err(EvalError::execution(format!("invalid label name {label:?}")));
    }
    let mut counted = Vec::new();
    for (group, members) in labels.iter().zip(members) {
        let mut places: HashMap<String, usize> = HashMap::new();
        let first = counted.len();
        for column in members.iter().map(|at| &columns[*at]) {
            ledger.visit(column.values.len())?;
            for step in 0..column.values.len() {
                let Some(cell) = Cell::of(column.cells(), step) else {
                    continue;
                };
                let text = native::label_text(&cell);
                // Of a histogram it is as long as its buckets are many.
                ledger.visit(text.len())?;
                let place = match places.get(&text) {
                    Some(place) => *place,
                    None => {
                        let steps = column.values.len();
                        let mut labels = group.to_builder();
                        labels.set(label, &text);
                        let labels = labels.build();
                        ledger.take(labels.bytes() + text.len())?;
                        ledger.take_columns(1, steps)?;
                        counted.push(Column::new(labels, vec![ABSENT; steps]));
                        places.insert(text, counted.len() - 1);
                        counted.len() - 1
                    }
                };
                let count: &mut f64 = &mut counted[place].values[step];
                *count = if is_absent(*count) { 1.0 } else { *count + 1.0 };
            }
        }
        debug_assert!(counted.len() - first == places.len(), "a column for each value");
    }
    super::merge::merge_equal(counted)
}

/// Returns, group after group, which columns have one of the `counts` first values at a step, in
/// the order of the first step; for each column the steps.
fn best(
    columns: &[Column],
    members: &[Vec<usize>],
    counts: &[usize],
    order: fn(f64, f64) -> Ordering,
    ledger: &Ledger<'_>,
) -> Result<Vec<(usize, Vec<bool>)>, EvalError> {
    let mut kept = Vec::new();
    let mut ranked: Vec<(f64, usize)> = Vec::new();
    for members in members {
        let mut steps_of: HashMap<usize, Vec<bool>> = HashMap::new();
        let mut seen = Vec::new();
        for (step, count) in counts.iter().enumerate() {
            ledger.visit(members.len())?;
            ranked.clear();
            let all = members.iter().map(|at| (columns[*at].values[step], *at));
            ranked.extend(all.filter(|(v, _)| !is_absent(*v)));
            // Of equal values the series whose labels come first wins.
            let by_labels = |a: usize, b: usize| match counts.len() {
                1 => columns[a].labels.cmp(&columns[b].labels),
                // They are sorted.
                _ => a.cmp(&b),
            };
            if *count < ranked.len() {
                match count.checked_sub(1) {
                    Some(last) => {
                        let (_, border, _) =
                            ranked.select_nth_unstable_by(last, |a, b| order(a.0, b.0));
                        let border = border.0;
                        ranked.retain(|(value, _)| order(*value, border) != Ordering::Greater);
                    }
                    None => ranked.clear(),
                }
            }
            ranked.sort_unstable_by(|a, b| order(a.0, b.0).then_with(|| by_labels(a.1, b.1)));
            ranked.truncate(*count);
            for (_, at) in &ranked {
                let steps = match steps_of.entry(*at) {
                    Entry::Occupied(steps) => steps.into_mut(),
                    Entry::Vacant(place) => {
                        seen.push(*at);
                        ledger.take(counts.len())?;
                        place.insert(vec![false; counts.len()])
                    }
                };
                steps[step] = true;
            }
        }
        kept.extend(seen.into_iter().filter_map(|at| Some((at, steps_of.remove(&at)?))));
    }
    Ok(kept)
}

fn keep(mut columns: Vec<Column>, kept: &[(usize, Vec<bool>)]) -> Vec<Column> {
    let kept = kept.iter().map(|(at, steps)| {
        let values = std::mem::take(&mut columns[*at].values);
        let mut column = Column::new(columns[*at].labels.clone(), values);
        column.keep(|step| steps[step]);
        column
    });
    kept.collect()
}
