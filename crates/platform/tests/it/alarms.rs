//! Alarms of a whole platform: points go in, time goes on, power is lost, and what is told is what was
//! decided, once.

use crate::golden_write::{key, scope};
use model::{Delta, Kind, Principal, Scope, Unit};
use platform::fsck;
use platform::{
    AlarmFilter, AlarmRecord, AlarmState, AuthMode, BacktestOf, CompositeRecord, ConditionRecord,
    FsckOptions, HistoryFilter, HistoryType, MetricRecord, NewState, Platform, PlatformOptions,
    PromqlRecord, SyncMode, TimeLimits, TimeStep, WatchRecord,
};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use stdx::{Clock, CrashPlan, Disk, Rng, SimDisk, VirtualClock};

/// 2026-01-01T00:00:00Z.
pub(crate) const START_MS: i64 = 1_767_225_600_000;
pub(crate) const MINUTE_MS: i64 = 60_000;

pub(crate) fn home() -> Scope {
    scope("000000000000", "us-east-1")
}

pub(crate) fn me() -> Principal {
    Principal::internal(home().account)
}

pub(crate) fn open(
    disk: &SimDisk,
    clock: &Arc<VirtualClock>,
) -> Result<Platform, platform::OpenError> {
    let options = PlatformOptions {
        data_dir: "/data".into(),
        default_scope: home(),
        sync: SyncMode::Always,
        auth: AuthMode::Open,
        key_file: None,
        store: Default::default(),
        questions: Default::default(),
    };
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Platform::open(&options, clock.clone(), disk)
}

/// Puts a value; says whether it was acknowledged.
pub(crate) fn put(platform: &Platform, name: &str, kind: Kind, at_ms: i64, value: f64) -> bool {
    let Ok(mut ingest) = platform.begin_ingest(&me(), &home(), TimeLimits::CloudWatch) else {
        return false;
    };
    let namespace = if kind == Kind::Delta { "Shop" } else { "" };
    let key = key(ingest.tenant, namespace, name, Unit::None, &[("host", "a")]);
    let series = ingest.batch.register(None, &key, kind).expect("there is room");
    match kind {
        Kind::Delta => ingest.batch.delta(series, at_ms, Delta::of_value(value)),
        _ => ingest.batch.float(series, at_ms, value),
    }
    let told = Arc::new(AtomicU8::new(0));
    let tell = told.clone();
    let done = move |result: Result<(), _>| {
        tell.store(if result.is_ok() { 1 } else { 2 }, Ordering::Relaxed);
    };
    if platform.submit(ingest.batch, done).is_err() {
        return false;
    }
    while told.load(Ordering::Relaxed) == 0 {
        platform.commit_step(Duration::ZERO);
    }
    told.load(Ordering::Relaxed) == 1
}

/// `Maximum of Shop:load{host=a} per minute > 5, 2 of 2`.
pub(crate) fn load_high(missing: Option<&str>) -> AlarmRecord {
    let watch = WatchRecord::Metric(MetricRecord {
        namespace: "Shop".into(),
        name: "load".into(),
        statistic: Some("Maximum".into()),
        extended_statistic: None,
        dimensions: vec![("host".into(), "a".into())],
        period_s: 60,
        unit: None,
        condition: ConditionRecord {
            comparison: "GreaterThanThreshold".into(),
            threshold: 5.0,
            periods: 2,
            datapoints: None,
            missing: missing.map(str::to_owned),
            low_samples: None,
            window: None,
            warm_up: None,
        },
    });
    record("load-high", watch)
}

pub(crate) fn record(name: &str, watch: WatchRecord) -> AlarmRecord {
    AlarmRecord {
        name: name.into(),
        description: None,
        actions_enabled: true,
        ok_actions: Vec::new(),
        alarm_actions: vec!["arn:aws:lambda:us-east-1:000000000000:function:page".into()],
        insufficient_data_actions: Vec::new(),
        watch,
        configured_ms: 0,
    }
}

pub(crate) fn advance(platform: &Platform, clock: &VirtualClock, by_ms: i64) -> bool {
    platform.move_clock(clock, TimeStep::Advance(by_ms)).is_ok()
}

pub(crate) fn state(platform: &Platform, name: &str) -> (AlarmState, String) {
    let filter = AlarmFilter { names: vec![name.into()], ..AlarmFilter::default() };
    let found = platform.alarms(&me(), &home(), &filter).expect("alarms");
    let told = &found.first().expect("the alarm").status.told;
    (told.state, told.reason.clone())
}

