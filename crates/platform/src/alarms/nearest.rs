//! What somebody may have meant whose alarm matches nothing: metrics that are nearly called so.

use crate::Platform;
use alarm::definition::Metric;
use metric_store::{Matcher, ReadBudget, ReadLimits};
use model::{SeriesKey, TenantId, TimeRange};

/// How far back metrics are looked for; older ones are not listed either.
const BACK_MS: i64 = 14 * 86_400_000;
/// Names that are told.
const TOLD: usize = 3;
/// Series that are looked at.
const SERIES_MAX: usize = 20_000;

impl Platform {
    /// Returns metrics that are most like one that matches nothing, the nearest first.
    pub(super) fn nearest_metrics(
        &self,
        tenant: TenantId,
        to: &Metric,
        now_ms: i64,
    ) -> Vec<String> {
        let range = TimeRange { start_ms: now_ms - BACK_MS, end_ms: now_ms + 1 };
        let budget =
            ReadBudget::new(ReadLimits { series_max: SERIES_MAX, ..Default::default() }, None);
        let keys = |matchers: &[Matcher]| {
            self.metrics.keys(tenant, matchers, range, &budget).unwrap_or_default()
        };
        // The same name with other dimensions or in another namespace is likelier than another name.
        let mut found: Vec<SeriesKey> =
            keys(&[Matcher::equal("__name__", &to.name)]).into_iter().collect();
        if found.is_empty() {
            found = keys(&[Matcher::equal("__namespace__", &to.namespace)]).into_iter().collect();
        }
        if found.is_empty() {
            found = keys(&[]).into_iter().collect();
        }
        let wanted = shown(&to.namespace, &to.name, &to.dimensions);
        let mut near: Vec<(usize, String)> = found
            .iter()
            .map(|key| shown(&key.namespace, &key.name, &key.labels))
            .map(|text| (distance(&wanted, &text), text))
            .collect();
        near.sort();
        near.dedup();
        near.into_iter().take(TOLD).map(|(_, text)| text).collect()
    }
}

pub(super) fn shown(namespace: &str, name: &str, labels: &[(String, String)]) -> String {
    let labels: Vec<String> =
        labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{namespace} {name} {{{}}}", labels.join(", "))
}

/// Characters that must be put, taken or changed to make one text of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = corner + usize::from(from != *to);
            corner = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_what_differs() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("load", "load"), 0);
        assert_eq!(distance("CPUUtilisation", "CPUUtilization"), 1);
    }
}
