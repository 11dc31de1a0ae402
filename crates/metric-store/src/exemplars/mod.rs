//! Exemplars: single events, such as a traced request, that stand beside the samples of a series.
//!
//! All that are kept are in memory, where they are found; a bounded number of them for each tenant, the
//! newest by their own time. They travel in the journal with their batch. A flush writes all of them into
//! one file, which takes the place of the one before, and with it what the journal holds of them is
//! not needed any more.
//!
//! Which exemplars are kept depends on which came, and not on their order or on how often: what is newest
//! of all. So a replay of frames that the file has in it already changes nothing.

pub(crate) mod file;
pub(crate) mod kept;

use crate::Deletion;
use crate::batch::Batch;
use crate::matcher::Matcher;
use crate::part::PartError;
use crate::read_budget::ReadBudget;
use crate::retention::{Retention, first_day, start_of};
use crate::snapshot::ReadError;
use crate::store::{MetricStore, StoreError, StoreOptions, io};
pub(crate) use kept::Kept;
use kept::Stored;
use model::{SeriesKey, TenantId, TimeRange};
use std::collections::BTreeSet;
use std::io::ErrorKind::NotFound;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use stdx::varint::{self, Reader};
use storage::{Manifest, PartFile, Parts};

/// Setting of the manifest: the file that all exemplars were written to.
pub(crate) const SETTING: &str = "exemplars";

/// An event beside the samples of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    /// When it was, in milliseconds since 1970.
    pub at_ms: i64,
    /// The value that was observed.
    pub value: f64,
    /// What it is known by, such as the number of a trace; sorted by name.
    pub labels: Vec<(String, String)>,
}

/// The exemplars of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct ExemplarsOf {
    /// The series.
    pub key: SeriesKey,
    /// Oldest first.
    pub exemplars: Vec<Exemplar>,
}

/// How exemplars stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExemplarStatus {
    /// Exemplars that are kept.
    pub count: usize,
    /// What they take in memory; counted among the store's.
    pub bytes: usize,
    /// Exemplars that gave way to newer ones since the start.
    pub evicted: u64,
}

/// Which file of exemplars is in force after a change.
#[derive(Debug, Default)]
pub(crate) enum FileInForce {
    /// The one before.
    #[default]
    Same,
    /// This one.
    Is(String),
    /// None: there are no exemplars.
    Nothing,
}

impl FileInForce {
    /// Changes the manifest; returns the name of the file that goes.
    pub(crate) fn apply(&self, manifest: &mut Manifest) -> Option<String> {
        let before = manifest.setting(SETTING).map(str::to_owned);
        match self {
            Self::Same => return None,
            Self::Is(name) => manifest.set(SETTING, name.clone()),
            Self::Nothing => manifest.settings.retain(|(key, _)| key != SETTING),
        }
        before
    }

    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Is(name) => Some(name),
            Self::Same | Self::Nothing => None,
        }
    }
}

/// Appends labels as they are kept: name and value of each.
fn put_labels(out: &mut Vec<u8>, labels: &[(String, String)]) {
    for (name, value) in labels {
        varint::put_bytes(out, name.as_bytes());
        varint::put_bytes(out, value.as_bytes());
    }
}

fn read_labels(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    let mut reader = Reader::new(bytes);
    let mut labels = Vec::new();
    while !reader.is_empty() {
        labels.push((reader.str()?.to_owned(), reader.str()?.to_owned()));
    }
    Some(labels)
}

impl Batch {
    /// Adds exemplars of a series, which needs no samples; `key` must be canonical.
    pub fn exemplars(&mut self, key: &SeriesKey, exemplars: &[Exemplar]) {
        let mut bytes = Vec::new();
        key.encode(&mut bytes);
        let stored = exemplars.iter().map(|exemplar| {
            let mut labels = Vec::new();
            put_labels(&mut labels, &exemplar.labels);
            Stored::new(exemplar.at_ms, exemplar.value, labels.into())
        });
        self.exemplars.push((bytes.into(), stored.collect()));
    }

    /// Returns how many exemplars are in it.
    pub fn exemplar_count(&self) -> usize {
        self.exemplars.iter().map(|(_, exemplars)| exemplars.len()).sum()
    }
}

/// Series are looked at in pieces of this many, so that writers get their turn in between.
const PIECE: usize = 256;

