//! Observations of one period, as far as the functions need them.

use lang::insights::Function;
use model::Delta;

/// Count, sum, smallest and largest of some observations; all zero for none.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cell {
    /// How many.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Cell {
    /// One observation.
    pub fn of_value(value: f64) -> Self {
        Self { count: 1.0, sum: value, min: value, max: value }
    }

    /// What a delta tells of its observations.
    pub fn of_delta(delta: &Delta) -> Self {
        Self { count: delta.count, sum: delta.sum, min: delta.min, max: delta.max }
    }

    /// Says whether nothing was observed.
    pub fn is_empty(&self) -> bool {
        self.count <= 0.0
    }

    /// Adds other observations.
    pub fn add(&mut self, other: &Self) {
        if other.is_empty() {
            return;
        }
        if self.is_empty() {
            *self = *other;
            return;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Returns what a function tells; `None` of nothing.
    pub fn value(&self, function: Function) -> Option<f64> {
        (!self.is_empty()).then(|| match function {
            Function::Avg => self.sum / self.count,
            Function::Count => self.count,
            Function::Max => self.max,
            Function::Min => self.min,
            Function::Sum => self.sum,
        })
    }
}
