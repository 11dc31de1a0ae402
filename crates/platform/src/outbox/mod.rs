//! The outbox: what must be told is written down before it is tried, in the same step as what caused
//! it, and leaves when it was told or lies among the dead letters.
//!
//! [`Platform::notice_changes`] gives the changes to put into the caller's own write;
//! [`Platform::wake_deliveries`] says that they are there. [`Platform::delivery_step`] does what is
//! due and never waits for a receiver; a thread of the server calls it.

mod counters;
mod dead;
mod lanes;
mod letters;
mod records;
mod signal;
mod step;
#[cfg(test)]
pub(crate) mod tests;
mod trouble;

pub use counters::DeliveryCounters;
pub use dead::{DeadLetterShown, DeadLettersError};
pub(crate) use records::{Receiver, is_sound};
pub use step::NextStep;
pub(crate) use trouble::{FailingReceiver, Trouble};

use crate::Platform;
use bus::address::Reach;
use bus::{Handlers, Notice, Outcome, Queues};
use catalog::{Catalog, CatalogError, Change};
use lanes::Lanes;
use letters::Letters;
use model::Scope;
use parking_lot::{Mutex, RwLock};
use records::{KEYS, KeySeen, OUTBOX, TABLES};
use signal::Signal;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use stdx::{Call, CallError, Net, Reply, Rng, Stopwatch};

/// Hears what became of an action, to write it into a history.
pub trait ActionLog: Send + Sync + fmt::Debug {
    /// Returns changes that are made in the same step as the notice leaves the outbox.
    fn outcome(&self, notice: &Notice, outcome: &Outcome) -> Vec<Change>;
}

/// How things are told.
#[derive(Debug)]
pub struct Telling {
    /// The way out.
    pub net: Arc<dyn Net>,
    /// What the operator maps actions to.
    pub handlers: Handlers,
    /// Which places strangers may have told.
    pub reach: Reach,
    /// What links in messages begin with: `https://host`, without a slash at the end.
    pub external_url: String,
    /// Whom mail is from; none where no mail can be sent.
    pub mail_from: Option<String>,
    /// The server of queues.
    pub queues: Option<Queues>,
    /// Who draws the pictures of mails.
    pub pictures: Option<Arc<dyn Pictures>>,
    /// Does work that takes long, on a thread of its own.
    pub aside: Arc<dyn Aside>,
    /// Signs, which takes a millisecond or two, on as many threads as there are processors. They do
    /// nothing else: nobody's web hook waits for the pictures of mails.
    pub signing: Arc<dyn Aside>,
}

/// Draws the picture of an alarm's mail.
pub trait Pictures: Send + Sync + fmt::Debug {
    /// Returns the picture of a metric widget up to a moment, in PNG.
    ///
    /// # Errors
    /// Why there is none, as a fragment: the mail goes out without it and says so.
    fn picture(&self, scope: &Scope, widget: &str, end_ms: i64) -> Result<Vec<u8>, String>;
}

/// Does work that the delivering thread must not wait for.
pub trait Aside: Send + Sync + fmt::Debug {
    /// Does it, now or later; it is begun in the order given.
    fn run(&self, work: Box<dyn FnOnce() + Send>);
}

/// What is to be sent to a receiver.
pub(crate) enum Made {
    /// This.
    Call(Call),
    /// What comes of this, which takes a while.
    Aside(Box<dyn FnOnce() -> Result<Call, String> + Send>),
    /// What comes of this, which signs.
    Signing(Box<dyn FnOnce() -> Result<Call, String> + Send>),
    /// Nothing: the receiver does not want anything any more.
    Gone,
    /// It cannot be told, and why.
    Never(String),
}

/// What became of a call, on its way back to the thread that delivers.
#[derive(Debug)]
struct Finished {
    lane: String,
    /// Of before or after the outbox was emptied.
    epoch: u64,
    outcome: Result<Reply, CallError>,
}

/// What only the delivering thread touches.
#[derive(Debug, Default)]
struct Machine {
    /// None before the first step.
    lanes: Option<Lanes>,
    /// None before the first step.
    letters: Option<Letters>,
    /// Changes that are not in the catalog yet.
    pending: Vec<Change>,
    /// Since when the first of them waits.
    pending_since: Option<Stopwatch>,
    /// When counts last became points.
    metrics_stored: Option<Stopwatch>,
    rng: Option<Rng>,
    in_flight: usize,
    epoch: u64,
    /// When old keys and dead letters were last looked at.
    swept_ms: Option<i64>,
}

/// Everything that is to be told.
#[derive(Debug)]
pub(crate) struct Outbox {
    catalog: Arc<dyn Catalog>,
    /// The next number of a notice or delivery.
    next: AtomicU64,
    telling: OnceLock<Arc<Telling>>,
    log: RwLock<Option<Arc<dyn ActionLog>>>,
    machine: Mutex<Machine>,
    finished: Arc<Mutex<Vec<Finished>>>,
    signal: Arc<Signal>,
    pub(crate) counters: DeliveryCounters,
    pub(crate) trouble: Mutex<Trouble>,
}

