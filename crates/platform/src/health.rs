//! What is wrong just now: each condition with since when, and what to do about it.

use crate::Platform;
use crate::outbox::Trouble;
use metric_store::{Fault, FaultKind, StoreStatus};
use serde::Serialize;
use std::time::Duration;

/// Less free space than this is told before the disk is full.
const FREE_BYTES_LOW: u64 = 512 << 20;
/// A sync that takes longer than this holds every writer up.
const SYNC_SLOW: Duration = Duration::from_secs(1);
/// Receivers that fail for less than this are restarted, or their network is.
const RECEIVER_FAILS_MS: i64 = 5 * 60_000;
/// Whoever has not looked at a dead letter after this long does not want to ...
const LETTER_IS_NEW_MS: i64 = 24 * 3_600_000;
/// ... but for more of them than this.
const LETTERS_MANY: usize = 1_000;

/// One thing that can be wrong with the server.
#[derive(Debug, Clone, Serialize)]
pub struct Condition {
    /// Its name, as in `sightline_health{condition="..."}`.
    pub condition: &'static str,
    /// It holds now.
    pub active: bool,
    /// Writes are refused because of it.
    pub stops_writes: bool,
    /// Since when, milliseconds since 1970, by the server's clock.
    pub since_ms: Option<i64>,
    /// What exactly; empty while it does not hold.
    pub detail: String,
    /// What somebody should do about it; empty while it does not hold.
    pub to_do: &'static str,
}

impl Platform {
    /// Returns all conditions, those that hold and those that do not.
    pub fn health(&self) -> Vec<Condition> {
        let status = self.metrics.status();
        let now_ms = self.clock.now_ms();
        let mut known = self.conditions_since.lock();
        let mut conditions =
            conditions(&status, self.disk_free_bytes(), self.journal_tail.as_ref());
        conditions.push(memory(status.memory_bytes, self.metrics.options().memory_bytes_max));
        conditions.push(decisions(self.alarms.not_kept()));
        conditions.extend(deliveries(&self.outbox.trouble.lock(), now_ms));
        for (condition, lasting) in &mut conditions {
            let since = known.entry(condition.condition).or_default();
            if condition.active {
                let first = lasting.map_or(now_ms, |lasting| {
                    now_ms.saturating_sub(i64::try_from(lasting.as_millis()).unwrap_or(i64::MAX))
                });
                condition.since_ms = Some(*since.get_or_insert(first));
            } else {
                *since = None;
            }
        }
        conditions.into_iter().map(|(condition, _)| condition).collect()
    }
}

/// A condition, and for how long it has held where that is known.
type Held = (Condition, Option<Duration>);

fn condition(name: &'static str, to_do: &'static str, detail: Option<String>) -> Held {
    let active = detail.is_some();
    let condition = Condition {
        condition: name,
        active,
        stops_writes: false,
        since_ms: None,
        detail: detail.unwrap_or_default(),
        to_do: if active { to_do } else { "" },
    };
    (condition, None)
}

