//! Writes parts of roll-ups: of a day from its raw parts, of many days from those of few.
//!
//! A task is done in pieces, one a step, so that a flush never waits for a whole day to be read. It
//! holds what it reads and has written in memory and in files that no manifest lists: after a crash
//! they are removed, and it begins anew. Only its end changes anything.

use super::days::Days;
use super::fold::{Folded, fold};
use super::tier::Tier;
use super::tiers::TierPart;
use crate::chunk::POINTS_MAX;
use crate::flush::{CHUNK_WEIGHT_MAX, OpenPart};
use crate::install::{Change, ChangeOfTiers, View};
use crate::maintain::Pace;
use crate::merge::Cursor;
use crate::part::{Meta, Part, PartError, RawChunk, Writer, partition_of};
use crate::points::{Points, merge};
use crate::retention::{Retention, first_day, start_of};
use crate::store::{MetricStore, StoreError, io};
use model::{Kind, SeriesKey};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Points that one step reads, about: some tenths of a second.
const STEP_POINTS: u64 = 4_000_000;

/// What is being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// All tiers of a day, from its raw parts; or from what is there of them and its present roll-ups,
    /// where raw parts are gone.
    Day(i64),
    /// One part of a tier in the place of the sources.
    Span(Tier),
}

/// A part that is read, and the days of it that count, where it is of a tier.
struct Source {
    cursor: Cursor,
    days: Option<Days>,
}

/// A part that is written.
struct Out {
    tier: Tier,
    part: OpenPart,
    /// Days that it will answer for.
    days: Days,
    kept: Days,
}

/// Roll-ups that are being written.
pub(crate) struct Task {
    target: Target,
    /// Raw parts first, in the order of arrival; then those of tiers.
    sources: Vec<Source>,
    outs: Vec<Out>,
    /// Where roll-ups are written anew: what is past its retention is left out.
    retention: Option<(Arc<Retention>, i64)>,
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Task").field("target", &self.target).finish_non_exhaustive()
    }
}

impl Task {
    fn reads(&self, part: &Part) -> bool {
        self.sources.iter().any(|s| s.cursor.part.name() == part.name())
    }

    /// Says whether everything that is read is in force and can be read.
    fn stands(&self, view: &View) -> bool {
        let serving = view.all_parts().filter(|p| !p.is_aside() && self.reads(p)).count();
        serving == self.sources.len()
    }

    fn written(&self) -> Vec<String> {
        self.outs.iter().map(|out| out.part.name.clone()).collect()
    }

    /// Reads and writes some series; says whether it came to the end.
    fn go_on(&mut self, points_max: u64) -> Result<bool, StoreError> {
        let mut points = 0;
        while points < points_max {
            let keys = self.sources.iter().filter_map(|s| s.cursor.key());
            let Some(key) = keys.min().map(<[u8]>::to_vec) else { return Ok(true) };
            points += self.series(&key)?;
        }
        Ok(false)
    }

    /// Writes one series and returns how many points were read for it.
    fn series(&mut self, key: &[u8]) -> Result<u64, StoreError> {
        // A series without points costs its look-up all the same.
        let mut count = 64;
        let mut kinds: BTreeMap<Kind, Vec<(usize, Vec<RawChunk>)>> = BTreeMap::new();
        for (n, source) in self.sources.iter_mut().enumerate() {
            if source.cursor.key() != Some(key) {
                continue;
            }
            let mut chunks = Vec::new();
            source.cursor.take(&mut chunks)?;
            for chunk in chunks {
                count += u64::from(chunk.count);
                let of_kind = kinds.entry(chunk.kind).or_default();
                match of_kind.last_mut() {
                    Some((last, chunks)) if *last == n => chunks.push(chunk),
                    _ => of_kind.push((n, vec![chunk])),
                }
            }
        }
        for (kind, sources) in kinds {
            self.of_kind(key, kind, sources)?;
        }
        Ok(count)
    }

