//! What is done with each value alone: signs, functions of numbers, operators beside a scalar.

use super::evaluate::Data;
use super::ledger::Ledger;
use super::math::Combine;
use super::native::{self, Cell, Remarks, operate};
use super::{ABSENT, Column, EvalError, is_absent, merge};
use lang::promql::BinaryOp;

/// Applies a function where there is a value.
#[inline]
pub(super) fn map(value: f64, compute: impl Fn(f64) -> f64) -> f64 {
    if is_absent(value) { value } else { compute(value) }
}

pub(super) fn broadcast(data: Data, count: usize) -> Data {
    let repeat = |values: Vec<f64>| vec![values[0]; count];
    let repeat_column = |column: Column| Column {
        labels: column.labels,
        values: repeat(column.values),
        histograms: match column.histograms.first() {
            Some(histogram) => vec![histogram.clone(); count],
            None => Vec::new(),
        },
    };
    match data {
        Data::Scalar(values) => Data::Scalar(repeat(values)),
        Data::Text(text) => Data::Text(text),
        Data::Vector(columns) => Data::Vector(columns.into_iter().map(repeat_column).collect()),
    }
}

pub(super) fn negated(data: Data, ledger: &Ledger<'_>) -> Result<Data, EvalError> {
    match data {
        Data::Vector(mut columns) => {
            for column in &mut columns {
                ledger.visit(column.values.len())?;
                column.values.iter_mut().for_each(|v| *v = map(*v, |v| -v));
                for histogram in column.histograms.iter_mut().flatten() {
                    *histogram = std::sync::Arc::new(native::negative(histogram));
                }
            }
            merge::drop_names(columns).map(Data::Vector)
        }
        Data::Scalar(values) => Ok(Data::Scalar(values.into_iter().map(|v| -v).collect())),
        text @ Data::Text(_) => Ok(text),
    }
}

/// Applies a function to all floats; they are the metric's own no more. Histograms are passed over.
pub(super) fn map_columns(
    mut columns: Vec<Column>,
    ledger: &Ledger<'_>,
    compute: impl Fn(f64) -> f64,
) -> Result<Vec<Column>, EvalError> {
    for column in &mut columns {
        ledger.visit(column.values.len())?;
        column.values.iter_mut().for_each(|v| *v = map(*v, &compute));
        column.histograms.clear();
    }
    columns.retain(Column::has_values);
    merge::drop_names(columns)
}

/// An operator beside a scalar.
#[derive(Clone, Copy)]
pub(super) struct Operator {
    pub(super) op: BinaryOp,
    pub(super) returns_bool: bool,
}

impl Operator {
    /// Says whether it means nothing for floats.
    pub(super) fn is_of_histograms(self) -> bool {
        matches!(Combine::of(self.op, self.returns_bool), Combine::Nothing)
    }

    /// Replaces what stands in a column by what it gives with the scalars.
    pub(super) fn apply(
        self,
        column: &mut Column,
        scalars: &[f64],
        vector_left: bool,
        remarks: &mut Remarks,
    ) {
        for (step, scalar) in scalars.iter().enumerate() {
            let Some(cell) = Cell::of(column.cells(), step) else {
                continue;
            };
            let scalar = Cell::Float(*scalar);
            let (left, right) = if vector_left { (&cell, &scalar) } else { (&scalar, &cell) };
            let mut result = operate(self.op, self.returns_bool, left, right, remarks);
            // A filter keeps the vector's value, on whichever side it stands.
            if matches!(Combine::of(self.op, self.returns_bool), Combine::Filter(_)) {
                result = result.map(|_| cell);
            }
            let (value, histogram) = match result {
                None => (ABSENT, None),
                Some(Cell::Float(value)) => (value, None),
                Some(Cell::Native(histogram)) => (ABSENT, Some(histogram)),
            };
            column.values[step] = value;
            column.set_histogram(step, histogram);
        }
    }
}

/// An operator of which at least one side is a scalar.
pub(super) fn beside_scalar(
    operator: Operator,
    left: Data,
    right: Data,
    remarks: &mut Remarks,
    ledger: &Ledger<'_>,
) -> Result<Data, EvalError> {
    let combine = Combine::of(operator.op, operator.returns_bool);
    let (mut columns, scalars, vector_left) = match (left, right) {
        (Data::Scalar(left), Data::Scalar(right)) => {
            let pairs = left.into_iter().zip(right);
            return Ok(Data::Scalar(pairs.map(|(l, r)| combine.of_pair(l, r)).collect()));
        }
        (Data::Vector(columns), Data::Scalar(scalars)) => (columns, scalars, true),
        (Data::Scalar(scalars), Data::Vector(columns)) => (columns, scalars, false),
        _ => return Err(EvalError::execution("operators take scalars and instant vectors")),
    };
    for column in &mut columns {
        ledger.visit(column.values.len())?;
        if !column.histograms.is_empty() || operator.is_of_histograms() {
            operator.apply(column, &scalars, vector_left, remarks);
            continue;
        }
        for (value, scalar) in column.values.iter_mut().zip(&scalars) {
            *value = map(*value, |value| match (combine, vector_left) {
                (_, true) => combine.of_pair(value, *scalar),
                // A filter keeps the vector's value, on whichever side it stands.
                (Combine::Filter(holds), false) if holds(*scalar, value) => value,
                (Combine::Filter(_), false) => ABSENT,
                (_, false) => combine.of_pair(*scalar, value),
            });
        }
    }
    if combine.drops_name() {
        columns = merge::drop_names(columns)?;
    }
    columns.retain(Column::has_values);
    Ok(Data::Vector(columns))
}
