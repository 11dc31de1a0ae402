//! What does a sample of a remote write request cost, from the body to the batch and on to the
//! journal's queue?
//!
//! Estimate, for a known series of 270 bytes with eleven labels and one sample: unpacking 90 ns,
//! walking 50 ns, hashing 270 bytes 25 ns, finding it among 200,000 others two cache misses, 100 ns,
//! and the batch 10 ns: 0.28 us. What a batch costs on its way into the journal is measured beside it
//! and is not the door's.

use bytes::Bytes;
use doors::prometheus::PrometheusDoor;
use formats::remote_write::{self, Encoder, Item, Sample};
use model::{AccountId, Kind, Principal, Scope};
use platform::{AuthMode, Platform, PlatformOptions, StoreOptions, TimeLimits};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;
use stdx::{CrashPlan, SimDisk, Stopwatch, VirtualClock};

const SAMPLES: usize = 2_000;
const REQUESTS: usize = 100;
const ROUNDS: usize = 7;
const NOW_MS: i64 = 1_700_000_000_000;

fn main() {
    let (platform, door) = open();
    let (parts, ()) = http::Request::post("/api/v1/write")
        .header("content-type", "application/x-protobuf")
        .header("content-encoding", "snappy")
        .body(())
        .unwrap()
        .into_parts();
    let handle = |body: &Bytes| {
        door.handle(&parts, body.clone(), |response| assert_eq!(response.status(), 204));
    };
    let mut handled = Vec::new();
    let mut unpacked_only = Vec::new();
    let mut submitted = Vec::new();
    let mut buffer = Vec::new();
    for round in 0..=ROUNDS {
        let bodies: Vec<Bytes> = (0..REQUESTS).map(|n| request(n, round).into()).collect();
        let cost = measured(&bodies, handle);
        platform.commit_step(Duration::ZERO);
        if round == 0 {
            println!("{SAMPLES} samples a request, {} series", SAMPLES * REQUESTS);
            println!("new series: {cost:.0} ns a sample");
            continue;
        }
        handled.push(cost);
        unpacked_only.push(measured(&bodies, |body| {
            let plain = remote_write::decompress(body, 1 << 27, &mut buffer).unwrap();
            black_box(plain);
        }));
        let mut batches: Vec<_> = (0..REQUESTS).map(|n| batch(&platform, n, round)).collect();
        submitted.push(measured(&bodies, |_| {
            platform.submit(batches.pop().unwrap(), |kept| kept.unwrap()).unwrap();
        }));
        platform.commit_step(Duration::ZERO);
        while platform.upkeep_step().unwrap() {}
    }
    report("body to queue", &mut handled);
    report("  of it unpacking", &mut unpacked_only);
    report("  of it the store's submit", &mut submitted);
}

fn measured(bodies: &[Bytes], mut f: impl FnMut(&Bytes)) -> f64 {
    let watch = Stopwatch::start();
    bodies.iter().for_each(&mut f);
    watch.elapsed().as_nanos() as f64 / (SAMPLES * bodies.len()) as f64
}

fn report(what: &str, costs: &mut [f64]) {
    costs.sort_unstable_by(f64::total_cmp);
    let (low, middle, high) = (costs[0], costs[costs.len() / 2], costs[costs.len() - 1]);
    println!("{what}: {middle:.0} ns a sample (of {ROUNDS} runs: {low:.0} to {high:.0})");
}

fn open() -> (Arc<Platform>, PrometheusDoor) {
    let options = PlatformOptions {
        data_dir: "/data".into(),
        default_scope: Scope { account: AccountId::DEFAULT, region: "us-east-1".into() },
        sync: platform::SyncMode::default(),
        auth: AuthMode::Open,
        key_file: None,
        store: StoreOptions::default(),
        questions: Default::default(),
    };
    let clock = Arc::new(VirtualClock::starting_at(NOW_MS));
    let disk = Arc::new(SimDisk::new(1, CrashPlan::default()));
    let platform = Arc::new(Platform::open(&options, clock, disk).unwrap());
    let door = PrometheusDoor::new(platform.clone());
    (platform, door)
}

fn request(request: usize, round: usize) -> Vec<u8> {
    let mut encoder = Encoder::new();
    for n in request * SAMPLES..(request + 1) * SAMPLES {
        let mut labels = vec![
            ("__name__".to_owned(), format!("node_metric_{}_total", n % 97)),
            ("instance".to_owned(), format!("host-{:04}.example:9100", n / 97)),
            ("job".to_owned(), "node".to_owned()),
        ];
        for l in 0..8 {
            labels.push((format!("label_{l}"), format!("value_{}", (n * 31 + l) % 50)));
        }
        encoder.series(&labels, &[sample(n, round)]);
    }
    remote_write::compress(&encoder.finish())
}

fn sample(n: usize, round: usize) -> Sample {
    Sample { at_ms: NOW_MS + round as i64 * 15_000, value: (n * (round + 1)) as f64 * 0.5 }
}

/// What the door makes of a request: known series with their samples.
fn batch(platform: &Platform, n: usize, round: usize) -> platform::Batch {
    let scope = platform.default_scope().clone();
    let who = Principal::internal(scope.account);
    let mut ingest = platform.begin_ingest(&who, &scope, TimeLimits::Retention).unwrap();
    let plain = request(n, round);
    let mut buffer = Vec::new();
    let plain = remote_write::decompress(&plain, 1 << 27, &mut buffer).unwrap();
    for item in remote_write::items(plain) {
        let Item::Series(series) = item.unwrap() else { continue };
        let key = series.series_key(ingest.tenant).unwrap();
        let number = ingest.batch.register(None, &key, Kind::Float).unwrap();
        for sample in series.samples() {
            let sample = sample.unwrap();
            ingest.batch.float(number, sample.at_ms + 1, sample.value);
        }
    }
    ingest.batch
}