/// Minute and summary of each item of the history, the oldest first.
fn history(platform: &Platform, what: Option<HistoryType>) -> Vec<(i64, String)> {
    let filter = HistoryFilter { what, is_ascending: true, ..HistoryFilter::default() };
    let page = platform.alarm_history(&me(), &home(), &filter).expect("a history");
    page.items
        .into_iter()
        .map(|i| ((i.at_ms - START_MS).div_euclid(MINUTE_MS), i.summary))
        .collect()
}

#[test]
fn an_alarm_follows_its_metric_and_keeps_what_happened() {
    let (disk, clock) = (SimDisk::new(1, CrashPlan::default()), clock());
    let platform = open(&disk, &clock).expect("a platform");
    platform.put_alarm(&me(), &home(), load_high(None), &[]).expect("put");
    assert_eq!(
        state(&platform, "load-high"),
        (AlarmState::InsufficientData, "Unchecked: Initial alarm creation".into())
    );
    for value in [1.0, 1.0, 9.0, 9.0, 9.0, 1.0] {
        assert!(put(&platform, "load", Kind::Delta, clock.now_ms(), value));
        advance(&platform, &clock, MINUTE_MS);
    }
    advance(&platform, &clock, 3_000);
    let expected = [
        (0, "Alarm \"load-high\" created"),
        (1, "Alarm updated from INSUFFICIENT_DATA to OK"),
        (4, "Alarm updated from OK to ALARM"),
        (6, "Alarm updated from ALARM to OK"),
    ];
    let expected: Vec<(i64, String)> = expected.map(|(m, s)| (m, s.to_owned())).into();
    assert_eq!(history(&platform, None), expected);
    // All of it is there after a restart, and it goes on.
    drop(platform);
    let platform = open(&disk, &clock).expect("a platform");
    assert_eq!(history(&platform, None), expected);
    assert_eq!(state(&platform, "load-high").0, AlarmState::Ok);
    let new = NewState { state: AlarmState::Alarm, reason: "a drill".into(), reason_data: None };
    platform.set_alarm_state(&me(), &home(), "load-high", new).expect("set");
    assert_eq!(state(&platform, "load-high"), (AlarmState::Alarm, "a drill".into()));
    assert!(put(&platform, "load", Kind::Delta, clock.now_ms(), 1.0));
    advance(&platform, &clock, MINUTE_MS);
    assert_eq!(state(&platform, "load-high").0, AlarmState::Ok, "the next evaluation decides");
    // A check of the stopped directory reads every entry of it.
    drop(platform);
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let report = fsck(shared, Path::new("/data"), FsckOptions::default(), &mut |_, _| {});
    let found = report.expect("a check").findings;
    assert!(found.iter().all(|finding| finding.place != "catalog.redb"), "{found:?}");
    let platform = open(&disk, &clock).expect("a platform");
    platform.delete_alarms(&me(), &home(), &["load-high".into(), "none".into()]).expect("deleted");
    assert!(platform.alarms(&me(), &home(), &AlarmFilter::default()).expect("alarms").is_empty());
    assert_eq!(history(&platform, None).last().expect("items").1, "Alarm \"load-high\" deleted");
}

pub(crate) fn clock() -> Arc<VirtualClock> {
    Arc::new(VirtualClock::starting_at(START_MS))
}

#[test]
fn a_late_point_decides_and_so_does_one_of_before_the_alarm() {
    let (disk, clock) = (SimDisk::new(2, CrashPlan::default()), clock());
    let platform = open(&disk, &clock).expect("a platform");
    assert!(put(&platform, "load", Kind::Delta, START_MS - 2 * MINUTE_MS, 9.0));
    assert!(put(&platform, "load", Kind::Delta, START_MS - MINUTE_MS, 9.0));
    platform.put_alarm(&me(), &home(), load_high(Some("notBreaching")), &[]).expect("put");
    advance(&platform, &clock, 70_000);
    assert_eq!(state(&platform, "load-high").0, AlarmState::Alarm, "of two points of before");
    advance(&platform, &clock, 10 * MINUTE_MS);
    assert_eq!(state(&platform, "load-high").0, AlarmState::Ok);
    for back_ms in [3 * MINUTE_MS, 2 * MINUTE_MS] {
        assert!(put(&platform, "load", Kind::Delta, clock.now_ms() - back_ms, 9.0));
    }
    platform.alarm_step();
    assert_eq!(state(&platform, "load-high").0, AlarmState::Alarm, "at once, not at the next tick");
}

