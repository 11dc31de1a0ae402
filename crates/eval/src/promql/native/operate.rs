//! Operators of which a side is a native histogram.
//!
//! Source: Prometheus documentation, "Operators".

use super::{Incompatible, Sum, add, equal, over, subtract, times, trimmed};
use crate::promql::column::{Cells, Native, is_absent};
use crate::promql::math::Combine;
use crate::promql::{Annotations, text};
use lang::Span;
use lang::promql::BinaryOp;
use std::sync::Arc;

/// What stands at a step.
#[derive(Debug, Clone)]
pub(in crate::promql) enum Cell {
    Float(f64),
    Native(Native),
}

impl Cell {
    /// Returns what a column has at a step.
    pub(in crate::promql) fn of(cells: Cells<'_>, step: usize) -> Option<Self> {
        match cells.histogram(step) {
            Some(histogram) => Some(Self::Native(Arc::clone(histogram))),
            None if is_absent(cells.values[step]) => None,
            None => Some(Self::Float(cells.values[step])),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Float(_) => "float",
            Self::Native(_) => "histogram",
        }
    }
}

/// What is to be said of an operator, each once.
#[derive(Debug, Default)]
pub(in crate::promql) struct Remarks(Vec<Remark>);

#[derive(Debug, PartialEq, Eq)]
enum Remark {
    Types(&'static str, &'static str),
    Layout,
    Reconciled,
    Contradiction,
}

impl Remarks {
    fn add(&mut self, remark: Remark) {
        if !self.0.contains(&remark) {
            self.0.push(remark);
        }
    }

    /// Writes the remarks down as notes on the operator.
    pub(in crate::promql) fn note(self, notes: &mut Annotations, span: Span, op: BinaryOp) {
        let sign = op.symbol();
        let word = if op == BinaryOp::Sub { "subtraction" } else { "addition" };
        for remark in self.0 {
            match remark {
                Remark::Types(left, right) => notes.inform(span, format!(
                    "incompatible sample types encountered for binary operator {sign:?}: {left} \
                     {sign} {right}"
                )),
                Remark::Layout => notes.warn(span, format!(
                    "incompatible bucket layout encountered for binary operator {sign}"
                )),
                Remark::Reconciled => notes.inform(span, format!(
                    "mismatched custom buckets were reconciled during {word}"
                )),
                Remark::Contradiction => notes.warn(span, format!(
                    "conflicting counter resets during histogram {word}"
                )),
            }
        }
    }
}

/// Returns what an operator makes of two samples; nothing where a filter does not hold and where the
/// operator means nothing for such samples.
pub(in crate::promql) fn operate(
    op: BinaryOp,
    returns_bool: bool,
    left: &Cell,
    right: &Cell,
    remarks: &mut Remarks,
) -> Option<Cell> {
    let native = |histogram| Some(Cell::Native(Arc::new(histogram)));
    match (op, left, right) {
        (BinaryOp::TrimUpper | BinaryOp::TrimLower, Cell::Native(left), Cell::Float(right)) => {
            native(trimmed(left, *right, op == BinaryOp::TrimUpper))
        }
        (op, Cell::Float(a), Cell::Float(b)) => match Combine::of(op, returns_bool) {
            Combine::Nothing => {
                remarks.add(Remark::Types("float", "float"));
                None
            }
            combine => Some(combine.of_pair(*a, *b)).filter(|v| !is_absent(*v)).map(Cell::Float),
        },
        (BinaryOp::Mul, Cell::Native(histogram), Cell::Float(factor))
        | (BinaryOp::Mul, Cell::Float(factor), Cell::Native(histogram)) => {
            native(times(histogram, *factor))
        }
        (BinaryOp::Div, Cell::Native(histogram), Cell::Float(divisor)) => {
            native(over(histogram, *divisor))
        }
        (BinaryOp::Add, Cell::Native(a), Cell::Native(b)) => summed(add(a, b), remarks),
        (BinaryOp::Sub, Cell::Native(a), Cell::Native(b)) => summed(subtract(a, b), remarks),
        (BinaryOp::Eq | BinaryOp::Ne, Cell::Native(a), Cell::Native(b)) => {
            let holds = equal(a, b) == (op == BinaryOp::Eq);
            match (returns_bool, holds) {
                (true, holds) => Some(Cell::Float(f64::from(u8::from(holds)))),
                (false, true) => Some(left.clone()),
                (false, false) => None,
            }
        }
        (_, left, right) => {
            remarks.add(Remark::Types(left.kind(), right.kind()));
            None
        }
    }
}

fn summed(sum: Result<Sum, Incompatible>, remarks: &mut Remarks) -> Option<Cell> {
    match sum {
        Ok(sum) => {
            if sum.reconciled {
                remarks.add(Remark::Reconciled);
            }
            if sum.contradiction {
                remarks.add(Remark::Contradiction);
            }
            Some(Cell::Native(Arc::new(sum.histogram)))
        }
        Err(Incompatible) => {
            remarks.add(Remark::Layout);
            None
        }
    }
}

/// The text of a histogram as a label's value.
pub(in crate::promql) fn label_text(cell: &Cell) -> String {
    match cell {
        Cell::Float(value) => text::plain(*value).into_owned(),
        Cell::Native(histogram) => super::text(histogram),
    }
}
