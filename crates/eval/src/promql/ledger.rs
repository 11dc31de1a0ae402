//! What an evaluation may use: memory, steps of subqueries, time. Whatever makes a column, a running
//! value or a label asks here first.

use super::{Cells, Column, EvalError, Labels, Limits, Native};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How much is looked at, in values, between two looks at the time.
pub(super) const VISITS_BETWEEN_CHECKS: u64 = 1 << 20;

/// Steps of all subqueries of an expression: more than a year of seconds.
const SUBQUERY_STEPS_MAX: u64 = 50_000_000;

/// The account of one evaluation. What was taken is given back when it ends, however it ends.
pub(super) struct Ledger<'l> {
    limits: &'l dyn Limits,
    /// Bytes taken of the limits.
    held: AtomicU64,
    /// Of these, for values that are used again; they stay to the end.
    kept: AtomicU64,
    visits: AtomicU64,
    subquery_steps: AtomicU64,
}

impl Drop for Ledger<'_> {
    fn drop(&mut self) {
        self.limits.give_back(self.held.load(Relaxed));
    }
}

impl<'l> Ledger<'l> {
    pub(super) fn new(limits: &'l dyn Limits) -> Self {
        let [held, kept, visits, subquery_steps] = Default::default();
        Self { limits, held, kept, visits, subquery_steps }
    }

    /// Takes memory until the node that is evaluated has its value.
    pub(super) fn take(&self, bytes: usize) -> Result<(), EvalError> {
        self.visit(bytes / size_of::<f64>())?;
        self.limits.take(bytes as u64)?;
        self.held.fetch_add(bytes as u64, Relaxed);
        Ok(())
    }

    /// Takes what columns of so many steps need.
    pub(super) fn take_columns(&self, columns: usize, steps: usize) -> Result<(), EvalError> {
        let column = steps.saturating_mul(size_of::<f64>()).saturating_add(size_of::<Column>());
        self.take(columns.saturating_mul(column))
    }

    /// Takes what a copy of a column needs.
    pub(super) fn take_cells(&self, labels: &Labels, cells: Cells<'_>) -> Result<(), EvalError> {
        self.take(size_of::<Column>() + labels.bytes() + cells.bytes())
    }

    /// Takes what histograms need; returns how much that is.
    pub(super) fn take_histograms(
        &self,
        histograms: &[Option<Native>],
    ) -> Result<usize, EvalError> {
        let bytes = Cells { values: &[], histograms }.bytes();
        self.take(bytes)?;
        Ok(bytes)
    }

    /// Gives back what was taken before the node has its value.
    pub(super) fn give(&self, bytes: usize) {
        self.limits.give_back(bytes as u64);
        self.held.fetch_sub(bytes as u64, Relaxed);
    }

    /// Says that values were or will be looked at; looks at the time now and then.
    pub(super) fn visit(&self, values: usize) -> Result<(), EvalError> {
        let visits = self.visits.fetch_add(values as u64, Relaxed).saturating_add(values as u64);
        if visits < VISITS_BETWEEN_CHECKS {
            return Ok(());
        }
        self.visits.store(0, Relaxed);
        self.limits.check()
    }

    /// Counts the steps at which a subquery evaluates its expression.
    pub(super) fn visit_subquery(&self, steps: u64) -> Result<(), EvalError> {
        let all = self.subquery_steps.load(Relaxed).saturating_add(steps);
        if all > SUBQUERY_STEPS_MAX {
            return Err(EvalError::TooMuch(format!(
                "subquery of {steps} steps: more than {SUBQUERY_STEPS_MAX} steps of subqueries in \
                 all are not evaluated; try a larger step or a shorter range"
            )));
        }
        self.subquery_steps.store(all, Relaxed);
        Ok(())
    }

    /// Returns what is held, but for what is kept: where [`Ledger::settle`] goes back to.
    pub(super) fn mark(&self) -> u64 {
        self.held.load(Relaxed) - self.kept.load(Relaxed)
    }

    /// A node has its value: what was taken for it since `mark` is gone, but for the value's bytes.
    pub(super) fn settle(&self, mark: u64, bytes: u64) -> Result<(), EvalError> {
        let (held, wanted) = (self.held.load(Relaxed), mark + bytes + self.kept.load(Relaxed));
        if wanted > held {
            self.limits.take(wanted - held)?;
        } else {
            self.limits.give_back(held - wanted);
        }
        self.held.store(wanted, Relaxed);
        Ok(())
    }

    /// Takes memory for a value that is used again.
    pub(super) fn keep(&self, bytes: u64) -> Result<(), EvalError> {
        self.limits.take(bytes)?;
        self.held.fetch_add(bytes, Relaxed);
        self.kept.fetch_add(bytes, Relaxed);
        Ok(())
    }
}
