//! Carrying out what the engine says: all of one input becomes one write.

use super::history::{self, HistoryShown};
use super::keep::{HEAD, HEADS, ROWS, alarm_place};
use super::message::{self, Said};
use super::{AlarmCounters, Known, Running};
use crate::Platform;
use crate::topics::escaped;
use alarm::definition::AlarmKey;
use alarm::{ActionDue, ChangedRow, Effect};
use bus::{AlarmSaid, Notice};
use catalog::{Catalog, CatalogError, Change};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The number of the newest item of the history, beside the head.
const HISTORY_NUMBER: &str = "history-number";

/// Returns the number that the next item of the history may have.
pub(super) fn history_number_after(catalog: &dyn Catalog) -> Result<u64, CatalogError> {
    let kept = catalog.get(HEADS, HISTORY_NUMBER)?;
    Ok(kept.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes))
}

impl Platform {
    /// Carries out effects, under the engine's lock: questions are noted, and everything else is queued
    /// together with the caller's own changes and the state of the engine. `gone` are alarms that the
    /// effects speak of and that are not known any more. Returns the ticket of the write.
    pub(super) fn carry_alarms(
        &self,
        running: &mut Running,
        effects: Vec<Effect>,
        now_ms: i64,
        mut changes: Vec<Change>,
        gone: &[(AlarmKey, Arc<Known>)],
    ) -> u64 {
        let mut items: Vec<(AlarmKey, HistoryShown)> = Vec::new();
        let mut asked = Vec::new();
        for effect in effects {
            let known = |key: &AlarmKey| {
                let gone = || gone.iter().find(|(name, _)| name == key).map(|(_, known)| known);
                running.known.get(key).or_else(gone).cloned()
            };
            match effect {
                Effect::Rebuild(rebuild) => running.rebuilds.push_back(rebuild),
                Effect::ScheduledQuery(query) => asked.push(query),
                Effect::StateChanged(change) => {
                    AlarmCounters::add(&self.alarms.counters.changes);
                    let known = known(&change.alarm);
                    let record = known.as_deref().map(|known| &known.record);
                    tracing::info!(
                        alarm = change.alarm.name, tenant = change.alarm.tenant.0,
                        from = %change.from.state, to = %change.to.state,
                        reason = change.to.reason, "alarm changed"
                    );
                    if let Some(record) = record {
                        running.index.moved(&change.alarm, record, change.to.state);
                    }
                    let shown = history::of_change(&change, record);
                    items.extend(shown.into_iter().map(|item| (change.alarm.clone(), item)));
                }
                Effect::ContributorChanged(change) => {
                    let known = known(&change.alarm);
                    let record = known.as_deref().map(|known| &known.record);
                    items.push((change.alarm.clone(), history::of_contributor(&change, record)));
                }
                Effect::History(item) => {
                    let known = known(&item.alarm);
                    let record = known.as_deref().map(|known| &known.record);
                    items.push((item.alarm.clone(), history::of_item(&item, record)));
                }
                Effect::ActionDue(due) => {
                    if let Some(known) = known(&due.alarm) {
                        let notice = notice(&due, &known, self.external_url());
                        let told = self.notice_changes(&notice);
                        // If the catalog cannot say that it is known, telling twice is the lesser evil.
                        changes.extend(told.unwrap_or_else(|_| self.fresh_notice_changes(&notice)));
                    }
                }
            }
        }
        if !asked.is_empty() {
            self.queue_alarm_queries(asked);
        }
        for (key, item) in &items {
            running.history_number += 1;
            changes.extend(history::changes(key.tenant, item, running.history_number));
        }
        if !items.is_empty() {
            let number = running.history_number.to_le_bytes().to_vec();
            changes.push(Change::put(HEADS, HISTORY_NUMBER, number));
        }
        for ChangedRow { alarm, row } in running.engine.changed_rows() {
            let place = alarm_place(&alarm);
            changes.push(match row {
                Some(row) => Change::put(ROWS, place, row),
                None => Change::remove(ROWS, place),
            });
        }
        if !changes.is_empty() {
            changes.push(head(running, now_ms));
        }
        let alarms = running.engine.len() as u64;
        self.alarms.counters.alarms.store(alarms, Ordering::Relaxed);
        self.alarms.keeping.queue(changes)
    }

    /// Queues the head alone if it was long ago: a start then knows that we were here.
    pub(super) fn carry_alarms_head(&self, running: &mut Running, now_ms: i64) {
        if now_ms.saturating_sub(running.head_queued_ms) >= HEAD_EVERY_MS
            || now_ms < running.head_queued_ms
        {
            let head = head(running, now_ms);
            self.alarms.keeping.queue(vec![head]);
        }
    }
}

/// Shorter than the pause that counts as downtime, so that a quick restart is none.
const HEAD_EVERY_MS: i64 = 20_000;

pub(super) fn head(running: &mut Running, now_ms: i64) -> Change {
    running.head_queued_ms = now_ms;
    let mut head = Vec::new();
    running.engine.head(&mut head);
    Change::put(HEADS, HEAD, head)
}

fn notice(due: &ActionDue, known: &Known, external_url: Option<&str>) -> Notice {
    let Known { record, scope } = known;
    let said = Said { record, scope, from: due.from, to: &due.to, at_ms: due.at_ms };
    let labels = |attributes: &Vec<(String, String)>| {
        let pairs: Vec<String> = attributes.iter().map(|(n, v)| format!("{n}={v}")).collect();
        pairs.join(", ")
    };
    Notice {
        key: due.key.clone(),
        tenant: due.alarm.tenant,
        scope: scope.clone(),
        at_ms: due.at_ms,
        target: due.arn.clone(),
        said: bus::Said::Alarm(AlarmSaid {
            alarm: record.name.clone(),
            arn: super::alarm_arn(scope, &record.name),
            subject: message::subject(record, due.to.state, scope),
            message: message::message(&said),
            reason: due.to.reason.clone(),
            state: due.to.state.name().to_owned(),
            widget: message::widget(record, scope, due.at_ms),
            picture_end_ms: due.at_ms,
            link: external_url
                .map(|url| format!("{url}/console/alarm?name={}", escaped(&record.name))),
            contributor: due.contributor.as_ref().map(labels),
        }),
    }
}