    fn of_kind(
        &mut self,
        key: &[u8],
        kind: Kind,
        sources: Vec<(usize, Vec<RawChunk>)>,
    ) -> Result<(), StoreError> {
        if kind == Kind::Histogram {
            // Raw ones are all there is: they live as long as the retention of raw points says.
            return Ok(());
        }
        let (mut raw, mut rolled) = (Vec::new(), Vec::new());
        for (n, chunks) in sources {
            let source = &self.sources[n];
            let part = &source.cursor.part;
            for chunk in chunks {
                match part.meta().tier {
                    None => raw.push(part.points(&chunk)?),
                    Some(tier) => {
                        let mut folded = part.folded(&chunk)?;
                        if let Some(days) = &source.days {
                            folded.retain(|at| days.contains(partition_of(at)));
                        }
                        rolled.push((tier, folded));
                    }
                }
            }
        }
        let mut finest: Option<Folded> = None;
        if !raw.is_empty() {
            let raw: Points = merge(kind, raw);
            finest = fold(raw, Tier::ALL[0].step_ms());
        }
        for out in &mut self.outs {
            // What is older first: late floats cannot be put in between any more.
            let mut all: Option<Folded> = None;
            let of_tier = rolled.iter().filter(|(tier, _)| *tier == out.tier);
            let fresh = finest.iter().map(|folded| folded.fold(out.tier.step_ms()));
            for folded in of_tier.map(|(_, folded)| folded.clone()).chain(fresh) {
                match &mut all {
                    Some(all) => all.add(folded),
                    None => all = Some(folded),
                }
            }
            if let (Some(all), Some((retention, now_ms))) = (&mut all, &self.retention) {
                let key = SeriesKey::decode(key);
                let keep = key.map_or(retention.default, |key| retention.of_key(&key));
                let start_ms = start_of(first_day(keep.of(Some(out.tier)), *now_ms));
                all.retain(|at| at >= start_ms);
            }
            let Some(all) = all.filter(|all| !all.is_empty()) else { continue };
            out.part.series(key)?;
            for piece in all.pieces(POINTS_MAX, CHUNK_WEIGHT_MAX) {
                let chunk = RawChunk::encode_folded(&piece);
                out.part.writer.chunk(&chunk).map_err(io("write a part"))?;
            }
        }
        Ok(())
    }
}

/// Which work there is, most urgent first.
enum Due {
    Day { day: i64, raw: Vec<Arc<Part>>, added: bool },
    Span { tier: Tier, parts: Vec<TierPart> },
}

impl MetricStore {
    /// Goes on with the roll-ups that are being written, or begins with those that are due; says
    /// whether there was something to do. The maintenance lock is held.
    pub(crate) fn roll_up_step(
        &self,
        pace: &mut Pace,
        believed_ms: i64,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        // A clock that was set back must not hold them up.
        pace.roll_up_from_ms = pace.roll_up_from_ms.min(now_ms + RETRY_MS);
        if now_ms < pace.roll_up_from_ms {
            return Ok(false);
        }
        let again_ms = now_ms + RETRY_MS;
        pace.not_given.retain(|_, from_ms| now_ms < *from_ms && *from_ms <= again_ms);
        let done = self.roll_up_piece(pace, believed_ms);
        if let Err(error) = &done {
            self.abandon(pace);
            let view = self.view.load_full();
            match error {
                // Out of service now: the next step takes what is left.
                StoreError::Part(error @ PartError::Damaged { .. }) => view.note(error),
                // One bad sector must not keep other days back.
                StoreError::Part(PartError::Io { part, .. })
                    if view.all_parts().any(|p| p.name() == part) =>
                {
                    pace.not_given.insert(part.clone(), again_ms);
                }
                // On a full disk each attempt would write in vain what is removed again.
                _ => pace.roll_up_from_ms = again_ms,
            }
        }
        done
    }

    fn roll_up_piece(&self, pace: &mut Pace, now_ms: i64) -> Result<bool, StoreError> {
        self.resolve_doubt()?;
        let view = self.view.load_full();
        if pace.task.as_ref().is_some_and(|task| !task.stands(&view)) {
            self.abandon(pace);
        }
        if pace.task.is_none() {
            let Some(due) = self.due(&view, pace, now_ms) else { return Ok(false) };
            pace.task = Some(self.begin(&view, due, now_ms)?);
        }
        let task = pace.task.as_mut().expect("begun above");
        if task.go_on(STEP_POINTS)?
            && let Some(task) = pace.task.take()
        {
            self.finish_task(task)?;
        }
        Ok(true)
    }

    /// Writes all roll-ups that are due at `now_ms`; for tools and tests.
    ///
    /// # Errors
    /// [`StoreError`]: those that were written are in force.
    pub fn roll_up(&self, now_ms: i64) -> Result<(), StoreError> {
        let mut pace = self.maintenance.lock();
        pace.roll_up_from_ms = i64::MIN;
        pace.not_given.clear();
        while self.roll_up_step(&mut pace, now_ms, now_ms)? {}
        Ok(())
    }

    /// Gives up what is being written.
    pub(crate) fn abandon(&self, pace: &mut Pace) {
        if let Some(task) = pace.task.take() {
            self.remove_files(&task.written());
        }
    }

    /// Writes a part of a tier anew, without what was deleted or has expired of it.
    pub(crate) fn rewrite_tier(&self, name: &str) -> Result<(), StoreError> {
        let view = self.view.load_full();
        let Some(part) = view.tiers.parts.iter().find(|p| p.name == name) else { return Ok(()) };
        let (tier, parts) = (part.tier, vec![part.clone()]);
        let now_ms = self.clock.lock().believed_ms().unwrap_or(i64::MIN);
        let done = self.begin(&view, Due::Span { tier, parts }, now_ms).and_then(|mut task| {
            let written = task.written();
            let done = task.go_on(u64::MAX).and_then(|_| self.finish_task(task));
            done.inspect_err(|_| self.remove_files(&written))
        });
        if let Err(StoreError::Part(error)) = &done {
            view.note(error);
        }
        done
    }

