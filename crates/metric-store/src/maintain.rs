//! Background work as a step that somebody calls: flush the head, merge parts, remove old ones.

use crate::exemplars::FileInForce;
use crate::faults::kind_of;
use crate::install::{Change, ChangeOfTiers};
use crate::retention::Retention;
use crate::rollup::build::Task;
use crate::rollup::tiers::Tiers;
use crate::store::{MetricStore, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// While new series are refused, the registry is renewed this long after its last renewal ...
const PRESSED_RENEW_MS: i64 = 30 * 60_000;
/// ... if at least one in so many of a refused namespace's series had no point since the last flush.
const PRESSED_DEAD_SHARE: usize = 10;
/// A shorter time between flushes does not tell which series have died.
const PRESSED_TELLING_MS: i64 = 5 * 60_000;
/// How often that is looked at.
const PRESSED_LOOK_MS: i64 = 60_000;

/// A smaller head stays in memory when nothing arrives: it costs little, and a part each minute for
/// a sender that pauses would cost more.
const QUIET_POINTS_MIN: u64 = 1_000_000;

/// It is quiet when within the pause less than one in so many of the head's points arrived, or of
/// that smallest head.
const QUIET_SHARE: u64 = 50;

/// What the steps remember of the past.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Points that were kept when this was looked at last, and when that number last changed.
    seen_points: u64,
    changed_ms: i64,
    flushed_ms: Option<i64>,
    /// When it was looked at last whether series died in a namespace that has no room.
    pressed_ms: i64,
    /// When the registry was renewed last, or the store opened.
    renewed_ms: Option<i64>,
    /// Roll-ups that are being written.
    pub(crate) task: Option<Task>,
    /// Parts that were looked at for what is past its retention, under which rules and on which day.
    pub(crate) purged: Option<(Arc<Retention>, i64, BTreeSet<String>)>,
    /// Whether merging or cleaning failed when it was tried last.
    rewrite_failed: bool,
    /// After a failure nothing is tried again before.
    pub(crate) roll_up_from_ms: i64,
    /// Parts that the disk did not give: roll-ups that need one are not tried again before.
    pub(crate) not_given: BTreeMap<String, i64>,
    /// When parts that wait to be put together with others were first seen, by name. Of memory only: a
    /// start has a trickle wait for another day, which raw points answer for meanwhile.
    pub(crate) waiting_since: BTreeMap<String, i64>,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There was nothing to do.
    Nothing,
    /// The head was written into parts.
    Flushed,
    /// Parts were merged.
    Merged,
    /// Parts were removed for their age.
    Expired,
    /// Roll-ups were written, or a piece of them.
    RolledUp,
}

impl MetricStore {
    /// Does the most urgent piece of background work that is due at `now_ms`, if any. Call it
    /// again at once while it did something.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is lost, and the same work is due again at the next call.
    pub fn maintain(&self, now_ms: i64) -> Result<Step, StoreError> {
        let mut pace = self.maintenance.lock();
        let result = self.maintain_locked(&mut pace, now_ms);
        match &result {
            Ok(_) => self.maintenance_watch.works(),
            Err(error) => {
                self.maintenance_watch.fails(kind_of(error), error);
                self.counters().maintenance_failures.fetch_add(1, Ordering::Relaxed);
            }
        }
        result
    }

