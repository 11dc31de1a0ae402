//! The product's verbs, each once. Doors translate into these; see the README for the nouns.

mod access;
mod alarms;
mod audit;
mod credentials;
mod delete;
mod described;
mod directory;
mod fsck;
mod health;
mod ingest;
mod manage;
mod memory;
mod naming;
mod outbox;
mod picture;
mod questions;
mod read;
mod retention;
pub mod saving;
mod tenants;
mod time;
mod topics;
mod upkeep;
mod usage;

pub use access::{AccessError, AuthMode, Verb};
pub use alarm::{AlarmState, EvaluationState, Status as AlarmStatus, SuppressedBy};
pub use alarms::{
    AlarmCounters, AlarmError, AlarmFilter, AlarmKind, AlarmRecord, AlarmShown, BacktestOf,
    CompositeRecord, ConditionRecord, ContributorShown, Explained, ExplainedChild,
    ExplainedEvaluation, ExplainedLate, ExplainedPeriod, HistoryFilter, HistoryPage, HistoryPlace,
    HistoryShown, HistoryType, MetricRecord, MetricsRecord, MuteRecord, MuteRuleShown, NewState,
    PromqlRecord, QueryRecord, StatRecord, Transition, UnmatchedAlarm, WarmUpRecord, WatchRecord,
    WindowRecord, alarm_arn, contributor_id, mute_rule_arn,
};
pub use audit::{AuditCounters, AuditEvent, CallSource, EVENT_SOURCE};
pub use bus::{MessageAttribute, shown as shown_url};
pub use credentials::{
    CredentialShown, Credentials, CredentialsError, KeyFileError, LoginError, LoginStep,
    NewAccessKey, NewCredential, NewToken, PasswordCheck, Presented, Standing, may_be_told,
};
pub use delete::DeleteError;
pub use described::{DescribeError, Entity, EntityOfSeries, MetricMetadata};
pub use eval::{Statistic, StatisticError, labels};
pub use fsck::{Finding, FsckError, FsckOptions, FsckReport, Outcome, fsck};
pub use health::Condition;
pub use ingest::{Ingest, IngestError, TimeLimits};
pub use lang::promql;
pub use manage::{ManageError, Management, StoppedDirectory};
pub use memory::MemoryPlan;
pub use metric_store::{
    Batch, Deleted, Exemplar, ExemplarStatus, ExemplarsOf, NamespaceUse, OverBudget, RawHash,
    ReadError, ReadLimits, SeriesLimits, SeriesNumber, Share, StoreOptions, StoreStatus,
    WriteError,
};
pub use metric_store::{FORMS, Held, HeldForms, Keep, RollUpTimes, Tier};
pub use naming::{NO_NAMESPACE, Naming, NamingFor, shown_namespace};
pub use outbox::{
    ActionLog, Aside, DeadLetterShown, DeadLettersError, DeliveryCounters, NextStep, Pictures,
    Telling,
};
pub use picture::PictureError;
pub use query::metric_data::{
    DataAnswer, DataQuery, DataQuestion, DataSource, Line, LineMetric, LineSource, MetricData,
    Plan, PlanError, caps, rounded_start,
};
pub use query::{
    Annotations, Detail, Labels, MetricId, Options, PeriodsOfUnit, PromAnswer, PromQuestion,
    QueryError, Range, Series, StatisticsQuestion, Value, labels_of,
};
pub use questions::{QuestionLimits, QuestionUse};
pub use read::{Answered, AskError, ListedMetric, MetricFilter, OpenQuestion};
pub use retention::{ChangeMode, KeptRule, RetentionError, RuleShown, WantedRule};
pub use tenants::ScopeError;
pub use time::{TimeError, TimeStep};
pub use topics::{Published, SubscriptionShown, TopicError, TopicPage, WantedSubscription};
pub use usage::{OTHERS, Sender, Sent, SentUse};

use catalog::{Catalog, CatalogError, RedbCatalog};
use metric_store::{MetricStore, StoreError, StoreFiles};
use model::Scope;
use parking_lot::Mutex;
use query::LocalRunner;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use stdx::{Clock, Disk, DiskLock};
use storage::{FileJournal, FileJournalOptions, JournalError};
pub use storage::{SyncMode, SyncModeError};

