//! What the engine and its caller promise each other.

use crate::world::{START_MS, TENANT, World};
use alarm::definition::{
    Actions, Comparison, CompositeAlarm, CompositeSpec, Definition, EvaluationWindow, LowSamples,
    Metric, MetricAlarm, MetricSpec, PromqlAlarm, PromqlSpec, SourceSpec, Watch,
};
use alarm::missing::TreatMissing;
use alarm::{
    ActionDue, AlarmEngine, AlarmState, Answer, AnswerSeries, Batch, Effect, History, Kept, Loaded,
    Observed, Options, Point, PutError, Rebuild,
};
use eval::Statistic;
use model::{Kind, SeriesKey, Unit};

fn made(name: &str, watch: Watch) -> Definition {
    let actions =
        Actions { enabled: true, alarm: vec!["arn:aws:sns:r:1:t".into()], ..Actions::default() };
    Definition::new(World::key(name), format!("arn:{name}"), actions, watch).unwrap()
}

/// `Sum of m per 60s > 5`.
fn sum() -> Definition {
    let metric =
        Metric { namespace: "ns".into(), name: "m".into(), dimensions: Vec::new(), unit: None };
    let spec = MetricSpec {
        source: SourceSpec::Metric(metric, Statistic::Sum),
        period_s: 60,
        comparison: Comparison::GreaterThan,
        threshold: 5.0,
        periods: 1,
        datapoints: None,
        missing: TreatMissing::Missing,
        low_samples: LowSamples::Evaluate,
        window: EvaluationWindow::Sliding,
        warm_up: None,
    };
    made("a", Watch::Metric(MetricAlarm::new(spec).unwrap()))
}

fn series() -> SeriesKey {
    SeriesKey {
        tenant: TENANT,
        namespace: "ns".into(),
        name: "m".into(),
        unit: Unit::None,
        labels: Vec::new(),
    }
}

fn rebuilds(effects: &[Effect]) -> Vec<Rebuild> {
    let rebuild = |effect: &Effect| match effect {
        Effect::Rebuild(rebuild) => Some(rebuild.clone()),
        _ => None,
    };
    effects.iter().filter_map(rebuild).collect()
}

