//! Deleting series: gone from every read at once, removed from the disk when parts are rewritten.
//!
//! Whatever of the head is meant is flushed first, so that a deletion speaks of parts only: nothing
//! that was deleted is left in the journal for a replay, and what arrives later, for whichever time,
//! is in other parts. Then one replacement of the manifest makes it true.

use crate::graves::{Graves, Left, is_cut};
use crate::install::{Change, View};
use crate::matcher::{Matcher, Test};
use crate::part::{Part, PartError, partition_of};
use crate::rollup::tier::Tier;
use crate::store::{MetricStore, StoreError};
use crate::tombstone::Tombstone;
use model::{TenantId, TimeRange};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// A tombstone is a line of the manifest, which is written with every flush.
const TOMBSTONE_BYTES_MAX: usize = 1 << 20;

/// A part is rewritten of itself when one in so many of its series is gone.
const REWRITE_SHARE: u32 = 20;

/// A tombstone costs every read and every manifest: after so long its parts are rewritten, however
/// little of them is gone ...
const TOMBSTONE_AGE_MAX_MS: i64 = 86_400_000;
/// ... and those of the oldest at once when there are more than so many, or more bytes of them.
const TOMBSTONES_MAX: usize = 64;
const TOMBSTONES_BYTES_MAX: usize = 4 << 20;

/// Series of a tenant that all matchers take, and the times of theirs that are meant.
#[derive(Debug, Clone)]
pub struct Deletion {
    /// Whose series.
    pub tenant: TenantId,
    /// Which of them.
    pub matchers: Vec<Matcher>,
    /// Which of their points.
    pub range: TimeRange,
}

/// What a deletion took, or would take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deleted {
    /// Series that lost points.
    pub series: usize,
    /// Parts that held them.
    pub parts: usize,
    /// Of these, parts that held nothing else: their space is free at once.
    pub parts_whole: usize,
    /// Points; zero unless they were counted.
    pub points: u64,
    /// Bytes that those points take on the disk, about; zero unless they were counted.
    pub bytes: u64,
}

