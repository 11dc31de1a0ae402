//! Functions of labels: made anew, joined, sorted by.

use super::{Column, EvalError, Labels, merge};
use std::cmp::Ordering;

/// `label_replace`: destination, replacement, source, regular expression.
pub(super) fn replace(columns: Vec<Column>, texts: &[String]) -> Result<Vec<Column>, EvalError> {
    let [destination, replacement, source, pattern] = texts else {
        return Err(EvalError::execution("label_replace() takes four strings"));
    };
    let regex = lang::promql::AnchoredRegex::new(pattern).map_err(|_| {
        EvalError::execution(format!("invalid regular expression in label_replace(): {pattern}"))
    })?;
    if destination.is_empty() {
        return Err(EvalError::execution(format!(
            "invalid destination label name in label_replace(): {destination}"
        )));
    }
    relabelled(columns, |labels| {
        let value = regex.expand(labels.get(source), replacement)?;
        Some(with(labels, destination, &value))
    })
}

/// `label_join`: destination, separator, sources.
pub(super) fn join(columns: Vec<Column>, texts: &[String]) -> Result<Vec<Column>, EvalError> {
    let [destination, separator, sources @ ..] = texts else {
        return Err(EvalError::execution("label_join() takes strings"));
    };
    if destination.is_empty() {
        return Err(EvalError::execution(format!(
            "invalid destination label name in label_join(): {destination}"
        )));
    }
    if let Some(bad) = sources.iter().find(|s| s.is_empty()) {
        return Err(EvalError::execution(format!(
            "invalid source label name in label_join(): {bad}"
        )));
    }
    relabelled(columns, |labels| {
        let values: Vec<&str> = sources.iter().map(|source| labels.get(source)).collect();
        Some(with(labels, destination, &values.join(separator)))
    })
}

fn with(labels: &Labels, name: &str, value: &str) -> Labels {
    let mut builder = labels.to_builder();
    builder.set(name, value);
    builder.build()
}

fn relabelled(
    mut columns: Vec<Column>,
    change: impl Fn(&Labels) -> Option<Labels>,
) -> Result<Vec<Column>, EvalError> {
    let mut changed = false;
    for column in &mut columns {
        if let Some(labels) = change(&column.labels) {
            changed |= labels != column.labels;
            column.labels = labels;
        }
    }
    if changed { merge::merge_equal(columns) } else { Ok(columns) }
}

/// By the values of labels in natural order, then by all labels.
pub(super) fn sorted_by(mut columns: Vec<Column>, labels: &[String], down: bool) -> Vec<Column> {
    columns.sort_by(|a, b| {
        let orders = labels.iter().map(|l| natural(a.labels.get(l), b.labels.get(l)));
        let first = orders.into_iter().find(|order| order.is_ne());
        let order = first.unwrap_or_else(|| a.labels.cmp(&b.labels));
        if down { order.reverse() } else { order }
    });
    columns
}

/// Compares texts in which runs of digits count as numbers: `a2` is before `a10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let (Some(x), Some(y)) = (a.as_bytes().first(), b.as_bytes().first()) else {
            return a.len().cmp(&b.len());
        };
        let order = if x.is_ascii_digit() && y.is_ascii_digit() {
            let (left, right) = (take_digits(&mut a), take_digits(&mut b));
            // Without leading zeros the longer number is the larger one.
            left.len().cmp(&right.len()).then_with(|| left.cmp(right))
        } else {
            let (left, right) = (take_char(&mut a), take_char(&mut b));
            left.cmp(&right)
        };
        if order.is_ne() {
            return order;
        }
    }
}

fn take_digits<'t>(text: &mut &'t str) -> &'t str {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    *text = rest;
    digits.trim_start_matches('0')
}

fn take_char(text: &mut &str) -> Option<char> {
    let mut chars = text.chars();
    let first = chars.next();
    *text = chars.as_str();
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_sorted_as_numbers() {
        let mut names = ["a10", "a2", "b", "a02b", "a", "a1", "ä3", "a2c"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["a", "a1", "a2", "a02b", "a2c", "a10", "b", "ä3"]);
    }
}
