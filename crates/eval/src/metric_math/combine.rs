//! Operators between scalars, series and arrays.

use super::array::{Array, Operand, Step};
use super::evaluate::{Evaluation, Part};
use super::{EvalError, Series, point};
use lang::metric_math::Link;
use std::borrow::Cow;

impl<'a> Evaluation<'a> {
    /// `left op right`. An array meets a scalar or a series element by element, and another array of
    /// the same length pair by pair.
    pub(super) fn combine(
        &mut self,
        link: &Link,
        left: Part<'a>,
        right: Part<'a>,
    ) -> Result<Part<'a>, EvalError> {
        let (op, span) = (link.op, link.op_span);
        match (left, right) {
            (Part::Scalar(a), Part::Scalar(b)) => Ok(Part::Scalar(point::scalar(op, a, b))),
            (Part::Series(a), Part::Series(b)) => {
                let mut result = self.pair(link, a, b)?;
                result.origin = None;
                Ok(Part::Series(result))
            }
            (Part::Array(left), Part::Array(right)) => self.pairs(link, left, right),
            (left, Part::Scalar(b)) => self.step(left, Step::OnLeft(op, Operand::Scalar(b)), span),
            (Part::Scalar(a), right) => {
                self.step(right, Step::OnRight(Operand::Scalar(a), op), span)
            }
            (left, Part::Series(b)) => {
                self.step(left, Step::OnLeft(op, Operand::Column(b.values)), span)
            }
            (Part::Series(a), right) => {
                self.step(right, Step::OnRight(Operand::Column(a.values), op), span)
            }
        }
    }

    /// Two series, in whichever column is ours already. The result has the left one's origin.
    fn pair(
        &mut self,
        link: &Link,
        mut a: Series<'a>,
        mut b: Series<'a>,
    ) -> Result<Series<'a>, EvalError> {
        self.work(1, link.op_span)?;
        if let (Cow::Borrowed(_), Cow::Owned(column)) = (&a.values, &mut b.values) {
            point::column_into_right(link.op, &a.values, column);
            b.origin = a.origin;
            return Ok(b);
        }
        point::column_column(link.op, self.column(&mut a, link.op_span)?, &b.values);
        Ok(a)
    }

    fn pairs(
        &mut self,
        link: &Link,
        left: Array<'a>,
        right: Array<'a>,
    ) -> Result<Part<'a>, EvalError> {
        if left.series.len() != right.series.len() {
            return Err(EvalError::Lengths {
                span: link.op_span,
                op: link.op.symbol(),
                left: left.series.len(),
                right: right.series.len(),
            });
        }
        let left = self.done(left, link.op_span)?;
        let right = self.done(right, link.op_span)?;
        let pairs = left.into_iter().zip(right);
        let all: Result<_, _> = pairs.map(|(a, b)| self.pair(link, a, b)).collect();
        Ok(Part::Array(Array::of(all?)))
    }
}
