//! Retention by rules, in parts that hold series of several: what each rule costs, what a change of
//! rules would take, and taking it off the disk.

use crate::install::{Change, ChangeOfTiers, View};
use crate::maintain::Pace;
use crate::part::{Part, PartError, partition_of};
use crate::postings::{intersect, subtract, union};
use crate::retention::{Retention, first_day, start_of};
use crate::rollup::tier::Tier;
use crate::rollup::tiers::day_of_name;
use crate::store::{MetricStore, StoreError};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// A part is written anew for its retention alone when one in so many of its series is past it; that
/// happens to a part once for each rule at most. Less of them goes with the next merge.
const PURGE_SHARE: usize = 20;

/// What a rule keeps of one form of the points.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// Series in the part that has most of them.
    pub series: usize,
    /// Points, or roll-ups.
    pub points: u64,
    /// Bytes on the disk: of parts that rules share, as many as are the rule's points.
    pub bytes: u64,
}

/// What is kept by a rule: raw points, five minutes, hours.
pub type HeldForms = [Held; 3];

/// The forms in which points are kept, in the order of [`HeldForms`].
pub const FORMS: [Option<Tier>; 3] = [None, Some(Tier::FiveMinutes), Some(Tier::Hour)];

fn form_of(part: &Part) -> usize {
    FORMS.iter().position(|form| *form == part.meta().tier).unwrap_or_default()
}

/// Returns the series of a part that each rule decides about; those of the default stand last.
fn by_rule(part: &Part, retention: &Retention) -> Result<Vec<Vec<u32>>, PartError> {
    let mut rest: Vec<u32> = (0..part.meta().series).collect();
    let mut lists = Vec::with_capacity(retention.rules.len() + 1);
    for rule in &retention.rules {
        let list = intersect(&rest, &part.select(rule.tenant, &rule.matchers)?);
        rest = subtract(&rest, &list);
        lists.push(list);
    }
    lists.push(rest);
    Ok(lists)
}

/// Returns for each series of a part since when its points are kept.
fn kept_since(part: &Part, retention: &Retention, now_ms: i64) -> Result<Vec<i64>, PartError> {
    let mut since = vec![i64::MIN; part.meta().series as usize];
    for (list, keep) in by_rule(part, retention)?.into_iter().zip(retention.all()) {
        let start_ms = start_of(first_day(keep.of(part.meta().tier), now_ms));
        for number in list {
            since[number as usize] = start_ms;
        }
    }
    Ok(since)
}

/// Returns how many points of some series of a part lie in the times that `within` tells for each, and
/// which series have any.
fn points_within(
    part: &Part,
    numbers: &[u32],
    within: impl Fn(u32) -> (i64, i64),
) -> Result<(u64, BTreeSet<u32>), PartError> {
    let (mut points, mut having) = (0, BTreeSet::new());
    let undecided = part.chunks_where(numbers, |series, count, min_ms, max_ms| {
        let (start_ms, end_ms) = within(series);
        if start_ms <= min_ms && max_ms < end_ms {
            points += u64::from(count);
            having.insert(series);
            return false;
        }
        max_ms >= start_ms && min_ms < end_ms
    })?;
    for (series, chunk) in undecided {
        let (start_ms, end_ms) = within(series);
        let times = part.times(&chunk)?;
        let count = times.iter().filter(|&&at| start_ms <= at && at < end_ms).count();
        if count > 0 {
            points += count as u64;
            having.insert(series);
        }
    }
    Ok((points, having))
}

fn share_of(part: &Part, points: u64) -> u64 {
    let share = points as f64 / part.meta().points.max(1) as f64;
    (share * part.size_bytes() as f64) as u64
}

