//! Points on their way in, before the store has them.

use crate::budget::OverBudget;
use crate::exemplars::kept::Stored;
use crate::frame::Sample;
use crate::head::Head;
use crate::registry::{RawHash, Registry};
use model::{Delta, Histogram, Kind, SeriesKey};
use std::sync::Arc;

/// Why a batch was not stored. The variant tells the caller what to do next.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WriteError {
    /// The registry was renewed since the batch was begun: begin a new one with the same points.
    #[error("batch was begun before the registry was renewed")]
    Stale,
    /// Too much waits for the journal; try again after a pause.
    #[error("{waiting} points wait for the journal, at most {max} may")]
    Busy {
        /// Points that wait.
        waiting: usize,
        /// Points that may wait.
        max: usize,
    },
    /// Points in memory, and the index of their series, take all that they may: flushes do not come
    /// after, or fail. Try again after a pause.
    #[error("points and series in memory take {bytes} bytes, at most {max} may")]
    OverMemory {
        /// What they take.
        bytes: usize,
        /// What they may take.
        max: usize,
    },
    /// The journal did not keep the batch (a full disk, say); it can be sent again.
    #[error("batch was not kept: {0}")]
    NotKept(String),
    /// A sync failed: all further writes are refused until the store is reopened.
    #[error("journal refuses writes since a sync failed; restart to read back what was kept")]
    Broken,
}

/// Called once when a batch is kept and readable, or was not kept.
pub type Done = Box<dyn FnOnce(Result<(), WriteError>) + Send>;

/// The number of a series, good for the batch that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeriesNumber(u32);

/// Points on their way in. Keys are given as they came; only new ones are looked at.
#[derive(Debug)]
pub struct Batch {
    pub(crate) registry: Arc<Registry>,
    pub(crate) floats: Vec<Sample>,
    pub(crate) singles: Vec<Sample>,
    pub(crate) deltas: Vec<(u32, i64, Delta)>,
    pub(crate) histograms: Vec<(u32, i64, Arc<Histogram>)>,
    /// What the histograms' buckets weigh beside them, in points.
    bucket_weight: usize,
    /// By the canonical key of their series.
    pub(crate) exemplars: Vec<(Arc<[u8]>, Vec<Stored>)>,
}

/// So many buckets take as much room on their way as one point.
const BUCKETS_PER_POINT: usize = 2;

impl Batch {
    pub(crate) fn of(registry: Arc<Registry>) -> Self {
        Self {
            registry,
            floats: Vec::new(),
            singles: Vec::new(),
            deltas: Vec::new(),
            histograms: Vec::new(),
            bucket_weight: 0,
            exemplars: Vec::new(),
        }
    }

    /// Adds the points to a head, whose registry is the batch's.
    pub(crate) fn apply_to(&self, head: &mut Head) {
        for sample in &self.floats {
            head.push_float(sample.number, sample.at_ms, sample.value);
        }
        for sample in &self.singles {
            head.push_single(sample.number, sample.at_ms, sample.value);
        }
        for (number, at_ms, delta) in &self.deltas {
            head.push_delta(*number, *at_ms, delta);
        }
        for (number, at_ms, histogram) in &self.histograms {
            head.push_histogram(*number, *at_ms, histogram);
        }
    }

    /// Returns the earliest time of any point.
    pub(crate) fn first_ms(&self) -> Option<i64> {
        let numbers = self.floats.iter().chain(&self.singles).map(|sample| sample.at_ms);
        let others = self.deltas.iter().map(|(_, at_ms, _)| *at_ms);
        let histograms = self.histograms.iter().map(|(_, at_ms, _)| *at_ms);
        [numbers.min(), others.min(), histograms.min()].into_iter().flatten().min()
    }

    /// Hashes a key in the form in which the client sent it. Forms of different doors, tenants and
    /// kinds must differ in their first bytes.
    #[inline]
    pub fn raw_hash(&self, raw: &[u8]) -> RawHash {
        self.registry.raw_hash(raw)
    }

    /// Hashes a key in the form in which the client sent it, behind a prefix that is not part of
    /// its bytes. The prefix's lowest byte stands first: it is what sets a door's keys apart from
    /// those that other doors give to [`Batch::raw_hash`].
    #[inline]
    pub fn raw_hash_prefixed(&self, prefix: u64, raw: &[u8]) -> RawHash {
        self.registry.raw_hash_prefixed(prefix, raw)
    }

    /// Finds the series of a key that was seen before in this form.
    #[inline]
    pub fn find(&self, raw: RawHash) -> Option<SeriesNumber> {
        self.registry.find_raw(raw).map(SeriesNumber)
    }

    /// Registers a series and remembers the form in which it came; `key` must be canonical.
    ///
    /// # Errors
    /// [`OverBudget`]: the series is new and there is no room for it; those that are known go on.
    pub fn register(
        &self,
        raw: Option<RawHash>,
        key: &SeriesKey,
        kind: Kind,
    ) -> Result<SeriesNumber, OverBudget> {
        self.registry.register_within_limits(raw, key, kind).map(SeriesNumber)
    }

    /// Registers a series of the server itself: its code bounds their number, and they say how a
    /// full store is doing.
    pub fn register_own(&self, key: &SeriesKey, kind: Kind) -> SeriesNumber {
        SeriesNumber(self.registry.register(None, key, kind))
    }

    /// Adds a sample of a float series.
    #[inline]
    pub fn float(&mut self, series: SeriesNumber, at_ms: i64, value: f64) {
        self.floats.push(Sample { number: series.0, at_ms, value });
    }

    /// Adds a delta of one sample.
    #[inline]
    pub fn single(&mut self, series: SeriesNumber, at_ms: i64, value: f64) {
        self.singles.push(Sample { number: series.0, at_ms, value });
    }

    /// Adds a delta.
    pub fn delta(&mut self, series: SeriesNumber, at_ms: i64, delta: Delta) {
        match delta.as_single() {
            Some(value) => self.single(series, at_ms, value),
            None => self.deltas.push((series.0, at_ms, delta)),
        }
    }

    /// Adds a native histogram.
    pub fn histogram(&mut self, series: SeriesNumber, at_ms: i64, histogram: Histogram) {
        let histogram = histogram.canonical();
        let buckets = histogram.positive.len() + histogram.negative.len();
        self.bucket_weight += buckets / BUCKETS_PER_POINT;
        self.histograms.push((series.0, at_ms, Arc::new(histogram)));
    }

    /// Returns how many points are in it.
    pub fn len(&self) -> usize {
        self.floats.len() + self.singles.len() + self.deltas.len() + self.histograms.len()
    }

    /// Returns how much room it takes on its way, in points.
    pub(crate) fn weight(&self) -> usize {
        self.len() + self.bucket_weight + self.exemplar_count()
    }

    /// Says whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0 && self.exemplars.is_empty()
    }

    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> {
        let samples = self.floats.iter().chain(&self.singles).map(|s| s.number);
        let others = self.deltas.iter().map(|d| d.0);
        samples.chain(others).chain(self.histograms.iter().map(|h| h.0))
    }
}
