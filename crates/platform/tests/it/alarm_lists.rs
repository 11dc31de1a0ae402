//! Lists of alarms by every filter: what the index finds is what a reader of all of them would find, through
//! puts, deletes, changes of state and restarts.

use crate::golden_write::scope;
use model::{Principal, Scope};
use platform::{
    AlarmFilter, AlarmKind, AlarmRecord, AlarmShown, AlarmState, AuthMode, CompositeRecord,
    ConditionRecord, MetricRecord, NewState, Platform, PlatformOptions, SyncMode, WatchRecord,
};
use std::sync::Arc;
use stdx::{CrashPlan, Disk, Rng, SimDisk, VirtualClock};

fn home() -> Scope {
    scope("000000000000", "us-east-1")
}

fn me() -> Principal {
    Principal::internal(home().account)
}

fn open(disk: &SimDisk) -> Platform {
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
    // 2026-01-01T00:00:00Z.
    let clock = Arc::new(VirtualClock::starting_at(1_767_225_600_000));
    Platform::open(&options, clock, disk).expect("a platform")
}

const NAMES: [&str; 9] = ["a", "a/b", "a/bc", "ab", "b", "b-1", "b-2", "é", "ünïcode"];

fn metric(name: &str, rng: &mut Rng) -> AlarmRecord {
    let mut dimensions = vec![("host".to_owned(), "a".to_owned()), ("disk".into(), "0".into())];
    dimensions.truncate(rng.below(3) as usize);
    if rng.below(2) == 0 {
        dimensions.reverse();
    }
    let watch = WatchRecord::Metric(MetricRecord {
        namespace: ["Shop", "shop"][rng.below(2) as usize].into(),
        name: ["load", "queue"][rng.below(2) as usize].into(),
        statistic: Some("Sum".into()),
        extended_statistic: None,
        dimensions,
        period_s: 60,
        unit: None,
        condition: ConditionRecord {
            comparison: "GreaterThanThreshold".into(),
            threshold: 5.0,
            periods: 1,
            datapoints: None,
            missing: Some("ignore".into()),
            low_samples: None,
            window: None,
            warm_up: None,
        },
    });
    record(name, watch, rng)
}

fn composite(name: &str, children: &[String], rng: &mut Rng) -> AlarmRecord {
    let rule: Vec<String> = children.iter().map(|child| format!("ALARM(\"{child}\")")).collect();
    let rule = rule.join(" OR ");
    let composite = CompositeRecord { rule, suppressor: None, wait_s: None, extension_s: None };
    record(name, WatchRecord::Composite(composite), rng)
}

fn record(name: &str, watch: WatchRecord, rng: &mut Rng) -> AlarmRecord {
    let arn = |topic: &str| format!("arn:aws:sns:us-east-1:000000000000:{topic}");
    let action = [vec![], vec![arn("page")], vec![arn("mail")]];
    AlarmRecord {
        name: name.into(),
        description: None,
        actions_enabled: true,
        ok_actions: action[rng.below(3) as usize].clone(),
        alarm_actions: action[rng.below(3) as usize].clone(),
        insufficient_data_actions: Vec::new(),
        watch,
        configured_ms: 0,
    }
}

fn all(platform: &Platform) -> Vec<AlarmShown> {
    platform.alarms(&me(), &home(), &AlarmFilter::default()).expect("alarms")
}

fn names(alarms: &[AlarmShown]) -> Vec<String> {
    alarms.iter().map(|alarm| alarm.record.name.clone()).collect()
}

fn act(platform: &Platform, rng: &mut Rng) {
    let name = NAMES[rng.below(NAMES.len() as u64) as usize];
    match rng.below(8) {
        0..3 => {
            let record = metric(name, rng);
            // A composite that others look at may become another one, and back.
            platform.put_alarm(&me(), &home(), record, &[]).expect("put");
        }
        3 | 4 => {
            let there: Vec<String> =
                names(&all(platform)).into_iter().filter(|other| other != name).collect();
            let some: Vec<String> = there.into_iter().filter(|_| rng.below(3) == 0).collect();
            if !some.is_empty() {
                let record = composite(name, &some, rng);
                // It would depend on itself now and then.
                let _ = platform.put_alarm(&me(), &home(), record, &[]);
            }
        }
        5 => platform.delete_alarms(&me(), &home(), &[name.into()]).expect("delete"),
        _ => {
            let state = AlarmState::ALL[rng.below(3) as usize];
            let new = NewState { state, reason: "by hand".into(), reason_data: None };
            let _ = platform.set_alarm_state(&me(), &home(), name, new);
        }
    }
}

fn children(alarm: &AlarmShown) -> Vec<&str> {
    let WatchRecord::Composite(composite) = &alarm.record.watch else { return Vec::new() };
    let parts = composite.rule.split(" OR ");
    parts.map(|part| &part["ALARM(\"".len()..part.len() - "\")".len()]).collect()
}

fn is_composite(alarm: &AlarmShown) -> bool {
    matches!(alarm.record.watch, WatchRecord::Composite(_))
}

/// All pages of a filter.
fn paged(platform: &Platform, filter: &AlarmFilter, size: usize) -> Vec<String> {
    let mut filter = AlarmFilter { limit: Some(size), ..filter.clone() };
    let mut found: Vec<String> = Vec::new();
    loop {
        let page = platform.alarms(&me(), &home(), &filter).expect("alarms");
        found.extend(names(&page));
        if page.len() < size {
            return found;
        }
        filter.after = found.last().cloned();
    }
}

