//! The driver over a whole grid.

use super::running::{RepeatState, RunningState, fill_linear};
use super::sorting::{count, sort};
use super::{EvalError, EvalLimits, Grid, Inputs, Series, Value, calendar, fold, point};
use lang::Span;
use lang::metric_math::{Expr, ExprKind, Fill, Function};
use std::borrow::Cow;

/// Computes an expression that [`lang::metric_math::check`] accepted, over a grid.
///
/// Columns of the inputs are borrowed until something is written into them, so `SUM(METRICS())` reads
/// each column once and copies none.
///
/// # Errors
/// When a limit is passed, arrays on both sides of an operator differ in length, an id has no data, or
/// the expression was not checked.
///
/// # Panics
/// When a column of the inputs has not the length of the grid.
pub fn evaluate<'a>(
    expr: &Expr,
    inputs: &'a dyn Inputs,
    grid: Grid,
    limits: &EvalLimits,
) -> Result<Value<'a>, EvalError> {
    let mut evaluation = Evaluation { inputs, grid, limits: *limits, points: 0 };
    evaluation.value(expr)
}

pub(super) struct Evaluation<'a> {
    inputs: &'a dyn Inputs,
    grid: Grid,
    limits: EvalLimits,
    /// Points of all columns made so far.
    points: usize,
}