impl MetricStore {
    /// Returns the exemplars in `range` of the tenant's series that all matchers of any selector take,
    /// in the order of their keys.
    ///
    /// # Errors
    /// [`ReadError`] when a limit was hit.
    pub fn exemplars(
        &self,
        tenant: TenantId,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        budget: &ReadBudget,
    ) -> Result<Vec<ExemplarsOf>, ReadError> {
        let keys = self.exemplars.lock().keys_of(tenant);
        let shown = self.shown(None);
        let (mut found, mut points) = (Vec::new(), 0);
        for piece in keys.chunks(PIECE) {
            budget.check_time()?;
            for bytes in piece {
                let Some(key) = SeriesKey::decode(bytes) else { continue };
                if !selectors.iter().any(|matchers| all_match(matchers, &key)) {
                    continue;
                }
                let range = shown.range_of(&key, range);
                let exemplars = self.exemplars.lock().of_series(tenant, bytes, range);
                if exemplars.is_empty() {
                    continue;
                }
                points += exemplars.len() as u64;
                let bytes = exemplars.iter().map(|e| 3 * e.bytes() as u64).sum::<u64>();
                budget.take(bytes + bytes_of(&key))?;
                let max = budget.limits().points_max;
                if points > max {
                    return Err(ReadError::TooManyPoints { found: points, max });
                }
                let exemplars = exemplars.iter().filter_map(Stored::told).collect();
                found.push(ExemplarsOf { key, exemplars });
                budget.check_series(found.len())?;
            }
        }
        Ok(found)
    }

    /// Returns how exemplars stand.
    pub fn exemplar_status(&self) -> ExemplarStatus {
        self.exemplars.lock().status()
    }

    /// Keeps what a batch has of them, once its frame is kept.
    pub(crate) fn keep_exemplars(&self, batch: &Batch, sequence: u64) {
        if batch.exemplars.is_empty() {
            return;
        }
        let mut kept = self.exemplars.lock();
        for (key, exemplars) in &batch.exemplars {
            for exemplar in exemplars {
                kept.insert(key, Stored { sequence, ..exemplar.clone() });
            }
        }
        self.exemplar_bytes.store(kept.status().bytes, Ordering::Relaxed);
    }

    /// Says whether the file in force is damaged.
    pub(crate) fn exemplars_are_damaged(&self) -> bool {
        self.exemplars.lock().damaged
    }

    /// Says whether some may be in the journal only.
    pub(crate) fn exemplars_wait(&self) -> bool {
        self.exemplars.lock().is_changed()
    }

    /// Writes all of them into a new file where they have changed since the last; the mark is for
    /// [`MetricStore::exemplars_written`].
    pub(crate) fn write_exemplars(&self) -> Result<(FileInForce, u64), StoreError> {
        self.write_exemplars_but(&[], 0)
    }

    fn write_exemplars_but(
        &self,
        gone: &[Deletion],
        upto: u64,
    ) -> Result<(FileInForce, u64), StoreError> {
        let (mark, blocks) = {
            let kept = self.exemplars.lock();
            if gone.is_empty() && !kept.is_changed() {
                return Ok((FileInForce::Same, kept.changes()));
            }
            let stays = |key: &SeriesKey, e: &Stored| !is_meant(gone, upto, key, e);
            (kept.changes(), file::blocks(&kept, stays))
        };
        if blocks.is_empty() {
            return Ok((FileInForce::Nothing, mark));
        }
        let name = self.exemplars_name();
        match file::write(&*self.parts, &name, &blocks) {
            Ok(()) => Ok((FileInForce::Is(name), mark)),
            Err(error) => {
                // Nobody lists it.
                self.remove_files(&[name]);
                Err(io("write exemplars")(error))
            }
        }
    }

    /// Notes that what there was at `mark` is in the file in force.
    pub(crate) fn exemplars_written(&self, mark: u64) {
        self.exemplars.lock().written(mark);
    }

    /// Says whether a deletion takes any.
    pub(crate) fn touches_exemplars(&self, what: &[Deletion]) -> bool {
        let kept = self.exemplars.lock();
        kept.any(|key, exemplar| is_meant(what, u64::MAX, key, exemplar))
    }

    /// Writes the file that a deletion leaves behind, of all that came up to a frame; `None` when it
    /// takes none. [`MetricStore::forget_exemplars`] follows when that file is in force.
    pub(crate) fn without_exemplars(
        &self,
        what: &[Deletion],
        upto: u64,
    ) -> Result<Option<(FileInForce, u64)>, StoreError> {
        if !self.touches_exemplars(what) {
            return Ok(None);
        }
        self.write_exemplars_but(what, upto).map(Some)
    }

    /// Removes from memory what a deletion takes of all that came up to a frame.
    pub(crate) fn forget_exemplars(&self, what: &[Deletion], upto: u64, mark: u64) {
        let mut kept = self.exemplars.lock();
        // What came since the file was written is in the journal, and in the next file.
        let unchanged = kept.changes() == mark;
        kept.retain(|key, exemplar| !is_meant(what, upto, key, exemplar));
        if unchanged {
            let changes = kept.changes();
            kept.written(changes);
        }
        self.exemplar_bytes.store(kept.status().bytes, Ordering::Relaxed);
    }

