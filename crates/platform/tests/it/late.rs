//! What came late for an alarm is known: what an evaluation saw, what it did not, and when that came.

use crate::alarms::{
    MINUTE_MS, START_MS, advance, clock, home, load_high, me, on, open, put, state,
};
use model::{Delta, Kind, Unit};
use platform::{
    AlarmState, Explained, ExplainedEvaluation, ExplainedLate, FsckOptions, Platform, TimeLimits,
    fsck,
};
use std::path::Path;
use std::sync::Arc;
use stdx::{Clock, CrashPlan, Disk, SimDisk};

fn minutes(minutes: i64) -> i64 {
    START_MS + minutes * MINUTE_MS
}

/// Three seconds behind a minute, when its evaluation is over.
fn explain(platform: &Platform, name: &str, minute: i64) -> (Explained, ExplainedEvaluation) {
    let at_ms = minutes(minute) + 3_000;
    let mut explained =
        platform.explain_alarm(&me(), &home(), name, at_ms).expect("an explanation");
    let evaluation = explained.evaluation.take().expect("an evaluation");
    (explained, evaluation)
}

fn values(evaluation: &ExplainedEvaluation) -> Vec<(Option<f64>, Option<f64>)> {
    evaluation.periods.iter().map(|period| (period.value, period.value_now)).collect()
}

/// `load` was 9 in minute 0, and in minute 1 too: but that came 2 min 10 s after its evaluation.
fn late_by_two_minutes(platform: &Platform, clock: &stdx::VirtualClock) {
    platform.put_alarm(&me(), &home(), load_high(Some("notBreaching")), &[]).expect("put");
    assert!(put(platform, "load", Kind::Delta, minutes(0), 9.0));
    advance(platform, clock, 4 * MINUTE_MS + 12_000);
    assert_eq!(state(platform, "load-high").0, AlarmState::Ok);
    assert!(put(platform, "load", Kind::Delta, minutes(1), 9.0));
    platform.alarm_step();
    assert_eq!(state(platform, "load-high").0, AlarmState::Alarm, "at once");
}

#[test]
fn why_it_did_not_fire_is_what_came_later() {
    let (disk, clock) = (SimDisk::new(31, CrashPlan::default()), clock());
    let platform = open(&disk, &clock).expect("a platform");
    late_by_two_minutes(&platform, &clock);
    let check = |platform: &Platform| {
        let (explained, then) = explain(platform, "load-high", 2);
        let nine = (Some(9.0), Some(9.0));
        assert_eq!(values(&then)[..2], [(None, Some(9.0)), nine]);
        assert_eq!((then.decides, then.decides_now), (Some("OK"), Some("ALARM")));
        let late = ExplainedLate {
            start_ms: minutes(1),
            end_ms: minutes(2),
            arrived_ms: minutes(4) + 12_000,
            behind_ms: 130_000,
            was_seen: false,
        };
        assert_eq!((then.late, then.is_as_seen), (vec![late], true));
        let words = explained.words.join("\n");
        for sentence in [
            "Data of 2026-01-01T00:01:00Z to 2026-01-01T00:02:00Z arrived at 2026-01-01T00:04:12Z, 2 min 10 s \
             after the evaluation, which did not see them.",
            "2026-01-01T00:01:00Z  no data then, 9 now",
            "All that is stored now would decide ALARM.",
        ] {
            assert!(words.contains(sentence), "{words}");
        }
        assert!(!words.contains("That is not the state of then"), "{words}");
        // The evaluation that it changed saw it.
        let at_ms = minutes(4) + 13_000;
        let now = platform.explain_alarm(&me(), &home(), "load-high", at_ms).expect("one");
        let evaluation = now.evaluation.expect("an evaluation");
        assert_eq!((now.state, evaluation.decides), (Some("ALARM"), Some("ALARM")));
        assert!(evaluation.late[0].was_seen);
        assert!(
            now.words.join("\n").contains("10 s after the evaluation was due"),
            "{:?}",
            now.words
        );
    };
    check(&platform);
    // So it is after a restart, and when the window has long gone on.
    advance(&platform, &clock, 60 * MINUTE_MS);
    drop(platform);
    let platform = open(&disk, &clock).expect("a platform");
    check(&platform);
    drop(platform);
    let shared: Arc<dyn Disk> = Arc::new(disk);
    let report = fsck(shared, Path::new("/data"), FsckOptions::default(), &mut |_, _| {});
    let found = report.expect("a check").findings;
    assert!(found.iter().all(|finding| finding.place != "catalog.redb"), "{found:?}");
}

