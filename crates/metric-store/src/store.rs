//! The store: the way in (batch, journal, head), and what holds head and parts together.
//!
//! Order is everything here. A batch gets its place in the journal under the `order` lock, and
//! batches reach the head in that place's order, after their frames are kept. A freeze is an entry
//! of the same queue, so the head that it takes away holds exactly the frames up to its place.

use crate::batch::{Batch, Done, WriteError};
use crate::budget::{NamespaceUse, SeriesLimits};
use crate::changes::Changes;
use crate::clock_watch::ClockWatch;
use crate::exemplars::{Kept, exemplars_file};
use crate::faults::{FaultKind, Watched, kind_of};
use crate::frame::{self, FRAME_KIND};
use crate::head::{Frozen, Head};
use crate::install::View;
use crate::part::{BlockCache, Part, PartError};
use crate::registry::Registry;
use crate::replay::replay;
use crate::retention::Retention;
use crate::rollup::tier::Tier;
use crate::rollup::tiers::Tiers;
use crate::status::StoreCounters;
use crate::tombstone::Tombstone;
use arc_swap::ArcSwap;
use model::TenantId;
use parking_lot::{Condvar, Mutex, RwLock};
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use stdx::Disk;
use storage::{
    CommitError, FileParts, Journal, JournalError, Manifest, ManifestError, ManifestFile, Parts,
};

/// How the store keeps metrics.
#[derive(Debug, Clone, Copy)]
pub struct StoreOptions {
    /// A head whose points take this many bytes is flushed into parts ...
    pub head_bytes_max: usize,
    /// ... but not before they take this many for each series: a flush costs its series more than
    /// their points, and has them declared again.
    pub head_bytes_per_series_min: usize,
    /// A head is flushed when the journal has grown by this much since the last flush.
    pub journal_bytes_max: u64,
    /// A head is flushed when its oldest arrival is this old.
    pub head_age_max_ms: i64,
    /// With nothing arriving for this long, the head is flushed and parts are settled.
    pub quiet_ms: i64,
    /// Raw points older than this are removed, a whole partition (a day) at a time.
    pub retention_ms: i64,
    /// Roll-ups of five minutes and of an hour older than this are removed.
    pub rollups: RollUpTimes,
    /// Batches that wait for the journal may hold this many points; beyond it writers are told to
    /// slow down.
    pub waiting_points_max: usize,
    /// Readers of the tap hold the journal back while it has at most this many bytes; beyond it
    /// those that lag are cut loose.
    pub tap_bytes_max: u64,
    /// Points in memory and the index of their series may take this many bytes; the head is flushed
    /// before, and beyond it writers are told to slow down.
    pub memory_bytes_max: usize,
    /// Exemplars of one tenant that are kept, the newest; zero keeps none.
    pub exemplars_max: usize,
    /// Unpacked blocks of parts that questions read take this many bytes.
    pub block_cache_bytes: u64,
    /// How many series there may be before new ones are refused.
    pub series: SeriesLimits,
    /// Goes by the clock whatever it says, as on a virtual one; otherwise nothing expires by a clock
    /// that has jumped.
    pub trust_clock: bool,
}

/// How long roll-ups are kept; at least as long as the raw points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollUpTimes {
    /// Those of five minutes.
    pub five_minutes_ms: i64,
    /// Those of an hour.
    pub hour_ms: i64,
}

impl Default for RollUpTimes {
    /// Fifteen months, as CloudWatch keeps hours.
    fn default() -> Self {
        Self { five_minutes_ms: 455 * 86_400_000, hour_ms: 455 * 86_400_000 }
    }
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            head_bytes_max: 64 << 20,
            head_bytes_per_series_min: 128,
            journal_bytes_max: 512 << 20,
            head_age_max_ms: 2 * 3_600_000,
            quiet_ms: 65_000,
            retention_ms: 90 * 86_400_000,
            rollups: RollUpTimes::default(),
            waiting_points_max: 4_000_000,
            tap_bytes_max: 512 << 20,
            memory_bytes_max: usize::MAX,
            exemplars_max: 100_000,
            block_cache_bytes: 64 << 20,
            series: SeriesLimits::UNBOUNDED,
            trust_clock: false,
        }
    }
}