fn conditions(
    status: &StoreStatus,
    free_bytes: Option<u64>,
    tail: Option<&storage::UnreadTail>,
) -> Vec<Held> {
    let faults = [&status.journal_fault, &status.maintenance_fault];
    let told = |fault: &Fault| format!("{} ({} times)", fault.error, fault.times);
    let of_kind = |name, to_do, kind: FaultKind| {
        let fault = faults.into_iter().flatten().find(|f| f.kind == kind);
        let (mut found, _) = condition(name, to_do, fault.map(told));
        found.stops_writes = status.journal_fault.as_ref().is_some_and(|f| f.kind == kind);
        (found, fault.map(|f| f.lasting))
    };
    let other = status.maintenance_fault.as_ref().filter(|f| f.kind == FaultKind::Other);
    let free = free_bytes.filter(|free| *free < FREE_BYTES_LOW);
    let slow = status.syncs.under_way.unwrap_or_default().max(status.syncs.longest);
    let off_days = status.clock_off_ms.map(|off| off as f64 / 86_400_000.0);
    vec![
        of_kind(
            "disk_full",
            "make room: what was refused was told to its senders, and all goes on by itself",
            FaultKind::Full,
        ),
        of_kind(
            "disk_read_only",
            "find out why the disk takes no writes (mount, permissions, errors of the device), and \
             mount it for writing again",
            FaultKind::ReadOnly,
        ),
        of_kind(
            "sync_failed",
            "look after the disk, then restart: what it kept is read back",
            FaultKind::SyncFailed,
        ),
        condition(
            "disk_low",
            "make room before writes are refused",
            free.map(|free| format!("{free} bytes are free")),
        ),
        condition(
            "disk_slow",
            "find out what else writes to the disk; every writer waits for it",
            (slow >= SYNC_SLOW).then(|| format!("a sync of the journal took {:.1} s", slow.as_secs_f64())),
        ),
        (
            condition(
                "flush_failing",
                "points stay in memory and in the journal and are not lost; the error says what is in \
                 the way",
                other.map(told),
            )
            .0,
            other.map(|f| f.lasting),
        ),
        condition(
            "part_damaged",
            "stop the server and run `sightline fsck`, or bring the part back from a backup",
            (status.parts_damaged > 0)
                .then(|| format!("{} parts are set aside, the rest serves", status.parts_damaged)),
        ),
        condition(
            "journal_tail_cut",
            "nothing with --sync always: it was not acknowledged",
            tail.map(|tail| {
                format!(
                    "at the start {} bytes of {} were not whole, {} whole frames behind them",
                    tail.bytes, tail.segment, tail.frames_behind
                )
            }),
        ),
        condition(
            "clock_jumped",
            "set the clock right; if it is right (the server was off for long), nothing: it is \
             believed after a day, and until then nothing expires",
            off_days.map(|days| format!("the clock is {days:+.1} days off the time it showed before")),
        ),
    ]
}

/// Points and series in memory beyond their share: writers wait.
fn memory(bytes: usize, max: usize) -> Held {
    let mut held = condition(
        "memory_full",
        "find out who sends most (`sightline top`); if flushes fail, mend that first, else give the \
         server more --memory",
        (bytes > max).then(|| format!("points and series in memory take {bytes} of {max} bytes")),
    );
    held.0.stops_writes = held.0.active;
    held
}

/// Decisions of alarms that cannot be written: nobody is told of them until they are.
fn decisions(not_kept: Option<(String, u64, Duration)>) -> Held {
    let told = |(error, times, _): &(String, u64, Duration)| format!("{error} ({times} times)");
    let (condition, _) = condition(
        "alarms_not_kept",
        "alarms decide, and nobody is told before it can be written: look after the disk; it goes on by \
         itself",
        not_kept.as_ref().map(told),
    );
    (condition, not_kept.map(|(_, _, lasting)| lasting))
}