#[test]
fn a_promql_alarm_asks_and_has_contributors() {
    let (disk, clock) = (SimDisk::new(3, CrashPlan::default()), clock());
    let platform = open(&disk, &clock).expect("a platform");
    let promql = PromqlRecord {
        query: "queue > 3".into(),
        pending_s: Some(60),
        recovery_s: None,
        interval_s: 60,
    };
    let alarm = record("queue-long", WatchRecord::Promql(promql));
    platform.put_alarm(&me(), &home(), alarm, &[]).expect("put");
    for value in [9.0, 9.0, 9.0, 1.0] {
        assert!(put(&platform, "queue", Kind::Float, clock.now_ms(), value));
        advance(&platform, &clock, MINUTE_MS);
        let found = platform.alarm_contributors(&me(), &home(), "queue-long").expect("found");
        let labels = found.first().map(|one| one.attributes.clone());
        let told = history(&platform, Some(HistoryType::StateUpdate)).len();
        assert_eq!(labels.is_some(), told == 1, "{value}");
        assert!(labels.is_none_or(|labels| labels == [("host".into(), "a".into())]));
    }
    advance(&platform, &clock, MINUTE_MS);
    let expected = [(1, "Alarm updated from OK to ALARM"), (3, "Alarm updated from ALARM to OK")];
    let expected: Vec<(i64, String)> = expected.map(|(m, s)| (m, s.to_owned())).into();
    assert_eq!(history(&platform, Some(HistoryType::StateUpdate)), expected);
}

/// Runs twelve minutes over a disk that may lose its power once; returns the transitions.
fn minutes_with(plan: CrashPlan, seed: u64) -> (Vec<(i64, String)>, u64) {
    let (mut disk, clock) = (SimDisk::new(seed, plan), clock());
    let values = [1.0, 9.0, 9.0, 9.0, 1.0, 1.0, 9.0, 9.0, 1.0, 9.0, 9.0, 9.0];
    let mut platform = None;
    let mut is_put = false;
    let (mut minute, mut starts, mut losses) = (0, 0, 0);
    while minute < values.len() {
        let Some(open) = &platform else {
            match open(&disk, &clock) {
                Ok(opened) => platform = Some(opened),
                Err(error) => {
                    // The power may go while it starts, but only once.
                    starts += 1;
                    assert!(starts < 3, "it does not start again: {error:?}");
                    disk = disk.after_power_loss();
                }
            }
            continue;
        };
        let at_ms = START_MS + minute as i64 * MINUTE_MS;
        is_put = is_put || open.put_alarm(&me(), &home(), load_high(None), &[]).is_ok();
        let went_on = is_put && put(open, "load", Kind::Delta, at_ms, values[minute]) && {
            // In steps, so that no time is lost with the power, which would be an outage.
            (clock.now_ms()..at_ms + MINUTE_MS).step_by(2_000).all(|_| {
                let left_ms = (at_ms + MINUTE_MS - clock.now_ms()).min(2_000);
                advance(open, &clock, left_ms) && Disk::sync_dir(&disk, Path::new("/data")).is_ok()
            })
        };
        match went_on {
            true => minute += 1,
            false => {
                losses += 1;
                assert!(losses < 3, "minute {minute} does not go on");
                platform = None;
                disk = disk.after_power_loss();
            }
        }
    }
    let platform = platform.expect("it runs");
    assert!(advance(&platform, &clock, 5_000));
    (history(&platform, Some(HistoryType::StateUpdate)), disk.operations())
}

#[test]
fn a_loss_of_power_neither_loses_nor_repeats_a_transition() {
    let (undisturbed, operations) = minutes_with(CrashPlan::default(), 7);
    assert_eq!(undisturbed.len(), 6, "{undisturbed:?}");
    let mut step = 1;
    for at in (1..operations).step_by(5) {
        step += 1;
        let plan = CrashPlan { power_off_at: Some(at), ..CrashPlan::default() };
        let (disturbed, _) = minutes_with(plan, step);
        let same = disturbed.len() == undisturbed.len()
            && disturbed.iter().zip(&undisturbed).all(|((later, a), (minute, b))| {
                // What could not be kept is decided again when the power is back.
                a == b && (0..=1).contains(&(later - minute))
            });
        assert!(same, "power off at {at} of {operations}: {disturbed:?}, not {undisturbed:?}");
    }
}

