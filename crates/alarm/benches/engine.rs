//! What does an alarm cost: each sample that it wants, each tick, and in memory?
//!
//! As many alarms as series, each alarm on one series of one dimension besides two that all have
//! (`Average > 80, 3 of 5`, 60 s); a fifth of them share their series with another. Points of one minute
//! arrive in batches of 1,000, in an order that misses the caches, each with its own value.
//!
//! Estimates that it was designed by (`1M / 1M`): match of a new series 0.4 to 1.6 us, 24 to 44 ns an
//! update of a bucket, 4 to 18 ns an alarm and tick for a hot state of 64 bytes, 0.4 GB of memory for
//! simple alarms (64 B, 24 B a bucket, 4 B a link, 100 B of compiled rule). This engine keeps whole
//! definitions, so it takes more memory; the time of a tick is bounded by the misses of its windows.
//!
//! `cargo bench -p alarm --bench engine -- [alarms]`

use alarm::definition::{
    Actions, AlarmKey, Comparison, Definition, EvaluationWindow, LowSamples, Metric, MetricAlarm,
    MetricSpec, SourceSpec, Watch,
};
use alarm::missing::TreatMissing;
use alarm::{AlarmEngine, Batch, Effect, History, Observed, Options, Point};
use model::{Delta, Kind, SeriesKey, TenantId, Unit};

const TENANT: TenantId = TenantId(1);
/// 2026-01-01T00:00:00Z.
const START_MS: i64 = 1_767_225_600_000;
const MINUTE_MS: i64 = 60_000;
const MINUTES: i64 = 6;

fn labels(n: u32) -> Vec<(String, String)> {
    vec![
        ("Environment".into(), "production".into()),
        ("InstanceId".into(), format!("i-{n:08x}")),
        ("Service".into(), format!("s{}", n % 100)),
    ]
}

fn definition(n: u32, series: u32) -> Definition {
    let metric = Metric {
        namespace: "AWS/EC2".into(),
        name: "CPUUtilization".into(),
        dimensions: labels(series),
        unit: None,
    };
    let made = MetricAlarm::new(MetricSpec {
        source: SourceSpec::Metric(metric, eval::Statistic::Average),
        period_s: 60,
        comparison: Comparison::GreaterThan,
        threshold: 80.0,
        periods: 5,
        datapoints: Some(3),
        missing: TreatMissing::Missing,
        low_samples: LowSamples::Evaluate,
        window: EvaluationWindow::Sliding,
        warm_up: None,
    });
    let key = AlarmKey { tenant: TENANT, name: format!("cpu-high-{n}") };
    let arn = format!("arn:aws:cloudwatch:us-east-1:123456789012:alarm:cpu-high-{n}");
    let topic = "arn:aws:sns:us-east-1:123456789012:alarms".to_owned();
    let actions = Actions { enabled: true, alarm: vec![topic], ..Actions::default() };
    Definition::new(key, arn, actions, Watch::Metric(made.unwrap())).unwrap()
}

/// Time on a processor: what others do on the machine matters less than with a clock on the wall.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let ns: f64 = text.split(' ').next().and_then(|ns| ns.parse().ok()).expect("nanoseconds");
    ns / 1e9
}

fn memory_bytes() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: f64 = text.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("pages");
    pages * 4_096.0
}

/// Prints what each of so many things cost, the quickest and slowest of the runs.
fn report(name: &str, things: usize, seconds: &[f64]) {
    let quick = seconds.iter().copied().fold(f64::INFINITY, f64::min);
    let slow = seconds.iter().copied().fold(0.0, f64::max);
    let each = |seconds: f64| seconds * 1e9 / things as f64;
    println!(
        "{name:34} {:8.1} to {:8.1} ns each, {:8.1} ms in all",
        each(quick),
        each(slow),
        quick * 1e3
    );
}

fn measure(run: impl FnOnce()) -> f64 {
    let start = cpu_seconds();
    run();
    cpu_seconds() - start
}

