//! Operators between scalars, series and arrays.

use super::evaluate::Evaluation;
use super::{EvalError, Series, Value, point};
use lang::metric_math::Link;
use std::borrow::Cow;

impl<'a> Evaluation<'a> {
    /// `left op right`. An array meets a scalar or a series element by element, and another array of
    /// the same length pair by pair.
    pub(super) fn combine(
        &mut self,
        link: &Link,
        left: Value<'a>,
        right: Value<'a>,
    ) -> Result<Value<'a>, EvalError> {
        Ok(match (left, right) {
            (Value::Scalar(a), Value::Scalar(b)) => Value::Scalar(point::scalar(link.op, a, b)),
            (Value::Series(a), Value::Scalar(b)) => Value::Series(self.series_scalar(link, a, b)?),
            (Value::Scalar(a), Value::Series(b)) => Value::Series(self.scalar_series(link, a, b)?),
            (Value::Series(a), Value::Series(b)) => {
                let mut result = self.series_series(link, a, b)?;
                result.origin = None;
                Value::Series(result)
            }
            (Value::Array(all), Value::Scalar(b)) => {
                self.each(all, |this, a| this.series_scalar(link, a, b))?
            }
            (Value::Scalar(a), Value::Array(all)) => {
                self.each(all, |this, b| this.scalar_series(link, a, b))?
            }
            (Value::Array(all), Value::Series(b)) => self.each(all, |this, a| {
                let right = Series { origin: None, values: Cow::Borrowed(&b.values[..]) };
                this.series_borrowed(link, a, &right)
            })?,
            (Value::Series(a), Value::Array(all)) => self.each(all, |this, mut b| {
                let column = this.column(&mut b, link.op_span)?;
                point::column_into_right(link.op, &a.values, column);
                Ok(b)
            })?,
            (Value::Array(left), Value::Array(right)) => {
                if left.len() != right.len() {
                    return Err(EvalError::Lengths {
                        span: link.op_span,
                        op: link.op.symbol(),
                        left: left.len(),
                        right: right.len(),
                    });
                }
                let pairs = left.into_iter().zip(right);
                let all: Result<_, _> =
                    pairs.map(|(a, b)| self.series_series(link, a, b)).collect();
                Value::Array(all?)
            }
        })
    }

    /// Changes each series of an array.
    pub(super) fn each(
        &mut self,
        mut all: Vec<Series<'a>>,
        change: impl Fn(&mut Self, Series<'a>) -> Result<Series<'a>, EvalError>,
    ) -> Result<Value<'a>, EvalError> {
        for series in &mut all {
            let empty = Series { origin: None, values: Cow::Borrowed(&[]) };
            *series = change(self, std::mem::replace(series, empty))?;
        }
        Ok(Value::Array(all))
    }

    fn series_scalar(
        &mut self,
        link: &Link,
        mut a: Series<'a>,
        b: f64,
    ) -> Result<Series<'a>, EvalError> {
        point::column_scalar(link.op, self.column(&mut a, link.op_span)?, b);
        Ok(a)
    }

    fn scalar_series(
        &mut self,
        link: &Link,
        a: f64,
        mut b: Series<'a>,
    ) -> Result<Series<'a>, EvalError> {
        point::scalar_column(link.op, a, self.column(&mut b, link.op_span)?);
        Ok(b)
    }

    fn series_borrowed(
        &mut self,
        link: &Link,
        mut a: Series<'a>,
        b: &Series<'_>,
    ) -> Result<Series<'a>, EvalError> {
        point::column_column(link.op, self.column(&mut a, link.op_span)?, &b.values);
        Ok(a)
    }

    /// Two series, in whichever column is ours already. The result has the left one's origin.
    fn series_series(
        &mut self,
        link: &Link,
        a: Series<'a>,
        mut b: Series<'a>,
    ) -> Result<Series<'a>, EvalError> {
        if let (Cow::Borrowed(_), Cow::Owned(column)) = (&a.values, &mut b.values) {
            point::column_into_right(link.op, &a.values, column);
            b.origin = a.origin;
            return Ok(b);
        }
        self.series_borrowed(link, a, &b)
    }
}