    fn maintain_locked(&self, pace: &mut Pace, now_ms: i64) -> Result<Step, StoreError> {
        let points = self.counters().points.load(Ordering::Relaxed);
        let (head_points, head_full) = self.head_size();
        // A trickle, such as the server's own metrics, is quiet beside what is in the head.
        let arrived = points.saturating_sub(pace.seen_points);
        let trickle = head_points.max(QUIET_POINTS_MIN) / QUIET_SHARE;
        if arrived > trickle || pace.changed_ms > now_ms {
            pace.seen_points = points;
            pace.changed_ms = now_ms;
        }
        // A clock that went back must not hold flushes up until it is where it was.
        let clocks = [&mut pace.flushed_ms, &mut pace.renewed_ms];
        clocks.into_iter().flatten().for_each(|at| *at = (*at).min(now_ms));
        let flushed_ms = *pace.flushed_ms.get_or_insert(now_ms);
        let quiet = now_ms - pace.changed_ms >= self.options.quiet_ms;
        // A frozen head is one whose flush failed: it comes first.
        let due = self.view.load().frozen.is_some()
            || (head_points > 0 || self.exemplars_wait())
                && (head_full
                    || self.journal_bytes() >= self.options.journal_bytes_max
                    || now_ms - flushed_ms >= self.options.head_age_max_ms
                    || quiet && head_points >= QUIET_POINTS_MIN);
        // First what frees space: on a full disk the flush below fails.
        let believed_ms = {
            let mut clock = self.clock.lock();
            match self.options.trust_clock {
                true => clock.believe(now_ms),
                false => clock.observe(now_ms),
            }
        };
        self.expire_exemplars(believed_ms);
        if self.expire(believed_ms)? || self.expire_tiers(believed_ms)? {
            return Ok(Step::Expired);
        }
        let renewed_ms = *pace.renewed_ms.get_or_insert(now_ms);
        // More is only there after a start with less memory than before: new series stop long before.
        let renew = self.index_is_too_large()
            || self.is_pressed()
                && now_ms - renewed_ms >= PRESSED_RENEW_MS
                && if now_ms - flushed_ms >= PRESSED_TELLING_MS {
                    self.renewal_makes_room(pace, now_ms)
                } else {
                    due
                };
        if due || renew {
            if self.flush_locked(renew)? {
                pace.renewed_ms = Some(now_ms);
            }
            pace.flushed_ms = Some(now_ms);
            return Ok(Step::Flushed);
        }
        if head_points == 0 && !self.exemplars_wait() && !self.is_pressed() {
            pace.flushed_ms = Some(now_ms);
        }
        // Parts that cannot be rewritten must not keep roll-ups back, for which expiry waits; between
        // their pieces that is not tried in vain again.
        let rewritten = match &pace.task {
            Some(_) if pace.rewrite_failed => Ok(false),
            _ => self.merge_one(now_ms, quiet).and_then(|did| Ok(did || self.purge_one(pace)?)),
        };
        pace.rewrite_failed = rewritten.is_err() || pace.rewrite_failed && pace.task.is_some();
        if matches!(rewritten, Ok(true)) {
            return Ok(Step::Merged);
        }
        if self.roll_up_step(pace, believed_ms, now_ms)? {
            return Ok(Step::RolledUp);
        }
        rewritten.map(|_| Step::Nothing)
    }

    /// Removes everything: what is in the head, and all parts.
    ///
    /// # Errors
    /// [`StoreError`]: then either everything or nothing is gone.
    pub fn clear(&self) -> Result<(), StoreError> {
        let mut pace = self.maintenance.lock();
        self.abandon(&mut pace);
        let waiting = self.view.load().frozen.clone();
        if let Some(frozen) = waiting {
            // One whose flush failed goes first; the present one behind it.
            let flushed = Some(frozen.sequence);
            self.install(Change { flushed, ..Change::default() })?;
        }
        let frozen = self.take_head(true);
        let gone = self.manifest.lock().parts.clone();
        let nothing: ChangeOfTiers<'_> = Box::new(|tiers| *tiers = Tiers::default());
        let flushed = Some(frozen.sequence);
        let exemplars = FileInForce::Nothing;
        let tiers = Some(nothing);
        self.install(Change { flushed, gone, tiers, exemplars, ..Change::default() })?;
        self.clear_exemplars(frozen.sequence);
        self.changes.note(i64::MIN);
        Ok(())
    }

    /// Returns for how long raw points are kept.
    pub fn retention_ms(&self) -> i64 {
        self.options.retention_ms
    }

    /// Says whether new series are refused while old ones, dead since the last flush, take the room.
    fn renewal_makes_room(&self, pace: &mut Pace, now_ms: i64) -> bool {
        if now_ms - pace.pressed_ms < PRESSED_LOOK_MS {
            return false;
        }
        pace.pressed_ms = now_ms;
        let (series, active) = self.series_alive();
        let enough = |dead: usize, of: usize| dead > 0 && dead * PRESSED_DEAD_SHARE >= of;
        if enough(series.saturating_sub(active), series) {
            return true;
        }
        let refused = self.namespace_uses().into_iter().filter(|n| n.refused > 0);
        refused
            .map(|n| self.namespace_alive(n.tenant, &n.namespace))
            .any(|(series, active)| enough(series - active, series))
    }

    pub(crate) fn remove_files(&self, names: &[String]) {
        for name in names {
            // No manifest lists it any more; what stays is removed at the next start.
            if let Err(error) = self.parts.remove(name) {
                tracing::warn!(part = name, %error, "part not removed yet");
            }
        }
    }
}