fn deliveries(trouble: &Trouble, now_ms: i64) -> [Held; 3] {
    let since = |since_ms: i64| {
        Duration::from_millis(u64::try_from(now_ms.saturating_sub(since_ms)).unwrap_or_default())
    };
    let (stuck, _) = condition(
        "outbox_failing",
        "notices wait and are not lost: look after the disk; it goes on by itself",
        trouble.stuck.as_ref().map(|(error, _)| error.clone()),
    );
    let fails = trouble.failing.as_ref();
    let fails =
        fails.filter(|failing| now_ms.saturating_sub(failing.since_ms) >= RECEIVER_FAILS_MS);
    let (failing, _) = condition(
        "receivers_failing",
        "mend the receiver, or unsubscribe it; what waits is tried again for hours, then it lies among \
         the dead letters",
        fails.map(|failing| {
            let others = match trouble.failing_count {
                0 | 1 => String::new(),
                count => format!(", and {} others fail", count - 1),
            };
            format!("{}: {}{others}", failing.lane, failing.why)
        }),
    );
    let newest_ms = trouble.newest_letter_ms;
    let is_new = newest_ms.is_some_and(|at| now_ms.saturating_sub(at) < LETTER_IS_NEW_MS);
    let (letters, _) = condition(
        "dead_letters",
        "see why (`sightline deliveries list`), then `sightline deliveries resend` or `drop`",
        (is_new || trouble.letters > LETTERS_MANY)
            .then(|| format!("{} notices were given up and lie there", trouble.letters)),
    );
    [
        (stuck, trouble.stuck.as_ref().map(|(_, watch)| watch.elapsed())),
        (failing, fails.map(|failing| since(failing.since_ms))),
        (letters, None),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::FailingReceiver;

    #[test]
    fn decisions_that_are_not_kept_are_told() {
        assert!(!decisions(None).0.active);
        let (held, lasting) = decisions(Some(("no space".into(), 3, Duration::from_secs(7))));
        assert!(held.active && !held.stops_writes);
        assert_eq!(
            (held.detail.as_str(), lasting),
            ("no space (3 times)", Some(Duration::from_secs(7)))
        );
    }

    #[test]
    fn deliveries_that_fail_are_told_after_a_while() {
        const NOW_MS: i64 = 1_767_225_600_000;
        let active = |trouble: &Trouble| {
            let held = deliveries(trouble, NOW_MS).into_iter().filter(|(c, _)| c.active);
            held.map(|(c, lasting)| (c.condition, c.detail, lasting)).collect::<Vec<_>>()
        };
        assert_eq!(active(&Trouble::default()), []);
        let fails_for = |ms: i64| Trouble {
            failing: Some(FailingReceiver {
                lane: "handler/chat".into(),
                since_ms: NOW_MS - ms,
                why: "status 503".into(),
            }),
            failing_count: 3,
            ..Trouble::default()
        };
        assert_eq!(active(&fails_for(RECEIVER_FAILS_MS - 1)), []);
        let told = "handler/chat: status 503, and 2 others fail".to_owned();
        let lasting = Some(Duration::from_secs(300));
        let expected = [("receivers_failing", told, lasting)];
        assert_eq!(active(&fails_for(RECEIVER_FAILS_MS)), expected);
        let letters = |count, age_ms| Trouble {
            letters: count,
            newest_letter_ms: Some(NOW_MS - age_ms),
            ..Trouble::default()
        };
        let told = |count: usize| format!("{count} notices were given up and lie there");
        assert_eq!(active(&letters(1, 0)), [("dead_letters", told(1), None)]);
        assert_eq!(active(&letters(1_000, LETTER_IS_NEW_MS)), []);
        assert_eq!(
            active(&letters(1_001, LETTER_IS_NEW_MS)),
            [("dead_letters", told(1_001), None)]
        );
    }

    #[test]
    fn memory_beyond_its_share_stops_writes() {
        let (full, _) = memory(11, 10);
        assert!(full.active && full.stops_writes && full.detail.contains("11 of 10 bytes"));
        let (fine, _) = memory(10, 10);
        assert!(!fine.active && !fine.stops_writes && fine.to_do.is_empty());
    }

    fn active(status: &StoreStatus, free_bytes: Option<u64>) -> Vec<(&'static str, bool)> {
        let all = conditions(status, free_bytes, None);
        let active = all.into_iter().filter(|(c, _)| c.active);
        active.map(|(c, _)| (c.condition, c.stops_writes)).collect()
    }

    #[test]
    fn conditions_follow_the_store() {
        let fault = |kind| {
            Some(Fault { kind, error: "x".into(), lasting: Duration::from_secs(3), times: 2 })
        };
        let sound = StoreStatus::default();
        assert_eq!(active(&sound, Some(u64::MAX)), []);
        assert_eq!(active(&sound, Some(1000)), [("disk_low", false)]);
        let full = StoreStatus { journal_fault: fault(FaultKind::Full), ..StoreStatus::default() };
        assert_eq!(active(&full, None), [("disk_full", true)]);
        let flushes =
            StoreStatus { maintenance_fault: fault(FaultKind::Full), ..StoreStatus::default() };
        assert_eq!(active(&flushes, None), [("disk_full", false)]);
        let other =
            StoreStatus { maintenance_fault: fault(FaultKind::Other), ..StoreStatus::default() };
        assert_eq!(active(&other, None), [("flush_failing", false)]);
        let odd = StoreStatus {
            parts_damaged: 1,
            clock_off_ms: Some(-5),
            journal_fault: fault(FaultKind::SyncFailed),
            ..StoreStatus::default()
        };
        let expected = [("sync_failed", true), ("part_damaged", false), ("clock_jumped", false)];
        assert_eq!(active(&odd, None), expected);
    }
}
