//! What somebody may have meant whose alarm matches nothing: metrics that are nearly called so.

use crate::Platform;
use alarm::definition::Metric;
use metric_store::{Matcher, ReadBudget, ReadLimits};
use model::{SeriesKey, TenantId, TimeRange};
use std::collections::HashMap;

/// How far back metrics are looked for; older ones are not listed either.
const BACK_MS: i64 = 14 * 86_400_000;
/// Names that are told.
const TOLD: usize = 3;
/// Series that are looked at.
const SERIES_MAX: usize = 20_000;

/// Metrics of a tenant, as far as somebody looked for them.
pub(super) struct Nearest<'p> {
    platform: &'p Platform,
    tenant: TenantId,
    range: TimeRange,
    /// What there is, by what was looked for: many alarms are on one name.
    found: HashMap<[String; 2], Vec<String>>,
}

impl<'p> Nearest<'p> {
    /// Looks among the metrics of the last days.
    pub(super) fn new(platform: &'p Platform, tenant: TenantId) -> Self {
        let now_ms = platform.clock.now_ms();
        let range = TimeRange { start_ms: now_ms - BACK_MS, end_ms: now_ms + 1 };
        Self { platform, tenant, range, found: HashMap::new() }
    }

    /// Returns metrics that are most like one that matches nothing, the nearest first.
    pub(super) fn to(&mut self, metric: &Metric) -> Vec<String> {
        let asked = [metric.namespace.clone(), metric.name.clone()];
        if !self.found.contains_key(&asked) {
            let found = self.find(metric);
            self.found.insert(asked.clone(), found);
        }
        let wanted = shown(&metric.namespace, &metric.name, &metric.dimensions);
        let length = wanted.chars().count();
        let mut near: Vec<(usize, &String)> = Vec::new();
        for text in &self.found[&asked] {
            // Each character more or less counts, so that most need no closer look.
            let least = text.chars().count().abs_diff(length);
            if near.len() == TOLD && near.last().is_some_and(|(worst, _)| least > *worst) {
                continue;
            }
            near.push((distance(&wanted, text), text));
            near.sort();
            near.truncate(TOLD);
        }
        near.into_iter().map(|(_, text)| text.clone()).collect()
    }

    fn find(&self, metric: &Metric) -> Vec<String> {
        let limits = ReadLimits { series_max: SERIES_MAX, ..Default::default() };
        let budget = ReadBudget::new(limits, None);
        let keys = |matchers: &[Matcher]| -> Vec<SeriesKey> {
            let found = self.platform.metrics.keys(self.tenant, matchers, self.range, &budget);
            found.unwrap_or_default().into_iter().collect()
        };
        // The same name with other dimensions or in another namespace is likelier than another name.
        let mut found = keys(&[Matcher::equal("__name__", &metric.name)]);
        if found.is_empty() {
            found = keys(&[Matcher::equal("__namespace__", &metric.namespace)]);
        }
        if found.is_empty() {
            found = keys(&[]);
        }
        let mut texts: Vec<String> =
            found.iter().map(|key| shown(&key.namespace, &key.name, &key.labels)).collect();
        texts.sort_unstable();
        texts.dedup();
        texts
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
