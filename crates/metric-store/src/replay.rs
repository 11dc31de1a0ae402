//! What the journal holds beyond the parts goes into a head again, each frame once.

use crate::frame::{self, Event, FRAME_KIND, Sample};
use crate::head::Head;
use crate::registry::Registry;
use crate::store::StoreError;
use model::SeriesKey;
use std::ops::ControlFlow;
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
) -> Result<(), StoreError> {
    const UNKNOWN: u32 = u32::MAX;
    let mut numbers: Vec<u32> = Vec::new();
    let mut bad = None;
    journal.read_from(from, &mut |found| {
        if found.kind != FRAME_KIND {
            return ControlFlow::Continue(());
        }
        let mut sound = true;
        let number_of = |numbers: &[u32], sample: Sample| {
            numbers.get(sample.number as usize).copied().filter(|&n| n != UNKNOWN)
        };
        let read = frame::read(found.payload, |event| match event {
            Event::Declared { number, kind, key } => {
                let at = number as usize;
                // A frame names the numbers it uses; one far beyond them is no number of ours.
                if at >= numbers.len() + (1 << 26) {
                    sound = false;
                    return;
                }
                if at >= numbers.len() {
                    numbers.resize(at + 1, UNKNOWN);
                }
                match SeriesKey::decode(key) {
                    Some(key) => numbers[at] = registry.register(None, &key, kind),
                    None => sound = false,
                }
            }
            Event::Float(sample) => match number_of(&numbers, sample) {
                Some(number) => head.push_float(number, sample.at_ms, sample.value),
                None => sound = false,
            },
            Event::Single(sample) => match number_of(&numbers, sample) {
                Some(number) => head.push_single(number, sample.at_ms, sample.value),
                None => sound = false,
            },
            Event::Delta { number, at_ms, delta } => {
                match numbers.get(number as usize).filter(|&&n| n != UNKNOWN) {
                    Some(&number) => head.push_delta(number, at_ms, &delta),
                    None => sound = false,
                }
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
