//! Functions of instants: each computes from the values of one step.
//!
//! Source: Prometheus documentation, "Query functions".

use super::evaluate::{Data, Evaluator};
use super::math::{self, greatest, least};
use super::pointwise::map_columns;
use super::window::WindowFn;
use super::{ABSENT, Column, EvalError, Grid, Labels, is_absent, merge, native};
use lang::promql::{Call, Expr, ExprKind, Function};
use std::cmp::Ordering;
use std::rc::Rc;

impl Evaluator<'_> {
    pub(super) fn call(&mut self, expr: &Expr, call: &Call, grid: Grid) -> Result<Data, EvalError> {
        use Function as F;
        let args = call.args.as_slice();
        if WindowFn::of(call.function).is_some() {
            return self.collect(expr, grid).map(Data::Vector);
        }
        if let Some(compute) = math::unary(call.function) {
            let Some(arg) = args.first() else {
                // Parts of the step's own time.
                let values = grid.times().map(|at| compute(seconds(at))).collect();
                return Ok(Data::Vector(vec![Column::new(Labels::empty(), values)]));
            };
            return map_columns(self.vector(arg, grid)?, &self.ledger, compute).map(Data::Vector);
        }
        match (call.function, args) {
            (F::Time, _) => Ok(Data::Scalar(grid.times().map(seconds).collect())),
            (F::Pi, _) => Ok(same(std::f64::consts::PI, grid)),
            (F::Start, _) => Ok(same(seconds(self.range.start_ms), grid)),
            (F::End, _) => Ok(same(seconds(self.range.end_ms), grid)),
            (F::Step, _) => Ok(same(seconds(self.range.step_ms), grid)),
            (F::Range, _) => {
                Ok(same(seconds(self.range.end_ms.saturating_sub(self.range.start_ms)), grid))
            }
            (F::MinOf | F::MaxOf, [a, b]) => {
                let pick = if call.function == F::MinOf { least } else { greatest };
                let pairs = self.scalar(a, grid)?.into_iter().zip(self.scalar(b, grid)?);
                Ok(Data::Scalar(pairs.map(|(a, b)| pick(a, b)).collect()))
            }
            (F::Vector, [arg]) => {
                let values = self.scalar(arg, grid)?;
                Ok(Data::Vector(vec![Column::new(Labels::empty(), values)]))
            }
            (F::Scalar, [arg]) => self.only_value(arg, grid).map(Data::Scalar),
            (F::Clamp | F::ClampMin | F::ClampMax | F::Round, [arg, rest @ ..]) => {
                self.with_scalars(call.function, arg, rest, grid).map(Data::Vector)
            }
            (F::Timestamp, [arg]) => self.timestamp(arg, grid).map(Data::Vector),
            (F::Absent | F::AbsentOverTime, [arg]) => {
                self.absent(arg, grid).map(|column| Data::Vector(vec![column]))
            }
            (F::Sort | F::SortDesc, [arg]) => {
                self.note_sort(expr);
                let mut columns = self.vector(arg, grid)?;
                columns.iter_mut().for_each(|column| column.histograms.clear());
                columns.retain(Column::has_values);
                sort_by_value(&mut columns, call.function == F::SortDesc);
                Ok(Data::Vector(columns))
            }
            (F::SortByLabel | F::SortByLabelDesc, [arg, labels @ ..]) => {
                self.note_sort(expr);
                let columns = self.vector(arg, grid)?;
                let labels = self.texts(labels, grid)?;
                let down = call.function == F::SortByLabelDesc;
                Ok(Data::Vector(super::relabel::sorted_by(columns, &labels, down)))
            }
            (F::LabelReplace, [arg, texts @ ..]) => {
                let columns = self.vector(arg, grid)?;
                let texts = self.texts(texts, grid)?;
                super::relabel::replace(columns, &texts, &self.ledger).map(Data::Vector)
            }
            (F::LabelJoin, [arg, texts @ ..]) => {
                let columns = self.vector(arg, grid)?;
                let texts = self.texts(texts, grid)?;
                super::relabel::join(columns, &texts, &self.ledger).map(Data::Vector)
            }
            (F::HistogramQuantile, [phi, arg]) => {
                let phis = self.scalar(phi, grid)?;
                self.note_quantiles(phi.span, &phis);
                let columns = self.vector(arg, grid)?;
                let columns = self.without_namesakes(columns, arg)?;
                let args = (arg, phi.span);
                self.histogram_quantiles(&columns, args, None, &[phis], grid).map(Data::Vector)
            }
            (F::HistogramQuantiles, [arg, label, phis @ ..]) => {
                let columns = self.vector(arg, grid)?;
                let columns = self.without_namesakes(columns, arg)?;
                let label = self.texts(std::slice::from_ref(label), grid)?;
                let mut all = Vec::new();
                for phi in phis {
                    all.push(self.scalar(phi, grid)?);
                    self.note_quantiles(phi.span, &all[all.len() - 1]);
                }
                let label = label.first().map(String::as_str);
                let args = (arg, arg.span);
                self.histogram_quantiles(&columns, args, label, &all, grid).map(Data::Vector)
            }
            (F::HistogramFraction, [low, high, arg]) => {
                let bounds = [self.scalar(low, grid)?, self.scalar(high, grid)?];
                let columns = self.vector(arg, grid)?;
                let columns = self.without_namesakes(columns, arg)?;
                let args = (arg, low.span);
                self.histogram_fraction(&columns, args, &bounds, grid).map(Data::Vector)
            }
            (
                F::HistogramAvg
                | F::HistogramCount
                | F::HistogramSum
                | F::HistogramStddev
                | F::HistogramStdvar,
                [arg],
            ) => {
                let columns = self.vector(arg, grid)?;
                of_histograms(call.function, columns).map(Data::Vector)
            }
            (F::Info, [arg, selector @ ..]) => {
                self.info(arg, selector.first(), grid).map(Data::Vector)
            }
            (function, _) => {
                Err(EvalError::Refused(format!("{}() is not served", function.name())))
            }
        }
    }

    /// Evaluates arguments that are texts.
    fn texts(&mut self, args: &[Expr], grid: Grid) -> Result<Vec<String>, EvalError> {
        let text = |data| match data {
            Data::Text(text) => Ok(text),
            _ => Err(EvalError::execution("a string was expected")),
        };
        args.iter().map(|arg| self.eval(arg, grid).and_then(text)).collect()
    }

    /// The value of the only series at each step; NaN when there are none or several.
    fn only_value(&mut self, arg: &Expr, grid: Grid) -> Result<Vec<f64>, EvalError> {
        let mut only = vec![ABSENT; grid.count];
        self.stream(arg, grid, &mut |_, cells| {
            for (only, value) in only.iter_mut().zip(cells.values) {
                if !is_absent(*value) {
                    *only = if is_absent(*only) { *value } else { f64::NAN };
                }
            }
            Ok(())
        })?;
        only.iter_mut().filter(|v| is_absent(**v)).for_each(|v| *v = f64::NAN);
        Ok(only)
    }

    fn with_scalars(
        &mut self,
        function: Function,
        arg: &Expr,
        scalars: &[Expr],
        grid: Grid,
    ) -> Result<Vec<Column>, EvalError> {
        let mut columns = self.vector(arg, grid)?;
        let mut params = Vec::new();
        for scalar in scalars {
            params.push(self.scalar(scalar, grid)?);
        }
        let param = |n: usize, step: usize, default| params.get(n).map_or(default, |p| p[step]);
        for column in &mut columns {
            self.ledger.visit(column.values.len())?;
            column.histograms.clear();
            for (step, value) in column.values.iter_mut().enumerate() {
                if is_absent(*value) {
                    continue;
                }
                let first = param(0, step, 1.0);
                *value = match function {
                    Function::Round => math::round(*value, first),
                    Function::ClampMin => greatest(first, *value),
                    Function::ClampMax => least(first, *value),
                    _ => match param(1, step, 1.0) {
                        max if max < first => ABSENT,
                        max => greatest(first, least(max, *value)),
                    },
                };
            }
        }
        columns.retain(Column::has_values);
        merge::drop_names(columns)
    }

    /// The time of each sample: its own if it comes straight from a selector, else the step's.
    fn timestamp(&mut self, arg: &Expr, grid: Grid) -> Result<Vec<Column>, EvalError> {
        let mut columns = Vec::new();
        match &arg.inner().kind {
            ExprKind::Vector(selector) if selector.ends == lang::promql::Ends::Plain => {
                let ledger = Rc::clone(&self.ledger);
                self.stream_timestamps(selector, grid, &mut |name, cells| {
                    let labels = name.labels()?;
                    ledger.take_cells(&labels, cells)?;
                    columns.push(cells.to_column(labels));
                    Ok(())
                })?;
            }
            _ => {
                columns = self.vector(arg, grid)?;
                for column in &mut columns {
                    for (step, at) in grid.times().enumerate() {
                        let there = column.cells().is_there(step);
                        column.values[step] = if there { seconds(at) } else { ABSENT };
                    }
                    column.histograms.clear();
                }
            }
        }
        columns.retain(Column::has_values);
        merge::drop_names(columns)
    }

    fn note_sort(&mut self, expr: &Expr) {
        if !self.range.is_instant() {
            let text = "sort is ineffective for range queries since results are always ordered \
                        by labels";
            self.notes.warn(expr.span, text);
        }
    }
}

