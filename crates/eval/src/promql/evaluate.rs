//! The driver over a range: a tree becomes columns over all steps at once, from the leaves up.

use super::binary::Sides;
use super::ledger::Ledger;
use super::math::{self, Combine};
use super::name::Name;
use super::native::Remarks;
use super::pointwise::{Operator, beside_scalar, broadcast, map, negated};
use super::select::Wants;
use super::shape::{self, is_invariant, is_nameless};
use super::source::{Limits, Source};
use super::value::{Options, Range, Series, Value};
use super::{Annotations, Cells, Column, EvalError, Grid, Labels, Samples, is_absent};
use lang::promql::{At, BinaryOp, Expr, ExprKind, QueryTimes, ValueType};
use std::rc::Rc;

/// Columns that a node works with beside its arguments and its value: what it fills for each series,
/// which series is where, what is kept of a step.
const NODE_COLUMNS: usize = 2;

/// Evaluates an expression at each step of a range.
///
/// # Errors
/// What the expression does with these data ([`EvalError::Execution`]), what the source says, and
/// what the limits say. Nothing of the result is returned then.
pub fn evaluate(
    expr: &Expr,
    source: &dyn Source,
    range: Range,
    options: &Options,
    limits: &dyn Limits,
) -> Result<(Value, Annotations), EvalError> {
    let mut expr = expr.clone();
    let times = QueryTimes {
        step_ms: range.step_ms,
        range_ms: range.end_ms.saturating_sub(range.start_ms),
    };
    expr.resolve_durations(times).map_err(|error| EvalError::Refused(error.message))?;
    evaluate_resolved(&expr, source, range, options, limits)
}

/// As [`evaluate`], for an expression whose durations are resolved.
pub(super) fn evaluate_resolved(
    expr: &Expr,
    source: &dyn Source,
    range: Range,
    options: &Options,
    limits: &dyn Limits,
) -> Result<(Value, Annotations), EvalError> {
    let mut evaluator = Evaluator::new(source, range, options, limits);
    let value = evaluator.value(expr)?;
    Ok((value, std::mem::take(&mut evaluator.notes)))
}

/// Values of an expression over the steps of a grid.
#[derive(Debug, Clone)]
pub(super) enum Data {
    /// One for each step.
    Scalar(Vec<f64>),
    Text(String),
    /// Labels are all different, columns are not empty.
    Vector(Vec<Column>),
}

impl Data {
    fn bytes(&self) -> u64 {
        match self {
            Self::Scalar(values) => size_of_val(values.as_slice()) as u64,
            Self::Text(text) => text.len() as u64,
            Self::Vector(columns) => columns.iter().map(Column::bytes).sum(),
        }
    }

    /// Returns how many bytes the values of one step take, of data for one step.
    fn step_bytes(&self) -> usize {
        match self {
            Self::Scalar(_) => size_of::<f64>(),
            Self::Text(_) => 0,
            Self::Vector(columns) => columns.iter().map(|column| column.cells().bytes()).sum(),
        }
    }
}

/// What a stream of columns is given to.
pub(super) type Sink<'s> = dyn FnMut(Name<'_>, Cells<'_>) -> Result<(), EvalError> + 's;

/// One evaluation.
pub(super) struct Evaluator<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) range: Range,
    pub(super) options: &'a Options,
    pub(super) limits: &'a dyn Limits,
    pub(super) notes: Annotations,
    pub(super) shared: super::shared::Shared,
    /// Shared with what takes memory while the evaluator goes on.
    pub(super) ledger: Rc<Ledger<'a>>,
}

impl<'a> Evaluator<'a> {
    fn new(
        source: &'a dyn Source,
        range: Range,
        options: &'a Options,
        limits: &'a dyn Limits,
    ) -> Self {
        let (notes, shared) = Default::default();
        let ledger = Rc::new(Ledger::new(limits));
        Self { source, range, options, limits, notes, shared, ledger }
    }

