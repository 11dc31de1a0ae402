//! What of alarms outlives a restart, and in which order it is written.
//!
//! Everything stands in the catalog, whose writes are whole: the state of an alarm, its history and what
//! must be told are one write, so that a crash neither loses nor repeats a transition. Changes are
//! queued under the engine's lock, in the engine's order, and written outside of it: many puts and the
//! effects of a tick share a write.

use alarm::definition::AlarmKey;
use catalog::{Catalog, CatalogError, Change};
use model::TenantId;
use parking_lot::Mutex;
use std::time::Duration;
use stdx::Stopwatch;

/// Records of alarms, under tenant and name.
pub(crate) const RECORDS: &str = "alarms";
/// Rows of the engine's checkpoint, under tenant and name.
pub(crate) const ROWS: &str = "alarm-states";
/// The head of the engine's checkpoint.
pub(crate) const HEADS: &str = "alarm-engine";
pub(crate) const HEAD: &str = "head";
/// What happened, under tenant, time and a number.
pub(crate) const HISTORY: &str = "alarm-history";
/// The same, under tenant, alarm, time and number; values are empty.
pub(crate) const HISTORY_OF: &str = "alarm-history-of";
/// Mute rules, under tenant and name.
pub(crate) const MUTES: &str = "alarm-mute-rules";
/// Tags of alarms and mute rules, under tenant, sort and name.
pub(crate) const TAGS: &str = "alarm-tags";

/// What came late for windows, under tenant and a hash of the window.
pub(crate) const LATE: &str = "alarm-late";

/// All tables, for emptying them.
pub(crate) const TABLES: [&str; 8] = [RECORDS, ROWS, HEADS, HISTORY, HISTORY_OF, MUTES, TAGS, LATE];

/// Returns where something of a tenant stands; all of them sort by tenant, then name.
pub(crate) fn place(tenant: TenantId, name: &str) -> String {
    format!("{:010}/{name}", tenant.0)
}

/// Reads a [`place`].
pub(crate) fn of_place(place: &str) -> Option<(TenantId, &str)> {
    let (tenant, name) = place.split_once('/')?;
    (tenant.len() == 10).then_some(())?;
    Some((TenantId(tenant.parse().ok()?), name))
}

pub(crate) fn alarm_place(key: &AlarmKey) -> String {
    place(key.tenant, &key.name)
}

/// Changes on their way into the catalog.
#[derive(Debug, Default)]
pub(crate) struct Keeping {
    queue: Mutex<Queue>,
    /// Held by whoever writes for all that wait.
    writing: Mutex<()>,
}

#[derive(Debug, Default)]
struct Queue {
    changes: Vec<Change>,
    /// How many times changes were queued, and up to which of them they are kept.
    queued: u64,
    kept: u64,
    /// What was kept when somebody asked for news last.
    seen: u64,
    failing: Option<KeepingFails>,
}

/// Writes fail, and with what.
#[derive(Debug, Clone)]
pub(crate) struct KeepingFails {
    pub(crate) error: String,
    pub(crate) times: u64,
    pub(crate) since: Stopwatch,
    tried: Stopwatch,
}

/// How often a write that fails is tried again, when nobody waits for it.
const RETRY_EVERY: Duration = Duration::from_secs(1);

impl Keeping {
    /// Queues changes behind all that were queued before; returns what [`keep`](Self::keep) takes.
    pub(crate) fn queue(&self, changes: Vec<Change>) -> u64 {
        let mut queue = self.queue.lock();
        if !changes.is_empty() {
            queue.changes.extend(changes);
            queue.queued += 1;
        }
        queue.queued
    }

    /// Returns when everything up to a ticket is durable, with all that was queued meanwhile.
    ///
    /// # Errors
    /// When the catalog fails. What was queued stays queued and is tried again with the next call.
    pub(crate) fn keep(&self, catalog: &dyn Catalog, ticket: u64) -> Result<(), CatalogError> {
        let _writing = self.writing.lock();
        let (changes, upto) = {
            let mut queue = self.queue.lock();
            if queue.kept >= ticket {
                return Ok(());
            }
            (std::mem::take(&mut queue.changes), queue.queued)
        };
        match catalog.write(changes.clone()) {
            Ok(()) => {
                let mut queue = self.queue.lock();
                queue.kept = upto;
                queue.failing = None;
                Ok(())
            }
            Err(error) => {
                let mut queue = self.queue.lock();
                let failing = queue.failing.get_or_insert_with(|| KeepingFails {
                    error: String::new(),
                    times: 0,
                    since: Stopwatch::start(),
                    tried: Stopwatch::start(),
                });
                failing.tried = Stopwatch::start();
                failing.error = error.to_string();
                failing.times += 1;
                let later = std::mem::replace(&mut queue.changes, changes);
                queue.changes.extend(later);
                Err(error)
            }
        }
    }