#[test]
fn other_tenants_do_not_see_it() {
    let (disk, clock) = (SimDisk::new(5, CrashPlan::default()), clock());
    let platform = open(&disk, &clock).expect("a platform");
    platform.put_alarm(&me(), &home(), load_high(None), &[]).expect("put");
    let other = scope("111111111111", "us-east-1");
    assert!(platform.alarms(&me(), &other, &AlarmFilter::default()).is_err(), "not its own");
    let who = Principal::internal(other.account);
    assert!(platform.alarms(&who, &other, &AlarmFilter::default()).expect("none").is_empty());
}

/// An alarm on one metric, `Maximum` per `period_s`.
pub(crate) fn on(
    name: &str,
    metric: &str,
    period_s: u32,
    periods: u32,
    missing: &str,
) -> AlarmRecord {
    let mut record = load_high(Some(missing));
    record.name = name.into();
    let WatchRecord::Metric(watch) = &mut record.watch else { unreachable!("made above") };
    watch.name = metric.into();
    watch.period_s = period_s;
    watch.condition.periods = periods;
    record
}

/// With a threshold that few values are above.
fn high(mut record: AlarmRecord) -> AlarmRecord {
    let WatchRecord::Metric(watch) = &mut record.watch else { unreachable!("made above") };
    watch.condition.threshold = 6.4;
    record
}

/// What a replay says is what the live engine decided: the same alarms, over points that came in time.
#[test]
fn a_backtest_equals_the_live_run() {
    let (disk, clock) = (SimDisk::new(11, CrashPlan::default()), clock());
    let platform = open(&disk, &clock).expect("a platform");
    let promql = PromqlRecord {
        query: "queue > 5".into(),
        pending_s: Some(60),
        recovery_s: Some(120),
        interval_s: 60,
    };
    let composite = CompositeRecord {
        rule: "ALARM(minute) OR (ALARM(quick) AND NOT OK(long))".into(),
        suppressor: None,
        wait_s: None,
        extension_s: None,
    };
    let mut alarms = vec![
        on("minute", "load", 60, 2, "missing"),
        high(on("long", "load", 180, 1, "breaching")),
        on("ignoring", "gaps", 60, 1, "ignore"),
        record("queue-long", WatchRecord::Promql(promql)),
        record("any", WatchRecord::Composite(composite)),
    ];
    let mut quick = on("quick", "load", 10, 1, "notBreaching");
    let WatchRecord::Metric(watch) = &mut quick.watch else { unreachable!("made above") };
    (watch.statistic, watch.extended_statistic) = (None, Some("p90".into()));
    alarms.push(quick);
    // Some minutes of before.
    let mut rng = Rng::from_seed(3);
    for back in 1..10 {
        assert!(put(&platform, "load", Kind::Delta, START_MS - back * MINUTE_MS, 9.0));
    }
    for alarm in &alarms {
        platform.put_alarm(&me(), &home(), alarm.clone(), &[]).expect("put");
    }
    for step in 0..360 {
        let at_ms = clock.now_ms();
        assert!(put(&platform, "load", Kind::Delta, at_ms, rng.below(12) as f64 / 1.7));
        if step % 6 == 0 {
            assert!(put(&platform, "queue", Kind::Float, at_ms, rng.below(10) as f64));
            if rng.below(3) > 0 {
                assert!(put(&platform, "gaps", Kind::Delta, at_ms, rng.below(9) as f64));
            }
        }
        assert!(advance(&platform, &clock, 10_000));
    }
    let filter = HistoryFilter {
        what: Some(HistoryType::StateUpdate),
        is_ascending: true,
        ..HistoryFilter::default()
    };
    let live: Vec<(String, i64, String)> = platform
        .alarm_history(&me(), &home(), &filter)
        .expect("a history")
        .items
        .into_iter()
        .map(|item| (item.alarm, item.at_ms, item.summary))
        .collect();
    let of = BacktestOf {
        stored: alarms.iter().map(|alarm| alarm.name.clone()).collect(),
        proposed: Vec::new(),
        from_ms: START_MS,
        to_ms: clock.now_ms(),
    };
    let replayed = platform.backtest(&me(), &home(), &of).expect("a backtest");
    let replayed: Vec<(String, i64, String)> = replayed
        .into_iter()
        .map(|t| (t.alarm, t.at_ms, format!("Alarm updated from {} to {}", t.from, t.to)))
        .collect();
    let sorted = |mut all: Vec<(String, i64, String)>| {
        all.sort();
        all
    };
    for alarm in &alarms {
        let many = live.iter().filter(|(name, ..)| *name == alarm.name).count();
        assert!(many > 4, "{} changed {many} times", alarm.name);
    }
    assert_eq!(sorted(replayed), sorted(live));
    // A proposed definition stands for the stored one of its name.
    let mut higher = alarms[0].clone();
    let WatchRecord::Metric(watch) = &mut higher.watch else { unreachable!("made above") };
    watch.condition.threshold = 100.0;
    let of = BacktestOf { proposed: vec![higher], stored: Vec::new(), ..of };
    let replayed = platform.backtest(&me(), &home(), &of).expect("a backtest");
    let changes: Vec<_> = replayed.iter().map(|t| (t.from.name(), t.to.name())).collect();
    assert_eq!(changes, [("INSUFFICIENT_DATA", "OK")]);
}

