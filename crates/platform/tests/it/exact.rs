//! What alarms look at, exactly: windows that slide, deletions, late arrivals, and nothing at all.

use crate::alarms::{
    MINUTE_MS, START_MS, advance, clock, home, load_high, me, on, open, put, record, state,
};
use crate::golden_write::scope;
use lang::promql::{MatchOp, Matcher};
use model::{Kind, Principal, TimeRange};
use platform::{
    AlarmRecord, AlarmState, BacktestOf, ConditionRecord, HistoryFilter, HistoryShown, HistoryType,
    MetricsRecord, Platform, QueryRecord, StatRecord, WatchRecord, WindowRecord,
};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use stdx::{Clock, CrashPlan, SimDisk, VirtualClock};

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

/// An alarm on queries, `> threshold` in one of `periods`.
fn asked(
    name: &str,
    queries: Vec<QueryRecord>,
    threshold: f64,
    periods: u32,
    zone: Option<&str>,
) -> AlarmRecord {
    let condition = ConditionRecord {
        comparison: "GreaterThanThreshold".into(),
        threshold,
        periods,
        datapoints: Some(1),
        missing: None,
        low_samples: None,
        window: zone.map(|zone| WindowRecord::WallClock(Some(zone.into()))),
        warm_up: None,
    };
    record(name, WatchRecord::Metrics(MetricsRecord { queries, condition }))
}

fn query(id: &str, expression: Option<&str>, period_s: u32) -> QueryRecord {
    let stat = StatRecord {
        namespace: "Shop".into(),
        name: "load".into(),
        dimensions: vec![("host".into(), "a".into())],
        period_s,
        stat: "Sum".into(),
        unit: None,
    };
    let is_insights = expression.is_some_and(|text| text.starts_with("SELECT"));
    QueryRecord {
        id: id.into(),
        stat: expression.is_none().then_some(stat),
        expression: expression.map(str::to_owned),
        label: None,
        return_data: Some(expression.is_some()),
        period_s: is_insights.then_some(period_s),
        account_id: None,
    }
}