/// Why the store could not be opened or maintained.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Parts could not be listed, written or removed.
    #[error("metric store: {what}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// What the disk said.
        #[source]
        source: std::io::Error,
    },
    /// The manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A part.
    #[error(transparent)]
    Part(#[from] PartError),
    /// There are parts and nothing that lists them.
    #[error(
        "metric store has parts ({part}, ...) and no MANIFEST: bring it back from where they came \
         from, or move the parts away to start empty"
    )]
    NoManifest {
        /// One of them.
        part: String,
    },
    /// A tombstone of the manifest that makes no sense: without it deleted series would come back.
    #[error("tombstone {0:?} of the metric store's manifest cannot be read")]
    Tombstone(String),
    /// The manifest says of a part what this version does not know: it would be read as something else.
    #[error("what the metric store's manifest says of a part cannot be read: {0:?}")]
    About(String),
    /// A frame whose checksum holds, yet that makes no sense: written by something else.
    #[error("journal frame {sequence} is no batch of metrics")]
    Frame {
        /// The frame.
        sequence: u64,
    },
}

/// Setting of the manifest: the latest time of the clock that was believed, in milliseconds.
pub(crate) const CLOCK_SEEN: &str = "clock-seen";

pub(crate) fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> StoreError {
    move |source| StoreError::Io { what, source }
}

#[derive(Debug)]
pub(crate) struct HeadState {
    pub(crate) head: Head,
    pub(crate) registry: Arc<Registry>,
    pub(crate) generation: u64,
}

struct Order {
    /// Series declared in another generation than this must be declared again.
    generation: u32,
    declared: Vec<u32>,
    registry: Arc<Registry>,
    queue: VecDeque<Item>,
    waiting_points: usize,
}

enum Item {
    Batch { sequence: u64, batch: Batch, done: Done },
    Freeze { sequence: u64, registry: Arc<Registry> },
}

impl Item {
    fn sequence(&self) -> u64 {
        match self {
            Self::Batch { sequence, .. } | Self::Freeze { sequence, .. } => *sequence,
        }
    }
}

/// Metrics of all tenants: journal, head, parts.
pub struct MetricStore {
    pub(crate) options: StoreOptions,
    journal: Arc<dyn Journal>,
    pub(crate) parts: Arc<dyn Parts>,
    /// Blocks of parts that questions unpacked lately.
    pub(crate) cache: Arc<BlockCache>,
    /// Of which times points came or went.
    pub(crate) changes: Changes,
    pub(crate) manifest_file: ManifestFile,
    pub(crate) manifest: Mutex<Manifest>,
    order: Mutex<Order>,
    committer: Mutex<()>,
    frozen_now: Condvar,
    pub(crate) head: RwLock<HeadState>,
    pub(crate) view: ArcSwap<View>,
    pub(crate) exemplars: Mutex<Kept>,
    /// One flush, merge or expiry at a time.
    pub(crate) maintenance: Mutex<crate::maintain::Pace>,
    /// Set when the manifest could not be replaced: parts that it may list or not.
    pub(crate) in_doubt: Mutex<Option<Vec<String>>>,
    counters: StoreCounters,
    /// Bytes of the head, and of a frozen one with its registry: looked at by every write.
    head_bytes: AtomicUsize,
    pub(crate) frozen_bytes: AtomicUsize,
    pub(crate) exemplar_bytes: AtomicUsize,
    pub(crate) damaged: AtomicU64,
    broken: AtomicBool,
    pub(crate) journal_watch: Watched,
    pub(crate) maintenance_watch: Watched,
    pub(crate) clock: Mutex<ClockWatch>,
    pub(crate) retention: ArcSwap<Retention>,
    taps: Mutex<BTreeMap<u64, u64>>,
    /// The last frame that the head has, set under its lock.
    applied: AtomicU64,
}

