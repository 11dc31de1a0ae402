//! Alarms that match no series, for those who look after them.

use super::AlarmError;
use super::nearest::Nearest;
use crate::Platform;
use crate::access::Verb;
use alarm::definition::{AlarmKey, Metric, Source, Watch};
use model::{Principal, Scope};
use std::time::Duration;
use stdx::Stopwatch;

/// An alarm that matches no series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnmatchedAlarm {
    /// Its name.
    pub name: String,
    /// Since when, milliseconds since 1970.
    pub since_ms: i64,
    /// Metrics that are nearly called like what it watches, the nearest first.
    pub nearest: Vec<String>,
}

/// Nearest names are looked for so long; alarms behind that have none. Only the texts of many thousand
/// metrics take longer.
const NEAREST_TIME: Duration = Duration::from_millis(500);

impl Platform {
    /// Returns alarms that match no series, sorted by name: those behind `after`, at most `limit`; and
    /// whether there are more.
    ///
    /// # Errors
    /// [`AlarmError::Access`], and [`AlarmError::Busy`] when too much is asked at once.
    pub fn unmatched_alarms(
        &self,
        who: &Principal,
        scope: &Scope,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<UnmatchedAlarm>, bool), AlarmError> {
        self.check(who, scope, Verb::Read)?;
        let Some(tenant) = self.tenants.find(scope) else { return Ok((Vec::new(), false)) };
        let mut found: Vec<(AlarmKey, i64, Vec<Metric>)> = {
            let running = self.alarms.running.lock();
            let unmatched = running.engine.unmatched(tenant, after).take(limit.saturating_add(1));
            let watched = |key: &AlarmKey| match &running.engine.definition(key)?.watch {
                Watch::Metric(metric) => Some(match metric.source() {
                    Source::Metric(of, _) => vec![of.clone()],
                    Source::Math(math) => math.metrics().iter().map(|m| m.1.clone()).collect(),
                    Source::Insights { .. } => Vec::new(),
                }),
                _ => None,
            };
            unmatched
                .map(|(key, since_ms)| (key.clone(), since_ms, watched(key).unwrap_or_default()))
                .collect()
        };
        let has_more = found.len() > limit;
        found.truncate(limit);
        let _turn = self.questions.begin(self.tenants.first_of(tenant), None)?;
        let (began, mut nearest) = (Stopwatch::start(), Nearest::new(self, tenant));
        let shown = found.into_iter().map(|(key, since_ms, metrics)| {
            let mut names: Vec<String> = Vec::new();
            for metric in metrics {
                if names.is_empty() && began.elapsed() < NEAREST_TIME {
                    names = nearest.to(&metric);
                }
            }
            UnmatchedAlarm { name: key.name, since_ms, nearest: names }
        });
        Ok((shown.collect(), has_more))
    }
}