/// The sum of load as a statement, and as an expression that needs all its points at once.
fn sums(period_s: u32) -> [(&'static str, Vec<QueryRecord>); 2] {
    let statement = vec![query("q1", Some("SELECT SUM(load) FROM Shop"), period_s)];
    let at_once = Some("m1 + 0 * AVG(m1)");
    [
        ("insights", statement),
        ("math", vec![query("m1", None, period_s), query("e", at_once, period_s)]),
    ]
}

/// Minute and new state of each change of an alarm.
fn changes(platform: &Platform, name: &str) -> Vec<(i64, String)> {
    let filter = HistoryFilter {
        alarm: Some(name.into()),
        what: Some(HistoryType::StateUpdate),
        is_ascending: true,
        ..HistoryFilter::default()
    };
    let items =
        platform.alarm_history(&me(), &home(), &filter).expect("a history").items.into_iter();
    let change = |item: HistoryShown| {
        let to = item.summary.rsplit(' ').next().unwrap_or_default().to_owned();
        ((item.at_ms - START_MS).div_euclid(MINUTE_MS), to)
    };
    items.map(change).collect()
}

fn backtested(platform: &Platform, name: &str, to_ms: i64) -> Vec<(i64, String)> {
    let stored = vec![name.to_owned()];
    let of = BacktestOf { proposed: Vec::new(), stored, from_ms: START_MS, to_ms };
    let found = platform.backtest(&me(), &home(), &of).expect("a backtest").into_iter();
    let minute = |at_ms: i64| (at_ms - START_MS).div_euclid(MINUTE_MS);
    found.map(|t| (minute(t.at_ms), t.to.name().to_owned())).collect()
}

#[test]
fn windows_that_are_asked_for_slide_by_a_minute() {
    let (disk, clock) = (SimDisk::new(23, CrashPlan::default()), clock());
    let platform = open(&disk, &clock).expect("a platform");
    for (name, queries) in sums(300) {
        let alarm = asked(name, queries, 10.0, 1, None);
        platform.put_alarm(&me(), &home(), alarm, &[]).expect("put");
    }
    for minute in 0..11 {
        if (3..7).contains(&minute) {
            assert!(put(&platform, "load", Kind::Delta, clock.now_ms(), 3.0));
        }
        advance(&platform, &clock, MINUTE_MS);
    }
    advance(&platform, &clock, 3_000);
    // Of the five minutes from 2 to 7, and from 3 to 8: no five minutes that begin at a multiple of five
    // have more than 6.
    let expected = [(4, "OK".to_owned()), (7, "ALARM".to_owned()), (9, "OK".to_owned())];
    for (name, _) in sums(300) {
        assert_eq!(changes(&platform, name), expected, "{name}");
        assert_eq!(backtested(&platform, name, clock.now_ms()), expected, "{name}");
    }
}

#[test]
fn windows_that_are_asked_for_follow_the_clock_of_a_zone() {
    let (disk, clock) = (SimDisk::new(24, CrashPlan::default()), clock());
    let platform = open(&disk, &clock).expect("a platform");
    for (name, queries) in sums(3_600) {
        let alarm = asked(name, queries, 10.0, 1, Some("+05:30"));
        platform.put_alarm(&me(), &home(), alarm, &[]).expect("put");
    }
    for (minute, value) in [(10, 20.0), (40, 1.0)] {
        advance(&platform, &clock, START_MS + minute * MINUTE_MS - clock.now_ms());
        assert!(put(&platform, "load", Kind::Delta, clock.now_ms(), value));
    }
    advance(&platform, &clock, 60 * MINUTE_MS);
    let expected = [(30, "ALARM".to_owned()), (90, "OK".to_owned())];
    for (name, _) in sums(3_600) {
        assert_eq!(changes(&platform, name), expected, "{name}");
        assert_eq!(backtested(&platform, name, clock.now_ms()), expected, "{name}");
    }
}

/// In Berlin March 29 of 2026 has 23 hours: from 23:00 of the 28th to 22:00 of the 29th in UTC.
#[test]
fn days_on_which_clocks_change_are_as_long_as_they_are() {
    let at = |text: &str| text.parse::<jiff::Timestamp>().expect("a time").as_millisecond();
    let (disk, now_ms) = (SimDisk::new(25, CrashPlan::default()), at("2026-03-31T00:30:00Z"));
    let clock = Arc::new(VirtualClock::starting_at(now_ms));
    let platform = open(&disk, &clock).expect("a platform");
    let points = [
        ("2026-03-27T12:00:00Z", 1.0),
        ("2026-03-28T22:30:00Z", 1.0),
        ("2026-03-28T23:30:00Z", 5.0),
        ("2026-03-29T21:30:00Z", 7.0),
        ("2026-03-29T22:30:00Z", 1.0),
    ];
    for (time, value) in points {
        assert!(put(&platform, "load", Kind::Delta, at(time), value));
    }
    // That day's sum is 12; of the 24 hours before its end it would be 13.
    let mut alarms = Vec::new();
    for (name, queries) in sums(86_400) {
        for (threshold, expected) in [(11.5, AlarmState::Alarm), (12.5, AlarmState::Ok)] {
            let name = format!("{name}-{threshold}");
            alarms.push((
                asked(&name, queries.clone(), threshold, 3, Some("Europe/Berlin")),
                expected,
            ));
        }
    }
    // The day before began 24 hours earlier, the day behind begins 23 hours later.
    for (name, text, expected) in [
        ("short", "0 - DIFF_TIME(m1)", AlarmState::Alarm),
        ("long", "DIFF_TIME(m1) - 172800", AlarmState::Ok),
    ] {
        let queries = vec![query("m1", None, 86_400), query("e", Some(text), 86_400)];
        alarms.push((asked(name, queries, -82_801.0, 3, Some("Europe/Berlin")), expected));
    }
    for (alarm, _) in &alarms {
        platform.put_alarm(&me(), &home(), alarm.clone(), &[]).expect("put");
    }
    advance(&platform, &clock, 60 * MINUTE_MS);
    for (alarm, expected) in alarms {
        assert_eq!(state(&platform, &alarm.name).0, expected, "{}", alarm.name);
    }
}
