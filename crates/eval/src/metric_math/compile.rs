//! An expression as the instructions of a stepper.

use super::point;
use super::running::{RepeatState, RunningState};
use super::sorting::count;
use super::stepper::{Instruction, NotSteppable, Slots, Source, StepInputs};
use lang::Span;
use lang::metric_math::{Expr, ExprKind, Fill, Function, Link};
use std::collections::HashMap;

/// Returns the instructions, and the places of those that make the result.
pub(super) fn compile(
    expr: &Expr,
    inputs: &dyn StepInputs,
    instructions_max: usize,
) -> Result<(Vec<Instruction>, Vec<usize>), NotSteppable> {
    let mut compiler =
        Compiler { inputs, instructions_max, instructions: Vec::new(), loaded: HashMap::new() };
    let outputs = match compiler.shape(expr)? {
        Shape::Scalar(_) => return Err(no(expr.span, "a scalar is no result")),
        Shape::Series(n) => vec![n],
        Shape::Array(all) => all,
    };
    Ok((compiler.instructions, outputs))
}

/// What a part of the expression is. Scalars are known beforehand: those that depend on points are
/// aggregates of series, which cannot be stepped.
enum Shape {
    Scalar(f64),
    /// The place of the instruction that makes its points.
    Series(usize),
    Array(Vec<usize>),
}

struct Compiler<'c> {
    inputs: &'c dyn StepInputs,
    instructions_max: usize,
    instructions: Vec<Instruction>,
    /// The instruction that reads a slot, so that each is read once.
    loaded: HashMap<usize, usize>,
}

fn no(span: Span, reason: impl Into<String>) -> NotSteppable {
    NotSteppable { span, reason: reason.into() }
}

fn unchecked(span: Span) -> NotSteppable {
    no(span, "a part of the expression has a type that was not expected here")
}

