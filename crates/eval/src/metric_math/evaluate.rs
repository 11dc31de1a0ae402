//! The driver over a whole grid.

use super::array::{Array, Operand, Step};
use super::sorting::{count, sort};
use super::value::Times;
use super::{EvalError, EvalLimits, Grid, Inputs, Series, Value, calendar, fold, point};
use lang::Span;
use lang::metric_math::{Expr, ExprKind, Fill, Function};
use std::borrow::Cow;

/// Computes an expression that [`lang::metric_math::check`] accepted, over a grid.
///
/// Columns of the inputs are borrowed until something is written into them, and an aggregate of an array
/// needs no column for each of its series: `SUM(METRICS())` reads each column once and copies none.
///
/// # Errors
/// When a limit is passed, arrays on both sides of an operator differ in length, an id has no data, or
/// the expression was not checked.
///
/// # Panics
/// When a column of the inputs, or the times that they say, has not the length of the grid.
pub fn evaluate<'a>(
    expr: &Expr,
    inputs: &'a dyn Inputs,
    grid: Grid,
    limits: &EvalLimits,
) -> Result<Value<'a>, EvalError> {
    let uneven = inputs.times_ms();
    assert!(uneven.is_none_or(|times| times.len() == grid.len), "the times are not of the grid");
    let times = Times { grid, uneven };
    let mut evaluation = Evaluation { inputs, times, limits: *limits, points: 0, work: 0 };
    match evaluation.value(expr)? {
        Part::Scalar(scalar) => Ok(Value::Scalar(scalar)),
        Part::Series(series) => Ok(Value::Series(series)),
        Part::Array(array) => Ok(Value::Array(evaluation.done(array, expr.span)?)),
    }
}

/// What a part of an expression is.
pub(super) enum Part<'a> {
    Scalar(f64),
    Series(Series<'a>),
    Array(Array<'a>),
}

pub(super) struct Evaluation<'a> {
    inputs: &'a dyn Inputs,
    times: Times<'a>,
    limits: EvalLimits,
    /// Points of all columns made so far.
    points: usize,
    /// Points computed so far.
    work: u64,
}