    fn due(&self, view: &View, pace: &mut Pace, now_ms: i64) -> Option<Due> {
        self.note_waiting(view, pace, now_ms);
        let mut days: BTreeMap<i64, Vec<Arc<Part>>> = BTreeMap::new();
        for part in view.parts.iter().filter(|p| !p.is_aside()) {
            days.entry(part.meta().partition).or_default().push(part.clone());
        }
        let claimed = view.tiers.parts.iter().filter(|p| p.serving().is_none());
        let claimed: Vec<&TierPart> = claimed.collect();
        let not_whole = view.not_whole();
        let mut open = Days::default();
        for (day, parts) in days {
            if !is_closed(day + 1, now_ms) || view.is_lost_for_now(day) {
                continue;
            }
            let late = |p: &&Arc<Part>| !view.is_rolled(p);
            let out_of_service = claimed.iter().any(|p| p.days.contains(day));
            let count: u64 = parts.iter().map(|p| p.meta().points).sum();
            let late_count: u64 = parts.iter().filter(late).map(|p| p.meta().points).sum();
            if late_count == 0 && !out_of_service {
                continue;
            }
            open.insert(day);
            let of_tiers = view.tiers.parts.iter().filter(|p| p.days.contains(day));
            let names = of_tiers.map(|p| p.name.as_str()).chain(parts.iter().map(|p| p.name()));
            if names.into_iter().any(|name| pace.not_given.contains_key(name)) {
                continue;
            }
            let oldest = parts.iter().filter(late);
            let oldest = oldest.filter_map(|p| pace.waiting_since.get(p.name())).min();
            let waited = oldest.is_some_and(|since| now_ms - since >= LATE_WAIT_MS);
            // A trickle of late points must not have a day built again and again.
            let worth = late_count * 8 >= count || waited || out_of_service;
            if worth || self.raw_is_over(day, now_ms) {
                let added = not_whole.contains(day);
                let raw = parts.into_iter().filter(|p| !added || late(&p)).collect();
                return Some(Due::Day { day, raw, added });
            }
        }
        Tier::ALL.into_iter().find_map(|tier| due_span(view, pace, tier, &open, now_ms))
    }

    /// Remembers since when parts wait.
    fn note_waiting(&self, view: &View, pace: &mut Pace, now_ms: i64) {
        let names: Vec<&str> = view.all_parts().map(|p| p.name()).collect();
        pace.waiting_since.retain(|name, since| {
            // A clock that was set back must not hold them up.
            *since = (*since).min(now_ms);
            names.contains(&name.as_str())
        });
        for name in names {
            if !pace.waiting_since.contains_key(name) {
                pace.waiting_since.insert(name.to_owned(), now_ms);
            }
        }
    }

    fn begin(&self, view: &View, due: Due, now_ms: i64) -> Result<Task, StoreError> {
        let source = |part: &Arc<Part>, days: Option<Days>| -> Result<Source, StoreError> {
            Ok(Source { cursor: Cursor::new(part, &view.tombstones, &[])?, days })
        };
        let of_tier = |p: &TierPart| -> Result<Option<Source>, StoreError> {
            p.serving().map(|part| source(part, Some(p.days.clone()))).transpose()
        };
        let mut sources = Vec::new();
        let mut wanted: Vec<(Tier, Days, Days)> = Vec::new();
        let target = match due {
            Due::Day { day, raw, added } => {
                for part in &raw {
                    sources.push(source(part, None)?);
                }
                for tier in Tier::ALL {
                    let present = view.tiers.of_tier(tier).find(|p| p.days.contains(day));
                    if !self.tier_wants(tier, day, now_ms) {
                        continue;
                    }
                    if let Some(present) = present.filter(|_| added) {
                        let mut only = present.clone();
                        only.days = Days::one(day);
                        sources.extend(of_tier(&only)?);
                    }
                    let kept = if added { Days::one(day) } else { Days::default() };
                    wanted.push((tier, Days::one(day), kept));
                }
                Target::Day(day)
            }
            Due::Span { tier, parts } => {
                let (mut days, mut kept) = (Days::default(), Days::default());
                for part in &parts {
                    sources.extend(of_tier(part)?);
                    days.extend(&part.days);
                    kept.extend(&part.kept);
                }
                wanted.push((tier, days, kept));
                Target::Span(tier)
            }
        };
        let retention = match target {
            Target::Day(_) => None,
            Target::Span(_) => Some((self.retention(), now_ms)),
        };
        let mut task = Task { target, sources, outs: Vec::new(), retention };
        for (tier, days, kept) in wanted {
            match self.create_tier_part(tier, &days) {
                Ok(part) => task.outs.push(Out { tier, part, days, kept }),
                Err(error) => {
                    self.remove_files(&task.written());
                    return Err(error);
                }
            }
        }
        Ok(task)
    }

