//! Alarms: what was put, what it became, and who drives the engine.
//!
//! The engine ([`alarm::AlarmEngine`]) decides; this module gives it points, time and answers, and
//! carries out what it says: states and history are kept ([`keep`]), actions become notices.

mod actions;
mod ask;
mod carry;
mod counters;
mod explain;
mod follow;
mod history;
mod index;
mod keep;
mod late;
mod list;
mod message;
mod nearest;
mod queue;
mod record;
mod replay;
mod unmatched;
mod verbs;

pub(crate) use ask::attributes_of;
pub use counters::AlarmCounters;
pub use explain::{Explained, ExplainedChild, ExplainedEvaluation, ExplainedLate, ExplainedPeriod};
pub use history::{HistoryFilter, HistoryPage, HistoryPlace, HistoryShown, HistoryType};
pub(crate) use keep::TABLES;
pub use list::{AlarmFilter, AlarmKind, AlarmShown};
pub use record::{
    AlarmRecord, CompositeRecord, ConditionRecord, MetricRecord, MetricsRecord, MuteRecord,
    PromqlRecord, QueryRecord, StatRecord, WarmUpRecord, WatchRecord, WindowRecord, alarm_arn,
    mute_rule_arn,
};
pub use replay::{BacktestOf, Transition};
pub use unmatched::UnmatchedAlarm;
pub use verbs::{AlarmError, ContributorShown, MuteRuleShown, NewState};

use crate::Platform;
use crate::tenants::Tenants;
use alarm::definition::AlarmKey;
use alarm::{AlarmEngine, Effect, Kept, Loaded, Options, Rebuild};
use catalog::{Catalog, CatalogError};
use keep::{HEAD, HEADS, Keeping, MUTES, RECORDS, ROWS};
use model::{Scope, TenantId};
use parking_lot::{Condvar, Mutex};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// An alarm as it was put, and where.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) record: AlarmRecord,
    pub(crate) scope: Scope,
}

/// Everything about alarms that is in memory.
#[derive(Debug)]
pub(crate) struct Alarms {
    running: Mutex<Running>,
    keeping: Keeping,
    /// Held by whoever follows the stream: one at a time.
    follower: Mutex<follow::Follower>,
    /// What nobody has asked the query engine yet.
    queries: Mutex<queue::Queue>,
    /// Something is to be asked.
    news: (Mutex<u64>, Condvar),
    /// Something was put, or points arrived.
    arrivals: (Mutex<u64>, Condvar),
    pub(crate) counters: AlarmCounters,
}

/// The engine, and what its effects are carried out with.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) engine: AlarmEngine,
    pub(crate) known: BTreeMap<AlarmKey, Arc<Known>>,
    /// How they are found; follows `known` and the states of the engine.
    index: index::AlarmIndex,
    pub(crate) mutes: BTreeMap<(TenantId, String), MuteRecord>,
    /// Windows that the engine asked for.
    rebuilds: VecDeque<Rebuild>,
    /// Tells items of the history apart; larger than all that are kept.
    history_number: u64,
    /// When the head of the checkpoint was queued last.
    head_queued_ms: i64,
    /// When late arrivals were queued last.
    late_queued_ms: i64,
}

/// Says whether an entry of the catalog is what its table of alarms holds; none if the table is no such.
pub(crate) fn is_sound_entry(table: &str, key: &str, value: &[u8]) -> Option<bool> {
    let placed = keep::of_place(key).is_some();
    Some(match table {
        RECORDS => placed && AlarmRecord::decode(value).is_some(),
        ROWS => placed && alarm::check_row(value).is_ok(),
        HEADS if key == HEAD => alarm::check_head(value).is_ok(),
        HEADS => value.len() == size_of::<u64>(),
        keep::LATE => placed && alarm::check_late_row(value).is_ok(),
        MUTES => placed && MuteRecord::decode(value).is_some(),
        keep::TAGS => serde_json::from_slice::<BTreeMap<String, String>>(value).is_ok(),
        keep::HISTORY => {
            let item = serde_json::from_slice::<HistoryShown>(value);
            item.is_ok() && history::is_sound_place(key)
        }
        keep::HISTORY_OF => history::is_sound_index(key, value),
        _ => return None,
    })
}