fn check_filters(platform: &Platform) {
    let alarms = all(platform);
    let sorted = {
        let mut sorted = names(&alarms);
        sorted.sort();
        sorted
    };
    assert_eq!(names(&alarms), sorted);
    let states = [None].into_iter().chain(AlarmState::ALL.map(Some));
    for state in states {
        for kinds in [vec![], vec![AlarmKind::Metric], vec![AlarmKind::Composite]] {
            for prefix in ["", "a", "a/b", "b-", "é", "zz"] {
                for action in ["", "arn:aws:sns:us-east-1:000000000000:p"] {
                    let filter = AlarmFilter {
                        state,
                        kinds: kinds.clone(),
                        prefix: (!prefix.is_empty()).then(|| prefix.to_owned()),
                        action_prefix: (!action.is_empty()).then(|| action.to_owned()),
                        ..AlarmFilter::default()
                    };
                    let fits = |alarm: &&AlarmShown| {
                        let kind = if is_composite(alarm) {
                            AlarmKind::Composite
                        } else {
                            AlarmKind::Metric
                        };
                        let actions =
                            alarm.record.ok_actions.iter().chain(&alarm.record.alarm_actions);
                        state.is_none_or(|state| state == alarm.status.told.state)
                            && (kinds.is_empty() || kinds.contains(&kind))
                            && alarm.record.name.starts_with(prefix)
                            && (action.is_empty()
                                || actions.into_iter().any(|a| a.starts_with(action)))
                    };
                    let wanted: Vec<String> =
                        alarms.iter().filter(fits).map(|alarm| alarm.record.name.clone()).collect();
                    for size in [1, 2, 100] {
                        assert_eq!(paged(platform, &filter, size), wanted, "{filter:?}");
                    }
                }
            }
        }
    }
    for alarm in &alarms {
        let name = &alarm.record.name;
        let ask =
            |filter: AlarmFilter| names(&platform.alarms(&me(), &home(), &filter).expect("alarms"));
        let parents = alarms.iter().filter(|other| children(other).contains(&name.as_str()));
        let parents: Vec<String> = parents.map(|other| other.record.name.clone()).collect();
        assert_eq!(
            ask(AlarmFilter { parents_of: Some(name.clone()), ..Default::default() }),
            parents
        );
        let mut own: Vec<&str> = children(alarm);
        own.retain(|child| sorted.iter().any(|there| there == child));
        assert_eq!(ask(AlarmFilter { children_of: Some(name.clone()), ..Default::default() }), own);
    }
    check_metrics(platform, &alarms);
}

fn check_metrics(platform: &Platform, alarms: &[AlarmShown]) {
    let sets: [&[(&str, &str)]; 4] =
        [&[], &[("host", "a")], &[("disk", "0")], &[("disk", "0"), ("host", "a")]];
    for namespace in ["Shop", "shop", "Sho"] {
        for name in ["load", "queue"] {
            for dimensions in sets {
                let dimensions: Vec<(String, String)> =
                    dimensions.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
                let found = platform
                    .alarms_on_metric(&me(), &home(), namespace, name, &dimensions)
                    .expect("alarms");
                let fits = |alarm: &&AlarmShown| {
                    let WatchRecord::Metric(metric) = &alarm.record.watch else { return false };
                    let mut own = metric.dimensions.clone();
                    own.sort();
                    metric.namespace == namespace && metric.name == name && own == dimensions
                };
                let wanted: Vec<String> =
                    alarms.iter().filter(fits).map(|alarm| alarm.record.name.clone()).collect();
                assert_eq!(names(&found), wanted, "{namespace} {name} {dimensions:?}");
            }
        }
    }
}

#[test]
fn lists_by_every_filter_are_what_a_reader_of_all_would_find() {
    for seed in 0..6 {
        let disk = SimDisk::new(seed, CrashPlan::default());
        let mut rng = Rng::from_seed(seed);
        let mut platform = open(&disk);
        for round in 0..6 {
            for _ in 0..12 {
                act(&platform, &mut rng);
            }
            check_filters(&platform);
            if round % 2 == 1 {
                drop(platform);
                platform = open(&disk);
                check_filters(&platform);
            }
        }
    }
}

#[test]
fn a_page_goes_on_where_many_had_to_be_passed_over() {
    let platform = open(&SimDisk::new(1, CrashPlan::default()));
    let mut rng = Rng::from_seed(1);
    let page = "arn:aws:sns:us-east-1:000000000000:page";
    // More than are looked at under one hold of the engine; two in the midst and at the end act.
    let puts: Vec<AlarmRecord> = (0..5_000)
        .map(|n| {
            let acts = if n == 4_500 || n == 4_999 { vec![page.to_owned()] } else { vec![] };
            let (ok_actions, alarm_actions) = (Vec::new(), acts);
            AlarmRecord { ok_actions, alarm_actions, ..metric(&format!("n-{n:05}"), &mut rng) }
        })
        .collect();
    std::thread::scope(|scope| {
        for part in puts.chunks(840) {
            let platform = &platform;
            scope.spawn(move || {
                for record in part {
                    platform.put_alarm(&me(), &home(), record.clone(), &[]).expect("put");
                }
            });
        }
    });
    let filter = AlarmFilter { action_prefix: Some(page.to_owned()), ..AlarmFilter::default() };
    assert_eq!(paged(&platform, &filter, 1), ["n-04500", "n-04999"]);
}
