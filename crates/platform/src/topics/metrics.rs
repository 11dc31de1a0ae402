//! The service's own metrics of topics, in the namespace `AWS/SNS`.

use crate::{Platform, TimeLimits, WriteError};
use bus::{Notice, Said};
use metric_store::Batch;
use model::{Delta, Kind, Scope, SeriesKey, Unit};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// Counts of a topic and minute that are in no series yet.
type Key = (Scope, String, &'static str, i64);

#[derive(Debug, Default)]
pub(super) struct Counts {
    counts: Mutex<BTreeMap<Key, Delta>>,
}

const MINUTE_MS: i64 = 60_000;
/// Counts of more topics and minutes are not held; they are written long before.
const COUNTS_MAX: usize = 100_000;

/// Returns the name of a topic, of its ARN or that of a subscription.
fn topic_name(arn: &str) -> &str {
    arn.split(':').nth(5).unwrap_or(arn)
}

impl Platform {
    fn count(&self, scope: &Scope, arn: &str, metric: &'static str, value: f64) {
        let minute_ms = self.clock.now_ms().div_euclid(MINUTE_MS) * MINUTE_MS;
        let key = (scope.clone(), topic_name(arn).to_owned(), metric, minute_ms);
        let mut counts = self.topics.metrics.counts.lock();
        if counts.len() >= COUNTS_MAX && !counts.contains_key(&key) {
            return;
        }
        match counts.get_mut(&key) {
            Some(delta) => delta.add(&Delta::of_value(value)),
            None => drop(counts.insert(key, Delta::of_value(value))),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "sizes of messages")]
    pub(super) fn count_published(&self, notice: &Notice) {
        let size = match &notice.said {
            Said::Alarm(alarm) => alarm.message.len(),
            Said::Message(message) => message.message.len(),
            Said::Confirm(_) => return,
        };
        self.count(&notice.scope, &notice.target, "NumberOfMessagesPublished", 1.0);
        self.count(&notice.scope, &notice.target, "PublishSize", size as f64);
    }

    pub(super) fn count_filtered(&self, notice: &Notice, by_body: bool, has_no_attributes: bool) {
        self.outbox.counters.filtered.fetch_add(1, Ordering::Relaxed);
        self.count(&notice.scope, &notice.target, "NumberOfNotificationsFilteredOut", 1.0);
        let why = match (by_body, has_no_attributes) {
            (true, _) => "NumberOfNotificationsFilteredOut-MessageBody",
            (false, true) => "NumberOfNotificationsFilteredOut-NoMessageAttributes",
            (false, false) => "NumberOfNotificationsFilteredOut-MessageAttributes",
        };
        self.count(&notice.scope, &notice.target, why, 1.0);
    }

    /// Counts a delivery that arrived, or was given up.
    pub(crate) fn count_notification(&self, notice: &Notice, arn: &str, arrived: bool) {
        if !matches!(notice.said, Said::Confirm(_)) {
            let metric = if arrived {
                "NumberOfNotificationsDelivered"
            } else {
                "NumberOfNotificationsFailed"
            };
            self.count(&notice.scope, arn, metric, 1.0);
        }
    }

    /// Writes what was counted into series.
    pub(crate) fn store_topic_metrics(&self) {
        let counts = std::mem::take(&mut *self.topics.metrics.counts.lock());
        let mut by_scope: BTreeMap<Scope, Vec<(String, &'static str, i64, Delta)>> =
            BTreeMap::new();
        for ((scope, topic, metric, minute_ms), delta) in counts {
            by_scope.entry(scope).or_default().push((topic, metric, minute_ms, delta));
        }
        for (scope, counted) in by_scope {
            let who = model::Principal::internal(scope.account);
            // Twice: the registry may be renewed between beginning and submitting.
            for _ in 0..2 {
                let Ok(mut ingest) = self.begin_ingest(&who, &scope, TimeLimits::CloudWatch) else {
                    break;
                };
                put(&mut ingest.batch, ingest.tenant, &counted);
                match self.submit(ingest.batch, |_| {}) {
                    Err(WriteError::Stale) => {}
                    Err(error) => {
                        tracing::warn!(%error, "metrics of topics were not kept");
                        break;
                    }
                    Ok(_) => break,
                }
            }
        }
    }
}

fn put(batch: &mut Batch, tenant: model::TenantId, counted: &[(String, &'static str, i64, Delta)]) {
    for (topic, metric, minute_ms, delta) in counted {
        let mut key = SeriesKey {
            tenant,
            namespace: "AWS/SNS".into(),
            name: (*metric).into(),
            unit: if *metric == "PublishSize" { Unit::Bytes } else { Unit::Count },
            labels: vec![("TopicName".into(), topic.clone())],
        };
        if key.canonicalise().is_ok() {
            let series = batch.register_own(&key, Kind::Delta);
            batch.delta(series, *minute_ms, delta.clone());
        }
    }
}