    fn value(&mut self, expr: &Expr) -> Result<Value, EvalError> {
        let Range { start_ms, end_ms, .. } = self.range;
        let instant = self.range.is_instant();
        let kind = expr.value_type();
        if !instant && matches!(kind, ValueType::Matrix | ValueType::String) {
            return Err(EvalError::Refused(format!(
                "invalid expression type {:?} for range query, must be Scalar or instant Vector",
                kind.name()
            )));
        }
        if kind == ValueType::Matrix {
            return self.matrix(expr.inner(), Grid::at(start_ms)).map(Value::Matrix);
        }
        let steps = end_ms.saturating_sub(start_ms) / self.range.step_ms.max(1);
        let count = if instant { 1 } else { steps.saturating_add(1) };
        let grid =
            Grid { start_ms, step_ms: self.range.step_ms.max(1), count: count.max(0) as usize };
        self.shared = super::shared::Shared::of(expr);
        Ok(match self.eval(expr, grid)? {
            Data::Scalar(values) if instant => Value::Scalar(start_ms, values[0]),
            Data::Text(text) => Value::String(start_ms, text),
            Data::Scalar(values) => {
                self.ledger.take(2 * size_of_val(values.as_slice()))?;
                Value::Matrix(vec![series(Column::new(Labels::empty(), values), grid)])
            }
            Data::Vector(columns) => {
                let mut all = Vec::with_capacity(columns.len());
                for column in columns {
                    self.ledger.take(2 * size_of_val(column.values.as_slice()))?;
                    let series = series(column, grid);
                    if !series.points.is_empty() || !series.histograms.is_empty() {
                        all.push(series);
                    }
                }
                // Series come in the order in which they stand somewhere, which means nothing.
                let sorted = instant && shape::has_order(expr);
                if !sorted && !all.is_sorted_by(|a, b| a.labels <= b.labels) {
                    all.sort_by(|a, b| a.labels.cmp(&b.labels));
                }
                if instant { Value::Vector(all) } else { Value::Matrix(all) }
            }
        })
    }

    /// Evaluates a node. What does not depend on the step is evaluated once; what occurs more than
    /// once in the expression too.
    pub(super) fn eval(&mut self, expr: &Expr, grid: Grid) -> Result<Data, EvalError> {
        let expr = expr.inner();
        self.limits.check()?;
        if let Some(known) = self.shared.find(expr, grid) {
            self.ledger.take(known.bytes() as usize)?;
            return Ok(known.clone());
        }
        let mark = self.ledger.mark();
        let notes = self.notes.len();
        // For what a node works with, beside its arguments and values.
        self.ledger.take_columns(NODE_COLUMNS, grid.count)?;
        let data = if grid.count > 1 && is_invariant(expr) {
            let once = self.eval_kind(expr, Grid { count: 1, ..grid })?;
            self.ledger.take(once.step_bytes().saturating_mul(grid.count))?;
            broadcast(once, grid.count)
        } else {
            self.eval_kind(expr, grid)?
        };
        // Whatever was made below is gone by now.
        self.ledger.settle(mark, data.bytes())?;
        // A note names the place of its expression, so it cannot be shared.
        if self.notes.len() == notes && self.shared.wants(expr) {
            self.ledger.keep(data.bytes())?;
            self.shared.keep(expr, grid, &data);
        }
        Ok(data)
    }