/// Runs `read` on each part in service; one that is found damaged is set aside.
fn each_part(
    view: &View,
    mut read: impl FnMut(&Part) -> Result<(), PartError>,
) -> Result<(), StoreError> {
    for part in view.all_parts().filter(|p| !p.is_aside()) {
        match read(part) {
            Ok(()) => {}
            Err(error @ PartError::Damaged { .. }) => part.set_aside(&error),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

impl MetricStore {
    /// Returns the rules in force.
    pub fn retention(&self) -> Arc<Retention> {
        self.retention.load_full()
    }

    /// Puts other rules in force: reads go by them when this returns, the disk follows.
    ///
    /// # Errors
    /// [`StoreError`]: then the rules before are in force.
    pub fn set_retention(&self, retention: Retention) -> Result<(), StoreError> {
        let _pace = self.maintenance.lock();
        let retention = Retention { default: retention.default.in_order(), ..retention };
        let now_ms = self.clock.lock().believed_ms().unwrap_or(i64::MAX);
        let view = self.view.load_full();
        // Days whose roll-ups had gone are rolled up again while all of their raw points are there.
        let (not_whole, rolled) = (view.not_whole(), view.tiers.rolled.iter());
        let mut again: BTreeSet<i64> = rolled.filter_map(|name| day_of_name(name)).collect();
        again.retain(|&day| {
            let misses = |tier: Tier| {
                let first = first_day(retention.longest(Some(tier)), now_ms);
                day >= first && !view.tiers.covered(tier).contains(day)
            };
            !not_whole.contains(day) && Tier::ALL.into_iter().any(misses)
        });
        if !again.is_empty() {
            let unroll: ChangeOfTiers<'_> =
                Box::new(move |tiers| again.into_iter().for_each(|day| tiers.forget_day(day)));
            self.install(Change { tiers: Some(unroll), ..Change::default() })?;
        }
        self.retention.store(Arc::new(retention));
        self.changes.note(i64::MIN);
        Ok(())
    }

    /// Says what reads would not show any more under other rules.
    ///
    /// # Errors
    /// [`StoreError`] when a part could not be read.
    pub fn would_expire(&self, new: &Retention) -> Result<HeldForms, StoreError> {
        let (old, view) = (self.retention(), self.view.load_full());
        let now_ms = self.clock.lock().believed_ms().unwrap_or(i64::MIN);
        let mut gone = HeldForms::default();
        let mut series: [HashSet<u64>; 3] = Default::default();
        each_part(&view, |part| {
            let before = kept_since(part, &old, now_ms)?;
            let after = kept_since(part, new, now_ms)?;
            let within = |n: u32| (before[n as usize], after[n as usize]);
            let min_ms = part.meta().min_ms;
            let losing = |&n: &u32| within(n).0 < within(n).1 && min_ms < within(n).1;
            let numbers: Vec<u32> = (0..part.meta().series).filter(losing).collect();
            let (points, having) = points_within(part, &numbers, within)?;
            let (form, having) = (form_of(part), having.into_iter().collect::<Vec<_>>());
            part.for_keys(&having, |_, key| {
                series[form].insert(xxh3_64(key));
            })?;
            gone[form].points += points;
            gone[form].bytes += share_of(part, points);
            Ok(())
        })?;
        for (held, series) in gone.iter_mut().zip(series) {
            held.series = series.len();
        }
        Ok(gone)
    }

    /// Returns what each rule keeps, in the order of the rules; the default stands last.
    ///
    /// # Errors
    /// [`StoreError`] when a part could not be read.
    pub fn retention_costs(&self) -> Result<Vec<HeldForms>, StoreError> {
        let (retention, view) = (self.retention(), self.view.load_full());
        let mut costs = vec![HeldForms::default(); retention.rules.len() + 1];
        each_part(&view, |part| {
            let (form, lists) = (form_of(part), by_rule(part, &retention)?);
            let mut rest = (part.meta().points, part.size_bytes());
            let last = lists.len() - 1;
            for (n, (list, cost)) in lists.iter().zip(&mut costs).enumerate() {
                let (points, bytes) = if n == last {
                    rest
                } else {
                    let points = points_within(part, list, |_| (i64::MIN, i64::MAX))?.0;
                    (points, share_of(part, points))
                };
                rest = (rest.0.saturating_sub(points), rest.1.saturating_sub(bytes));
                cost[form].points += points;
                cost[form].bytes += bytes;
                cost[form].series = cost[form].series.max(list.len());
            }
            Ok(())
        })?;
        Ok(costs)
    }

    /// Returns the series of a part of which every point is past its retention, and that may go: what
    /// is to be kept as a roll-up is there as one.
    pub(crate) fn expired_of(&self, view: &View, part: &Part) -> Result<Vec<u32>, PartError> {
        let (retention, meta) = (self.retention.load(), part.meta());
        let Some(now_ms) = self.clock.lock().believed_ms() else { return Ok(Vec::new()) };
        let last = partition_of(meta.max_ms);
        let over = |keep: &crate::retention::Keep| last < first_day(keep.of(meta.tier), now_ms);
        if !retention.all().any(over) {
            return Ok(Vec::new());
        }
        let wanted = || Tier::ALL.into_iter().any(|tier| self.tier_wants(tier, last, now_ms));
        if meta.tier.is_none() && !view.is_rolled(part) && wanted() {
            return Ok(Vec::new());
        }
        let lists = by_rule(part, &retention)?.into_iter().zip(retention.all());
        let expired = lists.filter(|(_, keep)| over(keep)).map(|(list, _)| list);
        Ok(union(expired.collect()))
    }

    /// Writes one part anew of which enough is past its retention; the maintenance lock is held.
    pub(crate) fn purge_one(&self, pace: &mut Pace) -> Result<bool, StoreError> {
        let view = self.view.load_full();
        let retention = self.retention();
        if retention.rules.is_empty() {
            return Ok(false);
        }
        let day = partition_of(self.clock.lock().believed_ms().unwrap_or(i64::MIN));
        let same =
            |(of, on, _): &(Arc<Retention>, i64, _)| Arc::ptr_eq(of, &retention) && *on == day;
        if !pace.purged.as_ref().is_some_and(same) {
            pace.purged = Some((retention.clone(), day, BTreeSet::new()));
        }
        for part in view.all_parts().filter(|p| !p.is_aside()) {
            let Some((_, _, seen)) = &mut pace.purged else { return Ok(false) };
            if !seen.insert(part.name().to_owned()) {
                continue;
            }
            let expired = match self.expired_of(&view, part) {
                Ok(expired) => expired,
                Err(error @ PartError::Damaged { .. }) => {
                    part.set_aside(&error);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            if !expired.is_empty() && expired.len() * PURGE_SHARE >= part.meta().series as usize {
                match part.meta().tier {
                    None => {
                        self.merge_parts(part.meta().partition, std::slice::from_ref(part))?;
                    }
                    Some(_) => self.rewrite_tier(part.name())?,
                }
                return Ok(true);
            }
        }
        Ok(false)
    }
}
