//! The product's verbs, each once. Doors translate into these; see the README for the nouns.

mod access;
mod delete;
mod described;
mod ingest;
mod memory;
mod questions;
mod read;
pub mod saving;
mod tenants;
mod time;
mod upkeep;
mod usage;

pub use access::{AccessError, AuthMode, Verb};
pub use delete::DeleteError;
pub use described::{Entity, EntityOfSeries, MetricMetadata};
pub use eval::{Statistic, StatisticError};
pub use ingest::{Ingest, IngestError, TimeLimits};
pub use lang::promql;
pub use memory::MemoryPlan;
pub use metric_store::{
    Batch, Deleted, NamespaceUse, OverBudget, RawHash, ReadError, ReadLimits, SeriesLimits,
    SeriesNumber, Share, StoreOptions, StoreStatus, WriteError,
};
pub use query::{
    MetricId, PeriodsOfUnit, PromSeries, QueryError, Selection, StatisticsQuestion, instant_of,
    labels_of,
};
pub use questions::{QuestionLimits, QuestionUse};
pub use read::{AskError, ListedMetric, MetricFilter};
pub use tenants::ScopeError;
pub use time::{TimeError, TimeStep};
pub use usage::{OTHERS, Sender, Sent, SentUse};

use catalog::{Catalog, CatalogError, RedbCatalog};
use metric_store::{MetricStore, StoreError, StoreFiles};
use model::Scope;
use query::LocalRunner;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use stdx::{Clock, Disk, DiskLock};
use storage::{FileJournal, FileJournalOptions, JournalError};
pub use storage::{SyncMode, SyncModeError};

/// How a platform is set up.
#[derive(Debug, Clone)]
pub struct PlatformOptions {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Account and region of whoever names none.
    pub default_scope: Scope,
    /// When a write counts as kept.
    pub sync: SyncMode,
    /// Who may come in.
    pub auth: AuthMode,
    /// How metrics are kept.
    pub store: StoreOptions,
    /// What questions may cost.
    pub questions: QuestionLimits,
}

/// Why the platform could not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory cannot be used.
    #[error("data directory {dir}: {what}")]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// What is wrong, and what to do about it.
        what: String,
    },
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The metric store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The catalog.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

/// Everything that the product keeps and does.
#[derive(Debug)]
pub struct Platform {
    clock: Arc<dyn Clock>,
    auth: AuthMode,
    default_scope: Scope,
    catalog: Arc<dyn Catalog>,
    metrics: Arc<MetricStore>,
    runner: Arc<dyn query::Runner>,
    questions: questions::Questions,
    tenants: tenants::Tenants,
    described: described::Described,
    usage: usage::Usage,
    page_secret: [u8; 32],
    disk: Arc<dyn Disk>,
    data_dir: PathBuf,
    _lock: DiskLock,
}

/// The first line of the file that marks a data directory; a later version that cannot read this
/// form refuses it by this line.
const DIRECTORY_VERSION: &str = "sightline-data 1";

impl Platform {
    /// Opens a data directory, or makes a new one, and reads back what the journal holds.
    ///
    /// # Errors
    /// [`OpenError`] names the directory and what to do.
    pub fn open(
        options: &PlatformOptions,
        clock: Arc<dyn Clock>,
        disk: Arc<dyn Disk>,
    ) -> Result<Self, OpenError> {
        let dir = options.data_dir.as_path();
        let directory = |what: String| OpenError::Directory { dir: dir.to_path_buf(), what };
        disk.create_dir_all(dir).map_err(|e| directory(format!("cannot be made: {e}")))?;
        let lock = disk.lock(&dir.join("LOCK")).map_err(|e| match e.kind() {
            std::io::ErrorKind::WouldBlock => directory(
                "is in use by another process; stop that one, or choose another --data".into(),
            ),
            _ => directory(format!("cannot be locked: {e}")),
        })?;
        saving::refuse_unfinished(&*disk, dir).map_err(directory)?;
        mark_directory(&*disk, dir, clock.is_virtual()).map_err(directory)?;

        let files = StoreFiles::open(&disk, &dir.join("metrics"))?;
        let journal_options =
            FileJournalOptions { sync: options.sync, ..FileJournalOptions::default() };
        let journal = FileJournal::open_after(
            disk.clone(),
            &dir.join("journal"),
            journal_options,
            files.flushed(),
        )?;
        let metrics = Arc::new(MetricStore::open(files, Arc::new(journal), options.store)?);
        let catalog: Arc<dyn Catalog> =
            Arc::new(RedbCatalog::open(&disk, &dir.join("catalog.redb"))?);
        let tenants = tenants::Tenants::load(catalog.clone())?;
        let page_secret = page_secret(&*catalog)?;
        let described = described::Described::load(&*catalog)?;
        Ok(Self {
            clock,
            auth: options.auth,
            default_scope: options.default_scope.clone(),
            runner: Arc::new(LocalRunner::new(metrics.clone())),
            questions: questions::Questions::new(options.questions),
            catalog,
            metrics,
            tenants,
            described,
            usage: usage::Usage::default(),
            page_secret,
            disk,
            data_dir: options.data_dir.clone(),
            _lock: lock,
        })
    }