    fn eval_kind(&mut self, expr: &Expr, grid: Grid) -> Result<Data, EvalError> {
        match &expr.kind {
            ExprKind::Number(number) => Ok(Data::Scalar(vec![number.value; grid.count])),
            ExprKind::String(text) => Ok(Data::Text(text.clone())),
            ExprKind::Paren(inner) => self.eval(inner, grid),
            ExprKind::Vector(_) => self.collect(expr, grid).map(Data::Vector),
            ExprKind::Matrix(_) | ExprKind::Subquery(_) => {
                Err(EvalError::execution("a range is no value of a step"))
            }
            ExprKind::Unary(unary) => {
                let data = self.eval(&unary.expr, grid)?;
                if unary.negative { negated(data, &self.ledger) } else { Ok(data) }
            }
            ExprKind::Binary(binary) => match (&binary.matching, binary.op) {
                (Some(matching), op) => {
                    let left = self.vector(&binary.left, grid)?;
                    let right = self.vector(&binary.right, grid)?;
                    let ledger = &*self.ledger;
                    let sides = Sides { left, right, matching, steps: grid.count, ledger };
                    let columns = match op {
                        BinaryOp::And => sides.and()?,
                        BinaryOp::Unless => sides.unless()?,
                        BinaryOp::Or => sides.or()?,
                        op => {
                            let mut remarks = Remarks::default();
                            let columns = sides.combine(op, binary.returns_bool, &mut remarks);
                            remarks.note(&mut self.notes, expr.span, op);
                            columns?
                        }
                    };
                    Ok(Data::Vector(columns))
                }
                (None, op) => {
                    let left = self.eval(&binary.left, grid)?;
                    let right = self.eval(&binary.right, grid)?;
                    let mut remarks = Remarks::default();
                    let operator = Operator { op, returns_bool: binary.returns_bool };
                    let data = beside_scalar(operator, left, right, &mut remarks, &self.ledger)?;
                    remarks.note(&mut self.notes, expr.span, op);
                    Ok(data)
                }
            },
            ExprKind::Aggregate(aggregate) => {
                self.aggregate(expr.span, aggregate, grid).map(Data::Vector)
            }
            ExprKind::Call(call) => self.call(expr, call, grid),
        }
    }

    /// Evaluates a node that is a vector.
    pub(super) fn vector(&mut self, expr: &Expr, grid: Grid) -> Result<Vec<Column>, EvalError> {
        match self.eval(expr, grid)? {
            Data::Vector(columns) => Ok(columns),
            _ => Err(EvalError::execution("an instant vector was expected")),
        }
    }

    /// Evaluates a node that is a scalar: a value for each step.
    pub(super) fn scalar(&mut self, expr: &Expr, grid: Grid) -> Result<Vec<f64>, EvalError> {
        match self.eval(expr, grid)? {
            Data::Scalar(values) => Ok(values),
            _ => Err(EvalError::execution("a scalar was expected")),
        }
    }

    /// Gives the columns of a vector to `sink` one by one: what is aggregated at once is never
    /// held as a whole.
    pub(super) fn stream(
        &mut self,
        expr: &Expr,
        grid: Grid,
        sink: &mut Sink<'_>,
    ) -> Result<(), EvalError> {
        let expr = expr.inner();
        let once = grid.count == 1 || !is_invariant(expr);
        if once && !self.shared.wants(expr) {
            match &expr.kind {
                ExprKind::Vector(selector) => {
                    return self.stream_vector(selector, grid, Wants::Cells, sink);
                }
                ExprKind::Call(call) => {
                    if let Some(function) = super::window::WindowFn::of(call.function) {
                        return self.stream_window(function, call, grid, sink);
                    }
                    if let (Some(compute), [arg]) = (math::unary(call.function), &*call.args)
                        && is_nameless(arg)
                    {
                        let mut out = Vec::with_capacity(grid.count);
                        return self.stream(arg, grid, &mut |name, cells| {
                            out.clear();
                            out.extend(cells.values.iter().map(|v| map(*v, compute)));
                            sink(name, Cells::floats(&out))
                        });
                    }
                }
                ExprKind::Binary(binary) if binary.matching.is_none() => {
                    let operator = Operator { op: binary.op, returns_bool: binary.returns_bool };
                    let combine = Combine::of(binary.op, binary.returns_bool);
                    let scalar = |side: &Expr| side.value_type() == ValueType::Scalar;
                    let keeps_name = !combine.drops_name();
                    if !scalar(&binary.left) && (keeps_name || is_nameless(&binary.left)) {
                        let right = self.scalar(&binary.right, grid)?;
                        let mut out = Vec::with_capacity(grid.count);
                        let mut remarks = Remarks::default();
                        self.stream(&binary.left, grid, &mut |name, cells| {
                            if !cells.histograms.is_empty() || operator.is_of_histograms() {
                                let mut column = cells.to_column(Labels::empty());
                                operator.apply(&mut column, &right, true, &mut remarks);
                                return sink(name, column.cells());
                            }
                            out.clear();
                            let pairs = cells.values.iter().zip(&right);
                            out.extend(pairs.map(|(v, s)| map(*v, |v| combine.of_pair(v, *s))));
                            sink(name, Cells::floats(&out))
                        })?;
                        remarks.note(&mut self.notes, expr.span, binary.op);
                        return Ok(());
                    }
                }
                _ => {}
            }
        }
        for (n, column) in self.vector(expr, grid)?.into_iter().enumerate() {
            if n.is_multiple_of(64) {
                self.limits.check()?;
            }
            sink(Name::known(&column.labels), column.cells())?;
        }
        Ok(())
    }

