//! Looks at parts and frames of a stopped server's directory: everything that a read would check,
//! and what no read looks at.

use crate::frame::{self, Event};
use crate::part::{Part, PartError};
use std::collections::HashSet;
use storage::PartFile;

/// What a part says that it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartSummary {
    /// Days since 1970.
    pub partition: i64,
    /// Series.
    pub series: u32,
    /// Points.
    pub points: u64,
    /// Written by a merge, so that its number says nothing of when its content arrived.
    pub rewritten: bool,
}

/// Returns what a part's footer says.
///
/// # Errors
/// [`PartError`] when not even that can be read.
pub fn summarize_part(name: &str, file: Box<dyn PartFile>) -> Result<PartSummary, PartError> {
    let part = Part::open(name, file)?;
    let meta = part.meta();
    Ok(PartSummary {
        partition: meta.partition,
        series: meta.series,
        points: meta.points,
        rewritten: meta.level > 0 || meta.settled,
    })
}

/// Returns the tenants of a part.
///
/// # Errors
/// As [`summarize_part`].
pub fn tenants_of_part(
    name: &str,
    file: Box<dyn PartFile>,
) -> Result<Vec<model::TenantId>, PartError> {
    let part = Part::open(name, file)?;
    Ok(part.meta().tenants.iter().map(|(tenant, ..)| model::TenantId(*tenant)).collect())
}

/// Reads everything of a part: every block and its checksum, every chunk decoded, the order of
/// keys, times and labels, and all counts against what the part says of itself.
///
/// # Errors
/// [`PartError::Damaged`] names the first thing that is wrong.
pub fn verify_part(name: &str, file: Box<dyn PartFile>) -> Result<PartSummary, PartError> {
    let part = Part::open(name, file)?;
    part.check_blocks()?;
    verify_keys(&part)?;
    verify_values(&part)?;
    part.verify_labels()?;
    let meta = part.meta();
    Ok(PartSummary {
        partition: meta.partition,
        series: meta.series,
        points: meta.points,
        rewritten: meta.level > 0 || meta.settled,
    })
}

fn odd(part: &Part, offset: u64, what: &str) -> PartError {
    PartError::damaged(part.name(), offset, what)
}

fn verify_keys(part: &Part) -> Result<(), PartError> {
    let mut last: Vec<u8> = Vec::new();
    let mut count = 0u32;
    for block in 0..part.key_blocks() {
        for key in part.read_keys(block)? {
            if count > 0 && key <= last {
                return Err(odd(part, 0, "its keys are not in order"));
            }
            let Some(decoded) = model::SeriesKey::decode(&key) else {
                return Err(odd(part, 0, "a key cannot be read"));
            };
            let tenants = &part.meta().tenants;
            let known = tenants
                .iter()
                .any(|&(t, from, to)| t == decoded.tenant.0 && from <= count && count < to);
            if !known {
                return Err(odd(part, 0, "a series is not among those of its tenant"));
            }
            count += 1;
            last = key;
        }
    }
    if count == part.meta().series {
        Ok(())
    } else {
        Err(odd(part, 0, "it holds another number of series than it says"))
    }
}

fn verify_values(part: &Part) -> Result<(), PartError> {
    let meta = part.meta();
    let mut points = 0;
    let mut last_series = 0;
    for block in part.values_blocks() {
        let wrong = |what: &str| odd(part, block.place.offset, what);
        for (series, chunk) in part.read_values(block, |_, _, _, _| true)? {
            if series < last_series || series < block.first_series || series > block.last_series {
                return Err(wrong("its series are not in order"));
            }
            if series >= meta.series {
                return Err(wrong("a chunk belongs to no series"));
            }
            last_series = series;
            let decoded = part.points(&chunk)?;
            let mut last = None;
            let ordered =
                !decoded.any_time(|at| last.replace(at).is_some_and(|before| before >= at));
            let ends = decoded.ends();
            if !ordered || ends != Some((chunk.min_ms, chunk.max_ms)) {
                return Err(wrong("the times of a chunk are not what it says"));
            }
            let within = block.min_ms <= chunk.min_ms && chunk.max_ms <= block.max_ms;
            if !within || chunk.min_ms < meta.min_ms || chunk.max_ms > meta.max_ms {
                return Err(wrong("a chunk lies outside of the times that its block says"));
            }
            points += decoded.len() as u64;
        }
    }
    if points == meta.points {
        Ok(())
    } else {
        Err(odd(part, 0, "it holds another number of points than it says"))
    }
}

/// What frames of the journal hold.
#[derive(Debug, Default)]
pub struct FrameCount {
    /// Frames that were looked at.
    pub frames: u64,
    /// Samples of float series.
    pub floats: u64,
    /// Deltas.
    pub deltas: u64,
    /// The first frame that makes no sense although its checksum holds.
    pub odd: Option<u64>,
    declared: HashSet<u32>,
}

impl FrameCount {
    /// Returns the points in the frames.
    pub fn points(&self) -> u64 {
        self.floats + self.deltas
    }

    /// Counts a frame of our kind; `whole` says that the frames before it were shown too, so that
    /// every series must have been declared.
    pub fn add(&mut self, sequence: u64, payload: &[u8], whole: bool) {
        let (mut floats, mut deltas, mut sound) = (0, 0, true);
        let declared = &mut self.declared;
        let read = frame::read(payload, |event| match event {
            Event::Declared { number, key, .. } => {
                sound &= model::SeriesKey::decode(key).is_some();
                declared.insert(number);
            }
            Event::Float(sample) => {
                sound &= !whole || declared.contains(&sample.number);
                floats += 1;
            }
            Event::Single(sample) => {
                sound &= !whole || declared.contains(&sample.number);
                deltas += 1;
            }
            Event::Delta { number, .. } => {
                sound &= !whole || declared.contains(&number);
                deltas += 1;
            }
        });
        self.frames += 1;
        self.floats += floats;
        self.deltas += deltas;
        if (read.is_none() || !sound) && self.odd.is_none() {
            self.odd = Some(sequence);
        }
    }
}

/// Says whether the words of a tombstone can be read.
pub fn tombstone_is_sound(stored: &storage::Tombstone) -> bool {
    crate::tombstone::Tombstone::of_stored(stored).is_some()
}
