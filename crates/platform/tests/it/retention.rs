//! Rules of retention: who may change them, what a change says before it is made, and that it outlives
//! a restart.

use crate::golden::open;
use crate::golden_write::{END_MS, deltas, put, scope};
use model::{Principal, PrincipalKind, Role, TimeRange};
use platform::{
    ChangeMode, Detail, HeldForms, Keep, MetricId, Platform, RetentionError, StatisticsQuestion,
    WantedRule,
};
use std::path::Path;
use std::sync::Arc;
use stdx::{CrashPlan, Disk, Rng, SimDisk};

const DAY_MS: i64 = 86_400_000;

fn start(disk: &SimDisk) -> Platform {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    open(disk, Path::new("/data"), END_MS)
}

fn upkeep(platform: &Platform) {
    while platform.upkeep_step().expect("done") {}
}

fn wanted(name: &str, selector: &str, days: [i64; 3]) -> WantedRule {
    let [raw_ms, five_minutes_ms, hour_ms] = days.map(|days| days * DAY_MS);
    WantedRule {
        name: name.into(),
        scope: scope("000000000000", "us-east-1"),
        selector: selector.into(),
        keep: Keep { raw_ms, five_minutes_ms, hour_ms },
        first: false,
    }
}

fn admin() -> Principal {
    Principal::internal(scope("000000000000", "us-east-1").account)
}

/// Returns how many periods of a length a metric of a namespace has.
fn periods(platform: &Platform, namespace: &str, period_ms: i64) -> usize {
    let metric = MetricId {
        namespace: namespace.into(),
        name: "single".into(),
        dimensions: vec![("region".into(), "eu".into())],
    };
    let (range, detail) = (TimeRange { start_ms: 0, end_ms: END_MS }, Detail::Statistics);
    let question = StatisticsQuestion { metric: &metric, unit: None, period_ms, range, detail };
    let found = platform.statistics(&admin(), &wanted("", "", [1; 3]).scope, &question);
    found.expect("an answer").iter().map(|unit| unit.periods.len()).sum()
}

fn points(gone: &HeldForms) -> [u64; 3] {
    gone.map(|held| held.points)
}

#[test]
fn a_rule_says_what_it_takes_and_takes_it_only_when_that_is_confirmed() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let platform = start(&disk);
    let today = END_MS - END_MS.rem_euclid(DAY_MS);
    let mut rng = Rng::from_seed(1);
    for day in [10, 5] {
        put(&platform, &scope("000000000000", "us-east-1"), |ingest| {
            deltas(ingest, &mut rng, today - day * DAY_MS, 30);
        });
    }
    platform.flush().expect("flushed");
    upkeep(&platform);
    let (minutes, hours) =
        (periods(&platform, "Shop", 60_000), periods(&platform, "Shop", 3_600_000));
    assert!(minutes > 0 && hours > 0);

    let rule = wanted("shop", "{__namespace__=\"Shop\"}", [7, 100, 100]);
    let dry = platform.set_retention_rule(&admin(), &rule, ChangeMode::DryRun).expect("told");
    assert!(points(&dry)[0] > 0 && points(&dry)[1..] == [0, 0], "{dry:?}");
    let refused = platform.set_retention_rule(&admin(), &rule, ChangeMode::Careful);
    assert!(matches!(refused, Err(RetentionError::WouldExpire(gone)) if gone == dry));
    assert_eq!(periods(&platform, "Shop", 60_000), minutes, "nothing is changed");
    let done = platform.set_retention_rule(&admin(), &rule, ChangeMode::Confirmed).expect("done");
    assert_eq!(done, dry);

    let others = periods(&platform, "AWS/EC2", 60_000);
    let check = |platform: &Platform| {
        assert_eq!(periods(platform, "Shop", 60_000), minutes / 2);
        assert_eq!(periods(platform, "Shop", 3_600_000), hours, "roll-ups stay");
        assert_eq!(periods(platform, "AWS/EC2", 60_000), others);
    };
    check(&platform);
    upkeep(&platform);
    check(&platform);
    drop(platform);
    let platform = start(&disk);
    check(&platform);
    let shown = platform.retention_rules(&admin()).expect("shown");
    assert_eq!(shown.len(), 2, "the rule and the default");
    assert!(shown[0].held[0].bytes > 0 && shown[0].held[2].bytes > 0, "{shown:?}");
    let removed = platform.remove_retention_rule(&admin(), "shop", ChangeMode::Careful);
    assert_eq!(points(&removed.expect("the default keeps more")), [0, 0, 0]);
    assert!(matches!(
        platform.remove_retention_rule(&admin(), "shop", ChangeMode::Careful),
        Err(RetentionError::Unknown(_))
    ));
}

#[test]
fn rules_are_for_admins_and_make_sense() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let platform = start(&disk);
    let account = scope("111122223333", "us-east-1").account;
    let other = |role| Principal {
        kind: PrincipalKind::User,
        key_id: "k".into(),
        name: "n".into(),
        account,
        role,
    };
    let rule = wanted("shop", "{__namespace__=\"Shop\"}", [7, 100, 100]);
    let set = |who: &Principal, rule: &WantedRule| {
        platform.set_retention_rule(who, rule, ChangeMode::Confirmed)
    };
    for role in [Role::Viewer, Role::Admin] {
        assert!(matches!(set(&other(role), &rule), Err(RetentionError::Access(_))), "{role}");
    }
    assert!(platform.retention_rules(&other(Role::Viewer)).is_err());
    for (selector, days) in [
        ("{__namespace__=\"Shop\"}", [7, 6, 100]),
        ("{__namespace__=\"Shop\"}", [7, 8, 7]),
        ("{__stat__=\"Sum\",a=\"b\"}", [7, 8, 9]),
        ("{", [7, 8, 9]),
    ] {
        let bad = set(&admin(), &wanted("shop", selector, days));
        assert!(matches!(bad, Err(RetentionError::Bad(_))), "{selector} {days:?}: {bad:?}");
    }
    set(&admin(), &rule).expect("it makes sense");
    // One of another account has a name that is taken.
    let mut theirs = rule;
    theirs.scope.account = account;
    assert!(matches!(set(&other(Role::Admin), &theirs), Err(RetentionError::Access(_))));
    theirs.name = "theirs".into();
    set(&other(Role::Admin), &theirs).expect("their own");
    let shown = platform.retention_rules(&other(Role::Admin)).expect("shown");
    assert_eq!(shown.len(), 1, "others' rules and the default are not theirs to see");
}
