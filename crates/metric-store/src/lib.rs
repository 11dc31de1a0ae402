//! The metric store: writes points durably, gives immutable snapshots, keeps the index over labels,
//! merges parts and removes old ones. It knows no query language and no wire.
//!
//! A point's way: [`Batch`] (its key as the client sent it, hashed and looked up; only a new one is
//! parsed) → [`MetricStore::submit`] (a frame of the journal) → [`MetricStore::commit`] (synced,
//! then readable in the head, then acknowledged) → [`MetricStore::maintain`] (parts, merged, expired).
//! Readers take [`MetricStore::select`] and friends.
//!
//! ```
//! use metric_store::{FileStore, Matcher, Points, ReadBudget, StoreOptions};
//! use model::{Kind, SeriesKey, TenantId, TimeRange, Unit};
//! use std::{path::Path, sync::Arc};
//!
//! let disk = Arc::new(stdx::SimDisk::new(1, stdx::CrashPlan::default()));
//! let store = FileStore::open(disk, Path::new("/data"), Default::default(), StoreOptions::default())?;
//! let key = SeriesKey {
//!     tenant: TenantId(1), namespace: "Shop".into(), name: "Orders".into(), unit: Unit::Count,
//!     labels: vec![("region".into(), "eu".into())],
//! };
//! let mut batch = store.batch();
//! let series = batch.register(None, &key, Kind::Delta)?;
//! batch.single(series, 60_000, 3.0);
//! store.write(batch)?;
//! let found = store.select(
//!     TenantId(1), &[Matcher::equal("region", "eu")], TimeRange::ALL, &ReadBudget::default())?;
//! assert_eq!(found[0].points()?.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod batch;
mod budget;
mod changes;
mod chunk;
mod clock_watch;
mod delete;
mod exemplars;
mod expire;
mod faults;
mod find;
mod flush;
mod frame;
#[doc(hidden)]
pub mod fuzzing;
mod graves;
mod groups;
mod head;
mod inspect;
mod install;
mod labels;
mod maintain;
mod matcher;
mod merge;
mod part;
mod past;
mod points;
mod postings;
mod purge;
mod read_budget;
mod registry;
mod replay;
mod retention;
mod rollup;
mod save;
mod scan;
mod selection;
mod selector;
mod snapshot;
mod status;
mod store;
mod tap;
mod tombstone;

pub use batch::{Batch, Done, SeriesNumber, WriteError};
pub use budget::{BudgetOf, Culprit, NamespaceUse, OverBudget, SeriesLimits, Share};
pub use changes::Moment;
pub use delete::{DeleteError, Deleted, Deletion};
pub use exemplars::{
    Exemplar, ExemplarStatus, ExemplarsOf, exemplars_file, is_exemplars_file, set_exemplars_file,
    verify_exemplars,
};
pub use faults::{Fault, FaultKind};
pub use find::MetricKey;
pub use frame::FRAME_KIND;
pub use inspect::{
    FrameCount, PartSummary, about_rebuilt, about_without, odd_about, summarize_part,
    tenants_of_part, tombstone_is_sound, verify_part,
};
pub use labels::Texts;
pub use maintain::Step;
pub use matcher::{Matcher, Test};
pub use part::PartError;
pub use past::Past;
pub use points::Points;
pub use purge::{FORMS, Held, HeldForms};
pub use read_budget::{QueryMemory, ReadBudget, ReadLimits};
pub use registry::RawHash;
pub use retention::{Keep, Retention, RetentionRule};
pub use rollup::read::{Detail, Grid, GridSeries};
pub use rollup::samples::RolledSeries;
pub use rollup::tier::Tier;
pub use save::{Saved, SavedPart, check_part, manifest_of_copy};
pub use scan::{Columns, Scan, ScanGroups, ScanReader, Wanted};
pub use selection::{GroupsRead, Selection};
pub use selector::Selector;
pub use snapshot::{ReadError, Series};
pub use status::{StoreCounters, StoreStatus, TierStatus};
pub use store::{MetricStore, RollUpTimes, StoreError, StoreFiles, StoreOptions};
pub use tap::{Tap, TapError, TapEvent};

use std::path::Path;
use std::sync::Arc;
use stdx::Disk;
use storage::{FileJournal, FileJournalOptions};

/// Opens a store and a journal of its own below one directory.
#[derive(Debug)]
pub struct FileStore;

impl FileStore {
    /// Opens `dir/metrics` and `dir/journal`.
    ///
    /// # Errors
    /// [`StoreError`] when either cannot be opened.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        journal: FileJournalOptions,
        options: StoreOptions,
    ) -> Result<MetricStore, StoreError> {
        let files = StoreFiles::open(&disk, &dir.join("metrics"))?;
        let floor = files.flushed();
        let journal = FileJournal::open_after(disk, &dir.join("journal"), journal, floor)?;
        MetricStore::open(files, Arc::new(journal), options)
    }
}
