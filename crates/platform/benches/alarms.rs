//! How soon alarms decide, with many of them: `cargo bench -p platform --bench alarms -- 100000 120`.
//!
//! The first number is that of alarms, each over a series of its own with a value every 10 s; the second
//! says for how many seconds it runs, on the machine's clock and disk. Each round one in a hundred series
//! crosses its threshold. Between rounds late points come that decide at once.

use model::{Delta, Kind, Principal, Scope, SeriesKey, Unit};
use platform::{
    AlarmFilter, AlarmRecord, AlarmState, AuthMode, ConditionRecord, MetricRecord, Platform,
    PlatformOptions, SyncMode, TimeLimits, WatchRecord, WriteError,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use stdx::{Clock, RealClock, RealDisk, Stopwatch};

const ROUND_MS: i64 = 10_000;
const LATENESS_MS: i64 = 2_000;
const PUTTERS: usize = 16;

fn scope() -> Scope {
    Scope { account: "000000000000".parse().expect("an account"), region: "us-east-1".into() }
}

fn me() -> Principal {
    Principal::internal(scope().account)
}

fn name(n: usize) -> String {
    format!("load-high-{n:07}")
}

fn alarm(n: usize) -> AlarmRecord {
    AlarmRecord {
        name: name(n),
        description: None,
        actions_enabled: true,
        ok_actions: Vec::new(),
        alarm_actions: vec!["arn:aws:sns:us-east-1:000000000000:nobody".into()],
        insufficient_data_actions: Vec::new(),
        watch: WatchRecord::Metric(MetricRecord {
            namespace: "Bench".into(),
            name: "load".into(),
            statistic: Some("Maximum".into()),
            extended_statistic: None,
            dimensions: vec![("host".into(), format!("host-{n:07}"))],
            period_s: 10,
            unit: None,
            condition: ConditionRecord {
                comparison: "GreaterThanThreshold".into(),
                threshold: 50.0,
                periods: 1,
                datapoints: None,
                missing: Some("ignore".into()),
                low_samples: None,
                window: None,
                warm_up: None,
            },
        }),
        configured_ms: 0,
    }
}

/// Puts values of some series at a moment; returns when they are kept.
fn put(platform: &Platform, series: impl Iterator<Item = (usize, f64)>, at_ms: i64) {
    let series: Vec<(usize, f64)> = series.collect();
    loop {
        let ingest = platform.begin_ingest(&me(), &scope(), TimeLimits::CloudWatch);
        let mut ingest = ingest.expect("a scope");
        for (n, value) in &series {
            let key = SeriesKey {
                tenant: ingest.tenant,
                namespace: "Bench".into(),
                name: "load".into(),
                unit: Unit::None,
                labels: vec![("host".into(), format!("host-{n:07}"))],
            };
            let number = ingest.batch.register(None, &key, Kind::Delta).expect("room");
            ingest.batch.delta(number, at_ms, Delta::of_value(*value));
        }
        let (tell, hear) = std::sync::mpsc::channel();
        match platform.submit(ingest.batch, move |kept| {
            let _ = tell.send(kept.is_ok());
        }) {
            Err(WriteError::Stale) => {}
            other => {
                other.expect("taken");
                assert_eq!(hear.recv(), Ok(true));
                return;
            }
        }
    }
}

/// Minimum, median, 99th percentile and maximum.
fn report(what: &str, mut times: Vec<f64>) {
    if times.is_empty() {
        println!("{what:44} none");
        return;
    }
    times.sort_by(f64::total_cmp);
    let at = |part: f64| times[((times.len() - 1) as f64 * part).round() as usize];
    println!(
        "{what:44} {:5} times  min {:7.1} ms  median {:7.1} ms  p99 {:7.1} ms  max {:7.1} ms",
        times.len(),
        at(0.0),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

fn memory_mib() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: f64 = text.split(' ').nth(1).and_then(|n| n.parse().ok()).unwrap_or(0.0);
    pages * 4096.0 / 1048576.0
}

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let alarms = numbers.first().copied().unwrap_or(10_000);
    let seconds = numbers.get(1).copied().unwrap_or(40) as u64;
    let dir = tempfile::tempdir().expect("a directory");
    let options = PlatformOptions {
        data_dir: dir.path().to_path_buf(),
        default_scope: scope(),
        sync: SyncMode::Always,
        auth: AuthMode::Open,
        key_file: None,
        store: Default::default(),
        questions: Default::default(),
    };
    let clock: Arc<dyn Clock> = Arc::new(RealClock);
    let platform =
        Arc::new(Platform::open(&options, clock.clone(), Arc::new(RealDisk)).expect("a platform"));
    let stop = Arc::new(AtomicBool::new(false));
    let committer = {
        let (platform, stop) = (platform.clone(), stop.clone());
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                platform.commit_step(Duration::from_millis(100));
            }
        })
    };
    println!("{alarms} alarms over as many series, a value each 10 s, for {seconds} s");
    let values = |round: usize| {
        (0..alarms).map(move |n| (n, if n % 100 == round % 100 { 90.0 } else { 10.0 }))
    };
    // Series first, in batches as clients send them.
    for from in (0..alarms).step_by(1_000) {
        put(&platform, (from..alarms.min(from + 1_000)).map(|n| (n, 10.0)), clock.now_ms());
    }
    let before = memory_mib();
    let (began, next) = (Stopwatch::start(), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..PUTTERS {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= alarms {
                        return;
                    }
                    platform.put_alarm(&me(), &self::scope(), alarm(n), &[]).expect("put");
                }
            });
        }
    });
    let took = began.elapsed();
    println!(
        "put with {PUTTERS} connections: {:.1} s, {:.0} a second",
        took.as_secs_f64(),
        alarms as f64 / took.as_secs_f64()
    );
    let began = Stopwatch::start();
    platform.alarm_step();
    println!("all windows read from the store: {:.1} s", began.elapsed().as_secs_f64());
    println!("memory: {:.2} KB an alarm", (memory_mib() - before) * 1024.0 / alarms as f64);

    // The thread of the server, and how late it had decided what was due.
    let follower = {
        let (platform, stop, clock) = (platform.clone(), stop.clone(), clock.clone());
        thread::spawn(move || {
            let (mut late, mut seen, mut due_ms) = (Vec::new(), 0, i64::MAX);
            while !stop.load(Ordering::Relaxed) {
                let was_due = due_ms <= clock.now_ms();
                let next_ms = platform.alarm_step();
                if was_due {
                    late.push((clock.now_ms() - due_ms) as f64);
                }
                due_ms = next_ms;
                let left_ms = (due_ms - clock.now_ms()).clamp(1, 100);
                seen = platform.wait_for_alarms(seen, Duration::from_millis(left_ms as u64));
            }
            late
        })
    };
    let (mut rounds, mut sends, mut at_once) = (0usize, Vec::new(), Vec::new());
    let running = Stopwatch::start();
    while running.elapsed() < Duration::from_secs(seconds) {
        let now_ms = clock.now_ms();
        let round_ms = now_ms - now_ms.rem_euclid(ROUND_MS);
        let began = Stopwatch::start();
        rounds += 1;
        let all: Vec<(usize, f64)> = values(rounds).collect();
        for some in all.chunks(1_000) {
            put(&platform, some.iter().copied(), round_ms);
        }
        sends.push(began.elapsed().as_secs_f64() * 1e3);
        // Late points of the round that was decided last, of alarms that are OK.
        let next_ms = round_ms + ROUND_MS;
        let mut n = rounds;
        while clock.now_ms() < next_ms - 500 {
            n += 7;
            let of = (n * 100 + rounds + 50) % alarms;
            let decided = clock.now_ms().rem_euclid(ROUND_MS) > LATENESS_MS + 1_500;
            if decided {
                put(&platform, std::iter::once((of, 95.0)), round_ms - ROUND_MS);
                let acknowledged = Stopwatch::start();
                let filter = AlarmFilter { names: vec![name(of)], ..AlarmFilter::default() };
                loop {
                    let found = platform.alarms(&me(), &scope(), &filter).expect("alarms");
                    if found[0].status.told.state == AlarmState::Alarm {
                        at_once.push(acknowledged.elapsed().as_secs_f64() * 1e3);
                        break;
                    }
                    if acknowledged.elapsed() > Duration::from_secs(5) {
                        println!("{} did not turn within 5 s", name(of));
                        break;
                    }
                    thread::sleep(Duration::from_millis(2));
                }
            }
            thread::sleep(Duration::from_millis(250));
        }
        let left = next_ms - clock.now_ms();
        thread::sleep(Duration::from_millis(left.max(0) as u64));
    }
    stop.store(true, Ordering::Relaxed);
    let late = follower.join().expect("the follower");
    committer.join().expect("the committer");
    report("sending a round", sends);
    report("due to decided and kept", late);
    report("late point acknowledged to decided", at_once);
}