    /// Returns the clock that everything here goes by.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Returns the account and region of whoever names none.
    pub fn default_scope(&self) -> &Scope {
        &self.default_scope
    }

    /// Returns the secret that page tokens are signed with; it outlives restarts.
    pub fn page_secret(&self) -> [u8; 32] {
        self.page_secret
    }

    /// Returns how the metric store stands.
    pub fn store_status(&self) -> StoreStatus {
        self.metrics.status()
    }

    /// Says whether writes are taken: not after a failed sync, until the server is started again.
    pub fn takes_writes(&self) -> bool {
        !self.metrics.is_broken()
    }

    /// Returns the bytes that are free where the data are, if the disk tells.
    pub fn disk_free_bytes(&self) -> Option<u64> {
        self.disk.free_bytes(&self.data_dir).ok()
    }

    /// Returns what each namespace of each account has in memory, and what it was refused.
    pub fn namespace_uses(&self) -> Vec<NamespaceUse> {
        self.metrics.namespace_uses()
    }

    /// Returns how the metric store is kept.
    pub fn store_options(&self) -> &StoreOptions {
        self.metrics.options()
    }

    /// Returns what questions may cost.
    pub fn question_limits(&self) -> &QuestionLimits {
        self.questions.limits()
    }

    /// Returns what the questions of each account cost since the start.
    pub fn question_uses(&self) -> Vec<(model::TenantId, QuestionUse)> {
        self.questions.uses()
    }

    /// Returns the bytes of memory that questions have now.
    pub fn question_bytes(&self) -> u64 {
        self.questions.memory_used()
    }

    /// Returns what the metric store did since the start.
    pub fn store_counters(&self) -> &metric_store::StoreCounters {
        self.metrics.counters()
    }
}

fn page_secret(catalog: &dyn Catalog) -> Result<[u8; 32], CatalogError> {
    const TABLE: &str = "secrets";
    if let Some(found) = catalog.get(TABLE, "page-tokens")?
        && let Ok(secret) = found.try_into()
    {
        return Ok(secret);
    }
    let secret = stdx::Rng::system_bytes::<32>();
    catalog.write(vec![catalog::Change::put(TABLE, "page-tokens", secret.to_vec())])?;
    Ok(secret)
}

/// Checks or writes the file that says what the directory is. One written on a virtual clock does
/// not open on the real one: its times are not of this world.
fn mark_directory(disk: &dyn Disk, dir: &Path, is_virtual: bool) -> Result<(), String> {
    let path = dir.join("VERSION");
    let clock = if is_virtual { "virtual" } else { "real" };
    let text = format!("{DIRECTORY_VERSION}\nclock {clock}\n");
    let file = disk.open_or_create(&path).map_err(|e| format!("cannot be marked: {e}"))?;
    let found = file.read_all().map_err(|e| format!("mark cannot be read: {e}"))?;
    let found = String::from_utf8_lossy(&found);
    // A crash while it was written leaves a piece of it: nothing was kept here before it was whole.
    if found.len() < text.len() && text.starts_with(&*found) {
        let write = || {
            file.write_all_at(text.as_bytes(), 0)?;
            file.sync()?;
            disk.sync_dir(dir)
        };
        return write().map_err(|e: std::io::Error| format!("cannot be marked: {e}"));
    }
    let mut lines = found.lines();
    let version = lines.next().unwrap_or_default();
    if version != DIRECTORY_VERSION {
        return Err(format!(
            "was written by another version ({version:?}; this one reads {DIRECTORY_VERSION:?})"
        ));
    }
    match lines.next() {
        Some(line) if line == format!("clock {clock}") => Ok(()),
        Some("clock virtual") => {
            Err("was written on a virtual clock and does not open on the real one".into())
        }
        _ => Err("was written on the real clock and does not open on a virtual one".into()),
    }
}