/// Why nothing was deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// The selection cannot be written down in reasonable space.
    #[error(
        "label {label:?} has {values} values that decide what is selected, too many to note: name \
         series by labels with few values, or by their namespace"
    )]
    TooWide {
        /// The label.
        label: String,
        /// How many of its values decide.
        values: usize,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<PartError> for DeleteError {
    fn from(error: PartError) -> Self {
        Self::Store(error.into())
    }
}

/// What new tombstones take of one part beyond those before.
struct Effect {
    numbers: Vec<u32>,
    whole: bool,
    points: u64,
}

impl MetricStore {
    /// Says what [`MetricStore::delete`] would take, with points and bytes.
    ///
    /// # Errors
    /// [`DeleteError`].
    pub fn would_delete(&self, what: &[Deletion]) -> Result<Deleted, DeleteError> {
        let pace = self.maintenance.lock();
        self.flush_touched(what, false)?;
        // Counting decodes what is touched; this view stays as it is while flushes go on.
        drop(pace);
        let view = self.view.load_full();
        Ok(effects(&view, &resolve(&view, what)?, true)?.0)
    }

    /// Deletes what was acknowledged before this call and is meant by any of `what`. When this
    /// returns no read shows it any more, now and after any crash; what was written meanwhile or
    /// later stays.
    ///
    /// # Errors
    /// [`DeleteError`]: then nothing is deleted; after loss of power it may be, as a whole.
    pub fn delete(&self, what: &[Deletion]) -> Result<Deleted, DeleteError> {
        let mut pace = self.maintenance.lock();
        // It may have written what is deleted now.
        self.abandon(&mut pace);
        self.flush_touched(what, true)?;
        let view = self.view.load_full();
        let new = resolve(&view, what)?;
        let (mut deleted, touched, whole) = effects(&view, &new, false)?;
        let built_anew = Self::cut_within(&view, &new);
        drop(view);
        let upto = self.flushed();
        let exemplars = self.without_exemplars(what, upto)?;
        if deleted.series == 0 && exemplars.is_none() {
            return Ok(deleted);
        }
        let forget = exemplars.is_some();
        let (exemplars, mark) = exemplars.unwrap_or_default();
        let written: Vec<String> = exemplars.name().map(str::to_owned).into_iter().collect();
        deleted.parts_whole = whole.len();
        // A part that cannot be read now may hold some of it, and may be brought back.
        let unreadable = self.unreadable();
        let covered = || {
            let left = touched.iter().filter(|name| !whole.contains(*name));
            left.chain(&unreadable).cloned()
        };
        let tombstones = new
            .into_iter()
            .map(|t| Arc::new(Tombstone::new(t.tenant, t.range, t.matchers, covered())));
        let gone: Vec<String> = whole.iter().cloned().collect();
        let change = Change {
            gone,
            exemplars,
            tombstones: tombstones.collect(),
            tiers: Some(Box::new(|tiers| {
                tiers.parts.retain(|p| !whole.contains(&p.name));
                for day in built_anew {
                    tiers.forget_day(day);
                }
            })),
            ..Change::default()
        };
        match written.is_empty() {
            true => self.install(change)?,
            false => self.install_written(&written, change)?,
        }
        if forget {
            self.forget_exemplars(what, upto, mark);
        }
        tracing::info!(
            series = deleted.series,
            parts = deleted.parts,
            "deleted series; their space is free when their parts are rewritten"
        );
        Ok(deleted)
    }

    /// Rewrites every part that deleted series still stand in; returns how many there were.
    ///
    /// # Errors
    /// [`StoreError`] of the first part that could not be rewritten; the others are.
    pub fn clean_tombstones(&self) -> Result<usize, StoreError> {
        let view = self.view.load_full();
        let covered = |part: &Arc<Part>| view.tombstones.iter().any(|t| t.covers(part.name()));
        let names: Vec<String> =
            view.all_parts().filter(|p| covered(p)).map(|p| p.name().to_owned()).collect();
        drop(view);
        let (mut cleaned, mut failed) = (0, None);
        for name in names {
            // Let go between two parts: a flush may be due.
            let _pace = self.maintenance.lock();
            let view = self.view.load_full();
            let Some(part) = view.all_parts().find(|p| p.name() == name && !p.is_aside()) else {
                continue;
            };
            match self.rewrite(part) {
                Ok(()) => cleaned += 1,
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(cleaned), Err)
    }

    /// Returns how many deletions still have parts to be rewritten.
    pub fn tombstones(&self) -> usize {
        self.view.load().tombstones.len()
    }

    /// Rewrites one part of which enough is gone, or that has been waiting for it; the maintenance lock
    /// is held.
    pub(crate) fn clean_one(&self, now_ms: i64) -> Result<bool, StoreError> {
        let view = self.view.load_full();
        if view.tombstones.is_empty() {
            return Ok(false);
        }
        for part in view.all_parts().filter(|p| !p.is_aside()) {
            let graves = match part.graves(&view.tombstones) {
                Ok(Some(graves)) => graves,
                Ok(None) => continue,
                Err(error @ PartError::Damaged { .. }) => {
                    part.set_aside(&error);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            if graves.whole_len() > 0
                && graves.whole_len().saturating_mul(REWRITE_SHARE) >= part.meta().series
            {
                self.rewrite(part)?;
                return Ok(true);
            }
        }
        self.clean_oldest(&view, now_ms)
    }

    /// Rewrites one part of the oldest tombstone that is old enough, or one too many.
    fn clean_oldest(&self, view: &View, now_ms: i64) -> Result<bool, StoreError> {
        let stored = |t: &storage::Tombstone| {
            t.what.len() + t.parts.iter().map(|name| name.len() + 1).sum::<usize>()
        };
        let (count, bytes) = {
            let tombstones = &self.manifest.lock().tombstones;
            (tombstones.len(), tombstones.iter().map(stored).sum::<usize>())
        };
        let many = count > TOMBSTONES_MAX || bytes > TOMBSTONES_BYTES_MAX;
        let ages: Vec<i64> =
            view.tombstones.iter().map(|t| now_ms - t.known_since(now_ms)).collect();
        for (tombstone, age) in view.tombstones.iter().zip(ages) {
            if !many && age < TOMBSTONE_AGE_MAX_MS {
                continue;
            }
            // What is set aside cannot be rewritten: its tombstones wait until it is mended.
            let part = view.all_parts().find(|p| !p.is_aside() && tombstone.covers(p.name()));
            if let Some(part) = part {
                self.rewrite(part)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Writes a part anew without what was deleted of it.
    fn rewrite(&self, part: &Arc<Part>) -> Result<(), StoreError> {
        match part.meta().tier {
            None => self.merge_parts(part.meta().partition, std::slice::from_ref(part)),
            Some(_) => self.rewrite_tier(part.name()),
        }
    }

    /// Returns the days whose intervals deletions cut in two: what is left of those intervals only raw
    /// points tell, so that the days are built anew. Where raw points may be gone, the whole interval
    /// goes.
    fn cut_within(view: &View, new: &[Tombstone]) -> BTreeSet<i64> {
        let not_whole = view.not_whole();
        let edges = new.iter().flat_map(|t| [t.range.start_ms, t.range.end_ms]);
        let cuts = |at: i64| Tier::ALL.into_iter().any(|tier| at % tier.step_ms() != 0);
        let days = edges.filter(|&at| cuts(at)).map(partition_of);
        days.filter(|day| !not_whole.contains(*day)).collect()
    }

    /// Writes heads into parts when any of their series is meant. `renew` also lets go of the
    /// registry, whose index would show labels of series that are gone.
    fn flush_touched(&self, what: &[Deletion], renew: bool) -> Result<(), StoreError> {
        let registry = self.head.read().registry.clone();
        let frozen = self.view.load().frozen.clone();
        let registries = || [Some(&registry), frozen.as_ref().map(|f| &f.registry)];
        let touched = what.iter().any(|d| {
            registries().into_iter().flatten().any(|r| !r.select(d.tenant, &d.matchers).is_empty())
        });
        if !touched && !self.touches_exemplars(what) {
            return Ok(());
        }
        if frozen.is_some() {
            self.flush_locked(false)?;
        }
        self.flush_locked(renew)?;
        Ok(())
    }

    /// Returns the listed parts that are out of service.
    fn unreadable(&self) -> Vec<String> {
        let view = self.view.load_full();
        let serves = |name: &String| view.all_parts().any(|p| p.name() == name && !p.is_aside());
        self.manifest.lock().parts.iter().filter(|name| !serves(name)).cloned().collect()
    }
}

/// Turns tests that are functions into the values that they take, of those that there are.
fn resolve(view: &View, what: &[Deletion]) -> Result<Vec<Tombstone>, DeleteError> {
    let mut tombstones = Vec::with_capacity(what.len());
    for deletion in what {
        let mut matchers = Vec::with_capacity(deletion.matchers.len());
        for matcher in &deletion.matchers {
            let resolved = match &matcher.test {
                Test::Equal(_) | Test::AnyOf(_) => matcher.clone(),
                Test::Passes(_) => {
                    let mut values = BTreeSet::new();
                    for part in view.all_parts() {
                        let read = part.for_labels(
                            deletion.tenant,
                            |label| label == matcher.label,
                            None,
                            |label, value| {
                                if label == matcher.label {
                                    values.extend(value.map(str::to_owned));
                                }
                            },
                        );
                        match read {
                            // Out of service: what it holds is shown by no read.
                            Ok(()) | Err(PartError::Damaged { .. }) => {}
                            Err(error) => return Err(error.into()),
                        }
                    }
                    // Series without the label match with the values that do not.
                    let negated = matcher.matches_absent();
                    values.retain(|value| matcher.matches(value) != negated);
                    let test = Test::AnyOf(values.into_iter().collect());
                    Matcher { label: matcher.label.clone(), test, negated }
                }
            };
            if let Test::AnyOf(values) = &resolved.test {
                let bytes: usize = values.iter().map(|v| v.len() + 1).sum();
                if bytes > TOMBSTONE_BYTES_MAX {
                    let (label, values) = (resolved.label.clone(), values.len());
                    return Err(DeleteError::TooWide { label, values });
                }
                if values.is_empty() && resolved.negated {
                    // Takes every series.
                    continue;
                }
            }
            matchers.push(resolved);
        }
        // A test that no value passes selects nothing, and cannot be written down.
        let nothing = |m: &Matcher| matches!(&m.test, Test::AnyOf(v) if v.is_empty());
        if !matchers.iter().any(nothing) {
            tombstones.push(Tombstone::new(deletion.tenant, deletion.range, matchers, []));
        }
    }
    Ok(tombstones)
}

/// Returns what new tombstones would take, the parts that they touch, and of these the ones of
/// which nothing would be left.
fn effects(
    view: &View,
    new: &[Tombstone],
    count: bool,
) -> Result<(Deleted, Vec<String>, BTreeSet<String>), DeleteError> {
    let mut deleted = Deleted::default();
    let (mut touched, mut whole) = (Vec::new(), BTreeSet::new());
    let mut series: HashSet<u64> = HashSet::new();
    for part in view.all_parts().filter(|p| !p.is_aside()) {
        let effect = match effect(part, &view.tombstones, new, count) {
            Ok(effect) => effect,
            Err(error @ PartError::Damaged { .. }) => {
                part.set_aside(&error);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        if effect.numbers.is_empty() {
            continue;
        }
        part.for_keys(&effect.numbers, |_, key| {
            series.insert(xxh3_64(key));
        })?;
        touched.push(part.name().to_owned());
        if effect.whole {
            whole.insert(part.name().to_owned());
        }
        deleted.points += effect.points;
        let share = effect.points as f64 / part.meta().points.max(1) as f64;
        deleted.bytes += (share * part.size_bytes() as f64) as u64;
    }
    deleted.series = series.len();
    deleted.parts = touched.len();
    deleted.parts_whole = whole.len();
    Ok((deleted, touched, whole))
}

fn effect(
    part: &Part,
    existing: &[Arc<Tombstone>],
    new: &[Tombstone],
    count: bool,
) -> Result<Effect, PartError> {
    let nothing = Effect { numbers: Vec::new(), whole: false, points: 0 };
    let mut lists = Vec::new();
    for tombstone in new.iter().filter(|t| part.overlaps(t.range)) {
        lists.push(part.select(tombstone.tenant, &tombstone.matchers)?);
    }
    let before = part.graves(existing)?.unwrap_or_default();
    let mut numbers = crate::postings::union(lists);
    numbers.retain(|&n| !before.is_whole(n));
    if numbers.is_empty() {
        return Ok(nothing);
    }
    let all = existing.iter().filter(|t| t.covers(part.name())).cloned().chain(
        new.iter().map(|t| Arc::new(Tombstone::new(t.tenant, t.range, t.matchers.clone(), []))),
    );
    let after = Graves::of(part, &all.collect::<Vec<_>>())?;
    let whole = after.whole_len() == part.meta().series;
    if !count && numbers.iter().all(|&n| after.is_whole(n)) {
        return Ok(Effect { numbers, whole, points: 0 });
    }
    let mut points = 0;
    let mut losing = BTreeSet::new();
    let undecided = part.chunks_where(&numbers, |series, count, min_ms, max_ms| {
        match (before.left(series, min_ms, max_ms), after.left(series, min_ms, max_ms)) {
            (Left::All, Left::Nothing) => {
                points += u64::from(count);
                losing.insert(series);
                false
            }
            (Left::Nothing, _) | (_, Left::All) => false,
            _ => true,
        }
    })?;
    for (series, chunk) in undecided {
        let (old, new) = (before.cuts_of(series), after.cuts_of(series));
        let whole = after.is_whole(series);
        let mut times = part.times(&chunk)?;
        times.retain(|&at| !is_cut(old, at) && (whole || is_cut(new, at)));
        if !times.is_empty() {
            points += times.len() as u64;
            losing.insert(series);
        }
    }
    Ok(Effect { numbers: losing.into_iter().collect(), whole, points })
}