/// Tells contributors apart in 16 characters. Source: CloudWatch API reference, `ContributorId`.
pub fn contributor_id(attributes: &[(String, String)]) -> String {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    for (name, value) in attributes {
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
        hash.update((value.len() as u64).to_le_bytes());
        hash.update(value);
    }
    hash.finalize().iter().take(8).fold(String::new(), |mut text, byte| {
        use std::fmt::Write as _;
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Alarms {
    /// Reads what was kept, and makes the engine of it; points up to `stored_to`, a position of the
    /// journal, came before.
    pub(crate) fn load(
        catalog: &dyn Catalog,
        tenants: &Tenants,
        stored_to: u64,
        now_ms: i64,
    ) -> Result<Self, CatalogError> {
        history::index_older(catalog)?;
        let scopes: HashMap<TenantId, Scope> = tenants.all().into_iter().collect();
        let mut rows: HashMap<String, Vec<u8>> = catalog.scan(ROWS, "")?.into_iter().collect();
        let (mut kept, mut known) = (Vec::new(), BTreeMap::new());
        for (place, value) in catalog.scan(RECORDS, "")? {
            let found = keep::of_place(&place)
                .and_then(|(tenant, _)| Some((tenant, scopes.get(&tenant)?.clone())));
            let (Some((tenant, scope)), Some(record)) = (found, AlarmRecord::decode(&value)) else {
                tracing::error!(
                    alarm = place,
                    "an alarm cannot be read: it is kept and not evaluated"
                );
                continue;
            };
            let definition = match record.definition(tenant, &scope) {
                Ok(definition) => definition,
                Err(wrong) => {
                    let why = wrong.first().map(ToString::to_string).unwrap_or_default();
                    tracing::error!(alarm = place, why, "an alarm cannot be evaluated any more");
                    continue;
                }
            };
            let key = definition.key.clone();
            let (put_ms, row) = (record.configured_ms, rows.remove(&place));
            kept.push(Kept { definition, put_ms, row });
            known.insert(key, Arc::new(Known { record, scope }));
        }
        let mut mutes = BTreeMap::new();
        let mut rules = Vec::new();
        for (place, value) in catalog.scan(MUTES, "")? {
            let tenant = keep::of_place(&place).map(|(tenant, _)| tenant);
            let record = MuteRecord::decode(&value);
            let rule = record.as_ref().and_then(|record| record.rule().ok());
            let (Some(tenant), Some(record), Some(rule)) = (tenant, record, rule) else {
                tracing::error!(rule = place, "a mute rule cannot be read: it does not count");
                continue;
            };
            mutes.insert((tenant, record.name.clone()), record);
            rules.push((tenant, rule));
        }
        let head = catalog.get(HEADS, HEAD)?;
        let options = Options::default();
        let load = |head: Option<&[u8]>, kept, rules| {
            AlarmEngine::load(options, kept, rules, head, now_ms)
        };
        let loaded = match load(head.as_deref(), kept.clone(), rules.clone()) {
            Ok(loaded) => loaded,
            Err(error) => {
                tracing::error!(%error, "alarms go on from their states alone");
                load(None, kept, rules).expect("there is no head")
            }
        };
        let Loaded { engine, effects, unreadable } = loaded;
        for (key, error) in unreadable {
            tracing::error!(alarm = key.name, %error, "the state of an alarm is lost; it begins anew");
        }
        let mut index = index::AlarmIndex::default();
        for (key, known) in &known {
            let state = engine.state(key).expect("what is known was loaded");
            index.put(key, None, &known.record, state);
        }
        let alarms = Self {
            running: Mutex::new(Running {
                engine,
                known,
                index,
                mutes,
                rebuilds: VecDeque::new(),
                // The clock may stand still, and goes on from run to run: items stay in order.
                history_number: 0,
                head_queued_ms: i64::MIN,
                late_queued_ms: i64::MIN,
            }),
            keeping: Keeping::default(),
            follower: Mutex::new(follow::Follower::new(stored_to)),
            queries: Mutex::default(),
            news: (Mutex::new(0), Condvar::new()),
            arrivals: (Mutex::new(0), Condvar::new()),
            counters: AlarmCounters::default(),
        };
        let mut running = alarms.running.lock();
        running.history_number = carry::history_number_after(catalog)?;
        let removals = late::load(catalog, &mut running.engine)?;
        alarms.keeping.queue(removals);
        for effect in effects {
            if let Effect::Rebuild(rebuild) = effect {
                running.rebuilds.push_back(rebuild);
            }
        }
        drop(running);
        Ok(alarms)
    }

    pub(crate) fn known(&self, key: &AlarmKey) -> Option<Arc<Known>> {
        self.running.lock().known.get(key).cloned()
    }

    /// Returns an alarm as it was put.
    pub(crate) fn record(&self, key: &AlarmKey) -> Option<AlarmRecord> {
        Some(self.running.lock().known.get(key)?.record.clone())
    }

    pub(crate) fn status(&self, key: &AlarmKey) -> Option<alarm::Status> {
        self.running.lock().engine.status(key)
    }

    /// Returns with what writes of decisions fail, how many times, and for how long, while they do.
    pub(crate) fn not_kept(&self) -> Option<(String, u64, Duration)> {
        let failing = self.keeping.failing()?;
        Some((failing.error, failing.times, failing.since.elapsed()))
    }

    /// Tells those who wait that there is something to do.
    pub(crate) fn wake(&self) {
        for (count, waiting) in [&self.news, &self.arrivals] {
            *count.lock() += 1;
            waiting.notify_all();
        }
    }

    /// Tells whoever follows the stream that points arrived.
    pub(crate) fn points_arrived(&self) {
        *self.arrivals.0.lock() += 1;
        self.arrivals.1.notify_all();
    }

    /// Waits until somebody wakes those who wait, at most so long; `seen` is what the last call returned.
    pub(crate) fn wait(&self, seen: u64, wait: Duration) -> u64 {
        Self::wait_for(&self.news, seen, wait)
    }

    /// As [`wait`](Self::wait), also for points.
    pub(crate) fn wait_for_arrivals(&self, seen: u64, wait: Duration) -> u64 {
        Self::wait_for(&self.arrivals, seen, wait)
    }

    fn wait_for((count, waiting): &(Mutex<u64>, Condvar), seen: u64, wait: Duration) -> u64 {
        let mut count = count.lock();
        if *count == seen {
            waiting.wait_for(&mut count, wait);
        }
        *count
    }

    /// Empties everything; what is in the catalog is the caller's.
    pub(crate) fn clear(&self) {
        let mut follower = self.follower.lock();
        let mut running = self.running.lock();
        self.keeping.clear();
        *self.queries.lock() = queue::Queue::default();
        running.engine = AlarmEngine::new(Options::default());
        running.known.clear();
        running.index.clear();
        running.mutes.clear();
        running.rebuilds.clear();
        *follower = follow::Follower::default();
    }
}

impl Platform {
    /// Has deliveries tell what became of actions.
    pub(crate) fn keep_what_became_of_actions(&self) {
        let (alarms, clock) = (self.alarms.clone(), self.clock.clone());
        self.set_action_log(Arc::new(history::ActionHistory { alarms, clock }));
    }
}
