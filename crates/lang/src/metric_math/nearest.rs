//! The known name next to a mistyped one.

/// Returns the name with the fewest changed, added, left-out or swapped letters, if these are at
/// most a third of it. Case counts as no change.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // What a stranger wrote may be long; no name that is known is.
    if name.len() > 64 {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let distance_max = (name.len() / 3).max(1);
    known
        .into_iter()
        .filter(|known| known.len() <= 64)
        .map(|known| (distance(name.as_bytes(), known.to_ascii_lowercase().as_bytes()), known))
        .filter(|(distance, known)| *distance <= distance_max && *distance < known.len())
        .min()
        .map(|(_, known)| known)
}

/// Changes between two names, a swap of neighbours counted as one.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_has_a_neighbour_and_another_word_has_none() {
        let known = ["SUM", "STDDEV", "RUNNING_SUM", "METRICS"];
        assert_eq!(nearest("SMU", known), Some("SUM"));
        assert_eq!(nearest("std_dev", known), Some("STDDEV"));
        assert_eq!(nearest("METRIC", known), Some("METRICS"));
        assert_eq!(nearest("MEDIAN", known), None);
        assert_eq!(nearest("x", ["m1"]), None);
        assert_eq!(nearest("m3", ["m1", "errors"]), Some("m1"));
        assert_eq!(nearest(&"S".repeat(100), known), None);
    }
}