    /// Says whether something was kept since it was asked last: whoever delivers is to look.
    pub(crate) fn take_news(&self) -> bool {
        let mut queue = self.queue.lock();
        let kept = queue.kept;
        std::mem::replace(&mut queue.seen, kept) != kept
    }

    /// Returns why nothing is kept, while that is so.
    pub(crate) fn failing(&self) -> Option<KeepingFails> {
        self.queue.lock().failing.clone()
    }

    /// Says whether a write failed a moment ago. Whoever need not answer anybody waits a second: each
    /// attempt holds all that waits, and a disk that is full stays so for a while.
    pub(crate) fn rests(&self) -> bool {
        let queue = self.queue.lock();
        queue.failing.as_ref().is_some_and(|failing| failing.tried.elapsed() < RETRY_EVERY)
    }

    /// Writes whatever waits.
    ///
    /// # Errors
    /// As [`keep`](Self::keep).
    pub(crate) fn keep_all(&self, catalog: &dyn Catalog) -> Result<(), CatalogError> {
        let ticket = self.queue.lock().queued;
        self.keep(catalog, ticket)
    }

    /// Forgets what waits, as everything is emptied.
    pub(crate) fn clear(&self) {
        let _writing = self.writing.lock();
        let mut queue = self.queue.lock();
        queue.changes.clear();
        queue.kept = queue.queued;
        queue.failing = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use catalog::Entry;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    /// A catalog that cannot be written for a while.
    #[derive(Debug, Default)]
    struct Sick {
        is_sick: AtomicBool,
        written: Mutex<Vec<Change>>,
    }

    impl Catalog for Sick {
        fn get(&self, _: &'static str, _: &str) -> Result<Option<Vec<u8>>, CatalogError> {
            Ok(None)
        }

        fn scan(&self, _: &'static str, _: &str) -> Result<Vec<(String, Vec<u8>)>, CatalogError> {
            Ok(Vec::new())
        }

        fn page(
            &self,
            _: &'static str,
            _: &str,
            _: &str,
            _: usize,
        ) -> Result<Vec<(String, Vec<u8>)>, CatalogError> {
            Ok(Vec::new())
        }

        fn page_back(
            &self,
            _: &'static str,
            _: &str,
            _: &str,
            _: usize,
        ) -> Result<Vec<(String, Vec<u8>)>, CatalogError> {
            Ok(Vec::new())
        }

        fn entries(&self) -> Result<Vec<Entry>, CatalogError> {
            Ok(Vec::new())
        }

        fn write(&self, changes: Vec<Change>) -> Result<(), CatalogError> {
            if self.is_sick.load(Ordering::Relaxed) {
                let why = "no space left on device".to_owned();
                return Err(CatalogError::Storage { what: "catalog cannot be written", why });
            }
            self.written.lock().extend(changes);
            Ok(())
        }

        fn watch(&self, _: u64, _: Duration) -> u64 {
            0
        }
    }

    #[test]
    fn what_cannot_be_kept_waits_in_its_order_and_says_why() {
        let (catalog, keeping) = (Sick::default(), Keeping::default());
        let put = |key: &str| vec![Change::put(ROWS, key, Vec::new())];
        catalog.is_sick.store(true, Ordering::Relaxed);
        for key in ["a", "b", "c"] {
            let ticket = keeping.queue(put(key));
            assert!(keeping.keep(&catalog, ticket).is_err());
        }
        let failing = keeping.failing().expect("it fails");
        assert!(
            failing.times == 3 && failing.error.contains("catalog cannot be written"),
            "{failing:?}"
        );
        catalog.is_sick.store(false, Ordering::Relaxed);
        keeping.keep_all(&catalog).expect("kept");
        assert!(keeping.failing().is_none());
        let keys: Vec<String> = catalog.written.lock().iter().map(|c| c.key.clone()).collect();
        assert_eq!(keys, ["a", "b", "c"]);
    }

    #[test]
    fn places_sort_by_tenant_and_are_read_back() {
        let (a, b) = (place(TenantId(9), "z/ä"), place(TenantId(10), "a"));
        assert!(a < b);
        assert_eq!(of_place(&a), Some((TenantId(9), "z/ä")));
        assert_eq!(of_place("9/z"), None);
    }
}