impl std::fmt::Debug for MetricStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MetricStore").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Where the store's files are: opened before the journal, whose floor the manifest tells.
#[derive(Debug)]
pub struct StoreFiles {
    parts: Arc<dyn Parts>,
    manifest_file: ManifestFile,
    manifest: Manifest,
}

impl StoreFiles {
    /// Reads the manifest of the store in `dir`, which is made when it is absent.
    ///
    /// # Errors
    /// [`StoreError`] when the directory cannot be made or the manifest cannot be read.
    pub fn open(disk: &Arc<dyn Disk>, dir: &Path) -> Result<Self, StoreError> {
        let parts = FileParts::open_dir(disk.clone(), dir).map_err(io("make the directory"))?;
        let manifest_file = ManifestFile::new(disk.clone(), dir);
        let manifest = match manifest_file.read()? {
            Some(manifest) => manifest,
            None => {
                // Written before the first part, so parts without it are an incomplete copy: taking
                // them for leftovers would remove everything.
                let parts = parts.names().map_err(io("list the parts"))?;
                if let Some(part) = parts.first() {
                    return Err(StoreError::NoManifest { part: part.clone() });
                }
                let manifest = Manifest::default();
                manifest_file.replace(&manifest)?;
                manifest
            }
        };
        // After `kill -9` its name may be in the page cache only. Readers are about to be shown what
        // it says, a deletion, say, that nobody was told of: no loss of power may take it back.
        disk.sync_dir(dir).map_err(io("sync the directory"))?;
        Ok(Self { parts: Arc::new(parts), manifest_file, manifest })
    }

    /// Returns the last frame that is in the parts; the journal goes on behind it.
    pub fn flushed(&self) -> u64 {
        self.manifest.flushed
    }
}

impl MetricStore {
    /// Opens the store and applies what the journal holds beyond the parts, each frame once.
    ///
    /// # Errors
    /// [`StoreError`]; a damaged part is no error but set aside and reported.
    pub fn open(
        files: StoreFiles,
        journal: Arc<dyn Journal>,
        options: StoreOptions,
    ) -> Result<Self, StoreError> {
        let StoreFiles { parts, manifest_file, manifest } = files;
        let tombstones = manifest.tombstones.iter().map(|stored| {
            let read = Tombstone::of_stored(stored).map(Arc::new);
            read.ok_or_else(|| StoreError::Tombstone(stored.what.clone()))
        });
        let tombstones = tombstones.collect::<Result<Vec<_>, StoreError>>()?;
        let mut tiers = Tiers::of_words(&manifest.about).map_err(StoreError::About)?;
        let cache = Arc::new(BlockCache::new(options.block_cache_bytes));
        let mut open_parts = Vec::new();
        let mut damaged = 0;
        for name in &manifest.parts {
            let opened = parts
                .open(name)
                .map_err(|source| PartError::Io { part: name.clone(), offset: 0, len: 0, source })
                .and_then(|file| Part::open(name, file))
                .map(|part| part.with_cache(&cache));
            match opened {
                Ok(part) => match tiers.parts.iter_mut().find(|p| p.name == *name) {
                    Some(of_tier) if part.meta().tier == Some(of_tier.tier) => {
                        of_tier.part = Some(Arc::new(part));
                    }
                    None if part.meta().tier.is_none() => open_parts.push(Arc::new(part)),
                    _ => return Err(StoreError::About(name.clone())),
                },
                // Too many open files, say: serving without the part would be a silent gap.
                Err(error @ PartError::Io { .. }) => return Err(error.into()),
                Err(error) => {
                    // Those of tiers are known by having no file.
                    damaged += u64::from(!tiers.is_tier_part(name));
                    tracing::error!(part = name, %error, "part is set aside; the rest serves");
                }
            }
        }
        // Directories from before this was noted have points, which are of about that time.
        let newest = open_parts.iter().map(|p: &Arc<Part>| p.meta().max_ms).max();
        let believed_ms = manifest.setting(CLOCK_SEEN).and_then(|ms| ms.parse().ok()).or(newest);
        let registry = Arc::new(Registry::limited(options.series, Arc::default()));
        let mut head = Head::default();
        let mut exemplars = Kept::of_options(&options);
        if let Some(name) = exemplars_file(&manifest) {
            damaged += u64::from(!exemplars.load(&*parts, name)?);
        }
        replay(&*journal, manifest.flushed + 1, &registry, &mut head, &mut exemplars)?;
        // Last of all: a store that does not open keeps everything as it is.
        let leftovers = parts
            .retain(&|name| {
                manifest.parts.iter().any(|p| p == name) || exemplars_file(&manifest) == Some(name)
            })
            .map_err(io("remove leftovers"))?;
        for name in leftovers {
            tracing::info!(part = name, "removed a part that no manifest lists");
        }
        let head_bytes = head.heap_bytes;
        let applied = AtomicU64::new(journal.committed());
        let store = Self {
            options,
            journal,
            parts,
            cache,
            changes: Changes::default(),
            manifest_file,
            manifest: Mutex::new(manifest),
            order: Mutex::new(Order {
                generation: 1,
                declared: Vec::new(),
                registry: registry.clone(),
                queue: VecDeque::new(),
                waiting_points: 0,
            }),
            committer: Mutex::new(()),
            frozen_now: Condvar::new(),
            head: RwLock::new(HeadState { head, registry, generation: 0 }),
            view: ArcSwap::from_pointee(View {
                generation: 0,
                frozen: None,
                parts: open_parts,
                tiers: Arc::new(tiers),
                tombstones,
            }),
            maintenance: Mutex::default(),
            in_doubt: Mutex::default(),
            counters: StoreCounters::default(),
            head_bytes: AtomicUsize::new(head_bytes),
            frozen_bytes: AtomicUsize::new(0),
            exemplar_bytes: AtomicUsize::new(exemplars.status().bytes),
            exemplars: Mutex::new(exemplars),
            damaged: AtomicU64::new(damaged),
            broken: AtomicBool::new(false),
            journal_watch: Watched::default(),
            maintenance_watch: Watched::default(),
            clock: Mutex::new(ClockWatch::from_past(believed_ms)),
            retention: ArcSwap::from_pointee(Retention::of_options(&options)),
            taps: Mutex::default(),
            applied,
        };
        Ok(store)
    }