/// Answers that are kept take so much less than unpacked blocks.
const KEPT_SHARE: u64 = 2;

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
    /// Where the key is that secrets are encrypted under; `None` is `secret.key` in the directory.
    pub key_file: Option<PathBuf>,
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
    /// Access keys, users or tokens.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
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
    retention_changing: retention::Changing,
    usage: usage::Usage,
    credentials: Credentials,
    audit: audit::Audit,
    alarms: Arc<alarms::Alarms>,
    outbox: outbox::Outbox,
    topics: topics::Topics,
    page_secret: [u8; 32],
    disk: Arc<dyn Disk>,
    data_dir: PathBuf,
    /// Since when conditions of health hold.
    conditions_since: Mutex<BTreeMap<&'static str, Option<i64>>>,
    /// What of the journal's tail was left out at the start.
    journal_tail: Option<storage::UnreadTail>,
    _lock: DiskLock,
}

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
        let lock = directory::take(&*disk, dir, Some(clock.is_virtual()))?;
        let files = StoreFiles::open(&disk, &dir.join("metrics"))?;
        let journal_options =
            FileJournalOptions { sync: options.sync, ..FileJournalOptions::default() };
        let journal = FileJournal::open_after(
            disk.clone(),
            &dir.join("journal"),
            journal_options,
            files.flushed(),
        )?;
        let journal_tail = journal.unread_tail().cloned();
        // A virtual clock jumps when it is told to.
        let store = StoreOptions { trust_clock: clock.is_virtual(), ..options.store };
        let metrics = Arc::new(MetricStore::open(files, Arc::new(journal), store)?);
        let catalog: Arc<dyn Catalog> =
            Arc::new(RedbCatalog::open(&disk, &dir.join("catalog.redb"))?);
        let key_file = options.key_file.clone().unwrap_or_else(|| directory::key_file(dir));
        let needs_secrets = options.auth == AuthMode::Required;
        let credentials =
            Credentials::load(catalog.clone(), disk.clone(), key_file, needs_secrets)?;
        let region = &options.default_scope.region;
        let audit = audit::Audit::new(disk.clone(), clock.clone(), dir, region);
        let tenants = tenants::Tenants::load(catalog.clone())?;
        for (tenant, first) in tenants.firsts() {
            metrics.share_budget(tenant, first);
        }
        retention::start(&*catalog, &metrics, |scope| tenants.find(scope))?;
        let page_secret = page_secret(&*catalog)?;
        let alarms =
            Arc::new(alarms::Alarms::load(&*catalog, &tenants, metrics.applied(), clock.now_ms())?);
        let outbox = outbox::Outbox::load(catalog.clone())?;
        let topics = topics::Topics::load(&*catalog)?;
        let described = described::Described::load(&*catalog, &tenants)?;
        let kept_bytes = metrics.options().block_cache_bytes / KEPT_SHARE;
        let platform = Self {
            clock,
            auth: options.auth,
            default_scope: options.default_scope.clone(),
            runner: Arc::new(LocalRunner::keeping(metrics.clone(), kept_bytes)),
            questions: questions::Questions::new(options.questions),
            catalog,
            metrics,
            tenants,
            described,
            retention_changing: retention::Changing::default(),
            usage: usage::Usage::default(),
            credentials,
            audit,
            alarms,
            outbox,
            topics,
            page_secret,
            disk,
            data_dir: options.data_dir.clone(),
            conditions_since: Mutex::default(),
            journal_tail,
            _lock: lock,
        };
        platform.keep_what_became_of_actions();
        Ok(platform)
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

    /// Returns how exemplars stand.
    pub fn exemplar_status(&self) -> ExemplarStatus {
        self.metrics.exemplar_status()
    }

    /// Returns how the metric store is kept.
    pub fn store_options(&self) -> &StoreOptions {
        self.metrics.options()
    }

    /// Returns what questions may cost.
    pub fn question_limits(&self) -> &QuestionLimits {
        self.questions.limits()
    }

    /// Returns what all questions since the start cost together.
    pub fn all_questions(&self) -> QuestionUse {
        self.questions.all_uses()
    }

    /// Returns what the questions of each account cost since the start.
    pub fn question_uses(&self) -> Vec<(model::TenantId, QuestionUse)> {
        self.questions.uses()
    }

    /// Has questions that wait for their turn look whether their askers are still there
    /// ([`stdx::Cancel`]).
    pub fn wake_questions(&self) {
        self.questions.wake();
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
