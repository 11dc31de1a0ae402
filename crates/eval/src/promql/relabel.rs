//! Functions of labels: made anew, joined, sorted by.

use super::ledger::Ledger;
use super::{Column, EvalError, Labels, merge};
use std::cmp::Ordering;

/// A label's value that functions make is no longer.
const VALUE_BYTES_MAX: usize = 64 << 10;

/// A text is not written to be looked at if it may be longer than this.
const EXPANDED_BYTES_MAX: usize = 1 << 20;

/// Steps of a search through one value at most: some seconds, in which nobody looks at the time.
const SEARCH_STEPS_MAX: usize = 1 << 31;
/// Following a state costs less than looking at a value does.
const STEPS_PER_VISIT: usize = 64;

/// `label_replace`: destination, replacement, source, regular expression.
pub(super) fn replace(
    columns: Vec<Column>,
    texts: &[String],
    ledger: &Ledger<'_>,
) -> Result<Vec<Column>, EvalError> {
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
    // What is written for each group is the whole value at most.
    let groups = replacement.matches('$').count();
    relabelled(columns, ledger, |labels| {
        let value = labels.get(source);
        bounded("label_replace()", groups.saturating_mul(value.len()), EXPANDED_BYTES_MAX)?;
        bounded("label_replace()", replacement.len(), EXPANDED_BYTES_MAX)?;
        let steps = regex.steps_max(value);
        if steps > SEARCH_STEPS_MAX {
            return Err(EvalError::TooMuch(format!(
                "label_replace() searches a value of {} bytes with too large an expression",
                value.len()
            )));
        }
        ledger.visit(steps / STEPS_PER_VISIT)?;
        let Some(value) = regex.expand(value, replacement) else {
            return Ok(None);
        };
        bounded("label_replace()", value.len(), VALUE_BYTES_MAX)?;
        Ok(Some(with(labels, destination, &value)))
    })
}

/// `label_join`: destination, separator, sources.
pub(super) fn join(
    columns: Vec<Column>,
    texts: &[String],
    ledger: &Ledger<'_>,
) -> Result<Vec<Column>, EvalError> {
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
    relabelled(columns, ledger, |labels| {
        let values: Vec<&str> = sources.iter().map(|source| labels.get(source)).collect();
        let separators = separator.len().saturating_mul(values.len().saturating_sub(1));
        let bytes =
            values.iter().map(|value| value.len()).sum::<usize>().saturating_add(separators);
        bounded("label_join()", bytes, VALUE_BYTES_MAX)?;
        Ok(Some(with(labels, destination, &values.join(separator))))
    })
}

fn bounded(function: &str, bytes: usize, max: usize) -> Result<(), EvalError> {
    if bytes <= max {
        return Ok(());
    }
    Err(EvalError::TooMuch(format!(
        "{function} makes a label value of more than {VALUE_BYTES_MAX} bytes"
    )))
}

fn with(labels: &Labels, name: &str, value: &str) -> Labels {
    let mut builder = labels.to_builder();
    builder.set(name, value);
    builder.build()
}

fn relabelled(
    mut columns: Vec<Column>,
    ledger: &Ledger<'_>,
    change: impl Fn(&Labels) -> Result<Option<Labels>, EvalError>,
) -> Result<Vec<Column>, EvalError> {
    let mut changed = false;
    for column in &mut columns {
        ledger.visit(column.labels.bytes())?;
        if let Some(labels) = change(&column.labels)? {
            ledger.take(labels.bytes())?;
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
    use crate::promql::Limits;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    /// Counts looks at the time and allows so many.
    struct Looks {
        seen: AtomicUsize,
        max: usize,
    }

    impl Limits for Looks {
        fn check(&self) -> Result<(), EvalError> {
            if self.seen.fetch_add(1, Relaxed) >= self.max {
                Err(EvalError::Cancelled)
            } else {
                Ok(())
            }
        }
        fn read(&self, _samples: u64) -> Result<(), EvalError> {
            Ok(())
        }
        fn take(&self, _bytes: u64) -> Result<(), EvalError> {
            Ok(())
        }
        fn give_back(&self, _bytes: u64) {}
    }

    fn replaced(series: usize, value_bytes: usize, pattern: &str, max: usize) -> (usize, String) {
        let looks = Looks { seen: AtomicUsize::new(0), max };
        let column = |n: usize| {
            let value = format!("{n:0value_bytes$}");
            Column::new(Labels::new([("__name__", "m"), ("n", value.as_str())]), vec![1.0])
        };
        let texts = ["to", "$1", "n", pattern].map(str::to_owned);
        let columns = (0..series).map(column).collect();
        let result = replace(columns, &texts, &Ledger::new(&looks));
        let told = result.map_or_else(|error| error.to_string(), |all| all.len().to_string());
        (looks.seen.into_inner(), told)
    }

    #[test]
    fn expressions_over_labels_look_at_the_time() {
        let cancelled = "query was canceled in expression evaluation";
        // A thousand values of a hundred bytes, a thousand states each.
        assert_eq!(replaced(1_000, 100, "(.*)7", usize::MAX), (1, "1000".into()));
        assert_eq!(replaced(100_000, 100, "(.*)7", 3), (4, cancelled.into()));
        // An expression of many states is looked after every few values.
        let large = "([0-9]{50}){100}|(.*)7";
        let (looks, told) = replaced(1_000, 100, large, usize::MAX);
        assert!(looks > 8 && told == "1000", "{looks} {told}");
        let (_, told) = replaced(1, 60_000, "([0-9]{500}){200}", usize::MAX);
        let too_much =
            "label_replace() searches a value of 60000 bytes with too large an expression";
        assert_eq!(told, too_much);
    }

    #[test]
    fn digits_are_sorted_as_numbers() {
        let mut names = ["a10", "a2", "b", "a02b", "a", "a1", "ä3", "a2c"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["a", "a1", "a2", "a02b", "a2c", "a10", "b", "ä3"]);
    }
}