#[test]
fn an_explanation_shows_points_rule_and_what_may_have_been_meant() {
    let (disk, clock) = (SimDisk::new(12, CrashPlan::default()), clock());
    let platform = open(&disk, &clock).expect("a platform");
    platform.put_alarm(&me(), &home(), load_high(Some("ignore")), &[]).expect("put");
    platform.put_alarm(&me(), &home(), on("typo", "laod", 60, 1, "missing"), &[]).expect("put");
    for value in [1.0, 9.0, 9.0] {
        assert!(put(&platform, "load", Kind::Delta, clock.now_ms(), value));
        advance(&platform, &clock, MINUTE_MS);
    }
    advance(&platform, &clock, 10 * MINUTE_MS);
    let explain = |name: &str, at_ms| {
        platform.explain_alarm(&me(), &home(), name, at_ms).expect("an explanation")
    };
    // At the third minute and three seconds it had just gone into ALARM, for two of two points.
    let then = explain("load-high", START_MS + 3 * MINUTE_MS + 3_000);
    assert_eq!(then.state, Some("ALARM"));
    let evaluation = then.evaluation.expect("an evaluation");
    assert_eq!(evaluation.end_ms, START_MS + 3 * MINUTE_MS);
    let cells: Vec<&str> = evaluation.periods.iter().map(|p| p.counts_as).collect();
    assert_eq!(cells, ["breaching", "breaching", "ok", "missing"]);
    assert_eq!(evaluation.decides, Some("ALARM"));
    // A minute before it had not: only one point breached.
    let before = explain("load-high", START_MS + 2 * MINUTE_MS + 3_000);
    assert_eq!((before.state, before.evaluation.expect("one").decides), (Some("OK"), Some("OK")));
    // Much later nothing is received, and the state is kept.
    let later = explain("load-high", clock.now_ms());
    assert_eq!((later.state, later.evaluation.expect("one").decides), (Some("ALARM"), None));
    let typo = explain("typo", clock.now_ms()).words.join("\n");
    assert!(typo.contains("It matches no series since 2026-01-01T00:00:"), "{typo}");
    assert!(typo.contains("Nearest are: Shop load {host=a}."), "{typo}");
    let unknown = platform.explain_alarm(&me(), &home(), "none", clock.now_ms());
    assert!(matches!(unknown, Err(platform::AlarmError::NotFound(_))));
}

#[test]
fn an_alarm_on_a_query_has_a_picture_of_what_it_compares() {
    let (disk, clock) = (SimDisk::new(9, CrashPlan::default()), clock());
    let platform = open(&disk, &clock).expect("a platform");
    let query = |query: &str| {
        let query = query.to_owned();
        let promql = PromqlRecord { query, pending_s: None, recovery_s: None, interval_s: 60 };
        platform.put_alarm(&me(), &home(), record("q", WatchRecord::Promql(promql)), &[])
    };
    query("queue > 5").expect("put");
    let draw = |name: &str| {
        let arn = format!("arn:aws:cloudwatch:us-east-1:000000000000:alarm:{name}");
        let widget = format!(r#"{{"annotations":{{"alarms":["{arn}"]}}}}"#);
        platform.picture(&me(), &home(), &widget, START_MS)
    };
    let empty = draw("q").expect("a picture");
    assert!(empty.starts_with(b"\x89PNG"));
    // Below the threshold, so that the query itself returns nothing.
    for back in 1..60 {
        assert!(put(&platform, "queue", Kind::Float, START_MS - back * MINUTE_MS, 3.0));
    }
    let full = draw("q").expect("a picture");
    assert!(full != empty, "what is compared is drawn, also while it does not breach");
    assert_eq!(draw("q").expect("a picture"), full, "the same input, the same bytes");
    query("queue > 2").expect("put");
    assert!(draw("q").expect("a picture") != full, "the threshold is drawn");
    let refused = draw("nobody").expect_err("there is no such alarm").to_string();
    assert!(refused.contains("there is no alarm"), "{refused}");
}