impl<'a> Evaluation<'a> {
    /// Walks the tree, whose height the parser bounds.
    fn value(&mut self, expr: &Expr) -> Result<Value<'a>, EvalError> {
        match &expr.kind {
            ExprKind::Number(number) => Ok(Value::Scalar(*number)),
            ExprKind::Id(id) => {
                let unknown = || EvalError::UnknownId { span: expr.span, id: id.clone() };
                match self.inputs.value(id).ok_or_else(unknown)? {
                    Value::Scalar(scalar) => Ok(Value::Scalar(scalar)),
                    Value::Series(series) => Ok(Value::Series(self.measured(series))),
                    Value::Array(all) => self.array_of(all, expr.span),
                }
            }
            ExprKind::Negate(inner) => self.map(inner, point::negate),
            ExprKind::Chain { first, rest } => {
                let mut left = self.value(first)?;
                for link in rest {
                    let right = self.value(&link.right)?;
                    left = self.combine(link, left, right)?;
                }
                Ok(left)
            }
            ExprKind::List(elements) => self.list(elements, expr.span),
            ExprKind::Call(function, argument) => self.call(*function, argument, expr.span),
            ExprKind::If { condition, then, otherwise } => {
                let (condition, then) = (self.value(condition)?, self.value(then)?);
                let otherwise = otherwise.as_ref().map(|e| self.value(e)).transpose()?;
                self.choose(expr.span, condition, then, otherwise)
            }
            ExprKind::Fill { series, with } => self.fill(series, with),
            ExprKind::Slice { array, start, end } => {
                let mut all = self.array(array)?;
                let start = count(self.scalar(start)?).min(all.len());
                if let Some(end) = end {
                    all.truncate(count(self.scalar(end)?).max(start));
                }
                all.drain(..start);
                Ok(Value::Array(all))
            }
            ExprKind::Sort { array, by, order, limit } => {
                let mut all = sort(self.array(array)?, *by, *order);
                if let Some(limit) = limit {
                    all.truncate(count(self.scalar(limit)?));
                }
                Ok(Value::Array(all))
            }
            ExprKind::Period { id, id_span } => {
                let unknown = || EvalError::UnknownId { span: *id_span, id: id.clone() };
                Ok(Value::Scalar(f64::from(self.inputs.period_s(id).ok_or_else(unknown)?)))
            }
            ExprKind::Metrics(containing) => {
                self.array_of(self.inputs.metrics(containing.as_deref()), expr.span)
            }
            ExprKind::Search(search) => self.array_of(self.inputs.search(search), expr.span),
        }
    }

    fn call(
        &mut self,
        function: Function,
        argument: &Expr,
        span: Span,
    ) -> Result<Value<'a>, EvalError> {
        match function {
            Function::Aggregate(aggregate) => match self.value(argument)? {
                Value::Series(series) => {
                    Ok(Value::Scalar(fold::over_time(aggregate, &series.values)))
                }
                Value::Array(all) => {
                    self.charge(span)?;
                    let columns = all.iter().map(|series| &series.values[..]);
                    let values = fold::over_columns(aggregate, self.grid.len, columns);
                    Ok(Value::Series(Series::made(values)))
                }
                Value::Scalar(_) => Err(EvalError::Unchecked { span: argument.span }),
            },
            Function::Elementwise(f) => self.map(argument, |value| point::elementwise(f, value)),
            Function::Running(running) => {
                let times = self.grid;
                self.change(argument, |column| {
                    let mut state = RunningState::new(running);
                    for (at_ms, value) in times.times_ms().zip(column) {
                        *value = state.step(at_ms, *value);
                    }
                })
            }
            Function::Calendar(part) => {
                self.value(argument)?;
                self.charge(span)?;
                let values = self.grid.times_ms().map(|at_ms| calendar::part(part, at_ms));
                Ok(Value::Series(Series::made(values.collect())))
            }
            Function::MetricCount => Ok(Value::Scalar(self.array(argument)?.len() as f64)),
            Function::RemoveEmpty => {
                let mut all = self.array(argument)?;
                all.retain(|series| !series.is_empty());
                Ok(Value::Array(all))
            }
            Function::First | Function::Last => {
                let mut all = self.array(argument)?;
                let taken = match function {
                    Function::First if !all.is_empty() => Some(all.swap_remove(0)),
                    _ => all.pop(),
                };
                match taken {
                    Some(series) => Ok(Value::Series(series)),
                    None => Ok(Value::Series(self.constant(f64::NAN, span)?)),
                }
            }
            Function::TimeSeries => {
                let scalar = self.scalar(argument)?;
                Ok(Value::Series(self.constant(scalar, span)?))
            }
        }
    }

    fn list(&mut self, elements: &[Expr], span: Span) -> Result<Value<'a>, EvalError> {
        let mut all = Vec::with_capacity(elements.len());
        for element in elements {
            match self.value(element)? {
                Value::Series(series) => all.push(series),
                Value::Array(more) => all.extend(more),
                Value::Scalar(_) => return Err(EvalError::Unchecked { span: element.span }),
            }
            self.check_length(all.len(), span)?;
        }
        Ok(Value::Array(all))
    }

    fn fill(&mut self, series: &Expr, with: &Fill) -> Result<Value<'a>, EvalError> {
        match with {
            Fill::Repeat => self.change(series, |column| {
                let mut state = RepeatState::new();
                column.iter_mut().for_each(|value| *value = state.step(*value));
            }),
            Fill::Linear => self.change(series, fill_linear),
            Fill::With(filler) => match self.value(filler)? {
                Value::Scalar(filler) => self.map(series, |value| point::fill(value, filler)),
                Value::Series(filler) => self.change(series, |column| {
                    for (value, filler) in column.iter_mut().zip(&*filler.values) {
                        *value = point::fill(*value, *filler);
                    }
                }),
                Value::Array(_) => Err(EvalError::Unchecked { span: filler.span }),
            },
        }
    }

    /// A function of each value by itself.
    fn map(&mut self, expr: &Expr, f: impl Fn(f64) -> f64) -> Result<Value<'a>, EvalError> {
        match self.value(expr)? {
            Value::Scalar(scalar) => Ok(Value::Scalar(f(scalar))),
            value => self.change_value(value, expr.span, |column| {
                column.iter_mut().for_each(|value| *value = f(*value));
            }),
        }
    }

    /// A function of whole columns.
    fn change(&mut self, expr: &Expr, f: impl Fn(&mut [f64])) -> Result<Value<'a>, EvalError> {
        let value = self.value(expr)?;
        self.change_value(value, expr.span, f)
    }

    fn change_value(
        &mut self,
        value: Value<'a>,
        span: Span,
        f: impl Fn(&mut [f64]),
    ) -> Result<Value<'a>, EvalError> {
        let change = |this: &mut Self, mut series: Series<'a>| {
            f(this.column(&mut series, span)?);
            Ok(series)
        };
        match value {
            Value::Scalar(_) => Err(EvalError::Unchecked { span }),
            Value::Series(series) => Ok(Value::Series(change(self, series)?)),
            Value::Array(all) => self.each(all, change),
        }
    }

    fn scalar(&mut self, expr: &Expr) -> Result<f64, EvalError> {
        match self.value(expr)? {
            Value::Scalar(scalar) => Ok(scalar),
            _ => Err(EvalError::Unchecked { span: expr.span }),
        }
    }

    fn array(&mut self, expr: &Expr) -> Result<Vec<Series<'a>>, EvalError> {
        match self.value(expr)? {
            Value::Array(all) => Ok(all),
            _ => Err(EvalError::Unchecked { span: expr.span }),
        }
    }

    fn array_of(&self, all: Vec<Series<'a>>, span: Span) -> Result<Value<'a>, EvalError> {
        self.check_length(all.len(), span)?;
        Ok(Value::Array(all.into_iter().map(|series| self.measured(series)).collect()))
    }

    fn measured(&self, series: Series<'a>) -> Series<'a> {
        assert_eq!(series.values.len(), self.grid.len, "a column of the inputs is not of the grid");
        series
    }

    fn check_length(&self, series: usize, span: Span) -> Result<(), EvalError> {
        let series_max = self.limits.series_max;
        if series > series_max {
            return Err(EvalError::Series { span, series, series_max });
        }
        Ok(())
    }

    /// Counts a column that is about to be made.
    fn charge(&mut self, span: Span) -> Result<(), EvalError> {
        self.points = self.points.saturating_add(self.grid.len);
        let points_max = self.limits.points_max;
        if self.points > points_max {
            return Err(EvalError::Points { span, points_max });
        }
        Ok(())
    }

    /// Returns the column of a series to write into; a borrowed one is copied first.
    pub(super) fn column<'s>(
        &mut self,
        series: &'s mut Series<'a>,
        span: Span,
    ) -> Result<&'s mut [f64], EvalError> {
        if let Cow::Borrowed(_) = series.values {
            self.charge(span)?;
        }
        Ok(series.values.to_mut())
    }

    /// Makes a series with one value at each time.
    pub(super) fn constant(&mut self, value: f64, span: Span) -> Result<Series<'a>, EvalError> {
        self.charge(span)?;
        Ok(Series::made(vec![value; self.grid.len]))
    }
}