    /// Begins a batch. Its points are nowhere until [`MetricStore::submit`].
    pub fn batch(&self) -> Batch {
        let registry = self.order.lock().registry.clone();
        Batch::of(registry)
    }

    /// Sends a batch on its way; `done` is called when it is kept and readable, or failed later.
    ///
    /// # Errors
    /// [`WriteError`] when it was refused at once; `done` is dropped then.
    pub fn submit(&self, batch: Batch, done: Done) -> Result<(), WriteError> {
        if batch.is_empty() {
            done(Ok(()));
            return Ok(());
        }
        // The first byte stands for "no declarations", the usual case.
        let mut payload = Vec::with_capacity(batch.len() * 6 + 16);
        payload.push(0);
        let Batch { floats, singles, deltas, histograms, .. } = &batch;
        frame::put_points(&mut payload, floats, singles, deltas, histograms);
        frame::put_exemplars(&mut payload, !histograms.is_empty(), &batch.exemplars);

        let mut order = self.order.lock();
        if !Arc::ptr_eq(&order.registry, &batch.registry) {
            return Err(WriteError::Stale);
        }
        let (bytes, max) = (self.memory_bytes(&order.registry), self.options.memory_bytes_max);
        if bytes > max {
            order.registry.press();
            return Err(WriteError::OverMemory { bytes, max });
        }
        let (waiting, max) = (order.waiting_points, self.options.waiting_points_max);
        if waiting > 0 && waiting + batch.weight() > max {
            return Err(WriteError::Busy { waiting, max });
        }
        let mut undeclared = Vec::new();
        for number in batch.numbers() {
            let at = number as usize;
            if at >= order.declared.len() {
                order.declared.resize(at + 1 + at / 4, 0);
            }
            if order.declared[at] != order.generation {
                order.declared[at] = order.generation;
                undeclared.push(number);
            }
        }
        let sequence = if undeclared.is_empty() {
            self.journal.enqueue(FRAME_KIND, &payload)
        } else {
            let mut whole = Vec::with_capacity(payload.len() + undeclared.len() * 200);
            frame::put_declarations(&mut whole, &batch.registry, &undeclared);
            whole.extend_from_slice(&payload[1..]);
            self.journal.enqueue(FRAME_KIND, &whole)
        };
        // Only a broken journal refuses, and then what was marked declared never matters again.
        let sequence = sequence.map_err(|error| match error {
            JournalError::Broken => WriteError::Broken,
            other => {
                order.generation += 1;
                WriteError::NotKept(other.to_string())
            }
        })?;
        order.waiting_points += batch.weight();
        order.queue.push_back(Item::Batch { sequence, batch, done });
        Ok(())
    }

