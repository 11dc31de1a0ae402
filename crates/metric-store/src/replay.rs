//! What the journal holds beyond the parts goes into a head again, each frame once.

use crate::exemplars::Kept;
use crate::exemplars::kept::Stored;
use crate::frame::{self, Event, FRAME_KIND};
use crate::head::Head;
use crate::registry::Registry;
use crate::store::StoreError;
use hashbrown::HashMap;
use model::SeriesKey;
use std::ops::ControlFlow;
use std::sync::Arc;
use storage::Journal;

/// Applies the frames from `from` on.
///
/// # Errors
/// [`StoreError::Frame`] for a frame whose checksum holds, yet that makes no sense.
pub(crate) fn replay(
    journal: &dyn Journal,
    from: u64,
    registry: &Registry,
    head: &mut Head,
    exemplars: &mut Kept,
) -> Result<(), StoreError> {
    let mut numbers = Numbers::default();
    let mut bad = None;
    journal.read_from(from, &mut |found| {
        if found.kind != FRAME_KIND {
            return ControlFlow::Continue(());
        }
        let mut sound = true;
        let read = frame::read(found.payload, |event| match event {
            Event::Declared { number, kind, key } => match SeriesKey::decode(key) {
                Some(key) => numbers.set(number, registry.register(None, &key, kind)),
                None => sound = false,
            },
            Event::Float(sample) => match numbers.get(sample.number) {
                Some(number) => head.push_float(number, sample.at_ms, sample.value),
                None => sound = false,
            },
            Event::Single(sample) => match numbers.get(sample.number) {
                Some(number) => head.push_single(number, sample.at_ms, sample.value),
                None => sound = false,
            },
            Event::Delta { number, at_ms, delta } => match numbers.get(number) {
                Some(number) => head.push_delta(number, at_ms, &delta),
                None => sound = false,
            },
            Event::Histogram { number, at_ms, histogram } => match numbers.get(number) {
                Some(number) => {
                    head.push_histogram(number, at_ms, &Arc::new(histogram.canonical()));
                }
                None => sound = false,
            },
            Event::Exemplar { key, exemplar } => {
                let sequence = found.sequence;
                exemplars.insert(&Arc::from(key), Stored { sequence, ..exemplar });
            }
        });
        if read.is_none() || !sound {
            bad = Some(found.sequence);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    match bad {
        Some(sequence) => Err(StoreError::Frame { sequence }),
        None => Ok(()),
    }
}

const UNKNOWN: u32 = u32::MAX;
/// Numbers below this, and this many times as many as were declared, are looked up by place: those
/// of a process are dense. Others cost what they are: a damaged one must not ask for all memory.
const DENSE_MIN: usize = 1 << 14;
const DENSE_PER_DECLARED: usize = 64;

/// What numbers of the process that wrote the journal stand for here.
#[derive(Default)]
struct Numbers {
    dense: Vec<u32>,
    sparse: HashMap<u32, u32>,
    declared: usize,
}

impl Numbers {
    fn set(&mut self, number: u32, ours: u32) {
        self.declared += 1;
        let at = number as usize;
        if at >= DENSE_MIN + DENSE_PER_DECLARED * self.declared {
            self.sparse.insert(number, ours);
            return;
        }
        if at >= self.dense.len() {
            self.dense.resize(at + 1, UNKNOWN);
        }
        self.dense[at] = ours;
    }

    #[inline]
    fn get(&self, number: u32) -> Option<u32> {
        match self.dense.get(number as usize) {
            Some(&ours) if ours != UNKNOWN => Some(ours),
            _ => self.sparse.get(&number).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_near_and_far_are_found() {
        let mut numbers = Numbers::default();
        let far = u32::MAX - 1;
        numbers.set(far, 1);
        numbers.set(20_000, 2);
        assert_eq!(numbers.dense.len(), 0);
        for n in 0..500 {
            numbers.set(n, n + 10);
        }
        // Declared again, now that it is near.
        numbers.set(20_000, 3);
        assert_eq!(
            [far, 20_000, 499, 500].map(|n| numbers.get(n)),
            [Some(1), Some(3), Some(509), None]
        );
        assert!(numbers.dense.len() > 20_000);
    }
}
