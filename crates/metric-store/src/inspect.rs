//! Looks at parts and frames of a stopped server's directory: everything that a read would check,
//! and what no read looks at.

use crate::frame::{self, Event};
use crate::part::{Part, PartError};
use crate::rollup::days::Days;
use crate::rollup::tier::Tier;
use crate::rollup::tiers::{TierPart, Tiers, day_of_name};
use std::collections::{BTreeMap, HashSet};
use storage::PartFile;

/// What a part says that it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartSummary {
    /// Days since 1970; the first of several, where it is of a tier.
    pub partition: i64,
    /// Of which tier its roll-ups are; `None` for raw points.
    pub tier: Option<Tier>,
    days: Days,
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
    Ok(summary(&Part::open(name, file)?))
}

fn summary(part: &Part) -> PartSummary {
    let meta = part.meta();
    PartSummary {
        partition: meta.partition,
        tier: meta.tier,
        days: meta.days.clone(),
        series: meta.series,
        points: meta.points,
        rewritten: meta.level > 0 || meta.settled,
    }
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
    Ok(summary(&part))
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
            let times = part.times(&chunk)?;
            match meta.tier {
                None => drop(part.points(&chunk)?),
                Some(_) => drop(part.folded(&chunk)?),
            }
            let ordered = times.windows(2).all(|pair| pair[0] < pair[1]);
            let ends = times.first().copied().zip(times.last().copied());
            if times.iter().any(|at| at.rem_euclid(part.step_ms()) != 0) {
                return Err(wrong("a time is not on the grid of its tier"));
            }
            if !ordered || ends != Some((chunk.min_ms, chunk.max_ms)) {
                return Err(wrong("the times of a chunk are not what it says"));
            }
            let within = block.min_ms <= chunk.min_ms && chunk.max_ms <= block.max_ms;
            if !within || chunk.min_ms < meta.min_ms || chunk.max_ms > meta.max_ms {
                return Err(wrong("a chunk lies outside of the times that its block says"));
            }
            points += times.len() as u64;
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
    /// Native histograms.
    pub histograms: u64,
    /// Exemplars.
    pub exemplars: u64,
    /// The first frame that makes no sense although its checksum holds.
    pub odd: Option<u64>,
    declared: HashSet<u32>,
}

impl FrameCount {
    /// Returns the points in the frames.
    pub fn points(&self) -> u64 {
        self.floats + self.deltas + self.histograms
    }

    /// Counts a frame of our kind; `whole` says that the frames before it were shown too, so that
    /// every series must have been declared.
    pub fn add(&mut self, sequence: u64, payload: &[u8], whole: bool) {
        let (mut floats, mut deltas, mut histograms) = (0, 0, 0);
        let (mut exemplars, mut sound) = (0, true);
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
            Event::Histogram { number, .. } => {
                sound &= !whole || declared.contains(&number);
                histograms += 1;
            }
            Event::Exemplar { .. } => exemplars += 1,
        });
        self.frames += 1;
        self.floats += floats;
        self.deltas += deltas;
        self.histograms += histograms;
        self.exemplars += exemplars;
        if (read.is_none() || !sound) && self.odd.is_none() {
            self.odd = Some(sequence);
        }
    }
}

/// Returns what a manifest that is made anew says of parts, by name: days that raw parts hold are
/// rolled up again, all others are left to the roll-ups that there are.
///
/// # Errors
/// A sentence, when two parts of a tier hold the same day.
pub fn about_rebuilt(parts: &[(String, PartSummary)]) -> Result<BTreeMap<String, String>, String> {
    let raw: HashSet<i64> =
        parts.iter().filter(|(_, s)| s.tier.is_none()).map(|(_, s)| s.partition).collect();
    let mut tiers = Tiers::default();
    for (name, summary) in parts {
        let Some(tier) = summary.tier else { continue };
        let mut days = summary.days.clone();
        days.retain(|day| !raw.contains(&day));
        let twice = tiers.of_tier(tier).find(|p| days.iter().any(|day| p.days.contains(day)));
        if let Some(other) = twice {
            let other = &other.name;
            return Err(format!(
                "{name} and {other} hold roll-ups of the same day, of which one \
                                took the place of the other"
            ));
        }
        let (kept, name) = (days.clone(), name.clone());
        tiers.parts.push(TierPart { name, part: None, tier, days, kept });
    }
    Ok(tiers.to_words())
}

/// Returns what a manifest says of parts, by name, when some are taken off it. Roll-ups may hold what
/// rolled raw parts among those held: such days are kept. Days of roll-ups among those are rolled up
/// again where all of their raw points are still there.
///
/// # Errors
/// The words that make no sense.
pub fn about_without(
    about: &BTreeMap<String, String>,
    off: &[String],
) -> Result<BTreeMap<String, String>, String> {
    let mut tiers = Tiers::of_words(about)?;
    let rolled: Vec<&String> = off.iter().filter(|name| tiers.rolled.remove(*name)).collect();
    rolled.iter().filter_map(|name| day_of_name(name)).for_each(|day| tiers.keep_day(day));
    let kept = tiers.kept();
    let of_tiers = tiers.parts.extract_if(.., |part| off.contains(&part.name));
    let again: Vec<i64> = of_tiers.flat_map(|part| part.days.iter().collect::<Vec<_>>()).collect();
    again.into_iter().filter(|day| !kept.contains(*day)).for_each(|day| tiers.forget_day(day));
    Ok(tiers.to_words())
}

/// Says what a manifest says of a part that cannot be read, if there is such.
pub fn odd_about(about: &BTreeMap<String, String>) -> Option<String> {
    Tiers::of_words(about).err()
}

/// Says whether the words of a tombstone can be read.
pub fn tombstone_is_sound(stored: &storage::Tombstone) -> bool {
    crate::tombstone::Tombstone::of_stored(stored).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_off_a_manifest_leave_days_whole_or_kept() {
        let about = |lines: &[(&str, &str)]| -> BTreeMap<String, String> {
            lines.iter().map(|(name, words)| ((*name).to_owned(), (*words).to_owned())).collect()
        };
        let before = about(&[
            ("1.100.part", "rolled"),
            ("2.101.part", "rolled"),
            ("3.102.part", "rolled"),
            ("4.100.5m.part", "5m 100..102 -"),
            ("5.100.1h.part", "1h 99..102 99"),
        ]);
        let without = |off: &[&str]| {
            about_without(&before, &off.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>())
        };
        // Both tiers may hold what the raw part held.
        let kept = about(&[
            ("1.100.part", "rolled"),
            ("3.102.part", "rolled"),
            ("4.100.5m.part", "5m 100..102 101"),
            ("5.100.1h.part", "1h 99..102 99,101"),
        ]);
        assert_eq!(without(&["2.101.part"]), Ok(kept));
        // All raw points of the tier part's days are there, but not of 99.
        assert_eq!(without(&["4.100.5m.part"]), Ok(about(&[("5.100.1h.part", "1h 99 99")])));
        // Of 101 neither: what is left of its raw points stays in the hours, and is not counted twice.
        let hours = about(&[("5.100.1h.part", "1h 99,101 99,101")]);
        assert_eq!(without(&["2.101.part", "4.100.5m.part"]), Ok(hours));
        assert_eq!(without(&[]), Ok(before.clone()));
        assert!(about_without(&about(&[("1.1.part", "odd")]), &[]).is_err());
    }
}