    /// Submits a batch and keeps it at once, on this thread; for tools and tests.
    ///
    /// # Errors
    /// [`WriteError`] when the batch was not kept.
    pub fn write(&self, batch: Batch) -> Result<(), WriteError> {
        let result = Arc::new(Mutex::new(None));
        let slot = result.clone();
        self.submit(batch, Box::new(move |r| *slot.lock() = Some(r)))?;
        loop {
            self.commit(Duration::ZERO);
            if let Some(result) = result.lock().take() {
                return result;
            }
        }
    }

    /// Waits up to `wait` for batches, keeps them, makes them readable and calls their `done`.
    /// One thread calls this over and over.
    pub fn commit(&self, wait: Duration) {
        let _committer = self.committer.lock();
        self.commit_locked(wait);
    }

    fn commit_locked(&self, wait: Duration) {
        match self.journal.commit(wait) {
            Ok(kept) => {
                if kept.is_some() {
                    self.journal_watch.works();
                }
                self.apply(self.journal.committed());
            }
            Err(error) => {
                let kind = match error.broken {
                    true => FaultKind::SyncFailed,
                    false => kind_of(&error),
                };
                self.journal_watch.fails(kind, &error.source);
                self.apply(error.from - 1);
                self.take_back(&error);
            }
        }
    }

    /// Makes everything up to a frame readable, in order.
    fn apply(&self, upto: u64) {
        let mut ready = Vec::new();
        {
            let mut order = self.order.lock();
            while order.queue.front().is_some_and(|item| item.sequence() <= upto) {
                ready.extend(order.queue.pop_front());
            }
        }
        if ready.is_empty() {
            return;
        }
        let mut finished = Vec::with_capacity(ready.len());
        let (mut points, mut weight) = (0, 0);
        for item in ready {
            match item {
                Item::Batch { batch, done, sequence } => {
                    points += batch.len();
                    weight += batch.weight();
                    // One lock a batch, so that readers get their turn between two.
                    let mut state = self.head.write();
                    batch.apply_to(&mut state.head);
                    self.applied.store(sequence, Ordering::Release);
                    self.head_bytes.store(state.head.heap_bytes, Ordering::Relaxed);
                    drop(state);
                    if let Some(first_ms) = batch.first_ms() {
                        self.changes.note(first_ms);
                    }
                    self.keep_exemplars(&batch, sequence);
                    finished.push(done);
                }
                Item::Freeze { sequence, registry } => self.freeze(sequence, registry),
            }
        }
        self.order.lock().waiting_points -= weight;
        self.counters.points.fetch_add(points as u64, Ordering::Relaxed);
        self.counters.batches.fetch_add(finished.len() as u64, Ordering::Relaxed);
        for done in finished {
            done(Ok(()));
        }
    }