impl Outbox {
    pub(crate) fn load(catalog: Arc<dyn Catalog>) -> Result<Self, CatalogError> {
        let mut last = 0;
        for table in TABLES {
            let mut after = String::new();
            loop {
                let page = catalog.page(table, "", &after, 512)?;
                let Some((key, _)) = page.last() else { break };
                after.clone_from(key);
                if table != KEYS {
                    let numbers = page.iter().filter_map(|(key, _)| records::number_of(key));
                    last = numbers.fold(last, u64::max);
                }
            }
        }
        Ok(Self {
            catalog,
            next: AtomicU64::new(last + 1),
            telling: OnceLock::new(),
            log: RwLock::default(),
            machine: Mutex::default(),
            finished: Arc::default(),
            signal: Arc::default(),
            counters: DeliveryCounters::default(),
            trouble: Mutex::default(),
        })
    }

    pub(crate) fn telling(&self) -> Option<&Arc<Telling>> {
        self.telling.get()
    }

    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    fn outcome(&self, notice: &Notice, outcome: &Outcome) -> Vec<Change> {
        let log = self.log.read().clone();
        log.map(|log| log.outcome(notice, outcome)).unwrap_or_default()
    }

    /// Empties it. What is under way arrives and is forgotten.
    pub(crate) fn clear(&self) -> Result<(), CatalogError> {
        let mut machine = self.machine.lock();
        machine.epoch += 1;
        machine.pending.clear();
        machine.in_flight = 0;
        for table in TABLES {
            loop {
                let page = self.catalog.page(table, "", "", 512)?;
                if page.is_empty() {
                    break;
                }
                self.catalog
                    .write(page.into_iter().map(|(key, _)| Change::remove(table, key)).collect())?;
            }
        }
        machine.lanes = Some(Lanes::default());
        machine.letters = Some(Letters::default());
        *self.trouble.lock() = Trouble::default();
        Ok(())
    }
}

impl Platform {
    /// Returns the changes that put a notice into the outbox, for the caller's own transaction; none
    /// when a notice of this key was put there before. Call [`Platform::wake_deliveries`] when they
    /// are made.
    ///
    /// # Errors
    /// [`CatalogError::Storage`].
    pub fn notice_changes(&self, notice: &Notice) -> Result<Vec<Change>, CatalogError> {
        let outbox = &self.outbox;
        let key = key_of(notice);
        if outbox.catalog.get(KEYS, &key)?.is_some() {
            return Ok(Vec::new());
        }
        let number = outbox.number();
        let seen = KeySeen { number, at_ms: self.clock.now_ms() };
        let seen = serde_json::to_vec(&seen).expect("numbers are JSON");
        Ok(vec![
            Change::put(KEYS, key, seen),
            Change::put(OUTBOX, records::number_text(number), notice.to_bytes()),
        ])
    }

    /// Returns the changes that put a notice into the outbox whose key was never used: one that was
    /// made for it. Twice with the same is twice told.
    pub fn fresh_notice_changes(&self, notice: &Notice) -> Vec<Change> {
        let number = self.outbox.number();
        vec![Change::put(OUTBOX, records::number_text(number), notice.to_bytes())]
    }

    /// Says that notices were put into the outbox, or that the thread should look whether to stop.
    pub fn wake_deliveries(&self) {
        self.outbox.signal.wake();
    }

    /// Says how things are told. Until then notices are kept and wait.
    pub fn begin_telling(&self, telling: Telling) {
        if self.outbox.telling.set(Arc::new(telling)).is_err() {
            tracing::error!("how things are told was said twice; the first time counts");
        }
        self.wake_deliveries();
    }

    /// Says who writes down what became of actions, in place of whoever did before.
    pub fn set_action_log(&self, log: Arc<dyn ActionLog>) {
        *self.outbox.log.write() = Some(log);
    }

    /// Returns what links in messages begin with, once it is said how things are told.
    pub fn external_url(&self) -> Option<&str> {
        self.outbox.telling().map(|telling| telling.external_url.as_str())
    }

    /// Waits until there may be something to deliver, at most `pause` of real time.
    pub fn wait_for_deliveries(&self, pause: Duration) {
        self.outbox.signal.wait(pause);
    }

    /// Waits until no delivery is due or under way, at most `patience` of real time; the delivering
    /// thread must run. Returns whether that is so.
    pub fn settle_deliveries(&self, patience: Duration) -> bool {
        self.outbox.telling.get().is_none() || self.outbox.signal.until_quiet(patience)
    }

    /// Returns what was delivered since the start.
    pub fn delivery_counters(&self) -> &DeliveryCounters {
        &self.outbox.counters
    }
}

/// The key under its tenant: two accounts may have the same.
fn key_of(notice: &Notice) -> String {
    format!("{}/{}", notice.tenant.0, notice.key)
}