    /// Removes all that came up to a frame from memory.
    pub(crate) fn clear_exemplars(&self, upto: u64) {
        let mut kept = self.exemplars.lock();
        kept.retain(|_, exemplar| exemplar.sequence > upto);
        self.exemplar_bytes.store(kept.status().bytes, Ordering::Relaxed);
    }

    /// Removes those past the retention of raw points, once a day and when the rules change. They are
    /// not shown any more since that moment; the next file does not have them.
    pub(crate) fn expire_exemplars(&self, now_ms: i64) {
        let retention = self.retention.load_full();
        let day = first_day(0, now_ms);
        let mut kept = self.exemplars.lock();
        if !kept.is_to_expire(&retention, day) {
            return;
        }
        kept.retain(|key, exemplar| exemplar.at_ms >= kept_since(&retention, key, now_ms));
        self.exemplar_bytes.store(kept.status().bytes, Ordering::Relaxed);
    }

    /// Returns a name for a new file.
    fn exemplars_name(&self) -> String {
        let mut manifest = self.manifest.lock();
        manifest.next_part += 1;
        format!("{:012}{}", manifest.next_part, file::SUFFIX)
    }
}

fn kept_since(retention: &Retention, key: &SeriesKey, now_ms: i64) -> i64 {
    start_of(first_day(retention.of_key(key).raw_ms, now_ms))
}

fn all_match(matchers: &[Matcher], key: &SeriesKey) -> bool {
    matchers.iter().all(|m| m.matches(key.label(&m.label)))
}

fn is_meant(what: &[Deletion], upto: u64, key: &SeriesKey, exemplar: &Stored) -> bool {
    exemplar.sequence <= upto
        && what.iter().any(|deletion| {
            deletion.tenant == key.tenant
                && deletion.range.contains(exemplar.at_ms)
                && all_match(&deletion.matchers, key)
        })
}

fn bytes_of(key: &SeriesKey) -> u64 {
    let labels = key.labels.iter().map(|(name, value)| 64 + name.len() + value.len());
    (key.name.len() + key.namespace.len() + labels.sum::<usize>()) as u64
}

/// Returns the file of exemplars that a manifest lists.
pub fn exemplars_file(manifest: &Manifest) -> Option<&str> {
    manifest.setting(SETTING)
}

/// Lists another file of exemplars in a manifest, or none.
pub fn set_exemplars_file(manifest: &mut Manifest, name: Option<String>) {
    match name {
        Some(name) => manifest.set(SETTING, name),
        None => manifest.settings.retain(|(key, _)| key != SETTING),
    }
}

/// Says whether a file of the directory is one of exemplars, by its name.
pub fn is_exemplars_file(name: &str) -> bool {
    name.ends_with(file::SUFFIX)
}

/// Reads everything of a file of exemplars; returns whose they are.
///
/// # Errors
/// [`PartError::Damaged`] names the first thing that is wrong.
pub fn verify_exemplars(name: &str, file: &dyn PartFile) -> Result<BTreeSet<TenantId>, PartError> {
    let mut tenants = BTreeSet::new();
    file::read(name, file, |key, _| tenants.extend(kept::tenant_of(key)))?;
    Ok(tenants)
}

/// Of the store's memory, exemplars of all tenants take one in so many bytes at most.
const MEMORY_SHARE: usize = 16;

impl Kept {
    pub(crate) fn of_options(options: &StoreOptions) -> Self {
        Self::new(options.exemplars_max, options.memory_bytes_max / MEMORY_SHARE)
    }

    /// Takes over what a file holds. Says `false` when it is damaged or gone: what could be read of it
    /// is there, and the rest of the store serves.
    ///
    /// # Errors
    /// When the disk does not give it.
    pub(crate) fn load(&mut self, parts: &dyn Parts, name: &str) -> Result<bool, StoreError> {
        let mut key: Arc<[u8]> = Arc::default();
        let opened = parts.open(name).map_err(|source| PartError::Io {
            part: name.to_owned(),
            offset: 0,
            len: 0,
            source,
        });
        let read = opened.and_then(|file| {
            file::read(name, &*file, |bytes, exemplar| {
                if *key != *bytes {
                    key = Arc::from(bytes);
                }
                self.insert(&key, exemplar);
            })
        });
        let changes = self.changes();
        self.written(changes);
        self.damaged = read.is_err();
        match read {
            Ok(()) => Ok(true),
            // A version that knew nothing of exemplars has been at work here.
            Err(PartError::Io { source, .. }) if source.kind() == NotFound => {
                tracing::error!(file = name, "the file of exemplars is gone");
                Ok(false)
            }
            Err(error @ PartError::Io { .. }) => Err(error.into()),
            Err(error) => {
                tracing::error!(file = name, %error, "exemplars are lost; the rest serves");
                Ok(false)
            }
        }
    }
}
