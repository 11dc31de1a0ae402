//! The tap: kept batches in the order of the journal, for those who follow the stream (alarms,
//! filters, archives). A reader keeps a position, not a lock.

use crate::frame::{self, Event, FRAME_KIND};
use crate::store::MetricStore;
use model::{Delta, Histogram, Kind, SeriesKey};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use storage::JournalError;

/// What the tap shows. Numbers are good until they are declared again.
#[derive(Debug, Clone, PartialEq)]
pub enum TapEvent {
    /// From here on the number stands for this series.
    Declared {
        /// The number.
        number: u32,
        /// What its values are.
        kind: Kind,
        /// What it is.
        key: SeriesKey,
    },
    /// A sample of a float series.
    Float {
        /// The series.
        number: u32,
        /// Milliseconds since 1970.
        at_ms: i64,
        /// The value.
        value: f64,
    },
    /// A delta of one sample.
    Single {
        /// The series.
        number: u32,
        /// Milliseconds since 1970.
        at_ms: i64,
        /// The value.
        value: f64,
    },
    /// Any other delta.
    Delta {
        /// The series.
        number: u32,
        /// Milliseconds since 1970.
        at_ms: i64,
        /// What happened.
        delta: Delta,
    },
    /// A native histogram.
    Histogram {
        /// The series.
        number: u32,
        /// Milliseconds since 1970.
        at_ms: i64,
        /// The value.
        histogram: Arc<Histogram>,
    },
}

/// Why the tap gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum TapError {
    /// The reader was too far behind: what it missed is in the store, its state must be rebuilt
    /// from there, and a new tap begun.
    #[error("frames from {needed} on are no longer in the journal, which starts at {oldest}")]
    CutLoose {
        /// Where the reader stood.
        needed: u64,
        /// Where the journal starts.
        oldest: u64,
    },
    /// The journal could not be read.
    #[error(transparent)]
    Journal(JournalError),
    /// A frame makes no sense.
    #[error("journal frame {0} is no batch of metrics")]
    Frame(u64),
}

/// A reader's position in the stream. While it is there it holds the journal back, up to a limit.
#[derive(Debug)]
pub struct Tap {
    id: u64,
    next: u64,
    store: Weak<MetricStore>,
}

/// Tells readers apart.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl Drop for Tap {
    fn drop(&mut self) {
        if let Some(store) = self.store.upgrade() {
            store.note_tap(self.id, None);
        }
    }
}

impl Tap {
    /// Begins behind the frame `position`, as saved by [`Tap::position`].
    ///
    /// A tap that begins behind [`MetricStore::flushed`] sees every series declared before its
    /// points.
    pub fn after(store: &Arc<MetricStore>, position: u64) -> Self {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        store.note_tap(id, Some(position));
        Self { id, next: position + 1, store: Arc::downgrade(store) }
    }

    /// Returns the last frame that was shown.
    pub fn position(&self) -> u64 {
        self.next - 1
    }

    /// Shows what was kept since the last call, each with the frame that it stands in, at most
    /// `frames_max` frames; returns how many frames there were.
    ///
    /// # Errors
    /// [`TapError`]; the position stays before the frame that failed.
    pub fn read(
        &mut self,
        frames_max: usize,
        mut show: impl FnMut(u64, TapEvent),
    ) -> Result<usize, TapError> {
        let Some(store) = self.store.upgrade() else { return Ok(0) };
        let mut frames = 0;
        let mut bad = None;
        let mut next = self.next;
        let read = store.journal().read_from(self.next, &mut |found| {
            if frames == frames_max {
                return ControlFlow::Break(());
            }
            if found.kind == FRAME_KIND {
                let sound = frame::read(found.payload, |event| {
                    if let Some(event) = translate(event) {
                        show(found.sequence, event);
                    }
                });
                if sound.is_none() {
                    bad = Some(found.sequence);
                    return ControlFlow::Break(());
                }
            }
            frames += 1;
            next = found.sequence + 1;
            ControlFlow::Continue(())
        });
        self.next = next;
        store.note_tap(self.id, Some(self.position()));
        match (read, bad) {
            (_, Some(sequence)) => Err(TapError::Frame(sequence)),
            (Err(JournalError::Gone { needed, oldest }), _) => {
                Err(TapError::CutLoose { needed, oldest })
            }
            (Err(error), _) => Err(TapError::Journal(error)),
            (Ok(()), None) => Ok(frames),
        }
    }
}

fn translate(event: Event<'_>) -> Option<TapEvent> {
    Some(match event {
        Event::Declared { number, kind, key } => {
            TapEvent::Declared { number, kind, key: SeriesKey::decode(key)? }
        }
        Event::Float(s) => TapEvent::Float { number: s.number, at_ms: s.at_ms, value: s.value },
        Event::Single(s) => TapEvent::Single { number: s.number, at_ms: s.at_ms, value: s.value },
        Event::Delta { number, at_ms, delta } => TapEvent::Delta { number, at_ms, delta },
        Event::Histogram { number, at_ms, histogram } => {
            TapEvent::Histogram { number, at_ms, histogram: Arc::new(histogram) }
        }
        // Nobody who follows the stream decides by them.
        Event::Exemplar { .. } => return None,
    })
}