    fn take_back(&self, error: &CommitError) {
        self.broken.fetch_or(error.broken, Ordering::Relaxed);
        let mut order = self.order.lock();
        // What these frames declared is in no journal: every series is declared again.
        order.generation += 1;
        let (lost, kept): (Vec<Item>, Vec<Item>) =
            order.queue.drain(..).partition(|item| matches!(item, Item::Batch { .. }));
        // A freeze needs no frame of its own; it now stands right behind what was kept.
        for item in kept {
            if let Item::Freeze { registry, .. } = item {
                order.queue.push_back(Item::Freeze { sequence: error.from - 1, registry });
            }
        }
        for item in &lost {
            if let Item::Batch { batch, .. } = item {
                order.waiting_points -= batch.weight();
            }
        }
        // Under the lock that gives batches their place: none came since the commit failed.
        self.journal.resume();
        drop(order);
        self.counters.batches_failed.fetch_add(lost.len() as u64, Ordering::Relaxed);
        tracing::error!(error = %error.source, batches = lost.len(), broken = error.broken,
            "journal did not keep batches; their senders are told");
        let why = match std::error::Error::source(&error.source) {
            Some(cause) => format!("{}: {cause}", error.source),
            None => error.source.to_string(),
        };
        for item in lost {
            if let Item::Batch { done, .. } = item {
                let error = if error.broken {
                    WriteError::Broken
                } else {
                    WriteError::NotKept(why.clone())
                };
                done(Err(error));
            }
        }
        self.apply(self.journal.committed());
    }

    fn freeze(&self, sequence: u64, registry: Arc<Registry>) {
        let mut state = self.head.write();
        let head = std::mem::take(&mut state.head);
        let old = std::mem::replace(&mut state.registry, registry);
        state.generation += 1;
        // The old registry counts only where it is not the new one.
        let renewed = !Arc::ptr_eq(&old, &state.registry);
        let frozen = head.heap_bytes + if renewed { old.bytes() } else { 0 };
        self.frozen_bytes.store(frozen, Ordering::Relaxed);
        self.head_bytes.store(0, Ordering::Relaxed);
        let view = self.view.load();
        assert!(view.frozen.is_none(), "a head is frozen only after the one before is in parts");
        self.view.store(Arc::new(View {
            generation: state.generation,
            frozen: Some(Arc::new(Frozen { head, registry: old, sequence })),
            parts: view.parts.clone(),
            tiers: view.tiers.clone(),
            tombstones: view.tombstones.clone(),
        }));
        drop(state);
        self.frozen_now.notify_all();
    }

    /// Takes the head away for flushing and returns it; `renew` starts an empty registry.
    pub(crate) fn take_head(&self, renew: bool) -> Arc<Frozen> {
        {
            let mut order = self.order.lock();
            order.generation += 1;
            if renew {
                order.registry = Arc::new(order.registry.renewed());
                order.declared = Vec::new();
            }
            let registry = order.registry.clone();
            let behind = order.queue.back().map(Item::sequence);
            let sequence = behind.unwrap_or(0).max(self.journal.committed());
            order.queue.push_back(Item::Freeze { sequence, registry });
        }
        loop {
            if let Some(frozen) = &self.view.load().frozen {
                return frozen.clone();
            }
            // The thread that commits may be waiting for frames, or there may be none.
            if let Some(_committer) = self.committer.try_lock_for(Duration::from_millis(1)) {
                self.commit_locked(Duration::ZERO);
            }
        }
    }

    /// Returns up to which frame the journal may be released: readers of the tap hold it back, but
    /// not beyond the limit, or one that stands still would fill the disk.
    pub(crate) fn needed_by_taps(&self, flushed: u64) -> u64 {
        let oldest = self.taps.lock().values().copied().min().unwrap_or(u64::MAX);
        if self.journal.size_bytes() > self.options.tap_bytes_max {
            flushed
        } else {
            flushed.min(oldest)
        }
    }

    /// Returns how many points wait for the journal.
    pub(crate) fn waiting_points(&self) -> usize {
        self.order.lock().waiting_points
    }

    /// Notes how far a reader of the tap is; `None` when it is gone.
    pub(crate) fn note_tap(&self, id: u64, position: Option<u64>) {
        let mut taps = self.taps.lock();
        match position {
            Some(position) => drop(taps.insert(id, position)),
            None => drop(taps.remove(&id)),
        }
    }