impl<'a> Evaluation<'a> {
    /// Walks the tree, whose height the parser bounds.
    fn value(&mut self, expr: &Expr) -> Result<Part<'a>, EvalError> {
        match &expr.kind {
            ExprKind::Number(number) => Ok(Part::Scalar(*number)),
            ExprKind::Id(id) => {
                let unknown = || EvalError::UnknownId { span: expr.span, id: id.clone() };
                match self.inputs.value(id).ok_or_else(unknown)? {
                    Value::Scalar(scalar) => Ok(Part::Scalar(scalar)),
                    Value::Series(series) => Ok(Part::Series(self.measured(series))),
                    Value::Array(all) => self.array_of(all, expr.span),
                }
            }
            ExprKind::Negate(inner) => match self.value(inner)? {
                Part::Scalar(scalar) => Ok(Part::Scalar(point::negate(scalar))),
                part => self.step(part, Step::Negate, expr.span),
            },
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
                let mut array = self.array(array)?;
                let start = count(self.scalar(start)?).min(array.series.len());
                if let Some(end) = end {
                    array.series.truncate(count(self.scalar(end)?).max(start));
                }
                array.series.drain(..start);
                Ok(Part::Array(array))
            }
            ExprKind::Sort { array, by, order, limit } => {
                let array = self.array(array)?;
                self.work(array.series.len(), expr.span)?;
                let mut all = sort(self.done(array, expr.span)?, *by, *order);
                if let Some(limit) = limit {
                    all.truncate(count(self.scalar(limit)?));
                }
                Ok(Part::Array(Array::of(all)))
            }
            ExprKind::Period { id, id_span } => {
                let unknown = || EvalError::UnknownId { span: *id_span, id: id.clone() };
                Ok(Part::Scalar(f64::from(self.inputs.period_s(id).ok_or_else(unknown)?)))
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
    ) -> Result<Part<'a>, EvalError> {
        match function {
            Function::Aggregate(aggregate) => match self.value(argument)? {
                Part::Series(series) => {
                    self.work(1, span)?;
                    Ok(Part::Scalar(fold::over_time(aggregate, &series.values)))
                }
                Part::Array(array) => {
                    self.charge(span)?;
                    self.work(array.series.len() * (array.steps.len() + 1), span)?;
                    let (len, members) = (self.times.grid.len, array.series.len());
                    let visit = |see: &mut dyn FnMut(&[f64])| array.visit(self.times, see);
                    let values = fold::over_columns(aggregate, len, members, visit);
                    Ok(Part::Series(Series::made(values)))
                }
                Part::Scalar(_) => Err(EvalError::Unchecked { span: argument.span }),
            },
            Function::Elementwise(function) => match self.value(argument)? {
                Part::Scalar(scalar) => Ok(Part::Scalar(point::elementwise(function, scalar))),
                part => self.step(part, Step::Elementwise(function), span),
            },
            Function::Running(function) => {
                let part = self.value(argument)?;
                self.step(part, Step::Running(function), span)
            }
            Function::Calendar(part) => {
                self.value(argument)?;
                self.charge(span)?;
                let values = self.times.all().map(|at_ms| calendar::part(part, at_ms));
                Ok(Part::Series(Series::made(values.collect())))
            }
            Function::MetricCount => Ok(Part::Scalar(self.array(argument)?.series.len() as f64)),
            Function::RemoveEmpty => {
                let array = self.array(argument)?;
                let mut all = self.done(array, span)?;
                all.retain(|series| !series.is_empty());
                Ok(Part::Array(Array::of(all)))
            }
            Function::First | Function::Last => {
                let Array { series: mut all, steps } = self.array(argument)?;
                let taken = match function {
                    Function::First if !all.is_empty() => Some(all.swap_remove(0)),
                    _ => all.pop(),
                };
                let Some(taken) = taken else {
                    return Ok(Part::Series(self.constant(f64::NAN, span)?));
                };
                let all = self.done(Array { series: vec![taken], steps }, span)?;
                Ok(Part::Series(all.into_iter().next().expect("one was taken")))
            }
            Function::TimeSeries => {
                let scalar = self.scalar(argument)?;
                Ok(Part::Series(self.constant(scalar, span)?))
            }
        }
    }

    fn list(&mut self, elements: &[Expr], span: Span) -> Result<Part<'a>, EvalError> {
        let mut all = Vec::with_capacity(elements.len());
        for element in elements {
            match self.value(element)? {
                Part::Series(series) => all.push(series),
                Part::Array(more) => {
                    self.check_length(all.len() + more.series.len(), span)?;
                    all.extend(self.done(more, element.span)?);
                }
                Part::Scalar(_) => return Err(EvalError::Unchecked { span: element.span }),
            }
            self.check_length(all.len(), span)?;
        }
        Ok(Part::Array(Array::of(all)))
    }

    fn fill(&mut self, series: &Expr, with: &Fill) -> Result<Part<'a>, EvalError> {
        let step = match with {
            Fill::Repeat => Step::FillRepeat,
            Fill::Linear => Step::FillLinear,
            Fill::With(filler) => Step::Fill(match self.value(filler)? {
                Part::Scalar(scalar) => Operand::Scalar(scalar),
                Part::Series(series) => Operand::Column(series.values),
                Part::Array(_) => return Err(EvalError::Unchecked { span: filler.span }),
            }),
        };
        let part = self.value(series)?;
        self.step(part, step, series.span)
    }

    /// Does something to a series; to those of an array when they are needed.
    pub(super) fn step(
        &mut self,
        part: Part<'a>,
        step: Step<'a>,
        span: Span,
    ) -> Result<Part<'a>, EvalError> {
        match part {
            Part::Scalar(_) => Err(EvalError::Unchecked { span }),
            Part::Series(mut series) => {
                self.work(1, span)?;
                let times = self.times;
                step.apply(times, self.column(&mut series, span)?);
                Ok(Part::Series(series))
            }
            Part::Array(mut array) => {
                array.steps.push(step);
                Ok(Part::Array(array))
            }
        }
    }

    /// Does what is still to be done to the series of an array.
    pub(super) fn done(
        &mut self,
        array: Array<'a>,
        span: Span,
    ) -> Result<Vec<Series<'a>>, EvalError> {
        let Array { mut series, steps } = array;
        self.work(series.len() * steps.len(), span)?;
        if !steps.is_empty() {
            for series in &mut series {
                let times = self.times;
                let column = self.column(series, span)?;
                steps.iter().for_each(|step| step.apply(times, column));
            }
        }
        Ok(series)
    }

    fn scalar(&mut self, expr: &Expr) -> Result<f64, EvalError> {
        match self.value(expr)? {
            Part::Scalar(scalar) => Ok(scalar),
            _ => Err(EvalError::Unchecked { span: expr.span }),
        }
    }

    fn array(&mut self, expr: &Expr) -> Result<Array<'a>, EvalError> {
        match self.value(expr)? {
            Part::Array(array) => Ok(array),
            _ => Err(EvalError::Unchecked { span: expr.span }),
        }
    }

    fn array_of(&self, all: Vec<Series<'a>>, span: Span) -> Result<Part<'a>, EvalError> {
        self.check_length(all.len(), span)?;
        let all = all.into_iter().map(|series| self.measured(series)).collect();
        Ok(Part::Array(Array::of(all)))
    }

    fn measured(&self, series: Series<'a>) -> Series<'a> {
        assert_eq!(
            series.values.len(),
            self.times.grid.len,
            "a column of the inputs is not of the grid"
        );
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
        self.points = self.points.saturating_add(self.times.grid.len);
        let points_max = self.limits.points_max;
        if self.points > points_max {
            return Err(EvalError::Points { span, points_max });
        }
        Ok(())
    }

    /// Counts something that is about to be done to this many columns.
    pub(super) fn work(&mut self, columns: usize, span: Span) -> Result<(), EvalError> {
        let points = (columns as u64).saturating_mul(self.times.grid.len as u64);
        self.work = self.work.saturating_add(points);
        let work_max = self.limits.work_max;
        if self.work > work_max {
            return Err(EvalError::Work { span, work_max });
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
        Ok(Series::made(vec![value; self.times.grid.len]))
    }
}
