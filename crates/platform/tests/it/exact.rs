//! What alarms look at, exactly: what is left after deletions, and nothing at all.

use crate::alarms::{
    MINUTE_MS, START_MS, advance, clock, home, load_high, me, on, open, put, state,
};
use crate::golden_write::scope;
use lang::promql::{MatchOp, Matcher};
use model::{Kind, Principal, TimeRange};
use platform::{AlarmState, Platform};
use std::sync::atomic::Ordering;
use stdx::{Clock, CrashPlan, SimDisk};

fn unmatched(platform: &Platform, after: Option<&str>, limit: usize) -> (Vec<String>, bool) {
    let (found, more) = platform.unmatched_alarms(&me(), &home(), after, limit).expect("a list");
    (found.into_iter().map(|one| one.name).collect(), more)
}

#[test]
fn alarms_that_match_nothing_are_listed_with_what_may_have_been_meant() {
    let (disk, clock) = (SimDisk::new(21, CrashPlan::default()), clock());
    let platform = open(&disk, &clock).expect("a platform");
    assert!(put(&platform, "load", Kind::Delta, clock.now_ms(), 1.0));
    platform.put_alarm(&me(), &home(), load_high(None), &[]).expect("put");
    for name in ["typo-1", "typo-2", "typo-3"] {
        platform.put_alarm(&me(), &home(), on(name, "laod", 60, 1, "missing"), &[]).expect("put");
    }
    platform.alarm_step();
    assert_eq!(unmatched(&platform, None, 2), (vec!["typo-1".into(), "typo-2".into()], true));
    assert_eq!(unmatched(&platform, Some("typo-2"), 2), (vec!["typo-3".into()], false));
    let (found, _) = platform.unmatched_alarms(&me(), &home(), None, 1).expect("a list");
    assert_eq!(
        (found[0].since_ms, &found[0].nearest[..]),
        (START_MS, &["Shop load {host=a}".into()][..])
    );
    let other = scope("111111111111", "us-east-1");
    assert!(platform.unmatched_alarms(&me(), &other, None, 9).is_err(), "not its own");
    let who = Principal::internal(other.account);
    assert_eq!(
        platform.unmatched_alarms(&who, &other, None, 9).expect("none"),
        (Vec::new(), false)
    );
    // It knows since when after a restart, and forgets it with the first point.
    drop(platform);
    let platform = open(&disk, &clock).expect("a platform");
    advance(&platform, &clock, 10 * MINUTE_MS);
    let (found, _) = platform.unmatched_alarms(&me(), &home(), None, 9).expect("a list");
    assert_eq!(found.iter().map(|one| one.since_ms).collect::<Vec<_>>(), [START_MS; 3]);
    assert!(put(&platform, "laod", Kind::Delta, clock.now_ms(), 1.0));
    platform.alarm_step();
    assert_eq!(unmatched(&platform, None, 9), (Vec::new(), false));
}

#[test]
fn a_deletion_changes_what_the_next_evaluation_sees() {
    let (disk, clock) = (SimDisk::new(22, CrashPlan::default()), clock());
    let platform = open(&disk, &clock).expect("a platform");
    platform.put_alarm(&me(), &home(), load_high(Some("notBreaching")), &[]).expect("put");
    let other = on("other", "queue", 60, 2, "notBreaching");
    platform.put_alarm(&me(), &home(), other, &[]).expect("put");
    for _ in 0..2 {
        for metric in ["load", "queue"] {
            assert!(put(&platform, metric, Kind::Delta, clock.now_ms(), 9.0));
        }
        advance(&platform, &clock, MINUTE_MS);
    }
    advance(&platform, &clock, 3_000);
    let states = || (state(&platform, "load-high").0, state(&platform, "other").0);
    assert_eq!(states(), (AlarmState::Alarm, AlarmState::Alarm));
    let name = Matcher::new("__name__", MatchOp::Eq, "load").expect("a matcher");
    let host = Matcher::new("host", MatchOp::Re, "a|b").expect("a matcher");
    let selectors = [vec![name, host]];
    let read = || platform.alarm_counters().rebuilds.load(Ordering::Relaxed);
    let before = read();
    // What is older than the window does not concern it.
    let old = TimeRange { start_ms: 0, end_ms: START_MS - 60 * MINUTE_MS };
    platform.delete_series(&me(), &home(), &selectors, old, false).expect("deleted");
    platform.alarm_step();
    assert_eq!(read(), before);
    platform.delete_series(&me(), &home(), &selectors, TimeRange::ALL, false).expect("deleted");
    advance(&platform, &clock, MINUTE_MS);
    assert_eq!(read(), before + 1, "the windows of the metrics concerned");
    // Both points would still be the newest of the evaluation range.
    assert_eq!(states(), (AlarmState::Ok, AlarmState::Alarm));
    assert_eq!(unmatched(&platform, None, 9).0, ["load-high"]);
}