fn main() {
    let alarms = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(100_000u32);
    println!("{alarms} alarms on as many series");
    let mut engine = AlarmEngine::new(Options::default());
    let before = memory_bytes();
    let none = History { position: 0, series: &[], points: &[], newest_float_ms: None };
    let put = measure(|| {
        for n in 0..alarms {
            // Every fifth looks at the series of its neighbour.
            let series = if n % 5 == 4 { n - 1 } else { n };
            let effects = engine.put(definition(n, series), START_MS).expect("no cycle");
            for effect in effects {
                if let Effect::Rebuild(rebuild) = effect {
                    engine.on_rebuilt(rebuild.slot, &none, START_MS);
                }
            }
        }
    });
    report("put (definition, rebuild)", alarms as usize, &[put]);
    let of_alarms = memory_bytes() - before;
    let keys: Vec<SeriesKey> = (0..alarms)
        .map(|n| SeriesKey {
            tenant: TENANT,
            namespace: "AWS/EC2".into(),
            name: "CPUUtilization".into(),
            unit: Unit::Percent,
            labels: labels(n),
        })
        .collect();
    let with_keys = memory_bytes();
    let birth = measure(|| {
        for (number, key) in (0..).zip(&keys) {
            engine.on_series(number, Kind::Delta, key);
        }
    });
    let links = memory_bytes() - with_keys;
    report("match of a new series", keys.len(), &[birth]);
    let before_states = memory_bytes();
    let (mut samples, mut ticks, mut changes) = (Vec::new(), Vec::new(), 0);
    let mut position = 0;
    for minute in 0..MINUTES {
        let start_ms = START_MS + minute * MINUTE_MS;
        let delta = Delta::of_value(10.0 + minute as f64);
        let mut points = Vec::with_capacity(1_000);
        let mut spent = 0.0;
        for n in 0..alarms {
            // A prime that is no divisor walks over all of them.
            let series = (u64::from(n) * 48_271 % u64::from(alarms)) as u32;
            points.push(Point {
                series,
                at_ms: start_ms + 5_000,
                observed: Observed::Delta(&delta),
            });
            if points.len() == 1_000 || n + 1 == alarms {
                position += 1;
                let batch = Batch { position, arrived_ms: start_ms + 6_000, points: &points };
                spent += measure(|| drop(engine.on_points(&batch)));
                points.clear();
            }
        }
        samples.push(spent);
        let now_ms = start_ms + MINUTE_MS + 2_000;
        // Finer grid times have nothing to do.
        for at_ms in (start_ms + 12_000..now_ms).step_by(10_000) {
            engine.on_tick(at_ms, at_ms);
        }
        let mut effects = Vec::new();
        let tick = measure(|| effects = engine.on_tick(now_ms, now_ms));
        let changed = effects.iter().filter(|e| matches!(e, Effect::StateChanged(_))).count();
        changes += changed;
        if changed == 0 {
            ticks.push(tick);
        } else {
            report(&format!("tick, {changed} of them change"), alarms as usize, &[tick]);
        }
    }
    assert_eq!(changes, alarms as usize, "each goes from no data to OK once");
    report("sample", alarms as usize, &samples);
    report("alarm and tick", alarms as usize, &ticks);
    let of_states = memory_bytes() - before_states;
    for (name, bytes) in
        [("alarms and windows", of_alarms), ("links of series", links), ("reasons told", of_states)]
    {
        println!("memory: {name:26} {:8.0} bytes an alarm", bytes / f64::from(alarms));
    }
    let mut rows = Vec::new();
    let saved = measure(|| rows = engine.changed_rows());
    report("row of a checkpoint", rows.len(), &[saved]);
    let bytes: usize = rows.iter().filter_map(|row| row.row.as_ref()).map(Vec::len).sum();
    println!("{:34} {:8.1} bytes an alarm", "", bytes as f64 / rows.len() as f64);
}