fn history<'a>(position: u64, points: &'a [(i64, Observed<'a>)]) -> History<'a> {
    History { position, series: &[0], points, newest_float_ms: None }
}

/// An engine with the alarm and its series, whose past is known up to a position.
fn engine(position: u64) -> AlarmEngine {
    let mut engine = AlarmEngine::new(Options::default());
    let effects = engine.put(sum(), START_MS).unwrap();
    engine.on_series(0, Kind::Float, &series());
    let asked = rebuilds(&effects);
    assert_eq!(asked.len(), 1);
    engine.on_rebuilt(asked[0].slot, &history(position, &[]), START_MS);
    engine
}

fn point(engine: &mut AlarmEngine, position: u64, after_ms: i64, value: f64) -> Vec<Effect> {
    let at_ms = START_MS + after_ms;
    let point = Point { series: 0, at_ms, observed: Observed::Float(value) };
    engine.on_points(&Batch { position, arrived_ms: at_ms, points: &[point] })
}

fn state(engine: &AlarmEngine) -> AlarmState {
    engine.status(&World::key("a")).unwrap().told.state
}

#[test]
fn an_evaluation_waits_for_what_arrived_but_not_for_long() {
    let mut engine = engine(0);
    point(&mut engine, 1, 30_000, 9.0);
    let (end_ms, seen_ms) = (START_MS + 60_000, START_MS + 61_999);
    for after_ms in [2_000, 4_000, 4_999] {
        assert!(engine.on_tick(end_ms + after_ms, seen_ms).is_empty());
    }
    assert!(!engine.on_tick(end_ms + 5_000, seen_ms).is_empty());
    assert_eq!(state(&engine), AlarmState::Alarm);

    let mut engine = self::engine(0);
    point(&mut engine, 1, 30_000, 9.0);
    assert!(!engine.on_tick(end_ms + 2_000, end_ms + 2_000).is_empty());
    assert!(engine.on_tick(end_ms + 3_000, end_ms + 3_000).is_empty(), "once for each grid time");
}

#[test]
fn it_says_when_it_is_due() {
    let mut engine = engine(0);
    engine.on_tick(START_MS + 1, START_MS + 1);
    for after_ms in [2_000, 12_000, 22_000] {
        assert_eq!(engine.next_due_ms(), START_MS + after_ms);
        engine.on_tick(START_MS + after_ms, START_MS + after_ms);
    }
}

#[test]
fn points_that_a_history_knows_are_not_counted_twice() {
    let mut engine = engine(7);
    point(&mut engine, 7, 30_000, 9.0);
    engine.on_tick(START_MS + 62_000, START_MS + 62_000);
    assert_eq!(state(&engine), AlarmState::InsufficientData, "it was said to be without points");
    point(&mut engine, 8, 90_000, 9.0);
    engine.on_tick(START_MS + 122_000, START_MS + 122_000);
    assert_eq!(state(&engine), AlarmState::Alarm);
}

#[test]
fn a_history_that_knows_too_little_is_asked_for_again() {
    let mut engine = engine(0);
    point(&mut engine, 1, 30_000, 3.0);
    // The same moment once more: only the store knows what counts.
    let asked = rebuilds(&point(&mut engine, 2, 30_000, 9.0));
    assert_eq!(asked.len(), 1);
    point(&mut engine, 3, 40_000, 0.0);
    let now_ms = START_MS + 62_000;
    assert!(engine.on_tick(now_ms, now_ms).is_empty(), "nothing is decided in doubt");
    let known = [(START_MS + 30_000, Observed::Float(9.0))];
    let again = rebuilds(&engine.on_rebuilt(asked[0].slot, &history(2, &known), now_ms));
    assert_eq!(again.len(), 1, "position 3 was given already");
    assert!(engine.on_rebuilt(asked[0].slot, &history(3, &known), now_ms).is_empty());
    assert_eq!(state(&engine), AlarmState::InsufficientData, "that one is no longer awaited");
    let effects = engine.on_rebuilt(again[0].slot, &history(3, &known), now_ms);
    assert!(matches!(effects[0], Effect::StateChanged(_)), "what was owed is decided now");
    assert_eq!(state(&engine), AlarmState::Alarm);
}

#[test]
fn a_sample_of_the_future_is_asked_for_once_when_its_time_has_come() {
    let mut engine = engine(0);
    let at_ms = START_MS + 30_000;
    let ahead = START_MS + 330_000;
    let points = [(at_ms, 1.0), (ahead, 9.0)].map(|(at_ms, value)| Point {
        series: 0,
        at_ms,
        observed: Observed::Float(value),
    });
    engine.on_points(&Batch { position: 1, arrived_ms: at_ms, points: &points });
    let mut asked = Vec::new();
    for minute in 1..=6 {
        let now_ms = START_MS + minute * 60_000 + 2_000;
        let effects = engine.on_tick(now_ms, now_ms);
        asked.extend(rebuilds(&effects).into_iter().map(|rebuild| (minute, rebuild)));
        if minute < 5 {
            let after_ms = minute * 60_000 + 30_000;
            assert!(point(&mut engine, 1 + minute as u64, after_ms, 1.0).is_empty());
        }
    }
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].0, 6, "the sixth minute holds it");
    let known = [(ahead, Observed::Float(9.0))];
    engine.on_rebuilt(asked[0].1.slot, &history(9, &known), START_MS + 362_000);
    assert_eq!(state(&engine), AlarmState::Alarm);
}

#[test]
fn an_action_has_the_same_key_when_it_is_decided_again() {
    let mut engine = engine(0);
    point(&mut engine, 1, 30_000, 9.0);
    let (head, row) = checkpoint(&mut engine);
    let (now_ms, later_ms) = (START_MS + 62_000, START_MS + 64_000);
    let keys = |effects: &[Effect]| -> Vec<String> {
        let key = |effect: &Effect| match effect {
            Effect::ActionDue(ActionDue { key, .. }) => Some(key.clone()),
            _ => None,
        };
        effects.iter().filter_map(key).collect()
    };
    let first = keys(&engine.on_tick(now_ms, now_ms));
    assert_eq!(first.len(), 1);
    // What happened behind the checkpoint is lost, and happens again a little later.
    let kept = Kept { definition: sum(), put_ms: START_MS, row: Some(row) };
    let loaded = AlarmEngine::load(Options::default(), [kept], [], Some(&head), later_ms);
    let Loaded { mut engine, effects, .. } = loaded.unwrap();
    assert_eq!(engine.position(), 1);
    let known = [(START_MS + 30_000, Observed::Float(9.0))];
    engine.on_rebuilt(rebuilds(&effects)[0].slot, &history(1, &known), later_ms);
    assert_eq!(keys(&engine.on_tick(later_ms, later_ms)), first);
}

#[test]
fn a_child_has_150_parents_at_most() {
    let mut engine = engine(0);
    let parent = |n: u32| {
        let spec = CompositeSpec { rule: "ALARM(a)".into(), suppressor: None };
        made(&format!("c{n}"), Watch::Composite(CompositeAlarm::new(spec).unwrap()))
    };
    for n in 0..150 {
        engine.put(parent(n), START_MS).unwrap();
    }
    let refused = engine.put(parent(150), START_MS).unwrap_err();
    assert!(matches!(&refused, PutError::Invalid(_)));
    assert_eq!(refused.to_string(), "AlarmRule: a is in 150 composites already");
    engine.put(parent(3), START_MS).expect("it is one of them");
    engine.delete(&World::key("c0"), START_MS);
    engine.put(parent(150), START_MS).expect("there is room again");
}

