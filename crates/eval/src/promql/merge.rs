//! Columns whose labels became equal.

use super::{ABSENT, Column, EvalError, Labels, is_absent};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Puts columns of equal labels together.
///
/// # Errors
/// When two of them have a value at the same step: a vector has each set of labels once.
pub(super) fn merge_equal(columns: Vec<Column>) -> Result<Vec<Column>, EvalError> {
    merge_with(columns, EvalError::same_labels)
}

/// As [`merge_equal`], with another error.
pub(super) fn merge_with(
    columns: Vec<Column>,
    error: impl Fn() -> EvalError,
) -> Result<Vec<Column>, EvalError> {
    if columns.len() < 2 {
        return Ok(columns);
    }
    let mut places: HashMap<Labels, usize> = HashMap::with_capacity(columns.len());
    let mut merged: Vec<Column> = Vec::with_capacity(columns.len());
    for column in columns {
        match places.entry(column.labels.clone()) {
            Entry::Vacant(place) => {
                place.insert(merged.len());
                merged.push(column);
            }
            Entry::Occupied(place) => {
                if !join(&mut merged[*place.get()], &column) {
                    return Err(error());
                }
            }
        }
    }
    Ok(merged)
}

/// Takes over the values of `other`; says `false` when both have one at a step.
fn join(column: &mut Column, other: &Column) -> bool {
    if column.histograms.is_empty() && other.histograms.is_empty() {
        for (value, other) in column.values.iter_mut().zip(&other.values) {
            if is_absent(*value) {
                *value = *other;
            } else if !is_absent(*other) {
                return false;
            }
        }
        return true;
    }
    for step in 0..column.values.len() {
        if !other.cells().is_there(step) {
            continue;
        }
        if column.cells().is_there(step) {
            return false;
        }
        column.values[step] = other.values[step];
        column.set_histogram(step, other.cells().histogram(step).cloned());
    }
    true
}

/// Removes the metric's name from all columns.
///
/// # Errors
/// As [`merge_equal`].
pub(super) fn drop_names(mut columns: Vec<Column>) -> Result<Vec<Column>, EvalError> {
    let distinct = same_name(columns.iter().map(|c| c.labels.clone()));
    for column in &mut columns {
        column.labels = column.labels.without_name();
    }
    if distinct { Ok(columns) } else { merge_equal(columns) }
}

/// Says whether all sets have the same name (namespace, unit): without it they differ as before.
pub(super) fn same_name(sets: impl Iterator<Item = Labels>) -> bool {
    let mut first: Option<Labels> = None;
    for labels in sets {
        let own = || labels.iter().filter(|(name, _)| super::labels::is_name(name));
        match &first {
            None => first = Some(Labels::from_sorted(own())),
            Some(first) if first.iter().eq(own()) => {}
            Some(_) => return false,
        }
    }
    true
}

/// A column without any value.
pub(super) fn nothing(steps: usize) -> Vec<f64> {
    vec![ABSENT; steps]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, values: &[f64]) -> Column {
        Column::new(Labels::new([("__name__", name), ("a", "1")]), values.to_vec())
    }

    #[test]
    fn columns_that_become_equal_are_one_unless_they_overlap() {
        let merged = drop_names(vec![column("x", &[1.0, ABSENT]), column("y", &[ABSENT, 2.0])]);
        let merged = merged.unwrap();
        assert_eq!(merged.len(), 1);
        assert_eq!(merged[0].values, [1.0, 2.0]);
        let error = drop_names(vec![column("x", &[1.0, 3.0]), column("y", &[ABSENT, 2.0])]);
        assert!(error.unwrap_err().to_string().contains("same labelset"));
    }
}