impl Compiler<'_> {
    fn shape(&mut self, expr: &Expr) -> Result<Shape, NotSteppable> {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Number(number) => Ok(Shape::Scalar(*number)),
            ExprKind::Id(id) => match self.inputs.slots(id) {
                Some(Slots::Series(slot)) => Ok(Shape::Series(self.load(slot, span)?)),
                Some(Slots::Array(slots)) => self.load_all(slots, span),
                None => Err(no(span, format!("no data for the id {id}"))),
            },
            ExprKind::Negate(inner) => self.each(inner, point::negate, Instruction::Negate),
            ExprKind::Chain { first, rest } => {
                let mut left = self.shape(first)?;
                for link in rest {
                    let right = self.shape(&link.right)?;
                    left = self.combine(link, left, right)?;
                }
                Ok(left)
            }
            ExprKind::List(elements) => {
                let mut all = Vec::new();
                for element in elements {
                    match self.shape(element)? {
                        Shape::Series(n) => all.push(n),
                        Shape::Array(more) => all.extend(more),
                        Shape::Scalar(_) => return Err(unchecked(element.span)),
                    }
                    self.check_size(all.len(), span)?;
                }
                Ok(Shape::Array(all))
            }
            ExprKind::Call(function, argument) => self.call(*function, argument, span),
            ExprKind::If { condition, then, otherwise } => {
                let (condition, then) = (self.shape(condition)?, self.shape(then)?);
                let otherwise = otherwise.as_ref().map(|e| self.shape(e)).transpose()?;
                self.choose(span, &condition, then, otherwise)
            }
            ExprKind::Fill { series, with } => self.fill(series, with),
            ExprKind::Slice { array, start, end } => {
                let mut all = self.array(array)?;
                let start = count(self.scalar(start)?).min(all.len());
                if let Some(end) = end {
                    all.truncate(count(self.scalar(end)?).max(start));
                }
                all.drain(..start);
                Ok(Shape::Array(all))
            }
            ExprKind::Sort { .. } => {
                Err(no(span, "SORT compares all points of each series, so it cannot be stepped"))
            }
            ExprKind::Period { id, id_span } => match self.inputs.period_s(id) {
                Some(period_s) => Ok(Shape::Scalar(f64::from(period_s))),
                None => Err(no(*id_span, format!("no data for the id {id}"))),
            },
            ExprKind::Metrics(containing) => {
                self.load_all(self.inputs.metrics(containing.as_deref()), span)
            }
            ExprKind::Search(_) => Err(no(
                span,
                "SEARCH finds series that are not known beforehand, so it cannot be stepped",
            )),
        }
    }

    fn call(
        &mut self,
        function: Function,
        argument: &Expr,
        span: Span,
    ) -> Result<Shape, NotSteppable> {
        match function {
            Function::Aggregate(aggregate) => match self.shape(argument)? {
                Shape::Array(all) => {
                    Ok(Shape::Series(self.emit(Instruction::Fold(aggregate, all), span)?))
                }
                _ => Err(no(
                    span,
                    format!(
                        "{} of a time series needs all of its points, so it cannot be stepped",
                        aggregate.name()
                    ),
                )),
            },
            Function::Elementwise(f) => {
                let scalar = |value| point::elementwise(f, value);
                self.each(argument, scalar, |a| Instruction::Elementwise(f, a))
            }
            Function::Running(running) => self.each(
                argument,
                |value| value,
                |a| Instruction::Running(RunningState::new(running), a),
            ),
            Function::Calendar(part) => {
                self.shape(argument)?;
                Ok(Shape::Series(self.emit(Instruction::Calendar(part), span)?))
            }
            Function::MetricCount => Ok(Shape::Scalar(self.array(argument)?.len() as f64)),
            Function::RemoveEmpty => Err(no(
                span,
                "REMOVE_EMPTY looks at all points of each series, so it cannot be stepped",
            )),
            Function::First | Function::Last => {
                let all = self.array(argument)?;
                let taken = if function == Function::First { all.first() } else { all.last() };
                match taken {
                    Some(n) => Ok(Shape::Series(*n)),
                    None => self.constant(f64::NAN, span),
                }
            }
            Function::TimeSeries => {
                let scalar = self.scalar(argument)?;
                self.constant(scalar, span)
            }
        }
    }

    fn fill(&mut self, series: &Expr, with: &Fill) -> Result<Shape, NotSteppable> {
        let keep = |value: f64| value;
        match with {
            Fill::Repeat => self.each(series, keep, |a| Instruction::Repeat(RepeatState::new(), a)),
            Fill::Linear => Err(no(
                series.span,
                "FILL with LINEAR needs the point behind a gap, so it cannot be stepped",
            )),
            Fill::With(filler) => match self.shape(filler)? {
                Shape::Scalar(value) => {
                    self.each(series, keep, |a| Instruction::FillScalar(a, value))
                }
                Shape::Series(b) => self.each(series, keep, |a| Instruction::FillPoint(a, b)),
                Shape::Array(_) => Err(unchecked(filler.span)),
            },
        }
    }

    fn choose(
        &mut self,
        span: Span,
        condition: &Shape,
        then: Shape,
        otherwise: Option<Shape>,
    ) -> Result<Shape, NotSteppable> {
        let condition = match condition {
            Shape::Series(n) => *n,
            Shape::Array(_) => return Err(unchecked(span)),
            Shape::Scalar(condition) => {
                let scalar =
                    matches!(then, Shape::Scalar(_)) && matches!(otherwise, Some(Shape::Scalar(_)));
                let chosen = match *condition {
                    c if c.is_nan() => None,
                    0.0 => otherwise,
                    _ => Some(then),
                };
                return match chosen.unwrap_or(Shape::Scalar(f64::NAN)) {
                    Shape::Scalar(value) if !scalar => self.constant(value, span),
                    chosen => Ok(chosen),
                };
            }
        };
        let source = |shape: Option<Shape>| match shape {
            None => Ok(Source::Omitted),
            Some(Shape::Scalar(value)) => Ok(Source::Scalar(value)),
            Some(Shape::Series(n)) => Ok(Source::Point(n)),
            Some(Shape::Array(_)) => Err(unchecked(span)),
        };
        let (then, otherwise) = (source(Some(then))?, source(otherwise)?);
        let instruction = Instruction::Choose { condition, then, otherwise };
        Ok(Shape::Series(self.emit(instruction, span)?))
    }

    fn combine(&mut self, link: &Link, left: Shape, right: Shape) -> Result<Shape, NotSteppable> {
        let (op, span) = (link.op, link.op_span);
        let point_scalar = |a, b| Instruction::PointScalar(op, a, b);
        let scalar_point = |a, b| Instruction::ScalarPoint(op, a, b);
        let points = |a, b| Instruction::PointPoint(op, a, b);
        match (left, right) {
            (Shape::Scalar(a), Shape::Scalar(b)) => Ok(Shape::Scalar(point::scalar(op, a, b))),
            (Shape::Series(a), Shape::Scalar(b)) => self.one(point_scalar(a, b), span),
            (Shape::Scalar(a), Shape::Series(b)) => self.one(scalar_point(a, b), span),
            (Shape::Series(a), Shape::Series(b)) => self.one(points(a, b), span),
            (Shape::Array(all), Shape::Scalar(b)) => {
                self.emit_all(all.into_iter().map(|a| point_scalar(a, b)), span)
            }
            (Shape::Scalar(a), Shape::Array(all)) => {
                self.emit_all(all.into_iter().map(|b| scalar_point(a, b)), span)
            }
            (Shape::Array(all), Shape::Series(b)) => {
                self.emit_all(all.into_iter().map(|a| points(a, b)), span)
            }
            (Shape::Series(a), Shape::Array(all)) => {
                self.emit_all(all.into_iter().map(|b| points(a, b)), span)
            }
            (Shape::Array(left), Shape::Array(right)) if left.len() == right.len() => {
                self.emit_all(left.into_iter().zip(right).map(|(a, b)| points(a, b)), span)
            }
            (Shape::Array(left), Shape::Array(right)) => Err(no(
                span,
                format!(
                    "operator {} between arrays of {} and {} series, expected the same number",
                    op.symbol(),
                    left.len(),
                    right.len()
                ),
            )),
        }
    }

    /// One instruction for a series, or for each of an array; a scalar is computed at once.
    fn each(
        &mut self,
        expr: &Expr,
        scalar: impl Fn(f64) -> f64,
        instruction: impl Fn(usize) -> Instruction,
    ) -> Result<Shape, NotSteppable> {
        match self.shape(expr)? {
            Shape::Scalar(value) => Ok(Shape::Scalar(scalar(value))),
            Shape::Series(a) => self.one(instruction(a), expr.span),
            Shape::Array(all) => self.emit_all(all.into_iter().map(instruction), expr.span),
        }
    }

    fn scalar(&mut self, expr: &Expr) -> Result<f64, NotSteppable> {
        match self.shape(expr)? {
            Shape::Scalar(scalar) => Ok(scalar),
            _ => Err(unchecked(expr.span)),
        }
    }

    fn array(&mut self, expr: &Expr) -> Result<Vec<usize>, NotSteppable> {
        match self.shape(expr)? {
            Shape::Array(all) => Ok(all),
            _ => Err(unchecked(expr.span)),
        }
    }

    fn load(&mut self, slot: usize, span: Span) -> Result<usize, NotSteppable> {
        if let Some(place) = self.loaded.get(&slot) {
            return Ok(*place);
        }
        let place = self.emit(Instruction::Input(slot), span)?;
        self.loaded.insert(slot, place);
        Ok(place)
    }

    fn load_all(&mut self, slots: Vec<usize>, span: Span) -> Result<Shape, NotSteppable> {
        let all: Result<_, _> = slots.into_iter().map(|slot| self.load(slot, span)).collect();
        Ok(Shape::Array(all?))
    }

    fn constant(&mut self, value: f64, span: Span) -> Result<Shape, NotSteppable> {
        self.one(Instruction::Constant(value), span)
    }

    fn one(&mut self, instruction: Instruction, span: Span) -> Result<Shape, NotSteppable> {
        Ok(Shape::Series(self.emit(instruction, span)?))
    }

    fn emit_all(
        &mut self,
        instructions: impl Iterator<Item = Instruction>,
        span: Span,
    ) -> Result<Shape, NotSteppable> {
        let all: Result<_, _> = instructions.map(|i| self.emit(i, span)).collect();
        Ok(Shape::Array(all?))
    }

    fn emit(&mut self, instruction: Instruction, span: Span) -> Result<usize, NotSteppable> {
        self.check_size(self.instructions.len() + 1, span)?;
        self.instructions.push(instruction);
        Ok(self.instructions.len() - 1)
    }

    fn check_size(&self, size: usize, span: Span) -> Result<(), NotSteppable> {
        let max = self.instructions_max;
        if size > max {
            return Err(no(span, format!("expression takes more than {max} steps, the limit")));
        }
        Ok(())
    }
}