    /// Keeps the columns that [`Evaluator::stream`] gives.
    pub(super) fn collect(&mut self, expr: &Expr, grid: Grid) -> Result<Vec<Column>, EvalError> {
        let mut columns = Vec::new();
        let ledger = Rc::clone(&self.ledger);
        self.stream_own(expr, grid, &mut |name, cells| {
            if cells.any() {
                let labels = name.labels()?;
                ledger.take_cells(&labels, cells)?;
                columns.push(cells.to_column(labels));
            }
            Ok(())
        })?;
        Ok(columns)
    }

    /// The streams of leaves whose columns are kept: selectors and functions of ranges.
    fn stream_own(
        &mut self,
        expr: &Expr,
        grid: Grid,
        sink: &mut Sink<'_>,
    ) -> Result<(), EvalError> {
        match &expr.kind {
            ExprKind::Vector(selector) => self.stream_vector(selector, grid, Wants::Labels, sink),
            ExprKind::Call(call) => match super::window::WindowFn::of(call.function) {
                Some(function) => self.stream_window(function, call, grid, sink),
                None => Err(EvalError::execution("not a function of a range")),
            },
            _ => Err(EvalError::execution("not a stream of its own")),
        }
    }

    /// Moves a grid as a selector says.
    pub(super) fn moved(&self, grid: Grid, at: Option<At>, offset_ms: i64) -> Grid {
        let fixed = |start_ms| Grid { start_ms, step_ms: 0, ..grid };
        let base = match at {
            None => grid,
            Some(At::Time(at_ms)) => fixed(at_ms),
            Some(At::Start) => fixed(self.range.start_ms),
            Some(At::End) => fixed(self.range.end_ms),
        };
        base.back(offset_ms)
    }
}

fn series(column: Column, grid: Grid) -> Series {
    let mut points = Vec::with_capacity(column.values.len());
    points.extend(grid.times().zip(column.values).filter(|(_, v)| !is_absent(*v)));
    points.shrink_to_fit();
    let histograms = grid.times().zip(column.histograms);
    let histograms = histograms.filter_map(|(at, h)| Some((at, h?))).collect();
    Series { labels: column.labels, points, histograms }
}

/// Samples of a column: what a subquery makes of its expression.
pub(super) fn samples_of(column: &Column, grid: Grid) -> Samples {
    let mut samples = Samples::default();
    let count = column.values.iter().filter(|v| !is_absent(**v)).count();
    samples.times.reserve_exact(count);
    samples.values.reserve_exact(count);
    let values = grid.times().zip(column.values.iter().copied());
    values.filter(|(_, v)| !is_absent(*v)).for_each(|(at, value)| samples.push(at, value));
    let histograms = grid.times().zip(&column.histograms);
    samples.histograms = histograms.filter_map(|(at, h)| Some((at, h.clone()?))).collect();
    samples
}
