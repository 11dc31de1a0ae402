//! Memory that is taken while something is made whose size shows only then.

use super::{Column, EvalError, Limits};
use std::cell::Cell;

/// What was taken of the limits so far; it is handed over to the evaluation in the end, whether that
/// went well or not.
pub(super) struct Ledger<'l> {
    limits: &'l dyn Limits,
    taken: Cell<u64>,
}

impl<'l> Ledger<'l> {
    pub(super) fn new(limits: &'l dyn Limits) -> Self {
        Self { limits, taken: Cell::new(0) }
    }

    /// Takes memory; asks now and then whether to go on at all.
    pub(super) fn take(&self, bytes: u64) -> Result<(), EvalError> {
        const BETWEEN_CHECKS: u64 = 1 << 20;
        let before = self.taken.get();
        if before / BETWEEN_CHECKS != (before + bytes) / BETWEEN_CHECKS {
            self.limits.check()?;
        }
        self.limits.take(bytes)?;
        self.taken.set(before + bytes);
        Ok(())
    }

    /// Takes what a column of so many steps needs.
    pub(super) fn take_column(&self, steps: usize) -> Result<(), EvalError> {
        self.take((size_of::<Column>() + steps * size_of::<f64>()) as u64)
    }

    /// Returns what was taken.
    pub(super) fn taken(&self) -> u64 {
        self.taken.get()
    }
}