    fn create_tier_part(&self, tier: Tier, days: &Days) -> Result<OpenPart, StoreError> {
        let partition = days.first().unwrap_or_default();
        let name = self.tier_part_name(partition, tier);
        let file = self.parts.create(&name).map_err(io("create a part"))?;
        let meta = Meta {
            partition,
            settled: true,
            tier: Some(tier),
            days: days.clone(),
            ..Meta::default()
        };
        let writer = Writer::new(file, meta).map_err(io("write a part"))?;
        Ok(OpenPart { name, writer, last_key: Vec::new() })
    }

    /// Puts what was written in force.
    fn finish_task(&self, task: Task) -> Result<(), StoreError> {
        let written = task.written();
        let mut came: Vec<TierPart> = Vec::new();
        let finished = || -> Result<(), StoreError> {
            for Out { tier, part, days, kept } in task.outs {
                let name = part.name.clone();
                if part.writer.meta().points == 0 {
                    // Nothing is left, or nothing was a number.
                    drop(part);
                    self.remove_files(&[name]);
                    continue;
                }
                let points = part.writer.meta().points;
                self.counters().rolled_points.fetch_add(points, Ordering::Relaxed);
                let part = Some(self.finish_part(part)?);
                came.push(TierPart { name, part, tier, days, kept });
            }
            Ok(())
        };
        if let Err(error) = { finished }() {
            self.remove_files(&written);
            return Err(error);
        }
        // Raw parts are rolled now; parts of tiers have found another form.
        let (raw, of_tiers): (Vec<&Source>, Vec<&Source>) =
            task.sources.iter().partition(|s| s.days.is_none());
        let names = |sources: Vec<&Source>| -> Vec<String> {
            sources.iter().map(|s| s.cursor.part.name().to_owned()).collect()
        };
        let (raw, of_tiers) = (names(raw), names(of_tiers));
        let target = task.target;
        let change: ChangeOfTiers<'_> = Box::new(move |tiers| match target {
            Target::Day(day) => {
                Tier::ALL.into_iter().for_each(|tier| tiers.take_day(tier, day));
                tiers.rolled.extend(raw);
                tiers.parts.extend(came);
            }
            Target::Span(_) => tiers.put_together(&of_tiers, came),
        });
        self.install_written(&written, Change { tiers: Some(change), ..Change::default() })?;
        self.counters().roll_ups.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Says whether all days before this one are over, with an hour of grace: senders are late at the turn
/// of the day.
fn is_closed(end_day: i64, now_ms: i64) -> bool {
    end_day.saturating_mul(crate::part::PARTITION_MS).saturating_add(3_600_000) <= now_ms
}

/// After a failure, and for late points of a day.
const RETRY_MS: i64 = 60_000;
const LATE_WAIT_MS: i64 = 86_400_000;

/// Chooses parts of a tier that are to be one: all within days that are over and rolled.
fn due_span(view: &View, pace: &Pace, tier: Tier, open: &Days, now_ms: i64) -> Option<Due> {
    for span in tier.spans().iter().skip(1) {
        let mut windows: BTreeMap<i64, Vec<&TierPart>> = BTreeMap::new();
        let given = |p: &&TierPart| !pace.not_given.contains_key(&p.name);
        for part in view.tiers.of_tier(tier).filter(|p| p.serving().is_some()).filter(given) {
            let window = |day: Option<i64>| day.map(|day| day.div_euclid(*span));
            if let (Some(first), last) = (window(part.days.first()), window(part.days.last()))
                && last == Some(first)
            {
                windows.entry(first).or_default().push(part);
            }
        }
        for (window, parts) in windows {
            let days = window * span..(window + 1) * span;
            if parts.len() < 2
                || !is_closed(days.end, now_ms)
                || days.clone().any(|d| open.contains(d))
            {
                continue;
            }
            let points = |p: &&TierPart| p.serving().map_or(0, |part| part.meta().points);
            let all: u64 = parts.iter().map(points).sum();
            let largest = parts.iter().map(points).max().unwrap_or(0);
            let waited = |p: &&TierPart| {
                pace.waiting_since.get(&p.name).is_some_and(|since| now_ms - since >= LATE_WAIT_MS)
            };
            // A day that was built anew must not have many days written again each time.
            if (all - largest) * 8 >= all || parts.iter().all(waited) {
                return Some(Due::Span { tier, parts: parts.into_iter().cloned().collect() });
            }
        }
    }
    None
}
