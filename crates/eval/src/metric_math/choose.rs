//! `IF`.

use super::evaluate::{Evaluation, Part};
use super::{EvalError, Series};
use lang::Span;

/// What a branch of `IF` is at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Branch {
    /// The value of a scalar; NaN for none.
    Scalar(f64),
    /// The value of a series; NaN for none.
    Point(f64),
    /// There is no such branch.
    Omitted,
}

/// `IF` at one time whose condition is a point of a series: where that is missing there is none.
///
/// Source: user guide, "Using IF expressions": a true condition over a missing point of `then` gives
/// 0; a false one over a missing or omitted `otherwise` gives none.
pub(super) fn choose(condition: f64, then: Branch, otherwise: Branch) -> f64 {
    if condition.is_nan() {
        return f64::NAN;
    }
    match if condition == 0.0 { otherwise } else { then } {
        Branch::Point(value) if value.is_nan() && condition != 0.0 => 0.0,
        Branch::Point(value) | Branch::Scalar(value) => value,
        Branch::Omitted => f64::NAN,
    }
}

/// A branch over the whole grid.
fn branch_at<'v>(branch: Option<&'v Part<'_>>, span: Span) -> Result<BranchColumn<'v>, EvalError> {
    Ok(match branch {
        None => BranchColumn::Omitted,
        Some(Part::Scalar(scalar)) => BranchColumn::Scalar(*scalar),
        Some(Part::Series(series)) => BranchColumn::Series(&series.values),
        Some(Part::Array(_)) => return Err(EvalError::Unchecked { span }),
    })
}

enum BranchColumn<'v> {
    Scalar(f64),
    Series(&'v [f64]),
    Omitted,
}

impl BranchColumn<'_> {
    fn at(&self, n: usize) -> Branch {
        match self {
            Self::Scalar(scalar) => Branch::Scalar(*scalar),
            Self::Series(values) => Branch::Point(values[n]),
            Self::Omitted => Branch::Omitted,
        }
    }
}

impl<'a> Evaluation<'a> {
    /// `IF` over the whole grid.
    ///
    /// A scalar condition takes one branch as a whole, its gaps too. A scalar branch then stands at
    /// each time, if the other branch is a series or omitted.
    pub(super) fn choose(
        &mut self,
        span: Span,
        condition: Part<'a>,
        then: Part<'a>,
        otherwise: Option<Part<'a>>,
    ) -> Result<Part<'a>, EvalError> {
        match condition {
            Part::Scalar(condition) => {
                let scalar =
                    matches!(then, Part::Scalar(_)) && matches!(otherwise, Some(Part::Scalar(_)));
                let chosen = match condition {
                    c if c.is_nan() => None,
                    0.0 => otherwise,
                    _ => Some(then),
                };
                match chosen {
                    Some(Part::Scalar(value)) if scalar => Ok(Part::Scalar(value)),
                    Some(Part::Scalar(value)) => Ok(Part::Series(self.constant(value, span)?)),
                    Some(chosen) => Ok(chosen),
                    None if scalar => Ok(Part::Scalar(f64::NAN)),
                    None => Ok(Part::Series(self.constant(f64::NAN, span)?)),
                }
            }
            Part::Series(mut condition) => {
                self.work(1, span)?;
                let then = branch_at(Some(&then), span)?;
                let otherwise = branch_at(otherwise.as_ref(), span)?;
                let column = self.column(&mut condition, span)?;
                for (n, value) in column.iter_mut().enumerate() {
                    *value = choose(*value, then.at(n), otherwise.at(n));
                }
                Ok(Part::Series(Series { origin: None, values: condition.values }))
            }
            Part::Array(_) => Err(EvalError::Unchecked { span }),
        }
    }
}