    /// Says whether the journal refuses writes since a sync failed.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// Returns the bytes of points in memory and of the index of their series.
    pub(crate) fn memory_bytes(&self, registry: &Registry) -> usize {
        let points = self.head_bytes.load(Ordering::Relaxed);
        let exemplars = self.exemplar_bytes.load(Ordering::Relaxed);
        points + self.frozen_bytes.load(Ordering::Relaxed) + registry.bytes() + exemplars
    }

    /// Returns how many points are in no part yet, and whether they take enough memory to be worth a
    /// flush.
    pub(crate) fn head_size(&self) -> (u64, bool) {
        let state = self.head.read();
        let enough = self.options.head_bytes_max;
        let enough = enough.max(state.head.active * self.options.head_bytes_per_series_min);
        // Half of what the index leaves: the next head fills while this one is written.
        let index = state.registry.bytes();
        let room = self.options.memory_bytes_max.saturating_sub(index) / 2;
        // A flush costs every series something; when the index takes it all, flushing does not help.
        let room = room.max(self.options.memory_bytes_max / 8);
        (state.head.points, state.head.heap_bytes >= enough.min(room))
    }

    /// Returns the bytes of the journal.
    pub(crate) fn journal_bytes(&self) -> u64 {
        self.journal.size_bytes()
    }

    /// Returns how many series the registry has, and how many of them had points since the last
    /// flush.
    pub(crate) fn series_alive(&self) -> (usize, usize) {
        let state = self.head.read();
        (state.registry.len(), state.head.active)
    }

    /// Says whether new series were refused since the registry was renewed.
    pub(crate) fn is_pressed(&self) -> bool {
        self.head.read().registry.is_pressed()
    }

    /// Returns how many series a namespace has in memory, and how many of them had points since the
    /// last flush.
    pub(crate) fn namespace_alive(&self, tenant: TenantId, namespace: &str) -> (usize, usize) {
        let registry = self.head.read().registry.clone();
        let numbers = registry.select(tenant, &[crate::Matcher::equal("__namespace__", namespace)]);
        let mut active = 0;
        // In slices, so that writers get their turn in between.
        for slice in numbers.chunks(4_096) {
            let state = self.head.read();
            active += slice.iter().filter(|&&n| state.head.get(n).is_some()).count();
        }
        (numbers.len(), active)
    }

    /// Returns a name for a new part.
    pub(crate) fn part_name(&self, partition: i64) -> String {
        let mut manifest = self.manifest.lock();
        manifest.next_part += 1;
        format!("{:012}.{partition}.part", manifest.next_part)
    }

    /// Returns a name for a new part of a tier.
    pub(crate) fn tier_part_name(&self, partition: i64, tier: Tier) -> String {
        let mut manifest = self.manifest.lock();
        manifest.next_part += 1;
        format!("{:012}.{partition}.{tier}.part", manifest.next_part)
    }

    /// Returns the last frame that readers see.
    pub fn applied(&self) -> u64 {
        self.applied.load(Ordering::Acquire)
    }

    /// Returns the last frame that is in the parts.
    pub fn flushed(&self) -> u64 {
        self.manifest.lock().flushed
    }

    /// Returns the journal, for the tap.
    pub(crate) fn journal(&self) -> &Arc<dyn Journal> {
        &self.journal
    }

    /// Returns what happened since the store was opened.
    pub fn counters(&self) -> &StoreCounters {
        &self.counters
    }

    /// Has a tenant share the budget of series with another one, as regions of one account do.
    pub fn share_budget(&self, tenant: TenantId, with: TenantId) {
        let registry = self.order.lock().registry.clone();
        registry.share_budget(tenant, with);
    }

    /// Says whether the index alone takes so much that no flush makes room for points.
    pub(crate) fn index_is_too_large(&self) -> bool {
        self.head.read().registry.bytes() > self.options.memory_bytes_max / 4 * 3
    }

    /// Returns what each namespace of each tenant has in memory, and what it was refused.
    pub fn namespace_uses(&self) -> Vec<NamespaceUse> {
        let registry = self.order.lock().registry.clone();
        registry.uses()
    }

    /// Returns how the store keeps metrics.
    pub fn options(&self) -> &StoreOptions {
        &self.options
    }
}