#[test]
fn values_that_added_up_later_are_taken_apart() {
    let (disk, clock) = (SimDisk::new(32, CrashPlan::default()), clock());
    let platform = open(&disk, &clock).expect("a platform");
    // The sum and a percentile of two minutes, from minutes that got more twice.
    let alarms = [on("sum", "load", 120, 1, "ignore"), on("p50", "load", 120, 1, "ignore")];
    for (mut alarm, statistic) in alarms.into_iter().zip(["Sum", "p50"]) {
        let platform::WatchRecord::Metric(watch) = &mut alarm.watch else { unreachable!() };
        let extended = statistic.starts_with('p').then(|| statistic.to_owned());
        (watch.statistic, watch.extended_statistic) =
            (extended.is_none().then(|| statistic.to_owned()), extended);
        platform.put_alarm(&me(), &home(), alarm, &[]).expect("put");
    }
    for (minute, value) in [(0, 1.0), (1, 2.0)] {
        assert!(put(&platform, "load", Kind::Delta, minutes(minute), value));
    }
    for (at_ms, minute, value) in [
        (minutes(2) + 10_000, 1, 4.0),
        (minutes(2) + 20_000, 0, 8.0),
        (minutes(2) + 30_000, 1, 16.0),
    ] {
        advance(&platform, &clock, at_ms - clock.now_ms());
        assert!(put(&platform, "load", Kind::Delta, minutes(minute), value));
    }
    advance(&platform, &clock, 30 * MINUTE_MS);
    let newest = |name: &str, at_ms| {
        let explained = platform.explain_alarm(&me(), &home(), name, at_ms).expect("one");
        let evaluation = explained.evaluation.expect("an evaluation");
        assert!(evaluation.is_as_seen);
        values(&evaluation)[0]
    };
    for (behind_s, sum, median) in [(3, 3.0, 1.0), (10, 7.0, 2.0), (25, 15.0, 2.0), (40, 31.0, 4.0)]
    {
        let at_ms = minutes(2) + behind_s * 1_000;
        assert_eq!(newest("sum", at_ms), (Some(sum), Some(31.0)), "{behind_s} s behind");
        assert_eq!(newest("p50", at_ms), (Some(median), Some(4.0)), "{behind_s} s behind");
    }
}

/// Two hours of data come at once, long after windows have gone on.
#[test]
fn what_is_older_than_the_window_is_known_to_have_come_later() {
    let (disk, clock) = (SimDisk::new(33, CrashPlan::default()), clock());
    let platform = open(&disk, &clock).expect("a platform");
    platform.put_alarm(&me(), &home(), load_high(Some("breaching")), &[]).expect("put");
    assert!(put(&platform, "load", Kind::Delta, minutes(10), 1.0));
    advance(&platform, &clock, 180 * MINUTE_MS);
    // As an agent sends them that was cut off.
    let mut ingest =
        platform.begin_ingest(&me(), &home(), TimeLimits::CloudWatch).expect("a batch");
    let labels = [("host", "a")];
    let key = crate::golden_write::key(ingest.tenant, "Shop", "load", Unit::None, &labels);
    let series = ingest.batch.register(None, &key, Kind::Delta).expect("there is room");
    for minute in 0..120 {
        ingest.batch.delta(series, minutes(minute), Delta::of_value(1.0));
    }
    platform.submit(ingest.batch, |result| assert!(result.is_ok())).expect("taken");
    platform.commit_step(std::time::Duration::ZERO);
    platform.alarm_step();
    let (explained, then) = explain(&platform, "load-high", 60);
    assert_eq!(values(&then)[..2], [(None, Some(1.0)); 2]);
    assert_eq!(
        (then.decides, then.decides_now, then.is_as_seen),
        (Some("ALARM"), Some("OK"), true)
    );
    assert_eq!(then.late.len(), 1, "they came together: {:?}", explained.words);
    // Where there was something before, nobody knows any more what.
    let (explained, then) = explain(&platform, "load-high", 11);
    assert!(!then.is_as_seen);
    let words = explained.words.join("\n");
    assert!(words.contains("later data may be among these values"), "{words}");
}

#[test]
fn what_comes_after_a_restart_is_late_too() {
    let (disk, clock) = (SimDisk::new(34, CrashPlan::default()), clock());
    let platform = open(&disk, &clock).expect("a platform");
    platform.put_alarm(&me(), &home(), load_high(Some("notBreaching")), &[]).expect("put");
    assert!(put(&platform, "load", Kind::Delta, minutes(0), 9.0));
    advance(&platform, &clock, 2 * MINUTE_MS + 10_000);
    // As a server does that is stopped.
    platform.flush().expect("flushed");
    drop(platform);
    let platform = open(&disk, &clock).expect("a platform");
    // Acknowledged before anybody looked at anything.
    assert!(put(&platform, "load", Kind::Delta, minutes(1), 9.0));
    platform.alarm_step();
    assert_eq!(state(&platform, "load-high").0, AlarmState::Alarm);
    let (_, then) = explain(&platform, "load-high", 2);
    assert_eq!(values(&then)[..2], [(None, Some(9.0)), (Some(9.0), Some(9.0))]);
    assert_eq!((then.decides, then.late[0].behind_ms), (Some("OK"), 8_000));
}

/// An alarm that is gone leaves nothing; one that is changed keeps what is known.
#[test]
fn it_goes_with_the_alarm() {
    let (disk, clock) = (SimDisk::new(35, CrashPlan::default()), clock());
    let platform = open(&disk, &clock).expect("a platform");
    late_by_two_minutes(&platform, &clock);
    let mut higher = load_high(Some("notBreaching"));
    let platform::WatchRecord::Metric(watch) = &mut higher.watch else { unreachable!() };
    watch.condition.threshold = 8.0;
    platform.put_alarm(&me(), &home(), higher, &[]).expect("put");
    platform.alarm_step();
    assert_eq!(explain(&platform, "load-high", 2).1.late.len(), 1);
    platform.delete_alarms(&me(), &home(), &["load-high".into()]).expect("deleted");
    platform.put_alarm(&me(), &home(), load_high(None), &[]).expect("put");
    advance(&platform, &clock, 10 * MINUTE_MS);
    assert_eq!(explain(&platform, "load-high", 2).1.late, []);
}
