//! `absent` and `absent_over_time`: a value where no series has one.

use super::evaluate::Evaluator;
use super::window::for_each_window;
use super::{ABSENT, Column, EvalError, Grid, Labels, LabelsBuilder, NAME, Samples};
use lang::promql::{Expr, ExprKind, MatchOp, Matcher};

impl Evaluator<'_> {
    /// One column: 1 at the steps at which the vector or range has no sample.
    pub(super) fn absent(&mut self, arg: &Expr, grid: Grid) -> Result<Column, EvalError> {
        let mut values = vec![1.0; grid.count];
        let arg = arg.inner();
        match &arg.kind {
            ExprKind::Matrix(matrix) => {
                let ends = self.moved(grid, matrix.vector.at, matrix.vector.offset_ms);
                let set = self.select_range(matrix, ends)?;
                self.each(&*set, |_, samples| {
                    samples.drop_stale();
                    mark(samples, ends, matrix.range_ms, &mut values);
                    Ok(())
                })?;
            }
            ExprKind::Subquery(subquery) => {
                let ends = self.moved(grid, subquery.at, subquery.offset_ms);
                let inner = self.subquery_grid(subquery, ends)?;
                for column in self.vector(&subquery.expr, inner)? {
                    self.ledger.visit(inner.count)?;
                    let samples = super::evaluate::samples_of(&column, inner);
                    mark(&samples, ends, subquery.range_ms, &mut values);
                }
            }
            _ => self.stream(arg, grid, &mut |_, found| {
                for (step, value) in values.iter_mut().enumerate() {
                    if found.is_there(step) {
                        *value = ABSENT;
                    }
                }
                Ok(())
            })?,
        }
        Ok(Column::new(labels_of(arg), values))
    }
}

/// Removes the mark of each step whose window has a sample.
fn mark(samples: &Samples, ends: Grid, range_ms: i64, values: &mut [f64]) {
    let natives: Vec<i64> = samples.histograms.iter().map(|(at, _)| *at).collect();
    for times in [&samples.times, &natives] {
        for_each_window(times, ends, range_ms, |step, inside| {
            if !inside.is_empty() {
                values[step] = ABSENT;
            }
        });
    }
}

/// The labels that a missing series would have had for sure: those that a selector pins, once.
fn labels_of(expr: &Expr) -> Labels {
    let matchers: &[Matcher] = match &expr.kind {
        ExprKind::Vector(selector) => &selector.matchers,
        ExprKind::Matrix(matrix) => &matrix.vector.matchers,
        _ => return Labels::empty(),
    };
    let mut labels = LabelsBuilder::default();
    for matcher in matchers.iter().filter(|m| m.name != NAME && m.op == MatchOp::Eq) {
        if matchers.iter().filter(|other| other.name == matcher.name).count() == 1 {
            labels.set(&matcher.name, &matcher.value);
        }
    }
    labels.build()
}
