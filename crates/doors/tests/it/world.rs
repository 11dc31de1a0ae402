//! A platform with a Prometheus door, driven by hand.

use bytes::Bytes;
use doors::prometheus::{PrometheusDoor, PrometheusOptions};
use formats::remote_write::{self, Encoder, Sample};
use http::{Request, Response};
use model::{AccountId, Scope};
use platform::{AuthMode, Platform, PlatformOptions, QuestionLimits, StoreOptions};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;
use stdx::{CrashPlan, SimDisk, VirtualClock};

/// Where the clock stands: 2023-11-14T22:13:20Z.
pub(crate) const NOW_MS: i64 = 1_700_000_000_000;

pub(crate) struct World {
    pub(crate) platform: Arc<Platform>,
    pub(crate) door: PrometheusDoor,
    pub(crate) disk: Arc<SimDisk>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(StoreOptions::default(), PrometheusOptions::default())
    }

    pub(crate) fn with(store: StoreOptions, options: PrometheusOptions) -> Self {
        Self::limited(store, options, QuestionLimits::default())
    }

    pub(crate) fn limited(
        store: StoreOptions,
        options: PrometheusOptions,
        questions: QuestionLimits,
    ) -> Self {
        let platform_options = PlatformOptions {
            data_dir: "/data".into(),
            default_scope: Scope { account: AccountId::DEFAULT, region: "us-east-1".into() },
            sync: platform::SyncMode::default(),
            auth: AuthMode::Open,
            key_file: None,
            store,
            questions,
        };
        let clock = Arc::new(VirtualClock::starting_at(NOW_MS));
        let disk = Arc::new(SimDisk::new(1, CrashPlan::default()));
        let platform = Arc::new(Platform::open(&platform_options, clock, disk.clone()).unwrap());
        let door = PrometheusDoor::with_options(platform.clone(), options);
        Self { platform, door, disk }
    }

    /// Sends a request and drives the platform until it is answered.
    pub(crate) fn ask(&self, request: Request<impl Into<Bytes>>) -> Response<Bytes> {
        let (parts, body) = request.into_parts();
        assert!(self.door.claims(&parts));
        let (sender, receiver) = mpsc::channel();
        self.door.handle(&parts, body.into(), move |response| sender.send(response).unwrap());
        loop {
            if let Ok(response) = receiver.try_recv() {
                assert!(receiver.try_recv().is_err(), "answered once");
                return response;
            }
            self.platform.commit_step(Duration::ZERO);
        }
    }

    /// Asks a question as default account; returns code and body.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        told(&self.ask(Request::get(path).body(Bytes::new()).unwrap()))
    }

    /// Sends an unpacked body as Prometheus would; returns code and body.
    pub(crate) fn write(&self, body: &[u8]) -> (u16, String) {
        told(&self.ask(write_request(body)))
    }

    /// Writes samples of one series and expects success.
    pub(crate) fn put(&self, labels: &[(&str, &str)], samples: &[(i64, f64)]) {
        assert_eq!(self.write(&body(&[(labels, samples)])), (204, String::new()));
    }
}

pub(crate) fn told(response: &Response<Bytes>) -> (u16, String) {
    let body = String::from_utf8(response.body().to_vec()).unwrap();
    (response.status().as_u16(), body)
}

/// Labels and samples of a series.
pub(crate) type Row<'a> = (&'a [(&'a str, &'a str)], &'a [(i64, f64)]);

pub(crate) fn body(series: &[Row<'_>]) -> Vec<u8> {
    let mut encoder = Encoder::new();
    for (labels, samples) in series {
        let samples: Vec<Sample> =
            samples.iter().map(|&(at_ms, value)| Sample { at_ms, value }).collect();
        encoder.series(labels, &samples);
    }
    encoder.finish()
}

pub(crate) fn write_request(body: &[u8]) -> Request<Vec<u8>> {
    Request::post("/api/v1/write")
        .header("content-type", "application/x-protobuf")
        .header("content-encoding", "snappy")
        .header("x-prometheus-remote-write-version", "0.1.0")
        .body(remote_write::compress(body))
        .unwrap()
}

/// Encodes a text for an address.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02X}")).collect()
}