/// Returns head and row of an engine with one alarm.
fn checkpoint(engine: &mut AlarmEngine) -> (Vec<u8>, Vec<u8>) {
    let mut head = Vec::new();
    engine.head(&mut head);
    let rows = engine.changed_rows();
    assert_eq!(rows.len(), 1);
    (head, rows[0].row.clone().expect("it is there"))
}

#[test]
fn a_damaged_checkpoint_is_refused() {
    let (mut head, mut row) = checkpoint(&mut engine(0));
    let load = |head: &[u8], row: &[u8]| {
        let kept = Kept { definition: sum(), put_ms: START_MS, row: Some(row.to_vec()) };
        let loaded = AlarmEngine::load(Options::default(), [kept], [], Some(head), START_MS);
        loaded.map_err(|error| error.to_string()).map(|loaded| {
            assert_eq!(loaded.engine.len(), 1, "it begins anew");
            loaded.unreadable.into_iter().map(|(_, error)| error.to_string()).collect::<Vec<_>>()
        })
    };
    assert_eq!(load(&head, &row), Ok(vec![]));
    let damaged = "the checkpoint is damaged".to_owned();
    for cut in 0..head.len() {
        assert_eq!(load(&head[..cut], &row), Err(damaged.clone()), "{cut}");
    }
    for cut in 0..row.len() {
        assert_eq!(load(&head, &row[..cut]), Ok(vec![damaged.clone()]), "{cut}");
    }
    let newer = "the checkpoint has version 9, known is 2 at most".to_owned();
    row[0] = 9;
    assert_eq!(load(&head, &row), Ok(vec![newer.clone()]));
    head[0] = 9;
    assert_eq!(load(&head, &row), Err(newer));
}

#[test]
fn rows_change_with_their_alarms_only() {
    let mut engine = engine(0);
    let changed = |engine: &mut AlarmEngine| -> Vec<(String, bool)> {
        let rows = engine.changed_rows();
        rows.into_iter().map(|row| (row.alarm.name, row.row.is_some())).collect()
    };
    assert_eq!(changed(&mut engine), [("a".to_owned(), true)]);
    engine.on_tick(START_MS + 62_000, START_MS + 62_000);
    assert_eq!(changed(&mut engine), [], "it has no data, as before");
    point(&mut engine, 1, 70_000, 9.0);
    engine.on_tick(START_MS + 122_000, START_MS + 122_000);
    assert_eq!(changed(&mut engine), [("a".to_owned(), true)]);
    engine.on_tick(START_MS + 132_000, START_MS + 132_000);
    assert_eq!(changed(&mut engine), []);
    engine.delete(&World::key("a"), START_MS + 140_000);
    assert_eq!(changed(&mut engine), [("a".to_owned(), false)]);
}

#[test]
fn an_answer_that_took_longer_than_the_pace_counts() {
    let spec = PromqlSpec { query: "up == 0".into(), interval_s: 60, pending_s: 0, recovery_s: 0 };
    let mut engine = AlarmEngine::new(Options::default());
    engine.on_tick(START_MS, START_MS);
    engine.put(made("p", Watch::Promql(PromqlAlarm::new(spec).unwrap())), START_MS).unwrap();
    let minute = |minute: i64| START_MS + minute * 60_000;
    for n in 1..4 {
        let now_ms = minute(n) + 2_000;
        let effects = engine.on_tick(now_ms, now_ms);
        let asked = |effect: &Effect| matches!(effect, Effect::ScheduledQuery(query) if query.at_ms == minute(n));
        assert!(effects.iter().any(asked), "{effects:?}");
    }
    let mut answer = |n: i64, is_down: bool| {
        let series = is_down.then(AnswerSeries::default).into_iter().collect();
        let answer = Answer::Found { series, partial: false };
        let now_ms = minute(3) + 30_000 + n;
        engine.on_answer(&World::key("p"), minute(n), answer, now_ms);
        let status = engine.status(&World::key("p")).unwrap();
        (status.told.state, status.evaluated_ms)
    };
    let (ok, alarm) = (AlarmState::Ok, AlarmState::Alarm);
    assert_eq!(answer(2, true), (alarm, Some(minute(2))), "all that is there yet");
    assert_eq!(answer(1, false), (alarm, Some(minute(2))), "older than what is known");
    assert_eq!(answer(3, false), (ok, Some(minute(3))), "the one that is still waited for");
    assert_eq!(answer(3, true), (ok, Some(minute(3))), "once");
    assert_eq!(answer(4, true), (ok, Some(minute(3))), "nobody asked for that");
}