/// What a function tells of each histogram; floats are passed over.
fn of_histograms(function: Function, columns: Vec<Column>) -> Result<Vec<Column>, EvalError> {
    let tell = |histogram: &model::Histogram| match function {
        Function::HistogramAvg => histogram.sum / histogram.count,
        Function::HistogramCount => histogram.count,
        Function::HistogramSum => histogram.sum,
        Function::HistogramStddev => native::stdvar(histogram).sqrt(),
        _ => native::stdvar(histogram),
    };
    let told = columns.into_iter().filter(|column| !column.histograms.is_empty()).map(|column| {
        let value = |h: &Option<super::Native>| h.as_ref().map_or(ABSENT, |h| tell(h));
        Column::new(column.labels, column.histograms.iter().map(value).collect())
    });
    merge::drop_names(told.filter(Column::has_values).collect())
}

fn seconds(at_ms: i64) -> f64 {
    at_ms as f64 / 1000.0
}

fn same(value: f64, grid: Grid) -> Data {
    Data::Scalar(vec![value; grid.count])
}

/// By the first step, which is all there is when the order matters; NaN is last either way.
fn sort_by_value(columns: &mut [Column], down: bool) {
    let value = |column: &Column| column.values.first().copied().unwrap_or(f64::NAN);
    columns.sort_by(|a, b| {
        let (a, b) = (value(a), value(b));
        match (a.is_nan(), b.is_nan()) {
            (false, false) if down => b.partial_cmp(&a).unwrap_or(Ordering::Equal),
            (false, false) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
            (a, b) => a.cmp(&b),
        }
    });
}
