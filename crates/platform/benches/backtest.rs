//! What a backtest costs: `cargo bench -p platform --bench backtest -- 100 30`.
//!
//! The first number is that of alarms, each over a series of its own with a value every minute; the second
//! that of days.

use model::{Delta, Kind, Principal, Scope, SeriesKey, Unit};
use platform::{
    AlarmRecord, AuthMode, BacktestOf, ConditionRecord, MetricRecord, Platform, PlatformOptions,
    SyncMode, TimeLimits, WatchRecord,
};
use std::sync::Arc;
use std::time::Duration;
use stdx::{Clock, RealDisk, Rng, Stopwatch, VirtualClock};

const START_MS: i64 = 1_767_225_600_000;
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;

fn scope() -> Scope {
    Scope { account: "000000000000".parse().expect("an account"), region: "us-east-1".into() }
}

fn me() -> Principal {
    Principal::internal(scope().account)
}

fn alarm(n: usize) -> AlarmRecord {
    AlarmRecord {
        name: format!("load-high-{n}"),
        description: None,
        actions_enabled: true,
        ok_actions: Vec::new(),
        alarm_actions: Vec::new(),
        insufficient_data_actions: Vec::new(),
        watch: WatchRecord::Metric(MetricRecord {
            namespace: "Bench".into(),
            name: "load".into(),
            statistic: Some("Average".into()),
            extended_statistic: None,
            dimensions: vec![("host".into(), format!("host-{n}"))],
            period_s: 60,
            unit: None,
            condition: ConditionRecord {
                comparison: "GreaterThanThreshold".into(),
                threshold: 70.0,
                periods: 5,
                datapoints: Some(3),
                missing: None,
                low_samples: None,
                window: None,
                warm_up: None,
            },
        }),
        configured_ms: 0,
    }
}

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let alarms = numbers.first().copied().unwrap_or(10);
    let days = numbers.get(1).copied().unwrap_or(3) as i64;
    let dir = tempfile::tempdir().expect("a directory");
    let options = PlatformOptions {
        data_dir: dir.path().to_path_buf(),
        default_scope: scope(),
        sync: SyncMode::Os,
        auth: AuthMode::Open,
        key_file: None,
        store: Default::default(),
        questions: Default::default(),
    };
    let clock: Arc<dyn Clock> = Arc::new(VirtualClock::starting_at(START_MS + days * DAY_MS));
    let platform = Platform::open(&options, clock, Arc::new(RealDisk)).expect("a platform");
    let mut rng = Rng::from_seed(1);
    for day in 0..days {
        let ingest = platform.begin_ingest(&me(), &scope(), TimeLimits::Retention);
        let mut ingest = ingest.expect("a scope");
        for n in 0..alarms {
            let key = SeriesKey {
                tenant: ingest.tenant,
                namespace: "Bench".into(),
                name: "load".into(),
                unit: Unit::None,
                labels: vec![("host".into(), format!("host-{n}"))],
            };
            let series = ingest.batch.register(None, &key, Kind::Delta).expect("room");
            for minute in 0..1_440 {
                let at_ms = START_MS + day * DAY_MS + minute * MINUTE_MS;
                ingest.batch.delta(series, at_ms, Delta::of_value(rng.below(100) as f64));
            }
        }
        platform.submit(ingest.batch, |_| {}).expect("taken");
        platform.commit_step(Duration::ZERO);
    }
    platform.flush().expect("flushed");
    let of = BacktestOf {
        proposed: (0..alarms).map(alarm).collect(),
        stored: Vec::new(),
        from_ms: START_MS,
        to_ms: START_MS + days * DAY_MS,
    };
    for _ in 0..3 {
        let began = Stopwatch::start();
        let transitions = platform.backtest(&me(), &scope(), &of).expect("a backtest");
        println!(
            "{alarms} alarms over {days} days of minutes: {:.2} s, {} transitions",
            began.elapsed().as_secs_f64(),
            transitions.len()
        );
    }
}
